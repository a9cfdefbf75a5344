"""`rnncli summary`: the table of shapes, parameters and costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import click

from rnncli.commands.options import format_option, framework_option, number_option
from rnncli.commands.specs import each_network, specs
from rnncli.layers.base import Framework
from rnncli.network import Network
from rnncli.summary import DTYPE_BYTES, Summary


@click.command(short_help="Shapes, parameters and costs of every layer.")
@click.argument("spec", nargs=-1)
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@click.option(
    "--dtype",
    type=click.Choice(tuple(DTYPE_BYTES)),
    default="float32",
    help="Of weights and outputs, for sizes in bytes.  [default: float32]",
)
@framework_option
@click.option("--wide", is_flag=True, help="Add weights' shapes, MACs and output bytes.")
@click.option("-q", "--quiet", is_flag=True, help="Print the number of parameters alone.")
@format_option
def command(
    spec: tuple[str, ...],
    batch: int | None,
    timesteps: int | None,
    dtype: str,
    framework: str,
    wide: bool,
    quiet: bool,
    format_: str,
) -> None:
    """Examples:

    \b
      rnncli summary embed:10000x32,rnn:32:seq,rnn:32
      rnncli summary input:50x8,lstm:64 --batch 32 --wide
      rnncli summary -f json - < specs.txt

    Show what every layer returns, owns and costs. Nothing is allocated, so any size is instant.

    SPEC is a network such as embed:10000x32,rnn:32 (see `rnncli layers`), or - for specs on standard
    input, one a line. Without it $RNNCLI_SPEC is used, or else an example.
    """  # noqa: D415 - the help of a command leads with its examples
    printer = _printer(format_, wide, quiet)

    def show(network: Network) -> None:
        printer(network.summary(batch, timesteps, cast(Framework, framework), dtype))

    each_network(specs(spec), show)


def _printer(format_: str, wide: bool, quiet: bool) -> Callable[[Summary], None]:
    """Return what prints one summary. A library is imported by the format that needs it."""
    if quiet:
        return lambda summary: click.echo(summary.total_params)
    if format_ != "table":
        from rnncli.render.plain import SUMMARY_COLUMNS, renderer

        render = renderer(format_, SUMMARY_COLUMNS)
        return lambda summary: click.echo(render(summary.as_dict()), nl=False)

    from rnncli.render.console import stdout_console
    from rnncli.render.tables import print_summary

    console = stdout_console()
    return lambda summary: print_summary(console, summary, wide)

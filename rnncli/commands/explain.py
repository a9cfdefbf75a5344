"""`rnncli explain`: where each number comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import click

from rnncli.commands.completing import complete_spec
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import check_svg, framework_option, number_option, svg_option
from rnncli.commands.output import printed
from rnncli.commands.specs import each_network, specs
from rnncli.layers.weights import Framework
from rnncli.render.writers import JsonWriter
from rnncli.reports.explanation import Explanation, explain

Show = Callable[[Explanation], None]
"""Prints one explanation."""


@contextmanager
def _for_people(svg: str | None) -> Iterator[Show]:
    from rnncli.render.console import screen
    from rnncli.render.explanations import print_explanation

    with screen(svg, "rnncli explain") as show:
        yield lambda explanation: show(print_explanation, explanation)


@contextmanager
def _as_json(svg: str | None) -> Iterator[Show]:
    del svg  # saves what people see
    with printed(JsonWriter()) as show_records:
        yield lambda explanation: show_records([explanation.as_dict()])


_PRINTERS = {"table": _for_people, "json": _as_json}
"""What yields a `Show` for each format."""


@click.command(cls=GroupedCommand, short_help="Where each number comes from.")
@click.argument("spec", nargs=-1, shell_complete=complete_spec)
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@framework_option
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(tuple(_PRINTERS)),
    default="table",
    help="table is for people. JSON is one object a line.",
)
@svg_option
def command(
    spec: tuple[str, ...], batch: int | None, timesteps: int | None, framework: str, format_: str, svg: str | None
) -> None:
    """Examples:

    \b
      rnncli explain embed:10000x32,rnn:32
      rnncli explain input:32,gru:5:reset=before
      rnncli explain input:8,lstm:16:bi --framework torch

    Show for each layer the equation of one step, the formula of each weight in words and in numbers,
    what its state and its output are, and what the other framework counts otherwise, and why.

    SPEC is a network such as embed:10000x32,rnn:32 (see `rnncli layers`), or - for specs on standard
    input, one a line. Without it $RNNCLI_SPEC is used, or else an example.
    """
    check_svg(svg, shown=format_ == "table")
    with _PRINTERS[format_](svg) as show:
        each_network(specs(spec), lambda network: show(explain(network, batch, timesteps, cast(Framework, framework))))

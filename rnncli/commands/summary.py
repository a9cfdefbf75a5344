"""`rnncli summary`: the table of shapes, parameters and costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import (
    check_quiet,
    check_svg,
    dtype_option,
    format_option,
    framework_option,
    number_option,
    quiet_option,
    rate_option,
    svg_option,
)
from rnncli.commands.output import printed
from rnncli.commands.settings import spec_argument
from rnncli.commands.specs import each_network, shown, specs
from rnncli.layers.weights import Framework
from rnncli.quantities import Rate
from rnncli.summary import Summary

if TYPE_CHECKING:
    from rnncli.render.picture import Picture


@click.command(cls=GroupedCommand, short_help="Shapes, parameters and costs of every layer.")
@spec_argument
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@rate_option
@dtype_option
@framework_option
@click.option("--wide", is_flag=True, help="Add the shapes of weights, MACs, and each size with its formula.")
@quiet_option("the number of parameters")
@format_option
@svg_option
def command(
    spec: tuple[str, ...],
    batch: int | None,
    timesteps: int | None,
    rate: Rate | None,
    dtype: str,
    framework: Framework | None,
    wide: bool,
    quiet: bool,
    format_: str,
    svg: Picture | None,
) -> None:
    """Show what every layer returns, owns and costs.

    \b
    Examples:
      rnncli summary embed:10000x32,rnn:32:seq,rnn:32
      rnncli summary input:50x8,lstm:64 --batch 32 --wide
      rnncli summary input:6,gru:32,dense:4 --dtype int8 --rate 50 --wide
      rnncli summary 'nn.LSTM(40, 256, 2, bidirectional=True)' --framework torch
      rnncli summary -f json - < specs.txt

    Nothing is allocated, so any size is instant.
    """
    check_svg(svg, shown=format_ == "table" and not quiet)
    check_quiet(quiet, format_, "one number")
    with _printer(format_, rate, wide, quiet, svg) as show:
        each_network(
            shown(specs(spec), svg),
            lambda network: show(network.summary(batch, timesteps, framework, dtype, rate=rate)),
        )


@contextmanager
def _printer(
    format_: str, rate: Rate | None, wide: bool, quiet: bool, svg: Picture | None
) -> Iterator[Callable[[Summary], None]]:
    """Yield what prints one summary. A library is imported by the format that needs it."""
    if quiet:
        yield lambda summary: click.echo(summary.total_params)
    elif format_ != "table":
        from rnncli.render.records import row_each_layer
        from rnncli.render.writers import writer

        at_rate = () if rate is None else ("macs_per_second",)
        layout = row_each_layer("output_shape", "params", "macs_per_step", *at_rate, "macs", "output_bytes")
        with printed(writer(format_, layout)) as show_records:
            yield lambda summary: show_records([summary.as_dict()])
    else:
        from rnncli.render.console import screen
        from rnncli.render.tables import print_summary

        with screen(svg, "rnncli summary") as show:
            yield lambda summary: show(print_summary, summary, wide)

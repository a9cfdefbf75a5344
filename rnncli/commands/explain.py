"""`rnncli explain`: where each number comes from."""

from __future__ import annotations

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import format_option, framework_option, number_option, spec_argument, svg_option
from rnncli.commands.output import results
from rnncli.commands.specs import each_network, shown, specs
from rnncli.layers.weights import Framework
from rnncli.render.terminal import Picture
from rnncli.reports.explanation import explain


@click.command(cls=GroupedCommand, short_help="Where each number comes from.")
@spec_argument
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@framework_option
@click.option("--others", is_flag=True, help="Add what torchinfo, thop, fvcore and PyTorch's counter of FLOPs say.")
@format_option
@svg_option
def command(
    spec: tuple[str, ...],
    batch: int | None,
    timesteps: int | None,
    framework: Framework | None,
    others: bool,
    format_: str,
    svg: Picture | None,
) -> None:
    """Show the equations of each layer, and where each number comes from.

    \b
    Examples:
      rnncli explain embed:10000x32,rnn:32
      rnncli explain input:32,gru:5:reset=before
      rnncli explain 'LSTM(150, input_shape=(None, 3))'
      rnncli explain input:8,lstm:16:bi --framework torch
      rnncli explain embed:10000x32,lstm:64 --others --timesteps 100

    For each layer there are the equation of one step, the formula of each weight in words and in numbers, what
    its state and its output are, and what the other framework counts otherwise, and why. In a format of rows,
    each weight is one; with --others, each tool.
    """
    with results(format_, svg) as show:
        each_network(
            shown(specs(spec), svg),
            lambda network: show(explain(network, batch, timesteps, framework, others=others)),
        )

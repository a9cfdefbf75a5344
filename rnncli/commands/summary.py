"""`rnncli summary`: the table of shapes, parameters and costs."""

from __future__ import annotations

from typing import Any

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import (
    dtype_option,
    format_option,
    framework_option,
    number_option,
    quiet_option,
    rate_option,
    spec_argument,
    svg_option,
    wide_option,
)
from rnncli.commands.output import results
from rnncli.commands.specs import each_network, shown, specs
from rnncli.render.terminal import Picture


@click.command(cls=GroupedCommand, short_help="Shapes, parameters and costs of every layer.")
@spec_argument
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@rate_option
@dtype_option
@framework_option
@wide_option("Show every column, with the shapes of weights, MACs, and each size with its formula.")
@quiet_option("the number of parameters")
@format_option
@svg_option
def command(spec: tuple[str, ...], quiet: bool, format_: str, svg: Picture | None, **asked: Any) -> None:
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
    given = shown(specs(spec), svg)
    if quiet:
        each_network(given, lambda network: click.echo(network.summary(**asked).total_params))
        return
    with results(format_, svg) as show:
        each_network(given, lambda network: show(network.summary(**asked)))

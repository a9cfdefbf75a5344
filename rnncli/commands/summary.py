"""`rnncli summary`: the table of shapes, parameters and costs."""

from __future__ import annotations

from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.specs import each_spec, read_network, show_each, specs
from rnncli.network import Network
from rnncli.render.terminal import Picture


@click.command(cls=GroupedCommand)
@options.spec
@options.batch
@options.timesteps
@options.rate
@options.dtype
@options.framework
@options.flag("--wide", "Show all columns, including weight shapes and MACs, and the formula of each size.")
@options.quiet("the number of parameters")
@options.format_
@options.svg
def command(spec: tuple[str, ...], quiet: bool, format_: str, svg: Picture | None, **asked: Any) -> None:
    """Show the output shape, parameters and cost of every layer.

    \b
    Examples:
      rnncli summary embed:10000x32,rnn:32:seq,rnn:32
      rnncli summary input:50x8,lstm:64 --batch 32 --wide
      rnncli summary input:6,gru:32,dense:4 --dtype int8 --rate 50 --wide
      rnncli summary 'nn.LSTM(40, 256, 2, bidirectional=True)' --framework torch
      rnncli summary -f json - < specs.txt

    No weights are allocated, so a network of any size takes no time.
    """
    if quiet:
        each_spec(specs(spec), read_network, lambda network: click.echo(network.summary(**asked).total_params))
    else:
        show_each(Network.summary, spec, format_, svg, **asked)

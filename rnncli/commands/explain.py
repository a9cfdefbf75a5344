"""`rnncli explain`: where each number comes from."""

from __future__ import annotations

from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.specs import show_each
from rnncli.reports.explanation import explain


@click.command(cls=GroupedCommand)
@options.spec
@options.batch
@options.timesteps
@options.framework
@options.flag("--others", "Add the counts of torchinfo, thop, fvcore and PyTorch's FlopCounterMode.")
@options.format_
@options.svg
def command(**given: Any) -> None:
    """Show the equations of each layer and where each number comes from.

    \b
    Examples:
      rnncli explain embed:10000x32,rnn:32
      rnncli explain input:32,gru:5:reset=before
      rnncli explain 'LSTM(150, input_shape=(None, 3))'
      rnncli explain input:8,lstm:16:bi --framework torch
      rnncli explain embed:10000x32,lstm:64 --others --timesteps 100

    For each layer this shows the equation of one step, the formula of each weight's size in words and in numbers,
    its states and its output, and where and why the other framework's count differs. CSV and the other row
    formats have one row per weight; with --others, one row per tool.
    """
    show_each(explain, **given)

"""`rnncli draw`: the network unrolled in time, as a picture in the terminal."""

from __future__ import annotations

from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.specs import show_each
from rnncli.reports.unrolled import draw


@click.command(cls=GroupedCommand)
@options.spec
@options.batch
@options.number("--timesteps", "Length of the sequence; unknown (T) if left out.")
@options.svg
def command(**given: Any) -> None:
    """Draw the network unrolled in time: time to the right, layers upward.

    \b
    Examples:
      rnncli draw embed:10000x32,rnn:32:seq,rnn:32
      rnncli draw input:8,lstm:16:seq:bi,gru:4,dense:1:sigmoid --timesteps 3
      rnncli draw input:50x8,lstm:64 --svg lstm.svg

    Arrows along a row carry a recurrent layer's state from one timestep to the next, leftward if it reads
    backwards. Arrows upward are the outputs that it returns, labelled with their shape. The last states leave at
    the end of the row in that direction; Keras returns them with return_state=True.
    """
    show_each(draw, **given)

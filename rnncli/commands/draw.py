"""`rnncli draw`: the network unrolled in time, as a picture in the terminal."""

from __future__ import annotations

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import number_option, spec_argument, svg_option
from rnncli.commands.output import results
from rnncli.commands.specs import each_network, shown, specs
from rnncli.render.terminal import Picture
from rnncli.reports.unrolled import draw


@click.command(cls=GroupedCommand, short_help="The network unrolled in time, as a picture.")
@spec_argument
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown (T) if left out.")
@svg_option
def command(spec: tuple[str, ...], batch: int | None, timesteps: int | None, svg: Picture | None) -> None:
    """Draw the network unrolled in time: time to the right, layers upward.

    \b
    Examples:
      rnncli draw embed:10000x32,rnn:32:seq,rnn:32
      rnncli draw input:8,lstm:16:seq:bi,gru:4,dense:1:sigmoid --timesteps 3
      rnncli draw input:50x8,lstm:64 --svg lstm.svg

    Arrows along a row carry the state of a recurrent layer from step to step; arrows up are the outputs that
    leave it, with the shape of all of them. At the end of the row its last states leave, which Keras returns
    with return_state=True.
    """
    with results("table", svg) as show:
        each_network(shown(specs(spec), svg), lambda network: show(draw(network, batch, timesteps)))

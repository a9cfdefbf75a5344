"""`rnncli reach`: how far back networks remember, side by side."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import results, tell
from rnncli.commands.specs import at_most, each_spec, only_one, read_spec, specs
from rnncli.commands.values import size_up_to
from rnncli.engine.request import DEFAULT_REACH_TIMESTEPS, DEFAULT_SEEDS, MOST_SEEDS, Request
from rnncli.library.runs import run_reach
from rnncli.render.terminal import FOR_PEOPLE, Picture
from rnncli.reports.reach import NetworkReach, Reach

_MOST = 1000
"""The most networks in a table; all of them stay in memory until the last one has been run."""


@click.command(cls=GroupedCommand, less_memory="a smaller --timesteps may fit")
@options.spec
@options.number("--timesteps", f"Length of the sequence.  [default: {DEFAULT_REACH_TIMESTEPS}]")
@options.option(
    "--seeds",
    size_up_to(MOST_SEEDS),
    f"Number of seeds, starting with --seed.  [default: {DEFAULT_SEEDS}]",
    default=DEFAULT_SEEDS,
)
@options.seed
@options.init("framework of SPEC, or keras")
@options.reads("--input", "Read the input: (batch, timesteps[, features]); or ids, 3,1,4.", "npy")
@options.weights
@options.format_
@options.svg
def command(spec: tuple[str, ...], format_: str, svg: Picture | None, **asked: Any) -> None:
    """Measure for how many timesteps networks remember their input.

    \b
    Examples:
      rnncli reach input:8,rnn:64 input:8,lstm:64 input:8,gru:64
      rnncli reach input:8,lstm:64 input:8,lstm:64:forgetbias=0
      rnncli reach model.safetensors --timesteps 1000 --seeds 20

    The first input is changed slightly. The result is the number of steps until the effect on the outputs of
    the last recurrent layer stays below a tenth, and below a hundredth, of its maximum.

    Each seed draws new weights and a new input; the table shows the median and the range over the seeds. For a
    model file the weights are the file's, so a seed draws only the input. --input reads an input instead; only
    its first sample is used.

    The spectral radius is computed for the matrix U that multiplies the state at each step: above 1, effects may
    grow; far below 1, they die out. For lstm and gru it is the radius of the candidate's block, for bi the larger
    of the two directions. It says less about them, because the gates decide what is kept.

    back reads from the end, so its first input is the one at the last timestep. Everything is computed in
    float64, because in float32 the effect would be lost in rounding.
    """
    request = Request(**asked)
    run = partial(run_reach, request=request, tell=tell)
    some = specs(spec)
    if request.weights is not None:
        some = only_one(some, "the weights in a file belong to one network")
    with results(format_, svg) as show:
        if format_ not in FOR_PEOPLE:
            each_spec(some, read_spec, lambda model: show(Reach((run(model),))))
            return
        reaches: list[NetworkReach] = []
        message = f"more than {_MOST:,} networks do not fit in one table"
        some = at_most(_MOST, some, message, "-f csv accepts any number")
        each_spec(
            some, read_spec, lambda model: reaches.append(run(model)), lambda: reaches and show(Reach(tuple(reaches)))
        )

"""`rnncli forward`: run the network in NumPy and show its outputs."""

from __future__ import annotations

from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import results, tell
from rnncli.commands.specs import apart, each_spec, only_one, read_spec, shown, specs
from rnncli.commands.values import OTHER_DTYPES, LengthsValue, OneOf
from rnncli.engine.request import DEFAULT_TIMESTEPS, DTYPES, Request
from rnncli.formats.networks import Reading
from rnncli.library.runs import run_forward
from rnncli.render.terminal import Picture


@click.command(cls=GroupedCommand, less_memory="a smaller --batch or --timesteps may fit")
@options.spec
@options.number("--timesteps", f"Length of the sequence.  [default: {DEFAULT_TIMESTEPS}]")
@options.number("--batch", "Samples at a time.  [default: 1]")
@options.option("--lengths", LengthsValue(), "Length of each sequence in the batch: 5,3,7, or a file of numbers.")
@options.seed
@options.option(
    "--dtype",
    OneOf(DTYPES, OTHER_DTYPES, "the types that forward supports (`rnncli summary` shows sizes for all)"),
    "Data type of weights and outputs.  [default: float32]",
    default="float32",
)
@options.init("keras")
@options.framework
@options.reads("--input", "Read the input: (batch, timesteps[, features]); or ids, 3,1,4.", "npy")
@options.weights
@options.writes("--save-weights", "Also write the weights, as .npz.", "npz")
@options.writes("--output", "Write to a file; the outputs, as .npy, while they are computed.", "npy")
@options.reads("--state", "Start from the states that --save-state wrote.", "npz")
@options.writes("--save-state", "Write the last state of every recurrent layer.", "npz")
@options.flag("--plot", "Show the last recurrent layer's activations over time.", "study")
@options.flag("--gates", "Add the gates to --plot: how open they are over time.")
@options.flag("--wide", "Show all columns, in several tables if one is too wide.")
@options.format_
@options.svg
def command(spec: tuple[str, ...], wide: bool, format_: str, svg: Picture | None, **asked: Any) -> None:
    """Run the network on random input and show each layer's actual output.

    \b
    Examples:
      rnncli forward embed:10000x32,rnn:32:seq,rnn:32 --timesteps 100
      rnncli forward input:32,rnn:64:seq --init uniform
      rnncli forward input:8,lstm:16 --plot --gates
      rnncli forward input:8,lstm:16 --batch 4 -o out.npy --save-weights w.npz
      rnncli forward input:8,lstm:16 --lengths 5,3,7

    For each layer this shows the output shape, the run time and statistics of its outputs. `Sat.` is the share
    of outputs that are saturated: near the ends of their activation's range, where its slope is almost zero.

    back, bi, same with a stride, and --lengths need the whole sequence at once: memory use grows with its length.

    With --lengths, each sequence is computed as if it were alone, as PyTorch does with pack_padded_sequence: its
    output is the one at its own last step. Input after the end of a shorter sequence is ignored, and outputs
    there are zero.
    """
    request = Request(**asked)
    some = shown(specs(spec), svg)
    if request.read or request.written:
        some = only_one(some, "the files named on the command line belong to one network")
    with results(format_, svg, request.written.values()) as show:

        def run(model: Reading) -> None:
            result = run_forward(model, request, tell, wide)
            show(result)
            tell(*result.files)

        each_spec(apart(some, show), read_spec, run)

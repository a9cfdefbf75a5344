"""`rnncli export`: the network as source for a framework or a device, as an ONNX file, or as the textbook's loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.command_line import this_line
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import tell
from rnncli.commands.specs import at_most, each_given, specs
from rnncli.commands.values import OTHER_DTYPES, OTHER_TARGETS, OneOf, Value
from rnncli.export import TARGETS, c_name, check_c_name
from rnncli.formats.networks import Reading
from rnncli.library.exports import C_DTYPES, Asked, run_export


def _asked(given: Mapping[str, Any]) -> Asked:
    return Asked(**{name: value for name, value in given.items() if name in Asked.__dataclass_fields__})


def _identifier(text: str) -> str:
    check_c_name(text)
    return text


@click.command(
    cls=GroupedCommand,
    check=lambda given: _asked(given).check(this_line),
)
@options.spec
@click.option(
    "--to",
    type=OneOf(tuple(TARGETS), OTHER_TARGETS),
    help="Target format; required unless -o FILE.onnx or -o FILE.c says it.",
)
@click.option("--packed", is_flag=True, help="Let PyTorch's source take the length of each sequence, and pack them.")
@options.seed
@options.weights
@options.writes(
    "--save-weights", "Also write the weights, to a file that the source loads.", "npz", "safetensors", "h5"
)
@options.writes("--output", "Write to a file; standard output stays empty.", "py", "onnx", "c")
@click.option(
    "--name",
    type=Value("name", _identifier, lambda text: c_name(text)[:31], "model"),
    metavar="NAME",
    help="C: what stands before the names of functions.  [default: FILE's]",
)
@click.option(
    "--dtype",
    type=OneOf(C_DTYPES, OTHER_DTYPES, "in which C is written"),
    help="Data type of weights and outputs; C's int8 is of matrices alone: a fourth of the flash, no less time.  "
    "[default: float32]",
)
@options.reads("--input", "Read the input: (batch, timesteps[, features]); C's int8 is tried on it.", "npy")
@click.option("--with-main", is_flag=True, help="C: add a program that reads a timestep a line and writes the outputs.")
def command(spec: tuple[str, ...], **given: Any) -> None:
    """Turn the network into source that a person would have written, or into a file.

    \b
    Examples:
      rnncli export input:8,lstm:16,dense:1 --to torch
      rnncli export input:8,lstm:16,dense:1 --to onnx -o model.onnx
      rnncli export model.npz --to torch --save-weights w.safetensors
      rnncli export input:8,lstm:16,dense:1 --to c -o model.c

    The result is source for Keras or PyTorch, the textbook's loop in plain NumPy, or an ONNX file with its weights; or
    C99 with its weights for a device: a source and a header, or the source alone on standard output.
    Its weights are those of the model file that SPEC names, of --weights, or drawn from --seed, as forward
    draws them.

    PyTorch loads weights from .safetensors, NumPy from .npz, Keras from .npz or
    .weights.h5 (which needs h5py).
    """
    asked = _asked(given)
    asked.check_weights(this_line)
    message = "export writes one network, and several specs are given"
    some = list(at_most(1, specs(spec), message, "call rnncli export once for each spec"))
    each_given(some, lambda model: _export(model, asked))


def _export(model: Reading, asked: Asked) -> None:
    exported = run_export(model, asked, tell)
    if asked.output is None:
        click.echo(exported.content, nl=False)
    for file in exported.files:
        tell(file)

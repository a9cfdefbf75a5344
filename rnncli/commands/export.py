"""`rnncli export`: the network as source for a framework or a device, as an ONNX file, or as plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.command_line import this_line
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import tell
from rnncli.commands.specs import each_spec, only_one, read_spec, specs
from rnncli.commands.values import OTHER_DTYPES, OTHER_TARGETS, OneOf, Value
from rnncli.export import TARGETS, c_name, checked_c_name
from rnncli.formats.networks import Reading
from rnncli.library.exports import C_DTYPES, ExportRequest, run_export


def _request(given: Mapping[str, Any]) -> ExportRequest:
    return ExportRequest(**{name: value for name, value in given.items() if name in ExportRequest.__dataclass_fields__})


@click.command(cls=GroupedCommand, check=lambda given: _request(given).check(this_line))
@options.spec
@options.option(
    "--to", OneOf(tuple(TARGETS), OTHER_TARGETS), "Target format; required unless -o FILE.onnx or -o FILE.c implies it."
)
@options.flag("--packed", "PyTorch: accept the length of each sequence and use packed sequences.")
@options.seed
@options.weights
@options.writes(
    "--save-weights", "Also write the weights, to a file that the source loads.", "npz", "safetensors", "h5"
)
@options.writes("--output", "Write to a file, not to standard output.", "py", "onnx", "c")
@options.option(
    "--name",
    Value("name", "NAME", checked_c_name, lambda text: c_name(text)[:31], "model"),
    "C: prefix of all function names.  [default: from the name of FILE]",
)
@options.option(
    "--dtype",
    OneOf(C_DTYPES, OTHER_DTYPES, "the types supported for C"),
    "Data type of weights and outputs. int8 is for C: matrices need a quarter of the flash, but no less time.  "
    "[default: float32]",
)
@options.reads(
    "--input", "Read the input: (batch, timesteps[, features]); int8 C is compared with float32 on it.", "npy"
)
@options.flag("--with-main", "C: add a main() that reads one timestep per line and writes the outputs.")
def command(spec: tuple[str, ...], **asked: Any) -> None:
    """Write the network as readable source code or as an ONNX file.

    \b
    Examples:
      rnncli export input:8,lstm:16,dense:1 --to torch
      rnncli export input:8,lstm:16,dense:1 --to onnx -o model.onnx
      rnncli export model.npz --to torch --save-weights w.safetensors
      rnncli export input:8,lstm:16,dense:1 --to c -o model.c

    The result is source for Keras or PyTorch, a loop in plain NumPy, an ONNX file with its weights, or C99 with
    its weights for a device: a source and a header, or only the source on standard output. The weights come from
    the model file given as SPEC, from --weights, or from --seed as in forward.

    The source loads the weights of --save-weights: PyTorch's from .safetensors, NumPy's from .npz, Keras's from
    .npz or .weights.h5 (which needs h5py).
    """
    request = _request(asked)
    request.check_weights(this_line)  # after the files, which may be the same
    each_spec(only_one(specs(spec), "export writes one network"), read_spec, lambda model: _export(model, request))


def _export(model: Reading, request: ExportRequest) -> None:
    exported = run_export(model, request, tell)
    if request.output is None:
        click.echo(exported.content, nl=False)
    tell(*exported.files)

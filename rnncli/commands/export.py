"""`rnncli export`: the network as source for a framework or a device, as an ONNX file, or as the textbook's loop."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from os.path import basename, splitext
from typing import TYPE_CHECKING, Any

import click

from rnncli.atomic import Written, written_whole
from rnncli.commands.command_line import this_line
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import file_option, seed_option, weights_option
from rnncli.commands.report import tell
from rnncli.commands.settings import spec_argument
from rnncli.commands.specs import at_most, each_given, specs
from rnncli.commands.values import OTHER_TARGETS, Named, c_name, dtype_named, identifier, named, names_another
from rnncli.errors import UsageError, listed, printable, quote
from rnncli.export import TARGETS, Device, Job, Target, arrays, export, header, target_of
from rnncli.formats.networks import Reading

if TYPE_CHECKING:
    from rnncli.export import Arrays

C_DTYPES = ("float32", "int8")
"""What matrices and tables of C can be."""


def _check(given: Mapping[str, Any]) -> None:
    """Check that it is said what to make, and that it has a place, whose name is none for something else.

    Raises:
        UsageError: it is not, or has not.
    """
    output = given["output"]
    target = given["target"] or target_of(output or "")
    of_c = {name: given[name] for name in ("name", "dtype", "tried_on", "with_main")}
    if target is None:
        other = output is not None and names_another(output, *(each.extension for each in TARGETS.values()))
        more = [
            "--to",
            "c" if any(of_c.values()) else _loader_of(given["save_weights"]),
            *(["-o", f"{splitext(output)[0]}.py"] if other else []),
        ]
        repair = this_line(without=["output"] if other else [], more=more)
        raise UsageError("export needs --to", "say what to export to", lead="for example", repair=repair)
    kind = TARGETS[target]
    if output is None and not kind.is_text:
        repair = this_line(more=["-o", f"model{kind.extension}"])
        raise UsageError(f"--to {target} writes a file", "name it", lead="for example", repair=repair)
    if output is not None and names_another(output, kind.extension):
        better = this_line(without=["output"], more=["-o", splitext(output)[0] + kind.extension])
        message = f"--to {target} makes {kind.makes}, which {quote(output)} is no name for"
        raise UsageError(message, lead="perhaps", repair=better)
    if given["packed"] and not kind.packs:
        message = f"--packed is for sequences as PyTorch packs them, and {kind.title} packs none"
        raise UsageError(message, lead="without it", repair=this_line(without=["packed"]))
    if target != "c":
        _check_no_c(target, of_c)
    elif given["tried_on"] is not None and given["dtype"] != "int8":
        message = "--input is what int8 is tried on, and there is no --dtype int8"
        raise UsageError(message, lead="with it", repair=this_line(without=["dtype"], more=["--dtype", "int8"]))


def _check_no_c(target: str, given: Mapping[str, object]) -> None:
    """Check that no option is given that is for C alone.

    Raises:
        UsageError: one is.
    """
    for name, value in given.items():
        if value:
            option = "--input" if name == "tried_on" else f"--{name.replace('_', '-')}"
            message = f"{option} is for --to c, and this is --to {target}"
            raise UsageError(message, lead="without it", repair=this_line(without=[name]))


def _loader_of(weights: str | None) -> str:
    """Return a target that loads weights from a file of that name; any does where there is none."""
    loads = [name for name, kind in TARGETS.items() if weights is not None and weights.endswith(tuple(kind.weights))]
    return "torch" if "torch" in loads else next(iter(loads), "torch")


@click.command(cls=GroupedCommand, check=_check, short_help="The network as source or a file for a framework.")
@spec_argument
@click.option(
    *("--to", "target"),
    type=named(OTHER_TARGETS, tuple(TARGETS)),
    help="Target format; required unless -o FILE.onnx or -o FILE.c says it.",
)
@click.option("--packed", is_flag=True, help="Let PyTorch's source take the length of each sequence, and pack them.")
@seed_option
@weights_option
@file_option(
    "--save-weights",
    extensions=["npz", "safetensors", "h5"],
    meaning="Also write the weights, to a file that the source loads.",
    written=True,
)
@file_option(
    *("-o", "--output"),
    extensions=["py", "onnx", "c"],
    meaning="Write to a file; standard output stays empty.",
    written=True,
)
@click.option(
    "--name", type=identifier, metavar="NAME", help="C: what stands before the names of functions.  [default: FILE's]"
)
@click.option(
    "--dtype",
    type=Named(C_DTYPES, dtype_named, "in which C is written"),
    help="Data type of weights and outputs; C's int8 is of matrices alone: a fourth of the flash, no less time.  "
    "[default: float32]",
)
@file_option(
    "--input",
    "tried_on",
    extensions=["npy"],
    meaning="Read the input: (batch, timesteps[, features]); C's int8 is tried on it.",
)
@click.option("--with-main", is_flag=True, help="C: add a program that reads a timestep a line and writes the outputs.")
def command(
    spec: tuple[str, ...],
    target: str | None,
    packed: bool,
    seed: int,
    weights: str | None,
    save_weights: str | None,
    output: str | None,
    name: str | None,
    dtype: str | None,
    tried_on: str | None,
    with_main: bool,
) -> None:
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
    target = target or target_of(output or "") or ""
    kind = TARGETS[target]
    stem, ending = splitext(basename(output or ""))
    device = Device(name or c_name(stem), dtype or "float32", f"{stem}.h" if ending == ".c" else "", with_main)
    extension = None if save_weights is None else _weights_extension(kind, target, save_weights)
    message = "export writes one network, and several specs are given"
    given = list(at_most(1, specs(spec), message, "call rnncli export once for each spec"))
    each_given(
        given,
        lambda model: _export(model, target, packed, seed, weights, save_weights, extension, output, device, tried_on),
    )


def _weights_extension(kind: Target, target: str, path: str) -> str:
    """Return how weights are written to a file, by its extension.

    Raises:
        UsageError: the target cannot load such a file.
    """
    if not kind.weights:
        raise UsageError(
            f"--to {target} writes the weights into the file itself",
            lead="without --save-weights",
            repair=this_line(without=["save_weights"]),
        )
    for extension in kind.weights:
        if path.endswith(extension):
            return extension
    if names_another(path):
        message = f"{kind.title} does not load its weights from {quote(path)} here"
        raise UsageError(message, f"the name may end in {listed(kind.weights, 'or')}")
    return kind.weights[0]


def _export(
    model: Reading,
    target: str,
    packed: bool,
    seed: int,
    weights: str | None,
    save_weights: str | None,
    extension: str | None,
    output: str | None,
    device: Device,
    tried_on: str | None,
) -> None:
    """Write a network, and its weights."""
    part, file = model.part, weights
    if part is not None:
        part.check_runs()
    if weights is not None:
        from rnncli.engine.model_weights import part_in
        from rnncli.formats.fitting import sources_told

        part = part_in(weights, model.network)
        if part is not None:
            file = None
            tell(f"Note: {sources_told(part)}")
    elif part is not None:
        for note in part.told:
            tell(f"Note: {note}")

    @cache
    def read() -> Arrays:
        from rnncli.engine.model_weights import first_weights

        return first_weights(model.network, part, file, seed)

    drawn = False
    if weights is not None:
        origin = f"the weights in {weights}"
    elif model.part is not None and model.part.has_weights:
        origin = f"the weights of {model.path}"
    else:
        origin, drawn = f"drawn from seed {seed}", True
        if model.part is not None and (save_weights is not None or target in ("onnx", "numpy", "c")):
            tell(f"Note: the file has no weights: they are drawn with seed {seed}")
    if weights is not None:
        read()  # whether they are there and fit is said even where the source leaves them out
    job = Job(model.network, read, seed, save_weights, origin, drawn, device, packed)
    content = export(job, target)
    if device.dtype == "int8":
        from rnncli.export.int8 import difference

        told = difference(job, tried_on)
        steps = f"{told.timesteps:,} random timesteps"
        if tried_on is not None:
            steps = f"the {told.timesteps:,} timesteps of {printable(tried_on)}"
        apart = f"up to {told.largest:.2g} from those of float32, {told.mean:.2g} on average"
        tell(f"Note: with int8 the outputs are {apart}, for {steps}")
    if save_weights is not None and extension is not None:
        from rnncli.export.weight_writers import write_weights

        tell(write_weights(save_weights, arrays(job, target), extension))
    elif not drawn and TARGETS[target].weights:
        tell("Note: the weights are left out; --save-weights FILE writes them along")
    if output is None:
        click.echo(content, nl=False)
        return
    files = {output: content}
    if device.header and target == "c":
        files[f"{splitext(output)[0]}.h"] = header(job)
    for written in _write(files):
        tell(written)


def _write(files: Mapping[str, str | bytes]) -> list[Written]:
    """Write files, all of them whole or none."""
    contents = {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}
    with ExitStack() as stack:
        for path, content in contents.items():
            file = stack.enter_context(written_whole(path))
            file.write(content)
            file.flush()
    return [Written(path, len(content)) for path, content in contents.items()]

"""`rnncli export`: the network as source for a framework, as an ONNX file, or as the textbook's loop."""

from __future__ import annotations

from functools import cache
from os.path import splitext
from typing import TYPE_CHECKING

import click

from rnncli.atomic import Written, written_whole
from rnncli.commands.command_line import this_line
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.named import named
from rnncli.commands.options import file_option, seed_option, weights_option
from rnncli.commands.other_names import OTHER_TARGETS
from rnncli.commands.report import tell
from rnncli.commands.settings import spec_argument
from rnncli.commands.specs import at_most, each_given, specs
from rnncli.commands.values import names_another
from rnncli.errors import UsageError, listed, quote
from rnncli.export import TARGETS, Job, Target, arrays, export, target_of
from rnncli.formats.networks import Reading

if TYPE_CHECKING:
    from rnncli.export import Arrays


@click.command(cls=GroupedCommand, short_help="The network as source or a file for a framework.")
@spec_argument
@click.option(
    *("--to", "target"),
    type=named(OTHER_TARGETS, tuple(TARGETS)),
    help="Target format; required unless -o FILE.onnx says it.",
)
@seed_option
@weights_option
@file_option(
    "--save-weights",
    extensions=["npz", "safetensors", "h5"],
    meaning="Also write the weights, to a file that the source loads.",
    written=True,
)
@file_option(
    "-o", "--output", extensions=["py", "onnx"], meaning="Write to a file; standard output stays empty.", written=True
)
def command(
    spec: tuple[str, ...],
    target: str | None,
    seed: int,
    weights: str | None,
    save_weights: str | None,
    output: str | None,
) -> None:
    """Turn the network into source that a person would have written, or into a file.

    \b
    Examples:
      rnncli export input:8,lstm:16,dense:1 --to torch
      rnncli export input:8,lstm:16,dense:1 --to onnx -o model.onnx
      rnncli export model.npz --to torch --save-weights w.safetensors

    The result is source for Keras or PyTorch, the textbook's loop in plain NumPy, or an ONNX file with its weights.
    Its weights are those of the model file that SPEC names, of --weights, or drawn from --seed, as forward
    draws them.

    PyTorch loads weights from .safetensors, NumPy from .npz, Keras from .npz or
    .weights.h5 (which needs h5py).
    """
    target = target or target_of(output or "")
    if target is None:
        from rnncli.commands.spec_mistakes import check_words  # only an error needs it

        check_words()
        more = ["--to", "torch"]
        other = output is not None and names_another(output, *(each.extension for each in TARGETS.values()))
        more += ["-o", f"{splitext(output)[0]}.py"] if other and output is not None else []
        repair = this_line(without=["output"] if other else [], more=more)
        raise UsageError("there is no --to", "say for what", repair=repair)
    kind = TARGETS[target]
    _check_output(kind, target, output)
    extension = None if save_weights is None else _weights_extension(kind, target, save_weights)
    message = "2 specs or more, and export makes one file of one network"
    given = list(at_most(1, specs(spec), message, "call rnncli export once for each spec"))
    each_given(given, lambda model: _export(model, target, seed, weights, save_weights, extension, output))


def _check_output(kind: Target, target: str, output: str | None) -> None:
    """Check that what is written has a place, and no name for something else.

    Raises:
        UsageError: it has none.
    """
    name = f"model{kind.extension}"
    if output is None:
        if not kind.is_text:
            raise UsageError(f"--to {target} makes a file", "say which", repair=this_line(more=["-o", name]))
    elif names_another(output, kind.extension):
        makes = "Python source" if kind.is_text else "an ONNX file"
        better = this_line(without=["output"], more=["-o", splitext(output)[0] + kind.extension])
        message = f"--to {target} makes {makes}, which {quote(output)} is no name for"
        raise UsageError(message, lead="perhaps", repair=better)


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
    seed: int,
    weights: str | None,
    save_weights: str | None,
    extension: str | None,
    output: str | None,
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
        if model.part is not None and (save_weights is not None or target in ("onnx", "numpy")):
            tell(f"Note: the file has no weights: they are drawn with seed {seed}")
    if weights is not None:
        read()  # whether they are there and fit is said even where the source leaves them out
    job = Job(model.network, read, seed, save_weights, origin, drawn)
    content = export(job, target)
    if save_weights is not None and extension is not None:
        from rnncli.export.weight_writers import write_weights

        tell(write_weights(save_weights, arrays(job, target), extension))
    elif not drawn and TARGETS[target].weights:
        tell("Note: the weights are left out; --save-weights FILE writes them along")
    if output is None:
        click.echo(content, nl=False)
    else:
        tell(_write(output, content.encode() if isinstance(content, str) else content))


def _write(path: str, content: bytes) -> Written:
    with written_whole(path) as file:
        file.write(content)
    return Written(path, len(content))

"""`rnncli export`: the network as source for a framework, as an ONNX file, or as the textbook's loop."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import click

from rnncli.atomic import Written, written_whole
from rnncli.commands.completing import complete_files, complete_spec
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.models import Given
from rnncli.commands.options import file_option
from rnncli.commands.report import tell
from rnncli.commands.specs import at_most, each_given, specs
from rnncli.commands.values import FileName, seed
from rnncli.errors import UsageError, listed
from rnncli.export import TARGETS, Job, arrays, export

if TYPE_CHECKING:
    from rnncli.export import Arrays


@click.command(cls=GroupedCommand, short_help="The network as source or a file for a framework.")
@click.argument("spec", nargs=-1, shell_complete=complete_spec)
@click.option("--to", "target", type=click.Choice(tuple(TARGETS)), required=True, help="What to make of it.")
@click.option("--seed", type=seed, metavar="N", default=0, help="Draw the weights from it.  [default: 0]")
@file_option("--weights", extension="npz", meaning="Read the weights from a file.")
@click.option(
    "--save-weights",
    type=FileName(written=True),
    metavar="FILE",
    shell_complete=complete_files("safetensors", "npz", "h5"),
    help="Write the weights as the source loads them.",
)
@click.option(
    "-o",
    "--output",
    type=FileName(written=True),
    metavar="FILE",
    shell_complete=complete_files("py", "onnx"),
    help="Write to a file; source goes to standard output without it.",
)
def command(
    spec: tuple[str, ...], target: str, seed: int, weights: str | None, save_weights: str | None, output: str | None
) -> None:
    """Examples:

    \b
      rnncli export input:8,lstm:16,dense:1 --to torch
      rnncli export input:8,lstm:16,dense:1 --to onnx -o model.onnx
      rnncli export model.h5 --to torch --save-weights model.safetensors -o model.py

    Turn the network into source that a person would have written, for Keras or PyTorch; into the textbook's loop in
    plain NumPy; or into an ONNX file with its weights. The weights are those of the model file that SPEC names, of
    --weights, or drawn from --seed, as forward draws them.
    """
    kind = TARGETS[target]
    if output is None and not kind.is_text:
        raise UsageError(f"--to {target} makes a file", f"say which: -o model{kind.extension}")
    if save_weights is not None and not save_weights.endswith(kind.weights):
        message = f"{kind.title} does not read its weights from {save_weights}"
        if not kind.weights:
            raise UsageError(f"--to {target} writes the weights into the file itself", "leave out --save-weights")
        raise UsageError(message, f"the name may end in {listed(kind.weights, 'or')}")
    message = "2 specs or more, and export makes one file of one network"
    given = list(at_most(1, specs(spec), message, "call rnncli export once for each spec"))
    each_given(given, lambda model: _export(model, target, seed, weights, save_weights, output))


def _export(
    model: Given, target: str, seed: int, weights: str | None, save_weights: str | None, output: str | None
) -> None:
    """Write a network, and its weights."""

    @cache
    def read() -> Arrays:
        from rnncli.engine.model_weights import first_weights

        return first_weights(model.network, model.part, weights, seed)

    drawn = False
    if weights is not None:
        origin = f"the weights in {weights}"
    elif model.part is not None and model.part.has_weights:
        origin = "the weights of the file"
    else:
        origin, drawn = f"drawn from seed {seed}", True
        if model.part is not None:
            tell(f"Note: the file has no weights: they are drawn with seed {seed}")
    job = Job(model.network, read, seed, save_weights, origin, drawn)
    content = export(job, target)
    if save_weights is not None:
        from rnncli.export.weight_writers import write_weights

        tell(write_weights(save_weights, arrays(job, target)))
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

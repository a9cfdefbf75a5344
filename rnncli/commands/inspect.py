"""`rnncli inspect`: the contents of a model file."""

from __future__ import annotations

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import results
from rnncli.commands.specs import Spec, apart, each_spec
from rnncli.commands.values import FileName
from rnncli.formats import FORMATS, contents_of
from rnncli.formats.model_file import ModelFile
from rnncli.render.terminal import Picture


@click.command(cls=GroupedCommand)
@click.argument("file", nargs=-1, required=True, shell_complete=FileName(False, *FORMATS).shell_complete)
@options.set_
@options.format_
@options.svg
def command(file: tuple[str, ...], format_: str, svg: Picture | None) -> None:
    """Show what model files contain.

    \b
    Examples:
      rnncli inspect model.safetensors
      rnncli inspect model.npz -f json

    Each recurrent part is shown as a spec, with its names in the file and everything that was assumed about it;
    all other arrays are listed in groups. Only headers are read, and nothing in a file is run. CSV and the other
    row formats have one row per array.

    Other commands accept a part as their SPEC: model.safetensors, or model.safetensors::2 if there are several.
    """
    if len(file) > 1:
        from rnncli.commands.mistakes import check_arguments

        check_arguments()
    with results(format_, svg) as show:
        each_spec(apart([Spec(each, None) for each in file], show), _opened, show)


def _opened(text: str) -> ModelFile:
    model = contents_of(text, options.settings())
    options.note_used(model.used)
    return model

"""`rnncli inspect`: what is in a model file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from rnncli.commands.completing import complete_files
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import check_svg, format_option, svg_option
from rnncli.commands.output import printed
from rnncli.commands.settings import check_used, note_used, set_option, settings
from rnncli.commands.specs import Spec, each_spec
from rnncli.formats import FORMATS, SEPARATOR, choice_of, open_model, part_of
from rnncli.formats.model_file import ModelFile
from rnncli.render.picture import Picture
from rnncli.render.records import Cells, Layout, Record, columns
from rnncli.render.writers import writer

Show = Callable[[ModelFile], None]
"""Prints what one file holds."""


def _arrays(model: Record) -> list[Cells]:
    """Return a row for each array of a file: the part and the layer that it is in, if it is in one."""
    in_parts = [
        (part["name"], part["spec"], layer["spec"], array)
        for part in model["parts"]
        for layer in part["layers"]
        for array in layer["weights"]
    ]
    rows = [*in_parts, *((None, None, None, array) for array in model["others"])]
    return [
        [model["file"], part, spec, layer, array["name"], array["shape"], array["dtype"], array["params"]]
        for part, spec, layer, array in rows
    ]


_LAYOUT = Layout(
    columns("file", "part", "spec", "layer", "weight", "shape", "dtype", "params"), _arrays, "Arrays in model files"
)


@contextmanager
def _printer(format_: str, svg: Picture | None) -> Iterator[Show]:
    if format_ != "table":
        with printed(writer(format_, _LAYOUT)) as show_records:
            yield lambda model: show_records([model.as_dict()])
    else:
        from rnncli.render.console import screen
        from rnncli.render.inspections import print_inspection

        with screen(svg, "rnncli inspect") as show:
            yield lambda model: show(print_inspection, model)


@click.command(cls=GroupedCommand, short_help="What is in a model file.")
@click.argument("file", nargs=-1, required=True, shell_complete=complete_files(*FORMATS))
@set_option
@format_option
@svg_option
def command(file: tuple[str, ...], format_: str, svg: Picture | None) -> None:
    """Show what model files hold.

    \b
    Examples:
      rnncli inspect model.safetensors
      rnncli inspect model.npz -f json

    There is each recurrent part as a spec, with the names that it has in the file and what was assumed of it,
    and what else there is, in groups. Only headers are read, nothing in a file is run. In a format of rows,
    each array is one.

    A part can be given to other commands: rnncli summary model.safetensors, or model.safetensors::2 if it has several.
    """
    check_svg(svg, shown=format_ == "table")
    with _printer(format_, svg) as show:
        each_spec([Spec(each, None) for each in file], lambda text: show(_opened(text)))
    check_used()


def _opened(text: str) -> ModelFile:
    """Return what a model file holds; where a part of it is named, all the same, if there is such a part.

    Raises:
        RnncliError: the file cannot be read, or has no such part.
    """
    choice = choice_of(text)
    if choice is None:
        return open_model(text.partition(SEPARATOR)[0])
    model = open_model(choice.path, settings())
    note_used(model.used)
    if choice.part:
        part_of(model, choice.part)
    return model

"""Options that several commands share, so that they are spelt alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

import click

from rnncli.commands.completers import complete_files
from rnncli.commands.report import tell
from rnncli.commands.values import (
    FileName,
    FileNameOf,
    Named,
    Value,
    big_number,
    dtype,
    framework,
    memory_size,
    number,
    rate,
    seed,
)
from rnncli.formats import FORMATS as MODEL_FILES
from rnncli.render.terminal import DOCUMENTS, PROGRAMS, THEMES, Picture, Theme
from rnncli.search.budget import FIGURES, Budget, Figure

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("table", *PROGRAMS, *DOCUMENTS)
"""The screen for people, the formats for programs, and those for documents."""

_SHORT_NAMES = {"--batch": "-b", "--timesteps": "-t"}
"""The letters of the options that are given most often."""


def svg_option(command: Command) -> Command:
    """Add --svg and --theme to a command, which is called with both as `svg`: a picture, or None."""

    @wraps(command)
    def with_picture(*arguments: Any, svg: str | None, theme: Theme | None, **options: Any) -> Any:
        picture = None if svg is None else Picture(svg, theme or THEMES[0], tell)
        return command(*arguments, svg=picture, **options)

    add_svg = click.option(
        "--svg",
        type=FileNameOf(".svg", "a picture is SVG", "; a browser shows it and prints it"),
        metavar="FILE.svg",
        shell_complete=complete_files("svg"),
        help="Also save what is shown as a picture.",
    )
    add_theme = click.option(
        "--theme",
        type=click.Choice(THEMES),
        help=f"Colours of the picture: light text on a dark ground, or dark text on white.  [default: {THEMES[0]}]",
    )
    return cast(Command, add_svg(add_theme(with_picture)))


def wide_option(meaning: str) -> Callable[[Command], Command]:
    """Return --wide, which shows all that there is room for; its help is `meaning`."""
    return click.option("--wide", is_flag=True, help=meaning)


def quiet_option(answer: str) -> Callable[[Command], Command]:
    """Return -q, which leaves a command's answer and nothing beside it."""
    return click.option("-q", "--quiet", is_flag=True, help=f"Print only the answer, {answer}.")


def number_option(
    name: str, meaning: str, several: bool = False, default: int | None = None, type_: Value = number
) -> Callable[[Command], Command]:
    """Return an option that takes such a number, or may be given several times; its help is `meaning`."""
    names = [*filter(None, [_SHORT_NAMES.get(name)]), name]
    return click.option(*names, type=type_, metavar="N", multiple=several, default=default, help=meaning)


def named_option(
    name: str, type_: Named, default: str | None, meaning: str, several: bool = False
) -> Callable[[Command], Command]:
    """Return an option that takes one of some words, or may be given several times; its help is `meaning`."""
    help_ = meaning if default is None else f"{meaning}  [default: {default}]"
    if several:
        return click.option(name, type=type_, multiple=True, default=() if default is None else (default,), help=help_)
    return click.option(name, type=type_, default=default, help=help_)


def file_option(
    *names: str, extensions: Sequence[str], meaning: str, written: bool = False, metavar: str | None = None
) -> Callable[[Command], Command]:
    """Return an option that takes a file, read or written, with one of these extensions; its help is `meaning`."""
    metavar = metavar or (f"FILE.{extensions[0]}" if len(extensions) == 1 else "FILE")
    complete = complete_files(*extensions)
    of_one = written and len(extensions) == 1
    kind = FileNameOf(f".{extensions[0]}", f"what it writes is .{extensions[0]}") if of_one else FileName(written)
    return click.option(*names, type=kind, metavar=metavar, shell_complete=complete, help=meaning)


def init_option(default: str | None, said: str) -> Callable[[Command], Command]:
    """Return --init, for a command that runs networks; only those import what it can be.

    Args:
        default: what it is unless it is given.
        said: the same in words.
    """
    from rnncli.engine.request import INITS

    meaning = "How weights start: a framework's initialisers and a normal input, or U[0, 1) for weights and input."
    return click.option("--init", type=click.Choice(INITS), default=default, help=f"{meaning}  [default: {said}]")


def budget_options(figures: Sequence[Figure] = FIGURES) -> Callable[[Command], Command]:
    """Return what adds the options that limit figures of a network to a command, which is called with a `budget`.

    Each option has two names, which are the same in every command: --max-params and --params.
    """

    def add(command: Command) -> Command:
        @wraps(command)
        def with_budget(*arguments: Any, **options: Any) -> Any:
            budget = Budget(**{figure.name: options.pop(figure.name) for figure in figures})
            return command(*arguments, budget=budget, **options)

        added: Any = with_budget
        for figure in reversed(figures):
            added = click.option(
                *(f"--max-{figure.name}", f"--{figure.name}", figure.name),
                type=memory_size if figure.in_bytes else big_number,
                metavar="SIZE" if figure.in_bytes else "N",
                help=figure.means,
            )(added)
        return cast(Command, added)

    return add


seed_option = click.option(
    "--seed",
    type=seed,
    metavar="N",
    default=0,
    help="Random seed of weights and input; the same seed gives the same bytes.  [default: 0]",
)
weights_option = file_option(
    "--weights",
    extensions=tuple(MODEL_FILES),
    meaning="Read the weights: of a model file, or arrays called LAYER/WEIGHT.",
)
format_option = click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    help="table is for people; markdown and html are for documents; json (an object a line), csv and tsv for programs.",
)
rate_option = click.option(
    "--rate", type=rate, metavar="N", help="Timesteps a second, to add MACs a second: 50, 12.5, 16k."
)
dtype_option = named_option("--dtype", dtype, "float32", "Data type of weights and outputs, for sizes in bytes.")
framework_option = named_option(
    "--framework",
    framework,
    None,
    "Whose weights to count; PyTorch keeps two bias vectors.  [default: that of SPEC, or keras]",
)

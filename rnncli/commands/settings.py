"""`--set NAME=NUMBER`: the numbers that a source leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from rnncli.commands.completing import complete_spec
from rnncli.commands.values import Value
from rnncli.errors import shorten
from rnncli.formats.faults import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_SETTINGS = "rnncli.settings"
"""Where in the context of a command they are kept."""

_WORDS = {"True": True, "False": False}


def _read(text: str) -> tuple[str, int | float | str]:
    """Return the name and the value of a setting; a name may be any expression of the source, `len(vocab)`.

    Raises:
        ValueError: it is no setting.
    """
    name, sign, value = (part.strip() for part in text.rpartition("="))
    if not sign or not name or not value:
        raise ValueError(f"{shorten(text)} is no NAME=NUMBER, such as vocab_size=25000 or 'len(vocab)=25000'")
    for read in (int, float):
        try:
            return name, read(value)
        except ValueError:
            continue
    return name, _WORDS.get(value, value.strip("'\""))


_setting = Value("setting", _read, lambda text: None, "vocab_size=25000")


def _keep(context: click.Context, parameter: click.Parameter, given: tuple[tuple[str, int | float | str], ...]) -> None:
    del parameter
    context.meta[_SETTINGS] = dict(given)


set_option = click.option(
    "--set",
    type=_setting,
    metavar="NAME=NUMBER",
    multiple=True,
    expose_value=False,
    callback=_keep,
    help="A number that Python source leaves open: vocab_size=25000, 'len(vocab)=25000'.",
)


def spec_argument(command: Command) -> Command:
    """Add the SPECs to a command, and what says numbers that those leave open."""
    return click.argument("spec", nargs=-1, shell_complete=complete_spec)(set_option(command))


def settings() -> Settings:
    """Return the settings that the running command is given."""
    found: Settings = click.get_current_context().meta.get(_SETTINGS, {})
    return found

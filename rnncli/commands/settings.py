"""`--set NAME=NUMBER`: the numbers that a source leaves open."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from math import isfinite
from typing import Any, TypeVar

import click

from rnncli.commands.command_line import these_words, this_line
from rnncli.commands.completers import complete_spec
from rnncli.commands.values import Value
from rnncli.errors import UsageError, listed, quote, shorten
from rnncli.formats.faults import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_SETTINGS, _USED = "rnncli.settings", "rnncli.used_settings"
"""Where in the context of a command they are kept, and those that a source has used."""

_WORDS = {"True": True, "False": False}


def _read(text: str) -> tuple[str, int | float | str]:
    """Return the name and the value of a setting; a name may be any expression of the source, `len(vocab)`.

    Raises:
        ValueError: it is no setting.
    """
    name, sign, value = (part.strip() for part in text.rpartition("="))
    if not sign or not name or not value:
        raise ValueError(f"{shorten(text)} is not NAME=NUMBER, such as vocab_size=25000 or 'len(vocab)=25000'")
    for read in (int, float):
        with suppress(ValueError):
            number = read(value)
            break
    else:
        return name, _WORDS.get(value, value.strip("'\""))
    if isinstance(number, float) and not isfinite(number):
        raise ValueError(f"{shorten(name)} is {number}, expected a number that is finite, or a word")
    return name, number


_setting = Value("NAME=NUMBER", _read, lambda text: None, "vocab_size=25000")


def _keep(context: click.Context, parameter: click.Parameter, given: tuple[tuple[str, int | float | str], ...]) -> None:
    values = dict(given)
    for name, value in given:
        if values[name] != value:
            raise click.BadParameter(f"{shorten(name)} is set twice: {value} and {values[name]}", context, parameter)
    context.meta[_SETTINGS], context.meta[_USED] = values, set()


set_option = click.option(
    "--set",
    type=_setting,
    metavar="NAME=NUMBER",
    multiple=True,
    expose_value=False,
    callback=_keep,
    help="A number that Python source leaves open: vocab_size=25000, 'len(vocab)=25000'.",
)


_SPEC = """

    SPEC is a network such as embed:10000x32,rnn:32 (see `rnncli layers`), a line of Keras or PyTorch, a model
    file, or - for specs on standard input, one a line. Without it
    $RNNCLI_SPEC is used, or else an example.
    """
"""What a SPEC may be, for the help of the commands that take one."""


def spec_argument(command: Command) -> Command:
    """Add the SPECs to a command, what they may be to its help, and what says numbers that they leave open."""
    if command.__doc__ is not None:  # Python -OO leaves it out
        command.__doc__ = command.__doc__.rstrip() + _SPEC
    return click.argument("spec", nargs=-1, shell_complete=complete_spec)(set_option(command))


def settings() -> Settings:
    """Return the settings that the running command is given."""
    found: Settings = click.get_current_context().meta.get(_SETTINGS, {})
    return found


def note_used(names: Iterable[str]) -> None:
    """Note which settings a source has used. Where there is no other source, it must be all of them.

    Raises:
        UsageError: there is no other, and it has not.
    """
    used: set[str] | None = click.get_current_context().meta.get(_USED)
    if used is not None:
        used.update(names)
        arguments = [each.text for each in these_words() if each.is_argument]
        if len(arguments) <= 1 and arguments != ["-"]:
            check_used()


def check_used() -> None:
    """Check that each setting was used by one of the sources.

    Raises:
        UsageError: one was not: it is misspelt, or meant for something else.
    """
    used: set[str] = click.get_current_context().meta.get(_USED, set())
    unused = [name for name in settings() if name not in used]
    if unused:
        names = listed([quote(name) for name in unused], "or")
        kept = [word for name in settings() if name in used for word in ("--set", f"{name}={settings()[name]}")]
        raise UsageError(
            f"--set: there is no {names} in what is given, or it changes nothing there",
            "leave it out, and what is still open is named",
            lead="without it",
            repair=this_line(without=["set"], more=kept),
        )

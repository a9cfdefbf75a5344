"""Where every error is printed: on standard error, in one voice."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import Any

import click

from rnncli.characters import ascii_form, shows_unicode
from rnncli.errors import RnncliError, SpecError, printable
from rnncli.render.terminal import is_styled, notes_width, wrapped
from rnncli.system.signals import ECHO_AWAY

_STYLES: Mapping[str, dict[str, Any]] = {"message": {}, "fault": {"bold": True}, "help": {}, "repair": {"bold": True}}
"""How the parts of an error look where there is a style."""


def report(error: RnncliError, origin: str | None = None) -> int:
    """Print an error and return the exit status that it stands for.

    Args:
        error: the error.
        origin: where the spec at fault came from, if that needs saying: `line 3 of standard input`.
    """
    styled = is_styled(sys.stderr)
    width = notes_width()
    written = str if shows_unicode(sys.stderr) else ascii_form
    first, *others = error.parts(origin, written, width)
    texts = [click.style("Error", fg="red", bold=True) if styled else "Error"]
    texts.append(_within(width, f"Error: {first.text}").removeprefix("Error"))
    end = 0
    for text, role in others:
        if role == "help":
            text = f"\n{_within(width, text.strip())}{' ' * text.endswith(' ')}"
            end = len(text.rpartition("\n")[2])
        elif role == "repair":
            text = _pasted(error, text)
            if width is not None and end + len(text) > width:
                texts[-1] = texts[-1].rstrip(" ")
                text = f"\n  {text}"  # in one piece, so that it can be pasted
        texts.append(click.style(text, **_STYLES[role]) if styled and _STYLES[role] else text)
    click.echo("".join(texts), err=True, color=styled)
    return error.exit_status


def _within(width: int | None, text: str) -> str:
    """Return a text in lines that keep to the terminal, where there is one, and break between words."""
    return text if width is None else "\n".join(wrapped(text, width))


def _pasted(error: RnncliError, repair: str) -> str:
    """Return a repair as it can be pasted into a shell: a command line is, and a spec needs no quotes; a call does."""
    if not isinstance(error, SpecError) or "(" not in repair or repair.startswith("rnncli "):
        return repair
    import shlex  # only an error needs it

    return shlex.quote(repair)


def tell(note: object) -> None:
    """Print a note on standard error, behind all that standard output has been given."""
    _flush_output()
    click.echo(_within(notes_width(), printable(str(note))), err=True)


def clear_echo() -> None:
    """Take the ^C away that a terminal has echoed, so that what comes next starts a line."""
    _flush_output()
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(ECHO_AWAY, err=True, nl=False, color=True)


def _flush_output() -> None:
    """Let standard output come first. Whoever has left does not miss it."""
    if sys.stdout is not None:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()

"""Where every error is printed: on standard error, in one voice."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from rnncli.characters import ascii_form, shows_unicode
from rnncli.errors import RnncliError, SpecError, printable
from rnncli.system.signals import ECHO_AWAY

_STYLES: Mapping[str, dict[str, Any]] = {"message": {}, "fault": {"bold": True}, "help": {}, "repair": {"bold": True}}
"""How the parts of an error look where there is a style."""


def report(error: RnncliError, origin: str | None = None) -> int:
    """Print an error and return the exit status that it stands for.

    Args:
        error: the error.
        origin: where the spec at fault came from, if that needs saying: `line 3 of standard input`.
    """
    styled = _is_styled()
    words = click.style("Error", fg="red", bold=True) if styled else "Error"
    written = str if shows_unicode(sys.stderr) else ascii_form
    shown = (
        (part.text if part.role != "repair" else _pasted(error, part.text), part.role)
        for part in error.parts(origin, written)
    )
    texts = [(text, _STYLES[role]) for text, role in shown]
    parts = [click.style(text, **style) if styled and style else text for text, style in texts]
    click.echo("".join([f"{words}: ", *parts]), err=True, color=styled)
    return error.exit_status


def _pasted(error: RnncliError, repair: str) -> str:
    """Return a repair as it can be pasted into a shell: a command line is, and a spec needs no quotes; a call does."""
    if not isinstance(error, SpecError) or "(" not in repair or repair.startswith("rnncli "):
        return repair
    import shlex  # only an error needs it

    return shlex.quote(repair)


def tell(note: object) -> None:
    """Print a note on standard error, behind all that standard output has been given."""
    _flush_output()
    click.echo(printable(str(note)), err=True)


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


def _is_styled() -> bool:
    """Whether standard error shows styles: a terminal does; NO_COLOR, TERM=dumb and FORCE_COLOR have their say."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stderr is not None and sys.stderr.isatty())

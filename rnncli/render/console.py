"""The terminal, as Rich sees it: its width, and whether it is one."""

from __future__ import annotations

import os
import sys

from rich.console import Console

_UNLIMITED = 100_000
"""Columns of an output that is no terminal: a table is never cut there."""


class _StdoutConsole(Console):
    def on_broken_pipe(self) -> None:
        """Leave a closed pipe to whoever decides on the exit status; Rich would end with status 1."""
        raise BrokenPipeError


def stdout_console() -> Console:
    """Return the console for standard output.

    On a terminal it has the terminal's width, or COLUMNS; elsewhere nothing is cut or wrapped. Colour follows Rich: on
    a terminal, unless NO_COLOR or TERM=dumb; anywhere with FORCE_COLOR.
    """
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    return _StdoutConsole(
        width=None if on_terminal else _UNLIMITED,
        height=None if on_terminal else _UNLIMITED,  # Rich heeds a width only together with a height
        highlight=False,
        emoji=False,
        markup=False,
        # An empty FORCE_COLOR or NO_COLOR is none.
        force_terminal=True if os.environ.get("FORCE_COLOR") else None,
        no_color=bool(os.environ.get("NO_COLOR")),
    )

"""The terminal, as Rich sees it: its width, and whether it is one."""

from __future__ import annotations

import os
import shutil
import sys

from rich.console import Console

_UNLIMITED = 100_000
"""Columns of an output that is no terminal: a table is never cut there."""


def stdout_console() -> Console:
    """Return the console for standard output.

    On a terminal it has the terminal's width (or COLUMNS); elsewhere nothing is cut or wrapped. Colour follows
    Rich: on a terminal, unless NO_COLOR or TERM=dumb; anywhere with FORCE_COLOR.
    """
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else _UNLIMITED
    # An empty FORCE_COLOR or NO_COLOR is none.
    forced = True if os.environ.get("FORCE_COLOR") else None
    return Console(
        width=width,
        height=25,
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=forced,
        no_color=bool(os.environ.get("NO_COLOR")),
        legacy_windows=False,
    )

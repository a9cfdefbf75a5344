"""Whether standard output is a terminal, and how wide it is; without Rich."""

from __future__ import annotations

import sys


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def terminal_width() -> int | None:
    """Return the columns of the terminal, or as many as COLUMNS says; None where standard output is not a terminal."""
    if not on_terminal():
        return None
    import shutil  # it imports all kinds of archives

    return shutil.get_terminal_size().columns

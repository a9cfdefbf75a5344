"""Whether standard output is a terminal, and how large it is; without Rich."""

from __future__ import annotations

import sys


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def terminal_size() -> tuple[int, int] | None:
    """Return the columns and lines of the terminal, or as many as COLUMNS and LINES say; None where there is none."""
    if not on_terminal():
        return None
    import shutil  # it imports all kinds of archives

    return shutil.get_terminal_size()


def terminal_width() -> int | None:
    """Return the columns likewise: None where standard output is not a terminal."""
    size = terminal_size()
    return None if size is None else size[0]

"""Where output goes, without Rich: a terminal and its size, a picture that is asked for, the formats.

`rnncli.render.svg` makes the picture.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, TextIO, get_args

from rnncli.system.streams import columns_of

if TYPE_CHECKING:
    from rnncli.atomic import Written

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, ...] = get_args(Theme)
"""Light text on a dark ground, which is what is taken if nothing is said; and dark text on white."""

PROGRAMS = ("json", "csv", "tsv")
"""The formats for programs; `rnncli.render.records` writes them."""

DOCUMENTS = ("markdown", "html")
"""The formats for documents; `rnncli.render.documents` writes them."""

MOST_LINES = 1000
"""How many lines of a list are in its picture; a browser has trouble with many more."""


class Picture(NamedTuple):
    """A picture that is asked for.

    Attributes:
        path: the file to write.
        theme: what it is to go with.
        written: is told what has been written, when the picture is there.
    """

    path: str
    theme: Theme = THEMES[0]
    written: Callable[[Written], object] = lambda file: None


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def is_styled(stream: TextIO | None) -> bool:
    """Return whether a stream shows styles: a terminal does; NO_COLOR, TERM=dumb and FORCE_COLOR have their say."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream is not None and stream.isatty())


def notes_width() -> int | None:
    """Return the columns of the terminal that standard error is, or as many as COLUMNS says; None where it is none."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() and int(said) else columns_of(sys.stderr)


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

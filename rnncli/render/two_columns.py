"""Text in two columns: on the left what it is about, on the right what is said of it, wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from rnncli.render.layout import hanging, in_characters_of
from rnncli.render.wrapping import INDENT

_WIDEST_TEXT = 100
"""Text is wrapped at this many columns at most, since longer lines are hard to read."""

LEAST_ROOM = 32
"""The least width of the second of two columns. Where there is less room, it stands below the first."""

Rows = Sequence[tuple[Text, Text]]


def two_columns(console: Console, rows: Rows) -> Iterator[Text]:
    """Yield the lines of two columns, indented: the first as wide as its longest cell, the second wrapped.

    Where that leaves no room for the second, it stands below the first.
    """
    width = max((in_characters_of(console, left).cell_len for left, _ in rows), default=0) + 2 * INDENT
    room = min(console.width, _WIDEST_TEXT) - width
    for left, right in rows:
        if room >= LEAST_ROOM:
            yield from _beside(console, left, right, width, room)
        else:
            if left:
                yield from hanging(console, left, start=INDENT)
            if right:
                yield from hanging(console, right, start=3 * INDENT)


def _beside(console: Console, left: Text, right: Text, width: int, room: int) -> Iterator[Text]:
    lead = in_characters_of(console, left)
    lead.pad_right(width - INDENT - lead.cell_len)
    for line in hanging(console, right, width=room) if right else [Text()]:
        whole = Text.assemble(" " * INDENT, lead, line)
        whole.rstrip()
        yield whole
        lead = Text(" " * (width - INDENT))

"""Output settings, without Rich: the terminal, its size and colours, a requested picture, the formats; wrapped lines.

`rnncli.render.svg` draws the picture.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Literal, TextIO, get_args

from rnncli.characters import columns
from rnncli.immutable import NamedTuple
from rnncli.system.streams import columns_of

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, ...] = get_args(Theme)
"""Light text on a dark background, the default, and dark text on white."""

PROGRAMS = ("json", "csv", "tsv")
"""The formats for programs; `rnncli.render.results` writes them."""

DOCUMENTS = ("markdown", "html")
"""The formats for documents; `rnncli.render.documents` writes them."""

FOR_PEOPLE = ("table", *DOCUMENTS)
"""The formats that show a page."""

FORMATS = ("table", *PROGRAMS, *DOCUMENTS)

UNLIMITED = 100_000
"""The width of an output that is not a terminal, so that a table is never cut there."""

USUAL_WIDTH = 80
"""The width of a terminal that does not tell its own, and of a drawing without a terminal, as in a document."""

INDENT = 2
"""The indent of a text's lines after the first, in columns."""

MOST_LINES = 1000
"""The most lines of a list in its picture; browsers have trouble with many more."""

ON_DARK = (
    *("on #5fd7ff", "on #00afff", "on #0087af", "on #005f87", "on #00005f"),
    "on #121212",
    *("on #5f0000", "on #870000", "on #d70000", "on #ff5f5f", "on #ffafaf"),
)
ON_LIGHT = (
    *("on #005faf", "on #005fff", "on #5f87ff", "on #87afff", "on #afd7ff"),
    "on #ffffff",
    *("on #ffd7d7", "on #ff8787", "on #ff5f5f", "on #d70000", "on #af0000"),
)
"""The colours of signed values, from the most negative through zero to the most positive.

Zero is close to the background, and each side departs from it step by step. All are among the 256 colours of terminals,
so that such a terminal shows them exactly and their order stays.
"""


class Picture(NamedTuple):
    """A requested picture: the file to write, and its colours."""

    path: str
    theme: Theme = THEMES[0]


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def is_styled(stream: TextIO | None) -> bool:
    """Return whether a stream shows styles: a terminal does, unless NO_COLOR, TERM=dumb or FORCE_COLOR override it."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream is not None and stream.isatty())


def notes_width() -> int | None:
    """Return the columns of standard error's terminal, or COLUMNS if that is set; None if it is not a terminal."""
    return _columns(sys.stderr) if sys.stderr is not None and sys.stderr.isatty() else None


def terminal_width() -> int:
    """Return the columns of standard output's terminal, or COLUMNS if that is set; `UNLIMITED` if it is not one."""
    return _columns(sys.stdout) if on_terminal() else UNLIMITED


def _columns(stream: TextIO) -> int:
    said = os.environ.get("COLUMNS", "")
    return (int(said) if said.isdecimal() else 0) or columns_of(stream) or USUAL_WIDTH


# Wrapping: a number is never broken or cut


def wrapped(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text without line ends, none wider than `width`, with an indent after the first."""
    text, lines = lines_of(text, width, 0, INDENT)
    for indent, start, end in lines:
        yield " " * indent + text[start:end].rstrip()


def lines_of(text: str, width: int, first: int, further: int) -> tuple[str, list[tuple[int, int, int]]]:
    """Return a text with short numbers, and the indent, start and end of its lines, with `further` after the first."""
    first, further = (min(indent, width // 2) for indent in (first, further))
    text = short_numbers(text, max(1, width - further))
    lines, indent, start = [], first, 0
    while len(text) - start > 2 * (room := max(1, width - indent)) or columns(text[start:]) > room:
        end = start + break_at(text[start:], room)
        lines.append((indent, start, end))
        indent, start = further, end + len(text[end:]) - len(text[end:].lstrip(" "))
    return text, [*lines, (indent, start, len(text))]


def break_at(text: str, room: int) -> int:
    """Return where to break a text that is too long for a line.

    The best place is a space before an equals sign that ends a text, then one outside the parentheses that fit on a
    line, then any other space, but one after a multiplication sign, before a final one, between an equals sign and a
    sum, or between a number and its unit only as a last resort, and never one after a number that the text starts with.
    A text without a space is a spec, choices or code, broken after a comma, a colon, a bar or a dot.
    """
    groups = re.finditer(r"[^ (]*\([^()]*(?:\([^()]*\)[^()]*)*\)", text[: 2 * room])  # sigmoid(x_t·W + b)
    kept = [each.span() for each in groups if len(each[0]) <= room]

    def worth(place: int) -> tuple[int, int]:
        before, after = text[:place], text[place + 1 :]
        if before.endswith((" ×", " x")) or re.match("×(?! )", after) or (before[-2:], after[:1]) == (" =", "("):
            return 0, place
        if after[:1].isalpha() and re.search(r"(^|[ (])[0-9,.]*[0-9]$", before):
            return 0, place
        if after.startswith("=") and place > room // 2 and ";" not in after:
            return 3, place
        return 1 if any(start < place < end for start, end in kept) else 2, place

    spaces = [place for place in range(2 * INDENT + 1, min(len(text), room + 1)) if text[place] == " "]
    if spaces:
        return max(spaces, key=worth)
    for mark in (r",(?![0-9]{3}(?![0-9]))", ":", r"\|", r"\."):
        marks = [match.end() for match in re.finditer(mark, text[: 2 * room]) if match.end() <= room]
        if marks:
            return marks[-1]
    return room


def short_numbers(text: str, room: int) -> str:
    """Return a text with numbers that are too long for a line abbreviated: 8.507e+37."""
    words = text.split(" ")
    if max(map(len, words)) <= room:
        return text
    return " ".join(
        re.sub(r"[0-9]{1,3}(,[0-9]{3})+", lambda number: f"{int(number[0].replace(',', '')):.3e}", word)
        if len(word) > room
        else word
        for word in words
    )

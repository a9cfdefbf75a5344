"""Where a text that is too long for a line is broken, as plain text, without Rich: a number is never broken or cut."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnncli.characters import columns

INDENT = 2
"""Columns that the further lines of a text are indented."""


def wrapped(text: str, room: int) -> Iterator[str]:
    """Yield the lines of a text without line ends, none of them wider than `room`, the further ones indented."""
    text = short_numbers(text, max(1, room - INDENT))
    further = min(INDENT, room // 2)
    for start, end in lines_of(text, room, room - further):
        yield " " * (further if start else 0) + text[start:end].rstrip()


def lines_of(text: str, first: int, further: int) -> Iterator[tuple[int, int]]:
    """Yield where each line of a text starts and ends, given how many columns the first and the others have."""
    start, room = 0, first
    while len(text) - start > 2 * room or columns(text[start:]) > room:
        end = start + break_at(text[start:], max(1, room))
        yield start, end
        start = end + len(text[end:]) - len(text[end:].lstrip(" "))
        room = further
    yield start, len(text)


def break_at(text: str, room: int) -> int:
    """Return where to break a text that is too long for a line.

    The best place is a space before an equals sign, then one outside of parentheses, then any other space; but not one
    behind a multiplication sign, if there is another, nor behind a number that the text starts with. A text without a
    space is a spec, which is broken behind a comma or else a colon.
    """
    equals, outside, inside, sign, depth = 0, 0, 0, 0, 0
    for position, character in enumerate(text[: room + 1]):
        depth += (character == "(") - (character == ")")
        if character != " " or position <= 2 * INDENT:
            continue
        if text[:position].endswith((" ×", " x")):
            sign = position
        else:
            outside, inside = (outside, position) if depth else (position, inside)
            if text.startswith("=", position + 1) and position > room // 2:
                equals = position
    if equals or outside or inside or sign:
        return equals or outside or inside or sign
    for mark in (r",(?![0-9]{3}(?![0-9]))", ":"):
        marks = [match.end() for match in re.finditer(mark, text[: 2 * room]) if match.end() <= room]
        if marks:
            return marks[-1]
    return room


def short_numbers(text: str, room: int) -> str:
    """Return a text with numbers that are too long for a line written short: 8.507e+37."""
    words = text.split(" ")
    if max(map(len, words)) <= room:
        return text
    return " ".join(
        re.sub(r"[0-9]{1,3}(,[0-9]{3})+", lambda number: f"{int(number[0].replace(',', '')):.3e}", word)
        if len(word) > room
        else word
        for word in words
    )

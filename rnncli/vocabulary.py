"""The words of the output, one for each thing: the keys of JSON are also the columns of CSV, in every command.

`vocabulary.txt` lists each of them once, with its content, its meaning and perhaps a title. The writers look up there
how to format a column, the tests check every key of every command against it, and `rnncli help keys` is generated
from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from rnncli.immutable import NamedTuple
from rnncli.system import package_text

Content = Literal["numbers", "words", "code", "parts"]
"""The content of a key.

Code is text that one types, such as a spec, or a name in the model; words include shapes; parts are objects or lists
with their own keys.
"""


class Meaning(NamedTuple):
    """The meaning of some keys.

    Attributes:
        keys: the keys; several if one line explains them together.
        holds: the content of each key.
        text: their meaning, as in `rnncli help keys`.
        title: the name on the screen, if it is a figure in tables for people.
    """

    keys: tuple[str, ...]
    holds: Content
    text: str
    title: str = ""


def _parsed(line: str) -> Meaning:
    keys, holds, text, *title = line.split(" | ")
    return Meaning(tuple(keys.split(", ")), cast(Content, holds), text, *title)


_TEXT = package_text("vocabulary.txt").strip().replace("\n  ", " ")

GROUPS: Mapping[str, tuple[Meaning, ...]] = {
    of: tuple(map(_parsed, lines)) for of, *lines in map(str.splitlines, _TEXT.split("\n\n"))
}
"""The meaning of each key, grouped by the subject or command, as in `vocabulary.txt`."""

KEYS: Mapping[str, Meaning] = {key: meaning for group in GROUPS.values() for meaning in group for key in meaning.keys}
"""The meanings by key."""


def meaning_of(column: str) -> Meaning:
    """Return the meaning of a column of a table, or raise a KeyError if the vocabulary lacks it."""
    figure, _, change = column.rpartition("_")
    return KEYS[change if change in ("difference", "ratio", "min", "max") and figure in KEYS else column]


def title(key: str) -> str:
    """Return the name of a figure on the screen or, for other keys of the vocabulary, the key in words."""
    return meaning_of(key).title or key.replace("_", " ").capitalize()

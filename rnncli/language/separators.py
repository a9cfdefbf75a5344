"""Layers and fields with something else between them than commas and colons: `input:8 -> lstm:4`, `rnn 32`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rnncli.errors import SpecError, quote
from rnncli.language.hints import closest
from rnncli.language.source import lowered
from rnncli.layers import KINDS

_RUN = re.compile(r"[\s;|>/&,+-]+")
_MAX_GUESSES = 20
"""Different words of a text that are compared with the names of kinds; that is slow."""


class _Gap(NamedTuple):
    """What stands between two pieces of a text: where, and whether it can only stand between layers."""

    start: int
    end: int
    hard: bool


def other_separators(text: str) -> SpecError | None:
    """Return the error for the first such separator, with the repair for all of them, or None if there is none."""
    gaps = list(_gaps(text))
    if not gaps:
        return None
    ends = [gap.start for gap in gaps[1:]] + [len(text)]
    pieces = [text[gap.end : end] for gap, end in zip(gaps, ends, strict=True)]
    joiner = _Joiner(text[: gaps[0].start])
    for index, (gap, piece) in enumerate(zip(gaps, pieces, strict=True)):
        joiner.add(gap, piece, "".join(pieces[index + 1 : index + 2]))
    repair = re.sub(",+", ",", "".join(joiner.parts)).strip(",")
    if not repair:
        return None
    marks = joiner.parts[1::2]
    mark, gap = next(((mark, gap) for mark, gap in zip(marks, gaps, strict=True) if mark), (",", gaps[0]))
    between = text[gap.start : gap.end].strip()
    start, end = gap.start, gap.end
    if between:
        start = text.index(between, gap.start)
        end = start + len(between)
    name = quote(between) if between else "a space"
    said = {":": f"a colon stands before a field, not {name}", ",": f"layers are separated by commas, not by {name}"}
    leads = {":": "with colons", ",": "with commas"}
    return SpecError(said[mark], text=text, span=(start, end), lead=leads[mark], repair=repair)


def _gaps(text: str) -> Iterator[_Gap]:
    """Yield the separators of a text that are none of the language."""
    for run in _RUN.finditer(text):
        marks = "".join(run[0].split())
        dashes = bool(marks) and not marks.strip("-+") and run[0][0].isspace() and run[0][-1].isspace()
        if marks.strip(",-+") or dashes:
            yield _Gap(run.start(), run.end(), hard=True)
        elif not marks and not {text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]} & {":", "=", ""}:
            # Spaces are allowed at the ends, and around the marks of the language.
            yield _Gap(run.start(), run.end(), hard=False)


class _Joiner:
    """Puts pieces together with what belongs between them.

    Attributes:
        parts: the pieces so far, with the marks between them.
        kind: the kind of the last layer.
    """

    def __init__(self, first: str) -> None:
        self.parts = [first]
        self.kind = _kind(first)
        self.known: dict[str, bool] = {}

    def add(self, gap: _Gap, piece: str, following: str) -> None:
        """Add a piece.

        Args:
            gap: what stands before it.
            piece: the piece.
            following: the piece behind it.
        """
        mark = "," if gap.hard else self._mark(piece, following)
        self.parts += [mark, piece]
        if (mark == "," and not piece[:1].isdigit()) or "," in piece:
            self.kind = _kind(piece)

    def _mark(self, piece: str, following: str) -> str:
        """Return what stands for spaces before a piece: a comma before a layer, a colon before a field."""
        before = self.parts[-1]
        if not before or not piece or (piece[0].isdigit() and before[-1].isdigit()):
            return ","
        cls = KINDS.get(self.kind)
        if before in ("x", "X"):
            return ""
        if before[-1].isdigit() and re.match("[xX](?:[0-9]|$)", piece):
            return "" if piece in ("x", "X") or (cls is not None and len(cls.sizes.attributes) > 1) else ":"
        first = piece.partition(",")[0].strip()
        word = _kind(first)
        field = cls is not None and any(option.spells(word) for option in cls.options)
        if field and ("=" in first or (word == lowered(first) and not following[:1].isdigit())):
            return ":"
        return "," if ":" in first or self._is_kind(word) else ":"

    def _is_kind(self, word: str) -> bool:
        """Return whether a word is meant as a kind of layer."""
        if word in KINDS:
            return True
        if word not in self.known and len(self.known) < _MAX_GUESSES:
            self.known[word] = closest(word, KINDS) is not None
        return self.known.get(word, False)


def _kind(piece: str) -> str:
    """Return the name of the kind of the last layer in a piece."""
    return lowered(re.split("[:=(]", piece.rpartition(",")[2], maxsplit=1)[0].strip())

"""The candidates of a sweep, written as they are found; without Rich, since there may be millions.

For people they are a table and, for a frontier, a plot of its position among all candidates. An axis is logarithmic if
its numbers span a power of ten, so that a knee is visible at any scale.

For programs, a writer is called once for each form of row, with numbers that occur nowhere else. Its output is cut at
these numbers, and the rows of all candidates of that form are filled in. This code therefore does not depend on the
format; it only relies on a number being written as its digits, and a plain spec as itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from itertools import groupby
from math import ceil, floor, log10
from types import NoneType
from typing import TYPE_CHECKING, Any

from rnncli.immutable import NamedTuple
from rnncli.network_summary import TOTALS, Setting
from rnncli.quantities import figure_text, shape_text, short
from rnncli.render.results import Record, Writer
from rnncli.render.terminal import INDENT, UNLIMITED, wrapped
from rnncli.vocabulary import title

if TYPE_CHECKING:
    from rnncli.search.forms import Candidate
    from rnncli.search.frontier import Cloud

_TITLES = {key: title(key) for key in (*TOTALS, "output_shape")}
"""The titles of the columns before the spec."""

_LEAVE = (
    *("training_bytes", "streaming_bytes", "output_bytes", "macs_per_step"),
    *("output_shape", "macs", "total_bytes", "total_params"),
)
"""The order in which columns are dropped from a table that is too wide."""

_GAP = "  "

_FEWEST = 3
"""The least number of points for a plot."""

_LEAST_ROOM = 24
"""The least width for a spec next to its figures; the longest number in a spec fits."""

Row = dict[str, str]
"""The texts of a candidate by its keys."""

Point = tuple[float, float]


class CandidateTable(Writer):
    """Writes candidates in columns. The spec comes last, since the length of later ones is unknown.

    The other columns are as wide as the rows so far need, and grow later. A figure that is the same in all rows of the
    first batch is given above the table instead of in a column; if it changes later, the column appears from then on,
    under new titles.

    Args:
        width: the width of the terminal. If the table is too wide, columns are dropped and specs wrapped; if not even
            the last column fits, each candidate's figures are listed below its spec.
        asked: the keys by which the candidates were sorted or chosen, whose columns are dropped last.
        cloud: the points of all candidates, of which these are the frontier, for a plot below; None for no plot.
    """

    def __init__(self, width: int = UNLIMITED, asked: Container[str] = (), cloud: Cloud | None = None) -> None:
        super().__init__()
        self._width = width
        self._kept = sorted(_LEAVE, key=lambda key: key in asked)
        """The columns that are not dropped, in the order in which they would be."""
        self._cloud = cloud
        self._points: list[Point] = []
        self._same: Record = {}
        self._shown: list[str] | None = None
        """The columns before the spec; None until there are rows."""
        self._widths = {key: len(text) for key, text in _TITLES.items()}
        self._in_blocks = False

    def rows(self, records: Sequence[Any], /) -> str:
        """Return the rows of some candidates, with titles above the first row and wherever the columns change."""
        if self._cloud is not None:
            self._points += points_of(records, self._cloud)
        before = self._shown
        self._same = _same_in_all(records, None if before is None else self._same)
        common = {key: _text(key, value) for key, value in self._same.items()}
        others = [key for key in _TITLES if key not in self._same]
        rows = [record | common | {key: _text(key, record[key]) for key in others} for record in records]
        self._fit(rows)
        lines: list[str] = []
        if before is None or (not self._in_blocks and before != self._shown):
            lines += self._above()
            lines += [] if self._in_blocks else [self._template % {**_TITLES, "spec": "Spec"}]
        for row in rows:
            lines += self._lines(row)
        return "".join(f"{line}\n" for line in lines)

    def end(self) -> str:
        """Return a line that names the dropped columns, and the plot."""
        lines: list[str] = []
        left = [text for key, text in _TITLES.items() if key not in self._kept and key not in self._same]
        if left and not self._in_blocks:
            lines += wrapped(f"{', '.join(left)}: shown on a wider terminal", self._width)
        if self._cloud is not None:
            lines += picture(self._points, self._cloud, self._width)
        return "".join(f"{line}\n" for line in lines)

    def _fit(self, rows: Sequence[Row]) -> None:
        """Widen the columns for some more rows, and drop columns until there is room for the specs."""
        for key, seen in self._widths.items():
            some = rows[:1] if key in self._same else rows
            self._widths[key] = max(seen, *[len(row[key]) for row in some])
        least = min(_LEAST_ROOM, max(len(row["spec"]) for row in rows))
        shown = [key for key in _TITLES if key in self._kept and key not in self._same]
        while (room := self._width - sum(self._widths[key] + len(_GAP) for key in shown)) < least and len(shown) > 1:
            dropped = next(key for key in self._kept if key in shown)
            self._kept.remove(dropped)
            shown.remove(dropped)
        signs = {key: "-" if key == "output_shape" else "" for key in shown}
        cells = [f"%({key}){sign}{self._widths[key]}s" for key, sign in signs.items()]
        self._shown, self._room, self._in_blocks = shown, room, self._in_blocks or room < least
        self._template = _GAP.join([*cells, "%(spec)s"])

    def _above(self) -> Iterator[str]:
        """Yield the lines with the figures that are the same in all rows."""
        known = [f"{_TITLES[key]} {_text(key, value)}" for key, value in self._same.items() if value is not None]
        if known:
            yield from wrapped(f"The same in every row: {', '.join(known)}", self._width)

    def _lines(self, row: Row) -> Iterator[str]:
        """Yield a candidate as a line, with its spec wrapped if that is too long, or as a block."""
        line = self._template % row
        if self._in_blocks:
            yield from wrapped(row["spec"], self._width)
            figures = [f"{text} {row[key]}" for key, text in _TITLES.items() if key not in self._same]
            for figure in figures:
                yield from (f"{' ' * INDENT}{part}" for part in wrapped(figure, self._width - INDENT))
        elif len(line) <= self._width:
            yield line
        else:
            first, *further = wrapped(row["spec"], self._room)
            yield self._template % {**row, "spec": first}
            yield from (" " * (self._width - self._room) + part for part in further)


def _text(key: str, value: Any) -> str:
    return shape_text(value) if key == "output_shape" else figure_text(key, value)


def _same_in_all(records: Sequence[Record], before: Record | None) -> Record:
    """Return the figures that are the same in all candidates: at first of any column, later of those so far.

    A single first candidate says nothing about later ones, except which figures are unknown.
    """
    if before is None:
        first = records[0]
        before = {key: first[key] for key in _TITLES if len(records) > 1 or first[key] is None}
    return {key: value for key, value in before.items() if all(record[key] == value for record in records)}


# The plot of a frontier


def points_of(records: Sequence[Record], cloud: Cloud) -> list[Point]:
    """Return the points of candidates in a cloud's plane, for those with both figures known."""
    figures = ({"output_features": record["output_shape"][-1], **record} for record in records)
    points = ([record[key] for key in cloud.asked] for record in figures)
    return [(across, up) for across, up in points if across is not None and up is not None]


def _axis_title(key: str) -> str:
    if key == "output_features":
        return "Output features"
    return f"{title(key)} in bytes" if key.endswith("_bytes") else title(key)


_WIDEST, _NARROWEST = 72, 12
"""The most and the least columns of the plot."""

_ROWS = 15
"""The rows of the plot."""

_OTHER, _OUTSTANDING = "·", "●"

_APART = 3
"""The least distance between two numbers on the axis, in columns."""


class Axis(NamedTuple):
    """An axis of a plot: its smallest and its largest number, and the number of its rows or columns."""

    least: float
    most: float
    cells: int

    @property
    def is_logarithmic(self) -> bool:
        """Whether the scale is logarithmic."""
        return self.most >= 10 * self.least

    def place(self, number: float) -> int:
        """Return the row or column of a number."""
        least, most, here = (log10(each) if self.is_logarithmic else each for each in (self.least, self.most, number))
        share = (here - least) / (most - least) if most > least else 0
        return round(share * (self.cells - 1))

    def ticks(self) -> list[float]:
        """Return round numbers on the axis, in ascending order."""
        if self.most == self.least:
            return [self.least]
        if self.is_logarithmic:
            powers = range(floor(log10(self.least)), ceil(log10(self.most)) + 1)
            steps = (1,) if self.most >= 1000 * self.least else (1, 2, 5)
            numbers = [step * 10.0**power for power in powers for step in steps]
        else:
            unit = 10.0 ** floor(log10(self.most - self.least))
            step = next(each * unit for each in (0.2, 0.5, 1, 2) if (self.most - self.least) / (each * unit) <= 6)
            step = max(1, step)  # every figure is a whole number
            numbers = [place * step for place in range(floor(self.least / step), ceil(self.most / step) + 1)]
        return [number for number in numbers if self.least <= number <= self.most]


def picture(frontier: Sequence[Point], cloud: Cloud, width: int) -> list[str]:
    """Return the lines of a plot of a frontier among all candidates, after an empty line; none for too few points."""
    others = cloud.points()
    if not frontier or len({*others, *frontier}) < _FEWEST:
        return []
    points, marked = ([(max(across, 1), max(up, 1)) for across, up in some] for some in (others, frontier))
    right, high = zip(*points, *marked, strict=True)
    up = Axis(min(high), max(high), _ROWS if min(high) < max(high) else 1)
    labels = {up.place(tick): short(tick) for tick in up.ticks()}
    margin = max(map(len, labels.values()), default=0)
    room = min(_WIDEST, width - margin - 3)
    titles = [*map(_axis_title, cloud.asked)]
    note = f"{titles[0]} across, {titles[1]} up. ● are the rows above, · all other candidates."
    if room < _NARROWEST:
        return ["", *wrapped(note, width)]
    across = Axis(min(right), max(right), room)
    plane = [[" "] * room for _ in range(up.cells)]
    for some, character in ((points, _OTHER), (marked, _OUTSTANDING)):
        for column, row in some:
            plane[up.place(row)][across.place(column)] = character
    lines = [
        f"{labels.get(row, ''):>{margin}} {'┤' if row in labels else '│'}{''.join(plane[row])}".rstrip()
        for row in range(up.cells - 1, -1, -1)
    ]
    rule, numbers = _below(across)
    lines += [f"{'':>{margin}} └{rule}", f"{'':>{margin}}  {numbers}".rstrip()]
    return ["", *lines, *wrapped(note, min(width, margin + 2 + _WIDEST))]


def _below(axis: Axis) -> tuple[str, str]:
    """Return the axis below a plot, and as many numbers on it as fit."""
    rule = ["─"] * axis.cells
    numbers = ""
    for tick in axis.ticks():
        text, place = short(tick), axis.place(tick)
        start = min(max(0, place - len(text) // 2), axis.cells - len(text))
        if not numbers or start >= len(numbers) + _APART:
            rule[place] = "┬"
            numbers = numbers.ljust(start) + text
    return "".join(rule), numbers


# Rows for programs

_SPEC = "input:7777777,lstm:7777777"
_MARK = 10**30

_PLAIN = re.compile(r"[ !#-%(-;=?-\[\]-_a-{}~]*")
"""Characters that no format escapes: printable ASCII, except for " & ' < > \\ ` and |."""


class RowTexts:
    """Writes the rows of candidates in a setting, with a writer that writes the rows of any records."""

    def __init__(self, writer: Writer, setting: Setting) -> None:
        self._writer = writer
        self._writer.rows([])  # rows without a head
        self._setting = setting
        self._forms: dict[tuple[type, ...], Callable[..., str]] = {}
        """A function that returns a row, given its spec and its values, by the types of the values."""

    def rows(self, candidates: Sequence[Candidate]) -> str:
        """Return the rows of some candidates."""
        specs, shapes, *figures = zip(*candidates, strict=True)
        if not _PLAIN.fullmatch("".join(specs)) or not all("," in spec for spec in specs):
            return self._writer.rows([candidate.as_dict(self._setting) for candidate in candidates])
        columns = [*zip(*shapes, strict=False), *figures]
        types = [{*map(type, column)} for column in columns]
        if len({*map(len, shapes)}) > 1 or any(len(some) > 1 for some in types):
            runs = groupby(candidates, key=lambda each: (*map(type, each[1]), *map(type, each[2:])))  # None if unknown
            return "".join([self.rows([*run]) for _, run in runs])
        alike = tuple(each for (each,) in types)
        if alike not in self._forms:
            self._forms[alike] = self._form(candidates[0], alike)
        return "".join(map(self._forms[alike], specs, *columns))

    def _form(self, candidate: Candidate, types: tuple[type, ...]) -> Callable[..., str]:
        """Return the function for rows like that of a candidate, given the types of its values."""
        values: list[Any] = [None if each is NoneType else _MARK + place for place, each in enumerate(types, start=1)]
        sizes = len(candidate.output_shape)
        marked = type(candidate)(_SPEC, tuple(values[:sizes]), *values[sizes:])
        row = re.sub("[{}]", r"\g<0>\g<0>", self._writer.rows([marked.as_dict(self._setting)]))
        for place, mark in enumerate([_SPEC, *map(str, values)]):
            row = row if mark == "None" else row.replace(mark, f"{{{place}}}")
        return row.format

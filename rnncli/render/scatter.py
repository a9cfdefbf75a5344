"""A picture of points in a plane, some of which stand out; without Rich, as the table that it belongs to.

An axis is logarithmic where its numbers span a power of ten, so that a knee is seen whatever the sizes are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from rnncli.render.wrapping import wrapped

_WIDEST, _NARROWEST = 72, 12
"""Columns of the plane."""

_ROWS = 15
"""Rows of the plane."""

_OTHER, _OUTSTANDING = "·", "●"

_GAP = 3
"""Columns between two numbers on the axis, at least."""

Point = tuple[float, float]


class Axis(NamedTuple):
    """An axis of a picture.

    Attributes:
        least: its smallest number.
        most: its largest number.
        cells: how many rows or columns it has.
    """

    least: float
    most: float
    cells: int

    @property
    def is_logarithmic(self) -> bool:
        """Whether each power of ten takes as much room."""
        return self.most >= 10 * self.least

    def place(self, number: float) -> int:
        """Return the row or column of a number."""
        least, most, here = (log10(each) if self.is_logarithmic else each for each in (self.least, self.most, number))
        return (
            0
            if most == least
            else max(0, min(self.cells - 1, round((here - least) / (most - least) * (self.cells - 1))))
        )

    def ticks(self) -> list[float]:
        """Return round numbers on it, in ascending order."""
        if self.most == self.least:
            return [self.least]
        if self.is_logarithmic:
            powers = range(floor(log10(self.least)), ceil(log10(self.most)) + 1)
            steps = (1,) if self.most >= 1000 * self.least else (1, 2, 5)
            numbers = [step * 10.0**power for power in powers for step in steps]
        else:
            unit = 10.0 ** floor(log10(self.most - self.least))
            step = next(each * unit for each in (0.2, 0.5, 1, 2) if (self.most - self.least) / (each * unit) <= 6)
            numbers = [place * step for place in range(floor(self.least / step), ceil(self.most / step) + 1)]
        return [number for number in numbers if self.least <= number <= self.most]


def scatter(
    others: Iterable[Point], outstanding: Sequence[Point], titles: tuple[str, str], width: int | None, note: str
) -> list[str]:
    """Return the lines of a picture.

    Args:
        others: the points.
        outstanding: those that stand out.
        titles: what grows to the right, and what upwards.
        width: the columns of the terminal, or None where nothing limits a line.
        note: what the points are, below the picture.
    """
    points = [(max(across, 1), max(up, 1)) for across, up in others]
    marked = [(max(across, 1), max(up, 1)) for across, up in outstanding]
    every = points + marked
    up = Axis(min(up for _, up in every), max(up for _, up in every), _ROWS)
    labels = {up.place(tick): short(tick) for tick in up.ticks()}
    margin = max(map(len, labels.values()), default=0)
    room = _WIDEST if width is None else min(_WIDEST, width - margin - 3)
    note = f"{titles[0]} across, {titles[1]} up. {note}"
    if room < _NARROWEST:
        return [*wrapped(note, width or _WIDEST)]
    across = Axis(min(across for across, _ in every), max(across for across, _ in every), room)
    plane = [[" "] * room for _ in range(_ROWS)]
    for some, character in ((points, _OTHER), (marked, _OUTSTANDING)):
        for right, high in some:
            plane[up.place(high)][across.place(right)] = character
    lines = [
        f"{labels.get(row, ''):>{margin}} {'┤' if row in labels else '│'}{''.join(plane[row])}".rstrip()
        for row in range(_ROWS - 1, -1, -1)
    ]
    rule, numbers = _below(across)
    lines += [f"{'':>{margin}} └{rule}", f"{'':>{margin}}  {numbers}".rstrip()]
    return [*lines, *wrapped(note, min(width or _WIDEST, margin + 2 + _WIDEST))]


def _below(axis: Axis) -> tuple[str, str]:
    """Return the axis below a picture, and the numbers on it, as many as there is room for."""
    rule = ["─"] * axis.cells
    numbers = ""
    for tick in axis.ticks():
        text, place = short(tick), axis.place(tick)
        start = min(max(0, place - len(text) // 2), axis.cells - len(text))
        if not numbers or start >= len(numbers) + _GAP:
            rule[place] = "┬"
            numbers = numbers.ljust(start) + text
    return "".join(rule), numbers


def short(number: float) -> str:
    """Return a round number in few characters: 500, 20k, 1.5M."""
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.4g}{unit}"
    return f"{number:.4g}"

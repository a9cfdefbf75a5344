"""Rows of cells over time, one below another: how many bins share a cell, the labels at the left, the legends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from rnncli.engine.types import Bins
from rnncli.render.console import drawing_width
from rnncli.render.layout import hanging

_WIDEST_CELL = 4
_LABEL = len("saturated")
"""The width of the labels at the left."""


class TimeCells(NamedTuple):
    """The cells of a row: one for each bin of time or, where there is no room for all, one for several.

    Attributes:
        picture_width: the width of the whole picture.
        bins: how many bins share a cell.
        cell_width: the width of a cell.
    """

    picture_width: int
    bins: int
    cell_width: int

    @classmethod
    def fitting(cls, console: Console, bins: int) -> TimeCells:
        """Return the cells that show so many bins."""
        width = drawing_width(console)
        available = max(1, width - _LABEL - 3)
        bins_per_cell = ceil(bins / available)
        cells = ceil(bins / bins_per_cell)
        return cls(width, bins_per_cell, min(_WIDEST_CELL, available // cells))

    def starts(self, time_bins: tuple[int, ...]) -> tuple[int, ...]:
        """Return the first step of each cell, given that of each bin."""
        return time_bins[:: self.bins]

    def merge(self, values: Bins, how: Callable[[list[float]], float]) -> Bins:
        """Return a value for each cell: `how` of the values of its bins, or None if all of them are padding."""
        groups = (values[start : start + self.bins] for start in range(0, len(values), self.bins))
        present = ([value for value in group if value is not None] for group in groups)
        return tuple(how(group) if group else None for group in present)

    def means(self, values: Bins) -> Bins:
        """Return the mean for each cell. All bins count the same: their lengths differ by one step at most."""
        return self.merge(values, lambda group: sum(group) / len(group))

    def axis(self, labels: Sequence[str], last: str, spacing: int) -> str:
        """Return an axis: some labels, each below the start of its cell, and at the end that of the last step.

        Args:
            labels: the label of each cell.
            last: that of the last step.
            spacing: columns from one label to the next.
        """
        width = len(labels) * self.cell_width
        line = named = ""
        for column in range(0, width, spacing):
            cell = column // self.cell_width
            label = labels[cell]
            if column == 0 or cell * self.cell_width + len(label) + 2 <= width - len(last):
                line, named = line.ljust(cell * self.cell_width) + label, label
        fits = last != named and len(labels) > 1 and len(line) < width - len(last)
        return line + last.rjust(width - len(line)) if fits else line


def print_legend(console: Console, cells: TimeCells, parts: Sequence[Text], between: str = "") -> None:
    """Print what the rows above show, in as many lines as it takes; a part is broken only if it is too long for one.

    Args:
        console: where it is printed.
        cells: the cells of the rows.
        parts: what is to be said, such as what each character means.
        between: what stands between two of them.
    """
    room = max(1, cells.picture_width - _LABEL - 3)
    end = between.rstrip()
    line = Text()
    for part in parts:
        if line and line.cell_len + len(between) + part.cell_len + len(end) > room:
            _print_lines(console, line.append(end), room)
            line = Text()
        line = Text(between).join([line, part]) if line else part
    _print_lines(console, line, room)


def _print_lines(console: Console, text: Text, room: int) -> None:
    for line in hanging(console, text, width=room):
        print_row(console, "", line)


def print_text(console: Console, text: Text, start: int = 0) -> None:
    """Print a text as wide as a picture, its lines indented by `start` columns."""
    for line in hanging(console, text, start, drawing_width(console)):
        console.print(line, soft_wrap=True)


def print_row(console: Console, label: str, *parts: tuple[str, str] | Text) -> None:
    """Print a row of cells, its label at the left."""
    console.print(Text.assemble(f" {label:>{_LABEL}} ", *parts), soft_wrap=True)

"""Pictures over time: rows of cells one below another, the characters and colours that stand for numbers, legends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from rnncli.engine.types import Bins
from rnncli.render.blocks import hanging
from rnncli.render.console import drawing_width

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


def legend(console: Console, cells: TimeCells, parts: Sequence[Text], between: str = "") -> Iterator[Text]:
    """Yield what the rows above show, in as many lines as it takes; a part is broken only if it is too long for one.

    Args:
        console: where it is shown.
        cells: the cells of the rows.
        parts: what is to be said, such as what each character means.
        between: what stands between two of them.
    """
    room = max(1, cells.picture_width - _LABEL - 3)
    end = between.rstrip()
    lines = [Text()]
    for part in parts:
        line = lines[-1]
        if line and line.cell_len + len(between) + part.cell_len + len(end) > room:
            line.append(end)
            lines.append(part)
        else:
            lines[-1] = Text(between).join([line, part]) if line else part
    for line in lines:
        for each in hanging(console, line, width=room):
            yield row("", each)


def words(console: Console, text: Text, start: int = 0) -> Iterator[Text]:
    """Yield the lines of a text as wide as a picture, indented by `start` columns."""
    yield from hanging(console, text, start, drawing_width(console))


def row(label: str, *parts: tuple[str, str] | Text) -> Text:
    """Return a row of cells, its label at the left."""
    return Text.assemble(f" {label:>{_LABEL}} ", *parts)


DECADES = 4
"""How many powers of ten the bars of the effect span."""


LEVELS = "≡=-·+*#"
"""The characters of cells, from the most negative to the most positive value."""

_BARS = "▁▂▃▄▅▆▇█"
"""Those of the rows of bars, from the lowest to the highest."""

BROKEN = "?"
"""Stands for a value that is not a finite number."""


def log_height(share: float | None) -> float | None:
    """Return the height of a share on a logarithmic scale: 1 for the whole, 0 for the least that the scale shows."""
    return 1 + log10(share) / DECADES if share else share


def bar(height: float | None) -> str:
    """Return the bar of a height from 0 to 1."""
    if height is None:
        return " "
    if not isfinite(height):
        return BROKEN
    return _BARS[max(0, min(len(_BARS) - 1, floor(height * len(_BARS))))]


def curve(shares: Iterable[float | None]) -> str:
    """Return shares of the whole as a row of bars on a logarithmic scale."""
    return "".join(bar(log_height(share)) for share in shares)


_ON_DARK = (
    *("on #5fd7ff", "on #00afff", "on #0087af", "on #005f87", "on #00005f"),
    "on #121212",
    *("on #5f0000", "on #870000", "on #d70000", "on #ff5f5f", "on #ffafaf"),
)
_ON_LIGHT = (
    *("on #005faf", "on #005fff", "on #5f87ff", "on #87afff", "on #afd7ff"),
    "on #ffffff",
    *("on #ffd7d7", "on #ff8787", "on #ff5f5f", "on #d70000", "on #af0000"),
)
"""The colours of values with a sign, from the most negative through zero to the most positive.

Zero is next to the ground, and each side departs from it step by step. All are colours of the 256 that terminals have,
so that a terminal of 256 colours shows them as they are and none changes places.
"""

_SIGNS = (*["bright_blue"] * 3, "", *["bright_red"] * 3)
"""With 16 colours the sign alone is shown, by those two that stand out from black and from white in every palette."""


def signed_styles(console: Console) -> Sequence[str]:
    """Return the styles for values from the most negative to the most positive; the one in the middle is for zero.

    Where a console has enough colours they are grounds, and need no characters on them.
    """
    if console.no_color or console.color_system not in ("256", "truecolor"):
        return _SIGNS
    return _ON_LIGHT if getattr(console, "is_light", False) else _ON_DARK


def nearest_style(styles: Sequence[str], share: float) -> str:
    """Return the style of a value that is given as a share of the largest: -1 to 1."""
    half = len(styles) // 2
    return styles[half + max(-half, min(half, round(share * (half + 0.5))))]

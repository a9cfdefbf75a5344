"""The characters that stand for numbers in a picture: levels of either sign, and bars; each has a form in ASCII."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, isfinite, log10
from typing import NamedTuple

DECADES = 4
"""How many powers of ten the bars of the effect span."""


class Symbols(NamedTuple):
    """The characters of a picture.

    Attributes:
        levels: for the cells, from the most negative to the most positive.
        bars: for the rows of bars, from the lowest to the highest.
    """

    levels: str
    bars: str


UNICODE = Symbols(levels="≡=-·+*#", bars="▁▂▃▄▅▆▇█")
ASCII = Symbols(levels="E=-.+*#", bars="_.-:=+*#")
BROKEN = "?"
"""Stands for a value that is not a finite number."""


def log_height(share: float | None) -> float | None:
    """Return the height of a share on a logarithmic scale: 1 for the whole, 0 for the least that the scale shows."""
    return 1 + log10(share) / DECADES if share else share


def bar(height: float | None, symbols: Symbols) -> str:
    """Return the bar of a height from 0 to 1."""
    if height is None:
        return " "
    if not isfinite(height):
        return BROKEN
    return symbols.bars[max(0, min(len(symbols.bars) - 1, floor(height * len(symbols.bars))))]


def curve(shares: Iterable[float | None], symbols: Symbols = UNICODE) -> str:
    """Return shares of the whole as a row of bars on a logarithmic scale."""
    return "".join(bar(log_height(share), symbols) for share in shares)

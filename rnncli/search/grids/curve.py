"""Numbers that depend on an x that is still open: what a layer costs, whatever its size."""

from __future__ import annotations

from itertools import repeat
from typing import Any

Terms = tuple[int, int, int]
"""The coefficients of 1, x and x²."""


class Curve:
    """The highest of some polynomials in x, for an x from 0 on.

    It can be added, multiplied by what is not negative, and put in the place of a number that is only counted. It
    cannot be compared.

    Args:
        parts: the polynomials.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: list[Terms]) -> None:
        self.parts = parts

    def at(self, x: int) -> int:
        """Return its value at x."""
        return max([one + x * (by_x + by_xx * x) for one, by_x, by_xx in self.parts])

    def __add__(self, other: int | Curve) -> Curve:
        if isinstance(other, int):
            return Curve([(one + other, by_x, by_xx) for one, by_x, by_xx in self.parts])
        return Curve([(a + d, b + e, c + f) for a, b, c in self.parts for d, e, f in other.parts])

    __radd__ = __add__

    def __mul__(self, other: int) -> Curve:
        if not isinstance(other, int):
            return NotImplemented
        return Curve([(one * other, by_x * other, by_xx * other) for one, by_x, by_xx in self.parts])

    __rmul__ = __mul__

    def __eq__(self, other: object) -> Any:
        raise TypeError("what depends on an open number cannot be compared")

    __hash__ = None  # type: ignore[assignment]

    def or_more(self, other: int | Curve) -> Curve:
        """Return the larger of two."""
        parts = self.parts
        for part in other.parts if isinstance(other, Curve) else [(other, 0, 0)]:
            if not any(map(_covers, parts, repeat(part))):
                parts = [part, *[each for each in parts if not _covers(part, each)]]
        return Curve(parts)


def _covers(one: Terms, other: Terms) -> bool:
    """Return whether a polynomial is nowhere below another, term by term."""
    return one[0] >= other[0] and one[1] >= other[1] and one[2] >= other[2]


class Open:
    """Stands for an x that is open."""

    __slots__ = ()


OPEN = Open()

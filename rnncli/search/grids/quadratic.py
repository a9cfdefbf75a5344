"""Polynomials in two numbers that are not known yet.

A layer with a `Quadratic` for its units, which reads a `Quadratic` number of features, declares weights whose sizes are
`Quadratic`: one look at its declarations gives its counts for all sizes.
"""

from __future__ import annotations

from typing import Any

from rnncli.layers.sizes import Unknown
from rnncli.search.grids.curve import OPEN, Curve


class Quadratic(Unknown):
    """A polynomial in x and y of at most the second degree, with whole coefficients.

    It can be added and multiplied, with numbers too, as long as the degree allows it.

    Args:
        terms: the coefficients of 1, x, y, x², xy, y².
    """

    __slots__ = ("terms",)

    def __init__(self, terms: tuple[int, ...]) -> None:
        self.terms = terms

    @classmethod
    def of(cls, value: int | Quadratic) -> Quadratic:
        """Return a number as a constant polynomial, and a polynomial as it is."""
        return value if isinstance(value, Quadratic) else cls((value, 0, 0, 0, 0, 0))

    @property
    def degree(self) -> int:
        """The degree of the polynomial; a constant has degree 0."""
        _, b, c, *squares = self.terms
        return 2 if any(squares) else 1 if b or c else 0

    def at(self, x: Any, y: Any) -> Any:
        """Return its value at x and y, numbers or arrays of them; a curve where it depends on an x that is open."""
        # The terms in x alone come first, then those in y: where these are axes, little is done for each pair.
        one, by_x, by_y, by_xx, by_xy, by_yy = self.terms
        if x is OPEN:
            one, by_x = one + y * (by_y + by_yy * y), by_x + by_xy * y
            return Curve([(one, by_x, by_xx)]) if by_x or by_xx else one
        return one + x * (by_x + by_xx * x) + y * (by_y + by_yy * y) + by_xy * x * y

    def __add__(self, other: int | Quadratic) -> Quadratic:
        if not isinstance(other, int | Quadratic):
            return NotImplemented
        return Quadratic(tuple(mine + yours for mine, yours in zip(self.terms, Quadratic.of(other).terms, strict=True)))

    __radd__ = __add__

    def __mul__(self, other: int | Quadratic) -> Quadratic:
        if not isinstance(other, int | Quadratic):
            return NotImplemented
        other = Quadratic.of(other)
        a, b, c, d, e, f = self.terms
        A, B, C, D, E, F = other.terms
        if self.degree + other.degree > 2:
            raise TypeError("the product is no polynomial of the second degree")
        return Quadratic(
            (
                a * A,
                a * B + b * A,
                a * C + c * A,
                a * D + b * B + d * A,
                a * E + b * C + c * B + e * A,
                a * F + c * C + f * A,
            )
        )

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quadratic) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)

    def __repr__(self) -> str:
        return f"Quadratic({self.terms})"

    def __bool__(self) -> bool:
        raise TypeError("a number that is not known yet cannot be told from zero")


X = Quadratic((0, 1, 0, 0, 0, 0))
Y = Quadratic((0, 0, 1, 0, 0, 0))

"""All numbers for several blanks that may fit, tried in blocks of arrays.

The figures of the network are polynomials in the numbers, which only grow with each of them. So where some numbers are
chosen, the largest that fits for the next blank, all others being smallest, is found by bisection, for a block of
choices at once. One blank after another is given every number up to that; the last is given the largest alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from rnncli.language.spec import MAX_LAYERS
from rnncli.layers.cost import Totals
from rnncli.layers.sizes import Blank
from rnncli.search.blanks.problem import Found, Point, Problem
from rnncli.search.polynomial import Polynomial

BLOCK = 2**16
"""How many points are tried at a time."""

SAFE = 2**62
"""Figures below it can be added in 64 bits; others are computed with Python's own integers."""

_COUNTABLE = 10**6
"""So many numbers for the first blank are looked at to know how many points there are."""


class Limit(NamedTuple):
    """A limit for a figure that is the largest of some polynomials."""

    polynomials: tuple[Polynomial, ...]
    most: int


@dataclass(frozen=True)
class Symbols:
    """A network with symbols for some of its blanks: how many times the smallest number each is.

    A blank that says how often a layer is repeated is a symbol only for more than that: of the layers behind the first,
    each costs the same. Its symbol is one less.

    Attributes:
        problem: what is asked.
        free: the blanks with a symbol; all others have the smallest number.
        repeated: those of them that say how often layers are repeated.
    """

    problem: Problem
    free: tuple[Blank, ...]
    repeated: tuple[Blank, ...]

    @property
    def shifts(self) -> list[int]:
        """How much is added to each symbol."""
        return [int(blank in self.repeated) for blank in self.free]

    @cached_property
    def _numbers(self) -> dict[Blank, Any]:
        """A number or a polynomial for each blank."""
        multiple = self.problem.multiple_of
        numbers: dict[Blank, Any] = dict(self.problem.smallest)
        for place, (blank, shift) in enumerate(zip(self.free, self.shifts, strict=True)):
            numbers[blank] = Polynomial.unknown(place, len(self.free), multiple) + shift * multiple
        return numbers

    @cached_property
    def totals(self) -> Totals | None:
        """What the layers come to; None where there is no such network.

        Raises:
            NoPolynomialError: that is no polynomial.
        """
        return self.problem.totals(self._numbers)

    def _figure(self, key: str) -> tuple[Polynomial, ...]:
        assert self.totals is not None  # nobody asks where there is no network
        return tuple(Polynomial.of(part, len(self.free)) for part in self.problem.parts(key, self.totals))

    @cached_property
    def params(self) -> Polynomial:
        """The parameters."""
        (params,) = self._figure("total_params")
        return params

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """What is limited."""
        return tuple(Limit(self._figure(figure.key), most) for figure, most in self.problem.budget.limits.items())

    @cached_property
    def bounding(self) -> tuple[Limit, ...]:
        """All limits, that for the number of layers too."""
        times: list[Any] = [each.times for each in self.problem.template.filled(self._numbers)]
        return (*self.limits, Limit((Polynomial.of(sum(times), len(self.free)),), MAX_LAYERS))

    @property
    def grows(self) -> bool:
        """Whether whatever is limited grows with each number, or stays as it is, and every number is allowed."""
        if self.totals is None or self.totals.lengths:
            return self.totals is None
        return all(each.grows for limit in self.bounding for each in (self.params, *limit.polynomials))


@dataclass(frozen=True)
class Trials:
    """The numbers that may fit, as axes that start at 1.

    Attributes:
        problem: what is asked.
        symbols: what each axis is.
        exactly: whether the network must cost exactly what is allowed.
        bounds: the largest number on each axis, all others being smallest.
    """

    problem: Problem
    symbols: Symbols
    exactly: bool
    bounds: tuple[int, ...]

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The axes, in the order in which they are given numbers: the longest last.

        Behind them all stands one that has no parameters, such as the timesteps: it makes no difference to the others.
        """
        axes = range(len(self.bounds))
        return tuple(sorted(axes, key=lambda axis: (not self.symbols.params.has(axis), self.bounds[axis])))

    @cached_property
    def is_small(self) -> bool:
        """Whether all figures fit in 64 bits."""
        corner = [bound + 1 for bound in self.bounds]
        every = [self.symbols.params, *(each for limit in self.symbols.bounding for each in limit.polynomials)]
        return all(each.size_at(corner) < SAFE for each in every) and all(
            limit.most < SAFE for limit in self.symbols.limits
        )

    @cached_property
    def points(self) -> int:
        """How many points are tried at most. The last axis does not count."""
        import numpy as np

        lengths = [self.bounds[axis] + self.exactly for axis in self.order[:-1]]
        if len(lengths) < 2 or lengths[0] > _COUNTABLE:
            return prod(lengths)
        first = self._blocks(self._start(), 0, np.array(lengths[:1]))
        return sum(int(self._tried(points, 1).sum()) for points in first) * prod(lengths[2:])

    def search(self, found: Found, done: Callable[[float], object]) -> None:
        """Take in all points; `done` is called with how many have been tried, of `points`."""
        self._search(self._start(), 0, self.points, found, done)

    def _search(
        self, points: list[Any], level: int, share: float, found: Found, done: Callable[[float], object]
    ) -> None:
        """Take in what there is for points whose first numbers, as many as the level, are given."""
        if level == len(self.order) - 1:
            self._conclude(points, found)
            done(share)
            return
        tried = self._tried(points, level)
        blocks = -(-int(tried.sum()) // BLOCK)
        for block in self._blocks(points, level, tried):
            self._search(block, level + 1, share / blocks, found, done)

    def _start(self) -> list[Any]:
        """Return the one point of which no number is given: all are smallest."""
        import numpy as np

        return [np.ones(1, np.int64 if self.is_small else object) for _ in self.bounds]

    def _tried(self, points: list[Any], level: int) -> Any:
        """Return how many numbers for the next axis are tried, for each of some points.

        They are those that fit, and one beyond where that must be known.
        """
        return self._ends(points, self.order[level]).astype("int64") + self.exactly

    def _blocks(self, points: list[Any], level: int, tried: Any) -> Iterator[list[Any]]:
        """Yield points with each number that is tried for the next axis."""
        import numpy as np

        last = np.cumsum(tried)
        for start in range(0, int(last[-1]), BLOCK):
            flat = np.arange(start, min(start + BLOCK, int(last[-1])))
            place = np.searchsorted(last, flat, "right")
            block = [each[place] for each in points]
            block[self.order[level]] = (flat - last[place] + tried[place] + 1).astype(points[0].dtype)
            yield block

    def _ends(self, points: list[Any], axis: int) -> Any:
        """Return the largest number for one axis that fits, for each of some points; 0 where none does."""
        import numpy as np

        last = points[axis] * 0 + self.bounds[axis]
        for limit in self.symbols.bounding:
            for polynomial in limit.polynomials:
                parts = [part.at(points) for part in polynomial.in_unknown(axis)]
                last = np.minimum(last, _solution(parts, limit.most, last))
        return last

    def _conclude(self, points: list[Any], found: Found) -> None:
        """Take in points of which all numbers but the last are given."""
        last = self.order[-1]
        points[last] = self._ends(points, last)
        params = self.symbols.params.at(points) + points[last] * 0
        fitting = points[last] > 0
        if self.exactly:
            self._beyond(points, found)
            below, _ = self._best(params, fitting, points)
            found.below = max(filter(None, (found.below, below)), default=None)
            for limit in self.symbols.limits:
                fitting = fitting & (_largest(limit, points) == limit.most)
        point, count = self._best(params, fitting, points)
        if point is not None:
            found.add(point, count)

    def _best(self, params: Any, chosen: Any, points: list[Any]) -> tuple[Point | None, int]:
        """Return the best of the points that are chosen, and how many have as many parameters."""
        import numpy as np

        (places,) = np.nonzero(chosen)
        if not len(places):
            return None, 0
        most = params[places].max()
        places = places[params[places] == most]
        count = len(places)
        evenness = -self._spread(points, places)
        even = evenness.max()
        places = places[evenness == even]
        for axis in points:
            places = places[axis[places] == axis[places].max()]
        return Point(int(most), int(even), self._numbers(points, places[0])), count

    def _beyond(self, points: list[Any], found: Found) -> None:
        """Take in what exceeds the only limit least: each point with the next larger number on the last axis."""
        import numpy as np

        if len(self.symbols.limits) > 1:
            return
        (limit,) = self.symbols.limits
        last = self.order[-1]
        beyond = [*points]
        beyond[last] = points[last] + 1
        values = _largest(limit, beyond)
        (places,) = np.nonzero(values > limit.most)
        if len(places):
            least = values[places].min()
            place = places[values[places] == least][0]
            point = Point(int(least), 0, self._numbers(beyond, place))
            found.above = min(filter(None, (found.above, point)), key=lambda each: each.figure)

    def _spread(self, points: list[Any], places: Any) -> Any:
        """Return how far apart the sizes of some points are; those without parameters and repeats do not count."""
        import numpy as np

        smallest = self.problem.smallest
        sizes = {blank: points[0][places] * 0 + number for blank, number in smallest.items()}
        multiple = self.problem.multiple_of
        for axis, (blank, shift) in enumerate(zip(self.symbols.free, self.symbols.shifts, strict=True)):
            sizes[blank] = (points[axis][places] + shift) * multiple
            if not self.symbols.params.has(axis):
                del sizes[blank]
        counted = [size for blank, size in sizes.items() if blank not in self.problem.template.counts]
        if not counted:
            return points[0][places] * 0
        return np.maximum.reduce(counted) - np.minimum.reduce(counted)

    def _numbers(self, points: list[Any], place: Any) -> tuple[int, ...]:
        """Return the numbers of all blanks for a point."""
        numbers = self.problem.smallest
        for blank, shift, axis in zip(self.symbols.free, self.symbols.shifts, points, strict=True):
            numbers[blank] = (int(axis[place]) + shift) * self.problem.multiple_of
        return tuple(numbers.values())


def _value(parts: Sequence[Any], number: Any) -> Any:
    """Return a polynomial in one number by its coefficients, from that of the power 0 up."""
    value = parts[-1]
    for part in reversed(parts[:-1]):
        value = value * number + part
    return value


def _solution(parts: Sequence[Any], most: int, bound: Any) -> Any:
    """Return the largest numbers up to a bound at which polynomials that only grow come to `most` or less; 0 if none.

    Args:
        parts: the coefficients, from that of the power 0 up.
        most: what they may come to.
        bound: the largest numbers that are asked for.
    """
    import numpy as np

    if len(parts) == 1:
        return np.where(parts[0] <= most, bound, 0)
    if len(parts) <= 3 and bound.dtype != object:
        # In floating point it is off by one at most, where it is less than 2^31; then whole numbers decide.
        rest, linear = np.maximum(most - parts[0], 0).astype(float), np.asarray(parts[1], float)
        square = np.asarray(parts[2], float) if len(parts) == 3 else 0.0
        root = linear + np.sqrt(linear * linear + 4 * square * rest)
        with np.errstate(divide="ignore", invalid="ignore"):
            about = np.where(root > 0, 2 * rest / root, bound)
        low = np.clip(about, 1, bound).astype(np.int64) - 1
        high = np.minimum(low + 2, bound)
    else:
        low, high = bound * 0, bound
    while (low < high).any():
        middle = (low + high + 1) // 2
        fits = _value(parts, middle) <= most
        low, high = np.where(fits, middle, low), np.where(fits, high, np.maximum(middle - 1, low))
    return low


def _largest(limit: Limit, points: list[Any]) -> Any:
    """Return a figure that is limited, for each of some points."""
    import numpy as np

    return np.maximum.reduce([each.at(points) + points[0] * 0 for each in limit.polynomials])

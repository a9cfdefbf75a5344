"""The search over several blanks, in blocks of arrays.

The network's figures are polynomials that never decrease with any number. So when some numbers are chosen, the largest
that fits for the next blank, with the remaining blanks at their smallest, is found for a block of choices at once. Each
blank in turn gets every number up to that one; the last blank only gets the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np

from rnncli.errors import RnncliError, listed
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers.sizes import Blank, NoPolynomialError
from rnncli.search.budget import Figure, fit
from rnncli.search.forms import Form, Polynomial
from rnncli.search.problem import LISTED, BestPoints, Point, Problem, Watch

BLOCK = 2**16
"""The number of points to try at a time."""

SAFE = 2**62
"""Figures below this can be added in 64 bits; larger ones are computed with Python integers."""

MAX_EXACT = 10**6
"""The most points to try where a figure may exceed 64 bits, and Python integers are used."""

MAX_REPEATS = 6
"""The most blanks that are repeat counts: each doubles the number of cases."""

_MAX_FACTORS = 16
"""The number of larger multiples to check for one with few enough points."""

_COUNTABLE = 10**6
"""The most numbers for the first blank that are looked at one by one to count the points."""


@dataclass(frozen=True)
class Trials:
    """The numbers that may fit: an axis for some of the blanks, with multiples from 1 on.

    A blank that is a repeat count only has an axis for counts above the smallest, because only the layers after the
    first cost the same. Its index on the axis is one less than the multiple.

    Attributes:
        problem: the problem to solve.
        free: the blanks that have an axis; all others have their smallest number.
        repeated: the free blanks that are repeat counts.
    """

    problem: Problem
    free: tuple[Blank, ...]
    repeated: tuple[Blank, ...]

    def numbers(self, values: Iterable[Any]) -> dict[Blank, Any]:
        """Return the number for each blank, given the indices on the axes, or symbols for them."""
        given = zip(self.free, values, strict=True)
        more = {blank: (value + int(blank in self.repeated)) * self.problem.multiple_of for blank, value in given}
        return self.problem.smallest | more

    @cached_property
    def form(self) -> Form | None:
        """The form with a symbol for each axis; None if there is no such network."""
        return self.problem.form(self.numbers(map(Polynomial.unknown, range(len(self.free)))))

    @property
    def _network(self) -> Form:
        assert self.form is not None  # only used if there is a network
        return self.form

    @cached_property
    def params(self) -> Polynomial:
        """The number of parameters."""
        return Polynomial.of(self._network.totals.params)

    @cached_property
    def bounding(self) -> list[tuple[Polynomial, int]]:
        """All polynomials with a limit: those of the budget, the layers, and windows that must fit into sequences."""
        limits = self.problem.budget.limits.items()
        bounded = [(Polynomial.of(part), most) for of, most in limits for part in self._network.parts(of.key)]
        windows = [(-1 * length, -1) for length in self._network.totals.lengths]
        return [*bounded, *windows, (Polynomial.of(self._network.count), MAX_LAYERS)]

    @property
    def grows(self) -> bool:
        """Whether no limited figure decreases with any number, and every number is allowed."""
        if self.form is None or not self.form.summed:
            return self.form is None
        try:
            return self.params.grows and all(polynomial.grows for polynomial, _ in self.bounding)
        except NoPolynomialError:
            return False

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """The last index on each axis, with all others at their first."""
        return tuple(self.problem.bounds[blank] - (blank in self.repeated) for blank in self.free)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The axes, in the order in which they get numbers: the longest last.

        An axis that does not affect the parameters, such as the timesteps, comes after all of these.
        """
        axes = range(len(self.bounds))
        return tuple(sorted(axes, key=lambda axis: (not self.params.has(axis), self.bounds[axis])))

    @cached_property
    def is_small(self) -> bool:
        """Whether all figures fit in 64 bits."""
        corner = [bound + 1 for bound in self.bounds]
        every = [self.params, *(polynomial for polynomial, _ in self.bounding)]
        return max(*(each.size_at(corner) for each in every), *self.problem.budget.limits.values()) < SAFE

    @cached_property
    def points(self) -> int:
        """An upper bound for the number of points to try, not counting the last axis."""
        lengths = [self.bounds[axis] + self.problem.exactly for axis in self.order[:-1]]
        if len(lengths) < 2 or lengths[0] > _COUNTABLE:
            return prod(lengths)
        first = self._blocks(self._start(), 0, np.array(lengths[:1]))
        return sum(int(self._tried(points, 1).sum()) for points in first) * prod(lengths[2:])

    def search(self, found: BestPoints, done: Callable[[float], object]) -> None:
        """Search all points; `done` is called with the number of points tried, out of `points`."""
        self._search(self._start(), 0, self.points, found, done)

    def _search(
        self, points: list[Any], level: int, share: float, found: BestPoints, done: Callable[[float], object]
    ) -> None:
        """Search all points that start with the given numbers on the first `level` axes."""
        if level == len(self.order) - 1:
            self._conclude(points, found)
            done(share)
            return
        tried = self._tried(points, level)
        blocks = -(-int(tried.sum()) // BLOCK)
        for block in self._blocks(points, level, tried):
            self._search(block, level + 1, share / blocks, found, done)

    def _start(self) -> list[Any]:
        """Return the single point at which all numbers are smallest."""
        return [np.ones(1, np.int64 if self.is_small else object) for _ in self.bounds]

    def _tried(self, points: list[Any], level: int) -> Any:
        """Return the number of values to try on the next axis, for each point.

        These are the values that fit, and one more if an exact solution is required.
        """
        return self._ends(points, self.order[level]).astype("int64") + self.problem.exactly

    def _blocks(self, points: list[Any], level: int, tried: Any) -> Iterator[list[Any]]:
        """Yield the points combined with each value to try on the next axis."""
        last = np.cumsum(tried)
        for start in range(0, int(last[-1]), BLOCK):
            flat = np.arange(start, min(start + BLOCK, int(last[-1])))
            place = np.searchsorted(last, flat, "right")
            block = [each[place] for each in points]
            block[self.order[level]] = (flat - last[place] + tried[place] + 1).astype(points[0].dtype)
            yield block

    def _ends(self, points: list[Any], axis: int) -> Any:
        """Return the largest value on an axis that fits, for each point; 0 if none does."""
        last = points[axis] * 0 + self.bounds[axis]
        for polynomial, most in self.bounding:
            parts = [part.at(points) for part in polynomial.in_unknown(axis)]
            last = np.minimum(last, _solution(parts, most, last))
        return last

    def _conclude(self, points: list[Any], found: BestPoints) -> None:
        """Complete points that lack only the last number, and add them to those found."""
        last = self.order[-1]
        points[last] = self._ends(points, last)
        params = self.params.at(points) + points[last] * 0
        fitting = points[last] > 0
        if self.problem.exactly:
            self._beyond(points, found)
            amounts = [self._amounts(figure, points) for figure in self.problem.budget.limits]
            figure = params if len(amounts) > 1 else amounts[0]
            found.add_below(next(iter(self._best(figure, fitting, points)[0]), None))
            for amount, limit in zip(amounts, self.problem.budget.limits.values(), strict=True):
                fitting = fitting & (amount == limit)
        found.add(*self._best(params, fitting, points))

    def _best(self, params: Any, chosen: Any, points: list[Any]) -> tuple[list[Point], int]:
        """Return the best of the chosen points, or all equally good ones if they are few, and the number of these."""
        (places,) = np.nonzero(chosen)
        if not len(places):
            return [], 0
        most = params[places].max()
        places = places[params[places] == most]
        count, evenness = len(places), -self._spread(points, places)
        few = np.arange(count)
        for order in (evenness, *(axis[places] for axis in points)) if count > LISTED else ():
            few = few[order[few] == order[few].max()]
        return [Point(int(most), int(evenness[each]), self._numbers_at(points, places[each])) for each in few], count

    def _beyond(self, points: list[Any], found: BestPoints) -> None:
        """Add the point that exceeds the only limit by the least: a point with the next number on the last axis."""
        ((figure, limit), *others) = self.problem.budget.limits.items()
        if others:
            return
        last = self.order[-1]
        beyond = [*points]
        beyond[last] = points[last] + 1
        values = self._amounts(figure, beyond)
        (places,) = np.nonzero(values > limit)
        if len(places):
            place = places[values[places].argmin()]
            found.add_above(Point(int(values[place]), 0, self._numbers_at(beyond, place)))

    def _amounts(self, figure: Figure, points: list[Any]) -> Any:
        """Return a figure for each point."""
        return self._network.at(figure.key, points) + points[0] * 0

    def _spread(self, points: list[Any], places: Any) -> Any:
        """Return the spread of each point's sizes, excluding repeat counts and blanks without parameters."""
        sizes = [
            points[axis][places] * self.problem.multiple_of
            for axis, blank in enumerate(self.free)
            if self.params.has(axis) and blank not in self.problem.template.counts
        ]
        return np.maximum.reduce(sizes) - np.minimum.reduce(sizes) if sizes else points[0][places] * 0

    def _numbers_at(self, points: list[Any], place: Any) -> tuple[int, ...]:
        """Return the numbers of all blanks at a point."""
        return tuple(self.numbers(int(axis[place]) for axis in points).values())


def _solution(parts: Sequence[Any], most: int, bound: Any) -> Any:
    """Return the largest numbers up to a bound at which growing polynomials are at most `most`; 0 if there are none.

    The parts are the coefficients for each power, from 0.
    """
    if len(parts) == 1:
        return np.where(parts[0] <= most, bound, 0)
    if len(parts) <= 3 and bound.dtype != object:
        # The floating-point result is off by at most one if it is below 2^31; integers then decide.
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
        fits = reduce(lambda value, part: value * middle + part, reversed(parts)) <= most
        low, high = np.where(fits, middle, low), np.where(fits, high, np.maximum(middle - 1, low))
    return low


def trials(problem: Problem) -> list[Trials]:
    """Return the trials that cover all numbers that may fit.

    There is one, unless blanks are repeat counts: their smallest number is covered by separate trials.
    """
    blanks, counts = problem.template.blanks, problem.template.counts
    found = []
    for more in product(*[(False, True) if blank in counts else (False,) for blank in blanks]):
        repeated = tuple(blank for blank, several in zip(blanks, more, strict=True) if several)
        free = tuple(blank for blank in blanks if blank not in counts or blank in repeated)
        found.append(Trials(problem, free, repeated))
    return [each for each in found if each.free and all(each.bounds) and each.form is not None]


def searched(problem: Problem, watch: Watch | None) -> BestPoints | None:
    """Return the best numbers; None if a cost is not a polynomial that grows with all of them.

    Raises:
        RnncliError: there are too many numbers to try.
    """
    blanks, counts = problem.template.blanks, problem.template.counts
    sizes, repeats = (tuple(blank for blank in blanks if (blank in counts) == repeat) for repeat in (False, True))
    if not all(Trials(problem, sizes + repeated, repeated).grows for repeated in ((), repeats)):
        return None
    if not fit(problem.costs(problem.smallest)):
        return BestPoints()
    if len(counts) > MAX_REPEATS:
        raise RnncliError(f"at most {MAX_REPEATS} blanks can be repeat counts", "give some of them a number")
    largest = {blank: bound * problem.multiple_of for blank, bound in problem.bounds.items()}
    if not problem.exactly and fit(problem.costs(largest)):  # all numbers fit
        return BestPoints([Point(0, 0, tuple(largest.values()))], 1)
    every = trials(problem)
    points = sum(each.points for each in every)
    if not _are_few(problem, every):
        raise _too_many(problem, points)
    found = BestPoints()
    if len(counts) == len(blanks):  # trials do not include the smallest numbers then
        problem.take(problem.smallest, 0, found)
    with nullcontext(lambda amount: None) if watch is None else watch(points) as done:
        for each in every:
            each.search(found, done)
    return found


def _are_few(problem: Problem, trials: list[Trials]) -> bool:
    """Return whether all points can be tried in reasonable time."""
    most = problem.patience if all(each.is_small for each in trials) else min(problem.patience, MAX_EXACT)
    return sum(each.points for each in trials) <= most


def _too_many(problem: Problem, points: int) -> RnncliError:
    """Return the error for too many numbers to try, with a multiple for which they are few enough."""
    names = listed([repr(blank) for blank in problem.template.blanks])
    advice = "give one of them a number"
    for power in range(1, _MAX_FACTORS + 1):
        other = replace(problem, multiple_of=problem.multiple_of << power, exactly=False)
        if not fit(other.costs(other.smallest)):
            break
        if _are_few(other, trials(other)):
            advice += f", or ask for multiples: --multiple-of {other.multiple_of}"
            break
    return RnncliError(
        f"there are about {points:.0e} ways to choose {names}; at most {problem.patience:.0e} can be tried", advice
    )

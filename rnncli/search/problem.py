"""The problem that `solve` solves: numbers for the blanks of a template, within a budget.

The costs of a template are functions of its blanks. Where all costs are polynomials that grow with each number,
`rnncli.search.trials` only tries numbers that may fit. All other templates are tried here, one network at a time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from rnncli.errors import RnncliError, listed
from rnncli.immutable import NamedTuple
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Head
from rnncli.layers.sizes import Blank
from rnncli.quantities import MAX_SIZE, Rate
from rnncli.search.budget import Budget, Cost, fit
from rnncli.search.forms import Form, Polynomial
from rnncli.search.template import Filling, Template
from rnncli.summary import Setting, Summary

MAX_TRIED = 50_000
"""The most networks that are tried one by one, which takes some seconds."""


_CACHED = 2**10
"""The number of forms that are cached."""


class Point(NamedTuple):
    """Numbers for the blanks, in order, and their rank."""

    figure: int
    evenness: int
    numbers: tuple[int, ...]


LISTED = 6
"""The number of equally good points that are kept, to be listed."""


@dataclass
class BestPoints:
    """The best points so far.

    Attributes:
        best: the best points that fit, and are exact if required. Equally good points are sorted by evenness,
            then by the largest first numbers. At most `LISTED` are kept.
        count: the number of points with as many parameters as these.
        below: the best point that fits, exact or not.
        above: the point that exceeds the only limit by the least.
        first: the first numbers tried that make a network.
    """

    best: Sequence[Point] = ()
    count: int = 0
    below: Point | None = None
    above: Point | None = None
    first: Filling | None = None

    def add(self, points: Sequence[Point], count: int) -> None:
        """Add points that all have the same number of parameters; `count` is how many such points were found."""
        best = self.best[0].figure if self.best else -1
        if points and points[0].figure >= best:
            if points[0].figure == best:
                points, count = [*self.best, *points], self.count + count
            self.best, self.count = sorted(points, reverse=True)[:LISTED], count

    def add_below(self, point: Point | None) -> None:
        """Add the best of some points that fit, exact or not."""
        self.below = max(filter(None, (self.below, point)), default=None)

    def add_above(self, point: Point) -> None:
        """Add a point that exceeds the only limit, if it does so by the least."""
        self.above = min(filter(None, (self.above, point)), key=lambda each: each.figure)


@dataclass(frozen=True)
class Problem:
    """A template, its budget, and how to solve it.

    Attributes:
        template: the network with blanks.
        budget: the limits of its costs.
        exactly: whether each cost must equal its limit.
        multiple_of: each number must be a multiple of this.
        setting: the setting that costs are computed for.
        rate: timesteps per second, for the multiply-adds per second; None if not requested.
        patience: the largest number of points to try.
    """

    template: Template
    budget: Budget
    exactly: bool
    multiple_of: int
    setting: Setting
    rate: Rate | None = None
    patience: int = 10**9

    @property
    def smallest(self) -> dict[Blank, int]:
        """The smallest number for each blank."""
        return dict.fromkeys(self.template.blanks, self.multiple_of)

    def form(self, numbers: Mapping[Blank, Any]) -> Form | None:
        """Return the form with numbers or symbols in the blanks, or None if that is not a network."""
        (head, _), *layers = (each.filled(numbers) for each in self.template.written)
        form = Form.of(cast(Head, head), self.setting)
        for layer, times in layers:
            form = form and form.after(layer, times)
        return form

    @cached_property
    def _symbols(self) -> dict[Blank, Polynomial]:
        """A symbol for each blank that makes the network larger."""
        template = self.template
        kept = [b for b in template.blanks if b in template.counts or template.thins(b) or template.shortens(b)]
        larger = [blank for blank in template.blanks if blank not in kept]
        return {blank: Polynomial.unknown(place) for place, blank in enumerate(larger)}

    @cached_property
    def _open_form(self) -> Callable[[tuple[tuple[Blank, int], ...]], Form | None]:
        """Return the form with symbols, given the numbers of the other blanks; forms are cached."""
        return lru_cache(_CACHED)(lambda given: self.form(self._symbols | dict(given)))

    def figures(self, numbers: Filling, keys: Iterable[str]) -> list[int | None] | None:
        """Return some figures of the network with some numbers, None if unknown; None if there is no such network."""
        if not all(0 < number <= MAX_SIZE for number in numbers.values()):
            return None
        values = [numbers[blank] for blank in self._symbols]
        form = self._open_form(tuple([each for each in numbers.items() if each[0] not in self._symbols]))
        if form is not None and not form.summed:  # its costs are not polynomials in the symbols
            values, form = [], self.form(numbers)
        return None if form is None or not form.fits(values) else [form.at(key, values) for key in keys]

    def costs(self, numbers: Filling) -> tuple[Cost, ...]:
        """Return the costs of the network with some numbers; empty if there is no such network.

        Raises:
            UsageError: a limited figure is unknown.
        """
        amounts = self.figures(numbers, self.budget.keys)
        if amounts is None:
            return ()
        if None in amounts:
            return tuple(self.budget.costs(self.summary(numbers)))
        return tuple(map(Cost, cast(list[int], amounts), self.budget.limits.values(), self.budget.limits))

    def params(self, numbers: Filling) -> int | None:
        """Return the parameters of the network with some numbers, or None if there is no such network."""
        return next(iter(self.figures(numbers, ["total_params"]) or ()), None)

    def summary(self, numbers: Filling) -> Summary | None:
        """Return the summary of the network with some numbers, or None if a spec cannot have them."""
        network = None if self.figures(numbers, ()) is None else self.template.network(numbers)
        return None if network is None else network.summary(*self.setting, rate=self.rate)

    def take(self, numbers: Filling, evenness: int, found: BestPoints) -> None:
        """Add some numbers and their evenness to the points found, if they make a network."""
        params, costs = self.params(numbers), self.costs(numbers)
        if params is None:
            return
        values = tuple(numbers.values())
        if not fit(costs):
            if len(costs) == 1:
                found.add_above(Point(costs[0].amount, 0, values))
            return
        point = Point(params, evenness, values)
        found.add_below(point)
        if all(cost.exact for cost in costs) or not self.exactly:
            found.add([point], 1)

    @cached_property
    def bounds(self) -> dict[Blank, int]:
        """The largest multiple of each blank's smallest number that fits, with the other blanks at their smallest.

        The smallest numbers must fit, and all limited costs must grow with each number.
        """

        def last(blank: Blank) -> int:
            least = self.smallest
            return largest(lambda times: fit(self.costs({**least, blank: times * self.multiple_of})), MAX_SIZE)

        return {blank: last(blank) for blank in self.template.blanks}


def largest(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to `most` that fits; all smaller numbers, and 0, must fit too.

    It tries powers of 2 before bisecting, because few numbers are large, and a large one can take long to try.
    """
    beyond = 1
    while beyond <= most and fits(beyond):
        beyond *= 2
    tried = range(beyond // 2 + 1, min(beyond, most + 1))
    return beyond // 2 + bisect_left(tried, True, key=lambda number: not fits(number))


class Scan:
    """A search where the costs are not polynomials, or do not grow; numbers are multiples of the smallest.

    Blanks that shorten a sequence reduce some costs: for these, every number that makes a network is tried. Blanks that
    make the network smaller, strides, get the smallest number with which the rest fits. All costs grow with the other
    blanks: each in turn gets every number up to the largest that fits while the later blanks have their smallest. The
    last blank only gets the largest.

    Attributes:
        found: the best points so far.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.found = BestPoints()
        blanks = problem.template.blanks
        self._most = MAX_SIZE // problem.multiple_of
        self._tried = 0
        self._thinning = [blank for blank in blanks if problem.template.thins(blank)]
        self._shortening = [b for b in blanks if problem.template.shortens(b) and b not in self._thinning]

    def run(self) -> None:
        """Try all numbers.

        Raises:
            RnncliError: there are too many.
        """
        for given in self._shortened({}, self._shortening):
            least = self._least(given)
            if least is not None:
                growing = [*least]
                least |= self._thinnest(given | least)
                first = given | least
                for blank in self._thinning:
                    first[blank] = self._fewest(first, blank)
                self.found.first = self.found.first or self._numbers(first)
                # Blanks without parameters, such as timesteps, come last: they do not affect the others' ranks. Before
                # them come those that may be larger the larger others are.
                late = self._weightless, self.problem.template.capped, self._shortening
                growing.sort(key=lambda blank: [blank in each for each in late])
                self._grow(given, least, [*growing, *self._thinning])

    def _shortened(self, given: dict[Blank, int], left: Sequence[Blank]) -> Iterator[dict[Blank, int]]:
        """Yield all numbers, for the blanks that shorten the sequence, that make a network.

        A blank for which no number is too large, as the sequence has any length or its windows are of one step, grows.
        """
        if not left:
            yield given
            return
        blank, *others = left
        most = MAX_LAYERS // 2 if blank in self.problem.template.counts else self._most
        if self._least({**given, **dict.fromkeys(others, 2), blank: most}) is not None:
            yield from self._shortened(given, others)
            return
        if self._least({**given, **dict.fromkeys(others, 1), blank: MAX_TRIED}) is not None:
            self._expect(MAX_TRIED)
        number = 1
        while self._least({**given, **dict.fromkeys(others, 1), blank: number}) is not None:
            yield from self._shortened({**given, blank: number}, others)
            number += 1

    def _least(self, given: dict[Blank, int]) -> dict[Blank, int] | None:
        """Return the smallest numbers for the other blanks that make a network, or None if none do."""
        small, blanks = self.problem.template.small, self.problem.template.blanks
        growing = [blank for blank in blanks if blank not in given and blank not in self._thinning]

        def exists(numbers: dict[Blank, int]) -> bool:
            ones = dict.fromkeys(small & numbers.keys(), 1)
            return bool(self._costs({**dict.fromkeys(self._thinning, 1), **given, **numbers, **ones}))

        enough = 1
        while not exists(dict.fromkeys(growing, enough)):
            enough *= 2
            if enough > self._most or not growing:
                return None
        least = dict.fromkeys(growing, enough)
        for blank in growing if enough > 1 else ():
            least[blank] = 1 + largest(lambda number: not exists({**least, blank: number}), enough - 1)  # noqa: B023
        return least

    def _thinnest(self, given: dict[Blank, int]) -> dict[Blank, int]:
        """Return the largest numbers for the strides that make a network, one blank after another."""
        thinnest = dict.fromkeys(self._thinning, 1)
        for blank in self._thinning:
            thinnest[blank] = largest(lambda n: bool(self._costs({**given, **thinnest, blank: n})), self._most)  # noqa: B023
        return thinnest

    def _fewest(self, numbers: dict[Blank, int], blank: Blank) -> int:
        """Return the smallest number for a stride with which the rest fits; if none, one with which it does not.

        All costs fall as it grows except for streaming: a wider window is a larger state, and returns fewer vectors.
        """
        most = numbers[blank]
        one, last = (self._costs({**numbers, blank: number}) for number in (1, most))
        wide = most < self._most and "streaming_bytes" in self.problem.budget.keys
        less = [
            place
            for place, (before, after) in enumerate(zip(one, last, strict=True))
            if after.amount < before.amount and not (wide and before.figure.key == "streaming_bytes")
        ]

        def too_few(number: int) -> bool:
            tried = self._costs({**numbers, blank: number})
            return not all(tried[place].fits for place in less)

        least = 1 + largest(too_few, most - 1)
        tried = range(least, most + 1) if wide else ()
        return next((number for number in tried if fit(self._costs({**numbers, blank: number}))), least)

    def _thinned(self, numbers: dict[Blank, int], blank: Blank) -> Iterable[int]:
        """Return the numbers to try for a stride: several if memory for streaming, which may grow, must be exact."""
        fewest, most = self._fewest(numbers, blank), numbers[blank]
        if not self.problem.exactly or "streaming_bytes" not in self.problem.budget.keys:
            return (fewest,)
        if most < self._most:
            return range(fewest, most + 1)
        return (fewest, largest(lambda n: n <= fewest or fit(self._costs({**numbers, blank: n})), most))

    def _fits(self, numbers: dict[Blank, int], left: Sequence[Blank]) -> bool:
        """Return whether some numbers fit, possibly with smaller strides, which can need less memory for streaming."""
        for blank in left if "streaming_bytes" in self.problem.budget.keys else ():
            if blank in self._thinning:
                numbers = {**numbers, blank: self._fewest(numbers, blank)}
        return fit(self._costs(numbers))

    def _grow(self, given: dict[Blank, int], least: dict[Blank, int], left: Sequence[Blank]) -> None:
        """Try all numbers for the blanks that make costs grow, with the numbers of the others given."""
        if not left:
            self._take(given)
            return
        blank, *others = left
        rest = {other: least[other] for other in others}
        start = least[blank]
        if blank in self._thinning:
            for number in self._thinned({**given, **rest, blank: start}, blank):
                self._grow({**given, blank: number}, least, others)
            return
        last = largest(lambda n: n < start or self._fits({**given, **rest, blank: n}, others), self._most)
        self._expect(last - start if others else 0)
        for number in range(start if others else max(start, last), last + 1):
            self._grow({**given, blank: number}, least, others)
        if not others:
            self._take({**given, blank: max(start, last + 1)})

    def _take(self, multiples: dict[Blank, int]) -> None:
        numbers = self._numbers(multiples)
        counts = self.problem.template.counts | self._weightless
        sizes = [number for blank, number in numbers.items() if blank not in counts] or [0]
        self.problem.take(numbers, min(sizes) - max(sizes), self.found)

    @cached_property
    def _weightless(self) -> frozenset[Blank]:
        """The blanks that do not affect the number of parameters."""
        first, params = self.found.first, self.problem.params
        assert first is not None
        doubled = {blank: params({**first, blank: 2 * number}) for blank, number in first.items()}
        alike = [blank for blank, more in doubled.items() if more == params(first)]
        return frozenset((*alike, *self._thinning))

    def _costs(self, multiples: dict[Blank, int]) -> tuple[Cost, ...]:
        self._expect(1)
        self._tried += 1
        return self.problem.costs(self._numbers(multiples))

    def _expect(self, more: int) -> None:
        """Check that at least so many more numbers can be tried.

        Raises:
            RnncliError: they cannot.
        """
        if self._tried + more > MAX_TRIED:
            names = listed([repr(blank) for blank in self.problem.template.blanks])
            raise RnncliError(
                f"the costs do not always grow with {names}, and there are more than {MAX_TRIED:,} numbers to try",
                "give one of them a number, or ask for larger multiples: --multiple-of 8",
            )

    def _numbers(self, multiples: dict[Blank, int]) -> dict[Blank, int]:
        return {blank: multiples[blank] * self.problem.multiple_of for blank in self.problem.template.blanks}

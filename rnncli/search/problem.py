"""The problem that `solve` solves: numbers for the blanks of a template, within a budget.

The costs of a template are functions of its blanks. Where all costs are polynomials that grow with each number,
`rnncli.search.trials` only tries numbers that may fit. All other templates are tried here, one network at a time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from rnncli.errors import RnncliError, listed
from rnncli.immutable import NamedTuple
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Head
from rnncli.layers.sizes import Blank
from rnncli.network_summary import Setting, Summary
from rnncli.quantities import MAX_SIZE, Rate
from rnncli.search.budget import Budget, Cost, fit
from rnncli.search.forms import Form, Polynomial
from rnncli.search.template import Filling, Template

Watch = Callable[[int], AbstractContextManager[Callable[[float], object]]]
"""Given the amount of work, returns a context manager whose function is called with the work just done."""

MAX_TRIED = 50_000
"""The most networks that are tried one by one, which takes some seconds."""


_CACHED = 2**10
"""The number of forms that are cached."""

_MANY_TIMES = 100
"""Layers that shorten a sequence and are repeated more often than this take long to try with other blanks."""


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
        below: the best point that fits, exact or not; the one nearest to the limit if there is only one.
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
        of = self.template
        larger = [blank for blank in of.blanks if not (blank in of.counts or of.thins(blank) or of.shortens(blank))]
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
        """Return the costs with some numbers, none if there is no such network; an unknown one raises a UsageError."""
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
        found.add_below(point if len(costs) > 1 else point._replace(figure=costs[0].amount))
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
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._found = BestPoints()
        blanks = problem.template.blanks
        self._most = MAX_SIZE // problem.multiple_of
        self._tried = 0
        self._thinning = [blank for blank in blanks if problem.template.thins(blank)]
        self._shortening = [b for b in blanks if problem.template.shortens(b) and b not in self._thinning]
        self._from: dict[Blank, int] = {}
        """The blanks that grow before all others, and the numbers from which costs grow with them."""

    def run(self) -> BestPoints:
        """Try all numbers and return the best, or raise an RnncliError if there are too many."""
        for given in self._shortened({}, self._shortening):
            cheapest = self._cheapest(given)
            if cheapest is not None:
                first = dict(cheapest)
                for blank in self._thinning:
                    first[blank] = self._fewest(first, blank)
                self._found.first = self._found.first or self._numbers(first)
                # Blanks without parameters, such as timesteps, come last: they do not affect the others' ranks. Before
                # them come those that may be larger the larger others are.
                late = self._weightless, self.problem.template.capped, self._shortening
                left = self._growing(given)
                left.sort(key=lambda blank: [blank not in self._from, *[blank in each for each in late]])
                self._grow(given, cheapest, [*left, *self._thinning])
        return self._found

    def _shortened(self, given: dict[Blank, int], left: Sequence[Blank]) -> Iterator[dict[Blank, int]]:
        """Yield all numbers, for the blanks that shorten the sequence, that make a network.

        A blank for which no number is too large grows: the sequence has any length, its windows are of one step, or
        another blank is its length. One that is a stride, too, grows from the length of the longest sequence.
        """
        if not left:
            yield given
            return
        blank, *others = left
        template, ones = self.problem.template, {**given, **dict.fromkeys(others, 1)}
        most = MAX_LAYERS // 2 // self.problem.multiple_of if blank in template.counts else self._most
        one, many = (self._least({**ones, blank: number}) for number in (1, min(MAX_TRIED, most)))
        grows = None
        large = {**given, **dict.fromkeys(others, 2), blank: most}
        if (least := self._least(large)) is not None:
            grows = 1
            if blank in template.counts and least != one and len(template.blanks) > 2:
                repeated = self._cheapest({**ones, blank: _MANY_TIMES})
                if repeated is not None and fit(self._costs(repeated)):
                    self._expect(MAX_TRIED)
            if blank in template.strides:
                every = {**dict.fromkeys(self._thinning, 1), **large, **least}
                forms = [self.problem.form(self._numbers({**every, blank: each})) for each in (most // 2, most)]
                lengths: list[set[Any]] = [{each.totals.timesteps, *each.totals.outputs} for each in forms if each]
                grows = max(set.intersection(*lengths) - {None}, default=1)
                self._from |= {blank: grows} if grows > 1 else {}
        elif one and many and one != many and len(self._shortening) == 1:
            grows = self._from[blank] = 1
        if many is not None:
            self._expect(min(MAX_TRIED, most) if grows is None else grows)
        number = 1
        while number < grows if grows else self._least({**ones, blank: number}) is not None:
            yield from self._shortened({**given, blank: number}, others)
            number += 1
        if grows:
            yield from self._shortened(given, others)

    def _growing(self, given: Mapping[Blank, int]) -> list[Blank]:
        """Return the blanks without a given number that make the network larger."""
        return [blank for blank in self.problem.template.blanks if blank not in given and blank not in self._thinning]

    def _exists(self, multiples: dict[Blank, int]) -> bool:
        return self.problem.figures(self._numbers(multiples), ()) is not None

    def _cheapest(self, given: dict[Blank, int], known: dict[Blank, int] | None = None) -> dict[Blank, int] | None:
        """Return the given numbers with those for the other blanks that cost the least; None if none make a network.

        The strides get the largest numbers, one blank after another.

        Args:
            given: the numbers of some blanks.
            known: the result for smaller numbers of these, which may only need larger strides.
        """
        numbers = {**(known or {}), **given}
        if known is None or not self._exists(numbers):
            least = self._least(given)
            if least is None:
                return None
            numbers = {**dict.fromkeys(self._thinning, 1), **given, **least}
        for blank in [each for each in self._thinning if each not in given]:  # B023: what is tried is called at once
            last = numbers[blank]
            numbers[blank] += largest(lambda n: self._exists({**numbers, blank: last + n}), self._most - last)  # noqa: B023
        return numbers

    def _least(self, given: dict[Blank, int]) -> dict[Blank, int] | None:
        """Return the smallest numbers for the other growing blanks that make a network, or None if none do."""
        small = self.problem.template.small | (self._from.keys() - self.problem.template.strides)
        growing = self._growing(given)
        most = {blank: number // self.problem.multiple_of for blank, number in self.problem.template.most.items()}

        def exists(numbers: dict[Blank, int]) -> bool:
            self._expect(1)
            self._tried += 1
            return self._exists({**dict.fromkeys(self._thinning, 1), **given, **numbers})

        enough = 1
        least = dict.fromkeys(growing, 1)
        while not exists(least):
            enough *= 2
            if enough > self._most or not growing:
                return None
            least = {blank: min(enough, most.get(blank, enough)) for blank in growing}
            ones = least | dict.fromkeys(small & least.keys(), 1)
            least = ones if exists(ones) else least
        for blank in growing if enough > 1 else ():  # B023: as above
            least[blank] = 1 + largest(lambda number: not exists({**least, blank: number}), least[blank] - 1)  # noqa: B023
        return least

    def _fewest(self, numbers: dict[Blank, int], blank: Blank) -> int:
        """Return the smallest number for a stride with which the rest fits; if none, one with which it does not.

        All costs fall as it grows except for streaming: a wider window is a larger state, and returns fewer vectors,
        all of which are a state if a later layer needs the length of the sequence.
        """
        most = numbers[blank]
        one, last = (self._costs({**numbers, blank: number}) for number in (1, most))
        needs_length = any(each.layer.needs_length for each in self.problem.template.written)
        wide = most < self._most and "streaming_bytes" in self.problem.budget.keys and needs_length
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
        last = largest(lambda n: n <= fewest or fit(self._costs({**numbers, blank: n})), most)
        few, many = (self._costs({**numbers, blank: number}) for number in (fewest, last))
        return (fewest,) if few == many else (fewest, last)

    def _fits(self, given: dict[Blank, int], known: dict[Blank, int], left: Sequence[Blank]) -> bool:
        """Return whether some numbers fit, possibly with smaller strides, which can need less memory for streaming."""
        if not self._thinning and (costs := self._costs({**known, **given})):
            return fit(costs)
        numbers = self._cheapest(given, known)
        if numbers is None:
            return False
        for blank in left if "streaming_bytes" in self.problem.budget.keys else ():
            if blank in self._thinning:
                numbers = {**numbers, blank: self._fewest(numbers, blank)}
        return fit(self._costs(numbers))

    def _grow(self, given: dict[Blank, int], known: dict[Blank, int], left: Sequence[Blank]) -> None:
        """Try all numbers for the blanks that make costs grow, with the numbers of the others given."""
        if not left:
            self._take(given)
            return
        blank, *others = left
        cheapest = self._cheapest(given, known)
        if cheapest is None:
            return
        start = max(cheapest[blank], self._from.get(blank, 1))
        if blank in self._thinning:
            for number in self._thinned(cheapest, blank):
                self._grow({**given, blank: number}, cheapest, others)
            return

        last = largest(lambda n: n < start or self._fits({**given, blank: n}, cheapest, others), self._most)
        if not others:
            self._take({**given, blank: max(start, last + 1)})
        if not others or (self._weightless.issuperset(others) and not self.problem.exactly):
            start = max(start, last)  # smaller numbers have no more parameters, whatever the others are
        self._expect(last - start)
        for number in range(start, last + 1):
            self._grow({**given, blank: number}, cheapest, others)

    def _take(self, multiples: dict[Blank, int]) -> None:
        numbers = self._numbers(multiples)
        counted = {*self.problem.template.counts, *self._weightless, *self._thinning}
        sizes = [number for blank, number in numbers.items() if blank not in counted] or [0]
        self.problem.take(numbers, min(sizes) - max(sizes), self._found)

    @cached_property
    def _weightless(self) -> frozenset[Blank]:
        """The blanks that do not affect the number of parameters, near the first numbers or twice these."""
        assert self._found.first is not None
        first, params = self._found.first, self.problem.params
        twice = {blank: number if blank in self._thinning else 2 * number for blank, number in first.items()}
        alike: dict[Blank, set[bool]] = {blank: set() for blank in first}
        for numbers in [each for each in (first, twice) if params(each) is not None]:
            for blank, number in numbers.items():
                others = {self.problem.multiple_of, 2 * number, MAX_SIZE} - {number}
                found = {params({**numbers, blank: other}) for other in others} - {None}
                alike[blank] |= {other == params(numbers) for other in found}
        return frozenset(blank for blank, same in alike.items() if same == {True})

    def _costs(self, multiples: dict[Blank, int]) -> tuple[Cost, ...]:
        self._expect(1)
        self._tried += 1
        return self.problem.costs(self._numbers(multiples))

    def _expect(self, more: int) -> None:
        """Raise an RnncliError unless at least so many more numbers can be tried."""
        if self._tried + more > MAX_TRIED:
            names = listed([repr(blank) for blank in self.problem.template.blanks])
            raise RnncliError(
                f"the costs do not always grow with {names}, and there are more than {MAX_TRIED:,} numbers to try",
                "give one of them a number, or ask for larger multiples: --multiple-of 8",
            )

    def _numbers(self, multiples: dict[Blank, int]) -> dict[Blank, int]:
        return {blank: multiples[blank] * self.problem.multiple_of for blank in self.problem.template.blanks}

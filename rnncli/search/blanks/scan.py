"""Numbers for blanks of which the costs are no polynomials, or do not grow, tried one by one by the ordinary summary.

Some sizes make a sequence shorter, so that some costs shrink with them: such a blank is given every number with which
there is a network. With all others everything grows. One after another is given every number up to the largest that
fits, those behind it being smallest; the last is given the largest alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from rnncli.errors import RnncliError, listed
from rnncli.layers.sizes import Blank
from rnncli.quantities import MAX_SIZE
from rnncli.search.blanks.problem import Found, Numbers, Point, Problem, largest

MOST = 50_000
"""So many networks are counted: the work of some seconds."""


class Scan:
    """The numbers that may fit, as multiples of the smallest.

    Args:
        problem: what is asked.
        exactly: whether the network must cost exactly what is allowed.

    Attributes:
        found: the best so far.
        first: the first numbers with which there is a network; None where none was found.
    """

    def __init__(self, problem: Problem, exactly: bool) -> None:
        self.problem = problem
        self.exactly = exactly
        self.found = Found()
        self.first: Numbers | None = None
        blanks = problem.template.blanks
        self._shortening = [blank for blank in blanks if problem.template.shortens(blank)]
        self._growing = [blank for blank in blanks if blank not in self._shortening]
        self._most = MAX_SIZE // problem.multiple_of
        self._counted = 0

    def run(self) -> None:
        """Take in all numbers.

        Raises:
            RnncliError: there are too many.
        """
        for given in self._shortened({}, self._shortening):
            least = self._least(given)
            if least is not None:
                self.first = self.first or self._numbers(given | least)
                # Last comes what has no parameters, such as the timesteps: it makes no difference to the others.
                self._grow(given, least, sorted(self._growing, key=lambda blank: blank in self._weightless))

    def _shortened(self, given: dict[Blank, int], left: Sequence[Blank]) -> Iterator[dict[Blank, int]]:
        """Yield all numbers for the blanks that shorten the sequence with which there is a network."""
        if not left:
            yield given
            return
        blank, *others = left
        number = 1
        while self._least({**given, **dict.fromkeys(others, 1), blank: number}) is not None:
            yield from self._shortened({**given, blank: number}, others)
            number += 1

    def _least(self, given: dict[Blank, int]) -> dict[Blank, int] | None:
        """Return the smallest numbers of the others with which there is a network; None if there is none."""

        def exists(numbers: dict[Blank, int]) -> bool:
            repeats = dict.fromkeys(self.problem.template.counts & numbers.keys(), 1)
            return self._amounts({**given, **numbers, **repeats}) is not None

        enough = 1
        while not exists(dict.fromkeys(self._growing, enough)):
            enough *= 2
            if enough > self._most or not self._growing:
                return None
        least = dict.fromkeys(self._growing, enough)
        for blank in self._growing if enough > 1 else ():
            least[blank] = 1 + largest(lambda number: not exists({**least, blank: number}), enough - 1)  # noqa: B023
        return least

    def _grow(self, given: dict[Blank, int], least: dict[Blank, int], left: Sequence[Blank]) -> None:
        """Take in all numbers for the blanks with which everything grows, with all others given."""
        if not left:
            self._take(given)
            return
        blank, *others = left
        rest = {other: least[other] for other in others}
        start = least[blank]
        last = largest(lambda number: number < start or self._fits({**given, **rest, blank: number}), self._most)
        for number in range(last if not others else start, last + 1):
            if number >= start:
                self._grow({**given, blank: number}, least, others)
        if not others:
            self._beyond({**given, blank: max(start, last + 1)})

    def _take(self, multiples: dict[Blank, int]) -> None:
        """Take in numbers, if they fit."""
        amounts = self._amounts(multiples)
        limits = self.problem.budget.limits.items()
        if amounts is None or any(amounts[figure.key] > most for figure, most in limits):
            self._beyond(multiples)
            return
        numbers = self._numbers(multiples)
        counts = self.problem.template.counts | self._weightless
        sizes = [number for blank, number in numbers.items() if blank not in counts] or [0]
        point = Point(amounts["total_params"], min(sizes) - max(sizes), tuple(numbers.values()))
        self.found.below = max(filter(None, (self.found.below, point)))
        if not self.exactly or all(amounts[figure.key] == most for figure, most in limits):
            self.found.add(point, 1)

    def _beyond(self, multiples: dict[Blank, int]) -> None:
        """Take in numbers that exceed the only limit."""
        (figure, most), *others = self.problem.budget.limits.items()
        amounts = None if others else self._amounts(multiples)
        if amounts is not None and amounts[figure.key] > most:
            point = Point(amounts[figure.key], 0, tuple(self._numbers(multiples).values()))
            self.found.above = min(filter(None, (self.found.above, point)), key=lambda each: each.figure)

    @cached_property
    def _weightless(self) -> frozenset[Blank]:
        """The blanks on which the number of parameters does not depend."""
        assert self.first is not None
        one, others = self.problem.totals(self.first), {}
        for blank, number in self.first.items():
            others[blank] = self.problem.totals({**self.first, blank: 2 * number})
        assert one is not None
        return frozenset(blank for blank, other in others.items() if other and other.params == one.params)

    def _fits(self, multiples: dict[Blank, int]) -> bool:
        amounts = self._amounts(multiples)
        limits = self.problem.budget.limits.items()
        return amounts is not None and all(amounts[figure.key] <= most for figure, most in limits)

    def _amounts(self, multiples: dict[Blank, int]) -> dict[str, int] | None:
        self._counted += 1
        if self._counted > MOST:
            names = listed([repr(blank) for blank in self.problem.template.blanks])
            raise RnncliError(
                f"the costs do not simply grow with {names}, and more than {MOST:,} numbers would have to be tried",
                "give one of them a number, or ask for larger multiples: --multiple-of 8",
            )
        return self.problem.amounts(self._numbers(multiples))

    def _numbers(self, multiples: dict[Blank, int]) -> dict[Blank, int]:
        return {blank: multiples[blank] * self.problem.multiple_of for blank in self.problem.template.blanks}

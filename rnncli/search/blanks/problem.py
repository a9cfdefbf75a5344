"""A template and what its network may cost, what numbers for its blanks cost, and the best that are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Head
from rnncli.layers.cost import Totals
from rnncli.layers.sizes import Blank
from rnncli.layers.weights import Framework
from rnncli.quantities import MAX_SIZE
from rnncli.search.blanks.template import Template
from rnncli.search.budget import Budget, Cost
from rnncli.summary import Summary
from rnncli.summary import figure as figure_of

Numbers = Mapping[Blank, int]
"""A number for each blank."""


class Point(NamedTuple):
    """Numbers for the blanks, in their order, and how good they are."""

    figure: int
    evenness: int
    numbers: tuple[int, ...]


@dataclass
class Found:
    """The best so far.

    Attributes:
        best: the best point that fits, and is exact if it must be; of equals the most even, then that whose first
            numbers are the largest.
        count: how many have as many parameters.
        below: the best that fits, exact or not.
        above: of what exceeds the only limit, what does so least.
    """

    best: Point | None = None
    count: int = 0
    below: Point | None = None
    above: Point | None = None

    def add(self, point: Point, count: int) -> None:
        """Take in the best of some points, and how many of them are as good."""
        if self.best is None or point.figure > self.best.figure:
            self.best, self.count = point, count
        elif point.figure == self.best.figure:
            self.best, self.count = max(self.best, point), self.count + count


@dataclass(frozen=True)
class Problem:
    """What is asked.

    Attributes:
        template: the network with blanks.
        budget: what it may cost.
        multiple_of: each number is a multiple of this.
        batch, timesteps, framework, dtype: what the costs are for, as `Network.summary` takes them.
    """

    template: Template
    budget: Budget
    multiple_of: int
    batch: int | None
    timesteps: int | None
    framework: Framework
    dtype: str

    @property
    def smallest(self) -> dict[Blank, int]:
        """The smallest numbers."""
        return dict.fromkeys(self.template.blanks, self.multiple_of)

    def totals(self, numbers: Mapping[Blank, Any]) -> Totals | None:
        """Return what the layers come to with numbers, or symbols, in the blanks; None where there is no such network.

        Raises:
            NoPolynomialError: that is no polynomial in the symbols.
        """
        if any(isinstance(number, int) and number > MAX_SIZE for number in numbers.values()):
            return None
        totals: Totals | None = None
        count: Any = 0
        for layer, times, *_ in self.template.filled(numbers):
            count = count + times
            if isinstance(count, int) and count > MAX_LAYERS:
                return None
            if totals is None:
                shape = cast(Head, layer).input_shape(self.batch, self.timesteps)
                totals = Totals(shape, shape[1], self.framework)
                totals = totals.after(layer) if layer.shown else totals
            else:
                totals = totals.repeated(layer, times)
            if totals is None:
                return None
        return totals

    def parts(self, figure: str, totals: Totals) -> tuple[Any, ...]:
        """Return the sums of which a figure is the largest; none where it is not known."""
        return figure_of(figure, totals, self.batch, self.dtype)

    def amounts(self, numbers: Numbers) -> dict[str, int] | None:
        """Return the parameters and whatever is limited, by their keys; None where there is no such network."""
        totals = self.totals(numbers)
        if totals is None:
            return None
        keys = ["total_params", *(figure.key for figure in self.budget.limits)]
        return {key: max(self.parts(key, totals)) for key in keys}

    def fits(self, numbers: Numbers) -> bool:
        """Whether there is such a network, and it keeps within the budget."""
        amounts = self.amounts(numbers)
        return amounts is not None and all(amounts[figure.key] <= most for figure, most in self.budget.limits.items())

    def summary(self, numbers: Numbers) -> Summary | None:
        """Return the summary of the network with some numbers, or None where a spec cannot have them."""
        network = None if self.totals(numbers) is None else self.template.network(numbers)
        return None if network is None else network.summary(self.batch, self.timesteps, self.framework, self.dtype)

    def costs(self, numbers: Numbers) -> tuple[Cost, ...]:
        """Return what that network costs; nothing where there is none.

        Raises:
            UsageError: a figure that is limited is not known.
        """
        found = self.summary(numbers)
        return () if found is None else tuple(self.budget.costs(found))

    def bounds(self) -> dict[Blank, int]:
        """Return for each blank how many times the smallest number fits, all others being smallest.

        The smallest must fit, and whatever the network costs must grow with each of its numbers.
        """

        def last(blank: Blank) -> int:
            return largest(lambda times: self.fits({**self.smallest, blank: times * self.multiple_of}), MAX_SIZE)

        return {blank: last(blank) for blank in self.template.blanks}


def largest(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to `most` that fits, by bisection: 0 does, and whatever is below one that does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low

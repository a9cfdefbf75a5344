"""A template and what its network may cost, what numbers for its blanks cost, and the best that are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rnncli.errors import SpecError
from rnncli.layers.sizes import Blank
from rnncli.layers.weights import Framework
from rnncli.search.blanks.template import Template
from rnncli.search.budget import Budget, Cost
from rnncli.summary import Summary

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

    def summary(self, numbers: Numbers) -> Summary | None:
        """Return the summary of the network with some numbers, or None where a spec cannot have them."""
        network = self.template.network(numbers)
        try:
            return None if network is None else network.summary(self.batch, self.timesteps, self.framework, self.dtype)
        except SpecError:
            return None  # there are too few timesteps

    def costs(self, numbers: Numbers) -> tuple[Cost, ...]:
        """Return what that network costs; nothing where there is none.

        Raises:
            UsageError: a figure that is limited is not known.
        """
        found = self.summary(numbers)
        return () if found is None else tuple(self.budget.costs(found))

    def fits(self, numbers: Numbers) -> bool:
        """Whether there is such a network, and it keeps within the budget."""
        costs = self.costs(numbers)
        return bool(costs) and all(cost.fits for cost in costs)

"""Which candidates of a sweep are shown, and in what order: budgets, sorting, the first few."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rnncli.search.budget import Budget
from rnncli.search.grids.candidate import Candidate, Invalid
from rnncli.search.grids.stretches import BATCH
from rnncli.search.ranking.order import Order, amount


@dataclass
class Tally:
    """How many candidates there were so far, and what became of them.

    Attributes:
        invalid: how many are not networks.
        outside: how many do not keep within the budget.
        within: how many keep within the budget.
        shown: how many of those within the budget have been printed.
        first_invalid: the spec of the first that is not a network.
        nearest: the candidate that exceeds the budget least, as long as none keeps within it.
    """

    invalid: int = 0
    outside: int = 0
    within: int = 0
    shown: int = 0
    first_invalid: str | None = None
    nearest: Candidate | None = None

    @property
    def total(self) -> int:
        """How many candidates there were."""
        return self.invalid + self.outside + self.within

    def add(self, further: Tally, budget: Budget) -> None:
        """Take in what became of further candidates."""
        self.invalid += further.invalid
        self.outside += further.outside
        self.within += further.within
        self.shown += further.shown
        self.first_invalid = self.first_invalid or further.first_invalid
        if further.nearest is not None:
            self.take_nearest(further.nearest, budget)

    def take_nearest(self, candidate: Candidate, budget: Budget) -> None:
        """Take in a candidate that exceeds a budget."""
        self.nearest = min(self.nearest or candidate, candidate, key=lambda each: _need(each, budget))

    def words(self, of: str = "") -> str:
        """Return it in words; `of` is how many candidates there are, if not all have been looked at."""
        parts = [f"{self.total:,}{of and ' of '}{of} candidate{'' if self.total == 1 and not of else 's'}"]
        if self.outside:
            parts.append(f"{self.within:,} within the budget")
        if self.shown != self.within or not self.outside:
            parts.append(f"{self.shown:,} shown")
        if self.invalid:
            parts.append(f"{self.invalid:,} invalid")
        return ", ".join(parts)


def within(candidates: Iterable[Candidate | Invalid], budget: Budget, tally: Tally) -> list[Candidate]:
    """Return the candidates that keep within a budget, and count all candidates in the tally.

    Raises:
        UsageError: a figure is limited, and it is not known.
    """
    kept = []
    limits = [(figure.key, limit) for figure, limit in budget.limits.items()]
    for candidate in candidates:
        if isinstance(candidate, Invalid):
            tally.invalid += 1
            if tally.first_invalid is None:
                tally.first_invalid = candidate.spec
        elif not limits or _fits(candidate, limits):
            kept.append(candidate)
        else:
            tally.outside += 1
            if not (tally.within or kept):
                tally.take_nearest(candidate, budget)
    tally.within += len(kept)
    return kept


class Selection:
    """The first candidates in an order, of those that there were so far.

    Args:
        order: the order; equal candidates keep theirs.
        top: how many are kept, or None for all.

    Attributes:
        worst: what a candidate must keep below to be among them: the number that it is sorted by, negative in a
            descending order; None while any may be.
    """

    def __init__(self, order: Order, top: int | None) -> None:
        self.order = order
        self.top = top
        self.worst: float | None = None
        self._kept: list[Candidate] = []

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Take in some more candidates. Few more than twice `top` are held in memory.

        Raises:
            UsageError: what they are sorted by is not known.
        """
        first = self._first(candidates)
        self._kept += first
        if self.top is not None and (len(self._kept) > 2 * self.top + BATCH or (first and self.top <= BATCH)):
            self._kept = self._first(self._kept)
            if len(self._kept) == self.top and self.order.figure is not None:
                worst = self.order.of(self._kept[-1])
                self.worst = -worst if self.order.descending else worst

    @property
    def held(self) -> int:
        """How many candidates it holds in memory."""
        return len(self._kept)

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The figures that it asks of a block of candidates; None if it takes all candidates as they are."""
        return None if self.top is None or self.order.figure is None else (self.order.figure,)

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return those of some places of a block that may be among the first.

        Args:
            places: an array of the places.
            column: returns a figure of each candidate of the block.
        """
        import numpy as np

        if self.top is None or self.order.figure is None:
            return places
        numbers = column(self.order.figure)[places]
        numbers = -numbers if self.order.descending else numbers
        if self.worst is not None:
            fits = numbers < self.worst
            places, numbers = places[fits], numbers[fits]
        if len(places) <= self.top:
            return places
        last = np.partition(numbers, self.top - 1)[self.top - 1]
        smaller, equal = np.flatnonzero(numbers < last), np.flatnonzero(numbers == last)
        return places[np.sort(np.concatenate([smaller, equal[: self.top - len(smaller)]]))]

    def best(self) -> list[Candidate]:
        """Return the first ones."""
        return self._first(self._kept)

    def _first(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        return sorted(candidates, key=self.order.of, reverse=self.order.descending)[: self.top]


def _fits(candidate: Candidate, limits: Iterable[tuple[str, int]]) -> bool:
    # Each is asked for: one that is not known is an error, whether or not another is exceeded.
    exceeded = [key for key, limit in limits if amount(candidate, key) > limit]
    return not exceeded


def _need(candidate: Candidate, budget: Budget) -> float:
    """Return how many times its budget a candidate needs, for the cost that exceeds its limit most."""
    return max(amount(candidate, figure.key) / (limit or 1) for figure, limit in budget.limits.items())

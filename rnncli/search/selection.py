"""Which candidates of a sweep are shown, and in what order: budgets, sorting, the first few."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from rnncli.search.budget import BY_NAME, Budget, known
from rnncli.search.candidate import Candidate, Invalid
from rnncli.search.sweep import BATCH

SORT_KEYS = {
    "params": "total_params",
    "memory": "total_bytes",
    "macs": "macs",
    "macs-per-step": "macs_per_step",
    "spec": "spec",
}
"""What candidates can be sorted by, and the attribute that holds it."""


class Order(NamedTuple):
    """What candidates are sorted by; equal ones keep the order of the pattern."""

    key: str
    descending: bool = False


LARGEST = Order("params", descending=True)


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
        UsageError: there is a budget for multiply-adds, and their number is not known.
    """
    kept = []
    for candidate in candidates:
        if isinstance(candidate, Invalid):
            tally.invalid += 1
            if tally.first_invalid is None:
                tally.first_invalid = candidate.spec
        elif _fits(candidate, budget):
            kept.append(candidate)
        else:
            tally.outside += 1
            if not (tally.within or kept):
                tally.nearest = min(tally.nearest or candidate, candidate, key=lambda each: _need(each, budget))
    tally.within += len(kept)
    return kept


class Selection:
    """The first candidates in an order, of those that there were so far.

    Args:
        order: the order; equal candidates keep theirs.
        top: how many are kept, or None for all.
    """

    def __init__(self, order: Order, top: int | None) -> None:
        self._key: Callable[[Candidate], Any] = _macs if order.key == "macs" else attrgetter(SORT_KEYS[order.key])
        self._descending = order.descending
        self._top = top
        self._kept: list[Candidate] = []

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Take in some more candidates. Few more than twice `top` are held in memory.

        Raises:
            UsageError: they are sorted by multiply-adds, and their number is not known.
        """
        self._kept += self._first(candidates)
        if self._top is not None and len(self._kept) > 2 * self._top + BATCH:
            self._kept = self._first(self._kept)

    def best(self) -> list[Candidate]:
        """Return the first ones."""
        return self._first(self._kept)

    def _first(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        return sorted(candidates, key=self._key, reverse=self._descending)[: self._top]


def _fits(candidate: Candidate, budget: Budget) -> bool:
    return all(known(figure, candidate) <= limit for figure, limit in budget.limits.items())


def _need(candidate: Candidate, budget: Budget) -> float:
    """Return how many times its budget a candidate needs, for the cost that exceeds its limit most."""
    return max(cost.amount / (cost.limit or 1) for cost in budget.costs(candidate))


def _macs(candidate: Candidate) -> int:
    return known(BY_NAME["macs"], candidate)

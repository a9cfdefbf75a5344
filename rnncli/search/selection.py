"""What candidates are compared by, and those that are wanted of them: all in an order, or the first few."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rnncli.errors import quote
from rnncli.immutable import NamedTuple
from rnncli.search import forms
from rnncli.search.budget import amount
from rnncli.search.forms import Candidate

SORT_KEYS = {
    "params": "total_params",
    "memory": "total_bytes",
    "macs": "macs",
    "macs-per-step": "macs_per_step",
    "streaming": "streaming_bytes",
    "training": "training_bytes",
    "output": "output_features",
    "spec": "spec",
}
"""What candidates can be sorted by, and the attribute that holds it."""

COMPARED = tuple(key for key in SORT_KEYS if key != "spec")
"""Those of which one is better than another: the figures."""


class Order(NamedTuple):
    """What candidates are sorted by; equal ones keep the order of the pattern."""

    key: str
    descending: bool = False

    @classmethod
    def parse(cls, text: str, keys: Iterable[str] = SORT_KEYS) -> Order:
        """Return the order that a key stands for, one of some keys; a leading - is from the largest down.

        Raises:
            ValueError: it is none of them.
        """
        key = text.removeprefix("-")
        if key not in keys:
            raise ValueError(f"{quote(text)} is not one of {', '.join(keys)}")
        return cls(key, descending=text.startswith("-"))

    @property
    def figure(self) -> str | None:
        """The attribute that holds the number that they are sorted by; None if that is no number."""
        return SORT_KEYS[self.key] if self.key in COMPARED else None

    def of(self, candidate: Candidate) -> Any:
        """Return what a candidate is sorted by: the smallest comes first, or the largest in a descending order.

        Raises:
            UsageError: it is not known.
        """
        return amount(candidate, SORT_KEYS[self.key])

    def signed(self, numbers: Any) -> Any:
        """Return numbers, or an array of them, of which the smallest comes first in either order."""
        return -numbers if self.descending else numbers


LARGEST = Order("params", descending=True)


def parse_figures(text: str) -> tuple[Order, ...]:
    """Return what candidates are compared by: `params,-output`.

    Raises:
        ValueError: one of the figures is none, or is named twice.
    """
    orders = tuple([Order.parse(each.strip(), COMPARED) for each in text.split(",")])
    keys = [order.key for order in orders]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{quote(text)} names {key} twice")
    return orders


class Selection:
    """The first candidates in an order, of those that there were so far.

    Args:
        order: the order, None for that of the pattern; equal candidates keep theirs.
        top: how many are kept, or None for all.
    """

    def __init__(self, order: Order | None, top: int | None) -> None:
        self.order = order
        self.top = top
        self._kept: list[Candidate] = []
        self._worst: Any = None
        """What the number must be below, signed, that one of the first is sorted by; None while any may be."""

    @property
    def held(self) -> int:
        """How many candidates it holds in memory."""
        return len(self._kept)

    def most(self, total: int) -> int:
        """Return how many of so many candidates within the budget it comes to hold at once."""
        return total if self.top is None else min(total, 2 * self.top + forms.BATCH)

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The figures that it asks of a block of candidates; None if it takes all candidates as they are."""
        figure = None if self.top is None or self.order is None else self.order.figure
        return None if figure is None else (figure,)

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return those of some places of a block that may be wanted, in ascending order.

        Args:
            places: an array of the places.
            column: returns a figure of each candidate of the block.
        """
        import numpy as np

        if self.top is None or self.order is None or self.order.figure is None:
            return places
        numbers = self.order.signed(column(self.order.figure)[places])
        if self._worst is not None:
            fits = numbers < self._worst
            places, numbers = places[fits], numbers[fits]
        if len(places) <= self.top:
            return places
        last = np.partition(numbers, self.top - 1)[self.top - 1]
        smaller, equal = np.flatnonzero(numbers < last), np.flatnonzero(numbers == last)
        return places[np.sort(np.concatenate([smaller, equal[: self.top - len(smaller)]]))]

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Take in some more candidates.

        Raises:
            UsageError: what they are compared by is not known.
        """
        first = self._first(candidates)
        self._kept += first
        if self.top is not None and (self.held > 2 * self.top + forms.BATCH or (first and self.top <= forms.BATCH)):
            self._kept = self.best()
            if self.held == self.top and self.order is not None and self.order.figure is not None:
                self._worst = self.order.signed(self.order.of(self._kept[-1]))

    def best(self) -> list[Candidate]:
        """Return those that are wanted, sorted."""
        return self._first(self._kept)

    def _first(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        if self.order is None:
            return [*candidates]
        return sorted(candidates, key=self.order.of, reverse=self.order.descending)[: self.top]

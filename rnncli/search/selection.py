"""Sort keys for candidates, and the selection of the first candidates in an order."""

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
"""The keys that candidates can be sorted by, and the attribute for each."""

COMPARED = tuple(key for key in SORT_KEYS if key != "spec")
"""The keys that are figures, by which one candidate can be better than another."""


class Order(NamedTuple):
    """A sort order for candidates; equal candidates keep the pattern's order."""

    key: str
    descending: bool = False

    @classmethod
    def parse(cls, text: str, keys: Iterable[str] = SORT_KEYS) -> Order:
        """Return the order for a key, with a leading - from the largest to the smallest, or raise a ValueError."""
        key = text.removeprefix("-")
        if key not in keys:
            raise ValueError(f"{quote(text)} is not one of {', '.join(keys)}")
        return cls(key, descending=text.startswith("-"))

    @property
    def figure(self) -> str | None:
        """The attribute with the number to sort by; None if the key is not a number."""
        return SORT_KEYS[self.key] if self.key in COMPARED else None

    def of(self, candidate: Candidate) -> Any:
        """Return a candidate's sort value: the smallest comes first, or the largest in a descending order.

        Raises:
            UsageError: the value is unknown.
        """
        return amount(candidate, SORT_KEYS[self.key])

    def signed(self, numbers: Any) -> Any:
        """Return a number or an array, negated in a descending order, so that the smallest comes first."""
        return -numbers if self.descending else numbers


LARGEST = Order("params", descending=True)


def parse_figures(text: str) -> tuple[Order, ...]:
    """Return the orders to compare candidates by, `params,-output`; a wrong figure raises a ValueError."""
    orders = tuple([Order.parse(each.strip(), COMPARED) for each in text.split(",")])
    keys = [order.key for order in orders]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{quote(text)} names {key} twice")
    return orders


class Selection:
    """The first candidates in an order, among those added so far.

    Args:
        order: the order, None for the pattern's; equal candidates keep the pattern's order.
        top: the number of candidates to keep, None for all.
    """

    def __init__(self, order: Order | None, top: int | None) -> None:
        self.order = order
        self.top = top
        self._kept: list[Candidate] = []
        self._worst: Any = None
        """The signed sort value that a candidate must be below to be kept; None while any may be kept."""

    @property
    def held(self) -> int:
        """The number of candidates in memory."""
        return len(self._kept)

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The figures of a frame that it needs; None if it takes all candidates as they are."""
        return None if self.top is None or self.order is None or self.order.figure is None else (self.order.figure,)

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return the places of a frame's candidates that may be among the first, in ascending order.

        Args:
            places: an array of the places.
            column: returns a figure of all candidates of the frame.
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
        """Add candidates; raise a UsageError if a value that they are sorted by is unknown."""
        first = self._first(candidates)
        self._kept += first
        if self.top is not None and (self.held > 2 * self.top + forms.BATCH or (first and self.top <= forms.BATCH)):
            self._kept = self.best()
            if self.held == self.top and self.order is not None and self.order.figure is not None:
                self._worst = self.order.signed(self.order.of(self._kept[-1]))

    def best(self) -> list[Candidate]:
        """Return the selected candidates, sorted."""
        return self._first(self._kept)

    def _first(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        if self.order is None:
            return [*candidates]
        return sorted(candidates, key=self.order.of, reverse=self.order.descending)[: self.top]

"""Frontiers: the candidates that no other beats, after Pareto; and where all of them lie.

One candidate beats another if it is at least as good in every figure that they are compared by, and better in one. Of
candidates that are equal in all of them none beats another, so all are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

import numpy as np

from rnncli.search.budget import LACKING
from rnncli.search.forms import Candidate
from rnncli.search.selection import SORT_KEYS, Order, Selection

_TRIED = 32
"""With how many of a frontier others are compared one by one, before there is a better way."""

_SHARE = 8
"""One in so many of those that are kept may be new, and not compared with the others yet."""

_HALVED = 32
"""Rows of three figures are halved, to find out which of them no other beats, as long as so many are left in a half."""

_FINENESS = 64
"""How many cells of a cloud there are from a number to its double: a picture of a hundred columns needs no more."""

_CELLS = 64 * _FINENESS
"""How many cells there are along a figure: 64 bits of doublings."""


class Frontier(Selection):
    """The frontier of the candidates that there were so far.

    Args:
        figures: what they are compared by; in a descending order the larger one is better.
        order: what the frontier is sorted by.
        top: how many of it are wanted in the end, or None for all.
    """

    def __init__(self, figures: Sequence[Order], order: Order, top: int | None) -> None:
        super().__init__(order, top)
        self.figures = figures
        self._numbers: Any = None
        """What those that are kept are compared by, signed, as an array; None where 64 bits do not hold it."""
        self._new: list[tuple[list[Any], Candidate]] = []
        """The same of those that are not compared with them yet, and the candidates."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The figures that it asks of a block of candidates."""
        return tuple(SORT_KEYS[order.key] for order in self.figures)

    def most(self, total: int) -> int:
        """Return how many it holds in any case: there is always one that no other beats."""
        return min(total, 1)

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return those of some places of a block that may be on the frontier, likewise."""
        signed = [order.signed(column(name)[places]) for order, name in zip(self.figures, self.asked, strict=True)]
        numbers = np.stack(signed, axis=1)
        fits = self._may_hold(numbers)
        places, numbers = places[fits], numbers[fits]
        return places[unbeaten(numbers)] if len(places) else places

    def _may_hold(self, numbers: Any) -> Any:
        """Return which rows of figures may be on the frontier: not those that some on it beat."""
        fits = np.ones(len(numbers), bool)
        frontier = self._numbers
        if frontier is None:
            return fits
        if len(self.figures) == 2:
            some, least = _least(frontier, numbers[:, 0])
            return ~some | (least >= numbers[:, 1])
        for kept in frontier[:: max(1, len(frontier) // _TRIED)]:
            fits &= ~((kept <= numbers).all(axis=1) & (kept < numbers).any(axis=1))
        return fits

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Take in some more candidates."""
        self._new += [(self._row(candidate), candidate) for candidate in candidates]
        if len(self._new) * _SHARE > len(self._kept):
            self._compare()

    @property
    def held(self) -> int:
        """How many candidates it holds in memory."""
        return len(self._kept) + len(self._new)

    def best(self) -> list[Candidate]:
        """Return the frontier, sorted, or the first few of it."""
        self._compare()
        return super().best()

    def _row(self, candidate: Candidate) -> list[Any]:
        return [order.signed(order.of(candidate)) for order in self.figures]

    def _compare(self) -> None:
        """Keep of all those so far the ones that no other beats."""
        if not self._new:
            return
        rows = [row for row, _ in self._new]
        numbers = in_64_bits(rows)
        if self._kept:
            known = numbers is not None and self._numbers is not None
            numbers = np.concatenate([self._numbers, numbers]) if known else None
        every = [*self._kept, *(candidate for _, candidate in self._new)]
        places = unbeaten(ranks([self._row(each) for each in every]) if numbers is None else numbers)
        kept = [every[place] for place in places.tolist()]
        self._kept, self._new, self._numbers = kept, [], None if numbers is None else numbers[places]


def in_64_bits(rows: Sequence[Sequence[float]]) -> Any:
    """Return rows of figures as an array, or None if 64 bits do not hold them."""
    ends = {inf: LACKING, -inf: -LACKING}
    try:
        return np.array([[ends.get(number, number) for number in row] for row in rows], np.int64)
    except OverflowError:
        return None


def ranks(rows: Sequence[Sequence[float]]) -> Any:
    """Return an array of what is as good in place of rows of figures of any size: the rank of each in its column."""
    columns = np.array(rows, object).T
    return np.stack([np.unique(column, return_inverse=True)[1] for column in columns], axis=1)


def unbeaten(numbers: Any) -> Any:
    """Return the places of the rows that no other row beats, in ascending order; smaller numbers are better."""
    order = np.lexsort(numbers.T[::-1])
    sorted_ = numbers[order]
    first = np.ones(len(sorted_), bool)  # of rows that are equal
    first[1:] = (sorted_[1:] != sorted_[:-1]).any(axis=1)
    rows = sorted_[first]
    fine = _unbeaten_pairs(rows) if rows.shape[1] <= 2 else _unbeaten_rows(rows)
    return np.sort(order[fine[np.cumsum(first) - 1]])


def _unbeaten_pairs(rows: Any) -> Any:
    """Return which of some different pairs, sorted, are not beaten; or single numbers."""
    last = rows[:, -1]
    fine = np.ones(len(rows), bool)
    fine[1:] = last[1:] < np.minimum.accumulate(last)[:-1]
    return fine


def _unbeaten_rows(rows: Any) -> Any:
    """Return which of some different rows, sorted, are not beaten: only one that comes before can beat a row."""
    left = np.arange(len(rows))
    fine = np.zeros(len(rows), bool)
    found = 0
    while len(left):
        if found == _TRIED and rows.shape[1] == 3:
            fine[left] = _unbeaten_triples(rows[left])
            break
        first = left[0]
        fine[first] = True
        found += 1
        left = left[(rows[left] < rows[first]).any(axis=1)]
    return fine


def _unbeaten_triples(rows: Any) -> Any:
    """Return the same of many rows of three figures: of either half, without those that the first half beats."""
    half = len(rows) // 2
    if half < _HALVED:
        second, third = rows[:, 1], rows[:, 2]
        no_better = (second <= second[:, None]) & (third <= third[:, None])
        return ~np.tril(no_better, -1).any(axis=1)
    fine = np.concatenate([_unbeaten_triples(rows[:half]), _unbeaten_triples(rows[half:])])
    some, least = _least(rows[:half][fine[:half], 1:], rows[half:, 1])
    fine[half:] &= ~(some & (least <= rows[half:, 2]))
    return fine


def _least(pairs: Any, across: Any) -> tuple[Any, Any]:
    """Return for some numbers whether pairs begin with at most that, and the least second number of these."""
    order = np.argsort(pairs[:, 0], kind="stable")
    place = np.searchsorted(pairs[order, 0], across, "right") - 1
    return place >= 0, np.minimum.accumulate(pairs[order, 1])[place]


class Cloud:
    """Where candidates lie in a plane of two figures: the cells in which there are some, in as little memory as few.

    Args:
        across: the figure that grows to the right.
        up: the figure that grows upwards.
    """

    def __init__(self, across: str, up: str) -> None:
        self.asked = across, up
        self._found: Any = None

    def add(self, across: Any, up: Any) -> None:
        """Take in some candidates by arrays of their figures, those aside that lack one."""
        across, up = np.asarray(across, float), np.asarray(up, float)
        known = np.maximum(across, up) < LACKING
        self.take(_cell(across[known]) * _CELLS + _cell(up[known]))

    def take(self, cells: Any) -> None:
        """Take in cells in which there are candidates, by their numbers."""
        if self._found is None:
            self._found = np.zeros(_CELLS * _CELLS, bool)
        self._found[cells] = True

    def cells(self) -> Any:
        """Return the numbers of the cells in which there are candidates."""
        return np.zeros(0, int) if self._found is None else np.flatnonzero(self._found)

    def points(self) -> list[tuple[float, float]]:
        """Return a point in each cell in which there are candidates."""
        across, up = divmod(self.cells(), _CELLS)
        return [*zip((2 ** (across / _FINENESS)).tolist(), (2 ** (up / _FINENESS)).tolist(), strict=True)]


def _cell(numbers: Any) -> Any:
    """Return the place of numbers along a figure; that of 0 is that of 1."""
    places = np.round(np.log2(np.maximum(numbers, 1)) * _FINENESS)
    return np.minimum(places, _CELLS - 1).astype(np.int64)

"""Pareto frontiers: the candidates that no other candidate beats, and a plot of where all candidates lie.

One candidate beats another if it is at least as good in every compared figure and better in at least one. Candidates
that are equal in all figures do not beat each other, so all of them are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

import numpy as np

from rnncli.search.budget import LACKING
from rnncli.search.forms import Candidate
from rnncli.search.selection import SORT_KEYS, Order, Selection

_MAX_SCANNED = 32
"""The number of frontier points that rows are compared with one by one, before a faster method is used."""

_NEW_SHARE = 2
"""New candidates are compared once there is one for every so many that are kept."""

_MIN_HALF = 32
"""Rows of three figures are split in halves until a half has fewer rows than this."""

_PER_DOUBLING = 64
"""The number of cells per doubling in a cloud; a plot of a hundred columns needs no more."""

_CELLS = 64 * _PER_DOUBLING
"""The number of cells along a figure: 64 bits of doublings."""


class Frontier(Selection):
    """The frontier of the candidates added so far.

    Args:
        figures: the figures to compare by; in a descending order, larger is better.
        order: the order to sort the frontier by.
        top: the number of candidates to return in the end, None for all.
    """

    def __init__(self, figures: Sequence[Order], order: Order, top: int | None) -> None:
        super().__init__(order, top)
        self.figures = figures
        self._numbers: Any = None
        """The signed figures of the kept candidates as an array; None if they do not fit in 64 bits."""
        self._new: list[Candidate] = []
        """Candidates that are not compared yet."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The figures of a frame that it needs."""
        return tuple(SORT_KEYS[order.key] for order in self.figures)

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return the places of a frame's candidates that may be on the frontier, in ascending order."""
        signed = [order.signed(column(name)[places]) for order, name in zip(self.figures, self.asked, strict=True)]
        numbers = np.stack(signed, axis=1)
        fits = self._may_hold(numbers)
        places, numbers = places[fits], numbers[fits]
        return places[unbeaten(numbers)] if len(places) else places

    def _may_hold(self, numbers: Any) -> Any:
        """Return which rows of figures may be on the frontier: False where a checked frontier point beats them."""
        fits = np.ones(len(numbers), bool)
        frontier = self._numbers
        if frontier is None:
            return fits
        if len(self.figures) == 2:
            some, least = _least(frontier, numbers[:, 0])
            return ~some | (least >= numbers[:, 1])
        for kept in frontier[:: max(1, len(frontier) // _MAX_SCANNED)]:
            fits &= ~((kept <= numbers).all(axis=1) & (kept < numbers).any(axis=1))
        return fits

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Add candidates."""
        self._new += candidates
        if len(self._new) * _NEW_SHARE > len(self._kept):
            self._compare()

    @property
    def held(self) -> int:
        """The number of candidates in memory."""
        return len(self._kept) + len(self._new)

    def best(self) -> list[Candidate]:
        """Return the frontier, sorted, or the first `top` of it."""
        self._compare()
        return super().best()

    def _compare(self) -> None:
        """Reduce all candidates so far to those that no other beats."""
        if not self._new:
            return
        every = [*self._kept, *self._new]
        rows = [[order.signed(order.of(each)) for order in self.figures] for each in every]
        numbers = in_64_bits(rows)
        places = unbeaten(ranks(rows) if numbers is None else numbers)
        self._kept, self._new = [every[place] for place in places.tolist()], []
        self._numbers = None if numbers is None else numbers[places]


def in_64_bits(rows: Sequence[Sequence[float]]) -> Any:
    """Return rows of figures as an array, or None if they do not fit in 64 bits."""
    ends = {inf: LACKING, -inf: -LACKING}
    try:
        return np.array([[ends.get(number, number) for number in row] for row in rows], np.int64)
    except OverflowError:
        return None


def ranks(rows: Sequence[Sequence[float]]) -> Any:
    """Return the rank of each figure within its column, which compares like figures of any size."""
    columns = np.array(rows, object).T
    return np.stack([np.unique(column, return_inverse=True)[1] for column in columns], axis=1)


def unbeaten(numbers: Any) -> Any:
    """Return the indices of the rows that no other row beats, in ascending order; smaller is better."""
    order = np.lexsort(numbers.T[::-1])
    sorted_ = numbers[order]
    first = np.ones(len(sorted_), bool)  # the first of each run of equal rows
    first[1:] = (sorted_[1:] != sorted_[:-1]).any(axis=1)
    rows = sorted_[first]
    fine = _unbeaten_pairs(rows) if rows.shape[1] <= 2 else _unbeaten_rows(rows)
    return np.sort(order[fine[np.cumsum(first) - 1]])


def _unbeaten_pairs(rows: Any) -> Any:
    """Return which of some distinct sorted pairs, or single numbers, are not beaten."""
    last = rows[:, -1]
    fine = np.ones(len(rows), bool)
    fine[1:] = last[1:] < np.minimum.accumulate(last)[:-1]
    return fine


def _unbeaten_rows(rows: Any) -> Any:
    """Return which of some distinct sorted rows are not beaten; only an earlier row can beat a row."""
    left = np.arange(len(rows))
    fine = np.zeros(len(rows), bool)
    found = 0
    while len(left):
        if found == _MAX_SCANNED and rows.shape[1] == 3:
            fine[left] = _unbeaten_triples(rows[left])
            break
        first = left[0]
        fine[first] = True
        found += 1
        left = left[(rows[left] < rows[first]).any(axis=1)]
    return fine


def _unbeaten_triples(rows: Any) -> Any:
    """Return which of some distinct sorted rows of three figures are not beaten, by divide and conquer."""
    half = len(rows) // 2
    if half < _MIN_HALF:
        second, third = rows[:, 1], rows[:, 2]
        no_better = (second <= second[:, None]) & (third <= third[:, None])
        return ~np.tril(no_better, -1).any(axis=1)
    fine = np.concatenate([_unbeaten_triples(rows[:half]), _unbeaten_triples(rows[half:])])
    some, least = _least(rows[:half][fine[:half], 1:], rows[half:, 1])
    fine[half:] &= ~(some & (least <= rows[half:, 2]))
    return fine


def _least(pairs: Any, across: Any) -> tuple[Any, Any]:
    """Return, for each number, whether any pair starts with at most that, and the least second number of such pairs."""
    order = np.argsort(pairs[:, 0], kind="stable")
    place = np.searchsorted(pairs[order, 0], across, "right") - 1
    return place >= 0, np.minimum.accumulate(pairs[order, 1])[place]


class Cloud:
    """The cells of a plane of two figures, one across and one up, that contain candidates, in constant memory."""

    def __init__(self, across: str, up: str) -> None:
        self.asked = across, up
        self._found = np.zeros(_CELLS * _CELLS, bool)

    def add(self, across: Any, up: Any) -> None:
        """Add candidates as arrays of their figures, except for those that lack a figure."""
        across, up = np.asarray(across, float), np.asarray(up, float)
        known = np.maximum(across, up) < LACKING
        self.take(_cell(across[known]) * _CELLS + _cell(up[known]))

    def take(self, cells: Any) -> None:
        """Add cells that contain candidates, by number."""
        self._found[cells] = True

    def cells(self) -> Any:
        """Return the numbers of the cells that contain candidates."""
        return np.flatnonzero(self._found)

    def points(self) -> list[tuple[float, float]]:
        """Return a point in each cell that contains candidates."""
        across, up = divmod(self.cells(), _CELLS)
        return [*zip((2 ** (across / _PER_DOUBLING)).tolist(), (2 ** (up / _PER_DOUBLING)).tolist(), strict=True)]


def _cell(numbers: Any) -> Any:
    """Return the cell index of numbers along a figure; 0 is in the same cell as 1."""
    places = np.round(np.log2(np.maximum(numbers, 1)) * _PER_DOUBLING)
    return np.minimum(places, _CELLS - 1).astype(np.int64)

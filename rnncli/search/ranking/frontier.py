"""Frontiers: the candidates that no other beats, after Pareto.

One candidate beats another if it is at least as good in every figure that they are compared by, and better in one. Of
candidates that are equal in all of them none beats another, so all are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from rnncli.search.grids.candidate import Candidate
from rnncli.search.ranking.order import Order
from rnncli.search.ranking.selection import Selection

_TRIED = 32
"""With how many candidates of the frontier so far new ones are compared, before they are compared with one another."""


class Frontier:
    """The frontier of the candidates that there were so far.

    Args:
        figures: what they are compared by; in a descending order the larger one is better.
        order: what the frontier is sorted by.
        top: how many of it are kept in the end, or None for all.
    """

    def __init__(self, figures: Sequence[Order], order: Order, top: int | None) -> None:
        self.figures = figures
        self._order = order
        self._top = top
        self._kept: list[Candidate] = []
        self._numbers: Any = None

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Take in some more candidates.

        Raises:
            UsageError: a figure is not known.
        """
        if not candidates:
            return
        import numpy as np

        new = [[_signed(order.of(candidate), order) for order in self.figures] for candidate in candidates]
        numbers = exact(new)
        if self._numbers is not None:
            numbers = np.concatenate(alike(self._numbers, numbers))
        places = unbeaten(numbers)
        everything = [*self._kept, *candidates]
        self._kept = [everything[place] for place in places.tolist()]
        self._numbers = numbers[places]

    @property
    def held(self) -> int:
        """How many candidates it holds in memory."""
        return len(self._kept)

    @property
    def asked(self) -> tuple[str, ...]:
        """The figures that it asks of a block of candidates."""
        return tuple(order.figure for order in self.figures if order.figure is not None)

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return those of some places of a block that may be on the frontier.

        Args:
            places: an array of the places.
            column: returns a figure of each candidate of the block.
        """
        import numpy as np

        numbers = np.stack([_signed(column(str(order.figure))[places], order) for order in self.figures], axis=1)
        fits = self._may_hold(numbers)
        places, numbers = places[fits], numbers[fits]
        return places[unbeaten(numbers)] if len(places) else places

    def _may_hold(self, numbers: Any) -> Any:
        """Return which rows of figures may be on the frontier: not those that some on it beat."""
        import numpy as np

        fits = np.ones(len(numbers), bool)
        if self._numbers is None or not len(self._numbers):
            return fits
        frontier, numbers = alike(self._numbers, numbers)
        if len(self.figures) == 2:
            return _not_behind(frontier, numbers)
        for kept in frontier[:: max(1, len(frontier) // _TRIED)]:
            fits &= ~((kept <= numbers).all(axis=1) & (kept < numbers).any(axis=1))
        return fits

    def best(self) -> list[Candidate]:
        """Return the frontier, or the first few of it."""
        selection = Selection(self._order, self._top)
        selection.add(self._kept)
        return selection.best()


def exact(rows: Sequence[Sequence[float]]) -> Any:
    """Return rows of figures as an array, of Python's numbers where 64 bits do not hold them."""
    import numpy as np

    finite = [[_ENDS.get(number, number) for number in row] for row in rows]
    try:
        return np.array(finite, np.int64)
    except OverflowError:
        return np.array(rows, object)


_ENDS = {inf: 2**63 - 1, -inf: 1 - 2**63}
"""The numbers that stand for infinite ones in 64 bits, in a block of candidates too."""


def alike(*arrays: Any) -> list[Any]:
    """Return arrays of figures with numbers of one kind: if some are Python's, infinite ones are infinite in all."""
    if len({array.dtype for array in arrays}) == 1:
        return [*arrays]
    python = [array.astype(object) for array in arrays]
    for array in python:
        for number, end in _ENDS.items():
            array[array == end] = number
    return python


def unbeaten(numbers: Any) -> Any:
    """Return the places of the rows that no other row beats, in ascending order; smaller numbers are better."""
    import numpy as np

    if numbers.dtype == object:
        order = np.array(sorted(range(len(numbers)), key=lambda place: tuple(numbers[place])))
    else:
        order = np.lexsort(numbers.T[::-1])
    sorted_ = numbers[order]
    first = np.ones(len(sorted_), bool)  # of rows that are equal
    first[1:] = (sorted_[1:] != sorted_[:-1]).any(axis=1)
    rows = sorted_[first]
    fine = _unbeaten_pairs(rows) if rows.shape[1] <= 2 else _unbeaten_rows(rows)
    return np.sort(order[fine[np.cumsum(first) - 1]])


def _unbeaten_pairs(rows: Any) -> Any:
    """Return which of some different pairs, sorted, are not beaten; or single numbers."""
    import numpy as np

    last = rows[:, -1]
    fine = np.ones(len(rows), bool)
    fine[1:] = last[1:] < np.minimum.accumulate(last)[:-1]
    return fine


def _unbeaten_rows(rows: Any) -> Any:
    """Return which of some different rows, sorted, are not beaten: only one that comes before can beat a row."""
    import numpy as np

    left = np.arange(len(rows))
    fine = np.zeros(len(rows), bool)
    while len(left):
        first = left[0]
        fine[first] = True
        left = left[(rows[left] < rows[first]).any(axis=1)]
    return fine


def _not_behind(frontier: Any, pairs: Any) -> Any:
    """Return which pairs are not beaten by a frontier, or are equal to one of it."""
    import numpy as np

    order = np.argsort(frontier[:, 0], kind="stable")
    across, up = frontier[order, 0], frontier[order, 1]
    place = np.searchsorted(across, pairs[:, 0], "right") - 1
    return (place < 0) | (up[place] >= pairs[:, 1])


def _signed(number: Any, order: Order) -> Any:
    return -number if order.descending else number

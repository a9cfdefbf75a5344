"""Frontiers: the candidates that no other beats, after Pareto; and where all of them lie.

One candidate beats another if it is at least as good in every figure that they are compared by, and better in one. Of
candidates that are equal in all of them none beats another, so all are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from rnncli.search.grids.candidate import Candidate
from rnncli.search.ranking.wanted import LACKING, SORT_KEYS, Order, Selection

_TRIED = 32
"""With how many candidates of the frontier so far new ones are compared, before they are compared with one another."""

_SHARE = 8
"""One in so many of those that are kept may be new, and not compared with the others yet."""

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
        self._rows: list[list[Any]] = []
        """What each that is kept is compared by, signed."""
        self._compared = 0
        """Of how many of these, the first ones, no other beats one."""
        self._numbers: Any = None
        """The same of those as an array; None where 64 bits do not hold it."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The figures that it asks of a block of candidates."""
        return tuple(SORT_KEYS[order.key] for order in self.figures)

    def most(self, total: int) -> int:
        """Return how many it holds in any case: there is always one that no other beats."""
        return min(total, 1)

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return those of some places of a block that may be on the frontier, likewise."""
        import numpy as np

        signed = [order.signed(column(name)[places]) for order, name in zip(self.figures, self.asked, strict=True)]
        numbers = np.stack(signed, axis=1)
        fits = self._may_hold(numbers)
        places, numbers = places[fits], numbers[fits]
        return places[unbeaten(numbers)] if len(places) else places

    def _may_hold(self, numbers: Any) -> Any:
        """Return which rows of figures may be on the frontier: not those that some on it beat."""
        import numpy as np

        fits = np.ones(len(numbers), bool)
        frontier = self._numbers
        if frontier is None:
            return fits
        if len(self.figures) == 2:
            return _not_behind(frontier, numbers)
        for kept in frontier[:: max(1, len(frontier) // _TRIED)]:
            fits &= ~((kept <= numbers).all(axis=1) & (kept < numbers).any(axis=1))
        return fits

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Take in some more candidates.

        Raises:
            UsageError: a figure is not known.
        """
        before = self.held
        self._kept += candidates
        self._rows += [[order.signed(order.of(each)) for order in self.figures] for each in self._kept[before:]]
        if (self.held - self._compared) * _SHARE > self._compared:
            self._compare()

    def best(self) -> list[Candidate]:
        """Return the frontier, sorted, or the first few of it."""
        self._compare()
        return super().best()

    def _compare(self) -> None:
        """Leave out those that another beats."""
        if self._compared == self.held:
            return
        numbers = in_64_bits(self._rows)
        places = unbeaten(ranks(self._rows) if numbers is None else numbers)
        self._numbers = None if numbers is None else numbers[places]
        self._kept = [self._kept[place] for place in places.tolist()]
        self._rows = [self._rows[place] for place in places.tolist()]
        self._compared = self.held


def in_64_bits(rows: Sequence[Sequence[float]]) -> Any:
    """Return rows of figures as an array, or None if 64 bits do not hold them."""
    import numpy as np

    ends = {inf: LACKING, -inf: -LACKING}
    try:
        return np.array([[ends.get(number, number) for number in row] for row in rows], np.int64)
    except OverflowError:
        return None


def ranks(rows: Sequence[Sequence[float]]) -> Any:
    """Return an array of what is as good in place of rows of figures of any size: the rank of each in its column."""
    import numpy as np

    columns = [*zip(*rows, strict=True)]
    places = [{number: rank for rank, number in enumerate(sorted({*column}))} for column in columns]
    return np.array([[place[each] for each in column] for place, column in zip(places, columns, strict=True)]).T


def unbeaten(numbers: Any) -> Any:
    """Return the places of the rows that no other row beats, in ascending order; smaller numbers are better."""
    import numpy as np

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
        """Take in some candidates by arrays of their figures."""
        self.take(_cell(across) * _CELLS + _cell(up))

    def take(self, cells: Any) -> None:
        """Take in cells in which there are candidates, by their numbers."""
        import numpy as np

        if self._found is None:
            self._found = np.zeros(_CELLS * _CELLS, bool)
        self._found[cells] = True

    def cells(self) -> Any:
        """Return the numbers of the cells in which there are candidates."""
        import numpy as np

        return np.zeros(0, int) if self._found is None else np.flatnonzero(self._found)

    def points(self) -> list[tuple[float, float]]:
        """Return a point in each cell in which there are candidates."""
        across, up = divmod(self.cells(), _CELLS)
        return [*zip((2 ** (across / _FINENESS)).tolist(), (2 ** (up / _FINENESS)).tolist(), strict=True)]


def _cell(numbers: Any) -> Any:
    """Return the place of numbers along a figure; that of 0 is that of 1."""
    import numpy as np

    places = np.round(np.log2(np.maximum(np.asarray(numbers, float), 1)) * _FINENESS)
    return np.minimum(places, _CELLS - 1).astype(np.int64)

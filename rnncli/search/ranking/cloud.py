"""Where candidates lie in a plane of two figures: all of them, in as little memory as few of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rnncli.search.grids.candidate import Candidate

_FINENESS = 64
"""How many cells there are from a number to its double: a picture of a hundred columns needs no more."""

_CELLS = 64 * _FINENESS
"""How many cells there are along a figure: 64 bits of doublings."""


class Cloud:
    """The cells of a plane in which there are candidates.

    Args:
        across: the figure that grows to the right.
        up: the figure that grows upwards.
    """

    def __init__(self, across: str, up: str) -> None:
        self.across = across
        self.up = up
        self._found: Any = None
        self._told: Any = None

    @property
    def asked(self) -> tuple[str, str]:
        """The figures that it asks of a block of candidates."""
        return self.across, self.up

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Take in some candidates; those of which a figure is not known have no place."""
        points = [(getattr(each, self.across), getattr(each, self.up)) for each in candidates]
        known = [point for point in points if None not in point]
        if known:
            self._mark(*zip(*known, strict=True))

    def add_block(self, places: Any, column: Callable[[str], Any]) -> None:
        """Take in those at some places of a block.

        Args:
            places: an array of the places.
            column: returns a figure of each candidate of the block.
        """
        self._mark(column(self.across)[places], column(self.up)[places])

    def _mark(self, across: Any, up: Any) -> None:
        self.take(_cell(across) * _CELLS + _cell(up))

    def take(self, cells: Any) -> None:
        """Take in cells in which there are candidates, by their numbers."""
        import numpy as np

        if self._found is None:
            self._found = np.zeros(_CELLS * _CELLS, bool)
        self._found[cells] = True

    def news(self) -> Any:
        """Return the numbers of the cells that have been found since this was last asked."""
        import numpy as np

        if self._found is None:
            return np.zeros(0, int)
        if self._told is None:
            self._told = np.zeros(_CELLS * _CELLS, bool)
        cells = np.flatnonzero(self._found & ~self._told)
        self._told[cells] = True
        return cells

    def points(self) -> list[tuple[float, float]]:
        """Return a point in each cell in which there are candidates."""
        if self._found is None:
            return []
        across, up = divmod(self._found.nonzero()[0], _CELLS)
        return [*zip((2 ** (across / _FINENESS)).tolist(), (2 ** (up / _FINENESS)).tolist(), strict=True)]


def _cell(numbers: Any) -> Any:
    """Return the place of numbers along a figure; that of 0 is that of 1."""
    import numpy as np

    places = np.round(np.log2(np.maximum(np.asarray(numbers, float), 1)) * _FINENESS)
    return np.minimum(places, _CELLS - 1).astype(np.int64)

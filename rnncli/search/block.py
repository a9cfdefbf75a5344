"""The candidates of a box as arrays, in the order of the pattern. Their texts are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, cast

from rnncli.quantities import Shape
from rnncli.search.candidate import FIGURES, Candidate, Found, Invalid
from rnncli.search.evaluation import Layers, State, figure, is_known
from rnncli.search.forms import INVALID, NOTHING, SEQUENCE
from rnncli.search.grid import Grid
from rnncli.search.levels import Dimensions, TooLargeError
from rnncli.summary import Setting

_LIMIT = 2**63 - 1
"""The largest number of an array."""


class Block:
    """The candidates of a box.

    Args:
        grid: the grid.
        box: the box.
        dimensions: those of the box.
        state: all layers, in all of the box.
        most: an upper limit for them.
        setting: what the counts are for.
        figures: the figures that will be asked for.

    Raises:
        TooLargeError: 64 bits may not hold one of the figures.
    """

    def __init__(
        self,
        grid: Grid,
        box: Sequence[Any],
        dimensions: Dimensions,
        state: State,
        most: Layers,
        setting: Setting,
        figures: Sequence[str],
    ) -> None:
        self._grid = grid
        self._box = box
        self._shape = dimensions.shape
        self._state = state
        self._setting = setting
        self._flat: dict[str, Any] = {}
        in_arrays = any(not isinstance(span, int) for span in box)
        if in_arrays and any(figure(most, name, setting) > _LIMIT for name in figures):
            raise TooLargeError

    def __len__(self) -> int:
        return prod(self._shape)

    def value(self, name: str) -> Any:
        """Return a figure as an integer, or as an array that depends on those axes alone that it does depend on."""
        return figure(self._state, name, self._setting)

    def figure(self, name: str) -> Any:
        """Return a figure of each candidate; what it says of one that is no network means nothing."""
        if name not in self._flat:
            self._flat[name] = self._spread(figure(self._state, name, self._setting))
        return self._flat[name]

    def known(self, name: str) -> Any:
        """Return whether a figure is known, of each candidate or, as one bool, of all."""
        return self._spread_truth(is_known(self._state, name, self._setting))

    def is_network(self) -> Any:
        """Return which candidates are networks, or, as one bool, whether all are or none is."""
        return self._spread_truth(self._state.rank > INVALID)

    def is_nothing(self) -> Any:
        """Return which are empty texts, which are no candidates, or whether all are or none is."""
        return self._spread_truth(self._state.rank == NOTHING)

    def _spread(self, numbers: Any) -> Any:
        import numpy as np

        return np.broadcast_to(numbers, self._shape).reshape(-1)

    def _spread_truth(self, truth: Any) -> Any:
        if not isinstance(truth, bool):
            if not truth.all() and truth.any():
                return self._spread(truth)
            truth = bool(truth.all())
        return truth

    def texts(self) -> Iterator[str]:
        """Yield the texts of all, empty ones too."""
        pattern = self._grid.box(self._box)
        return pattern.choices(pattern.nodes, {})

    def candidates(self, most: int) -> Iterator[list[Found]]:
        """Yield all of them in lists of at most so many."""
        texts = self.texts()
        networks = self.is_network()
        for start in range(0, len(self), most):
            part = slice(start, start + most)
            columns = [self.column(name, part) for name in FIGURES]
            found: list[Found] = [
                Candidate(text, shape, *figures)
                for shape, text, *figures in zip(self.shapes(part), texts, *columns, strict=False)
            ]
            if networks is not True:
                valid = [False] * len(found) if networks is False else networks[part].tolist()
                found = [each if truth else Invalid(each.spec) for each, truth in zip(found, valid, strict=True)]
            if self.is_nothing() is not False:
                found = [each for each in found if each.spec]
            yield found

    def shapes(self, part: slice) -> list[Shape]:
        """Return the shapes of the outputs of some of them, in so far as they are networks."""
        state, batch = self._state, self._setting.batch
        known: dict[tuple[int, int, int], Shape] = {}
        shapes = []

        def listed(numbers: Any) -> list[int]:
            return cast(list[int], self._spread(numbers)[part].tolist())

        for each in zip(*map(listed, (state.rank, state.length, state.features)), strict=True):
            shape = known.get(each)
            if shape is None:
                rank, length, features = each
                shape = known[each] = (batch, length or None, features) if rank == SEQUENCE else (batch, features)
            shapes.append(shape)
        return shapes

    def column(self, name: str, part: slice) -> list[int | None]:
        """Return a figure of some of them as a list; None where it is not known."""
        numbers: list[int | None] = self.figure(name)[part].tolist()
        known = self.known(name)
        if known is True:
            return numbers
        if known is False:
            return [None] * len(numbers)
        return [number if truth else None for number, truth in zip(numbers, known[part].tolist(), strict=True)]

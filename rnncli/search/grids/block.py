"""The candidates of a box as arrays, in the order of the pattern. Their texts are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress, islice
from math import prod
from typing import Any, cast

from rnncli.quantities import Shape
from rnncli.search.grids.candidate import FIGURES, Candidate, Found, Invalid
from rnncli.search.grids.evaluation import Layers, State, figure, is_known
from rnncli.search.grids.forms import INVALID, NOTHING, SEQUENCE
from rnncli.search.grids.grid import Box, Grid
from rnncli.search.grids.levels import Dimensions, TooLargeError
from rnncli.summary import Setting

_LIMIT = 2**63 - 1
"""The largest number of an array."""

_BY_THEMSELVES = 30
"""So many candidates are evaluated one by one, and not all of a block for them."""


class Block:
    """The candidates of a box.

    Args:
        grid: the grid.
        box: the box.
        dimensions: those of the box.
        state: all layers, in all of the box.
        most: an upper limit for them.
        walk: yields the candidates of a box one by one.
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
        walk: Callable[[Box], Iterator[Found]],
        setting: Setting,
        figures: Sequence[str],
    ) -> None:
        self._grid = grid
        self._box = box
        self._shape = dimensions.shape
        self._state = state
        self._setting = setting
        self._flat: dict[str, Any] = {}
        self._most = most
        self._walk = walk
        if not self.holds(figures):
            raise TooLargeError

    def holds(self, figures: Sequence[str]) -> bool:
        """Return whether 64 bits hold some figures."""
        in_arrays = any(not isinstance(span, int) for span in self._box)
        return not in_arrays or all(figure(self._most, name, self._setting) <= _LIMIT for name in figures)

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
            found: list[Found] = [*self._networks(islice(texts, most), part)]
            if networks is not True:
                valid = [False] * len(found) if networks is False else networks[part].tolist()
                found = [each if truth else Invalid(each.spec) for each, truth in zip(found, valid, strict=True)]
            if self.is_nothing() is not False:
                found = [each for each in found if each.spec]
            yield found

    def networks(self, places: Any, most: int) -> Iterator[list[Candidate]]:
        """Yield those at some places, all of which are networks, in lists of at most so many.

        Args:
            places: an array of the places, in ascending order.
            most: how many there are in a list.
        """
        if len(places) <= _BY_THEMSELVES or not self.holds(FIGURES):
            places = places.tolist()
            for start in range(0, len(places), most):
                yield [*map(self.network, places[start : start + most])]
            return
        texts = self.texts()
        if len(places) < len(self):
            import numpy as np

            chosen = np.zeros(len(self), bool)
            chosen[places] = True
            texts = compress(texts, chosen.tolist())
        for start in range(0, len(places), most):
            yield [*self._networks(islice(texts, most), places[start : start + most])]

    def network(self, place: int) -> Candidate:
        """Return one of them, which is a network."""
        (candidate,) = self._walk(self._point(place))
        assert isinstance(candidate, Candidate)
        return candidate

    def text(self, place: int) -> str:
        """Return the text of one of them."""
        (candidate,) = self._walk(self._point(place))
        return candidate.spec

    def _point(self, place: int) -> tuple[int, ...]:
        point = [span if isinstance(span, int) else 0 for span in self._box]
        for axis, span in reversed([*enumerate(self._box)]):
            if not isinstance(span, int):
                place, index = divmod(place, len(span))
                point[axis] = span[index]
        return tuple(point)

    def _networks(self, texts: Iterable[str], part: Any) -> Iterator[Candidate]:
        """Yield some of them as though all were networks, with their texts."""
        columns = [self.column(name, part) for name in FIGURES]
        return map(Candidate._make, zip(texts, self.shapes(part), *columns, strict=True))

    def shapes(self, part: Any) -> list[Shape]:
        """Return the shapes of the outputs of some of them, in so far as they are networks."""
        state, batch = self._state, self._setting.batch

        def listed(numbers: Any) -> list[int]:
            return cast(list[int], self._spread(numbers)[part].tolist())

        if isinstance(state.rank, int) and isinstance(state.length, int):
            start: Shape = (batch, state.length or None) if state.rank == SEQUENCE else (batch,)
            return [(*start, features) for features in listed(state.features)]
        return [
            (batch, length or None, features) if rank == SEQUENCE else (batch, features)
            for rank, length, features in zip(*map(listed, (state.rank, state.length, state.features)), strict=True)
        ]

    def column(self, name: str, part: Any) -> list[int | None]:
        """Return a figure of some of them as a list; None where it is not known."""
        numbers: list[int | None] = self.figure(name)[part].tolist()
        known = self.known(name)
        if known is True:
            return numbers
        if known is False:
            return [None] * len(numbers)
        return [number if truth else None for number, truth in zip(numbers, known[part].tolist(), strict=True)]

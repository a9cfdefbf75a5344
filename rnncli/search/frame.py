"""The candidates of a box as arrays, in the pattern's order. Their texts are only created on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice
from math import prod
from typing import Any

import numpy as np

from rnncli.network_summary import TOTALS
from rnncli.quantities import MAX_SIZE, Shape
from rnncli.search.budget import LACKED, LACKING, amount
from rnncli.search.forms import Candidate, Forms, Outcome
from rnncli.search.grid import Box

_MAX_SINGLE = 30
"""The largest number of candidates that are evaluated one by one, rather than as a whole frame."""

_MAX_FORMS = 2**12
"""The most forms for which arrays are worthwhile."""


class NoFrameError(ArithmeticError):
    """Raised for a box whose candidates must be evaluated one by one: they exceed 64 bits or are not polynomials."""


class Frame:
    """The candidates of a box, with a column of numbers for each figure.

    Args:
        forms: the forms of the pattern.
        box: the box.
        figures: the figures that will be requested.

    Raises:
        NoFrameError: the candidates must be evaluated one by one.
    """

    def __init__(self, forms: Forms, box: Box, figures: Sequence[str]) -> None:
        self._forms, self._box = forms, box
        self._lengths = [*map(len, box)]
        self._numbers: list[Any] = []
        self._sized: Any = np.ones([1] * len(box), bool)
        """Whether the numbers are valid sizes."""
        for axis, values in forms.numbers.items():
            some = values[box[axis].start : box[axis].stop]
            ends = [some[0], some[-1]] if isinstance(some, range) else some
            if max(map(abs, ends)) >= LACKING:
                raise NoFrameError
            array = np.arange(some.start, some.stop, some.step) if isinstance(some, range) else np.asarray(some)
            array = array.reshape([len(some) if place == axis else 1 for place in range(len(box))])
            sized = (array >= 1) & (array <= MAX_SIZE)
            if not sized.all():
                array, self._sized = np.where(sized, array, 1), self._sized & sized
            self._numbers.append(array)
        self._most = [int(array.max()) for array in self._numbers]
        chosen = forms.of([box[axis] for axis in forms.words])
        places = {form: place for place, form in enumerate(dict.fromkeys(chosen))}
        self._kinds = [*places]
        """The distinct forms, with None for candidates that are not networks."""
        self._chosen = np.array([places[form] for form in chosen])
        """The index of the form for each choice of words."""
        unsummed = any(form is not None and not form.summed for form in places)
        if len(places) > _MAX_FORMS or unsummed or not self._holds(figures):
            raise NoFrameError
        self._flat: dict[str, Any] = {}

    def _holds(self, figures: Sequence[str]) -> bool:
        """Return whether some figures fit in 64 bits."""
        return all(form is None or form.holds(figures, self._most) for form in self._kinds)

    def __len__(self) -> int:
        return prod(self._lengths)

    def _spread(self, array: Any) -> Any:
        return np.broadcast_to(array, self._lengths).reshape(-1)

    def _filled(self, values: Sequence[Any], dtype: Any) -> Any:
        """Return an array over the box, given the value or array for each form."""
        if len(values) == 1:
            return self._spread(values[0])
        words = self._forms.words
        sized = [1 if axis in words else length for axis, length in enumerate(self._lengths)]
        rows = np.empty((len(values), prod(sized)), dtype)
        for row, value in zip(rows, values, strict=True):
            row[:] = np.broadcast_to(value, sized).reshape(-1)
        # The axes of words come first here, then the axes of numbers; the transpose restores the box's order.
        numbers = [axis for axis in range(len(sized)) if axis not in words]
        order = [*words, *numbers]
        array = rows[self._chosen].reshape([self._lengths[axis] for axis in order])
        return array.transpose([order.index(axis) for axis in range(len(order))]).reshape(-1)

    def figure(self, name: str) -> Any:
        """Return a figure of each candidate, `LACKING` where it is unknown; undefined for candidates not networks."""
        if name not in self._flat:
            values = [None if form is None else form.at(name, self._numbers) for form in self._kinds]
            self._flat[name] = self._filled([LACKING if value is None else value for value in values], "int64")
        return self._flat[name]

    def column(self, name: str, asked: Any) -> Any:
        """Return a figure of each candidate; raise a UsageError if it is in `asked`, but unknown for one of them."""
        figures = self.figure(name)
        if name not in LACKED and self._lacks(name) and (unknown := asked & (figures == LACKING)).any():
            amount(self.network(int(unknown.argmax())), name)
        return figures

    def _lacks(self, name: str) -> bool:
        """Return whether a figure is unknown for some networks."""
        return not all(form is None or form.parts(name) for form in self._kinds)

    def is_network(self) -> Any:
        """Return which candidates are networks."""
        truth = [form is not None and form.fits(self._numbers) for form in self._kinds]
        return self._filled(truth, bool) & self._spread(self._sized)

    def is_nothing(self) -> Any:
        """Return which candidates are empty texts, which are skipped."""
        if not self._forms.pattern.empty:
            return np.zeros(len(self), bool)
        return np.array([not text for text in self.texts()])

    def texts(self) -> Iterator[str]:
        """Yield the texts of all candidates, including empty ones."""
        return self._forms.pattern.texts(self._box)

    def networks(self, places: Any, size: int) -> Iterator[list[Candidate]]:
        """Yield the candidates at some places in ascending order, all of them networks, in lists of at most `size`."""
        texts: Iterator[str] | None = None
        if len(places) > _MAX_SINGLE and self._holds(TOTALS):
            chosen = np.zeros(len(self), bool)
            chosen[places] = True
            texts = compress(self.texts(), chosen.tolist())
        for start in range(0, len(places), size):
            some = places[start : start + size]
            yield [*(map(self.network, some.tolist()) if texts is None else self._made(islice(texts, size), some))]

    def network(self, place: int) -> Candidate:
        """Return the candidate at a place, which must be a network."""
        candidate = self.at(place)
        assert isinstance(candidate, Candidate)
        return candidate

    def at(self, place: int) -> Outcome:
        """Return the candidate at a place."""
        indices = np.unravel_index(place, self._lengths)
        point = [span[index : index + 1] for span, index in zip(self._box, indices, strict=True)]
        (found,) = self._forms.walk(tuple(point))
        return found

    def _made(self, texts: Iterable[str], part: Any) -> Iterator[Candidate]:
        """Yield candidates for some texts and places, all of which must be networks."""
        columns = [self.figure(name)[part].tolist() for name in TOTALS]
        for place, name in enumerate(TOTALS):
            if self._lacks(name):
                columns[place] = [None if number == LACKING else number for number in columns[place]]
        return map(Candidate._make, zip(texts, self._shapes(part), *columns, strict=True))

    def _shapes(self, part: Any) -> Iterator[Shape]:
        """Yield the output shapes of some candidates, which must be networks."""
        shapes = [() if form is None else form.shape(self._numbers) for form in self._kinds]
        columns = []
        for place in range(max(1, *map(len, shapes))):
            sizes = [shape[place] if place < len(shape) else -1 for shape in shapes]
            columns.append(self._filled([0 if size is None else size for size in sizes], "int64")[part].tolist())
        if len({*map(len, shapes)}) == 1:  # which is much faster
            return zip(*([size or None for size in column] for column in columns), strict=True)
        return (tuple([size or None for size in sizes if size >= 0]) for sizes in zip(*columns, strict=True))

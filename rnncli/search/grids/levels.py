"""The layers of a grid, and what they add to those before them: at one point, or in all of a box."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple, cast

from rnncli.quantities import MAX_SIZE
from rnncli.search.grids.evaluation import Layers, Most, Number, State, Truth, either
from rnncli.search.grids.forms import HEAD, NO_NETWORK, NO_TEXT, Form
from rnncli.search.grids.grid import Grid, Piece, Place, Point, Span
from rnncli.search.grids.reader import Reader, SizedForm
from rnncli.search.patterns.braces import Literal, Range

_TABLES = 8
"""How many tables of a level are remembered: the inner ones are the same for many boxes of a grid."""


class Dimensions:
    """Where the axes of a box are in its arrays: an axis of which the box has a range of indices has a dimension.

    Args:
        box: a span for each axis. An array of indices, of any shape, may take the place of a span.

    Attributes:
        places: the place of the dimension of each axis that has one.
        shape: the lengths of the dimensions.
    """

    def __init__(self, box: Sequence[Any]) -> None:
        self.box = box
        self.places = {axis: place for place, axis in enumerate(a for a, span in enumerate(box) if type(span) is range)}
        self.shape = tuple(len(box[axis]) for axis in self.places)

    def spread(self, values: Any, axes: Sequence[int]) -> Any:
        """Return an array of values that are listed for some axes, the last varying fastest, along these."""
        import numpy as np

        places = {self.places[axis] for axis in axes if axis in self.places}
        return np.asarray(values).reshape([n if place in places else 1 for place, n in enumerate(self.shape)])


class _Table(NamedTuple):
    """The texts of a level for some of its axes, read: a list of forms, and for each text the place of its own there.

    Attributes:
        forms: the forms, each once.
        places: for each text, which form it is.
        xs: for each text, its x.
        ys: for each text, its y.
    """

    forms: list[Form]
    places: list[int]
    xs: list[int]
    ys: list[int]


class Level:
    """A layer of a grid with braces, and the layers without braces that follow it.

    Args:
        grid: the grid.
        pieces: the text of the layer.
        reader: reads the text of the layer together with the layers that follow.
        alone: whether this is all of the pattern.

    Attributes:
        axes: the axes that its text depends on.
    """

    def __init__(self, grid: Grid, pieces: Sequence[Piece], reader: Reader, *, alone: bool) -> None:
        self._grid = grid
        self._pieces = pieces
        self._reader = reader
        self._alone = alone
        places = [piece for piece in pieces if isinstance(piece, Place)]
        self.axes = sorted({axis for place in places for axis in (place.axis, *(used for _, used in place.uses))})
        self._sizes = _sizes(pieces, grid)
        self._table = lru_cache(_TABLES)(self._read_all)
        self._numbered = _numbered(pieces, grid)

    def text(self, point: Point) -> str:
        """Return its text at a point, without the layers that follow."""
        if self._numbered is not None:
            before, axis, numbers, behind = self._numbered
            return f"{before}{numbers[point[axis]]}{behind}"
        return self._grid.text(self._pieces, point)

    def in_box(
        self, before: State | None, most: Layers | None, dimensions: Dimensions, timesteps: int
    ) -> tuple[State, Layers]:
        """Return some layers with this one added, in all of a box, and an upper limit for them.

        Args:
            before: those layers; None at the head.
            most: the upper limit for those layers.
            dimensions: those of the box.
            timesteps: the length of the sequence; 0 for unknown.
        """
        from rnncli.search.grids.mixture import Ceiling, Mixture

        rank = HEAD if before is None else before.rank
        ranks = [rank] if isinstance(rank, int) else _different(rank)
        box = dimensions.box
        sizes = self._sizes
        tables = self._tables(ranks, sizes, box)
        if tables is None:
            sizes = {}
            tables = self._tables(ranks, sizes, box)
            assert tables is not None
        read = [axis for axis in self.axes if axis not in sizes]
        forms: dict[int, Form] = {}
        parts = []
        for each, table in zip(ranks, tables, strict=True):
            offset = len(forms)
            forms |= dict(enumerate(table.forms, offset))
            place = _along(dimensions, [offset + place for place in table.places], read)
            parts.append((rank == each, (place, *(_along(dimensions, some, read) for some in (table.xs, table.ys)))))
        place, x, y = parts[0][1]
        for condition, others in parts[1:]:
            place, x, y = (either(condition, other, one) for other, one in zip(others, (place, x, y), strict=True))
        largest = [max(max(table.xs) for table in tables), max(max(table.ys) for table in tables)]
        allowed: Truth = True
        numbers = [x, y]
        for axis, which in sizes.items():
            numbers[which], fine, largest[which] = self._numbers(axis, dimensions)
            allowed = allowed & fine
        known = list(forms.values())
        form = known[0] if len(known) == 1 else cast(Form, Mixture(known, place))
        limit = known[0] if len(known) == 1 else cast(Form, Ceiling(known))
        state = State(before, form, numbers[0], numbers[1], allowed, timesteps)
        return state, Most(most, limit, largest[0], largest[1], timesteps)

    def _tables(self, ranks: Sequence[int], sizes: Mapping[int, int], box: Sequence[Any]) -> list[_Table] | None:
        """Return a table for each rank; None where a number is none that a form can leave open."""
        spans = tuple(1 if axis in sizes else box[axis] for axis in self.axes)
        tables = [self._table(rank, spans, bool(sizes)) for rank in ranks]
        return None if any(table is None for table in tables) else cast(list[_Table], tables)

    def _read_all(self, rank: int, spans: tuple[Span, ...], sized: bool) -> _Table | None:
        """Return the table of the texts in some spans of the axes; those that are sizes stand for any number."""
        table = _Table([], [], [], [])
        places: dict[int, int] = {}
        for indices in product(*[span if isinstance(span, range) else (span,) for span in spans]):
            point = dict(zip(self.axes, indices, strict=True))
            text = self._grid.text(self._pieces, point, self._sizes if sized else ())
            form, x, y = self.read(rank, text)
            if sized and not x and form is not NO_NETWORK:
                return None
            if id(form) not in places:
                places[id(form)] = len(table.forms)
                table.forms.append(form)
            table.places.append(places[id(form)])
            table.xs.append(x)
            table.ys.append(y)
        return table

    def read(self, rank: int, text: str) -> SizedForm:
        """Return the form of its text, and of the layers that follow, where it reads what has a rank."""
        if rank < 0:
            return NO_NETWORK, 0, 0
        if self._alone and not text:
            return NO_TEXT, 0, 0
        return self._reader.read(rank, text)

    def _numbers(self, axis: int, dimensions: Dimensions) -> tuple[Number, Truth, int]:
        """Return the sizes that an axis stands for, whether a spec can have them, and the largest that it can."""
        values = self._grid.axes[axis]
        assert isinstance(values, Range)
        span = dimensions.box[axis]
        if isinstance(span, int):
            number = values.values[span]
            fine = 1 <= number <= MAX_SIZE
            return number if fine else 1, fine, number if fine else 1
        import numpy as np

        first, step = values.values[0], values.values.step
        if isinstance(span, range):
            ends = values.values[span[0]], values.values[span[-1]]
            span = dimensions.spread(np.arange(span.start, span.stop), [axis])
        else:
            ends = values.values[int(span.min())], values.values[int(span.max())]
        least, largest = sorted(ends)
        if least >= 1 and largest <= MAX_SIZE:
            return first + step * span, True, largest
        if not -(2**62) <= min(least, step) <= max(largest, step) <= 2**62:
            raise TooLargeError
        numbers = first + step * span
        fine = (numbers >= 1) & (numbers <= MAX_SIZE)
        return np.where(fine, numbers, 1), fine, max(1, min(largest, MAX_SIZE))


class TooLargeError(ArithmeticError):
    """Numbers in a box that 64 bits may not hold."""


def _different(numbers: Any) -> list[int]:
    import numpy as np

    return cast(list[int], np.unique(numbers).tolist())


def _along(dimensions: Dimensions, values: Sequence[int], axes: Sequence[int]) -> Number:
    return values[0] if len(set(values)) == 1 else dimensions.spread(values, axes)


def _numbered(pieces: Sequence[Piece], grid: Grid) -> tuple[str, int, range, str] | None:
    """Return a layer that is one number between two texts as these, and the axis and what it stands for."""
    places = [place for place, piece in enumerate(pieces) if isinstance(piece, Place)]
    if len(places) != 1:
        return None
    (place,) = places
    axis = cast(Place, pieces[place]).axis
    values = grid.axes[axis]
    if not isinstance(values, Range) or values.letters or values.width:
        return None
    before, behind = grid.text(pieces[:place], ()), grid.text(pieces[place + 1 :], ())
    return before, axis, values.values, behind


def _sizes(pieces: Sequence[Piece], grid: Grid) -> dict[int, int]:
    """Return the axes of a layer that are ranges where a number right after the kind is: of x as 0, of y as 1.

    Such a range is all of a number: in `:{1..9}`, in `:{1..9}x{1..9}`, but not in `:1{0..9}`.
    """
    field = _first_field(pieces)
    texts = [piece.text if isinstance(piece, Literal) else "#" for piece in field]
    numbers = re.fullmatch(r"(#|[0-9]{1,10})(?:x(#|[0-9]{1,10}))?", "".join(texts))
    if numbers is None:
        return {}
    places = [piece for piece in field if isinstance(piece, Place)]
    which = [place for place, text in enumerate(numbers.groups()) if text == "#"]
    sizes = {place.axis: which for place, which in zip(places, which, strict=True) if _is_range(place, grid)}
    others = [
        axis for piece in pieces if isinstance(piece, Place) for axis in (piece.axis, *(used for _, used in piece.uses))
    ]
    return {axis: which for axis, which in sizes.items() if others.count(axis) == 1}


def _is_range(place: Place, grid: Grid) -> bool:
    values = grid.axes[place.axis]
    return isinstance(values, Range) and not values.letters


def _first_field(pieces: Sequence[Piece]) -> list[Piece]:
    """Return what stands between the first colon of a layer and the next, colons in braces aside."""
    field: list[Piece] = []
    colons = 0
    for piece in pieces:
        if isinstance(piece, Place):
            if colons == 1:
                field.append(piece)
            continue
        for text in re.split("(:)", piece.text):
            if text == ":":
                colons += 1
            elif text and colons == 1:
                field.append(Literal(text))
    return field

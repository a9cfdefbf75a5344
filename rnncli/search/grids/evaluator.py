"""Evaluates a grid: candidate after candidate, or a box of them at a time.

Few candidates are evaluated one by one, in Python's integers, and so are those whose figures 64 bits may not hold: such
a box raises `TooLargeError`. Both ways add up the same sums, see `rnncli.search.grids.evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.search.grids.candidate import FIGURES, Found
from rnncli.search.grids.evaluation import Layers, State
from rnncli.search.grids.forms import HEAD, NOTHING, Form
from rnncli.search.grids.grid import Box, Grid, Piece
from rnncli.search.grids.levels import Dimensions, Level
from rnncli.search.grids.reader import Reader
from rnncli.search.grids.row import Row
from rnncli.search.patterns.braces import Literal
from rnncli.summary import Setting

if TYPE_CHECKING:
    from rnncli.search.grids.block import Block

_reader = lru_cache(maxsize=8)(Reader)

_KEPT = 2_000
"""Of so many texts what they are read as is kept, for all that stands before them."""

_LISTS = 8
"""How many lists of them are kept."""

_Choice = tuple[str, Form, int, int]
"""The text of a level and of the layers that follow; their form, and the x and y to evaluate it at."""


class Evaluator:
    """Evaluates the candidates of a grid.

    Args:
        grid: the grid.
        setting: what the counts are for.
    """

    def __init__(self, grid: Grid, setting: Setting) -> None:
        self.grid = grid
        self.setting = setting
        self._timesteps = setting.timesteps or 0
        self._levels: list[Level] = []
        self._tails: list[str] = []
        self._own: list[range] = []
        """The axes that first occur in each level."""
        parts = [*_layers_and_tails(grid)]
        known = 0
        for pieces, tail in parts:
            level = Level(grid, pieces, _reader(tail, setting.framework), alone=len(parts) == 1 and not tail)
            self._levels.append(level)
            self._tails.append(tail)
            self._own.append(range(known, max([known, *(axis + 1 for axis in level.axes)])))
            known = self._own[-1].stop
        self._kept: dict[tuple[Any, ...], list[_Choice]] = {}
        self._last: list[_Done] = []
        self._dimensions: Dimensions | None = None

    def walk(self, box: Box) -> Iterator[Found]:
        """Yield the candidates of a box, one by one."""
        spans = [span if isinstance(span, range) else range(span, span + 1) for span in box]
        own = [[spans[axis] for axis in axes] for axes in self._own]
        point = [0] * len(box)
        # A stack of loops and not a recursion: there is no limit to the number of layers.
        *outer, inner = range(len(self._levels))
        loops: list[Iterator[_Choice]] = []
        layers: list[tuple[State | None, str]] = [(None, "")]
        while True:
            if len(loops) < len(outer):
                before, _ = layers[len(loops)]
                rank = HEAD if before is None else before.rank
                loops.append(self._read(len(loops), rank, point, own[len(loops)]))
            else:
                before, start = layers[-1]
                yield from self._last_level(inner, before, start, point, own[inner])
            while loops:
                level = len(loops) - 1
                before, start = layers[level]
                choice = next(loops[-1], None)
                if choice is not None:
                    text, form, x, y = choice
                    state = State(before, form, x, y, True, self._timesteps)
                    layers[level + 1 :] = [(state, f"{start}{text},")]
                    break
                loops.pop()
            else:
                return

    def _last_level(
        self, place: int, before: State | None, start: str, point: list[int], own: list[range]
    ) -> Iterator[Found]:
        """Yield the candidates that begin with some layers, one for each choice of indices along the last axes."""
        rows: dict[tuple[int, int], Row] = {}
        for text, form, x, y in self._choices(place, HEAD if before is None else before.rank, point, own):
            row = rows.get((id(form), y))
            if row is None:
                row = rows[id(form), y] = Row(before, form, y, self.setting)
            if form.returns != NOTHING:
                yield row.found(x, start + text)

    def _choices(self, place: int, rank: int, point: list[int], own: list[range]) -> Iterable[_Choice]:
        """Return what a level can be behind what has a rank: few texts that depend on its own axes alone are kept."""
        key = place, rank, *own
        if key in self._kept:
            return self._kept[key]
        choices = self._read(place, rank, point, own)
        if min(self._levels[place].axes, default=0) < self._own[place].start or prod(map(len, own)) > _KEPT:
            return choices
        if len(self._kept) >= _LISTS:
            self._kept.clear()
        self._kept[key] = kept = [*choices]
        return kept

    def _read(self, place: int, rank: int, point: list[int], own: list[range]) -> Iterator[_Choice]:
        """Yield what a level is for each choice of indices along its own axes, which go into the point."""
        level, tail, axes = self._levels[place], self._tails[place], self._own[place]
        for indices in product(*own):
            point[axes.start : axes.stop] = indices
            text = level.text(point)
            yield text + tail, *level.read(rank, text)

    def at(self, box: Sequence[Any], figures: Sequence[str] = FIGURES) -> Block:
        """Return the candidates of a box as arrays.

        Args:
            box: a span for each axis; for an axis of numbers that stand for sizes an array of indices, of any shape.
            figures: those that will be asked for.

        Raises:
            TooLargeError: 64 bits may not hold one of the figures.
        """
        from rnncli.search.grids.block import Block

        dimensions = Dimensions(box)
        same = self._dimensions is not None and self._dimensions.places == dimensions.places
        self._dimensions = dimensions
        state: State | None = None
        most: Layers | None = None
        for place, level in enumerate(self._levels):
            spans = [box[axis] for axis in level.axes]
            if place < len(self._last) and _unchanged(self._last[place].spans, spans, same):
                _, state, most = self._last[place]
                continue
            del self._last[place:]
            state, most = level.in_box(state, most, dimensions, self._timesteps)
            self._last.append(_Done(spans, state, most))
        assert state is not None
        assert most is not None
        return Block(self.grid, box, dimensions, state, most, self.walk, self.setting, figures)


class _Done(NamedTuple):
    """What a level came to in the latest box.

    Attributes:
        spans: where the box was along the axes that the level depends on.
        state: the layers up to it.
        most: the upper limit for them.
    """

    spans: list[Any]
    state: State
    most: Layers


def _unchanged(before: list[Any], now: list[Any], same: bool) -> bool:
    """Return whether the spans of a level are those of the box before, of which the dimensions may be the same."""
    return all(
        a is b or (type(a) is type(b) is int and a == b) or (same and type(a) is type(b) is range and a == b)
        for a, b in zip(before, now, strict=True)
    ) and (same or all(type(a) is int for a in now))


def _layers_and_tails(grid: Grid) -> Iterator[tuple[list[Piece], str]]:
    """Yield the layers of a grid, each with the text of those behind it that have no braces, a comma before each."""
    texts = [_plain_text(layer) for layer in grid.layers]
    place = 0
    while place < len(texts):
        layer, text = grid.layers[place], texts[place]
        place += 1
        tail = ""
        while place < len(texts) and texts[place] is not None:
            tail += f",{texts[place]}"
            place += 1
        # Only the first layer can be without braces here.
        yield (layer, tail) if text is None else ([Literal(text + tail)], "")


def _plain_text(layer: Sequence[Piece]) -> str | None:
    """Return the text of a layer without braces."""
    texts = [piece.text for piece in layer if isinstance(piece, Literal)]
    return "".join(texts) if len(texts) == len(layer) else None

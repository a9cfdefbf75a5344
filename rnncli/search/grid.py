"""A pattern as a grid: an axis for each brace, a point for each candidate, in bash's order.

The leftmost axis varies slowest, so a point is also a number: its place among the candidates. A named brace is one axis
that several layers share. A box is a part of a grid that is a grid itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from math import prod
from operator import mul
from typing import NamedTuple

from rnncli.search.braces import (
    Alternatives,
    Bindings,
    Literal,
    Name,
    Node,
    Pattern,
    Values,
    count,
    cut,
    longest,
    names_in,
    nodes_at,
)

Span = int | range
"""Where a box is along an axis: at one index, or at the indices of a range, whose step is 1."""

Point = Mapping[int, int] | Sequence[int]
"""An index for each axis."""

Box = tuple[Span, ...]
"""A span for each axis."""


class Place(NamedTuple):
    """A place in a layer where the text of a brace stands, and those of the names in that.

    Attributes:
        axis: its axis.
        uses: the axes of the names.
    """

    axis: int
    uses: tuple[tuple[str, int], ...] = ()


Piece = Literal | Place


class Grid:
    """The candidates of a pattern of which each brace stands for as many texts, whatever the others stand for.

    Attributes:
        pattern: the pattern.
        axes: what each axis stands for: the braces, in the order in which they first occur.
        lengths: how long each axis is.
        size: how many points there are.
        layers: the pattern, cut at each comma outside of braces.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.axes: list[Values] = []
        self.layers: list[list[Piece]] = []
        self._named: dict[str, int] = {}
        for part in pattern.split(","):
            self.layers.append([self._piece(node) for node in part])
        self.lengths = [count(axis) for axis in self.axes]
        self.size = prod(self.lengths)

    def _piece(self, node: Node) -> Piece:
        if isinstance(node, Literal):
            return node
        if not isinstance(node, Name):
            uses = tuple((name, self._named[name]) for name in dict.fromkeys(names_in(node)))
            return Place(self._axis(node), uses)
        if node.name not in self._named:
            self._named[node.name] = self._axis(self.pattern.names[node.name])
        return Place(self._named[node.name])

    def _axis(self, values: Values) -> int:
        self.axes.append(values)
        return len(self.axes) - 1

    def text(self, pieces: Sequence[Piece], point: Point, numbers: Collection[int] = ()) -> str:
        """Return the text of some pieces at a point.

        Args:
            pieces: the pieces.
            point: an index for each axis that they are of.
            numbers: the axes that have the number 1 in place of their text.
        """
        return "".join(
            [
                piece.text if isinstance(piece, Literal) else "1" if piece.axis in numbers else self._text(piece, point)
                for piece in pieces
            ]
        )

    def _text(self, place: Place, point: Point) -> str:
        nodes = nodes_at(self.axes[place.axis], point[place.axis])
        if not place.uses:
            return "".join([node.text for node in nodes if isinstance(node, Literal)])
        bound = {name: self._text(Place(axis), point) for name, axis in place.uses}
        return "".join([node.text if isinstance(node, Literal) else bound[node.name] for node in nodes])

    def longest(self) -> int:
        """Return how many bytes a text has at most."""
        named = {name: longest(self.axes[axis], {}) for name, axis in self._named.items()}
        return sum(longest(node, named) for node in self.pattern.nodes)

    def box(self, box: Sequence[Span]) -> Pattern:
        """Return the pattern of a box."""
        spans = [range(span, span + 1) if isinstance(span, int) else span for span in box]
        names = {name: cut(self.axes[axis], spans[axis]) for name, axis in self._named.items()}
        nodes: list[Node] = []
        axes = iter([axis for axis in range(len(self.axes)) if axis not in self._named.values()])
        for node in self.pattern.nodes:
            if isinstance(node, Literal | Name):
                nodes.append(node)
            else:
                axis = next(axes)
                nodes.append(cut(self.axes[axis], spans[axis]))
        return Pattern(self.pattern.text, tuple(nodes), names)

    def boxes(self, start: int, stop: int, most: int) -> Iterator[Box]:
        """Yield boxes that hold the points from `start` to before `stop`, in their order, at most so many each."""
        sizes = [*accumulate(self.lengths[:0:-1], mul, initial=1)][::-1]
        """How many points there are at one index of each axis."""
        if not self.lengths and start < stop:
            yield ()
            return
        while start < stop:
            point, indices = start, []
            for size in sizes:
                index, point = divmod(point, size)
                indices.append(index)
            room = min(most, stop - start)
            # The slowest axis that a box can go along here: all that vary faster are at their start, and fit.
            axis = len(sizes) - 1
            while axis and not indices[axis] and self.lengths[axis] * sizes[axis] <= room:
                axis -= 1
            first = indices[axis]
            last = min(self.lengths[axis], first + room // sizes[axis])
            spans: list[Span] = [*indices[:axis], range(first, last), *map(range, self.lengths[axis + 1 :])]
            yield tuple(span[0] if isinstance(span, range) and len(span) == 1 else span for span in spans)
            start += (last - first) * sizes[axis]


def rectangular(pattern: Pattern) -> Iterator[Pattern]:
    """Yield patterns that are grids, which stand together for the texts of a pattern, in their order.

    One pattern is enough but where a name first occurs in one of the branches of a brace: where it varies then depends
    on the branch.
    """
    waiting = [iter([pattern])]
    while waiting:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
            continue
        place = _first_irregular(part)
        if place is None:
            yield part
        else:
            waiting.append(_branches(part, place))


def _first_irregular(pattern: Pattern) -> int | None:
    bound: set[str] = set()
    for place, node in enumerate(pattern.nodes):
        names = set(names_in(node))
        if isinstance(node, Alternatives) and not names <= bound:
            return place
        bound |= names
    return None


def _branches(pattern: Pattern, place: int) -> Iterator[Pattern]:
    """Yield for all that stands before a brace, and for each branch of that, the pattern that is left."""
    before, brace, after = pattern.nodes[:place], pattern.nodes[place], pattern.nodes[place + 1 :]
    assert isinstance(brace, Alternatives)
    bound: Bindings = {}
    for text in pattern.choices(before, bound):
        names = {name: values for name, values in pattern.names.items() if name not in bound}
        for branch in brace.branches:
            nodes = tuple(_with_values(node, bound) for node in (*branch, *after))
            yield Pattern(pattern.text, (Literal(text), *nodes), names)


def _with_values(node: Node, bound: Bindings) -> Node:
    match node:
        case Name(name) if name in bound:
            return Literal(bound[name])
        case Alternatives(branches):
            return Alternatives(tuple(tuple(_with_values(each, bound) for each in branch) for branch in branches))
    return node

"""What is known of the values of a graph without computing them: the layers so far, and which axis is which.

An axis of a value is followed by its atoms. An atom is an axis that a layer made, or that the input came with; a
reshape that joins two axes makes one of both their atoms, and an axis of none has the length 1. So it is known whether
what a layer reads are the features that the layer before returned, whatever was turned and joined in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import NamedTuple

from rnncli.formats.nodes import Node, layer_node
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.nodes import Operation
from rnncli.formats.tensors import Convention, Tensor
from rnncli.layers import Layer


@dataclass(frozen=True, eq=False)
class Atom:
    """An axis that something made; it is equal to itself alone.

    Attributes:
        size: its length; None is unknown.
    """

    size: int | None = None


Axis = tuple[Atom, ...]


class Link(NamedTuple):
    """A layer in a chain.

    Attributes:
        key: the node that it is of; two links of one node may differ in what they return.
        piece: the layer, with its arrays.
        reads: how many features it reads; 0 if it takes any.
        flipped: whether what it reads is in the other order of time than the node's input.
        sources: the names of the file's arrays that it uses.
        assumed: what is assumed of it.
    """

    key: str
    piece: Node
    reads: int = 0
    flipped: bool = False
    sources: frozenset[str] = frozenset()
    assumed: tuple[str, ...] = ()

    @property
    def layer(self) -> Layer:
        """The layer."""
        return self.piece.layer

    def with_layer(self, layer: Layer) -> Link:
        """Return the same link with another layer of the same weights."""
        return self._replace(piece=replace(self.piece, word=layer))


def link_of(
    name: str, layer: Layer, arrays: dict[str, Constant], reads: int = 0, convention: Convention = "keras"
) -> Link:
    """Return a layer with its arrays as a link."""
    tensors: dict[str, Tensor] = {role: constant.tensor for role, constant in arrays.items()}
    sources = frozenset(name for constant in arrays.values() for name in constant.sources)
    return Link(name, layer_node(layer, name, convention, tensors), reads, sources=sources)


@dataclass(frozen=True)
class Stream:
    """A value that depends on the input: what the layers so far return.

    Attributes:
        root: the value that the chain begins with.
        axes: its axes.
        links: the layers so far.
        features: the axis that the last layer made, or the last axis of a root; None of an input not yet read.
        time: the axis that the recurrent layers loop over; None before the first of them.
        batch: the axis of the samples; None likewise.
        vector: whether time is gone.
        flips: the axes whose order has been turned around.
        half: which of the two directions of the last layer it is; None for both, or if there is one.
    """

    root: str
    axes: tuple[Axis, ...]
    links: tuple[Link, ...] = ()
    features: Axis | None = None
    time: Axis | None = None
    batch: Axis | None = None
    vector: bool = False
    flips: frozenset[Axis] = field(default_factory=frozenset)
    half: int | None = None

    @property
    def flipped(self) -> bool:
        """Whether the layers so far return time in the other order than this value has it."""
        return self.time is not None and self.time in self.flips

    def with_axes(self, axes: Sequence[Axis]) -> Stream:
        """Return the same numbers under other axes."""
        return replace(self, axes=tuple(axes))

    def with_last(self, link: Link) -> Stream:
        """Return the stream with its last layer replaced."""
        return replace(self, links=(*self.links[:-1], link))

    def reads_features(self, axis: int) -> bool:
        """Whether an axis is that of the features, whole."""
        if not -len(self.axes) <= axis < len(self.axes) or self.half is not None:
            return False
        return self.axes[axis] == self.features or (self.features is None and not self.links)


class Joined(NamedTuple):
    """The final states of several layers, one behind the other along an axis."""

    streams: tuple[Stream, ...]
    axis: int


class Dims(NamedTuple):
    """A list of lengths, or one: of whole numbers and of axes whose length is not known."""

    items: tuple[int | Axis, ...]
    scalar: bool = False


class Zeros(NamedTuple):
    """Zeros of any shape.

    Attributes:
        sources: the names of the arrays of the file that they are made of.
    """

    sources: frozenset[str] = frozenset()


class Ones(NamedTuple):
    """A row of ones that is no array of the file.

    Attributes:
        size: how many there are.
    """

    size: int


Value = Constant | Stream | Joined | Dims | Zeros | Ones
Values = Sequence[Value | None]


def sized(axis: Axis) -> int | None:
    """Return the length of an axis, if it is known."""
    sizes = [atom.size for atom in axis]
    return None if None in sizes else prod(size for size in sizes if size is not None)


def dims_of(value: Value | None) -> Dims | None:
    """Return a value as a list of lengths, if it is one."""
    if isinstance(value, Dims):
        return value
    if isinstance(value, Constant) and value.wholes is not None:
        return Dims(value.wholes, scalar=value.tensor.shape == ())
    return None


def wholes_of(value: Value | None) -> tuple[int, ...] | None:
    """Return the whole numbers that a value is, if they are known."""
    dims = dims_of(value)
    if dims is None:
        return None
    numbers = [item if isinstance(item, int) else sized(item) for item in dims.items]
    return None if None in numbers else tuple(number for number in numbers if number is not None)


class Inputs(NamedTuple):
    """What is known of the inputs of a node.

    Attributes:
        node: the node.
        values: what is known of each; None for nothing, or one that is left out.
    """

    node: Operation
    values: Values

    def at(self, index: int) -> Value | None:
        """Return an input."""
        return self.values[index] if index < len(self.values) else None

    def wholes(self, name: str, index: int) -> tuple[int, ...] | None:
        """Return whole numbers that a node is told in an attribute, or in an input, as newer versions have it."""
        if name in self.node.attributes:
            return tuple(self.node.attributes[name].wholes)
        return wholes_of(self.at(index))


def reshaped(
    axes: Sequence[Axis], target: Sequence[int | Axis], *, zero_copies: bool = True
) -> tuple[Axis, ...] | None:
    """Return axes after a reshape, or None if it does not go along with their atoms."""
    wanted = [
        axes[index] if zero_copies and size == 0 and index < len(axes) else size for index, size in enumerate(target)
    ]
    rest = [atom for axis in axes for atom in axis]
    if wanted.count(-1) > 1:
        return None
    hole = wanted.index(-1) if -1 in wanted else len(wanted)
    left: list[Axis] = []
    for size in wanted[:hole]:
        count = _taken(rest, size)
        if count is None:
            return None
        left.append(tuple(rest[:count]))
        rest = rest[count:]
    right: list[Axis] = []
    for size in reversed(wanted[hole + 1 :]):
        count = _taken(rest[::-1], size if isinstance(size, int) else size[::-1])
        if count is None:
            return None
        right.insert(0, tuple(rest[len(rest) - count :]))
        rest = rest[: len(rest) - count]
    if hole == len(wanted):
        return None if rest else tuple(left)
    return (*left, tuple(rest), *right)


def _taken(atoms: Sequence[Atom], size: int | Axis) -> int | None:
    """Return how many atoms make up an axis of some length; None if none do."""
    if not isinstance(size, int):
        return len(size) if tuple(atoms[: len(size)]) == size else None
    if size == 1:
        return 1 if atoms and atoms[0].size == 1 else 0
    total = 1
    for index, atom in enumerate(atoms, start=1):
        if atom.size is None:
            return None
        total *= atom.size
        if total >= size:
            return index if total == size else None
    return None

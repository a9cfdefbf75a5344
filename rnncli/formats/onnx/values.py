"""What is known of the values of a graph without computing them: the node that made each, and which axis is which.

An axis of a value is followed by its atoms. An atom is an axis that a layer made, or that the input came with; a
reshape that joins two axes makes one of both their atoms, and an axis of none has the length 1. So it is known whether
what a layer reads are the features that the layer before returned, whatever was turned and joined in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

from rnncli.formats.nodes import Node, Returned
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.messages import NodeProto

MAX_PARTS = 64
"""The most of anything that a value is made of: axes, lengths, arrays, moves of an array."""

NO_LENGTH = 2**64
"""More than any length: from here on numbers stand for lengths that are not known, and are multiplied like others."""

LARGEST_GROWTH = 4
"""How many times as many numbers as the file has for it an array may have that is made of others."""


@dataclass(frozen=True, eq=False)
class Atom:
    """An axis that something made, of a length that may not be known; it is equal to itself alone."""

    size: int | None = None

    @property
    def length(self) -> int:
        """Its length; where that is not known, a number that no length is and that stands for its own."""
        return NO_LENGTH + id(self) if self.size is None else self.size


Axis = tuple[Atom, ...]


class Flow(NamedTuple):
    """A value that depends on the input: what a node returns, under axes that operations move.

    Attributes:
        node: the name of the node.
        axes: its axes; None if not even their number is known.
        features: the axis that the last layer made; None before the first layer.
        time: the axis that the recurrent layers loop over; None before the first of them.
        batch: the axis of the samples; None likewise.
        returns: whether time is there, or it is the state of an LSTM's cell; None before the first recurrent layer.
        flips: the axes whose order has been turned around.
        half: which of the two directions of the last layer it is; None for both, or if there is one.
        merge: how the two directions of the last layer have been merged.
        loop: the last recurrent node that it comes from; empty if none is known.
        root: the input of the graph that layers alone have made it of, none of them recurrent; empty if there is none.
        ends: whether its last step is what the last recurrent layer returns if it returns that alone.
        shared: whether something else reads the numbers of the same node.
        zeros: how many steps of time are none of its input's: zeros around these, less those that are cut off.
    """

    node: str
    axes: tuple[Axis, ...] | None = None
    features: Axis | None = None
    time: Axis | None = None
    batch: Axis | None = None
    returns: Returned | Literal["state"] | None = None
    flips: frozenset[Axis] = frozenset()
    half: int | None = None
    merge: str = "concat"
    loop: str = ""
    root: str = ""
    ends: bool = False
    shared: bool = False
    zeros: int = 0

    @property
    def flipped(self) -> bool:
        """Whether its node returns time in the other order than this value has it."""
        return self.time is not None and self.time in self.flips

    def place_of(self, axis: int) -> int | None:
        """Return the place of an axis that is counted from the front or from the end; None if there is none."""
        if self.axes is None or not -len(self.axes) <= axis < len(self.axes):
            return None
        return axis % len(self.axes)

    def is_features(self, axis: int) -> bool:
        """Whether an axis is that of the features, whole."""
        if self.half is not None or self.returns == "state":
            return False
        if self.axes is None:
            return axis == -1  # a layer puts its features last
        place = self.place_of(axis)
        if place is None or self.axes[place] in self.flips:
            return False
        return self.features in (None, self.axes[place])

    def with_axes(self, axes: Sequence[Axis]) -> Flow:
        """Return the same numbers under other axes."""
        return self._replace(axes=tuple(axes))

    def with_last(self, axis: Axis) -> Flow:
        """Return what a layer makes that puts other features in the place of these."""
        return self._replace(axes=None if self.axes is None else (*self.axes[:-1], axis), features=axis)


class Joined(NamedTuple):
    """The final states of several layers, one behind the other along an axis."""

    flows: tuple[Flow, ...]
    axis: int

    @property
    def lengths(self) -> list[int]:
        """How many places along the axis are of each layer."""
        return [sized(flow.axes[self.axis]) or 1 for flow in self.flows if flow.axes is not None]


class Fill(NamedTuple):
    """One number everywhere, in any shape, and the arrays of the file that it is made of, by name.

    They are zeros that a layer starts from, or ones that scale nothing.
    """

    number: int
    sources: frozenset[str] = frozenset()


Value = Constant | Flow | Joined | Fill
Values = Sequence[Value | None]


class Inputs(NamedTuple):
    """A node, and what is known of its inputs.

    Attributes:
        node: the node.
        values: what is known of each input; None for nothing, or one that is left out.
        name: what the node is called, which no other is.
        found: the nodes that were found before it, which flows come from.
        opset: the version of ONNX's operators.
    """

    node: NodeProto
    values: Values
    name: str
    found: Mapping[str, Node]
    opset: int

    def at(self, index: int) -> Value | None:
        """Return an input."""
        return self.values[index] if index < len(self.values) else None

    def wholes(self, name: str, index: int) -> tuple[int, ...] | None:
        """Return whole numbers that a node is told in an attribute, or in an input, as newer versions have it."""
        told = self.node.told(name)
        return numbers_of(self.at(index)) if told.name is None else tuple(told.ints)


def flows_in(*values: Value | None) -> list[Flow]:
    """Return what of some values depends on the input."""
    made: list[Flow] = []
    for value in values:
        made += [value] if isinstance(value, Flow) else value.flows if isinstance(value, Joined) else []
    return made


def is_zero(value: Value | None) -> bool:
    """Whether a value is known to be all zeros."""
    return value.is_zero() if isinstance(value, Constant) else isinstance(value, Fill) and value.number == 0


def is_bounded(value: Value) -> bool:
    """Whether a value is made of few enough things: none that a file makes grow without end is kept."""
    match value:
        case Constant(wholes=wholes) if wholes is not None:
            return len(wholes) <= MAX_PARTS and all(abs(number) < _LARGEST for number in wholes)
        case Constant(tensor=tensor, sources=sources, depth=depth):
            few = max(len(tensor.shape), len(sources), depth) <= MAX_PARTS
            return few and (not depth or tensor.params <= LARGEST_GROWTH * sum(sources.values()))
        case Flow(axes=axes):
            return axes is None or len(axes) + sum(map(len, axes)) <= MAX_PARTS
        case Fill(sources=names):
            return len(names) <= MAX_PARTS
        case Joined(flows=flows):
            return len(flows) <= MAX_PARTS


def axes_of(sizes: Sequence[int | None] | None) -> tuple[Axis, ...] | None:
    """Return new axes of some lengths; None if these are not known, or too many."""
    return None if sizes is None or len(sizes) > MAX_PARTS // 2 else tuple((Atom(size),) for size in sizes)


_LARGEST = NO_LENGTH**MAX_PARTS


def lengths_of(value: Value | None) -> list[int] | None:
    """Return the lengths of the axes of an array or a flow, or what stands for them; None if their number is open."""
    if isinstance(value, Constant):
        return [*value.tensor.shape]
    return [*map(length, value.axes)] if isinstance(value, Flow) and value.axes is not None else None


def length(axis: Axis) -> int:
    """Return the length of an axis, or what stands for it."""
    return prod(atom.length for atom in axis)


def arranged(value: Value | None, places: Sequence[int | None]) -> Constant | Flow | None:
    """Return an array or a flow with its axes in other places, None for a new one; those that go have length 1."""
    if isinstance(value, Constant):
        return value.arranged(places)
    if not isinstance(value, Flow) or value.axes is None:
        return None
    return value.with_axes([() if place is None else value.axes[place] for place in places])


def sized(axis: Axis) -> int | None:
    """Return the length of an axis, if it is known."""
    sizes = [atom.size for atom in axis]
    return None if None in sizes else prod(size for size in sizes if size is not None)


def numbers_of(value: Value | None) -> tuple[int, ...] | None:
    """Return the whole numbers that a value is, of which some may stand for lengths that are not known."""
    return value.wholes if isinstance(value, Constant) else None


def wholes_of(value: Value | None) -> tuple[int, ...] | None:
    """Return the whole numbers that a value is, if all are known."""
    numbers = numbers_of(value)
    return None if numbers is None or max(map(abs, numbers), default=0) >= NO_LENGTH else numbers


def reshaped(axes: Sequence[Axis], target: Sequence[int], *, zero_copies: bool = True) -> tuple[Axis, ...] | None:
    """Return axes after a reshape, or None if it does not go along with their atoms."""
    copied = len(axes) if zero_copies else 0
    wanted = [length(axes[place]) if size == 0 and place < copied else size for place, size in enumerate(target)]
    rest = [atom for axis in axes for atom in axis]
    if wanted.count(-1) > 1:
        return None
    hole = wanted.index(-1) if -1 in wanted else len(wanted)
    left = _split(rest, wanted[:hole])
    right = None if left is None else _split(rest[sum(map(len, left)) :][::-1], wanted[hole + 1 :][::-1])
    if left is None or right is None:
        return None
    between = rest[sum(map(len, left)) : len(rest) - sum(map(len, right))]
    if hole == len(wanted):
        return None if between else tuple(left)
    return (*left, tuple(between), *(axis[::-1] for axis in reversed(right)))


def _split(atoms: Sequence[Atom], sizes: Sequence[int]) -> list[Axis] | None:
    """Return the axes of some lengths that atoms begin with; None if these make none such."""
    made: list[Axis] = []
    for size in sizes:
        count, total = 0, 1
        while count < len(atoms) and (total < size or (size == 1 and not count and atoms[0].size == 1)):
            total *= atoms[count].length
            count += 1
        if total != size:
            return None
        made.append(tuple(atoms[:count]))
        atoms = atoms[count:]
    return made

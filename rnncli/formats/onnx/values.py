"""What is known of the values of a graph without computing them: the node that made each, and which axis is which.

An axis of a value is followed by its atoms. An atom is an axis that a layer made, or that the input came with; a
reshape that joins two axes makes one of both their atoms, and an axis of none has the length 1. So it is known whether
what a layer reads are the features that the layer before returned, whatever was turned and joined in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from rnncli.formats.nodes import Node, Returned
from rnncli.formats.onnx.arrays import Constant, Source
from rnncli.formats.onnx.messages import NodeProto
from rnncli.immutable import NamedTuple

MAX_PARTS = 64
"""The most of anything that a value is made of: axes, lengths, arrays, moves of an array."""

NO_LENGTH = 2**64
"""More than any length: from here on numbers stand for lengths that are not known, and are multiplied like others."""

LARGEST_GROWTH = 4
"""How many times as many numbers as the file has for it an array may have that is made of others."""


class ReasonError(Exception):
    """What a node makes is not known, or is no layer of the language; the message says why where a reader should know.

    It is raised where a node is looked at in one way, and then another way is tried.
    """


def require(holds: object) -> None:
    """Check what must hold of a node.

    Raises:
        ReasonError: it does not.
    """
    if not holds:
        raise ReasonError


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

    @property
    def placed(self) -> tuple[Axis, ...]:
        """Its axes, whose number must be known."""
        if self.axes is None:
            raise ReasonError
        return self.axes

    def place_of(self, axis: int) -> int:
        """Return the place of an axis that is counted from the front or from the end, and must be there."""
        count = len(self.placed)
        require(-count <= axis < count)
        return axis % count

    def is_features(self, axis: int) -> bool:
        """Whether an axis is that of the features, whole."""
        if self.half is not None or self.returns == "state":
            return False
        if self.axes is None:
            return axis == -1  # a layer puts its features last
        whole = self.axes[self.place_of(axis)]
        return whole not in self.flips and self.features in (None, whole)

    def with_axes(self, axes: Sequence[Axis]) -> Flow:
        """Return the same numbers under other axes."""
        return self._replace(axes=tuple(axes))

    def with_axis(self, place: int, *axes: Axis) -> Flow:
        """Return the same numbers with other axes in the place of one."""
        return self.with_axes((*self.placed[:place], *axes, *self.placed[place + 1 :]))

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
        return [sized(flow.placed[self.axis]) or 1 for flow in self.flows]


class Fill(NamedTuple):
    """One number everywhere, in any shape, and the arrays of the file that it is made of.

    They are zeros that a layer starts from, or ones that scale nothing.
    """

    number: int
    sources: frozenset[Source] = frozenset()


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

    def flow(self, index: int = 0) -> Flow:
        """Return an input that must depend on that of the graph."""
        value = self.at(index)
        if not isinstance(value, Flow):
            raise ReasonError
        return value

    def array(self, index: int) -> Constant:
        """Return an input that must be an array."""
        value = self.at(index)
        if not isinstance(value, Constant):
            raise ReasonError
        return value

    def optional_array(self, index: int) -> Constant | None:
        """Return an input that must be an array if it is there."""
        return self.array(index) if self.node.reads(index) else None

    def numbers(self, index: int) -> tuple[int, ...]:
        """Return whole numbers that an input must be, of which some may stand for lengths that are not known."""
        wholes = self.array(index).wholes
        if wholes is None:
            raise ReasonError
        return wholes

    def wholes(self, name: str, index: int, usual: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Return numbers that a node is told in an attribute, or an input, as newer versions have it; or the usual."""
        told = self.node.told(name)
        if told.name is not None:
            return tuple(told.ints)
        return usual if usual is not None and not self.node.reads(index) else self.numbers(index)


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
            return few and (not depth or tensor.params <= LARGEST_GROWTH * sum(each.params for each in sources))
        case Flow(axes=axes):
            return axes is None or len(axes) + sum(map(len, axes)) <= MAX_PARTS
        case Fill(sources=sources):
            return len(sources) <= MAX_PARTS
        case Joined(flows=flows):
            return len(flows) <= MAX_PARTS


def axes_of(sizes: Sequence[int | None] | None) -> tuple[Axis, ...] | None:
    """Return new axes of some lengths; None if these are not known, or too many."""
    return None if sizes is None or len(sizes) > MAX_PARTS // 2 else tuple((Atom(size),) for size in sizes)


_LARGEST = NO_LENGTH**MAX_PARTS


def length(axis: Axis) -> int:
    """Return the length of an axis, or what stands for it."""
    return prod(atom.length for atom in axis)


def sized(axis: Axis) -> int | None:
    """Return the length of an axis, if it is known."""
    sizes = [atom.size for atom in axis]
    return None if None in sizes else prod(size for size in sizes if size is not None)

"""What is known about the nodes and values of a graph without computing them: layers, and the meaning of axes.

An axis of a value is a tuple of atoms. An atom is an axis that a layer created, or that the input has. A reshape that
joins two axes creates an axis with the atoms of both, and an axis without atoms has length 1. This shows whether a
layer reads exactly the features that the layer before it returned, however axes were reordered and joined in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import prod
from types import MappingProxyType
from typing import Literal, TypeVar

from rnncli.formats.nodes import Node, Note, Read, Returned, Word, loops, names, tied
from rnncli.formats.onnx.arrays import Constant, ReasonError, StoredArray, require
from rnncli.formats.onnx.messages import NodeProto
from rnncli.immutable import NamedTuple
from rnncli.layers import Input
from rnncli.quantities import MAX_SIZE

MAX_PARTS = 64
"""The most axes, lengths, arrays, or moves of an array that a value may be made of."""

NO_LENGTH = 2**64
"""Larger than any length: numbers from here on are stand-ins for unknown lengths, and are multiplied like others."""

LARGEST_GROWTH = 4
"""How many times larger a combined array may be than the arrays in the file that it is made from."""


@dataclass(frozen=True, eq=False)
class Atom:
    """An axis that something created, possibly of unknown length; it is equal only to itself."""

    size: int | None = None

    @property
    def length(self) -> int:
        """Its length, or if that is unknown, a unique stand-in that cannot be a length."""
        return NO_LENGTH + id(self) if self.size is None else self.size


Axis = tuple[Atom, ...]
V = TypeVar("V")


class Flow(NamedTuple):
    """A value that depends on the input: a node's output, under axes that operations move.

    Attributes:
        node: the name of the node.
        axes: its axes; None if not even their number is known.
        features: the axis that the last layer created; None before the first layer.
        time: the axis of the timesteps; None until a layer shows which it is, such as a recurrent one or a convolution.
        returns: whether it has the time axis, or is an LSTM's cell state; None until a layer shows it.
        flips: the axes whose order is reversed.
        half: which of the last layer's two directions it is; None for both, or if there is only one.
        merge: how the last layer's two directions are merged.
        loop: the last recurrent node before it; empty if none is known.
        root: the graph input from which only non-recurrent layers lead here; empty if there is none.
        ends: whether its last step is what the last recurrent layer returns without its sequence.
        shared: whether something else reads the numbers of the same node.
        zeros: how many timesteps were added to the input's by padding, less those that were cut off.
    """

    node: str
    axes: tuple[Axis, ...] | None = None
    features: Axis | None = None
    time: Axis | None = None
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
        """Whether the order of time is the reverse of its node's output."""
        return self.time is not None and self.time in self.flips

    @property
    def is_reordered(self) -> bool:
        """Whether the features of a timestep are no longer side by side, or an axis other than time is reversed."""
        axes, features = self.axes, self.features
        if axes is None or features is None or sized(features) == 1:
            return False
        return bool(self.flips - {self.time}) or all(axis[-len(features) :] != features for axis in axes)

    @property
    def placed(self) -> tuple[Axis, ...]:
        """Its axes, whose number must be known."""
        if self.axes is None:
            raise ReasonError
        return self.axes

    def place_of(self, axis: int) -> int:
        """Return the index of an axis that is counted from the front or from the end, and must exist."""
        count = len(self.placed)
        require(-count <= axis < count)
        return axis % count

    def is_features(self, axis: int) -> bool:
        """Return whether an axis is exactly that of the features."""
        if self.half is not None or self.returns == "state":
            return False
        if self.axes is None:
            return axis == -1  # a layer puts its features last
        whole = self.axes[self.place_of(axis)]
        return whole not in self.flips and self.features in (None, whole)

    def along_features(self, axis: int) -> Flow:
        """Return the same numbers, with an axis that must be that of the features known to be it."""
        require(self.is_features(axis))
        return self if self.axes is None else self._replace(features=self.axes[self.place_of(axis)])

    def with_axes(self, axes: Sequence[Axis]) -> Flow:
        """Return the same numbers under other axes."""
        return self._replace(axes=tuple(axes))

    def with_axis(self, place: int, *axes: Axis) -> Flow:
        """Return the same numbers with one axis replaced."""
        place = self.place_of(place)
        return self.with_axes((*self.placed[:place], *axes, *self.placed[place + 1 :]))

    def with_features(self, axis: Axis, place: int = -1) -> Flow:
        """Return a layer's output, with its features in place of these."""
        return (self if self.axes is None else self.with_axis(place, axis))._replace(features=axis)


class Joined(NamedTuple):
    """The final states of several layers, concatenated along an axis."""

    flows: tuple[Flow, ...]
    axis: int

    @property
    def lengths(self) -> list[int]:
        """The length of each layer's part of the axis."""
        return [sized(flow.placed[self.axis]) or 1 for flow in self.flows]


class Fill(NamedTuple):
    """A single number in any shape, and the arrays in the file that it is made from.

    Zeros are initial states, ones are scales without effect.
    """

    number: int
    sources: frozenset[StoredArray] = frozenset()


Value = Constant | Flow | Joined | Fill
Values = Sequence[Value | None]


class NodeCall(NamedTuple):
    """A node, and its inputs as far as they are known.

    Attributes:
        node: the node.
        values: the inputs; None if nothing is known, or an input is missing.
        name: the unique name of the node.
        found: the nodes that were found before it, which flows come from.
        opset: the version of ONNX's operators.
    """

    node: NodeProto
    values: Values
    name: str
    found: FoundNodes
    opset: int

    def at(self, index: int) -> Value | None:
        """Return an input."""
        return self.values[index] if index < len(self.values) else None

    def flow(self, index: int = 0) -> Flow:
        """Return an input that must depend on the graph's input."""
        return self._input(index, Flow)

    def array(self, index: int) -> Constant:
        """Return an input that must be an array."""
        return self._input(index, Constant)

    def _input(self, index: int, kind: type[V]) -> V:
        if not isinstance(value := self.at(index), kind):
            raise ReasonError
        return value

    def optional_array(self, index: int) -> Constant | None:
        """Return an input that must be an array if it exists."""
        return self.array(index) if self.node.reads(index) else None

    def numbers(self, index: int) -> tuple[int, ...]:
        """Return an input that must be whole numbers, some of which may be stand-ins for unknown lengths."""
        wholes = self.array(index).wholes
        if wholes is None:
            raise ReasonError
        return wholes

    def wholes(self, name: str, index: int, usual: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Return whole numbers from an attribute, or from an input as in newer versions, or the default."""
        attribute = self.node.named(name)
        if attribute.name is not None:
            return tuple(attribute.ints)
        return usual if usual is not None and not self.node.reads(index) else self.numbers(index)

    def layer(
        self,
        made: Flow,
        word: Word,
        arrays: Mapping[str, Constant] = MappingProxyType({}),
        features: int | None = None,
        notes: tuple[Note, ...] = (),
        *,
        time: Axis | None = None,
        around: tuple[int, int] = (0, 0),
    ) -> Values:
        """Add the node as a layer that reads its first flow, and return its output.

        Args:
            made: its output, still attributed to the node that it reads.
            word: its layer in a spec.
            arrays: its arrays by their names in Keras.
            features: how many features it reads, if its arrays show it.
            notes: differences from the source.
            time: the time axis that it reads, if its output has no such axis.
            around: how many timesteps of zeros it adds before and after; negative if it cuts some off.
        """
        read = flows_in(*self.values)[0]
        if features or time is not None:
            self.found.enter(read, features or sized(made.features or (Atom(),)), time)
        tensors = {role: array.tensor for role, array in arrays.items()}
        edges = (self.found.edge(read),)
        node = Node(self.name, self.node.operation, word, edges, features, tensors, "keras", notes=notes, around=around)
        self.found.add(node, *arrays.values())
        if time is not None:
            self.found.say_axes(self.name, read, read.placed[0], time)
        return [made._replace(node=self.name, shared=False)]


class FoundNodes:
    """The nodes that were found in a file, with what their readers show about them.

    Attributes:
        nodes: the nodes by name, in order.
        axes: the axes of the inputs of the graphs, if they are known.
        owned: the names of the file's arrays that each node's arrays are made from.
        unknown: what the operations that are not understood read, by the name of the node.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.axes: list[tuple[Axis, ...] | None] = []
        self.owned: dict[str, frozenset[str]] = {}
        self.unknown: dict[str, Sequence[Flow]] = {}
        self._names: Counter[str] = Counter()
        self._merges: dict[str, dict[str, None]] = {}
        self._heads: dict[str, dict[Input, None]] = {}
        self._entries: dict[str, int] = {}

    def named(self, name: str) -> str:
        """Return a name that no node has."""
        made = ""
        while not made or made in self.nodes:
            self._names[name] += 1
            made = name if self._names[name] == 1 else f"{name} ({self._names[name]})"
        return made

    def add(self, node: Node, *arrays: Constant | Fill) -> str:
        """Add a node, which owns some arrays, under a unique name, and return the name."""
        if node.name in self.nodes:
            node = replace(node, name=self.named(node.name))
        self.nodes[node.name] = node
        self.owned[node.name] = frozenset(source.name for array in arrays for source in array.sources)
        return node.name

    def remove(self, name: str) -> None:
        """Remove a node, if there is one with that name."""
        self.nodes.pop(name, None)
        self.unknown.pop(name, None)

    def grow(self, flow: Flow, word: Word, **arrays: Constant) -> list[Flow]:
        """Replace the layer that returns a flow, add arrays to it, and return the flow."""
        node = self.nodes[flow.node]
        tensors = {role: array.tensor for role, array in arrays.items()}
        self.nodes[node.name] = replace(node, word=word, tensors={**node.tensors, **tensors})
        self.owned[node.name] |= {source.name for array in arrays.values() for source in array.sources}
        return [flow]

    def edge(self, flow: Flow) -> Read:
        """Return the edge of a node that reads a flow. Reading the cell state counts as reading the last output."""
        if flow.node == flow.loop:
            self._merges.setdefault(flow.loop, {})[flow.merge] = None
        return Read(flow.node, "vector" if flow.returns == "state" else flow.returns)

    def enter(self, read: Flow, features: int | None, time: Axis | None) -> None:
        """Record what a layer that reads a flow shows about an input of the graph: its features and timesteps."""
        if read.root and features is not None:
            self._entries.setdefault(read.root, features)
        if read.root and read.axes is not None and any(len(axis) > 1 for axis in read.axes):
            self.say(read.root, "is reshaped in the file; here the input is the reshaped one")
        known = self._entries.get(read.root)
        if known is None or time is None:
            return
        steps = (sized(time) or 0) - read.zeros
        if max(known, steps) <= MAX_SIZE:
            self._heads.setdefault(read.root, {})[Input(known, steps if sized(time) and steps > 0 else None)] = None

    def say(self, name: str, text: str) -> None:
        """Add a note on a node that every run prints, unless it has that note."""
        note, node = Note(f"{name} {text}", "differs"), self.nodes[name]
        if note not in node.notes:
            self.nodes[name] = replace(node, notes=(*node.notes, note))

    def say_axes(self, name: str, flow: Flow, *known: Axis) -> None:
        """Add a note on the node that reads a flow if a graph's input has samples, time and features otherwise."""
        words = dict(zip(known, _AXES, strict=False))
        for axes in filter(None, self.axes if not flow.loop else ()):
            order = [words.get(axis, "features") for axis in axes if axis in words or len(axes) == len(_AXES)]
            here = sorted(order, key=_AXES.index)
            if known[1] in axes and order != here:
                text = f"reads its input as ({', '.join(order)}) in the file; here as ({', '.join(here)})"
                self.say(name, text)

    def say_order(self, flow: Flow) -> None:
        """Add a note if a reader of a flow expects time in the opposite order of a spec layer's output."""
        if flow.flipped and flow.returns == "sequence":
            layer = self.nodes[flow.loop].word if flow.loop else None
            backwards = loops(layer) and layer.go_backwards
            self.say(*((flow.loop, _OTHER_ORDER) if backwards else (flow.node, _REVERSED)))

    def finished(self, outputs: Sequence[tuple[str, Flow]]) -> list[Node]:
        """Return all nodes, as far as possible as their readers need them, and the outputs, whose names are given."""
        for flow in chain.from_iterable(self.unknown.values()):
            self.say_order(flow)
        read: dict[str, set[str | None]] = {}
        for node in self.nodes.values():
            for edge in node.reads or ():
                read.setdefault(edge.node, set()).add(edge.returns)
        of_states = self._of_states({flow.node for _, flow in outputs})
        ends = [*self._ends(outputs, read.keys())]
        made = []
        for name, node in self.nodes.items():
            if loops(layer := node.word):
                modes = self._merges.get(name, {})
                if layer.merge_mode is not None and len(modes) == 1:
                    node = replace(node, word=replace(layer, merge_mode=next(iter(modes))))
                if {"sequence", "vector"} <= read.get(name, set()):
                    note = Note(f"{name} {_RETURNS_STATES}", "differs")
                    node = replace(node, unsaid=frozenset(), notes=(*dict.fromkeys((*node.notes, note)),))
            elif len(heads := self._heads.get(name, {})) == 1:
                node = replace(node, word=next(iter(heads)))
            if name not in of_states:
                made.append(node)
        # Vectors may be shared just because their numbers are the same, as in untrained normalizations.
        matrices = [[each.name for each in node.tensors.values() if len(each.shape) > 1] for node in made]
        return [*tied(made, matrices), *ends]

    def _ends(self, outputs: Sequence[tuple[str, Flow]], read: Container[str]) -> Iterator[Node]:
        """Yield an output node for each node that the graphs return; further outputs get a note."""
        returned: dict[str, Flow] = {}
        for number, (name, flow) in enumerate(outputs):
            node = self.nodes.get(flow.node)
            if node is None or node.word is None:
                continue
            if flow.node not in read and flow.node not in returned:
                returned[flow.node] = flow
                self.say_order(flow)
                if flow.half is not None:
                    self.say(flow.node, "returns only one of its two directions in the file; here it returns both")
                if flow.returns == "state":
                    self.say(flow.node, "returns its cell state in the file; here it returns its output")
                gone = flow.axes is not None and flow.features not in (None, *flow.axes)
                if gone and sized(flow.features or ()) == 1:
                    self.say(flow.node, "returns its only feature without an axis in the file")
                if flow.is_reordered:
                    self.say(flow.node, "returns its numbers in another order in the file")
                yield Node(f"output {number} {name}", "output", None, (self.edge(flow),))
            elif returned.get(flow.node) != flow:
                states = node.loops and flow.returns != "sequence"
                self.say(flow.node, _RETURNS_STATES if states else "is also an output of the file")

    def _of_states(self, returned: Container[str]) -> set[str]:
        """Return the nodes that only extract initial states of recurrent nodes from the inputs."""
        states: dict[str, bool] = {}
        for node in self.nodes.values():
            for number, read in enumerate(node.reads or ()):
                states[read.node] = states.get(read.node, True) and number > 0 and node.loops
        made: set[str] = set()
        for name, node in self.nodes.items():
            inputs = all(self.nodes[read.node].kind == "input" for read in node.reads or () if read.node in self.nodes)
            if node.word is None and node.kind in REARRANGING and states.get(name) and name not in returned and inputs:
                made.add(name)
        return made


_AXES = ("batch", "timesteps", "features")
_RETURNS_STATES = "also returns its states; here they are left out"
_REVERSED = "is followed by a reversal of time in the file; here it is not reversed"
_OTHER_ORDER = (
    "reads backwards; in the file its output sequence is in the order of time, here it is in the order in which it was "
    "read"
)

REARRANGING = names("Cast Concat Expand Flatten Gather Identity Pad Reshape Slice Split Squeeze Transpose Unsqueeze")
"""The operations that pass numbers on, whether or not their new positions are known."""


def flows_in(*values: Value | None) -> list[Flow]:
    """Return the values that depend on the input."""
    made: list[Flow] = []
    for value in values:
        made += [value] if isinstance(value, Flow) else value.flows if isinstance(value, Joined) else []
    return made


def is_zero(value: Value | None) -> bool:
    """Return whether a value is known to be all zeros."""
    return value.is_zero() if isinstance(value, Constant) else isinstance(value, Fill) and value.number == 0


def is_bounded(value: Value) -> bool:
    """Return whether a value is made of few enough things, so that a file cannot make values grow without limit."""
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
    """Return the length of an axis, or a stand-in for it."""
    return prod(atom.length for atom in axis)


def sized(axis: Axis) -> int | None:
    """Return the length of an axis, if it is known."""
    sizes = [atom.size for atom in axis]
    return None if None in sizes else prod(size for size in sizes if size is not None)

"""An ONNX graph in the making: its nodes and arrays, what is added to it, and the message that it becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.export.plan import Step
from rnncli.formats.onnx.cells import BY_WORD, OnnxActivation
from rnncli.formats.onnx.messages import (
    ATTRIBUTE_TYPES,
    CODES,
    ArrayTypeProto,
    AttributeProto,
    DimensionProto,
    GraphProto,
    NodeProto,
    ShapeProto,
    TensorProto,
    TypeProto,
    ValueInfoProto,
)
from rnncli.immutable import NamedTuple

if TYPE_CHECKING:
    from rnncli.engine.types import Array
    from rnncli.export import Arrays

Told = int | float | str | list[int] | list[float] | list[str] | TensorProto | GraphProto
"""What a node can be told: numbers, words, an array, and the graph of a loop's body."""


class Graph:
    """A graph in the making, or the body of a loop inside of one, which reads the arrays of the graph around it.

    Attributes:
        proto: the message that it is so far.
        scope: what stands before the names of what is added: that of a layer, or of the body.
        operations: what its nodes compute.
    """

    def __init__(self, name: str, around: Graph | None = None) -> None:
        self.proto = GraphProto(name=name)
        self.scope = "" if around is None else name
        self._around = around
        # No name stands for two things, in a graph and those inside of it.
        self.operations: set[str] = set() if around is None else around.operations
        self._counts: Counter[str] = Counter() if around is None else around._counts
        self._made: dict[object, str] = {} if around is None else around._made

    def node(self, operation: str, *inputs: str, **told: Told) -> str:
        """Add a node that makes one value, and return the value."""
        (output,) = self.node_of(operation, inputs, ("output",), **told)
        return output

    def node_of(self, operation: str, inputs: Sequence[str], makes: Sequence[str], **told: Told) -> list[str]:
        """Add a node that makes several values, and return those that are not left out.

        There is a word in `makes` for each, which the value's name ends in; it is empty for one that is left out.
        """
        name = self.named(operation)
        outputs = [word and f"{name}_{word}" for word in makes]
        attributes = [_attribute(key, value) for key, value in told.items()]
        node = NodeProto(input=[*inputs], output=outputs, name=name, op_type=operation, attribute=attributes)
        self.proto.node.append(node)
        self.operations.add(operation)
        return [output for output in outputs if output]

    def array(self, name: str, values: Array) -> str:
        """Add an array, and return its name."""
        return self._stored(self.named(name), values)

    def constant(self, numbers: int | float | Sequence[int]) -> str:
        """Add some whole numbers, or one number, unless they are there; return their name."""

        def make() -> str:
            self._counts["constant"] += 1  # it is of no layer: others may read it too
            dtype = "float32" if isinstance(numbers, float) else "int64"
            return self._stored(f"constant_{self._counts['constant']}", np.array(numbers, dtype))

        return self.once((type(numbers), numbers if isinstance(numbers, int | float) else tuple(numbers)), make)

    def _stored(self, name: str, values: Array) -> str:
        """Add an array under a name to the outermost graph."""
        if self._around is not None:
            return self._around._stored(name, values)
        self.proto.initializer.append(array_proto(name, values))
        return name

    def once(self, code: object, make: Callable[[], str]) -> str:
        """Return a value that is made the first time that it is asked for."""
        if code not in self._made:
            self._made[code] = make()
        return self._made[code]

    def named(self, word: str) -> str:
        """Return a name that nothing else has, which tells the layer that it is of."""
        name = f"{self.scope}/{word}" if self.scope else word
        count = self._counts[name]
        self._counts[name] += 1
        return f"{name}_{count}" if count else name

    def renamed(self, old: str, new: str) -> None:
        """Give another name to a value that nodes make and read."""
        for node in self.proto.node:
            node.input = [new if name == old else name for name in node.input]
            node.output = [new if name == old else name for name in node.output]


class Place(NamedTuple):
    """A layer to add to a graph: where it stands, its weights by Keras's names, and the value x that it reads.

    In the graph a sequence is (timesteps, batch, features), as ONNX's recurrent operators read it, and a vector is
    (batch, features).

    Attributes:
        counts: adds which timesteps of the network's input are no padding, (timesteps, batch, 1), and returns it.
    """

    graph: Graph
    step: Step
    weights: Arrays
    x: str
    counts: Callable[[], str]

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.step.layer

    def mask(self) -> str:
        """Return which timesteps of what it reads count, (timesteps, batch, 1); empty if all do."""
        return self.graph.once("mask", self.counts) if self.step.masked else ""


def _activation(activation: OnnxActivation, **told: Told) -> Callable[[Graph, str], str]:
    """Return what adds an activation as a node. Numbers that no cell is told are the usual ones."""
    numbers = {name: number.needed for name, number in activation.numbers.items() if activation.in_cells}
    return lambda graph, x: graph.node(activation.operation, x, **{**numbers, **told})


ACTIVATIONS: Mapping[str, Callable[[Graph, str], str]] = {
    **{word: _activation(activation) for word, activation in BY_WORD.items()},
    "linear": lambda graph, x: x,
    "silu": lambda graph, x: graph.node("Mul", x, graph.node("Sigmoid", x)),  # older than its own operator
    "softmax": _activation(BY_WORD["softmax"], axis=-1),
}
"""A function for each activation that adds its nodes for a value, and returns what they make of it."""


# The message


def _attribute(name: str, told: Told) -> AttributeProto:
    """Return what a node is told, under a name."""
    values = told if isinstance(told, list) else [told]
    field = FIELDS[type(values[0])][isinstance(told, list)]
    made = AttributeProto(name=name, type=ATTRIBUTE_TYPES[field])
    texts = [each.encode() if isinstance(each, str) else each for each in values]
    setattr(made, field, texts if isinstance(told, list) else texts[0])
    return made


FIELDS: Mapping[type, tuple[str, ...]] = {
    int: ("i", "ints"),
    float: ("f", "floats"),
    str: ("s", "strings"),
    TensorProto: ("t",),
    GraphProto: ("g",),
}
"""The fields of an attribute that a value is in, and several, by their type."""


def array_proto(name: str, values: Array) -> TensorProto:
    """Return an array as a message. Its numbers are not copied if they stand in a row, as float32 or int64."""
    dtype = "int64" if values.dtype.kind == "i" else "float32"
    numbers = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<")).reshape(-1)
    data = numbers.view(np.uint8).data
    return TensorProto(dims=[*values.shape], data_type=CODES[dtype], name=name, raw_data=data)


def value_proto(name: str, dtype: str, shape: Sequence[int | str], told: str | None = None) -> ValueInfoProto:
    """Return the name and type of a value as a message; an axis whose length is not known has a name."""
    axes = [
        DimensionProto(dim_param=size) if isinstance(size, str) else DimensionProto(dim_value=size) for size in shape
    ]
    array = ArrayTypeProto(elem_type=CODES[dtype], shape=ShapeProto(dim=axes))
    return ValueInfoProto(name=name, type=TypeProto(tensor_type=array), doc_string=told)

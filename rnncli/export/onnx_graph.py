"""Building an ONNX graph: its nodes, arrays and names, and the protobuf messages for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.export.plan import Arrays, Step
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

Attribute = int | float | str | list[int] | list[float] | list[str] | TensorProto | GraphProto
"""The value of a node's attribute: numbers, strings, an array, or the graph of a loop's body."""


class GraphBuilder:
    """A graph being built, or the body of a loop within a graph, which can read the outer graph's arrays.

    Attributes:
        proto: its message so far.
        scope: the prefix of the names of added values: the layer or loop body they belong to.
        operations: the operators used so far.
    """

    def __init__(self, name: str, around: GraphBuilder | None = None) -> None:
        self.proto = GraphProto(name=name)
        self.scope = "" if around is None else name
        self._around = around
        # Names are unique across a graph and the bodies within it.
        self.operations: set[str] = set() if around is None else around.operations
        self._counts: Counter[str] = Counter() if around is None else around._counts
        self._values: dict[object, str] = {} if around is None else around._values

    def node(self, operation: str, *inputs: str, **attributes: Attribute) -> str:
        """Add a node with one output, and return the output's name."""
        (output,) = self.node_of(operation, inputs, ("output",), **attributes)
        return output

    def node_of(self, operation: str, inputs: Sequence[str], words: Sequence[str], **more: Attribute) -> list[str]:
        """Add a node with several outputs, and return the names of those that are not omitted.

        `words` has the suffix of each output's name; an empty one omits that output.
        """
        name = self.named(operation)
        outputs = [word and f"{name}_{word}" for word in words]
        attributes = [_attribute(key, value) for key, value in more.items()]
        node = NodeProto(input=[*inputs], output=outputs, name=name, op_type=operation, attribute=attributes)
        self.proto.node.append(node)
        self.operations.add(operation)
        return [output for output in outputs if output]

    def array(self, name: str, values: Array) -> str:
        """Add an array, and return its name."""
        return self._stored(self.named(name), values)

    def constant(self, numbers: int | float | Sequence[int]) -> str:
        """Add integers or a number as a constant, unless it exists already; return its name."""

        def make() -> str:
            self._counts["constant"] += 1  # named after no layer, because layers share constants
            dtype = "float32" if isinstance(numbers, float) else "int64"
            return self._stored(f"constant_{self._counts['constant']}", np.array(numbers, dtype))

        return self.once((type(numbers), numbers if isinstance(numbers, int | float) else tuple(numbers)), make)

    def _stored(self, name: str, values: Array) -> str:
        """Add an array to the outermost graph under the given name."""
        if self._around is not None:
            return self._around._stored(name, values)
        self.proto.initializer.append(array_proto(name, values))
        return name

    def once(self, code: object, make: Callable[[], str]) -> str:
        """Return a value, which is made on the first call."""
        if code not in self._values:
            self._values[code] = make()
        return self._values[code]

    def named(self, word: str) -> str:
        """Return a unique name that starts with the current scope."""
        name = f"{self.scope}/{word}" if self.scope else word
        count = self._counts[name]
        self._counts[name] += 1
        return f"{name}_{count}" if count else name

    def renamed(self, old: str, new: str) -> None:
        """Rename a value in all nodes that write or read it."""
        for node in self.proto.node:
            node.input = [new if name == old else name for name in node.input]
            node.output = [new if name == old else name for name in node.output]


class OnnxWriter(NamedTuple):
    """Adds a layer to a graph: its step, its weights by Keras's names, and its input x.

    In the graph a sequence is (timesteps, batch, features), as ONNX's recurrent operators expect, and a vector is
    (batch, features).

    Attributes:
        unpadded: adds the mask of the network's input, (timesteps, batch, 1), False at padding, and returns it.
    """

    graph: GraphBuilder
    step: Step
    weights: Arrays
    x: str
    unpadded: Callable[[], str]

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.step.layer

    def mask(self) -> str:
        """Return the mask of its input, (timesteps, batch, 1), False at padding; empty if it is not masked."""
        return self.graph.once("mask", self.unpadded) if self.step.masked else ""


def _activation(activation: OnnxActivation, **attributes: Attribute) -> Callable[[GraphBuilder, str], str]:
    """Return a function that adds an activation as a node, with explicit parameters if cells have them."""
    numbers = {name: number.needed for name, number in activation.numbers.items() if activation.in_cells}
    return lambda graph, x: graph.node(activation.operation, x, **{**numbers, **attributes})


ACTIVATIONS: Mapping[str, Callable[[GraphBuilder, str], str]] = {
    **{word: _activation(activation) for word, activation in BY_WORD.items()},
    "linear": lambda graph, x: x,
    "silu": lambda graph, x: graph.node("Mul", x, graph.node("Sigmoid", x)),  # ONNX's own operator is too new
    "softmax": _activation(BY_WORD["softmax"], axis=-1),
}
"""The function for each activation that adds its nodes for a value and returns the result."""


# Messages


def _attribute(name: str, value: Attribute) -> AttributeProto:
    """Return an attribute of a node as a message."""
    values = value if isinstance(value, list) else [value]
    field = FIELDS[type(values[0])][isinstance(value, list)]
    message = AttributeProto(name=name, type=ATTRIBUTE_TYPES[field])
    texts = [each.encode() if isinstance(each, str) else each for each in values]
    setattr(message, field, texts if isinstance(value, list) else texts[0])
    return message


FIELDS: Mapping[type, tuple[str, ...]] = {
    int: ("i", "ints"),
    float: ("f", "floats"),
    str: ("s", "strings"),
    TensorProto: ("t",),
    GraphProto: ("g",),
}
"""The fields of an attribute's message for a value and for a list of values, by the values' type."""


def array_proto(name: str, values: Array) -> TensorProto:
    """Return an array as a message, without a copy if it is contiguous float32 or int64."""
    dtype = "int64" if values.dtype.kind == "i" else "float32"
    numbers = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<")).reshape(-1)
    data = numbers.view(np.uint8).data
    return TensorProto(dims=[*values.shape], data_type=CODES[dtype], name=name, raw_data=data)


def value_proto(name: str, dtype: str, shape: Sequence[int | str], doc: str | None = None) -> ValueInfoProto:
    """Return the name and type of a value as a message; an axis of unknown length has a name."""
    axes = [
        DimensionProto(dim_param=size) if isinstance(size, str) else DimensionProto(dim_value=size) for size in shape
    ]
    array = ArrayTypeProto(elem_type=CODES[dtype], shape=ShapeProto(dim=axes))
    return ValueInfoProto(name=name, type=TypeProto(tensor_type=array), doc_string=doc)

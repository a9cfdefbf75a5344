"""The numbers of the fields of ONNX's messages, and of its types, by their names in onnx.proto.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 describes the messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


class ModelProto:
    """A model: a graph, who wrote it, and the versions that it is written in."""

    IR_VERSION: Final = 1
    PRODUCER_NAME: Final = 2
    PRODUCER_VERSION: Final = 3
    DOC_STRING: Final = 6
    GRAPH: Final = 7
    OPSET_IMPORT: Final = 8


class OperatorSetIdProto:
    """A version of the operators of a domain."""

    DOMAIN: Final = 1
    VERSION: Final = 2


class GraphProto:
    """Nodes, the arrays that they read, and what goes in and comes out."""

    NODE: Final = 1
    NAME: Final = 2
    INITIALIZER: Final = 5
    INPUT: Final = 11
    OUTPUT: Final = 12


class NodeProto:
    """An operation on values."""

    INPUT: Final = 1
    OUTPUT: Final = 2
    NAME: Final = 3
    OP_TYPE: Final = 4
    ATTRIBUTE: Final = 5


class AttributeProto:
    """What a node is told."""

    NAME: Final = 1
    F: Final = 2
    I: Final = 3  # noqa: E741  # that is its name
    S: Final = 4
    T: Final = 5
    G: Final = 6
    FLOATS: Final = 7
    INTS: Final = 8
    STRINGS: Final = 9
    TYPE: Final = 20


ATTRIBUTE_TYPES: Mapping[int, int] = {
    AttributeProto.F: 1,
    AttributeProto.I: 2,
    AttributeProto.S: 3,
    AttributeProto.T: 4,
    AttributeProto.G: 5,
    AttributeProto.FLOATS: 6,
    AttributeProto.INTS: 7,
    AttributeProto.STRINGS: 8,
}
"""The type that an attribute says it has, by the field that its value is in."""


class TensorProto:
    """An array."""

    DIMS: Final = 1
    DATA_TYPE: Final = 2
    NAME: Final = 8
    RAW_DATA: Final = 9


class ValueInfoProto:
    """The name and the type of a value."""

    NAME: Final = 1
    TYPE: Final = 2
    DOC_STRING: Final = 3


class TypeProto:
    """A type; only that of arrays is written."""

    TENSOR_TYPE: Final = 1


class TensorTypeProto:
    """The type of an array: of its numbers, and its shape."""

    ELEM_TYPE: Final = 1
    SHAPE: Final = 2


class TensorShapeProto:
    """A shape: its axes."""

    DIM: Final = 1


class Dimension:
    """The length of an axis: a number, or a name where it is not known."""

    DIM_VALUE: Final = 1
    DIM_PARAM: Final = 2


FLOAT: Final = 1
INT64: Final = 7
BOOL: Final = 9
"""Types of numbers."""

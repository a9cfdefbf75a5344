"""What an ONNX file says, as plain data: a graph, its nodes and what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rnncli.formats.onnx.arrays import Constant


@dataclass
class Attribute:
    """What a node is told."""

    name: str = ""
    number: float | None = None
    whole: int | None = None
    text: str = ""
    numbers: list[float] = field(default_factory=list)
    wholes: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    constant: Constant | None = None
    graphs: list[Graph] = field(default_factory=list)


@dataclass
class Operation:
    """A node of a graph: an operation, by its names of values.

    Attributes:
        operation: what it computes: `LSTM`; one that is not of ONNX's own has its domain before it.
        name: its name, or that of its first output.
        inputs: the values that it reads; an optional one that is left out is empty.
        outputs: the values that it makes.
        attributes: what it is told, by name.
    """

    operation: str = ""
    name: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, Attribute] = field(default_factory=dict)

    def input(self, index: int) -> str:
        """Return the name of an input; empty if it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def whole(self, name: str, default: int) -> int:
        """Return a whole number that it is told."""
        given = self.attributes.get(name)
        return default if given is None or given.whole is None else given.whole

    def number(self, name: str, default: float) -> float:
        """Return a number that it is told."""
        given = self.attributes.get(name)
        return default if given is None or given.number is None else given.number


Dims = tuple[int | None, ...]
"""The shape that a graph declares of a value; None is unknown."""


@dataclass
class Graph:
    """A graph: nodes in an order in which they can be computed, the model's own or one inside a node.

    Attributes:
        nodes: the nodes.
        constants: its arrays, by name.
        shapes: the shapes that it declares of values.
        inputs: the values that it reads.
        outputs: the values that it returns.
        sparse: the names of arrays of which only the numbers that are not zero are there; they are not read.
    """

    nodes: list[Operation] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    shapes: dict[str, Dims] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    sparse: list[str] = field(default_factory=list)


class OnnxFile(NamedTuple):
    """What an ONNX file says.

    Attributes:
        writer: who wrote it.
        opset: the version of ONNX's operators.
        graph: the model's graph.
        functions: what functions of the model's own compute, by name.
    """

    writer: str
    opset: int
    graph: Graph
    functions: Mapping[str, Graph]

"""Layers that a file writes out as formulas, because its version of ONNX has no operation for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import product

from rnncli.errors import RnncliError
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.messages import AttributeProto, NodeProto
from rnncli.formats.onnx.values import NodeCall, Value
from rnncli.immutable import NamedTuple

_TERMS: Mapping[str, str] = {
    "ReduceMean x -1": "mean",
    "Sub x mean": "centred",
    "Pow centred 2": "square",
    "Mul centred centred": "square",
    "ReduceMean square -1": "variance",
    "Add number variance": "sum",
    "Sqrt sum": "deviation",
    "Div centred deviation": "normal",
    "Mul array normal": "scaled",
    "Add array scaled": "shifted",
    "Div x 1.414": "quotient",
    "Mul 0.7071 x": "quotient",
    "Erf quotient": "erf",
    "Add 1 erf": "share",
    "Mul share x": "double",
    "Mul 0.5 double": "gelu",
    "Mul 0.5 x": "half",
    "Mul half share": "gelu",
}
"""What a node computes in a formula, by its operation and inputs; those of sums and products are sorted."""

_WHOLE: Mapping[str, tuple[str, int]] = {
    "normal": ("LayerNormalization", 1),
    "scaled": ("LayerNormalization", 2),
    "shifted": ("LayerNormalization", 3),
    "gelu": ("Gelu", 1),
}
"""The operation that a finished formula stands for, and how many inputs that has."""


class _Term(NamedTuple):
    """A value in a formula.

    Attributes:
        kind: what it is in `_TERMS`.
        inputs: the values and arrays that the formula reads, by name, and epsilon.
        calls: the nodes of the formula up to here, by the value that each computes.
    """

    kind: str
    inputs: Mapping[str, Value | float | None]
    calls: Mapping[str, NodeCall]


class Formulas:
    """The formulas in a graph, given how often each of its values is read."""

    def __init__(self, readers: Mapping[str, int]) -> None:
        self._readers = readers
        self._terms: dict[str, _Term] = {}

    def whole(self, call: NodeCall) -> NodeCall | None:
        """Return the layer whose formula a node completes, after removing the nodes of its terms.

        (x - mean(x)) / sqrt(mean((x - mean(x))²) + epsilon) · scale + shift is a LayerNormalization, as it is without
        the shift or both; x / 2 · (1 + erf(x / sqrt(2))) is a Gelu.
        """
        node = call.node
        if len(node.input) > 2 or len(node.output) != 1 or not node.value("keepdims", 1):
            return None
        choices = (self._choices(*each) for each in zip(node.input, call.values, strict=False))
        axes = [*map(str, node.named("axes").ints)]
        for terms in product(*choices):
            if node.operation in ("Add", "Mul"):
                terms = tuple(sorted(terms, key=lambda term: term.kind))
            kind = _TERMS.get(" ".join([node.operation, *(term.kind for term in terms), *axes]))
            if kind is None:
                continue
            inside = {name: each for term in terms for name, each in term.calls.items()}
            calls = {**inside, node.output[0]: call}
            inputs = {name: value for term in terms[::-1] for name, value in term.inputs.items()}
            self._terms[node.output[0]] = _Term(kind, inputs, calls)
            operation, count = _WHOLE.get(kind, ("", 0))
            values = {name: value for name, value in inputs.items() if not isinstance(value, float)}
            reads = Counter(name for each in calls.values() for name in each.node.input)
            if len(values) != count or any(reads[name] != self._readers[name] for name in inside):
                return None
            for each in inside.values():
                call.found.remove(each.name)
            given = [AttributeProto(name="epsilon", f=each) for each in inputs.values() if isinstance(each, float)]
            made = NodeProto(op_type=operation, input=[*values], output=node.output, attribute=given)
            return call._replace(node=made, values=[*values.values()])
        return None

    def _choices(self, name: str, value: Value | None) -> Iterator[_Term]:
        """Yield what an input can be in a formula."""
        if name in self._terms:
            yield self._terms[name]
        if not isinstance(value, Constant):
            yield _Term("x", {name: value}, {})
        elif value.tensor.params != 1:
            yield _Term("array", {name: value}, {})
        elif value.tensor.dtype.startswith(("float", "bfloat", "int")):
            with suppress(RnncliError):
                number = float(value.tensor.read().item())
                yield from (_Term(f"{number:.4g}", {}, {}), _Term("number", {name: number}, {}))

"""`.onnx`: the graph of a model, in which its layers are found, and its arrays.

ONNX has real edges: rows are followed from input to output, with the activations and directions that the nodes specify.
A value is only known by the node that computed it and the meaning of its axes. An operation that keeps features, time
and samples whole becomes no node. An operation that is not understood becomes a node without a layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnncli.errors import ArgumentError, RnncliError, listed, shorten
from rnncli.formats.file_reader import BEGINNING, FileReader, check_beginning, opened_regular
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Node, Note
from rnncli.formats.onnx.arrays import Constant, ReasonError, constant_of
from rnncli.formats.onnx.cells import KINDS
from rnncli.formats.onnx.formulas import Formulas
from rnncli.formats.onnx.layers import OPERATIONS
from rnncli.formats.onnx.messages import OWN_DOMAINS, GraphProto, MessageReader, ModelProto, NodeProto, TensorProto
from rnncli.formats.onnx.values import (
    REARRANGING,
    Fill,
    Flow,
    FoundNodes,
    NodeCall,
    Value,
    Values,
    axes_of,
    flows_in,
    is_bounded,
)
from rnncli.formats.tensors import Tensor
from rnncli.layers.weights import Framework

_DECOMPOSED = ("Scan", "Sigmoid", "Tanh", "MatMul", "Gemm", "Split", "Slice")
_SHOWN = 8


def read(path: str) -> ModelFile:
    """Return the contents of an ONNX file; the numbers of its arrays are not read.

    Raises:
        RnncliError: it is damaged, or not an ONNX model.
    """
    file = opened_regular(path)
    check_beginning(file.read(0, BEGINNING), "an ONNX model")
    model = MessageReader(file).model()
    if model.graph is None:
        raise RnncliError("it has no graph, so it is not an ONNX model")
    walk = _Walk(path, file, model, model.graph)
    producer = {"pytorch": "PyTorch"}.get(model.producer_name or "", model.producer_name or "")
    # Programs that quantise or simplify a file keep the names of its arrays, but not its producer.
    named = any((each.name or "").startswith("onnx::") for each in model.graph.initializer)
    framework: Framework | None = "torch" if producer == "PyTorch" or named else None
    writer = shorten(f"{producer} {model.producer_version or ''}".strip())
    notes = [*_notes(model, model.graph)]
    made = model_of(path, "ONNX", writer, walk.found.finished(walk.outputs), notes=notes, framework=framework)
    # An array may combine several of the file's, and one of these may be in several, so nodes record what they own.
    used = {name for part in made.parts for node in part.nodes for name in walk.found.owned[node.name]}
    return replace(made, others=tuple(tensor for tensor in walk.tensors if tensor.name not in used))


def _notes(model: ModelProto, graph: GraphProto) -> Iterator[Note]:
    """Yield notes on the file as a whole."""
    graphs = [*_graphs(graph)]
    kinds = Counter(node.operation for each in graphs for node in each.node)
    named = [kind for kind in kinds if kind.endswith(tuple(KINDS))]
    cells = [kind for kind in named if kind in OPERATIONS]
    for function in model.functions:
        inside = [node.operation for node in function.node if node.operation in KINDS]
        if inside:
            cells += inside
            name, said = shorten(function.name or ""), listed(inside[:_SHOWN])
            yield Note(f"the model's own function {name} contains {said}, which is not read", "left out")
    if others := [kind for kind in named if kind not in OPERATIONS]:
        said = f"it has cells that are not ONNX's own and are not read: {shorten(listed(others[:_SHOWN]), 200)}"
        yield Note(f"{said}; if it was quantised, give the file that it was made from", "left out")
    if any(each.sparse_initializer for each in graphs):
        yield Note("its sparse arrays are not read", "left out")
    if not cells and kinds["Scan"] + kinds["Sigmoid"] + kinds["Tanh"] and kinds["MatMul"] + kinds["Gemm"]:
        seen = listed([kind for kind in _DECOMPOSED if kinds[kind]])
        yield Note(
            f"its graph has no LSTM, GRU or RNN, but {seen}: some converters split cells into these; save "
            "the model itself, model.save('model.keras') or torch.save(model.state_dict(), 'model.pt')",
            "left out",
        )


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and all graphs nested in it."""
    yield graph
    for node in graph.node:
        for _, inner in node.graphs:
            yield from _graphs(inner)


_LONGEST_LEAD = 1_000
"""The longest prefix of the name of a nested node."""

_SCALING = ("QuantizeLinear", "DequantizeLinear")
"""The operations on an array, or on values, with a scale and a zero, which are no weights."""

_KEEPING = REARRANGING - {"Concat", "Expand", "Pad"}
"""The operations whose outputs consist of the numbers of their first input, whatever its shape."""


@dataclass
class _GraphScope:
    """A graph, the prefix of its nodes' names, and the enclosing graph, if there is one.

    Attributes:
        shapes: the shapes of values that it declares.
        readers: how often each value is read, including in nested graphs.
        formulas: the formulas that its nodes compute.
        values: the known values; None if nothing is known of one.
        captured: the values of enclosing graphs that it reads.
    """

    lead: str
    around: _GraphScope | None
    shapes: Mapping[str, Sequence[int | None] | None]
    readers: Counter[str]
    formulas: Formulas
    values: dict[str, Value | None] = field(default_factory=dict)
    captured: dict[str, Flow] = field(default_factory=dict)

    def value(self, name: str) -> Value | None:
        """Return a value as far as it is known. One that no node computes is assumed to depend on the input."""
        if not name or name in self.values:
            return self.values.get(name)
        known = None if self.around is None else self.around.value(name)
        flows = flows_in(known)
        if flows or self.around is None:
            self.captured |= {flow.node: flow for flow in flows}
            if not isinstance(known, Flow) or not known.root or known.node != known.root:
                known = Flow(f"{self.lead}{name}", axes_of(self.shapes.get(name)))
        self.values[name] = known
        return known


class _Walk:
    """Finds the nodes of a file.

    Attributes:
        found: the nodes.
        tensors: the weights in the file, whether or not a node has them, without shapes and axes.
        outputs: the values that the graphs return, with their names.
    """

    def __init__(self, path: str, file: FileReader, model: ModelProto, graph: GraphProto) -> None:
        self.found = FoundNodes()
        self.tensors: list[Tensor] = []
        self.outputs: list[tuple[str, Flow]] = []
        self._path, self._file = path, file
        self._functions = {((each.domain or ""), each.name) for each in model.functions}
        own = (each.version or 0 for each in model.opset_import if each.domain in OWN_DOMAINS)
        self._opset = max(own, default=1)
        self._graph(graph, None, "")

    def _graph(self, graph: GraphProto, around: _GraphScope | None, lead: str) -> Iterable[Flow]:
        """Find the nodes of a graph, and return the values of enclosing graphs that it reads."""
        declared = [*graph.value_info, *graph.input, *graph.output]
        shapes = {each.name or "": sizes for each in declared if (sizes := each.sizes()) is not None}
        readers = Counter([*_read_by(graph.node), *(each.name or "" for each in graph.output)])
        scope = _GraphScope(lead, around, shapes, readers, Formulas(readers))
        scales = {each: False for node in graph.node for each in node.input[1:] if node.operation in _SCALING}
        stored = scales | {node.reads(0): True for node in graph.node if node.operation in _SCALING}
        for array in graph.initializer:
            scope.values[array.name or ""] = self._constant(array, is_weight=stored.get(array.name or ""))
        for each in graph.input:
            if each.name and each.name not in scope.values:
                name = self.found.add(Node(f"input {lead}{each.name}", "input", None, ()))
                self.found.axes.append(axes_of(shapes.get(each.name)))
                scope.values[each.name] = Flow(name, self.found.axes[-1], root=name)
        for node in _in_order(graph.node):
            self._node(scope, node)
        for each in graph.output:
            self.outputs += [(each.name or "", flow) for flow in flows_in(scope.value(each.name or ""))]
        return scope.captured.values()

    def _constant(self, array: TensorProto, name: str = "", is_weight: bool | None = None) -> Constant:
        """Return an array in the file; one-dimensional whole numbers are shapes and axes unless it is a weight."""
        made = constant_of(self._path, self._file, array, name)
        shape, dtype = made.tensor.shape, made.tensor.dtype
        if is_weight is None:
            is_weight = len(shape) > 1 or bool(shape and not dtype.startswith(("int", "bool", "string")))
        self.tensors += [made.tensor] * is_weight
        return made

    def _node(self, scope: _GraphScope, node: NodeProto) -> None:
        """Find out what a node is, and record its outputs as far as they are known."""
        name = self.found.named(f"{scope.lead}{node.label}")
        values = [scope.value(each) for each in node.input]
        tensor = node.named("value").t if node.op_type in ("Constant", "ConstantOfShape") else None
        if tensor is not None and node.op_type == "Constant":
            values = [self._constant(tensor, next(iter(node.output), ""))]
        elif tensor is not None:
            values = [*values[:1], constant_of(self._path, self._file, tensor)]
        captured = [
            flow
            for told_as, inner in node.graphs
            for flow in self._graph(inner, scope, shorten(f"{scope.lead}{node.label}/{told_as}/", _LONGEST_LEAD))
        ]
        made = self._made(scope, NodeCall(node, values, name, self.found, self._opset), captured)
        for output, value in zip(node.output, [*made, *[None] * len(node.output)], strict=False):
            if value is None or not output or not is_bounded(value):
                scope.values[output] = None
            elif isinstance(value, Flow) and scope.readers[output] > 1:
                scope.values[output] = value._replace(shared=True)
            else:
                scope.values[output] = value

    def _made(self, scope: _GraphScope, call: NodeCall, captured: Sequence[Flow]) -> Values:
        """Return a node's outputs as far as they are known, and add the node unless it only moves numbers."""
        node, first = call.node, call.at(0)
        flows = [*flows_in(*dict(zip(node.input, call.values, strict=False)).values()), *captured]
        if (node.domain or "", node.op_type) in self._functions or any(node.graphs):
            return self._opaque(scope, call, flows, ())
        if isinstance(first, Fill) and node.operation in _KEEPING:
            return [first] * len(node.output)
        notes: list[Note] = []
        for way in OPERATIONS.get(node.operation, ()):
            try:
                return way(call)
            except ReasonError as reason:
                text = f"{call.name} ({node.operation}): {reason}"
                notes += [Note(text, "left out")] if str(reason) else []
            except ArgumentError:  # a size that specs do not allow
                pass
        if flows and (whole := scope.formulas.whole(call)) is not None:
            return self._made(scope, whole, ())
        if notes or (flows and node.operation not in ("Shape", "Size")):
            return self._opaque(scope, call, flows, notes)
        return []

    def _opaque(self, scope: _GraphScope, call: NodeCall, flows: Sequence[Flow], notes: Sequence[Note]) -> Values:
        """Add a node that is not understood, with its arrays, and return its outputs."""
        name, kind = call.name, call.node.operation
        edges = tuple(dict.fromkeys(self.found.edge(flow) for flow in flows))
        self.found.unknown[name] = flows
        arrays = (value.tensor for value in call.values if isinstance(value, Constant) and value.wholes is None)
        tensors = {tensor.name: tensor for tensor in arrays if tensor.shape}
        axes = [axes_of(scope.shapes.get(output)) for output in call.node.output]
        read = self.found.nodes.get(edges[0].node) if edges else None
        unknown = read is None or (read.word is None and read.kind != "input")
        if unknown and len(edges) == 1 and kind in REARRANGING and not tensors:
            return [Flow(edges[0].node, each) for each in axes]  # reordering something unknown leaves it unknown
        self.found.add(Node(name, kind, None, edges, tensors=tensors, convention="onnx", notes=tuple(notes)))
        return [Flow(name, each) for each in axes]


def _read_by(nodes: Iterable[NodeProto]) -> Iterator[str]:
    """Yield the names of all values that nodes read, or that graphs nested in them read and return."""
    for node in nodes:
        yield from node.input
        for _, inner in node.graphs:
            yield from (*_read_by(inner.node), *(each.name or "" for each in inner.output))


def _in_order(nodes: Sequence[NodeProto]) -> Iterable[NodeProto]:
    """Return nodes, each after those that it reads: converters to float16 append their casts at the end."""
    makers = {output: node for node in nodes for output in node.output if output}
    begun: set[int] = set()
    made: dict[int, NodeProto] = {}
    waiting = [*reversed(nodes)]
    while waiting:
        node = waiting[-1]
        earlier = [] if id(node) in begun else [makers[name] for name in _read_by([node]) if name in makers]
        begun.add(id(node))
        waiting += [each for each in earlier if id(each) not in begun]
        if waiting[-1] is node:
            made[id(waiting.pop())] = node
    return made.values()

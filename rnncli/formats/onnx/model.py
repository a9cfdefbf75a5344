"""`.onnx`: the graph of a model, in which its layers are found, and its arrays.

ONNX has real edges: rows are followed from input to output, with the activations and directions that the nodes specify.
A value is only known by the node that computed it and the meaning of its axes. An operation that keeps features, time
and samples whole becomes no node. An operation that is not understood becomes a node without a layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from rnncli.errors import ArgumentError, RnncliError, listed, shorten
from rnncli.formats.file_reader import BEGINNING, FileReader, check_beginning, opened_regular
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Node, Note, Read, loops, tied
from rnncli.formats.onnx.arrays import Constant, constant_of
from rnncli.formats.onnx.cells import KINDS, cell_of
from rnncli.formats.onnx.layers import FLATTENING, layer_of
from rnncli.formats.onnx.messages import OWN_DOMAINS, GraphProto, MessageReader, ModelProto, NodeProto, TensorProto
from rnncli.formats.onnx.moves import REARRANGING, moved
from rnncli.formats.onnx.values import (
    Atom,
    Axis,
    Flow,
    Inputs,
    ReasonError,
    Value,
    Values,
    axes_of,
    flows_in,
    is_bounded,
    sized,
)
from rnncli.formats.tensors import Tensor
from rnncli.layers import Input, Recurrent
from rnncli.layers.weights import Framework
from rnncli.quantities import MAX_SIZE

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
    walk = _Walk(path, file, model)
    producer = model.producer_name or ""
    framework: Framework | None = "torch" if producer == "pytorch" else None
    writer = shorten(f"{'PyTorch' if framework else producer} {model.producer_version or ''}".strip())
    notes = [*_notes(model, model.graph)]
    made = model_of(path, "ONNX", writer, walk.nodes(), notes=notes, framework=framework)
    # An array may combine several of the file's, and one of these may be in several, so nodes record what they own.
    used = {name for part in made.parts for node in part.nodes for name in walk.owned[node.name]}
    return replace(made, others=tuple(tensor for tensor in walk.tensors if tensor.name not in used))


def _notes(model: ModelProto, graph: GraphProto) -> Iterator[Note]:
    """Yield notes on the file as a whole."""
    graphs = [*_graphs(graph)]
    kinds = Counter(node.operation for each in graphs for node in each.node)
    cells = [kind for kind in KINDS if kinds[kind]]
    for function in model.functions:
        inside = [node.operation for node in function.node if node.operation in KINDS]
        if inside:
            cells += inside
            name, said = shorten(function.name or ""), listed(inside[:_SHOWN])
            yield Note(f"the model's own function {name} contains {said}, which is not read", "left out")
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

_RETURNS_STATES = "also returns its states; here they are left out"
_OTHER_ORDER = (
    "reads backwards; in the file its output sequence is in the order of time, here it is in the order in which it was "
    "read"
)


@dataclass
class _GraphScope:
    """A graph, the prefix of its nodes' names, and the enclosing graph, if there is one.

    Attributes:
        shapes: the shapes of values that it declares.
        readers: how often each value is read, including in nested graphs.
        values: the known values; None if nothing is known of one.
        captured: the values of enclosing graphs that it reads.
    """

    lead: str
    around: _GraphScope | None
    shapes: Mapping[str, Sequence[int | None] | None]
    readers: Counter[str]
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
        tensors: the weights in the file, whether or not a node has them, without shapes and axes.
        owned: the names of the file's arrays that each node's arrays are made from.
    """

    def __init__(self, path: str, file: FileReader, model: ModelProto) -> None:
        self.tensors: list[Tensor] = []
        self.owned: dict[str, frozenset[str]] = {}
        self._path, self._file = path, file
        self._functions = {((each.domain or ""), each.name) for each in model.functions}
        own = (each.version or 0 for each in model.opset_import if each.domain in OWN_DOMAINS)
        self._opset = max(own, default=1)
        self._found: dict[str, Node] = {}
        self._names: Counter[str] = Counter()
        self._notes: dict[str, dict[Note, None]] = {}
        self._read: dict[str, set[str | None]] = {}
        self._merges: dict[str, dict[str, None]] = {}
        self._outputs: list[tuple[str, Flow]] = []
        self._heads: dict[str, dict[Input, None]] = {}
        self._entries: dict[str, int] = {}
        if model.graph is not None:
            self._graph(model.graph, None, "")

    def nodes(self) -> list[Node]:
        """Return all nodes, in order."""
        of_states = self._of_states()
        ends = [*self._ends()]
        made = []
        for name, node in self._found.items():
            if loops(node.word):
                node = self._returning(node, node.word)
            elif node.kind == "input" and len(self._heads.get(name, ())) == 1:
                node = replace(node, word=next(iter(self._heads[name])))
            if name in self._notes:
                node = replace(node, notes=(*node.notes, *self._notes[name]))
            if name not in of_states:
                made.append(node)
        # Vectors may be shared just because their numbers are the same, as in untrained normalizations.
        matrices = [[each.name for each in node.tensors.values() if len(each.shape) > 1] for node in made]
        return [*tied(made, matrices), *ends]

    def _returning(self, node: Node, layer: Recurrent) -> Node:
        """Return a recurrent node as its readers require, as far as all of them agree."""
        merges = self._merges.get(node.name, {})
        if layer.merge_mode is not None and len(merges) == 1:
            layer = replace(layer, merge_mode=next(iter(merges)))
        if "sequence" not in (read := self._read.get(node.name, set())) or len(read) == 1:
            return node if layer is node.word else replace(node, word=layer)
        self._say(node.name, _RETURNS_STATES)
        return replace(node, word=layer, unsaid=frozenset())

    def _graph(self, graph: GraphProto, around: _GraphScope | None, lead: str) -> Iterable[Flow]:
        """Find the nodes of a graph, and return the values of enclosing graphs that it reads."""
        declared = [*graph.value_info, *graph.input, *graph.output]
        shapes = {each.name or "": sizes for each in declared if (sizes := each.sizes()) is not None}
        scope = _GraphScope(lead, around, shapes, Counter(_read_in(graph)))
        for array in graph.initializer:
            scope.values[array.name or ""] = self._constant(array)
        for each in graph.input:
            if each.name and each.name not in scope.values:
                name = self._add(Node(f"input {lead}{each.name}", "input", None, ()))
                scope.values[each.name] = Flow(name, axes_of(shapes.get(each.name)), root=name)
        for node in graph.node:
            self._node(scope, node)
        for each in graph.output:
            self._outputs += [(each.name or "", flow) for flow in flows_in(scope.value(each.name or ""))]
        return scope.captured.values()

    def _constant(self, array: TensorProto, name: str = "") -> Constant:
        """Return an array in the file; one-dimensional whole numbers are shapes and axes, not weights."""
        made = constant_of(self._path, self._file, array, name)
        shape, dtype = made.tensor.shape, made.tensor.dtype
        if len(shape) > 1 or (shape and not dtype.startswith(("int", "bool", "string"))):
            self.tensors.append(made.tensor)
        return made

    def _node(self, scope: _GraphScope, node: NodeProto) -> None:
        """Find out what a node is, and record its outputs as far as they are known."""
        name = self._named(f"{scope.lead}{node.label}")
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
        made = self._made(scope, Inputs(node, values, name, self._found, self._opset), captured)
        for output, value in zip(node.output, [*made, *[None] * len(node.output)], strict=False):
            if value is None or not output or not is_bounded(value):
                scope.values[output] = None
            elif isinstance(value, Flow) and scope.readers[output] > 1:
                scope.values[output] = value._replace(shared=True)
            else:
                scope.values[output] = value

    def _made(self, scope: _GraphScope, inputs: Inputs, captured: Sequence[Flow]) -> Values:
        """Return a node's outputs as far as they are known, and add the node unless it only moves numbers."""
        node, name = inputs.node, inputs.name
        flows = flows_in(*dict(zip(node.input, inputs.values, strict=False)).values())
        if (node.domain or "", node.op_type) in self._functions or any(node.graphs):
            return self._opaque(scope, inputs, [*flows, *captured], [])
        if node.operation in KINDS:
            try:
                return self._recurrent(inputs, *cell_of(inputs))
            except ReasonError as reason:
                note = Note(f"{name} ({node.operation}): {reason}", "left out")
                return self._opaque(scope, inputs, flows, [note])
        ways: list[Callable[[Inputs], Values]] = [moved, self._layer]
        for way in ways[::-1] if node.operation in FLATTENING else ways:
            with suppress(ReasonError, ArgumentError):  # a size that specs do not allow
                return way(inputs)
        return self._opaque(scope, inputs, flows, []) if flows and node.operation not in ("Shape", "Size") else []

    def _layer(self, inputs: Inputs) -> Values:
        """Add a layer, or change the node that it reads, and return its output."""
        made = layer_of(inputs)
        read = flows_in(*inputs.values)[0]
        tensors = {role: array.tensor for role, array in made.arrays.items()}
        owned = frozenset(source.name for array in made.arrays.values() for source in array.sources)
        if made.grown is not None:  # a bias for a dense layer, or a sigmoid that is part of a silu
            node = self._found[made.flow.node]
            self._found[node.name] = replace(node, word=made.grown, tensors={**node.tensors, **tensors})
            self.owned[node.name] |= owned
        if made.word is None:
            return [made.flow]
        features = made.features or sized(made.flow.features or (Atom(),))
        if features is not None and read.root and (made.features or made.time is not None):
            self._entries.setdefault(read.root, features)
        if made.time is not None:
            self._head(read, made.time)
        name, kind, edge = inputs.name, inputs.node.operation, (self._edge(read),)
        self.owned[name] = owned
        node = Node(name, kind, made.word, edge, made.features, tensors, "keras", notes=made.notes, around=made.around)
        self._add(node)
        return [made.flow._replace(node=name, shared=False)]

    def _opaque(self, scope: _GraphScope, inputs: Inputs, flows: Sequence[Flow], notes: Sequence[Note]) -> list[Flow]:
        """Add a node that is not understood, with its arrays, and return its outputs."""
        name, kind = inputs.name, inputs.node.operation
        edges = tuple(dict.fromkeys(self._edge(flow) for flow in flows))
        for flow in flows:
            self._say_order(flow)
        arrays = (value.tensor for value in inputs.values if isinstance(value, Constant) and value.wholes is None)
        tensors = {tensor.name: tensor for tensor in arrays if tensor.shape}
        axes = [axes_of(scope.shapes.get(output)) for output in inputs.node.output]
        read = self._found.get(edges[0].node) if edges else None
        unknown = read is None or (read.word is None and read.kind != "input")
        if unknown and len(edges) == 1 and kind in REARRANGING and not tensors:
            return [Flow(edges[0].node, each) for each in axes]  # reordering something unknown leaves it unknown
        self._add(Node(name, kind, None, edges, tensors=tensors, convention="onnx", notes=tuple(notes)))
        return [Flow(name, each) for each in axes]

    def _recurrent(self, inputs: Inputs, cell: Node, owned: frozenset[str]) -> list[Flow]:
        """Add a recurrent node, and return its outputs: the sequence, the last output, and the cell state."""
        node, name, layer, features = inputs.node, inputs.name, cell.word, cell.features
        assert loops(layer)
        assert features is not None
        backwards = layer.go_backwards
        t, b = (1, 0) if node.value("layout", 0) else (0, 1)
        given = inputs.at(0)
        x = given if isinstance(given, Flow) else Flow(node.reads(0))
        axes = x.axes if x.axes is not None else ((Atom(),), (Atom(),), x.features or (Atom(),))
        x = x.with_axes(axes)
        size = sized(axes[2]) if len(axes) == 3 else None
        if size not in (None, features):
            raise ReasonError(f"its W reads {features:,} features, but its input {shorten(node.reads(0))} has {size:,}")
        if x.root:
            self._entries.setdefault(x.root, features)
        fits = len(axes) == 3 and x.is_features(2) and x.flips <= {axes[t]} and x.batch in (None, axes[b])
        flipped = fits and axes[t] in x.flips
        if flipped and layer.merge_mode is None:
            layer = replace(layer, go_backwards=not layer.go_backwards)
        elif not fits or flipped or x.returns == "vector" or x.time not in (None, axes[t]):
            self._say_order(x)
            x = Flow(self._add(Node(node.reads(0), "rearrangement", None, (self._edge(x),))))
            axes = tuple((Atom(),) for _ in range(3))
        time, batch = axes[t], axes[b]
        self._head(x, time)
        states = dict.fromkeys(flow for index in (4, 5, 6) for flow in flows_in(inputs.at(index)))
        self.owned[name] = owned
        self._add(replace(cell, word=layer, reads=(self._edge(x), *map(self._edge, states))))
        both: Axis = () if layer.merge_mode is None else (Atom(2),)
        units: Axis = (Atom(layer.units),)
        whole = Flow(
            name,
            (batch, time, both, units) if t else (time, both, batch, units),
            features=(*both, *units),
            time=time,
            batch=batch,
            returns="sequence",
            # ONNX returns outputs in the order of time, spec layers in the order in which they read.
            flips=frozenset([time]) if backwards else frozenset(),
            loop=name,
            ends=layer.merge_mode is None,
        )
        last = whole._replace(axes=(batch, both, units) if t else (both, batch, units), returns="vector")
        last = last._replace(flips=frozenset(), ends=False)
        return [whole, last, last._replace(returns="state")]

    def _head(self, read: Flow, time: Axis) -> None:
        """Record an input of the graph as a spec input, if a flow along a time axis comes from one."""
        features, steps = self._entries.get(read.root), (sized(time) or 0) - read.zeros
        if features is not None and max(features, steps) <= MAX_SIZE:
            self._heads.setdefault(read.root, {})[Input(features, steps if sized(time) and steps > 0 else None)] = None

    def _add(self, node: Node) -> str:
        """Add a node under a unique name, and return the name."""
        if node.name in self._found:
            node = replace(node, name=self._named(node.name))
        self._found[node.name] = node
        return node.name

    def _named(self, name: str) -> str:
        """Return a name that no node has."""
        made = ""
        while not made or made in self._found:
            self._names[name] += 1
            made = name if self._names[name] == 1 else f"{name} ({self._names[name]})"
        return made

    def _edge(self, flow: Flow) -> Read:
        """Return the edge of a node that reads a flow."""
        self._read.setdefault(flow.node, set()).add(flow.returns)
        if flow.node == flow.loop:
            self._merges.setdefault(flow.loop, {})[flow.merge] = None
        return _edge_of(flow)

    def _say(self, name: str, text: str) -> None:
        """Add a note on a node that every run prints."""
        self._notes.setdefault(name, {})[Note(f"{name} {text}", "differs")] = None

    def _say_order(self, flow: Flow) -> None:
        """Add a note if a reader of a flow expects time in the opposite order of a spec layer's output."""
        if flow.flipped and flow.returns == "sequence" and flow.loop:
            self._say(flow.loop, _OTHER_ORDER)

    def _ends(self) -> Iterator[Node]:
        """Yield an output node for each node that the graphs return; further outputs get a note."""
        returned: dict[str, Flow] = {}
        for number, (name, flow) in enumerate(self._outputs):
            node = self._found.get(flow.node)
            if node is None or node.word is None:
                continue
            if flow.node not in self._read and flow.node not in returned:
                returned[flow.node] = flow
                if flow.node == flow.loop:
                    self._merges.setdefault(flow.loop, {flow.merge: None})
                self._say_order(flow)
                if flow.half is not None:
                    self._say(flow.node, "returns only one of its two directions in the file; here it returns both")
                if flow.returns == "state":
                    self._say(flow.node, "returns its cell state in the file; here it returns its output")
                yield Node(f"output {number} {name}", "output", None, (_edge_of(flow),))
            elif returned.get(flow.node) != flow:
                states = node.loops and flow.returns != "sequence"
                self._say(flow.node, _RETURNS_STATES if states else "is also an output of the file")

    def _of_states(self) -> set[str]:
        """Return the nodes that only extract initial states of recurrent nodes from the inputs."""
        states: dict[str, bool] = {}
        for node in self._found.values():
            for number, read in enumerate(node.reads or ()):
                states[read.node] = states.get(read.node, True) and number > 0 and node.loops
        for _, flow in self._outputs:
            states[flow.node] = False
        made: set[str] = set()
        for name, node in self._found.items():
            reads = [self._found[read.node] for read in node.reads or () if read.node in self._found]
            inputs = all(read.kind == "input" for read in reads)
            if node.word is None and node.kind in REARRANGING and states.get(name) and inputs:
                made.add(name)
        return made


def _edge_of(flow: Flow) -> Read:
    """Return the edge to a flow. Reading the cell state counts as reading the last output."""
    return Read(flow.node, "vector" if flow.returns == "state" else flow.returns)


def _read_in(graph: GraphProto) -> Iterator[str]:
    """Yield the names of all values that are read in a graph and in graphs nested in it."""
    yield from (each.name or "" for each in graph.output)
    for node in graph.node:
        yield from node.input
        for _, inner in node.graphs:
            yield from _read_in(inner)

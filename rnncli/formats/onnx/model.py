"""`.onnx`: the graph of a model, from which the chain of its layers is read, and its arrays.

The chain is real here: it is followed from input to output, with what the nodes say of activations and directions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.file_reader import opened_regular
from rnncli.formats.model_file import ModelFile
from rnncli.formats.nodes import MAX_PARTS, Note, Part
from rnncli.formats.onnx.cells import KINDS
from rnncli.formats.onnx.file import Parser
from rnncli.formats.onnx.graph import Found, consumed, walk
from rnncli.formats.onnx.nodes import Graph, OnnxFile, Operation
from rnncli.formats.onnx.values import Link, Stream
from rnncli.formats.tensors import Tensor
from rnncli.layers import Embedding, Input

WRITERS = {"pytorch": "PyTorch", "tf2onnx": "tf2onnx", "keras2onnx": "keras2onnx"}
"""Who writes ONNX files, by the names that they give themselves."""

_DECOMPOSED = ("Scan", "Sigmoid", "Tanh", "MatMul", "Gemm", "Split", "Slice")
_SHOWN_KINDS = 8


def read(path: str) -> ModelFile:
    """Return what an ONNX file holds; the numbers of its arrays are not touched.

    Raises:
        RnncliError: it is damaged, or no ONNX model.
    """
    reader = opened_regular(path)
    if not reader.size:
        raise RnncliError("it is empty")
    model = Parser(path, reader).model()
    if sum(1 for _ in islice(_cells(model.graph), MAX_PARTS + 1)) > MAX_PARTS:
        raise RnncliError(f"it has more than {MAX_PARTS:,} recurrent nodes")
    found = walk(model.graph)
    parts: list[Part] = []
    notes: list[str] = []
    used: set[str] = set()
    for graph, inside in _all(model.graph, found):
        _take(graph, inside, {*model.graph.inputs, *graph.inputs}, parts, notes, used)
    notes += _notes(model, found)
    name, _, version = model.writer.partition(" ")
    others = tuple(tensor for tensor in _arrays(model.graph) if tensor.name not in used)
    writer = shorten(f"{WRITERS.get(name, name)} {version}".strip())
    return ModelFile(path, "ONNX", writer, tuple(parts), others, tuple(notes))


def _cells(graph: Graph) -> Iterator[Operation]:
    """Yield the recurrent nodes of a graph, those inside of nodes too."""
    for node in graph.nodes:
        if node.operation in KINDS:
            yield node
        for attribute in node.attributes.values():
            for inner in attribute.graphs:
                yield from _cells(inner)


def _all(graph: Graph, found: Found) -> Iterator[tuple[Graph, Found]]:
    """Yield a graph and all graphs inside of it, with what is found in each."""
    yield graph, found
    for inner, inside in found.inside:
        yield from _all(inner, inside)


def _take(graph: Graph, found: Found, inputs: set[str], parts: list[Part], notes: list[str], used: set[str]) -> None:
    """Add the parts of a graph, the notes on them and on recurrent nodes that are in none, and the arrays used."""
    taken: set[str] = set()
    ends = _Ends(graph, found)
    for stream in _ends(graph, found):
        links = [link for link in stream.links if link.key not in taken]
        # What is left of a chain that branches off from another begins at its first recurrent layer.
        first = next((index for index, link in enumerate(links) if link.layer.states), None)
        if first is None:
            continue
        if len(links) < len(stream.links):
            links = links[first:]
            if links[0].flipped:
                continue
        made = _part(links, found)
        if isinstance(made, str):
            found.reasons.setdefault(links[first if len(links) > first else 0].key, made)
            continue
        parts.append(made)
        root = stream.root if links[0] is stream.links[0] else found.nodes[links[0].key].input(0)
        if root not in inputs:
            notes.append(
                f"{made.name} reads {shorten(root, 80)}, which is no input of the graph: what makes it is left out"
            )
        if not ends.is_output(stream):
            notes.append(f"{made.name} ends before the graph does: its output goes on to {ends.readers(stream)}")
        taken.update(link.key for link in links)
        used.update(name for link in links for name in link.sources)
    for key, node in found.nodes.items():
        if key not in taken:
            reason = found.reasons.get(key) or _unused(node.attributes.get("direction"))
            notes.append(f"{key} ({node.operation}): {reason}")


class _Ends:
    """Where chains end: the values that have the same layers behind them, and what reads these."""

    def __init__(self, graph: Graph, found: Found) -> None:
        self.names: dict[object, list[str]] = {}
        for name, value in found.values.items():
            if isinstance(value, Stream):
                self.names.setdefault(_identity(value), []).append(name)
        self.outputs = {*graph.outputs}
        self.operations: dict[str, list[str]] = {}
        for node in graph.nodes:
            for name in dict.fromkeys(node.inputs):
                self.operations.setdefault(name, []).append(node.operation)

    def is_output(self, stream: Stream) -> bool:
        """Whether the graph returns a value, in whatever order of axes."""
        return any(name in self.outputs for name in self.names[_identity(stream)])

    def readers(self, stream: Stream) -> str:
        """Return the operations that read a value and are no layer behind it."""
        kinds = [kind for name in self.names[_identity(stream)] for kind in self.operations.get(name, ())]
        last = [kind for kind in dict.fromkeys(kinds) if kind not in ("Transpose", "Squeeze", "Unsqueeze", "Shape")]
        return shorten(listed(last[:_SHOWN_KINDS]) if last else "other nodes", 100)


def _identity(stream: Stream) -> object:
    """Return what two values share if they are the same numbers in another order of axes."""
    return tuple((link.key, link.layer) for link in stream.links), stream.half, stream.flipped and not stream.vector


def _unused(direction: object) -> str:
    """Return why a recurrent node that is a layer is in no part."""
    if getattr(direction, "text", "") == "reverse":
        return (
            "it reads time backwards and returns its sequence in the order of time; go_backwards returns it in the "
            "order in which it was read"
        )
    return "neither its sequence nor its last output is used as a layer returns it"


def _ends(graph: Graph, found: Found) -> list[Stream]:
    """Return the streams that a part can end with: long ones first, the graph's outputs before others, later ones."""
    outputs = {name: index for index, name in enumerate(graph.outputs)}
    needed = {*outputs, *consumed(graph)}
    place = {}
    for index, node in enumerate(graph.nodes):
        for number, name in enumerate(node.outputs):
            place[name] = (-index, number)
    streams = [
        (-len(value.links), outputs.get(name, len(outputs)), place.get(name, (0, 0)), name, value)
        for name, value in found.values.items()
        if name in needed and isinstance(value, Stream) and _is_end(value)
    ]
    return [stream for *_, stream in sorted(streams, key=lambda each: each[:4])]


def _is_end(stream: Stream) -> bool:
    recurrent = any(link.layer.states for link in stream.links)
    return recurrent and stream.half is None and (stream.vector or not stream.flipped)


def _part(links: Sequence[Link], found: Found) -> Part | str:
    """Return a part of a chain; if it is no network, the reason."""
    first = next(link for link in links if link.layer.states)
    lead = links[0]
    if isinstance(lead.layer, Embedding):
        head: Embedding | Input = lead.layer
    else:
        reads = next(link.reads for link in links if link.reads)
        try:
            head = Input(reads, found.steps.get(first.key))
        except RnncliError as error:
            return error.message
    assumed = tuple(sentence for link in links for sentence in link.assumed)
    notes = tuple(Note(text, "differs") for text in assumed)
    part = Part(first.key, head, tuple(link.piece for link in links), notes)
    try:
        part.network.summary()
    except RnncliError as error:
        return error.message
    return part


def _notes(model: OnnxFile, found: Found) -> Iterator[str]:
    """Yield what else is worth knowing about a graph."""
    everything = list(_all(model.graph, found))
    left = Counter(name for _, inside in everything for name in inside.left)
    names = {node.name for graph, _ in everything for node in graph.nodes if node.operation in KINDS}
    for name, function in model.functions.items():
        cells = [node.operation for node in function.nodes if node.operation in KINDS]
        if cells:
            yield f"the model's own function {shorten(name)} has {listed(cells)}, which is not followed"
            names.add(name)
    sparse = [shorten(name) for graph, _ in everything for name in graph.sparse]
    if sparse:
        more = len(sparse) - _SHOWN_KINDS
        yield f"sparse arrays are not read: {listed(sparse[:_SHOWN_KINDS])}" + (f" and {more} more" if more > 0 else "")
    kinds = Counter(node.operation for graph, _ in everything for node in graph.nodes)
    if not names and kinds["Scan"] + kinds["Sigmoid"] + kinds["Tanh"] and kinds["MatMul"] + kinds["Gemm"]:
        seen = listed([kind for kind in _DECOMPOSED if kinds[kind]])
        yield (
            f"there is no LSTM, GRU or RNN in its graph, but {seen}: some converters take cells apart into these; save "
            "the model itself, model.save('model.keras') or torch.save(model.state_dict(), 'model.pt')"
        )
    elif left:
        shown = [f"{count} {shorten(kind)}" for kind, count in left.most_common(_SHOWN_KINDS)]
        more = len(left) - len(shown)
        yield f"nodes of other kinds are in no part: {', '.join(shown)}" + (f" and {more} more kinds" if more else "")


def _arrays(graph: Graph) -> Iterator[Tensor]:
    """Yield the arrays of a graph, those inside of nodes too; whole numbers in a row are shapes and axes."""
    constants = [*graph.constants.values()]
    for node in graph.nodes:
        for attribute in node.attributes.values():
            if attribute.constant is not None and node.operation == "Constant":
                made = attribute.constant
                name = made.tensor.name or next(iter(node.outputs), "")
                constants.append(made._replace(tensor=made.tensor._replace(name=name)))
            for inner in attribute.graphs:
                yield from _arrays(inner)
    for constant in constants:
        shape, dtype = constant.tensor.shape, constant.tensor.dtype
        if len(shape) > 1 or (shape and not dtype.startswith(("int", "bool", "string"))):
            yield constant.tensor

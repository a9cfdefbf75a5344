"""`.onnx`: the graph of a model, from which its rows of layers are read, and its arrays.

The rows are real here: they are followed from input to output, with what the nodes say of activations and directions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.file_reader import opened_regular
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Note
from rnncli.formats.onnx.cells import KINDS
from rnncli.formats.onnx.messages import GraphProto, ModelProto, Reader
from rnncli.formats.onnx.walk import Walk
from rnncli.layers.weights import Framework

WRITERS = {"pytorch": "PyTorch", "tf2onnx": "tf2onnx", "keras2onnx": "keras2onnx"}
"""Who writes ONNX files, by the names that they give themselves."""

_DECOMPOSED = ("Scan", "Sigmoid", "Tanh", "MatMul", "Gemm", "Split", "Slice")
_SHOWN = 8


def read(path: str) -> ModelFile:
    """Return what an ONNX file holds; the numbers of its arrays are not touched.

    Raises:
        RnncliError: it is damaged, or no ONNX model.
    """
    file = opened_regular(path)
    model = Reader(file).model()
    if model.graph is None:
        raise RnncliError("it has no graph, so it is no ONNX model")
    walk = Walk(path, file, model)
    producer = model.producer_name or ""
    writer = shorten(f"{WRITERS.get(producer, producer)} {model.producer_version or ''}".strip())
    framework: Framework | None = "torch" if producer == "pytorch" else None
    notes = [*_notes(model, model.graph)]
    made = model_of(path, "ONNX", writer, walk.nodes(), notes=notes, framework=framework)
    # An array may be made of several of the file, and they of it, so they go by the nodes that own them.
    used = {name for part in made.parts for node in part.nodes for name in walk.owned[node.name]}
    return replace(made, others=tuple(tensor for tensor in walk.tensors if tensor.name not in used))


def _notes(model: ModelProto, graph: GraphProto) -> Iterator[Note]:
    """Yield what else is worth knowing of a file."""
    graphs = [*_graphs(graph)]
    kinds = Counter(node.operation for each in graphs for node in each.node)
    cells = [kind for kind in KINDS if kinds[kind]]
    for function in model.functions:
        inside = [node.operation for node in function.node if node.operation in KINDS]
        if inside:
            cells += inside
            name, said = shorten(function.name or ""), listed(inside[:_SHOWN])
            yield Note(f"the model's own function {name} has {said}, which is not followed", "left out")
    sparse = [shorten(each.values.name or "") for one in graphs for each in one.sparse_initializer if each.values]
    if sparse:
        more = f" and {len(sparse) - _SHOWN} more" if len(sparse) > _SHOWN else ""
        yield Note(f"sparse arrays are not read: {listed(sparse[:_SHOWN])}{more}", "left out")
    if not cells and kinds["Scan"] + kinds["Sigmoid"] + kinds["Tanh"] and kinds["MatMul"] + kinds["Gemm"]:
        seen = listed([kind for kind in _DECOMPOSED if kinds[kind]])
        yield Note(
            f"there is no LSTM, GRU or RNN in its graph, but {seen}: some converters take cells apart into these; save "
            "the model itself, model.save('model.keras') or torch.save(model.state_dict(), 'model.pt')",
            "left out",
        )


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and all graphs inside of it."""
    yield graph
    for node in graph.node:
        for _, inner in node.graphs:
            yield from _graphs(inner)

"""Layers as nodes of an ONNX graph, a function for each kind.

In the graph a sequence is (timesteps, batch, features), as ONNX's recurrent operators read it, and a vector is (batch,
features).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.export.onnx_activations import ACTIVATIONS
from rnncli.export.onnx_graph import Graph, array_proto
from rnncli.export.onnx_recurrent import recurrent
from rnncli.formats.onnx.messages import CODES
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Layer, Norm, Pool, Repeat, SimpleRNN
from rnncli.quantities import Shape, features_of

if TYPE_CHECKING:
    from rnncli.export import Arrays


@dataclass(frozen=True)
class Flow:
    """What comes out of the layers so far.

    Attributes:
        value: the name of the value.
        ids: the ids that say which steps count, (timesteps, batch): those that are not 0; empty if all steps count.
    """

    value: str
    ids: str = ""


class LayerParts(NamedTuple):
    """A layer to add to a graph.

    Attributes:
        graph: the graph.
        layer: the layer.
        weights: its weights by Keras's names.
        reads: the shape that it reads.
    """

    graph: Graph
    layer: Any
    weights: Arrays
    reads: Shape


def add_layer(parts: LayerParts, flow: Flow) -> Flow:
    """Add a layer to a graph, and return what comes out of it."""
    return LAYERS[type(parts.layer)](parts, flow)


def _embedding(parts: LayerParts, flow: Flow) -> Flow:
    """Look ids up in the table; with mask_zero, they say which steps count."""
    table = parts.graph.array("embeddings", parts.weights["embeddings"])
    return Flow(parts.graph.node("Gather", table, flow.value), flow.value if parts.layer.mask_zero else "")


def _recurrent(parts: LayerParts, flow: Flow) -> Flow:
    y = recurrent(parts.graph, parts.layer, parts.weights, flow.value, _mask(parts.graph, flow))
    # Keras hands the mask on as it was, also where time is reversed from here on.
    return Flow(y, flow.ids if parts.layer.return_sequences else "")


def _mask(graph: Graph, flow: Flow) -> str:
    """Return which steps count, (timesteps, batch, 1); empty if all do."""
    if not flow.ids:
        return ""

    def make() -> str:
        counts = graph.node("Not", graph.node("Equal", flow.ids, graph.constant(0)))
        return graph.node("Unsqueeze", counts, graph.constant([2]))

    return graph.once("mask", make)


def _dense(parts: LayerParts, flow: Flow) -> Flow:
    """act(x·W + b) for every vector."""
    graph, layer = parts.graph, parts.layer
    y = graph.node("MatMul", flow.value, graph.array("kernel", parts.weights["kernel"]))
    if layer.use_bias:
        y = graph.node("Add", y, graph.array("bias", parts.weights["bias"]))
    return replace(flow, value=ACTIVATIONS[layer.activation](graph, y))


def _norm(parts: LayerParts, flow: Flow) -> Flow:
    """LayerNormalization; where the layer has no scale or no shift, numbers that are no array of the file.

    ONNX must have a scale. It need not have a shift, but there are versions of ONNX Runtime (1.15 and 1.17 among them)
    that end the process where two products follow a norm without one.
    """
    graph, weights, size = parts.graph, parts.weights, features_of(parts.reads)
    scale = graph.array("gamma", weights["gamma"]) if "gamma" in weights else _ones(graph, size)
    shift = graph.array("beta", weights["beta"]) if "beta" in weights else _zeros(graph, size)
    y = graph.node("LayerNormalization", flow.value, scale, shift, axis=-1, epsilon=parts.layer.epsilon)
    return replace(flow, value=y)


def _ones(graph: Graph, size: int) -> str:
    import numpy as np

    one = array_proto("", np.ones(1, "int64"))
    return graph.node("Cast", graph.node("ConstantOfShape", graph.constant([size]), value=one), to=CODES["float32"])


def _zeros(graph: Graph, size: int) -> str:
    return graph.node("ConstantOfShape", graph.constant([size]))


def _repeat(parts: LayerParts, flow: Flow) -> Flow:
    """A vector at every step of a new sequence."""
    vector = parts.graph.node("Unsqueeze", flow.value, parts.graph.constant([0]))
    return Flow(parts.graph.node("Expand", vector, parts.graph.constant([parts.layer.n, 1, 1])))


def _pool(parts: LayerParts, flow: Flow) -> Flow:
    """The largest over time, where padding counts, or the mean, where it does not, as in Keras."""
    return Flow(POOLS[parts.layer.mode](parts.graph, flow))


def _largest(graph: Graph, flow: Flow) -> str:
    return graph.node("ReduceMax", flow.value, graph.constant([0]), keepdims=0)


def _mean(graph: Graph, flow: Flow) -> str:
    if not flow.ids:
        return graph.node("ReduceMean", flow.value, graph.constant([0]), keepdims=0)
    mask = _mask(graph, flow)
    counted = graph.node("Where", mask, flow.value, graph.constant(0.0))
    counts = graph.node("Cast", mask, to=CODES["float32"])
    total, count = (graph.node("ReduceSum", each, graph.constant([0]), keepdims=0) for each in (counted, counts))
    return graph.node("Div", total, count)


POOLS: Mapping[str, Callable[[Graph, Flow], str]] = {"max": _largest, "avg": _mean}
"""What makes one vector of a sequence, by its mode."""


LAYERS: Mapping[type[Layer], Callable[[LayerParts, Flow], Flow]] = {
    Embedding: _embedding,
    SimpleRNN: _recurrent,
    LSTM: _recurrent,
    GRU: _recurrent,
    Dense: _dense,
    Dropout: lambda parts, flow: flow,  # does nothing in a model that is only run
    Norm: _norm,
    Repeat: _repeat,
    Pool: _pool,
}
"""A function for each kind of layer that adds its nodes. An Input needs none."""

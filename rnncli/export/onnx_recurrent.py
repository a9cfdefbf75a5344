"""Recurrent layers in ONNX: its own RNN, GRU and LSTM where they compute what Keras does, else a Scan over the steps.

ONNX's operators read (timesteps, batch, features), and return Y, (timesteps, directions, batch, units), in the order of
time also where they read it backwards, and Y_h, (directions, batch, units). They lack some activations, and a mask:
their sequence_lens leave out the end of a sequence and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rnncli.export.onnx_activations import INSIDE
from rnncli.export.onnx_graph import Graph, Told
from rnncli.export.onnx_scan import composed
from rnncli.formats.conventions import onnx_weights
from rnncli.formats.onnx.cells import KINDS, OnnxActivation
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN

if TYPE_CHECKING:
    from rnncli.export import Arrays

OPERATORS: Mapping[type[Recurrent], str] = {kind.layer: name for name, kind in KINDS.items()}
"""ONNX's operator for each cell."""

TOLD: Mapping[type[Recurrent], Callable[[Any], list[str]]] = {
    SimpleRNN: lambda layer: [layer.activation],
    GRU: lambda layer: [layer.recurrent_activation, layer.activation],
    LSTM: lambda layer: [layer.recurrent_activation, layer.activation, layer.activation],
}
"""The activations of each cell in the order in which its operator is told them; an LSTM's output has one of its own."""

TO_THE_END = -(2**63)
"""Where a slice ends that runs backwards to the first place."""


def recurrent(graph: Graph, layer: Recurrent, weights: Arrays, x: str, mask: str) -> str:
    """Add a recurrent layer to a graph, and return its output.

    Args:
        graph: the graph.
        layer: the layer.
        weights: its weights by Keras's names: `kernel`, `forward/kernel`.
        x: what it reads, (timesteps, batch, features).
        mask: which steps count, (timesteps, batch, 1); empty if all do.
    """
    if mask or not {*TOLD[type(layer)](layer)} <= INSIDE.keys():
        return composed(graph, layer, weights, x, mask)
    return _operator(graph, layer, weights, x)


def _operator(graph: Graph, layer: Recurrent, weights: Arrays, x: str) -> str:
    """Add a layer as one of ONNX's operators."""
    arrays = [graph.array(name, array) for name, array in onnx_weights(layer, weights).items()]
    operator, both = OPERATORS[type(layer)], layer.merge is not None
    told: dict[str, Told] = {"hidden_size": layer.units}
    if both or layer.reverses:
        told["direction"] = "bidirectional" if both else "reverse"
    inside = [INSIDE[name] for name in TOLD[type(layer)](layer)]
    if tuple(each.operation for each in inside) != KINDS[operator].activations:
        told |= _told_activations(inside * len(layer.directions))
    if getattr(layer, "reset_after", False):
        told["linear_before_reset"] = 1
    makes = ("Y",) if layer.return_sequences else ("", "Y_h")
    (y,) = graph.node_of(operator, [x, *arrays], makes, **told)
    axis = 1 if layer.return_sequences else 0  # that of the directions
    if layer.merge is not None:
        return MERGES[layer.merge](graph, y, axis)
    y = graph.node("Squeeze", y, graph.constant([axis]))
    if layer.reverses and layer.return_sequences:
        # Keras returns what it has read last, last.
        ends = [graph.constant([number]) for number in (-1, TO_THE_END, 0, -1)]
        y = graph.node("Slice", y, *ends)
    return y


def _told_activations(inside: list[OnnxActivation]) -> dict[str, Told]:
    """Return what an operator is told of its activations."""
    told: dict[str, Told] = {"activations": [each.operation for each in inside]}
    for name in ("alpha", "beta"):
        numbers = [each.numbers[name].needed for each in inside if name in each.numbers]
        told |= {f"activation_{name}": numbers} if numbers else {}
    return told


def _joined(graph: Graph, y: str, axis: int) -> str:
    """Add the two directions side by side."""
    order = [0, 2, 1, 3] if axis else [1, 0, 2]
    shape = [0, 0, -1] if axis else [0, -1]
    return graph.node("Reshape", graph.node("Transpose", y, perm=order), graph.constant(shape))


def _reduced(operation: str) -> Callable[[Graph, str, int], str]:
    return lambda graph, y, axis: graph.node(operation, y, graph.constant([axis]), keepdims=0)


MERGES: Mapping[str, Callable[[Graph, str, int], str]] = {
    "concat": _joined,
    "sum": _reduced("ReduceSum"),
    "mul": _reduced("ReduceProd"),
    "ave": _reduced("ReduceMean"),
}
"""How the two directions of an operator's output become one, given their axis."""

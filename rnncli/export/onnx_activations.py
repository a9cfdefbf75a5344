"""The activations in ONNX: as nodes, and as what its recurrent operators can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnncli.export.onnx_graph import Graph, Told
from rnncli.formats.onnx.cells import BY_WORD, OnnxActivation


def _node(activation: OnnxActivation, **told: Told) -> Callable[[Graph, str], str]:
    """Return what adds an activation as a node. Numbers that no cell is told are the usual ones."""
    numbers = {name: number.needed for name, number in activation.numbers.items() if activation.in_cells}
    return lambda graph, x: graph.node(activation.operation, x, **{**numbers, **told})


ACTIVATIONS: Mapping[str, Callable[[Graph, str], str]] = {
    **{word: _node(activation) for word, activation in BY_WORD.items()},
    "linear": lambda graph, x: x,
    "silu": lambda graph, x: graph.node("Mul", x, graph.node("Sigmoid", x)),  # older than its own operator
    "softmax": _node(BY_WORD["softmax"], axis=-1),
}
"""A function for each activation that adds its nodes for a value, and returns what they make of it."""

INSIDE: Mapping[str, OnnxActivation] = {
    word: activation for word, activation in BY_WORD.items() if activation.in_cells and word != "softplus"
}
"""The activations that recurrent operators can be told; selu, gelu, silu and softmax they lack.

They know Softplus too, but there ONNX Runtime computes log(1 + exp(x)) as it stands, which is infinite from 89 on.
"""

"""The activations in ONNX: as nodes, and as what its recurrent operators can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from rnncli.export.onnx_graph import Graph, Told


def _node(operation: str, **told: Told) -> Callable[[Graph, str], str]:
    return lambda graph, x: graph.node(operation, x, **told)


ACTIVATIONS: Mapping[str, Callable[[Graph, str], str]] = {
    "linear": lambda graph, x: x,
    "relu": _node("Relu"),
    "tanh": _node("Tanh"),
    "sigmoid": _node("Sigmoid"),
    "hard_sigmoid": _node("HardSigmoid", alpha=1 / 6, beta=0.5),
    "softsign": _node("Softsign"),
    "softplus": _node("Softplus"),
    "elu": _node("Elu", alpha=1.0),
    "selu": _node("Selu"),
    "gelu": _node("Gelu"),
    "silu": lambda graph, x: graph.node("Mul", x, graph.node("Sigmoid", x)),
    "softmax": _node("Softmax", axis=-1),
}
"""A function for each activation that adds its nodes for a value, and returns what they make of it."""


class Inside(NamedTuple):
    """An activation as RNN, GRU and LSTM are told it.

    Attributes:
        name: its name there.
        alpha: the first number that it takes; None if it takes none.
        beta: the second.
    """

    name: str
    alpha: float | None = None
    beta: float | None = None


INSIDE: Mapping[str, Inside] = {
    "linear": Inside("Affine", 1.0, 0.0),
    "relu": Inside("Relu"),
    "tanh": Inside("Tanh"),
    "sigmoid": Inside("Sigmoid"),
    "hard_sigmoid": Inside("HardSigmoid", 1 / 6, 0.5),
    "softsign": Inside("Softsign"),
    "elu": Inside("Elu", 1.0),
}
"""The activations that recurrent operators can be told; selu, gelu, silu and softmax they lack.

They know Softplus too, but there ONNX Runtime computes log(1 + exp(x)) as it stands, which is infinite from 89 on.
"""

"""The activations: their names, their fields in a spec, their formulas and their PyTorch modules."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from kinds.base import Option, torch
from rnncli.engine.activations import Array


def activation(default: str, usual: tuple[str, ...] = ()) -> Option:
    """Return the option `act`, whose name may be typed without a key."""
    return Option({name: (name, f"act={name}") for name in _first(default)}, usual)


def gate_activation(default: str, usual: tuple[str, ...] = ()) -> Option:
    """Return the option `recact`, whose name needs the key."""
    return Option({name: (f"recact={name}",) for name in _first(default)}, usual)


def _first(default: str) -> list[str]:
    return sorted(ACTIVATIONS, key=lambda name: name != default)


def sigmoid(x: Array) -> Array:
    return np.array([1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in x])


TEXTBOOK: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.where(x > 0, x, 0),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
    "softsign": lambda x: x / (abs(x) + 1),
    "softplus": lambda x: np.array([math.log1p(math.exp(-abs(v))) + max(v, 0) for v in x]),
    "elu": lambda x: np.array([v if v > 0 else math.exp(v) - 1 for v in x]),
    "selu": lambda x: (
        1.0507009873554805 * np.array([v if v > 0 else 1.6732632423543772 * (math.exp(v) - 1) for v in x])
    ),
    "gelu": lambda x: np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x]),
    "silu": lambda x: x * sigmoid(x),
    "softmax": lambda x: np.exp(x - max(x)) / sum(np.exp(x - max(x))),
}
ACTIVATIONS = tuple(TEXTBOOK)

TORCH = {"linear": "Identity", "hard_sigmoid": "Hardsigmoid"} | {
    name.lower(): name
    for name in ("ReLU", "Tanh", "Sigmoid", "Softsign", "Softplus", "ELU", "SELU", "GELU", "SiLU", "Softmax")
}
"""PyTorch's modules."""


def torch_activation(name: str) -> torch.nn.Module:
    """Return PyTorch's module."""
    arguments = {"dim": -1} if name == "softmax" else {}
    return getattr(torch.nn, TORCH[name])(**arguments)

"""The type of the engine's arrays; and the activations, as defined by Keras 3.

Each activation reads `x`, (..., units, batch), and writes to `out`, which has the same shape and may be `x` itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and dtype. (The same as numpy.typing.NDArray, which takes time to import.)"""

Activation = Callable[[Array, Array], object]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _sigmoid(x: Array, out: Array) -> Array:
    # 1 / (1 + exp(-x)), without overflow.
    np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out


def _hard_sigmoid(x: Array, out: Array) -> None:
    np.divide(x, 6, out=out)
    out += 0.5
    np.clip(out, 0, 1, out=out)


def _elu(x: Array, out: Array, alpha: float = 1.0) -> None:
    np.copyto(out, np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))))


def _selu(x: Array, out: Array) -> None:
    _elu(x, out, _SELU_ALPHA)
    out *= _SELU_SCALE


def _gelu(x: Array, out: Array) -> None:
    # NumPy has no error function. Python's is exact, but slow, because it takes one number at a time.
    scaled = (x / math.sqrt(2)).ravel()
    erf = np.fromiter(map(math.erf, scaled.tolist()), x.dtype, count=x.size).reshape(x.shape)
    np.multiply(x, 0.5 * (1 + erf), out=out)


def _softmax(x: Array, out: Array) -> None:
    np.subtract(x, x.max(axis=-2, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=-2, keepdims=True)


ACTIVATION_FUNCTIONS: dict[str, Activation] = {
    "linear": lambda x, out: None if out is x else np.copyto(out, x),
    "relu": lambda x, out: np.maximum(x, 0, out=out),
    "tanh": lambda x, out: np.tanh(x, out=out),
    "sigmoid": _sigmoid,
    "hard_sigmoid": _hard_sigmoid,
    "softsign": lambda x, out: np.divide(x, 1 + np.abs(x), out=out),
    "softplus": lambda x, out: np.logaddexp(x, np.zeros((), x.dtype), out=out),
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": lambda x, out: np.multiply(x, _sigmoid(x, np.empty_like(x)), out=out),
    "softmax": _softmax,
}

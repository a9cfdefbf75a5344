"""The activations, as Keras 3 defines them.

Each takes `x`, (..., units, batch), and writes to `out`, which has the same shape and may be `x` itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from rnncli.engine.types import Array

Activation = Callable[[Array, Array], None]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _linear(x: Array, out: Array) -> None:
    if out is not x:
        np.copyto(out, x)


def _relu(x: Array, out: Array) -> None:
    np.maximum(x, 0, out=out)


def _tanh(x: Array, out: Array) -> None:
    np.tanh(x, out=out)


def _sigmoid(x: Array, out: Array) -> None:
    # 1 / (1 + exp(-x)), written so that nothing overflows.
    np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5


def _hard_sigmoid(x: Array, out: Array) -> None:
    np.divide(x, 6, out=out)
    out += 0.5
    np.clip(out, 0, 1, out=out)


def _softsign(x: Array, out: Array) -> None:
    np.divide(x, 1 + np.abs(x), out=out)


def _softplus(x: Array, out: Array) -> None:
    np.logaddexp(x, np.zeros((), x.dtype), out=out)


def _elu(x: Array, out: Array) -> None:
    np.copyto(out, np.where(x > 0, x, np.expm1(np.minimum(x, 0))))


def _selu(x: Array, out: Array) -> None:
    np.copyto(out, np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))))
    out *= _SELU_SCALE


def _gelu(x: Array, out: Array) -> None:
    # NumPy has no error function. Python's takes one number at a time: exact, but slow.
    scaled = (x / math.sqrt(2)).ravel()
    erf = np.fromiter(map(math.erf, scaled.tolist()), x.dtype, count=x.size).reshape(x.shape)
    np.multiply(x, 0.5 * (1 + erf), out=out)


def _silu(x: Array, out: Array) -> None:
    gate = np.empty_like(x)
    _sigmoid(x, gate)
    np.multiply(x, gate, out=out)


def _softmax(x: Array, out: Array) -> None:
    np.subtract(x, x.max(axis=-2, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=-2, keepdims=True)


ACTIVATION_FUNCTIONS: dict[str, Activation] = {
    "linear": _linear,
    "relu": _relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "hard_sigmoid": _hard_sigmoid,
    "softsign": _softsign,
    "softplus": _softplus,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": _silu,
    "softmax": _softmax,
}

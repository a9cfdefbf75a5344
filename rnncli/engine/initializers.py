"""First values of weights: Keras's default initialisers, and the textbook's U[0, 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnncli.engine.types import Array
from rnncli.layers.weights import Weight
from rnncli.network import Network

Initializer = Callable[[np.random.Generator, tuple[int, ...], np.dtype[Any]], Array]

INITS = ("keras", "uniform")


def initial_weights(network: Network, seed: int, dtype: np.dtype[Any], init: str) -> dict[str, Array]:
    """Return a network's weights by key (`simple_rnn/kernel`); the same seed gives the same bytes.

    Every weight has a random stream of its own, so it does not change when another layer does.

    Args:
        network: the network.
        seed: a whole number from 0.
        dtype: float32 or float64.
        init: `keras` for Keras's defaults, `uniform` for U[0, 1) throughout.
    """
    weights: dict[str, Array] = {}
    for layer, (key, weight) in network_weights(network):
        generator = random_stream(seed, layer + 1, len(weights))
        name = "uniform_0_1" if init == "uniform" else weight.initializer
        weights[key] = INITIALIZERS[str(name)](generator, weight.shape, dtype)
    return weights


def network_weights(network: Network) -> list[tuple[int, tuple[str, Weight]]]:
    """Return (index of the layer, (key, weight)) for every weight that Keras keeps, in Keras's order."""
    return [
        (index, (f"{name}/{weight.name}", weight))
        for index, (name, layer, (reads, _)) in enumerate(
            zip(network.names, network.body, network.shapes(), strict=True)
        )
        for weight in layer.weights(reads)
    ]


def random_stream(seed: int, *key: int) -> np.random.Generator:
    """Return a generator for one purpose; streams of different keys are independent."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _uniform(limit: float) -> Initializer:
    def draw(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        values: Array = generator.random(shape, dtype=dtype)
        values *= 2 * limit
        values -= limit
        return values

    return draw


def _uniform_0_1(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return generator.random(shape, dtype=dtype)


def _glorot_uniform(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Glorot and Bengio, 2010: U[-a, a) with a = sqrt(6 / (inputs + outputs))."""
    return _uniform(float(np.sqrt(6 / sum(shape))))(generator, shape, dtype)


def _orthogonal(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Saxe et al., 2014: the Q of a normal matrix A = Q·R with a positive diagonal of R.

    It is found by Cholesky's decomposition, AᵀA = L·Lᵀ and Q = A·L⁻ᵀ, which is matrix products for the most part
    and several times as fast as Householder's. A tall A is well conditioned and needs it once; a square one may not
    be, and a second pass takes Q to the last bits (Yamamoto et al., 2015).
    """
    rows, columns = max(shape), min(shape)
    q = generator.standard_normal((rows, columns))
    for _ in range(2 if rows == columns else 1):
        q = np.linalg.solve(np.linalg.cholesky(q.T @ q), q.T).T
    return np.ascontiguousarray(q.T if shape[0] < shape[1] else q, dtype)


def _zeros(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    del generator
    return np.zeros(shape, dtype)


def _unit_forget_bias(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Jozefowicz et al., 2015: an LSTM that remembers at first. The gates are i, f, c, o."""
    bias = _zeros(generator, shape, dtype)
    units = shape[0] // 4
    bias[units : 2 * units] = 1
    return bias


INITIALIZERS: dict[str, Initializer] = {
    "uniform": _uniform(0.05),
    "uniform_0_1": _uniform_0_1,
    "glorot_uniform": _glorot_uniform,
    "orthogonal": _orthogonal,
    "zeros": _zeros,
    "unit_forget_bias": _unit_forget_bias,
}

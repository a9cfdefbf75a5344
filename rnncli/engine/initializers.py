"""Initial weights: the default initialisers of Keras and PyTorch, and the textbook's U[0, 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.request import Init
from rnncli.formats.conventions import keras_weights
from rnncli.layers.weights import UNIFORM_LIMIT, Framework, Weight, fans, glorot_limit, start
from rnncli.network import Network

Initializer = Callable[[np.random.Generator, tuple[int, ...], np.dtype[Any]], Array]
"""Draws an array of the given shape and dtype from the generator."""


def initial_weights(network: Network, seed: int, dtype: np.dtype[Any], init: Init) -> dict[str, Array]:
    """Return a network's initial weights by Keras's keys (`simple_rnn/kernel`). The same seed gives the same bytes.

    Every weight has its own random stream, so that it does not depend on the sizes of other weights. PyTorch's weights
    are drawn in its own layout, then converted to Keras's: two biases are added up where Keras has one.
    """
    framework: Framework = "torch" if init == "torch" else "keras"
    weights: dict[str, Array] = {}
    drawn = 0
    layers = zip(network.names, network.body, network.shapes(), strict=True)
    for place, (name, layer, (reads, _)) in enumerate(layers, start=1):
        arrays: dict[str, Array] = {}
        for weight in layer.weights(reads, framework):
            draw = DRAWINGS[init](weight)
            arrays[weight.name.replace("_l0", "")] = draw(random_stream(seed, place, drawn), weight.shape, dtype)
            drawn += 1
        weights |= {f"{name}/{key}": array for key, array in keras_weights(layer, framework, arrays).items()}
        # Some arrays are weights in only one framework, but start with the same values in the other.
        for weight in [each for each in layer.weights(reads) if f"{name}/{each.name}" not in weights]:
            stream = random_stream(seed, place, drawn)
            weights[f"{name}/{weight.name}"] = DRAWINGS["keras"](weight)(stream, weight.shape, dtype)
    return weights


def network_weights(network: Network) -> dict[str, Weight]:
    """Return the declarations of a network's weights, by key (`simple_rnn/kernel`), in Keras's order."""
    layers = zip(network.names, network.weights(), strict=True)
    return {f"{name}/{weight.name}": weight for name, own in layers for weight in own}


def random_stream(seed: int, *key: int) -> np.random.Generator:
    """Return a random generator; generators for different seeds or keys are independent."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _uniform(limit: float) -> Initializer:
    def draw(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        values: Array = generator.random(shape, dtype=dtype)
        values *= 2 * limit
        values -= limit
        return values

    return draw


def _orthogonal(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Saxe et al., 2014: the Q of A = Q·R, where A is a normal random matrix and R has a positive diagonal.

    It is computed by a Cholesky decomposition: AᵀA = L·Lᵀ and Q = A·L⁻ᵀ. That consists mainly of matrix products, and
    is several times as fast as Householder's method. One pass is enough for a tall A, which is well conditioned. A
    square A may not be; a second pass makes its Q exact to the last bits (Yamamoto et al., 2015).
    """
    rows, columns = max(shape), min(shape)
    q = generator.standard_normal((rows, columns))
    for _ in range(2 if rows == columns else 1):
        q = np.linalg.solve(np.linalg.cholesky(q.T @ q), q.T).T
    return np.ascontiguousarray(q.T if shape[0] < shape[1] else q, dtype)


def _unit_forget_bias(_generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Jozefowicz et al., 2015: zeros, with ones for the forget gate so that an untrained LSTM remembers.

    The order of the gates is i, f, c, o.
    """
    bias = np.zeros(shape, dtype)
    units = shape[0] // 4
    bias[units : 2 * units] = 1
    return bias


def _padded_normal(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    table = generator.standard_normal(shape, dtype)
    table[0] = 0
    return table


def _of_pytorch(weight: Weight) -> Initializer:
    """Return PyTorch's initialiser of a weight, which is mostly uniform within a bound that depends on the weight."""
    limit = start(weight).limit
    return INITIALIZERS[str(weight.initializer)] if limit is None else _uniform(limit)


INITIALIZERS: dict[str, Initializer] = {
    "uniform": _uniform(UNIFORM_LIMIT),
    # Glorot and Bengio, 2010: U[-a, a) with a = sqrt(6 / (inputs + outputs)).
    "glorot_uniform": lambda generator, shape, dtype: _uniform(glorot_limit(*fans(shape)))(generator, shape, dtype),
    "orthogonal": _orthogonal,
    "zeros": lambda generator, shape, dtype: np.zeros(shape, dtype),
    "ones": lambda generator, shape, dtype: np.ones(shape, dtype),
    "unit_forget_bias": _unit_forget_bias,
    "normal": lambda generator, shape, dtype: generator.standard_normal(shape, dtype),
    "padded_normal": _padded_normal,
}
"""The frameworks' initialisers, by the names used in weight declarations."""


DRAWINGS: dict[Init, Callable[[Weight], Initializer]] = {
    "keras": lambda weight: INITIALIZERS[str(weight.initializer)],
    "torch": _of_pytorch,
    "uniform": lambda weight: np.random.Generator.random,
}
"""The function for each init that returns a weight's initialiser."""

VECTORS: dict[Init, Initializer] = {
    "keras": INITIALIZERS["normal"],
    "torch": INITIALIZERS["normal"],
    "uniform": np.random.Generator.random,
}
"""The initialiser for each init that draws a random input of vectors."""

"""The forward pass as a textbook writes it: one sample, one timestep, one line of the equations at a time.

Slow and obviously correct; the engine is checked against it. Rows, Keras's weights as they are, float64 throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from rnncli import Network
from rnncli.engine.types import Array
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, Layer, Recurrent

Activation = Callable[[Array], Array]


def sigmoid(x: Array) -> Array:
    return np.array([1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in x])


ACTIVATIONS: dict[str, Activation] = {
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


def run(network: Network, weights: Mapping[str, Array], x: Array) -> Array:
    """Return the output of a network for a batch."""
    return np.array([run_sample(network, weights, sample) for sample in x])


def run_sample(network: Network, weights: Mapping[str, Array], x: Array) -> Array:
    mask = [True] * len(x)
    for name, layer in zip(network.names, network.body, strict=True):
        own = {
            key.removeprefix(f"{name}/"): np.asarray(array, np.float64)
            for key, array in weights.items()
            if key.startswith(f"{name}/")
        }
        if isinstance(layer, Embedding) and layer.mask_zero:
            mask = [bool(id_ != 0) for id_ in x]
        x = run_layer(layer, own, x, mask)
    return x


def run_layer(layer: Layer, weights: Mapping[str, Array], x: Array, mask: list[bool]) -> Array:
    if isinstance(layer, Input | Dropout):
        return x
    if isinstance(layer, Embedding):
        return np.array([weights["embeddings"][id_] for id_ in x])
    if isinstance(layer, Dense):
        bias = weights.get("bias", 0)
        activation = ACTIVATIONS[layer.activation]
        return np.array([activation(row @ weights["kernel"] + bias) for row in np.atleast_2d(x)]).reshape(
            *x.shape[:-1], layer.units
        )
    assert isinstance(layer, Recurrent)
    if layer.merge_mode is None:
        if layer.go_backwards:
            return run_direction(layer, weights, x[::-1], mask[::-1], zero_masked=False)
        return run_direction(layer, weights, x, mask, zero_masked=False)
    zero = layer.return_sequences
    forward = run_direction(layer, under(weights, "forward/"), x, mask, zero)
    backward = run_direction(layer, under(weights, "backward/"), x[::-1], mask[::-1], zero)
    if layer.return_sequences:
        backward = backward[::-1]
    return {
        "concat": lambda: np.concatenate([forward, backward], axis=-1),
        "sum": lambda: forward + backward,
        "mul": lambda: forward * backward,
        "ave": lambda: (forward + backward) / 2,
    }[layer.merge_mode]()


def run_direction(
    layer: Recurrent, weights: Mapping[str, Array], x: Array, mask: list[bool], zero_masked: bool
) -> Array:
    h = np.zeros(layer.units)
    c = np.zeros(layer.units)
    outputs = []
    for x_t, counts in zip(x, mask, strict=True):
        if counts:
            h, c = step(layer, weights, x_t, h, c)
        outputs.append(h if counts or not zero_masked else np.zeros(layer.units))
    return np.array(outputs) if layer.return_sequences else h


def step(layer: Recurrent, weights: Mapping[str, Array], x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    W, U = weights["kernel"], weights["recurrent_kernel"]
    b = weights.get("bias", np.zeros(W.shape[1]))
    act = ACTIVATIONS[layer.activation]
    if isinstance(layer, LSTM):
        gate = ACTIVATIONS[layer.recurrent_activation]
        z_i, z_f, z_c, z_o = np.split(x @ W + h @ U + b, 4)
        c = gate(z_f) * c + gate(z_i) * act(z_c)
        return gate(z_o) * act(c), c
    if isinstance(layer, GRU):
        gate = ACTIVATIONS[layer.recurrent_activation]
        b_input, b_recurrent = b if b.ndim == 2 else (b, np.zeros_like(b))
        x_z, x_r, x_h = np.split(x @ W + b_input, 3)
        h_z, h_r, h_h = np.split(h @ U + b_recurrent, 3)
        z, r = gate(x_z + h_z), gate(x_r + h_r)
        reset = r * h_h if layer.reset_after else (r * h) @ np.split(U, 3, axis=1)[2]
        return z * h + (1 - z) * act(x_h + reset), c
    return act(x @ W + h @ U + b), c


def under(weights: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {key.removeprefix(prefix): array for key, array in weights.items() if key.startswith(prefix)}

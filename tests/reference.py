"""The textbook's forward pass: one sample, one timestep, one line of the equations at a time.

It is slow and obviously correct, and the engine is checked against it. It uses rows, Keras's weights unchanged, and
float64 throughout. Each kind's formula is in its file in `tests/kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from kinds import kind_of
from kinds.base import Sample
from kinds.recurrent import under

from rnncli import Network
from rnncli.engine.activations import Array
from rnncli.engine.checks import weight_shapes


def run(network: Network, weights: Mapping[str, Array], x: Array) -> Array:
    """Return the output of a network for a batch."""
    return np.array([run_sample(network, weights, sample) for sample in x])


def run_sample(network: Network, weights: Mapping[str, Array], x: Array) -> Array:
    """Return the output of a network for one sample."""
    sample = Sample(x) if network.head.shown else kind_of(network.head).textbook(network.head, {}, Sample(x))
    for name, layer in zip(network.names, network.body, strict=True):
        own = {key: np.asarray(array, np.float64) for key, array in under(weights, f"{name}/").items()}
        sample = kind_of(layer).textbook(layer, own, sample)
    return sample.values


def random_weights(network: Network, seed: int = 1, scale: float = 0.6) -> dict[str, Array]:
    """Return weights with nonzero biases, so that a forgotten bias shows."""
    generator = np.random.default_rng(seed)
    drawn = {key: generator.normal(0, scale, shape) for key, shape in weight_shapes(network).items()}
    return {key: array**2 if key.endswith("variance") else array for key, array in drawn.items()}

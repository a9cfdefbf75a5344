"""The forward pass as a textbook writes it: one sample, one timestep, one line of the equations at a time.

Slow and obviously correct; the engine is checked against it. Rows, Keras's weights as they are, float64 throughout.
The formula of each kind stands in its file in `tests/kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from kinds import kind_of
from kinds.base import Sample

from rnncli import Network
from rnncli.engine.types import Array


def run(network: Network, weights: Mapping[str, Array], x: Array) -> Array:
    """Return the output of a network for a batch."""
    return np.array([run_sample(network, weights, sample) for sample in x])


def run_sample(network: Network, weights: Mapping[str, Array], x: Array) -> Array:
    """Return the output of a network for one sample."""
    sample = Sample(x)
    for name, layer in zip(network.names, network.body, strict=True):
        own = {
            key.removeprefix(f"{name}/"): np.asarray(array, np.float64)
            for key, array in weights.items()
            if key.startswith(f"{name}/")
        }
        sample = kind_of(layer).textbook(layer, own, sample)
    return sample.values

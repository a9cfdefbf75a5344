"""Inputs in chunks: cut from an array, or random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnncli.engine.checks import check_ids
from rnncli.engine.chunks import Chunk
from rnncli.engine.initializers import DRAWINGS, random_stream
from rnncli.engine.request import Init
from rnncli.engine.types import Array
from rnncli.network import Network
from rnncli.quantities import features_of


def array_chunks(network: Network, x: Array, steps: int, dtype: np.dtype[Any]) -> Iterator[Chunk]:
    """Yield an input array, (batch, timesteps[, features]), in chunks of `steps` timesteps. Vectors become `dtype`.

    Raises:
        ArgumentError: an id is outside the vocabulary.
    """
    for start in range(0, x.shape[1], steps):
        yield chunk_of(network, x[:, start : start + steps], start, dtype)


def chunk_of(network: Network, part: Array, start: int, dtype: np.dtype[Any]) -> Chunk:
    """Return some timesteps of an input, (batch, timesteps[, features]), the first of them timestep `start`."""
    vocabulary = network.head.vocabulary
    if vocabulary is None:
        return Chunk(np.ascontiguousarray(part.transpose(1, 2, 0), dtype))
    ids = np.ascontiguousarray(part.T)
    check_ids(ids, vocabulary, start)
    return Chunk(ids)


def random_chunks(
    network: Network, batch: int, timesteps: int, steps: int, seed: int, init: Init, dtype: np.dtype[Any]
) -> Iterator[Chunk]:
    """Yield a random input in chunks of `steps` timesteps. The values do not depend on `steps`.

    Ids are uniform in the vocabulary. Vectors are drawn as `init` says: keras N(0, 1), uniform U[0, 1).
    """
    generator = random_stream(seed, 0)
    vocabulary = network.head.vocabulary
    for start in range(0, timesteps, steps):
        count = min(steps, timesteps - start)
        # Time is the first axis, so the numbers are drawn in the order of time, wherever the chunks are cut.
        if vocabulary is None:
            shape = (count, features_of(network.input_shape()), batch)
            yield Chunk(DRAWINGS[init].vectors(generator, shape, dtype))
        else:
            yield Chunk(generator.integers(0, vocabulary, (count, batch), np.int32))

"""Random inputs, made chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnncli.engine.chunks import Chunk
from rnncli.engine.initializers import random_stream
from rnncli.network import Network


def random_chunks(
    network: Network, batch: int, timesteps: int, steps: int, seed: int, init: str, dtype: np.dtype[Any]
) -> Iterator[Chunk]:
    """Yield a random input in chunks of `steps` timesteps; the values do not depend on `steps`.

    Ids are uniform in the vocabulary. Vectors are normal, N(0, 1), or with `init` uniform U[0, 1), as in the
    textbook loop.
    """
    generator = random_stream(seed, 0)
    vocabulary = network.head.vocabulary
    features = network.input_shape()[-1]
    for start in range(0, timesteps, steps):
        count = min(steps, timesteps - start)
        # Drawn time first, so that a stream cut anywhere goes on where it was.
        if vocabulary is not None:
            yield Chunk(generator.integers(0, vocabulary, (count, batch), np.int32))
        elif init == "uniform":
            yield Chunk(generator.random((count, features or 1, batch), dtype))
        else:
            yield Chunk(generator.standard_normal((count, features or 1, batch), dtype))

"""A sequence in chunks of time, in columns: how long a chunk should be, and whole sequences made of chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from rnncli.engine.types import Array
from rnncli.network import Network

ChunkSteps = Callable[[int], int]
"""Says how many timesteps a chunk should have, given the number of samples: `chunk_steps` for one network."""

CHUNK_NUMBERS = 1 << 17
"""About how many numbers one layer should handle in a chunk: so many still fit in the processor's cache."""

LEAST_STEPS = 16
"""The fewest timesteps of a chunk, so that starting a chunk costs little beside its steps."""


class Chunk(NamedTuple):
    """Some timesteps of a sequence, in columns. Its arrays may be overwritten once the next chunk is asked for.

    Attributes:
        values: (timesteps, features, batch), or ids (timesteps, batch). A layer that returns a vector passes on one
            chunk of one timestep.
        mask: (timesteps, batch), False where a step is padding; None if no step is.
    """

    values: Array
    mask: Array | None = None


class WholeSequence(NamedTuple):
    """A whole sequence, and the length of the chunks it came in.

    Attributes:
        values: (timesteps, features, batch).
        mask: (timesteps, batch), or None if no step is padding.
        steps: the number of timesteps in a chunk.
    """

    values: Array
    mask: Array | None
    steps: int

    def forwards(self) -> Iterator[Chunk]:
        """Yield the sequence in chunks."""
        for start in range(0, len(self.values), self.steps):
            part = slice(start, start + self.steps)
            yield Chunk(self.values[part], None if self.mask is None else self.mask[part])

    def backwards(self) -> Iterator[Chunk]:
        """Yield the sequence in chunks, from its last timestep to its first."""
        mask = None if self.mask is None else self.mask[::-1]
        return WholeSequence(self.values[::-1], mask, self.steps).forwards()


def chunk_steps(width: int, batch: int) -> int:
    """Return how many timesteps a chunk should have, for a network of that width (see `widest`) and a batch.

    The length of the sequence does not matter, so memory does not grow with it.
    """
    return max(LEAST_STEPS, CHUNK_NUMBERS // (batch * width))


def widest(network: Network) -> int:
    """Return the width of a network: the most numbers that one of its layers reads and returns for a timestep."""
    return max((sum(shape[-1] or 0 for shape in pair) for pair in network.shapes()), default=1)


def whole_of(parts: list[Chunk]) -> WholeSequence:
    """Return the whole sequence that chunks are parts of."""
    values = np.concatenate([x for x, _ in parts]) if len(parts) > 1 else parts[0].values
    mask = None
    if any(part.mask is not None for part in parts):
        every_step = np.ones(parts[0].values.shape[::2], bool)
        mask = np.concatenate([every_step[: len(x)] if some is None else some for x, some in parts])
    return WholeSequence(values, mask, len(parts[0].values))


def last_of(chunks: Iterable[Chunk]) -> Array:
    """Return the last timestep of a sequence, (1, features, batch)."""
    for chunk in chunks:
        last = chunk.values[-1:]
    return last.copy()


def copy_into(chunks: Iterable[Chunk], out: Array) -> None:
    """Copy a sequence in chunks into an array, (timesteps, features, batch)."""
    start = 0
    for values, _ in chunks:
        out[start : start + len(values)] = values
        start += len(values)

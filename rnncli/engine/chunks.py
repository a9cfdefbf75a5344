"""A sequence in chunks of time, in columns: how long they should be, inputs cut into them, sequences made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from rnncli.engine.checks import check_ids
from rnncli.engine.initializers import VECTORS, random_stream
from rnncli.engine.request import Init
from rnncli.engine.types import Array
from rnncli.network import Network
from rnncli.quantities import features_of

CHUNK_NUMBERS = 1 << 17
"""About how many numbers one layer should handle in a chunk: so many still fit in the processor's cache."""

LEAST_STEPS = 16
"""The fewest timesteps of a chunk, so that starting a chunk costs little beside its steps."""


class Chunk(NamedTuple):
    """Some timesteps of a sequence, in columns. Its arrays may be overwritten once the next chunk is asked for.

    Attributes:
        values: (timesteps, features, batch), or ids (timesteps, batch). A layer that returns a vector passes on one
            chunk of one timestep. Where it has fewer samples than the chunk before, the sequences of the others, which
            stood behind these, have ended.
        mask: (timesteps, batch), False where a step is padding; None if no step is.
    """

    values: Array
    mask: Array | None = None


class WholeSequence(NamedTuple):
    """A whole sequence, and the chunks it came in.

    Attributes:
        values: (timesteps, features, batch).
        mask: (timesteps, batch), or None if no step is padding.
        cuts: the timesteps of each chunk, and how many samples have not ended there.
    """

    values: Array
    mask: Array | None
    cuts: Sequence[tuple[slice, int]]

    @classmethod
    def of(cls, parts: Sequence[Chunk]) -> WholeSequence:
        """Return the whole sequence that chunks are parts of."""
        ends = [*accumulate(len(part.values) for part in parts)]
        cuts = [(slice(end - len(x), end), x.shape[-1]) for end, (x, _) in zip(ends, parts, strict=True)]
        if len(parts) == 1:
            return cls(*parts[0], cuts)
        values = np.empty((ends[-1], *parts[0].values.shape[1:]), parts[0].values.dtype)
        mask = np.ones(values.shape[::2], bool) if any(part.mask is not None for part in parts) else None
        for (times, width), part in zip(cuts, parts, strict=True):
            values[times, :, :width] = part.values
            if mask is not None and part.mask is not None:
                mask[times, :width] = part.mask
        return cls(values, mask, cuts)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the sequence in chunks."""
        for times, width in self.cuts:
            yield Chunk(self.values[times, :, :width], None if self.mask is None else self.mask[times, :width])

    def turned(self) -> WholeSequence:
        """Return it with each sample from its own last timestep to its first."""
        widths = [width for _, width in self.cuts]

        def turned(array: Array) -> Array:
            if widths[-1] == widths[0]:
                return array[::-1]
            made = np.empty_like(array)
            for (times, width), left in zip(self.cuts, [*widths[1:], 0], strict=True):
                made[: times.stop, ..., left:width] = array[: times.stop, ..., left:width][::-1]
            return made

        return self._replace(values=turned(self.values), mask=None if self.mask is None else turned(self.mask))


def chunk_steps(network: Network, batch: int) -> int:
    """Return how many timesteps a chunk should have, for a network and the number of samples.

    The length of the sequence does not matter, so memory does not grow with it.
    """
    widest = max((sum(shape[-1] or 0 for shape in pair) for pair in network.shapes()), default=1)
    return max(LEAST_STEPS, CHUNK_NUMBERS // (batch * widest))


def copy_into(chunks: Iterable[Chunk], out: Array) -> None:
    """Copy a sequence in chunks into an array, (timesteps, features, batch)."""
    start = 0
    for values, _ in chunks:
        out[start : start + len(values), :, : values.shape[-1]] = values
        start += len(values)


def chunk_of(network: Network, part: Array, start: int, dtype: np.dtype[Any]) -> Chunk:
    """Return some timesteps of an input, (batch, timesteps[, features]), the first of them timestep `start`."""
    vocabulary = network.head.vocabulary
    if vocabulary is None:
        return _of_vectors(network, np.ascontiguousarray(part.transpose(1, 2, 0), dtype))
    ids = np.ascontiguousarray(part.T)
    check_ids(ids, vocabulary, start)
    return Chunk(ids)


def _of_vectors(network: Network, values: Array) -> Chunk:
    """Return vectors, (timesteps, features, batch), as a chunk; those that are all zeros may be padding."""
    mask = (values != 0).any(axis=1) if network.head.masks else None
    return Chunk(values, None if mask is None or mask.all() else mask)


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
            yield _of_vectors(network, VECTORS[init](generator, shape, dtype))
        else:
            yield Chunk(generator.integers(0, vocabulary, (count, batch), np.int32))

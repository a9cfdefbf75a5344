"""A sequence in chunks of time, with samples as columns, and its flow through the layers.

Each layer is a `Stage`, which begins a `Pass` for each batch. A chunk goes through all layers before the next one is
read, so memory does not grow with the number of timesteps. Only `back`, `bi`, and `same` with a stride need the whole
sequence before they can start.

**Sequences of different lengths.** Sequences share an array as long as the longest of them, and each is computed as if
it were alone, as with PyTorch's pack_padded_sequence: nothing after its end is read. The whole input is sorted: they
run together, the longest first, and the chunks get narrower as sequences end. If a window reads past the end, only
sequences of the same length run together. A mask would not work for all layers: windows, maxima and reversed sequences
would read the padding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.checks import check_ids
from rnncli.engine.initializers import VECTORS, random_stream
from rnncli.engine.request import Init
from rnncli.errors import ArgumentError, shorten
from rnncli.immutable import NamedTuple
from rnncli.network import Network
from rnncli.quantities import features_of, plural

CHUNK_NUMBERS = 1 << 17
"""The approximate count of numbers that one layer handles in a chunk, which fits in the processor's cache."""

LEAST_STEPS = 16
"""The fewest timesteps in a chunk, so that the cost of starting a chunk is small compared to its steps."""


class Chunk(NamedTuple):
    """Some timesteps of a sequence, with samples as columns. Its arrays may be overwritten by the next chunk.

    Attributes:
        values: (timesteps, features, batch), or ids (timesteps, batch). A layer that returns a vector returns one chunk
            of one timestep. If a chunk has fewer samples than the chunk before, the sequences of the last samples have
            ended.
        mask: (timesteps, batch), False at padding; None if there is no padding.
    """

    values: Array
    mask: Array | None = None


class WholeSequence(NamedTuple):
    """A whole sequence, and the chunks that it consists of.

    Attributes:
        values: (timesteps, features, batch).
        mask: (timesteps, batch), False at padding; None if there is no padding.
        cuts: the timesteps of each chunk, and the number of samples that have not ended by then.
    """

    values: Array
    mask: Array | None
    cuts: Sequence[tuple[slice, int]]

    @classmethod
    def of(cls, parts: Sequence[Chunk]) -> WholeSequence:
        """Join chunks into the whole sequence."""
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
        """Return the sequence with each sample reversed, from its own last timestep to its first."""
        widths = [width for _, width in self.cuts]

        def turned(array: Array) -> Array:
            if widths[-1] == widths[0]:
                return array[::-1]
            result = np.empty_like(array)
            for (times, width), left in zip(self.cuts, [*widths[1:], 0], strict=True):
                result[: times.stop, ..., left:width] = array[: times.stop, ..., left:width][::-1]
            return result

        return self._replace(values=turned(self.values), mask=None if self.mask is None else turned(self.mask))


def chunk_steps(network: Network, batch: int) -> int:
    """Return the number of timesteps per chunk, for a network and the number of samples.

    It does not depend on the length of the sequence, so memory does not grow with it.
    """
    widest = max((sum(shape[-1] or 0 for shape in pair) for pair in network.shapes()), default=1)
    return max(LEAST_STEPS, CHUNK_NUMBERS // (batch * widest))


def chunk_of(network: Network, part: Array, start: int, dtype: np.dtype[Any]) -> Chunk:
    """Return some timesteps of an input, (batch, timesteps[, features]), that start at timestep `start`, as a chunk."""
    vocabulary = network.head.vocabulary
    if vocabulary is None:
        return _of_vectors(network, np.ascontiguousarray(part.transpose(1, 2, 0), dtype))
    ids = np.ascontiguousarray(part.T)
    check_ids(ids, vocabulary, start)
    return Chunk(ids)


def _of_vectors(network: Network, values: Array) -> Chunk:
    """Return vectors, (timesteps, features, batch), as a chunk; if the input is masked, zero vectors are padding."""
    mask = (values != 0).any(axis=1) if network.head.mask_zero else None
    return Chunk(values, None if mask is None or mask.all() else mask)


def random_chunks(
    network: Network, batch: int, timesteps: int, steps: int, seed: int, init: Init, dtype: np.dtype[Any]
) -> Iterator[Chunk]:
    """Yield a random input in chunks of `steps` timesteps. The values do not depend on `steps`.

    Ids are uniform in the vocabulary. The distribution of vectors depends on `init`: keras N(0, 1), uniform U[0, 1).
    """
    generator = random_stream(seed, 0)
    vocabulary = network.head.vocabulary
    for start in range(0, timesteps, steps):
        count = min(steps, timesteps - start)
        # Time is the first axis, so the numbers are drawn in order of time, regardless of the chunks.
        if vocabulary is None:
            shape = (count, features_of(network.input_shape()), batch)
            yield _of_vectors(network, VECTORS[init](generator, shape, dtype))
        else:
            yield Chunk(generator.integers(0, vocabulary, (count, batch), np.int32))


Tick = Callable[[float], object]
"""Progress callback, called with the amount just done: timesteps of a layer, or work, as specified where it is used."""

CALL, NUMBER = 2_500, 10
"""The work of a NumPy call, regardless of what it computes, and of an activation, in multiply-adds."""

State = dict[str, Array]
"""States by key (`lstm/h`, `bidirectional/forward/h`), each (batch, units)."""

Pass = Generator[Chunk | None, Chunk | None, None]
"""A layer running on one batch.

It receives chunks, and for each yields its output, or None if the output comes later. It receives None, as when it is
iterated over, once the sequence has ended, and then yields its remaining output, in any number of chunks.
"""

Stage = Callable[[State | None, Tick], Pass]
"""A layer with its weights. Given the states and a progress callback, it returns a pass for one batch. A recurrent
layer reads its first state from the states and leaves its last state there (None: start at zero, and discard the last).
The callback receives the number of timesteps just done, in each direction.
"""

Write = Callable[[Sequence[int], int, Array], None]
"""Writes the output of some samples: their places, the first timestep, and values (timesteps, features, batch)."""


def flow(passes: Iterable[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the output of the last layer for a sequence that enters the first layer in chunks.

    First comes the output while the sequence enters, then the output as each layer ends, starting with the first layer.

    Args:
        passes: a new pass of each layer, in order.
        chunks: the sequence, in order of time.
    """
    layers = deque(passes)
    for layer in layers:
        next(layer)
    yield from _through(layers, chunks)
    while layers:
        yield from _through(layers, layers.popleft())


def _through(layers: Iterable[Pass], chunks: Iterable[Chunk | None]) -> Iterator[Chunk]:
    """Yield the output of the last layer for chunks that enter the first."""
    for chunk in chunks:
        output = chunk
        for layer in layers:
            if output is None:  # the layer below has no output yet
                break
            output = layer.send(output)
        if output is not None:
            yield output


def work(network: Network, batch: int, timesteps: int) -> list[float]:
    """Return the work of each layer in a run, in multiply-adds.

    It includes the matrix products, the numbers computed at each step, and the NumPy calls in a recurrent layer's loop:
    about two per gate, and two more.
    """
    layers = zip(
        network.body, network.weights(), network.shapes(batch, timesteps), _steps(network, timesteps), strict=True
    )
    return [
        batch * steps // len(layer.directions) * sum(weight.params for weight in weights if weight.multiplies)
        + NUMBER * batch * steps * layer.gates * (returns[-1] or 0)
        + (CALL * (2 * layer.gates + 2) * steps if layer.states else 0)
        for layer, weights, (_, returns), steps in layers
    ]


def ticks(network: Network, batch: int, timesteps: int, tick: Tick) -> list[Tick]:
    """Return the progress callback for each layer, which receives its timesteps, in each direction.

    It calls `tick` with the corresponding work, which adds up to the layer's part of `work`.
    """
    amounts = zip(work(network, batch, timesteps), _steps(network, timesteps), strict=True)

    def report(each: float, steps: float) -> None:
        tick(steps * each)

    return [partial(report, amount / steps) for amount, steps in amounts]


def _steps(network: Network, timesteps: int) -> list[int]:
    """Return the number of timesteps that each layer runs, adding up both directions."""
    steps = network.steps_read(timesteps)
    return [(count or 1) * len(layer.directions) for count, layer in zip(steps, network.body, strict=True)]


def uncounted(steps: float) -> None:
    """Count nothing, when progress is not shown or a layer's loops count by themselves."""


class SequenceGroup(NamedTuple):
    """Sequences of a batch that run together.

    Attributes:
        samples: their indices in the batch.
        timesteps: the length of the longest.
        chunks: the input, in order of time.
        states: as in `Model.begin`, for these sequences only.
    """

    samples: Sequence[int]
    timesteps: int
    chunks: Iterable[Chunk]
    states: State | None


def check_lengths(lengths: object, batch: int, timesteps: int) -> tuple[int, ...]:
    """Return the checked length of each sequence of a batch.

    Raises:
        ArgumentError: there is not one length per sample, or a length is not an integer from 1 to the timesteps.
    """
    try:
        found = np.asarray(lengths)
    except (TypeError, ValueError):
        found = np.array(None)
    if found.dtype.kind not in "iu" or found.shape != (batch,):
        raise ArgumentError(
            f"lengths is {shorten(repr(lengths))}, expected {plural(batch, 'whole number')}, one for each sample"
        )
    wrong = found[(found < 1) | (found > timesteps)]
    if wrong.size:
        raise ArgumentError(f"a length is {wrong[0]}, expected 1 to {timesteps:,}, the timesteps of the input")
    return tuple(found.tolist())


def run_together(network: Network) -> bool:
    """Return whether sequences of different lengths can run together: no window reads past their ends."""
    for layer in network.body:
        if layer.window is not None and (layer.window.looks_ahead or layer.window.goes_by_length):
            return False
        if layer.returns == "vector":
            break
    return True


def groups(
    network: Network, x: Array, lengths: Sequence[int], states: State, chunks_of: Callable[[Array], Iterator[Chunk]]
) -> Iterator[SequenceGroup]:
    """Yield the sequences that run together: all of them, or those of each length, the shortest first.

    Args:
        network: the network that reads them.
        x: the input, (batch, timesteps[, features]).
        lengths: the length of each sequence.
        states: where recurrent layers get their first states, for the whole batch, and leave their last: the states in
            each group are copied back here when the next group is requested.
        chunks_of: splits sequences of equal length into chunks.
    """
    each = np.array(lengths)
    longest_first = np.argsort(-each, kind="stable")
    ends = np.flatnonzero(np.diff(each[longest_first])) + 1
    for samples in [longest_first] if run_together(network) else np.split(longest_first, ends)[::-1]:
        own, longest = {key: array[samples] for key, array in states.items()}, int(each[samples[0]])
        yield SequenceGroup(samples.tolist(), longest, _narrowing(x[samples, :longest], each[samples], chunks_of), own)
        for key, array in own.items():
            if key not in states:
                states[key] = np.zeros((len(each), array.shape[1]), array.dtype)
            states[key][samples] = array


def _narrowing(x: Array, lengths: Array, chunks_of: Callable[[Array], Iterator[Chunk]]) -> Iterator[Chunk]:
    """Yield sequences in chunks of those that have not ended; they must be sorted by length, the longest first."""
    start = 0
    for length in np.unique(lengths):
        yield from chunks_of(x[lengths >= length, start:length])
        start = length

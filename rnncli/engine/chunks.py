"""A sequence in chunks of time, in columns, and how it flows through the layers.

Each layer is a `Stage`, which begins a `Pass` for every batch. A chunk goes through all layers before the next one
comes in, so memory does not grow with the number of timesteps. Only `back` and `bi` need the whole sequence before they
can start.

**Several lengths.** Sequences stand in one array that is as long as the longest of them, and each is computed as if it
stood there alone, as PyTorch's pack_padded_sequence has it: what is behind its end is never read. They run together,
the longest first, and the chunks of time become narrower as sequences end. Where a window reaches behind the end, those
of one length run together. A mask would not do for all layers: a window, a maximum or a sequence in reverse would meet
the padding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from rnncli.engine.checks import check_ids
from rnncli.engine.initializers import VECTORS, random_stream
from rnncli.engine.request import Init
from rnncli.engine.types import Array
from rnncli.errors import ArgumentError, shorten
from rnncli.immutable import NamedTuple
from rnncli.network import Network
from rnncli.quantities import features_of, plural

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


Tick = Callable[[float], object]
"""Progress callback: how much has just been done, in timesteps of a layer or in work, as is said where it is."""

CALL, NUMBER = 2_500, 10
"""How many multiply-adds are as much work as a call of NumPy, however little that computes, and as an activation."""

State = dict[str, Array]
"""States by key (`lstm/h`, `bidirectional/forward/h`), each (batch, units)."""

Pass = Generator[Chunk | None, Chunk | None, None]
"""A layer at work on one batch.

For each chunk that it is sent it yields what it returns for it, or None where that comes later. Sent None, which is
what iterating over it does, it knows that the sequence has ended, and yields what it returns then, in any number of
chunks.
"""

Stage = Callable[[State | None, Tick], Pass]
"""A layer with its weights. It returns a pass for one batch, given where a recurrent layer finds its first state and
leaves its last one (None: the first is zero, and nobody wants the last), and what is told the number of timesteps that
it has just taken, in each direction.
"""

Write = Callable[[Sequence[int], int, Array], None]
"""Writes the output of some samples: which they are, the first timestep, and values (timesteps, features, batch)."""


def flow(passes: Iterable[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the output of the last layer, for a sequence that goes into the first one in chunks.

    First comes the output while the sequence goes in, then what comes out as each layer ends, the first layer first.

    Args:
        passes: a new pass for each layer, in order.
        chunks: the sequence, in order of time.
    """
    layers = deque(passes)
    for layer in layers:
        next(layer)
    yield from _through(layers, chunks)
    while layers:
        yield from _through(layers, layers.popleft())


def _through(layers: Iterable[Pass], chunks: Iterable[Chunk | None]) -> Iterator[Chunk]:
    """Yield what comes out of the last layer for chunks that go into the first."""
    for chunk in chunks:
        output = chunk
        for layer in layers:
            if output is None:  # the layer below returns nothing before its end
                break
            output = layer.send(output)
        if output is not None:
            yield output


def work(network: Network, batch: int, timesteps: int) -> list[float]:
    """Return how much work each layer of a network is in a run, in multiply-adds.

    Beside those of its products there are the numbers that it computes at each step, and the calls that the loop of a
    recurrent layer takes for it: some two for each gate, and two more.
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
    """Return what each layer of a network tells the timesteps that it has taken, in each direction.

    It passes them on to `tick` as work, which adds up to the layer's part of `work`.
    """
    amounts = zip(work(network, batch, timesteps), _steps(network, timesteps), strict=True)

    def tell(each: float, steps: float) -> None:
        tick(steps * each)

    return [partial(tell, amount / steps) for amount, steps in amounts]


def _steps(network: Network, timesteps: int) -> list[int]:
    """Return how many timesteps each layer takes, those of both directions together."""
    steps = network.steps_read(1, timesteps)
    return [(count or 1) * len(layer.directions) for count, layer in zip(steps, network.body, strict=True)]


def uncounted(steps: float) -> None:
    """Count nothing: where nobody looks at the progress, or a layer's loops count by themselves."""


class Group(NamedTuple):
    """Sequences of a batch that run together.

    Attributes:
        samples: their places in the batch.
        timesteps: how long the longest is.
        chunks: the input, in order of time.
        states: as for `Model.begin`, theirs alone.
    """

    samples: Sequence[int]
    timesteps: int
    chunks: Iterable[Chunk]
    states: State | None


def check_lengths(lengths: object, batch: int, timesteps: int) -> tuple[int, ...]:
    """Return the length of each sequence of a batch.

    Raises:
        ArgumentError: there are more or fewer than samples, or one is no whole number from 1 to the timesteps.
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
    """Whether sequences of several lengths run together: no window reaches behind their ends."""
    for layer in network.body:
        if layer.window is not None and (layer.window.looks_ahead or layer.window.goes_by_length):
            return False
        if layer.returns == "vector":
            break
    return True


def groups(
    network: Network, x: Array, lengths: Sequence[int], states: State, chunks_of: Callable[[Array], Iterator[Chunk]]
) -> Iterator[Group]:
    """Yield the sequences that run together: all, or those of each length, the shortest first.

    Args:
        network: what reads them.
        x: the input, (batch, timesteps[, features]).
        lengths: the length of each sequence.
        states: where recurrent layers find their first states, for the whole batch, and leave their last: what they
            have left in the states that were yielded is put there when the next are asked for.
        chunks_of: cuts sequences of one length into chunks.
    """
    each = np.array(lengths)
    longest_first = np.argsort(-each, kind="stable")
    ends = np.flatnonzero(np.diff(each[longest_first])) + 1
    for samples in [longest_first] if run_together(network) else np.split(longest_first, ends)[::-1]:
        own, longest = {key: array[samples] for key, array in states.items()}, int(each[samples[0]])
        yield Group(samples.tolist(), longest, _narrowing(x[samples, :longest], each[samples], chunks_of), own)
        for key, array in own.items():
            if key not in states:
                states[key] = np.zeros((len(each), array.shape[1]), array.dtype)
            states[key][samples] = array


def _narrowing(x: Array, lengths: Array, chunks_of: Callable[[Array], Iterator[Chunk]]) -> Iterator[Chunk]:
    """Yield sequences in chunks, each of those that have not ended; their lengths are in order, the longest first."""
    start = 0
    for length in np.unique(lengths):
        yield from chunks_of(x[lengths >= length, start:length])
        start = length

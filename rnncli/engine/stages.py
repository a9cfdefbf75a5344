"""One stage for each kind of layer: chunks of time go in, chunks come out.

A stack is a chain of stages, each of which passes a chunk on as soon as it is done, so that memory does not grow
with the number of timesteps. Only `back` and `bi` need the whole sequence before they can start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.engine.cells import make_loop
from rnncli.engine.loop import Loop
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.layers import Dense, Dropout, Embedding, Layer, Recurrent

Tick = Callable[[int], None]
"""Is told the number of timesteps that a recurrent layer has just taken."""


State = dict[str, Array]
"""States by key (`lstm/h`, `bidirectional/forward/h`), each (batch, units)."""


class Chunk(NamedTuple):
    """Some timesteps of a sequence, in columns. It holds until the next chunk is asked for.

    Attributes:
        values: (timesteps, features, batch), or ids (timesteps, batch). A layer that returns no sequence hands on a
            single chunk of one timestep.
        mask: (timesteps, batch), False where a step is padding; None where every step counts.
    """

    values: Array
    mask: Array | None = None


class Stage:
    """A layer at work. This one passes everything on, as dropout does in a forward pass."""

    def run(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the output for a sequence of chunks.

        Args:
            chunks: the whole of one batch of samples, in order of time.
            states: where a recurrent layer finds its first state and leaves its last; None if nobody wants them.
            tick: called with the number of timesteps that a recurrent layer has just taken.
        """
        del states, tick
        yield from chunks


class EmbeddingStage(Stage):
    """Looks ids up in the table."""

    def __init__(self, layer: Embedding, weights: Mapping[str, Array]) -> None:
        self.table = weights["embeddings"]
        self.mask_zero = layer.mask_zero

    def run(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield a vector for each id; with mask_zero, the mask of those that are not 0."""
        del states, tick
        start = 0
        for ids, _ in chunks:
            self._check(ids, start)
            start += len(ids)
            mask = ids != 0 if self.mask_zero else None
            yield Chunk(self.table[ids].swapaxes(1, 2), None if mask is None or mask.all() else mask)

    def _check(self, ids: Array, start: int) -> None:
        wrong = (ids < 0) | (ids >= len(self.table))
        if wrong.any():
            t, sample = np.argwhere(wrong)[0]
            raise RnncliError(
                f"id {ids[t, sample]} (sample {sample}, timestep {start + t}) is outside the vocabulary, "
                f"0 to {len(self.table) - 1:,}",
                "give the embedding more ids, or clip them",
            )


class DenseStage(Stage):
    """act(x·W + b) for every vector."""

    def __init__(self, layer: Dense, weights: Mapping[str, Array]) -> None:
        self.kernel = weights["kernel"].T
        self.bias = weights["bias"][:, None] if layer.use_bias else None
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]

    def run(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the outputs, chunk by chunk."""
        del states, tick
        for x, mask in chunks:
            y = np.matmul(self.kernel, x)
            if self.bias is not None:
                y += self.bias
            self.activation(y, y)
            yield Chunk(y, mask)


class RecurrentStage(Stage):
    """A recurrent layer in one direction: forwards chunk by chunk, backwards on the whole sequence."""

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        self.direction = Direction(f"{name}/", layer, weights)

    def run(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the sequence of outputs, or the last one alone."""
        if self.layer.go_backwards:
            whole = gather(chunks)
            outputs = self.direction.run(whole.backwards(), states, tick)
            # Time is reversed from here on, but Keras hands the mask on as it was.
            outputs = (Chunk(y, mask) for (y, _), (_, mask) in zip(outputs, whole.forwards(), strict=True))
        else:
            outputs = self.direction.run(chunks, states, tick)
        if self.layer.return_sequences:
            yield from outputs
        else:
            yield Chunk(last_of(outputs))


class BidirectionalStage(Stage):
    """A recurrent layer that reads the whole sequence both ways and merges the two outputs."""

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        # Keras: inside a Bidirectional that returns sequences, the output of a masked step is zero.
        self.forward, self.backward = (
            Direction(f"{name}/{direction}", layer, below(weights, direction), zero_masked=layer.return_sequences)
            for direction in layer.directions()
        )

    def run(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the merged sequence, in forward time, or the merged last outputs."""
        whole = gather(chunks)
        forward = self.forward.run(whole.forwards(), states, tick)
        backward = self.backward.run(whole.backwards(), states, tick)
        if not self.layer.return_sequences:
            merged = np.concatenate([last_of(forward), last_of(backward)], axis=1)
            yield Chunk(self._merge(merged))
            return
        units = self.layer.units
        timesteps, _, batch = whole.values.shape
        merged = np.empty((timesteps, 2 * units, batch), whole.values.dtype)
        write(forward, merged[:, :units])
        write(backward, merged[::-1, units:])
        yield from Sequence(self._merge(merged), whole.mask, whole.steps).forwards()

    def _merge(self, both: Array) -> Array:
        """Return what the layer returns for (timesteps, 2·units, batch), one direction above the other."""
        units = self.layer.units
        forward, backward = both[:, :units], both[:, units:]
        match self.layer.merge_mode:
            case "concat":
                return both
            case "mul":
                forward *= backward
            case "sum":
                forward += backward
            case _:
                forward += backward
                forward /= 2
        return forward


class Direction:
    """One direction of a recurrent layer: its weights, and the loop it ran last, ready for the next batch.

    Args:
        prefix: what comes before the names of its states: `lstm/`, `bidirectional/forward/`.
        layer: the layer.
        weights: of this direction.
        zero_masked: whether the output of a masked step is zero instead of the state.
    """

    def __init__(self, prefix: str, layer: Recurrent, weights: Mapping[str, Array], zero_masked: bool = False) -> None:
        self.prefix = prefix
        self.layer = layer
        self.weights = weights
        self.zero_masked = zero_masked
        self._spare: Loop | None = None

    def run(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the outputs of every step, in the order of the steps. No chunk may be longer than the first."""
        loop: Loop | None = None
        for x, mask in chunks:
            if loop is None:
                loop = self._loop(batch=x.shape[-1], steps=len(x))
                first = below(states or {}, self.prefix)
                loop.set_state({name: array.T for name, array in first.items()} or None)
            yield Chunk(loop.run(x, mask, self.zero_masked), mask)
            tick(len(x))
        if states is not None and loop is not None:
            states.update({self.prefix + name: np.ascontiguousarray(s.T) for name, s in loop.state().items()})
        self._spare = loop

    def _loop(self, batch: int, steps: int) -> Loop:
        """Return the spare loop, where it fits and no other run has taken it, or a new one."""
        loop, self._spare = self._spare, None
        if loop is None or loop.batch != batch or loop.steps < steps:
            loop = make_loop(self.layer, self.weights, batch, steps)
        return loop


class Sequence(NamedTuple):
    """A whole sequence, and the length of the chunks it came in.

    Attributes:
        values: (timesteps, features, batch).
        mask: (timesteps, batch), or None where every step counts.
        steps: the length of a chunk.
    """

    values: Array
    mask: Array | None
    steps: int

    def forwards(self) -> Iterator[Chunk]:
        """Yield it in chunks."""
        for start in range(0, len(self.values), self.steps):
            part = slice(start, start + self.steps)
            yield Chunk(self.values[part], None if self.mask is None else self.mask[part])

    def backwards(self) -> Iterator[Chunk]:
        """Yield it in chunks of reversed time."""
        mask = None if self.mask is None else self.mask[::-1]
        return Sequence(self.values[::-1], mask, self.steps).forwards()


def gather(chunks: Iterable[Chunk]) -> Sequence:
    """Return a whole sequence from its chunks."""
    parts = [Chunk(x.copy(), mask) for x, mask in chunks]
    values = np.concatenate([x for x, _ in parts]) if len(parts) > 1 else parts[0].values
    mask = None
    if any(part.mask is not None for part in parts):
        every_step = np.ones(parts[0].values.shape[::2], bool)
        mask = np.concatenate([every_step[: len(x)] if some is None else some for x, some in parts])
    return Sequence(values, mask, len(parts[0].values))


def last_of(chunks: Iterable[Chunk]) -> Array:
    """Return the last timestep of a sequence, (1, features, batch)."""
    for chunk in chunks:
        last = chunk.values[-1:]
    return last.copy()


def write(chunks: Iterable[Chunk], out: Array) -> None:
    """Write a sequence to an array, (timesteps, features, batch)."""
    start = 0
    for values, _ in chunks:
        out[start : start + len(values)] = values
        start += len(values)


def make_stage(name: str, layer: Layer, weights: Mapping[str, Array]) -> Stage:
    """Return the stage for a layer called `name`; `weights` are its own, by Keras's names."""
    match layer:
        case Embedding():
            return EmbeddingStage(layer, weights)
        case Dense():
            return DenseStage(layer, weights)
        case Recurrent(merge_mode=None):
            return RecurrentStage(name, layer, weights)
        case Recurrent():
            return BidirectionalStage(name, layer, weights)
        case Dropout():
            return Stage()
        case _:
            raise TypeError(f"the engine has no stage for {layer!r}")


def below(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the arrays whose key is `prefix` and a name, by name."""
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

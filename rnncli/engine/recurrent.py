"""The stages of recurrent layers: one direction, chunk by chunk; backwards and both ways, on the whole sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from rnncli.engine.cells import make_loop
from rnncli.engine.chunks import Chunk, WholeSequence, copy_into, last_of, whole_of
from rnncli.engine.loop import Loop
from rnncli.engine.passes import Pass, Stage, State, Tick
from rnncli.engine.types import Array
from rnncli.layers import Recurrent


class RecurrentStage(Stage):
    """A recurrent layer in one direction: forwards chunk by chunk, backwards on the whole sequence."""

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        self.direction = Direction(f"{name}/", layer, weights)

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields the sequence of outputs, or only the last one."""
        if self.layer.go_backwards:
            return Whole(lambda whole: self._backwards(whole, states, tick))
        loop_pass = LoopPass(self.direction, states, tick)
        return loop_pass if self.layer.return_sequences else LastOf(loop_pass)

    def _backwards(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        outputs = self.direction.read(whole.backwards(), states, tick)
        if self.layer.return_sequences:
            # Time is reversed from here on, but Keras passes the mask on as it came.
            yield from (Chunk(y, mask) for (y, _), (_, mask) in zip(outputs, whole.forwards(), strict=True))
        else:
            yield Chunk(last_of(outputs))


class BidirectionalStage(Stage):
    """A recurrent layer that reads the whole sequence both ways and merges the two outputs."""

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        # Keras: inside a Bidirectional that returns sequences, the output of a masked step is zero.
        self.forward, self.backward = (
            Direction(
                f"{name}/{direction}", layer, without_prefix(weights, direction), zero_masked=layer.return_sequences
            )
            for direction in layer.directions
        )

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields the merged sequence, in forward time, or the merged last outputs."""
        return Whole(lambda whole: self._both_ways(whole, states, tick))

    def _both_ways(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        forward = self.forward.read(whole.forwards(), states, tick)
        backward = self.backward.read(whole.backwards(), states, tick)
        if not self.layer.return_sequences:
            merged = np.concatenate([last_of(forward), last_of(backward)], axis=1)
            yield Chunk(self._merge(merged))
            return
        units = self.layer.units
        timesteps, _, batch = whole.values.shape
        merged = np.empty((timesteps, 2 * units, batch), whole.values.dtype)
        copy_into(forward, merged[:, :units])
        copy_into(backward, merged[::-1, units:])
        yield from WholeSequence(self._merge(merged), whole.mask, whole.steps).forwards()

    def _merge(self, both: Array) -> Array:
        """Return the merged outputs of both directions, given one above the other, (timesteps, 2·units, batch)."""
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
    """One direction of a recurrent layer: its weights, and the loop that it ran last, which the next batch may use.

    Args:
        prefix: what comes before the names of its states: `lstm/`, `bidirectional/forward/`.
        layer: the layer.
        weights: the weights of this direction.
        zero_masked: whether the output of a masked step is zero instead of the state.
    """

    def __init__(self, prefix: str, layer: Recurrent, weights: Mapping[str, Array], zero_masked: bool = False) -> None:
        self.prefix = prefix
        self.layer = layer
        self.weights = weights
        self.zero_masked = zero_masked
        self._spare: Loop | None = None

    def read(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the outputs of all steps, in the order in which it takes them."""
        loop_pass = LoopPass(self, states, tick)
        yield from map(loop_pass.step, chunks)
        yield from loop_pass.end()

    def take_loop(self, batch: int, steps: int) -> Loop:
        """Return the spare loop, if it fits and no other pass has it, or a new one."""
        loop, self._spare = self._spare, None
        if loop is None or loop.batch != batch or loop.steps < steps:
            loop = make_loop(self.layer, self.weights, batch, steps)
        return loop

    def give_back(self, loop: Loop) -> None:
        """Keep a loop for the next pass."""
        self._spare = loop


class LoopPass(Pass):
    """The loop over time of one direction, at work on one sequence."""

    def __init__(self, direction: Direction, states: State | None, tick: Tick) -> None:
        self.direction = direction
        self.states = states
        self.tick = tick
        self._loop: Loop | None = None

    def step(self, chunk: Chunk) -> Chunk:
        """Return the outputs of the steps of a chunk."""
        x, mask = chunk
        if self._loop is None or self._loop.steps < len(x):
            state = self._first_state() if self._loop is None else self._loop.state()
            self._loop = self.direction.take_loop(batch=x.shape[-1], steps=len(x))
            self._loop.set_state(state)
        y = self._loop.run(x, mask, self.direction.zero_masked)
        self.tick(len(x))
        return Chunk(y, mask)

    def end(self) -> Iterator[Chunk]:
        """Put the last state among the states. There are no more outputs to yield."""
        if self._loop is not None:
            if self.states is not None:
                prefix, last = self.direction.prefix, self._loop.state()
                self.states |= {prefix + name: np.ascontiguousarray(state.T) for name, state in last.items()}
            self.direction.give_back(self._loop)
        yield from ()

    def _first_state(self) -> dict[str, Array] | None:
        prefix, names = self.direction.prefix, self.direction.layer.states
        if self.states is None or prefix + names[0] not in self.states:
            return None
        return {name: self.states[prefix + name].T for name in names}


class LastOf(Pass):
    """A pass that returns only the last output of a sequence, at its end."""

    def __init__(self, loop_pass: LoopPass) -> None:
        self.loop_pass = loop_pass
        self._last: Array | None = None

    def step(self, chunk: Chunk) -> None:
        """Keep the last output."""
        self._last = self.loop_pass.step(chunk).values[-1:]

    def end(self) -> Iterator[Chunk]:
        """Yield the last output, (1, units, batch)."""
        if self._last is not None:
            last = Chunk(self._last.copy())
            yield from self.loop_pass.end()
            yield last


class Whole(Pass):
    """A pass that keeps all chunks until the sequence has ended, and then works on the whole of it."""

    def __init__(self, work: Callable[[WholeSequence], Iterator[Chunk]]) -> None:
        self.work = work
        self._chunks: list[Chunk] = []

    def step(self, chunk: Chunk) -> None:
        """Keep the chunk."""
        self._chunks.append(Chunk(chunk.values.copy(), chunk.mask))

    def end(self) -> Iterator[Chunk]:
        """Do the work on the whole sequence, and yield what it yields."""
        chunks, self._chunks = self._chunks, []
        yield from self.work(whole_of(chunks))


def without_prefix(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the arrays whose keys start with a prefix, by the rest of their keys."""
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

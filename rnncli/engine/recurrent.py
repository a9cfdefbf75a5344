"""The stage of a recurrent layer that reads in one direction: chunk by chunk; backwards, on the whole sequence.

A layer that reads both ways is in `both_ways.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from rnncli.engine.cells import make_loop
from rnncli.engine.chunks import Chunk, WholeSequence, last_of, whole_of
from rnncli.engine.loop import GateWatch, Loop
from rnncli.engine.passes import Pass, Stage, State, Tick
from rnncli.engine.types import Array
from rnncli.layers import Recurrent


class RecurrentStage(Stage):
    """A recurrent layer in one direction: forwards chunk by chunk, backwards on the whole sequence."""

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        self.direction = Direction([f"{name}/"], layer, weights)

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields the sequence of outputs, or only the last one."""
        if self.layer.go_backwards:
            return Whole(lambda whole: self._backwards(whole, states, tick))
        loop_pass = LoopPass(self.direction, states, tick)
        return loop_pass if self.layer.return_sequences else LastOf(loop_pass)

    def watch_gates(self, watch_of: Callable[[str], GateWatch]) -> None:
        """Show the gates of each step to what `watch_of` returns for the only direction."""
        (direction,) = self.layer.directions
        self.direction.gate_watch = watch_of(direction)

    def _backwards(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        outputs = self.direction.read(whole.backwards(), states, tick)
        if self.layer.return_sequences:
            # Time is reversed from here on, but Keras passes the mask on as it came.
            yield from (Chunk(y, mask) for (y, _), (_, mask) in zip(outputs, whole.forwards(), strict=True))
        else:
            yield Chunk(last_of(outputs))


class Direction:
    """One direction of a recurrent layer: its weights, and the loop that it ran last, which the next batch may use.

    Args:
        prefixes: what comes before the names of its states: `lstm/`, `bidirectional/forward/`. Where one cell does the
            work of several, each has the next of its units, and its own states.
        layer: the layer.
        weights: the weights of this direction.
        zero_masked: whether the output of a masked step is zero instead of the state.
    """

    def __init__(
        self, prefixes: Sequence[str], layer: Recurrent, weights: Mapping[str, Array], zero_masked: bool = False
    ) -> None:
        self.prefixes = prefixes
        self.layer = layer
        self.weights = weights
        self.zero_masked = zero_masked
        self._spare: Loop | None = None
        self.gate_watch: GateWatch | None = None
        """What is shown the gates of each step, if anything is."""

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
        y = self._loop.run(x, mask, self.direction.zero_masked, self.direction.gate_watch)
        self.tick(len(x) * len(self.direction.prefixes))
        return Chunk(y, mask)

    def end(self) -> Iterator[Chunk]:
        """Put the last state among the states. There are no more outputs to yield."""
        if self._loop is not None:
            if self.states is not None:
                prefixes = self.direction.prefixes
                for name, state in self._loop.state().items():
                    for prefix, own in zip(prefixes, np.split(state, len(prefixes)), strict=True):
                        self.states[prefix + name] = np.ascontiguousarray(own.T)
            self.direction.give_back(self._loop)
        yield from ()

    def _first_state(self) -> dict[str, Array] | None:
        prefixes, names = self.direction.prefixes, self.direction.layer.states
        if self.states is None or prefixes[0] + names[0] not in self.states:
            return None
        return {name: np.concatenate([self.states[prefix + name].T for prefix in prefixes]) for name in names}


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

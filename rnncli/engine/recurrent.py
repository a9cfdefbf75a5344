"""The stages of recurrent layers: chunk by chunk in one direction; backwards and both ways on the whole sequence.

What bounds a small layer is the time of NumPy's calls, a quarter of a microsecond each, whatever they compute (see
`loop.py`). So the two directions of a small layer run as one cell with the units of both: its operand at step t is
[x_t; x_{T-1-t}], and its matrices are block-diagonal, a block for each direction. That takes half as many calls, and
multiplies by the zeros beside the blocks in vain. A layer runs so as long as the calls cost more than the zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from rnncli.engine.cells import calls_per_step, make_loop
from rnncli.engine.chunks import Chunk, WholeSequence, copy_into
from rnncli.engine.loop import MAX_PROJECTED_BATCH, GateWatch, Loop
from rnncli.engine.passes import Pass, Stage, State, Tick
from rnncli.engine.types import Array
from rnncli.layers import Recurrent

ZEROS_A_CALL = 2_500
"""How many multiply-adds with zeros are made for each call that is spared; measured by tests/benchmarks/both_ways.py.

At so many a layer takes 0.85 of the time or less. Some cells gain until there are twice as many.
"""

WIDEST_INPUT = 4
"""How many times the units the features may be: a wide input is projected with few columns, and twice as many zeros."""


class Direction:
    """One direction of a recurrent layer: its weights, and a spare loop, such as it ran last, for the next batch.

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
        self.spare: Loop | None = None
        self.gate_watch: GateWatch | None = None
        """What is shown the gates of each step, if anything is."""

    def read(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the outputs of all steps, in the order in which it takes them."""
        loop_pass = LoopPass(self, states, tick)
        yield from map(loop_pass.outputs, chunks)
        yield from loop_pass.end()

    def last(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Array:
        """Return the output of the last step of each sample, (1, units, batch)."""
        loop_pass = LoopPass(self, states, tick)
        for chunk in chunks:
            loop_pass.outputs(chunk)
        for _ in loop_pass.end():
            pass
        return loop_pass.last_state()["h"][None]

    def take_loop(self, batch: int, steps: int) -> Loop:
        """Return the spare loop, if it fits and no other pass has it, or a new one."""
        loop, self.spare = self.spare, None
        if loop is None or loop.batch != batch or loop.steps < steps:
            loop = make_loop(self.layer, self.weights, batch, steps)
        return loop


class LoopPass(Pass):
    """The loop over time of one direction, at work on one sequence."""

    def __init__(self, direction: Direction, states: State | None, tick: Tick) -> None:
        self.direction = direction
        self.states = states
        self.tick = tick
        self._loop: Loop | None = None
        self._ended: list[dict[str, Array]] = []
        """The states of the samples whose sequences have ended, the last of the batch first."""

    def step(self, chunk: Chunk) -> Chunk | None:
        """Return the outputs of the steps of a chunk, if they are wanted."""
        return self.outputs(chunk)

    def outputs(self, chunk: Chunk) -> Chunk:
        """Return the outputs of the steps of a chunk."""
        x, mask = chunk
        batch = x.shape[-1]
        if self._loop is None or self._loop.steps < len(x) or self._loop.batch != batch:
            state = self._first_state()
            if self._loop is not None:
                state = self._loop.state()
                self._ended.append({name: array[:, batch:] for name, array in state.items()})
                state = {name: array[:, :batch] for name, array in state.items()}
            self._loop = self.direction.take_loop(batch, steps=len(x))
            self._loop.set_state(state)
        y = self._loop.run(x, mask, self.direction.zero_masked, self.direction.gate_watch)
        self.tick(len(x) * len(self.direction.prefixes))
        return Chunk(y, mask)

    def end(self) -> Iterator[Chunk]:
        """Put the last state among the states. There are no more outputs to yield."""
        if self._loop is not None:
            if self.states is not None:
                prefixes = self.direction.prefixes
                for name, state in self.last_state().items():
                    for prefix, own in zip(prefixes, np.split(state, len(prefixes)), strict=True):
                        self.states[prefix + name] = np.ascontiguousarray(own.T)
            self.direction.spare = self._loop
        yield from ()

    def last_state(self) -> dict[str, Array]:
        """Return the states after the last step of each sample, by name, each (units, batch)."""
        assert self._loop is not None
        each = [self._loop.state(), *reversed(self._ended)]
        return {name: np.concatenate([some[name] for some in each], axis=1) for name in each[0]}

    def _first_state(self) -> dict[str, Array] | None:
        prefixes, names = self.direction.prefixes, self.direction.layer.states
        if self.states is None or prefixes[0] + names[0] not in self.states:
            return None
        return {name: np.concatenate([self.states[prefix + name].T for prefix in prefixes]) for name in names}


class LastOf(LoopPass):
    """The same where only the last output of the sequence is wanted."""

    def step(self, chunk: Chunk) -> None:
        """Take the steps of a chunk."""
        self.outputs(chunk)

    def end(self) -> Iterator[Chunk]:
        """Yield the last output, (1, units, batch)."""
        yield Chunk(self.last_state()["h"][None])
        yield from super().end()


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
        yield from self.work(WholeSequence.of(chunks))


class RecurrentStage(Stage):
    """A recurrent layer in one direction: forwards chunk by chunk, backwards on the whole sequence."""

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        # Keras: inside a Bidirectional that returns sequences, the output of a masked step is zero.
        zero_masked = layer.merge is not None and layer.return_sequences
        self.directions = []
        for direction in layer.directions:
            own = {key.removeprefix(direction): array for key, array in weights.items() if key.startswith(direction)}
            self.directions.append(Direction([f"{name}/{direction}"], layer, own, zero_masked))

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields the sequence of outputs, or only the last one."""
        if self.layer.go_backwards:
            return Whole(lambda whole: self._backwards(whole, states, tick))
        return (LoopPass if self.layer.return_sequences else LastOf)(self.directions[0], states, tick)

    def prepare(self, features: int, batch: int, steps: int) -> None:
        """Have the loops for the next pass."""
        for cell in self._cells(features, batch):
            cell.spare = cell.take_loop(batch, steps)

    def watch_gates(self, watch_of: Callable[[str], GateWatch]) -> None:
        """Show the gates of each step to what `watch_of` returns for its direction; each is then a cell of its own."""
        for name, direction in zip(self.layer.directions, self.directions, strict=True):
            direction.gate_watch = watch_of(name)

    def _cells(self, features: int, batch: int) -> list[Direction]:
        """Return what runs where no step is padding: a cell for each direction."""
        del features, batch
        return self.directions

    def _backwards(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        chunks = whole.turned().chunks()
        if self.layer.return_sequences:
            outputs = self.directions[0].read(chunks, states, tick)
            # Time is reversed from here on, but Keras passes the mask on as it came.
            yield from (Chunk(y, mask) for (y, _), (_, mask) in zip(outputs, whole.chunks(), strict=True))
        else:
            yield Chunk(self.directions[0].last(chunks, states, tick))


class BidirectionalStage(RecurrentStage):
    """A recurrent layer that reads the whole sequence both ways and merges the two outputs."""

    @cached_property
    def together(self) -> Direction:
        """Both directions as one cell."""
        forward, backward = self.directions
        layer = replace(self.layer, units=2 * self.layer.units)
        weights = side_by_side(forward.weights, backward.weights, self.layer.gates)
        return Direction([*forward.prefixes, *backward.prefixes], layer, weights)

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields the merged sequence, in forward time, or the merged last outputs."""
        return Whole(lambda whole: self._both_ways(whole, states, tick))

    def _cells(self, features: int, batch: int) -> list[Direction]:
        """Return what runs where no step is padding: one cell where the calls that are spared cost more than zeros."""
        units, calls = self.layer.units, calls_per_step(self.layer)
        watched = any(direction.gate_watch is not None for direction in self.directions)
        if watched or calls is None or batch > MAX_PROJECTED_BATCH or features > WIDEST_INPUT * units:
            return self.directions
        zeros = self.layer.gates * units * (units + features) * batch
        return [self.together] if zeros <= ZEROS_A_CALL * calls else self.directions

    def _both_ways(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        _, features, batch = map(int, whole.values.shape)
        # A mask skips other samples in one direction than in the other.
        apart = whole.mask is not None or len(self._cells(features, batch)) == 2
        read = self._read_apart if apart else self._read_together
        both, units = read(whole, states, tick), self.layer.state_sizes["h"]
        forward, backward = both[:, :units], both[:, units:]
        merged = both if self.layer.merge == "concat" else MERGES[str(self.layer.merge)](forward, backward, forward)
        if self.layer.return_sequences:
            yield from whole._replace(values=merged).chunks()
        else:
            yield Chunk(merged)

    def _read_apart(self, whole: WholeSequence, states: State | None, tick: Tick) -> Array:
        """Return the outputs of both directions, one above the other: (timesteps, 2·units, batch), or 1 timestep."""
        each = [*zip(self.directions, (whole.chunks(), whole.turned().chunks()), strict=True)]
        if not self.layer.return_sequences:
            return np.concatenate([cell.last(chunks, states, tick) for cell, chunks in each], axis=1)
        outputs, units = self._room(whole), self.layer.state_sizes["h"]
        for place, (cell, chunks) in enumerate(each):
            copy_into(cell.read(chunks, states, tick), outputs[:, place * units : (place + 1) * units])
        return self._in_order(whole, outputs)

    def _read_together(self, whole: WholeSequence, states: State | None, tick: Tick) -> Array:
        """Return the same, computed as one cell."""
        pairs = zip(whole.chunks(), whole.turned().chunks(), strict=True)
        inputs = (Chunk(np.concatenate([forward.values, backward.values], axis=1)) for forward, backward in pairs)
        if not self.layer.return_sequences:
            return self.together.last(inputs, states, tick)
        outputs = self._room(whole)
        copy_into(self.together.read(inputs, states, tick), outputs)
        return self._in_order(whole, outputs)

    def _in_order(self, whole: WholeSequence, outputs: Array) -> Array:
        """Return the outputs of both directions with those of the second in the order of time, too."""
        backward = outputs[:, self.layer.state_sizes["h"] :]
        backward[:] = whole._replace(values=backward.copy(), mask=None).turned().values
        return outputs

    def _room(self, whole: WholeSequence) -> Array:
        timesteps, _, batch = whole.values.shape
        return np.empty((timesteps, 2 * self.layer.state_sizes["h"], batch), whole.values.dtype)


MERGES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "mul": np.multiply,
    "sum": np.add,
    "ave": lambda forward, backward, out: np.divide(np.add(forward, backward, out), 2, out),
}
"""What makes one output of two, by the merge mode, but for those that are kept side by side. It writes to an array."""


def side_by_side(forward: Mapping[str, Array], backward: Mapping[str, Array], blocks: int) -> dict[str, Array]:
    """Return the weights of one cell that does the work of two, which do not see each other.

    Each block of its columns has the units of the first cell and then those of the second. Kernels are
    block-diagonal: what one cell reads does not reach the other.

    Args:
        forward: Keras's weights of the first cell.
        backward: those of the second, of the same shapes.
        blocks: the number of blocks of columns: gates and candidate.
    """
    joined = {}
    for key, first in forward.items():
        in_blocks = 1 if key == "projection_kernel" else blocks
        own = [array.reshape(-1, in_blocks, array.shape[-1] // in_blocks) for array in (first, backward[key])]
        rows, _, units = own[0].shape
        if key == "bias":
            both = np.stack(own, axis=2).reshape(*first.shape[:-1], -1)
        else:
            both = np.zeros((2, rows, in_blocks, 2, units), first.dtype)
            both[0, :, :, 0], both[1, :, :, 1] = own
            both = both.reshape(2 * rows, -1)
        joined[key] = both
    return joined

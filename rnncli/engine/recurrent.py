"""The stages of recurrent layers: forwards chunk by chunk, backwards and in both directions on the whole sequence.

The speed of a small layer is limited by the NumPy calls, which take a quarter of a microsecond each regardless of what
they compute (see `cells`). So both directions of a small layer run as one cell with the units of both: its operand at
step t is [x_t; x_{T-1-t}], and its matrices are block-diagonal, with a block for each direction. That halves the calls,
at the cost of multiplying by the zeros outside the blocks. It is done as long as the calls cost more than the zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.cells import MAX_PROJECTED_BATCH, GateWatch, Loop, calls_per_step, make_loop
from rnncli.engine.chunks import Chunk, Pass, State, Tick, WholeSequence, flow
from rnncli.layers import Recurrent

ZEROS_PER_CALL = 2_500
"""The most multiply-adds with zeros to accept per saved call; measured by tests/benchmarks/both_ways.py.

At this number a layer takes 0.85 of the time or less. Some cells gain up to twice as many.
"""

MAX_INPUT_RATIO = 4
"""The largest ratio of features to units: a wide input has few columns to project, but twice as many zeros."""


class Direction:
    """One direction of a recurrent layer: its weights, and a spare loop from its last batch, for the next one.

    Args:
        prefixes: the prefixes of its states' names: `lstm/`, `bidirectional/forward/`. If one cell runs several
            directions, each has consecutive units, and its own states.
        layer: the layer.
        weights: the weights of this direction.
    """

    def __init__(self, prefixes: Sequence[str], layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.prefixes = prefixes
        self.layer = layer
        self.weights = weights
        # Keras: in a Bidirectional that returns sequences, the output of a masked step is zero.
        self.zero_masked = layer.merge is not None and layer.return_sequences
        self.spare: Loop | None = None
        self.gate_watch: GateWatch | None = None
        """Called with the gates of each step, unless it is None."""

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that outputs all steps, or at the end only the last one, (1, units, batch).

        At the end, the last state is stored in `states`.
        """
        loop: Loop | None = None
        # The states of samples whose sequences have ended, starting with the last of the batch.
        ended: list[dict[str, Array]] = []
        output = None
        while chunk := (yield output):
            x, mask = chunk
            batch = x.shape[-1]
            if loop is None or loop.steps < len(x) or loop.batch != batch:
                state = self._first_state(states)
                if loop is not None:
                    state = loop.state()
                    ended.append({name: array[:, batch:] for name, array in state.items()})
                    state = {name: array[:, :batch] for name, array in state.items()}
                loop = self.take_loop(batch, steps=len(x))
                loop.set_state(state)
            y = loop.run(x, mask, self.zero_masked, self.gate_watch)
            tick(len(x) * len(self.prefixes))
            if self.layer.return_sequences:
                output = Chunk(y, mask)
        assert loop is not None
        each = [loop.state(), *reversed(ended)]
        last = {name: np.concatenate([some[name] for some in each], axis=1) for name in each[0]}
        if states is not None:
            for name, array in last.items():
                for prefix, own in zip(self.prefixes, np.split(array, len(self.prefixes)), strict=True):
                    states[prefix + name] = np.ascontiguousarray(own.T)
        self.spare = loop
        if not self.layer.return_sequences:
            yield Chunk(last["h"][None])

    def read(self, chunks: Iterable[Chunk], states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the output of a pass over a sequence, in the order of its steps."""
        return flow([self.begin(states, tick)], chunks)

    def take_loop(self, batch: int, steps: int) -> Loop:
        """Return the spare loop if it fits and is not in use by another pass, else a new one."""
        loop, self.spare = self.spare, None
        if loop is None or loop.batch != batch or loop.steps < steps:
            loop = make_loop(self.layer, self.weights, batch, steps)
        return loop

    def _first_state(self, states: State | None) -> dict[str, Array] | None:
        names = self.layer.states
        if states is None or self.prefixes[0] + names[0] not in states:
            return None
        return {name: np.concatenate([states[prefix + name].T for prefix in self.prefixes]) for name in names}


class RecurrentStage:
    """A recurrent layer, which runs forwards chunk by chunk, backwards and in both directions on the whole sequence.

    It takes its name in the network, the layer, and its weights by Keras's names.
    """

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        self.directions = []
        for direction in layer.directions:
            own = {key.removeprefix(direction): array for key, array in weights.items() if key.startswith(direction)}
            self.directions.append(Direction([f"{name}/{direction}"], layer, own))

    def __call__(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that outputs the sequence, or only the last output; see `Stage`."""
        if self.layer.merge is None and not self.layer.go_backwards:
            return self.directions[0].begin(states, tick)
        return self._begin(states, tick)

    def _begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that keeps all chunks until the sequence has ended, and then processes all of it."""
        chunks: list[Chunk] = []
        while chunk := (yield None):
            chunks.append(Chunk(chunk.values.copy(), chunk.mask))
        read = self._backwards if self.layer.merge is None else self._both_ways
        yield from read(WholeSequence.of(chunks), states, tick)

    def prepare(self, features: int, batch: int, steps: int) -> None:
        """Create the loops for the next pass, in chunks of `steps` timesteps, so that its time excludes this."""
        for cell in self._cells(features, batch):
            cell.spare = cell.take_loop(batch, steps)

    @cached_property
    def _together(self) -> Direction:
        """Both directions as one cell."""
        forward, backward = self.directions
        layer = replace(self.layer, units=2 * self.layer.units)
        weights = side_by_side(forward.weights, backward.weights, self.layer.gates)
        return Direction([*forward.prefixes, *backward.prefixes], layer, weights)

    def _cells(self, features: int, batch: int) -> list[Direction]:
        """Return the cells to run if there is no padding: one for both directions, if zeros cost less than calls."""
        units, calls = self.layer.units, calls_per_step(self.layer)
        watched = any(direction.gate_watch is not None for direction in self.directions)
        if self.layer.merge is None or watched or calls is None:
            return self.directions
        zeros = self.layer.gates * units * (units + features) * batch
        few = batch <= MAX_PROJECTED_BATCH and features <= MAX_INPUT_RATIO * units
        return [self._together] if few and zeros <= ZEROS_PER_CALL * calls else self.directions

    def _backwards(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the outputs for a reversed sequence, or only the last one."""
        outputs = self.directions[0].read(whole.turned().chunks(), states, tick)
        # The output is in reversed time, but Keras passes on the mask unchanged.
        masks = (mask if self.layer.return_sequences else None for _, mask in whole.chunks())
        yield from (Chunk(y, mask) for (y, _), mask in zip(outputs, masks, strict=False))

    def _both_ways(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        """Yield the merged outputs in order of time, or only the last outputs, merged."""
        _, features, batch = map(int, whole.values.shape)
        # A mask skips different samples in the two directions at the same step.
        cells = self.directions if whole.mask is not None else self._cells(features, batch)
        inputs: list[Iterable[Chunk]] = [whole.chunks(), whole.turned().chunks()]
        if len(cells) == 1:
            pairs = zip(*inputs, strict=True)
            inputs = [(Chunk(np.concatenate([ahead.values, after.values], axis=1)) for ahead, after in pairs)]
        units, sequence = self.layer.state_sizes["h"], self.layer.return_sequences
        both = np.empty((len(whole.values) if sequence else 1, 2 * units, batch), whole.values.dtype)
        forward, backward = both[:, :units], both[:, units:]
        for room, cell, chunks in zip(np.split(both, len(cells), axis=1), cells, inputs, strict=True):
            start = 0
            for y, _ in cell.read(chunks, states, tick):
                room[start : start + len(y), :, : y.shape[-1]] = y
                start += len(y)
        if sequence:  # the backward output has to be in order of time too
            backward[:] = whole._replace(values=backward.copy(), mask=None).turned().values
        merged = both if self.layer.merge == "concat" else MERGES[str(self.layer.merge)](forward, backward, forward)
        yield from whole._replace(values=merged).chunks() if sequence else [Chunk(merged)]


MERGES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "mul": np.multiply,
    "sum": np.add,
    "ave": lambda forward, backward, out: np.divide(np.add(forward, backward, out), 2, out),
}
"""The function that merges two outputs into an array, by merge mode; concatenated ones are not copied."""


def side_by_side(forward: Mapping[str, Array], backward: Mapping[str, Array], blocks: int) -> dict[str, Array]:
    """Return the weights of one cell that does the work of two independent cells.

    In each block of columns, the units of the first cell come before those of the second. Kernels are block-diagonal,
    so that the inputs of one cell do not affect the other.

    Args:
        forward: Keras's weights of the first cell.
        backward: Keras's weights of the second cell, with the same shapes.
        blocks: the number of blocks of columns: gates and candidate.
    """
    joined = {}
    for key, first in forward.items():
        in_blocks = 1 if key == "projection_kernel" else blocks
        own = [array.reshape(-1, in_blocks, array.shape[-1] // in_blocks) for array in (first, backward[key])]
        rows, _, units = own[0].shape
        both = np.zeros((2, rows, in_blocks, 2, units), first.dtype)
        both[0, :, :, 0], both[1, :, :, 1] = own
        is_bias = key == "bias"
        joined[key] = both.sum(axis=0).reshape(*first.shape[:-1], -1) if is_bias else both.reshape(2 * rows, -1)
    return joined

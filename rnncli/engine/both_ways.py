"""The stage of a recurrent layer that reads the whole sequence both ways and merges the two outputs.

What bounds a small layer is the time of NumPy's calls, a quarter of a microsecond each, whatever they compute (see
`loop.py`). So the two directions of a small layer run as one cell with the units of both: its operand at step t is
[x_t; x_{T-1-t}], and its matrices are block-diagonal, a block for each direction. That takes half as many calls, and
multiplies by the zeros beside the blocks in vain. A layer runs so as long as the calls cost more than the zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from rnncli.engine.cells import calls_per_step
from rnncli.engine.chunks import Chunk, WholeSequence, copy_into, last_of
from rnncli.engine.loop import MAX_PROJECTED_BATCH, GateWatch
from rnncli.engine.passes import Pass, Stage, State, Tick
from rnncli.engine.recurrent import Direction, Whole
from rnncli.engine.types import Array
from rnncli.layers import Recurrent

ZEROS_A_CALL = 2_500
"""How many multiply-adds with zeros are made for each call that is spared; measured by tests/benchmarks/both_ways.py.

At so many a layer takes 0.85 of the time or less. Some cells gain until there are twice as many.
"""

WIDEST_INPUT = 4
"""How many times the units the features may be: a wide input is projected with few columns, and twice as many zeros."""


class BidirectionalStage(Stage):
    """A recurrent layer that reads the whole sequence both ways and merges the two outputs."""

    def __init__(self, name: str, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        self._prefixes = [f"{name}/{direction}" for direction in layer.directions]
        self._weights = tuple(without_prefix(weights, direction) for direction in layer.directions)
        # Keras: inside a Bidirectional that returns sequences, the output of a masked step is zero.
        self.forward, self.backward = (
            Direction([prefix], layer, own, zero_masked=layer.return_sequences)
            for prefix, own in zip(self._prefixes, self._weights, strict=True)
        )

    @cached_property
    def together(self) -> Direction:
        """Both directions as one cell."""
        layer = replace(self.layer, units=2 * self.layer.units)
        forward, backward = self._weights
        return Direction(self._prefixes, layer, side_by_side(forward, backward, self.layer.gates))

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields the merged sequence, in forward time, or the merged last outputs."""
        return Whole(lambda whole: self._both_ways(whole, states, tick))

    def watch_gates(self, watch_of: Callable[[str], GateWatch]) -> None:
        """Show the gates of each step to what `watch_of` returns for its direction; each is then a cell of its own."""
        for name, direction in zip(self.layer.directions, (self.forward, self.backward), strict=True):
            direction.gate_watch = watch_of(name)

    def _both_ways(self, whole: WholeSequence, states: State | None, tick: Tick) -> Iterator[Chunk]:
        read = self._read_together if self._is_one_cell(whole) else self._read_apart
        merged = self._merge(read(whole, states, tick))
        if self.layer.return_sequences:
            yield from WholeSequence(merged, whole.mask, whole.steps).forwards()
        else:
            yield Chunk(merged)

    def _is_one_cell(self, whole: WholeSequence) -> bool:
        """Whether the directions run as one cell: the calls that are spared cost more than the zeros."""
        features, batch = map(int, whole.values.shape[1:])
        units, calls = self.layer.units, calls_per_step(self.layer)
        # A mask skips other samples in one direction than in the other.
        if self.forward.gate_watch is not None or calls is None or whole.mask is not None:
            return False
        if batch > MAX_PROJECTED_BATCH or features > WIDEST_INPUT * units:
            return False
        return self.layer.gates * units * (units + features) * batch <= ZEROS_A_CALL * calls

    def _read_apart(self, whole: WholeSequence, states: State | None, tick: Tick) -> Array:
        """Return the outputs of both directions, one above the other: (timesteps, 2·units, batch), or 1 timestep."""
        forward = self.forward.read(whole.forwards(), states, tick)
        backward = self.backward.read(whole.backwards(), states, tick)
        if not self.layer.return_sequences:
            return np.concatenate([last_of(forward), last_of(backward)], axis=1)
        outputs, units = self._room(whole), self.layer.units
        copy_into(forward, outputs[:, :units])
        copy_into(backward, outputs[::-1, units:])
        return outputs

    def _read_together(self, whole: WholeSequence, states: State | None, tick: Tick) -> Array:
        """Return the same, computed as one cell."""
        pairs = zip(whole.forwards(), whole.backwards(), strict=True)
        inputs = (Chunk(np.concatenate([forward.values, backward.values], axis=1)) for forward, backward in pairs)
        chunks = self.together.read(inputs, states, tick)
        if not self.layer.return_sequences:
            return last_of(chunks)
        outputs = self._room(whole)
        copy_into(chunks, outputs)
        backward = outputs[:, self.layer.units :]
        backward[:] = backward[::-1].copy()
        return outputs

    def _room(self, whole: WholeSequence) -> Array:
        timesteps, _, batch = whole.values.shape
        return np.empty((timesteps, 2 * self.layer.units, batch), whole.values.dtype)

    def _merge(self, both: Array) -> Array:
        """Return the merged outputs of both directions, given one above the other, (timesteps, 2·units, batch)."""
        units, mode = self.layer.units, self.layer.merge_mode
        assert mode is not None
        return MERGES[mode](both, both[:, :units], both[:, units:])


MERGES: Mapping[str, Callable[[Array, Array, Array], Array]] = {
    "concat": lambda both, forward, backward: both,
    "sum": lambda both, forward, backward: np.add(forward, backward, out=forward),
    "mul": lambda both, forward, backward: np.multiply(forward, backward, out=forward),
    "ave": lambda both, forward, backward: np.divide(np.add(forward, backward, out=forward), 2, out=forward),
}
"""What makes one output of both directions, given together and each by itself; it may overwrite them."""


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
        own = [array.reshape(-1, blocks, array.shape[-1] // blocks) for array in (first, backward[key])]
        rows, _, units = own[0].shape
        if key == "bias":
            both = np.stack(own, axis=2).reshape(*first.shape[:-1], -1)
        else:
            both = np.zeros((2, rows, blocks, 2, units), first.dtype)
            both[0, :, :, 0], both[1, :, :, 1] = own
            both = both.reshape(2 * rows, -1)
        joined[key] = both
    return joined


def without_prefix(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the arrays whose keys start with a prefix, by the rest of their keys."""
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

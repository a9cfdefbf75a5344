"""The loop over time that all cells share: the memory layout, and the computation of `W·x + U·h + b`.

**Columns.** Each sample is a column: a state is (units, batch), a chunk of inputs (timesteps, features, batch), and a
step is a matrix product `matrix @ operand` of shape (gates·units, batch). Each gate is then a contiguous block of rows,
and OpenBLAS is 10 to 25 % faster with columns than with rows.

**Operands.** The operands of all steps of a chunk are in one buffer, and step t writes its h directly into the operand
of step t + 1, so the loop copies nothing. It also creates no slices: the views of the buffer are created once. A row of
ones below h makes b a column of the matrix.

**Stacked or projected.** With many samples, an operand is [x; h; 1] and the matrix is [W; U; b]: one product per step,
and no addition. With few samples, a step takes as long as reading the matrix from memory, so it is better to read W
once per chunk: W·x is projected for all timesteps in one product, the operand is [h; 1] and the matrix is [U; b], and
each step adds the two.

Every NumPy call writes into an existing array (`out`), passed by position, which is faster than by name.

**Lower bound.** A Python loop over timesteps takes at least timesteps × (calls × the time of a call + the time of the
product). A call takes 0.2 to 0.25 µs, however little it computes, and `rnncli.engine.cells.CELLS` has the number of
calls per step: an LSTM step never takes less than 2 µs. `make bench` prints the ratio to this bound: 1.0 to 1.1 for one
sample and an LSTM or GRU of up to 64 units. With more units or samples, the work within the calls counts too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np

from rnncli.engine.types import Array

GateWatch = Callable[[dict[str, Array], bool], object]
"""Receives the gates of a step, by symbol, each (units, batch), and whether the first sample has an input there.

The arrays are overwritten by the next step.
"""

MAX_PROJECTED_BATCH = 8
"""The largest batch for which W·x is projected for all timesteps in one product."""


Kernels = tuple[Array, Array, Array]
"""W, (features, rows), U, (units, rows), and b, (rows,). The rows are the matrix's: the units of all gates."""


class Loop(ABC):
    """One direction of a recurrent layer, running on one batch. It keeps its state between chunks.

    Args:
        kernels: the layer's matrices and bias.
        batch: the number of samples.
        steps: the largest number of timesteps in a chunk.

    Attributes:
        batch: the number of samples.
        steps: the largest number of timesteps in a chunk.
        h: the states, (timesteps, units, batch): h[0] before the chunk, h[t + 1] after its step t.
        c: the other state of an LSTM, (units, batch); None for other cells.
        projection: the matrix that an LSTM's output is multiplied by to get h, (size of h, units); None without one.
        projected: W·x for each step of the chunk, (timesteps, rows, batch); None if x is in the operands.
    """

    times: ClassVar[int] = 1
    """The factor by which the buffer's state is scaled: an LSTM may store it doubled."""

    stacks: ClassVar[bool] = True
    """Whether an operand with many samples is [x; h; 1]; otherwise the inputs are always projected."""

    def __init__(self, kernels: Kernels, batch: int, steps: int) -> None:
        kernel, recurrent_kernel, bias = kernels
        features, rows = kernel.shape
        units, dtype = len(recurrent_kernel), kernel.dtype
        stacked = self.stacks and batch > MAX_PROJECTED_BATCH
        blocks = (kernel, recurrent_kernel, bias[None]) if stacked else (recurrent_kernel, bias[None])
        self.matrix = arranged(np.concatenate(blocks).T, batch)
        self.batch, self.steps = batch, steps
        above = features if stacked else 0
        buffer = np.zeros((steps + 1, above + units + 1, batch), dtype)
        buffer[:, -1] = 1
        self.x = buffer[:, :above]
        self.h = buffer[:, above:-1]
        self.c: Array | None = None
        self.projection: Array | None = None
        self.operands = list(buffer)
        self.hidden = list(self.h)
        self.projected: Array | None = None
        if not stacked and batch <= MAX_PROJECTED_BATCH:
            self.kernel = np.ascontiguousarray(kernel)
            self._projection = np.empty((steps * batch, rows), dtype)
            self.projected = self._projection.reshape(steps, batch, rows).swapaxes(1, 2)
        elif not stacked:
            self.kernel = np.ascontiguousarray(kernel.T)
            self.projected = np.empty((steps, rows, batch), dtype)
        self.wx = [None] * steps if self.projected is None else list(self.projected)

    def run(
        self, x: Array, mask: Array | None = None, zero_masked: bool = False, watch: GateWatch | None = None
    ) -> Array:
        """Run the steps of a chunk and return their outputs, (timesteps, units, batch).

        The returned array is part of the buffer, which the next call overwrites.

        Args:
            x: the inputs, (timesteps, features, batch).
            mask: (timesteps, batch), False at padding, where the state is kept.
            zero_masked: whether the output at a masked step is zero instead of the state.
            watch: called after each step with its gates.
        """
        count = len(x)
        self._load(x)
        if mask is None and watch is None:
            self.take(0, count)
        else:
            for t, real in enumerate(np.ones((count, self.batch), bool) if mask is None else mask):
                self._take_step(t, real)
                if watch is not None:
                    watch(self.gate_values(), bool(real[0]))
        self.h[0] = self.h[count]
        outputs = self.outputs(count)
        if mask is not None and zero_masked:
            outputs *= mask[:, None]
        return outputs

    @abstractmethod
    def take(self, start: int, stop: int) -> None:
        """Run the steps from `start` to `stop` of the current chunk."""

    def outputs(self, count: int) -> Array:
        """Return the outputs of the first `count` steps."""
        return self.h[1 : count + 1]

    def state(self) -> dict[str, Array]:
        """Return copies of the states by name, each (units, batch)."""
        return {"h": self.h[0] / self.times, **({} if self.c is None else {"c": self.c.copy()})}

    def set_state(self, state: dict[str, Array] | None) -> None:
        """Set the state; None means zero, as at the start of each sample."""
        self.h[0] = 0 if state is None else self.times * state["h"]
        if self.c is not None:
            self.c[:] = 0 if state is None else state["c"]

    def _load(self, x: Array) -> None:
        """Copy the inputs of a chunk into the operands, or project them."""
        count, features, batch = x.shape
        if self.projected is None:
            self.x[:count] = x
        elif batch <= MAX_PROJECTED_BATCH:
            rows = x.swapaxes(1, 2).reshape(count * batch, features)
            np.dot(rows, self.kernel, self._projection[: count * batch])
        else:
            np.matmul(self.kernel, x, self.projected[:count])

    def _take_step(self, t: int, real: Array) -> None:
        """Run step t, and undo it for the samples that are padding at this step."""
        c_before = None if self.c is None else self.c.copy()
        self.take(t, t + 1)
        if not real.all():
            np.copyto(self.h[t + 1], self.h[t], where=~real)
            if self.c is not None and c_before is not None:
                np.copyto(self.c, c_before, where=~real)

    def gate_values(self) -> dict[str, Array]:
        """Return the gates and candidate of the last step, by symbol, each (units, batch)."""
        return {}

    def _steps(self, start: int, stop: int) -> Iterator[tuple[Array, Array | None, Array]]:
        """Yield for each step its operand, its W·x (None if x is in the operand), and the array for its h."""
        return zip(self.operands[start:stop], self.wx[start:stop], self.hidden[start + 1 : stop + 1], strict=True)


def arranged(matrix: Array, batch: int) -> Array:
    """Return a copy of a matrix in the memory layout that suits the batch.

    Its product with a single vector is faster with contiguous columns; with several vectors, with contiguous rows.
    """
    return np.array(matrix, order="F") if batch == 1 else np.array(matrix, order="C")

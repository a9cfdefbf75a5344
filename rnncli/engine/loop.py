"""The loop over time, common to all cells: where the numbers lie, and how `W·x + U·h + b` is computed.

**Columns.** A sample is a column: a state is (units, batch), a chunk of inputs (timesteps, features, batch), and a
step is a matrix product `matrix @ operand` of shape (gates·units, batch). Each gate is then a contiguous block of rows,
and OpenBLAS multiplies this way round 10 to 25 % faster than rows.

**Operands.** The operands of all steps of a chunk lie in one buffer, and step t writes its h straight into the operand
of step t + 1: nothing is copied in the loop, and the views of the buffer are made once, so nothing is sliced either. A
row of ones below h makes b a column of the matrix.

**Stacked or projected.** With many samples an operand is [x; h; 1] and the matrix [W; U; b]: one product a step and
nothing to add. With few, a step is bound by reading the matrix from memory, and W is better read once for the whole
chunk: W·x is projected for all timesteps in one product, the operand is [h; 1] with [U; b], and a step adds the two.

Every call writes into an array that exists (`out`), passed by position, which is quicker than by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from rnncli.engine.types import Array

MAX_PROJECTED_BATCH = 8
"""Up to so many samples the inputs are projected in one product."""


class Loop(ABC):
    """One direction of a recurrent layer at work on one batch; it keeps its state from chunk to chunk.

    Args:
        kernel: W with a column for each row of the matrix, (features, rows).
        recurrent_kernel: U likewise, (units, rows).
        bias: b, (rows,).
        batch: the number of samples.
        steps: the most timesteps that a chunk has.
        stacked: whether the operand is [x; h; 1]; else the inputs are projected.
    """

    def __init__(
        self, kernel: Array, recurrent_kernel: Array, bias: Array, batch: int, steps: int, stacked: bool
    ) -> None:
        features, rows = kernel.shape
        units = len(recurrent_kernel)
        dtype = kernel.dtype
        blocks = (kernel, recurrent_kernel, bias[None]) if stacked else (recurrent_kernel, bias[None])
        self.matrix = arranged(np.concatenate(blocks).T, batch)
        self.batch, self.steps, self.stacked = batch, steps, stacked
        above = features if stacked else 0
        buffer = np.zeros((steps + 1, above + units + 1, batch), dtype)
        buffer[:, -1] = 1
        self.x = buffer[:, :above]
        self.h = buffer[:, above:-1]
        """The states: h[0] before the chunk, h[t + 1] after its step t."""
        self.operands = list(buffer)
        self.hidden = list(self.h)
        self.projected: Array | None = None
        """W·x of the steps of the chunk, (timesteps, rows, batch), where it is not in the operands."""
        if not stacked and batch <= MAX_PROJECTED_BATCH:
            self.kernel = np.ascontiguousarray(kernel)
            self._projection = np.empty((steps * batch, rows), dtype)
            self.projected = self._projection.reshape(steps, batch, rows).swapaxes(1, 2)
        elif not stacked:
            self.kernel = np.ascontiguousarray(kernel.T)
            self.projected = np.empty((steps, rows, batch), dtype)
        self.wx = [None] * steps if self.projected is None else list(self.projected)

    def run(self, x: Array, mask: Array | None = None, zero_masked: bool = False) -> Array:
        """Take the steps of a chunk and return their outputs, (timesteps, units, batch).

        The array returned is part of the buffer: it holds until the next call.

        Args:
            x: the inputs, (timesteps, features, batch).
            mask: which steps count, (timesteps, batch); at one that does not, the state stays as it was.
            zero_masked: whether the output of a masked step is zero instead of the state.
        """
        count = len(x)
        self._load(x)
        if mask is None:
            self.take(0, count)
        else:
            self._take_unmasked(mask)
        self.h[0] = self.h[count]
        outputs = self.outputs(count)
        if mask is not None and zero_masked:
            outputs *= mask[:, None]
        return outputs

    @abstractmethod
    def take(self, start: int, stop: int) -> None:
        """Take the steps from `start` to `stop` of the chunk that is loaded."""

    def outputs(self, count: int) -> Array:
        """Return the outputs of the first `count` steps."""
        return self.h[1 : count + 1]

    def state(self) -> dict[str, Array]:
        """Return a copy of the state by name, each (units, batch)."""
        return {"h": self.h[0].copy()}

    def set_state(self, state: dict[str, Array] | None) -> None:
        """Start from a state; None is that at the start of every sample, zero."""
        self.h[0] = 0 if state is None else state["h"]

    def _load(self, x: Array) -> None:
        count, features, batch = x.shape
        if self.projected is None:
            self.x[:count] = x
        elif batch <= MAX_PROJECTED_BATCH:
            rows = x.swapaxes(1, 2).reshape(count * batch, features)
            np.dot(rows, self.kernel, self._projection[: count * batch])
        else:
            np.matmul(self.kernel, x, self.projected[:count])

    def _take_unmasked(self, mask: Array) -> None:
        for t, counts in enumerate(mask):
            before = self.state_beside_h()
            self.take(t, t + 1)
            if not counts.all():
                skipped = ~counts
                np.copyto(self.h[t + 1], self.h[t], where=skipped)
                for now, then in zip(self.state_beside_h(copy=False), before, strict=True):
                    np.copyto(now, then, where=skipped)

    def state_beside_h(self, copy: bool = True) -> list[Array]:
        """Return the states that are not in the operands: none, or an LSTM's c."""
        del copy
        return []

    def _steps(self, start: int, stop: int) -> Iterator[tuple[Array, Array | None, Array]]:
        """Yield (operand, W·x or None where it is in the operand, where h goes) for each step."""
        return zip(self.operands[start:stop], self.wx[start:stop], self.hidden[start + 1 : stop + 1], strict=True)


def arranged(matrix: Array, batch: int) -> Array:
    """Return a copy of a matrix in the order that suits the batch.

    A product with one vector runs down contiguous columns, one with a matrix along rows.
    """
    return np.array(matrix, order="F") if batch == 1 else np.array(matrix, order="C")

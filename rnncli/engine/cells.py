"""The loops over time of the recurrent cells: the memory layout, `W·x + U·h + b`, and the step of each cell.

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

**Cells.** SimpleRNN supports any activation. LSTM and GRU have two loops: a textbook version for any activations, and a
faster one for the usual tanh and sigmoid. The fast one computes all gates with a single tanh, because σ(v) = (1 +
tanh(v/2)) / 2: the weights of the gates are halved once, and s = 1 + tanh(v/2) represents 2σ(v).

Every NumPy call writes into an existing array (`out`), passed by position, which is faster than by name.

**Lower bound.** A Python loop over timesteps takes at least timesteps × (calls × the time of a call + the time of the
product). A call takes 0.2 to 0.25 µs, however little it computes, and `CELLS` has the number of calls per step: an LSTM
step never takes less than 2 µs. `make bench` prints the ratio to this bound: 1.0 to 1.1 for one sample and an LSTM or
GRU of up to 64 units. With more units or samples, the work within the calls counts too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS, Array
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN

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


def make_loop(layer: Recurrent, weights: Mapping[str, Array], batch: int, steps: int) -> Loop:
    """Return the loop of a recurrent layer.

    Args:
        layer: the layer.
        weights: Keras's `kernel`, `recurrent_kernel`, `bias` if the layer has one, and `projection_kernel` if h is
            projected.
        batch: the number of samples.
        steps: the largest number of timesteps in a chunk.
    """
    kernel = weights["kernel"]
    bias = weights.get("bias", np.zeros(kernel.shape[1], kernel.dtype))
    fast, textbook, _ = CELLS[type(layer)]
    kernels = kernel, weights["recurrent_kernel"], bias
    loop = (fast if _is_usual(layer) else textbook)(layer, kernels, batch, steps)
    if "projection_kernel" in weights:
        loop.projection = arranged(weights["projection_kernel"].T, batch)
    return loop


def calls_per_step(layer: Recurrent) -> int | None:
    """Return the NumPy calls in a step of the layer's fast loop; None if it uses the textbook loop."""
    return CELLS[type(layer)][2] if _is_usual(layer) else None


def _is_usual(layer: Recurrent) -> bool:
    return layer.activation == "tanh" and getattr(layer, "recurrent_activation", "sigmoid") == "sigmoid"


class LSTMLoop(Loop):
    """An LSTM with tanh and sigmoid.

    The rows of the matrix are the gates o, i, f, g, so that factors are adjacent: (i, f) and (g, c). With s = 2σ,
    c = (s_i·g + s_f·c) / 2. The state is stored as 2h = s_o·tanh(c); U is halved to compensate, and the outputs are
    halved once per chunk.
    """

    times = 2
    c: Array

    def __init__(self, layer: LSTM, kernels: Kernels, batch: int, steps: int) -> None:
        units, dtype = layer.units, kernels[0].dtype

        def reorder(array: Array) -> Array:
            i, f, g, o = np.split(array, 4, axis=-1)
            return np.concatenate([o / 2, i / 2, f / 2, g], axis=-1)

        kernel, recurrent_kernel, bias = map(reorder, kernels)
        super().__init__((kernel, recurrent_kernel / 2, bias), batch, steps)
        self.rows = np.zeros((5 * units, batch), dtype)  # o i f | g c
        self.c = self.rows[4 * units :]
        self.products = np.empty((2 * units, batch), dtype)
        self.tanh_c = np.empty((units, batch), dtype)
        self.one = np.ones((), dtype)  # twice as fast as a Python number
        self.halves = np.full(2, 0.5, dtype)

    def take(self, start: int, stop: int) -> None:
        """Run the steps from `start` to `stop`."""
        rows, units = self.rows, len(self.c)
        gates, o_i_f, o = rows[: 4 * units], rows[: 3 * units], rows[:units]
        i_f, g_c, c = rows[units : 3 * units], rows[3 * units :], self.c
        products, tanh_c, one, projection = self.products, self.tanh_c, self.one, self.projection
        both_products, flat_c = products.reshape(2, -1), c.reshape(-1)
        dot, half_sum = self.matrix.dot, self.halves.dot
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for operand, wx, h in self._steps(start, stop):
            dot(operand, gates)
            if wx is not None:
                add(gates, wx, gates)
            tanh(gates, gates)
            add(o_i_f, one, o_i_f)
            multiply(i_f, g_c, products)
            half_sum(both_products, flat_c)  # c = i·g + f·c
            tanh(c, tanh_c)
            if projection is None:
                multiply(o, tanh_c, h)  # h = o·tanh(c), doubled
            else:
                multiply(o, tanh_c, tanh_c)
                projection.dot(tanh_c, h)

    def gate_values(self) -> dict[str, Array]:
        """Return i, f, g and o; the sigmoid gates are stored doubled."""
        o, i, f, g, _ = self.rows.reshape(5, -1, self.batch)
        return {"i": i / 2, "f": f / 2, "g": g, "o": o / 2}

    def outputs(self, count: int) -> Array:
        """Return the outputs, halved in place: the last step's doubled h has already been copied to h[0]."""
        doubled = super().outputs(count)
        doubled *= self.halves[0]
        return doubled


class GRULoop(Loop):
    """A GRU with tanh and sigmoid.

    With s = 2σ, h = z·h + (1 - z)·g becomes g + s_z·(h - g) / 2. Because s_r is 2r, the rows of U and b' for g are
    halved.
    """

    stacks = False

    def __init__(self, layer: GRU, kernels: Kernels, batch: int, steps: int) -> None:
        units, dtype = layer.units, kernels[0].dtype
        kernel, recurrent_kernel, bias = kernels
        recurrent_bias, self.bias = split_bias(bias, units)
        halve_gates = np.repeat(np.array([0.5, 1], dtype), [2 * units, units])
        super().__init__((kernel * halve_gates, recurrent_kernel / 2, recurrent_bias / 2), batch, steps)
        self.reset_after = layer.reset_after
        self.matrix_zr, self.matrix_g = self.matrix[: 2 * units], self.matrix[2 * units :, :units]
        if not layer.reset_after:
            self.matrix_zr, self.matrix_g = arranged(self.matrix_zr, batch), arranged(self.matrix_g, batch)
        self.rows = np.empty((3 * units, batch), dtype)
        self.reset = np.empty((units, batch), dtype)
        self.mix = np.empty((2 * units, batch), dtype)
        self.one = np.ones((), dtype)
        self.one_and_half = np.array([1, 0.5], dtype)
        assert self.projected is not None
        self.wx_zr, self.wx_g = list(self.projected[:, : 2 * units]), list(self.projected[:, 2 * units :])
        self.flat_hidden = [h.reshape(-1) for h in self.hidden]

    def _load(self, x: Array) -> None:
        super()._load(x)
        assert self.projected is not None
        wx_g = self.projected[: len(x), -len(self.bias) :]
        np.add(wx_g, self.bias, wx_g)

    def take(self, start: int, stop: int) -> None:
        """Run the steps from `start` to `stop`."""
        rows, reset, one = self.rows, self.reset, self.one
        units = len(reset)
        zr, z, r, uh_g = rows[: 2 * units], rows[:units], rows[units : 2 * units], rows[2 * units :]
        g, difference, both = self.mix[:units], self.mix[units:], self.mix.reshape(2, -1)
        blend = self.one_and_half.dot
        add, subtract, multiply, tanh = np.add, np.subtract, np.multiply, np.tanh
        # The product computes U·h for all rows, or only for those of z and r.
        reset_after = self.reset_after
        dot, product = (self.matrix.dot, rows) if reset_after else (self.matrix_zr.dot, zr)
        dot_g = self.matrix_g.dot
        steps = zip(
            self.operands[start:stop],
            self.hidden[start:stop],
            self.flat_hidden[start + 1 : stop + 1],
            self.wx_zr[start:stop],
            self.wx_g[start:stop],
            strict=True,
        )
        for operand, h, h_next, wx_zr, wx_g in steps:
            dot(operand, product)
            add(zr, wx_zr, zr)
            tanh(zr, zr)
            add(zr, one, zr)
            if reset_after:
                multiply(r, uh_g, uh_g)
            else:
                multiply(r, h, reset)
                dot_g(reset, uh_g)
            add(uh_g, wx_g, uh_g)
            tanh(uh_g, g)  # g = tanh(W·x + b + r·(U·h + b')), or tanh(W·x + b + U·(r·h))
            subtract(h, g, difference)
            multiply(z, difference, difference)
            blend(both, h_next)  # h = z·h + (1 - z)·g

    def gate_values(self) -> dict[str, Array]:
        """Return z, r and the candidate; z and r are stored doubled."""
        z, r, _ = self.rows.reshape(3, -1, self.batch)
        return {"z": z / 2, "r": r / 2, "g": self.mix[: len(self.reset)]}


class SimpleRNNLoop(Loop):
    """h = act(W·x + U·h + b)."""

    def __init__(self, layer: Recurrent, kernels: Kernels, batch: int, steps: int) -> None:
        super().__init__(kernels, batch, steps)
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]
        self.z = np.empty((layer.units, batch), self.matrix.dtype)

    def take(self, start: int, stop: int) -> None:
        """Run the steps from `start` to `stop`."""
        dot, add, activation, z = self.matrix.dot, np.add, self.activation, self.z
        for operand, wx, h in self._steps(start, stop):
            dot(operand, z)  # W·x + U·h + b, or U·h + b if W·x is projected
            if wx is not None:
                add(z, wx, z)
            activation(z, h)


class TextbookLSTMLoop(Loop):
    """i, f, o = gate(W·x + U·h + b); g = act(…); c = f·c + i·g; h = o·act(c)."""

    def __init__(self, layer: LSTM, kernels: Kernels, batch: int, steps: int) -> None:
        super().__init__(kernels, batch, steps)
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]
        self.gate = ACTIVATION_FUNCTIONS[layer.recurrent_activation]
        self.gates = np.empty((4 * layer.units, batch), self.matrix.dtype)
        self.c = np.zeros_like(self.gates[: layer.units])
        self.written = np.empty_like(self.c)

    def take(self, start: int, stop: int) -> None:
        """Run the steps from `start` to `stop`."""
        gates, c = self.gates, self.c
        i, f, g, o = gates.reshape(4, -1, self.batch)
        for operand, wx, h in self._steps(start, stop):
            self.matrix.dot(operand, gates)
            if wx is not None:
                gates += wx
            for gate in (i, f, o):
                self.gate(gate, gate)
            self.activation(g, g)
            c *= f
            c += np.multiply(i, g, self.written)
            self.activation(c, h)
            h *= o

    def gate_values(self) -> dict[str, Array]:
        """Return i, f, g and o."""
        return dict(zip("ifgo", self.gates.reshape(4, -1, self.batch), strict=True))


class TextbookGRULoop(Loop):
    """z, r = gate(W·x + U·h + b); h = z·h + (1 - z)·act(W·x + b + r·(U·h + b')).

    With reset=before, the candidate is act(W·x + b + U·(r·h)) instead. The inputs are always projected, because r
    resets U·h but not W·x.
    """

    stacks = False

    def __init__(self, layer: GRU, kernels: Kernels, batch: int, steps: int) -> None:
        kernel, recurrent_kernel, bias = kernels
        recurrent_bias, self.bias = split_bias(bias, layer.units)
        super().__init__((kernel, recurrent_kernel, recurrent_bias), batch, steps)
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]
        self.gate = ACTIVATION_FUNCTIONS[layer.recurrent_activation]
        self.reset_after = layer.reset_after
        self.units = layer.units
        self.gates: dict[str, Array] = {}

    def take(self, start: int, stop: int) -> None:
        """Run the steps from `start` to `stop`."""
        units = self.units
        for t, (operand, wx, h_next) in enumerate(self._steps(start, stop), start):
            assert wx is not None
            h = self.hidden[t]
            uh = self.matrix @ operand
            z, r = (uh[: 2 * units] + wx[: 2 * units]).reshape(2, units, -1)
            self.gate(z, z)
            self.gate(r, r)
            reset = r * uh[2 * units :] if self.reset_after else self.matrix[2 * units :, :units] @ (r * h)
            candidate = wx[2 * units :] + self.bias + reset
            self.activation(candidate, candidate)
            h_next[:] = z * h + (1 - z) * candidate
            self.gates = {"z": z, "r": r, "g": candidate}

    def gate_values(self) -> dict[str, Array]:
        """Return z, r and the candidate."""
        return self.gates


def split_bias(bias: Array, units: int) -> tuple[Array, Array]:
    """Return a GRU's bias in two parts: the part added to U·h for all gates, and the part added to the candidate's W·x.

    Because z and r only depend on the sum of their two biases, the first part contains all of it.
    """
    inputs, recurrent = (bias, np.zeros_like(bias)) if bias.ndim == 1 else bias
    recurrent = recurrent.copy()
    recurrent[: 2 * units] += inputs[: 2 * units]
    return recurrent, inputs[2 * units :, None].copy()


CELLS: dict[type[Recurrent], tuple[Callable[..., Loop], Callable[..., Loop], int]] = {
    SimpleRNN: (SimpleRNNLoop, SimpleRNNLoop, 3),
    LSTM: (LSTMLoop, TextbookLSTMLoop, 8),
    GRU: (GRULoop, TextbookGRULoop, 10),
}
"""The fast and the textbook loop of each cell, and the NumPy calls in a step of the fast loop.

The number of calls includes the matrix product; it is one less if the inputs are stacked instead of projected.
"""

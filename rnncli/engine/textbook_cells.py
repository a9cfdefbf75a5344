"""The steps of the recurrent cells as the textbook writes them, for any activations."""

from __future__ import annotations

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.engine.loop import MAX_PROJECTED_BATCH, Loop
from rnncli.engine.types import Array
from rnncli.layers import GRU, LSTM, Recurrent


class SimpleRNNLoop(Loop):
    """h = act(W·x + U·h + b)."""

    def __init__(
        self, layer: Recurrent, kernel: Array, recurrent_kernel: Array, bias: Array, batch: int, steps: int
    ) -> None:
        super().__init__(kernel, recurrent_kernel, bias, batch, steps, stacked=batch > MAX_PROJECTED_BATCH)
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]
        self.z = np.empty((layer.units, batch), kernel.dtype)

    def take(self, start: int, stop: int) -> None:
        """Take some steps."""
        dot, add, activation, z = self.matrix.dot, np.add, self.activation, self.z
        for operand, wx, h in self._steps(start, stop):
            dot(operand, z)  # W·x + U·h + b; without W·x if that is projected
            if wx is not None:
                add(z, wx, z)
            activation(z, h)


class TextbookLSTMLoop(Loop):
    """i, f, o = gate(W·x + U·h + b); g = act(…); c = f·c + i·g; h = o·act(c)."""

    def __init__(
        self, layer: LSTM, kernel: Array, recurrent_kernel: Array, bias: Array, batch: int, steps: int
    ) -> None:
        super().__init__(kernel, recurrent_kernel, bias, batch, steps, stacked=batch > MAX_PROJECTED_BATCH)
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]
        self.gate = ACTIVATION_FUNCTIONS[layer.recurrent_activation]
        self.gates = np.empty((4 * layer.units, batch), kernel.dtype)
        self.c = np.zeros((layer.units, batch), kernel.dtype)
        self.written = np.empty_like(self.c)

    def take(self, start: int, stop: int) -> None:
        """Take some steps."""
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

    def state(self) -> dict[str, Array]:
        """Return a copy of h and c."""
        return super().state() | {"c": self.c.copy()}

    def set_state(self, state: dict[str, Array] | None) -> None:
        """Start from h and c."""
        super().set_state(state)
        self.c[:] = 0 if state is None else state["c"]

    def state_beside_h(self, copy: bool = True) -> list[Array]:
        """Return c."""
        return [self.c.copy() if copy else self.c]


class TextbookGRULoop(Loop):
    """z, r = gate(W·x + U·h + b); h = z·h + (1 - z)·act(W·x + b + r·(U·h + b')).

    With reset=before, the candidate is act(W·x + b + U·(r·h)) instead. The inputs are always projected, because r
    resets U·h but not W·x.
    """

    def __init__(self, layer: GRU, kernel: Array, recurrent_kernel: Array, bias: Array, batch: int, steps: int) -> None:
        recurrent_bias, self.bias = split_bias(bias, layer.units)
        super().__init__(kernel, recurrent_kernel, recurrent_bias, batch, steps, stacked=False)
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]
        self.gate = ACTIVATION_FUNCTIONS[layer.recurrent_activation]
        self.reset_after = layer.reset_after
        self.units = layer.units
        self.gates: dict[str, Array] = {}

    def take(self, start: int, stop: int) -> None:
        """Take some steps."""
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
    """Return a GRU's bias in two parts: the one added to U·h, of all gates, and the one added to W·x of the candidate.

    The gates z and r only need the sum of their two biases, so all of it is in the first part.
    """
    inputs, recurrent = (bias, np.zeros_like(bias)) if bias.ndim == 1 else bias
    recurrent = recurrent.copy()
    recurrent[: 2 * units] += inputs[: 2 * units]
    return recurrent, inputs[2 * units :, None].copy()

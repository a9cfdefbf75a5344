"""The recurrent cells: one step of each, as the textbook writes it, and the loop over time around it.

Layout. Everything is in columns, one for each sample: an input chunk is (timesteps, features, batch), a state is
(units, batch), and the matrices are Keras's transposed, so a step computes `Wᵀ·x + Uᵀ·h + b`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.engine.types import Array
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN


class Cell(ABC):
    """One direction of a recurrent layer: its weights, arranged for the loop.

    Args:
        layer: the layer.
        weights: Keras's `kernel`, `recurrent_kernel` and (unless there is none) `bias`.
    """

    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(self, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.units = layer.units
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]
        self.kernel = np.ascontiguousarray(weights["kernel"].T)
        self.recurrent_kernel = np.ascontiguousarray(weights["recurrent_kernel"].T)
        self.dtype = self.kernel.dtype
        rows = self.kernel.shape[0]
        bias = weights.get("bias", np.zeros(rows, self.dtype))
        self.bias = bias.reshape(-1, rows, 1)

    def zero_state(self, batch: int) -> dict[str, Array]:
        """Return the state at the start of every sample."""
        return {name: np.zeros((self.units, batch), self.dtype) for name in self.state_names}

    def run(
        self,
        x: Array,
        state: dict[str, Array],
        out: Array | None = None,
        mask: Array | None = None,
        zero_masked: bool = False,
    ) -> None:
        """Take the steps of a chunk; `state` is updated in place.

        Args:
            x: the inputs, (timesteps, features, batch).
            state: each (units, batch).
            out: where each step's output goes, (timesteps, units, batch).
            mask: which steps count, (timesteps, batch): at a step that does not, the state stays as it was.
            zero_masked: whether the output of a masked step is zero instead of the state.
        """
        inputs = np.matmul(self.kernel, x)
        inputs += self.bias[0]
        for t in range(len(x)):
            before = None if mask is None else {name: each.copy() for name, each in state.items()}
            self.step(inputs[t], state)
            if mask is not None and before is not None:
                for name, each in state.items():
                    np.copyto(each, before[name], where=~mask[t])
            if out is not None:
                out[t] = state["h"]
                if mask is not None and zero_masked:
                    out[t] *= mask[t]

    @abstractmethod
    def step(self, x: Array, state: dict[str, Array]) -> None:
        """Take one step; `x` is Wᵀ·x + b for it, (gates·units, batch)."""


class SimpleRNNCell(Cell):
    """h = act(W·x + U·h + b)."""

    def step(self, x: Array, state: dict[str, Array]) -> None:
        """Take one step."""
        h = state["h"]
        self.activation(x + self.recurrent_kernel @ h, h)


class LSTMCell(Cell):
    """i, f, o = σ(…); c = f·c + i·act(…); h = o·act(c)."""

    state_names: ClassVar[tuple[str, ...]] = ("h", "c")

    def __init__(self, layer: LSTM, weights: Mapping[str, Array]) -> None:
        super().__init__(layer, weights)
        self.gate = ACTIVATION_FUNCTIONS[layer.recurrent_activation]

    def step(self, x: Array, state: dict[str, Array]) -> None:
        """Take one step."""
        h, c = state["h"], state["c"]
        i, f, g, o = (x + self.recurrent_kernel @ h).reshape(4, self.units, -1)
        for gate in (i, f, o):
            self.gate(gate, gate)
        self.activation(g, g)
        c *= f
        c += i * g
        self.activation(c, h)
        h *= o


class GRUCell(Cell):
    """z, r = σ(…); h = z·h + (1-z)·act(W·x + r·(U·h))."""

    def __init__(self, layer: GRU, weights: Mapping[str, Array]) -> None:
        super().__init__(layer, weights)
        self.gate = ACTIVATION_FUNCTIONS[layer.recurrent_activation]
        self.reset_after = layer.reset_after

    def step(self, x: Array, state: dict[str, Array]) -> None:
        """Take one step."""
        h, units = state["h"], self.units
        x_z, x_r, candidate = x.reshape(3, units, -1)
        if self.reset_after:
            recurrent = self.recurrent_kernel @ h
            if len(self.bias) == 2:
                recurrent += self.bias[1]
            h_z, h_r, h_h = recurrent.reshape(3, units, -1)
        else:
            h_z, h_r = (self.recurrent_kernel[: 2 * units] @ h).reshape(2, units, -1)
        z, r = x_z + h_z, x_r + h_r
        self.gate(z, z)
        self.gate(r, r)
        candidate += r * h_h if self.reset_after else self.recurrent_kernel[2 * units :] @ (r * h)
        self.activation(candidate, candidate)
        h -= candidate
        h *= z
        h += candidate


def make_cell(layer: Recurrent, weights: Mapping[str, Array]) -> Cell:
    """Return the cell of a recurrent layer."""
    if isinstance(layer, LSTM):
        return LSTMCell(layer, weights)
    if isinstance(layer, GRU):
        return GRUCell(layer, weights)
    assert isinstance(layer, SimpleRNN)
    return SimpleRNNCell(layer, weights)

"""`rnn:U`: the textbook loop, h = tanh(x·W + h·U + b)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.base import Conflict, Equation, applied
from rnncli.layers.recurrent import Recurrent
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape


class SimpleRNN(Recurrent):
    """`keras.layers.SimpleRNN`; `torch.nn.RNN`, which supports only tanh and relu."""

    kind = "rnn"
    aliases = ("simplernn", "simple_rnn")
    called = ("elman", "vanilla_rnn", "vanilla")
    keras = "SimpleRNN"
    torch = "RNN"
    torch_arguments: ClassVar[Mapping[str, str]] = {**Recurrent.torch_arguments, "activation": "nonlinearity"}
    means = "h = act(x·W + h·U + b)"
    blocks: ClassVar[Mapping[Framework, tuple[str, ...]]] = {"keras": ("",), "torch": ("",)}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the textbook equation."""
        bias = self._bias_text(framework == "torch")
        return (Equation(f"h_t = {applied(self.activation, f'x_t·W + h_{{t-1}}·U{bias}')}", "state and output"),)

    def kept(self, input_shape: Shape) -> int:
        """Return the numbers of each direction's state: its only gate is the new state."""
        return len(self.directions) * self.units

    def _torch_conflict(self) -> Conflict | None:
        if self.activation not in ("tanh", "relu"):
            return Conflict(
                f"PyTorch's RNN supports only tanh and relu; {self.activation} was given",
                replace(self, activation="tanh"),
            )
        return super()._torch_conflict()

    def _cell_range(self) -> tuple[float, float] | None:
        return ACTIVATIONS[self.activation].bounds

"""`lstm:U`: four gates and a second state, the cell's memory c."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from rnncli.layers.base import Equation, applied
from rnncli.layers.options import Choice
from rnncli.layers.recurrent import Gated
from rnncli.layers.weights import Framework, Weight


@dataclass(frozen=True, eq=False, repr=False)
class LSTM(Gated):
    """`keras.layers.LSTM`; columns of its kernels are the gates i, f, c, o in this order.

    With `unit_forget_bias` the bias of the forget gate starts at one, so that a new LSTM remembers.
    """

    unit_forget_bias: bool = True

    kind = "lstm"
    keras = "LSTM"
    torch = "LSTM"
    gates_text = "three gates and a candidate"
    means = f"{gates_text}: 4 × the weights of rnn"
    cell_keras_name = "lstm"
    gates = 4
    blocks: ClassVar[Mapping[Framework, tuple[str, ...]]] = {
        "keras": ("i", "f", "c", "o"),
        "torch": ("i", "f", "g", "o"),
    }
    candidate = 2
    states = ("h", "c")
    options = (
        *Gated.options,
        Choice("forgetbias", "unit_forget_bias", {"1": True, "0": False}, "how the forget gate's bias starts"),
    )

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the gates i, f and o, the candidate g, and the two states."""
        i, f, g, o = self.blocks[framework]

        def gate(symbol: str, block: str, activation: str, means: str) -> Equation:
            total = f"x_t·W_{block} + h_{{t-1}}·U_{block}{self._bias_text(framework, f'_{block}')}"
            return Equation(f"{symbol}_t = {applied(activation, total)}", means)

        return (
            gate(i, i, self.recurrent_activation, "input gate: what is written"),
            gate(f, f, self.recurrent_activation, "forget gate: what is kept"),
            gate("g", g, self.activation, "candidate: what could be written"),
            gate(o, o, self.recurrent_activation, "output gate: what is shown"),
            Equation(f"c_t = {f}_t * c_{{t-1}} + {i}_t * g_t", "the cell's memory"),
            Equation(f"h_t = {o}_t * {applied(self.activation, 'c_t')}", "state and output"),
        )

    def trained(self) -> Self:
        """Return the same layer with Keras's start of the bias."""
        return replace(self, unit_forget_bias=True)

    def _bias(self) -> Weight:
        # Keras starts the forget gate's bias at one (Jozefowicz et al., 2015).
        bias = super()._bias()
        return bias._replace(initializer="unit_forget_bias") if self.unit_forget_bias else bias

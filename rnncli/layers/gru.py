"""`gru:U`: two gates and a candidate, on one state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rnncli.layers.base import Choice, Conflict, Equation, Factor, Framework, Option, Weight, applied
from rnncli.layers.recurrent import Gated


@dataclass(frozen=True, repr=False)
class GRU(Gated):
    """`keras.layers.GRU`; columns of its kernels are z, r, h in this order.

    With `reset_after` the reset gate acts on U·h and not on h, and the input and the state have a bias each: a
    bias of shape (2, 3·units). That is cuDNN's and PyTorch's variant, and Keras's default.
    """

    reset_after: bool = True

    kind: ClassVar[str] = "gru"
    keras: ClassVar[str] = "GRU"
    torch: ClassVar[str] = "GRU"
    means: ClassVar[str] = "two gates and a candidate: 3 × the weights of rnn"
    cell_keras_name: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    blocks: ClassVar[tuple[str, ...]] = ("z", "r", "h")
    torch_blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    options: ClassVar[tuple[Option, ...]] = (
        *Gated.options,
        Choice(
            "reset",
            "reset_after",
            {"after": True, "before": False},
            "reset gate after U·h or before",
        ),
    )

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the gates z and r, the candidate g, and the state."""
        del framework
        both = self.use_bias and self.reset_after

        def gate(symbol: str, means: str) -> Equation:
            bias = f" + b_{symbol}" if self.use_bias else ""
            second = f" + b'_{symbol}" if both else ""
            total = f"x_t·W_{symbol} + h_{{t-1}}·U_{symbol}{bias}{second}"
            return Equation(f"{symbol}_t = {applied(self.recurrent_activation, total)}", means)

        bias = " + b_h" if self.use_bias else ""
        if self.reset_after:
            recurrent = "h_{t-1}·U_h + b'_h" if both else "h_{t-1}·U_h"
            candidate = f"x_t·W_h{bias} + r_t * ({recurrent})"
        else:
            candidate = f"x_t·W_h + (r_t * h_{{t-1}})·U_h{bias}"
        return (
            gate("z", "update gate: what is kept"),
            gate("r", "reset gate: what the candidate sees of the state"),
            Equation(f"g_t = {applied(self.activation, candidate)}", "candidate"),
            Equation("h_t = z_t * h_{t-1} + (1 - z_t) * g_t", "state and output"),
        )

    def _bias(self) -> Weight:
        bias = super()._bias()
        return bias._replace(axes=((Factor("biases", 2),), *bias.axes)) if self.reset_after else bias

    def _torch_conflict(self) -> Conflict | None:
        if not self.reset_after:
            return Conflict(
                "PyTorch's GRU applies its reset gate after U·h; it has no reset=before",
                replace(self, reset_after=True),
            )
        return super()._torch_conflict()

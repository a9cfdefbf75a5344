"""`gru:U`: two gates and a candidate, on one state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rnncli.layers.base import Choice, Conflict, Factor, Option, Weight
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
    options: ClassVar[tuple[Option, ...]] = (
        *Gated.options,
        Choice(
            "reset",
            "reset_after",
            {"after": True, "before": False},
            "reset gate after U·h or before",
        ),
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

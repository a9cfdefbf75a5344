"""`lstm:U`: four gates and a second state, the cell's memory c."""

from __future__ import annotations

from typing import ClassVar

from rnncli.layers.base import Weight
from rnncli.layers.recurrent import Gated


class LSTM(Gated):
    """`keras.layers.LSTM`; columns of its kernels are the gates i, f, c, o in this order."""

    kind: ClassVar[str] = "lstm"
    keras: ClassVar[str] = "LSTM"
    torch: ClassVar[str] = "LSTM"
    means: ClassVar[str] = "three gates and a candidate: 4 × the weights of rnn"
    cell_keras_name: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def _bias(self) -> Weight:
        # Keras starts the forget gate's bias at one (Jozefowicz et al., 2015).
        return super()._bias()._replace(initializer="unit_forget_bias")

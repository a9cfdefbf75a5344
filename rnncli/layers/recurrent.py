"""What SimpleRNN, LSTM and GRU have in common: the loop over time, its flags, its weights.

The three cells differ in the number of their gates, in a bias and in what PyTorch can express; each has a
file of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from rnncli.layers.activations import ACTIVATION_RANGES, ACTIVATIONS
from rnncli.layers.base import (
    Axis,
    Choice,
    Conflict,
    Factor,
    Flag,
    Framework,
    Layer,
    Option,
    Shape,
    Sizes,
    Weight,
)

MERGE_MODES = ("concat", "sum", "mul", "ave")

SEQUENCE_OPTIONS: tuple[Option, ...] = (
    Flag("seq", "return_sequences", "return every output, not only the last"),
    Flag("back", "go_backwards", "read time backwards"),
    Choice(
        "bi",
        "merge_mode",
        {mode: mode for mode in MERGE_MODES},
        "read both ways and merge the two outputs",
        key_alone="concat",
    ),
    Flag("nobias", "use_bias", "no bias", value=False),
    Choice("act", "activation", {a: a for a in ACTIVATIONS}, "activation", name_alone=True),
)

GATE_ACTIVATION = Choice("recact", "recurrent_activation", {a: a for a in ACTIVATIONS}, "activation of the gates")


@dataclass(frozen=True, repr=False)
class Recurrent(Layer):
    """A layer that loops over timesteps and keeps a state between them.

    It reads (batch, timesteps, features) and returns (batch, timesteps, units) with `return_sequences`, else
    (batch, units), the output of the last step. The state is zero at the start of every sample.

    With a `merge_mode` it is a `keras.layers.Bidirectional` around the cell.
    """

    units: int
    return_sequences: bool = False
    go_backwards: bool = False
    merge_mode: str | None = None
    use_bias: bool = True
    activation: str = "tanh"

    cell_keras_name: ClassVar[str]
    """The base name that Keras numbers: `simple_rnn`."""
    gates: ClassVar[int]
    """How many blocks of `units` columns its kernels have."""
    blocks: ClassVar[tuple[str, ...]] = ()
    """The names of those blocks, in Keras's order."""
    torch_blocks: ClassVar[tuple[str, ...]] = ()
    """The same as PyTorch calls and orders them."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    """What the cell keeps between timesteps, each of `units` numbers."""
    sizes: ClassVar[Sizes] = Sizes(("units",), ("U",), example="32")
    options: ClassVar[tuple[Option, ...]] = SEQUENCE_OPTIONS
    needs_sequence: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, timesteps, units) or (batch, units); twice the units where both directions are kept."""
        units = 2 * self.units if self.merge_mode == "concat" else self.units
        return (*input_shape[:-1], units) if self.return_sequences else (input_shape[0], units)

    def weights(self, input_size: int, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the weights of the cell, or of the forward and the backward cell."""
        if framework == "torch":
            suffixes = ("",) if self.merge_mode is None else ("", "_reverse")
            return tuple(
                weight._replace(name=weight.name + suffix)
                for suffix in suffixes
                for weight in self._torch_cell_weights(input_size)
            )
        return tuple(
            weight._replace(name=direction + weight.name)
            for direction in self.directions()
            for weight in self.cell_weights(input_size)
        )

    def cell_weights(self, input_size: int) -> tuple[Weight, ...]:
        """Return Keras's weights of one cell: W and U side by side for all gates, and b."""
        columns = self._columns()
        weights = [
            Weight("kernel", ((Factor("input", input_size),), columns), "W", "glorot_uniform", multiplies=True),
            Weight("recurrent_kernel", (columns[-1:], columns), "U", "orthogonal", multiplies=True),
        ]
        if self.use_bias:
            weights.append(self._bias())
        return tuple(weights)

    def _columns(self) -> Axis:
        """Return the axis that runs over the units of all gates."""
        units = Factor("units", self.units)
        return (units,) if self.gates == 1 else (Factor("gates", self.gates), units)

    def _bias(self) -> Weight:
        return Weight("bias", (self._columns(),), "b", "zeros")

    def _bias_text(self, framework: Framework, block: str = "") -> str:
        """Return what an equation adds for the bias of a block; PyTorch has one for the input and one for the state."""
        if not self.use_bias:
            return ""
        return f" + b{block} + b'{block}" if framework == "torch" else f" + b{block}"

    def _torch_cell_weights(self, input_size: int) -> tuple[Weight, ...]:
        # torch.nn.RNNBase: rows are gates, and the input and the state have a bias each.
        rows = self._columns()
        weights = [
            Weight("weight_ih_l0", (rows, (Factor("input", input_size),)), "W", multiplies=True),
            Weight("weight_hh_l0", (rows, rows[-1:]), "U", multiplies=True),
        ]
        if self.use_bias:
            weights += [Weight("bias_ih_l0", (rows,), "b"), Weight("bias_hh_l0", (rows,), "b'")]
        return tuple(weights)

    def directions(self) -> tuple[str, ...]:
        """Return what comes before the names of its weights and states, for each direction it reads in."""
        return ("",) if self.merge_mode is None else ("forward/", "backward/")

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the cell's class, or Bidirectional where Keras wraps it."""
        if framework == "keras" and self.merge_mode is not None:
            return "Bidirectional"
        return super().type_name(framework)

    def cell_name(self, framework: Framework = "keras") -> str | None:
        """Return the cell's class in that framework."""
        return super().type_name(framework)

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base names: inside a Bidirectional the cell is numbered too."""
        if self.merge_mode is None:
            return (self.cell_keras_name,)
        return ("bidirectional", self.cell_keras_name)

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return what that framework cannot express of this layer, or None."""
        if framework == "torch":
            return self._torch_conflict()
        if self.go_backwards and self.merge_mode is not None:
            return Conflict(
                "bi reads the sequence both ways already, and Keras refuses back inside it",
                replace(self, go_backwards=False),
            )
        return None

    def _torch_conflict(self) -> Conflict | None:
        if self.merge_mode not in (None, "concat"):
            return Conflict(
                f"PyTorch's {self.torch} concatenates its two directions; it has no bi={self.merge_mode}",
                replace(self, merge_mode="concat"),
            )
        return None

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds that the merged outputs saturate at, or None where they have none."""
        bounds = self._cell_range()
        if bounds is not None and self.merge_mode == "sum":
            return 2 * bounds[0], 2 * bounds[1]
        return bounds

    @abstractmethod
    def _cell_range(self) -> tuple[float, float] | None:
        """Return the bounds of one cell's output."""


@dataclass(frozen=True, repr=False)
class Gated(Recurrent):
    """A recurrent layer whose gates have an activation of their own."""

    recurrent_activation: str = "sigmoid"

    options: ClassVar[tuple[Option, ...]] = (*SEQUENCE_OPTIONS, GATE_ACTIVATION)

    def _torch_conflict(self) -> Conflict | None:
        if self.activation != "tanh":
            return Conflict(
                f"PyTorch's {self.torch} has no activation but tanh, not {self.activation}",
                replace(self, activation="tanh"),
            )
        if self.recurrent_activation != "sigmoid":
            return Conflict(
                f"PyTorch's {self.torch} has no gates but sigmoid, not {self.recurrent_activation}",
                replace(self, recurrent_activation="sigmoid"),
            )
        return super()._torch_conflict()

    def _cell_range(self) -> tuple[float, float] | None:
        # A gate between 0 and 1 leaves the activation's bounds in place: an LSTM's output is a gate times the
        # activation, a GRU's a mean of its earlier state and the activation.
        if ACTIVATION_RANGES[self.recurrent_activation] != (0.0, 1.0):
            return None
        return ACTIVATION_RANGES[self.activation]

"""`dense:U`: the same matrix for every vector it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rnncli.layers.activations import ACTIVATION_RANGES, ACTIVATIONS
from rnncli.layers.base import Choice, Equation, Factor, Flag, Framework, Layer, Option, Shape, Sizes, Weight, applied


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """`activation(x·W + b)` on the last axis, so on a sequence once for each timestep.

    `keras.layers.Dense(units, activation, use_bias)`; `torch.nn.Linear` followed by the activation.
    """

    units: int
    use_bias: bool = True
    activation: str = "linear"

    kind: ClassVar[str] = "dense"
    aliases: ClassVar[tuple[str, ...]] = ("linear", "fc")
    keras: ClassVar[str] = "Dense"
    torch: ClassVar[str] = "Linear"
    means: ClassVar[str] = "fully connected, per timestep"
    sizes: ClassVar[Sizes] = Sizes(("units",), ("U",), example="32")
    options: ClassVar[tuple[Option, ...]] = (
        Flag("nobias", "use_bias", "no bias", value=False),
        Choice("act", "activation", {a: a for a in ACTIVATIONS}, "activation", name_alone=True),
    )

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape` with its last axis replaced by units."""
        return (*input_shape[:-1], self.units)

    def weights(self, input_size: int, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the matrix and the bias; PyTorch keeps the matrix as (units, input)."""
        reads, units = (Factor("input", input_size),), (Factor("units", self.units),)
        if framework == "torch":
            weights = [Weight("weight", (units, reads), "W", multiplies=True)]
        else:
            weights = [Weight("kernel", (reads, units), "W", "glorot_uniform", multiplies=True)]
        if self.use_bias:
            weights.append(Weight("bias", (units,), "b", "zeros"))
        return tuple(weights)

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the matrix product and what follows it."""
        del framework
        bias = " + b" if self.use_bias else ""
        return (Equation(f"y_t = {applied(self.activation, f'x_t·W{bias}')}"),)

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base name."""
        return ("dense",)

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds of the activation."""
        return ACTIVATION_RANGES[self.activation]

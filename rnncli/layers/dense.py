"""`dense:U`: the same matrix for every vector it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS
from rnncli.layers.base import Equation, Layer, Note, applied, layer_kind
from rnncli.layers.cost import Number
from rnncli.layers.options import Flag
from rnncli.layers.size_forms import Numbers
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.quantities import Shape, features_of


@layer_kind
class Dense(Layer):
    """`activation(x·W + b)` on the last axis, so on a sequence once for each timestep.

    `keras.layers.Dense(units, activation, use_bias)`; `torch.nn.Linear` followed by the activation.
    """

    units: int
    use_bias: bool = True
    activation: str = "linear"

    kind = "dense"
    aliases = ("linear", "fc")
    keras = "Dense"
    torch = "Linear"
    torch_arguments: ClassVar[Mapping[str, str]] = {"units": "out_features", "use_bias": "bias"}
    means = "fully connected, per timestep"
    sizes = Numbers(("units",), ("U",), example="32")
    options = (
        Flag("nobias", "use_bias", "no bias", value=False),
        ACTIVATION_OPTION,
    )

    @property
    def activations(self) -> tuple[str, ...]:
        """That of its output."""
        return (self.activation,)

    def with_activation(self, activation: str) -> Dense | None:
        """Return the layer with the activation, if it is linear."""
        return replace(self, activation=activation) if self.activation == "linear" else None

    def output_features(self, features: Number) -> Number:
        """Return the units."""
        del features
        return self.units

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the matrix and the bias; PyTorch keeps the matrix as (units, input)."""
        features = features_of(input_shape)
        reads, units = (Factor("input", features),), (Factor("units", self.units),)
        bias = Weight("bias", (units,), "b", "bias", "zeros")
        if framework == "torch":
            weights = [Weight("weight", (units, reads), "W", "kernel"), bias]
            weights = [weight._replace(initializer="root_uniform", fan=features) for weight in weights]
        else:
            weights = [Weight("kernel", (reads, units), "W", "kernel", "glorot_uniform"), bias]
        return tuple(weights if self.use_bias else weights[:1])

    def kept(self, input_shape: Shape) -> int:
        """Return the numbers that its activation returns; the linear one has no need of them."""
        del input_shape
        return self.units if self.keeps_output else 0

    @property
    def needs_input(self) -> bool:
        """Whether its derivative needs what it reads: that of its kernel does."""
        return True

    @property
    def keeps_output(self) -> bool:
        """Whether the derivative of its activation needs what that returns."""
        return self.activation != "linear"

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the matrix product and what follows it."""
        del framework
        bias = " + b" if self.use_bias else ""
        return (Equation(f"y_t = {applied(self.activation, f'x_t·W{bias}')}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Say what the output for a sequence is."""
        del framework
        if len(input_shape) == 3:
            yield Note("Output", "one vector for each timestep, all by the same weights")

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base name."""
        return ("dense",)

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds of the activation."""
        return ACTIVATIONS[self.activation].bounds

"""`dense:U`: the same matrix for every input vector; and the base class that it shares with `conv`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Self

from rnncli.immutable import immutable
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS
from rnncli.layers.base import Equation, Layer, Note, applied
from rnncli.layers.cost import Number
from rnncli.layers.options import Flag
from rnncli.layers.sizes import Numbers
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.quantities import Shape, features_of


class Affine(Layer):
    """A layer that multiplies its input by a kernel, adds a bias, and applies an activation.

    The first of its sizes is the number of output features.
    """

    use_bias: bool
    activation: str

    needs_input = True

    def with_activation(self, activation: str) -> Self | None:
        """Return the layer with the activation if it is linear, else None."""
        return replace(self, activation=activation) if self.activation == "linear" else None

    def output_features(self, features: Number) -> Number:
        """Return the first of its sizes: units or filters."""
        return getattr(self, self.sizes.attributes[0])

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the kernel and the bias; PyTorch orders the kernel's axes differently."""
        features = features_of(input_shape)
        width = () if self.window is None else ((Factor("width", self.window.width),),)
        reads = (Factor("input", features),)
        returns = (Factor(self.sizes.attributes[0], self.output_features(features)),)
        bias = Weight("bias", (returns,), "b", "bias", "zeros")
        if framework == "torch":
            fan = features if self.window is None else features * self.window.width
            weights = [Weight("weight", (returns, reads, *width), "W", "kernel"), bias]
            weights = [weight._replace(initializer="root_uniform", fan=fan) for weight in weights]
        else:
            weights = [Weight("kernel", (*width, reads, returns), "W", "kernel", "glorot_uniform"), bias]
        return tuple(weights if self.use_bias else weights[:1])

    def kept(self, input_shape: Shape) -> int:
        """Return the number of its outputs, which the derivative of every activation but the linear one needs."""
        kept: int = self.output_features(features_of(input_shape)) if self.keeps_output else 0
        return kept

    @property
    def keeps_output(self) -> bool:
        """Whether the derivative of its activation needs the output."""
        return self.activation != "linear"

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds of the activation."""
        return ACTIVATIONS[self.activation].bounds


@immutable
class Dense(Affine):
    """`activation(x·W + b)` on the last axis; on a sequence, once per timestep.

    `keras.layers.Dense(units, activation, use_bias)`; `torch.nn.Linear` followed by the activation.
    """

    units: int
    use_bias: bool = True
    activation: str = "linear"

    kind = "dense"
    aliases = ("linear", "fc")
    called = (
        *("output", "out", "fully_connected", "fullyconnected", "affine", "mlp", "lin"),
        *("classes", "classifier", "logits", "head"),
    )
    keras = "Dense"
    torch = "Linear"
    torch_arguments: ClassVar[Mapping[str, str]] = {"units": "out_features", "use_bias": "bias"}
    means = "fully connected, at each timestep"
    sizes = Numbers(("units",), ("U",), example="32")
    options = (
        Flag("nobias", "use_bias", "no bias", value=False),
        ACTIVATION_OPTION,
    )

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation for one vector."""
        bias = " + b" if self.use_bias else ""
        return (Equation(f"y_t = {applied(self.activation, f'x_t·W{bias}')}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Explain the output for a sequence."""
        if len(input_shape) == 3:
            yield Note("Output", "one vector for each timestep, all computed with the same weights")

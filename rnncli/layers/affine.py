"""`dense:U` and `conv:FxK`: a matrix for every input vector, or for every window of K timesteps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Self

from rnncli.immutable import immutable
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS
from rnncli.layers.base import Equation, Layer, Limit, Remark, applied
from rnncli.layers.cost import Number
from rnncli.layers.options import Flag, Whole
from rnncli.layers.sizes import Numbers
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.layers.windows import PADDINGS, Window, padding_option, stride_option
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

    @property
    def keeps_output(self) -> bool:
        """Whether the derivative of its activation needs the output, as for every activation but the linear one."""
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
    options = (Flag("nobias", "use_bias", "no bias", value=False), ACTIVATION_OPTION)

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation for one vector."""
        bias = " + b" if self.use_bias else ""
        return (Equation(f"y_t = {applied(self.activation, f'x_t·W{bias}')}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the output for a sequence."""
        if len(input_shape) == 3:
            yield Remark("Output", "one vector for each timestep, all computed with the same weights")


@immutable
class Conv(Affine):
    """(batch, timesteps, features) -> (batch, windows, filters): `activation(Σ_k x_{t+k}·W_k + b)`.

    `keras.layers.Conv1D(filters, kernel_size, strides, padding, dilation_rate=…)`; `torch.nn.Conv1d` on
    `x.transpose(1, 2)`.
    """

    filters: int
    kernel_size: int
    strides: int = 1
    dilation_rate: int = 1
    padding: str = "valid"
    use_bias: bool = True
    activation: str = "linear"

    kind = "conv"
    aliases = ("conv1d",)
    called = ("convolution", "convolution1d", "cnn")
    keras = "Conv1D"
    torch = "Conv1d"
    torch_arguments: ClassVar[Mapping[str, str]] = {
        "filters": "out_channels",
        "kernel_size": "kernel_size",
        "strides": "stride",
        "padding": "padding",
        "dilation_rate": "dilation",
        "use_bias": "bias",
    }
    torch_values: ClassVar[Mapping[str, tuple[str, ...]]] = {"padding": ("valid", "same")}
    means = "a window of K timesteps moved over the sequence"
    sizes = Numbers(("filters", "kernel_size"), ("F", "K"), example="32x5")
    options = (
        stride_option(),
        Whole("dilation", "dilation_rate", "timesteps from one to the next in a window"),
        padding_option(*PADDINGS),
        Flag("nobias", "use_bias", "no bias", value=False),
        ACTIVATION_OPTION,
    )
    reads = "sequence"
    returns = "sequence"
    thinning = ("strides",)

    @property
    def window(self) -> Window:
        """The window of its kernel."""
        return Window(self.kernel_size, self.strides, self.dilation_rate, self.padding)

    @property
    def shortening(self) -> tuple[str, ...]:
        """The stride and, without padding, the kernel size and the dilation."""
        return (*self.thinning, "kernel_size", "dilation_rate") if self.padding == "valid" else self.thinning

    def with_zeros(self, around: tuple[int, int], steps: int | None) -> Conv | None:
        """Return the layer with the padding mode that adds these zeros; None if it has one already or no mode fits."""
        for padding in PADDINGS if self.padding == "valid" else ():
            window = self.window._replace(padding=padding)
            if (steps is not None or not window.goes_by_length) and window.around(steps) == around:
                return replace(self, padding=padding)
        return None

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield the options that a framework cannot combine: Keras stride and dilation, PyTorch stride and same."""
        if framework == "keras" and self.strides != 1 and self.dilation_rate != 1:
            yield "Keras's Conv1D cannot combine a stride with a dilation", {"dilation_rate": 1}
        if framework == "torch" and self.strides != 1 and self.padding == "same":
            yield "PyTorch's Conv1d cannot combine a stride with same", {"padding": "causal"}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the sum over a window."""
        terms = self.window.terms(2, lambda time, place: f"x_{time}·W_{place}")
        total = " + ".join(terms + ["b"] * self.use_bias)
        return (Equation(f"y_t = {applied(self.activation, total)}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the output's length, the padding and the mask."""
        yield from self._window_notes(input_shape[1], "zero", framework)

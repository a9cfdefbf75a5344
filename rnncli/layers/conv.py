"""`conv:FxK`: a window of K timesteps that moves over the sequence, the same matrix at every place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS
from rnncli.layers.base import Conflict, Equation, Layer, Note, Returns, applied, layer_kind
from rnncli.layers.cost import Number
from rnncli.layers.options import Flag, Whole
from rnncli.layers.size_forms import Numbers
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.layers.windows import PADDINGS, Window, padding_option, stride_option
from rnncli.quantities import Shape, features_of


@layer_kind
class Conv(Layer):
    """(batch, timesteps, features) -> (batch, windows, filters): `activation(Σ_k x_{t+k}·W_k + b)`.

    `keras.layers.Conv1D(filters, kernel_size, strides, padding, dilation_rate=…)`; `torch.nn.Conv1d` of
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
    keras = "Conv1D"
    torch = "Conv1d"
    torch_arguments: ClassVar[Mapping[str, str]] = {
        "filters": "out_channels",
        "kernel_size": "kernel_size",
        "strides": "stride",
        "dilation_rate": "dilation",
        "padding": "padding",
        "use_bias": "bias",
    }
    means = "a window of K timesteps, moved over the sequence"
    sizes = Numbers(("filters", "kernel_size"), ("F", "K"), example="32x5")
    options = (
        stride_option(),
        Whole("dilation", "dilation_rate", "timesteps from one in the window to the next"),
        padding_option(*PADDINGS),
        Flag("nobias", "use_bias", "no bias", value=False),
        ACTIVATION_OPTION,
    )
    reads = "sequence"
    works = "returned"

    @property
    def window(self) -> Window:
        """That of its kernel."""
        return Window(self.kernel_size, self.strides, self.dilation_rate, self.padding)

    @property
    def shortening(self) -> tuple[str, ...]:
        """The stride; and the kernel, unless something stands around the sequence."""
        return ("kernel_size", "strides", "dilation_rate") if self.padding == "valid" else ("strides",)

    @property
    def returns(self) -> Returns:
        """A sequence."""
        return "sequence"

    @property
    def passes_mask(self) -> bool:
        """Keras's does not."""
        return False

    @property
    def activations(self) -> tuple[str, ...]:
        """That of its output."""
        return (self.activation,)

    def with_zeros(self, around: tuple[int, int], steps: int | None) -> Conv | None:
        """Return the layer with the padding that puts these zeros there; None if it has one, or none does."""
        for padding in PADDINGS if self.padding == "valid" else ():
            window = self.window._replace(padding=padding)
            if (steps is not None or not window.goes_by_length) and window.around(steps) == around:
                return replace(self, padding=padding)
        return None

    def with_activation(self, activation: str) -> Conv | None:
        """Return the layer with the activation, if it is linear."""
        return replace(self, activation=activation) if self.activation == "linear" else None

    def output_features(self, features: Number) -> Number:
        """Return the filters."""
        del features
        return self.filters

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the kernel and the bias; PyTorch keeps the kernel as (filters, input, width)."""
        features = features_of(input_shape)
        width, reads = (Factor("width", self.kernel_size),), (Factor("input", features),)
        filters = (Factor("filters", self.filters),)
        bias = Weight("bias", (filters,), "b", "bias", "zeros")
        if framework == "torch":
            weights = [Weight("weight", (filters, reads, width), "W", "kernel"), bias]
            fan = features * self.kernel_size
            weights = [weight._replace(initializer="root_uniform", fan=fan) for weight in weights]
        else:
            weights = [Weight("kernel", (width, reads, filters), "W", "kernel", "glorot_uniform"), bias]
        return tuple(weights if self.use_bias else weights[:1])

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the timesteps in its window, and how many are left before it ends."""
        return self.window.carried(features_of(input_shape))

    def kept(self, input_shape: Shape) -> int:
        """Return the numbers that its activation returns; the linear one has no need of them."""
        del input_shape
        return self.filters if self.keeps_output else 0

    @property
    def needs_input(self) -> bool:
        """Whether its derivative needs what it reads: that of its kernel does."""
        return True

    @property
    def keeps_output(self) -> bool:
        """Whether the derivative of its activation needs what that returns."""
        return self.activation != "linear"

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return what a framework cannot do at once: Keras stride and dilation, PyTorch stride and same."""
        if self.strides == 1:
            return None
        if framework == "keras" and self.dilation_rate != 1:
            return Conflict("Keras's Conv1D has no stride together with a dilation", replace(self, dilation_rate=1))
        if framework == "torch" and self.padding == "same":
            return Conflict("PyTorch's Conv1d has no stride together with same", replace(self, padding="causal"))
        return None

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the sum over a window."""
        del framework
        terms = [f"x_{time}·W_{place}" for place, time in enumerate(self.window.times(), start=1)]
        terms = [*terms[:2], "…", terms[-1]] if len(terms) > 3 else terms
        total = " + ".join(terms + ["b"] * self.use_bias)
        return (Equation(f"y_t = {applied(self.activation, total)}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Say how long the output is, what stands around the sequence, and what becomes of a mask."""
        steps = input_shape[1]
        yield Note("Length", f"a vector for each window: {self.window.length_text(steps)}")
        if around := self.window.padding_text(steps, "zeros"):
            yield Note("Padding", around)
        yield Note("Mask", "it ends here, as in Keras: padding is read like any other timestep")
        if framework == "torch":
            yield Note("PyTorch", "Conv1d reads (batch, features, timesteps): x.transpose(1, 2)")

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base name."""
        return ("conv1d",)

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds of the activation."""
        return ACTIVATIONS[self.activation].bounds

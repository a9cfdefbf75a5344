"""`conv:FxK`: a window of K timesteps that moves over the sequence, with the same matrix at every position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from rnncli.immutable import immutable
from rnncli.layers.activations import ACTIVATION_OPTION
from rnncli.layers.base import Conflict, Equation, Note, applied
from rnncli.layers.dense import Affine
from rnncli.layers.options import Flag, Whole
from rnncli.layers.sizes import Numbers
from rnncli.layers.weights import Framework
from rnncli.layers.windows import PADDINGS, Window, padding_option, stride_option
from rnncli.quantities import Shape


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
        "dilation_rate": "dilation",
        "padding": "padding",
        "use_bias": "bias",
    }
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

    @property
    def window(self) -> Window:
        """The window of its kernel."""
        return Window(self.kernel_size, self.strides, self.dilation_rate, self.padding)

    @property
    def shortening(self) -> tuple[str, ...]:
        """The stride and, without padding, the kernel size and the dilation."""
        return ("kernel_size", "strides", "dilation_rate") if self.padding == "valid" else ("strides",)

    @property
    def thinning(self) -> tuple[str, ...]:
        """The stride."""
        return ("strides",)

    def with_zeros(self, around: tuple[int, int], steps: int | None) -> Conv | None:
        """Return the layer with the padding mode that adds these zeros; None if it has one already or no mode fits."""
        for padding in PADDINGS if self.padding == "valid" else ():
            window = self.window._replace(padding=padding)
            if (steps is not None or not window.goes_by_length) and window.around(steps) == around:
                return replace(self, padding=padding)
        return None

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return the options that a framework cannot combine: Keras stride and dilation, PyTorch stride and same."""
        if self.strides == 1:
            return None
        if framework == "keras" and self.dilation_rate != 1:
            return Conflict("Keras's Conv1D cannot combine a stride with a dilation", replace(self, dilation_rate=1))
        if framework == "torch" and self.padding == "same":
            return Conflict("PyTorch's Conv1d cannot combine a stride with same", replace(self, padding="causal"))
        return None

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the sum over a window."""
        terms = self.window.terms(2, lambda time, place: f"x_{time}·W_{place}")
        total = " + ".join(terms + ["b"] * self.use_bias)
        return (Equation(f"y_t = {applied(self.activation, total)}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Explain the output's length, the padding and the mask."""
        yield from self._window_notes(input_shape[1], "zero", framework)

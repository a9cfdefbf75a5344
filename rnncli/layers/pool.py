"""`pool:max` and `pool:avg`: one vector for a whole sequence or, with a K, one for each window of K timesteps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from rnncli.errors import listed
from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Layer, Limit, Remark, Returns
from rnncli.layers.cost import Number, StepNumbers
from rnncli.layers.options import Whole
from rnncli.layers.sizes import WordSize
from rnncli.layers.weights import Framework
from rnncli.layers.windows import Window, padding_option, stride_option
from rnncli.quantities import Shape, features_of

POOLS = ("max", "avg")

_OTHER_NAMES = {"maximum": "max", "mean": "avg", "average": "avg", "ave": "avg"}

TYPES: Mapping[Framework, Mapping[str, str]] = {
    "keras": {"max": "GlobalMaxPooling1D", "avg": "GlobalAveragePooling1D"},
    "torch": {"max": "Tensor.amax", "avg": "Tensor.mean"},
}
"""Each framework's class or method for a whole sequence, by mode."""

WINDOWED: Mapping[Framework, Mapping[str, str]] = {
    "keras": {"max": "MaxPooling1D", "avg": "AveragePooling1D"},
    "torch": {"max": "MaxPool1d", "avg": "AvgPool1d"},
}
"""Each framework's class for windows, by mode."""


def _names(framework: Framework) -> str:
    return listed([*TYPES[framework].values(), *WINDOWED[framework].values()], "or")


@immutable
class Pool(Layer):
    """The largest or the mean of each feature: over the whole sequence, or in windows.

    (batch, timesteps, features) -> (batch, features), or (batch, windows, features).

    `keras.layers.GlobalMaxPooling1D`, `keras.layers.GlobalAveragePooling1D`; in PyTorch `x.amax(1)` and `x.mean(1)`.
    With `pool_size`, `keras.layers.MaxPooling1D(pool_size, strides, padding)` and `keras.layers.AveragePooling1D`;
    `torch.nn.MaxPool1d` and `torch.nn.AvgPool1d` on `x.transpose(1, 2)`. The stride defaults to the pool size.
    """

    mode: str
    pool_size: int | None = None
    strides: int | None = None
    padding: str = "valid"

    kind = "pool"
    called = ("pooling",)
    keras = _names("keras")
    torch = _names("torch")
    torch_arguments: ClassVar[Mapping[str, str]] = {"pool_size": "kernel_size", "strides": "stride"}
    classes: ClassVar[Mapping[str, Mapping[str, str]]] = {
        name: {"mode": mode} for names in (TYPES, WINDOWED) for mode, name in names["keras"].items()
    }
    means = "maximum or mean over all timesteps, or over K"
    sizes = WordSize(("mode",), POOLS, example="max", needs="max or avg", other_names=_OTHER_NAMES)
    options = (
        Whole("K", "pool_size", "timesteps in a window; all without it", examples=(2, 3), unset=True, keyed=False),
        stride_option(unset=True),
        padding_option("valid", "same"),
    )
    reads = "sequence"
    thinning = ("pool_size", "strides")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool_size is not None and self.strides == self.pool_size:
            object.__setattr__(self, "strides", None)

    @property
    def window(self) -> Window | None:
        """The window of its pool size; None if it pools the whole sequence."""
        if self.pool_size is None:
            return None
        stride = self.pool_size if self.strides is None else self.strides
        return Window(self.pool_size, stride, padding=self.padding)

    @property
    def returns(self) -> Returns:
        """A vector, or a sequence with one vector per window."""
        return "vector" if self.pool_size is None else "sequence"

    @property
    def joins(self) -> str | None:
        """The mode that combines all timesteps into one vector; None with windows."""
        return self.mode if self.pool_size is None else None

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class or tensor method."""
        return (TYPES if self.pool_size is None else WINDOWED)[framework][self.mode]

    def step(self, input_shape: Shape) -> StepNumbers | None:
        """Return its output for a window, or the mean of all timesteps, computed from their sum at the end."""
        if self.pool_size is not None:
            return super().step(input_shape)
        return StepNumbers(at_end=features_of(input_shape) if self.mode == "avg" else 0)

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the numbers of the window; for a whole sequence, of the maximum, or of the sum and the count."""
        if self.window is not None:
            return super().carried(input_shape)
        features = features_of(input_shape)
        return {"largest": features} if self.mode == "max" else {"sum": features, "count": 1}

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield the limits: no stride or padding without windows, and PyTorch's of its padding."""
        window, name = self.window, self.type_name("torch")
        if window is None:
            if self.strides is not None or self.padding != "valid":
                reason = f"{self.spec()} has no windows: pool:{self.mode}:K has windows of K timesteps"
                yield reason, {"strides": None, "padding": "valid"}
        elif framework == "torch" and self.padding == "same" and (window.stride != 1 or window.width % 2 == 0):
            yield f"PyTorch's {name} pads both sides alike: same needs stride=1 and an odd size", {"padding": "valid"}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation over all timesteps, or over a window."""
        result, number, terms = "y", "T", ["x_1", "…", "x_T"]
        if self.window is not None:
            result, number, terms = "y_t", f"{self.pool_size:,}", self.window.terms(1, lambda time, _: f"x_{time}")
        if self.mode == "max":
            return (Equation(f"{result} = max({', '.join(terms)})", "for each feature"),)
        return (Equation(f"{result} = ({' + '.join(terms)}) / {number}", "for each feature"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the output and the effect of padding."""
        if self.window is None:
            yield Remark("Output", "one vector for the whole sequence, without a time axis")
            counts = "counts like any other step" if self.mode == "max" else "is left out of the mean"
            yield Remark("Mask", f"padding {counts}, as in Keras")
            return
        yield from self._window_notes(input_shape[1], "ignored timestep", framework)

"""`pool:max` and `pool:avg`: one vector of a whole sequence; with a K one of each window of K timesteps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from rnncli.errors import listed
from rnncli.immutable import immutable
from rnncli.layers.base import Conflict, Equation, Layer, Note, Returns
from rnncli.layers.cost import Number, Step
from rnncli.layers.options import Bare
from rnncli.layers.sizes import Word
from rnncli.layers.weights import Framework
from rnncli.layers.windows import Window, padding_option, stride_option
from rnncli.quantities import Shape, features_of

POOLS = ("max", "avg")

_OTHER_NAMES = {"maximum": "max", "mean": "avg", "average": "avg", "ave": "avg"}

TYPES: Mapping[Framework, Mapping[str, str]] = {
    "keras": {"max": "GlobalMaxPooling1D", "avg": "GlobalAveragePooling1D"},
    "torch": {"max": "Tensor.amax", "avg": "Tensor.mean"},
}
"""What does the work of a whole sequence in each framework, by mode."""

WINDOWED: Mapping[Framework, Mapping[str, str]] = {
    "keras": {"max": "MaxPooling1D", "avg": "AveragePooling1D"},
    "torch": {"max": "MaxPool1d", "avg": "AvgPool1d"},
}
"""What does the work of windows in each framework, by mode."""


def _names(framework: Framework) -> str:
    return listed([*TYPES[framework].values(), *WINDOWED[framework].values()], "or")


@immutable
class Pool(Layer):
    """The largest or the mean of each feature: over the whole sequence, or in windows.

    (batch, timesteps, features) -> (batch, features), or (batch, windows, features).

    `keras.layers.GlobalMaxPooling1D`, `keras.layers.GlobalAveragePooling1D`; in PyTorch `x.amax(1)` and `x.mean(1)`.
    With a `pool_size` `keras.layers.MaxPooling1D(pool_size, strides, padding)` and `keras.layers.AveragePooling1D`;
    `torch.nn.MaxPool1d` and `torch.nn.AvgPool1d` of `x.transpose(1, 2)`. The stride is the size where it is left out.
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
    means = "the largest or the mean of each feature over time"
    sizes = Word("mode", POOLS, needs="max or avg", other_names=_OTHER_NAMES)
    options = (
        Bare("K", "pool_size", "timesteps in a window; without it all of them"),
        stride_option(unset=True),
        padding_option("valid", "same"),
    )
    reads = "sequence"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool_size is not None and self.strides == self.pool_size:
            object.__setattr__(self, "strides", None)

    @property
    def window(self) -> Window | None:
        """That of its size."""
        if self.pool_size is None:
            return None
        stride = self.pool_size if self.strides is None else self.strides
        return Window(self.pool_size, stride, padding=self.padding)

    @property
    def shortening(self) -> tuple[str, ...]:
        """The size and the stride."""
        return ("pool_size", "strides")

    @property
    def thinning(self) -> tuple[str, ...]:
        """Both of them: it has no weights."""
        return self.shortening

    @property
    def returns(self) -> Returns:
        """A vector, or a sequence of one for each window."""
        return "vector" if self.pool_size is None else "sequence"

    @property
    def joins(self) -> str | None:
        """How all timesteps become one vector, if they do."""
        return self.mode if self.pool_size is None else None

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class, or the method of a tensor."""
        return (TYPES if self.pool_size is None else WINDOWED)[framework][self.mode]

    def step(self, input_shape: Shape) -> Step | None:
        """Return what it makes of a window, or the mean of all, which is made of their sum in the end."""
        if self.pool_size is not None:
            return super().step(input_shape)
        return Step(at_end=features_of(input_shape) if self.mode == "avg" else 0)

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the numbers of the window; or of the largest so far, or of the sum so far and the count of it."""
        if self.window is not None:
            return super().carried(input_shape)
        features = features_of(input_shape)
        return {"largest": features} if self.mode == "max" else {"sum": features, "count": 1}

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return that only windows have a stride and padding, and which padding PyTorch has not."""
        if self.window is None:
            if self.strides is None and self.padding == "valid":
                return None
            return Conflict(
                f"{self.spec()} has no windows: pool:{self.mode}:K has windows of K timesteps", Pool(self.mode)
            )
        if framework == "torch" and self.padding == "same" and (self.window.stride != 1 or self.window.width % 2 == 0):
            return Conflict(
                f"PyTorch's {self.type_name('torch')} pads both sides alike: same needs stride=1 and an odd size",
                replace(self, padding="valid"),
            )
        return None

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return what is done with all timesteps, or those of a window."""
        times, result = ["1", "T"], "y"
        if self.window is not None:
            times, result = self.window.times(), "y_t"
        terms = [f"x_{time}" for time in times]
        apart = ", " if self.mode == "max" else " + "
        joined = apart.join([terms[0], "…", terms[-1]] if self.window is None or len(terms) > 2 else terms)
        if self.mode == "max":
            return (Equation(f"{result} = max({joined})", "of each feature"),)
        return (Equation(f"{result} = ({joined}) / {'T' if self.window is None else len(terms)}", "of each feature"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Say what the output is, and what padding does."""
        if self.window is None:
            yield Note("Output", "one vector for the whole sequence: the time axis is gone")
            counts = "counts like any other step" if self.mode == "max" else "is left out of the mean"
            yield Note("Mask", f"padding {counts}, as in Keras")
            return
        yield from self._window_notes(input_shape[1], "timesteps that do not count", framework)

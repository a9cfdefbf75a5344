"""`pool:max` and `pool:avg`: one vector of a whole sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from rnncli.layers.base import Equation, Layer, Note, Returns, layer_kind
from rnncli.layers.cost import Number, Step
from rnncli.layers.size_forms import Word
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of

POOLS = ("max", "avg")

_OTHER_NAMES = {"maximum": "max", "mean": "avg", "average": "avg", "ave": "avg"}

TYPES: Mapping[Framework, Mapping[str, str]] = {
    "keras": {"max": "GlobalMaxPooling1D", "avg": "GlobalAveragePooling1D"},
    "torch": {"max": "Tensor.amax", "avg": "Tensor.mean"},
}
"""What does the work in each framework, by mode."""


@layer_kind
class Pool(Layer):
    """(batch, timesteps, features) -> (batch, features): the largest or the mean of each feature over time.

    `keras.layers.GlobalMaxPooling1D`, `keras.layers.GlobalAveragePooling1D`; in PyTorch `x.amax(1)` and `x.mean(1)`.
    """

    mode: str

    kind = "pool"
    keras = "GlobalMaxPooling1D or GlobalAveragePooling1D"
    torch = "Tensor.amax or Tensor.mean"
    classes: ClassVar[Mapping[str, Mapping[str, str]]] = {name: {"mode": mode} for mode, name in TYPES["keras"].items()}
    means = "the largest or the mean of each feature over time"
    sizes = Word("mode", POOLS, needs="max or avg", other_names=_OTHER_NAMES)
    reads = "sequence"

    @property
    def returns(self) -> Returns:
        """A vector."""
        return "vector"

    @property
    def joins(self) -> str:
        """How all timesteps become one vector."""
        return self.mode

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class, or the method of a tensor."""
        return TYPES[framework][self.mode]

    def step(self, input_shape: Shape) -> Step:
        """Return the mean alone, which is made of the sum in the end; the largest is what it carries."""
        return Step(at_end=features_of(input_shape) if self.mode == "avg" else 0)

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the numbers of the largest so far, or of the sum so far and the count of what is in it."""
        features = features_of(input_shape)
        return {"largest": features} if self.mode == "max" else {"sum": features, "count": 1}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return what is done with all timesteps."""
        del framework
        if self.mode == "max":
            return (Equation("y = max(x_1, …, x_T)", "of each feature"),)
        return (Equation("y = (x_1 + … + x_T) / T", "of each feature"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Say what the output is, and what padding does."""
        del input_shape, framework
        yield Note("Output", "one vector for the whole sequence: the time axis is gone")
        if self.mode == "max":
            yield Note("Mask", "padding counts like any other step, as in Keras")
        else:
            yield Note("Mask", "padding is left out of the mean, as in Keras")

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base name."""
        return ({"max": "global_max_pooling1d", "avg": "global_average_pooling1d"}[self.mode],)

"""`dropout:P`: the identity in a forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Layer
from rnncli.layers.sizes import Share
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape


@immutable
class Dropout(Layer):
    """Drops a share of its input in training, and passes it on unchanged otherwise."""

    rate: float

    kind = "dropout"
    called = ("drop", "drop_out")
    keras = "Dropout"
    torch = "Dropout"
    torch_arguments: ClassVar[Mapping[str, str]] = {"rate": "p"}
    means = "drops a share P in training; no effect here"
    sizes = Share("rate", "P", example="0.5", needs="the share it drops")

    @property
    def drops(self) -> float:
        """The rate."""
        return self.rate

    def step(self, input_shape: Shape) -> None:
        """Return None: it passes on its input."""

    @property
    def is_view(self) -> bool:
        """Whether nothing is dropped."""
        return self.rate == 0

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the identity."""
        return (Equation("y_t = x_t", f"in training, a share of {self.rate:g} is set to 0"),)

"""`input:F` and `input:TxF`: float features for every timestep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rnncli.layers.base import Layer, Shape, Sizes


@dataclass(frozen=True, repr=False)
class Input(Layer):
    """The head of a network that reads vectors: `keras.Input((timesteps, features))`.

    It owns nothing and is shown as the input, not as a layer.
    """

    features: int
    timesteps: int | None = None

    kind: ClassVar[str] = "input"
    aliases: ClassVar[tuple[str, ...]] = ("in",)
    keras: ClassVar[str] = "InputLayer"
    torch: ClassVar[str] = "Input"
    means: ClassVar[str] = "F features at each of T timesteps"
    sizes: ClassVar[Sizes] = Sizes(("timesteps", "features"), ("T", "F"), example="32", optional=1)
    only_first: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape`: an input passes on what it is given."""
        return input_shape

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base name."""
        return ("input_layer",)

"""`embed:VxD`: a vector for every integer id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rnncli.layers.base import Equation, Factor, Flag, Framework, Layer, Option, Shape, Sizes, Weight


@dataclass(frozen=True, repr=False)
class Embedding(Layer):
    """A table of vectors looked up by id: (batch, timesteps) -> (batch, timesteps, output_dim).

    `keras.layers.Embedding(input_dim, output_dim, mask_zero=mask_zero)`.
    """

    input_dim: int
    output_dim: int
    mask_zero: bool = False

    kind: ClassVar[str] = "embed"
    aliases: ClassVar[tuple[str, ...]] = ("embedding",)
    keras: ClassVar[str] = "Embedding"
    torch: ClassVar[str] = "Embedding"
    means: ClassVar[str] = "D numbers for each id in 0..V-1"
    sizes: ClassVar[Sizes] = Sizes(("input_dim", "output_dim"), ("V", "D"), example="10000x32")
    options: ClassVar[tuple[Option, ...]] = (Flag("mask", "mask_zero", "id 0 is padding: recurrent layers skip it"),)
    only_first: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, timesteps, output_dim) for ids of shape (batch, timesteps)."""
        return (*input_shape, self.output_dim)

    def weights(self, input_size: int, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the table, of shape (input_dim, output_dim)."""
        del input_size
        axes = ((Factor("ids", self.input_dim),), (Factor("numbers", self.output_dim),))
        return (Weight("weight" if framework == "torch" else "embeddings", axes, "E", "uniform"),)

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the lookup."""
        del framework
        return (Equation("y_t = E[x_t]", "the row of the id x_t"),)

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base name."""
        return ("embedding",)

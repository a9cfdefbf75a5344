"""The heads, which read the input of a network: `input:F` and `input:TxF` vectors, `embed:VxD` integer ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Self

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Head, Remark
from rnncli.layers.cost import StepNumbers
from rnncli.layers.options import Flag, Whole
from rnncli.layers.sizes import Numbers
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.quantities import Shape

SKIPS_PADDING = "skip padding: id 0, or a step of zeros"
"""The meaning of the field `mask`."""


@immutable
class Input(Head):
    """The head of a network that reads vectors: `keras.Input((timesteps, features))`.

    It has no weights and is shown as the input, not as a layer. `mask_zero` adds Keras's `Masking()` after it.
    """

    features: int
    timesteps: int | None = None
    mask_zero: bool = False

    kind = "input"
    aliases = ("in",)
    called = ("inputs", "data", "features")
    keras = "InputLayer"
    torch = "Input"
    means = "F features at each of T timesteps"
    sizes = Numbers(("timesteps", "features"), ("T", "F"), example="32", optional=1)
    options = (Flag("mask", "mask_zero", SKIPS_PADDING, in_torch="pack_padded_sequence", in_keras="Masking()"),)
    padding = "a step of zeros"
    shown = False

    def input_shape(self, batch: int | None = None, timesteps: int | None = None) -> Shape:
        """Return (batch, timesteps, features)."""
        return (batch, timesteps if self.timesteps is None else self.timesteps, self.features)

    def with_timesteps(self, timesteps: int | None) -> Self:
        """Return the input with another T, or without one."""
        return replace(self, timesteps=timesteps)


@immutable
class Embedding(Head):
    """A table of vectors looked up by id: (batch, timesteps) -> (batch, timesteps, output_dim).

    `keras.layers.Embedding(input_dim, output_dim, mask_zero=mask_zero)`, after `keras.Input((length,))`.
    """

    input_dim: int
    output_dim: int
    mask_zero: bool = False
    length: int | None = None

    kind = "embed"
    aliases = ("embedding",)
    called = ("vocab", "vocabulary", "emb", "embeddings", "tokens", "words", "ids")
    keras = "Embedding"
    torch = "Embedding"
    torch_arguments: ClassVar[Mapping[str, str]] = {"input_dim": "num_embeddings", "output_dim": "embedding_dim"}
    means = "D numbers for each id in 0..V-1"
    sizes = Numbers(("input_dim", "output_dim"), ("V", "D"), example="10000x32")
    options = (
        Flag("mask", "mask_zero", SKIPS_PADDING, in_torch="pack_padded_sequence"),
        Whole(
            "length",
            "length",
            "ids in a sequence; any number without it",
            examples=(10,),
            unset=True,
            in_keras="Input((N,))",
        ),
    )
    padding = "a step with id 0"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, timesteps, output_dim) for ids of shape (batch, timesteps)."""
        return (*input_shape, self.output_dim)

    def input_shape(self, batch: int | None = None, timesteps: int | None = None) -> Shape:
        """Return (batch, timesteps)."""
        return (batch, timesteps if self.length is None else self.length)

    @property
    def fixed_timesteps(self) -> int | None:
        """The number of ids in a sequence, if it is declared."""
        return self.length

    def with_timesteps(self, timesteps: int | None) -> Self:
        """Return the table for sequences of another length, or of any length."""
        return replace(self, length=timesteps)

    @property
    def vocabulary(self) -> int:
        """The number of ids."""
        return self.input_dim

    def of_vectors(self) -> Input:
        """Return an input of the vectors in the table."""
        return Input(self.output_dim, self.length)

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the table, of shape (input_dim, output_dim)."""
        axes = ((Factor("ids", self.input_dim),), (Factor("numbers", self.output_dim),))
        if framework == "torch":
            return (Weight("weight", axes, "E", "table", "padded_normal" if self.mask_zero else "normal"),)
        return (Weight("embeddings", axes, "E", "table", "uniform"),)

    def step(self, input_shape: Shape) -> StepNumbers:
        """Return no output, because the vector is a row of the table; with int8 weights, that row in float."""
        return StepNumbers(unpacked=self.output_dim)

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the lookup."""
        return (Equation("y_t = E[x_t]", "the row of the id x_t"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the output and the mask."""
        yield Remark("Output", "a vector for every id, so the shape gains an axis")
        yield from self.mask_notes()

"""`input:F` and `input:TxF`: float features for every timestep."""

from __future__ import annotations

from dataclasses import replace

from rnncli.immutable import immutable
from rnncli.layers.base import Head
from rnncli.layers.options import Flag
from rnncli.layers.sizes import Numbers
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

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape` unchanged."""
        return input_shape

    def input_shape(self, batch: int | None = None, timesteps: int | None = None) -> Shape:
        """Return (batch, timesteps, features)."""
        return (batch, timesteps if self.timesteps is None else self.timesteps, self.features)

    @property
    def fixed_timesteps(self) -> int | None:
        """The T of `input:TxF`."""
        return self.timesteps

    def with_timesteps(self, timesteps: int | None) -> Input:
        """Return the input with another T, or without one."""
        return replace(self, timesteps=timesteps)

    def of_vectors(self) -> Input:
        """Return the input itself, because it reads vectors already."""
        return self

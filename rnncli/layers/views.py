"""The layers that compute nothing in a forward pass: `dropout:P`, `repeat:T` and `flatten`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Self

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Layer, Remark
from rnncli.layers.cost import Number, StepNumbers
from rnncli.layers.sizes import NoSize, Numbers, Share
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of, plural, shape_text


@immutable
class Dropout(Layer):
    """Drops a share of its input in training, and passes it on unchanged otherwise."""

    rate: float

    kind = "dropout"
    called = ("drop", "drop_out", "do", "dp", "spatialdropout1d")
    keras = "Dropout"
    torch = "Dropout"
    torch_arguments: ClassVar[Mapping[str, str]] = {"rate": "p"}
    means = "drops a share P in training; no effect here"
    sizes = Share(("rate",), "P", example="0.5", needs="the share it drops")

    def step(self, input_shape: Shape) -> None:
        """Return None: it passes on its input."""

    @property
    def is_view(self) -> bool:
        """Whether nothing is dropped."""
        return self.rate == 0

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the identity."""
        return (Equation("y_t = x_t", f"in training, a share of {self.rate:g} is set to 0"),)


@immutable
class Repeat(Layer):
    """(batch, features) -> (batch, n, features), the same vector at every timestep: the decoder of an autoencoder.

    `keras.layers.RepeatVector(n)`; in PyTorch `x.unsqueeze(1).expand(-1, n, -1)`.
    """

    n: int

    kind = "repeat"
    called = ("tile", "rep")
    keras = "RepeatVector"
    torch = "Tensor.expand"
    means = "one vector repeated T times, for a decoder"
    sizes = Numbers(("n",), ("T",), example="10")
    reads = "vector"
    returns = "sequence"
    is_view = True

    def output_length(self, steps: Number) -> Number:
        """Return n."""
        return self.n

    def with_timesteps(self, timesteps: int | None) -> Self:
        """Return the layer repeating a vector that often; unchanged if `timesteps` is None."""
        return self if timesteps is None else replace(self, n=timesteps)

    def step(self, input_shape: Shape) -> StepNumbers:
        """Return no numbers: the vector that it returns at every step is its state."""
        return StepNumbers()

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the numbers of the repeated vector, and the count of vectors returned so far."""
        return {"vector": features_of(input_shape), "count": 1}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation of the repetition."""
        return (Equation("y_t = x", f"for t = 1, …, {self.n:,}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the output."""
        yield Remark(
            "Output",
            f"a new sequence, {shape_text(self.output_shape(input_shape))}: {plural(self.n, 'timestep')}, unrelated to "
            "those of the input",
        )


@immutable
class Flatten(Layer):
    """(batch, timesteps, features) -> (batch, timesteps · features): all timesteps as one long vector.

    A vector stays unchanged. `keras.layers.Flatten()`; in PyTorch `x.flatten(1)`.
    """

    kind = "flatten"
    keras = "Flatten"
    torch = "Tensor.flatten"
    means = "a sequence of known length as one vector"
    sizes = NoSize()
    needs_length = True
    returns = "vector"
    joins = "flatten"
    is_view = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, timesteps · features)."""
        if len(input_shape) == 2:
            return input_shape
        batch, steps, features = input_shape
        return (batch, None if steps is None or features is None else steps * features)

    def step(self, input_shape: Shape) -> StepNumbers | None:
        """Return no numbers, because it returns its state at the end; None for a vector, which it passes on."""
        return StepNumbers() if len(input_shape) == 3 else None

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the numbers of all timesteps and the count of those read so far; nothing for a vector."""
        return {"vector": features_of(self.output_shape(input_shape)), "count": 1} if len(input_shape) == 3 else {}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the concatenation."""
        return (Equation("y = [x_1, …, x_T]", "one after the other"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the vector's length and its cost."""
        if len(input_shape) == 2:
            yield Remark("Output", "its input vector, unchanged")
            return
        _, steps, features = input_shape
        size = features_of(self.output_shape(input_shape))
        yield Remark(
            "Output", f"timesteps × features = {steps:,} × {features:,} = {plural(size, 'number')} in one vector"
        )
        yield Remark(
            "Next",
            f"a dense layer that reads them has {plural(size, 'weight')} per unit; on the last output, {features:,}",
        )

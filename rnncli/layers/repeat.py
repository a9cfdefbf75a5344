"""`repeat:T`: a vector as a sequence of T equal vectors, as a decoder's input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Layer, Note
from rnncli.layers.cost import Number, Step
from rnncli.layers.sizes import Numbers
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of, plural, shape_text


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

    def with_timesteps(self, timesteps: int | None) -> Repeat:
        """Return the layer repeating a vector that often; unchanged if `timesteps` is None."""
        return self if timesteps is None else Repeat(timesteps)

    def step(self, input_shape: Shape) -> Step:
        """Return no numbers: the vector that it returns at every step is its state."""
        return Step()

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the numbers of the repeated vector, and the count of vectors returned so far."""
        return {"vector": features_of(input_shape), "count": 1}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation of the repetition."""
        return (Equation("y_t = x", f"for t = 1, …, {self.n:,}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Explain the output."""
        yield Note(
            "Output",
            f"a new sequence, {shape_text(self.output_shape(input_shape))}: {plural(self.n, 'timestep')}, unrelated to "
            "those of the input",
        )

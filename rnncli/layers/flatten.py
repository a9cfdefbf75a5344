"""`flatten`: a sequence of known length as one vector, its timesteps concatenated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Layer, Note
from rnncli.layers.cost import Number, Step
from rnncli.layers.sizes import NoSize
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of, plural


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

    def step(self, input_shape: Shape) -> Step | None:
        """Return no numbers, because it returns its state at the end; None for a vector, which it passes on."""
        return Step() if len(input_shape) == 3 else None

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the numbers of all timesteps and the count of those read so far; nothing for a vector."""
        return {"vector": features_of(self.output_shape(input_shape)), "count": 1} if len(input_shape) == 3 else {}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the concatenation."""
        return (Equation("y = [x_1, …, x_T]", "one after the other"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Explain the vector's length and its cost."""
        if len(input_shape) == 2:
            yield Note("Output", "its input vector, unchanged")
            return
        _, steps, features = input_shape
        size = features_of(self.output_shape(input_shape))
        yield Note(
            "Output", f"timesteps × features = {steps:,} × {features:,} = {plural(size, 'number')} in one vector"
        )
        yield Note(
            "Next",
            f"a dense layer that reads them has {plural(size, 'weight')} per unit; on the last output, {features:,}",
        )

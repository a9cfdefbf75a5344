"""`act:ACT`: an activation as a separate layer."""

from __future__ import annotations

from rnncli.errors import listed
from rnncli.immutable import immutable
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.layers.base import Equation, Layer, applied
from rnncli.layers.sizes import Word
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of

WORDS = tuple(word for word in ACTIVATIONS if word != "linear")
"""All activations except the identity."""


@immutable
class Activation(Layer):
    """`activation(x)` of a vector, or of each vector of a sequence.

    `keras.layers.Activation(activation)`; in PyTorch the activation's module, such as `torch.nn.ReLU`.
    """

    activation: str

    kind = "act"
    aliases = ("activation",)
    keras = "Activation"
    torch = listed([ACTIVATIONS[word].torch for word in WORDS], "or")
    means = "an activation as a separate layer"
    sizes = Word(
        "activation",
        WORDS,
        needs="an activation",
        other_names={name: word for name, word in OTHER_NAMES.items() if word in WORDS},
        symbol="ACT",
    )
    keeps_output = True

    @property
    def activates(self) -> str:
        """The layer's activation."""
        return self.activation

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class."""
        return self.keras if framework == "keras" else ACTIVATIONS[self.activation].torch

    def kept(self, input_shape: Shape) -> int:
        """Return the number of its outputs."""
        return features_of(input_shape)

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation for one vector."""
        return (Equation(f"y_t = {applied(self.activation, 'x_t')}", ACTIVATIONS[self.activation].formula),)

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds of the activation."""
        return ACTIVATIONS[self.activation].bounds

"""The activations of the spec language: formulas, bounds and PyTorch modules; and `act:ACT`, one as a separate layer.

Each is defined as in Keras 3; `rnncli.engine.activations` computes them.

To add an activation:

1. Declare it in `ACTIVATIONS`. The parser, the hints, completion and `rnncli layers` follow from that.
2. Give its textbook formula and its PyTorch module in `tests/kinds/activations.py`.
3. Give it an entry in every table that `pytest tests/test_kinds.py` names: how the engine computes it, how each target
   writes it, what model files call it. List classes or functions that implement only this activation in
   `formats/frameworks.py`, and other common names in `OTHER_NAMES`.
4. Run `make golden judge`, then `make man` and `pytest --rewrite-screens`, and review the changes. `make golden
   KIND=dense` quickly gives the first golden values.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rnncli.errors import listed
from rnncli.immutable import NamedTuple, immutable
from rnncli.layers.base import Equation, Layer, applied
from rnncli.layers.options import Choice
from rnncli.layers.sizes import WordSize
from rnncli.layers.weights import Framework


class Definition(NamedTuple):
    """The definition of an activation.

    Attributes:
        formula: its formula for a number x, or for the numbers x_1 to x_n of a vector.
        torch: PyTorch's class in torch.nn.
        bounds: the two values at which it saturates; None if it does not saturate on both sides.
    """

    formula: str
    torch: str
    bounds: tuple[float, float] | None = None


ACTIVATIONS: Mapping[str, Definition] = {
    "linear": Definition("x", "Identity"),
    "relu": Definition("max(0, x)", "ReLU"),
    "tanh": Definition("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "Tanh", (-1.0, 1.0)),
    "sigmoid": Definition("1 / (1 + exp(-x))", "Sigmoid", (0.0, 1.0)),
    "hard_sigmoid": Definition("min(1, max(0, x / 6 + 1 / 2))", "Hardsigmoid", (0.0, 1.0)),
    "softsign": Definition("x / (1 + |x|)", "Softsign", (-1.0, 1.0)),
    "softplus": Definition("log(1 + exp(x))", "Softplus"),
    "elu": Definition("x if x > 0 else exp(x) - 1", "ELU"),
    "selu": Definition("1.0507 · (x if x > 0 else 1.67326 · (exp(x) - 1))", "SELU"),
    "gelu": Definition("x · (1 + erf(x / √2)) / 2", "GELU"),
    "silu": Definition("x / (1 + exp(-x))", "SiLU"),
    # Also between 0 and 1, but among many shares most are near 0, which is no sign of saturation.
    "softmax": Definition("exp(x_i) / (exp(x_1) + … + exp(x_n))", "Softmax"),
}

OTHER_NAMES = {"swish": "silu", "none": "linear", "hardsigmoid": "hard_sigmoid", "logistic": "sigmoid"}

_one_of_them = partial(Choice, values={name: name for name in ACTIVATIONS}, symbol="ACT", other_names=OTHER_NAMES)

ACTIVATION_OPTION = _one_of_them("act", "activation", means="activation", name_alone=True)
GATE_ACTIVATION_OPTION = _one_of_them(
    "recact", "recurrent_activation", means="activation of the gates", in_torch="always sigmoid"
)

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
    sizes = WordSize(
        ("activation",),
        WORDS,
        example="relu",
        needs="an activation",
        other_names={name: word for name, word in OTHER_NAMES.items() if word in WORDS},
        symbol="ACT",
    )
    in_place = True
    keeps_output = True

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class."""
        return self.keras if framework == "keras" else ACTIVATIONS[self.activation].torch

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation for one vector."""
        return (Equation(f"y_t = {applied(self.activation, 'x_t')}", ACTIVATIONS[self.activation].formula),)

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds of the activation."""
        return ACTIVATIONS[self.activation].bounds

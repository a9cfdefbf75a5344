"""The activations in ONNX: as operations of their own, and as its recurrent operations are told them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Number(NamedTuple):
    """A number that an activation takes.

    Attributes:
        needed: what it must be for the activation to be the language's.
        usual: what it is unless it is given.
    """

    needed: float
    usual: float

    def agrees(self, given: float) -> bool:
        """Whether a number is the one that is needed, as exactly as four bytes can say."""
        return abs(given - self.needed) <= 1e-6


class OnnxActivation(NamedTuple):
    """An activation in ONNX.

    Attributes:
        word: the language's word for it.
        operation: its name in ONNX.
        numbers: the numbers that it takes, by their names; cells take them in this order.
        in_cells: whether the recurrent operations know it.
        alone: whether there is such an operation by itself.
    """

    word: str
    operation: str
    numbers: Mapping[str, Number] = {}
    in_cells: bool = True
    alone: bool = True


ACTIVATIONS: tuple[OnnxActivation, ...] = (
    OnnxActivation("linear", "Affine", {"alpha": Number(1.0, 1.0), "beta": Number(0.0, 0.0)}, alone=False),
    OnnxActivation("relu", "Relu"),
    OnnxActivation("tanh", "Tanh"),
    OnnxActivation("sigmoid", "Sigmoid"),
    OnnxActivation("hard_sigmoid", "HardSigmoid", {"alpha": Number(1 / 6, 0.2), "beta": Number(0.5, 0.5)}),
    OnnxActivation("softsign", "Softsign"),
    OnnxActivation("softplus", "Softplus"),
    OnnxActivation("elu", "Elu", {"alpha": Number(1.0, 1.0)}),
    OnnxActivation(
        "selu",
        "Selu",
        {"alpha": Number(1.6732632, 1.67326319217681884765625), "gamma": Number(1.050701, 1.05070102214813232421875)},
        in_cells=False,
    ),
    OnnxActivation("gelu", "Gelu", in_cells=False),
    OnnxActivation("silu", "Swish", {"alpha": Number(1.0, 1.0)}, in_cells=False),
    OnnxActivation("softmax", "Softmax", in_cells=False),
    OnnxActivation("relu", "LeakyRelu", {"alpha": Number(0.0, 0.01)}),
    OnnxActivation("relu", "ThresholdedRelu", {"alpha": Number(0.0, 1.0)}),
    OnnxActivation("tanh", "ScaledTanh", {"alpha": Number(1.0, 1.0), "beta": Number(1.0, 1.0)}, alone=False),
)
"""Every activation that is one of the language's; of several with one word the first is the one that is written."""

BY_OPERATION: Mapping[str, OnnxActivation] = {each.operation: each for each in ACTIVATIONS if each.alone}
"""The activations that are operations of their own, by the names of these."""

IN_CELLS: Mapping[str, OnnxActivation] = {each.operation.lower(): each for each in ACTIVATIONS if each.in_cells}
"""The activations that recurrent operations can be told, by their names in small letters, which these read alike."""

BY_WORD: Mapping[str, OnnxActivation] = {each.word: each for each in reversed(ACTIVATIONS)}
"""What the language's activations are in ONNX."""

"""Weights as layers declare them: axes, roles and initial values; and the frameworks that count them.

The engine draws weights within the limits computed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod, sqrt
from typing import Literal, get_args

from rnncli.errors import listed
from rnncli.immutable import NamedTuple

Framework = Literal["keras", "torch"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)
FRAMEWORK_NAMES: Mapping[Framework, str] = {"keras": "Keras", "torch": "PyTorch"}

Role = Literal["kernel", "recurrent", "projection", "bias", "table", "scale", "statistic"]
"""The function of a weight.

It multiplies the input, the state, or the value projected to the state; it is added, looked up, or scales each feature;
or it is a statistic, which is not trained.
"""

MULTIPLIES: Mapping[Role, bool] = {
    "kernel": True,
    "recurrent": True,
    "projection": True,
    "bias": False,
    "table": False,
    "scale": False,
    "statistic": False,
}
"""Whether weights with a role multiply a vector as a matrix does."""


class Factor(NamedTuple):
    """A number and what it counts: 32 units, 4 gates."""

    name: str
    number: int


Axis = tuple[Factor, ...]
"""An axis of a weight; its length is the product of its factors."""


def length(axis: Axis) -> int:
    """Return the length of an axis."""
    return prod(factor.number for factor in axis)


class Weight(NamedTuple):
    """One array of a layer's parameters.

    Attributes:
        name: the framework's name for it: `kernel`, `forward/bias`, `weight_ih_l0`.
        axes: its axes, each a product of factors.
        symbol: its symbol in the layer's equations.
        role: its function.
        initializer: the name of the framework's default initialiser for it; see `start`.
        trained: whether it is trainable.
        fan: the n in PyTorch's initial bound √(1 / n): its hidden_size or in_features.
    """

    name: str
    axes: tuple[Axis, ...]
    symbol: str
    role: Role
    initializer: str | None = None
    trained: bool = True
    fan: int | None = None

    @property
    def multiplies(self) -> bool:
        """Whether it multiplies a vector as a matrix does, which costs one multiply-add per element."""
        return MULTIPLIES[self.role]

    @property
    def is_matrix(self) -> bool:
        """Whether it is a matrix or a table, which may be int8; other weights stay floats."""
        return self.multiplies or self.role == "table"

    @property
    def scales(self) -> int:
        """The number of scales if it is int8: one per column in Keras's layout."""
        return length(self.axes[-1]) if self.is_matrix else 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its axes."""
        return tuple(map(length, self.axes))

    @property
    def params(self) -> int:
        """The number of its elements."""
        return prod(map(length, self.axes))


_LEVEL = r"_l[0-9]+"
"""The part of PyTorch's weight names that gives the level of the recurrent layer in its module."""


def at_level(weights: Sequence[Weight], level: int) -> tuple[Weight, ...]:
    """Return the weights of a recurrent layer with the names of its level in a PyTorch module: `weight_hh_l1`."""
    return tuple(weight._replace(name=name_at_level(weight.name, level)) for weight in weights)


def name_at_level(name: str, level: int) -> str:
    """Return PyTorch's name of a weight at another level."""
    return re.sub(_LEVEL, f"_l{level}", name)


def name_at_levels(first: str, last: str) -> str:
    """Return one name for a weight at all levels between two: `weight_ih_l1…l37`."""
    level = re.search(_LEVEL, last)
    return first if first == last or level is None else re.sub(_LEVEL, lambda own: f"{own[0]}…{level[0][1:]}", first)


# Initial values


UNIFORM_LIMIT = 0.05
"""The bound of Keras's `RandomUniform`, the initialiser of an embedding."""


class Start(NamedTuple):
    """How a weight is initialised.

    Attributes:
        words: the name in the framework's documentation.
        limit: the bound of a uniform distribution around zero; None for other initialisers.
        formula: the formula for the bound, if it depends on sizes: `√(6 / (32 + 256))`.
    """

    words: str
    limit: float | None = None
    formula: str = ""

    @property
    def text(self) -> str:
        """The description: `Glorot uniform, ±√(6 / (32 + 256)) = ±0.144`."""
        if self.limit is None:
            return self.words
        bound = f"±{self.limit:.3g}"
        return f"{self.words}, {f'±{self.formula} = {bound}' if self.formula else bound}"


def start(weight: Weight) -> Start:
    """Return how a weight is initialised.

    Raises:
        KeyError: its initialiser is not in `STARTS`.
    """
    return STARTS[str(weight.initializer)](weight)


def starts_text(weights: Sequence[Weight]) -> str:
    """Return how weights are initialised, grouped by initialiser: `W and U uniform, ±0.125; b zeros`."""
    symbols: dict[str, list[str]] = {}
    for weight in weights:
        alike = symbols.setdefault(start(weight).text, [])
        if weight.symbol not in alike:
            alike.append(weight.symbol)
    return "; ".join(f"{listed(each)} {text}" for text, each in symbols.items())


def glorot_limit(inputs: int, outputs: int) -> float:
    """Return the bound of Glorot's uniform distribution (Glorot and Bengio, 2010): √(6 / (inputs + outputs))."""
    return sqrt(6 / (inputs + outputs))


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return the fan-in and the fan-out of a kernel of a shape.

    A kernel that moves over a sequence counts each of its timesteps.
    """
    *width, inputs, outputs = shape
    return prod(width) * inputs, prod(width) * outputs


def _glorot(weight: Weight) -> Start:
    inputs, outputs = fans(weight.shape)
    return Start("Glorot uniform", glorot_limit(inputs, outputs), f"√(6 / ({inputs:,} + {outputs:,}))")


def _root(weight: Weight) -> Start:
    assert weight.fan is not None
    return Start("uniform", sqrt(1 / weight.fan), f"√(1 / {weight.fan:,})")


def _always(start: Start) -> Callable[[Weight], Start]:
    return lambda weight: start


STARTS: Mapping[str, Callable[[Weight], Start]] = {
    "glorot_uniform": _glorot,
    "orthogonal": _always(Start("orthogonal")),
    "uniform": _always(Start("uniform", UNIFORM_LIMIT)),
    "zeros": _always(Start("zeros")),
    "ones": _always(Start("ones")),
    "unit_forget_bias": _always(Start("zeros, ones for the forget gate")),
    # PyTorch's: torch.nn.RNNBase.reset_parameters and torch.nn.Linear.reset_parameters; torch.nn.Embedding.
    "root_uniform": _root,
    "normal": _always(Start("normal, mean 0 and deviation 1")),
    "padded_normal": _always(Start("normal, mean 0 and deviation 1, the row of id 0 zeros")),
}
"""How a weight is initialised, by the name of its declared initialiser."""

"""Weights as layers declare them: axes, roles, how they start; and the frameworks that count them.

The engine draws weights within the limits that are computed here.
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
"""What a weight does.

It multiplies the input, the state, or what becomes the state; is added, is looked up, or scales each feature; or it is
a statistic, which is not trained.
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
"""Whether a vector is multiplied by the weights of a role as by a matrix."""


class Factor(NamedTuple):
    """A number and what it is a number of: 32 units, 4 gates."""

    name: str
    number: int


Axis = tuple[Factor, ...]
"""An axis of a weight; its length is the product of its factors."""


def length(axis: Axis) -> int:
    """Return the length of an axis."""
    return prod(factor.number for factor in axis)


class Weight(NamedTuple):
    """One array that a layer owns.

    Attributes:
        name: the framework's name for it: `kernel`, `forward/bias`, `weight_ih_l0`.
        axes: its axes, which say what its shape is made of.
        symbol: what the layer's equations call it.
        role: what it does.
        initializer: the name of the framework's default initialiser for it; `start` says what that does.
        trained: whether training changes it.
        fan: the number by whose root PyTorch bounds its start: its hidden_size, or in_features.
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
        """Whether a vector is multiplied by it as by a matrix, which costs one multiply-add an element."""
        return MULTIPLIES[self.role]

    @property
    def is_matrix(self) -> bool:
        """Whether it is a matrix or a table, which may be int8; others stay floats."""
        return self.multiplies or self.role == "table"

    @property
    def scales(self) -> int:
        """How many numbers scale it where it is int8: one for each column, as Keras lays it out."""
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
"""How PyTorch's names say which of the recurrent layers in a module a weight is of."""


def at_level(weights: Sequence[Weight], level: int) -> tuple[Weight, ...]:
    """Return the weights of a recurrent layer, named for its level in a module of PyTorch: `weight_ih_l1_reverse`."""
    return tuple(weight._replace(name=name_at_level(weight.name, level)) for weight in weights)


def name_at_level(name: str, level: int) -> str:
    """Return what PyTorch calls a weight at another level."""
    return re.sub(_LEVEL, f"_l{level}", name)


def name_at_levels(first: str, last: str) -> str:
    """Return one name for a weight of all levels between two: `weight_ih_l1…l37`."""
    level = re.search(_LEVEL, last)
    return first if first == last or level is None else re.sub(_LEVEL, lambda own: f"{own[0]}…{level[0][1:]}", first)


# How they start


UNIFORM_LIMIT = 0.05
"""The bound of Keras's `RandomUniform`, with which an embedding starts."""


class Start(NamedTuple):
    """How a weight starts.

    Attributes:
        words: what the framework's documentation calls it.
        limit: the bound of what is drawn from a uniform distribution around zero; None for other starts.
        formula: how the bound comes about, where it depends on sizes: `√(6 / (32 + 256))`.
    """

    words: str
    limit: float | None = None
    formula: str = ""

    @property
    def text(self) -> str:
        """What a person reads: `Glorot uniform, ±√(6 / (32 + 256)) = ±0.144`."""
        if self.limit is None:
            return self.words
        bound = f"±{self.limit:.3g}"
        return f"{self.words}, {f'±{self.formula} = {bound}' if self.formula else bound}"


def start(weight: Weight) -> Start:
    """Return how a weight starts.

    Raises:
        KeyError: nothing is said of its initialiser.
    """
    return STARTS[str(weight.initializer)](weight)


def starts_text(weights: Sequence[Weight]) -> str:
    """Return how weights start, those that start alike together: `W and U uniform, ±0.125; b zeros`."""
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
    """Return how many numbers of its input and of its output a kernel of a shape joins with one of the other's.

    A kernel that moves over a sequence does so at each of its timesteps.
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
"""How a weight starts, by the name of the initialiser that it is declared with."""

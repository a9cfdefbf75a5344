"""Weights as layers declare them: axes, roles, how they start; and the frameworks that count them."""

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Literal, NamedTuple, get_args

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
        initializer: the name of the framework's default initialiser for it; `rnncli.layers.starts` says what it does.
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

"""What the weights of a layer are made of: the factors that they declare, and how often there is each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

from rnncli.layers import Layer
from rnncli.layers.weights import Framework, Role, Weight
from rnncli.quantities import Shape

_COPIES = ("biases",)
"""Factors that say how many there are of a weight, where they are kept in one array."""


class Owned(NamedTuple):
    """A layer in its network, and the weights that it owns there.

    Attributes:
        layer: the layer.
        input_shape: what it reads.
        framework: whose weights are counted.
        weights: its weights.
        layers: all layers of the network.
        place: which of them it is.
    """

    layer: Layer
    input_shape: Shape
    framework: Framework
    weights: tuple[Weight, ...]
    layers: Sequence[Layer]
    place: int

    @property
    def params(self) -> int:
        """The number of its parameters."""
        return sum(weight.params for weight in self.weights)

    def by_role(self) -> dict[Role, int]:
        """Return the number of parameters of each role, as the weights declare it."""
        params: Counter[Role] = Counter()
        for weight in self.weights:
            params[weight.role] += weight.params
        return dict(params)


Roles = Mapping[Role, Mapping[str, int]]
"""For each role the factors of one weight, and how often each of them is in the product."""


class Factors(NamedTuple):
    """What the weights of a layer are made of.

    Attributes:
        numbers: the number of each factor: units, input; of directions; and under a role, of such weights in each.
        roles: the factors of each role.
    """

    numbers: Mapping[str, int]
    roles: Roles


def factors_of(layer: Layer, weights: Sequence[Weight]) -> Factors | None:
    """Return what the weights of a layer are made of; None where a factor is not one number in all of them."""
    directions = len(layer.directions)
    numbers = {"directions": directions}
    roles: dict[Role, Counter[str]] = {}
    for weight in weights[: len(weights) // directions]:
        factors = [factor for axis in weight.axes for factor in axis]
        names = Counter(factor.name for factor in factors if factor.name not in _COPIES)
        copies = prod(factor.number for factor in factors if factor.name in _COPIES)
        same = all(numbers.setdefault(each.name, each.number) == each.number for each in factors if each.name in names)
        if roles.setdefault(weight.role, names) != names or not same:
            return None
        numbers[weight.role] = numbers.get(weight.role, 0) + copies
    return Factors(numbers, roles)


def joined(one: Factors, other: Factors) -> tuple[Factors, Factors]:
    """Return the factors of two layers with the same roles: what one does not have is 1 there, and a weight 0."""
    roles = {role: Counter(one.roles.get(role)) | Counter(other.roles.get(role)) for role in (*one.roles, *other.roles)}
    missing = dict.fromkeys((*one.numbers, *other.numbers), 1) | dict.fromkeys(roles, 0)
    return Factors({**missing, **one.numbers}, roles), Factors({**missing, **other.numbers}, roles)


def params_of(numbers: Mapping[str, int], roles: Roles) -> dict[Role, int]:
    """Return the number of parameters of each role that has any."""
    params = {
        role: numbers["directions"] * numbers[role] * prod(numbers[name] ** times for name, times in factors.items())
        for role, factors in roles.items()
    }
    return {role: number for role, number in params.items() if number}

"""Why two layers have different numbers of parameters, as plain data.

A count is a product of factors that the weights declare: units, gates, input, biases, directions. From one layer to the
other the factors that differ are exchanged one after another, and what each exchange adds is one reason; so the reasons
add up to the difference. Where the factors do not come to what the weights declare, the reason is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rnncli.reports.causes import TEXTS, Exchange, Part
from rnncli.reports.factors import Factors, Owned, factors_of, joined, params_of

WHY = "Why the parameters differ from those of network 1:"
"""The line above the reasons."""


class Reason(NamedTuple):
    """Why a layer has more parameters, or fewer, than that of the first network.

    Attributes:
        layer: the spec of the layer.
        difference: how many more.
        text: why.
        parts: which of its weights are more.
    """

    layer: str
    difference: int
    text: str
    parts: tuple[Part, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "layer": self.layer,
            "difference": self.difference,
            "text": self.text,
            "roles": [part._asdict() for part in self.parts],
        }


def reasons(first: Owned | None, other: Owned | None) -> tuple[Reason, ...]:
    """Return why a layer has other parameters than that of the first network in the same row.

    Args:
        first: the first network's layer, or None if it has none there.
        other: the other one's.

    Returns:
        Reasons that add up to the difference, in the order in which one layer becomes the other; none where there is no
        difference, or where the reason is not known.
    """
    if first is None or other is None:
        return tuple(_alone(first, other))
    if first.params == other.params:
        return ()
    one, two = factors_of(first.layer, first.weights), factors_of(other.layer, other.weights)
    if one is None or two is None:
        return ()
    here, there = joined(one, two)
    known = params_of(*here) == first.by_role() and params_of(*there) == other.by_role()
    return tuple(_exchanges(first, other, here, there)) if known and {*here.numbers} <= {*TEXTS} else ()


def _alone(first: Owned | None, other: Owned | None) -> Iterator[Reason]:
    """Yield that only one of the networks has such a layer."""
    if other is not None and other.params:
        yield _whole(other, 1, "network 1 has no such layer")
    if first is not None and first.params:
        yield _whole(first, -1, "only network 1 has such a layer")


def _whole(owned: Owned, sign: int, text: str) -> Reason:
    parts = (Part(role, sign * params, None if sign > 0 else 0.0) for role, params in owned.by_role().items())
    return Reason(owned.layer.spec(), sign * owned.params, text, tuple(parts))


def _exchanges(first: Owned, other: Owned, here: Factors, there: Factors) -> Iterator[Reason]:
    """Yield a reason for each factor that differs, as they are exchanged one after another."""
    numbers = dict(here.numbers)
    for name in [each for each in TEXTS if each in numbers]:
        before = params_of(numbers, here.roles)
        numbers[name] = there.numbers[name]
        after = params_of(numbers, here.roles)
        parts = tuple(
            Part(role, more, after.get(role, 0) / before[role] if role in before else None)
            for role in here.roles
            if (more := after.get(role, 0) - before.get(role, 0))
        )
        if parts:
            others = len({*before, *after}) > len(parts)
            exchange = Exchange(name, here.numbers[name], numbers[name], first, other, parts, others)
            yield Reason(other.layer.spec(), sum(part.difference for part in parts), exchange.text, parts)

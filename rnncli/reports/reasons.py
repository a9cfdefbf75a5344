"""Why two layers have different numbers of parameters, in words and as plain data.

A count is a product of factors that the weights declare: units, gates, input, biases, directions. The factors that
differ are replaced one after another, and the change from each replacement is one reason, so the reasons add up to the
difference. If the factors do not reproduce the counts that the weights declare, the reason is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from math import prod
from typing import Any

from rnncli.errors import listed
from rnncli.immutable import NamedTuple
from rnncli.layers.options import Whole
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework, Role
from rnncli.network_summary import LayerSummary
from rnncli.quantities import plural, ratio_text


class Factors(NamedTuple):
    """The factors that determine the sizes of a layer's weights.

    Attributes:
        numbers: the value of each factor (units, input, directions) and, by role, the number of weights per direction.
        roles: for each role the factors of its parameters, and how often each occurs in their product.
    """

    numbers: Mapping[str, int]
    roles: Mapping[Role, Counter[str]]

    def params(self) -> dict[Role, int]:
        """Return the number of parameters for each role that has any."""
        products = {role: prod(self.numbers[name] for name in of.elements()) for role, of in self.roles.items()}
        return {role: number for role, number in products.items() if number}


def factors_of(row: LayerSummary) -> Factors:
    """Return the factors of a layer's weights; `biases` counts the copies of one that are kept in one array."""
    numbers = {"directions": len(row.layer.directions)}
    roles: dict[Role, Counter[str]] = {}
    for weight in row.in_one_direction:
        factors = [factor for axis in weight.axes for factor in axis]
        names = Counter(factor.name for factor in factors if factor.name != "biases")
        names |= {weight.role: 1, "directions": 1}
        copies = prod(factor.number for factor in factors if factor.name == "biases")
        numbers |= {each.name: each.number for each in factors if each.name in names}
        numbers[weight.role] = numbers.get(weight.role, 0) + copies
        roles[weight.role] = names
    return Factors(numbers, roles)


def joined(one: Factors, other: Factors) -> tuple[Factors, Factors]:
    """Return both layers' factors over the same roles: a missing factor counts as 1, a missing weight as 0."""
    if "proj" in {*one.numbers, *other.numbers}:
        one, other = _projected(one), _projected(other)
    roles = {role: Counter(one.roles.get(role)) | Counter(other.roles.get(role)) for role in (*one.roles, *other.roles)}
    missing = {**one.numbers, **other.numbers}
    if one.roles and other.roles:  # a layer without weights lacks only the weights
        missing = dict.fromkeys(missing, 1)
    missing |= dict.fromkeys(roles, 0)
    return Factors({**missing, **one.numbers}, roles), Factors({**missing, **other.numbers}, roles)


def _projected(factors: Factors) -> Factors:
    """Return factors in which h has its own size, `proj`, equal to the units if it is not projected."""
    if "proj" in factors.numbers or "units" not in factors.numbers:
        return factors
    projected = Counter(proj=1, units=-1)
    roles = {role: names + projected if names["units"] == 2 else names for role, names in factors.roles.items()}
    return Factors({**factors.numbers, "proj": factors.numbers["units"]}, roles)


class RoleChange(NamedTuple):
    """The effect of changing a factor on the weights of one role.

    Attributes:
        role: the role: kernel, recurrent, projection, bias, table, scale, statistic.
        difference: the number of added parameters.
        ratio: the new number divided by the old; None if there were none.
    """

    role: Role
    difference: int
    ratio: float | None


class FactorChange(NamedTuple):
    """A factor that differs.

    Attributes:
        name: its name; the role, if the number of weights with that role differs.
        here: its value in the first network.
        there: its value in the other network.
        first: the layer of the first network.
        other: the layer of the other network.
        parts: its effect on the weights of each role.
        others: whether some weights do not change.
    """

    name: str
    here: int
    there: int
    first: LayerSummary
    other: LayerSummary
    parts: tuple[RoleChange, ...]
    others: bool


def _number_of(noun: str, where: str = "") -> Callable[[FactorChange], str]:
    """Return a function that describes a changed number of units, filters or ids."""
    return lambda factor: f"{plural(factor.there, noun)}{where} instead of {factor.here:,}: {_grows(factor)}"


def _features(factor: FactorChange) -> str:
    """Return the change of the input features, and which layer or which directions of it they come from."""
    before, source = factor.first.fed_by, factor.other.fed_by
    of, why = f" of {source.spec()}" if source.spec() != before.spec() else "", ""
    if factor.there == 2 * factor.here and source.merge == "concat" != before.merge:
        of, why = "", " because bi keeps both directions"
    elif factor.here == 2 * factor.there and before.merge == "concat" != source.merge:
        merged = f"bi={source.merge} merges them" if source.merge else "without bi there is one direction"
        of, why = "", f" because {merged}"
    features = f"{plural(factor.there, 'feature')}{of} instead of {factor.here:,}{why}"
    if factor.name == "features":
        return f"{features}: {_grows(factor)}"
    ratio = factor.there / factor.here
    verb = {2.0: "doubles", 0.5: "halves"}.get(ratio, f"is {ratio_text(ratio)} × as large")
    return f"the kernel reads {features}: {'only the kernel' if factor.others else 'it'} {verb}"


def _gates(factor: FactorChange) -> str:
    whole = factor.there % factor.here == 0
    times = f"{factor.there // factor.here} ×" if whole else f"{factor.there}/{factor.here} of"
    return f"{times} the weights of {factor.first.layer.kind}: {factor.other.layer.gates_text}"


def _directions(factor: FactorChange) -> str:
    more = factor.there > factor.here
    why = "bi has separate weights for each direction" if more else "one direction instead of two"
    return f"{why}: {_grows(factor)}"


def _copies(factor: FactorChange) -> str:
    """Return how many weights with a role there are, and which field or framework causes it."""
    _, one, several = _ROLES[factor.name]
    noun = one if (factor.there or factor.here) == 1 else several
    here = "none" if factor.here == 0 else _WORDS.get(factor.here, factor.here)
    return f"{_cause(factor)}{_WORDS.get(factor.there, factor.there)} {noun} instead of {here}"


_WORDS = {0: "no", 1: "one", 2: "two"}

_ROLES: Mapping[str, tuple[str, str, str]] = {
    "table": ("the table", "table", "tables"),
    "kernel": ("the kernel", "kernel", "kernels"),
    "recurrent": ("the recurrent kernel", "recurrent kernel", "recurrent kernels"),
    "projection": ("the projection", "projection", "projections"),
    "scale": ("the scale", "scale", "scales"),
    "statistic": ("the moving mean and variance", "moving statistic", "moving statistics"),
    "bias": ("the bias", "bias", "biases"),
}
"""What each role is called: a layer's weights with the role, one weight, and several."""


TEXTS: Mapping[str, Callable[[FactorChange], str]] = {
    "ids": _number_of("id"),
    "numbers": _number_of("number", " for each id"),
    "features": _features,
    "input": _features,
    "width": _number_of("timestep", " in the window"),
    "filters": _number_of("filter"),
    "units": _number_of("unit"),
    "proj": _number_of("number", " in h"),
    "gates": _gates,
    **dict.fromkeys(_ROLES, _copies),
    "directions": _directions,
}
"""The sentence for each factor, in the order in which factors are replaced.

`64 units instead of 32: the recurrent kernel × 4, the kernel and the bias × 2`
"""


def _grows(factor: FactorChange) -> str:
    """Return by what factor the parameters grow, role by role where that differs."""
    by_ratio = sorted(factor.parts, key=lambda part: -(part.ratio or 0))
    groups = [(ratio, list(parts)) for ratio, parts in groupby(by_ratio, lambda part: part.ratio)]
    if len(groups) == 1 and not factor.others:
        return f"× {ratio_text(groups[0][0])}"
    return ", ".join(
        f"{listed([_ROLES[part.role][0] for part in parts])} × {ratio_text(ratio)}" for ratio, parts in groups
    )


def _cause(factor: FactorChange) -> str:
    """Return what causes the number: a field or framework of the other layer, or a field that it lacks."""
    # Deep stacks have few layers that differ in more than their names.
    first, other = (row._replace(name="", weights=()) for row in (factor.first, factor.other))
    cause = _field(factor.name, factor.there, factor.here, other, first.framework)
    missing = "" if cause else _field(factor.name, factor.here, factor.there, first, other.framework)
    if missing == FRAMEWORK_NAMES[first.framework]:
        cause = FRAMEWORK_NAMES[other.framework]
    return f"{cause}: " if cause else f"without {missing}: " if missing else ""


@lru_cache(maxsize=1000)
def _field(name: str, number: int, wanted: int, row: LayerSummary, other_framework: Framework) -> str:
    """Return the field or the framework of a layer without which a factor would be `wanted`; empty if there is none.

    If it is 0 now, any other number will do: with nobias a GRU has no bias, without it two, where an LSTM has one.
    """
    whose = FRAMEWORK_NAMES[row.framework] if _number(name, row._replace(framework=other_framework)) == wanted else ""
    if whose and row.layer.conflict(other_framework) is None:
        return whose
    for option in row.layer.options:
        value = getattr(row.layer, option.attribute)
        for instead in {*option.fields().values(), row.layer.default(option.attribute)} - {value}:
            changed: Any = replace(row.layer, **{option.attribute: instead})
            found = _number(name, row._replace(layer=changed))
            if changed.conflict(row.framework) is None and (found == wanted or found > number == 0):
                field = option.spelling(value)
                named = isinstance(option, Whole) or option.fields().get(field) == value
                return field if named and value is not None else ""
    return whose


def _number(name: str, row: LayerSummary) -> int:
    """Return the value that a factor of a layer would have, or of the nearest layer that its framework can express."""
    return factors_of(row._replace(weights=row.layer.weights(row.input_shape, row.framework))).numbers.get(name, 0)


class Reason(NamedTuple):
    """Why a layer has more or fewer parameters than the first network's.

    Attributes:
        layer: the spec of the layer.
        text: the reason.
        parts: the change for each role of its weights.
    """

    layer: str
    text: str
    parts: tuple[RoleChange, ...]

    @property
    def difference(self) -> int:
        """The number of added parameters."""
        return sum(part.difference for part in self.parts)

    def as_dict(self) -> dict[str, Any]:
        """Return the reason as plain data."""
        roles = [part._asdict() for part in self.parts]
        return {"layer": self.layer, "difference": self.difference, "text": self.text, "roles": roles}


def reasons(first: LayerSummary | None, other: LayerSummary | None) -> tuple[Reason, ...]:
    """Return why a layer has more or fewer parameters than the first network's layer in the same row.

    Either may be missing. The reasons add up to the difference, in the order in which factors are replaced; there are
    none if there is no difference or the reason is unknown.
    """
    before, after = _by_role(first), _by_role(other)
    if first is None or other is None:
        text = "network 1 has no such layer" if first is None else "it has no such layer"
        only, parts = first or other, _parts(before, after)
        return (Reason(only.spec, text, parts),) if only is not None and parts else ()
    if first.params == other.params:
        return ()
    here, there = joined(factors_of(first), factors_of(other))
    known = here.params() == before and there.params() == after
    return tuple(_factor_changes(first, other, here, there)) if known and {*here.numbers} <= {*TEXTS} else ()


def _by_role(row: LayerSummary | None) -> Mapping[Role, int]:
    """Return the number of a layer's parameters with each role, as its weights declare it."""
    counts: Counter[Role] = Counter()
    for weight in () if row is None else row.weights:
        counts[weight.role] += weight.params
    return counts


def _parts(before: Mapping[Role, int], after: Mapping[Role, int]) -> tuple[RoleChange, ...]:
    """Return the change for each role, given its parameters before and after."""
    return tuple(
        RoleChange(role, more, after.get(role, 0) / before[role] if role in before else None)
        for role in {**before, **after}
        if (more := after.get(role, 0) - before.get(role, 0))
    )


def _factor_changes(first: LayerSummary, other: LayerSummary, here: Factors, there: Factors) -> Iterator[Reason]:
    """Yield a reason for each factor that differs, replacing one after another."""
    for name in [each for each in TEXTS if each in here.numbers]:
        changed = here._replace(numbers={**here.numbers, name: there.numbers[name]})
        before, after = here.params(), changed.params()
        if parts := _parts(before, after):
            others = len({*before, *after}) > len(parts)
            factor = FactorChange(name, here.numbers[name], there.numbers[name], first, other, parts, others)
            yield Reason(other.spec, TEXTS[name](factor), parts)
        here = changed

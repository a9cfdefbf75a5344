"""What it means that a factor of a layer's weights is another one than in the first network, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from rnncli.errors import listed
from rnncli.layers import Layer
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework, Role
from rnncli.quantities import Shape, features_of, ratio_text
from rnncli.reports.factors import Owned, factors_of


class Part(NamedTuple):
    """What another factor does to the weights of one role.

    Attributes:
        role: their role: kernel, recurrent, bias, table, scale.
        difference: how many more parameters they have.
        ratio: how many times as many; None where there were none.
    """

    role: Role
    difference: int
    ratio: float | None


class Exchange(NamedTuple):
    """A factor that differs.

    Attributes:
        name: its name; a role, where there are more or fewer weights of that.
        here: its number in the first network.
        there: its number in the other.
        first: the layer of the first network.
        other: the layer of the other.
        parts: what it does to the weights.
        others: whether there are weights that it leaves as they are.
    """

    name: str
    here: int
    there: int
    first: Owned
    other: Owned
    parts: tuple[Part, ...]
    others: bool

    @property
    def text(self) -> str:
        """Why the counts differ: `64 units instead of 32: the recurrent kernel × 4, the kernel and the bias × 2`."""
        return TEXTS[self.name](self)


def _number_of(what: str) -> Callable[[Exchange], str]:
    """Return what says how many there are of a factor."""
    return lambda each: f"{each.there:,} {what} instead of {each.here:,}: {_grows(each)}"


def _input(each: Exchange) -> str:
    kernel = f"the kernel reads {each.there:,} features{_whence(each)} instead of {each.here:,}{_both_ways(each)}"
    return f"{kernel}: {'only the kernel' if each.others else 'it'} {_verb(each.there / each.here)}"


def _features(each: Exchange) -> str:
    return f"{each.there:,} features{_whence(each)} instead of {each.here:,}{_both_ways(each)}: {_grows(each)}"


def _gates(each: Exchange) -> str:
    kind = each.first.layer.kind
    if each.there % each.here == 0:
        times = f"{each.there // each.here} × the"
    elif each.here % each.there == 0:
        times = f"1/{each.here // each.there} of the"
    else:
        times = f"{each.there}/{each.here} of the"
    return f"{times} weights of {kind}: {each.other.layer.gates_text}"


def _directions(each: Exchange) -> str:
    if each.there > each.here:
        return f"bi has weights of its own for each direction: {_grows(each)}"
    return f"one direction instead of two: {_grows(each)}"


def _copies(what: str, whats: str) -> Callable[[Exchange], str]:
    """Return what says how many weights of a role there are, and which field or framework makes it so."""

    def text(each: Exchange) -> str:
        there = f"{_WORDS.get(each.there, each.there)} {what if each.there < 2 else whats}"
        here = "none" if each.here == 0 else _WORDS.get(each.here, str(each.here))
        return f"{_lead(each)}{there} instead of {here}"

    return text


TEXTS: Mapping[str, Callable[[Exchange], str]] = {
    "ids": _number_of("ids"),
    "numbers": _number_of("numbers for each id"),
    "features": _features,
    "input": _input,
    "units": _number_of("units"),
    "gates": _gates,
    "table": _copies("table", "tables"),
    "kernel": _copies("kernel", "kernels"),
    "recurrent": _copies("recurrent kernel", "recurrent kernels"),
    "scale": _copies("scale", "scales"),
    "bias": _copies("bias", "biases"),
    "directions": _directions,
}
"""What each factor means, in the order in which one layer becomes another."""

_WORDS = {0: "no", 1: "one", 2: "two"}

_ROLES: Mapping[Role, str] = {
    "kernel": "the kernel",
    "recurrent": "the recurrent kernel",
    "bias": "the bias",
    "table": "the table",
    "scale": "the scale",
}


def _grows(each: Exchange) -> str:
    """Return how many times as many parameters there are, role by role where they differ."""
    by_ratio = sorted(each.parts, key=lambda part: -(part.ratio or 0))
    groups = [(ratio, list(parts)) for ratio, parts in groupby(by_ratio, lambda part: part.ratio)]
    if len(groups) == 1 and not each.others:
        return f"× {ratio_text(groups[0][0])}"
    return ", ".join(
        f"{listed([_ROLES[part.role] for part in parts])} × {ratio_text(ratio)}" for ratio, parts in groups
    )


def _verb(ratio: float) -> str:
    """Return what something does that becomes so many times as large."""
    verbs = {2.0: "doubles", 0.5: "halves"}
    return verbs.get(ratio, f"is {ratio_text(ratio)} × as large")


def _maker(owned: Owned) -> Layer:
    """Return the layer whose outputs a layer reads: the nearest before it that does not pass on what it reads."""
    features = features_of(owned.input_shape)
    for layer in owned.layers[owned.place - 1 : 0 : -1]:
        steps = () if layer.reads == "vector" else (None,)
        if features_of(layer.output_shape((None, *steps, features + 1))) != features + 1:
            return layer
    return owned.layers[0]


def _doubled(one: Owned, other: Owned) -> bool:
    """Whether a layer reads both directions of a layer, and the other one only one of as many units."""
    twice = features_of(one.input_shape) == 2 * features_of(other.input_shape)
    return twice and _maker(one).merge == "concat" and _maker(other).merge != "concat"


def _whence(each: Exchange) -> str:
    """Return from which layer the features come, where that is not said otherwise."""
    if _both_ways(each):
        return ""
    maker = _maker(each.other)
    return f" of {maker.spec()}" if maker.spec() != _maker(each.first).spec() else ""


def _both_ways(each: Exchange) -> str:
    """Return that it is for the two directions of the layer before that there are more features, where it is."""
    if _doubled(each.other, each.first):
        return ", for bi keeps both directions"
    if _doubled(each.first, each.other):
        return ", for without bi there is one direction"
    return ""


def _lead(each: Exchange) -> str:
    """Return what makes it so many: a field or a framework that the other layer has, or a field that it has not."""
    cause = _cause(each)
    if cause:
        return f"{cause}: "
    missing = _cause(each._replace(here=each.there, first=each.other, other=each.first))
    if missing in FRAMEWORK_NAMES.values():
        return f"{FRAMEWORK_NAMES[each.other.framework]}: "
    return f"without {missing}: " if missing else ""


def _cause(each: Exchange) -> str:
    """Return the field of the other layer, or its framework, without which it would have as many as the first."""
    other = each.other
    return _field(each.name, each.here, other.layer, other.input_shape, other.framework, each.first.framework)


@lru_cache(maxsize=1000)  # deep stacks have few different layers
def _field(
    name: str, wanted: int, layer: Layer, input_shape: Shape, framework: Framework, other_framework: Framework
) -> str:
    """Return the field of a layer, or its framework, without which a factor would be as wanted; nothing if none is."""
    if framework != other_framework and _number(name, layer, input_shape, other_framework) == wanted:
        return FRAMEWORK_NAMES[framework]
    for option in layer.options:
        value = getattr(layer, option.attribute)
        for instead in {*option.fields().values(), layer.default(option.attribute)} - {value}:
            changed: Any = replace(layer, **{option.attribute: instead})
            if _number(name, changed, input_shape, framework) == wanted:
                field = option.spelling(value)
                return field if option.fields().get(field) == value else ""
    return ""


def _number(name: str, layer: Layer, input_shape: Shape, framework: Framework) -> int | None:
    """Return how many of a factor a layer would have; None where the framework cannot express it."""
    if layer.conflict(framework) is not None:
        return None
    factors = factors_of(layer, layer.weights(input_shape, framework))
    return None if factors is None else factors.numbers.get(name, 0)

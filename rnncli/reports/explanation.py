"""Where every number of a network comes from, as plain data.

The formulas are made of the factors that each weight declares, so they cannot disagree with what a summary counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import listed
from rnncli.layers import Layer
from rnncli.layers.base import Equation, Note
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, Axis, Framework, Weight, length, start, starts_text
from rnncli.layers.words import fields_in_both
from rnncli.network import Network, check_flags, plain
from rnncli.quantities import Shape, shape_text
from rnncli.results import Result
from rnncli.summary import LayerSummary, Summary

if TYPE_CHECKING:
    from rnncli.reports.other_tools import OtherCounts


class Formula(NamedTuple):
    """A product, or a sum of products: in words, in numbers, and its value.

    Attributes:
        words: `units × (input + units + 1)`.
        numbers: the same in numbers, in one or more steps: `32 × (32 + 32 + 1) = 32 × 65`.
        value: 2080.
    """

    words: str
    numbers: str
    value: int


class LayerExplanation(NamedTuple):
    """One layer explained.

    Attributes:
        summary: its row of the summary.
        layer: the layer.
        equations: what it computes in one step.
        input_shape: the shape that it reads.
        weights: each weight, with the formula of its size.
        total: the formula of the number of parameters, or None where there are fewer than two weights.
        other_params: the number in the other framework, or None if that cannot express the layer.
        notes: what is worth knowing about it.
    """

    summary: LayerSummary
    layer: Layer
    equations: tuple[Equation, ...]
    input_shape: Shape
    weights: tuple[tuple[Weight, Formula], ...]
    total: Formula | None
    other_params: int | None
    notes: tuple[Note, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return self.summary.as_dict() | {
            "input_shape": self.input_shape,
            "equations": [equation._asdict() for equation in self.equations],
            "weights": [
                {
                    "name": weight.name,
                    "symbol": weight.symbol,
                    "shape": weight.shape,
                    "axes": [[factor._asdict() for factor in axis] for axis in weight.axes],
                    "formula": formula._asdict(),
                    "params": weight.params,
                    "start": start(weight).words,
                    "limit": start(weight).limit,
                }
                for weight, formula in self.weights
            ],
            "formula": None if self.total is None else self.total._asdict(),
            "other_params": self.other_params,
            "states": list(self.layer.states),
            "notes": [note._asdict() for note in self.notes],
        }


@dataclass(frozen=True, repr=False)
class Explanation(Result):
    """A network explained.

    Attributes:
        summary: the summary whose numbers are explained.
        layers: the explanation of each layer.
        other: the framework that the counts are compared with.
        other_tools: what other tools count; None where nobody asks.
    """

    summary: Summary
    layers: tuple[LayerExplanation, ...]
    other: Framework
    other_tools: OtherCounts | None = None

    @property
    def title(self) -> str:
        """The network."""
        return self.summary.spec

    @property
    def other_params(self) -> int | None:
        """The number of parameters in the other framework, or None if that cannot express one of the layers."""
        counts = [layer.other_params for layer in self.layers]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `--format json` prints."""
        others = {} if self.other_tools is None else {"other_tools": self.other_tools.as_dicts()}
        return self.summary.as_dict() | {
            "layers": [layer.as_dict() for layer in self.layers],
            "other_framework": self.other,
            "other_total_params": self.other_params,
            **others,
        }


def explain(
    network: Network | str,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework | None = None,
    *,
    others: bool = False,
    set: Mapping[str, float | str] | None = None,
) -> Explanation:
    """Return where each number of a network comes from.

    Args:
        network: the network, or what stands for one: see `rnncli.Network.read`.
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights to count, which are compared with the other framework's; None for that of the source.
        others: whether it tells what other tools count, too.
        set: the numbers that Python source leaves open.

    Raises:
        SpecError: the framework cannot express a layer, or `timesteps` contradicts the spec.
    """
    network = Network.of(network, set)
    check_flags(others=others)
    batch, timesteps = plain(batch), plain(timesteps)
    summary = network.summary(batch, timesteps, framework)
    framework = summary.framework
    other = next(each for each in FRAMEWORKS if each != framework)
    layers: list[LayerExplanation] = []
    for row, layer, (reads, _), theirs in zip(
        summary.layers, network.body, network.shapes(batch, timesteps), network.weights(other), strict=True
    ):
        there = None if layer.conflict(other) else theirs
        layers.append(
            LayerExplanation(
                summary=row,
                layer=layer,
                equations=layer.equations(framework),
                input_shape=reads,
                weights=tuple((weight, _product(weight.axes)) for weight in row.weights),
                total=_total(row.weights, len(layer.directions)),
                other_params=None if there is None else sum(weight.params for weight in there),
                notes=(
                    *_first_notes(layer, row.weights, framework),
                    *(network.head.mask_notes() if not layers and not network.head.shown else ()),
                    *layer.notes(reads, framework),
                    *_other_note(layer, row.weights, there, other),
                ),
            )
        )
    other_tools = None
    if others:
        from rnncli.reports.other_tools import other_counts  # few ask for it

        other_tools = other_counts(network, batch, timesteps)
    return Explanation(summary, tuple(layers), other, other_tools)


def _first_notes(layer: Layer, weights: Sequence[Weight], framework: Framework) -> Iterator[Note]:
    """Yield the fields of the layer's spec for which the framework has an argument, in both words; how weights start.

    The directions of a Bidirectional start alike, so one is told of.
    """
    fields = [field for field in fields_in_both(layer, framework) if field.endswith(")")]
    if fields:
        yield Note("Fields", ", ".join(fields))
    if weights:
        yield Note("Start", starts_text(weights[: len(weights) // len(layer.directions)]))


def _product(axes: Sequence[Axis]) -> Formula:
    """Return the formula of a weight's size: the product of all its factors."""
    factors = [factor for axis in axes for factor in axis]
    return Formula(
        " × ".join(factor.name for factor in factors),
        " × ".join(f"{factor.number:,}" for factor in factors),
        prod(map(length, axes)),
    )


def _total(weights: Sequence[Weight], directions: int) -> Formula | None:
    """Return the formula of a layer's parameters: the axis that its weights share, times the sum of their other axes.

    A projection does not share it, and is added. Both directions of a Bidirectional have weights of the same shapes, so
    one direction is counted and doubled.
    """
    if len(weights) < 2:
        return None
    own = weights[: len(weights) // directions]
    sharing = [weight for weight in own if weight.role != "projection"]
    shared = next(axis for axis in own[0].axes if all(axis in weight.axes for weight in sharing))
    lead = _product([shared])
    rests = []
    for weight in sharing:
        others = list(weight.axes)
        others.remove(shared)  # a square kernel has it twice, and keeps one of the two
        rests.append(_product(others))
    added = [_product(weight.axes) for weight in own if weight.role == "projection"]

    def total(times: str, *terms: str) -> str:
        summed = " + ".join(terms)
        if directions > 1:
            return f"{times} × ({summed})" if len(terms) > 1 else f"{times} × {summed}"
        return summed

    words, numbers = (" + ".join(getattr(rest, each) or "1" for rest in rests) for each in ("words", "numbers"))
    words = total("directions", f"{lead.words} × ({words})", *(each.words for each in added))
    numbers = total(f"{directions}", f"{lead.numbers} × ({numbers})", *(each.numbers for each in added))
    short = f"{lead.value:,} × {sum(rest.value for rest in rests):,}"
    short = total(f"{directions}", short, *(f"{each.value:,}" for each in added))
    return Formula(words, f"{numbers} = {short}", sum(weight.params for weight in weights))


def _other_note(
    layer: Layer, here: Sequence[Weight], there: Sequence[Weight] | None, other: Framework
) -> Iterator[Note]:
    """Yield how many parameters the other framework counts and, where that differs, why."""
    name = FRAMEWORK_NAMES[other]
    if there is None:
        conflict = layer.conflict(other)
        yield Note(name, conflict.reason if conflict is not None else "")
        return
    if not there:
        return
    params = sum(weight.params for weight in there)
    ours, theirs = ([weight for weight in weights if weight.role == "bias"] for weights in (here, there))
    moving = [weight for weight in (*here, *there) if not weight.trained]
    if params == sum(weight.params for weight in here):
        yield Note(name, f"{params:,} as well")
    elif moving:
        counts = "counts" if moving[0] in there else "does not count"
        yield Note(name, f"{params:,}: it {counts} {_shapes(moving)}, which are not trained")
    else:
        yield Note(name, f"{params:,}: its biases are {_shapes(theirs)}, here {_shapes(ours)}; a step adds them all up")


def _shapes(weights: Sequence[Weight]) -> str:
    return listed([f"{weight.name} {shape_text(weight.shape)}" for weight in weights])

"""Where every number of a network comes from, as plain data.

The formulas are built from the factors that each weight declares and from the same cost totals that a summary reads,
so they cannot disagree with a summary's counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from rnncli.errors import listed
from rnncli.immutable import NamedTuple
from rnncli.layers.base import Conflict, Equation, Remark
from rnncli.layers.cost import OverTime
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, Factor, Framework, Weight, length, start, starts_text
from rnncli.layers.words import fields_in_both
from rnncli.network import Network, NetworkLike, check_flags, plain
from rnncli.network_summary import FLOAT_BYTES, TRAINED_COPIES, UNTRAINED, LayerSummary, Summary, number_bytes
from rnncli.quantities import features_of, memory, shape_text
from rnncli.results import Result

if TYPE_CHECKING:
    from rnncli.reports.other_tools import OtherCount


class Formula(NamedTuple):
    """A product or a sum of products: in words, in numbers, and its value.

    Attributes:
        words: `units × (input + units + 1)`; empty if there is no such value.
        numbers: the same with numbers, in one or more steps: `32 × (32 + 32 + 1) = 32 × 65`; empty if some are unknown.
        value: 2080; None if it is unknown, or there is none.
    """

    words: str
    numbers: str
    value: int | None

    @classmethod
    def of(cls, terms: _Sum, value: int | None) -> Formula:
        """Return the formula of a sum with its value."""
        return cls(_text(terms, False), "" if value is None else _text(terms, True), value)


class LayerExplanation(NamedTuple):
    """The explanation of one layer.

    Attributes:
        summary: its row of the summary.
        equations: the equations of one step.
        total: the formula for its parameter count; None if it has fewer than two weights.
        other_params: its parameter count in the other framework; None if that framework cannot express the layer.
        notes: remarks about it.
    """

    summary: LayerSummary
    equations: tuple[Equation, ...]
    total: Formula | None
    other_params: int | None
    notes: tuple[Remark, ...]

    @property
    def weights(self) -> tuple[tuple[Weight, Formula], ...]:
        """Each weight with the formula for its size."""
        return tuple((each, Formula.of([[*chain(*each.axes)]], each.params)) for each in self.summary.weights)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain data."""
        return self.summary.as_dict() | {
            "input_shape": self.summary.input_shape,
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
            "states": list(self.summary.layer.states),
            "notes": [note._asdict() for note in self.notes],
        }


@dataclass(frozen=True, repr=False)
class Explanation(Result):
    """The explanation of a network.

    Attributes:
        summary: the summary whose numbers are explained.
        layers: the explanation of each layer.
        other: the framework to compare the counts with.
        other_tools: the counts of other tools; None unless requested.
    """

    summary: Summary
    layers: tuple[LayerExplanation, ...]
    other: Framework
    other_tools: tuple[OtherCount, ...] | None = None

    @property
    def title(self) -> str:
        """The network."""
        return self.summary.spec

    @property
    def other_params(self) -> int | None:
        """The parameter count in the other framework; None if it cannot express one of the layers."""
        counts = [layer.other_params for layer in self.layers]
        return None if None in counts else sum(filter(None, counts))

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain data, the object that `--format json` prints."""
        others = {} if self.other_tools is None else {"other_tools": [count.as_dict() for count in self.other_tools]}
        there = {"other_framework": self.other, "other_total_params": self.other_params}
        return self.summary.as_dict() | {"layers": [layer.as_dict() for layer in self.layers], **there, **others}


def explain(
    network: NetworkLike,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework | None = None,
    *,
    others: bool = False,
    set: Mapping[str, float | str] | None = None,
) -> Explanation:
    """Explain where each number of a network comes from.

    Args:
        network: the network, or anything that `rnncli.Network.read` accepts.
        batch: samples per batch, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights to count and compare with the other framework's; None for the source's framework.
        others: whether to include the counts of other tools.
        set: values for the names that Python source leaves undefined.

    Raises:
        SpecError: the framework cannot express a layer, or `timesteps` contradicts the spec.
    """
    network = Network.read(network, set=set)
    check_flags(others=others)
    batch, timesteps = plain(batch), plain(timesteps)
    summary = network.summary(batch, timesteps, framework)
    framework = summary.framework
    other = next(each for each in FRAMEWORKS if each != framework)
    layers: list[LayerExplanation] = []
    for row, there, masked in zip(summary.layers, network.weights(other), network.masked, strict=True):
        layer, conflict = row.layer, row.layer.conflict(other)
        meets_mask = masked or layer is network.head
        notes = (
            *_notes_on_weights(row),
            *(network.head.mask_notes() if not layers and not network.head.shown else ()),
            *(note for note in layer.notes(row.input_shape, framework) if meets_mask or note.topic != "Mask"),
            *_other_note(row, there, other, conflict),
        )
        params = None if conflict else sum(weight.params for weight in there)
        layers.append(LayerExplanation(row, layer.equations(framework), _total(row), params, notes))
    other_tools = None
    if others:
        from rnncli.reports.other_tools import other_counts  # rarely needed

        other_tools = other_counts(network, batch, timesteps)
    return Explanation(summary, tuple(layers), other, other_tools)


def _notes_on_weights(row: LayerSummary) -> Iterator[Remark]:
    """Yield the spec's fields that are arguments of the framework, named in both, and the weights' initial values.

    PyTorch also stores the matrices of the equations as their transposes.
    """
    fields = [field for field in fields_in_both(row.layer, row.framework) if field.endswith(")")]
    if fields:
        yield Remark("Fields", ", ".join(fields))
    if row.weights:
        yield Remark("Start", starts_text(row.in_one_direction))
    turned = [each.symbol for each in row.in_one_direction if len(each.shape) == 2 and each.role != "table"]
    if turned and row.framework == "torch":
        yield Remark("Stored", f"{listed(turned)} transposed, a row for each output: x·W is x @ W.T")


_Sum = Sequence[Sequence["Factor | str | _Sum"]]
"""A sum of products, whose factors may be sums, or texts that are the same in words and in numbers."""


def _text(terms: _Sum, in_numbers: bool) -> str:
    """Return a sum in words or in numbers; sums in it are in parentheses if they have several terms."""

    def factor_text(factor: Factor | str | _Sum) -> str:
        if isinstance(factor, str):
            return factor
        if isinstance(factor, Factor):
            return f"{factor.number:,}" if in_numbers else factor.name
        text = _text(factor, in_numbers)
        return text if len(factor) == 1 else f"({text})"

    return " + ".join(" × ".join(map(factor_text, term)) or "1" for term in terms)


def _total(row: LayerSummary) -> Formula | None:
    """Return the formula for a layer's parameters: the axis that its weights share times the sum of their other axes.

    A projection does not share that axis, so it is added separately. Both directions of a Bidirectional have weights of
    the same shapes, so one direction is counted and doubled.
    """
    if len(row.weights) < 2:
        return None
    own = row.in_one_direction
    sharing = [weight for weight in own if weight.role != "projection"]
    shared = next(axis for axis in own[0].axes if all(axis in weight.axes for weight in sharing))
    rests = []
    for weight in sharing:
        others = list(weight.axes)
        others.remove(shared)  # a square kernel has it twice and keeps one
        rests.append(tuple(chain(*others)))
    added = [tuple(chain(*weight.axes)) for weight in own if weight.role == "projection"]
    whole: _Sum = [[*shared, rests], *added]
    short: _Sum = [[f"{length(shared):,}", f"{sum(map(length, rests)):,}"], *([f"{length(each):,}"] for each in added)]
    if len(own) < len(row.weights):
        twice = Factor("directions", len(row.layer.directions))
        whole, short = [[twice, whole]], [[twice, short]]
    formula = Formula.of(whole, row.params)
    return formula._replace(numbers=f"{formula.numbers} = {_text(short, True)}")


def _other_note(
    row: LayerSummary, there: Sequence[Weight], other: Framework, conflict: Conflict | None
) -> Iterator[Remark]:
    """Yield the parameter count in the other framework and, if it differs, why."""
    params = sum(weight.params for weight in there)
    moving = [weight for weight in (*row.weights, *there) if not weight.trained]
    if conflict is not None:
        text = conflict.reason
    elif not there:
        return
    elif params == row.params:
        text = f"{params:,} as well"
    elif moving:
        counts = "counts" if moving[0] in there else "does not count"
        text = f"{params:,}: it {counts} {listed(_named(moving))}, which are not trained"
    else:
        theirs, ours = (listed(_named(each for each in some if each.role == "bias")) for some in (there, row.weights))
        text = f"{params:,}: {theirs} instead of {ours}; each cell adds up its biases"
    yield Remark(FRAMEWORK_NAMES[other], text)


def _named(weights: Iterable[Weight]) -> list[str]:
    return [f"{weight.name} {shape_text(weight.shape)}" for weight in weights]


# Memory


def sizes(summary: Summary) -> Iterator[tuple[str, Formula, str]]:
    """Yield each size: its key, its formula, and a note on what the words mean, or why there is no value.

    They are the memory of the parameters, of the layer outputs, of streaming, and the minimum for training. A network
    without layers has none of these.
    """
    for key, terms_of in _SIZES.items() if summary.layers else ():
        value: int | None = getattr(summary, key)
        terms, note = terms_of(summary)
        if value is None and terms:
            note = "the timesteps are unknown: give --timesteps"
        yield key, Formula.of(terms, value), note


_Terms = tuple[_Sum, str]
"""The formula of a size, empty if it does not apply, and the note about it."""


def _in_bytes(summary: Summary, numbers: _Sum) -> _Sum:
    return [[numbers, f"{number_bytes(summary.dtype)} B"]]


def _parameters(summary: Summary) -> _Terms:
    total, account = summary.total_params, summary.account
    if summary.dtype != "int8":
        return _in_bytes(summary, [[Factor("parameters", total)]]), ""
    floats: _Sum = [[Factor("other parameters", account.floats)], [Factor("scales", account.scales)]]
    note = "each column of a matrix or a table has a scale; biases and all computed values are float32"
    return [[Factor("in matrices", total - account.floats), "1 B"], [floats, f"{FLOAT_BYTES} B"]], note


def _streaming(summary: Summary) -> _Terms:
    account = summary.account
    if not account.streams:
        reads_ahead = f"{account.whole} must read ahead in the sequence before it returns anything"
        return (), f"{reads_ahead}, so it cannot run a step at a time"
    most = max(account.streaming.most, key=lambda held: held.numbers, default=None)
    parts = {"input": account.input, "states of all layers": account.carried}
    if most is not None:
        name = summary.layers[most.place].name
        parts |= {f"{part} of {name}": getattr(most, part) for part in ("input", "gates", "output")}
    parts["output"] = features_of(account.shape)
    return _in_bytes(summary, [[Factor(word, number)] for word, number in parts.items() if number]), ""


def _training(summary: Summary) -> _Terms:
    if summary.dtype in UNTRAINED:
        return (), f"{summary.dtype} is not for training: give --dtype float32"
    total, trained = summary.total_params, summary.trainable_params
    params: _Sum = [[f"{1 + TRAINED_COPIES}", Factor("parameters", total)]]
    if trained != total:
        params = [[Factor("parameters", total)], [f"{TRAINED_COPIES}", Factor("trainable parameters", trained)]]
    parts = summary.training_parts
    weights, activations = ("", "") if parts is None else (f" {memory(each)}" for each in parts)
    note = f"weights{weights}: parameters, gradients, Adam's two moments"
    kept = summary.account.trains_on
    if kept:
        note += f"; activations{activations}: gates, states and outputs of each timestep, for backpropagation"
    return _in_bytes(summary, [*params, *_per_vector(summary, kept)]), note


_SIZES: Mapping[str, Callable[[Summary], _Terms]] = {
    "total_bytes": _parameters,
    "output_bytes": lambda summary: (_in_bytes(summary, _per_vector(summary, summary.account.outputs)), ""),
    "streaming_bytes": _streaming,
    "training_bytes": _training,
}
"""What each size is made of, in display order."""


def _per_vector(summary: Summary, numbers: OverTime) -> _Sum:
    """Return a count of numbers per vector for the whole input: `batch × (timesteps × 64 + 32)`."""
    batch, timesteps = summary.input_shape[:2]
    terms = []
    for steps, each in numbers.items():
        vectors = Factor("timesteps", steps or 0) if steps == timesteps else f"{steps:,}"
        terms.append([f"{each:,}"] if steps == 1 != timesteps else [vectors, f"{each:,}"])
    return [[Factor("batch", batch), terms]] if batch is not None and terms else terms

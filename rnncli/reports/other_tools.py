"""What other tools count for a PyTorch network, and why their numbers differ from rnncli's.

What a tool counts in addition to the matrix products, or leaves out, is derived from the weights that the layers
declare. A tool's count applies its rules to each module, and the reasons are the same rules summed one by one, so the
two cannot disagree. `tests/golden/other_tools.py` runs the tools themselves, in the versions given here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from rnncli.immutable import NamedTuple
from rnncli.network import Network
from rnncli.network_summary import LayerSummary
from rnncli.quantities import features_of

_ELEMENTWISE = {"RNN": 1, "LSTM": 8, "GRU": 7}
"""The element-wise operations that thop counts per unit of a cell, in addition to products and biases."""

RECURRENT = tuple(_ELEMENTWISE)
"""PyTorch's recurrent modules."""


_params = attrgetter("params")
_macs = attrgetter("macs_per_step")


def _biases(row: LayerSummary) -> int:
    return sum(weight.params for weight in row.weights if weight.role == "bias")


def _without(row: LayerSummary) -> int:
    return -row.macs_per_step


def _elementwise(row: LayerSummary) -> int:
    """Return the element-wise operations of one step of a cell, as thop counts them."""
    units = next(weight for weight in row.weights if weight.role == "recurrent").shape[-1]
    return len(row.layer.directions) * _ELEMENTWISE[row.type] * units


def _features(row: LayerSummary) -> int:
    return features_of(row.input_shape)


class Deviation(NamedTuple):
    """Something that a tool counts in addition to the matrix products, or leaves out.

    Attributes:
        text: what the difference is for; printed after the number.
        modules: the module classes that it applies to.
        each_step: returns the difference per input vector of such a module.
        each_sample: returns the difference per sample.
    """

    text: str
    modules: tuple[str, ...]
    each_step: Callable[[LayerSummary], int] = lambda row: 0
    each_sample: Callable[[LayerSummary], int] = lambda row: 0


class Tool(NamedTuple):
    """A tool that counts the work of a network, as a rule one of PyTorch.

    Attributes:
        name: its name.
        version: the version that was measured; None for rnncli itself.
        counts: its own name for what it counts.
        times: the operations it counts per multiply-add.
        base: what it counts for every network, in words.
        deviations: where it differs from that.
    """

    name: str
    version: str | None
    counts: str
    times: int
    base: str
    deviations: tuple[Deviation, ...] = ()


def _norm(module: str, plain: int, scaled: int) -> Iterator[Deviation]:
    """Yield a tool's count per input number of a normalisation, without and with scaling."""
    text = f"for {module}, {{}} per input number"
    yield Deviation(text.format(plain), (module,), lambda row: 0 if row.weights else plain * _features(row))
    yield Deviation(text.format(scaled), (module,), lambda row: scaled * _features(row) if row.weights else 0)


_UNKNOWN = "which it does not support (it warns)"

TOOLS = (
    Tool("rnncli", None, "MACs", 1, "the multiply-adds of the matrix products"),
    Tool("rnncli", None, "FLOPs", 2, "2 × MACs: one product and one sum each"),
    Tool(
        *("torchinfo", "1.8.0", "mult-adds", 1, "as here"),
        deviations=(
            Deviation("for biases", (*RECURRENT, "Conv1d"), _biases),
            Deviation("for biases", ("Linear",), each_sample=_biases),
            Deviation("for look-ups, as the whole table once per sample", ("Embedding",), each_sample=_params),
            Deviation("for Linear, counted once per sample and not per timestep", ("Linear",), _without, _macs),
            Deviation("for the weights of LayerNorm, once per sample", ("LayerNorm",), each_sample=_params),
            Deviation("for the weights of BatchNorm1d, once per sample", ("BatchNorm1d",), each_sample=_params),
        ),
    ),
    Tool(
        *("FlopCounterMode of PyTorch", "2.13.0", "FLOPs", 2, "2 × MACs on a CPU (on a GPU recurrent layers count 0)"),
        deviations=(
            Deviation(
                "for LSTM, which oneDNN runs as one operation (float32)", ("LSTM",), lambda row: -2 * row.macs_per_step
            ),
        ),
    ),
    Tool(
        *("thop", "0.1.1-2209072238", "MACs", 1, "as here"),
        deviations=(
            Deviation("for biases", RECURRENT, _biases),
            Deviation("for element-wise operations in cells", RECURRENT, _elementwise),
            *_norm("LayerNorm", 2, 4),
            *_norm("BatchNorm1d", 2, 4),
            Deviation("for AvgPool1d, one per output number", ("AvgPool1d",), _features),
            Deviation(
                "for Softmax, three per input number minus one per vector",
                ("Softmax",),
                lambda row: 3 * _features(row) - 1,
            ),
        ),
    ),
    Tool(
        *("fvcore", "0.1.5.post20221221", "FLOPs", 1, "as here, with each MAC as one FLOP"),
        deviations=(
            Deviation(f"for recurrent layers, {_UNKNOWN}", RECURRENT, _without),
            Deviation(
                f"for Conv1d with padding='same', {_UNKNOWN}",
                ("Conv1d",),
                lambda row: -row.macs_per_step if row.layer.looks_ahead else 0,
            ),
            *_norm("LayerNorm", 4, 5),
            *_norm("BatchNorm1d", 1, 2),
        ),
    ),
)
"""rnncli itself and the tools, in display order."""


class Difference(NamedTuple):
    """One reason why a tool counts more or less than the matrix products.

    Attributes:
        difference: how much more; None if that depends on an unknown number of timesteps.
        text: what it is for.
    """

    difference: int | None
    text: str

    def __str__(self) -> str:
        if self.difference is None:
            return f"? {self.text}"
        return f"{'−' if self.difference < 0 else '+'}{abs(self.difference):,} {self.text}"


class OtherCount(NamedTuple):
    """A tool's count for a network.

    Attributes:
        tool: the tool.
        version: the version that was measured; None for rnncli itself.
        counts: the tool's own name for what it counts: mult-adds, FLOPs.
        value: the count; None if unknown.
        text: how the count comes about, or why it is unknown.
        reasons: why it is more or less than MACs, or 2 × MACs; they add up.
        needs: the option that would make it known; None if it is known or no option would.
    """

    tool: str
    version: str | None
    counts: str
    value: int | None
    text: str
    reasons: tuple[Difference, ...] = ()
    needs: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the count as plain data."""
        return self._asdict() | {"reasons": [reason._asdict() for reason in self.reasons]}


def other_counts(network: Network, batch: int | None, timesteps: int | None) -> tuple[OtherCount, ...]:
    """Return rnncli's count for a network, and other tools' counts for it as a PyTorch module.

    Args:
        network: the network.
        batch: samples per batch; None counts as one.
        timesteps: length of the sequence, or None for unknown.
    """
    unknown = _unknown(network)
    rows = network.summary(batch, timesteps, None if unknown else "torch").layers
    return tuple(
        OtherCount(tool.name, tool.version, tool.counts, None, unknown)
        if unknown and tool.version
        else _count(tool, rows)
        for tool in TOOLS
    )


def _unknown(network: Network) -> str:
    """Return why the tools' counts are unknown, or an empty text if they are known."""
    for layer in network.body:
        conflict = layer.conflict("torch")
        if conflict is not None:
            return conflict.reason
        if len({*layer.state_sizes.values()}) > 1:
            return f"the tools were not measured on proj, which {layer.spec()} has"
    if any(masked and layer.states for layer, masked in zip(network.body, network.masked, strict=True)):
        return "depends on the padding: with a mask PyTorch packs the sequences"
    return ""


def _count(tool: Tool, rows: Sequence[LayerSummary]) -> OtherCount:
    """Return a tool's count for the layers of a network, with its reasons."""
    reasons: dict[str, list[int | None]] = {}
    value: list[int | None] = []
    for row in rows:
        per_step, per_sample = tool.times * row.macs_per_step, 0
        for each in tool.deviations:
            if row.type in each.modules:
                step, sample = each.each_step(row), each.each_sample(row)
                per_step, per_sample = per_step + step, per_sample + sample
                reasons.setdefault(each.text, []).append(_whole(row, step, sample))
        value.append(_whole(row, per_step, per_sample))
    shown = tuple(Difference(more, text) for text, numbers in reasons.items() if (more := _sum(numbers)) != 0)
    total, text = _sum(value), "; ".join([tool.base, *map(str, shown)])
    needs = "--timesteps" if total is None else None
    return OtherCount(tool.name, tool.version, tool.counts, total, text, shown, needs)


def _whole(row: LayerSummary, each_step: int, each_sample: int) -> int | None:
    """Return the operations for the whole input, given those per step and sample; None if the steps are unknown."""
    steps = row.layer.steps(row.input_shape) if each_step else 0
    return None if steps is None else (row.input_shape[0] or 1) * (steps * each_step + each_sample)


def _sum(numbers: Sequence[int | None]) -> int | None:
    return None if None in numbers else sum(filter(None, numbers))

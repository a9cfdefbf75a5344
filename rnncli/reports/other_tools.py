"""What other tools count for a PyTorch network, and why their numbers differ from rnncli's.

What a tool counts in addition to the matrix products, or leaves out, is derived from the weights that the layers
declare. A tool's count applies its rules to each module, and the reasons are the same rules summed one by one, so the
two cannot disagree. `tests/golden/other_tools.py` runs the tools themselves, in the versions given here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rnncli.immutable import NamedTuple
from rnncli.layers import Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.weights import Weight
from rnncli.network import Network
from rnncli.quantities import features_of

RECURRENT = ("RNN", "LSTM", "GRU")
"""PyTorch's recurrent modules."""

OTHERS = (
    *("Embedding", "Conv1d", "Linear", "LayerNorm", "BatchNorm1d", "Dropout", "MaxPool1d", "AvgPool1d"),
    *("Tensor.expand", "Tensor.amax", "Tensor.mean", "Tensor.flatten"),
    *(each.torch for each in ACTIVATIONS.values()),
)
"""The other modules and methods that the tools were measured on."""


_ELEMENTWISE = {"RNN": 1, "LSTM": 8, "GRU": 7}
"""The element-wise operations that thop counts per unit of a cell, in addition to products and biases."""


class Work(NamedTuple):
    """The work of one PyTorch module on the whole input.

    Attributes:
        layer: the layer that the module implements.
        weights: its weights.
        features: the number of its input features.
        batch: the number of samples.
        steps: its steps per sample; None if unknown.
    """

    layer: Layer
    weights: Sequence[Weight]
    features: int
    batch: int
    steps: int | None

    @property
    def module(self) -> str:
        """The PyTorch class, or the equivalent tensor method."""
        return self.layer.type_name("torch")

    def params(self) -> int:
        """Return the number of its parameters."""
        return sum(weight.params for weight in self.weights)

    def matrices(self) -> int:
        """Return the number of its parameters in matrices that multiply a vector."""
        return sum(weight.params for weight in self.weights if weight.multiplies)

    def biases(self) -> int:
        """Return the number of its parameters that are biases."""
        return sum(weight.params for weight in self.weights if weight.role == "bias")

    def elementwise(self) -> int:
        """Return the element-wise operations of one step of a cell, as thop counts them."""
        units = next(weight for weight in self.weights if weight.role == "recurrent").shape[-1]
        return len(self.layer.directions) * _ELEMENTWISE[self.module] * units

    def total(self, each_step: int, each_sample: int) -> int | None:
        """Return the operations for the whole input, given those per input vector and those per sample.

        Returns None if that depends on an unknown number of timesteps.
        """
        if each_step and self.steps is None:
            return None
        return self.batch * ((self.steps or 0) * each_step + each_sample)


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
    each_step: Callable[[Work], int] = lambda work: 0
    each_sample: Callable[[Work], int] = lambda work: 0


class Tool(NamedTuple):
    """A tool that counts the work of a PyTorch network.

    Attributes:
        name: its name.
        version: the version that was measured.
        counts: its own name for what it counts.
        times: the operations it counts per multiply-add.
        base: what it counts for every network, in words.
        deviations: where it differs from that.
        remarks: further remarks, each with the module classes that it applies to.
    """

    name: str
    version: str
    counts: str
    times: int
    base: str
    deviations: tuple[Deviation, ...]
    remarks: tuple[tuple[str, tuple[str, ...]], ...] = ()


def _norm(module: str, plain: int, scaled: int) -> Iterator[Deviation]:
    """Yield a tool's count per input number of a normalisation, without and with scaling."""
    text = f"for {module}, {{}} per input number"
    yield Deviation(text.format(plain), (module,), lambda work: 0 if work.weights else plain * work.features)
    yield Deviation(text.format(scaled), (module,), lambda work: scaled * work.features if work.weights else 0)


_UNKNOWN = "which it does not support (it warns)"

TOOLS = (
    Tool(
        *("torchinfo", "1.8.0", "mult-adds", 1, "as here"),
        deviations=(
            Deviation("for biases", (*RECURRENT, "Conv1d"), Work.biases),
            Deviation("for biases", ("Linear",), each_sample=Work.biases),
            Deviation("for look-ups, as the whole table once per sample", ("Embedding",), each_sample=Work.params),
            Deviation(
                "for Linear, counted once per sample and not per timestep",
                ("Linear",),
                lambda work: -work.matrices(),
                Work.matrices,
            ),
            Deviation("for the weights of LayerNorm, once per sample", ("LayerNorm",), each_sample=Work.params),
            Deviation("for the weights of BatchNorm1d, once per sample", ("BatchNorm1d",), each_sample=Work.params),
        ),
    ),
    Tool(
        *("FlopCounterMode of PyTorch", "2.13.0", "FLOPs", 2, "2 × MACs of the forward pass, on a CPU"),
        deviations=(
            Deviation(
                "for LSTM, which oneDNN runs as one operation (float32)", ("LSTM",), lambda work: -2 * work.matrices()
            ),
        ),
        remarks=(("on a GPU none for recurrent layers (cuDNN)", RECURRENT),),
    ),
    Tool(
        *("thop", "0.1.1-2209072238", "MACs", 1, "as here"),
        deviations=(
            Deviation("for biases", RECURRENT, Work.biases),
            Deviation("for element-wise operations in cells", RECURRENT, Work.elementwise),
            *_norm("LayerNorm", 2, 4),
            *_norm("BatchNorm1d", 2, 4),
            Deviation("for AvgPool1d, one per output number", ("AvgPool1d",), lambda work: work.features),
            Deviation(
                "for Softmax, three per input number minus one per vector",
                ("Softmax",),
                lambda work: 3 * work.features - 1,
            ),
        ),
    ),
    Tool(
        *("fvcore", "0.1.5.post20221221", "FLOPs", 1, "as here, with each MAC as one FLOP"),
        deviations=(
            Deviation(f"for recurrent layers, {_UNKNOWN}", RECURRENT, lambda work: -work.matrices()),
            Deviation(
                f"for Conv1d with padding='same', {_UNKNOWN}",
                ("Conv1d",),
                lambda work: -work.matrices() if work.layer.looks_ahead else 0,
            ),
            *_norm("LayerNorm", 4, 5),
            *_norm("BatchNorm1d", 1, 2),
        ),
    ),
)
"""The tools, in display order."""


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
    macs, unknown = network.summary(batch, timesteps).macs, _unknown(network)
    layers = zip(network.body, network.weights("torch"), network.shapes(batch, timesteps), strict=True)
    works = [
        Work(layer, weights, features_of(reads), batch or 1, layer.steps(reads))
        for layer, weights, (reads, _) in (() if unknown else layers)
    ]
    return (
        _counted("rnncli", None, "MACs", macs, "the multiply-adds of the matrix products"),
        _counted("rnncli", None, "FLOPs", macs and 2 * macs, "2 × MACs: one product and one sum each"),
        *(
            OtherCount(tool.name, tool.version, tool.counts, None, unknown) if unknown else _count(tool, works)
            for tool in TOOLS
        ),
    )


def _counted(tool: str, version: str | None, counts: str, value: int | None, text: str) -> OtherCount:
    """Return a count; if its value is None, only the timesteps are missing."""
    return OtherCount(tool, version, counts, value, text, needs="--timesteps" if value is None else None)


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


def _count(tool: Tool, works: Sequence[Work]) -> OtherCount:
    """Return a tool's count for a network, with its reasons."""
    reasons: dict[str, list[int | None]] = {}
    value: list[int | None] = []
    for work in works:
        per_step, per_sample = tool.times * work.matrices(), 0
        for each in tool.deviations:
            if work.module in each.modules:
                step, sample = each.each_step(work), each.each_sample(work)
                per_step, per_sample = per_step + step, per_sample + sample
                reasons.setdefault(each.text, []).append(work.total(step, sample))
        value.append(work.total(per_step, per_sample))
    shown = tuple(Difference(more, text) for text, numbers in reasons.items() if (more := _sum(numbers)) != 0)
    remarks = [text for text, modules in tool.remarks if any(work.module in modules for work in works)]
    text = "; ".join([tool.base, *map(str, shown), *remarks])
    return _counted(tool.name, tool.version, tool.counts, _sum(value), text)._replace(reasons=shown)


def _sum(numbers: Sequence[int | None]) -> int | None:
    return None if None in numbers else sum(filter(None, numbers))

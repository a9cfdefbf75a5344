"""What other tools count of a PyTorch network, and why it is not what is counted here.

What a tool counts beside the matrix products, or leaves out, is derived from the weights that the layers declare. Its
number is what its rules come to for each module, and the reasons are the same rules summed up one by one, so they
cannot disagree. `tests/golden/other_tools.py` asks the tools themselves, in the versions that stand here.
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
"""The other modules and methods that the tools were asked about."""


_ELEMENTWISE = {"RNN": 1, "LSTM": 8, "GRU": 7}
"""What thop adds for each unit of a cell, beside products and biases, for what is done element by element."""


class Work(NamedTuple):
    """What a module of PyTorch does for the whole input.

    Attributes:
        layer: the layer that it is.
        weights: its weights.
        features: how many features it reads.
        batch: how many samples.
        steps: how many steps it makes for each; None if that is not known.
    """

    layer: Layer
    weights: Sequence[Weight]
    features: int
    batch: int
    steps: int | None

    @property
    def module(self) -> str:
        """What it is in PyTorch: a class, or the method of a tensor that does the same."""
        return self.layer.type_name("torch")

    def params(self) -> int:
        """Return how many parameters it has."""
        return sum(weight.params for weight in self.weights)

    def matrices(self) -> int:
        """Return how many of them are in matrices that a vector is multiplied by."""
        return sum(weight.params for weight in self.weights if weight.multiplies)

    def biases(self) -> int:
        """Return how many of them are added to such a product."""
        return sum(weight.params for weight in self.weights if weight.role == "bias")

    def elementwise(self) -> int:
        """Return what thop counts of a cell element by element."""
        units = next(weight for weight in self.weights if weight.role == "recurrent").shape[-1]
        return len(self.layer.directions) * _ELEMENTWISE[self.module] * units

    def total(self, each_step: int, each_sample: int) -> int | None:
        """Return operations for the whole input, given how many there are for each vector that it reads and sample.

        It is None where that needs timesteps that are not known.
        """
        if each_step and self.steps is None:
            return None
        return self.batch * ((self.steps or 0) * each_step + each_sample)


class Deviation(NamedTuple):
    """What a tool counts beside the matrix products, or leaves out.

    Attributes:
        text: what it is for, behind the number.
        modules: the classes of modules that it does so with.
        each_step: returns how much more that is for one of them, for each vector that it reads.
        each_sample: returns the same for each sample.
    """

    text: str
    modules: tuple[str, ...]
    each_step: Callable[[Work], int] = lambda work: 0
    each_sample: Callable[[Work], int] = lambda work: 0


class Tool(NamedTuple):
    """A tool that counts the work of a PyTorch network.

    Attributes:
        name: what it is called.
        version: the version that was asked.
        counts: what it says that it counts.
        times: how many operations each multiply-add is to it.
        base: what it counts of every network, in words.
        deviations: what it does otherwise.
        remarks: what else is to be said where there is a module of some classes.
    """

    name: str
    version: str
    counts: str
    times: int
    base: str
    deviations: tuple[Deviation, ...]
    remarks: tuple[tuple[str, tuple[str, ...]], ...] = ()


def _norm(module: str, plain: int, scaled: int) -> Iterator[Deviation]:
    """Yield what a tool counts for each number that a norm reads, and for each that it scales, too."""
    for each, is_scaled in ((plain, False), (scaled, True)):
        yield Deviation(
            f"for {module}, {each} for each number that it reads",
            (module,),
            lambda work, each=each, is_scaled=is_scaled: (  # type: ignore[misc]
                each * work.features if bool(work.weights) is is_scaled else 0
            ),
        )


_UNKNOWN = "which it does not know, as it warns"

TOOLS = (
    Tool(
        *("torchinfo", "1.8.0", "mult-adds", 1, "as here"),
        deviations=(
            Deviation("for biases", (*RECURRENT, "Conv1d"), Work.biases),
            Deviation("for biases", ("Linear",), each_sample=Work.biases),
            Deviation("for look-ups, each as the whole table, once a sample", ("Embedding",), each_sample=Work.params),
            Deviation(
                "for Linear, once a sample and not at each timestep",
                ("Linear",),
                lambda work: -work.matrices(),
                Work.matrices,
            ),
            Deviation("for the weights of LayerNorm, once a sample", ("LayerNorm",), each_sample=Work.params),
            Deviation("for the weights of BatchNorm1d, once a sample", ("BatchNorm1d",), each_sample=Work.params),
        ),
    ),
    Tool(
        *("FlopCounterMode of PyTorch", "2.13.0", "FLOPs", 2, "2 × MACs of the forward pass, on a CPU"),
        deviations=(
            Deviation(
                "for LSTM, which oneDNN runs there in one piece (float32)", ("LSTM",), lambda work: -2 * work.matrices()
            ),
        ),
        remarks=(("on a GPU nothing for recurrent layers (cuDNN)", RECURRENT),),
    ),
    Tool(
        *("thop", "0.1.1-2209072238", "MACs", 1, "as here"),
        deviations=(
            Deviation("for biases", RECURRENT, Work.biases),
            Deviation("for what cells do element by element", RECURRENT, Work.elementwise),
            *_norm("LayerNorm", 2, 4),
            *_norm("BatchNorm1d", 2, 4),
            Deviation("for AvgPool1d, one for each number that it returns", ("AvgPool1d",), lambda work: work.features),
            Deviation(
                "for Softmax, three for each number that it reads, less one",
                ("Softmax",),
                lambda work: 3 * work.features - 1,
            ),
        ),
    ),
    Tool(
        *("fvcore", "0.1.5.post20221221", "FLOPs", 1, "as here, each MAC called one FLOP"),
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
"""The tools, in the order in which they are shown."""


class Difference(NamedTuple):
    """Why a tool counts more or less than the matrix products.

    Attributes:
        difference: how much more; None while the timesteps that this needs are unknown.
        text: for what.
    """

    difference: int | None
    text: str

    def __str__(self) -> str:
        if self.difference is None:
            return f"? {self.text}"
        return f"{'−' if self.difference < 0 else '+'}{abs(self.difference):,} {self.text}"


class OtherCount(NamedTuple):
    """What a tool counts of a network.

    Attributes:
        tool: the tool.
        version: the version that was asked; None for what is counted here.
        counts: what it says that it counts: mult-adds, FLOPs.
        value: the number; None where it is not known.
        text: why it is that number, or not known, in words.
        reasons: why it is more or less than MACs, or 2 × MACs; they add up.
        needs: the option that would make it known; None where it is known, or nothing would.
    """

    tool: str
    version: str | None
    counts: str
    value: int | None
    text: str
    reasons: tuple[Difference, ...] = ()
    needs: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return self._asdict() | {"reasons": [reason._asdict() for reason in self.reasons]}


def other_counts(network: Network, batch: int | None, timesteps: int | None) -> tuple[OtherCount, ...]:
    """Return what is counted here of a network, and what other tools count of it as a module of PyTorch.

    Args:
        network: the network.
        batch: samples at a time; one if it is None.
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
        _counted("rnncli", None, "FLOPs", macs and 2 * macs, "2 × MACs: a product and a sum each"),
        *(
            OtherCount(tool.name, tool.version, tool.counts, None, unknown) if unknown else _count(tool, works)
            for tool in TOOLS
        ),
    )


def _counted(tool: str, version: str | None, counts: str, value: int | None, text: str) -> OtherCount:
    """Return a count that only the timesteps may be missing for."""
    return OtherCount(tool, version, counts, value, text, needs="--timesteps" if value is None else None)


def _unknown(network: Network) -> str:
    """Return why no tool's number can be known, or nothing."""
    for layer in network.body:
        conflict = layer.conflict("torch")
        if conflict is not None:
            return conflict.reason
        if layer.type_name("torch") not in (*RECURRENT, *OTHERS):
            return f"the tools were not asked about {layer.type_name('torch')}"
        if len({*layer.state_sizes.values()}) > 1:
            return f"the tools were not asked about proj, which {layer.spec()} has"
    if any(masked and layer.states for layer, masked in zip(network.body, network.masked, strict=True)):
        return "depends on the padding: with a mask PyTorch packs the sequences"
    return ""


def _count(tool: Tool, works: Sequence[Work]) -> OtherCount:
    """Return what a tool counts of a network, and why."""
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

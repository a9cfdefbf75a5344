"""What other tools count of a network, and why it is not what is counted here.

Each tool is a table of what it makes of each module of PyTorch, derived from the weights that the layers declare.
`tests/golden/other_tools.py` asks the tools themselves, in the versions that stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rnncli.layers import Layer
from rnncli.layers.weights import Weight
from rnncli.network import Network, check_sizes
from rnncli.quantities import Shape, features_of

RECURRENT = ("RNN", "LSTM", "GRU")
"""PyTorch's recurrent modules."""

_ASKED = ("Embedding", "Linear", "LayerNorm", "Dropout", "Tensor.expand", "Tensor.amax", "Tensor.mean")
"""The other modules and methods that the tools were asked about."""


class OtherCount(NamedTuple):
    """What a tool counts of a network.

    Attributes:
        tool: the tool.
        version: the version that was asked; None for what is counted here.
        counts: what it says that it counts: mult-adds, FLOPs.
        value: the number; None where it is not known.
        text: why it is that number, or not known.
        needs: the option that would make it known; None where it is known, or nothing would.
    """

    tool: str
    version: str | None
    counts: str
    value: int | None
    text: str
    needs: str | None = None


class OtherCounts(NamedTuple):
    """What several tools count of a network.

    Attributes:
        spec: the network.
        batch: how many samples it is for.
        timesteps: the length of the sequence that it is for; None if that is not known.
        counts: what is counted here, and what each tool counts.
    """

    spec: str
    batch: int
    timesteps: int | None
    counts: tuple[OtherCount, ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return them as plain data, the list in what `--format json` prints."""
        return [each._asdict() for each in self.counts]


class Work(NamedTuple):
    """What a module of PyTorch does for the whole input.

    Attributes:
        layer: the layer that it is.
        weights: its weights.
        reads: the shape that it reads.
        batch: how many samples.
        steps: how many vectors of each it reads; None if that is not known.
    """

    layer: Layer
    weights: Sequence[Weight]
    reads: Shape
    batch: int
    steps: int | None

    @property
    def module(self) -> str:
        """What it is in PyTorch: a class, or the method of a tensor that does the same."""
        return self.layer.type_name("torch")

    @property
    def params(self) -> int:
        """How many parameters it has."""
        return sum(weight.params for weight in self.weights)

    @property
    def matrices(self) -> int:
        """How many of them are in matrices that a vector is multiplied by."""
        return sum(weight.params for weight in self.weights if weight.multiplies)

    @property
    def has_bias(self) -> bool:
        """Whether a product is added to."""
        return any(weight.role == "bias" for weight in self.weights)

    def each_step(self, number: int) -> int | None:
        """Return a number for each vector of each sample."""
        return None if self.steps is None else self.batch * self.steps * number

    def each_sample(self, number: int) -> int:
        """Return a number for each sample."""
        return self.batch * number


Count = Callable[[Work], int | None]
"""What a tool counts of a module; None while the timesteps that this needs are unknown."""

Reason = tuple[str, Callable[[Work], bool]]
"""What a tool does otherwise, and whether it does with a module."""


class Tool(NamedTuple):
    """A tool that counts the work of a PyTorch network.

    Attributes:
        name: what it is called.
        version: the version that was asked.
        counts: what it says that it counts.
        modules: what it counts of each module, by its class, or of a tensor's method.
        always: what it does with every network.
        reasons: what it does with some modules.
    """

    name: str
    version: str
    counts: str
    modules: Mapping[str, Count]
    always: str
    reasons: tuple[Reason, ...]


def _nothing(work: Work) -> int | None:
    return work.each_sample(0)


def _counting(recurrent: Count, **others: Count) -> Mapping[str, Count]:
    """Return what a tool counts of each module: of recurrent ones, of others, and of those that are left nothing."""
    return dict.fromkeys(_ASKED, _nothing) | dict.fromkeys(RECURRENT, recurrent) | others


def _is(*classes: str) -> Callable[[Work], bool]:
    return lambda work: work.module in classes


def _is_scaled(work: Work) -> bool:
    return _is("LayerNorm")(work) and work.params > 0


def _is_plain(work: Work) -> bool:
    return _is("LayerNorm")(work) and not work.params


def _macs(work: Work) -> int | None:
    return work.each_step(work.matrices)


def _flops(work: Work) -> int | None:
    return work.each_step(2 * work.matrices)


_ELEMENTWISE = {"RNN": 1, "LSTM": 8, "GRU": 7}
"""What thop adds to each unit of a cell, beside products and biases, for what is done element by element."""


def _thop_cell(work: Work) -> int | None:
    units = next(weight for weight in work.weights if weight.role == "recurrent").shape[-1]
    return work.each_step(work.params + len(work.layer.directions) * _ELEMENTWISE[work.module] * units)


def _each_number(plain: int, scaled: int) -> Count:
    """Return what counts so many operations for each number of a sequence, more of them where it is scaled."""
    return lambda work: work.each_step((scaled if work.weights else plain) * features_of(work.reads))


TOOLS = (
    Tool(
        "torchinfo",
        "1.8.0",
        "mult-adds",
        _counting(
            lambda work: work.each_step(work.params),
            Linear=lambda work: work.each_sample(work.params),
            Embedding=lambda work: work.each_sample(work.params),
            LayerNorm=lambda work: work.each_sample(work.params),
        ),
        "",
        (
            ("counts biases as multiply-adds", lambda work: work.has_bias and _is(*RECURRENT, "Linear")(work)),
            ("a look-up as its whole table, once a sample", _is("Embedding")),
            (
                "a Linear once a sample, not at each timestep",
                lambda work: _is("Linear")(work) and len(work.reads) == 3 and work.steps != 1,
            ),
            ("the weights of a LayerNorm once a sample", _is_scaled),
        ),
    ),
    Tool(
        "FlopCounterMode of PyTorch",
        "2.13.0",
        "FLOPs",
        _counting(_flops, LSTM=_nothing, Linear=_flops),
        "2 × MACs of the forward pass on a CPU",
        (
            ("nothing for an LSTM in float32, which oneDNN runs there in one piece", _is("LSTM")),
            ("on a GPU nothing for recurrent layers (cuDNN)", _is(*RECURRENT)),
        ),
    ),
    Tool(
        "thop",
        "0.1.1-2209072238",
        "MACs",
        _counting(_thop_cell, Linear=_macs, LayerNorm=_each_number(2, 4)),
        "",
        (
            ("counts what a cell adds and multiplies element by element, too", _is(*RECURRENT)),
            (
                "4 operations for each number that LayerNorm reads",
                _is_scaled,
            ),
            (
                "2 operations for each number that LayerNorm reads",
                _is_plain,
            ),
        ),
    ),
    Tool(
        "fvcore",
        "0.1.5.post20221221",
        "FLOPs",
        _counting(_nothing, Linear=_macs, LayerNorm=_each_number(4, 5)),
        "calls a multiply-add one FLOP",
        (
            ("nothing for recurrent layers, which it does not know, as it warns", _is(*RECURRENT)),
            ("5 for each number that LayerNorm reads", _is_scaled),
            ("4 for each number that LayerNorm reads", _is_plain),
        ),
    ),
)
"""The tools, in the order in which they are shown."""


def other_counts(network: Network | str, batch: int | None = None, timesteps: int | None = None) -> OtherCounts:
    """Return what is counted here of a network, and what other tools count of it as a module of PyTorch.

    Args:
        network: the network, or its spec.
        batch: samples at a time; one if it is None.
        timesteps: length of the sequence, or None for unknown.

    Raises:
        SpecError: `timesteps` contradicts the spec.
    """
    network = Network.of(network)
    check_sizes(batch=batch, timesteps=timesteps)
    unknown = _unknown(network)
    works = [] if unknown else list(_works(network, batch, timesteps))
    return OtherCounts(
        spec=str(network),
        batch=batch or 1,
        timesteps=network.input_shape(batch, timesteps)[1],
        counts=(
            *_here(network.summary(batch, timesteps).macs),
            *(
                OtherCount(tool.name, tool.version, tool.counts, None, unknown) if unknown else _count(tool, works)
                for tool in TOOLS
            ),
        ),
    )


def _here(macs: int | None) -> Iterator[OtherCount]:
    """Yield what is counted here, and the same in FLOPs."""
    yield _counted("rnncli", None, "MACs", macs, "the multiply-adds of the matrix products")
    yield _counted("rnncli", None, "FLOPs", None if macs is None else 2 * macs, "2 × MACs: a product and a sum each")


def _counted(tool: str, version: str | None, counts: str, value: int | None, text: str) -> OtherCount:
    """Return a count that only the timesteps may be missing for."""
    return OtherCount(tool, version, counts, value, text, "--timesteps" if value is None else None)


def _unknown(network: Network) -> str:
    """Return why no tool's number can be known, or nothing."""
    for layer in network.body:
        conflict = layer.conflict("torch")
        if conflict is not None:
            return conflict.reason
    if network.head.masks and any(layer.states for layer in network.body):
        return "depends on the padding: with a mask PyTorch packs the sequences"
    return ""


def _works(network: Network, batch: int | None, timesteps: int | None) -> Iterator[Work]:
    for layer, weights, (reads, _), steps in zip(
        network.body,
        network.weights("torch"),
        network.shapes(batch, timesteps),
        network.steps_read(batch, timesteps),
        strict=True,
    ):
        yield Work(layer, weights, reads, batch or 1, steps)


def _count(tool: Tool, works: Sequence[Work]) -> OtherCount:
    """Return what a tool counts of a network, and why."""
    counts = [tool.modules[work.module](work) for work in works]
    known = [count for count in counts if count is not None]
    value = sum(known) if len(known) == len(counts) else None
    told = [tool.always] if tool.always else []
    told += [reason for reason, holds in tool.reasons if any(map(holds, works))]
    return _counted(tool.name, tool.version, tool.counts, value, "; ".join(told) or "as here")

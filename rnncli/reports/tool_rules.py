"""The tools that count a PyTorch network's work: what each counts beside the matrix products, or leaves out.

What they count is derived from the weights that the layers declare. `tests/golden/other_tools.py` asks the tools
themselves, in the versions that stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rnncli.layers import Layer
from rnncli.layers.weights import Weight
from rnncli.quantities import Shape, features_of

RECURRENT = ("RNN", "LSTM", "GRU")
"""PyTorch's recurrent modules."""

OTHERS = ("Embedding", "Linear", "LayerNorm", "Dropout", "Tensor.expand", "Tensor.amax", "Tensor.mean")
"""The other modules and methods that the tools were asked about."""


class Work(NamedTuple):
    """What a module of PyTorch does for the whole input.

    Attributes:
        layer: the layer that it is.
        weights: its weights.
        reads: the shape that it reads.
        batch: how many samples.
        steps: how many steps it makes for each; None if that is not known.
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
    def biases(self) -> int:
        """How many of them are added to such a product."""
        return sum(weight.params for weight in self.weights if weight.role == "bias")

    def total(self, amount: Amount) -> int | None:
        """Return an amount for the whole input; None where it needs timesteps that are not known."""
        if amount.each_step and self.steps is None:
            return None
        return self.batch * ((self.steps or 0) * amount.each_step + amount.each_sample)


class Amount(NamedTuple):
    """A number of operations: so many for each vector that a module reads, and so many for each sample."""

    each_step: int = 0
    each_sample: int = 0


class Deviation(NamedTuple):
    """What a tool counts beside the matrix products, or leaves out.

    Attributes:
        text: what it is for, behind the number.
        modules: the classes of modules that it does so with.
        amount: returns how much more that is for one of them.
    """

    text: str
    modules: tuple[str, ...]
    amount: Callable[[Work], Amount]


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


def _norm(plain: int, scaled: int) -> Iterator[Deviation]:
    """Yield what a tool counts for each number that a LayerNorm reads, and for each that it scales, too."""
    for each, is_scaled in ((plain, False), (scaled, True)):
        yield Deviation(
            f"for LayerNorm, {each} for each number that it reads",
            ("LayerNorm",),
            lambda work, each=each, is_scaled=is_scaled: Amount(  # type: ignore[misc]
                each * features_of(work.reads) if bool(work.weights) is is_scaled else 0
            ),
        )


_ELEMENTWISE = {"RNN": 1, "LSTM": 8, "GRU": 7}
"""What thop adds for each unit of a cell, beside products and biases, for what is done element by element."""


def _elementwise(work: Work) -> Amount:
    units = next(weight for weight in work.weights if weight.role == "recurrent").shape[-1]
    return Amount(len(work.layer.directions) * _ELEMENTWISE[work.module] * units)


TOOLS = (
    Tool(
        "torchinfo",
        "1.8.0",
        "mult-adds",
        1,
        "as here",
        (
            Deviation("for biases", RECURRENT, lambda work: Amount(work.biases)),
            Deviation("for biases", ("Linear",), lambda work: Amount(0, work.biases)),
            Deviation(
                "for look-ups, each as the whole table, once a sample",
                ("Embedding",),
                lambda work: Amount(0, work.params),
            ),
            Deviation(
                "for Linear, once a sample and not at each timestep",
                ("Linear",),
                lambda work: Amount(-work.matrices, work.matrices),
            ),
            Deviation(
                "for the weights of LayerNorm, once a sample", ("LayerNorm",), lambda work: Amount(0, work.params)
            ),
        ),
    ),
    Tool(
        "FlopCounterMode of PyTorch",
        "2.13.0",
        "FLOPs",
        2,
        "2 × MACs of the forward pass, on a CPU",
        (
            Deviation(
                "for LSTM, which oneDNN runs there in one piece (float32)",
                ("LSTM",),
                lambda work: Amount(-2 * work.matrices),
            ),
        ),
        (("on a GPU nothing for recurrent layers (cuDNN)", RECURRENT),),
    ),
    Tool(
        "thop",
        "0.1.1-2209072238",
        "MACs",
        1,
        "as here",
        (
            Deviation("for biases", RECURRENT, lambda work: Amount(work.biases)),
            Deviation("for what cells do element by element", RECURRENT, _elementwise),
            *_norm(2, 4),
        ),
    ),
    Tool(
        "fvcore",
        "0.1.5.post20221221",
        "FLOPs",
        1,
        "as here, each MAC called one FLOP",
        (
            Deviation(
                "for recurrent layers, which it does not know, as it warns",
                RECURRENT,
                lambda work: Amount(-work.matrices),
            ),
            *_norm(4, 5),
        ),
    ),
)
"""The tools, in the order in which they are shown."""

"""How weights start: what each initialiser that a weight is declared with does to it, in words and in numbers.

The engine draws within the limits that are computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod, sqrt
from typing import NamedTuple

from rnncli.errors import listed
from rnncli.layers.weights import Weight

UNIFORM_LIMIT = 0.05
"""The bound of Keras's `RandomUniform`, with which an embedding starts."""


class Start(NamedTuple):
    """How a weight starts.

    Attributes:
        words: what the framework's documentation calls it.
        limit: the bound of what is drawn from a uniform distribution around zero; None for other starts.
        formula: how the bound comes about, where it depends on sizes: `√(6 / (32 + 256))`.
    """

    words: str
    limit: float | None = None
    formula: str = ""

    @property
    def text(self) -> str:
        """What a person reads: `Glorot uniform, ±√(6 / (32 + 256)) = ±0.144`."""
        if self.limit is None:
            return self.words
        bound = f"±{self.limit:.3g}"
        return f"{self.words}, {f'±{self.formula} = {bound}' if self.formula else bound}"


def start(weight: Weight) -> Start:
    """Return how a weight starts.

    Raises:
        KeyError: nothing is said of its initialiser.
    """
    return STARTS[str(weight.initializer)](weight)


def starts_text(weights: Sequence[Weight]) -> str:
    """Return how weights start, those that start alike together: `W and U uniform, ±0.125; b zeros`."""
    symbols: dict[str, list[str]] = {}
    for weight in weights:
        alike = symbols.setdefault(start(weight).text, [])
        if weight.symbol not in alike:
            alike.append(weight.symbol)
    return "; ".join(f"{listed(each)} {text}" for text, each in symbols.items())


def glorot_limit(inputs: int, outputs: int) -> float:
    """Return the bound of Glorot's uniform distribution (Glorot and Bengio, 2010): √(6 / (inputs + outputs))."""
    return sqrt(6 / (inputs + outputs))


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many numbers of its input and of its output a kernel of a shape joins with one of the other's.

    A kernel that moves over a sequence does so at each of its timesteps.
    """
    *width, inputs, outputs = shape
    return prod(width) * inputs, prod(width) * outputs


def _glorot(weight: Weight) -> Start:
    inputs, outputs = fans(weight.shape)
    return Start("Glorot uniform", glorot_limit(inputs, outputs), f"√(6 / ({inputs:,} + {outputs:,}))")


def _root(weight: Weight) -> Start:
    assert weight.fan is not None
    return Start("uniform", sqrt(1 / weight.fan), f"√(1 / {weight.fan:,})")


def _always(start: Start) -> Callable[[Weight], Start]:
    return lambda weight: start


STARTS: Mapping[str, Callable[[Weight], Start]] = {
    "glorot_uniform": _glorot,
    "orthogonal": _always(Start("orthogonal")),
    "uniform": _always(Start("uniform", UNIFORM_LIMIT)),
    "zeros": _always(Start("zeros")),
    "ones": _always(Start("ones")),
    "unit_forget_bias": _always(Start("zeros, ones for the forget gate")),
    # PyTorch's: torch.nn.RNNBase.reset_parameters and torch.nn.Linear.reset_parameters; torch.nn.Embedding.
    "root_uniform": _root,
    "normal": _always(Start("normal, mean 0 and deviation 1")),
    "padded_normal": _always(Start("normal, mean 0 and deviation 1, the row of id 0 zeros")),
}
"""How a weight starts, by the name of the initialiser that it is declared with."""

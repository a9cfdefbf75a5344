"""Hypothesis strategies: networks, ways to type them, and near-miss specs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import drawing
from hypothesis import strategies as st
from kinds import HEADS
from kinds.base import Dice, Kind

from rnncli import Network
from rnncli.layers import Layer

MAX_SIZE = 2**31 - 1

T = TypeVar("T")

sizes = st.one_of(st.integers(1, 64), st.integers(1, MAX_SIZE))
small_sizes = st.integers(1, 5)
"""Sizes of layers that will be run."""


class HypothesisDice(Dice):
    """Draws with hypothesis, which shrinks failing examples."""

    def __init__(self, draw: st.DrawFn, sizes: st.SearchStrategy[int]) -> None:
        self._draw = draw
        self._sizes = sizes

    def choice(self, options: Sequence[T]) -> T:
        return options[0] if len(options) == 1 else self._draw(st.sampled_from(options))

    def size(self) -> int:
        return self._draw(self._sizes)

    def steps(self) -> int:
        return self.size()

    def window(self) -> int:
        return self._draw(st.integers(1, 3))

    def share(self) -> float:
        return self._draw(st.floats(0, 1))

    def unusual(self) -> bool:
        return True


@st.composite
def layers_of(draw: st.DrawFn, kinds: Sequence[Kind], sizes: st.SearchStrategy[int] = sizes) -> Layer:
    """A layer of one of the kinds."""
    dice = HypothesisDice(draw, sizes)
    return dice.choice(kinds).draw(dice)


heads = layers_of(HEADS)


@st.composite
def networks(
    draw: st.DrawFn, head: st.SearchStrategy[Layer] = heads, largest: int = 6, sizes: st.SearchStrategy[int] = sizes
) -> Network:
    """A network of up to `largest` layers after a head."""
    return Network(drawing.long_enough((draw(head), *drawing.draw_body(HypothesisDice(draw, sizes), largest))))


@st.composite
def typed(draw: st.DrawFn, network: Network) -> str:
    """One way to type a network."""
    return drawing.typed(HypothesisDice(draw, sizes), network.layers)


PIECES = (
    *drawing.WORDS,
    *("bi=", "act=", "recact=", "reset=", "x", "x3", "x0", "x20000", "units=3", "return_sequences=True"),
    *["8", "32", "10x4", "0", "-1", "1.5", "0.5", "1e3", "10k", "3G", "2147483647", "2147483648", "_", "nan"],
    "9" * 400,
    *(",", ":", "=", ";", " ", "\t", "\n", "->", "|", ".", "(", ")", "é", "層", "İ"),
)


@st.composite
def nearly_specs(draw: st.DrawFn) -> str:
    """A spec with some edits."""
    text = str(draw(networks(largest=4)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 2, 6))))
        text = text[:start] + draw(st.sampled_from(PIECES) | st.text(max_size=2)) + text[end:]
    return text


soups = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
"""Random sequences of pieces of the language."""

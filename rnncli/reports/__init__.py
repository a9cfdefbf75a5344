"""Reports on networks, and the words that describe them, as plain data.

They cover where numbers come from and what other tools count, a network unrolled in time, networks side by side and why
they differ, how far back they remember, and what a word of the language or of a framework means.

This file has what several of them share: folding equal neighbours into one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

Item = TypeVar("Item")

FOLDED = 3
"""The least number of equal layers in a row that are shown as one."""


def folded(items: Iterable[Item], key: Callable[[Item], object]) -> Iterator[list[Item]]:
    """Yield each run of at least `FOLDED` neighbours with equal keys as one list, and every other item on its own."""
    for _, group in groupby(items, key):
        run = list(group)
        yield from [run] if len(run) >= FOLDED else ([item] for item in run)

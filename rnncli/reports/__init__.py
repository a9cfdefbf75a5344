"""Reports on networks and the words that describe them, as plain data.

Where numbers come from and what other tools count, a network unrolled in time, networks side by side and why they
differ, how far back they remember, and what a word of the language or of a framework means.

Here is what several of them share: equal neighbours are shown as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

Item = TypeVar("Item")

FOLDED = 3
"""So many equal layers in a row, or more, are shown as one."""


def folded(items: Iterable[Item], key: Callable[[Item], object]) -> Iterator[list[Item]]:
    """Yield each run of at least `FOLDED` neighbours with equal keys as one list, and every other item in its own."""
    for _, group in groupby(items, key):
        run = list(group)
        if len(run) >= FOLDED:
            yield run
        else:
            yield from ([item] for item in run)

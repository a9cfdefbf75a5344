"""Equal neighbours shown as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

Item = TypeVar("Item")

FOLDED = 3
"""How many equal layers in a row are shown as one."""


def folded(items: Iterable[Item], key: Callable[[Item], object]) -> Iterator[list[Item]]:
    """Yield runs of at least `FOLDED` neighbours with equal keys, and all other items alone."""
    for _, group in groupby(items, key):
        run = list(group)
        if len(run) >= FOLDED:
            yield run
        else:
            yield from ([item] for item in run)

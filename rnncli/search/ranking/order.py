"""What candidates are compared by."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any, NamedTuple

from rnncli.errors import UsageError, shorten
from rnncli.search.budget import BY_KEY, known
from rnncli.search.grids.candidate import Candidate
from rnncli.summary import UNTRAINED

SORT_KEYS = {
    "params": "total_params",
    "memory": "total_bytes",
    "macs": "macs",
    "macs-per-step": "macs_per_step",
    "streaming": "streaming_bytes",
    "training": "training_bytes",
    "output": "output_features",
    "spec": "spec",
}
"""What candidates can be sorted by, and the attribute that holds it."""

COMPARED = tuple(key for key in SORT_KEYS if key != "spec")
"""Those of which one is better than another: the figures."""

LACKED = frozenset({"streaming_bytes"})
"""Figures that a network may not have at all. It exceeds every limit then, and any network that has the figure."""


class Order(NamedTuple):
    """What candidates are sorted by; equal ones keep the order of the pattern."""

    key: str
    descending: bool = False

    @property
    def figure(self) -> str | None:
        """The attribute that holds the number that they are sorted by; None if that is no number."""
        return SORT_KEYS[self.key] if self.key in COMPARED else None

    def of(self, candidate: Candidate) -> Any:
        """Return what a candidate is sorted by: the smallest comes first, or the largest in a descending order."""
        name = SORT_KEYS[self.key]
        value = getattr(candidate, name)
        return amount(candidate, name) if value is None else value


LARGEST = Order("params", descending=True)


def check_orders(orders: Iterable[Order], dtype: str) -> None:
    """Check that networks have what they are compared by in a dtype.

    Raises:
        UsageError: they have not.
    """
    if dtype in UNTRAINED and any(order.figure == "training_bytes" for order in orders):
        raise UsageError(f"no network is trained in {dtype}", "compare by something else, or take another --dtype")


def amount(candidate: Candidate, figure: str) -> int | float:
    """Return a figure of a candidate, which is infinite where it lacks one.

    Raises:
        UsageError: it is not known.
    """
    number: int | None = getattr(candidate, figure)
    if number is not None:
        return number
    if figure in LACKED:
        return inf
    if figure in BY_KEY:
        return known(BY_KEY[figure], candidate)
    raise UsageError(
        f"the {figure.removesuffix('_bytes')} of {shorten(candidate.spec, 72)} is not known", "give its --timesteps"
    )

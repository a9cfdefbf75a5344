"""Budgets: limits on what a network may cost, and the costs. Used by sweep and solve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

from rnncli.errors import ArgumentError, UsageError, shorten
from rnncli.immutable import NamedTuple
from rnncli.network_summary import UNTRAINED
from rnncli.quantities import figure_text


class Figure(NamedTuple):
    """A figure of a network that can be limited by a budget.

    Attributes:
        name: the limit's name, `Budget(params=…)`; the option is this name after `--max-` or `--`.
        key: the figure's name in summaries, candidates, JSON and CSV.
        words: the figure's name in a sentence.
        means: the option's help text.
    """

    name: str
    key: str
    words: str
    means: str

    @property
    def limit_key(self) -> str:
        """The limit's key in JSON and CSV: `max_params`, `max_bytes`."""
        return f"max_{self.key.removeprefix('total_')}"

    @property
    def in_bytes(self) -> bool:
        """Whether the figure is a size in bytes rather than a count."""
        return self.key.endswith("_bytes")

    def text(self, amount: int) -> str:
        """Return an amount with its unit: `4,408 parameters`, `17.22 KB of memory`."""
        return f"{figure_text(self.key, amount)}{self.unit(amount)}"

    def unit(self, amount: int) -> str:
        """Return the unit of an amount, with the words before it."""
        if self.in_bytes:
            return f" of {self.words}"
        return f" {self.words.removesuffix('s') if amount == 1 else self.words}"


FIGURES = (
    Figure("params", "total_params", "parameters", "Maximum number of parameters: 1000000, 1M, 1,000,000."),
    Figure("memory", "total_bytes", "memory", "Maximum memory of the parameters: 512KB, 4MB, in steps of 1024."),
    Figure("macs", "macs", "MACs", "Maximum multiply-adds for the whole input."),
    Figure("outputs", "output_bytes", "layer outputs", "Maximum memory of all layers' outputs."),
    Figure(
        "streaming",
        "streaming_bytes",
        "memory for streaming",
        "Maximum memory to run one step at a time, in addition to the parameters.",
    ),
    Figure("training", "training_bytes", "memory for training", "Maximum memory to train it with Adam."),
)
"""All figures that a budget can limit. Options, keys, help and messages are generated from this table."""

BY_NAME = {figure.name: figure for figure in FIGURES}
"""The figures by the names of their limits."""

LACKED = frozenset({"streaming_bytes"})
"""Figures that some networks lack. Such a network exceeds every limit, and compares as larger than all others."""

LACKING = 2**63 - 1
"""The value in a 64-bit array for a figure that is lacking or unknown; no known figure may reach it."""


class Budget:
    """The limits of a network's costs: `Budget(params=1_000_000, memory=4 * 2**20)`.

    Args:
        limits: the maximum of each figure in `FIGURES`, by name; None for no limit.

    Raises:
        ArgumentError: a limit is not an integer from 0.
    """

    def __init__(self, **limits: int | None) -> None:
        for name, limit in limits.items():
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
                raise ArgumentError(f"{name} is {shorten(repr(limit))}, expected a whole number from 0")
        self.limits = {BY_NAME[name]: limit for name, limit in limits.items() if limit is not None}

    def __repr__(self) -> str:
        return f"Budget({', '.join(f'{figure.name}={limit}' for figure, limit in self.limits.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Budget) and self.limits == other.limits

    def __bool__(self) -> bool:
        """Whether any figure is limited."""
        return bool(self.limits)

    @property
    def keys(self) -> list[str]:
        """The keys of the limited figures."""
        return [figure.key for figure in self.limits]

    def as_dict(self) -> dict[str, int | None]:
        """Return all limits by key, None where there is no limit, as shown in JSON and CSV."""
        return {figure.limit_key: self.limits.get(figure) for figure in FIGURES}

    def costs(self, network: Any) -> Iterator[Cost]:
        """Yield the network's cost for each limit.

        Args:
            network: an object with the figures as attributes, such as a summary or a sweep's candidate.

        Raises:
            UsageError: a limited figure is unknown.
        """
        for figure, limit in self.limits.items():
            amount = getattr(network, figure.key)
            if amount is None:
                raise unknown(figure, network)
            yield Cost(amount, limit, figure)


def check_trained(
    figures: Iterable[str | None], dtype: str, advice: str = "limit training memory in another --dtype, or not at all"
) -> None:
    """Raise a UsageError, with `advice` as its help, unless networks of a dtype have some figures, given by key."""
    if dtype in UNTRAINED and "training_bytes" in figures:
        raise UsageError(f"no network is trained in {dtype}", advice)


def unknown(figure: Figure, network: Any) -> UsageError:
    """Return the error for a figure of a network that is unknown."""
    spec = shorten(network.spec, 72)
    if figure.key == "streaming_bytes":
        message = f"{spec} cannot run one step at a time: {network.account.whole} must read ahead in the sequence"
        return UsageError(message, "leave out its back, bi or same")
    verb = "depends" if figure.words.startswith("memory") else "depend"
    return UsageError(f"the {figure.words} of {spec} {verb} on the length of its input", "give its --timesteps")


def amount(candidate: Any, name: str) -> Any:
    """Return a figure of a candidate, infinite if it lacks it, or its spec; raise a UsageError if it is unknown."""
    value = getattr(candidate, name)
    if value is None and name not in LACKED:
        raise unknown(next(figure for figure in FIGURES if figure.key == name), candidate)
    return inf if value is None else value


class Cost(NamedTuple):
    """A cost of a network and its limit.

    Attributes:
        amount: what the network costs.
        limit: the most that it may cost.
        figure: the figure that is limited.
    """

    amount: int
    limit: int
    figure: Figure

    def __str__(self) -> str:
        return self.figure.text(self.amount)

    @property
    def fits(self) -> bool:
        """Whether the cost is within the limit."""
        return self.amount <= self.limit

    @property
    def exact(self) -> bool:
        """Whether the cost equals the limit."""
        return self.amount == self.limit

    @property
    def distance(self) -> str:
        """How far the cost is from the limit: `96`, `1.58 KB`."""
        return figure_text(self.figure.key, abs(self.amount - self.limit))

    def of_limit(self) -> str:
        """Return the cost with its limit: `3,904 of 4,000 parameters`, `exactly 4,000 parameters`."""
        if self.exact:
            return f"exactly {self}"
        return f"{self._text(self.amount)} of {self._text(self.limit)}{self.figure.unit(self.limit)}"

    def excess(self) -> str:
        """Return the amount over the limit: `96 more than 4,000 parameters`."""
        return f"{self.distance} more than {self.figure.text(self.limit)}"

    def _text(self, amount: int) -> str:
        """Return the amount or the limit as text; in exact bytes if both would otherwise look the same."""
        same = figure_text(self.figure.key, self.amount) == figure_text(self.figure.key, self.limit)
        return f"{amount:,} B" if self.figure.in_bytes and same else figure_text(self.figure.key, amount)


def fit(costs: Sequence[Cost]) -> bool:
    """Return whether there are costs and all of them are within their limits."""
    return bool(costs) and all(cost.fits for cost in costs)

"""Budgets: what a network may cost at most, and what it costs. Sweep and solve share them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

from rnncli.errors import ArgumentError, UsageError, shorten
from rnncli.immutable import NamedTuple
from rnncli.quantities import figure_text


class Figure(NamedTuple):
    """A figure of a network that a budget can limit.

    Attributes:
        name: the limit's name: `Budget(params=…)`, and with `--max-` or `--` before it, the option.
        key: the figure's name in a summary, a candidate, JSON and CSV.
        words: what it is, in a sentence.
        means: what the option does, for the help.
    """

    name: str
    key: str
    words: str
    means: str

    @property
    def limit_key(self) -> str:
        """What JSON and CSV call the limit: `max_params`, `max_bytes`."""
        return f"max_{self.key.removeprefix('total_')}"

    @property
    def in_bytes(self) -> bool:
        """Whether it is a size, and no number of things."""
        return self.key.endswith("_bytes")

    def text(self, amount: int) -> str:
        """Return an amount and what it is of: `4,408 parameters`, `17.22 KB of memory`."""
        return f"{figure_text(self.key, amount)}{self.unit(amount)}"

    def unit(self, amount: int) -> str:
        """Return what an amount is of, with what stands before it."""
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
        "Maximum memory beside the parameters, a step at a time.",
    ),
    Figure("training", "training_bytes", "memory for training", "Maximum memory to train it with Adam."),
)
"""All figures that a budget can limit. Options, keys, help and messages are made of this table."""

BY_NAME = {figure.name: figure for figure in FIGURES}
"""The same by the names of their limits."""

BY_KEY = {figure.key: figure for figure in FIGURES}
"""The same by their own names."""

LACKED = frozenset({"streaming_bytes"})
"""Figures that a network may not have at all. It exceeds every limit then, and any network that has the figure."""

LACKING = 2**63 - 1
"""A figure that a network lacks, or that is not known, in an array of 64 bits: what no other number there may reach."""


class Budget:
    """What a network may cost at most: `Budget(params=1_000_000, memory=4 * 2**20)`.

    Args:
        limits: the most of each figure of `FIGURES`, by name; None or nothing is no limit.

    Raises:
        ArgumentError: a limit is no whole number from 0.
    """

    def __init__(self, **limits: int | None) -> None:
        for name, limit in limits.items():
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
                raise ArgumentError(f"{name} is {shorten(repr(limit))}, expected a whole number from 0")
        self.limits = {BY_NAME[name]: limit for name, limit in limits.items() if limit is not None}

    def __repr__(self) -> str:
        return f"Budget({', '.join(f'{figure.name}={limit}' for figure, limit in self.limits.items())})"

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return bool(self.limits)

    @property
    def keys(self) -> list[str]:
        """The figures that are limited, by their own names."""
        return [figure.key for figure in self.limits]

    def as_dict(self) -> dict[str, int | None]:
        """Return every limit by its key, None for what is not limited, as JSON and CSV show them."""
        return {figure.limit_key: self.limits.get(figure) for figure in FIGURES}

    def costs(self, network: Any) -> Iterator[Cost]:
        """Yield a cost of a network for each limit.

        Args:
            network: what has the figures as attributes: a summary, or a candidate of a sweep.

        Raises:
            UsageError: a figure that is limited is not known.
        """
        for figure, limit in self.limits.items():
            amount = getattr(network, figure.key)
            if amount is None:
                raise unknown(figure, network)
            yield Cost(amount, limit, figure)


def check_trained(
    figures: Iterable[str | None], dtype: str, advice: str = "limit its training in another --dtype, or leave it out"
) -> None:
    """Check that networks of a dtype have some figures, by their own names.

    Raises:
        UsageError: they have not; the advice is what to do then.
    """
    from rnncli.summary import UNTRAINED

    if dtype in UNTRAINED and "training_bytes" in figures:
        raise UsageError(f"no network is trained in {dtype}", advice)


def unknown(figure: Figure, network: Any) -> UsageError:
    """Return the error for a figure of a network that is not known."""
    spec = shorten(network.spec, 72)
    if figure.key == "streaming_bytes":
        from rnncli.layers import READING_FROM_THE_END

        message = f"{spec} does not run a step at a time: {READING_FROM_THE_END} need the whole sequence"
        return UsageError(message, "leave them out")
    verb = "depends" if figure.words.startswith("memory") else "depend"
    return UsageError(f"the {figure.words} of {spec} {verb} on the length of its input", "give its --timesteps")


def amount(candidate: Any, name: str) -> Any:
    """Return a figure of a candidate, which is infinite where it lacks one, or its spec.

    Raises:
        UsageError: it is not known.
    """
    value = getattr(candidate, name)
    if value is None and name not in LACKED:
        raise unknown(BY_KEY[name], candidate)
    return inf if value is None else value


class Cost(NamedTuple):
    """One cost of a network, and the limit for it.

    Attributes:
        amount: what the network costs.
        limit: what it may cost at most.
        figure: what the amount is of.
    """

    amount: int
    limit: int
    figure: Figure

    def __str__(self) -> str:
        return self.figure.text(self.amount)

    @property
    def fits(self) -> bool:
        """Whether the cost keeps within the limit."""
        return self.amount <= self.limit

    @property
    def exact(self) -> bool:
        """Whether the cost is the limit."""
        return self.amount == self.limit

    @property
    def distance(self) -> str:
        """How far the cost is from the limit: `96`, `1.58 KB`."""
        return figure_text(self.figure.key, abs(self.amount - self.limit))

    def of_limit(self) -> str:
        """Return the cost and its limit: `3,904 of 4,000 parameters`, `exactly 4,000 parameters`."""
        if self.exact:
            return f"exactly {self}"
        return f"{self._text(self.amount)} of {self._text(self.limit)}{self.figure.unit(self.limit)}"

    def excess(self) -> str:
        """Return by how much the cost exceeds its limit: `96 more than 4,000 parameters`."""
        return f"{self.distance} more than {self.figure.text(self.limit)}"

    def _text(self, amount: int) -> str:
        """Return the amount or the limit, to the byte where both would look the same."""
        same = figure_text(self.figure.key, self.amount) == figure_text(self.figure.key, self.limit)
        return f"{amount:,} B" if self.figure.in_bytes and same else figure_text(self.figure.key, amount)


def fit(costs: Sequence[Cost]) -> bool:
    """Return whether there are costs, those of a network, and all keep within their limits."""
    return bool(costs) and all(cost.fits for cost in costs)

"""Budgets: what a network may cost at most, and what it costs. Sweep and solve share them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rnncli.errors import UsageError
from rnncli.quantities import memory
from rnncli.summary import Summary


class Budget(NamedTuple):
    """What a network may cost at most; None means no limit.

    Attributes:
        params: parameters.
        memory: bytes of the parameters.
        macs: multiply-adds for the whole input.
    """

    params: int | None = None
    memory: int | None = None
    macs: int | None = None

    def costs(self, summary: Summary) -> Iterator[Cost]:
        """Yield a cost of a network for each limit.

        Raises:
            UsageError: the multiply-adds are limited, and the timesteps are not known.
        """
        if self.params is not None:
            yield Cost(summary.total_params, self.params, "{:,}".format, " parameters")
        if self.memory is not None:
            yield Cost(summary.total_bytes, self.memory, memory)
        if self.macs is not None:
            if summary.macs is None:
                raise UsageError("the multiply-adds of an input of unknown length are unknown", "give its --timesteps")
            yield Cost(summary.macs, self.macs, "{:,}".format, " MACs")


class Cost(NamedTuple):
    """One cost of a network, and the limit for it.

    Attributes:
        amount: what the network costs.
        limit: what it may cost at most.
        text: returns an amount as people read it.
        unit: what the amount is of, with a space before it; empty if `text` says it.
    """

    amount: int
    limit: int
    text: Callable[[int], str]
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.text(self.amount)}{self.unit}"

    def of_limit(self) -> str:
        """Return the cost and its limit: `3,904 of 4,000 parameters`."""
        return f"{self.text(self.amount)} of {self.text(self.limit)}{self.unit}"

    def excess(self) -> str:
        """Return by how much the cost exceeds its limit: `96 more than 4,000 parameters`."""
        return f"{self.text(self.amount - self.limit)} more than {self.text(self.limit)}{self.unit}"

    @property
    def fits(self) -> bool:
        """Whether the cost keeps within the limit."""
        return self.amount <= self.limit

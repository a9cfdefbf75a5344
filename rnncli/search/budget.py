"""What a network may cost, and what it does: the limits that sweep and solve share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rnncli.errors import UsageError
from rnncli.quantities import memory
from rnncli.summary import Summary


class Budget(NamedTuple):
    """What a network may cost at most; None is no limit.

    Attributes:
        params: parameters.
        memory: bytes of the parameters.
        macs: multiply-adds for the whole input.
    """

    params: int | None = None
    memory: int | None = None
    macs: int | None = None

    def costs(self, summary: Summary) -> Iterator[Cost]:
        """Yield what a network costs of each thing that is limited.

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
            yield Cost(summary.macs, self.macs, "{:,}".format, " multiply-adds")


class Cost(NamedTuple):
    """What something costs, what it may cost, and how such a number is written."""

    takes: int
    limit: int
    number: Callable[[int], str]
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.number(self.takes)}{self.unit}"

    def of_limit(self) -> str:
        """Return what it costs, and what it may."""
        return f"{self.number(self.takes)} of {self.number(self.limit)}{self.unit}"

    def excess(self) -> str:
        """Return what it costs more than it may."""
        return f"{self.number(self.takes - self.limit)} more than {self.number(self.limit)}{self.unit}"

    @property
    def fits(self) -> bool:
        """Whether it keeps within the limit."""
        return self.takes <= self.limit

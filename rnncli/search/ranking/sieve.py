"""Which of the candidates that are evaluated go on: those within the budget that can be among the ones wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rnncli.search.budget import Budget
from rnncli.search.grids.candidate import FIGURES, Candidate, Found
from rnncli.search.grids.stretches import BATCH
from rnncli.search.ranking.order import LACKED, amount
from rnncli.search.ranking.selection import Tally, within

if TYPE_CHECKING:
    from rnncli.search.grids.block import Block
    from rnncli.search.ranking.cloud import Cloud

_LACKING = 2**63 - 1
"""A figure that a network lacks, in an array."""


class Wanted(Protocol):
    """Holds the candidates that are wanted of those that there were so far: the first few, or the frontier."""

    @property
    def held(self) -> int:
        """How many candidates it holds in memory."""

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The figures that it asks of a block of candidates; None if it takes all candidates as they are."""

    def pick(self, places: Any, column: Callable[[str], Any]) -> Any:
        """Return those of some places of a block that may be wanted."""

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Take in some more candidates."""

    def best(self) -> list[Candidate]:
        """Return those that are wanted."""


class Sieve:
    """Sifts candidates as they come.

    Args:
        budget: what a network may cost.
        wanted: what is wanted of those within the budget, which gets them; None if all are.
        tally: where they are counted; None for a new tally.
        cloud: takes in all that keep within the budget, for a picture of them; None for no picture.

    Attributes:
        tally: how many there were.
    """

    def __init__(
        self, budget: Budget, wanted: Wanted | None = None, tally: Tally | None = None, cloud: Cloud | None = None
    ) -> None:
        self._budget = budget
        self._wanted = wanted
        self._cloud = cloud
        self.tally = Tally() if tally is None else tally

    @property
    def asked(self) -> tuple[str, ...]:
        """The figures that it asks of a block of candidates, each once."""
        asked = None if self._wanted is None else self._wanted.asked
        if asked is None:
            return FIGURES
        return tuple(
            dict.fromkeys(
                [
                    *(figure.key for figure in self._budget.limits),
                    *asked,
                    *([] if self._cloud is None else self._cloud.asked),
                ]
            )
        )

    def sift(self, some: Block | list[Found]) -> Iterator[list[Candidate]]:
        """Count some candidates, and yield those that go on, in lists.

        Raises:
            UsageError: a figure that is limited or compared is not known.
        """
        for passed in self._sift_list(some) if isinstance(some, list) else self._sift_block(some):
            if self._wanted is not None:
                self._wanted.add(passed)
            yield passed

    def _sift_list(self, some: list[Found]) -> Iterator[list[Candidate]]:
        passed = within(some, self._budget, self.tally)
        if self._cloud is not None:
            self._cloud.add(passed)
        yield passed

    def _sift_block(self, block: Block) -> Iterator[list[Candidate]]:
        import numpy as np

        networks = fits = _array(block.is_network(), len(block))
        needs = []
        for figure, limit in self._budget.limits.items():
            numbers = self._column(block, figure.key, networks)
            fits = fits & (numbers <= limit)
            needs.append((numbers, limit))
        fitting = int(np.count_nonzero(fits))
        self._count(block, networks, fitting, needs)
        places = np.flatnonzero(fits)
        if self._cloud is not None:
            self._cloud.add_block(places, lambda name: self._column(block, name, fits))
        if self._wanted is not None and fitting:
            places = self._wanted.pick(places, lambda name: self._column(block, name, fits))
        yield from block.networks(places, BATCH)

    def _column(self, block: Block, name: str, asked: Any) -> Any:
        """Return a figure of all candidates of a block.

        Raises:
            UsageError: it is not known of one of those that are asked for, and should be.
        """
        numbers, is_known = block.figure(name), block.known(name)
        if is_known is True:
            return numbers
        import numpy as np

        unknown = ~_array(is_known, len(block))
        if name not in LACKED and (asked & unknown).any():
            amount(block.network(int((asked & unknown).argmax())), name)
        return np.where(unknown, _LACKING, numbers)

    def _count(self, block: Block, networks: Any, fitting: int, needs: Sequence[tuple[Any, int]]) -> None:
        """Count the candidates of a block.

        Args:
            block: the block.
            networks: which of them are networks.
            fitting: how many keep within the budget.
            needs: for each limit, what they cost and the limit.
        """
        import numpy as np

        tally = self.tally
        nothing = _array(block.is_nothing(), len(block))
        number = int(np.count_nonzero(networks))
        invalid = len(block) - number - int(np.count_nonzero(nothing))
        if invalid and tally.first_invalid is None:
            tally.first_invalid = block.text(int((~networks & ~nothing).argmax()))
        if number and not (tally.within or fitting):
            need = np.max([numbers / (limit or 1) for numbers, limit in needs], axis=0)
            nearest = int(np.where(networks, need, np.inf).argmin())
            tally.take_nearest(block.network(nearest), self._budget)
        tally.invalid += invalid
        tally.outside += number - fitting
        tally.within += fitting


def _array(truth: Any, length: int) -> Any:
    """Return a truth of all as an array of as many."""
    import numpy as np

    return np.full(length, truth) if isinstance(truth, bool) else truth

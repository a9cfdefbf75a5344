"""A whole sweep: candidates are evaluated, counted and sifted, by this process or by several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from rnncli.search.budget import Budget
from rnncli.search.grids import stretches
from rnncli.search.grids.candidate import FIGURES, Candidate, Found, Invalid
from rnncli.search.grids.stretches import Stretch, evaluated, tasks
from rnncli.search.ranking.wanted import LACKED, LACKING, Selection, amount
from rnncli.summary import Setting

if TYPE_CHECKING:
    from rnncli.search.grids.block import Block
    from rnncli.search.ranking.frontier import Cloud

Spelt = TypeVar("Spelt")

_LEAST = 10_000
"""How many candidates are a task at least; of so few altogether this process does all the work."""

_SHOWN = 2**14
"""How many candidates are a task of which all may go on: what is made of them waits in memory for its turn."""

_SIFTED = 2**20
"""How many candidates are a task at most of which few go on."""

_MOST_JOBS = 32
"""More processes than that, and than twice the cores there are, would only wait for one another."""

_TURNS = 8
"""How often it is each worker's turn at least, so that all of them have work to the end."""


@dataclass
class Tally:
    """How many candidates there were so far, and what became of them.

    Attributes:
        invalid: how many are not networks.
        outside: how many do not keep within the budget.
        within: how many keep within the budget.
        shown: how many of those within the budget have been printed.
        first_invalid: the spec of the first that is not a network.
        nearest: the candidate that exceeds the budget least, as long as none keeps within it.
    """

    invalid: int = 0
    outside: int = 0
    within: int = 0
    shown: int = 0
    first_invalid: str | None = None
    nearest: Candidate | None = None

    @property
    def total(self) -> int:
        """How many candidates there were."""
        return self.invalid + self.outside + self.within

    def add(self, further: Tally, budget: Budget) -> None:
        """Take in what became of further candidates, none of which has been printed."""
        self.invalid += further.invalid
        self.outside += further.outside
        self.within += further.within
        self.first_invalid = self.first_invalid or further.first_invalid
        if further.nearest is not None:
            self.take_nearest(further.nearest, budget)

    def take_nearest(self, candidate: Candidate, budget: Budget) -> None:
        """Take in a candidate that exceeds a budget."""

        def need(each: Candidate) -> Any:
            """Return how many times its budget it needs, for the cost that exceeds its limit most."""
            return max(amount(each, figure.key) / (limit or 1) for figure, limit in budget.limits.items())

        self.nearest = min(self.nearest or candidate, candidate, key=need)

    def words(self, of: str = "") -> str:
        """Return it in words; `of` is how many candidates there are, if not all have been looked at."""
        parts = [f"{self.total:,}{of and ' of '}{of} candidate{'' if self.total == 1 and not of else 's'}"]
        if self.outside:
            parts.append(f"{self.within:,} within the budget")
        if self.shown != self.within or not self.outside:
            parts.append(f"{self.shown:,} shown")
        if self.invalid:
            parts.append(f"{self.invalid:,} invalid")
        return ", ".join(parts)


class Sieve:
    """Sifts candidates as they come.

    Args:
        budget: what a network may cost.
        wanted: what is wanted of those within the budget, which gets them; None if all are.
        tally: where they are counted.
        cloud: takes in all that keep within the budget, for a picture of them; None for no picture.
    """

    def __init__(self, budget: Budget, wanted: Selection | None, tally: Tally, cloud: Cloud | None = None) -> None:
        self._budget = budget
        self._wanted = wanted
        self._tally = tally
        self._cloud = cloud

    @property
    def asked(self) -> tuple[str, ...]:
        """The figures that it asks of a block of candidates, each once."""
        asked = None if self._wanted is None else self._wanted.asked
        if asked is None:
            return FIGURES
        limited = [figure.key for figure in self._budget.limits]
        return tuple(dict.fromkeys([*limited, *asked, *(self._cloud.asked if self._cloud else ())]))

    def sift(self, some: Block | list[Found]) -> Iterator[list[Candidate]]:
        """Count some candidates, and yield those that go on, in lists.

        Raises:
            UsageError: a figure that is limited or compared is not known.
        """
        for passed in [self._of_list(some)] if isinstance(some, list) else self._of_block(some):
            if self._wanted is not None:
                self._wanted.add(passed)
            yield passed

    def _of_list(self, some: list[Found]) -> list[Candidate]:
        tally, passed = self._tally, []
        limits = [(figure.key, limit) for figure, limit in self._budget.limits.items()]
        for each in some:
            if isinstance(each, Invalid):
                tally.invalid += 1
                tally.first_invalid = tally.first_invalid or each.spec
            elif not limits or _fits(each, limits):
                passed.append(each)
            else:
                tally.outside += 1
                if not (tally.within or passed):
                    tally.take_nearest(each, self._budget)
        tally.within += len(passed)
        if self._cloud is not None and passed:
            self._cloud.add(*[[amount(each, name) for each in passed] for name in self._cloud.asked])
        return passed

    def _of_block(self, block: Block) -> Iterator[list[Candidate]]:
        import numpy as np

        def column(name: str) -> Any:
            return _column(block, name, fits)

        networks = fits = _array(block.is_network(), len(block))
        needs = [(_column(block, figure.key, networks), limit) for figure, limit in self._budget.limits.items()]
        for numbers, limit in needs:
            fits = fits & (numbers <= limit)
        places = np.flatnonzero(fits)
        self._count(block, networks, len(places), needs)
        if self._cloud is not None:
            self._cloud.add(*[column(name)[places] for name in self._cloud.asked])
        if self._wanted is not None and len(places):
            places = self._wanted.pick(places, column)
        yield from block.networks(places, stretches.BATCH)

    def _count(self, block: Block, networks: Any, fitting: int, needs: Sequence[tuple[Any, int]]) -> None:
        """Count the candidates of a block, some of which are networks; each need is what they cost, and its limit."""
        import numpy as np

        tally = self._tally
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


def _fits(candidate: Candidate, limits: Iterable[tuple[str, int]]) -> bool:
    # Each is asked for: one that is not known is an error, whether or not another is exceeded.
    exceeded = [key for key, limit in limits if amount(candidate, key) > limit]
    return not exceeded


def _column(block: Block, name: str, asked: Any) -> Any:
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
    return np.where(unknown, LACKING, numbers)


def _array(truth: Any, length: int) -> Any:
    """Return a truth of all as an array of as many."""
    import numpy as np

    return np.full(length, truth) if isinstance(truth, bool) else truth


class Sweep(NamedTuple, Generic[Spelt]):
    """What is to be done with all candidates.

    Attributes:
        setting: what the counts are for.
        budget: what a network may cost.
        wanted: what is wanted of those within the budget, which gets them; None if all are, one after the other.
        spell: makes of a list of candidates what is shown; it is called where these were found.
        cloud: takes in all within the budget, for a picture of them; None for no picture.
    """

    setting: Setting
    budget: Budget
    wanted: Selection | None
    spell: Callable[[list[Candidate]], Spelt]
    cloud: Cloud | None = None

    def run(self, whole: Iterable[Stretch], tally: Tally) -> Iterator[list[Spelt]]:
        """Evaluate candidates, count them in a tally, and yield what is to be shown, all of it if nothing is wanted.

        Something is yielded every few milliseconds, if only an empty list.
        """
        for passed in self._passed(whole, Sieve(self.budget, self.wanted, tally, self.cloud)):
            yield [] if self.wanted is not None else [self.spell(passed)]

    def _passed(self, some: Iterable[Stretch], sieve: Sieve) -> Iterator[list[Candidate]]:
        for stretch in some:
            for found in evaluated(stretch, self.setting, sieve.asked):
                yield from sieve.sift(found)

    def run_on(self, jobs: int, whole: Iterable[Stretch], total: int, tally: Tally) -> Iterator[list[Spelt]]:
        """Do the same on several cores at once: the same lists come in the same order.

        Args:
            jobs: how many processes there are.
            whole: the candidates.
            total: how many there are, or 0 if that is not known.
            tally: where they are counted.

        Raises:
            RnncliError: a process has ended by itself, or cannot be started.
        """
        if jobs == 1 or 0 < total <= _LEAST or not hasattr(os, "fork"):
            yield from self.run(whole, tally)
            return
        from rnncli.system.workers import forked

        most = _SHOWN if self._picking is None else _SIFTED
        jobs = min(jobs, max(_MOST_JOBS, 2 * (os.cpu_count() or 1)))
        size = min(most, max(_LEAST, total // (_TURNS * jobs))) if total else most
        with forked(min(jobs, -(-total // size) or jobs), lambda: self._work) as workers:
            for further, passed, spelt, cells in workers.results(tasks(whole, size)):
                if self.wanted is not None:
                    self.wanted.add(passed)
                if self.cloud is not None:
                    self.cloud.take(cells)
                tally.add(further, self.budget)
                yield spelt

    @property
    def _picking(self) -> Selection | None:
        """What is wanted, if it lets few go on; it needs to know of those that there were, in each process too."""
        return None if self.wanted is None or self.wanted.asked is None else self.wanted

    def _work(self, task: list[Stretch]) -> tuple[Tally, list[Candidate], list[Spelt], Any]:
        """Do a task in one of the processes, each of which has its own copy of what is wanted and of the cloud."""
        tally = Tally()
        lists = self._passed(task, Sieve(self.budget, self._picking, tally, self.cloud))
        spelt = [self.spell(passed) for passed in lists] if self.wanted is None else []
        passed = [each for passed in lists for each in passed]
        return tally, passed, spelt, None if self.cloud is None else self.cloud.cells()

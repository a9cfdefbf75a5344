"""A whole sweep: stretches of candidates are evaluated and sifted, by this process or by several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from rnncli.search.budget import Budget
from rnncli.search.grids.candidate import Candidate
from rnncli.search.grids.stretches import FEW, Stretch, evaluated, tasks
from rnncli.search.ranking.selection import Tally
from rnncli.search.ranking.sieve import Sieve, Wanted
from rnncli.summary import Setting

if TYPE_CHECKING:
    from rnncli.search.ranking.cloud import Cloud

Spelt = TypeVar("Spelt")

_SHOWN = 2**14
"""How many candidates are a task whose rows are all shown: what is spelt of them waits in memory for its turn."""

_SIFTED = 2**20
"""How many candidates are a task at most of which few go on."""

_MOST_JOBS = 32
"""More processes than that, and than twice the cores there are, would only wait for one another."""

_TURNS = 8
"""How often it is each worker's turn at least, so that all of them have work to the end."""


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
    wanted: Wanted | None
    spell: Callable[[list[Candidate]], Spelt]
    cloud: Cloud | None = None

    def run(self, whole: Iterable[Stretch], tally: Tally) -> Iterator[list[Spelt]]:
        """Evaluate candidates, count them in a tally, and yield what is to be shown, all of it if nothing is wanted.

        Something is yielded every few milliseconds, if only an empty list.
        """
        sieve = Sieve(self.budget, self.wanted, tally, self.cloud)
        for stretch in whole:
            for some in evaluated(stretch, self.setting, sieve.asked):
                for passed in sieve.sift(some):
                    yield [] if self.wanted is not None else [self.spell(passed)]

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
        if jobs == 1 or 0 < total <= FEW or not hasattr(os, "fork"):
            yield from self.run(whole, tally)
            return
        from rnncli.system.workers import forked

        most = _SHOWN if self.wanted is None else _SIFTED
        jobs = min(jobs, max(_MOST_JOBS, 2 * (os.cpu_count() or 1)))
        size = min(most, max(FEW, total // (_TURNS * jobs))) if total else most
        with forked(min(jobs, -(-total // size) or jobs), self._worker) as workers:
            for further, passed, spelt, cells in workers.results(tasks(whole, size)):
                if self.wanted is not None:
                    self.wanted.add(passed)
                if self.cloud is not None:
                    self.cloud.take(cells)
                tally.add(further, self.budget)
                yield spelt

    def _worker(self) -> Callable[[list[Stretch]], tuple[Tally, list[Candidate], list[Spelt], Any]]:
        """Return what does a task in one of the processes, which have their own copy of what is wanted."""
        sieve = Sieve(self.budget, self.wanted, cloud=self.cloud)

        def work(task: list[Stretch]) -> tuple[Tally, list[Candidate], list[Spelt], Any]:
            sieve.tally = Tally()
            passed: list[Candidate] = []
            spelt: list[Spelt] = []
            for stretch in task:
                for some in evaluated(stretch, self.setting, sieve.asked):
                    for each in sieve.sift(some):
                        if self.wanted is None:
                            spelt.append(self.spell(each))
                        else:
                            passed += each
            return sieve.tally, passed, spelt, None if self.cloud is None else self.cloud.news()

        return work

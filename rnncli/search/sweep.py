"""Sweeps: every network that some patterns stand for, with its counts, in stretches that are evaluated in one go.

All counts are those of the weights that the layers declare; see `rnncli.search.forms`. In a whole sweep, candidates are
also counted and sifted, by this process or by several.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import log10
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from rnncli.errors import RnncliError, SpecError, one_line
from rnncli.language.source import MAX_BYTES
from rnncli.layers import LAYERS
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.quantities import Shape, memory
from rnncli.results import Result
from rnncli.search import forms
from rnncli.search.budget import Budget, amount, check_trained
from rnncli.search.forms import FIGURES, Candidate, Forms, Found, Invalid
from rnncli.search.grid import Stretch, tasks
from rnncli.search.selection import LARGEST, SORT_KEYS, Order, Selection
from rnncli.summary import TOTALS, Setting
from rnncli.system.memory import RESERVE, free_bytes

if TYPE_CHECKING:
    from rnncli.search.block import Block
    from rnncli.search.frontier import Cloud

Spelt = TypeVar("Spelt")
BLOCK = 2**17
"""How many candidates are evaluated as arrays at a time; these fit into a processor's cache."""

FEW = 2_000
"""So many candidates are evaluated one by one: it takes less time than to import NumPy."""

ROOM = 256 << 20
"""Bytes that there must be for NumPy and the arrays of a block."""

CHECKED = 20_000
"""There is always memory for so many candidates; whenever so many more are held it is checked anew."""

_HELD = 500
"""Bytes that a candidate takes at least."""

_SORTING = 48
"""Bytes that it takes to sort one candidate, beside the candidate itself."""

_COUNTED = 10**15
"""Of more candidates than these only the size of their number is said."""

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


@dataclass(frozen=True, repr=False, eq=False)
class Candidates(Result, Sequence[Candidate]):
    """The candidates of a sweep, those within the budget, in the order that was asked for.

        >>> from rnncli import sweep
        >>> [candidate.total_params for candidate in sweep("input:8,{lstm,gru}:4")]
        [208, 168]

    Attributes:
        tally: how many there were, and what became of them.
        setting: what the counts are for.
        order: what they are sorted by, if they are.
        cloud: where all of them lie, of which these are the best; None where they are not compared.
    """

    _found: Sequence[Candidate]
    tally: Tally
    setting: Setting
    order: Order | None
    cloud: Cloud | None

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, place: int) -> Candidate: ...

    @overload
    def __getitem__(self, place: slice) -> Candidates: ...

    def __getitem__(self, place: int | slice) -> Candidate | Candidates:
        """Return one of them, or several as candidates of the same sweep."""
        if isinstance(place, slice):
            return replace(self, _found=self._found[place])
        return self._found[place]

    @property
    def title(self) -> str:
        """How many there are, and how many there were."""
        return self.tally.in_words()

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return them as plain data: for each the object that `--format json` prints."""
        record = record_maker(self.setting)
        return [record(*candidate) for candidate in self._found]


def evaluated(stretch: Stretch, setting: Setting, figures: Sequence[str] = FIGURES) -> Iterator[Block | list[Found]]:
    """Yield the candidates of a stretch in their order: blocks of many, lists of few.

    Args:
        stretch: the stretch.
        setting: what the counts are for.
        figures: those that will be asked of a block.
    """
    pattern = stretch.pattern
    pattern_forms = Forms(pattern, setting)
    text = pattern.text
    # No text is longer than its pattern, the values of names aside.
    longest = len(text.encode("utf-8", "replace")) * (1 + len(re.findall(r"\{\w+[=}]", text)))
    few = stretch.stop - stretch.start <= FEW or longest > MAX_BYTES
    if few or ((free := free_bytes()) is not None and free <= ROOM):
        boxes = pattern.boxes(stretch.start, stretch.stop, forms.BATCH)
        yield from _lists(chain.from_iterable(map(pattern_forms.walk, boxes)))
        return
    from rnncli.search.block import Block, NoBlockError

    for box in pattern.boxes(stretch.start, stretch.stop, BLOCK):
        try:
            yield Block(pattern_forms, box, figures)
        except NoBlockError:
            yield from _lists(pattern_forms.walk(box))


def _lists(candidates: Iterator[Found]) -> Iterator[list[Found]]:
    while some := list(islice(candidates, forms.BATCH)):
        yield some


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

    def in_words(self, of: str = "") -> str:
        """Return it in words; `of` is how many candidates there are, if not all have been looked at."""
        parts = [f"{self.total:,}{of and ' of '}{of} candidate{'' if self.total == 1 and not of else 's'}"]
        if self.outside:
            parts.append(f"{self.within:,} within the budget")
        if self.shown != self.within or not self.outside:
            parts.append(f"{self.shown:,} shown")
        if self.invalid:
            parts.append(f"{self.invalid:,} invalid")
        return ", ".join(parts)

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


@dataclass(eq=False)
class Sweep(Generic[Spelt]):
    """What is to be done with all candidates, as it is asked for.

    Attributes:
        setting: what the counts are for.
        budget: what a network may cost.
        spell: makes of a list of candidates what is shown; it is called where these were found.
        order: what they are sorted by: if nobody says it, the first figure of the front, or the parameters if few are
            wanted, or else None, the order of the patterns.
        top: how many are wanted; None for all.
        front: the figures of which no other may be as good in all; None if they are not compared.
        held: whether they are held until the end even where they are not sorted.
        pictured: whether there is a picture of where those lie that are compared.
        less_memory: what helps where there is no memory for all that are wanted.
        wanted: what is wanted of those within the budget, which gets them; None if all are, one after the other.
        cloud: takes in all within the budget, for a picture of them; None for no picture.

    Raises:
        UsageError: they are compared by what it takes to train them, and none is trained in the dtype.
    """

    setting: Setting
    budget: Budget
    spell: Callable[[list[Candidate]], Spelt]
    order: Order | None = None
    top: int | None = None
    front: tuple[Order, ...] | None = None
    held: bool = field(default=False, kw_only=True)
    pictured: bool = field(default=False, kw_only=True)
    less_memory: str | None = field(default=None, kw_only=True)
    wanted: Selection | None = field(default=None, init=False)
    cloud: Cloud | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        front, dtype = self.front or (), self.setting.dtype
        if self.order is None and (front or self.top is not None):
            self.order = front[0] if front else LARGEST
        compared = [each.figure for each in (*front, self.order) if each is not None]
        check_trained(compared, dtype, "compare by something else, or take another --dtype")
        if front and self.order is not None:
            from rnncli.search.frontier import Cloud, Frontier

            plane = [SORT_KEYS[each.key] for each in front[:2]]
            if len(plane) == 1:
                whole = self.setting.timesteps is not None or plane == ["macs"]
                plane = ["total_params", "macs" if whole else "macs_per_step"]
            self.cloud = Cloud(*plane) if self.pictured else None
            self.wanted = Frontier(front, self.order, self.top)
        elif self.held or self.order is not None:
            self.wanted = Selection(self.order, self.top)

    def run(
        self,
        whole: Iterable[Stretch],
        total: int,
        tally: Tally,
        *,
        jobs: int = 1,
        progress: Callable[[int], object] = lambda done: None,
    ) -> Iterator[Spelt]:
        """Evaluate candidates, count them in a tally, and yield what is shown of them, nothing if only some are wanted.

        Args:
            whole: the candidates.
            total: how many there are, or 0 if that is not known.
            tally: where they are counted.
            jobs: how many processes there are. They change nothing of what is yielded.
            progress: is told every few milliseconds how many more have been counted.

        Raises:
            RnncliError: those that are wanted do not fit in memory, or a process has ended by itself, or cannot be
                started.
        """
        if self.wanted is not None and not self.budget:
            most = self.wanted.most(total)
            self._check_room(most, _HELD, f"{about(most)} candidates do not fit in memory, {_HELD} B each at least")
        done = checked = 0
        for spelt in self._on(jobs, whole, total, tally):
            yield from spelt
            if self.wanted is not None and self.wanted.held - checked >= CHECKED:
                checked = self.wanted.held
                self._check_room(checked, _SORTING, f"{checked:,} candidates to sort are in memory, and no more fit")
            progress(tally.total - done)
            done = tally.total

    def _check_room(self, held: int, each: int, too_many: str) -> None:
        """Check that there is memory for so many candidates, each of which takes so many bytes.

        Where memory is lent that there is not, the system would kill the process.
        """
        free = free_bytes()
        if held >= CHECKED and free is not None and free < RESERVE + held * each:
            raise RnncliError(f"{too_many}: {memory(free)} are free", self.less_memory)

    def _on(self, jobs: int, whole: Iterable[Stretch], total: int, tally: Tally) -> Iterator[list[Spelt]]:
        """Do the work in one process or in several, and yield a list, if only an empty one, every few milliseconds."""
        alone = jobs == 1 or 0 < total <= _LEAST
        if not alone:
            from rnncli.system.workers import can_fork, forked

            alone = not can_fork()
        if alone:
            for passed in self._passed(whole, tally, self.wanted):
                yield [] if self.wanted is not None else [self.spell(passed)]
            return
        most = _SHOWN if self._asked is None else _SIFTED
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

    def _work(self, task: list[Stretch]) -> tuple[Tally, list[Candidate], list[Spelt], Any]:
        """Do a task in one of the processes, each of which has its own copy of what is wanted and of the cloud.

        What is wanted needs to know of the candidates that there were where it lets few of them go on.
        """
        tally = Tally()
        lists = self._passed(task, tally, None if self._asked is None else self.wanted)
        spelt = [self.spell(passed) for passed in lists] if self.wanted is None else []
        passed = [each for passed in lists for each in passed]
        return tally, passed, spelt, None if self.cloud is None else self.cloud.cells()

    @property
    def _asked(self) -> tuple[str, ...] | None:
        """The figures that what is wanted asks of a block of candidates; None if it takes all as they are."""
        return None if self.wanted is None else self.wanted.asked

    def _passed(self, some: Iterable[Stretch], tally: Tally, wanted: Selection | None) -> Iterator[list[Candidate]]:
        """Count candidates, yield those that go on, in lists, and let what is wanted know of them."""
        figures = FIGURES
        if self._asked is not None:
            figures = tuple({*self.budget.keys, *self._asked, *(self.cloud.asked if self.cloud else ())})
        for stretch in some:
            for found in evaluated(stretch, self.setting, figures):
                yield from self.sift(found, tally, wanted)

    def sift(self, some: Block | list[Found], tally: Tally, wanted: Selection | None) -> Iterator[list[Candidate]]:
        """Count some candidates, and yield those that go on, in lists.

        Raises:
            UsageError: a figure that is limited or compared is not known.
        """
        lists = [self._of_list(some, tally)] if isinstance(some, list) else self._of_block(some, tally, wanted)
        for passed in lists:
            if wanted is not None:
                wanted.add(passed)
            yield passed

    def _of_list(self, some: list[Found], tally: Tally) -> list[Candidate]:
        limits = [(figure.key, limit) for figure, limit in self.budget.limits.items()]
        invalid = [each.spec for each in some if isinstance(each, Invalid)]
        networks = [each for each in some if isinstance(each, Candidate)]
        # Each is asked for: one that is not known is an error, whether or not another is exceeded.
        passed = [each for each in networks if not [key for key, limit in limits if amount(each, key) > limit]]
        for each in [] if tally.within or passed else networks:
            tally.take_nearest(each, self.budget)
        outside, first = len(networks) - len(passed), next(iter(invalid), None)
        tally.add(Tally(len(invalid), outside, len(passed), first_invalid=first), self.budget)
        if self.cloud is not None and passed:
            self.cloud.add(*[[amount(each, name) for each in passed] for name in self.cloud.asked])
        return passed

    def _of_block(self, block: Block, tally: Tally, wanted: Selection | None) -> Iterator[list[Candidate]]:
        import numpy as np

        networks = fits = block.is_network()
        needs = [(block.column(figure.key, networks), limit) for figure, limit in self.budget.limits.items()]
        for numbers, limit in needs:
            fits = fits & (numbers <= limit)
        places = np.flatnonzero(fits)
        number, nothing = int(np.count_nonzero(networks)), block.is_nothing()
        invalid = len(block) - number - int(np.count_nonzero(nothing))
        if invalid and tally.first_invalid is None:
            tally.first_invalid = block.at(int((~networks & ~nothing).argmax())).spec
        if number and not (tally.within or len(places)):
            need = np.max([numbers / (limit or 1) for numbers, limit in needs], axis=0)
            nearest = int(np.where(networks, need, np.inf).argmin())
            tally.take_nearest(block.network(nearest), self.budget)
        tally.invalid += invalid
        tally.outside += number - len(places)
        tally.within += len(places)
        if self.cloud is not None:
            self.cloud.add(*[block.column(name, fits)[places] for name in self.cloud.asked])
        if wanted is not None and len(places):
            places = wanted.pick(places, lambda name: block.column(name, fits))
        yield from block.networks(places, forms.BATCH)


def record_maker(setting: Setting) -> Callable[..., dict[str, Any]]:
    """Return what makes a record of a spec, the shape of an output, and figures, of which the first are the totals."""

    def record(spec: str, shape: Shape, *figures: int | None) -> dict[str, Any]:
        totals = dict(zip(TOTALS, figures, strict=False))
        network = {"framework": setting.framework, "dtype": setting.dtype}
        return {"spec": one_line(spec), "output_shape": shape} | totals | network

    return record


def framework_of(patterns: Sequence[str]) -> Framework:
    """Return whose weights are counted where nobody says it: PyTorch's if a field is written that Keras has not."""
    options = (option for layer in LAYERS for option in layer.options if option.in_keras == "")
    words = {word for option in options for word in (option.lead, f"{option.attribute}=")}
    return "torch" if any(word in pattern for word in words for pattern in patterns) else "keras"


def about(total: int) -> str:
    """Return a total in words: nothing for one that is not known, and only its size for one that has no end."""
    if not total:
        return ""
    return f"{total:,}" if total <= _COUNTED else f"about 10^{int(log10(total))}"


def reason_of(spec: str, setting: Setting) -> SpecError:
    """Return the error of a spec that is not a network."""
    try:
        Network.parse(spec).summary(*setting)
    except SpecError as error:
        return error
    raise AssertionError(f"{spec} is a network")

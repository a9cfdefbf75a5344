"""Sweeps: all networks of some patterns, with their figures, evaluated in stretches.

The figures come from the weights that the layers declare; see `rnncli.search.forms`. A full sweep also counts and
filters the candidates, in this process or in several.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import log10
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from rnncli.errors import RnncliError, SpecError
from rnncli.language.source import MAX_BYTES
from rnncli.layers import LAYERS
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.network_summary import TOTALS, Setting
from rnncli.quantities import memory
from rnncli.results import Result
from rnncli.search import forms
from rnncli.search.budget import Budget, amount, check_trained
from rnncli.search.forms import Candidate, Forms, Outcome
from rnncli.search.grid import Stretch, tasks
from rnncli.search.selection import LARGEST, SORT_KEYS, Order, Selection
from rnncli.system.memory import RESERVE, free_bytes

if TYPE_CHECKING:
    from rnncli.search.frame import Frame
    from rnncli.search.frontier import Cloud

Spelt = TypeVar("Spelt")
FRAME = 2**17
"""The number of candidates that are evaluated as arrays at a time; these fit into a processor's cache."""

FEW = 2_000
"""The most candidates that are evaluated one by one, which takes less time than importing NumPy."""

ROOM = 256 << 20
"""The memory in bytes that is required for NumPy and the arrays of a frame."""

CHECK_INTERVAL = 20_000
"""Free memory is checked again whenever so many more candidates are held; fewer are assumed to fit."""

_SIZE = 500
"""The least memory of a candidate in bytes."""

_SORTING = 48
"""The memory in bytes for sorting one candidate, in addition to the candidate itself."""

_MAX_COUNT_SHOWN = 10**15
"""For larger numbers of candidates, only the order of magnitude is reported."""

_MIN_TASK = 10_000
"""The fewest candidates in a task; this process handles so few by itself."""

_MAX_TASK_SHOWN = 2**14
"""The most candidates in a task that passes all of them on: the results wait in memory for their turn."""

_MAX_TASK_FILTERED = 2**20
"""The most candidates in a task that passes on only a few of them."""

_MAX_JOBS = 32
"""The most processes, or twice the number of cores if that is more; others would only wait."""

_MIN_TURNS = 8
"""The fewest tasks per worker, so that all workers are busy until the end."""


@dataclass(frozen=True, repr=False, eq=False)
class Candidates(Result, Sequence[Candidate]):
    """The candidates of a sweep that are within the budget, in the requested order.

        >>> from rnncli import sweep
        >>> [candidate.total_params for candidate in sweep("input:8,{lstm,gru}:4")]
        [208, 168]

    Attributes:
        tally: counts of all candidates by outcome.
        setting: the setting of the figures.
        order: the order that they are sorted by, if they are.
        cloud: a plot of all candidates within the budget; None if they are not compared.
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
        """Return one candidate, or several as candidates of the same sweep."""
        if isinstance(place, slice):
            return replace(self, _found=self._found[place])
        return self._found[place]

    @property
    def title(self) -> str:
        """The tally in words."""
        return self.tally.in_words(self.setting.framework)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the candidates as plain data: for each the object that `--format json` prints."""
        return [candidate.as_dict(self.setting) for candidate in self._found]


def evaluated(stretch: Stretch, setting: Setting, figures: Sequence[str] = TOTALS) -> Iterator[Frame | list[Outcome]]:
    """Yield the candidates of a stretch in order: as frames if they are many, as lists if they are few.

    Args:
        stretch: the stretch.
        setting: the setting of the figures.
        figures: the figures that will be requested from a frame.
    """
    pattern = stretch.pattern
    pattern_forms = Forms(pattern, setting)
    text = pattern.text
    # No text is longer than its pattern, apart from the values of names.
    longest = len(text.encode("utf-8", "replace")) * (1 + len(re.findall(r"\{\w+[=}]", text)))
    few = stretch.stop - stretch.start <= FEW or longest > MAX_BYTES
    if few or ((free := free_bytes()) is not None and free <= ROOM):
        boxes = pattern.boxes(stretch.start, stretch.stop, forms.BATCH)
        yield from _lists(chain.from_iterable(map(pattern_forms.walk, boxes)))
        return
    from rnncli.search.frame import Frame, NoFrameError

    for box in pattern.boxes(stretch.start, stretch.stop, FRAME):
        try:
            yield Frame(pattern_forms, box, figures)
        except NoFrameError:
            yield from _lists(pattern_forms.walk(box))


def _lists(candidates: Iterator[Outcome]) -> Iterator[list[Outcome]]:
    while some := list(islice(candidates, forms.BATCH)):
        yield some


@dataclass
class Tally:
    """Counts of candidates, by outcome.

    Attributes:
        invalid: the number that are not networks.
        outside: the number over the budget.
        within: the number within the budget.
        first_invalid: the spec of the first that is not a network.
        nearest: as long as none is within the budget, the candidate that exceeds it by the least, after its largest
            ratio of a cost to its limit.
        shown: the number of those within the budget that have been printed.
    """

    invalid: int = 0
    outside: int = 0
    within: int = 0
    first_invalid: str | None = None
    nearest: tuple[float, Candidate] | None = None
    shown: int = 0

    @property
    def total(self) -> int:
        """The number of candidates."""
        return self.invalid + self.outside + self.within

    def in_words(self, framework: Framework | None, of: str = "") -> str:
        """Return the counts in words, and the framework if not Keras; `of` is the number of all if some are left."""
        parts = [f"{self.total:,}{of and ' of '}{of} candidate{'' if self.total == 1 and not of else 's'}"]
        parts += ["counted in PyTorch"] if framework == "torch" else []
        parts += [f"{self.within:,} within the budget"] if self.outside else []
        parts += [f"{self.shown:,} shown"] if self.shown != self.within or not self.outside else []
        parts += [f"{self.invalid:,} invalid"] if self.invalid else []
        return ", ".join(parts)

    def add(self, further: Tally) -> None:
        """Add the counts of further candidates, none of which has been printed."""
        self.invalid += further.invalid
        self.outside += further.outside
        self.within += further.within
        self.first_invalid = self.first_invalid or further.first_invalid
        self.nearest = min(filter(None, (self.nearest, further.nearest)), key=itemgetter(0), default=None)


@dataclass(eq=False)
class Sweep(Generic[Spelt]):
    """A sweep as requested: what to do with all candidates.

    Attributes:
        setting: the setting of the figures.
        budget: the limits of the costs.
        spell: converts a list of candidates for output; it runs in the process that evaluated them.
        order: the order to sort by; by default the first figure of the front, or the parameters if `top` is given, or
            else None, the patterns' order.
        top: the number of candidates to return; None for all.
        front: the figures of the Pareto frontier; None for no frontier.
        held: whether candidates are kept until the end even if they are not sorted.
        pictured: whether to plot where the compared candidates lie.
        less_memory: advice for when the selected candidates do not fit in memory.
        wanted: selects among the candidates within the budget; None to pass all of them on in order.
        cloud: records all candidates within the budget, for a plot; None for no plot.
        tally: counts all candidates.

    Raises:
        UsageError: the candidates are compared by training memory, and the dtype is not used for training.
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
    tally: Tally = field(default_factory=Tally, init=False)

    def __post_init__(self) -> None:
        front, dtype = self.front or (), self.setting.dtype
        if self.order is None and (front or self.top is not None):
            self.order = front[0] if front else LARGEST
        compared = [each.figure for each in (*front, self.order) if each is not None]
        check_trained(compared, dtype, "compare by another figure, or use another --dtype")
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
        *,
        jobs: int = 1,
        progress: Callable[[int], object] = lambda done: None,
    ) -> Iterator[Spelt]:
        """Evaluate and count candidates, and yield what is shown of them; nothing if only a selection is wanted.

        Args:
            whole: the candidates.
            total: their number, or 0 if it is unknown.
            jobs: the number of processes, which does not affect the result.
            progress: called every few milliseconds with the number of candidates counted since the last call.

        Raises:
            RnncliError: the selected candidates do not fit in memory, or a process has ended unexpectedly or cannot be
                started.
        """
        if self.wanted is not None and not self.budget and not self.front:
            most = total if self.top is None else min(total, 2 * self.top + forms.BATCH)  # in memory at once
            self._check_room(most, _SIZE, f"{about(most)} candidates do not fit in memory, at {_SIZE} B or more each")
        done = checked = 0
        for spelt in self._on(jobs, whole, total):
            yield from spelt
            if self.wanted is not None and self.wanted.held - checked >= CHECK_INTERVAL:
                checked = self.wanted.held
                self._check_room(checked, _SORTING, f"{checked:,} candidates to sort fill the memory")
            progress(self.tally.total - done)
            done = self.tally.total

    def _check_room(self, held: int, each: int, too_many: str) -> None:
        """Check that there is memory for so many candidates, with `each` bytes for one.

        If the system overcommits memory, it would kill the process instead.
        """
        free = free_bytes()
        if held >= CHECK_INTERVAL and free is not None and free < RESERVE + held * each:
            raise RnncliError(f"{too_many}: {memory(free)} is free", self.less_memory)

    def _on(self, jobs: int, whole: Iterable[Stretch], total: int) -> Iterator[list[Spelt]]:
        """Run in one process or several, and yield a list, possibly empty, every few milliseconds."""
        alone = jobs == 1 or 0 < total <= _MIN_TASK
        if not alone:
            from rnncli.system.processes import can_fork, forked

            alone = not can_fork()
        if alone:
            lists = self._passed(whole, self.wanted)
            # The columns of a few candidates are the same however the shell has split a pattern.
            for passed in [[*chain.from_iterable(lists)]] if 0 < total <= min(forms.BATCH, _MIN_TASK) else lists:
                yield [] if self.wanted is not None else [self.spell(passed)]
            return
        most = _MAX_TASK_SHOWN if self._asked is None else _MAX_TASK_FILTERED
        jobs = min(jobs, max(_MAX_JOBS, 2 * (os.cpu_count() or 1)))
        size = min(most, max(_MIN_TASK, total // (_MIN_TURNS * jobs))) if total else most
        with forked(min(jobs, -(-total // size) or jobs), lambda: self._work) as results:
            for tally, passed, spelt, cells in results(tasks(whole, size)):
                if self.wanted is not None:
                    self.wanted.add(passed)
                if self.cloud is not None:
                    self.cloud.take(cells)
                self.tally.add(tally)
                yield spelt

    def _work(self, task: list[Stretch]) -> tuple[Tally, list[Candidate], list[Spelt], Any]:
        """Run a task in a worker process, which has its own copy of this sweep.

        If the selection keeps only a few candidates, it has to be given those of earlier tasks too.
        """
        self.tally = Tally()
        lists = self._passed(task, None if self._asked is None else self.wanted)
        spelt = [self.spell(passed) for passed in lists] if self.wanted is None else []
        passed = [each for passed in lists for each in passed]
        return self.tally, passed, spelt, None if self.cloud is None else self.cloud.cells()

    @property
    def _asked(self) -> tuple[str, ...] | None:
        """The figures of a frame that the selection needs; None if it takes all candidates as they are."""
        return None if self.wanted is None else self.wanted.asked

    def _passed(self, some: Iterable[Stretch], wanted: Selection | None) -> Iterator[list[Candidate]]:
        """Count candidates, yield lists of those that pass, and add these to the selection.

        Raises:
            UsageError: a limited or compared figure is unknown.
        """
        figures = TOTALS
        if self._asked is not None:
            figures = tuple({*self.budget.keys, *self._asked, *(self.cloud.asked if self.cloud else ())})
        for found in (found for stretch in some for found in evaluated(stretch, self.setting, figures)):
            for passed in [self._of_list(found)] if isinstance(found, list) else self._of_frame(found, wanted):
                if wanted is not None:
                    wanted.add(passed)
                yield passed

    def _of_list(self, some: list[Outcome]) -> list[Candidate]:
        limits = [(figure.key, limit) for figure, limit in self.budget.limits.items()]
        invalid = [each for each in some if isinstance(each, str)]
        networks = [each for each in some if isinstance(each, Candidate)]
        # All limits are checked for each candidate: an unknown figure is an error even if another limit is exceeded.
        passed = [each for each in networks if not [key for key, limit in limits if amount(each, key) > limit]]
        nearest = None if self.tally.within or passed else self._nearest(networks)
        first, over = next(iter(invalid), None), len(networks) - len(passed)
        self.tally.add(Tally(len(invalid), over, len(passed), first, nearest))
        if self.cloud is not None and passed:
            self.cloud.add(*[[amount(each, name) for each in passed] for name in self.cloud.asked])
        return passed

    def _nearest(self, networks: Iterable[Candidate]) -> tuple[float, Candidate] | None:
        limits = [(figure.key, limit or 1) for figure, limit in self.budget.limits.items()]
        needs = ((max(amount(each, key) / limit for key, limit in limits), each) for each in networks)
        return min(needs, key=itemgetter(0), default=None)

    def _of_frame(self, frame: Frame, wanted: Selection | None) -> Iterator[list[Candidate]]:
        import numpy as np

        networks = fits = frame.is_network()
        needs = [(frame.column(figure.key, networks), limit) for figure, limit in self.budget.limits.items()]
        for numbers, limit in needs:
            fits = fits & (numbers <= limit)
        places = np.flatnonzero(fits)
        number, nothing = int(np.count_nonzero(networks)), frame.is_nothing()
        invalid = len(frame) - number - int(np.count_nonzero(nothing))
        tally = Tally(invalid, number - len(places), len(places))
        if invalid and self.tally.first_invalid is None:
            tally.first_invalid = str(frame.at(int((~networks & ~nothing).argmax())))
        if number and not (self.tally.within or len(places)):
            need = np.max([numbers / (limit or 1) for numbers, limit in needs], axis=0)
            tally.nearest = self._nearest([frame.network(int(np.where(networks, need, np.inf).argmin()))])
        self.tally.add(tally)
        if self.cloud is not None:
            self.cloud.add(*[frame.column(name, fits)[places] for name in self.cloud.asked])
        if wanted is not None and len(places):
            places = wanted.pick(places, lambda name: frame.column(name, fits))
        yield from frame.networks(places, forms.BATCH)


def framework_of(patterns: Sequence[str]) -> Framework:
    """Return the default framework for counting weights: PyTorch if a pattern has a field that Keras lacks."""
    options = (option for layer in LAYERS for option in layer.options if option.in_keras == "")
    words = {word for option in options for word in (option.lead, f"{option.attribute}=")}
    return "torch" if any(word in pattern for word in words for pattern in patterns) else "keras"


def about(total: int) -> str:
    """Return a total in words: empty if it is unknown, only the order of magnitude if it is huge."""
    if not total:
        return ""
    return f"{total:,}" if total <= _MAX_COUNT_SHOWN else f"about 10^{int(log10(total))}"


def reason_of(spec: str, setting: Setting) -> SpecError:
    """Return the error for a spec that is not a network."""
    try:
        Network.parse(spec).summary(*setting)
    except SpecError as error:
        return error
    raise AssertionError(f"{spec} is a network")

"""Sweeps: every network that some patterns stand for, with its counts, in stretches that are evaluated in one go.

All counts are those of the weights that the layers declare; see `rnncli.search.forms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from rnncli.errors import SpecError
from rnncli.language.source import MAX_BYTES
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import Network, check_known, check_sizes
from rnncli.search.braces import Pattern, parse_pattern
from rnncli.search.forms import FIGURES, Candidate, Forms, Found, Invalid
from rnncli.search.grid import Grid, rectangular
from rnncli.summary import DTYPE_BYTES, Setting
from rnncli.system.memory import free_bytes

if TYPE_CHECKING:
    from rnncli.search.block import Block

BATCH = 2_000
"""How many candidates are made one by one at a time: the work of some milliseconds."""

BLOCK = 2**17
"""How many candidates are evaluated as arrays at a time; these fit into a processor's cache."""

FEW = 2_000
"""So many candidates are evaluated one by one: it takes less time than to import NumPy."""

ROOM = 256 << 20
"""Bytes that there must be for NumPy and the arrays of a block."""


def sweep(
    *patterns: Pattern | str,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework = "keras",
    dtype: str = "float32",
) -> Iterator[Candidate | Invalid]:
    """Yield a candidate, valid or not, for each text that the patterns stand for, in their order.

    Args:
        patterns: specs with brace lists and ranges: `input:8,lstm:{16,32}`.
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights to count.
        dtype: of the weights, for their size in bytes.

    Raises:
        SpecError: a pattern is wrong.
        ArgumentError: an argument is not allowed.
    """
    check_known("framework", framework, FRAMEWORKS)
    check_known("dtype", dtype, tuple(DTYPE_BYTES))
    check_sizes(batch=batch, timesteps=timesteps)
    parsed = [parse_pattern(pattern) if isinstance(pattern, str) else pattern for pattern in patterns]
    setting = Setting(batch, timesteps, framework, dtype)
    found = chain.from_iterable(evaluated(stretch, setting) for stretch in stretches(parsed))
    lists = ([some] if isinstance(some, list) else some.candidates(BATCH) for some in found)
    return chain.from_iterable(chain.from_iterable(lists))


def reason(spec: str, setting: Setting) -> SpecError:
    """Return the error of a spec that is not a network."""
    try:
        Network.parse(spec).summary(*setting)
    except SpecError as error:
        return error
    raise AssertionError(f"{spec} is a network")


class Stretch(NamedTuple):
    """Some candidates of a pattern, one behind the other.

    Attributes:
        pattern: the pattern, a grid.
        start: the point where it starts.
        stop: the point before which it stops.
    """

    pattern: Pattern
    start: int
    stop: int


class Part(NamedTuple):
    """One of several parts of all candidates, which are cut where they stand: part 2 of 3 is the middle third.

    Attributes:
        number: which part it is, from 1.
        of: how many parts there are.
    """

    number: int
    of: int

    def span(self, total: int) -> tuple[int, int]:
        """Return where it starts among so many candidates, and before which it stops."""
        return total * (self.number - 1) // self.of, total * self.number // self.of


def points(pattern: Pattern) -> int:
    """Return how many points the grids of a pattern have: its texts, empty ones too."""
    return pattern.count() + pattern.empty_count()


def stretches(patterns: Iterable[Pattern], start: int = 0, stop: int | None = None) -> Iterator[Stretch]:
    """Yield the stretches of some patterns.

    Args:
        patterns: the patterns.
        start: how many points of theirs are left out.
        stop: the point before which to stop, counted likewise; None for the end.
    """
    for part in chain.from_iterable(map(rectangular, patterns)):
        size = points(part)
        first, last = max(0, start), size if stop is None else min(size, stop)
        if first < last:
            yield Stretch(part, first, last)
        start -= size
        stop = None if stop is None else stop - size


def tasks(whole: Iterable[Stretch], most: int) -> Iterator[list[Stretch]]:
    """Yield stretches cut and put together so that there are so many candidates in each list, in their order."""
    task: list[Stretch] = []
    room = most
    for pattern, start, stop in whole:
        while start < stop:
            end = min(stop, start + room)
            task.append(Stretch(pattern, start, end))
            room -= end - start
            start = end
            if not room:
                yield task
                task, room = [], most
    if task:
        yield task


def evaluated(stretch: Stretch, setting: Setting, figures: Sequence[str] = FIGURES) -> Iterator[Block | list[Found]]:
    """Yield the candidates of a stretch in their order: blocks of many, lists of few.

    Args:
        stretch: the stretch.
        setting: what the counts are for.
        figures: those that will be asked of a block.
    """
    grid = Grid(stretch.pattern)
    forms = Forms(grid, setting)
    if stretch.stop - stretch.start <= FEW or stretch.pattern.longest > MAX_BYTES or not _has_room():
        boxes = grid.boxes(stretch.start, stretch.stop, BATCH)
        yield from _lists(chain.from_iterable(map(forms.walk, boxes)))
        return
    from rnncli.search.block import Block, NoBlockError

    for box in grid.boxes(stretch.start, stretch.stop, BLOCK):
        try:
            yield Block(forms, box, figures)
        except NoBlockError:
            yield from _lists(forms.walk(box))


def _has_room() -> bool:
    free = free_bytes()
    return free is None or free > ROOM


def _lists(candidates: Iterator[Found]) -> Iterator[list[Found]]:
    while some := list(islice(candidates, BATCH)):
        yield some

"""Sweeps: every network that a pattern stands for, with its counts.

All counts are those of the weights that the layers declare; see `rnncli.search.forms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from rnncli.errors import SpecError
from rnncli.language.source import MAX_BYTES
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import Network, check_known, check_sizes
from rnncli.search.block import Block
from rnncli.search.brace_parser import parse_pattern
from rnncli.search.braces import Pattern
from rnncli.search.candidate import FIGURES, Candidate, Found, Invalid
from rnncli.search.evaluator import Evaluator
from rnncli.search.grid import Grid, rectangular
from rnncli.search.levels import TooLargeError
from rnncli.summary import DTYPE_BYTES, Setting
from rnncli.system.memory import free_bytes

BATCH = 2_000
"""How many candidates are made one by one at a time: the work of some milliseconds."""

BLOCK = 2**17
"""How many candidates are evaluated as arrays at a time; these fit into a processor's cache."""

FEW = 10_000
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
    return chain.from_iterable(batches([parsed], Setting(batch, timesteps, framework, dtype)))


def batches(groups: Iterable[Iterable[Pattern]], setting: Setting) -> Iterator[list[Found]]:
    """Yield the candidates of groups of patterns in lists of at most `BATCH`.

    A list is yielded before the next group is asked for.
    """
    for patterns in groups:
        lists = (
            some
            for pattern in patterns
            for grid in map(Grid, rectangular(pattern))
            for part in evaluated(grid, setting)
            for some in (part.candidates(BATCH) if isinstance(part, Block) else [part])
        )
        yield from _lists(chain.from_iterable(lists))


def evaluated(
    grid: Grid, setting: Setting, start: int = 0, stop: int | None = None, figures: Sequence[str] = FIGURES
) -> Iterator[Block | list[Found]]:
    """Yield the candidates of a grid in their order: blocks of many, lists of few.

    Args:
        grid: the grid.
        setting: what the counts are for.
        start: the point where to start.
        stop: the point before which to stop; None for the end.
        figures: those that will be asked of a block.
    """
    stop = grid.size if stop is None else stop
    evaluator = Evaluator(grid, setting)
    if stop - start <= FEW or grid.longest() > MAX_BYTES or not _has_room():
        yield from _lists(chain.from_iterable(map(evaluator.walk, grid.boxes(start, stop, BATCH))))
        return
    for box in grid.boxes(start, stop, BLOCK):
        try:
            yield evaluator.at(box, figures)
        except TooLargeError:
            yield from _lists(evaluator.walk(box))


def _has_room() -> bool:
    free = free_bytes()
    return free is None or free > ROOM


def _lists(candidates: Iterator[Found]) -> Iterator[list[Found]]:
    while some := list(islice(candidates, BATCH)):
        yield some


def reason(spec: str, setting: Setting) -> SpecError:
    """Return the error of a spec that is not a network."""
    try:
        Network.parse(spec).summary(*setting)
    except SpecError as error:
        return error
    raise AssertionError(f"{spec} is a network")

"""Searches: trying many candidates, and filling in blanks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar, cast

from rnncli.errors import ArgumentError, shorten
from rnncli.formats.networks import as_called, read_as
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.library.runs import silent
from rnncli.network import check_flags, check_known, check_sizes, check_text, check_whole, plain
from rnncli.network_summary import DTYPE_BYTES, Setting
from rnncli.quantities import MAX_SIZE, Rate, parse_count, parse_memory, without_thousands
from rnncli.render.progress import Progress
from rnncli.search.braces import read_pattern
from rnncli.search.budget import BY_NAME, Budget, check_trained
from rnncli.search.grid import Portion, share_of
from rnncli.search.selection import Order, parse_figures
from rnncli.search.solution import Solution
from rnncli.search.solution import solve as solved
from rnncli.search.sweep import Candidates, Sweep, framework_of, reason_of

if TYPE_CHECKING:
    from rnncli.formats.nodes import Note

Value = TypeVar("Value")

Limit = int | str | None
"""The upper limit of a figure: a number, or a text as on the command line, `1M` or `4MB`; None for no limit."""

_LESS_MEMORY = "top=N keeps only the first N"


def sweep(
    *patterns: str,
    params: Limit = None,
    memory: Limit = None,
    macs: Limit = None,
    outputs: Limit = None,
    streaming: Limit = None,
    training: Limit = None,
    sort: str | None = None,
    top: int | None = None,
    pareto: str | Sequence[str] | None = None,
    part: str | None = None,
    jobs: int = 1,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework | None = None,
    dtype: str = "float32",
) -> Candidates:
    """Return the output shapes, parameters and costs of all networks that match some patterns.

        >>> from rnncli import sweep
        >>> found = sweep("input:8,{gru,lstm}:{8..64..8}", params="10k", top=2)
        >>> [(candidate.spec, candidate.total_params) for candidate in found]
        [('input:8,gru:48', 8352), ('input:8,lstm:40', 7840)]

    Args:
        patterns: specs with brace lists and ranges: `input:8,lstm:{16,32}`.
        params: the most parameters.
        memory: the most bytes for the parameters.
        macs: the most multiply-adds for the whole input.
        outputs: the most bytes for the outputs of all layers.
        streaming: the most bytes for running a step at a time, besides the parameters.
        training: the most bytes for training with Adam.
        sort: the figure to sort by: `params`; with a leading -, in descending order.
        top: the number of candidates to return; without `sort`, those with the most parameters.
        pareto: return only the Pareto-optimal candidates for these figures: `params,-output`.
        part: one of several parts of all candidates: `3/16`.
        jobs: the number of cores to use.
        batch: samples per batch, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights to count; None for Keras's, or PyTorch's if a pattern has an option that Keras lacks.
        dtype: of weights and outputs.

    Raises:
        SpecError: a pattern is wrong, or none of the candidates is a valid network.
        ArgumentError: an argument is not allowed.
        UsageError: a figure that is limited or compared is unknown.
        RnncliError: the candidates do not all fit in memory.
    """
    if not patterns:
        raise ArgumentError("no pattern is given", "give one: sweep('input:8,lstm:{16,32}')")
    for pattern in patterns:
        check_text("a pattern", pattern, "input:8,lstm:{16,32}")
    batch, timesteps, top, jobs, dtype = map(plain, (batch, timesteps, top, jobs, dtype))
    _check_setting(framework, dtype, batch=batch, timesteps=timesteps, top=top, jobs=jobs)
    budget = _budget(params=params, memory=memory, macs=macs, outputs=outputs, streaming=streaming, training=training)
    figures = ",".join(map(str, pareto)) if isinstance(pareto, list | tuple) else pareto
    front = _parsed("pareto", figures, parse_figures)
    setting = Setting(batch, timesteps, framework_of(patterns) if framework is None else framework, dtype)
    check_trained(budget.keys, dtype)
    order = _parsed("sort", sort, Order.parse)
    work = Sweep(setting, budget, len, order, top, front, held=True, pictured=True, less_memory=_LESS_MEMORY)
    whole, total = share_of(map(read_pattern, patterns), _parsed("part", part, Portion.parse))
    with Progress("sweep", total, silent, clock=perf_counter) as progress:
        deque(work.run(whole, total, jobs=jobs, progress=progress), maxlen=0)
    assert work.wanted is not None  # by default it keeps all candidates
    best, tally = work.wanted.best(), work.tally
    tally.shown = len(best)
    if tally.first_invalid is not None and tally.invalid == tally.total:
        raise as_called(reason_of(tally.first_invalid, setting))
    return Candidates(best, tally, setting, work.order, work.cloud)


def solve(
    template: str,
    *,
    params: Limit = None,
    memory: Limit = None,
    macs: Limit = None,
    outputs: Limit = None,
    streaming: Limit = None,
    training: Limit = None,
    exactly: bool = False,
    multiple_of: int = 1,
    batch: int | None = None,
    timesteps: int | None = None,
    rate: Rate | float | str | None = None,
    dtype: str = "float32",
    framework: Framework | None = None,
) -> Solution:
    """Return the largest whole numbers for the blanks of a template that keep the network within a budget.

        >>> from rnncli import solve
        >>> solve("input:8,lstm:_", params=10_000).spec
        'input:8,lstm:45'

    Args:
        template: a spec with `_` or `_a` in place of some numbers, or a call that lacks one number: `LSTM(25)`.
        params: the most parameters.
        memory: the most bytes for the parameters.
        macs: the most multiply-adds for the whole input.
        outputs: the most bytes for the outputs of all layers.
        streaming: the most bytes for running a step at a time, besides the parameters.
        training: the most bytes for training with Adam.
        exactly: whether the limits must be met exactly.
        multiple_of: a number that each blank must be a multiple of.
        batch: samples per batch; None counts as one.
        timesteps: length of the sequence, or None for unknown.
        rate: timesteps per second, for multiply-adds per second.
        dtype: of weights and outputs.
        framework: whose weights to count; None for the template's framework, or Keras's.

    Raises:
        ArgumentError: there is no limit, or an argument is not allowed.
        SpecError: the template has no blank, or is not a valid network with any number.
        UsageError: a limited figure is unknown, because it depends on the timesteps, for example.
        RnncliError: nothing fits, or nothing fits exactly; the message gives the distance.
    """
    check_text("a template", template, "input:8,lstm:_")
    budget = _budget(params=params, memory=memory, macs=macs, outputs=outputs, streaming=streaming, training=training)
    check_flags(exactly=exactly)
    batch, timesteps, multiple_of, dtype = map(plain, (batch, timesteps, multiple_of, dtype))
    _check_setting(framework, dtype, batch=batch, timesteps=timesteps)
    check_whole("multiple_of", multiple_of, MAX_SIZE)
    spec, whose, notes = template_of(template)
    setting = Setting(batch, timesteps, whose if framework is None else framework, dtype)
    watch = partial(Progress, "solve", tell=silent)
    solution = solved(spec, budget, setting, exactly=exactly, multiple_of=multiple_of, rate=rate, watch=watch)
    return solution if whose is None else replace(solution, notes=(read_as(spec, notes),))


def template_of(text: str) -> tuple[str, Framework | None, Sequence[Note]]:
    """Return a text as a template and, for calls of Keras or PyTorch, their framework and notes on their reading."""
    if "(" in text:
        from rnncli.formats.call_templates import template_of_calls

        reading = template_of_calls(text)
        if reading is not None:
            return reading.text, reading.framework, reading.notes
    return text, None, ()


def _budget(**limits: Limit) -> Budget:
    """Return a budget, given limits as on the command line, or raise an ArgumentError."""

    def parsed(name: str, limit: Limit) -> int | None:
        if not isinstance(limit, str):
            return cast(int | None, plain(limit))
        read = parse_memory if BY_NAME[name].in_bytes else parse_count
        return _parsed(name, without_thousands(limit.strip()), read)

    return Budget(**{name: parsed(name, limit) for name, limit in limits.items()})


def _check_setting(framework: str | None, dtype: str, **sizes: int | None) -> None:
    check_known("framework", framework, FRAMEWORKS, optional=True)
    check_known("dtype", dtype, tuple(DTYPE_BYTES))
    check_sizes(**sizes)


def _parsed(name: str, text: object, parse: Callable[[str], Value]) -> Value | None:
    """Return the value of a text, as parsed for the option of that name, or raise an ArgumentError."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise ArgumentError(f"{name} is {shorten(repr(text))}, expected a text, as on the command line")
    try:
        return parse(text)
    except ValueError as error:
        raise ArgumentError(f"{name} is {shorten(repr(text))}: {error}") from None

"""`rnncli sweep`: a row for each of many candidates."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from math import log10
from time import perf_counter, thread_time
from typing import cast

import click

from rnncli.commands.completing import complete_pattern, complete_words
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import (
    budget_options,
    check_svg,
    dtype_option,
    format_option,
    framework_option,
    number_option,
    svg_option,
)
from rnncli.commands.output import printed
from rnncli.commands.report import clear_echo, report, tell
from rnncli.commands.specs import Spec, explained, specs
from rnncli.commands.values import Value
from rnncli.errors import EXIT_INTERRUPTED, RnncliError, SpecError, one_line, quote, shorten
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.render.candidates import CandidateTable
from rnncli.render.picture import MOST_LINES, Picture
from rnncli.render.progress import COUNTABLE, Progress
from rnncli.render.records import NETWORK, Record, row_each
from rnncli.render.terminal import on_terminal, terminal_width
from rnncli.render.writers import writer
from rnncli.search.brace_hints import read_pattern
from rnncli.search.braces import Pattern
from rnncli.search.budget import FIGURES, Budget
from rnncli.search.candidate import Candidate
from rnncli.search.selection import LARGEST, SORT_KEYS, Order, Selection, Tally, within
from rnncli.search.sweep import BATCH, batches, reason
from rnncli.summary import TOTALS, Setting
from rnncli.system.memory import RESERVE, free_bytes
from rnncli.system.signals import interruptible

CANDIDATES = row_each("Candidates", *NETWORK, "output_shape", *TOTALS)
"""How candidates become rows."""


_SORTING = 48
"""Bytes that it takes to sort one candidate, beside the candidate itself."""


def _order(text: str) -> Order:
    """Return the order that a key stands for.

    Raises:
        ValueError: there is no such key.
    """
    key = text.removeprefix("-")
    if key not in SORT_KEYS:
        raise ValueError(f"{quote(text)} is none of {', '.join(SORT_KEYS)}")
    return Order(key, descending=text.startswith("-"))


def _nearest_order(text: str) -> str | None:
    from rnncli.language.hints import closest

    key = closest(text.strip("-").lower(), SORT_KEYS)
    return None if key is None else "-" * text.startswith("-") + key


_LESS_MEMORY = "--top N keeps little more than the first N in memory"


@click.command(cls=GroupedCommand, short_help="One row for each of many candidates.", less_memory=_LESS_MEMORY)
@click.argument("pattern", nargs=-1, shell_complete=complete_pattern)
@budget_options([figure for figure in FIGURES if figure.key in Candidate._fields])
@click.option(
    "--sort",
    "order",
    type=Value("key", _order, _nearest_order, "params"),
    metavar="KEY",
    shell_complete=complete_words([sign + key for sign in ("", "-") for key in SORT_KEYS]),
    help=f"{', '.join(SORT_KEYS)}; a - before it sorts from the largest down.",
)
@number_option("--top", "Show the first N alone; without --sort, those with the most parameters.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@dtype_option
@framework_option
@format_option
@svg_option
def command(
    pattern: tuple[str, ...],
    budget: Budget,
    order: Order | None,
    top: int | None,
    timesteps: int | None,
    batch: int | None,
    dtype: str,
    framework: str,
    format_: str,
    svg: Picture | None,
) -> None:
    """Examples:

    \b
      rnncli sweep embed:10000x{16,32,64},{rnn,gru,lstm}:{32..128..32}
      rnncli sweep input:32x8,lstm:{8..512..8} --max-memory 4MB --top 3
      rnncli sweep 'embed:10000x{u=16,32,64},lstm:{u}' --sort=-params -f csv

    Show what each network that PATTERN stands for returns, owns and costs. Braces mean what they mean
    in bash: {16,32} is either, {16..64..16} every sixteenth number from 16 to 64, in any number and nested;
    so quotes around PATTERN change nothing. A named brace, {u=16,32}, needs quotes: {u} has its value in
    other places.

    Rows are shown as they are made, or all at once if they are sorted; --svg saves the first thousand. Memory
    holds few more than the N of --top N, and Ctrl-C shows the best so far. Candidates that are no networks
    are counted, at the end, on standard error. The exit status is 1 if nothing keeps within the budget, 2 if
    nothing is a network.

    PATTERN may be - for patterns on standard input, one a line.
    """
    check_svg(svg, shown=format_ == "table")
    setting = Setting(batch, timesteps, cast(Framework, framework), dtype)
    budget.check(dtype)
    if top is not None:
        order = order or LARGEST
    tally = Tally()
    table = _table(order) if format_ == "table" else writer(format_, CANDIDATES)
    faults: list[RnncliError] = []
    progress = Progress("sweep", 0, tell)
    patterns = _patterns(specs(pattern, _read_pieces), faults, lambda: progress.away())
    groups: Iterable[Iterable[Pattern]]
    typed = "-" in pattern and sys.stdin is not None and sys.stdin.isatty()
    if "-" in pattern:
        total = 0  # unknown
        groups = ([each] for each in patterns)
    else:
        groups = [list(patterns)]
        total = sum(each.count() for each in groups[0])

    def kept() -> Iterator[list[Candidate]]:
        for batch in batches(groups, setting):
            yield within(batch, budget, tally)
            if order is not None:
                _check_memory(min(tally.within, top or tally.within))
            progress(len(batch))

    def show(rows: list[Candidate]) -> None:
        show_records([_record(each, setting) for each in rows])
        tally.shown += len(rows)

    selection = None if order is None else Selection(order, top)
    progress = Progress(
        "sweep",
        total,
        tell,
        advice="Ctrl-C ends it" if top is None else "Ctrl-C shows the best so far",
        shown=not typed and not (selection is None and on_terminal()),
        clock=thread_time if selection is None else perf_counter,  # whoever reads the rows may take their time
    )
    interrupted = False
    try:
        with _photographed(svg) as photograph, printed(table, photograph) as show_records:
            try:
                with interruptible(), progress:
                    for rows in kept():
                        show(rows) if selection is None else selection.add(rows)
            except KeyboardInterrupt:
                interrupted = True
                clear_echo()
            best = [] if selection is None or (interrupted and top is None) else selection.best()
            for start in range(0, len(best), BATCH):
                show(best[start : start + BATCH])
    except BrokenPipeError:
        # Ctrl-C also ends whoever reads the rows.
        if not interrupted:
            raise
    if svg is not None and tally.shown > MOST_LINES:
        tell(f"Note: {svg.path} shows the first {MOST_LINES:,} lines alone")
    if interrupted:
        tell(f"Interrupted: {tally.words(of=_about(total))}")
        click.get_current_context().exit(EXIT_INTERRUPTED)
    _conclude(tally, setting, budget)
    if faults:
        click.get_current_context().exit(max(fault.exit_status for fault in faults))


def _table(order: Order | None) -> CandidateTable:
    return CandidateTable(terminal_width(), None if order is None else SORT_KEYS[order.key])


def _record(candidate: Candidate, setting: Setting) -> Record:
    """Return what is printed of a candidate."""
    figures = {key: getattr(candidate, key) for key in ("output_shape", *TOTALS)}
    return {"spec": one_line(candidate.spec), **figures, "framework": setting.framework, "dtype": setting.dtype}


def _check_memory(held: int) -> None:
    """Check that there is memory for more candidates, beside those that are held until all are sorted.

    Raises:
        RnncliError: there is not. Where memory is lent that there is not, the system would kill the process.
    """
    free = free_bytes()
    if free is not None and free < RESERVE + held * _SORTING:
        raise RnncliError(f"{held:,} candidates to sort are in memory, and no more fit", _LESS_MEMORY)


def _patterns(
    given: Iterable[Spec], faults: list[RnncliError], away: Callable[[], AbstractContextManager[None]]
) -> Iterator[Pattern]:
    """Yield the patterns; report one that is bad, add its fault to the others, and go on with the next.

    Args:
        given: their texts.
        faults: where the faults are added.
        away: gives a block that may write to the terminal.
    """
    for spec in given:
        try:
            text = spec.checked()
            if not text.strip():
                Network.parse(text)  # which says that it is empty
            pattern = read_pattern(text)
        except RnncliError as error:
            with away():
                report(explained(error, spec.text), spec.origin)
            faults.append(error)
        else:
            yield pattern


def _read_pieces(text: str) -> None:
    """Read a pattern that spaces have cut in pieces, if the shell has not expanded its braces.

    Raises:
        SpecError: the first that it stands for is no network, or it has no braces; there is no repair.
    """
    try:
        Network.parse(next(read_pattern(text if "{" in text else "").expand(), ""))
    except SpecError as error:
        raise SpecError(error.message, text=text, span=(0, len(text))) from None


def _about(total: int) -> str:
    """Return a total in words: nothing for one that is not known, and only its size for one that has no end."""
    if not total:
        return ""
    return f"{total:,}" if total <= COUNTABLE else f"about 10^{int(log10(total))}"


def _photographed(svg: Picture | None) -> AbstractContextManager[Callable[[str], object]]:
    if svg is None:
        return nullcontext(str)
    from rnncli.render.svg import recorded_lines

    return recorded_lines(svg, "rnncli sweep")


def _conclude(tally: Tally, setting: Setting, budget: Budget) -> None:
    """Say on standard error how many candidates there were.

    Raises:
        RnncliError: there was no network, or none within the budget.
    """
    if not tally.total:
        return
    note = tally.words()
    invalid = tally.invalid == tally.total
    if tally.first_invalid is not None:
        error = reason(tally.first_invalid, setting)
        note += "" if invalid else f", the first {shorten(tally.first_invalid, 72)}: {error.message}"
    tell(note)
    if invalid:
        raise explained(error, error.text)
    if tally.nearest is not None and not tally.within:
        nearest = Network.parse(tally.nearest.spec).summary(*setting)
        excess = " and ".join(cost.excess() for cost in budget.costs(nearest) if not cost.fits)
        raise RnncliError("no candidate keeps within the budget", f"the nearest is {nearest.spec}, {excess}")

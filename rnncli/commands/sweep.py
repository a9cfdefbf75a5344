"""`rnncli sweep`: a table of candidate networks, one per row."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, cast

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import clear_echo, printed, report, tell
from rnncli.commands.specs import Spec, explained, specs
from rnncli.commands.values import Value, cores
from rnncli.errors import EXIT_INTERRUPTED, RnncliError, UsageError, closest, shorten
from rnncli.formats import is_path
from rnncli.formats.networks import as_called
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.network_summary import UNTRAINED, Setting
from rnncli.render.candidates import CandidateTable, RowTexts
from rnncli.render.progress import Progress
from rnncli.render.results import CANDIDATES, LISTED, WRITERS, Writer
from rnncli.render.terminal import MOST_LINES, Picture, on_terminal, terminal_width
from rnncli.search.braces import read_pattern
from rnncli.search.budget import FIGURES, Budget, check_trained
from rnncli.search.forms import BATCH, Candidate
from rnncli.search.grid import Pattern, Portion, share_of
from rnncli.search.selection import COMPARED, SORT_KEYS, Order, parse_figures
from rnncli.search.sweep import Sweep, Tally, about, framework_of, reason_of
from rnncli.system.signals import interruptible

if TYPE_CHECKING:
    from rnncli.search.frontier import Cloud

_NOTE = 150
"""Room for the note below the rows, in characters; the shell's prompt follows it."""

_LESS_MEMORY = "--top N keeps little more than the first N in memory"

_ALSO = {**dict.fromkeys(("size", "sizes", "bytes", "flash"), "memory"), "ram": "streaming", "flops": "macs-per-step"}
"""Other names of figures."""


def _complete_figures(_context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    figures = SORT_KEYS if parameter.name == "order" else COMPARED
    return [word for sign in ("", "-") for key in figures if (word := sign + key).startswith(typed)]


def _nearest_order(text: str) -> str | None:
    text = _signed(text)
    named = text.strip("-")
    key = {**{name: key for key, name in SORT_KEYS.items()}, **_ALSO}.get(named) or closest(named, SORT_KEYS)
    return None if key is None else "-" * text.startswith("-") + key


def _signed(text: str) -> str:
    """Return names of figures with a leading - for those of which more is better: params,max:output."""
    more = r"\b(?:max|most)[a-z]*[-:_= ](?=[a-z])|([a-z_-]+)(?:[-:_=]max|[-:_, ]desc)[a-z]*\b"
    less = r"\b(?:min|least)[a-z]*[-:_= ](?=[a-z])|(?:[-:_=]min|[-:_, ]asc)[a-z]*\b"
    return re.sub(less, "", re.sub(more, r"-\1", text.lower()))


def _nearest_frontier(text: str) -> str | None:
    nearest = [_nearest_order(each) for each in re.split(r"[\s,;:|+/&]+", _signed(text)) if each]
    known = [each for each in nearest if each is not None and each.removeprefix("-") in COMPARED]
    return ",".join({each.removeprefix("-"): each for each in known}.values()) or None


def _nearest_part(text: str) -> str | None:
    written = re.fullmatch(r"([0-9]{1,9})(?:/| of |:|-|,|\\)([0-9]{1,9})", text.strip())
    if written is None:
        return None
    number, of = map(int, written.groups())
    return f"{min(max(number, 1), max(of, 1))}/{max(of, 1)}"


_ORDER = Value("key", "KEY", Order.parse, _nearest_order, "params")
"""The sort key of candidates."""

_FRONTIER = Value("list of figures", "FIGURES", parse_figures, _nearest_frontier, "params,-output")
"""The figures that define the Pareto frontier."""

_PART = Value("part", "K/N", Portion.parse, _nearest_part, "1/2")
"""One of several equal parts of the candidates."""


def _check_limits(given: Mapping[str, Any]) -> None:
    """Check that the first candidate's figures to limit, sort or compare by are known; raise a UsageError if not."""
    check_trained([figure.key for figure in FIGURES if given.get(figure.name) is not None], given["dtype"])
    orders = {SORT_KEYS[order.key] for order in (*(given["front"] or ()), *filter(None, [given["order"]]))}
    known = [figure for figure in FIGURES if figure.key != "training_bytes" or given["dtype"] not in UNTRAINED]
    given = {**given, **{figure.name: 0 for figure in known if figure.key in orders}}
    options.check_known(given, given["pattern"][:1], lambda text: Network.parse(next(read_pattern(text).expand())))


@click.command(cls=GroupedCommand, check=_check_limits, less_memory=_LESS_MEMORY)
@click.argument("pattern", nargs=-1, shell_complete=options.complete_spec)
@options.budget
@options.option(
    "--sort",
    _ORDER,
    f"Sort by {', '.join(SORT_KEYS)}; a leading - sorts in descending order.",
    "order",
    shell_complete=_complete_figures,
)
@options.number("--top", "Show only the first N; without --sort, the N with the most parameters.")
@options.option(
    "--pareto",
    _FRONTIER,
    f"Show only the Pareto-optimal candidates, by figures from {', '.join(COMPARED)}; a leading - prefers more.",
    "front",
    shell_complete=_complete_figures,
)
@options.option(
    "--part",
    _PART,
    "Process only the Kth of N equal parts of the candidates: 3/16. The parts are the same on every machine.",
)
@options.option("--jobs", cores, "Number of cores to use; the rows and their order stay the same.", default=1)
@options.timesteps
@options.batch
@options.dtype
@options.framework
@options.format_
@options.svg
def command(
    pattern: tuple[str, ...],
    budget: Budget,
    order: Order | None,
    top: int | None,
    front: tuple[Order, ...] | None,
    part: Portion | None,
    jobs: int,
    timesteps: int | None,
    batch: int | None,
    dtype: str,
    framework: str | None,
    format_: str,
    svg: Picture | None,
) -> None:
    """Show the output shape, parameters and cost of every network that PATTERN describes.

    \b
    Examples:
      rnncli sweep embed:10000x{16,32,64},{rnn,gru,lstm}:{32..128..32}
      rnncli sweep input:32x8,lstm:{8..512..8} --max-memory 4MB --top 3
      rnncli sweep 'embed:10000x{u=16,32,64},lstm:{u}' --sort=-params -f csv
      rnncli sweep input:8,{gru,lstm}:{8..64..8} --pareto params,-output

    Braces work as in bash: {16,32} is 16 or 32, and {16..64..16} is every sixteenth number from 16 to 64. There
    may be several, and they may be nested; quotes around PATTERN change nothing. A named brace, {u=16,32}, needs
    quotes; {u} repeats its value elsewhere.

    Rows appear as soon as they are computed, or at the end if they are sorted; a picture has only the first
    thousand. Sweeps with --top N keep little more than N candidates in memory, and Ctrl-C shows the best so far.
    Candidates that are not valid networks are counted on standard error at the end. The exit status is 1 if no
    candidate is within the budget, and 2 if none is a valid network.

    With --pareto, only the candidates are shown that no other one matches in every figure and beats in one. A
    plot below the table shows where they lie among all candidates: the first figure across, the second upward.
    Use --part to share the work between machines, and --jobs to use several cores of one.

    PATTERN may be - to read patterns from standard input, one per line.
    """
    if jobs > 1:
        from rnncli.system.processes import can_fork

        if not can_fork():
            tell("Note: this system cannot fork processes, so only one core is used")
    setting = Setting(batch, timesteps, cast(Framework, framework or framework_of(pattern)), dtype)
    spell, helps = _speller(format_, setting), _LESS_MEMORY if front is None else "fewer figures keep fewer candidates"
    sweep = Sweep(setting, budget, spell, order, top, front, pictured=format_ == "table", less_memory=helps)
    faults: list[RnncliError] = []
    progress = Progress("sweep", 0, tell)
    patterns = _patterns_of(specs(pattern), faults, lambda: progress.away())
    whole, total = share_of(patterns, part, known="-" not in pattern)
    typed = "-" in pattern and sys.stdin is not None and sys.stdin.isatty()
    progress = Progress(
        "sweep",
        total,
        tell,
        advice="Ctrl-C ends it" if top is None and front is None else "Ctrl-C shows the best so far",
        shown=not typed and not (sweep.wanted is None and on_terminal()),
        # The reader of the rows may be slow.
        clock=process_time if sweep.wanted is None and jobs == 1 else perf_counter,
    )
    asked = [*budget.keys, *(SORT_KEYS[each.key] for each in (*(front or ()), *filter(None, [sweep.order])))]
    tally, found = sweep.tally, sweep.run(whole, total, jobs=jobs, progress=progress)
    more = _print_rows(sweep, found, progress, lambda cloud: _table_of(format_, asked, cloud), svg)
    if svg is not None and tally.shown > MOST_LINES:
        tell(f"Note: {svg.path} shows only the first {MOST_LINES:,} lines")
    if more is not None:
        others = f", and {more:,} more Pareto-optimal ones" if more else ""
        tell(f"Interrupted: {tally.in_words(setting.framework, about(total))}{others}{_first_invalid(tally, setting)}")
        click.get_current_context().exit(EXIT_INTERRUPTED)
    if part is not None and not tally.total and not faults:
        tell("0 candidates: there are fewer candidates than parts")
    _conclude(tally, setting, budget)
    if faults:
        click.get_current_context().exit(max(fault.exit_status for fault in faults))


def _print_rows(
    sweep: Sweep[tuple[int, Any]],
    found: Iterable[tuple[int, Any]],
    progress: Progress,
    table: Callable[[Cloud | None], Writer],
    svg: Picture | None,
) -> int | None:
    """Print the candidates of a sweep, and return how many of the best are left out; None if it was not interrupted.

    `found` runs the sweep and yields the number and the rows of candidates. The sweep's tally counts those printed.
    """
    cloud, more = sweep.cloud, None

    def show(spelt: Iterable[tuple[int, Any]]) -> None:
        for number, rows in spelt:
            show_rows(rows)
            sweep.tally.shown += number

    try:
        with _photographed(svg) as photograph:
            try:
                with printed(table(None), photograph) as show_rows, interruptible(), progress:
                    show(found)
            except KeyboardInterrupt:
                more = 0
                clear_echo()
            selects = sweep.top is not None or sweep.front is not None
            best = [] if sweep.wanted is None or (more == 0 and not selects) else sweep.wanted.best()
            if more == 0 and sweep.top is None:
                number, cloud = _screenful(best, sweep.spell, table, cloud)
                best, more = best[:number], len(best) - number
            with printed(table(cloud), photograph) as show_rows:
                show(sweep.spell(best[start : start + BATCH]) for start in range(0, len(best), BATCH))
    except BrokenPipeError:
        # Ctrl-C also ends the reader of the rows.
        if more is None:
            raise
    return more


def _patterns_of(
    given: Iterable[Spec], faults: list[RnncliError], away: Callable[[], AbstractContextManager[None]]
) -> Iterator[Pattern]:
    """Yield the patterns; report a pattern that is wrong while the progress bar is `away`, and add it to `faults`."""
    for spec in given:
        try:
            text = spec.checked()
            if not text.strip() or is_path(text):
                Network.parse(text)  # raises the error that explains it
            pattern = read_pattern(text.strip())
        except RnncliError as error:
            with away():
                report(explained(error, spec.text), spec.origin)
            faults.append(error)
        else:
            yield pattern


def _table_of(format_: str, asked: Sequence[str], cloud: Cloud | None) -> Writer:
    """Return the writer for the rows that `_speller` returns for the same format, with a plot of a cloud below them."""
    if format_ in WRITERS:
        return Writer(head=WRITERS[format_](CANDIDATES).rows([]))
    if format_ == "table":
        return CandidateTable(terminal_width(), asked, cloud)
    from rnncli.render.documents import TableWriter

    return TableWriter(format_, LISTED)


def _speller(format_: str, setting: Setting) -> Callable[[list[Candidate]], tuple[int, Any]]:
    """Return a function that returns the number and the rows of candidates, for the table or the writer of a format."""
    if format_ not in WRITERS:
        return lambda some: (len(some), [candidate.as_dict(setting) for candidate in some])
    texts = RowTexts(WRITERS[format_](CANDIDATES), setting)
    return lambda some: (len(some), [texts.rows(some)] if some else [])


def _screenful(
    best: Sequence[Candidate],
    spell: Callable[[list[Candidate]], tuple[int, Any]],
    tables: Callable[[Cloud | None], Writer],
    cloud: Cloud | None,
) -> tuple[int, Cloud | None]:
    """Return the number of candidates that fit on the terminal, at least one, and the cloud if its plot fits, too."""
    if not on_terminal() or not best:
        return len(best), cloud
    from shutil import get_terminal_size  # imports every archive format

    columns, rows = get_terminal_size()
    room = rows - 1 - -(-_NOTE // columns)

    def lines(number: int, cloud: Cloud | None = None) -> int:
        table = tables(cloud)
        text = table.rows(spell([*best[:number]])[1]) + table.end()
        return sum(max(1, -(-len(line) // columns)) for line in text.splitlines())

    most = max(1, min(len(best), room))
    picture = lines(most, cloud) - lines(most)
    if 2 * picture > room:
        cloud, picture = None, 0
    return next((number for number in range(most, 1, -1) if lines(number) + picture <= room), 1), cloud


def _photographed(svg: Picture | None) -> AbstractContextManager[Callable[[str], object]]:
    if svg is None:
        return nullcontext(str)
    from rnncli.render.svg import recorded_lines

    return recorded_lines(svg, "rnncli sweep", tell)


def _first_invalid(tally: Tally, setting: Setting) -> str:
    """Return the end of a note, with the first candidate that is not a network and its fault, if there is one."""
    spec = tally.first_invalid
    return f", the first {shorten(spec, 72)}: {_fault_of(spec, setting).message}" if spec is not None else ""


def _fault_of(spec: str, setting: Setting) -> RnncliError:
    return explained(as_called(reason_of(spec, setting)), spec)


def _conclude(tally: Tally, setting: Setting, budget: Budget) -> None:
    """Print the number of candidates; raise an RnncliError if none is valid, or none is within the budget."""
    if not tally.total:
        return
    note = tally.in_words(setting.framework)
    if tally.first_invalid is not None and tally.invalid == tally.total:
        tell(note)
        raise _fault_of(tally.first_invalid, setting)
    tell(note + _first_invalid(tally, setting))
    if tally.nearest is not None and not tally.within:
        _, candidate = tally.nearest
        nearest = Network.parse(candidate.spec).summary(*setting)
        try:
            excess = " and ".join(cost.excess() for cost in budget.costs(nearest) if not cost.fits)
        except UsageError as error:  # not even the nearest can run one step at a time
            raise RnncliError(f"no candidate is within the budget: {error.message}", error.advice) from None
        raise RnncliError("no candidate is within the budget", f"the nearest is {nearest.spec}, {excess}")

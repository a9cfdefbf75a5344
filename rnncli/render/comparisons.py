"""Tables of several networks: compared, with their layers one below the other, or found by a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from rnncli.errors import printable
from rnncli.quantities import figure_text, ratio_text, shape_text
from rnncli.render.blocks import Block, Column, Drawn, Line, Pairs, Table, marked, records_table
from rnncli.render.candidates import CandidateTable, picture, points_of
from rnncli.render.results import LISTED, Record
from rnncli.render.summaries import each, equal_but_for_its_name, modules_page, shape_cell, times
from rnncli.render.terminal import MOST_LINES
from rnncli.reports import Item, folded
from rnncli.reports.comparison import Comparison, SideBySide, change, effects, setting_text, varied
from rnncli.reports.reasons import Reason
from rnncli.search.selection import SORT_KEYS
from rnncli.vocabulary import title

if TYPE_CHECKING:
    from rnncli.search.solution import Solution
    from rnncli.search.sweep import Candidates

_MOST_EXPLAINED = 24
"""The most layers that are explained."""


def comparison_page(comparison: Comparison) -> Iterator[Block]:
    """Yield the networks, their figures, their layers, and why the counts differ."""
    whose = ["framework"] if any(summary.framework != "keras" for summary in comparison.summaries) else []
    names = list(dict.fromkeys([*whose, *varied(comparison.columns)]))
    for number, (_, setting, summary) in enumerate(comparison.columns, start=1):
        counted_for = f"  {setting_text(setting, names)}" if names else ""
        file = f"  {printable(summary.origin.file)}" if summary.origin.file else ""
        yield Line(Text.assemble(f"{number}  ", marked(summary.spec, summary.origin), counted_for, file))
    yield from _figures(comparison)
    if comparison.layers:
        yield from _layers(comparison)
        yield from _why(comparison)
    for sentence in effects(comparison):
        yield Line(Text(sentence))
    for indices in _grouped([(summary.spec, summary.modules) for summary in comparison.summaries]).values():
        yield from modules_page(comparison.summaries[indices[0]], f"{_named(indices)} in PyTorch")


def _figures(comparison: Comparison) -> Iterator[Block]:
    """Yield a table of the figures that differ, and a line with those that are the same in all networks."""
    summaries = comparison.summaries
    columns = [Column("Network", [Text(f"{number}") for number in range(1, len(summaries) + 1)])]
    same, ratios = [], list[str]()
    for figure in summaries[0].totals:
        values, before = [getattr(summary, figure) for summary in summaries], ratios
        ratios = [_ratio(comparison.change(index, figure).ratio) if index else "" for index in range(len(values))]
        if len(set(values)) == 1 and figure != "total_params":
            same += [f"{title(figure)} {figure_text(figure, values[0])}"] if values[0] is not None else []
            continue
        columns.append(Column(title(figure), [Text(figure_text(figure, value)) for value in values]))
        # Memory often has the ratios of the parameters, and MACs per second those of MACs per step.
        if figure not in ("total_bytes", "macs_per_second") or ratios != before:
            columns.append(Column("Ratio", [*map(Text, ratios)], joined=True))
    shapes = [summary.output_shape for summary in summaries]
    if len(set(shapes)) == 1:
        same.append(f"Output shape {shape_text(shapes[0])}")
    else:
        columns.append(Column("Output shape", [*map(shape_cell, shapes)], number=False))
    yield Table(columns, turns=True)
    macs = [summary.macs_per_step for summary in summaries]
    cheapest = [index for index, each in enumerate(macs) if each == min(macs)]
    whole = all(summary.origin.complete for summary in summaries)
    if whole and len(cheapest) < len(macs):
        yield Line(Text(f"Cheapest per step: {_named(cheapest).lower()} ({min(macs):,} MACs)"), start=1)
    if same:
        yield Line(Text(f"The same in all: {', '.join(same)}"), start=1)


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"× {ratio_text(ratio)}"


def _layers(comparison: Comparison) -> Iterator[Block]:
    """Yield a table of the layers, grouped as they line up; networks with the same layer share a line."""
    runs = folded(comparison.layers, key=lambda row: [layer and equal_but_for_its_name(layer) for layer in row])
    groups = [list(_lines(run)) for run in runs]
    networks, layers, shapes, params, ratios = zip(*chain.from_iterable(groups), strict=True)
    narrow = [Text("\n").join(pair) for pair in zip(layers, shapes, strict=True)]
    columns = [
        Column("Network", [Text(_numbers(indices)) for indices in networks]),
        Column("Layer", layers, number=False, leaves=1, narrow=[Column("Layer\nOutput shape", narrow, number=False)]),
        Column("Output shape", shapes, number=False, leaves=1, narrow=[]),
        Column("Parameters", params),
        Column("Ratio", ratios, joined=True),
    ]
    yield Table(columns, [*map(len, groups)])


def _lines(run: Sequence[SideBySide]) -> Iterator[tuple[list[int], Text, Text, Text, Text]]:
    """Yield one line for each distinct layer of a row, or of a run of equal rows: the networks with it, and cells."""
    row = run[0]
    first = row[0]
    for indices in _grouped(layer and (layer.spec, layer.output_shape, layer.params) for layer in row).values():
        layer = row[indices[0]]
        if layer is None:
            continue
        ratio = None if first is None or 0 in indices else change(first.params, layer.params).ratio
        spec = Text.assemble((layer.spec, "layer"), times(run))
        yield indices, spec, shape_cell(layer.output_shape), Text(each(f"{layer.params:,}", run)), Text(_ratio(ratio))


def _why(comparison: Comparison) -> Iterator[Block]:
    """Yield why layers' counts differ from the first network's; networks with the same reasons share them."""
    reasons = zip(*(comparison.reasons(index) for index in range(len(comparison.columns))), strict=True)
    rows = [row for run in folded(reasons, key=lambda each: each) for row in _reasons(run)]
    if rows:
        yield Line(Text("Why the parameters differ from those of network 1:"))
        yield Pairs(rows[:_MOST_EXPLAINED])
    if len(rows) > _MOST_EXPLAINED:
        yield Line(Text(f"The reasons for {len(rows) - _MOST_EXPLAINED:,} more are left out here; `-f json` lists all"))


def _reasons(run: Sequence[tuple[tuple[Reason, ...], ...]]) -> Iterator[tuple[Text, Text]]:
    """Yield each layer of a row, or of a run of equal rows, and the reasons why it differs from the first."""
    for some, indices in _grouped(run[0]).items():
        if some:
            heading = Text.assemble(f"{_numbers(indices)}  ", (f"{some[0].layer}{times(run)}", "code"))
            signs = ["+" if reason.difference > 0 else "−" for reason in some]
            numbers = [each(f"{abs(reason.difference):,}", run) for reason in some]
            lines = [f"{sign} {number}: {why.text}" for sign, number, why in zip(signs, numbers, some, strict=True)]
            yield heading, Text("\n".join(lines))


def _grouped(items: Iterable[Item]) -> dict[Item, list[int]]:
    """Return the indices of equal items."""
    places: dict[Item, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(item, []).append(place)
    return places


def _named(indices: Sequence[int]) -> str:
    """Return networks in words: `Networks 1, 3–5`."""
    return f"Network{'s' if len(indices) > 1 else ''} {_numbers(indices)}"


def _numbers(indices: Sequence[int]) -> str:
    """Return the numbers of networks, counted from one: `1, 3–5`."""
    parts = []
    for _, group in groupby(enumerate(indices), key=lambda pair: pair[1] - pair[0]):
        run = [index + 1 for _, index in group]
        parts.append(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)))
    return ", ".join(parts)


# The networks that a search has found


def solution_page(solution: Solution) -> Iterator[Block]:
    """Yield a filled-in template, the budget that limits it, and its costs."""
    yield Line(Text(solution.spec, style="spec"))
    yield Line(Text(solution.in_words()))
    yield Line(Text(solution.needs()))


def candidates_page(candidates: Candidates) -> Iterator[Block]:
    """Yield the candidates of a sweep, at most `MOST_LINES`, their plot, and their number."""
    cloud = candidates.cloud
    if candidates:
        records = candidates[:MOST_LINES].as_dicts()
        asked = [SORT_KEYS[candidates.order.key]] if candidates.order else cloud.asked if cloud else ()
        yield Drawn(lambda console: _listed(records, asked, console), records_table(LISTED, records))
        if cloud is not None:
            points = points_of(records, cloud)
            yield Drawn(lambda console: map(Text, picture(points, cloud, console.width)))
    if len(candidates) > MOST_LINES:
        yield Line(Text(f"… and {len(candidates) - MOST_LINES:,} more", style="dim"))
    yield Line(Text(candidates.title))


def _listed(records: Sequence[Record], asked: Sequence[str], console: Console) -> Iterable[Text]:
    """Return candidates in the layout of a sweep."""
    table = CandidateTable(console.width, asked)
    return map(Text, f"{table.rows(records)}{table.end()}".splitlines())

"""The tables of a comparison: a row for each network, then their layers one below another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.quantities import figure_text
from rnncli.render.layout import BLOCK, ScreenCells, ScreenColumn, print_hanging, print_rows
from rnncli.render.modules import print_modules
from rnncli.render.tables import each, equal_but_for_its_name, shape_cell
from rnncli.reports.comparison import Comparison, SideBySide, change
from rnncli.reports.folding import folded
from rnncli.summary import TOTALS, LayerSummary
from rnncli.vocabulary import title

_LEAVES = {"output_bytes": 1, "macs_per_step": 2, "macs": 4}
"""When a figure leaves a table that is too wide."""


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print the networks, then their figures, then their layers."""
    summaries = comparison.summaries
    mixed = len({summary.framework for summary in summaries}) > 1
    for number, summary in enumerate(summaries, start=1):
        framework = f"  {FRAMEWORK_NAMES[summary.framework]}" if mixed else ""
        print_hanging(console, Text.assemble(f"{number}  ", (summary.spec, "bold"), framework))
    _print_figures(console, comparison)
    if comparison.rows:
        _print_layers(console, comparison)
    for number, summary in enumerate(summaries, start=1):
        print_modules(console, summary, f"Network {number} in PyTorch")


def _print_figures(console: Console, comparison: Comparison) -> None:
    columns = [ScreenColumn("Network")]
    rows: list[ScreenCells] = [
        {"Network": Text(str(number)), BLOCK: Text(f"Network {number}")}
        for number in range(1, len(comparison.summaries) + 1)
    ]
    for figure in TOTALS:
        values = [getattr(summary, figure) for summary in comparison.summaries]
        if all(value is None for value in values):
            continue
        leaves = _LEAVES.get(figure, 0)
        ratios = [_ratio(comparison.change(index, figure).ratio) if index else "" for index in range(len(values))]
        columns.append(ScreenColumn(title(figure), leaves=leaves))
        for row, value, ratio in zip(rows, values, ratios, strict=True):
            row[title(figure)] = Text(figure_text(figure, value))
            row[f"× {title(figure)}"] = Text(ratio)
        if figure != "total_bytes":  # the ratio of memory is that of the parameters
            columns.append(ScreenColumn(f"× {title(figure)}", leaves=leaves, heading="×"))
    columns.append(ScreenColumn("Output shape", number=False, leaves=3))
    for row, summary in zip(rows, comparison.summaries, strict=True):
        row["Output shape"] = shape_cell(summary.output_shape)
    print_rows(console, columns, rows)


def _ratio(ratio: float | None) -> str:
    """Return how many times as much as the first network has something is: `× 1.13`."""
    return "" if ratio is None else f"× {ratio:.3g}"


def _print_layers(console: Console, comparison: Comparison) -> None:
    """Print the layers that line up in a group; networks that have the same one there share a line."""
    columns = (
        ScreenColumn("Network", number=False),
        ScreenColumn("Layer", number=False),
        ScreenColumn("Output shape", number=False, leaves=1),
        ScreenColumn("Parameters"),
        ScreenColumn("×"),
    )
    groups = [list(_lines(run)) for run in folded(comparison.rows, key=_without_names)]
    lines = [line for group in groups for line in group]
    print_rows(console, columns, lines, sections=[len(group) for group in groups])


def _without_names(row: SideBySide) -> tuple[LayerSummary | None, ...]:
    return tuple(layer and equal_but_for_its_name(layer) for layer in row)


def _lines(run: Sequence[SideBySide]) -> Iterator[ScreenCells]:
    """Yield a line for each different layer of a row, or of a run of equal rows."""
    row = run[0]
    first = row[0]
    shared: dict[tuple[object, ...], list[int]] = {}
    for index, layer in enumerate(row):
        if layer is not None:
            shared.setdefault((layer.spec, layer.output_shape, layer.params), []).append(index)
    times = f" × {len(run)}" if len(run) > 1 else ""
    for indices in shared.values():
        layer = row[indices[0]]
        assert layer is not None
        ratio = None if first is None or 0 in indices else change(first.params, layer.params).ratio
        yield {
            "Network": Text(_numbers(indices)),
            BLOCK: Text(f"Network{'s' if len(indices) > 1 else ''} {_numbers(indices)}"),
            "Layer": Text(layer.spec + times),
            "Output shape": shape_cell(layer.output_shape),
            "Parameters": Text(each(f"{layer.params:,}", run)),
            "×": Text(_ratio(ratio)),
        }


def _numbers(indices: Sequence[int]) -> str:
    """Return the numbers of networks, counted from one: `1, 3–5`."""
    parts = []
    for _, group in groupby(enumerate(indices), key=lambda pair: pair[1] - pair[0]):
        run = [index + 1 for _, index in group]
        parts.append(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)))
    return ", ".join(parts)

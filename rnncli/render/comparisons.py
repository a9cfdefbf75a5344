"""A comparison as people see it: a column for each network."""

from __future__ import annotations

from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.quantities import count, memory
from rnncli.render.tables import shape_cell
from rnncli.reports.comparison import FIGURES, Change, Comparison, change
from rnncli.summary import LayerSummary

FIGURE_TITLES = {
    "total_params": "Parameters",
    "total_bytes": "Memory",
    "macs_per_step": "MACs/step",
    "macs": "MACs",
    "output_bytes": "Layer outputs",
}
"""What the figures are called."""


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print which networks there are, their figures, and their layers side by side."""
    summaries = comparison.summaries
    mixed = len({summary.framework for summary in summaries}) > 1
    titles = []
    for number, summary in enumerate(summaries, start=1):
        framework = FRAMEWORK_NAMES[summary.framework] if mixed else ""
        titles.append(f"{number} {framework}".strip())
        console.print(
            Text.assemble((f"{number}  ", "bold"), (summary.spec, "bold"), f"  {framework}".rstrip()), soft_wrap=True
        )
    console.print(_figures(comparison, titles))
    console.print(_layers(comparison, titles))


def _figures(comparison: Comparison, titles: list[str]) -> Table:
    table = Table(box=box.HEAVY_HEAD)
    table.add_column("")
    for title in titles:
        table.add_column(title, justify="right")
    table.add_row(Text("Output shape"), *(shape_cell(summary.output_shape) for summary in comparison.summaries))
    for figure in FIGURES:
        values = [getattr(summary, figure) for summary in comparison.summaries]
        if all(value is None for value in values):
            continue
        number_text: Callable[[int], str] = memory if figure.endswith("bytes") else "{:,}".format
        cells = [
            _number_cell(value, comparison.change(index, figure) if index else None, number_text)
            for index, value in enumerate(values)
        ]
        table.add_row(Text(FIGURE_TITLES[figure]), *cells)
    return table


def _layers(comparison: Comparison, titles: list[str]) -> Table:
    table = Table(box=box.HEAVY_HEAD, show_lines=True)
    for title in titles:
        table.add_column(title, justify="right", overflow="fold")
    for row in comparison.rows:
        table.add_row(*(_layer_cell(row[0], layer, first_column=index == 0) for index, layer in enumerate(row)))
    return table


def _layer_cell(first: LayerSummary | None, layer: LayerSummary | None, *, first_column: bool) -> Text:
    if layer is None:
        return Text("-", style="dim")
    difference = None if first_column or first is None else change(first.params, layer.params)
    return Text("\n").join(
        [Text(layer.spec), shape_cell(layer.output_shape), _number_cell(layer.params, difference, "{:,}".format)]
    )


def _number_cell(value: int | None, changed: Change | None, number_text: Callable[[int], str]) -> Text:
    """Return a number and, below it, how it differs from the first network's."""
    text = Text(count(None) if value is None else number_text(value), style="green")
    if changed is None or changed.difference is None:
        return text
    if changed.difference == 0:
        return Text.assemble(text, ("\nthe same", "dim"))
    sign, style = ("+", "red") if changed.difference > 0 else ("-", "cyan")
    ratio = "" if changed.ratio is None else f"  × {changed.ratio:.3g}"
    return Text.assemble(text, (f"\n{sign}{number_text(abs(changed.difference))}{ratio}", style))

"""The table of a run: the summary's, with what came out of every layer."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnncli.engine.forward import ForwardRun, LayerRun
from rnncli.render.tables import add_layer_columns, layer_cells, print_head, print_totals
from rnncli.units import duration

NOTEWORTHY = 0.5
"""The share of saturated outputs from which a note says so."""


def print_run(console: Console, run: ForwardRun) -> None:
    """Print a run: one table where the terminal is wide enough for it, else two."""
    print_head(console, run.summary)
    for table in _tables(console, run):
        console.print(table)
    print_totals(console, run.summary)
    console.print(Text.assemble(" ", ("Time: ", "bold"), (duration(run.seconds), "green")))
    for note in _notes(run):
        console.print(Text(f"\n{note}", style="yellow"), soft_wrap=console.width > 1000)


def _tables(console: Console, run: ForwardRun) -> list[Table]:
    whole = Table(box=box.HEAVY_HEAD)
    add_layer_columns(whole)
    _add_run_columns(whole)
    for layer in run.layers:
        whole.add_row(*layer_cells(layer.summary), *_run_cells(layer))
    if console.measure(whole).minimum <= console.width and _natural(console, whole) <= console.width:
        return [whole]
    shapes, outputs = Table(box=box.HEAVY_HEAD), Table(box=box.HEAVY_HEAD)
    add_layer_columns(shapes)
    outputs.add_column("Layer", overflow="fold")
    _add_run_columns(outputs)
    for layer in run.layers:
        shapes.add_row(*layer_cells(layer.summary))
        outputs.add_row(layer.summary.name, *_run_cells(layer))
    return [shapes, outputs]


def _natural(console: Console, table: Table) -> int:
    """Return the width of a table that nothing wraps."""
    return console.measure(table, options=console.options.update_width(10_000)).maximum


def _add_run_columns(table: Table) -> None:
    for name in ("Time", "Mean", "Std", "Min", "Max", "Sat."):
        table.add_column(name, justify="right", overflow="fold")


def _run_cells(layer: LayerRun) -> list[Text]:
    values = layer.statistics
    numbers = [Text(f"{value:.3g}") for value in (values.mean, values.std, values.min, values.max)]
    share = values.saturated
    saturated = Text("-") if share is None else Text(f"{share:.0%}")
    if share is not None and share >= NOTEWORTHY:
        saturated.stylize("yellow")
    return [Text(duration(layer.seconds)), *numbers, saturated]


def _notes(run: ForwardRun) -> Iterator[str]:
    """Yield what a learner should notice."""
    for layer in run.layers:
        share = layer.statistics.saturated
        name = layer.summary.name
        if not isfinite(layer.statistics.mean):
            yield f"{name}: not all outputs are finite numbers. The values grew past what {run.summary.dtype} holds."
        elif share is not None and share >= NOTEWORTHY:
            low, high = layer.statistics.bounds or (0.0, 0.0)
            yield (
                f"{name} is saturated: {share:.0%} of its outputs are at the ends of their range, {low:g} and "
                f"{high:g}. "
                "The activation is flat there: other inputs would give almost the same outputs, and training "
                "would get next to no gradient. Smaller weights help."
            )

"""The table of a run: the summary's, with what came out of every layer."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from rich.console import Console
from rich.text import Text

from rnncli.engine.forward import ForwardRun, LayerRun
from rnncli.quantities import duration
from rnncli.render.tables import Column, print_head, print_layers, print_totals

NOTEWORTHY = 0.5
"""The share of saturated outputs from which a note says so."""


RUN_COLUMNS = tuple(Column(title) for title in ("Time", "Mean", "Std", "Min", "Max", "Sat."))


def print_run(console: Console, run: ForwardRun) -> None:
    """Print a run: the summary's table with what came out, the totals, and what a learner should notice."""
    print_head(console, run.summary)
    print_layers(console, run.summary.layers, RUN_COLUMNS, [_run_cells(layer) for layer in run.layers])
    print_totals(console, run.summary)
    console.print(Text.assemble(" ", ("Time: ", "bold"), (duration(run.seconds), "green")))
    for note in _notes(run):
        console.print(Text(f"\n{note}", style="yellow"))


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

"""The table of a run: the summary's, with what came out of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum, isnan, nan, sqrt
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from rnncli.engine.forward import ForwardRun, LayerRun
from rnncli.quantities import duration, plural
from rnncli.render.blocks import GAP, Block, Column, Line, Table
from rnncli.render.summaries import (
    LAYER_COLUMNS,
    equal_but_for_its_name,
    head,
    layer_cells,
    run_name,
    total,
    totals,
)
from rnncli.reports import folded
from rnncli.summary import LayerSummary

if TYPE_CHECKING:
    from rnncli.engine.run import RunResult

NOTEWORTHY = 0.5
"""From this share of saturated outputs on, a note says that a layer is saturated."""

_FEW = 8
"""The most sequences of which a line tells the length of each."""

_TIME, _FIGURE = len("100.1 ms"), len("-0.00123")
"""The columns of a time and of a figure that count, so that the table is the same whatever came out."""

RUN_COLUMNS = (
    Column("Time", least=_TIME),
    Column("Mean", least=_FIGURE),
    Column("Std", leaves=2, least=_FIGURE),
    Column("Min", leaves=1, least=_FIGURE),
    Column("Max", leaves=1, least=_FIGURE),
    Column("Sat.", least=len("100%")),
)


class OutputFigures(NamedTuple):
    """The figures of a layer's outputs, or of the outputs of a run of equal layers taken together."""

    mean: float
    std: float
    min: float
    max: float
    saturated: float | None
    numbers: int
    nans: int
    infinite: int

    @classmethod
    def of(cls, layers: Sequence[LayerRun]) -> OutputFigures:
        """Return the figures of all outputs of some layers, each of which has equally many."""
        figures = [layer.statistics for layer in layers]
        count = len(figures)
        mean = sum(each.mean for each in figures) / count
        # The variance about the common mean: each layer's own, and how far its mean is from that.
        variance = sum(each.std**2 + (each.mean - mean) ** 2 for each in figures) / count
        shares = [each.saturated for each in figures if each.saturated is not None]
        return cls(
            mean,
            figures[0].std if count == 1 else sqrt(variance) if variance >= 0 else variance,
            nan if any(isnan(each.min) for each in figures) else min(each.min for each in figures),
            nan if any(isnan(each.max) for each in figures) else max(each.max for each in figures),
            fsum(shares) / count if len(shares) == count else None,
            *(sum(getattr(each, name) for each in figures) for name in ("count", "nans", "infinite")),
        )


def run_page(result: RunResult) -> Iterator[Block]:
    """Yield a run, and what its last recurrent layer did over time where that is asked for."""
    yield from _table(result.forward, result.wide)
    if result.study is not None:
        from rnncli.render.over_time import study_page

        yield from study_page(result.study)


def _table(run: ForwardRun, wide: bool) -> Iterator[Block]:
    """Yield the summary's table with what came out, the totals, and what a learner should notice."""
    yield from head(run.summary)
    if run.lengths is not None:
        several = f"{min(run.lengths):,} to {max(run.lengths):,}, {sum(run.lengths):,} timesteps in all"
        few = ", ".join(f"{length:,}" for length in run.lengths)
        yield Line(Text(f"Lengths: {few if len(run.lengths) <= _FEW else several}"))
    runs = list(folded(run.layers, key=lambda layer: equal_but_for_its_name(layer.summary)))
    rows = [layer_cells([layer.summary for layer in layers]) | _run_cells(layers) for layers in runs]
    yield Table((*LAYER_COLUMNS, *RUN_COLUMNS), rows, whole=wide, more="--wide")
    yield from totals(run.summary)
    yield total("Time", duration(run.seconds))
    for layers in runs:
        for note in _notes(layers, run):
            yield GAP
            yield Line(Text(note))


def _run_cells(layers: Sequence[LayerRun]) -> dict[str, Text]:
    values = OutputFigures.of(layers)
    share = values.saturated
    saturated = Text("-") if share is None else Text(f"{share:.0%}")
    if share is not None and share >= NOTEWORTHY:
        saturated.stylize("bold")
    figures = zip(("Mean", "Std", "Min", "Max"), values, strict=False)
    time = Text(duration(sum(layer.seconds for layer in layers)))
    return {"Time": time, **{title: Text(f"{value:.3g}") for title, value in figures}, "Sat.": saturated}


def _notes(layers: Sequence[LayerRun], run: ForwardRun) -> Iterator[str]:
    """Yield what a learner should notice of a layer, or of a run of equal ones."""
    values = OutputFigures.of(layers)
    name = run_name([layer.summary.name for layer in layers])
    if values.nans and run.padded and not any(layer.statistics.infinite for layer in run.layers):
        samples = run.summary.input_shape[0] or 1
        yield (
            f"{name}: {values.nans:,} of {plural(values.numbers, 'output')} are NaN (not a number): of "
            f"{plural(samples, 'sample')} {run.padded:,} {'is' if run.padded == 1 else 'are'} nothing but padding, and "
            "there is no mean of nothing."
        )
    elif values.nans or values.infinite:
        counts = {"infinite": values.infinite, "NaN (not a number)": values.nans}
        some = [f"{count:,} are {what}" for what, count in counts.items() if count]
        some[0] = some[0].replace(" are", f" of {values.numbers:,} are")
        yield (
            f"{name}: not all outputs are finite numbers: {', '.join(some)}. The values grew past what "
            f"{run.summary.dtype} holds."
        )
    elif values.saturated is not None and values.saturated >= NOTEWORTHY:
        low, high = layers[0].statistics.bounds or (0.0, 0.0)
        verb, its = ("is", "its") if len(layers) == 1 else ("are", "their")
        yield (
            f"{name} {verb} saturated: {values.saturated:.0%} of {its} outputs are at the ends of {its} range, "
            f"{low:g} and {high:g}. The activation is flat there: other inputs would give almost the same outputs, and "
            f"training would get next to no gradient. {_why_saturated(layers[0].summary, run)}Smaller weights help."
        )


def _why_saturated(layer: LayerSummary, run: ForwardRun) -> str:
    """Return how large the sum before the activation is where weights are drawn from 0 to 1, or nothing.

    Such weights are 1/2 on average; so is the input, and what a saturated layer returns is next to 1.
    """
    read = {
        factor.name: factor.number
        for weight in layer.weights
        if weight.multiplies
        for axis in weight.axes
        for factor in axis
    }
    if not run.uniform or "input" not in read:
        return ""
    units = read["units"] if any(weight.role == "recurrent" for weight in layer.weights) else 0
    size = read["input"] * (0.25 if layer is run.layers[0].summary else 0.5) + units * 0.5
    terms = f"{read['input']:,} inputs and {units:,} units" if units else f"{read['input']:,} inputs"
    return f"Weights from 0 to 1 add up: over {terms} the sum before the activation is about {size:,.0f}. "

"""The picture of a study: a layer's outputs over time, units down and time across, and what to read from them.

The colour of a cell shows its value; without enough colours its character does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, pairwise
from math import floor, isfinite, isnan, log10

from rich.console import Console
from rich.text import Text

from rnncli.engine.study import CLOSED, OPEN, Gate, Outputs, Study
from rnncli.quantities import plural
from rnncli.render.blocks import Block, Drawn
from rnncli.render.over_time import (
    BROKEN,
    DECADES,
    LEVELS,
    TimeCells,
    bar,
    legend,
    log_height,
    nearest_style,
    row,
    signed_styles,
    words,
)
from rnncli.reports.reach import PROBLEMS, LayerReach

_TIMESTEP_SPACING = 16
"""Columns from one timestep named on the axis to the next."""

_LEVELS = 3
"""How many characters there are for positive values, and how many for negative ones."""

_NICE = (1, 2, 3, 5, 10)
"""A level is worth one of these numbers times a power of ten."""


def study_page(study: Study) -> Iterator[Block]:
    """Yield a study: the map of the outputs, rows of bars over the same time, and the figures in words."""
    yield Drawn(partial(_lines, study))


def _lines(study: Study, console: Console) -> Iterator[Text]:
    cells = TimeCells.fitting(console, len(study.outputs.time_bins))
    yield Text()
    for heading in _headings(study, cells):
        yield from words(console, heading)
    yield from _map(console, study, cells)
    yield from _bars(console, study, cells)
    yield Text()
    for label, text in (
        ("Norm of the state", _norm_text(study.outputs)),
        ("Saturated units", _saturated_text(study.outputs)),
        ("Reach", _reach_text(study.reach, "last" if study.backwards else "first")),
        *((_gate_name(gate), _gate_text(gate)) for gate in study.gates or ()),
    ):
        yield from words(console, Text.assemble((f"{label}: ", "bold"), text), start=1)


def _headings(study: Study, cells: TimeCells) -> Iterator[Text]:
    outputs = study.outputs
    sample = f" (the first of {study.batch:,} samples)" if study.batch > 1 else ""
    down = f"{plural(outputs.units, 'unit')}, {_each(outputs.unit_bins, outputs.units)} a row"
    starts = cells.starts(outputs.time_bins)
    across = f"{plural(study.timesteps, 'timestep')}, {_each(starts, study.timesteps)} a column"
    if study.backwards:
        across += ", in the order of reading: from the last"
    yield Text.assemble((study.layer, "bold"), f" over time{sample}")
    shared = outputs.units > len(outputs.unit_bins) or study.timesteps > len(starts)
    mean = " A cell is the mean of all in it." if shared else ""
    yield Text(f"Down: {down}. Across: {across}.{mean}")


def _map(console: Console, study: Study, cells: TimeCells) -> Iterator[Text]:
    rows = [cells.means(row) for row in study.outputs.activations]
    level = _level_value(abs(value) for row in rows for value in row if value is not None and isfinite(value))
    styles = signed_styles(console)
    for unit, values in zip(study.outputs.unit_bins, rows, strict=True):
        parts: list[tuple[str, str]] = []
        characters = (_character(value, level, styles) for value in values)
        for style, run in groupby(characters, key=lambda each: each[1]):
            parts.append(("".join(character * cells.cell_width for character, _ in run), style))
        yield row(f"unit {unit}" if unit == 0 else f"{unit}", *parts)
    yield row("timestep", (_axis(study, cells), ""))
    marks = [level * place for place in range(-_LEVELS, _LEVELS + 1)]
    levels = [Text.assemble(_character(value, level, styles), f" {value:.3g}") for value in marks]
    yield from legend(console, cells, levels, "  ")


def _bars(console: Console, study: Study, cells: TimeCells) -> Iterator[Text]:
    outputs, reach = study.outputs, study.reach
    rows = [("norm", [_share(norm, outputs.norm_max) for norm in cells.means(outputs.norm)])]
    scales = [f"norm 0 to {outputs.norm_max:.3g}"]
    if outputs.saturated is not None:
        rows.append(("saturated", list(cells.means(outputs.saturated))))
        scales.append("saturated 0 to 100%")
    if reach.problem is None:
        rows.append(("effect", [log_height(share) for share in cells.merge(reach.effect, max)]))
        scales.append(f"effect 1/{10**DECADES:,} to 1 (log)")
    if study.gates:
        low, high = _gate_scale(study.gates)
        for gate in study.gates:
            means = (value if value is None else (value - low) / (high - low) for value in cells.means(gate.bins))
            rows.append((_gate_label(gate), list(means)))
        scales.append(f"gates {low:.3g} to {high:.3g}")
    for label, heights in rows:
        yield row(label, ("".join(bar(height) * cells.cell_width for height in heights), ""))
    yield from legend(console, cells, [Text(scale) for scale in scales], "; ")


def _level_value(sizes: Iterator[float]) -> float:
    """Return how much one level is worth: a round number, so that all levels together reach the largest size."""
    largest = max(sizes, default=0.0)
    if largest == 0:
        return 1.0
    least = largest / (_LEVELS + 0.5)
    power = 10.0 ** floor(log10(least))
    return next(nice * power for nice in _NICE if nice * power >= least * (1 - 1e-9))


def _character(value: float | None, level: float, styles: Sequence[str]) -> tuple[str, str]:
    """Return the character and the style of a value; `level` is how much one level is worth."""
    if value is None:
        return " ", ""
    if not isfinite(value):
        return BROKEN, "bold"
    place = max(-_LEVELS, min(_LEVELS, round(value / level)))
    style = nearest_style(styles, value / level / (_LEVELS + 0.5))
    return " " if style.startswith("on ") else LEVELS[place + _LEVELS], style


def _share(value: float | None, largest: float) -> float | None:
    """Return a value as a share of the largest, which may be zero as well."""
    return value / largest if value else value


def _axis(study: Study, cells: TimeCells) -> str:
    """Return the axis of time: some timesteps, each below its cell."""

    def timestep(step: int) -> str:
        return str(study.timesteps - 1 - step if study.backwards else step)

    labels = [timestep(step) for step in cells.starts(study.outputs.time_bins)]
    return cells.axis(labels, timestep(study.timesteps - 1), _TIMESTEP_SPACING)


def _each(starts: Sequence[int], count: int) -> str:
    """Return how many units share a row, or steps a column: `4`, `1 or 2`, `3 to 6`."""
    sizes = sorted({stop - start for start, stop in pairwise((*starts, count))})
    least, most = sizes[0], sizes[-1]
    if least == most:
        return f"{least:,}"
    return f"{least:,} {'or' if most == least + 1 else 'to'} {most:,}"


def _norm_text(outputs: Outputs) -> str:
    if isnan(outputs.norm_mean):
        return "not known"
    return f"{outputs.norm_mean:.3g} on average, {outputs.norm_min:.3g} to {outputs.norm_max:.3g}"


def _saturated_text(outputs: Outputs) -> str:
    if outputs.limits is None:
        return "none; nothing bounds these outputs"
    if outputs.saturated_units is None:
        return "not known"
    low, high = outputs.limits
    return (
        f"{outputs.saturated_units / outputs.units:.0%} ({outputs.saturated_units:,} of {outputs.units:,} are below "
        f"{low:.3g} or above {high:.3g} half of the time)"
    )


_DIRECTIONS = {"": "", "forward/": "forward ", "backward/": "back "}
"""What the screen says before the name of a gate."""


def _gate_scale(gates: Sequence[Gate]) -> tuple[float, float]:
    """Return what the lowest and the highest bar of the gates stand for: 0 and 1, unless they go beyond."""
    means = [value for gate in gates for value in gate.bins if value is not None and isfinite(value)]
    return min([0.0, *means]), max([1.0, *means])


def _gate_label(gate: Gate) -> str:
    if gate.is_candidate and not gate.direction:
        return f"size of {gate.symbol}"
    return f"{_DIRECTIONS[gate.direction] or 'gate '}{gate.symbol}"


def _gate_name(gate: Gate) -> str:
    return f"{_DIRECTIONS[gate.direction]}{gate.means} {gate.symbol}".capitalize()


def _gate_text(gate: Gate) -> str:
    """Return how open a gate is, in words."""
    if isnan(gate.mean):
        return "not known"
    mean = f"{gate.mean:.3g}{' in size' if gate.is_candidate else ''} on average"
    if gate.open is None or gate.closed is None:
        return mean
    return f"{mean}, {gate.open:.0%} open (>{OPEN:g}), {gate.closed:.0%} closed (<{CLOSED:g})"


def _reach_text(reach: LayerReach, which: str) -> str:
    """Return how long the layer remembers the `which` input, in words."""
    if reach.problem is not None:
        return f"{'none' if reach.problem == 'no effect' else 'not known'}: {PROBLEMS[reach.problem]}"
    if reach.steps == 1:
        return "not known from a single step"
    left = f"within {reach.steps:,} steps ({reach.last:.0%} of it is left)"
    if reach.tenth is None:
        fall = f"not under a tenth of its largest {left}"
    elif reach.hundredth is None:
        fall = f"under a tenth of its largest after {plural(reach.tenth, 'step')}, not under a hundredth {left}"
    else:
        fall = (
            f"under a tenth of its largest after {plural(reach.tenth, 'step')}, "
            f"under a hundredth after {plural(reach.hundredth, 'step')}"
        )
    growth = f"; it is largest after {plural(reach.largest_after, 'step')}" if reach.largest_after else ""
    return f"the effect of a small change to the {which} input is {fall}{growth}"

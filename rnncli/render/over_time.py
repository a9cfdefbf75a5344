"""Plots over time: a study of a layer's outputs, and how far back networks remember, side by side.

A study plots a layer's outputs with units down and time across. The colour of a cell shows its value; without enough
colours its character does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby, pairwise
from math import ceil, floor, isfinite, isnan, log10
from operator import itemgetter

from rich.console import Console
from rich.text import Text

from rnncli.characters import BARS
from rnncli.engine.study import CLOSED, OPEN, Gate, Outputs, Study
from rnncli.errors import listed, printable
from rnncli.immutable import NamedTuple
from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.quantities import plural
from rnncli.render.blocks import GAP, Block, Column, Drawn, Line, Pairs, Table, drawing_width, hanging, marked
from rnncli.render.terminal import ON_DARK, ON_LIGHT
from rnncli.reports.reach import PROBLEMS, Bins, LayerReach, NetworkReach, Reach, Spread, merged

_TIMESTEP_SPACING, _STEP_SPACING = 16, 8
"""The columns between two labels on the axis of a study, and on the axis of a reach."""

_WIDEST_CELL = 4

_LABEL = len("saturated")
"""The width of the labels at the left."""

DECADES = 4
"""The powers of ten that the bars of the effect span."""

_LEVELS = 3
"""The number of characters for positive values, and for negative ones."""

LEVELS = "≡=-·+*#"
"""The characters of cells, from the most negative to the most positive value."""

BROKEN = "?"
"""The character for a value that is not a finite number."""

_TIE = "\N{NO-BREAK SPACE}"
"""Stands for a space that a line of a legend must not end at."""

_SIGNS = (*["bright_blue"] * 3, "", *["bright_red"] * 3)
"""The styles with 16 colours, which only show the sign, in two colours that are readable in every palette."""


class TimeCells(NamedTuple):
    """The cells of a row: the time bins per cell, several if there is no room for all, first steps, and their width."""

    bins: int
    starts: tuple[int, ...]
    cell_width: int

    @classmethod
    def fitting(cls, console: Console, time_bins: tuple[int, ...]) -> TimeCells:
        """Return cells that fit the console, given the first step of each bin."""
        available = _room(console)
        bins = ceil(len(time_bins) / available)
        starts = time_bins[::bins]
        return cls(bins, starts, min(_WIDEST_CELL, available // len(starts)))

    def merge(self, values: Bins, how: Callable[[list[float]], float]) -> Bins:
        """Return a value for each cell: `how` applied to its bins' values, or None if all are padding."""
        return merged((values[start : start + self.bins] for start in range(0, len(values), self.bins)), how)

    def means(self, values: Bins) -> Bins:
        """Return the mean for each cell. All bins count equally, since their lengths differ by at most one step."""
        return self.merge(values, lambda group: sum(group) / len(group))

    def axis(self, labels: Sequence[str], last: str, spacing: int) -> str:
        """Return an axis: labels `spacing` columns apart, each below its cell, and the last step's label at the end."""
        width = len(labels) * self.cell_width
        line = named = ""
        for column in range(0, width, spacing):
            cell = column // self.cell_width
            label = labels[cell]
            if column == 0 or cell * self.cell_width + len(label) + 2 <= width - len(last):
                line, named = line.ljust(cell * self.cell_width) + label, label
        fits = last != named and len(labels) > 1 and len(line) < width - len(last)
        return line + last.rjust(width - len(line)) if fits else line


def _room(console: Console) -> int:
    """Return the width left next to the labels."""
    return max(1, drawing_width(console) - _LABEL - 3)


def legend(console: Console, parts: Sequence[Text], between: str = "") -> Iterator[Text]:
    """Yield the lines of a legend for the rows above; a part is wrapped only if it is too long for a line."""
    room = _room(console)
    for part in parts:
        if part.cell_len + len(between.strip()) <= room:
            part.plain = part.plain.replace(" ", _TIE)
    for line in hanging(console, Text(between).join(parts), width=room):
        line.plain = line.plain.replace(_TIE, " ")
        yield row("", line)


def row(label: str, *parts: tuple[str, str] | str | Text) -> Text:
    """Return a row of cells with its label at the left."""
    return Text.assemble(f" {label:>{_LABEL}} ", *parts)


def log_height(share: float | None) -> float | None:
    """Return the height of a share on a logarithmic scale: 1 for the whole, 0 for the least share on the scale."""
    return 1 + log10(share) / DECADES if share else share


def bar(height: float | None) -> str:
    """Return the bar for a height from 0 to 1."""
    if height is None:
        return " "
    if not isfinite(height):
        return BROKEN
    return BARS[max(0, min(len(BARS) - 1, floor(height * len(BARS))))]


def curve(shares: Iterable[float | None]) -> str:
    """Return shares of the whole as a row of bars on a logarithmic scale."""
    return "".join(bar(log_height(share)) for share in shares)


def signed_styles(console: Console) -> Sequence[str]:
    """Return the styles for values from the most negative to the most positive, with zero's in the middle.

    If a console has enough colours, they are background colours and need no characters on them.
    """
    if console.no_color or console.color_system not in ("256", "truecolor"):
        return _SIGNS
    return ON_LIGHT if getattr(console, "is_light", False) else ON_DARK


def nearest(marks: Sequence[str], share: float) -> str:
    """Return the style or the character for a value, given as a share of the largest, -1 to 1."""
    half = len(marks) // 2
    return marks[half + max(-half, min(half, round(share * (half + 0.5))))]


# The plot of a study


def study_page(study: Study) -> Iterator[Block]:
    """Yield a study: the map of the outputs, rows of bars over the same time, and the figures in words."""
    yield Drawn(partial(_lines, study))
    yield GAP
    outputs = study.outputs
    mean, least, most = (f"{norm:.3g}" for norm in (outputs.norm_mean, outputs.norm_min, outputs.norm_max))
    norm = "not known" if isnan(outputs.norm_mean) else f"{mean} on average, {least} to {most}"
    figures = {
        "Norm of the state": norm,
        "Saturated units": _saturated_text(outputs),
        "Reach": _reach_text(study.reach, "last" if study.backwards else "first"),
    }
    for gate in study.gates or ():
        figures[f"{gate.direction.replace('/', ' ')}{gate.means} {gate.symbol}".capitalize()] = _gate_text(gate)
    yield Pairs([(Text(name, style="bold"), Text(text)) for name, text in figures.items()])


def _lines(study: Study, console: Console) -> Iterator[Text]:
    outputs = study.outputs
    cells = TimeCells.fitting(console, outputs.time_bins)
    sample = f" (the first of {study.batch:,} samples)" if study.batch > 1 else ""
    down = f"{plural(outputs.units, 'unit')}, {_each(outputs.unit_bins, outputs.units)} per row"
    column = "column" if cells.cell_width == 1 else f"cell of {cells.cell_width} columns"
    across = f"{plural(study.timesteps, 'timestep')}, {_each(cells.starts, study.timesteps)} per {column}"
    order = ", in reading order, from the last" if study.backwards else ""
    shared = outputs.units > len(outputs.unit_bins) or study.timesteps > len(cells.starts)
    mean = " A cell shows the mean of its values." if shared else ""
    heading = Text.assemble((study.layer, "bold"), f" over time{sample}\nDown: {down}. Across: {across}{order}.{mean}")
    yield Text()
    yield from hanging(console, heading, width=drawing_width(console))
    yield from _map(console, study, cells)
    yield from _bars(console, study, cells)


def _map(console: Console, study: Study, cells: TimeCells) -> Iterator[Text]:
    rows = [cells.means(row) for row in study.outputs.activations]
    level = _level_value(abs(value) for row in rows for value in row if value is not None and isfinite(value))
    styles = signed_styles(console)
    for unit, values in zip(study.outputs.unit_bins, rows, strict=True):
        runs = groupby((_character(value, level, styles) for value in values), key=itemgetter(1))
        parts = [("".join(character * cells.cell_width for character, _ in run), style) for style, run in runs]
        yield row(f"unit {unit}" if unit == 0 else f"{unit}", *parts)
    steps = [*cells.starts, study.timesteps - 1]
    *labels, last = (f"{study.timesteps - 1 - step if study.backwards else step}" for step in steps)
    yield row("timestep", cells.axis(labels, last, _TIMESTEP_SPACING))
    marks = [level * place for place in range(-_LEVELS, _LEVELS + 1)]
    levels = [Text.assemble(_character(value, level, styles), f" {value:.3g}") for value in marks]
    yield from legend(console, levels, "  ")


def _bars(console: Console, study: Study, cells: TimeCells) -> Iterator[Text]:
    outputs, reach = study.outputs, study.reach
    norms = cells.means(outputs.norm)
    rows = [("norm", [norm / outputs.norm_max if norm else norm for norm in norms])]  # all may be zero
    scales = [] if isnan(outputs.norm_max) else [f"norm 0 to {outputs.norm_max:.3g}"]
    if outputs.saturated is not None:
        rows.append(("saturated", list(cells.means(outputs.saturated))))
        scales.append("saturated 0 to 100%")
    if reach.problem is None:
        rows.append(("effect", [log_height(share) for share in cells.merge(reach.effect, max)]))
        scales.append(f"effect 1/{10**DECADES:,} to 1 (log)")
    if study.gates:
        known = [value for gate in study.gates for value in gate.bins if value is not None and isfinite(value)]
        low, high = min([0.0, *known]), max([1.0, *known])
        for gate in study.gates:
            means = (value if value is None else (value - low) / (high - low) for value in cells.means(gate.bins))
            direction = gate.direction.replace("/", " ").replace("backward", "back")
            lead = direction or ("size of " if gate.is_candidate else "gate ")
            rows.append((f"{lead}{gate.symbol}", list(means)))
        scales.append(f"gates {low:.3g} to {high:.3g}")
    for label, heights in rows:
        yield row(label, "".join(bar(height) * cells.cell_width for height in heights))
    yield from legend(console, [Text(scale) for scale in scales], "; ")


def _level_value(sizes: Iterator[float]) -> float:
    """Return the value of one level: a round number, with all levels together reaching the largest size."""
    largest = max(sizes, default=0.0)
    if largest == 0:
        return 1.0
    least = largest / (_LEVELS + 0.5)
    power = 10.0 ** floor(log10(least))
    return next(nice * power for nice in (1, 2, 3, 5, 10) if nice * power >= least * (1 - 1e-9))


def _character(value: float | None, level: float, styles: Sequence[str]) -> tuple[str, str]:
    """Return the character and the style for a value; `level` is the value of one level."""
    if value is None:
        return " ", ""
    if not isfinite(value):
        return BROKEN, "bold"
    share = value / level / (_LEVELS + 0.5)
    style = nearest(styles, share)
    return " " if style.startswith("on ") else nearest(LEVELS, share), style


def _each(starts: Sequence[int], count: int) -> str:
    """Return the number of units per row, or of steps per column: `4`, `1 or 2`, `3 to 6`."""
    sizes = {stop - start for start, stop in pairwise((*starts, count))}
    least, most = min(sizes), max(sizes)
    return f"{least:,}" if least == most else f"{least:,} {'or' if most == least + 1 else 'to'} {most:,}"


def _saturated_text(outputs: Outputs) -> str:
    if outputs.limits is None:
        return "none; these outputs have no bounds"
    if outputs.saturated_units is None:
        return "not known"
    low, high = outputs.limits
    some = f"{outputs.saturated_units:,} of {outputs.units:,} are below {low:.3g} or above {high:.3g} half of the time"
    return f"{outputs.saturated_units / outputs.units:.0%} ({some})"


def _gate_text(gate: Gate) -> str:
    """Return a description of how open a gate is."""
    if isnan(gate.mean):
        return "not known"
    mean = f"{gate.mean:.3g}{' in size' if gate.is_candidate else ''} on average"
    if gate.open is None or gate.closed is None:
        return mean
    return f"{mean}, {gate.open:.0%} open (>{OPEN:g}), {gate.closed:.0%} closed (<{CLOSED:g})"


def _reach_text(reach: LayerReach, which: str) -> str:
    """Return a description of how long the layer remembers the `which` input."""
    if reach.problem is not None:
        return f"{'none' if reach.problem == 'no effect' else 'not known'}: {PROBLEMS[reach.problem]}"
    if reach.steps == 1:
        return "not known from a single step"
    falls = []
    for share, steps in (("a tenth of its largest", reach.steps_to_tenth), ("a hundredth", reach.steps_to_hundredth)):
        if steps is None:
            falls.append(f"not below {share} within {reach.steps:,} steps ({reach.last:.0%} of it is left)")
            break
        falls.append(f"below {share} after {plural(steps, 'step')}")
    growth = f"; it is largest after {plural(reach.largest_after, 'step')}" if reach.largest_after else ""
    return f"the effect of a small change to the {which} input is {', '.join(falls)}{growth}"


# How far back networks remember


def reach_page(reach: Reach) -> Iterator[Block]:
    """Yield the networks, their figures, the curves of the effect, and explanations."""
    reaches = reach.networks
    for number, network in enumerate(reaches, start=1):
        file = f"  {printable(network.file)}" if network.file else ""
        yield Line(Text.assemble(f"{number}  ", marked(network.spec, network.origin), file))
    spreads = [network.spreads for network in reaches]
    columns = [
        Column("Network", [Text(f"{number}") for number in range(1, len(reaches) + 1)]),
        Column("To a tenth", [_steps_cell(network, "steps_to_tenth", f"{network.problem}") for network in reaches]),
        Column("To a hundredth", [_steps_cell(network, "steps_to_hundredth") for network in reaches]),
        Column("Left", [_spread(each["last"], "-", "{:.0%}") for each in spreads]),
        Column("Largest after", [_steps_cell(network, "largest_after") for network in reaches]),
        Column("Radius", [Text(f"{each['spectral_radius'].median:.3g}") for each in spreads]),
    ]
    yield Table(columns)
    yield Drawn(lambda console: _curves(console, reaches))
    for text in (*_meaning(reaches), *_notes(reaches)):
        yield Line(Text(text), start=1)


def _steps_cell(reach: NetworkReach, key: str, unknown: str = "-") -> Text:
    never = f">{reach.steps - 1:,}" if reach.known else unknown
    return _spread(reach.spreads[key], never, "{:,g}")


def _spread(spread: Spread, unknown: str, form: str) -> Text:
    """Return a median and, if the seeds differ, their range: `12 (9–14)`, `12 (9 to >14)`."""
    middle, least, most = (unknown if value is None else form.format(value) for value in spread)
    return Text(middle if least == most else f"{middle} ({least}{'–' if most[0].isdigit() else ' to '}{most})")


def _curves(console: Console, reaches: Sequence[NetworkReach]) -> Iterator[Text]:
    """Yield the curves, those of networks with the same steps on a common axis."""
    known = {number: reach for number, reach in enumerate(reaches, start=1) if reach.known}
    for bins in dict.fromkeys(reach.step_bins for reach in known.values()):
        cells = TimeCells.fitting(console, bins)
        yield Text()
        for number, reach in known.items():
            if reach.step_bins == bins:
                bars = curve(cells.merge(reach.effect, max))
                yield row(f"{number}", "".join(bar * cells.cell_width for bar in bars))
                last = reach.timesteps - 1
        yield row("step", cells.axis([f"{step}" for step in cells.starts], f"{last}", _STEP_SPACING))
        yield from legend(console, [Text(f"effect 1/{10**DECADES:,} to 1 (log)")])
    yield Text()


def _meaning(reaches: Sequence[NetworkReach]) -> Iterator[str]:
    yield "Effect: how much a small change to the first input changes the outputs of the last recurrent layer"
    yield "To a tenth, to a hundredth: the steps until it stays below that share of its largest"
    if any(reach.known for reach in reaches):
        yield "Left: its share at the last step; Largest after: the steps until it is largest, 0 for at once"
    yield "Radius: the spectral radius of U (of its candidate's part in lstm, gru); above 1, effects may grow"
    seeds = len(reaches[0].runs)
    count = "One seed draws" if seeds == 1 else f"Medians (and ranges) of {seeds:,} seeds; each draws"
    inits = [reach.init for reach in reaches if reach.init is not None]
    starts = ["from 0 to 1" if init == "uniform" else f"as {FRAMEWORK_NAMES[init]} initialises them" for init in inits]
    where = " where there is no file" if len(starts) < len(reaches) else ""
    drawn = ["an input"] if reaches[0].reads is None else []
    drawn += [f"weights {listed(list(dict.fromkeys(starts)), 'or')}{where}"] if starts else []
    yield f"{count} {' and '.join(drawn)}" if drawn else "All seeds are alike because input and weights are given"
    if reaches[0].reads is not None:
        yield f"The input is the first sample of {printable(reaches[0].reads)}"


def _notes(reaches: Sequence[NetworkReach]) -> Iterator[str]:
    for number, reach in enumerate(reaches, start=1):
        if reach.backwards:
            yield f"{number}: it reads from the last timestep, which is its first input"
        for problem, failed in reach.problems.items():
            left_out = f"which {'is' if failed == 1 else 'are'} left out"
            which = f" with {failed:,} of {plural(len(reach.runs), 'seed')}, {left_out}" if reach.known else ""
            yield f"{number}: {PROBLEMS[problem]}{which}"
        if reach.steps > 1 and reach.spreads["largest_after"].median == reach.steps - 1:
            yield f"{number}: the effect is largest at the last step: it grows"

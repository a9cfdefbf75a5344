"""How far back networks remember, side by side: a row of figures for each, and the curve of the effect below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from rnncli.engine.request import Init
from rnncli.errors import listed, printable
from rnncli.quantities import plural
from rnncli.render.blocks import BLOCK, Block, Column, Drawn, Line, Row, Table, marked
from rnncli.render.over_time import DECADES, TimeCells, curve, legend, row
from rnncli.reports.reach import PROBLEMS, NetworkReach, Reach, Spread

_COLUMNS = (
    Column("Network"),
    Column("To a tenth"),
    Column("To a hundredth"),
    Column("Left at the end", heading="Left"),
    Column("Largest after"),
    Column("Spectral radius"),
)

_STARTS: Mapping[Init, str] = {
    "keras": "as Keras starts them",
    "torch": "as PyTorch starts them",
    "uniform": "from 0 to 1",
}
"""How weights are drawn."""

_STEP_SPACING = 8
"""Columns from one step named on the axis to the next."""


def reach_page(reach: Reach) -> Iterator[Block]:
    """Yield the networks, their figures, the curves of the effect, and what it all means."""
    reaches = reach.networks
    for number, network in enumerate(reaches, start=1):
        file = "" if network.file is None else f"  {printable(network.file)}"
        yield Line(Text.assemble(f"{number}  ", marked(network.spec, network.origin), file))
    yield Table(_COLUMNS, [_cells(number, network) for number, network in enumerate(reaches, start=1)])
    yield Drawn(lambda console: _curves(console, reaches))
    for text in (*_meaning(reaches), *_notes(reaches)):
        yield Line(Text(text), start=1, below_drawing=True)


def _cells(number: int, reach: NetworkReach) -> Row:
    def steps(spread: Spread) -> Text:
        return _spread(spread, lambda value: f">{reach.steps - 1:,}" if value is None else f"{value:,g}")

    figures = {
        "To a tenth": steps(reach.spreads["steps_to_tenth"]),
        "To a hundredth": steps(reach.spreads["steps_to_hundredth"]),
        "Left at the end": _spread(reach.spreads["last"], _share),
        "Largest after": steps(reach.spreads["largest_after"]),
    }
    if not reach.known:
        word = Text(f"{reach.problem}")
        figures = {title: word if title == "To a tenth" else Text("-") for title in figures}
    radius = reach.spreads["spectral_radius"].median
    return {
        "Network": Text(str(number)),
        BLOCK: Text(f"Network {number}"),
        **figures,
        "Spectral radius": Text(f"{radius:.3g}"),
    }


def _spread(spread: Spread, written: Callable[[float | None], str]) -> Text:
    """Return a median, and how far the seeds are apart if they are: `12 (9–14)`."""
    middle, least, most = map(written, spread)
    return Text(middle if least == most else f"{middle} ({least}–{most})")


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _curves(console: Console, reaches: Sequence[NetworkReach]) -> Iterator[Text]:
    """Yield the curves of networks that have the same steps over one axis."""
    known = {number: reach for number, reach in enumerate(reaches, start=1) if reach.known}
    for bins in dict.fromkeys(reach.step_bins for reach in known.values()):
        shown = {number: reach for number, reach in known.items() if reach.step_bins == bins}
        cells = TimeCells.fitting(console, len(bins))
        yield Text()
        for number, reach in shown.items():
            bars = curve(cells.merge(reach.effect, max))
            yield row(f"{number}", ("".join(bar * cells.cell_width for bar in bars), ""))
        (last,) = {reach.timesteps - 1 for reach in shown.values()}
        axis = cells.axis([f"{step}" for step in cells.starts(bins)], f"{last}", _STEP_SPACING)
        yield row("step", (axis, ""))
        yield from legend(console, cells, [Text(f"effect 1/{10**DECADES:,} to 1 (log)")])
    yield Text()


def _meaning(reaches: Sequence[NetworkReach]) -> Iterator[str]:
    yield (
        "Steps until the effect of a small change to the first input stays under a tenth and a hundredth of its "
        "largest, in the outputs of the last recurrent layer"
    )
    yield "Left: of the effect, at the last step; Largest after: so many steps, 0 is at once"
    yield "Spectral radius: of U, by which the state is multiplied at each step: above 1 effects may grow"
    seeds = len(reaches[0].runs)
    count = "One seed draws" if seeds == 1 else f"Medians (and ranges) of {seeds:,} seeds; each draws"
    starts = [_STARTS[reach.init] for reach in reaches if reach.init is not None]
    where = " where there is no file" if len(starts) < len(reaches) else ""
    drawn = ["an input"] if reaches[0].reads is None else []
    drawn += [f"weights {listed(list(dict.fromkeys(starts)), 'or')}{where}"] if starts else []
    yield f"{count} {', and '.join(drawn)}" if drawn else "All seeds are alike, for the input and the weights are given"
    if reaches[0].reads is not None:
        yield f"The input is the first sample of {printable(reaches[0].reads)}"


def _notes(reaches: Sequence[NetworkReach]) -> Iterator[str]:
    for number, reach in enumerate(reaches, start=1):
        if reach.backwards:
            yield f"{number}: it reads from the last timestep, so that is its first input"
        for problem, failed in reach.problems.items():
            which = ""
            if reach.known:
                left_out = "which is left out" if failed == 1 else "which are left out"
                which = f" with {failed:,} of {plural(len(reach.runs), 'seed')}, {left_out}"
            yield f"{number}: {PROBLEMS[problem]}{which}"
        if reach.steps > 1 and reach.spreads["largest_after"].median == reach.steps - 1:
            yield f"{number}: the effect is largest at the last step: it grows"

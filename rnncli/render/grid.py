"""Where the boxes of a drawing stand: a column for each step shown, and how many of them fit a width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rnncli.quantities import shape_text
from rnncli.reports.unrolled import Steps, Unrolled

BOX = 7
"""The width of a box."""

START = "0 ─►"
BACKWARD_START = "◄─ 0"
"""The state before the first step that is read, at the left or, where time is read backwards, at the right."""

DOTS = "···"
"""The steps left out."""

_SKIP = len(f" {DOTS} ─►")
"""What the last column stands further to the right when steps before it are left out."""

_NARROWEST_GAP = 4
_MOST_FIRST_STEPS = 6
_WIDEST_LABELS = 24
_NARROWEST_LABELS = 4


@dataclass(frozen=True)
class Grid:
    """The places on a drawing.

    Attributes:
        labels: the width of the labels at the left.
        lead: the space between them and the first box.
        gap: the space between two boxes.
        count: the number of steps shown.
        skips: whether steps are left out before the last one.
        shapes_beside: whether shapes stand beside arrows; else on lines of their own, where there is more room.
    """

    labels: int
    lead: int
    gap: int
    count: int
    skips: bool
    shapes_beside: bool

    def left(self, step: int) -> int:
        """Return the column of a box's left edge; steps count from 0."""
        column = self.labels + self.lead + step * (BOX + self.gap)
        return column + _SKIP if self.skips and step == self.count - 1 else column

    def centre(self, step: int) -> int:
        """Return the column of a box's middle."""
        return self.left(step) + BOX // 2

    def start(self, step: int, text: str) -> int:
        """Return the column where a text centred on a box starts."""
        return self.centre(step) - (len(text) - 1) // 2

    def right(self, step: int) -> int:
        """Return the column behind a box."""
        return self.left(step) + BOX

    @property
    def ellipsis(self) -> int:
        """The column of the dots that stand for the steps left out."""
        return self.left(self.count - 2) + BOX + self.gap + 1

    def shown(self, steps: Steps) -> Sequence[int]:
        """Return the steps of `steps` that are shown."""
        return {"all": range(self.count), "first": (0,), "last": (self.count - 1,)}[steps]


def step_names(grid: Grid, letter: str, timesteps: int | None, reversed_time: bool = False) -> list[str]:
    """Return the name of each step shown: x1, x2, xT; in reversed time yT, yT-1, y1."""
    if reversed_time:
        names = [f"{letter}{_step(timesteps, step)}" for step in range(grid.count)]
        if max(map(len, names)) > BOX + grid.gap - 2:
            names = [f"{letter}{_step(None, step)}" for step in range(grid.count)]
        last = "1"
    else:
        names = [f"{letter}{step + 1}" for step in range(grid.count)]
        last = "T" if timesteps is None else str(timesteps)
    return [*names[:-1], f"{letter}{last}"]


def fit(unrolled: Unrolled, labels: Sequence[str], names: Sequence[str], width: int) -> Grid:
    """Return the grid that shows the most within a width, or else the narrowest of all.

    Args:
        unrolled: the network.
        labels: everything that stands at the left.
        names: those of them that are shortened only at the last.
        width: the columns there are.
    """
    longest, names_alone = max(map(len, labels)), max(map(len, names))
    full = max(min(longest, _WIDEST_LABELS), names_alone)
    for grid in _candidates(unrolled, full, names_alone):
        if _width(unrolled, grid) <= width:
            return grid
    unlabelled = _width(unrolled, _grid(unrolled, 0, 1, shapes_beside=False))
    return _grid(unrolled, max(_NARROWEST_LABELS, min(width - unlabelled, names_alone)), 1, shapes_beside=False)


def _candidates(unrolled: Unrolled, full: int, names: int) -> Iterator[Grid]:
    """Yield grids, the best first; one that shows the first two steps is better than one that does not."""
    for labels, shapes_beside in ((full, True), (names, True), (names, False)):
        for first in range(_MOST_FIRST_STEPS, 1, -1):
            yield _grid(unrolled, labels, first, shapes_beside)
    yield _grid(unrolled, names, 1, shapes_beside=True)


def _grid(unrolled: Unrolled, labels: int, first: int, shapes_beside: bool) -> Grid:
    """Return the grid of the `first` steps and the last."""
    timesteps = unrolled.timesteps
    skips = timesteps is None or timesteps > first + 1
    starts_at_left = any(False in layer.backwards for layer in unrolled.layers)
    return Grid(
        labels=labels,
        lead=1 + len(START) if starts_at_left else 2,
        gap=max(_NARROWEST_GAP, len(arrow(unrolled.states))),
        count=first + 1 if timesteps is None or skips else timesteps,
        skips=skips,
        shapes_beside=shapes_beside,
    )


def arrow(states: Sequence[str], width: int = 0, backwards: bool = False) -> str:
    """Return the arrow that carries states to the next step, at least `width` long."""
    text = ",".join(states)
    line = text.center(max(width - 1, len(text) + 2 if text else 1), "─")
    return f"◄{line}" if backwards else f"{line}►"


def _width(unrolled: Unrolled, grid: Grid) -> int:
    """Return the width of a drawing, but for shapes that have their own lines."""
    last = grid.count - 1
    name = step_names(grid, "x", unrolled.timesteps)[-1]
    named = grid.start(last, name) + len(name)
    starts_at_right = any(True in layer.backwards for layer in unrolled.layers)
    widths = [named, grid.right(last) + len(BACKWARD_START) * starts_at_right]
    if grid.shapes_beside:
        ends = [(grid.centre(grid.shown(layer.returns)[-1]) + 1, layer.output_shape) for layer in unrolled.layers]
        ends.append((named, unrolled.input_shape))
        if unrolled.output_steps == "all":
            ends.append((named, unrolled.output_shape))
        widths += [end + 1 + len(shape_text(shape)) for end, shape in ends]
    return max(widths)


def _step(timesteps: int | None, before: int) -> str:
    """Return the number of the step that comes `before` steps before the last."""
    if timesteps is None:
        return f"T-{before}" if before else "T"
    return str(timesteps - before)

"""Where the boxes of a drawing stand: one column for each step shown, as many as fit the width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rnncli.reports.unrolled import Steps, Unrolled, Windows

_BOX = 7
"""The width of a box; one with an even number of letters in it is one wider, so that they stand in its middle."""

START = "0 ─►"
BACKWARD_START = "◄─ 0"
"""The zero state that a cell starts with: before the first box or, where time is read backwards, after the last."""

LEAVES, BACKWARD_LEAVES = "─► ", " ◄─"
"""The arrow to the last states of a cell, which leave it at its end, or of one that reads backwards."""

DOTS = "···"
"""Stands for the steps left out."""

_SKIP = len(f" {DOTS} ─►")
"""How much further to the right the last column stands where steps before it are left out."""

_LONGEST_NUMBER = 4
"""A step with a longer number than this is called T where it names states."""

_MOST_NAMES = 3
"""So many timesteps of a window are named each; of a wider one the first and the last."""

_SEQUENCES = {"input": "x", "vector": "v", "sequence": "y", "reversed": "s"}
"""What the vectors of a sequence are called that windows move over."""

_NARROWEST_GAP = 4
_MOST_FIRST_STEPS = 6
_WIDEST_LABELS = 32


@dataclass(frozen=True)
class StepColumns:
    """The columns of the steps shown: the first steps of the sequence and its last.

    Attributes:
        label_width: the width of the labels at the left.
        margin: the space between the labels and the first box.
        gap: the space between two boxes.
        count: the number of steps shown.
        skips: whether steps are left out before the last one.
        shapes_beside: whether shapes stand beside arrows; else they have lines of their own, where there is more room.
        ends: the names of the first and the last step, `1` and `T`, if the last states of the cells are shown.
        box: the width of the widest box.
    """

    label_width: int
    margin: int
    gap: int
    count: int
    skips: bool
    shapes_beside: bool
    ends: tuple[str, str] | None = None
    box: int = _BOX

    def left(self, step: int) -> int:
        """Return where the box of a step starts; steps count from 0."""
        column = self.label_width + self.margin + step * (self.box + self.gap)
        return column + _SKIP if self.skips and step == self.count - 1 else column

    def centre(self, step: int) -> int:
        """Return the middle column of the box of a step."""
        return self.left(step) + _BOX // 2

    def centred(self, step: int, text: str) -> int:
        """Return where a text starts that is centred on the box of a step."""
        return self.centre(step) - (len(text) - 1) // 2

    @property
    def dots(self) -> int:
        """Where the dots start that stand for the steps left out."""
        return self.left(self.count - 2) + self.box + self.gap + 1

    def shown(self, steps: Steps) -> Sequence[int]:
        """Return which of the steps shown are among `steps`."""
        return {"all": range(self.count), "first": (0,), "last": (self.count - 1,)}[steps]


def last_states(states: Sequence[str], ends: tuple[str, str], backwards: bool) -> list[str]:
    """Return the names of the states of a cell after its last step: hT and cT; h1 and c1, if it reads backwards."""
    return [state + ends[0 if backwards else 1] for state in states]


def step_names(columns: StepColumns, letter: str, timesteps: int | None, reversed_time: bool = False) -> list[str]:
    """Return the name of each step shown: x1, x2, xT; in reversed time yT, yT-1, y1."""
    steps_before_last = range(columns.count - 1)
    if not reversed_time:
        numbers = [*(str(step + 1) for step in steps_before_last), _counted_back(timesteps, 0)]
    else:
        numbers = [*(_counted_back(timesteps, step) for step in steps_before_last), "1"]
        if max(map(len, numbers)) + len(letter) > columns.box + columns.gap - 2:
            numbers = [*(_counted_back(None, step) for step in steps_before_last), "1"]
    return [letter + number for number in numbers]


def window_names(columns: StepColumns, windows: Windows, outputs: int | None) -> list[str]:
    """Return what the windows of the steps shown read: `x1 x2 x3`, `x1 ··· x5` where they are many, 0 for padding.

    Args:
        columns: the columns.
        windows: the windows.
        outputs: how many there are, or None for unknown.
    """
    window, length, over = windows
    letter = _SEQUENCES[over]

    def name(time: int) -> str:
        return "0" if not time else letter if over == "vector" else f"{letter}{time}"

    def fitting(names: list[str]) -> str:
        first, *_, last = names * 2
        shown = [" ".join(names)] if len(names) <= _MOST_NAMES else []
        shown += [f"{first} {DOTS} {last}", f"{DOTS} {last}"]
        return next((text for text in shown if len(text) <= columns.box + columns.gap - 2), DOTS)

    if window.goes_by_length and length is None:
        return [DOTS] * columns.count
    numbers = [*range(1, columns.count), outputs]
    texts = [fitting([*map(name, window.read_by(number, length))]) for number in numbers if number is not None]
    if outputs is None:
        behind = window.around(None)[1]
        texts.append(f"{DOTS} 0" if behind else f"{DOTS} {letter}T" if window.stride == 1 else DOTS)
    return texts


def _counted_back(timesteps: int | None, steps: int) -> str:
    """Return the number of the step that comes `steps` steps before the last: 98, or T-2 where T is not known."""
    if timesteps is not None:
        return str(timesteps - steps)
    return f"T-{steps}" if steps else "T"


def arrow(states: Sequence[str], width: int = 0, backwards: bool = False) -> str:
    """Return the arrow that carries states to the next step, at least `width` long."""
    text = ",".join(states)
    line = text.center(max(width - 1, len(text) + 2 if text else 1), "─")
    return f"◄{line}" if backwards else f"{line}►"


def shown_kind(kind: str) -> str:
    """Return a kind as it stands in a box: of one that is too long the first letters."""
    return kind if len(kind) <= _BOX - 2 else kind[: _BOX - 3]


def box_width(kind: str) -> int:
    """Return the width of a box in which a kind stands in the middle."""
    return _BOX + (len(kind) + 1) % 2


def columns_from_widest(unrolled: Unrolled, label_width: int) -> Iterator[StepColumns]:
    """Yield all columns worth trying, those that show most first, the narrowest last.

    To save width, steps are left out down to the first two and the last, then shapes move to lines of their own, then
    labels move above what they name, then the last states are left out; a drawing without the second step comes after
    all of these.

    Args:
        unrolled: the network.
        label_width: the width of the labels at the left. Where they stand above what they name, it is 0.
    """
    widths = [label_width, 0] if label_width <= _WIDEST_LABELS else [0]
    for shows_ends in (True, False):
        for width in widths:
            for shapes_beside in (True, False):
                for first_steps in range(_MOST_FIRST_STEPS, 1, -1):
                    yield _columns(unrolled, width, first_steps, shapes_beside, shows_ends)
    yield _columns(unrolled, 0, 1, shapes_beside=True, shows_ends=False)
    yield _columns(unrolled, 0, 1, shapes_beside=False, shows_ends=False)


def _columns(
    unrolled: Unrolled, label_width: int, first_steps: int, shapes_beside: bool, shows_ends: bool
) -> StepColumns:
    """Return the columns that show so many first steps and the last one."""
    timesteps = unrolled.timesteps
    count = first_steps + 1
    if timesteps is not None:
        count = min(count, timesteps)
    ends = ("1", _last_step(timesteps)) if shows_ends and unrolled.states else None
    return StepColumns(
        label_width=label_width,
        margin=1 + max([1, *map(len, _before_first_box(unrolled, ends))]),
        gap=max(_NARROWEST_GAP, len(arrow(unrolled.states))),
        count=count,
        skips=count != timesteps,
        shapes_beside=shapes_beside,
        ends=ends,
        box=max([_BOX, *(box_width(shown_kind(layer.kind)) for layer in unrolled.layers)]),
    )


def _last_step(timesteps: int | None) -> str:
    number = str(timesteps)
    return "T" if timesteps is None or len(number) > _LONGEST_NUMBER else number


def _before_first_box(unrolled: Unrolled, ends: tuple[str, str] | None) -> Iterator[str]:
    """Yield what stands before the first box of a row: where a cell starts, or its last states."""
    for layer in unrolled.layers:
        for backwards in layer.backwards:
            if not backwards:
                yield START
            elif ends is not None:
                yield ",".join(last_states(layer.states, ends, backwards)) + BACKWARD_LEAVES

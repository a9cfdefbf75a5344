"""The line of a progress bar: as much as there is room for."""

from __future__ import annotations

import os
import sys
from math import inf

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TimeRemainingColumn
from rich.table import Table

_WIDEST, _NARROWEST = 40, 8
"""Columns of the bar itself."""

_IMPORTANCE = ("left", "count", "share", "name", "bar")
"""The parts of the line; where there is no room for all of them, the last ones go first."""

_ORDER = ("name", "bar", "count", "share", "left")


class BarLine:
    """What a bar shows: the work's name, a bar, how many of how many, the share, and how much time is left.

    Args:
        name: the name of the work.
        total: how much there is to do, or None if that is not known.

    Attributes:
        name: the name, which may become another.
    """

    def __init__(self, name: str, total: int | None) -> None:
        self.name = name
        self._console = Console(
            stderr=True, force_terminal=True, highlight=False, no_color=bool(os.environ.get("NO_COLOR"))
        )
        # Rich keeps the figures and never draws: with slow work the pace of all that has been done counts.
        self._progress = Progress(console=self._console, auto_refresh=False, speed_estimate_period=inf)
        self._task_id = self._progress.add_task(name, total=total)
        self._time = TimeRemainingColumn()

    def text(self, done: float) -> str:
        """Return the line for so much done, with its styles, narrower than the terminal is now."""
        self._progress.update(self._task_id, completed=done)
        (task,) = self._progress.tasks
        forms = {"name": [self.name], "count": [f"{round(done):,}"]}
        if task.total is not None:
            total = f"{task.total:,}"
            forms["count"] = [f"{round(done):>{len(total)},}/{total}", f"{_short(done)}/{_short(task.total).strip()}"]
            forms["share"] = [f"{task.percentage:3.0f}%"]
            forms["left"] = [f"{self._time(task)} left"]
        room = self._room()
        cells: dict[str, RenderableType] = {}
        for part in _IMPORTANCE[:-1]:
            fitting = next((form for form in forms.get(part, []) if len(form) < room), None)
            if fitting is not None:
                cells[part] = fitting
                room -= len(fitting) + 1
        if room > _NARROWEST:
            bar = BarColumn(
                min(room - 1, _WIDEST),
                "bright_black",
                complete_style="bright_blue",
                finished_style="bright_blue",
                pulse_style="bright_blue",
            )
            cells["bar"] = bar(task)
        row = Table.grid(padding=(0, 1, 0, 0))
        row.add_row(*(cells[part] for part in _ORDER if part in cells))
        with self._console.capture() as captured:
            self._console.print(row, end="", no_wrap=True)
        return captured.get().rstrip("\n")

    def _room(self) -> int:
        """Return how many columns there are for parts, each with a space behind it. The terminal's last stays free."""
        try:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        return min(columns or self._console.width, self._console.width)


def _short(number: float) -> str:
    """Return a number in few characters, padded to five: 12.3M."""
    power = 0
    while number >= 999.5:
        number, power = number / 1000, power + 1
    return f"{number:.3g}{('', 'k', 'M', 'G', 'T', 'P')[power]}".rjust(5)

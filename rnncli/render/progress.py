"""Work that takes long: a bar that says how far it is, and a note at its start if it will take very long.

A bar shows if the work takes longer than half a second, standard error is a terminal, and standard output is none or
anything but a pipe: what reads a pipe may be a pager, which has the same terminal for itself. Nor does it show where
TERM is dumb, or while the program runs in the background. In a notebook it shows below the cell that runs.

After each drawing the cursor goes back to where the bar starts. When a terminal becomes narrower and wraps the bar, the
cursor stays there, and all that is below it is the bar's: so it can be erased whatever has become of the width. The
cursor is never hidden, so nothing can leave it hidden.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from threading import Event, RLock, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rnncli.quantities import about, short
from rnncli.system.signals import moves_cursor, stopped_within, undone_by_signals
from rnncli.system.streams import columns_of, in_foreground

if TYPE_CHECKING:
    from rich.console import RenderableType

DELAY = 0.5
"""Seconds before a bar appears."""

JUDGED = 1.0
"""Seconds of work from which its pace is judged."""

PERIOD = 0.1
"""Seconds between two drawings of a bar."""

LONG = 600.0
"""Seconds: work that takes longer says so at its start."""

COUNTABLE = 10**15
"""Beyond it a share of the work says nothing, and the bar only shows that there is some."""

_ERASE_BELOW = "\x1b[J"
_ERASE = f"\r {_ERASE_BELOW}\r\x1b[2K"
"""Not all from the first column: at the top of its screen tmux would take that for a screen to be kept."""

_PATIENCE = 0.2
"""Seconds that a signal waits for a drawing to be done; a terminal that is stopped shows nothing of it."""


class Progress:
    """Work and how far it is. As a block, while which the work is done, it has a bar, drawn by a thread of its own.

    Call it with how much of the total has been done since the last call. The pace is measured from the first call on,
    which may be a call with 0, and judged once.

    Args:
        name: what is being done, in a word.
        total: how much there is to do; 0 if that is not known.
        tell: prints a line on standard error.
        advice: what can be done about very long work.
        shown: whether there may be a bar.
        clock: tells the seconds that count for the pace.

    Attributes:
        name: what is being done now.
    """

    def __init__(
        self,
        name: str,
        total: int,
        tell: Callable[[str], object],
        *,
        advice: str = "Ctrl-C ends it",
        shown: bool = True,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.name = name
        self._total = total
        self._tell = tell
        self._advice = advice
        self._clock = clock
        self._done = 0.0
        self._first: tuple[float, float] | None = None
        """When the pace was first looked at, and how much had been done."""
        self._judged = not total
        self._place = place() if shown else None
        self._lock = RLock()
        """Held by whoever writes to the terminal."""
        self._ended = Event()
        self._blocks = ExitStack()

    def __call__(self, amount: float) -> None:
        """Count what has been done; very long work is told of as soon as its pace is known."""
        self._done += amount
        if self._judged:
            return
        now = self._clock()
        if self._first is None:
            self._first = now, self._done
        start, done_before = self._first
        if now - start < JUDGED or self._done == done_before:
            return
        self._judged = True
        seconds = (now - start) / (self._done - done_before) * min(self._total, 10**30)  # a float holds it
        if seconds > LONG:
            with self.away():
                self._tell(f"Note: at this pace the run takes {about(seconds)} ({self._advice})")

    def go_on_to(self, name: str) -> None:
        """Say what is being done from now on."""
        self.name = name

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the bar away for a block that writes to the terminal."""
        with self._lock:
            if self._place is not None:
                self._place.erase()
            yield

    def __enter__(self) -> Progress:
        if self._place is not None:
            self._blocks.enter_context(stopped_within(self.away))
            self._blocks.callback(self._end)
            self._blocks.enter_context(undone_by_signals(self._wipe))
            with suppress(RuntimeError):  # no threads: nor is there a bar
                Thread(target=self._draw, args=[self._place], daemon=True).start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._blocks.close()

    def _draw(self, place: Place) -> None:
        """Draw the bar again and again, from the delay on."""
        if self._ended.wait(DELAY):
            return
        line = BarLine(self._total if 0 < self._total <= COUNTABLE else None)
        with suppress(OSError, ValueError):  # the terminal is gone
            while not self._ended.is_set():
                text = line.text(self.name, self._done)
                with self._lock:
                    if not self._ended.is_set() and in_foreground(sys.stderr):
                        place.draw(text)
                self._ended.wait(PERIOD)

    def _end(self) -> None:
        self._ended.set()
        with self.away():
            pass

    def _wipe(self) -> None:
        """Erase the bar when a signal ends the process."""
        self._ended.set()
        self._lock.acquire(timeout=_PATIENCE)
        if self._place is not None:
            self._place.wipe()


class Place:
    """Where a bar is drawn: standard error, which is a terminal."""

    _is_drawn = False

    def draw(self, text: str) -> None:
        """Draw it in place of the one before."""
        self._is_drawn = True
        sys.stderr.write(f"{text}{_ERASE_BELOW}\r")
        sys.stderr.flush()

    def erase(self) -> None:
        """Erase it, if it is drawn."""
        if self._is_drawn:
            self._is_drawn = False
            with suppress(OSError, ValueError):
                sys.stderr.write(_ERASE)
                sys.stderr.flush()

    def wipe(self) -> None:
        """Erase it past what is buffered, which another thread may be at."""
        if self._is_drawn:
            os.write(2, _ERASE.encode())


class NotebookPlace(Place):
    """The same in a notebook, below the cell that runs."""

    _display: Any = None

    def draw(self, text: str) -> None:
        """Draw it in place of the one before."""
        if self._display is None:
            display = sys.modules["IPython"].display.display
            self._display = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._display.update({"text/plain": text}, raw=True)

    def erase(self) -> None:
        """Erase it, if it has been drawn."""
        if self._display is not None:
            self._display.update({"text/plain": ""}, raw=True)


def place() -> Place | None:
    """Return where a bar is drawn; None where there is no place for one."""
    if in_notebook():
        return NotebookPlace()
    return Place() if has_place() else None


def in_notebook() -> bool:
    """Return whether this runs in the cells of a notebook."""
    interactive = sys.modules.get("IPython")
    return interactive is not None and hasattr(interactive.get_ipython(), "kernel")


def has_place() -> bool:
    """Return whether there is a place for a bar: see the top of this file."""
    if sys.stderr is None or not sys.stderr.isatty() or not moves_cursor():
        return False
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return True  # closed, or a stream of Python's own
    return not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


_WIDEST, _NARROWEST = 40, 8
"""Columns of the bar itself."""

_ORDER = ("name", "bar", "count", "share", "left")
"""The parts of the line."""


class BarLine:
    """What a bar shows: the work's name, a bar, how many of how many, the share, and how much time is left.

    Args:
        total: how much there is to do, or None if that is not known.
    """

    def __init__(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        self._console = Console(
            stderr=True,
            force_terminal=True,
            force_jupyter=False,
            highlight=False,
            no_color=bool(os.environ.get("NO_COLOR")),
        )
        # Rich keeps the figures and never draws: with slow work the pace of all that has been done counts.
        self._progress = RichProgress(console=self._console, auto_refresh=False, speed_estimate_period=inf)
        self._progress.add_task("", total=total)

    def text(self, name: str, done: float) -> str:
        """Return the line for so much done of some work, with its styles, narrower than the terminal is now."""
        from rich.progress import BarColumn, TimeRemainingColumn
        from rich.table import Table

        (task,) = self._progress.tasks
        self._progress.update(task.id, completed=done)
        forms = {"count": [f"{round(done):,}"], "name": [name]}
        if task.total is not None:
            total = f"{task.total:,}"
            # Where there is no room for all of them, the last ones go first.
            forms = {
                "left": [f"{TimeRemainingColumn()(task)} left"],
                "count": [f"{round(done):>{len(total)},}/{total}", f"{short(done, 3):>5}/{short(task.total, 3)}"],
                "share": [f"{task.percentage:3.0f}%"],
                "name": [name],
            }
        room = min(columns_of(sys.stderr) or self._console.width, self._console.width)  # the last of which stays free
        cells: dict[str, RenderableType] = {}
        for part, texts in forms.items():
            fitting = next((text for text in texts if len(text) < room), None)
            if fitting is not None:
                cells[part] = fitting
                room -= len(fitting) + 1
        if room > _NARROWEST:
            colour = "bright_blue"
            bar = BarColumn(min(room - 1, _WIDEST), "bright_black", colour, colour, colour)
            cells["bar"] = bar(task)
        row = Table.grid(padding=(0, 1, 0, 0))
        row.add_row(*(cells[part] for part in _ORDER if part in cells))
        with self._console.capture() as captured:
            self._console.print(row, end="", no_wrap=True)
        return captured.get().rstrip("\n")

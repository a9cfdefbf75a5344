"""Work that takes long: a bar that says how far it is, and a note at its start if it will take very long.

A bar shows if the work takes longer than half a second, standard error is a terminal, and standard output is none or
anything but a pipe: what reads a pipe may be a pager, which has the same terminal for itself. Nor does it show where
TERM is dumb, or while the program runs in the background. In a notebook it shows below the cell that runs.

After each drawing the cursor goes back to where the bar starts. When a terminal becomes narrower and wraps the bar, the
cursor stays there, and all that is below it is the bar's: so it can be erased whatever has become of the width. The
cursor is never hidden, so nothing can leave it hidden.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from math import inf
from threading import Event, RLock, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rnncli.quantities import about
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
    """Work and how far it is. As a block, while which the work is done, it has a bar.

    Call it with how much of the total has been done since the last call. The pace is measured from the first call on,
    which may be a call with 0.

    Args:
        name: what is being done, in a word.
        total: how much there is to do; 0 if that is not known.
        tell: prints a line on standard error.
        advice: what can be done about very long work.
        shown: whether there may be a bar.
        clock: tells the seconds that count for the pace.
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
        self._tell = tell
        self._advice = advice
        self._pace = Pace(total, clock)
        self._bar = bar_of(name, total) if shown else None
        self._blocks = contextlib.ExitStack()

    def __call__(self, amount: float) -> None:
        """Count what has been done; very long work is told of as soon as its pace is known."""
        self._pace.add(amount)
        if self._bar is not None:
            self._bar.done = self._pace.done
        seconds = self._pace.judged()
        if seconds is not None and seconds > LONG:
            with self.away():
                self._tell(f"Note: at this pace the run takes {about(seconds)} ({self._advice})")

    def go_on_to(self, name: str) -> None:
        """Say what is being done from now on."""
        if self._bar is not None:
            self._bar.name = name

    def away(self) -> AbstractContextManager[None]:
        """Return a block that may write to the terminal: the bar is away so long."""
        return contextlib.nullcontext() if self._bar is None else self._bar.away()

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._blocks.enter_context(self._bar.shown())
        return self

    def __exit__(self, *reason: object) -> None:
        self._blocks.close()


class Pace:
    """How fast work goes on: judged once, when the first second of it is over.

    Attributes:
        done: how much has been done.
    """

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self.done = 0.0
        self._total = min(total, 10**30)  # a float holds it
        self._clock = clock
        self._first: tuple[float, float] | None = None
        self._judged = not total

    def add(self, amount: float) -> None:
        """Count what has been done since the last call."""
        self.done += amount

    def judged(self) -> float | None:
        """Return how many seconds all the work takes at this pace; None before it can be judged, and ever after."""
        if self._judged:
            return None
        now = self._clock()
        if self._first is None:
            self._first = now, self.done
            return None
        start, done_before = self._first
        done = self.done - done_before
        if now - start < JUDGED or not done:
            return None
        self._judged = True
        return (now - start) / done * self._total


class Bar:
    """A bar on standard error, drawn by a thread of its own. It starts once.

    Attributes:
        name: what is being done.
        done: how much has been done.
    """

    def __init__(self, name: str, total: int) -> None:
        self.name = name
        self.done = 0.0
        self._total = total if 0 < total <= COUNTABLE else None
        self._ended = Event()
        self._lock = RLock()
        """Held by whoever writes to the terminal."""
        self._is_drawn = False

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Draw it during a block, from the delay on, and erase it whatever ends the block."""
        with stopped_within(self.away):
            with contextlib.suppress(RuntimeError):  # no threads: nor is there a bar
                Thread(target=self._run, daemon=True).start()
            try:
                with undone_by_signals(self._wipe):
                    yield
            finally:
                self._ended.set()
                with self._lock:
                    self._erase()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Take the bar away for a block that writes to the terminal."""
        with self._lock:
            self._erase()
            yield

    def _run(self) -> None:
        if self._ended.wait(DELAY):
            return
        line = BarLine(self.name, self._total)
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone
            while not self._ended.is_set():
                line.name = self.name
                text = line.text(self.done)
                with self._lock:
                    if not self._ended.is_set() and in_foreground(sys.stderr):
                        self._draw(text)
                self._ended.wait(PERIOD)

    def _draw(self, text: str) -> None:
        self._is_drawn = True
        sys.stderr.write(f"{text}{_ERASE_BELOW}\r")
        sys.stderr.flush()

    def _erase(self) -> None:
        if self._is_drawn:
            self._is_drawn = False
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(_ERASE)
                sys.stderr.flush()

    def _wipe(self) -> None:
        """Erase it when a signal ends the process: past what is buffered, which another thread may be at."""
        self._ended.set()
        self._lock.acquire(timeout=_PATIENCE)
        if self._is_drawn:
            os.write(2, _ERASE.encode())


class NotebookBar(Bar):
    """The same in a notebook, below the cell that runs."""

    _display: Any = None

    def _draw(self, text: str) -> None:
        shown = {"text/plain": text}
        if self._display is None:
            self._display = sys.modules["IPython"].display.display(shown, raw=True, display_id=True)
        else:
            self._display.update(shown, raw=True)

    def _erase(self) -> None:
        if self._display is not None:
            self._display.update({"text/plain": ""}, raw=True)

    def _wipe(self) -> None:
        self._ended.set()


def bar_of(name: str, total: int) -> Bar | None:
    """Return a bar where there is a place for one, else None."""
    if in_notebook():
        return NotebookBar(name, total)
    return Bar(name, total) if has_place() else None


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
        from rich.console import Console
        from rich.progress import Progress as RichProgress
        from rich.progress import TimeRemainingColumn

        self.name = name
        self._console = Console(
            stderr=True,
            force_terminal=True,
            force_jupyter=False,
            highlight=False,
            no_color=bool(os.environ.get("NO_COLOR")),
        )
        # Rich keeps the figures and never draws: with slow work the pace of all that has been done counts.
        self._progress = RichProgress(console=self._console, auto_refresh=False, speed_estimate_period=inf)
        self._task_id = self._progress.add_task(name, total=total)
        self._time = TimeRemainingColumn()

    def text(self, done: float) -> str:
        """Return the line for so much done, with its styles, narrower than the terminal is now."""
        from rich.progress import BarColumn
        from rich.table import Table

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
        return min(columns_of(sys.stderr) or self._console.width, self._console.width)


def _short(number: float) -> str:
    """Return a number in few characters, padded to five: 12.3M."""
    power = 0
    while number >= 999.5:
        number, power = number / 1000, power + 1
    return f"{number:.3g}{('', 'k', 'M', 'G', 'T', 'P')[power]}".rjust(5)

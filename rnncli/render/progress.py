"""Long-running work: a progress bar, and a note at the start if the work will take very long.

A bar appears if the work takes longer than half a second, standard error is a terminal, and standard output is not a
pipe, whose reader may be a pager that uses the same terminal. It does not appear if TERM is dumb, nor while the program
runs in the background. In a notebook it appears below the running cell.

After each drawing the cursor returns to the start of the bar. When a terminal becomes narrower and wraps the bar, the
cursor stays there and everything below it belongs to the bar, so the bar can be erased at any width. The cursor is
never hidden, so it cannot stay hidden by accident.
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
from rnncli.system.streams import columns_of, in_foreground, mode_of

if TYPE_CHECKING:
    from rich.console import RenderableType

DELAY = 0.5
"""Seconds before a bar appears."""

JUDGED = 1.0
"""Seconds of work before its pace is estimated."""

PERIOD = 0.1
"""Seconds between two drawings of a bar."""

LONG = 600.0
"""Seconds of estimated work from which a note is printed at the start."""

COUNTABLE = 10**15
"""The most work for which the bar shows a share; beyond that it only shows activity."""

_ERASE_BELOW = "\x1b[J"
_ERASE = f"\r {_ERASE_BELOW}\r\x1b[2K"
"""Starts from the second column, because tmux saves a copy of a screen that is erased from its top left corner."""

_PATIENCE = 0.2
"""Seconds that a signal handler waits for a drawing to finish; a stopped terminal would never finish it."""


class Progress:
    """The progress of some work. As a context manager around the work it shows a bar, drawn by a separate thread.

    Call it with the amount of work done since the last call. The pace is measured from the first call, which may pass
    0, and estimated once.

    Args:
        name: a word for the work.
        total: the total amount of work; 0 if unknown.
        tell: prints a line on standard error.
        advice: what the user can do about very long work.
        shown: whether a bar is allowed.
        clock: returns the seconds by which the pace is measured.

    Attributes:
        name: a word for the current work.
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
        """The time of the first measurement, and the work done by then."""
        self._judged = not total
        self._show = bar_display() if shown else None
        self._is_drawn = False
        self._lock = RLock()
        """Held while writing to the terminal."""
        self._ended = Event()
        self._blocks = ExitStack()

    def __call__(self, amount: float) -> None:
        """Add an amount of finished work; print a note about very long work once its pace is known."""
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
        seconds = (now - start) / (self._done - done_before) * min(self._total, 10**30)  # fits in a float
        if seconds > LONG:
            self.tell(f"Note: at this pace the run takes {about(seconds)} ({self._advice})")

    def go_on_to(self, name: str) -> None:
        """Set the name of the work from now on."""
        self.name = name

    def tell(self, line: str) -> None:
        """Print a line on standard error, above the bar."""
        with self.away():
            self._tell(line)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Remove the bar for a block that writes to the terminal."""
        with self._lock:
            if self._show is not None and self._is_drawn:
                self._is_drawn = False
                with suppress(OSError, ValueError):  # the terminal was closed
                    self._show("")
            yield

    def __enter__(self) -> Progress:
        if self._show is not None:
            self._blocks.enter_context(stopped_within(self.away))
            self._blocks.enter_context(undone_by_signals(self._wipe))
            with suppress(RuntimeError):  # without threads there is no bar
                Thread(target=self._draw, args=[self._show], daemon=True).start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._ended.set()
        with self.away():
            self._blocks.close()

    def _draw(self, show: Show) -> None:
        """Redraw the bar periodically, starting after the delay."""
        if self._ended.wait(DELAY):
            return
        line = BarLine(self._total if 0 < self._total <= COUNTABLE else None)
        with suppress(OSError, ValueError):  # the terminal was closed
            while not self._ended.is_set():
                text = line.text(self.name, self._done)
                with self._lock:
                    if not self._ended.is_set() and in_foreground(sys.stderr):
                        self._is_drawn = True
                        show(text)
                self._ended.wait(PERIOD)

    def _wipe(self) -> None:
        """Erase the bar when a signal ends the process, without the stream's buffer, which a thread may be using."""
        self._ended.set()
        self._lock.acquire(timeout=_PATIENCE)
        if self._is_drawn and self._show is show_on_terminal:
            os.write(2, _ERASE.encode())


Show = Callable[[str], None]
"""Shows the text of a bar in place of the one before it, or for an empty text no bar."""


def show_on_terminal(text: str) -> None:
    """Show a bar on standard error, which is a terminal, from the start of the line: it may have echoed a ^C."""
    sys.stderr.write(f"\r{text}{_ERASE_BELOW}\r" if text else _ERASE)
    sys.stderr.flush()


class _InNotebook:
    """Shows a bar below the running cell of a notebook."""

    _display: Any = None

    def __call__(self, text: str) -> None:
        if self._display is None:
            self._display = sys.modules["IPython"].display.display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._display.update({"text/plain": text}, raw=True)


def bar_display() -> Show | None:
    """Return what shows a bar, in a notebook or on a terminal; None if there is no place for one."""
    interactive = sys.modules.get("IPython")
    if interactive is not None and hasattr(interactive.get_ipython(), "kernel"):
        return _InNotebook()
    return show_on_terminal if has_place() else None


def has_place() -> bool:
    """Return whether the terminal has a place for a bar: see the top of this file."""
    if sys.stderr is None or not sys.stderr.isatty() or not moves_cursor():
        return False
    mode = mode_of(sys.stdout)
    return not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


_WIDEST, _NARROWEST = 40, 8
"""The most and the least columns of the bar itself."""


class BarLine:
    """The line of a bar: the work's name, the bar, the count, the total if it is known, the share, the time left."""

    def __init__(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        plain = bool(os.environ.get("NO_COLOR"))
        self._console = Console(stderr=True, force_terminal=True, force_jupyter=False, highlight=False, no_color=plain)
        # Rich only computes the figures and never draws. The pace of slow work is measured over all of it.
        self._progress = RichProgress(console=self._console, auto_refresh=False, speed_estimate_period=inf)
        self._progress.add_task("", total=total)

    def text(self, name: str, done: float) -> str:
        """Return the styled line for an amount of finished work, narrower than the terminal's current width."""
        from rich.progress import BarColumn, TimeRemainingColumn
        from rich.table import Table

        (task,) = self._progress.tasks
        self._progress.update(task.id, completed=done)
        forms = {"count": [f"{round(done):,}"] if done else [], "name": [name]}
        if task.total is not None:
            total = f"{task.total:,}"
            # If there is no room for all of them, the last ones are dropped first.
            forms = {
                "left": [f"{TimeRemainingColumn()(task)} left"],
                "count": [f"{round(done):>{len(total)},}/{total}", f"{short(done, 3):>5}/{short(task.total, 3)}"],
                "share": [f"{task.percentage:3.0f}%"],
                "name": [name],
            }
        room = min(columns_of(sys.stderr) or self._console.width, self._console.width)  # the last column stays free
        cells: dict[str, RenderableType] = {}
        for part, texts in forms.items():
            for text in [text for text in texts if len(text) < room][:1]:
                cells[part] = text
                room -= len(text) + 1
        if room > _NARROWEST:
            colour = "bright_blue"
            cells["bar"] = BarColumn(min(room - 1, _WIDEST), "bright_black", colour, colour, colour)(task)
        row = Table.grid(padding=(0, 1, 0, 0))
        row.add_row(*(cells[part] for part in ("name", "bar", "count", "share", "left") if part in cells))
        with self._console.capture() as captured:
            self._console.print(row, end="", no_wrap=True)
        return captured.get().rstrip("\n")

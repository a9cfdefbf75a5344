"""A progress bar for work that takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rnncli.system.signals import undone_by_signals

DELAY = 0.5
"""Seconds before a bar appears."""

_WIPE_LINE = b"\r\x1b[2K"
"""What has a terminal go back to the start of a line and clear it."""


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error if the block takes longer than half a second, and standard error is a terminal.

    Yields the progress callback: call it with how much of `total` has been done since the last call.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda amount: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    class CursorKept(Console):
        def show_cursor(self, show: bool = True) -> bool:
            """Leave the cursor as it is: what is never hidden stays there whatever kills the process."""
            del show
            return False

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=CursorKept(stderr=True),
        transient=True,
    )

    def wipe() -> None:
        if bar.live.is_started:
            os.write(2, _WIPE_LINE)

    task = bar.add_task(description, total=total or None)
    timer = Timer(DELAY, bar.start)
    timer.daemon = True
    timer.start()
    try:
        with undone_by_signals(wipe):
            yield lambda amount: bar.advance(task, amount)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()

"""What a signal that tells the process to end leaves behind: nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ENDING = tuple(
    getattr(signal, name)
    for name in (
        *("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGXCPU"),
        *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2"),
    )
    if hasattr(signal, name)
)
"""What somebody, or a limit, ends a process with. A fault of the process itself is none of them."""

INTERRUPTED = "Interrupted\n"
"""What Ctrl-C makes it say."""

_UNDO: list[Callable[[], object]] = []
"""What is to be undone, the latest last. It belongs to the process, as the handlers of its signals do."""


def end_on_signals() -> None:
    """Let those signals end the process at once, with status 128 + their number and whatever it is doing.

    No exception is raised, because there are places that would lose it: a module that is being imported, a destructor.
    A signal that is ignored from the start (nohup, a job in the background) stays so.
    """
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


@contextmanager
def undone_by_signals(undo: Callable[[], object]) -> Iterator[None]:
    """Have `undo` called if a signal ends the process inside the block."""
    _UNDO.append(undo)
    try:
        yield
    finally:
        _UNDO.remove(undo)


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    for undo in reversed(_UNDO):
        try:
            undo()
        except Exception:  # whatever it is, the others are undone and the process ends
            continue
    if number == signal.SIGINT:
        with suppress(OSError):
            # The terminal has echoed ^C: end its line.
            os.write(2, (("\n" if os.isatty(2) else "") + INTERRUPTED).encode())
    os._exit(128 + number)

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

ECHO_AWAY = "\n" if os.environ.get("TERM") in ("dumb", "unknown") else "\r\x1b[K"
"""What takes the ^C away that a terminal has echoed, or at least ends its line."""

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


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt inside the block, for work that has something to show when it is ended."""
    ends = signal.getsignal(signal.SIGINT) is _end
    if ends:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ends:
            signal.signal(signal.SIGINT, _end)


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    for undo in reversed(_UNDO):
        try:
            undo()
        except Exception:  # whatever it is, the others are undone and the process ends
            continue
    if number == signal.SIGINT:
        with suppress(OSError):
            os.write(2, ((ECHO_AWAY if os.isatty(2) else "") + INTERRUPTED).encode())
    os._exit(128 + number)

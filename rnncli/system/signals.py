"""What a signal that tells the process to end leaves behind: nothing.

Python hears a signal in its main thread, between two of its own instructions. A library that decomposes a large matrix
may be in a single call for a minute, so a second thread hears the signal, too, and ends the process where the first one
does not.
"""

from __future__ import annotations

# What `signal` and `threading` are made of: those take time to import.
import _signal  # type: ignore[import-not-found]  # it has no types of its own
import _thread
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from time import sleep
from types import FrameType

ENDING = tuple(
    getattr(_signal, name)
    for name in (
        *("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGXCPU"),
        *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2"),
    )
    if hasattr(_signal, name)
)
"""What somebody, or a limit, ends a process with. A fault of the process itself is none of them."""

INTERRUPTED = "Interrupted\n"
"""What Ctrl-C makes it say."""


def moves_cursor() -> bool:
    """Return whether a terminal would hear what moves its cursor; an old console of Windows shows it instead."""
    return os.environ.get("TERM") not in ("dumb", "unknown") and (os.name != "nt" or "WT_SESSION" in os.environ)


ECHO_AWAY = "\r\x1b[K" if moves_cursor() else "\n"
"""What takes the ^C away that a terminal has echoed, or at least ends its line."""

_HEARD_WITHIN = 0.2
"""Seconds after which the main thread is taken to be in a call of a library, as it has not begun to end."""

_PATIENCE = 5.0
"""Seconds that one thread waits for the other one to end the process, before it does so itself."""

_STACK = 1 << 18
"""Bytes of the stack of the second thread."""

_UNDO: list[Callable[[], object]] = []
"""What is to be undone, the latest last. It belongs to the process, as the handlers of its signals do."""


def end_on_signals() -> None:
    """Let those signals end the process at once, with status 128 + their number and whatever it is doing.

    No exception is raised, because there are places that would lose it: a module that is being imported, a destructor.
    A signal that is ignored from the start (nohup, a job in the background) stays so.
    """
    for number in ENDING:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _end)


def end_during_long_calls() -> None:
    """Let those signals end the process within a second also where the main thread is in a call of a library.

    What is undone then is undone in another thread.
    """
    # There is no room for it, this is not the main thread, or the system has no such pipes or threads.
    with suppress(OSError, RuntimeError, ValueError, AttributeError):
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        _signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        before = _thread.stack_size(_STACK)
        _thread.start_new_thread(_end_from_beside, (reading,))
        _thread.stack_size(before)


def _end_from_beside(reading: int) -> None:
    while heard := os.read(reading, 1):
        if _signal.getsignal(heard[0]) is _end:
            sleep(_HEARD_WITHIN)
            _end(heard[0], None)


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
    ends = _signal.getsignal(_signal.SIGINT) is _end
    if ends:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    try:
        yield
    finally:
        if ends:
            _signal.signal(_signal.SIGINT, _end)


@contextmanager
def stopped_within(away: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Let Ctrl-Z stop the program inside of `away()` while the block runs, where the system stops programs."""
    from threading import current_thread, main_thread

    suspend = getattr(_signal, "SIGTSTP", None)
    if suspend is None or current_thread() is not main_thread() or _signal.getsignal(suspend) != _signal.SIG_DFL:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        with away():
            _signal.signal(number, _signal.SIG_DFL)
            _signal.raise_signal(number)
            _signal.signal(number, stop)

    _signal.signal(suspend, stop)
    try:
        yield
    finally:
        _signal.signal(suspend, _signal.SIG_DFL)


class _Ending:
    """Which thread ends the process; the others wait for it."""

    lock = _thread.allocate_lock()
    thread = 0


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    if _Ending.thread == _thread.get_ident():
        return  # one more signal, while it ends
    if _Ending.lock.acquire(timeout=_PATIENCE):
        _Ending.thread = _thread.get_ident()
        for undo in reversed(_UNDO):
            try:
                undo()
            except Exception:  # whatever it is, the others are undone and the process ends
                continue
        if number == _signal.SIGINT:
            with suppress(OSError):
                os.write(2, ((ECHO_AWAY if os.isatty(2) else "") + INTERRUPTED).encode())
    os._exit(128 + number)

"""Signals that end the process, and the cleanup before it ends.

Python handles a signal in its main thread, between two of its own instructions. A library that decomposes a large
matrix may be in a single call for a minute, so a second thread also watches for the signal, and ends the process if the
main thread does not.
"""

from __future__ import annotations

# The modules below `signal` and `threading`, which take longer to import.
import _signal  # type: ignore[import-not-found]  # it has no type stubs
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
"""The signals by which a user or a limit ends a process; those for faults of the process itself are not included."""

INTERRUPTED = "Interrupted\n"
"""The message for Ctrl-C."""


def moves_cursor() -> bool:
    """Return whether a terminal understands cursor movements; an old Windows console prints them instead."""
    return os.environ.get("TERM") not in ("dumb", "unknown") and (os.name != "nt" or "WT_SESSION" in os.environ)


ECHO_AWAY = "\r\x1b[K" if moves_cursor() else "\n"
"""Removes the ^C that a terminal has echoed, or at least ends its line."""

_RESPONSE_TIME = 0.2
"""Seconds after which the main thread is assumed to be in a library's call, because it has not started to end."""

_PATIENCE = 5.0
"""Seconds that one thread waits for the other to end the process, before it does so itself."""

_STACK = 1 << 18
"""The stack size of the second thread in bytes."""

_UNDO: list[Callable[[], object]] = []
"""The cleanup functions, in order of registration. They are global, as signal handlers are."""


def end_on_signals() -> None:
    """Make these signals end the process at once, whatever it is doing, with status 128 + their number.

    No exception is raised, because it could get lost: in a module that is being imported, or a destructor. Signals that
    are ignored from the start (nohup, a background job) stay ignored.
    """
    for number in ENDING:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _end)


def end_during_long_calls() -> None:
    """Make these signals end the process within a second even if the main thread is in a library's call.

    In that case the cleanup runs in another thread.
    """
    # Suppressed: too little memory, not the main thread, or a system without such pipes or threads.
    with suppress(OSError, RuntimeError, ValueError, AttributeError):
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        _signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        before = _thread.stack_size(_STACK)
        _thread.start_new_thread(_end_from_thread, (reading,))
        _thread.stack_size(before)


def _end_from_thread(reading: int) -> None:
    while heard := os.read(reading, 1):
        if _signal.getsignal(heard[0]) is _end:
            sleep(_RESPONSE_TIME)
            spared, _Ending.spared = _Ending.spared, False
            if not spared:
                _end(heard[0], None)


@contextmanager
def undone_by_signals(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` if a signal ends the process inside the block."""
    _UNDO.append(undo)
    try:
        yield
    finally:
        _UNDO.remove(undo)


@contextmanager
def interruptible() -> Iterator[None]:
    """Make Ctrl-C raise KeyboardInterrupt inside the block, for work that shows partial results."""
    ends = _signal.getsignal(_signal.SIGINT) is _end
    if ends:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        _Ending.spared = True  # the other thread may hear of it only after the block
        raise
    finally:
        if ends:
            _signal.signal(_signal.SIGINT, _end)


@contextmanager
def stopped_within(away: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Make Ctrl-Z suspend the program inside of `away()` while the block runs, if the system supports it."""
    from threading import current_thread, main_thread

    suspend = getattr(_signal, "SIGTSTP", None)
    if suspend is None or current_thread() is not main_thread() or _signal.getsignal(suspend) != _signal.SIG_DFL:
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
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
    """The thread that ends the process; other threads wait for it. No thread does if Ctrl-C was `spared`."""

    lock = _thread.allocate_lock()
    thread = 0
    spared = False


def _end(number: int, _frame: FrameType | None) -> None:
    if _Ending.thread == _thread.get_ident():
        return  # another signal while it ends
    if _Ending.lock.acquire(timeout=_PATIENCE):
        _Ending.thread = _thread.get_ident()
        for undo in reversed(_UNDO):
            try:
                undo()
            except Exception:  # the other cleanups still run, and the process ends
                continue
        if number == _signal.SIGINT:
            with suppress(OSError):
                os.write(2, ((ECHO_AWAY if os.isatty(2) else "") + INTERRUPTED).encode())
    os._exit(128 + number)

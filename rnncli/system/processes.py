"""Other processes: workers that are forked, for work on several cores, and Python programs that run isolated.

Each worker runs one task at a time, and keeps the result until its turn comes: results have the order of the tasks, and
take no memory in the parent. A worker reads its tasks from a pipe. When the parent ends, for whatever reason, the pipe
is closed, and the worker ends.
"""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedReader, BufferedWriter
from itertools import cycle
from typing import Any

from rnncli.errors import RnncliError
from rnncli.immutable import NamedTuple
from rnncli.system.signals import ENDING, undone_by_signals


class _Worker(NamedTuple):
    """A worker process: its id, and the pipes for its tasks and results, each `(True, result)` or `(False, error)`."""

    process: int
    tasks: BufferedWriter
    results: BufferedReader


def _results(workers: Sequence[_Worker], tasks: Iterable[Any]) -> Iterator[Any]:
    """Yield the result of each task, in order. Tasks are requested only shortly before they can run.

    Raises:
        RnncliError: a worker has ended unexpectedly.
        Exception: an exception raised in a worker.
    """
    busy: deque[_Worker] = deque()
    for task, worker in zip(tasks, cycle(workers), strict=False):
        if len(busy) == len(workers):
            yield _result(busy.popleft())
        try:
            pickle.dump(task, worker.tasks)
            worker.tasks.flush()
        except BrokenPipeError:
            raise _ended() from None
        busy.append(worker)
    yield from map(_result, busy)


def _result(worker: _Worker) -> Any:
    try:
        done, result = pickle.load(worker.results)
    except (EOFError, pickle.UnpicklingError):
        raise _ended() from None
    if not done:
        raise result
    return result


def can_fork() -> bool:
    """Return whether the system can fork processes; in a browser, Python has the function, but it does not work."""
    return hasattr(os, "fork") and sys.platform not in ("emscripten", "wasi")


@contextmanager
def forked(count: int, work: Callable[[], Callable[[Any], Any]]) -> Iterator[Callable[[Iterable[Any]], Iterator[Any]]]:
    """Start workers, and yield a function that yields their results for tasks. They end with the block, in any case.

    Args:
        count: the number of workers.
        work: called in each worker; returns a function that runs a task and returns its result.

    Raises:
        RnncliError: the system does not allow so many processes or open files.
    """
    workers: list[_Worker] = []

    def kill() -> None:
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker.process, signal.SIGKILL)

    with undone_by_signals(kill):
        try:
            for number in range(1, count + 1):
                try:
                    workers.append(_fork(work, workers))
                except OSError as error:
                    message = f"job {number} of {count} cannot be started: {error.strerror}"
                    raise RnncliError(message, "use fewer --jobs") from None
            yield partial(_results, workers)
        finally:
            kill()
            for worker in workers:
                with suppress(BrokenPipeError):
                    worker.tasks.close()
                worker.results.close()
                with suppress(ChildProcessError):
                    os.waitpid(worker.process, 0)


def _fork(work: Callable[[], Callable[[Any], Any]], others: list[_Worker]) -> _Worker:
    task_reader, task_writer = os.pipe()
    result_reader, result_writer = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    with warnings.catch_warnings():
        # Python warns about threads, whose locks could block the child: only libraries have threads here.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process:
        os.close(task_reader)
        os.close(result_writer)
        return _Worker(process, os.fdopen(task_writer, "wb"), os.fdopen(result_reader, "rb"))
    try:
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes; the parent handles it
        for descriptor in [task_writer, result_reader, *(each.fileno() for pair in others for each in pair[1:])]:
            os.close(descriptor)
        _serve(work(), os.fdopen(task_reader, "rb"), os.fdopen(result_writer, "wb"))
    finally:
        os._exit(0)  # without cleaning up what belongs to the parent


def _serve(work: Callable[[Any], Any], tasks: BufferedReader, results: BufferedWriter) -> None:
    """Run tasks until there are no more, or nobody reads the results."""
    with suppress(EOFError, BrokenPipeError):
        while True:
            task = pickle.load(tasks)
            try:
                answer = pickle.dumps((True, work(task)))
            except Exception as error:
                answer = _failed(error)
            results.write(answer)
            results.flush()


def _failed(error: Exception) -> bytes:
    """Return the message for an exception; one that cannot be pickled is sent as text."""
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)
    except Exception:
        return pickle.dumps((False, RnncliError(f"{type(error).__name__}: {error}")))
    return answer


def _ended() -> RnncliError:
    return RnncliError("one of the jobs ended before it was done", "memory may be short: use fewer --jobs")


# Programs


class Ended(NamedTuple):
    """A process that has ended: its exit status, negative if a signal ended it, and its standard output."""

    status: int
    output: bytes

    @property
    def words(self) -> str:
        """A description of how it ended."""
        match _SIGNALS.get(-self.status):
            case "SIGPROF":
                return "did not finish"
            case "SIGKILL":
                return "was killed, perhaps for using too much memory"
            case str(name):
                return f"crashed ({name})"
        return f"ended with status {self.status}"


_SIGNALS = {int(number): number.name for number in signal.Signals}


def run_isolated(
    program: str, argument: str, given: bytes, environment: Mapping[str, str], patience: float
) -> Ended | None:
    """Run a program by `python -I`, and return how it ended; None if the system cannot start processes.

    Args:
        program: its source.
        argument: its `sys.argv[1]`.
        given: its standard input.
        environment: variables to add to its environment.
        patience: the time limit in seconds.

    Raises:
        TimeoutError: it did not end in time.
    """
    line = [sys.executable, "-I", "-c", program, argument]
    try:
        done = subprocess.run(
            line, input=given, capture_output=True, timeout=patience, check=False, env=os.environ | environment
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return None
    return Ended(done.returncode, done.stdout)

"""Work on several cores at once: processes that are forked, and that end with the one that forked them.

Each works at one task at a time, and what it found waits in it until its turn comes: results keep the order of the
tasks, and take no memory here. A worker reads its tasks from a pipe. When the process that forked it ends, whatever
ends it, the pipe does too, and so does the worker.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter
from itertools import cycle
from typing import Any, TypeVar

from rnncli.errors import RnncliError
from rnncli.immutable import NamedTuple
from rnncli.system.signals import ENDING, undone_by_signals

Task = TypeVar("Task")
Result = TypeVar("Result")


class _Worker(NamedTuple):
    """A process at work.

    Attributes:
        process: its number.
        tasks: where it reads them.
        results: where it writes them, each as whether it is one, and the result or what went wrong.
    """

    process: int
    tasks: BufferedWriter
    results: BufferedReader


class Workers:
    """Some processes that all do the same work.

    Args:
        workers: the processes.
    """

    def __init__(self, workers: list[_Worker]) -> None:
        self._workers = workers

    def results(self, tasks: Iterable[Any]) -> Iterator[Any]:
        """Yield the result of each task, in the order of the tasks. Few more are asked for than have been done.

        Raises:
            RnncliError: a worker has ended by itself.
            Exception: whatever was raised in a worker.
        """
        busy: deque[_Worker] = deque()
        workers = cycle(self._workers)
        for task in tasks:
            if len(busy) == len(self._workers):
                yield self._result(busy.popleft())
            worker = next(workers)
            try:
                pickle.dump(task, worker.tasks)
                worker.tasks.flush()
            except BrokenPipeError:
                raise _ended() from None
            busy.append(worker)
        while busy:
            yield self._result(busy.popleft())

    def _result(self, worker: _Worker) -> Any:
        try:
            done, result = pickle.load(worker.results)
        except (EOFError, pickle.UnpicklingError):
            raise _ended() from None
        if not done:
            raise result
        return result

    def kill(self) -> None:
        """End them at once."""
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.process, signal.SIGKILL)


def can_fork() -> bool:
    """Whether the system has processes that can be forked; in a browser Python says so and has none."""
    return hasattr(os, "fork") and sys.platform not in ("emscripten", "wasi")


@contextmanager
def forked(count: int, work: Callable[[], Callable[[Any], Any]]) -> Iterator[Workers]:
    """Yield some workers, which have ended when the block has, whatever ends it.

    Args:
        count: how many there are.
        work: called in each of them, returns what does a task and returns its result.

    Raises:
        RnncliError: the system does not give so many processes, or so many open files.
    """
    workers: list[_Worker] = []
    started = Workers(workers)
    with undone_by_signals(started.kill):
        try:
            for number in range(1, count + 1):
                try:
                    workers.append(_fork(work, workers))
                except OSError as error:
                    message = f"job {number} of {count} cannot be started: {error.strerror}"
                    raise RnncliError(message, "give fewer --jobs") from None
            yield started
        finally:
            started.kill()
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
        # Python warns of threads, whose locks a child could wait for: there are none but those of libraries.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process:
        os.close(task_reader)
        os.close(result_writer)
        return _Worker(process, os.fdopen(task_writer, "wb"), os.fdopen(result_reader, "rb"))
    try:
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all, and one of them answers it
        for descriptor in [task_writer, result_reader, *(each.fileno() for pair in others for each in pair[1:])]:
            os.close(descriptor)
        _serve(work(), os.fdopen(task_reader, "rb"), os.fdopen(result_writer, "wb"))
    finally:
        os._exit(0)  # and leave alone what the process that forked it has open


def _serve(work: Callable[[Any], Any], tasks: BufferedReader, results: BufferedWriter) -> None:
    """Do tasks until there are no more, or nobody reads the results."""
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
    """Return what is sent of an error; one that cannot be sent as it is, in words."""
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)
    except Exception:
        return pickle.dumps((False, RnncliError(f"{type(error).__name__}: {error}")))
    return answer


def _ended() -> RnncliError:
    return RnncliError("one of the jobs has ended before it was done", "perhaps memory is short; give fewer --jobs")

"""The standard streams: output is complete or the status reports it, and no message makes the work fail."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from select import select
from threading import Lock
from time import sleep
from typing import IO

import pytest
from command_lines import COMMAND_LINES
from conftest import PATIENCE, Run, Walk, program_line, some, until

from rnncli import cli
from rnncli.system import signals
from rnncli.system.streams import prepare

LINES = {
    **COMMAND_LINES,
    "the group": ("--help",),
    "a note": ("summary",),
    "a wrong spec": ("summary", "input:8,lstm:4,lstm:3"),
    "a wrong command line": ("summary", "--bogus"),
    "a file that is missing": ("forward", "input:8", "--input", "nothing.npy"),
}
"""A command line for each command and each kind of message."""


@contextmanager
def full() -> Iterator[IO[str]]:
    with suppress(OSError), open("/dev/full", "w") as device:
        yield device


def test_every_command_needs_only_its_output_written(at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_drop_stdout", lambda: None)  # it would close the tests' stream
    for name, line in LINES.items():
        whole = rnncli(*line)
        assert (whole.stdout == "") == (whole.status != 0)
        for said in ("No space left on device", "standard output is closed"):
            with at(name, said), full() as device, monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", device if "space" in said else None)
                result = rnncli(*line)
                assert result.status == (whole.status or 1)
                assert result.stderr.endswith(f"Error: {said}\n" if whole.stdout else whole.stderr)
        reading, writing = os.pipe()
        os.close(reading)
        with full() as device, suppress(OSError), open(writing, "w") as pipe:
            for kind, stderr in {"full": device, "left": pipe, "closed": None}.items():
                with at(name, kind), monkeypatch.context() as patch:
                    patch.setattr(sys, "stderr", stderr)
                    prepare()
                    unheard = rnncli(*line)
                    # Times differ between runs, the number of lines does not.
                    assert (unheard.status, unheard.stdout.count("\n")) == (whole.status, whole.stdout.count("\n"))


def test_standard_output_is_written_completely_or_the_status_is_1(at: Walk, program: Run) -> None:
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Unbuffered, Python treats a partial write as complete.
    for name, unbuffered in some(product(("summary", "forward"), ("", "1")), 3):
        room = len(program(*LINES[name]).stdout.encode()) // 2  # times differ between runs, and so does the length
        with at(name, unbuffered):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, most[1]))
            result = program(*LINES[name], shell='"$@" > all', PYTHONUNBUFFERED=unbuffered)
            assert result == (1, "", "Error: File too large\n")
            assert os.stat("all").st_size == room
        resource.setrlimit(resource.RLIMIT_FSIZE, most)


def test_closed_standard_output_is_an_error_but_closed_standard_error_is_not(at: Walk, program: Run) -> None:
    for name in ("a note", "a wrong spec"):
        with at(name):
            status, stdout, messages = program(*LINES[name])
            for shell in ('"$@" 2> /dev/full', '"$@" 2>&-'):
                assert program(*LINES[name], shell=shell) == (status, stdout, "")
            error = "Error: standard output is closed\n" if stdout else ""
            assert program(*LINES[name], shell='"$@" >&-') == (status or 1, "", messages + error)
            assert program(*LINES[name], shell='"$@" >&- 2>&-').status == (status or 1)


def test_a_file_never_gets_the_descriptor_of_a_closed_stream(program: Run) -> None:
    line = ("forward", "input:8,rnn:3:seq", "-f", "csv", "-o", "y.npy")
    assert program(*line, shell='"$@"').status == 0
    whole = Path("y.npy").read_bytes()
    for shell, status in (('"$@" <&- 2>&-', 0), ('"$@" <&- >&- 2>&-', 1)):
        Path("y.npy").unlink()
        assert program(*line, shell=shell).status == status
        assert Path("y.npy").read_bytes() == whole
    advice = "give one per line, such as input:8,lstm:4; what follows # is a comment"
    unread = f"Error: there is no spec on standard input\nHelp: {advice}\n"
    assert program("summary", "-q", "-", shell='"$@" <&-') == (2, "", unread)


PRESSING = """
import signal, sys
from rnncli.__main__ import main
module, sys.argv = sys.argv[1], sys.argv[1:]
class Pressing:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            try:
                signal.raise_signal(signal.SIGINT)
            except BaseException:
                raise ImportError(f"{name} is broken")
sys.meta_path.insert(0, Pressing())
main()
"""
"""Press Ctrl-C during the import of a module that swallows any exception, as a C module may."""


def test_ctrl_c_is_handled_from_the_first_line_on_during_any_import(at: Walk) -> None:
    early = ("gc", "rnncli.system.signals")  # too early to print the message
    for module in (*early, "rnncli.cli", "click", "rnncli.commands.forward", "numpy", "rich.console"):
        with at(module):
            line = [sys.executable, "-c", PRESSING, module, "forward", "input:8,rnn:2"]
            done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
            said = "" if module in early else "Interrupted\n"
            assert (done.returncode, done.stdout, done.stderr) == (130, "", said)


LATE = """
import _signal, _thread, os, time
from rnncli.system import signals
signals.end_on_signals()
reading, writing = os.pipe()
_thread.start_new_thread(signals._end_from_thread, (reading,))
try:
    with signals.interruptible():
        _signal.raise_signal(_signal.SIGINT)
except KeyboardInterrupt:
    os.write(writing, bytes([_signal.SIGINT]))
    time.sleep(1)
print("the best so far")
"""
"""The thread that ends the process during long calls hears of a signal that the sweep has already handled."""


def test_ctrl_c_lets_the_best_so_far_be_printed_whenever_the_other_thread_hears_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the best so far\n", "")


def test_a_signal_ends_the_program_even_during_a_librarys_computation(at: Walk) -> None:
    for number, said in some(((signal.SIGINT, b"Interrupted\n"), (signal.SIGTERM, b"")), 2):
        with at(number):
            line = program_line("reach", "input:5,rnn:3k", "--seeds", "9")
            process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            # The size of the matrix and its product with itself; after that it is being decomposed.
            until(lambda pid=process.pid: resident(pid) >= 2 * 3000 * 3000 * 8)
            sleep(0.3)
            before, others = processor_seconds(process.pid), seconds_of_ended()
            process.send_signal(number)
            _, stderr = process.communicate(timeout=PATIENCE)
            assert (process.returncode, stderr) == (128 + number, said)
            # Processor time, because other processes may delay it.
            assert seconds_of_ended() - others - before < 1


def processor_seconds(process: int) -> float:
    """The processor time of a process in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def seconds_of_ended() -> float:
    """The processor time in seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(process: int) -> int:
    """The resident memory of a process in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_another_signal_during_shutdown_leaves_nothing_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(signals, "_Ending", type("_Ending", (signals._Ending,), {"lock": Lock(), "thread": 0}))
    monkeypatch.setattr(signals.os, "_exit", lambda status: done.append(f"ended {status}"))

    def again() -> None:
        signals._end(signal.SIGTERM, None)
        done.append("undone")

    with signals.undone_by_signals(again):
        signals._end(signal.SIGHUP, None)
    assert done == ["undone", f"ended {128 + signal.SIGHUP}"]


def test_a_signal_completes_output_begun_on_standard_output(rnncli: Run) -> None:
    line = program_line("summary", "-f", "html", "-")
    process = subprocess.Popen(line, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"input:8,rnn:3\n")
    assert select([process.stdout], [], [], PATIENCE)[0]
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    assert said.decode() == rnncli("summary", "-f", "html", "input:8,rnn:3").stdout


WARNING = """
import warnings
import rnncli.network
summary = rnncli.network.Network.summary
class Destroyed:
    def __del__(self): raise RuntimeError("in a destructor")
def warn(*arguments, **extra):
    warnings.warn("something is deprecated", DeprecationWarning, stacklevel=1)
    warnings.warn("a number is too large", RuntimeWarning, stacklevel=1)
    Destroyed()
    return summary(*arguments, **extra)
rnncli.network.Network.summary = warn
from rnncli.__main__ import main
main()
"""


def test_pythons_own_messages_reach_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)

    def said(*options: str) -> tuple[int, str]:
        line = [sys.executable, *options, "-c", WARNING, "summary", "-q", "input:8"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stderr

    assert said() == (0, "")
    assert "something is deprecated" in said("-W", "default")[1]  # but they are shown on request
    assert said("-W", "error")[0] == 1


def test_a_hyphen_as_a_file_is_the_standard_stream(program: Run) -> None:
    written = program("export", "input:8,lstm:4", "--to", "keras", "-o", "-")
    assert written.status == 0
    assert written.stdout.startswith("import keras")
    assert "wrote /dev/stdout" in written.stderr
    assert program("summary", "input:8,lstm:4", "--svg", "-").stdout.rstrip().endswith("</svg>")
    assert list(Path.cwd().iterdir()) == []
    line = ("forward", "input:8,lstm:4", "--timesteps", "5")
    assert program(*line, "-o", "y.npy", "--save-weights", "w.npz").status == 0
    assert program(*line, "--weights", "-", "-o", "z.npy", stdin=Path("w.npz").read_bytes()).status == 0
    assert Path("z.npy").read_bytes() == Path("y.npy").read_bytes()


def test_a_table_does_not_spoil_a_file_on_standard_output(program: Run) -> None:
    line = ("forward", "input:8,lstm:4", "--timesteps", "5")
    done = program(*line, "-o", "y.npy", "--svg", "-")
    assert (done.stdout[:4], done.stdout[-7:]) == ("<svg", "</svg>\n")
    assert "lstm (LSTM)" in done.stderr
    done = program(*line, "-o", "-", shell='"$@" > z.npy')
    assert Path("z.npy").read_bytes() == Path("y.npy").read_bytes()
    assert done.stderr.startswith("input:8,lstm:4\nInput: (1, 5, 8) float32\n")
    assert done.stderr.endswith("wrote /dev/stdout (1, 4), 144 B\n")
    assert program(*line, "-o", "-", shell='"$@" > z.npy 2>&-').status == 0
    assert Path("z.npy").read_bytes() == Path("y.npy").read_bytes()

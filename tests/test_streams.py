"""The standard streams: everything is written or the status says so, and no message makes the work fail."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_lines import COMMAND_LINES
from conftest import PATIENCE, Result, program_line, without_styles

Run = Callable[..., Result]

LINES = {
    **COMMAND_LINES,
    "the group": ("--help",),
    "a note": ("summary",),
    "a wrong spec": ("summary", "input:8,lstm:4,lstm:3"),
    "a wrong command line": ("summary", "--bogus"),
    "a file that is missing": ("forward", "input:8", "--input", "nothing.npy"),
}
"""A command line for each command, and for each kind of message."""

each_line = pytest.mark.parametrize("name", LINES)


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(name: str, *, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, **options: object) -> Result:
    """Run one of those command lines on streams of our own."""
    line = program_line(*LINES[name])
    done = subprocess.run(line, stdout=stdout, stderr=stderr, text=True, timeout=PATIENCE, **options)  # type: ignore[call-overload]
    return Result(done.returncode, done.stdout or "", done.stderr or "")


@each_line
def test_standard_output_is_written_whole_or_the_status_is_1(name: str) -> None:
    whole = run(name)
    assert (whole.stdout == "") == (whole.status != 0)
    if not whole.stdout:
        return
    room = len(whole.stdout.encode()) // 2  # the times of a run differ, and so does its length
    # Without a buffer Python takes what is written in part for written.
    for unbuffered in ("", "1"):
        with open("all", "wb") as file:
            result = run(
                name,
                stdout=file.fileno(),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
                env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            )
        assert (result.status, result.stderr.splitlines()[-1]) == (1, "Error: File too large")
        assert os.stat("all").st_size == room


@each_line
def test_nobody_needs_to_hear_the_messages(name: str) -> None:
    heard = run(name)
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "wb") as full, os.fdopen(writing, "wb", buffering=0) as left:
        for stderr in (full, left):
            unheard = run(name, stderr=stderr.fileno())
            # The times of a run differ, the number of its lines does not.
            assert (unheard.status, unheard.stdout.count("\n")) == (heard.status, heard.stdout.count("\n"))
    unheard = run(name, preexec_fn=lambda: os.close(2))
    assert (unheard.status, unheard.stdout.count("\n")) == (heard.status, heard.stdout.count("\n"))


@each_line
def test_a_standard_output_that_is_closed_is_a_failure(name: str) -> None:
    result = run(name, preexec_fn=lambda: os.close(1))
    wrong = run(name).status
    assert (result.status, result.stdout) == (wrong or 1, "")
    assert wrong or result.stderr.splitlines()[-1] == "Error: standard output is closed"
    assert run(name, preexec_fn=lambda: (os.close(1), os.close(2))).status == (wrong or 1)


def test_a_file_never_takes_the_number_of_a_stream_that_is_closed(program: Run) -> None:
    line = ("forward", "input:8,rnn:3:seq", "-f", "csv", "-o", "y.npy")
    assert program(*line, shell='"$@"').status == 0
    whole = Path("y.npy").read_bytes()
    for shell in ('"$@" <&-', '"$@" 2>&-', '"$@" <&- 2>&-', '"$@" <&- >&- 2>&-'):
        Path("y.npy").unlink()
        assert program(*line, shell=shell).status == (1 if ">&- 2" in shell else 0)
        assert Path("y.npy").read_bytes() == whole


def starts(delays: list[float], *arguments: str) -> list[tuple[int, str]]:
    """The status and the messages of a program that hears Ctrl-C after each of some delays."""
    found = []
    for delay in delays:
        process = subprocess.Popen(
            program_line(*arguments),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE)
        found.append((process.returncode, stderr))
    return found


@pytest.mark.parametrize("arguments", [("summary", "-q", "input:8"), ("forward", "input:8")], ids=str)
def test_ctrl_c_prints_no_traceback_from_the_first_line_of_rnncli_on(arguments: tuple[str, ...]) -> None:
    for status, stderr in starts([milliseconds / 1000 for milliseconds in range(2, 82, 2)], *arguments):
        assert status != 130 or stderr in ("", "Interrupted\n")
        # Before that line Python itself hears it, and has come to no function of ours.
        assert not re.search(r"/rnncli/.*, in (?!<module>)", stderr), stderr


def test_ctrl_c_is_heard_while_libraries_are_imported() -> None:
    """An exception would get lost in a module that is written in C, or be taken for a library that is missing."""
    slow = (
        "import importlib, sys, time, _thread, signal, os\n"
        "real = importlib.import_module\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numpy':\n"
        "            try:\n"
        "                os.kill(os.getpid(), signal.SIGINT)\n"
        "                time.sleep(5)\n"
        "            except BaseException:\n"
        "                raise ImportError('numpy is broken')\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from rnncli.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", slow, "forward", "input:8"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted\n")


def test_a_signal_on_a_terminal_takes_the_bar_away_and_never_hid_the_cursor(terminal: Run) -> None:
    pressed = []

    def press(shown: str) -> str:
        if pressed or "forward" not in shown:
            return ""
        pressed.append(True)
        return "\x1c"  # the terminal makes SIGQUIT of it

    result = terminal("forward", "input:64,rnn:64", "--timesteps", "2G", press=press)
    assert result.status == 128 + signal.SIGQUIT
    assert "%" in without_styles(result.stdout)
    assert "\x1b[?25l" not in result.stdout
    assert result.stdout.endswith("\r\x1b[2K")


def test_a_signal_ends_what_was_begun_on_standard_output() -> None:
    process = subprocess.Popen(
        program_line("summary", "-f", "html", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("input:8,rnn:3\n")
    process.stdin.flush()
    begun = process.stdout.readline()
    process.terminate()
    rest = process.stdout.read()
    process.stdin.close()
    process.stdout.close()
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert (
        begun + rest
        == subprocess.run(
            program_line("summary", "-f", "html", "input:8,rnn:3"), capture_output=True, text=True, timeout=PATIENCE
        ).stdout
    )


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


def test_what_python_says_by_itself_reaches_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)

    def said(*options: str) -> tuple[int, str]:
        line = [sys.executable, *options, "-c", WARNING, "summary", "-q", "input:8"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stderr

    assert said() == (0, "")
    assert "something is deprecated" in said("-W", "default")[1]  # but whoever asks is told
    assert said("-W", "error")[0] == 1


def test_a_warning_of_numpy_is_not_shown(program: Run) -> None:
    import numpy as np

    np.savez("w.npz", **{"simple_rnn/kernel": np.full((8, 2), 1e300)})
    result = program("forward", "input:8,rnn:2", "--weights", "w.npz")
    assert (result.status, "Warning" in result.stderr, ".py" in result.stderr) == (1, False, False)


def test_a_hyphen_for_a_file_is_the_standard_stream(program: Run) -> None:
    written = program("export", "input:8,lstm:4", "--to", "keras", "-o", "-")
    assert written.status == 0
    assert written.stdout.startswith("import keras")
    assert "wrote /dev/stdout" in written.stderr
    assert program("summary", "input:8,lstm:4", "--svg", "-").stdout.rstrip().endswith("</svg>")
    assert list(Path.cwd().iterdir()) == []
    line = '"$@" --timesteps 5 --save-weights - -f json >both && head -c 1 both >/dev/null'
    assert program("forward", "input:8,lstm:4", shell=line).status == 0
    assert [each.name for each in Path.cwd().iterdir()] == ["both"]


def test_a_hyphen_for_a_file_that_is_read_is_standard_input(program: Run) -> None:
    made = program("forward", "input:8,lstm:4", "--timesteps", "5", "-o", "y.npy", "--save-weights", "w.npz")
    assert made.status == 0
    again = program(
        *("forward", "input:8,lstm:4", "--timesteps", "5", "--weights", "-", "-o", "z.npy"),
        stdin=Path("w.npz").read_bytes(),
    )
    assert again.status == 0
    assert Path("z.npy").read_bytes() == Path("y.npy").read_bytes()

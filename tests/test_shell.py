"""rnncli among the tools of the shell: statuses, pipes, full disks, Ctrl-C, memory limits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from conftest import PATIENCE, Result, lines_of, program_line

import rnncli as package

Run = Callable[..., Result]

ENDLESS = ("forward", "input:64,rnn:64", "--timesteps", "2G")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_program_is_also_a_module(program: Run, rnncli: Run) -> None:
    assert program("--version") == (0, f"rnncli {package.__version__}\n", "")
    assert program("summary", "-q", "input:8,dense:1") == rnncli("summary", "-q", "input:8,dense:1")
    (script,) = entry_points(group="console_scripts", name="rnncli")
    assert script.value == "rnncli.__main__:main"


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (0, ["summary", "input:8"]),
        (0, ["--help"]),
        (0, ["layers"]),
        (1, ["forward", "input:8", "--input", "nothing.npy"]),
        (1, ["forward", "embed:1Gx4096"]),
        (2, ["summary", "lsmt:3"]),
        (2, ["sumary"]),
        (2, ["--bogus"]),
        (2, ["summary", "--bogus"]),
        (2, ["summary", "input:8", "--format", "yaml"]),
        (2, ["summary", "input:8", "--batch", "0"]),
        (2, ["summary", "input:8", "--timesteps", "1.5"]),
        (2, ["summary", "input:8", "--dtype", "int4"]),
        (2, ["forward", "input:8", "--seed", "-1"]),
        (2, ["forward", "input:8", "--dtype", "float16"]),
        (2, ["forward", "input:8", "--batch"]),
        (2, ["layers", "nothing"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_status_says_whether_the_work_failed_or_the_command_line_is_wrong(
    status: int, arguments: list[str], rnncli: Run
) -> None:
    result = rnncli(*arguments)
    assert result.status == status
    assert (result.stdout == "") == (status != 0)
    assert ("Error: " in result.stderr) == (status != 0)


def test_numbers_of_options_are_written_as_in_a_spec(rnncli: Run) -> None:
    plain = rnncli("summary", "input:8,rnn:3", "--batch", "10000", "--timesteps", "1000000").stdout
    assert "(10000, 1000000, 8)" in plain
    assert rnncli("summary", "input:8,rnn:3", "--batch", "10_000", "--timesteps", "1M").stdout == plain


def test_a_reader_that_has_seen_enough_ends_it_quietly(program: Run) -> None:
    specs = lines_of(*["input:8,lstm:3"] * 3000).encode()
    for format_ in ("table", "json", "csv"):
        result = program("summary", "-f", format_, "-", stdin=specs, shell='"$@" | head -n 1')
        assert (result.status, result.stderr) == (0, ""), format_
        assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("summary", "-"), ("summary", "-q", "-"), ("summary", "embed:9x4"), ("layers",), ("--help",)], ids=str
)
def test_a_reader_that_is_gone_at_once_ends_it_quietly(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            program_line(*arguments),
            input=lines_of(*["embed:9x4"] * 3000).encode(),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@needs_full
@pytest.mark.parametrize(
    "arguments",
    [("summary", "embed:9x4"), ("summary", "-q", "embed:9x4"), ("forward", "embed:9x4"), ("layers",), ("--help",)],
    ids=str,
)
def test_a_full_disk_is_a_failure_that_is_said(arguments: tuple[str, ...], program: Run) -> None:
    result = program(*arguments, shell='"$@" > /dev/full')
    assert result == (1, "", "Error: No space left on device\n")


def test_a_file_is_whole_though_standard_output_is_closed(program: Run) -> None:
    program("forward", "input:8,rnn:3:seq", "-o", "one.npy")
    program("forward", "input:8,rnn:3:seq", "-o", "two.npy", shell='"$@" >&-')
    assert Path("one.npy").read_bytes() == Path("two.npy").read_bytes()


def test_a_closed_standard_error_or_input_is_survived(program: Run) -> None:
    assert program("summary", "-q", "lsmt:3", "input:8", shell='"$@" 2>&-') == (2, "0\n", "")
    assert program("summary", "-q", "input:8", shell='"$@" <&-') == (0, "0\n", "")
    assert program("summary", "-q", "-", shell='"$@" <&-').stdout == ""


def test_ctrl_c_gives_130_and_one_line_and_leaves_files_as_they_were() -> None:
    Path("y.npy").write_bytes(b"old")
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import rnncli.__main__ as m; m.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, *ENDLESS, "-o", "y.npy"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        end = time.monotonic() + PATIENCE
        while os.listdir() == ["y.npy"] and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)  # until the run has begun to write beside it
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, stdout, stderr) == (130, b"", b"Interrupted\n")
    assert (os.listdir(), Path("y.npy").read_bytes()) == (["y.npy"], b"old")


def test_what_no_machine_holds_is_refused_before_it_is_tried(rnncli: Run) -> None:
    for arguments in (
        ("embed:1Gx4096",),
        ("input:8,rnn:4:bi", "--timesteps", "2G", "--batch", "1k"),
        ("input:8,rnn:4:back", "--timesteps", "2G", "--batch", "1k"),
        ("input:8,rnn:4", "--batch", "2G"),
    ):
        result = rnncli("forward", *arguments)
        assert (result.status, result.stdout) == (1, "")
        assert re.match(r"Error: .* [0-9.]+ TB .* memory .*\nHelp: ", result.stderr), arguments


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_limit_of_memory_is_heard(program: Run) -> None:
    limited = 'ulimit -v 1500000; "$@"'  # KiB
    assert program("forward", "input:8,rnn:4", "-f", "csv", shell=limited).status == 0
    for arguments in (("input:10k,lstm:10k",), ("input:1k,rnn:1k:bi", "--timesteps", "1M")):
        result = program("forward", *arguments, shell=limited)
        assert (result.status, result.stdout) == (1, "")
        assert re.match(r"Error: .* [0-9.]+ GB .*memory", result.stderr)
        assert "\nHelp: " in result.stderr


def test_no_traceback_reaches_a_user_even_of_a_bug(program: Run) -> None:
    broken = "import rnncli.network as n; n.Network.summary = None; import rnncli.__main__ as m; m.main()"
    line = [sys.executable, "-c", broken, "summary", "embed:9x4"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr

"""rnncli among the shell's tools: exit statuses, pipes, full disks, memory limits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from conftest import PATIENCE, Run, Walk, lines_of, program_line

import rnncli as package


def test_the_program_is_also_a_module(program: Run, rnncli: Run) -> None:
    status, said, errors = program("--version")
    assert (status, said.splitlines()[0], errors) == (0, f"rnncli {package.__version__}", "")
    assert program("summary", "-q", "input:8,dense:1") == rnncli("summary", "-q", "input:8,dense:1")
    (script,) = entry_points(group="console_scripts", name="rnncli")
    assert script.value == "rnncli.__main__:main"


def test_a_reader_that_closes_the_pipe_ends_it_quietly(program: Run) -> None:
    specs = lines_of(*["input:8,lstm:3"] * 3000).encode()
    for format_ in ("table", "csv"):
        shown = program("summary", "-f", format_, "-", stdin=specs, shell='"$@" | head -n 1').answer
        assert len(shown.splitlines()) == 1


def test_a_pipe_without_a_reader_ends_it_quietly(at: Walk) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    specs = lines_of(*["embed:9x4"] * 3000).encode()
    for line in ("summary -q -", "summary embed:9x4", "--help"):
        with at(line):
            done = subprocess.run(
                program_line(*line.split()), input=specs, stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE
            )
            assert (done.returncode, done.stderr) == (0, b"")
    os.close(writing)


def test_sizes_that_no_machine_holds_are_refused_before_any_attempt(rnncli: Run) -> None:
    for arguments in (
        ("embed:1Gx4096",),
        ("input:8,rnn:4:bi", "--timesteps", "2G", "--batch", "1k"),
        ("input:8,rnn:4:back", "--timesteps", "2G", "--batch", "1k"),
        ("input:8,rnn:4", "--batch", "2G"),
    ):
        error = rnncli("forward", *arguments).refusal(1)
        assert re.match(r"Error: .* [0-9.]+ TB .* memory .*\nHelp: ", error), arguments


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is specific to Linux")
def test_a_memory_limit_is_respected(program: Run) -> None:
    limited = 'ulimit -v 1500000; "$@"'  # KiB
    assert program("forward", "input:8,rnn:4", "-f", "csv", shell=limited).status == 0
    for arguments in (("input:10k,lstm:10k",), ("input:1k,rnn:1k:bi", "--timesteps", "1M")):
        error = program("forward", *arguments, shell=limited).refusal(1)
        assert re.match(r"Error: .* [0-9.]+ GB .*memory", error)
        assert "\nHelp: " in error


def test_no_traceback_reaches_a_user_even_for_a_bug(program: Run) -> None:
    broken = "import rnncli.network as n; n.Network.summary = None; import rnncli.__main__ as m; m.main()"
    line = [sys.executable, "-c", broken, "summary", "embed:9x4"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr

"""Imports: only the command and format that need a library import it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import MODELS, PATIENCE, Walk

from rnncli.cli import COMMANDS, run
from rnncli.render.terminal import PROGRAMS

REPORT = """
import json, sys
from rnncli.cli import run
for line in json.loads(sys.argv[1]):
    status = run(line)
    print(json.dumps([status, list(sys.modules)]), file=sys.stderr)
"""
SPEC = "embed:10000x32,lstm:32:bi:seq,dense:8,rnn:32"
MODEL_FILES = ["lstm-1.npz", "lstm-1.safetensors", "plain.pt", "before-1.6.pth", "onnx/lstm.onnx"]
KERAS_FILES = ["stack.keras", "stack.json"]


def imported(*lines: list[str]) -> list[tuple[str, set[str]]]:
    """Run command lines in turn in one process; return each with the modules imported by then."""
    program = [sys.executable, "-c", REPORT, json.dumps(lines)]
    done = subprocess.run(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    found = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[")]
    assert [status for status, _ in found] == [0] * len(lines), done.stderr
    return [(" ".join(line), set(modules)) for line, (_, modules) in zip(lines, found, strict=True)]


def test_only_what_computes_imports_numpy_and_only_output_for_people_rich(tmp_path: Path, at: Walk) -> None:
    with zipfile.ZipFile(MODELS / "keras" / "models.zip") as packed:
        paths = [packed.extract(name, tmp_path) for name in KERAS_FILES]
    paths += [str(MODELS / name) for name in MODEL_FILES]
    ways = [["inspect", "-f", "json"], ["inspect", "-f", "csv"], ["summary", "-q"], ["spec"]]
    lines = [[*way, path] for way in ways for path in paths]
    lines += [["summary", *how, SPEC, "--batch", "2"] for how in (*(["-f", name] for name in PROGRAMS), ["-q"])]
    lines += [["sweep", "-f", name, "input:8,lstm:{1..9}", "--top", "3"] for name in ("table", *PROGRAMS)]
    lines += [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    lines += [["export", "embed:10x4:mask,lstm:4,dense:2", "--to", target] for target in ("keras", "torch", "numpy")]
    for_people = [["summary", SPEC, *how] for how in ([], ["--wide"], ["--framework", "torch"])]
    for number, (line, modules) in enumerate(imported(*lines, *for_people, ["draw", SPEC])):
        with at(line):
            assert modules & {"numpy", "h5py", "mmap", "rich"} == ({"rich"} if number >= len(lines) else set())


def test_whole_specs_import_nothing_that_looks_for_mistakes(at: Walk) -> None:
    lines = [[*way, SPEC, "input:8,gru:4"] for way in (["summary", "-q"], ["compare", "-f", "json"])]
    for line, modules in imported(*lines, ["summary", "-q", SPEC]):
        with at(line):
            assert "rnncli.commands.mistakes" not in modules


def test_a_run_imports_only_what_it_needs(tmp_path: Path, at: Walk) -> None:
    without = {"rich", "onnx", "google", "onnxruntime", "torch", "keras"}
    of_plots = {"rnncli.engine.study", "rnncli.engine.twins", "rnncli.render.over_time"}
    lines = [["forward", "-f", name, "input:8,rnn:4"] for name in PROGRAMS]
    lines += [["export", "input:3,lstm:4:gelu", "--to", "onnx", "-o", str(tmp_path / "model.onnx")]]
    for line, modules in imported(*lines, ["forward", "input:3,rnn:2"]):
        with at(line):
            assert modules & (without | of_plots) == ({"rich"} if line == "forward input:3,rnn:2" else set())


COMPLETING = """
import os, sys
from rnncli.cli import run
os.environ.update(_RNNCLI_COMPLETE="bash_complete", COMP_LINE=sys.argv[1], COMP_WORD="")
status = run([])
ours = (name for name in sys.modules if name in ("numpy", "rich") or name.startswith("rnncli.commands."))
print(status, *ours, file=sys.stderr)
"""


@pytest.mark.parametrize("names", [["", "forward"], pytest.param(list(COMMANDS), marks=pytest.mark.thorough)], ids=len)
def test_completion_imports_no_library_and_no_other_command(names: list[str]) -> None:
    for name in names:
        line = [sys.executable, "-c", COMPLETING, f"rnncli {name} ".replace("  ", " ")]
        status, *modules = subprocess.run(line, stderr=subprocess.PIPE, text=True, timeout=PATIENCE).stderr.split()
        assert status == "0"
        assert {module.rpartition(".")[2] for module in modules} & {*COMMANDS, "numpy", "rich"} <= {name, "completion"}


def test_only_the_program_sets_numpys_environment_variables() -> None:
    before = dict(os.environ)
    assert run(["sweep", "input:8,lstm:{1..9}", "-f", "csv"]) == 0
    assert dict(os.environ) == before
    report = "import os, rnncli.cli; rnncli.cli._obey = lambda typed: print(os.environ['OPENBLAS_NUM_THREADS'])"
    line = [sys.executable, "-c", f"{report}; from rnncli.__main__ import main; main()", "sweep"]
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_nothing_is_imported_before_ctrl_c_is_handled() -> None:
    report = "import sys; before = {*sys.modules}; import rnncli.__main__; print(*sorted({*sys.modules} - before))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == ("rnncli rnncli.__main__\n", "")

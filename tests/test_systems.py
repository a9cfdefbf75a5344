"""rnncli works on systems without Unix features, such as Windows and browsers, and starts the same everywhere."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import zipapp
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command_lines import COMMAND_LINES, MODEL, command_of
from conftest import MODELS, PATIENCE, Run, Walk

import rnncli as package
from rnncli.cli import run
from rnncli.export import TARGETS

PACKAGE = Path(package.__file__).parent

BARE = Path(__file__).with_name("bare_system.py")
GOLDEN = [*(MODELS / name for name in ("plain.pt", "before-1.6.pth", "lstm-1.npz", "onnx/lstm.onnx")), MODEL]
KERAS = ["stack.keras", "stack.json", "lstm.h5", "lstm.weights.h5"]
SPEC = "embed:20x4,lstm:3"


def lines() -> list[list[str]]:
    """The command lines to run on each system: every command and format, and all file input and output."""
    with zipfile.ZipFile(MODELS / "keras" / "models.zip") as packed:
        packed.extractall(members=KERAS)
    Path("specs").write_text(f"input:8,lstm:4\n{SPEC}\n", encoding="utf-8")
    Path("lengths").write_text("5,3\n", encoding="utf-8")
    np.save("ids.npy", np.zeros((1, 5), int))
    Path("there").write_text("x", encoding="utf-8")
    run = ["forward", SPEC, "--timesteps", "5"]
    return [
        *map(list, COMMAND_LINES.values()),
        *(["inspect", str(path)] for path in (*GOLDEN, MODELS / "python" / "torch_modules.py", *KERAS)),
        *(["export", SPEC, "--to", target, "-o", f"{target}.out"] for target in TARGETS),
        ["export", SPEC, "--to", "torch", "--save-weights", "w.safetensors", "-o", "there"],
        ["export", SPEC, "--to", "keras", "--save-weights", "w.weights.h5", "-o", "-"],
        [*run, "--input", "ids.npy", "-o", "y.npy", "--save-weights", "w.npz", "--save-state", "s.npz"],
        [*run, "--weights", "w.npz", "--state", "s.npz", "-o", "-"],
        [*run[:2], "--input", "-", "<ids.npy"],
        [*run[:2], "--lengths", "-", "<lengths"],
        ["forward", "lstm.h5", "--timesteps", "5", "--plot", "--svg", "plot.svg"],
        ["page", SPEC, "--timesteps", "5", "-o", "page.html"],
        ["sweep", "input:8,lstm:{1..40000}", "--jobs", "2", "--top", "3"],
        ["sweep", "input:8,lstm:{1..9}", "--jobs", "2", "--top", "3", "--svg", "sweep.svg"],
        ["summary", "-", "<specs"],
        ["--version"],
    ]


@pytest.mark.parametrize("system", ["windows", "pyodide"])
def test_every_command_works_and_every_module_imports_without_unix_features(system: str, at: Walk) -> None:
    given = lines()
    done = subprocess.run([sys.executable, BARE, system, json.dumps(given)], capture_output=True, timeout=PATIENCE)
    said = done.stderr.decode()
    ended = [json.loads(line) for line in said.splitlines() if line.startswith("[[")]
    assert len(ended) > len(given) + 150, said
    for line, status in ended:
        with at(*line):
            assert status == 0, said
    assert (b"import keras" in done.stdout, b"\x93NUMPY" in done.stdout) == (True, True)
    assert np.load("y.npy").shape == (1, 3)
    assert Path("there").read_text(encoding="utf-8").startswith("import torch")
    assert ("only one core is used" in said, list(Path.cwd().glob(".rnncli-*"))) == (True, [])


ON_A_DRIVE = ("C:\\m.onnx", "C:\\m.onnx::2", "C:/m.onnx", "d:model.h5", "C:\\My (old) files\\m.pt")
PATHS = (*ON_A_DRIVE, "\\\\server\\share\\m.onnx")
GIVEN_FILES = (
    *([name] for name in ("summary", "explain", "draw", "forward", "reach", "inspect", "spec")),
    *([], ["compare", "input:8,lstm:4"], ["export", "--to", "keras"], ["page", "-o", "page.html"]),
)


def test_a_windows_path_is_a_path_on_every_system(rnncli: Run, at: Walk) -> None:
    for path in PATHS:
        missing = f"{path.removesuffix('::2')} cannot be read: No such file or directory\n"
        for line in GIVEN_FILES:
            with at(*line, path):
                status, stdout, stderr = rnncli(*line, path)
                assert (status, stdout) == (1, "")
                assert stderr.endswith(missing)
        for line in (["sweep", path], ["solve", "--params", "1M", path]):
            with at(*line):
                assert "is a model file, which " in rnncli(*line).stderr
    assert rnncli("summary", "C:\\model").stderr.startswith("Error: C:\\model is not a known model file\n")


def test_output_in_the_encoding_of_a_windows_pipe_contains_all_characters_that_it_can(program: Run, at: Walk) -> None:
    for line in (["draw", "input:8,lstm:4"], ["explain", "input:8,gru:4"], ["summary", "日本.pt"], ["help", "spec"]):
        with at(*line):
            done = program(*line, PYTHONIOENCODING="cp1252")
            assert (done.stdout + done.stderr).isascii()
            assert done.status == (1 if line[0] == "summary" else 0)


def test_the_version_and_the_message_of_a_bug_contain_the_details_for_a_report(
    program: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = program("--version").stdout
    for what in (str(PACKAGE), platform.python_version(), platform.platform(), f"numpy {np.__version__}", "click "):
        assert what in said
    monkeypatch.setattr(command_of("layers"), "callback", lambda **options: [][0])
    assert run(["layers"]) == 1
    assert capsys.readouterr().err == (
        "Error: IndexError: list index out of range; this is a bug in rnncli\n"
        "Help: please report it with the command line and the output of `rnncli --version` and RNNCLI_DEBUG=1\n"
    )


FROM_AN_ARCHIVE = (
    *(["help", "spec"], ["completion", "bash"], ["layers"], ["inspect", "lstm.h5"], ["summary", "C:\\m.onnx"]),
    ["sweep", "input:8,lstm:{1..40000}", "--jobs", "2", "--top", "3"],
)
SEVERAL = "import json, sys; from rnncli.cli import run; print([run(line) for line in json.loads(sys.argv[1])])"


def test_it_works_the_same_from_an_archive(tmp_path: Path, rnncli: Run) -> None:
    lines()
    shutil.copytree(PACKAGE, tmp_path / "app" / "rnncli", ignore=shutil.ignore_patterns("__pycache__"))
    zipapp.create_archive(tmp_path / "app", tmp_path / "rnncli.pyz", main="rnncli.__main__:main")

    def ran(*how: str, path: str = "") -> tuple[str, str]:
        environment = {**os.environ, "PYTHONPATH": path}
        line = [sys.executable, *how]
        done = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=PATIENCE)
        return done.stdout, done.stderr

    here = [rnncli(*line) for line in FROM_AN_ARCHIVE]
    stdout, stderr = ("".join(each) for each in list(zip(*here, strict=True))[1:])
    found = ran("-c", SEVERAL, json.dumps(FROM_AN_ARCHIVE), path="rnncli.pyz")
    assert found == (f"{stdout}{[each.status for each in here]}\n", stderr)
    assert ran("rnncli.pyz", "--version")[0].splitlines()[1] == str(tmp_path / "rnncli.pyz" / "rnncli")

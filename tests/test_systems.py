"""Where there is nothing of Unix, as on Windows and in a browser, rnncli works; and it starts the same everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command_lines import COMMAND_LINES, MODEL
from conftest import PATIENCE, Walk

from rnncli.export import TARGETS

BARE = Path(__file__).with_name("bare_system.py")
MODELS = Path(__file__).parent / "golden" / "models"
GOLDEN = [*(MODELS / name for name in ("plain.pt", "before-1.6.pth", "lstm-1.npz", "onnx/lstm.onnx")), MODEL]
KERAS = ["stack.keras", "stack.json", "lstm.h5", "lstm.weights.h5"]
SPEC = "embed:20x4,lstm:3"


def lines() -> list[list[str]]:
    """What is run on each system: every command, every format, all that reads and writes files."""
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
def test_every_command_does_its_work_and_every_module_is_imported_without_anything_of_unix(
    system: str, at: Walk
) -> None:
    given = lines()
    done = subprocess.run([sys.executable, BARE, system, json.dumps(given)], capture_output=True, timeout=PATIENCE)
    said = done.stderr.decode()
    ended = [json.loads(line) for line in said.splitlines() if line.startswith("[[")]
    assert len(ended) > len(given) + 200, said
    for line, status in ended:
        with at(*line):
            assert status == 0, said
    assert (b"import keras" in done.stdout, b"\x93NUMPY" in done.stdout) == (True, True)
    assert np.load("y.npy").shape == (1, 3)
    assert Path("there").read_text(encoding="utf-8").startswith("import torch")
    assert ("one core does all of the work" in said, list(Path.cwd().glob(".rnncli-*"))) == (True, [])

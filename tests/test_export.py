"""What `rnncli export` does alike for every target: where it writes, what it refuses, whose weights it takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Result

from rnncli.export import TARGETS

Run = Callable[..., Result]

GOLDEN = Path(__file__).parent / "golden" / "models"

SPEC = "input:8,lstm:4"
each_target = pytest.mark.parametrize("target", TARGETS)
each_with_weights = pytest.mark.parametrize(
    ("target", "extension"), [(name, each) for name, target in TARGETS.items() for each in target.weights]
)


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def output_of(target: str) -> list[str]:
    """What names the place where a target is written that is no text."""
    return [] if TARGETS[target].is_text else ["-o", "made.onnx"]


def test_without_a_target_each_is_named_in_the_repair_or_the_help(rnncli: Run) -> None:
    result = rnncli("export", SPEC)
    assert (result.status, result.stdout) == (2, "")
    assert "there is no --to" in result.stderr
    assert f"rnncli export {SPEC} --to torch" in result.stderr
    assert all(name in rnncli("export", "--help").stdout for name in TARGETS)


@each_target
def test_source_goes_to_standard_output_and_a_file_needs_a_name(target: str, rnncli: Run) -> None:
    result = rnncli("export", SPEC, "--to", target)
    if TARGETS[target].is_text:
        assert (result.status, result.stderr) == (0, "")
        assert "model = " in result.stdout or "def model(" in result.stdout
        assert rnncli("export", SPEC, "--to", target, "-o", "made.py").stdout == ""
        assert Path("made.py").read_text() == result.stdout
    else:
        assert (result.status, result.stdout) == (2, "")
        assert f"-o model{TARGETS[target].extension}" in result.stderr


@each_target
def test_a_name_that_says_something_else_is_refused(target: str, rnncli: Run) -> None:
    kind = TARGETS[target]
    wrong = ".onnx" if kind.is_text else ".py"
    result = rnncli("export", SPEC, "--to", target, "-o", f"made{wrong}")
    assert (result.status, result.stdout) == (2, "")
    assert f"-o model{kind.extension}" in result.stderr
    for extension in {".npz", ".safetensors", ".weights.h5", ".h5"} - {*kind.weights}:
        result = rnncli("export", SPEC, "--to", target, "--save-weights", f"w{extension}", *output_of(target))
        assert (result.status, result.stdout) == (2, "")
    assert list(Path().iterdir()) == []


@each_with_weights
def test_the_weights_of_a_file_are_those_that_are_written(target: str, extension: str, rnncli: Run) -> None:
    trained = GOLDEN / "recall.safetensors"
    written = f"w{extension}"
    assert rnncli("export", trained, "--to", target, "--save-weights", written).status == 0
    np.save("x.npy", np.linspace(-1, 1, 20, dtype="float32").reshape(2, 10, 1))
    spec = "input:1,lstm:8,dense:1"
    for name, line in {"one.npy": (trained,), "two.npy": (spec, "--weights", written)}.items():
        assert rnncli("forward", *line, "--input", "x.npy", "-o", name).status == 0
    np.testing.assert_allclose(np.load("two.npy"), np.load("one.npy"), atol=1e-6)


@each_with_weights
def test_the_file_that_is_read_is_not_written(target: str, extension: str, rnncli: Run) -> None:
    shutil.copy(GOLDEN / "recall.safetensors", "here.safetensors")
    before = Path("here.safetensors").read_bytes()
    Path("link" + extension).symlink_to("here.safetensors")
    for given in ("here.safetensors", "here.safetensors::1"):
        result = rnncli("export", given, "--to", target, "--save-weights", f"link{extension}")
        assert (result.status, result.stdout) == (2, "")
        assert "here.safetensors" in result.stderr
        assert "would write to it" in result.stderr
    assert Path("here.safetensors").read_bytes() == before


@each_target
def test_what_is_computed_otherwise_is_not_exported(target: str, rnncli: Run) -> None:
    cell = {"units": 4, "recurrent_activation": "hard_sigmoid", "batch_input_shape": [None, None, 3]}
    layers = [{"class_name": "LSTM", "config": cell | {"name": "old"}}]
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}, "keras_version": "2.2.4"}
    Path("old.json").write_text(json.dumps(config))
    result = rnncli("export", "old.json", "--to", target, *output_of(target))
    assert (result.status, result.stdout) == (1, "")
    assert "hard_sigmoid of Keras 1 and 2" in result.stderr


@each_target
def test_weights_that_are_not_there_are_said_before_anything_is_written(target: str, rnncli: Run) -> None:
    result = rnncli("export", SPEC, "--to", target, "--weights", "nowhere.npz", *output_of(target))
    assert (result.status, result.stdout) == (1, "")
    assert "nowhere.npz" in result.stderr
    assert list(Path().iterdir()) == []

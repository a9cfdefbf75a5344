"""The common part of `rnncli export`: where it writes, what it refuses, and whose weights it uses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from conftest import MODELS, Run, Screen, Walk
from golden.generate import any_size, random_layers
from hypothesis import given
from hypothesis import strategies as st
from sessions import replay
from strategies import networks

from rnncli import Network, SpecError
from rnncli.export import TARGETS, Job, export

SPEC = "input:8,lstm:4"
WITH_WEIGHTS = [(name, each) for name, target in TARGETS.items() for each in target.weights]
"""Each target with each of its weights files."""
SOURCES = [name for name, target in TARGETS.items() if target.is_text]
RUFF = shutil.which("ruff") or shutil.which("ruff", path=str(Path(sys.executable).parent))


def output_of(target: str) -> list[str]:
    """The option that names a binary target's output file."""
    return [] if TARGETS[target].is_text else ["-o", "made.onnx"]


def test_source_reads_as_a_person_would_write_it(at: Walk, rnncli: Run, screen: Screen) -> None:
    for name in (*SOURCES, "torch-refused"):
        with at(name):
            replay(f"export-{name}", rnncli, screen)


def test_source_goes_to_standard_output_and_binary_output_needs_a_name(at: Walk, rnncli: Run) -> None:
    for name, target in TARGETS.items():
        with at(name):
            result = rnncli("export", SPEC, "--to", name)
            if target.is_text:
                assert re.search(r"model = |def model\(|size_t model_run\(", result.answer)
                assert rnncli("export", SPEC, "--to", name, "-o", "model").stdout == ""
                assert Path("model").read_text() == result.stdout
            else:
                result.refusal(2, f"-o model{target.extension}")


def test_a_file_name_of_another_format_is_refused(at: Walk, rnncli: Run) -> None:
    for name, target in TARGETS.items():
        with at(name):
            wrong = ".onnx" if target.is_text else ".py"
            error = rnncli("export", SPEC, "--to", name, "-o", f"made{wrong}").refusal()
            assert error.endswith(f" -o made{target.extension}\n")
            for extension in {".npz", ".safetensors", ".weights.h5", ".h5"} - {*target.weights}:
                rnncli("export", SPEC, "--to", name, "--save-weights", f"w{extension}", *output_of(name)).refusal()
            assert list(Path().iterdir()) == []


def test_the_weights_of_a_given_file_are_written(at: Walk, rnncli: Run) -> None:
    trained = MODELS / "recall.safetensors"
    np.save("x.npy", np.linspace(-1, 1, 20, dtype="float32").reshape(2, 10, 1))
    assert rnncli("forward", trained, "--input", "x.npy", "-o", "one.npy").status == 0
    for target, extension in WITH_WEIGHTS:
        with at(target, extension):
            written = f"w{extension}"
            assert rnncli("export", trained, "--to", target, "--save-weights", written).status == 0
            line = ("forward", "input:1,lstm:8,dense:1", "--weights", written)
            assert rnncli(*line, "--input", "x.npy", "-o", "two.npy").status == 0
            np.testing.assert_allclose(np.load("two.npy"), np.load("one.npy"), atol=1e-6)


def test_a_file_with_unsupported_computations_is_not_exported(at: Walk, rnncli: Run) -> None:
    cell = {"units": 4, "recurrent_activation": "hard_sigmoid", "batch_input_shape": [None, None, 3]}
    layers = [{"class_name": "LSTM", "config": cell | {"name": "old"}}]
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}, "keras_version": "2.2.4"}
    Path("old.json").write_text(json.dumps(config))
    for target in TARGETS:
        with at(target):
            error = rnncli("export", "old.json", "--to", target, *output_of(target)).refusal(1)
            assert "hard_sigmoid of Keras 1 and 2" in error


def test_missing_weights_are_reported_before_anything_is_written(at: Walk, rnncli: Run) -> None:
    for target in TARGETS:
        with at(target):
            error = rnncli("export", SPEC, "--to", target, "--weights", "nowhere.npz", *output_of(target)).refusal(1)
            assert "nowhere.npz" in error
            assert list(Path().iterdir()) == []


@given(networks(), st.sampled_from((None, 'it\'s a "long" name ' + 80 * "x" + ".npz")))
def test_no_line_of_python_exceeds_88_columns_except_for_a_name(network: Network, saved: str | None) -> None:
    for target in {*SOURCES} - {"c"}:
        try:
            source = str(export(Job(network, dict, saved=saved, origin="drawn from seed 3"), target))
        except SpecError:  # PyTorch cannot express it
            continue
        for line in source.splitlines():
            assert len(line) <= 88 or 80 * "x" in line
            assert line == line.rstrip()
            assert line.isascii()


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_ruff_would_change_nothing_in_source_and_finds_nothing(tmp_path: Path) -> None:
    random = Random(0)
    for number in range(150):
        network = Network(random_layers(random, any_size))
        odd = "x" * random.randint(1, 90) + random.choice(("", '"', "'", "\\", "層" * 9, '"\'"')) + ".safetensors"
        for target, saved in (("keras", "w.npz"), ("torch", odd)):
            job = Job(network, dict, saved=random.choice((None, saved)), origin="the weights of the file")
            try:
                (tmp_path / f"{target}{number}.py").write_text(str(export(job, target)), encoding="utf-8")
            except SpecError:
                continue
    assert len(list(tmp_path.glob("torch*"))) > 50
    for command in (["format", "--diff"], ["check", "--select", "E,F,I"]):
        line = [str(RUFF), *command, "--isolated", "--no-cache", "--line-length", "88", str(tmp_path)]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout

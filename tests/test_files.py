"""The arrays that a run reads and writes: round trips, and one clear error for every unsuitable file."""

from __future__ import annotations

import os
import pickle  # noqa: F401 - the screen has it
import re
import stat
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import SCREENS, Run, Screen, Walk
from sessions import replay

from rnncli import Network
from rnncli.engine.model import Model

SPEC = "input:8,rnn:4"
SHAPES = {"simple_rnn/kernel": (8, 4), "simple_rnn/recurrent_kernel": (4, 4), "simple_rnn/bias": (4,)}
X = np.random.default_rng(3).standard_normal((2, 5, 8))
IDS = np.array([[1, 2, 0, 9], [3, 3, 9, 4]])


def weights(**changed: object) -> dict[str, np.ndarray]:
    """The weights of SPEC; a keyword replaces one by the last part of its name, None removes it."""
    values = {key: np.random.default_rng(len(shape)).random(shape) for key, shape in SHAPES.items()}
    values |= {f"simple_rnn/{name}": value for name, value in changed.items()}
    return {key: value for key, value in values.items() if value is not None}


def test_input_and_weights_from_files_match_the_model(rnncli: Run) -> None:
    np.save("x.npy", X)
    np.savez("w.npz", **weights())
    options = ("--input", "x.npy", "--weights", "w.npz", "-o", "y.npy", "--dtype", "float64")
    assert rnncli("forward", SPEC, *options).status == 0
    expected = Model(Network.parse(SPEC), dtype="float64", weights=weights())(X)
    assert np.load("y.npy") == pytest.approx(expected, abs=1e-12)


def test_saved_weights_are_the_models_and_give_the_same_output_again(at: Walk, rnncli: Run) -> None:
    for spec in ("embed:10x4,lstm:3:bi:seq,gru:3", "input:8,gru:3:reset=before,dense:2", "input:8"):
        with at(spec):
            assert rnncli("forward", spec, "--seed", "4", "--save-weights", "w.npz", "-o", "one.npy").status == 0
            model, found = Model(Network.parse(spec), seed=4), np.load("w.npz")
            assert list(found) == list(model.weights)
            assert all(np.array_equal(found[key], array) for key, array in model.weights.items())
            # The seed also determines the input.
            assert rnncli("forward", spec, "--seed", "4", "--weights", "w.npz", "-o", "two.npy").status == 0
            assert Path("one.npy").read_bytes() == Path("two.npy").read_bytes()


def test_a_state_carries_a_sequence_from_one_call_to_the_next(rnncli: Run) -> None:
    for name, part in {"whole": X, "one": X[:, :2], "two": X[:, 2:]}.items():
        np.save(f"{name}.npy", part)
    for name, states in {"whole": (), "one": ("--save-state", "s.npz"), "two": ("--state", "s.npz")}.items():
        options = ("--input", f"{name}.npy", "-o", f"y-{name}.npy", "--dtype", "float64", *states)
        assert rnncli("forward", "input:8,lstm:4:seq,gru:3:seq", *options).status == 0
    shapes = {key: array.shape for key, array in np.load("s.npz").items()}
    assert shapes == {"lstm/h": (2, 4), "lstm/c": (2, 4), "gru/h": (2, 3)}
    joined = np.concatenate([np.load("y-one.npy"), np.load("y-two.npy")], axis=1)
    assert joined == pytest.approx(np.load("y-whole.npy"), abs=1e-12)


def test_inputs_are_read_in_any_memory_order_and_precision(at: Walk, rnncli: Run) -> None:
    floats = [X.astype("f4"), X.astype(">f8"), np.asfortranarray(X), X.astype("f2").astype("f8")]
    ids = [IDS.astype(dtype) for dtype in ("uint8", "int16", ">i4", "int64", "uint64")]
    for spec, inputs in {SPEC: floats, "embed:10x4,rnn:3": ids}.items():
        for x in inputs:
            with at(spec, x.dtype.str):
                np.save("x.npy", x)
                assert rnncli("forward", spec, "--input", "x.npy", "-o", "y.npy").status == 0
                assert np.load("y.npy") == pytest.approx(Model(Network.parse(spec))(x), abs=1e-6)


def test_an_input_may_come_through_a_pipe(rnncli: Run) -> None:
    np.save("x.npy", X)
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(Path("x.npy").read_bytes()), daemon=True)
    writer.start()
    result = rnncli("forward", SPEC, "-f", "json", "-o", "y.npy", "--input", "pipe")
    assert (result.status, result.stderr) == (0, "wrote y.npy (2, 4), 160 B\n")
    assert rnncli("forward", SPEC, "-f", "json", "-o", "z.npy", "--input", "x.npy").status == 0
    assert Path("y.npy").read_bytes() == Path("z.npy").read_bytes()


def test_an_output_is_replaced_by_a_file_with_the_umasks_mode(rnncli: Run) -> None:
    Path("y.npy").write_bytes(b"old")
    before = os.umask(0o006)
    try:
        assert rnncli("forward", SPEC, "-o", "y.npy", "--save-weights", "w.npz").status == 0
    finally:
        os.umask(before)
    assert np.load("y.npy").shape == (1, 4)
    assert stat.S_IMODE(Path("w.npz").stat().st_mode) == 0o660
    assert sorted(os.listdir()) == ["w.npz", "y.npy"]


# Unsuitable files


def npy(shape: str, data: bytes = b"\0" * 1000, descr: str = "<f4") -> bytes:
    """A .npy file with any header."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def saved(array: object, **options: bool) -> bytes:
    np.save("made.npy", array, **options)  # type: ignore[arg-type]
    return Path("made.npy").read_bytes()


def zipped(**arrays: np.ndarray) -> bytes:
    np.savez("made.npz", **arrays)
    return Path("made.npz").read_bytes()


def changed(array: np.ndarray, index: tuple[int, int], value: float) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


KERNEL = weights()["simple_rnn/kernel"]


def test_an_unsuitable_file_is_named_with_its_fault(rnncli: Run, screen: Screen) -> None:
    # Each case is a command line, the fault of the file named last, and the code that makes it.
    text, shown = (SCREENS / "errors-arrays.txt").read_text("utf-8"), ""
    for case, line, content in re.findall(r"^((\S+ --\w+), [\w ]+: (.*))$", text, re.MULTILINE):
        Path("bad").write_bytes(eval(content))
        status, stdout, stderr = rnncli("forward", *line.split(), "bad")
        assert (status, stdout) == (1, ""), case
        shown += f"{case}\n{stderr}\n"
    assert not Path("hacked").exists()
    screen("errors-arrays", shown)


def test_a_missing_or_contradictory_file_is_refused(rnncli: Run, screen: Screen) -> None:
    np.save("x.npy", X)
    Path("folder").mkdir()
    assert rnncli("forward", SPEC, "--input", "x.npy", "--batch", "2", "--timesteps", "5").status == 0
    replay("forward-refused", rnncli, screen)
    assert sorted(os.listdir()) == ["folder", "x.npy"]


def test_a_failed_run_keeps_the_old_output_and_leaves_no_other_file(rnncli: Run) -> None:
    # Detected after most of the output has been written.
    np.save("ids.npy", changed(np.zeros((100, 2_000), "int32"), (99, 1_999), 10))
    Path("y.npy").write_bytes(b"old")
    result = rnncli("forward", "embed:10x4,dense:3", "--input", "ids.npy", "-o", "y.npy", "--save-weights", "w.npz")
    error = "Error: ids.npy: id 10 (sample 99, timestep 1999) is outside the vocabulary, 0 to 9\n"
    assert result == (1, "", f"{error}Help: use a larger vocabulary for the embedding, or clip the ids\n")
    assert Path("y.npy").read_bytes() == b"old"
    assert sorted(os.listdir()) == ["ids.npy", "y.npy"]

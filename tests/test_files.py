"""The arrays that a run reads and writes: round trips, and one clear error for every file that will not do."""

from __future__ import annotations

import os
import pickle
import stat
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Result, Walk

from rnncli import Network
from rnncli.engine import Model

Run = Callable[..., Result]

SPEC = "input:8,rnn:4"
SHAPES = {"simple_rnn/kernel": (8, 4), "simple_rnn/recurrent_kernel": (4, 4), "simple_rnn/bias": (4,)}
X = np.random.default_rng(3).standard_normal((2, 5, 8))
IDS = np.array([[1, 2, 0, 9], [3, 3, 9, 4]])


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def weights(**changed: object) -> dict[str, np.ndarray]:
    """The weights of SPEC; an argument replaces one by its last name, None leaves it out."""
    values = {key: np.random.default_rng(len(shape)).random(shape) for key, shape in SHAPES.items()}
    values |= {f"simple_rnn/{name}": value for name, value in changed.items()}
    return {key: value for key, value in values.items() if value is not None}


def test_an_input_and_weights_in_files_give_what_the_model_gives(rnncli: Run) -> None:
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
            # The seed makes the input as well.
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


def test_inputs_are_read_in_any_order_and_precision(at: Walk, rnncli: Run) -> None:
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


def test_an_output_is_replaced_by_a_file_that_others_may_read_as_the_umask_says(rnncli: Run) -> None:
    Path("y.npy").write_bytes(b"old")
    before = os.umask(0o006)
    try:
        assert rnncli("forward", SPEC, "-o", "y.npy", "--save-weights", "w.npz").status == 0
    finally:
        os.umask(before)
    assert np.load("y.npy").shape == (1, 4)
    assert stat.S_IMODE(Path("w.npz").stat().st_mode) == 0o660
    assert sorted(os.listdir()) == ["w.npz", "y.npy"]


# What will not do


def npy(shape: str, data: bytes = b"\0" * 1000, descr: str = "<f4") -> bytes:
    """A .npy file whose header says anything."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def saved(array: object, **options: bool) -> bytes:
    np.save("made.npy", array, **options)  # type: ignore[arg-type]
    return Path("made.npy").read_bytes()


def zipped(**arrays: np.ndarray) -> bytes:
    np.savez("made.npz", **arrays)
    return Path("made.npz").read_bytes()


def kernel_with(index: tuple[int, int], value: float) -> np.ndarray:
    kernel = weights()["simple_rnn/kernel"]
    kernel[index] = value
    return kernel


def ids_with(value: int) -> np.ndarray:
    ids = np.zeros((2, 50), "int64")
    ids[1, 37] = value
    return ids


BAD: dict[str, dict[str, Callable[[], bytes]]] = {
    f"{SPEC} --input": {
        "without a batch": lambda: saved(X[0]),
        "of other features": lambda: saved(X[:, :, :7]),
        "of ids": lambda: saved(IDS),
        "of complex numbers": lambda: saved(X.astype(complex)),
        "of text": lambda: saved(np.full((2, 5, 8), "a")),
        "of records": lambda: saved(np.zeros((2, 5, 8), [("a", "f4")])),
        "of dates": lambda: saved(np.zeros((2, 5, 8), "M8[s]")),
        "of objects": lambda: saved(np.array([[[{}] * 8]]), allow_pickle=True),
        "pickled": lambda: pickle.dumps([[1.0]]),
        "an archive": lambda: zipped(x=X),
        "empty": lambda: b"",
        "text": lambda: b"1,2,3\n4,5,6\n" * 10,
        "truncated": lambda: saved(X)[:-8],
        "cut in its header": lambda: saved(X)[:20],
        "without timesteps": lambda: saved(X[:, :0]),
        "without samples": lambda: saved(X[:0]),
        "of a huge shape": lambda: npy("(1, 4611686018427387904, 8)"),
        "of a large shape": lambda: npy("(1, 100000000000, 8)"),
        "of a negative shape": lambda: npy("(1, -5, 8)"),
        "of a shape that is no number": lambda: npy("(1, True, 8)"),
        "with code for a header": lambda: npy("__import__('os').system('touch hacked')"),
    },
    "input:50x8,rnn:4 --input": {"of another length": lambda: saved(X)},
    "embed:10x4,rnn:3 --input": {
        "of vectors": lambda: saved(X),
        "of floats": lambda: saved(IDS.astype("f4")),
        "of an id that is too large": lambda: saved(ids_with(10)),
        "of an id that is negative": lambda: saved(ids_with(-1)),
        "of an id that is much too large": lambda: saved(ids_with(2**31)),
        "of an id that is very negative": lambda: saved(ids_with(-(2**63))),
    },
    f"{SPEC} --weights": {
        "of another shape": lambda: zipped(**weights(kernel=np.ones((4, 8)))),
        "as PyTorch has them": lambda: zipped(weight_ih_l0=np.ones((4, 8))),
        "without one": lambda: zipped(**weights(recurrent_kernel=None)),
        "with one too many": lambda: zipped(**weights(gain=np.ones(4))),
        "with no array": lambda: zipped(),
        "of complex numbers": lambda: zipped(**weights(kernel=np.ones((8, 4), complex))),
        "of text": lambda: zipped(**weights(bias=np.array(["a"] * 4))),
        "with nan": lambda: zipped(**weights(kernel=kernel_with((1, 2), np.nan))),
        "with inf": lambda: zipped(**weights(kernel=kernel_with((7, 3), np.inf))),
        "with what float32 cannot hold": lambda: zipped(**weights(kernel=kernel_with((0, 1), 1e300))),
        "of objects": lambda: zipped(**weights(kernel=np.array([{}] * 4))),
        "pickled": lambda: pickle.dumps(weights()),
        "one array": lambda: saved(X),
        "empty": lambda: b"",
        "truncated": lambda: zipped(**weights())[:-100],
        "damaged": lambda: zipped(**weights()).replace(weights()["simple_rnn/kernel"].tobytes()[:9], b"\xff" * 9),
    },
    f"{SPEC} --state": {"of another batch": lambda: zipped(**{"simple_rnn/h": np.zeros((3, 4))})},
}
"""Files that will not do, by the command line in which they are given."""


def failed(result: Result, *words: str) -> None:
    """The work failed with one clear error that says these words, and nothing was shown."""
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("Error: ") == 1
    assert len(result.stderr.splitlines()) <= 2
    for word in words:
        assert word in result.stderr


def test_a_file_that_will_not_do_is_named_with_what_was_found(rnncli: Run, screen: Callable[[str, str], None]) -> None:
    shown = ""
    for line, files in BAD.items():
        for name, content in files.items():
            Path("bad").write_bytes(content())
            result = rnncli("forward", *line.split(), "bad")
            failed(result, "Error: bad: ")
            shown += f"{line}, {name}\n{result.stderr}\n"
    assert not Path("hacked").exists()
    screen("errors-arrays", shown)


def test_what_is_no_file_cannot_be_read(at: Walk, rnncli: Run) -> None:
    Path("folder").mkdir()
    for option in ("--input", "--weights", "--state"):
        with at(option):
            failed(rnncli("forward", SPEC, option, "nothing.npz", "-o", "y.npy"), "nothing.npz", "No such file")
            failed(rnncli("forward", SPEC, option, "folder"), "folder", "directory")


def test_a_run_that_fails_leaves_an_old_output_as_it_was_and_nothing_beside_it(rnncli: Run) -> None:
    ids = np.zeros((1, 200_000), "int32")
    ids[0, -1] = 10  # found when most of the output has been written
    np.save("ids.npy", ids)
    Path("y.npy").write_bytes(b"old")
    failed(rnncli("forward", "embed:10x4,dense:3", "--input", "ids.npy", "-o", "y.npy", "--save-weights", "w.npz"))
    assert Path("y.npy").read_bytes() == b"old"
    assert sorted(os.listdir()) == ["ids.npy", "y.npy"]


def test_files_belong_to_one_spec(rnncli: Run) -> None:
    result = rnncli("forward", SPEC, "input:8,rnn:5", "-o", "y.npy")
    assert (result.status, result.stdout) == (2, "")
    assert "2 specs" in result.stderr
    result = rnncli("forward", "-", "-o", "y.npy", stdin="# nothing\n")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: there is no spec on standard input\nHelp: ")
    assert os.listdir() == []


def test_options_that_contradict_the_input_are_wrong(at: Walk, rnncli: Run) -> None:
    np.save("x.npy", X)
    for options in ("--batch 3", "--timesteps 4", "--batch 2 --timesteps 6"):
        with at(options):
            result = rnncli("forward", SPEC, "--input", "x.npy", *options.split())
            assert (result.status, result.stdout) == (2, "")
            assert "x.npy has shape (2, 5, 8)" in result.stderr
    assert rnncli("forward", SPEC, "--input", "x.npy", "--batch", "2", "--timesteps", "5").status == 0

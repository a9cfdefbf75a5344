"""The arrays that a run reads and writes: round trips, and one clear error for every file that will not do."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Result

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


@pytest.mark.parametrize("spec", ["embed:10x4,lstm:3:bi:seq,gru:3", "input:8,gru:3:reset=before,dense:2", "input:8"])
def test_saved_weights_are_the_models_and_give_the_same_output_again(spec: str, rnncli: Run) -> None:
    assert rnncli("forward", spec, "--seed", "4", "--save-weights", "w.npz", "-o", "one.npy").status == 0
    saved = np.load("w.npz")
    model = Model(Network.parse(spec), seed=4)
    assert list(saved) == list(model.weights)
    assert all(np.array_equal(saved[key], array) for key, array in model.weights.items())
    # The seed makes the input as well.
    assert rnncli("forward", spec, "--seed", "4", "--weights", "w.npz", "-o", "two.npy").status == 0
    assert Path("one.npy").read_bytes() == Path("two.npy").read_bytes()


def test_a_state_carries_a_sequence_from_one_call_to_the_next(rnncli: Run) -> None:
    spec = "input:8,lstm:4:seq,gru:3:seq"
    for name, part in {"whole": X, "one": X[:, :2], "two": X[:, 2:]}.items():
        np.save(f"{name}.npy", part)
    for name, states in {"whole": (), "one": ("--save-state", "s.npz"), "two": ("--state", "s.npz")}.items():
        options = ("--input", f"{name}.npy", "-o", f"y-{name}.npy", "--dtype", "float64", *states)
        assert rnncli("forward", spec, *options).status == 0
    assert {key: array.shape for key, array in np.load("s.npz").items()} == {
        "lstm/h": (2, 4),
        "lstm/c": (2, 4),
        "gru/h": (2, 3),
    }
    joined = np.concatenate([np.load("y-one.npy"), np.load("y-two.npy")], axis=1)
    assert joined == pytest.approx(np.load("y-whole.npy"), abs=1e-12)


@pytest.mark.parametrize(
    "x",
    [X.astype("f4"), X.astype(">f8"), np.asfortranarray(X), X.astype("f2").astype("f8")],
    ids=lambda x: str(x.dtype),
)
def test_floats_are_read_in_any_order_and_precision(x: np.ndarray, rnncli: Run) -> None:
    np.save("x.npy", x)
    assert rnncli("forward", SPEC, "--input", "x.npy", "-o", "y.npy").status == 0
    assert np.load("y.npy") == pytest.approx(Model(Network.parse(SPEC))(x), abs=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">i4", "int64", "uint64"])
def test_ids_are_read_in_any_size(dtype: str, rnncli: Run) -> None:
    np.save("ids.npy", IDS.astype(dtype))
    assert rnncli("forward", "embed:10x4,rnn:3", "--input", "ids.npy", "-o", "y.npy").status == 0
    assert np.load("y.npy") == pytest.approx(Model(Network.parse("embed:10x4,rnn:3"))(IDS), abs=1e-6)


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


def at(index: tuple[int, int], value: float) -> np.ndarray:
    kernel = weights()["simple_rnn/kernel"]
    kernel[index] = value
    return kernel


BAD_INPUTS: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "without a batch": (lambda: saved(X[0]), ("(5, 8)", "(batch, timesteps, 8)")),
    "of other features": (lambda: saved(X[:, :, :7]), ("(2, 5, 7)", "(batch, timesteps, 8)")),
    "of complex numbers": (lambda: saved(X.astype(complex)), ("complex128", "float")),
    "of text": (lambda: saved(np.full((2, 5, 8), "a")), ("<U1", "float")),
    "of records": (lambda: saved(np.zeros((2, 5, 8), [("a", "f4")])), ("float",)),
    "of dates": (lambda: saved(np.zeros((2, 5, 8), "M8[s]")), ("datetime64", "float")),
    "of objects": (lambda: saved(np.array([[[{}] * 8]]), allow_pickle=True), ("object",)),
    "pickled": (lambda: pickle.dumps([[1.0]]), ()),
    "an archive": (lambda: zipped(x=X), ()),
    "empty": (lambda: b"", ()),
    "text": (lambda: b"1,2,3\n4,5,6\n" * 10, ()),
    "truncated": (lambda: saved(X)[:-8], ("640", "632")),
    "cut in its header": (lambda: saved(X)[:20], ()),
    "without timesteps": (lambda: saved(X[:, :0]), ("(2, 0, 8)",)),
    "without samples": (lambda: saved(X[:0]), ("(0, 5, 8)",)),
    "of a huge shape": (lambda: npy("(1, 4611686018427387904, 8)"), ("4611686018427387904",)),
    "of a large shape": (lambda: npy("(1, 100000000000, 8)"), ("3,200,000,000,000",)),
    "of a negative shape": (lambda: npy("(1, -5, 8)"), ()),
    "of a shape that is no number": (lambda: npy("(1, True, 8)"), ()),
    "with code for a header": (lambda: npy("__import__('os').system('touch hacked')"), ()),
}


def failed(result: Result, *words: str) -> None:
    """The work failed with one clear error that says these words, and nothing was shown."""
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("Error: ") == 1
    assert len(result.stderr.splitlines()) <= 2
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_an_input_that_will_not_do_is_named_with_what_was_found(name: str, rnncli: Run) -> None:
    content, words = BAD_INPUTS[name]
    Path("bad.npy").write_bytes(content())
    failed(rnncli("forward", SPEC, "--input", "bad.npy"), "bad.npy", *words)
    assert not Path("hacked").exists()


@pytest.mark.parametrize("value", [10, -1, 2**31, -(2**63)])
def test_an_id_outside_the_vocabulary_is_named_with_its_place(value: int, rnncli: Run) -> None:
    ids = np.zeros((2, 50), "int64")
    ids[1, 37] = value
    np.save("ids.npy", ids)
    result = rnncli("forward", "embed:10x4,rnn:3", "--input", "ids.npy")
    failed(result, f"{value} (sample 1, timestep 37)", "0 to 9")


def test_an_id_outside_the_vocabulary_is_named_with_its_file(rnncli: Run) -> None:
    np.save("ids.npy", IDS)
    failed(rnncli("forward", "embed:9x4,rnn:3", "--input", "ids.npy"), "ids.npy")


def test_ids_for_vectors_and_vectors_for_ids_are_told_apart(rnncli: Run) -> None:
    np.save("x.npy", X)
    np.save("ids.npy", IDS)
    np.save("float-ids.npy", IDS.astype("f4"))
    failed(rnncli("forward", SPEC, "--input", "ids.npy"), "ids.npy", "(2, 4)", "(batch, timesteps, 8)")
    failed(rnncli("forward", "embed:10x4", "--input", "x.npy"), "x.npy", "(2, 5, 8)", "(batch, timesteps)")
    failed(rnncli("forward", "embed:10x4", "--input", "float-ids.npy"), "float-ids.npy", "float32", "integer")


KERNEL, RECURRENT = "simple_rnn/kernel", "simple_rnn/recurrent_kernel"
BAD_WEIGHTS: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "of another shape": (lambda: zipped(**weights(kernel=np.ones((4, 8)))), (KERNEL, "(4, 8)", "(8, 4)")),
    "as PyTorch has them": (lambda: zipped(weight_ih_l0=np.ones((4, 8))), (KERNEL, "(8, 4)", "weight_ih_l0")),
    "without one": (lambda: zipped(**weights(recurrent_kernel=None)), (RECURRENT, "(4, 4)")),
    "with one too many": (lambda: zipped(**weights(gain=np.ones(4))), ("simple_rnn/gain",)),
    "with no array": (lambda: zipped(), (KERNEL,)),
    "of complex numbers": (lambda: zipped(**weights(kernel=np.ones((8, 4), complex))), (KERNEL, "complex128")),
    "of text": (lambda: zipped(**weights(bias=np.array(["a"] * 4))), ("simple_rnn/bias", "<U1")),
    "with nan": (lambda: zipped(**weights(kernel=at((1, 2), np.nan))), (f"{KERNEL}[1, 2]", "nan", "finite")),
    "with inf": (lambda: zipped(**weights(kernel=at((7, 3), np.inf))), (f"{KERNEL}[7, 3]", "inf", "finite")),
    "with what float32 cannot hold": (lambda: zipped(**weights(kernel=at((0, 1), 1e300))), (f"{KERNEL}[0, 1]",)),
    "of objects": (lambda: zipped(**weights(kernel=np.array([{}] * 4))), (KERNEL, "object")),
    "pickled": (lambda: pickle.dumps(weights()), ()),
    "one array": (lambda: saved(X), ()),
    "empty": (lambda: b"", ()),
    "truncated": (lambda: zipped(**weights())[:-100], ()),
    "damaged": (lambda: zipped(**weights()).replace(weights()[KERNEL].tobytes()[:9], b"\xff" * 9), (KERNEL,)),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_weights_that_will_not_do_are_named_with_the_array_and_what_was_found(name: str, rnncli: Run) -> None:
    content, words = BAD_WEIGHTS[name]
    Path("bad.npz").write_bytes(content())
    failed(rnncli("forward", SPEC, "--weights", "bad.npz"), "bad.npz", *words)


def test_a_state_that_will_not_do_is_named_too(rnncli: Run) -> None:
    np.savez("bad.npz", **{"simple_rnn/h": np.zeros((3, 4))})
    failed(rnncli("forward", SPEC, "--state", "bad.npz"), "bad.npz", "simple_rnn/h", "(3, 4)", "(1, 4)")


@pytest.mark.parametrize("option", ["--input", "--weights", "--state"])
def test_what_is_no_file_cannot_be_read(option: str, rnncli: Run) -> None:
    failed(rnncli("forward", SPEC, option, "nothing.npz"), "nothing.npz", "No such file")
    Path("folder").mkdir()
    failed(rnncli("forward", SPEC, option, "folder"), "folder", "directory")


OUTPUTS = pytest.mark.parametrize("option", ["--output", "--save-weights", "--save-state"])


@OUTPUTS
def test_what_cannot_be_written_is_named(option: str, rnncli: Run) -> None:
    failed(rnncli("forward", SPEC, option, "nowhere/y.npy"), "nowhere/y.npy", "No such file or directory")
    Path("folder").mkdir()
    failed(rnncli("forward", SPEC, option, "folder"), "folder", "directory")
    failed(rnncli("forward", SPEC, option, "/dev/full"), "/dev/full", "No space left")
    assert os.listdir() == ["folder"]


@OUTPUTS
def test_a_pipe_is_written_to_under_its_name(option: str, program: Run) -> None:
    result = program("forward", SPEC, option, "/dev/stdout", shell='"$@" | cat > all')
    assert (result.status, result.stderr.startswith("wrote /dev/stdout (")) == (0, True)
    assert Path("all").read_bytes().startswith((b"\x93NUMPY", b"PK"))


@OUTPUTS
def test_an_output_can_go_to_another_program(option: str, program: Run) -> None:
    result = program("forward", SPEC, "-f", "json", option, shell='"$@" >(cat > all); status=$?; wait $!; exit $status')
    assert (result.status, result.stderr.startswith("wrote /dev/fd/")) == (0, True)
    assert Path("all").read_bytes().startswith((b"\x93NUMPY", b"PK"))


def test_an_input_may_come_through_a_pipe(program: Run) -> None:
    np.save("x.npy", X)
    result = program("forward", SPEC, "-f", "json", "-o", "y.npy", "--input", shell='"$@" <(cat x.npy)')
    assert (result.status, result.stderr) == (0, "wrote y.npy (2, 4), 160 B\n")
    assert program("forward", SPEC, "-f", "json", "-o", "z.npy", "--input", "x.npy").status == 0
    assert Path("y.npy").read_bytes() == Path("z.npy").read_bytes()


def test_an_output_is_replaced_by_a_file_that_others_may_read_as_the_umask_says(rnncli: Run) -> None:
    Path("y.npy").write_bytes(b"old")
    assert rnncli("forward", SPEC, "-o", "y.npy", "--save-weights", "w.npz").status == 0
    assert np.load("y.npy").shape == (1, 4)
    Path("made").touch()
    assert {Path(name).stat().st_mode for name in ("w.npz", "made")} == {Path("made").stat().st_mode}
    assert sorted(os.listdir()) == ["made", "w.npz", "y.npy"]


def test_a_run_that_fails_leaves_an_old_output_as_it_was_and_nothing_beside_it(rnncli: Run) -> None:
    ids = np.zeros((1, 200_000), "int32")
    ids[0, -1] = 10  # found when most of the output has been written
    np.save("ids.npy", ids)
    Path("y.npy").write_bytes(b"old")
    failed(rnncli("forward", "embed:10x4,dense:3", "--input", "ids.npy", "-o", "y.npy", "--save-weights", "w.npz"))
    assert Path("y.npy").read_bytes() == b"old"
    assert sorted(os.listdir()) == ["ids.npy", "y.npy"]


def test_one_file_cannot_belong_to_several_specs(rnncli: Run) -> None:
    result = rnncli("forward", SPEC, "input:8,rnn:5", "-o", "y.npy")
    assert (result.status, result.stdout, os.listdir()) == (2, "", [])
    assert "2 specs" in result.stderr


def test_no_spec_on_standard_input_writes_no_file(rnncli: Run) -> None:
    result = rnncli("forward", "-", "-o", "y.npy", stdin="# nothing\n")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: there is no spec on standard input\nHelp: ")
    assert os.listdir() == []


@pytest.mark.parametrize("options", [("--batch", "3"), ("--timesteps", "4"), ("--batch", "2", "--timesteps", "6")])
def test_options_that_contradict_the_input_are_wrong(options: tuple[str, ...], rnncli: Run) -> None:
    np.save("x.npy", X)
    result = rnncli("forward", SPEC, "--input", "x.npy", *options)
    assert (result.status, result.stdout) == (2, "")
    assert "x.npy has shape (2, 5, 8)" in result.stderr
    assert rnncli("forward", SPEC, "--input", "x.npy", "--batch", "2", "--timesteps", "5").status == 0


def test_an_input_of_another_length_than_the_spec_fixes_is_wrong(rnncli: Run) -> None:
    np.save("x.npy", X)
    failed(rnncli("forward", "input:50x8,rnn:4", "--input", "x.npy"), "x.npy", "(2, 5, 8)", "(batch, 50, 8)")

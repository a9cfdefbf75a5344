"""The arrays that a run reads and writes: round trips, inputs that change or lie, and one clear error for a fault."""

from __future__ import annotations

import os
import pickle  # noqa: F401 - the screen has it
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, Screen, Walk, memory_below, patience, peak_memory
from hostile_models import zipped
from sessions import made_cases, replay

from rnncli import Network, RnncliError
from rnncli.engine.array_files import open_input, read_arrays
from rnncli.engine.checks import weight_shapes
from rnncli.engine.model import Model
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan

SPEC = "input:8,rnn:4"
X = np.random.default_rng(3).standard_normal((2, 5, 8))
IDS = np.array([[1, 2, 0, 9], [3, 3, 9, 4]])
WEIGHTS = {
    key: np.random.default_rng(len(shape)).random(shape) for key, shape in weight_shapes(Network.parse(SPEC)).items()
}
KERNEL = WEIGHTS["simple_rnn/kernel"]


@contextmanager
def pipe(command: str) -> Iterator[str]:
    """The name of a pipe that a command writes to."""
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as process, patience():
        assert process.stdout is not None
        yield f"/dev/fd/{process.stdout.fileno()}"


# Round trips.


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


# Inputs that change, or are long.


def test_an_input_that_changes_during_a_run_is_an_error_that_leaves_the_output_of_before_or_is_kept(at: Walk) -> None:
    shorter = "x.npy: it became shorter while it was being read: 768 bytes before, now"
    changes: dict[str, Callable[[], object]] = {
        f"{shorter} 200": lambda: os.truncate("x.npy", 200),
        f"{shorter} 14": lambda: Path("x.npy").write_bytes(b"something else"),
        "x.npy: it changed while it was being read": lambda: os.utime("x.npy", (0, 0)),
    }
    Path("y.npy").write_bytes(b"old")
    for said, change in changes.items():
        with at(said):
            np.save("x.npy", X)
            run = RunPlan(SPEC, Request(input="x.npy", output="y.npy"))
            change()
            with pytest.raises(RnncliError) as caught:
                run.run()
            assert caught.value.message == said
            assert sorted(map(str, Path().iterdir())) == ["x.npy", "y.npy"]
            assert Path("y.npy").read_bytes() == b"old"
    # An input that is replaced under its name is still read in its old form.
    np.save("x.npy", X)
    run = RunPlan(SPEC, Request(input="x.npy", output="y.npy"))
    np.save("new.npy", X * 2)
    Path("new.npy").rename("x.npy")
    run.run()
    assert np.load("y.npy") == pytest.approx(Model(SPEC)(X), abs=1e-6)


def test_any_timesteps_of_an_input_match_the_array(at: Walk) -> None:
    for shape in ((3, 50, 4), (1, 7, 9000), (4000, 20, 2), (2, 5, 1), (40, 3)):
        for order in ("C", "F"):
            array = np.random.default_rng(0).integers(0, 9, shape).astype(">i2", order=order)
            np.save("x.npy", array)
            file = open_input("x.npy", Network.parse("embed:9x2" if len(shape) == 2 else f"input:{shape[-1]}"))
            for start, stop in ((0, shape[1]), (0, 1), (1, 3), (shape[1] - 1, shape[1])):
                with at(shape, order, start, stop):
                    assert np.array_equal(file.steps(start, stop), array[:, start:stop])


def test_a_long_input_takes_only_the_memory_of_a_chunk() -> None:
    with Path("long.npy").open("wb") as file:  # 8 GB, nearly all sparse
        file.write(npy(described("(1, 30000000, 64)")))
        file.truncate(file.tell() + 30_000_000 * 64 * 4)
    found = open_input("long.npy", Network.parse("input:64"))
    with memory_below(2 * 1000 * 64 * 4):
        assert not found.steps(20_000_000, 20_001_000).any()
    Path("long.npy").unlink()


# Input that is not an array, and endless input.


def test_endless_input_is_refused_by_its_first_bytes(rnncli: Run, at: Walk) -> None:
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    for option in ("--input", "--weights", "--state"):
        for endless in ("/dev/zero", "/dev/urandom"):
            with at(option, endless), patience():
                rnncli("forward", SPEC, option, endless).refusal(1, endless, "expected a")
        with at(option, "pipe"), pipe("yes") as name:
            rnncli("forward", SPEC, option, name).refusal(1, "/dev/fd/", "it is text that begins with 'y'")
        with at(option, "loop of links"):
            rnncli("forward", SPEC, option, "a").refusal(1, "a cannot be read", "symbolic links")


def test_no_more_is_read_from_a_pipe_than_expected(rnncli: Run) -> None:
    np.save("x.npy", X)
    with pipe("cat x.npy; exec cat /dev/zero") as name:
        result = rnncli("forward", SPEC, "-f", "json", "-o", "y.npy", "--input", name)
    assert (result.status, result.stderr) == (0, "wrote y.npy (2, 4), 160 B\n")
    assert np.load("y.npy") == pytest.approx(Model(SPEC)(X), abs=1e-6)
    Path("start").write_bytes(npy(described(f"(1, {2**55}, 8)")))
    with pipe("cat start /dev/zero") as name:
        rnncli("forward", SPEC, "--input", name).refusal(1, "1.00 EB", "free in")
    np.savez("w.npz", **WEIGHTS)
    with pipe("cat w.npz") as name:
        assert rnncli("forward", SPEC, "-f", "json", "--weights", name).status == 0
    with pipe("cat w.npz /dev/zero") as name:
        rnncli("forward", SPEC, "--weights", name).refusal(1, "pipe", "more than")


def test_headers_of_other_programs_are_read_and_data_after_the_array_is_ignored(rnncli: Run, at: Walk) -> None:
    for header in (
        described("(1, 5, 8)"),
        '{"shape": (1, 5, 8), "fortran_order": False, "descr": "<f4"}',
        "{ 'descr':'<f4','fortran_order':False,'shape':(1L,5L,8L) }   \n",
    ):
        for version in (1, 2, 3):
            with at(header, version):
                Path("x.npy").write_bytes(npy(header, bytes(160) + b"more", version))
                assert rnncli("forward", SPEC, "--input", "x.npy").status == 0


# Weights and their memory.


def test_every_numpy_archive_is_read_as_by_numpy(at: Walk) -> None:
    arrays = {"a": (300, 700), "b": (5,), "c/d": (1, 1), "é": (2, 3)}
    for order in ("C", "F"):
        made = {key: np.asarray(np.random.default_rng(1).random(shape), order=order) for key, shape in arrays.items()}
        for save in (np.savez, np.savez_compressed):
            save("w.npz", **made)
            for dtype in ("float32", "float64"):
                with at(order, save.__name__, dtype):
                    found = read_arrays("w.npz", arrays, np.dtype(dtype))
                    for key, array in made.items():
                        assert np.array_equal(found[key], array.astype(dtype))
                        assert found[key].dtype == dtype
                        assert found[key].flags.c_contiguous
    # Weights in their own dtype are read without a copy.
    np.savez("w.npz", a=np.ones((1000, 2000)))
    with memory_below(1000 * 2000 * 4 + (2 << 20)):
        read_arrays("w.npz", {"a": (1000, 2000)}, np.dtype("float32"))


def test_a_run_with_given_weights_holds_as_many_copies_as_one_without() -> None:
    spec = "input:512,dense:4096"
    Model(spec, dtype="float64").save_weights("w.npz")
    without, given = (Request(timesteps=2, weights=path) for path in (None, "w.npz"))
    most = peak_memory(lambda: RunPlan(spec, without).run()) + (2 << 20)
    with memory_below(most):
        RunPlan(spec, given).run()


def test_states_and_the_chunk_of_an_input_are_part_of_a_runs_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    np.save("x.npy", np.zeros((100, 50, 512)))
    spec = "input:512,rnn:4096"
    monkeypatch.setattr("rnncli.engine.memory.free_bytes", lambda: 0)
    taken = []
    for request in (Request(batch=100), Request(input="x.npy"), Request(batch=100, state="s.npz")):
        with pytest.raises(RnncliError, match="for its run") as error:
            RunPlan(spec, request)
        taken.append(error.value.message)
    assert len(set(taken)) == 3


# Values that are not numbers.


def test_a_value_that_is_not_a_number_in_an_input_is_reported_with_its_position(rnncli: Run, at: Walk) -> None:
    lengths = ("--lengths", "10000,9,5000")
    for value, shown, options in ((np.nan, "nan", ()), (-np.inf, "-inf", ("--plot",)), (1e300, "1e+300", lengths)):
        with at(shown, *options):
            x = np.zeros((3, 10_000, 8))
            x[2, 4_321, 5] = value  # in the second chunk
            np.save("x.npy", x)
            result = rnncli("forward", SPEC, "--input", "x.npy", *options)
            said = f"the input is {shown} (sample 2, timestep 4321, feature 5), expected a finite number in float32"
            assert result == (1, "", f"Error: x.npy: {said}\n")
    # The sum of finite numbers may be infinite.
    np.save("x.npy", np.full((2, 50, 8), 3e38, "f4"))
    assert rnncli("forward", SPEC, "--input", "x.npy").status == 0


@pytest.mark.thorough
def test_no_file_is_mapped_and_zipfile_is_used_only_for_archives(at: Walk) -> None:
    # A shrinking mapped file kills the process; zipfile takes milliseconds to import.
    np.savez("w.npz", **WEIGHTS)
    np.save("x.npy", X)
    line = "import sys; from rnncli.cli import run; run(sys.argv[1:]); print(*sys.modules)"
    for options, taken in ((("--input", "x.npy"), set()), (("--input", "x.npy", "--weights", "w.npz"), {"zipfile"})):
        with at(*options):
            command = [sys.executable, "-c", line, "forward", SPEC, *options, "-f", "json"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert {"zipfile", "mmap"} & set(done.stdout.split()) == taken


# Unsuitable files. Their code is in the screen, and uses these functions.


def npy(header: str | bytes, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """A .npy file with any header."""
    text = header.encode() if isinstance(header, str) else header
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + text + data


def described(shape: str, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


def saved(array: object, **options: bool) -> bytes:
    content = BytesIO()
    np.save(content, array, **options)  # type: ignore[arg-type]
    return content.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    content = BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def weights(**changed: object) -> dict[str, np.ndarray]:
    """The weights of SPEC; a keyword replaces one by the last part of its name, None removes it."""
    values = WEIGHTS | {f"simple_rnn/{name}": value for name, value in changed.items()}
    return {key: value for key, value in values.items() if value is not None}


def archive(**files: bytes) -> bytes:
    """The weights of SPEC as an archive; a keyword replaces a member, by the last part of its name."""
    found = {f"{key}.npy": files.get(key.split("/")[1], saved(array)) for key, array in WEIGHTS.items()}
    return zipped(*found.items(), method=zipfile.ZIP_DEFLATED)


def patched(signature: bytes, offset: int, value: bytes) -> bytes:
    """The archive with altered bytes in its first record of a kind."""
    content = archive()
    place = content.index(signature) + offset
    return content[:place] + value + content[place + len(value) :]


def changed(array: np.ndarray, index: tuple[int, int], value: float) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


def test_a_fault_of_a_file_is_reported_in_one_line_and_takes_no_memory(rnncli: Run, screen: Screen, at: Walk) -> None:
    # Each title has a command line, and the fault of the file that is named last.
    shown = ""
    for head, content in made_cases("errors-arrays", globals()).items():
        Path("bad").write_bytes(content)
        if "a header of gigabytes" in head:
            os.truncate("bad", 5 << 30)
        with at(head), memory_below(8 << 20):
            shown += f"{head}\n{rnncli('forward', *head.partition(', ')[0].split(), 'bad').refusal(1)}\n"
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

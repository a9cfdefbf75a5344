"""Input files may contain anything and may change: errors are one line, and no claim of a file is trusted."""

from __future__ import annotations

import os
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
from conftest import Result, Run, Screen, Walk, memory_below, patience, peak_memory
from hostile_models import zipped

from rnncli import Network, RnncliError
from rnncli.engine.array_files import open_input, read_arrays
from rnncli.engine.checks import weight_shapes
from rnncli.engine.model import Model
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan

SPEC = "input:8,rnn:4"
X = np.random.default_rng(3).standard_normal((2, 5, 8))
SHAPES = weight_shapes(Network.parse(SPEC))
KERNEL = "simple_rnn/kernel"


def refused(result: Result, *words: str) -> str:
    """Check that nothing was shown except one short error line (and one line of help), and return it."""
    assert (result.status, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) <= 2
    assert len(result.stderr) < 1000
    for word in words:
        assert word in result.stderr
    return result.stderr


@contextmanager
def pipe(command: str) -> Iterator[str]:
    """The name of a pipe that a command writes to."""
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as process, patience():
        assert process.stdout is not None
        yield f"/dev/fd/{process.stdout.fileno()}"


def npy(header: str | bytes, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """A .npy file with any header."""
    text = header.encode() if isinstance(header, str) else header
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + text + data


def described(shape: str, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


def saved(array: np.ndarray) -> bytes:
    content = BytesIO()
    np.save(content, array)
    return content.getvalue()


WEIGHTS = {key: np.random.default_rng(len(shape)).random(shape) for key, shape in SHAPES.items()}


def archive(**files: bytes) -> bytes:
    """The weights of SPEC as an archive; a keyword replaces a member, by the last part of its name."""
    found = {f"{key}.npy": files.get(key.split("/")[1], saved(array)) for key, array in WEIGHTS.items()}
    return zipped(*found.items(), method=zipfile.ZIP_DEFLATED)


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
                refused(rnncli("forward", SPEC, option, endless), endless, "expected a")
        with at(option, "pipe"), pipe("yes") as name:
            refused(rnncli("forward", SPEC, option, name), "/dev/fd/", "it is text that begins with 'y'")
        with at(option, "loop of links"):
            refused(rnncli("forward", SPEC, option, "a"), "a cannot be read", "symbolic links")


def test_no_more_is_read_from_a_pipe_than_expected(rnncli: Run) -> None:
    np.save("x.npy", X)
    with pipe("cat x.npy; exec cat /dev/zero") as name:
        result = rnncli("forward", SPEC, "-f", "json", "-o", "y.npy", "--input", name)
    assert (result.status, result.stderr) == (0, "wrote y.npy (2, 4), 160 B\n")
    assert np.load("y.npy") == pytest.approx(Model(SPEC)(X), abs=1e-6)
    Path("start").write_bytes(npy(described(f"(1, {2**55}, 8)")))
    with pipe("cat start /dev/zero") as name:
        refused(rnncli("forward", SPEC, "--input", name), "1.00 EB", "free in")
    np.savez("w.npz", **WEIGHTS)
    with pipe("cat w.npz") as name:
        assert rnncli("forward", SPEC, "-f", "json", "--weights", name).status == 0
    with pipe("cat w.npz /dev/zero") as name:
        refused(rnncli("forward", SPEC, "--weights", name), "pipe", "more than")


# Headers that claim more than the file contains.

HEADERS = {
    "of gigabytes": npy("", version=2, length=4_294_967_280),
    "of 65,535 bytes": npy("{" * 65_535),
    "that is not there": b"\x93NUMPY",
    "without a length": b"\x93NUMPY\x01\x00\x10",
    "of another version": npy("", version=9),
    "of a later version": b"\x93NUMPY\x02\xff",
    "with odd space": npy(described("(1, 5, 8)") + "\x1e"),
    "with odd space inside": npy(described("(1, 5, 8)").replace("}", "\xa0}")),
    "with a nought in front": npy(described("(1, 5, 08)")),
    "of brackets": npy("(" * 9000),
    "of minus signs": npy(described("(" + "-" * 9000 + "1,)")),
    "that does not end": npy("{'descr': '<f4"),
    "of an odd token": npy(described("(1, 5, 8, \0)")),
    "of a long text": npy("{'descr': '" + "a" * 9000 + "'}"),
    "without a key": npy("{'descr': '<f4', 'shape': (1, 5, 8)}"),
    "with a key twice": npy(described("(1, 5, 8)")[:-1] + "'descr': '<f4'}"),
    "with another key": npy(described("(1, 5, 8)")[:-1] + "'more': True}"),
    "of another type": npy(described("(1, 5, 8)", "'<f3'")),
    "of a thousand axes": npy(described("(" + "1," * 1000 + ")")),
    "of sixty axes": npy(described("(" + "99999999999999999999," * 60 + ")")),
    "of a size of 25 digits": npy(described(f"(1, {10**25}, 8)")),
    "of more than there is": npy(described("(1, 99999999999999999999, 8)")),
}


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


def patched(signature: bytes, offset: int, value: bytes) -> bytes:
    """The archive with altered bytes in its first record of a kind."""
    content = archive()
    place = content.index(signature) + offset
    return content[:place] + value + content[place + len(value) :]


def test_damaged_files_and_false_sizes_are_reported_in_one_line_and_take_no_memory(
    rnncli: Run, screen: Screen, at: Walk
) -> None:
    archives = {
        "packed by bzip2": patched(b"PK\1\2", 10, b"\x0c\0"),
        "packed by something": patched(b"PK\1\2", 10, b"\x4d\0"),
        "of many names": zipped(*((f"{number:040d}.npy", b"") for number in range(9_000))),
        "of long names": zipped(*((f"{number:060000d}.npy", b"") for number in range(20))),
        "without its list": archive()[:-22],
        "cut in two": archive()[:300],
        "whose list is elsewhere": patched(b"PK\5\6", 16, b"\xf0\xff\xff\x7f"),
        "whose list is no list": patched(b"PK\5\6", 16, b"\1\0\0\0"),
        "of a file elsewhere": patched(b"PK\1\2", 42, b"\3\0\0\0"),
        "of a wrong checksum": patched(b"PK\1\2", 16, b"\0\0\0\0"),
        "of damaged bytes": patched(b"PK\3\4", 30 + len(KERNEL) + len(".npy"), b"\xff"),
        "of the same file twice": zipped(("a.npy", b""), ("b.npy", b"")).replace(b"b.npy", b"a.npy"),
        "of a file that is no array": archive(kernel=b"PK\3\4" * 9),
        "of an empty file": archive(kernel=b""),
        "of an array and more": archive(kernel=saved(WEIGHTS[KERNEL]) + b"more"),
        "of half an array": archive(kernel=saved(WEIGHTS[KERNEL])[:-8]),
    }
    within = {name: HEADERS[name] for name in ("of gigabytes", "of brackets")}
    within |= {"of 65,535 bytes": HEADERS["of 65,535 bytes"] + bytes(8 << 20)}
    within |= {"of a bomb": npy(described("(4194304, 1)")) + bytes(16 << 20)}
    files = {f"--input, a header {name}": content for name, content in HEADERS.items()}
    files |= {f"--weights, a header in an archive {name}": archive(kernel=content) for name, content in within.items()}
    files |= {f"--weights, an archive {name}": content for name, content in archives.items()}
    shown = ""
    for name, content in files.items():
        Path("bad").write_bytes(content)
        if name == "--input, a header of gigabytes":
            os.truncate("bad", 5 << 30)
        with at(name), memory_below(8 << 20):
            shown += f"{name}\n{refused(rnncli('forward', SPEC, name.partition(',')[0], 'bad'))}\n"
    screen("reading-refused", shown)


# Weights and their memory.


def test_an_npz_that_is_not_an_archive_is_reported_as_a_faulty_weights_file(rnncli: Run) -> None:
    Path("w.npz").write_bytes(archive()[:300])
    refused(rnncli("forward", SPEC, "--weights", "w.npz"), "w.npz")


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

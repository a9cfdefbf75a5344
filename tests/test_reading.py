"""Files that are read may be anything and may change: one line says what was found, and nothing is taken on trust."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import PATIENCE, Result, program_line

from rnncli import Network, RnncliError
from rnncli.engine import Model, Request, plan
from rnncli.engine.array_archive import read_arrays
from rnncli.engine.checks import weight_shapes
from rnncli.engine.input_file import open_input

Run = Callable[..., Result]

SPEC = "input:8,rnn:4"
X = np.random.default_rng(3).standard_normal((2, 5, 8))
SHAPES = weight_shapes(Network.parse(SPEC))
KERNEL = "simple_rnn/kernel"
FLOAT32 = np.dtype("float32")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(result: Result, *words: str) -> None:
    """One short line says what is wrong (and one more how to mend it), and nothing was shown."""
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) <= 2
    assert len(result.stderr) < 1000
    assert "bug" not in result.stderr
    assert "pickle=" not in result.stderr
    for word in words:
        assert word in result.stderr


def npy(header: str | bytes, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """A .npy file whose header says anything."""
    text = header.encode() if isinstance(header, str) else header
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + text + data


def described(shape: str, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


def weights() -> dict[str, np.ndarray]:
    return {key: np.random.default_rng(len(shape)).random(shape) for key, shape in SHAPES.items()}


def archive(**files: bytes) -> bytes:
    """The weights of SPEC as an archive; an argument replaces a file of it, by its last name."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for key, array in weights().items():
            content = BytesIO()
            np.save(content, array)
            zipped.writestr(f"{key}.npy", files.pop(key.split("/")[1], content.getvalue()))
        for name, content_ in files.items():
            zipped.writestr(name, content_)
    return made.getvalue()


# An input that changes.


@pytest.fixture
def long_input() -> Iterator[Path]:
    """An input of 8 GB that is nearly all a hole in its file."""
    path = Path("long.npy")
    with path.open("wb") as file:
        file.write(npy(described("(1, 30_000_000, 64)".replace("_", ""))))
        file.truncate(file.tell() + 30_000_000 * 64 * 4)
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: os.truncate(path, 1000), "became shorter while it was read"),
        (lambda path: path.write_bytes(b"something else"), "became shorter while it was read"),
        (lambda path: os.utime(path), "was changed while it was read"),
    ],
    ids=["cut", "written anew", "touched"],
)
def test_an_input_that_changes_during_a_run_is_an_error_and_no_bus_error(
    change: Callable[[Path], object], words: str, long_input: Path
) -> None:
    line = program_line("forward", "input:64,rnn:64", "--input", long_input, "-o", "y.npy", "-f", "json")
    Path("y.npy").write_bytes(b"old")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not any(path.name not in ("long.npy", "y.npy") for path in Path().iterdir()):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)  # until it writes its output, and so reads its input
        change(long_input)
        stdout, stderr = process.communicate(timeout=PATIENCE)
    refused(Result(process.returncode, stdout, stderr), "long.npy", words)
    assert Path("y.npy").read_bytes() == b"old"


def test_an_input_that_is_replaced_under_its_name_is_read_on_as_it_was() -> None:
    np.save("x.npy", X)
    run = plan(SPEC, Request(input="x.npy", output="y.npy"))
    np.save("new.npy", X * 2)
    Path("new.npy").rename("x.npy")
    run.run()
    assert np.load("y.npy") == pytest.approx(Model(SPEC)(X), abs=1e-6)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 50, 4), (1, 7, 9000), (4000, 20, 2), (2, 5, 1), (40, 3)])
def test_any_timesteps_of_an_input_are_those_of_the_array(shape: tuple[int, ...], order: str) -> None:
    array = np.random.default_rng(0).integers(0, 9, shape).astype(">i2", order=order)
    np.save("x.npy", array)
    file = open_input("x.npy", Network.parse("embed:9x2" if len(shape) == 2 else f"input:{shape[-1]}"))
    for start, stop in ((0, shape[1]), (0, 1), (1, 3), (shape[1] - 1, shape[1])):
        assert np.array_equal(file.steps(start, stop), array[:, start:stop])


def test_a_long_input_takes_the_memory_of_a_chunk(long_input: Path) -> None:
    file = open_input(str(long_input), Network.parse("input:64"))
    tracemalloc.start()
    assert not file.steps(20_000_000, 20_001_000).any()
    assert tracemalloc.get_traced_memory()[1] < 2 * 1000 * 64 * 4
    tracemalloc.stop()


def test_what_follows_the_array_is_left_alone(rnncli: Run) -> None:
    np.save("x.npy", X)
    with Path("x.npy").open("ab") as file:
        file.write(b"more")
    assert rnncli("forward", SPEC, "--input", "x.npy").status == 0


# What is no array, and what never ends.


@pytest.mark.parametrize("option", ["--input", "--weights", "--state"])
@pytest.mark.parametrize("endless", ["/dev/zero", "/dev/urandom"])
def test_a_device_without_an_end_is_refused_by_its_first_bytes(option: str, endless: str, program: Run) -> None:
    refused(program("forward", SPEC, option, endless, shell='ulimit -v 4000000; "$@"'), endless, "expected is")


@pytest.mark.parametrize("option", ["--input", "--weights", "--state"])
def test_a_pipe_without_an_end_is_refused_by_its_first_bytes(option: str, program: Run) -> None:
    result = program("forward", SPEC, option, shell='"$@" <(yes)')
    refused(result, "/dev/fd/", "expected is", "y\\ny\\n")


def test_of_a_pipe_no_more_is_read_than_its_header_says(program: Run) -> None:
    np.save("x.npy", X)
    result = program(
        "forward", SPEC, "-f", "json", "-o", "y.npy", "--input", shell='"$@" <(cat x.npy; exec cat /dev/zero)'
    )
    assert (result.status, result.stderr) == (0, "wrote y.npy (2, 4), 160 B\n")
    assert np.load("y.npy") == pytest.approx(Model(SPEC)(X), abs=1e-6)


def test_a_pipe_of_more_than_the_disk_holds_is_refused_by_its_header(program: Run) -> None:
    Path("start").write_bytes(npy(described(f"(1, {2**55}, 8)")))
    refused(program("forward", SPEC, "--input", shell='"$@" <(cat start /dev/zero)'), "1.00 EB", "are free")


def test_an_archive_through_a_pipe_is_bounded_by_the_arrays_that_are_expected(program: Run) -> None:
    np.savez("w.npz", **weights())
    line = '"$@" <(cat w.npz)'
    assert program("forward", SPEC, "-f", "json", "--weights", shell=line).status == 0
    refused(program("forward", SPEC, "--weights", shell='"$@" <(cat w.npz /dev/zero)'), "pipe", "more than")


# Headers that claim more than there is.

HEADERS = {
    "of gigabytes": (npy("", version=2, length=4_294_967_280), "4,294,967,280 bytes, expected at most 10,000"),
    "of 65,535 bytes": (npy("{" * 65_535), "65,535 bytes, expected at most 10,000"),
    "that the file ends in": (npy(described("(1, 5, 8)"), length=9000), "truncated"),
    "that is not there": (b"\x93NUMPY", "version 0.0"),
    "without a length": (b"\x93NUMPY\x01\x00\x10", "truncated"),
    "of another version": (npy("", version=9), "version 9.0"),
    "of a later version": (b"\x93NUMPY\x02\xff", "version 2.255"),
    "with odd space": (npy(described("(1, 5, 8)") + "\x1e"), "expected the likes of"),
    "with odd space inside": (npy(described("(1, 5, 8)").replace("}", "\xa0}")), "expected the likes of"),
    "with a nought in front": (npy(described("(1, 5, 08)")), "expected the likes of"),
    "of brackets": (npy("(" * 9000), "expected the likes of"),
    "of minus signs": (npy(described("(" + "-" * 9000 + "1,)")), "expected the likes of"),
    "that does not end": (npy("{'descr': '<f4"), "expected the likes of"),
    "of an odd token": (npy(described("(1, 5, 8, \0)")), "expected the likes of"),
    "of a long text": (npy("{'descr': '" + "a" * 9000 + "'}"), "expected the likes of"),
    "without a key": (npy("{'descr': '<f4', 'shape': (1, 5, 8)}"), "expected the likes of"),
    "with a key twice": (npy(described("(1, 5, 8)")[:-1] + "'descr': '<f4'}"), "expected the likes of"),
    "with another key": (npy(described("(1, 5, 8)")[:-1] + "'more': True}"), "expected the likes of"),
    "of another type": (npy(described("(1, 5, 8)", "'<f3'")), "expected the likes of"),
    "of a unit of time": (npy(described("(1, 5, 8)", "'<M8[parsec]'")), "datetime64"),
    "of records": (npy(described("(1, 5, 8)", "[('a', '<f4')]")), "records"),
    "of objects": (npy(described("(1, 5, 8)", "'|O'")), "pickled objects"),
    "of a thousand axes": (npy(described("(" + "1," * 1000 + ")")), "expected the likes of"),
    "of sixty axes": (npy(described("(" + "99999999999999999999," * 60 + ")")), "has shape"),
    "of a size of 25 digits": (npy(described(f"(1, {10**25}, 8)")), "expected the likes of"),
    "of more than there is": (npy(described("(1, 99999999999999999999, 8)")), "truncated"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_bounded_and_matched_and_takes_no_memory(name: str, rnncli: Run) -> None:
    content, words = HEADERS[name]
    Path("bad.npy").write_bytes(content)
    with Path("bad.npy").open("ab") as file:
        if name == "of gigabytes":
            file.truncate(5 << 30)
    tracemalloc.start()
    try:
        result = rnncli("forward", SPEC, "--input", "bad.npy")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
        os.truncate("bad.npy", 0)
    refused(result, "bad.npy", words)


@pytest.mark.parametrize(
    "header",
    [
        described("(1, 5, 8)"),
        '{"shape": (1, 5, 8), "fortran_order": False, "descr": "<f4"}',
        "{ 'descr':'<f4','fortran_order':False,'shape':(1L,5L,8L) }   \n",
    ],
)
def test_headers_that_other_programs_write_are_read(header: str, rnncli: Run) -> None:
    for version in (1, 2, 3):
        Path("x.npy").write_bytes(npy(header, bytes(160), version))
        assert rnncli("forward", SPEC, "--input", "x.npy").status == 0


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", ["of gigabytes", "of 65,535 bytes", "of brackets", "of objects"])
def test_a_header_in_an_archive_is_bounded_too(version: int, name: str, rnncli: Run) -> None:
    content, words = HEADERS[name]
    Path("bad.npz").write_bytes(archive(kernel=content + b" " * (50 << 20) if version == 2 else content))
    tracemalloc.start()
    try:
        result = rnncli("forward", SPEC, "--weights", "bad.npz")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    refused(result, "bad.npz", KERNEL, words)


# Damaged archives.


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """An archive with other bytes in its first record of a kind."""
    place = content.index(signature) + offset
    return content[:place] + value + content[place + len(value) :]


def with_method(method: int, flags: int = 0) -> bytes:
    return patched(archive(), b"PK\1\2", 8, struct.pack("<2H", flags, method))


def many_names(count: int, length: int) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        for number in range(count):
            zipped.writestr(f"{number:0{length}d}.npy", b"")
    return made.getvalue()


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted": (lambda: with_method(8, flags=1), "encrypted"),
    "packed by LZMA": (lambda: with_method(14), "LZMA"),
    "packed by bzip2": (lambda: with_method(12), "bzip2"),
    "packed by something": (lambda: with_method(77), "method 77"),
    "of 60,000 names": (lambda: many_names(60_000, 40), "59,992 more"),
    "of long names": (lambda: many_names(20, 60_000), "12 more"),
    "without its list": (lambda: archive()[:-22], "list of its files"),
    "cut in two": (lambda: archive()[:300], "list of its files"),
    "whose list is elsewhere": (lambda: patched(archive(), b"PK\5\6", 16, b"\xf0\xff\xff\x7f"), "outside"),
    "whose list is no list": (lambda: patched(archive(), b"PK\5\6", 16, b"\1\0\0\0"), "is no list"),
    "of more files than it lists": (lambda: patched(archive(), b"PK\5\6", 10, b"\x10\0"), "says that it holds 16"),
    "of fewer files than it lists": (lambda: patched(archive(), b"PK\5\6", 10, b"\1\0"), "lists more"),
    "of a file elsewhere": (lambda: patched(archive(), b"PK\1\2", 42, b"\3\0\0\0"), "not where the list says"),
    "of a file that is too long": (lambda: patched(archive(), b"PK\1\2", 20, b"\0\0\0\x70"), "ends before"),
    "of a wrong checksum": (lambda: patched(archive(), b"PK\1\2", 16, b"\0\0\0\0"), "checksum"),
    "of a wrong size": (lambda: patched(archive(), b"PK\1\2", 24, b"\0\0\0\x70"), "1,879,048,192"),
    "of damaged numbers": (lambda: patched(archive(), b"PK\3\4", 60, b"\xff" * 9), KERNEL),
    "of the same file twice": (lambda: twice(), "two arrays"),
    "of a file that is no array": (lambda: archive(kernel=b"PK\3\4" * 9), "expected is an array"),
    "of an empty file": (lambda: archive(kernel=b""), "it is empty"),
    "of an array and more": (lambda: archive(kernel=saved(weights()[KERNEL]) + b"more"), "damaged"),
    "of half an array": (lambda: archive(kernel=saved(weights()[KERNEL])[:-8]), "damaged"),
}


def twice() -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        zipped.writestr("a.npy", b"")
        zipped.writestr("b.npy", b"")
    return made.getvalue().replace(b"b.npy", b"a.npy")


def saved(array: np.ndarray) -> bytes:
    content = BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_damaged_archive_is_one_line_that_names_it(name: str, rnncli: Run) -> None:
    made, words = ARCHIVES[name]
    Path("bad.npz").write_bytes(made())
    refused(rnncli("forward", SPEC, "--weights", "bad.npz"), "bad.npz", words)


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_takes_nothing(rnncli: Run) -> None:
    inner = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(1 << 20)
    start = npy(described("(16777216, 1)"))
    packed = inner.compress(start) + b"".join(inner.compress(zeros) for _ in range(64)) + inner.flush()
    size, crc = len(start) + (64 << 20), 0
    name = f"{KERNEL}.npy".encode()
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(packed), size, len(name), 0)
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(packed), size, len(name), 0, 0, 0, 0, 0, 0
    )
    place = len(local + name + packed)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry + name), place, 0)
    Path("bomb.npz").write_bytes(local + name + packed + entry + name + end)
    tracemalloc.start()
    with pytest.raises(RnncliError, match=r"has shape \(16777216, 1\), expected \(8, 4\)"):
        read_arrays("bomb.npz", {KERNEL: (8, 4)}, FLOAT32)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    assert rnncli("forward", SPEC, "--weights", "bomb.npz").status == 1


@pytest.mark.parametrize("option", ["--input", "--weights", "--state"])
def test_a_loop_of_links_is_named(option: str, rnncli: Run) -> None:
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    refused(rnncli("forward", SPEC, option, "a"), "a cannot be read", "symbolic links")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_archive_of_numpy_is_read_as_numpy_reads_it(save: Callable[..., None], order: str) -> None:
    arrays = {"a": (300, 700), "b": (5,), "c/d": (1, 1), "é": (2, 3)}
    made = {key: np.asarray(np.random.default_rng(1).random(shape), order=order) for key, shape in arrays.items()}
    save("w.npz", **made)
    for dtype in ("float32", "float64"):
        found = read_arrays("w.npz", arrays, np.dtype(dtype))
        for key, array in made.items():
            assert np.array_equal(found[key], array.astype(dtype))
            assert found[key].dtype == dtype
            assert found[key].flags.c_contiguous


def test_weights_are_read_without_a_copy_in_their_own_dtype() -> None:
    np.savez("w.npz", a=np.ones((1000, 2000)))
    tracemalloc.start()
    read_arrays("w.npz", {"a": (1000, 2000)}, FLOAT32)
    assert tracemalloc.get_traced_memory()[1] < 1000 * 2000 * 4 + (2 << 20)
    tracemalloc.stop()


def test_a_run_with_weights_holds_them_as_often_as_one_without() -> None:
    spec = "input:512,dense:4096"
    Model(spec, dtype="float64").save_weights("w.npz")
    peaks = []
    for request in (Request(timesteps=2), Request(timesteps=2, weights="w.npz")):
        tracemalloc.start()
        plan(spec, request).run()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (2 << 20)


def test_states_and_the_chunk_of_an_input_are_part_of_what_a_run_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    np.save("x.npy", np.zeros((100, 50, 512)))
    spec = "input:512,rnn:4096"
    with monkeypatch.context() as full:
        full.setattr("rnncli.engine.memory.free_bytes", lambda: 0)
        taken = []
        for request in (Request(batch=100), Request(input="x.npy"), Request(batch=100, state="s.npz")):
            with pytest.raises(RnncliError, match="for its run") as error:
                plan(spec, request)
            taken.append(error.value.message)
    assert len(set(taken)) == 3


# Numbers that are none.


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (-np.inf, "-inf"), (1e300, "1e+300")])
@pytest.mark.parametrize("options", [(), ("--plot",)])
def test_what_is_no_number_in_an_input_is_told_with_its_place(
    value: float, shown: str, options: tuple[str, ...], rnncli: Run
) -> None:
    x = np.zeros((3, 50_000, 8))
    x[2, 44_321, 5] = value
    np.save("x.npy", x)
    result = rnncli("forward", SPEC, "--input", "x.npy", *options)
    refused(result, "x.npy", f"is {shown} (sample 2, timestep 44321, feature 5)", "finite number in float32")


def test_finite_numbers_whose_sum_is_not_are_no_fault(rnncli: Run) -> None:
    np.save("x.npy", np.full((2, 50, 8), 3e38, "f4"))
    assert rnncli("forward", SPEC, "--input", "x.npy").status == 0


def test_reading_takes_neither_zipfile_nor_pickle() -> None:
    np.savez("w.npz", **weights())
    np.save("x.npy", X)
    line = "import sys; from rnncli.cli import run; run(sys.argv[1:]); print(*sys.modules)"
    arguments = ("forward", SPEC, "--input", "x.npy", "--weights", "w.npz", "-f", "json")
    done = subprocess.run([sys.executable, "-c", line, *arguments], capture_output=True, text=True, check=True)
    assert not {"zipfile", "mmap"} & set(done.stdout.split())

"""Malicious model files: each gives one line with the place of the fault, and takes little memory and time."""

from __future__ import annotations

import copyreg
import io
import json
import os
import pickle
import re
import struct
import sys
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import Run, Screen, Walk, memory_below, patience
from hostile_models import FORMATS as MAKERS
from hostile_models import (
    SHAPES,
    npz,
    report_of,
    reports_of,
    tensor_opcodes,
    text,
    torch_file,
    torch_zip,
    whole,
    zipped,
)
from hostile_models import safetensors as made
from sessions import made_cases

from rnncli import RnncliError
from rnncli.formats import FORMATS, REFUSED, open_model


def test_a_file_that_is_not_a_model_is_refused_with_what_to_do_instead(screen: Screen) -> None:
    extensions = sorted(FORMATS)
    files = {f"empty{extension}": b"" for extension in extensions}
    for extension in extensions:
        Path(f"device{extension}").symlink_to("/dev/zero")
        files[f"device{extension}"] = None
    os.mkfifo("pipe.npz")  # it does not wait for a writer
    Path("folder.pt").mkdir()
    files |= dict.fromkeys(("pipe.npz", "folder.pt", "gone.npz"))
    files |= {f"model{extension}": b"" for extension in sorted(REFUSED)}
    files |= {"text.npz": b"hello", "text.pt": b"hello", "firmware.bin": b"\0firmware and more"}
    files["other.pt"] = zipped(("a.txt", b""), ("b.txt", b""))
    files["script.pt"] = zipped(("a/data.pkl", b""), ("a/constants.pkl", b""))
    screen("model-files-refused", reports_of(files))


# Safetensors.


def safetensors(header: str, numbers: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + numbers


def entry(*shape: object, dtype: str = "F32", at: tuple[int, int] = (0, 8)) -> str:
    return json.dumps({"dtype": dtype, "shape": shape, "data_offsets": at})


def one(*shape: object, dtype: str = "F32", at: tuple[int, int] = (0, 8), length: int = 8) -> bytes:
    """A file of one array, a, whose header may be false."""
    return safetensors(f'{{"a":{entry(*shape, dtype=dtype, at=at)}}}', bytes(length))


def test_a_false_safetensors_header_is_refused(screen: Screen) -> None:
    files = made_cases("safetensors-lies", globals())
    many_parts = made({f"{'ab'[n % 2] * (n + 1)}.weight_{role}": (4, 1) for n in range(1002) for role in ("ih", "hh")})
    with memory_below(60 << 20):
        said = reports_of(files, "m.safetensors")
    screen("safetensors-lies", said + reports_of({"many parts": many_parts}, "m.safetensors"))


def test_dtypes_that_numpy_lacks_are_read_as_float32_and_low_bit_types_are_named(at: Walk) -> None:
    data, numbers = struct.pack("<4H", 0x3F80, 0x7F80, 0xC000, 1), [1, np.inf, -2, 2.0**-133]
    with at("BF16"):
        Path("m.safetensors").write_bytes(one(4, dtype="BF16", at=(0, 8), length=0) + data)
        (tensor,) = open_model("m.safetensors").others
        np.testing.assert_array_equal(tensor.read(), np.array(numbers, "f4"))
    for dtype, name, shape, length in (
        ("F4", "float4_e2m1", (3, 2), 3),
        ("F6_E2M3", "float6_e2m3", (4,), 3),
        ("F8_E5M2", "float8_e5m2", (2,), 2),
    ):
        with at(dtype):
            Path("m.safetensors").write_bytes(one(*shape, dtype=dtype, at=(0, length), length=length))
            (tensor,) = open_model("m.safetensors").others
            assert tensor.shape == shape
            said = f"m.safetensors: array a: its numbers are of type {name}, which are not read"
            with pytest.raises(RnncliError, match=re.escape(said)):
                tensor.read()


# Pickles.

ORDERED = b"ccollections\nOrderedDict\n"
STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
PAIRS = (text("a") + b"K\1\x86") * 1000


def packed(program: bytes) -> bytes:
    """An archive with only a pickle."""
    return torch_zip(program, method=zipfile.ZIP_DEFLATED)


def test_the_parameters_of_a_module_are_its_tensors(rnncli: Run) -> None:
    begin, end = b"ctorch._utils\n_rebuild_parameter\n(", b"\x88" + ORDERED + b")RtR"
    pairs = b"".join(
        text(name) + begin + tensor_opcodes(key, shape) + end
        for name, key, shape in (("rnn.weight_ih_l0", "0", (4, 3)), ("rnn.weight_hh_l0", "1", (4, 4)))
    )
    Path("m.pt").write_bytes(torch_zip(b"\x80\x02}(" + pairs + b"u.", [("0", bytes(48)), ("1", bytes(64))]))
    assert rnncli("spec", "m.pt").stdout == "input:3,rnn:4:nobias\n"


def test_a_malicious_pickle_is_refused_and_nothing_in_it_is_run(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Their evaluation is traced, which is slow.
    monkeypatch.setattr("rnncli.formats.torch.unpickling.MAX_STEPS", 30_000)
    files = made_cases("pickles", globals())
    with memory_below(20 << 20):
        said = reports_of(files, "m.pt")
    screen("pickles", said)
    assert os.listdir() == ["m.pt"]


def test_nothing_that_a_pickle_names_is_imported_called_or_looked_up(monkeypatch: pytest.MonkeyPatch, at: Walk) -> None:
    Path("library").mkdir()
    Path("library", "harmful.py").write_text(
        "open('ran', 'w')\nclass Harm:\n    def __init__(self, *a): open('ran', 'w')\n"
    )
    monkeypatch.syspath_prepend("library")
    monkeypatch.setattr(copyreg, "_inverted_registry", {240: ("harmful", "Harm")})
    monkeypatch.setattr(copyreg, "_extension_cache", {241: Path.touch})
    for name in ("find_class", "load_reduce", "load_build"):
        monkeypatch.setattr(pickle._Unpickler, name, None)
    named = b"charmful\nHarm\n"
    ways = {
        "a name": named,
        "a name on the stack": text("harmful") + text("Harm") + b"\x93",
        "a call": named + b")R",
        "a call of what a call returns": named + b")R)R",
        "an object": named + b")\x81",
        "an object by keywords": named + b")}\x92",
        "an object of the first protocol": b"(iharmful\nHarm\n",
        "an object behind a mark": b"(" + named + b"o",
        "attributes": named + b")R}" + text("a") + b"K\1sb",
        "a state": named + b")R)b",
        "items": named + b")R]K\1aa",
        "pairs": named + b")RK\1K\2s",
        "a key": b"}" + named + b")RK\1s",
        "a member of a set": b"\x8f(" + named + b")R\x90",
        "a member of a frozenset": b"(" + named + b")R\x91",
        "an object that is put together": b"ccopyreg\n_reconstructor\n(" + named + b"cbuiltins\nobject\nNtR",
        "an import": b"cbuiltins\n__import__\n(" + text("harmful") + b"tR",
        "an extension": b"\x82\xf0)R",
        "an extension that was looked up before": b"\x82\xf1(" + text("ran") + b"tR",
        "a tensor of a class": b"ctorch._tensor\n_rebuild_from_type_v2\n(" + named + named + b")}tR",
    }
    before = {*sys.modules}
    for what, program in ways.items():
        with at(what):
            Path("m.pt").write_bytes(torch_zip(b"(" + program + tensor_opcodes("0", (2,)) + b"t.", [("0", bytes(8))]))
            said = report_of("m.pt")
            assert ("has the extension 24" if "extension" in what else "left: 1 (2,) float32") in said
            assert not Path("ran").exists()
    assert {*sys.modules} - before <= {"pickletools", "numpy"} | {each for each in sys.modules if "rnncli" in each}


@pytest.mark.parametrize("mistake", [KeyError, IndexError, ValueError, RuntimeError, TypeError, struct.error])
def test_a_bug_in_rnncli_is_not_reported_as_a_damaged_file(
    mistake: type[Exception], monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    def raised(*arguments: object) -> None:
        raise mistake

    for format_, make in MAKERS.items():
        with at(format_):
            Path(f"m.{format_}").write_bytes(make(SHAPES))
            tensor = open_model(f"m.{format_}").tensors[0]
            with monkeypatch.context() as broken:
                broken.setattr("rnncli.formats.file_reader.FileReader.read", raised)
                broken.setattr("rnncli.formats.file_reader.FileReader.read_into", raised)
                with pytest.raises(mistake):  # the command line reports it as a bug
                    open_model(f"m.{format_}")
                with pytest.raises(mistake):
                    tensor.read()


def test_npz_members_without_numbers_are_left_out(screen: Screen) -> None:
    arrays = {name: np.zeros(shape, "f4") for name, shape in SHAPES.items()}
    others = {
        "texts": np.array(["a", "b"]),
        "objects": np.array([{}, []], object),
        "records": np.zeros(2, [("x", "f4")]),
        "day": np.array("2026-11-25", "M8[D]"),
    }
    np.savez("beside.npz", **arrays, **others)
    np.savez("alone.npz", **others)
    with zipfile.ZipFile("beside.npz", "a") as archive:
        archive.writestr("README.txt", "about the weights")
    screen("npz-members", reports_of(dict.fromkeys(("beside.npz", "alone.npz"))))


def old_file(little_endian: bytes = b"\x88", keys: bytes = b"](" + text("0") + b"e.", count: int = 2) -> bytes:
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    system = b"}" + text("little_endian") + little_endian + b"s."
    numbers = struct.pack("<q", count) + np.array([3, 4], "<f4").tobytes()
    return magic + whole(1001) + b"." + system + b"}" + text("a") + tensor_opcodes("0", (2,)) + b"s." + keys + numbers


def test_tensors_may_share_a_storage_and_each_is_a_separate_view() -> None:
    pairs = [("a", tensor_opcodes("0", (2, 2), length=6)), ("b", tensor_opcodes("0", (3,), length=6, offset=3))]
    pairs.append(("tied", pairs[1][1]))
    program = b"}(" + b"".join(text(name) + tensor for name, tensor in pairs) + b"u."
    Path("m.pt").write_bytes(torch_zip(program, [("0", np.arange(6, dtype="<f4").tobytes())]))
    found = {tensor.name: tensor.read().tolist() for tensor in open_model("m.pt").others}
    assert found == {"a": [[0, 1], [2, 3]], "b": [3, 4, 5], "tied": [3, 4, 5]}
    a, b, tied = (tensor.place for tensor in open_model("m.pt").others)
    assert b == tied != a
    Path("m.pt").write_bytes(old_file())
    assert [tensor.read().tolist() for tensor in open_model("m.pt").others] == [[3, 4]]


def test_other_content_next_to_the_tensors_is_ignored(at: Walk) -> None:
    for value in (
        np.random.PCG64(3).state,  # its numbers have 128 bits
        -(2**2000),
        datetime(2026, 11, 25, tzinfo=UTC),
        SimpleNamespace(lr=0.1, sizes=[range(3), slice(1, 2)]),
    ):
        with at(type(value).__name__):
            program = b"}(" + text("a") + tensor_opcodes("0", (2,)) + text("b") + whole(value) + b"u."
            Path("m.pt").write_bytes(torch_zip(program, [("0", bytes(8))]))
            assert [tensor.name for tensor in open_model("m.pt").others] == ["a"]


# Archives.


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    """An archive with altered bytes in the first entry of its directory."""
    place = data.index(b"PK\1\2") + offset
    return data[:place] + value + data[place + len(value) :]


def large_archive(size: int | None = None, offset: int = 0, extra_bytes: int = 24, count: int = 1) -> bytes:
    """An archive of one array with all numbers in the zip64 fields, because they are too large for the others."""
    content = io.BytesIO()
    np.save(content, np.arange(4, dtype="f4"))
    data, name, unknown = content.getvalue(), b"a.npy", 0xFFFFFFFF
    crc, size = zlib.crc32(data), len(data) if size is None else size
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, unknown, unknown, len(name), 0) + name + data
    extra = struct.pack("<2H3Q", 1, extra_bytes, size, size, offset)
    lead = (b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, unknown, unknown, len(name), len(extra), 0, 0, 0, 0, unknown)
    entry = struct.pack("<4s6H3I5H2I", *lead) + name + extra
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(entry), len(local))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(local) + len(entry), 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, unknown, unknown, 0)
    return local + entry + record + locator + end


def test_an_archive_with_false_content_is_refused(screen: Screen) -> None:
    two = zipped(("a.npy", bytes(3000)), ("b.npy", b""))
    first, second = two.index(b"PK\1\2"), two.rindex(b"PK\1\2")
    packed = zipped(("a.npy", b""), method=zipfile.ZIP_DEFLATED)
    content = io.BytesIO()
    np.save(content, np.zeros(3, "f4"))
    good = {"npz": npz({"a": (2, 2)}), "pt": torch_file({"a": (2, 2)})}
    lies = {
        "encrypted": (8, b"\1\0"),
        "LZMA": (10, b"\x0e\0"),
        "its packed bytes": (20, b"\xff\xff\xff\x7f"),
        "its size": (24, b"\xff\xff\xff\x7f"),
        "its place": (42, b"\xf0\xff\xff\x7f"),
    }
    files = {
        "a large one": large_archive(),
        "large, of no size": large_archive(size=2**63),
        "large, at no place": large_archive(offset=2**63),
        "large, without a size": large_archive(extra_bytes=8),
        "large, of many files": large_archive(count=2**60),
        "large, cut": large_archive(size=5),
        "files that overlap": two[:second] + two[first : first + 46] + two[second + 46 :],
        "more than it can hold": patched(packed, 24, struct.pack("<I", 2**31)),
        "names that lead elsewhere": zipped(
            *((name, content.getvalue()) for name in ("/etc/passwd.npy", "../../x.npy"))
        ),
    }
    with memory_below(20 << 20):
        said = "".join(
            reports_of({what: patched(data, *lie) for what, lie in lies.items()}, f"m.{format_}")
            for format_, data in good.items()
        ) + reports_of(files, "m.npz")
    screen("archives", said)
    assert sorted(os.listdir()) == ["m.npz", "m.pt"]
    Path("m.npz").write_bytes(large_archive())
    assert open_model("m.npz").others[0].read().tolist() == [0, 1, 2, 3]


def test_a_model_file_that_changes_after_opening_is_not_read_further(at: Walk) -> None:
    for format_, make in MAKERS.items():
        path, data = Path(f"m.{format_}"), make(SHAPES)
        path.write_bytes(data)
        assert [str(part.network) for part in open_model(str(path)).parts] == ["input:3,rnn:4"]
        assert all((tensor.read() == 0).all() for tensor in open_model(str(path)).tensors)
        for now, said in (
            (b"x", f"it became shorter while it was being read: {len(data):,} bytes before, now 1"),
            (data, "it changed while it was being read"),
        ):
            with at(format_, "of", len(now), "bytes"):
                path.write_bytes(data)
                tensor = open_model(str(path)).tensors[0]
                path.write_bytes(now)
                os.utime(path, ns=(0, 0))
                with pytest.raises(RnncliError) as caught:
                    tensor.read()
                assert caught.value.message == f"{path}: array rnn.weight_ih_l0: {said}"


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.thorough)])
def test_many_layers_are_found_quickly(count: int) -> None:
    arrays = {f"f{n}.weight": (2, 4) for n in range(17 * count)}
    arrays |= {f"c{n}.weight_{role}": (4, 1) for n in range(count) for role in ("ih", "hh")}
    arrays |= {f"s.weight_{role}_l{n}": (4, 4) for n in range(7 * count) for role in ("ih", "hh")}
    Path("m.safetensors").write_bytes(made(arrays))
    Path("twice.safetensors").write_bytes(
        safetensors(f"""{{{"".join(f'"{n}":0,' for n in range(2000 * count))}"0":0}}""")
    )
    with patience():
        assert len(open_model("m.safetensors").parts) == 2
        with pytest.raises(RnncliError, match="its header lists 0 twice"):
            open_model("twice.safetensors")

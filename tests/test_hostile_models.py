"""Model files that somebody made to harm: each is one line that says where it lies, and takes no memory and no time."""

from __future__ import annotations

import io
import json
import os
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import Result, patience
from hostile_models import FORMATS, SHAPES, npz, safetensors, tensor_opcodes, text, torch_file, torch_zip, whole

from rnncli import RnncliError
from rnncli.formats import open_model

Run = Callable[..., Result]
GOLDEN = Path(__file__).parent / "golden" / "models"


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def little(memory: int = 20 << 20) -> Iterator[None]:
    """What is done in the block takes little memory, and no time that grows without end."""
    tracemalloc.start()
    try:
        with patience():
            yield
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()


def refused(name: str, data: bytes, words: str) -> None:
    """A file is one short line that says some words."""
    Path(name).write_bytes(data)
    with pytest.raises(RnncliError) as caught:
        open_model(name)
    assert words in caught.value.message
    assert caught.value.message.startswith(f"{name}: ")
    assert len(caught.value.message) < 400
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("format_", FORMATS)
def test_the_files_that_are_made_to_harm_are_right_before(format_: str) -> None:
    Path(f"m.{format_}").write_bytes(FORMATS[format_](SHAPES))
    (part,) = open_model(f"m.{format_}").parts
    assert str(part.network) == "input:3,rnn:4"
    assert all((tensor.read() == 0).all() for tensor in open_model(f"m.{format_}").tensors)


# Safetensors.


def entry(*shape: int, dtype: str = "F32", at: tuple[int, int] = (0, 8)) -> str:
    return json.dumps({"dtype": dtype, "shape": shape, "data_offsets": at})


HEADERS = {
    "a name twice": (f'{{"a":{entry(2)},"a":{entry(2)}}}', 8, "says a twice"),
    "a gap": (f'{{"a":{entry(1, at=(4, 8))}}}', 8, "array a begins at 4, and what stands before it ends at 0"),
    "an overlap": (f'{{"a":{entry(2)},"b":{entry(2, at=(4, 12))}}}', 12, "array b begins at 4"),
    "more behind it": (f'{{"a":{entry(2)}}}', 9, "its arrays end at 8, and 9 bytes follow"),
    "no number": ('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', 8, "no JSON"),
    "a number without end": (f'{{"a":{entry(2)[:-1]},"x":{"9" * 5000}}}}}', 8, "no JSON"),
    "a large number": (f'{{"a":{entry(2**63)}}}', 8, "array a"),
    "a fraction": ('{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', 8, "array a"),
    "a truth for a number": ('{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}', 4, "array a"),
    "many axes": (f'{{"a":{entry(*[1] * 65, at=(0, 4))}}}', 4, "array a"),
    "a product without end": (f'{{"a":{entry(*[2**62] * 60)}}}', 8, "more than 10^"),
    "half a byte": (f'{{"a":{entry(3, dtype="F4", at=(0, 1))}}}', 1, "float4_e2m1"),
    "depth in an entry": (f'{{"a":{"[" * 900}{"]" * 900}}}', 8, "says [[[["),
    "many lists": (f'{{"a":[{"[]," * 3_000_000}[]]}}', 8, "too many arrays or numbers"),
    "many arrays": ("{" + ",".join(f'"{n}":{{"dtype":1}}' for n in range(100_001)) + "}", 0, "100,001 arrays"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_safetensors_that_lies_is_refused(name: str) -> None:
    header, length, words = HEADERS[name]
    data = struct.pack("<Q", len(header)) + header.encode() + bytes(length)
    with little(memory=60 << 20):
        refused("m.safetensors", data, words)


def test_a_header_of_safetensors_is_bounded_before_it_is_read() -> None:
    Path("m.safetensors").write_bytes(struct.pack("<Q", 64 << 20))
    os.truncate("m.safetensors", 1 << 30)
    with little(), pytest.raises(RnncliError, match=r"its header has 67,108,864 bytes; 33,554,432 are allowed"):
        open_model("m.safetensors")


@pytest.mark.parametrize(
    ("dtype", "data", "numbers"),
    [
        ("F8_E4M3", b"\x00\x01\x08\x38\x7e\x7f\xff\x80\xc0", [0, 2**-9, 2**-6, 1, 448, np.nan, np.nan, 0, -2]),
        ("F8_E5M2", b"\x00\x01\x3c\x7b\x7c\xfc\x7d\xbc", [0, 2**-16, 1, 57344, np.inf, -np.inf, np.nan, -1]),
        ("BF16", struct.pack("<4H", 0x3F80, 0x7F80, 0xC000, 1), [1, np.inf, -2, 2.0**-133]),
    ],
)
def test_numbers_that_numpy_does_not_have_are_read_as_float32(dtype: str, data: bytes, numbers: list[float]) -> None:
    header = f'{{"a":{entry(len(numbers), dtype=dtype, at=(0, len(data)))}}}'.encode()
    Path("m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    (tensor,) = open_model("m.safetensors").others
    np.testing.assert_array_equal(tensor.read(), np.array(numbers, "f4"))


@pytest.mark.parametrize(("dtype", "shape", "length"), [("F4", (3, 2), 3), ("F6_E2M3", (4,), 3), ("F8_E8M0", (2,), 2)])
def test_numbers_of_few_bits_are_named_and_not_read(dtype: str, shape: tuple[int, ...], length: int) -> None:
    header = f'{{"a":{entry(*shape, dtype=dtype, at=(0, length))}}}'.encode()
    Path("m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(length))
    (tensor,) = open_model("m.safetensors").others
    assert tensor.shape == shape
    with pytest.raises(RnncliError, match=r"m\.safetensors: array a: its numbers are of type float[468]_"):
        tensor.read()


# Pickles.

ORDERED = b"ccollections\nOrderedDict\n"
SIZE = b"ctorch\nSize\n"
PICKLES = {
    "a memo of gigabytes": (b"}r\xff\xff\xff\xff.", "holds no tensors"),
    "a text of gigabytes": (b"\x8d" + b"\xff" * 7 + b"\x7f.", "9,223,372,036,854,775,807 bytes follow"),
    "bytes of gigabytes": (b"\x8e" + b"\xff" * 8 + b".", "bytes follow"),
    "a number of megabytes": (b"\x8b\xff\xff\x1f\0" + bytes(1 << 21) + b".", "2,097,151 bytes follow"),
    "a frame without end": (b"\x80\x04\x95" + b"\xff" * 8, "it has ended"),
    "a protocol to come": (b"\x80\x09}.", "protocol 9"),
    "tuples of tuples for a key": (b"}(K\1\x85" + b"2\x86" * 60 + b"K\1u.", "byte 127: a key of a dictionary"),
    "tuples of tuples": (b"K\1\x85" + b"2\x86" * 60 + b".", "nested more than 50 deep"),
    "numbers that collide": (b"}(\x8a\x09" + bytes(8) + b"\1K\1u.", "a key of a dictionary"),
    "lists in lists": (b"]" * 9000 + b"a" * 8999 + b".", "nested more than 50 deep"),
    "dictionaries in dictionaries": (b"}" + b"X\0\0\0\0}" * 9000 + b"s" * 9000 + b".", "nested more than 50 deep"),
    "a list in itself": (b"]q\0h\0a.", "holds no tensors"),
    "many dictionaries": (b"(" + b"}" * 60_000 + b"t.", "more than 50,000 instructions"),
    "many copies of a shape": (b"](" + b"N" * 90 + b"eq\0" + SIZE + b"h\0\x85R.", "a shape that cannot be"),
    "many copies of pairs": (
        b"](" + (text("a") + b"K\1\x86") * 1000 + b"eq\0" + (ORDERED + b"h\0\x85R0") * 60 + b".",
        "more than 50,000 instructions",
    ),
    "nothing on the stack": (b"0R.", "byte 0"),
    "no end": (b"}", "byte 1: it has ended"),
    "an instruction that is none": (b"\xff.", "byte 0: instruction 0xff"),
    "an extension": (b"\x82\x01.", "byte 0: instruction 0x82"),
    "a call of a text": (text("eval") + b")R.", "calls what cannot be called"),
    "a call of a type": (b"ctorch\nFloatStorage\n)R.", "calls what cannot be called"),
    "a change of a function": (ORDERED + b"}b.", "changes what cannot be changed"),
    "attributes of a tensor": (tensor_opcodes("0", (2,)) + b"}b.", "changes what cannot be changed"),
    "a persistent text": (b"Pstorage\n.", "no storage"),
    "a persistent tuple of few": (b"(" + text("storage") + b"tQ.", "no storage"),
    "a storage of another type": (
        b"(" + text("storage") + text("code") + text("0") + text("cpu") + b"K\1tQ.",
        "no storage",
    ),
    "a storage of less than nothing": (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"J\xff\xff\xff\xfftQ.",
        "no storage",
    ),
    "a storage of two lengths": (
        b"]" + tensor_opcodes("0", (2,)) + b"a" + tensor_opcodes("0", (3,)) + b"a.",
        "numbers 0 are 2 of float32, and then 3 of float32",
    ),
    "a tensor beyond its numbers": (tensor_opcodes("0", (2,), length=1) + b".", "are missing"),
    "a tensor before its numbers": (tensor_opcodes("0", (2,), offset=-1) + b".", "a tensor that cannot be"),
    "a tensor of nothing": (b"ctorch._utils\n_rebuild_tensor_v2\n)R.", "byte 34"),
    "a name of megabytes": (b"c" + b"a" * 90_000 + b"\n.", "a line does not end"),
    "a name on the stack": (text("os") + text("system") + b"\x93.", "os.system"),
    "a name with what a terminal obeys": (b"c\x1b[31m\nx\n.", "?[31m.x"),
    "an instance": (b"(ios\nsystem\n.", "os.system"),
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_that_was_made_to_harm_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, words = PICKLES[name]
    data = torch_zip(program, method=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(
        "rnncli.formats.torch.pickles.MAX_STEPS", 50_000
    )  # what they come to is traced, which takes long
    with little():
        refused("m.pt", data, words)


@pytest.mark.parametrize("shape", [(2**47, 2**47), (2**47,), (5,)])
def test_a_tensor_that_reaches_beyond_its_numbers_is_refused(shape: tuple[int, ...]) -> None:
    data = torch_zip(tensor_opcodes("0", shape, length=4) + b".", [("0", bytes(16))])
    refused("m.pt", data, "reaches beyond its 4 numbers")


def test_tensors_may_share_their_numbers_and_each_is_its_own_view() -> None:
    pairs = [("a", tensor_opcodes("0", (2, 2), length=6)), ("b", tensor_opcodes("0", (3,), length=6, offset=3))]
    program = b"}(" + b"".join(text(name) + tensor for name, tensor in pairs) + b"u."
    Path("m.pt").write_bytes(torch_zip(program, [("0", np.arange(6, dtype="<f4").tobytes())]))
    found = {tensor.name: tensor.read().tolist() for tensor in open_model("m.pt").others}
    assert found == {"a": [[0, 1], [2, 3]], "b": [3, 4, 5]}


@pytest.mark.parametrize(
    "value",
    [
        np.random.PCG64(3).state,  # whose numbers have 128 bits
        -(2**2000),
        datetime(2026, 11, 25, tzinfo=UTC),
        SimpleNamespace(lr=0.1, sizes=[range(3), slice(1, 2)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_stands_beside_the_tensors_is_passed_over(value: object) -> None:
    program = b"}(" + text("a") + tensor_opcodes("0", (2,)) + text("b") + whole(value) + b"u."
    Path("m.pt").write_bytes(torch_zip(program, [("0", bytes(8))]))
    assert [tensor.name for tensor in open_model("m.pt").others] == ["a"]


def test_storages_of_another_length_than_said_are_refused() -> None:
    for size in (0, 4, 9):
        refused("m.pt", torch_zip(tensor_opcodes("0", (2,)) + b".", [("0", bytes(size))]), f"the archive has {size}")
    packed = torch_zip(tensor_opcodes("0", (9,)) + b".", [("0", bytes(36))], zipfile.ZIP_DEFLATED)
    refused("m.pt", packed, "numbers 0 have 36 bytes")


def old_file(little_endian: bytes = b"\x88", keys: bytes = b"](" + text("0") + b"e.", count: int = 2) -> bytes:
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    system = b"}" + text("little_endian") + little_endian + b"s."
    numbers = struct.pack("<q", count) + bytes(8)
    return magic + whole(1001) + b"." + system + b"}" + text("a") + tensor_opcodes("0", (2,)) + b"s." + keys + numbers


def test_the_old_format_is_checked_likewise() -> None:
    Path("m.pt").write_bytes(old_file())
    assert [tensor.read().tolist() for tensor in open_model("m.pt").others] == [[0, 0]]
    refused("m.pt", old_file(little_endian=b"\x89"), "big end first")
    refused("m.pt", old_file(keys=b"](" + text("1") + b"e."), "does not go with its tensors")
    refused("m.pt", old_file(keys=b"](" + text("0") * 2 + b"e."), "does not go with its tensors")
    refused("m.pt", old_file(keys=b"](]e."), "the list of its storages is none")
    refused("m.pt", old_file(count=2**62), "said to be 2, and then 4,611,686,018,427,387,904")
    refused("m.pt", old_file()[:-1], "7 bytes follow")


# Archives.


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made.getvalue()


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    """An archive with other bytes in the first entry of its list."""
    place = data.index(b"PK\1\2") + offset
    return data[:place] + value + data[place + len(value) :]


GOOD = {"npz": npz({"a": (2, 2)}), "pt": torch_file({"a": (2, 2)})}


@pytest.mark.parametrize("format_", GOOD)
@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (8, b"\1\0", "encrypted"),
        (10, b"\x0e\0", "LZMA"),
        (20, b"\xff\xff\xff\x7f", "the archive ends before"),
        (24, b"\xff\xff\xff\x7f", "bytes"),
        (42, b"\xf0\xff\xff\x7f", "the archive ends before"),
    ],
    ids=["encrypted", "LZMA", "packed bytes", "size", "place"],
)
def test_an_archive_that_lies_about_a_file_is_refused(format_: str, offset: int, value: bytes, words: str) -> None:
    with little():
        refused(f"m.{format_}", patched(GOOD[format_], offset, value), words)


def large_archive(size: int | None = None, offset: int = 0, extra_bytes: int = 24, count: int = 1) -> bytes:
    """An archive of one array whose numbers are all in the places of zip64, for those that are too large elsewhere."""
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


def test_what_a_large_archive_says_is_checked_likewise() -> None:
    Path("m.npz").write_bytes(large_archive())
    assert open_model("m.npz").others[0].read().tolist() == [0, 1, 2, 3]
    refused("m.npz", large_archive(size=2**63), "9,223,372,036,854,775,808 bytes, and the archive ends before")
    refused("m.npz", large_archive(offset=2**63), "the archive ends before")
    refused("m.npz", large_archive(extra_bytes=8), "does not say how long a file in it is")
    refused("m.npz", large_archive(count=2**60), "1,152,921,504,606,846,976 files")
    refused("m.npz", large_archive(size=5), "array a: it is ")


def test_files_that_overlap_are_refused() -> None:
    data = zipped(("a.npy", bytes(3000)), ("b.npy", b""))
    place = data.rindex(b"PK\1\2")
    first = data.index(b"PK\1\2")
    data = data[:place] + data[first : first + 46] + data[place + 46 :]
    refused("m.npz", data, "they overlap")


def test_a_file_that_unpacks_to_more_than_it_can_is_refused_before_it_is_unpacked() -> None:
    data = zipped(("a.npy", bytes(1000)), method=zipfile.ZIP_DEFLATED)
    refused("m.npz", patched(data, 24, struct.pack("<I", 2**31)), "cannot hold so many")


def test_a_name_twice_in_an_archive_of_torch_is_refused() -> None:
    data = torch_file({"ab": (2, 2), "cd": (2, 2)}).replace(b"m/data/1", b"m/data/0")
    refused("m.pt", data, "two files m/data/0")


def test_names_that_lead_elsewhere_are_only_names() -> None:
    content = io.BytesIO()
    np.save(content, np.zeros(3, "f4"))
    Path("m.npz").write_bytes(zipped(("/etc/passwd.npy", content.getvalue()), ("../../x.npy", content.getvalue())))
    assert [tensor.name for tensor in open_model("m.npz").others] == ["/etc/passwd", "../../x"]
    assert sorted(path.name for path in Path().iterdir()) == ["m.npz"]


def test_a_model_that_changes_after_it_was_opened_is_not_read_on() -> None:
    for format_, make in FORMATS.items():
        path = Path(f"m.{format_}")
        path.write_bytes(make(SHAPES))
        tensor = open_model(str(path)).tensors[0]
        path.write_bytes(b"x")
        with pytest.raises(
            RnncliError, match=rf"m\.{format_}: array rnn.weight_ih_l0: it (became shorter|was changed)"
        ):
            tensor.read()


def test_a_pipe_is_no_model_file_and_is_not_waited_for() -> None:
    os.mkfifo("m.npz")
    with pytest.raises(RnncliError, match="it is a pipe or a device"):
        open_model("m.npz")
    Path("folder.pt").mkdir()
    with pytest.raises(RnncliError, match=r"folder\.pt cannot be read: Is a directory"):
        open_model("folder.pt")


def test_many_layers_are_found_soon() -> None:
    arrays = {f"f{n}.weight": (2, 4) for n in range(5000)}
    arrays |= {f"c{n}.weight_{role}": (4, 1) for n in range(300) for role in ("ih", "hh")}
    arrays |= {f"s.weight_{role}_l{n}": (4, 4) for n in range(2000) for role in ("ih", "hh")}
    Path("m.safetensors").write_bytes(safetensors(arrays))
    with patience():
        assert len(open_model("m.safetensors").parts) == 2


def test_more_parts_than_anybody_reads_are_refused() -> None:
    arrays = {f"{'ab'[n % 2] * (n + 1)}.weight_{role}": (4, 1) for n in range(1002) for role in ("ih", "hh")}
    refused("m.safetensors", safetensors(arrays), "more than 1,000 recurrent parts")

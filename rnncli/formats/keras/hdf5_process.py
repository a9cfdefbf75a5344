"""The process that reads an HDF5 file with h5py, and answers in plain data on its standard output.

It may use only as much memory and time as a file of that size can need; the system ends it if it uses more or crashes.

Nothing outside the file is ever followed: only hard links are followed, and arrays that are stored in other files are
refused. Few modules are imported, since the process starts for every file.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import prod
from typing import Any, BinaryIO

from rnncli.errors import RnncliError, shorten
from rnncli.formats import AGAIN
from rnncli.formats.file_reader import Piece, opened_regular
from rnncli.formats.tensors import WIDTHS
from rnncli.formats.zip_archive import MAX_COMPRESSION, UNPACKED, Archive
from rnncli.system.memory import NEEDED, bound, keep_within_addresses

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of HDF5."""

MAX_OBJECTS = 20_000
"""The most groups and arrays that a file may have."""

MAX_DEPTH = 100
"""How deeply groups may be nested."""

MAX_ATTRIBUTES = 10_000_000
"""The most bytes of all attributes together."""

ROOM = 96 << 20
"""Bytes of memory that it may use in addition to the arrays that are asked for."""

MAX_ALONG, MAX_BYTES_ALONG = 500, 4 << 20
"""The most arrays, and bytes of arrays, that are sent together with the structure of a file."""

MAX_READ_WHOLE = 16 << 20
"""The size from which the structure of HDF5 in an archive is read without reading all of it and its checksum."""

SECONDS = 0.5
"""Seconds of processor time that the smallest file may take."""

BYTES_A_SECOND = 500_000
"""How many more bytes allow one more second; h5py reads the smallest arrays ten times as fast."""

_UNREADABLE = (
    *(OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, SystemError),
    *(OverflowError, MemoryError, EOFError),
)
"""Errors that h5py raises for damaged files: nearly any."""


def main() -> None:
    """Answer the question on standard input to standard output."""
    sys.stdout.buffer.writelines(answer(sys.stdin.buffer.read()))


def answer(question: bytes) -> Iterator[bytes]:
    """Yield the answer to a question: a line of JSON, and the bytes of the requested arrays.

    If none are requested, the line describes the contents of the file, and all arrays follow if they are small.
    """
    values: Iterable[bytes] = ()
    try:
        said, values = _answer(**json.loads(question))
    except RnncliError as error:
        said = {"error": error.message, "advice": error.advice}
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0].strip("'\"") or type(error).__name__
        said = {"error": f"its HDF5 is damaged: {shorten(reason, 100)}", "advice": AGAIN}
    yield json.dumps(said).encode() + b"\n"
    yield from values


def imported_h5py() -> Any:
    """Import h5py.

    Raises:
        RnncliError: it cannot be imported.
    """
    try:
        import h5py
    except (ImportError, ValueError) as error:  # a ValueError if it was built for another version of NumPy
        raise RnncliError(f"h5py cannot be imported: {error}", "pip install --upgrade h5py") from None
    return h5py


def damaged(reason: str) -> RnncliError:
    """Return the error for a damaged file."""
    return RnncliError(f"its HDF5 is damaged: {reason}", AGAIN)


def _answer(path: str, member: str, wanted: Sequence[str] | None) -> tuple[dict[str, Any], Iterable[bytes]]:
    """Return the structure of a file, or the numbers of the requested arrays."""
    if "numpy" not in sys.modules:
        keep_within_addresses("h5py", NEEDED + (6 << 20))  # its own libraries take 6 MB
    h5py = imported_h5py()
    size = os.path.getsize(path)
    bound(ROOM + (2 * MAX_COMPRESSION * size if member else 0), SECONDS + size / BYTES_A_SECOND)
    with _bytes(path, member, wanted is None) as data, h5py.File(data, "r") as file:
        if wanted is not None:
            return {}, _values(file, wanted, size)
        answer, values = _structure(file)
        if isinstance(data, io.RawIOBase):  # its checksum was not checked
            return answer | {"along": []}, ()
        return answer, values


def _bytes(path: str, name: str, structure: bool) -> BinaryIO | io.RawIOBase:
    """Return a reader of HDF5 data. If it is large and in an archive, the structure is read without the rest."""
    if not name:
        return open(path, "rb")
    archive = Archive(opened_regular(path))
    size = archive.members[name].file_size if name in archive.members else 0
    large = structure and size >= MAX_READ_WHOLE and archive.is_stored(name)
    data = Piece(archive.file, archive.place(name), size) if large else io.BytesIO(archive.read(name))
    bound(ROOM)
    start = data.read(len(SIGNATURE)) or b""
    if start != SIGNATURE:
        raise RnncliError(f"its {name} is damaged: it is not HDF5, it begins with {shorten(repr(start))}", AGAIN)
    data.seek(0)
    return data


def _values(file: Any, paths: Sequence[str], size: int) -> list[bytes]:
    """Return the numbers of arrays; all arrays are checked before the first is read."""
    arrays = [_array(file, path) for path in paths]
    claimed = sum(array.nbytes for array in arrays)
    if claimed > MAX_COMPRESSION * size + UNPACKED:
        raise damaged(f"arrays claim {claimed:,} bytes, but the whole file has {size:,}")
    largest = max((array.nbytes for array in arrays), default=0)
    bound(ROOM + claimed + 2 * largest, SECONDS + (size + claimed) / BYTES_A_SECOND)
    return [_numbers(array) for array in arrays]


def _numbers(array: Any) -> bytes:
    """Return the numbers of an array as little-endian bytes in C order."""
    numbers = array[()]
    if numbers.shape != array.shape:
        raise damaged(f"array {shorten(array.name)} does not match its description")
    return bytes(numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes())


def _along(file: Any, arrays: Mapping[str, tuple[list[int], str]]) -> dict[str, bytes]:
    """Return the numbers of all arrays if they are few, without unreadable ones: these fail when they are requested."""
    size = sum(prod(shape) * WIDTHS[dtype] for shape, dtype in arrays.values())
    if len(arrays) > MAX_ALONG or size > MAX_BYTES_ALONG:
        return {}
    values = {}
    for path in arrays:
        with suppress(RnncliError, *_UNREADABLE):
            values[path] = _numbers(_array(file, path))
    return values


def _structure(file: Any) -> tuple[dict[str, Any], Iterable[bytes]]:
    """Return the attributes of all groups, the shapes and types of all arrays, and the numbers of small ones."""
    import h5py

    attributes: dict[str, dict[str, Any]] = {}
    arrays: dict[str, tuple[list[int], str]] = {}
    left = MAX_ATTRIBUTES
    for path, item in _objects(file):
        if isinstance(item, h5py.Group):
            attributes[path] = dict(_attributes(item))
            left -= sum(len(text) for value in attributes[path].values() for text in value)
            if left < 0:
                raise damaged(f"its attributes have more than {MAX_ATTRIBUTES:,} bytes")
        elif item.shape is not None and str(item.dtype.name) in WIDTHS:
            arrays[path] = ([int(size) for size in item.shape], str(item.dtype.name))
    along = _along(file, arrays)
    return {"attributes": attributes, "arrays": arrays, "along": [*along]}, along.values()


def _objects(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield every group and array with its path, in the order of the file."""
    import h5py

    waiting: list[tuple[str, Any, int]] = [("", file, 0)]
    seen = 0
    while waiting:
        path, item, depth = waiting.pop()
        seen += 1
        yield path, item
        if not isinstance(item, h5py.Group):
            continue
        if depth > MAX_DEPTH or seen + len(waiting) + len(item) > MAX_OBJECTS:
            raise damaged(f"more than {MAX_OBJECTS:,} groups and arrays, or nested more than {MAX_DEPTH} deep")
        inside = [(f"{path}/{name}".lstrip("/"), _child(item, name), depth + 1) for name in item]
        waiting += [one for one in reversed(inside) if isinstance(one[1], h5py.Group | h5py.Dataset)]


def _child(group: Any, name: str) -> Any:
    """Return a group's member of this name, or None if it is a link elsewhere."""
    import h5py

    return group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None


def _attributes(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that Keras writes. It splits long lists into pieces: `weight_names0` and so on."""
    names = set(group.attrs)
    for name in ("model_config", "keras_version", "name"):
        if name in names:
            (value,) = _texts(group, name) or [""]
            yield name, value
    for name in ("layer_names", "weight_names"):
        pieces = [name] if name in names else []
        while f"{name}{len(pieces)}" in names:
            pieces.append(f"{name}{len(pieces)}")
        if pieces:
            yield name, [text for piece in pieces for text in _texts(group, piece)]


def _texts(group: Any, name: str) -> list[str]:
    import numpy as np

    kept = group.attrs.get_id(name)
    if prod(kept.shape or (1,)) * max(kept.dtype.itemsize, 1) > MAX_ATTRIBUTES:
        raise damaged(f"its attribute {name} claims {shorten(str(kept.shape))} values")
    values = np.asarray(group.attrs[name], dtype=object).ravel().tolist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _array(file: Any, path: str) -> Any:
    """Return an array whose numbers can be read."""
    import h5py

    item = file
    for name in path.split("/"):
        item = _child(item, name) if isinstance(item, h5py.Group) and name in item else None
    if not isinstance(item, h5py.Dataset):
        raise RnncliError(f"its HDF5 has no array {shorten(path)}")
    if item.external or item.is_virtual:
        raise RnncliError(
            f"array {shorten(path)} keeps its numbers in another file, which is not read",
            "save all in one file: model.save('model.keras')",
        )
    return item

"""The process that reads an HDF5 file with h5py, and answers in plain data on its standard output.

Nothing outside of the file is ever followed: links that are not hard links are passed over, and arrays that keep their
numbers elsewhere are refused.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from math import prod
from typing import Any, BinaryIO

from rnncli.errors import RnncliError, shorten
from rnncli.formats.hdf5 import MAX_COMPRESSION, member
from rnncli.formats.numbers import WIDTHS

MAX_OBJECTS = 20_000
"""The most groups and arrays that a file may have."""

MAX_DEPTH = 100
"""How deep groups may stand inside of one another."""

MAX_ATTRIBUTE = 10_000_000
"""The largest attribute, in bytes."""

_TEXTS = ("model_config", "keras_version", "name")
_LISTS = ("layer_names", "weight_names")

_UNREADABLE = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    SystemError,
    OverflowError,
    MemoryError,
    zipfile.BadZipFile,
)
"""What h5py raises for a file that is damaged: nearly anything."""


def main() -> None:
    """Answer the question on standard input: a line of JSON, and the bytes of the arrays that it asks for."""
    question = json.load(sys.stdin)
    wanted = question["wanted"]
    out = sys.stdout.buffer
    try:
        import h5py

        with _bytes(question["path"], question["member"]) as data, h5py.File(data, "r") as file:
            if wanted is None:
                out.write(json.dumps(_structure(file)).encode() + b"\n")
                return
            found = [_array(file, path) for path in wanted]
            out.write(b"{}\n")
            for path, array in zip(wanted, found, strict=True):
                numbers = array[()]
                if numbers.shape != array.shape:
                    raise RnncliError(f"array {shorten(path)} is not as it says")
                out.write(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())
    except RnncliError as error:
        out.write(json.dumps({"error": error.message}).encode() + b"\n")
    except ImportError as error:
        out.write(json.dumps({"error": f"h5py cannot be imported: {error}"}).encode() + b"\n")
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0].strip("'\"") or type(error).__name__
        out.write(json.dumps({"error": f"its HDF5 is damaged: {shorten(reason, 100)}"}).encode() + b"\n")


def _bytes(path: str, name: str) -> BinaryIO:
    if not name:
        return open(path, "rb")
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(member(archive, name))


def _structure(file: Any) -> dict[str, Any]:
    """Return the attributes of all groups, and the shapes and types of all arrays of numbers."""
    import h5py

    attributes: dict[str, dict[str, Any]] = {}
    arrays: dict[str, tuple[list[int], str]] = {}
    for path, item in _objects(file):
        if isinstance(item, h5py.Group):
            attributes[path] = dict(_attributes(item))
        elif item.shape is not None and str(item.dtype.name) in WIDTHS:
            arrays[path] = ([int(size) for size in item.shape], str(item.dtype.name))
    return {"attributes": attributes, "arrays": arrays}


def _objects(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield every group and array with its path, in the order that the file gives."""
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
            raise RnncliError(
                f"its HDF5 has more than {MAX_OBJECTS:,} groups and arrays, or {MAX_DEPTH} in one another"
            )
        inside = [(f"{path}/{name}".lstrip("/"), _child(item, name), depth + 1) for name in item]
        waiting += [one for one in reversed(inside) if isinstance(one[1], h5py.Group | h5py.Dataset)]


def _child(group: Any, name: str) -> Any:
    """Return what a group has under a name, or None if that is a link elsewhere."""
    import h5py

    return group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None


def _attributes(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that Keras writes. It cuts a long list in pieces: `weight_names0` and so on."""
    names = set(group.attrs)
    for name in _TEXTS:
        if name in names:
            (value,) = _texts(group, name) or [""]
            yield name, value
    for name in _LISTS:
        pieces = [name] if name in names else []
        while f"{name}{len(pieces)}" in names:
            pieces.append(f"{name}{len(pieces)}")
        if pieces:
            yield name, [text for piece in pieces for text in _texts(group, piece)]


def _texts(group: Any, name: str) -> list[str]:
    """Return the texts in an attribute."""
    import numpy as np

    kept = group.attrs.get_id(name)
    if prod(kept.shape) * max(kept.dtype.itemsize, 1) > MAX_ATTRIBUTE:
        raise RnncliError(f"its attribute {name} claims {shorten(str(kept.shape))} values")
    values = np.asarray(group.attrs[name], dtype=object).ravel().tolist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _array(file: Any, path: str) -> Any:
    """Return an array whose numbers can be read.

    Raises:
        RnncliError: it is none, keeps its numbers elsewhere, or claims more than are stored.
    """
    import h5py

    item = file
    for name in path.split("/"):
        item = _child(item, name) if isinstance(item, h5py.Group) and name in item else None
    if not isinstance(item, h5py.Dataset):
        raise RnncliError(f"its HDF5 has no array {shorten(path)}")
    if item.external or item.is_virtual:
        raise RnncliError(f"array {shorten(path)} keeps its numbers in another file, which is not read")
    stored = item.id.get_storage_size()
    if item.nbytes > MAX_COMPRESSION * stored + 100:
        raise RnncliError(f"array {shorten(path)} claims {item.nbytes:,} bytes of {stored:,} that are stored")
    return item

"""`.npz`: a zip archive of NumPy arrays, found by key, with headers checked and numbers read later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rnncli.errors import RnncliError, quote, shorten
from rnncli.formats import reading
from rnncli.formats.arrays import nodes_of
from rnncli.formats.file_reader import BEGINNING, check_beginning, opened_regular
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Note
from rnncli.formats.npy_header import NoNumbersError, NpyHeader, read_header
from rnncli.formats.tensors import Tensor, check_shape, later, numbers_in
from rnncli.formats.zip_archive import MAGIC, Archive
from rnncli.immutable import NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from rnncli.formats.tensors import Numbers

_SHOWN = 5


def read(path: str) -> ModelFile:
    """Return the contents of an .npz file, from the headers of its arrays.

    Raises:
        RnncliError: it is damaged or encrypted, or contains only texts and objects.
    """
    reader = opened_regular(path)
    check_beginning(reader.read(0, BEGINNING), "a zip archive, such as numpy.savez writes", MAGIC)
    tensors: list[Tensor] = []
    left: list[str] = []
    archive = Archive(reader)
    for key, name in by_key(archive).items():
        if name == key:
            left.append(f"{shorten(key)} is not an array")
            continue
        with reading(f"array {shorten(key)}"):
            try:
                array = packed_array(archive, name)
            except NoNumbersError as error:
                left.append(f"array {shorten(key)} is left out: {error.message}")
                continue
        tensors.append(Tensor(key, array.header.shape, array.header.dtype, later(path, key, array.read)))
    if tensors and all(re.fullmatch("arr_[0-9]+", tensor.name) for tensor in tensors):
        left.append(
            "its arrays have no names: numpy.savez(FILE, **weights) saves a dictionary with its keys as names; "
            "those of Keras's get_weights() are read with a spec: rnncli forward SPEC --weights FILE"
        )
    if left and not tensors:
        raise RnncliError(f"it holds no array of numbers: {left[0]}")
    if len(left) > _SHOWN:
        left[_SHOWN:] = [f"{len(left) - _SHOWN:,} more members are left out"]
    notes = [Note(text, "left out") for text in left]
    return model_of(path, "npz", "NumPy", nodes_of(tensors), tensors=tensors, notes=notes)


def by_key(archive: Archive) -> dict[str, str]:
    """Return the names of the files in an archive, by the keys of their arrays.

    Raises:
        RnncliError: two have the same key.
    """
    names: dict[str, str] = {}
    for name in archive.members:
        key = name.removesuffix(".npy")
        if key in names:
            raise RnncliError(f"it holds two arrays {quote(key)}")
        names[key] = name
    return names


class PackedArray(NamedTuple):
    """An array in an archive: the name of its file there, and its header."""

    archive: Archive
    name: str
    header: NpyHeader

    def numbers(self) -> Iterator[Numbers]:
        """Yield its numbers in the order of the file, a block at a time.

        Raises:
            RnncliError: it is damaged.
        """
        import numpy as np

        dtype = np.dtype(self.header.descr)
        skip, rest = self.header.end, b""
        for block in self.archive.blocks(self.name):
            rest += block[skip:]
            skip = max(0, skip - len(block))
            whole = len(rest) // dtype.itemsize * dtype.itemsize
            yield np.frombuffer(rest[:whole], dtype)
            rest = rest[whole:]

    def read(self, dtype: np.dtype[Any] | None = None) -> Numbers:
        """Return all its numbers, in C order, as they are or converted to `dtype`, one block at a time.

        Raises:
            RnncliError: it is damaged, or has changed since it was opened.
        """
        import numpy as np

        check_shape(self.header.shape)
        array = np.empty(self.header.shape, dtype or np.dtype(self.header.descr).newbyteorder("="))
        flat, start = array.T.flat if self.header.fortran else array.reshape(-1), 0
        for numbers in self.numbers():
            flat[start : start + len(numbers)] = numbers
            start += len(numbers)
        self.archive.file.check_unchanged()
        return array


def packed_array(archive: Archive, name: str) -> PackedArray:
    """Return an array in an archive, with its header read and checked against its size.

    Raises:
        RnncliError: it is damaged, or does not contain numbers.
    """
    blocks, unread = archive.blocks(name), b""

    def take(size: int) -> bytes:
        """Return the next bytes, fewer than `size` only at the end."""
        nonlocal unread
        while len(unread) < size and (block := next(blocks, None)) is not None:
            unread += block
        taken, unread = unread[:size], unread[size:]
        return taken

    header, size = read_header(take), archive.members[name].file_size
    if header.end + header.data_bytes != size:
        raise RnncliError(
            f"it is damaged: its header says {header}, {numbers_in(header.shape, header.itemsize)} bytes after "
            f"{header.end} bytes of header, but it has {size:,}"
        )
    return PackedArray(archive, name, header)

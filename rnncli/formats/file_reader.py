"""Reading files: opening them, reading them by position, and refusing them by their first bytes.

Nothing is mapped into memory, so a file that another program truncates meanwhile is an error and not a crash.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any

from rnncli.errors import RnncliError, quote, shorten
from rnncli.formats import reading
from rnncli.quantities import memory
from rnncli.system.descriptors import opened_to_read, read_at, read_into_at

_BLOCK = 1 << 20
"""Bytes that are copied from a pipe at a time."""

_WINDOW = 1 << 16
"""Bytes that are read at a time when a file is read sequentially."""

_BEGINNINGS = {
    b"\x93NUMPY": "an array saved by numpy.save",
    b"PK\x03\x04": "a zip archive, like .npz, .pt and .keras files",
    b"\x80": "pickled objects, which could run any code when they are loaded",
    b"\x89HDF": "an HDF5 file, like .h5 files",
    b"\x1f\x8b": "a file compressed by gzip",
    b"\xfd7zXZ": "a file compressed by xz",
    b"version https://git-lfs": "a pointer of Git LFS, which git lfs pull replaces with the file",
    b"<!DOCTYPE": "a web page",
}
"""The kinds of files by their first bytes."""

BEGINNING = 32
"""The number of bytes that show the kind of a file."""

_PRINTED = bytes(range(ord(" "), 0x7F)) + b"\t\r\n"
"""The characters of a text in ASCII."""

_UNSURE = 3
"""Signatures of at most this length may occur by chance at the beginning of any file."""


class FileReader:
    """An open file, read at any position, in the state in which it was opened."""

    def __init__(self, file: int, size: int) -> None:
        self.size = size
        self._start, self._data = 0, b""
        self._file = os.dup(file)
        self._modified = os.fstat(file).st_mtime_ns
        weakref.finalize(self, os.close, self._file)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the file; fewer than `size` only at its end.

        Raises:
            RnncliError: the file has changed since it was opened.
        """
        parts, end = [], min(offset + size, self.size)
        while offset < end:
            parts.append(part := read_at(self._file, end - offset, offset))
            if not part:
                raise self._shorter()
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __getitem__(self, place: slice) -> bytes:
        """Return some bytes; a file that is read sequentially is buffered."""
        start, stop = place.start - self._start, place.stop - self._start
        if start < 0 or stop > len(self._data):
            self._start = place.start
            self._data = self.read(place.start, max(_WINDOW, place.stop - place.start))
            start, stop = 0, place.stop - place.start
        return self._data[start:stop]

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill a buffer with the bytes from an offset, all of which must be in the file.

        Raises:
            RnncliError: the file has changed since it was opened.
        """
        while len(buffer):
            count = read_into_at(self._file, buffer, offset)
            if not count:
                raise self._shorter()
            offset += count
            buffer = buffer[count:]

    def check_unchanged(self) -> None:
        """Check that the file has not changed since it was opened, judging by its size and modification time.

        Raises:
            RnncliError: it has changed.
        """
        found = os.fstat(self._file)
        if found.st_size < self.size:
            raise self._shorter()
        if found.st_mtime_ns != self._modified:
            raise RnncliError("it changed while it was being read", "copy it first, or wait until it is complete")

    def _shorter(self) -> RnncliError:
        found = os.fstat(self._file).st_size
        return RnncliError(f"it became shorter while it was being read: {self.size:,} bytes before, now {found:,}")


class Piece(io.RawIOBase):
    """A section of a file as a seekable file, for libraries, with a limit on the bytes per read."""

    def __init__(self, reader: FileReader, start: int, size: int, most: int = 1 << 30) -> None:
        self._reader, self._start, self._size, self._most, self._place = reader, start, size, most, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, and return it."""
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if place < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._place = place
        return place

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, fewer only at the end."""
        left = max(0, self._size - self._place)
        size = left if size is None or size < 0 else size
        if size > self._most:
            raise RnncliError(f"it claims a list of {size:,} bytes, expected at most {self._most:,}")
        data = self._reader.read(self._start + self._place, min(size, left))
        self._place += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes, and return how many there were."""
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._place)]
        self._reader.read_into(self._start + self._place, view)
        self._place += len(view)
        return len(view)


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    """Open a file for reading, and yield its descriptor while the block runs. Errors name the file.

    Raises:
        RnncliError: the file cannot be read, or the block raised an error about it.
    """
    with reading(path):
        file = opened_to_read(path)
        try:
            yield file
        finally:
            os.close(file)


def regular(file: int) -> FileReader | None:
    """Return the reader of a regular file; None if bytes come once and may never end, as from a pipe or a device."""
    found = os.fstat(file)
    return FileReader(file, found.st_size) if stat.S_ISREG(found.st_mode) else None


def opened_regular(path: str) -> FileReader:
    """Return the reader of a file, which must be a regular one. Errors do not name the file.

    Raises:
        OSError: it cannot be opened, or is a folder.
        RnncliError: it is a pipe or a device.
    """
    file = opened_to_read(path, waits=False)
    try:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        reader = regular(file)
        if reader is None:
            raise RnncliError("it is a pipe or a device, expected a regular file", "copy it to a file first")
        return reader
    finally:
        os.close(file)


def read_once(file: int, size: int) -> bytes:
    """Return the next bytes of a pipe, fewer than `size` only at its end."""
    parts = bytearray()
    while len(parts) < size and (part := os.read(file, size - len(parts))):
        parts += part
    return bytes(parts)


def spooled(file: int, start: bytes, size: int) -> FileReader:
    """Return the reader of a temporary file with the bytes already read from a pipe and up to `size` bytes in all."""
    with tempfile.TemporaryFile() as copy:
        copied, part = 0, start
        while part:
            copy.write(part)
            copied += len(part)
            part = os.read(file, min(_BLOCK, size - copied)) if copied < size else b""
        copy.flush()
        return FileReader(copy.fileno(), copied)


def check_room(size: int) -> None:
    """Check that the contents of a pipe fit into a temporary file.

    Raises:
        RnncliError: there is not enough room.
    """
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if size > free:
        raise RnncliError(
            f"it comes through a pipe and claims {memory(size)}, {memory(size - free)} more than "
            f"the {memory(free)} free in {folder}",
            "write it to a file on a larger disk first",
        )


def check_beginning(
    start: bytes, what: str, *expected: bytes, advice: str | None = None, if_text: str | None = None
) -> None:
    """Check the kind of a file by its first bytes: an expected kind or, if none is given, not a known other kind.

    Raises:
        RnncliError: it is a different kind; the message names the kind that was found and the one that was expected.
            The advice is for a kind that is not known; `if_text` replaces it if the file is text.
    """
    if expected and start.startswith(expected):
        return
    sure = {beginning: kind for beginning, kind in _BEGINNINGS.items() if expected or len(beginning) > _UNSURE}
    safetensors = "a .safetensors file" if expected and start[8:10] == b'{"' else None
    found = next((kind for beginning, kind in sure.items() if start.startswith(beginning)), safetensors)
    if found is not None:
        raise RnncliError(f"it is {found}, expected {what}")
    if start and expected and not start.translate(None, delete=_PRINTED):
        line = start[:8].decode("ascii").strip().partition("\n")[0].rstrip()
        found = f"is text that begins with {quote(line)}" if line else "is text"
        raise RnncliError(f"it {found}, expected {what}", if_text or advice)
    if expected:
        found = f"begins with {shorten(repr(start[:8]))}" if start else "is empty"
        raise RnncliError(f"it {found}, expected {what}", advice)

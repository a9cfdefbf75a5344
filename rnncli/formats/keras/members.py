"""The members of a .keras file, which is a zip archive: config, metadata and HDF5."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rnncli.errors import RnncliError
from rnncli.formats.faults import AGAIN
from rnncli.formats.file_reader import FileReader
from rnncli.formats.zip_archive import STORED, Member, members, place_of, read_member

MAX_COMPRESSION = 20
"""How many bytes may come from one that is packed, beyond `UNPACKED`."""

UNPACKED = 32 << 20
"""Bytes that may come from next to nothing: zeros, compressed."""


class Members:
    """What is in a .keras file, by name.

    Args:
        file: the archive.

    Raises:
        RnncliError: it is damaged.
    """

    def __init__(self, file: FileReader) -> None:
        self._file = file
        with _advised():
            self._by_name: Mapping[str, Member] = {member.name: member for member in members(file)}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return the bytes of a member.

        Args:
            name: its name.
            most: how many bytes it may have; None is as many as can be packed in so few.

        Raises:
            RnncliError: it is not there, is damaged or encrypted, or has more bytes than it may have.
        """
        member = self._member(name)
        with _advised(name):
            return read_member(self._file, member, most or MAX_COMPRESSION * member.packed + UNPACKED)

    def stored(self, name: str, least: int) -> io.RawIOBase | None:
        """Return a member as a file of its own, whose checksum is not looked at; None if it is smaller, or packed.

        Raises:
            RnncliError: it is not there, is damaged or encrypted.
        """
        member = self._member(name)
        if member.size < least or member.method != STORED:
            return None
        with _advised(name):
            return _Stored(self._file, place_of(self._file, member), member.size)

    def _member(self, name: str) -> Member:
        if name not in self._by_name:
            raise RnncliError(f"it has no {name}, as every .keras file has", "save it again: model.save('model.keras')")
        return self._by_name[name]


@contextmanager
def _advised(name: str = "") -> Iterator[None]:
    """Put the name of a member into an error, and what mends it."""
    try:
        yield
    except RnncliError as error:
        message = error.message if name in error.message else f"its {name}: {error.message}"
        raise RnncliError(message, error.advice or AGAIN) from None


class _Stored(io.RawIOBase):
    """A piece of a file as a file that is read at any place."""

    def __init__(self, file: FileReader, start: int, size: int) -> None:
        self._file, self._start, self._size, self._place = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence])
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._place)]
        self._file.read_into(self._start + self._place, view)
        self._place += len(view)
        return len(view)

"""Zip archives, as NumPy and PyTorch write them: files stored or deflated, and a list at the end.

Only what is there is taken for true: every length is checked against the file before anything is read, and a file is
unpacked a block at a time. Python's own zipfile takes in lists of any length and calls many things an error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.file_reader import FileReader

MAGIC = b"PK"
MAX_FILES = 100_000
"""The most files of an archive; a network of 10,000 layers has 60,000 arrays at most."""

_MAX_LIST_BYTES = 32 << 20
_BLOCK = 1 << 18
_FIRST_BLOCK = 1 << 12
"""Bytes that are read at first: many a file is read for its beginning alone."""

_MOST_INFLATED = 1040
"""How many times as long as its packed bytes a deflated file can be: the format allows for 1,032 times."""


_END = struct.Struct("<4s4H2IH")
_LOCATOR_64 = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_UNKNOWN_16, _UNKNOWN_32 = 0xFFFF, 0xFFFFFFFF
"""What stands for a number that is too large for its place and is written in another."""

STORED, _DEFLATED = 0, 8
_METHODS = {12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz"}
_ENCRYPTED, _UTF8 = 1 << 0, 1 << 11


class Member(NamedTuple):
    """A file in an archive.

    Attributes:
        name: its name.
        size: its bytes once it is unpacked, as the archive says.
        packed: its bytes in the archive.
        offset: where it begins there.
        crc: its checksum.
        method: how it is packed: a number of the format.
        encrypted: whether it is encrypted.
    """

    name: str
    size: int
    packed: int
    offset: int
    crc: int
    method: int
    encrypted: bool


def members(file: FileReader) -> list[Member]:
    """Return the files in an archive.

    Raises:
        RnncliError: it is damaged, or holds too many.
    """
    count, size, offset = _list_place(file)
    if count > MAX_FILES or size > _MAX_LIST_BYTES:
        raise RnncliError(f"it says that it holds {count:,} files, expected at most {MAX_FILES:,}")
    if offset + size > file.size:
        raise _damaged("its list of files is outside of it")
    listing = file.read(offset, size)
    found = list(islice(_entries(listing), count + 1))
    if len(found) != count:
        more_or_less = "more" if len(found) > count else f"{len(found):,}"
        raise _damaged(f"it says that it holds {count:,} files, and lists {more_or_less}")
    for member in found:
        if member.offset + member.packed > file.size:
            what = f"its {shorten(member.name)} says that it takes {member.packed:,} bytes"
            raise _damaged(f"{what}, and the archive ends before")
    # Files that overlap could make a small archive take as long as a large one.
    packed = sum(member.packed for member in found)
    if packed > file.size:
        raise _damaged(f"its files say that they take {packed:,} bytes, and it has {file.size:,}: they overlap")
    return found


def _list_place(file: FileReader) -> tuple[int, int, int]:
    """Return how many files an archive lists, the bytes of the list, and where it begins."""
    start = max(0, file.size - _END.size - _UNKNOWN_16)  # a comment may follow
    tail = file.read(start, file.size - start)
    place = tail.rfind(b"PK\5\6")
    if place < 0 or len(tail) - place < _END.size:
        raise _damaged("the list of its files, which should be at its end, is missing")
    _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, place)
    if count == _UNKNOWN_16 or _UNKNOWN_32 in (size, offset):
        locator = file.read(start + place - _LOCATOR_64.size, _LOCATOR_64.size) if start + place > 20 else b""
        if locator.startswith(b"PK\6\7"):
            record = file.read(_LOCATOR_64.unpack(locator)[2], _END_64.size)
            if not record.startswith(b"PK\6\6") or len(record) < _END_64.size:
                raise _damaged("the list of its files is not where it says")
            *_, count, size, offset = _END_64.unpack(record)
    return count, size, offset


def _entries(listing: bytes) -> Iterator[Member]:
    """Yield the files that a list names."""
    place = 0
    while place < len(listing):
        if len(listing) - place < _ENTRY.size or not listing.startswith(b"PK\1\2", place):
            raise _damaged("its list of files is no list")
        _, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, comment_size, *_, offset = (
            _ENTRY.unpack_from(listing, place)
        )
        place += _ENTRY.size
        name = listing[place : place + name_size].decode("utf-8" if flags & _UTF8 else "cp437", errors="replace")
        extra = listing[place + name_size : place + name_size + extra_size]
        size, packed, offset = _large(extra, size, packed, offset)
        yield Member(name, size, packed, offset, crc, method, bool(flags & _ENCRYPTED))
        place += name_size + extra_size + comment_size


def _large(extra: bytes, *numbers: int) -> Iterator[int]:
    """Yield numbers; those that are too large for their place from what is written behind the name."""
    place = 0
    values: list[int] = []
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            values = [value for (value,) in struct.iter_unpack("<Q", extra[place + 4 :][: size // 8 * 8])]
        place += 4 + size
    for number in numbers:
        if number != _UNKNOWN_32:
            yield number
        elif values:
            yield values.pop(0)
        else:
            raise _damaged("it does not say how long a file in it is")


def unpacked(file: FileReader, member: Member) -> Iterator[bytes]:
    """Yield a file in an archive, a block at a time. At the end its length and its checksum have been checked.

    Raises:
        RnncliError: it is damaged or encrypted, or packed in a way that NumPy and PyTorch never do.
    """
    crc, size = 0, 0
    for block in _inflated(member, _packed(file, member)):
        crc = zlib.crc32(block, crc)
        size += len(block)
        if size > member.size:
            break
        yield block
    if size != member.size:
        raise _damaged(f"it says that it has {member.size:,} bytes, and has {'more' if size > member.size else size}")
    if crc != member.crc:
        raise _damaged("its checksum is wrong")


def read_member(file: FileReader, member: Member, most: int) -> bytes:
    """Return a whole file in an archive, likewise.

    Raises:
        RnncliError: it is damaged or encrypted, or has more bytes than it may have.
    """
    if member.size > most:
        raise RnncliError(f"its {shorten(member.name)} has {member.size:,} bytes; {most:,} are allowed")
    return b"".join(unpacked(file, member))


def place_of(file: FileReader, member: Member) -> int:
    """Return where in an archive the packed bytes of a file begin, all of which are there.

    Raises:
        RnncliError: it is damaged or encrypted, or packed in a way that NumPy and PyTorch never do.
    """
    if member.encrypted:
        raise RnncliError("it is encrypted, expected one that is not")
    if member.method not in (STORED, _DEFLATED):
        method = _METHODS.get(member.method, f"method {member.method}")
        raise RnncliError(f"it is packed by {method}, expected stored or deflated, as NumPy and PyTorch do")
    local = file.read(member.offset, _LOCAL.size)
    if len(local) < _LOCAL.size or not local.startswith(b"PK\3\4"):
        raise _damaged("it is not where the list says")
    name_size, extra_size = struct.unpack_from("<2H", local, _LOCAL.size - 4)
    place: int = member.offset + _LOCAL.size + name_size + extra_size
    if place + member.packed > file.size:
        raise _damaged(f"it says that it takes {member.packed:,} bytes, and the archive ends before")
    if member.size > (member.packed if member.method == STORED else _MOST_INFLATED * member.packed):
        holds = f"{member.packed:,} in the archive cannot hold so many"
        raise _damaged(f"it says that it has {member.size:,} bytes, and {holds}")
    return place


def _packed(file: FileReader, member: Member) -> Iterator[bytes]:
    """Yield the bytes of a file as they are in the archive."""
    place = place_of(file, member)
    end, size = place + member.packed, _FIRST_BLOCK
    while place < end:
        block = file.read(place, min(size, end - place))
        yield block
        place += len(block)
        size = _BLOCK


def _inflated(member: Member, packed: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a file, none longer than a block, from those in the archive."""
    if member.method == STORED:
        yield from packed
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size = _FIRST_BLOCK
    try:
        for block in packed:
            rest = block
            while rest and not inflater.eof:
                yield inflater.decompress(rest, size)
                rest, size = inflater.unconsumed_tail, _BLOCK
        yield inflater.flush(_BLOCK)
    except zlib.error as error:
        raise _damaged(shorten(f"{error}", 72)) from None


def _damaged(reason: str) -> RnncliError:
    return RnncliError(f"it is damaged: {reason}")

"""Zip archives, as NumPy, PyTorch and Keras write them: files stored or deflated, and a directory at the end.

Python's zipfile reads them. In addition, every length is checked against the archive before anything is read, the
number of files is limited, and the position of stored data is available, so that it can be read directly.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rnncli.errors import RnncliError, shorten
from rnncli.formats import AGAIN, reading
from rnncli.formats.file_reader import FileReader, Piece
from rnncli.formats.tensors import MAX_ARRAYS

MAGIC = b"PK"
MAX_COMPRESSION = 20
"""The default limit on how many bytes a compressed byte may expand to, beyond `UNPACKED`."""

UNPACKED = 32 << 20
"""Bytes that even the smallest compressed file may expand to: compressed zeros."""

_MAX_LIST_BYTES = 8 << 20
_BLOCK = 1 << 18
_MOST_INFLATED = 1040
"""The highest compression ratio of a deflated file; the format allows for 1,032."""

_LOCAL = struct.Struct("<4s5H3I2H")
_METHODS = {12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz"}
_ENCRYPTED = 1


class Archive:
    """The files in an archive, by name.

    Attributes:
        file: the archive.
        members: the directory entry of each file.

    Raises:
        RnncliError: it is damaged, or has too many files.
    """

    def __init__(self, file: FileReader) -> None:
        self.file = file
        with _in_words():
            self._zip = zipfile.ZipFile(Piece(file, 0, file.size, most=_MAX_LIST_BYTES))
        found = self._zip.infolist()
        if len(found) > MAX_ARRAYS:
            raise RnncliError(f"it holds {len(found):,} files, expected at most {MAX_ARRAYS:,}")
        self.members: Mapping[str, zipfile.ZipInfo] = {member.filename: member for member in found}
        if len(self.members) < len(found):
            twice = next(each.filename for each in found if self.members[each.filename] is not each)
            raise RnncliError(f"it holds two files {shorten(twice)}")
        unchecked = not any(member.CRC for member in found)  # PyTorch can leave all checksums out
        for name, member in self.members.items():
            if unchecked:
                del member.CRC
            if not 0 <= member.header_offset <= file.size - member.compress_size:
                what = f"its {shorten(name)} claims {member.compress_size:,} bytes"
                raise _damaged(f"{what}, but the archive ends before that")
        # Overlapping files could make a small archive take as long as a large one.
        packed = sum(member.compress_size for member in found)
        if packed > file.size:
            raise _damaged(f"its files claim {packed:,} bytes, but it has {file.size:,}: they overlap")

    def place(self, name: str) -> int:
        """Return where the compressed bytes of a file begin in the archive, after checking that all of them exist.

        Raises:
            RnncliError: it is damaged or encrypted, or compressed in a way that NumPy, PyTorch and Keras never use.
        """
        member = self.members[name]
        if member.flag_bits & _ENCRYPTED:
            raise RnncliError("it is encrypted, which is not read")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            method = _METHODS.get(member.compress_type, f"method {member.compress_type}")
            raise RnncliError(f"it is compressed with {method}, expected stored or deflated")
        local = self.file.read(member.header_offset, _LOCAL.size)
        if len(local) < _LOCAL.size or not local.startswith(b"PK\3\4"):
            raise _damaged("it is not where the directory says")
        *_, name_size, extra_size = _LOCAL.unpack(local)
        place: int = member.header_offset + _LOCAL.size + name_size + extra_size
        if place + member.compress_size > self.file.size:
            raise _damaged(f"it claims {member.compress_size:,} bytes, but the archive ends before that")
        most = member.compress_size * (1 if self.is_stored(name) else _MOST_INFLATED)
        if member.file_size > most:
            holds = f"{member.compress_size:,} in the archive cannot hold that many"
            raise _damaged(f"it claims {member.file_size:,} bytes, but {holds}")
        return place

    def is_stored(self, name: str) -> bool:
        """Return whether a file is stored uncompressed."""
        return self.members[name].compress_type == zipfile.ZIP_STORED

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a file, a block at a time. Its length and checksum have been checked by the end.

        Raises:
            RnncliError: it is damaged or encrypted, or compressed in a way that NumPy, PyTorch and Keras never use.
        """
        self.place(name)
        left, size = self.members[name].file_size, 1 << 12  # many are read only for their beginning
        with _in_words(), self._zip.open(name) as opened:
            while block := opened.read(size):
                yield block
                left, size = left - len(block), _BLOCK
        if left:
            raise _damaged(f"it claims {self.members[name].file_size:,} bytes, but {left:,} are missing")

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return a whole file, checked; by default it may expand as far as its compressed size plausibly allows.

        Raises:
            RnncliError: it does not exist, is damaged or encrypted, or exceeds the limit.
        """
        if name not in self.members:
            raise RnncliError(f"it has no {name}, which it should contain", AGAIN)
        member = self.members[name]
        most = MAX_COMPRESSION * member.compress_size + UNPACKED if most is None else most
        if member.file_size > most:
            raise RnncliError(f"its {shorten(name)} has {member.file_size:,} bytes; at most {most:,} are allowed")
        with reading(f"its {shorten(name)}"):
            return b"".join(self.blocks(name))


@contextmanager
def _in_words() -> Iterator[None]:
    """Convert errors of zipfile and zlib for damaged data to readable errors."""
    try:
        yield
    except EOFError:
        raise _damaged("it ends too soon") from None
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, zlib.error) as error:
        raise _damaged(shorten(str(error), 100)) from None


def _damaged(reason: str) -> RnncliError:
    return RnncliError(f"it is damaged: {reason}", AGAIN)

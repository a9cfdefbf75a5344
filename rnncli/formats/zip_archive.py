"""Zip archives, as NumPy, PyTorch and Keras write them: files stored or deflated, and a list at the end.

Python's zipfile reads them. What is added: every length is checked against the archive before anything is read, a list
of any length is refused, and where stored numbers begin is told, so that they are read from there.
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

MAGIC = b"PK"
MAX_FILES = 100_000
"""The most files of an archive; a network of 10,000 layers has 60,000 arrays at most."""

MAX_COMPRESSION = 20
"""How many bytes may come from one that is packed, beyond `UNPACKED`, where nothing else is said."""

UNPACKED = 32 << 20
"""Bytes that may come from next to nothing: zeros, compressed."""

_MAX_LIST_BYTES = 8 << 20
_BLOCK = 1 << 18
_FIRST_BLOCK = 1 << 12
"""Bytes that are read at first: many a file is read for its beginning alone."""

_MOST_INFLATED = 1040
"""How many times as long as its packed bytes a deflated file can be: the format allows for 1,032 times."""

_LOCAL = struct.Struct("<4s5H3I2H")
_METHODS = {12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz"}
_ENCRYPTED = 1


class Archive:
    """The files in an archive, by name.

    Attributes:
        file: the archive.
        members: what the archive says of each.

    Raises:
        RnncliError: it is damaged, or holds too many.
    """

    def __init__(self, file: FileReader) -> None:
        self.file = file
        with _in_words():
            self._zip = zipfile.ZipFile(Piece(file, 0, file.size, most=_MAX_LIST_BYTES))
        found = self._zip.infolist()
        if len(found) > MAX_FILES:
            raise RnncliError(f"it holds {len(found):,} files, expected at most {MAX_FILES:,}")
        self.members: Mapping[str, zipfile.ZipInfo] = {member.filename: member for member in found}
        if len(self.members) < len(found):
            twice = next(each.filename for each in found if self.members[each.filename] is not each)
            raise RnncliError(f"it holds two files {shorten(twice)}")
        for name, member in self.members.items():
            if not 0 <= member.header_offset <= file.size - member.compress_size:
                what = f"its {shorten(name)} says that it takes {member.compress_size:,} bytes"
                raise _damaged(f"{what}, and the archive ends before")
        # Files that overlap could make a small archive take as long as a large one.
        packed = sum(member.compress_size for member in found)
        if packed > file.size:
            raise _damaged(f"its files say that they take {packed:,} bytes, and it has {file.size:,}: they overlap")

    def place(self, name: str) -> int:
        """Return where in the archive the packed bytes of a file begin, all of which are there.

        Raises:
            RnncliError: it is damaged or encrypted, or packed in a way that NumPy, PyTorch and Keras never do.
        """
        member = self.members[name]
        if member.flag_bits & _ENCRYPTED:
            raise RnncliError("it is encrypted, expected one that is not")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            method = _METHODS.get(member.compress_type, f"method {member.compress_type}")
            raise RnncliError(f"it is packed by {method}, expected stored or deflated")
        local = self.file.read(member.header_offset, _LOCAL.size)
        if len(local) < _LOCAL.size or not local.startswith(b"PK\3\4"):
            raise _damaged("it is not where the list says")
        *_, name_size, extra_size = _LOCAL.unpack(local)
        place: int = member.header_offset + _LOCAL.size + name_size + extra_size
        if place + member.compress_size > self.file.size:
            raise _damaged(f"it says that it takes {member.compress_size:,} bytes, and the archive ends before")
        most = member.compress_size * (1 if self.is_stored(name) else _MOST_INFLATED)
        if member.file_size > most:
            holds = f"{member.compress_size:,} in the archive cannot hold so many"
            raise _damaged(f"it says that it has {member.file_size:,} bytes, and {holds}")
        return place

    def is_stored(self, name: str) -> bool:
        """Whether the bytes of a file stand in the archive as they are."""
        return self.members[name].compress_type == zipfile.ZIP_STORED

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a file, a block at a time. At the end its length and its checksum have been checked.

        Raises:
            RnncliError: it is damaged or encrypted, or packed in a way that NumPy, PyTorch and Keras never do.
        """
        self.place(name)
        left, size = self.members[name].file_size, _FIRST_BLOCK
        with _in_words(), self._zip.open(name) as opened:
            while block := opened.read(size):
                yield block
                left, size = left - len(block), _BLOCK
        if left:
            raise _damaged(f"it says that it has {self.members[name].file_size:,} bytes, and {left:,} are missing")

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return a whole file, likewise; by default it may have as many bytes as can be packed in so few.

        Raises:
            RnncliError: it is not there, is damaged or encrypted, or has more bytes than it may have.
        """
        if name not in self.members:
            raise RnncliError(f"it has no {name}, which it should hold", AGAIN)
        member = self.members[name]
        most = MAX_COMPRESSION * member.compress_size + UNPACKED if most is None else most
        if member.file_size > most:
            raise RnncliError(f"its {shorten(name)} has {member.file_size:,} bytes; {most:,} are allowed")
        with reading(f"its {shorten(name)}"):
            return b"".join(self.blocks(name))


@contextmanager
def _in_words() -> Iterator[None]:
    """Raise what zipfile and zlib raise for what is damaged as an error in words."""
    try:
        yield
    except EOFError:
        raise _damaged("it ends too soon") from None
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, zlib.error) as error:
        raise _damaged(shorten(str(error), 100)) from None


def _damaged(reason: str) -> RnncliError:
    return RnncliError(f"it is damaged: {reason}", AGAIN)

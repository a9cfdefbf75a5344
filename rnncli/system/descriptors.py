"""Open files and directories: files read at any position; directories in which files are created and renamed.

If the system supports it, a directory is held open meanwhile.
"""

from __future__ import annotations

import _thread
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rnncli.immutable import NamedTuple

STDIN, STDOUT = "/dev/stdin", "/dev/stdout"
"""The paths that `-` stands for when reading and writing."""

STANDARD = {STDIN: 0, STDOUT: 1, "/dev/stderr": 2}
"""The open files that these names stand for, even if the system lacks the names."""

_COPIED = 1 << 24
"""The most bytes to read at once if they are copied."""

_PLACE = _thread.allocate_lock()
"""Held while a file is read, if reading moves its position."""


def flags(*names: str) -> int:
    """Return the flags to open a file with: those named that the system has, and binary mode."""
    found = getattr(os, "O_BINARY", 0)
    for name in names:
        found |= getattr(os, name, 0)
    return found


def can_name_a_file(path: str) -> bool:
    """Return whether a file can have this name: some text without a null character, in the system's encoding."""
    with suppress(UnicodeEncodeError):
        return path != "" and b"\0" not in os.fsencode(path)
    return False


def opened_to_read(path: str, *, waits: bool = True) -> int:
    """Open a file for reading, or raise an OSError; with `waits`, wait for a pipe that nobody writes to."""
    if path in STANDARD and not os.path.exists(path):
        return os.dup(STANDARD[path])
    return os.open(path, flags("O_RDONLY", "O_CLOEXEC", "O_NOCTTY", "" if waits else "O_NONBLOCK"))


def opened_to_append(path: str) -> int:
    """Open a file for appending and return its descriptor, or raise an OSError."""
    return os.open(path, flags("O_WRONLY", "O_APPEND", "O_NOCTTY"))


def read_at(file: int, size: int, offset: int) -> bytes:
    """Return at most `size` bytes of a file at an offset; empty at its end."""
    if hasattr(os, "pread"):
        return os.pread(file, size, offset)
    with _PLACE:
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, size)


def read_into_at(file: int, buffer: memoryview, offset: int) -> int:
    """Read bytes of a file at an offset into a buffer, filling it or less, and return how many."""
    if hasattr(os, "preadv"):
        return os.preadv(file, [buffer], offset)
    data = read_at(file, min(len(buffer), _COPIED), offset)
    buffer[: len(data)] = data
    return len(data)


# Directories

_CAN_HOLD = {os.open, os.unlink, os.rename} <= os.supports_dir_fd
"""Whether the system supports operations relative to an open directory."""


class Folder(NamedTuple):
    """A directory; if it is held open, it stays the same even if its path is renamed.

    Attributes:
        root: the prefix of the names of files in it: empty if it is held open, else its path.
        descriptor: the descriptor of the open directory; None if the system does not support this.
    """

    root: str
    descriptor: int | None

    def new(self, name: str, mode: int) -> int:
        """Create a file that must not exist, without following links, and return its descriptor."""
        how = flags("O_RDWR", "O_CREAT", "O_EXCL", "O_NOFOLLOW")
        return os.open(os.path.join(self.root, name), how, mode, dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with suppress(OSError):
            os.unlink(os.path.join(self.root, name), dir_fd=self.descriptor)

    def rename(self, name: str, other: str) -> None:
        """Rename a file, and sync the directory to the disk if the file system supports it."""
        old, new = (os.path.join(self.root, each) for each in (name, other))
        os.replace(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        if self.descriptor is None:
            return
        with suppress(OSError):
            directory = os.open(os.curdir, flags("O_RDONLY", "O_DIRECTORY"), dir_fd=self.descriptor)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


@contextmanager
def held(path: str) -> Iterator[Folder]:
    """Hold a directory open while the block runs, if the system supports it; this also shortens long paths."""
    if not _CAN_HOLD:
        yield Folder(path, None)
        return
    descriptor = os.open(path, flags("O_PATH" if hasattr(os, "O_PATH") else "O_RDONLY", "O_DIRECTORY"))
    try:
        yield Folder("", descriptor)
    finally:
        os.close(descriptor)


def copy_owner_and_mode(file: int, old: os.stat_result) -> None:
    """Give a file the owner and mode of another, as far as allowed and supported by the system."""
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(file, old.st_uid, old.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(file, stat.S_IMODE(old.st_mode) & 0o777)

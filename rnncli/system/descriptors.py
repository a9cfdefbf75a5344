"""Files of the operating system: opened for reading or appending, and read at any position."""

from __future__ import annotations

import _thread
import os

STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
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


def opened_to_read(path: str, *, waits: bool = True) -> int:
    """Open a file for reading and return its descriptor.

    Args:
        path: the file.
        waits: whether to wait for a pipe that nobody writes to.

    Raises:
        OSError: it cannot be opened.
        ValueError: no file can have this name.
    """
    if path in STANDARD and not os.path.exists(path):
        return os.dup(STANDARD[path])
    return os.open(path, flags("O_RDONLY", "O_CLOEXEC", "O_NOCTTY", "" if waits else "O_NONBLOCK"))


def opened_to_append(path: str) -> int:
    """Open a file for appending and return its descriptor.

    Raises:
        OSError: it cannot be opened.
    """
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

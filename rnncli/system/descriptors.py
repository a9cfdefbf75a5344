"""Files of the system: opened to be read, or written behind what is there, and read at any place."""

from __future__ import annotations

import _thread
import os

STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
"""The open files that these stand for, also where the system has no such names."""

_COPIED = 1 << 24
"""The most bytes that are read at once where they are copied."""

_PLACE = _thread.allocate_lock()
"""Held while a file is read whose place moves as it is read."""


def flags(*names: str) -> int:
    """Return what a file is opened with: of `O_NOCTTY` and others those that the system has, and bytes as they are."""
    found = getattr(os, "O_BINARY", 0)
    for name in names:
        found |= getattr(os, name, 0)
    return found


def opened_to_read(path: str, *, waits: bool = True) -> int:
    """Return the descriptor of a file that is opened for reading.

    Args:
        path: the file.
        waits: whether a pipe is waited for that nobody writes to.

    Raises:
        OSError: it cannot be opened.
        ValueError: no file can have that name.
    """
    if path in STANDARD and not os.path.exists(path):
        return os.dup(STANDARD[path])
    return os.open(path, flags("O_RDONLY", "O_CLOEXEC", "O_NOCTTY", "" if waits else "O_NONBLOCK"))


def opened_to_append(path: str) -> int:
    """Return the descriptor of a file that is written behind what is there.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, flags("O_WRONLY", "O_APPEND", "O_NOCTTY"))


def read_at(file: int, size: int, offset: int) -> bytes:
    """Return bytes of a file, as many as are wanted or fewer; none at its end."""
    if hasattr(os, "pread"):
        return os.pread(file, size, offset)
    with _PLACE:
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, size)


def read_into_at(file: int, buffer: memoryview, offset: int) -> int:
    """Read bytes of a file into a buffer, as many as it holds or fewer, and return how many."""
    if hasattr(os, "preadv"):
        return os.preadv(file, [buffer], offset)
    data = read_at(file, min(len(buffer), _COPIED), offset)
    buffer[: len(data)] = data
    return len(data)

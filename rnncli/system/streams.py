"""Standard streams that write everything they are given, and messages that never make a command fail."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from rnncli.characters import spell_out


class _Messages(io.FileIO):
    """Standard error that may have no reader: output that cannot be written is dropped."""

    def write(self, data: Any) -> int:
        """Write what can be written, and report all of it as written."""
        with suppress(OSError):
            super().write(data)
        return memoryview(data).nbytes


def prepare() -> None:
    """Replace the process's standard streams by reliable ones.

    Characters that they cannot print are spelt out in ASCII instead of causing an error.
    """
    _reserve()
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        # With PYTHONUNBUFFERED, a write that is cut short would count as done. All printing code flushes anyway.
        sys.stdout = _text(io.BufferedWriter(sys.stdout.buffer), sys.stdout)
    below = getattr(sys.stderr, "buffer", None)
    if isinstance(sys.stderr, io.TextIOWrapper) and isinstance(getattr(below, "raw", below), io.FileIO):
        # It is not a Windows console.
        sys.stderr = _text(io.BufferedWriter(_Messages(sys.stderr.fileno(), "w", closefd=False)), sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        spell_out(stream)


def columns_of(stream: TextIO) -> int | None:
    """Return the columns of the terminal that a stream writes to; None if it is not a terminal, or unknown."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (AttributeError, OSError, ValueError):
        return None


def mode_of(stream: TextIO | None) -> int:
    """Return the mode of the file behind a stream; 0 if it is closed, or not backed by a file."""
    try:
        return 0 if stream is None else os.fstat(stream.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return 0


def has_no_reader(error: OSError) -> bool:
    """Return whether an error means that a pipe has no reader any more, also on Windows."""
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def in_foreground(stream: TextIO) -> bool:
    """Return whether the program is in the foreground of a stream's terminal, not a background job of the shell."""
    try:
        return bool(os.tcgetpgrp(stream.fileno()) == os.getpgrp())
    except (AttributeError, OSError, ValueError):
        return True  # it is not the program's controlling terminal, or the system has no jobs


def _reserve() -> None:
    """Reserve the numbers of closed standard streams, so that the next file opened does not become one of them.

    They are opened such that using them fails: 0 cannot be read, 1 and 2 cannot be written.
    """
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)


def _text(buffer: io.BufferedWriter, like: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(buffer, encoding=like.encoding, line_buffering=True)

"""Standard streams that keep their word: what is printed is written whole, and no message makes the work fail."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from rnncli.characters import spell_out


class _Messages(io.FileIO):
    """Standard error where nobody may be listening: what cannot be written there is dropped."""

    def write(self, data: Any) -> int:
        """Write what can be written, and say that it was all."""
        with suppress(OSError):
            super().write(data)
        return memoryview(data).nbytes


def prepare() -> None:
    """Make the standard streams of the process such streams.

    A character that they cannot print is spelt out in ASCII; it is no reason to fail.
    """
    _reserve()
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        # PYTHONUNBUFFERED: a write that the disk takes in part would count as done. All that prints flushes anyway.
        sys.stdout = _text(io.BufferedWriter(sys.stdout.buffer), sys.stdout)
    if isinstance(sys.stderr, io.TextIOWrapper) and isinstance(_raw(sys.stderr), io.FileIO):  # no console of Windows
        sys.stderr = _text(io.BufferedWriter(_Messages(sys.stderr.fileno(), "w", closefd=False)), sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        spell_out(stream)


def columns_of(stream: TextIO) -> int | None:
    """Return how many columns the terminal has that a stream is; None where it is none, or does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (AttributeError, OSError, ValueError):
        return None


def has_no_reader(error: OSError) -> bool:
    """Whether an error is that nobody reads a pipe any more; Windows says so in other words."""
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def in_foreground(stream: TextIO) -> bool:
    """Whether the program has the terminal that a stream is; where it is a shell's background job, the shell has it."""
    try:
        return bool(os.tcgetpgrp(stream.fileno()) == os.getpgrp())
    except (AttributeError, OSError, ValueError):
        return True  # it is not the terminal that the program was started from, or the system has no such jobs


def _reserve() -> None:
    """Keep the numbers of the standard streams that are closed, or the next file opened would be one of them.

    In their place stands what fails when it is used: nothing can be read from 0, nothing written to 1 and 2.
    """
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)


def _raw(stream: io.TextIOWrapper) -> object:
    """Return what a stream writes to, behind what it may keep."""
    return getattr(stream.buffer, "raw", stream.buffer)


def _text(buffer: io.BufferedWriter, like: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(buffer, encoding=like.encoding, line_buffering=True)

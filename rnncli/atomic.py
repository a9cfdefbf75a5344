"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

from rnncli.quantities import memory
from rnncli.system.places import Place, check_place, place_of, said_of
from rnncli.system.signals import undone_by_signals


class Written(NamedTuple):
    """A file that has been written.

        >>> str(Written("y.npy", 384, "(4, 16)"))
        'wrote y.npy (4, 16), 384 B'

    Attributes:
        path: its name.
        size: its size in bytes.
        content: what is in it, in a few words, if its name does not say it.
    """

    path: str
    size: int
    content: str = ""

    def __str__(self) -> str:
        return f"wrote {self.path}{self.content and ' '}{self.content}, {memory(self.size)}"


@contextmanager
def written_whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes its name only when the block ends without an error.

    What is no file (a pipe, a device, /dev/stdout) is written to at the end.

    Raises:
        RnncliError: it cannot be written.
    """
    with said_of(path):
        place = place_of(path)
        check_place(place)
        with _written_at_the_end(place) if place.in_place else _replaced(place) as file:
            yield file


@contextmanager
def _written_at_the_end(place: Place) -> Iterator[IO[bytes]]:
    from shutil import copyfileobj
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        yield file
        file.seek(0)
        with os.fdopen(_opened(place), "wb") as final:
            copyfileobj(file, final)


def _opened(place: Place) -> int:
    if place.descriptor is None:
        return os.open(place.path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
    if sys.stdout is not None:
        sys.stdout.flush()  # what was printed before comes first
    # Not opened anew: that would begin again at the start of the file.
    return os.dup(place.descriptor)


@contextmanager
def _replaced(place: Place) -> Iterator[IO[bytes]]:
    # The directory is held, so that it stays the same whatever becomes of its name; and a long path gets no longer.
    folder = os.open(place.folder, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    # A name nobody can foresee, in a file that must be new: nobody can lay a link in its way.
    name = f".rnncli-{os.urandom(8).hex()}.partial"

    def remove() -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)

    try:
        with undone_by_signals(remove):
            try:
                # What replaces a private file is private from the start.
                mode = 0o666 if place.found is None else 0o600
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                with os.fdopen(os.open(name, flags, mode, dir_fd=folder), "w+b") as file:
                    yield file
                    file.flush()
                    if place.found is not None:
                        _resemble(file.fileno(), place.found)
                    os.fsync(file.fileno())
                os.replace(name, place.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                remove()
                raise
        _sync(folder)
    finally:
        os.close(folder)


def _resemble(file: int, old: os.stat_result) -> None:
    """Give a file the owner and the mode of another, as far as that is allowed."""
    with suppress(OSError):
        os.fchown(file, old.st_uid, old.st_gid)
    os.fchmod(file, stat.S_IMODE(old.st_mode) & 0o777)


def _sync(folder: int) -> None:
    """Have the disk know the names in a directory. Not every file system can be told to."""
    with suppress(OSError):
        directory = os.open(os.curdir, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

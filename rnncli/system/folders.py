"""Directories in which files are made, and take their names. Where the system can, a directory is held for it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rnncli.immutable import NamedTuple
from rnncli.system.descriptors import flags

_HOLDS = {os.open, os.unlink, os.rename} <= os.supports_dir_fd
"""Whether the system works in a directory that is held."""


class Folder(NamedTuple):
    """A directory, whatever becomes of its name meanwhile if it is held.

    Attributes:
        root: what stands before the name of a file in it: nothing where it is held, or else its path.
        descriptor: of the directory that is held; None where the system holds none.
    """

    root: str
    descriptor: int | None

    def new(self, name: str, mode: int) -> int:
        """Return the descriptor of a file that was not there; nobody can lay a link in its way."""
        how = flags("O_RDWR", "O_CREAT", "O_EXCL", "O_NOFOLLOW")
        return os.open(os.path.join(self.root, name), how, mode, dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(OSError):
            os.unlink(os.path.join(self.root, name), dir_fd=self.descriptor)

    def rename(self, name: str, other: str) -> None:
        """Give a file another name, and have the disk know it. Not every file system can be told to."""
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
    """Hold a directory while the block runs, where the system can; a long path gets no longer then."""
    if not _HOLDS:
        yield Folder(path, None)
        return
    descriptor = os.open(path, flags("O_PATH" if hasattr(os, "O_PATH") else "O_RDONLY", "O_DIRECTORY"))
    try:
        yield Folder("", descriptor)
    finally:
        os.close(descriptor)


def resemble(file: int, old: os.stat_result) -> None:
    """Give a file the owner and the mode of another, as far as that is allowed and the system has them."""
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(file, old.st_uid, old.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(file, stat.S_IMODE(old.st_mode) & 0o777)

"""Directories in which files are created and renamed. If the system supports it, they are held open meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rnncli.immutable import NamedTuple
from rnncli.system.descriptors import flags

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

"""Where a written file ends up: whether it can be written there, and whether two paths lead to the same file."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from rnncli.errors import RnncliError, UsageError, quote
from rnncli.immutable import NamedTuple
from rnncli.system.descriptors import STANDARD, can_name_a_file

_DESCRIPTORS = re.compile(r"/proc/(?P<process>\d+)(/task/\d+)?/fd|/dev/fd")
"""A directory whose names are numbers of open files."""

_ADVICE = "give each file a different name"


class Place(NamedTuple):
    """The file that is written for a path.

    Attributes:
        path: the path as given.
        folder: the directory of the file, after following links.
        name: the file's name in the directory.
        directory: the status of the directory.
        found: the status of the existing file; None if there is none.
        in_place: whether it is written in place (a pipe, a device, an open file) instead of being replaced.
        descriptor: the number of the process's open file that it is; None if it is not an open file.
    """

    path: str
    folder: str
    name: str
    directory: os.stat_result
    found: os.stat_result | None
    in_place: bool = False
    descriptor: int | None = None

    def is_same_as(self, other: Place) -> bool:
        """Return whether one would be written over the other: the same name, or an open file under one of them."""
        if self.in_place or other.in_place:
            return self.found is not None and other.found is not None and os.path.samestat(self.found, other.found)
        return os.path.samestat(self.directory, other.directory) and self.name == other.name


@contextmanager
def reporting_errors(path: str) -> Iterator[None]:
    """Convert a system error in the block to the RnncliError that a path cannot be written."""
    shown = path or quote(path)
    try:
        yield
    except BrokenPipeError:
        raise RnncliError(f"{shown} cannot be written: its reader has closed it") from None
    except OSError as error:
        raise RnncliError(f"{shown} cannot be written: {error.strerror or error}") from None


def place_of(path: str) -> Place:
    """Return where writing to a path leads; raise an OSError if it leads nowhere, or to a directory."""
    given, special = path, False
    for _ in range(40):  # the system follows no more links either
        folder, name = os.path.split(path)
        folder = folder or os.curdir
        _check_name(path, name)
        if path in STANDARD and not os.path.exists(path):
            opened = os.fstat(STANDARD[path])
            return Place(given, folder, name, opened, opened, in_place=True, descriptor=STANDARD[path])
        try:
            directory = os.stat(folder)
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder}") from None
        real = os.path.realpath(folder)
        special = special or _is_special(real)
        descriptor = _descriptor(real, name)
        if descriptor is not None:
            return Place(given, folder, name, directory, os.fstat(descriptor), in_place=True, descriptor=descriptor)
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            if special:
                raise
            return Place(given, folder, name, directory, None)
        if not stat.S_ISLNK(found.st_mode):
            return Place(given, folder, name, directory, found, in_place=special or not stat.S_ISREG(found.st_mode))
        if real == "/proc" or real.startswith("/proc/"):  # opening such a link does not open the path that it shows
            return Place(given, folder, name, directory, os.stat(path), in_place=True)
        _check_link(directory, found)
        path = os.path.join(folder, os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def check_place(place: Place) -> None:
    """Raise an OSError if a place cannot be written."""
    if place.found is not None and stat.S_ISDIR(place.found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory")
    if place.descriptor is not None:
        if not _is_open_for_writing(place.descriptor):
            raise OSError(errno.EBADF, "it is not open for writing")
        return
    if place.found is not None and stat.S_ISSOCK(place.found.st_mode):
        raise OSError(errno.ENXIO, "it is a socket")
    target = os.path.join(place.folder, place.name)
    # Root may write to read-only files, but replacing one is probably not intended.
    if place.found is not None and not (place.found.st_mode & 0o222 and _allows(target, os.W_OK)):
        raise PermissionError(errno.EACCES, "it is read-only")
    if place.in_place:
        return
    if not _allows(place.folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"{os.strerror(errno.EACCES)} in its directory")
    shared = place.directory.st_mode & stat.S_ISVTX
    if shared and place.found is not None and _user() not in (0, place.directory.st_uid, place.found.st_uid):
        raise PermissionError(errno.EPERM, "it belongs to another user, in a shared directory")


def check_files(reads: Iterable[tuple[str, str]], writes: Mapping[str, str]) -> None:
    """Raise an error before the work starts if a file cannot be written, or would be overwritten by mistake.

    Files are given with the option or argument that names them; an argument may name several to read.

    Raises:
        UsageError: two files are written to the same place, or a written file is also read.
        RnncliError: a file cannot be written.
    """
    places: dict[str, Place] = {}
    for name, path in writes.items():
        with reporting_errors(path):
            place = place_of(path)
            check_place(place)
        for other, earlier in places.items():
            if place.is_same_as(earlier):
                paths = path if path == earlier.path else f"{earlier.path}, which is {path}"
                raise UsageError(f"{other} and {name} would both write to {paths}", _ADVICE)
        _check_standard_streams(name, place)
        places[name] = place
    for name, path in reads:
        try:
            read = place_of(path)
        except OSError:  # reported when it is read
            continue
        is_file = read.found is not None and stat.S_ISREG(read.found.st_mode)
        for other, written in places.items():
            if is_file and read.is_same_as(written):
                raise UsageError(f"{name} reads {path}, but {other} would write to it", _ADVICE)


def _check_name(path: str, name: str) -> None:
    if not path:
        raise FileNotFoundError(errno.ENOENT, "its name is empty")
    if not can_name_a_file(path):
        raise FileNotFoundError(errno.ENOENT, "no file can have this name")
    if name in ("", os.curdir, os.pardir):
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        raise FileNotFoundError(errno.ENOENT, "it names a directory that does not exist")


def _is_special(folder: str) -> bool:
    def inside(root: str) -> bool:
        return folder == root or folder.startswith(f"{root}/")

    return any(map(inside, ("/dev", "/proc", "/sys"))) and not inside("/dev/shm")


def _descriptor(folder: str, name: str) -> int | None:
    """Return the process's open file that a name stands for, because opening the name would open it a second time."""
    match = _DESCRIPTORS.fullmatch(folder)
    if match is None or not (name.isascii() and name.isdigit()):
        return None
    return int(name) if match["process"] in (None, str(os.getpid())) else None


def _check_link(directory: os.stat_result, link: os.stat_result) -> None:
    """Reject a link that another user has made in a shared directory, as Linux does."""
    shared = directory.st_mode & stat.S_ISVTX and directory.st_mode & stat.S_IWOTH
    if shared and link.st_uid not in (_user(), directory.st_uid):
        raise PermissionError(errno.EACCES, "it is a link of another user, in a shared directory")


def _user() -> int:
    """Return the user's id; 0 if the system has no users."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _is_open_for_writing(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return True  # an error will show when it is written
    return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def _allows(path: str, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _check_standard_streams(name: str, place: Place) -> None:
    """Check that no standard stream is a file that would be replaced."""
    if place.in_place or place.found is None:
        return
    for descriptor, stream in enumerate(("standard input", "standard output", "standard error")):
        try:
            found = os.fstat(descriptor)
        except OSError:
            continue
        if os.path.samestat(found, place.found):
            raise UsageError(f"{stream} is {place.path}, but {name} would replace it", _ADVICE)

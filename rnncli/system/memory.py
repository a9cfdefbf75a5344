"""The memory that is available to this process, a limit for it, and a check that NumPy can be imported."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import suppress

from rnncli.errors import RnncliError
from rnncli.system.signals import end_during_long_calls

RESERVE = 40 << 20
"""The bytes reserved for Python and the libraries.

Of these, 32 MB are for OpenBLAS's buffers, allocated at the first matrix product; without them it ends the process.
"""


def free_bytes() -> int | None:
    """Return how many bytes this process can still allocate, or None if the system does not report it.

    This is the minimum of what the machine, each control group of the process, and `ulimit -v` leave. The system's file
    cache, which it frees on demand, counts as free.
    """
    found = [_machine(), address_space(), *_control_groups()]
    return min((size for size in found if size is not None), default=None)


def _machine() -> int | None:
    with suppress(OSError, ValueError):
        for line in _read("/proc/meminfo").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _control_groups() -> Iterator[int | None]:
    """Yield the remaining memory of each control group of the process, of version 1 or 2."""
    for version, folder in _control_group_folders():
        limit_name, used_name, cache_name = _ACCOUNTS[version]
        try:
            limit, used = int(_read(f"{folder}/{limit_name}")), int(_read(f"{folder}/{used_name}"))
        except (OSError, ValueError):  # no limit: "max", or no such file
            continue
        try:
            counts = dict(line.split() for line in _read(f"{folder}/memory.stat").splitlines())
            cache = int(counts.get(cache_name, 0))
        except (OSError, ValueError):
            cache = 0
        yield max(0, limit - max(0, used - cache))


_ACCOUNTS = {
    "cgroup2": ("memory.max", "memory.current", "inactive_file"),
    "cgroup": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""The files with limit and usage, and the statistic for the file cache, in each version of control groups."""


def _control_group_folders() -> Iterator[tuple[str, str]]:
    """Yield the version and directory of the process's control groups: its own, and all above it."""
    try:
        groups = [line.split(":", 2) for line in _read("/proc/self/cgroup").splitlines()]
        mounts = [line.split(" ") for line in _read("/proc/self/mountinfo").splitlines()]
    except OSError:
        return
    paths = {}
    for group in groups:
        if len(group) == 3 and group[1] == "":
            paths["cgroup2"] = group[2]
        elif len(group) == 3 and "memory" in group[1].split(","):
            paths["cgroup"] = group[2]
    for mount in mounts:
        if "-" not in mount[6:]:
            continue
        top, place, (version, _, options) = mount[3], mount[4], mount[mount.index("-", 6) + 1 :][:3]
        if version in paths and (version == "cgroup2" or "memory" in options.split(",")):
            yield from ((version, folder) for folder in _upwards(place, top, paths[version]))


def _upwards(place: str, top: str, path: str) -> Iterator[str]:
    """Yield the directories of a control group and those above it, as far as they are mounted.

    Args:
        place: the mount point of the control groups.
        top: the group at the mount point; in a container often the container's group.
        path: the process's group.
    """
    inner = posixpath.relpath(path, top) if path.startswith(top) else ""
    parts = [] if inner == "." or inner.startswith("..") else [part for part in inner.split("/") if part]
    for count in range(len(parts), -1, -1):
        yield "/".join([place.rstrip("/"), *parts[:count]])


def address_space() -> int | None:
    """Return the address space in bytes that `ulimit -v` leaves, or None if it sets no limit."""
    try:
        import resource
    except ImportError:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        return max(0, limit - _mapped())
    except (OSError, ValueError):
        return max(0, limit)


def bound(room: int, seconds: float | None = None) -> None:
    """Limit the memory that this process may allocate from now on, and its time, if the system supports it.

    A process that exceeds its time is ended by SIGPROF, even within a library's code.

    Args:
        room: bytes of address space in addition to the current ones.
        seconds: processor time; None to leave the current limit.
    """
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # a system without /proc, or with a lower hard limit
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_mapped() + room, most))
    if seconds is not None:
        import signal

        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _mapped() -> int:
    """Return the size of this process's address space in bytes; raise an OSError or ValueError if it is unknown."""
    import resource

    return int(_read("/proc/self/statm").partition(" ")[0]) * resource.getpagesize()


def _read(path: str) -> str:
    # pathlib is not used because importing it would take longer than everything here.
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


# Before NumPy is imported: only the command line checks this, not the library

NEEDED = 92 << 20
"""The approximate address space in bytes that importing NumPy takes."""

_EACH_THREAD = 136 << 20
"""The approximate address space of each additional thread for matrix products, in bytes; there is one per core."""

_ARENA_MAX = -8
"""glibc's mallopt parameter for the number of arenas: by default one per thread, with 64 MB of address space each."""


class BeforeNumpy:
    """An import finder that finds no modules, but prepares for the import of NumPy.

    If `ulimit -v` leaves too little memory, Python's own error would be many lines long, and the library for matrix
    products would end the process. Once NumPy is imported, one of its calls may take long.
    """

    def find_spec(self, name: str, *_others: object) -> None:
        """Leave all modules to other finders; raise an RnncliError if `ulimit -v` leaves too little for NumPy."""
        if name == "numpy":
            keep_within_addresses()
            end_during_long_calls()


def keep_within_addresses(library: str = "NumPy", needed: int = NEEDED) -> None:
    """Limit the use of address space if it is scarce; raise an RnncliError if it is too little for a library."""
    left = address_space()
    if left is None or left > needed + _EACH_THREAD * (os.cpu_count() or 1):
        return
    if left < needed:
        size, short, room = (f"{each / (1 << 20):.1f} MB" for each in (needed, needed - left, left))
        message = f"{library} would need {size} of memory, {short} more than the {room} that `ulimit -v` leaves"
        raise RnncliError(message, "`rnncli summary SPEC` computes sizes without NumPy")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with suppress(ImportError, OSError, AttributeError):  # another C library, or too little memory even for this
        from ctypes import CDLL

        CDLL(None).mallopt(_ARENA_MAX, 1)

"""How much memory this process can still take, and a bound to that."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import suppress

RESERVE = 40 << 20
"""Bytes set aside for Python and the libraries.

32 MB of them are for the room that OpenBLAS takes at the first product of matrices; without it, it ends the process.
"""


def free_bytes(root: str = "/") -> int | None:
    """Return how many bytes this process can still take, or None if the system does not say.

    That is the least of what the machine, every control group that the process is in, and `ulimit -v` leave. What the
    system keeps of files and gives up when somebody needs the memory counts as free.

    Args:
        root: the directory that holds /proc and /sys.
    """
    found = [_machine(root), address_space(root), *_control_groups(root)]
    return min((size for size in found if size is not None), default=None)


def _machine(root: str) -> int | None:
    try:
        for line in _read(root, "proc/meminfo").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _control_groups(root: str) -> Iterator[int | None]:
    """Yield what is left of the limit of each control group that the process is in, of either version."""
    for version, folder in _control_group_folders(root):
        limit_name, used_name, cache_name = _ACCOUNTS[version]
        try:
            limit, used = int(_read(root, f"{folder}/{limit_name}")), int(_read(root, f"{folder}/{used_name}"))
        except (OSError, ValueError):  # it has no limit: "max", or no such file
            continue
        try:
            counts = dict(line.split() for line in _read(root, f"{folder}/memory.stat").splitlines())
            cache = int(counts.get(cache_name, 0))
        except (OSError, ValueError):
            cache = 0
        yield max(0, limit - max(0, used - cache))


_ACCOUNTS = {
    "cgroup2": ("memory.max", "memory.current", "inactive_file"),
    "cgroup": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""For each version of control groups, the files with the limit and the use, and what in the use are files kept."""


def _control_group_folders(root: str) -> Iterator[tuple[str, str]]:
    """Yield the version and the directory of the control groups of the process: its own, and all above it."""
    try:
        groups = [line.split(":", 2) for line in _read(root, "proc/self/cgroup").splitlines()]
        mounts = [line.split(" ") for line in _read(root, "proc/self/mountinfo").splitlines()]
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
    """Yield the directories of a control group and of those above it, as far as the mount shows them.

    Args:
        place: where the control groups are mounted.
        top: which group is there; in a container often the container's.
        path: the group of the process.
    """
    inner = posixpath.relpath(path, top) if path.startswith(top) else ""
    parts = [] if inner == "." or inner.startswith("..") else [part for part in inner.split("/") if part]
    for count in range(len(parts), -1, -1):
        yield "/".join([place.strip("/"), *parts[:count]])


def address_space(root: str) -> int | None:
    """Return how many bytes are left of the limit that `ulimit -v` sets, or None if it sets none.

    Args:
        root: as for `free_bytes`.
    """
    try:
        import resource
    except ImportError:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        return max(0, limit - _mapped(root))
    except (OSError, ValueError):
        return max(0, limit)


def bound(room: int, seconds: float | None = None) -> None:
    """Bound the memory that this process may take from now on, and its time, where the system can.

    A process that takes more time is ended by SIGPROF, in the middle of a library's own code too.

    Args:
        room: bytes of addresses beside those that it has.
        seconds: of the processor; None leaves the bound that there is.
    """
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # a system without /proc, or with a lower limit
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_mapped("/") + room, most))
    if seconds is not None:
        import signal

        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _mapped(root: str) -> int:
    """Return how many bytes of addresses this process has.

    Raises:
        OSError: the system does not say.
        ValueError: nor does what it says.
    """
    import resource

    return int(_read(root, "proc/self/statm").partition(" ")[0]) * resource.getpagesize()


def _read(root: str, path: str) -> str:
    # Not pathlib: importing it would take longer than all that is done here.
    with open(f"{root}/{path}", encoding="utf-8", errors="replace") as file:
        return file.read()

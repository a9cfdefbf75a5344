"""What the process of the command line does before NumPy is imported. A process that imports rnncli does none of it."""

from __future__ import annotations

import os
from contextlib import suppress

from rnncli.errors import RnncliError
from rnncli.system.signals import end_during_long_calls

NEEDED = 92 << 20
"""About how many bytes of addresses NumPy takes when it is imported."""

_EACH_THREAD = 136 << 20
"""About how many more bytes of addresses each thread takes that multiplies matrices; there is one on each core."""

_ARENA_MAX = -8
"""What glibc's mallopt calls the most arenas: by itself it has one for each thread, with 64 MB of addresses."""


class BeforeNumpy:
    """A finder of modules that finds none: it looks whether NumPy can come, and what it brings along.

    Where `ulimit -v` leaves too little, Python's own error would be of many lines, and the library that multiplies
    matrices would end the process by itself. Where it is there, a call of it may take long.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Leave every module to those who find it.

        Raises:
            RnncliError: it is NumPy, for which `ulimit -v` does not leave enough.
        """
        del path, target
        if name == "numpy":
            _keep_within_addresses()
            end_during_long_calls()


def _keep_within_addresses() -> None:
    """Check that there are addresses for NumPy, and let the process take few where there are few."""
    from rnncli.system.memory import address_space

    left = address_space("/")
    if left is None or left > NEEDED + _EACH_THREAD * (os.cpu_count() or 1):
        return
    if left < NEEDED:
        needed, short, room = (f"{size / (1 << 20):.1f} MB" for size in (NEEDED, NEEDED - left, left))
        raise RnncliError(
            f"NumPy would take {needed} of memory, {short} more than the {room} that `ulimit -v` leaves",
            "`rnncli summary` computes sizes without it",
        )
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with suppress(ImportError, OSError, AttributeError):  # another C library, or no room even for this
        from ctypes import CDLL

        CDLL(None).mallopt(_ARENA_MAX, 1)

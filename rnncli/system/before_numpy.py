"""Checks that the command line makes before NumPy is imported. They are not made when rnncli is used as a library."""

from __future__ import annotations

import os
from contextlib import suppress

from rnncli.errors import RnncliError
from rnncli.system.signals import end_during_long_calls

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

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Leave all modules to other finders.

        Raises:
            RnncliError: the module is NumPy, for which `ulimit -v` does not leave enough memory.
        """
        del path, target
        if name == "numpy":
            _keep_within_addresses()
            end_during_long_calls()


def _keep_within_addresses() -> None:
    """Check that there is enough address space for NumPy, and limit the process's use of it if it is scarce."""
    from rnncli.system.memory import address_space

    left = address_space("/")
    if left is None or left > NEEDED + _EACH_THREAD * (os.cpu_count() or 1):
        return
    if left < NEEDED:
        needed, short, room = (f"{size / (1 << 20):.1f} MB" for size in (NEEDED, NEEDED - left, left))
        raise RnncliError(
            f"NumPy would need {needed} of memory, {short} more than the {room} that `ulimit -v` leaves",
            "`rnncli summary` computes sizes without NumPy",
        )
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with suppress(ImportError, OSError, AttributeError):  # another C library, or too little memory even for this
        from ctypes import CDLL

        CDLL(None).mallopt(_ARENA_MAX, 1)

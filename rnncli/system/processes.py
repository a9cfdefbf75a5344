"""Python programs that run in a separate process, and how they ended."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from rnncli.immutable import NamedTuple


class Ended(NamedTuple):
    """A process that has ended.

    Attributes:
        status: its exit status; negative if it was ended by a signal.
        output: its standard output.
    """

    status: int
    output: bytes

    @property
    def words(self) -> str:
        """A description of how it ended."""
        match _SIGNALS.get(-self.status):
            case "SIGPROF":
                return "did not finish"
            case "SIGKILL":
                return "was killed, perhaps for using too much memory"
            case str(name):
                return f"crashed ({name})"
        return f"ended with status {self.status}"


_SIGNALS = {int(number): number.name for number in signal.Signals}


def run_isolated(
    program: str, argument: str, given: bytes, environment: Mapping[str, str], patience: float
) -> Ended | None:
    """Run a program by `python -I`, and return how it ended; None if the system cannot start processes.

    Args:
        program: its source.
        argument: its `sys.argv[1]`.
        given: its standard input.
        environment: variables to add to its environment.
        patience: the time limit in seconds.

    Raises:
        TimeoutError: it did not end in time.
    """
    line = [sys.executable, "-I", "-c", program, argument]
    try:
        done = subprocess.run(
            line, input=given, capture_output=True, timeout=patience, check=False, env=os.environ | environment
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return None
    return Ended(done.returncode, done.stdout)

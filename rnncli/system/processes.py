"""A program of Python that is run in a process of its own, and how it ended."""

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
        status: its exit status; that of a signal is negative.
        output: what it wrote on standard output.
    """

    status: int
    output: bytes

    @property
    def words(self) -> str:
        """How it ended."""
        match _SIGNALS.get(-self.status):
            case "SIGPROF":
                return "came to no end"
            case "SIGKILL":
                return "was killed, perhaps for its memory"
            case str(name):
                return f"crashed ({name})"
        return f"ended with status {self.status}"


_SIGNALS = {int(number): number.name for number in signal.Signals}


def run_isolated(
    program: str, argument: str, given: bytes, environment: Mapping[str, str], patience: float
) -> Ended | None:
    """Run a program by `python -I`, and return how it ended; None where the system starts no processes.

    Args:
        program: its text.
        argument: what it finds in `sys.argv[1]`.
        given: its standard input.
        environment: what is added to the environment.
        patience: seconds until it is given up.

    Raises:
        TimeoutError: it has not ended by then.
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

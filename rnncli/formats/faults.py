"""What is said of files that cannot be read, whatever Python's libraries make of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from rnncli.errors import RnncliError, UsageError

AGAIN = "save it again, or copy it again from where it came"
"""What mends a damaged file."""


class NamedError(RnncliError):
    """An error that begins with the name of the file already."""


class OpenNumbersError(UsageError):
    """A source leaves numbers open that its layers need.

    Attributes:
        names: each as the source writes it, `hidden` or `len(vocab)`, in order.
    """

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message, f"say {'it' if len(names) == 1 else 'each of them'} with --set")
        self.names = names


Settings = Mapping[str, int | float | str]
"""The numbers and words that a source leaves open, by their names or expressions as they are written."""

NO_SETTINGS: Settings = MappingProxyType({})


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Put what is read, a path or an array, in front of an error that is raised in the block.

    What a library raises for a file that is damaged is turned into an error where the library is called. Any other
    exception is a mistake of this program, and comes through.

    Raises:
        RnncliError: it cannot be read, or the block says what is wrong with it.
    """
    try:
        yield
    except NamedError:
        raise
    except OpenNumbersError as error:
        raise OpenNumbersError(f"{what}: {error.message}", error.names) from None
    except RnncliError as error:
        raise RnncliError(f"{what}: {error.message}", error.advice) from None
    except OSError as error:
        raise RnncliError(f"{what} cannot be read: {error.strerror or error}") from None


def check_holds_something(path: str) -> None:
    """Check that a file is not empty; of a pipe that is not known before it is read.

    Raises:
        OSError: there is no such file.
        RnncliError: it is empty.
    """
    found = os.stat(path)
    if stat.S_ISREG(found.st_mode) and not found.st_size:
        raise RnncliError("it is empty", AGAIN)

"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import IO

from rnncli.immutable import NamedTuple
from rnncli.quantities import memory
from rnncli.system.descriptors import copy_owner_and_mode, held, opened_to_append
from rnncli.system.places import Place, check_place, place_of, reporting_errors
from rnncli.system.signals import undone_by_signals


class WrittenFile(NamedTuple):
    """A file that has been written.

        >>> str(WrittenFile("y.npy", 384, "(4, 16)"))
        'wrote y.npy (4, 16), 384 B'

    Attributes:
        path: its path.
        size: its size in bytes.
        content: a short description of its content, unless its name is enough.
    """

    path: str
    size: int
    content: str = ""

    def __str__(self) -> str:
        return f"wrote {self.path}{self.content and ' '}{self.content}, {memory(self.size)}"


@contextmanager
def written_whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file for writing that gets its name only when the block ends without an error.

    If the path is not a regular file (a pipe, a device, /dev/stdout), it is written to at the end.

    Raises:
        RnncliError: the file cannot be written.
    """
    with reporting_errors(path):
        place = place_of(path)
        check_place(place)
        with _written_at_the_end(place) if place.in_place else _replaced(place) as file:
            yield file


def write_files(contents: Mapping[str, str | bytes]) -> tuple[WrittenFile, ...]:
    """Write files by path: all of them completely or, with an RnncliError, none."""
    written = []
    with ExitStack() as stack:
        for path, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            file = stack.enter_context(written_whole(path))
            file.write(data)
            file.flush()
            written.append(WrittenFile(path, len(data)))
    return tuple(written)


@contextmanager
def _written_at_the_end(place: Place) -> Iterator[IO[bytes]]:
    from shutil import copyfileobj
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        yield file
        file.seek(0)
        with os.fdopen(_opened(place), "wb") as final:
            copyfileobj(file, final)


def _opened(place: Place) -> int:
    if place.descriptor is None:
        return opened_to_append(place.path)
    if sys.stdout is not None:
        sys.stdout.flush()  # keeps the order of the output
    # Duplicated, because opening it again would start at the beginning of the file.
    return os.dup(place.descriptor)


@contextmanager
def _replaced(place: Place) -> Iterator[IO[bytes]]:
    # An unpredictable name, for a file that must not exist yet.
    name = f".rnncli-{os.urandom(8).hex()}.partial"
    with held(place.folder) as folder, undone_by_signals(lambda: folder.remove(name)):
        try:
            # A file that replaces a private file is private from the start.
            with os.fdopen(folder.new(name, 0o666 if place.found is None else 0o600), "w+b") as file:
                yield file
                file.flush()
                if place.found is not None:
                    copy_owner_and_mode(file.fileno(), place.found)
                os.fsync(file.fileno())
            folder.rename(name, place.name)
        except BaseException:
            folder.remove(name)
            raise

"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rnncli.errors import RnncliError


@contextlib.contextmanager
def written_whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes its name only when the block ends without an error.

    A name that is no regular file (/dev/stdout, a pipe) is written to at the end.

    Raises:
        RnncliError: it cannot be written.
    """
    target = Path(path)
    try:
        special = target.exists() and not stat.S_ISREG(target.stat().st_mode)
        if not special:
            target = target.resolve()  # what a symbolic link points to is replaced, not the link
        if target.is_dir():
            raise IsADirectoryError("it is a directory")
        # No mkstemp where the file will stay: it would make it private, against the umask.
        temporary = (
            Path(tempfile.mkstemp()[1]) if special else target.with_name(f".{target.name}.{os.getpid()}.partial")
        )
        try:
            with temporary.open("w+b") as file:
                yield file
                if special:
                    file.seek(0)
                    with target.open("wb") as final:
                        shutil.copyfileobj(file, final)
                else:
                    file.flush()
                    os.fsync(file.fileno())
            if not special:
                temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise RnncliError(f"{path} cannot be written: {error.strerror or error}") from None

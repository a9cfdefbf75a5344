"""Access to the operating system: signals, streams, memory, processes, and places for files.

Features that some systems lack (Windows, a browser) are only used in this room, each with a fallback.

This file reads the texts that come with the package.
"""

from __future__ import annotations

import os


def package_text(path: str) -> str:
    """Return a text file of the package, given its path in there: `pages/spec.md`; the package may be in an archive."""
    package = os.path.dirname(os.path.dirname(__file__))
    file = os.path.join(package, *path.split("/"))
    data: bytes = __loader__.get_data(file)  # type: ignore[name-defined]  # every module that is imported has one
    return data.decode().replace("\r\n", "\n")

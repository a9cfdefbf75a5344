"""Access to the operating system: signals, streams, memory, processes, and places for files.

Features that some systems lack (Windows, a browser) are only used in this room, each with a fallback.

This file reads the texts that come with the package.
"""

from __future__ import annotations


def package_text(path: str) -> str:
    """Return a text file of the package, given its path in there: `pages/spec.md`."""
    from pkgutil import get_data  # most runs read none

    return (get_data("rnncli", path) or b"").decode().replace("\r\n", "\n")

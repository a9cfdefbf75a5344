"""The versions of rnncli's environment, for bug reports."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from os.path import dirname

LIBRARIES = ("click", "numpy", "rich", "h5py")


def versions() -> Iterator[str]:
    """Yield rnncli's path, and the versions of Python, the system and the libraries, without importing them."""
    yield dirname(dirname(__file__))
    yield f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}, {sys.executable}"
    yield ", ".join(map(_library, LIBRARIES))


def _library(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"

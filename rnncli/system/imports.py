"""Names that a package imports when somebody asks for them (PEP 562)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def imported(package: dict[str, Any], later: Mapping[str, str], name: str) -> object:
    """Import a name of a package, and keep it there.

    Args:
        package: the names that the package has already.
        later: those that it imports when they are asked for, and the module that has each.
        name: the one that is asked for.

    Raises:
        AttributeError: the package has no such name.
    """
    if name not in later:
        raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
    value: object = getattr(import_module(later[name]), name)
    package[name] = value
    return value

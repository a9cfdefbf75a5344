"""Names that a package imports when somebody asks for them (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MethodType
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


class Later:
    """A method that a class has of a function which stands floors above, and is imported when it is asked for.

    Args:
        module: where the function is.
        name: its name. What it is a method of is its first argument.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(import_module(self._module), self._name)
        return function if instance is None else MethodType(function, instance)

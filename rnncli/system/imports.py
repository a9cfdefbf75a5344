"""Methods whose functions are imported when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import MethodType
from typing import Any


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

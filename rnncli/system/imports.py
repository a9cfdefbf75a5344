"""Methods whose functions are imported on first use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import MethodType
from typing import Any


class Later:
    """A method implemented by a function in a higher-level module, which is imported when the method is used.

    Args:
        module: the function's module.
        name: the function's name. Its first argument is the instance.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(import_module(self._module), self._name)
        return function if instance is None else MethodType(function, instance)

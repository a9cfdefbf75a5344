"""What a Python source defines: functions, classes and their objects, and the names in scope."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rnncli.formats.python.values import Named, Unknown, Value

MAX_LINE = 100
"""The most classes that are looked at for what a class derives from."""


@dataclass
class Scope:
    """Names and their values, and the scope around it."""

    values: dict[str, Value] = field(default_factory=dict)
    around: Scope | None = None

    def get(self, name: str) -> Value | None:
        """Return the value of a name, or None if it has none."""
        scope = self._holder(name)
        return None if scope is None else scope.values[name]

    def has(self, name: str) -> bool:
        """Whether the name has a value, None included."""
        return self._holder(name) is not None

    def _holder(self, name: str) -> Scope | None:
        """Return the nearest scope that has the name."""
        scope: Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.around
        return scope


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the file."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    cls: Class | None = None
    owner: Instance | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return getattr(self.node, "name", "lambda")

    def bound_to(self, owner: Instance) -> Function:
        """Return it as a method of an object."""
        return replace(self, owner=owner)


@dataclass(frozen=True, eq=False)
class Class:
    """A class of the file.

    Attributes:
        node: its definition.
        scope: its attributes and methods.
        bases: what it derives from.
    """

    node: ast.ClassDef
    scope: Scope
    bases: tuple[Value, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    def get(self, name: str) -> Value | None:
        """Return an attribute or a method, that of the nearest class that has it; None if none has."""
        for each in self._line():
            if isinstance(each, Class) and name in each.scope.values:
                return each.scope.values[name]
        return None

    def roots(self) -> list[Named]:
        """Return the imported classes that it derives from."""
        return [each for each in self._line() if isinstance(each, Named)]

    def _line(self) -> Iterator[Value]:
        """Yield the class and what it derives from, the nearest first."""
        waiting: list[Value] = [self]
        for _ in range(MAX_LINE):
            if not waiting:
                return
            each = waiting.pop(0)
            yield each
            if isinstance(each, Class):
                waiting += each.bases


@dataclass(eq=False)
class Instance:
    """An object of a class of the file.

    Attributes:
        cls: the class.
        doubts: how many doubtful blocks stood around its making.
        values: its attributes.
        doubtful: why what was put into it is not known, if that is so.
        variables: the variables that it is bound to.
    """

    cls: Class
    doubts: int = 0
    values: dict[str, Value] = field(default_factory=dict)
    doubtful: Unknown | None = None
    variables: list[str] = field(default_factory=list)

"""What the assignments of a Python source give values to: names, attributes, items, and several at once."""

from __future__ import annotations

import ast

from rnncli.formats.python.definitions import Class, Instance, Scope
from rnncli.formats.python.expressions import Expressions, Maker
from rnncli.formats.python.values import PLAIN, Many, Thing, Unknown, Value, not_known


class Assignments(Expressions):
    """Gives values to the targets of assignments.

    Args:
        make: makes the objects of the frameworks.

    Attributes:
        doubts: why it is not known whether the block at hand is taken, one for each such block.
        function: the function or class at hand; empty in the module itself.
    """

    def __init__(self, make: Maker) -> None:
        super().__init__(make)
        self.function = ""

    def _bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        match target:
            case ast.Name(id=name):
                scope.values[name] = value
                self._bound(value, name)
            case ast.Attribute(value=owner, attr=name):
                instance = self.value(owner, scope)
                if isinstance(instance, Instance):
                    in_doubt = len(self.doubts) > instance.doubts
                    if isinstance(value, Thing | Unknown) and in_doubt:
                        instance.doubtful = self.doubts[-1] if _is_thing(value) else instance.doubtful
                    elif in_doubt:
                        value = self.doubts[-1]
                    instance.values[name] = value
                    self._bound(value, name)
                elif isinstance(instance, Class):
                    instance.scope.values[name] = self.doubts[-1] if self.doubts else value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                parts = _parts(value, targets)
                for each, part in zip(targets, parts, strict=False):
                    self._bind(each.value if isinstance(each, ast.Starred) else each, part, scope)
            case ast.Subscript(value=owner, slice=index):
                held, key = self.value(owner, scope), self.value(index, scope)
                if isinstance(held, dict) and isinstance(key, PLAIN):
                    held[key] = self.doubts[-1] if self.doubts else value
                elif isinstance(held, Many):
                    held.doubtful = not_known(target)

    def _bound(self, value: Value, name: str) -> None:
        if isinstance(value, Thing):
            value.bound(name, self.function)
        elif isinstance(value, Unknown):
            for each in value.maybe:
                each.bound(name, self.function)
        elif isinstance(value, Instance):
            value.variables.append(name)


def read_of(target: ast.expr) -> ast.expr:
    """Return the expression that reads what a target assigns."""
    match target:
        case ast.Name(id=name):
            return ast.copy_location(ast.Name(name, ast.Load()), target)
        case ast.Attribute(value=value, attr=name):
            return ast.copy_location(ast.Attribute(value, name, ast.Load()), target)
        case _:
            return ast.copy_location(ast.Constant(None), target)


def _parts(value: Value, targets: list[ast.expr]) -> list[Value]:
    """Return what an assignment to several names gives each of them."""
    count = len(targets)
    starred = any(isinstance(each, ast.Starred) for each in targets)
    if isinstance(value, list | tuple) and len(value) == count and not starred:
        return list(value)
    parts = value.unpacked(count) if isinstance(value, Thing) else None
    if parts is not None:
        return parts
    return [value if isinstance(value, Unknown) else Unknown("it is computed when the program runs")] * count


def _is_thing(value: Value) -> bool:
    return isinstance(value, Thing) or (isinstance(value, Unknown) and bool(value.maybe or value.made_by))

"""The values of the expressions of a Python source, as far as it says them. Nothing of it is run."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable

from rnncli.formats.python.builtins import items_of
from rnncli.formats.python.definitions import Class, Function, Instance, Scope
from rnncli.formats.python.operators import MAX_TEXT, compared, computed, truth_of
from rnncli.formats.python.values import PLAIN, Given, Many, Named, Thing, Unknown, Value, not_known, source_of

MAX_ROUNDS = 100
"""The most rounds of a loop that are followed one by one."""

MAX_ALL_ROUNDS = 2000
"""The most rounds of all loops."""

Maker = Callable[[Named, Given], Value]
"""Returns what a call of an imported name makes, or None if it is none of the framework's."""


class Expressions(ABC):
    """Finds the values of expressions.

    Args:
        make: makes the objects of the frameworks.

    Attributes:
        doubts: why it is not known whether the block at hand is taken, one for each such block.
    """

    def __init__(self, make: Maker) -> None:
        self._make = make
        self.doubts: list[Unknown] = []
        self._rounds = 0

    @abstractmethod
    def _step(self) -> None:
        """Count a step."""

    @abstractmethod
    def _bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target a value."""

    @abstractmethod
    def _call(self, node: ast.Call, scope: Scope) -> Value:
        """Return what a call returns or makes."""

    def _rounds_of(self, items: list[Value] | None) -> list[Value] | None:
        """Return what a loop takes round by round, or None if that is not known or too much."""
        if items is None or len(items) > MAX_ROUNDS or self._rounds + len(items) > MAX_ALL_ROUNDS:
            return None
        self._rounds += len(items)
        return items

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of an expression."""
        self._step()
        match node:
            case ast.Constant(value=value):
                return value if isinstance(value, PLAIN) else Unknown(f"{source_of(node)} is no number")
            case ast.Name(id=name):
                return _known(scope.get(name)) if scope.has(name) else Named((name,))
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(self.value(owner, scope), name, node)
            case ast.Call():
                return self._call(node, scope)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                return self._elements(elements, scope)
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, scope)
            case ast.BinOp(left=left, op=kind, right=right):
                return self._computed(kind, self.value(left, scope), self.value(right, scope), node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                number = self.value(operand, scope)
                return -number if isinstance(number, int | float) else not_known(node, number)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                holds = truth_of(self.value(operand, scope))
                return not_known(node) if holds is None else not holds
            case ast.BoolOp(op=kind, values=values):
                return self._either(isinstance(kind, ast.Or), values, scope, node)
            case ast.Compare(left=left, ops=[kind], comparators=[right]):
                holds = compared(kind, self.value(left, scope), self.value(right, scope))
                return not_known(node) if holds is None else holds
            case ast.IfExp(test=test, body=body, orelse=orelse):
                holds = truth_of(self.value(test, scope))
                if holds is None:
                    return not_known(node)
                return self.value(body if holds else orelse, scope)
            case ast.Subscript(value=owner, slice=index):
                return self._item(self.value(owner, scope), index, scope, node)
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehension(node, scope)
            case ast.Lambda():
                return Function(node, scope)
            case ast.JoinedStr(values=pieces):
                return self._text(pieces, scope, node)
            case ast.NamedExpr(target=target, value=value):
                made = self.value(value, scope)
                self._bind(target, made, scope)
                return made
            case ast.Starred(value=value) | ast.Await(value=value):
                return self.value(value, scope)
            case _:
                return not_known(node)

    def _text(self, pieces: list[ast.expr], scope: Scope, node: ast.AST) -> Value:
        """Return what an f-string makes of values that are known."""
        text = ""
        for each in pieces:
            value = self.value(each.value, scope) if isinstance(each, ast.FormattedValue) else self.value(each, scope)
            formatted = isinstance(each, ast.FormattedValue) and (each.format_spec is not None or each.conversion != -1)
            if formatted or not isinstance(value, int | str) or len(text) > MAX_TEXT:
                return not_known(node, value)
            text += str(value)
        return text

    def _computed(self, kind: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        value = computed(kind, left, right)
        if value is not None:
            return value
        given = Given([left, right], {}, node)
        tensor = self._make(Named(("operator", type(kind).__name__.lower())), given)
        return not_known(node, left if isinstance(left, Unknown) else right) if tensor is None else tensor

    def _attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        match owner:
            case Named(path=path):
                return Named((*path, name))
            case Thing():
                return owner.attribute(name, Given([], {}, node))
            case Instance():
                if name in owner.values:
                    return _known(owner.values[name])
                found = owner.cls.get(name)
                if isinstance(found, Function):
                    return found.bound_to(owner)
                return not_known(node) if found is None else found
            case Class():
                found = owner.get(name)
                return not_known(node) if found is None else _known(found)
            case Unknown():
                return owner
            case _:
                return not_known(node)

    def _elements(self, elements: list[ast.expr], scope: Scope) -> Value:
        values = Many()
        values.doubts = len(self.doubts)
        for each in elements:
            value = self.value(each, scope)
            if not isinstance(each, ast.Starred):
                values.append(value)
                continue
            items = items_of(value)
            if items is None:
                return not_known(each, value)
            values += items
        return values

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr], scope: Scope) -> Value:
        made: dict[Value, Value] = {}
        for key, each in zip(keys, values, strict=True):
            value = self.value(each, scope)
            if key is None:
                made |= value if isinstance(value, dict) else {}
                continue
            word = self.value(key, scope)
            if isinstance(word, PLAIN):
                made[word] = value
        return made

    def _either(self, either: bool, values: list[ast.expr], scope: Scope, node: ast.AST) -> Value:
        """Return what `or`, or else `and`, makes of some values."""
        value: Value = None
        for each in values:
            value = self.value(each, scope)
            holds = truth_of(value)
            if holds is None:
                return not_known(node, value)
            if holds == either:
                return value
        return value

    def _item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.Subscript) -> Value:
        if isinstance(owner, Thing):
            key = None if isinstance(index, ast.Slice | ast.Tuple) else self.value(index, scope)
            return owner.item(key, Given([], {}, node))
        if isinstance(index, ast.Slice):
            bounds = [None if each is None else self.value(each, scope) for each in (index.lower, index.upper)]
            whole = all(each is None or type(each) is int for each in bounds) and index.step is None
            return owner[slice(*bounds)] if isinstance(owner, list) and whole else not_known(node, owner)
        key = self.value(index, scope)
        try:
            if isinstance(owner, list | tuple | str) and type(key) is int:
                return owner[key]
            if isinstance(owner, dict) and isinstance(key, PLAIN):
                return owner[key]
        except (LookupError, TypeError):
            pass
        return not_known(node, owner if isinstance(owner, Unknown) else key)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Value:
        match node.generators:
            case [ast.comprehension(target=target, iter=source, ifs=[])]:
                items = self._rounds_of(items_of(self.value(source, scope)))
            case _:
                items = None
        if items is None:
            return not_known(node)
        made = []
        for item in items:
            inside = Scope({}, scope)
            self._bind(target, item, inside)
            made.append(self.value(node.elt, inside))
        return made


def _known(value: Value) -> Value:
    """Return a value, or for a list that may have been changed that it is not known."""
    return value.doubtful if isinstance(value, Many) and value.doubtful is not None else value

"""The values of the expressions of a Python source, as far as it says them. Nothing of it is run."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from rnncli.errors import shorten
from rnncli.formats.python.builtins import BUILTINS, MAX_ITEMS
from rnncli.formats.python.values import (
    MAX_TEXT,
    PLAIN,
    Class,
    Function,
    Given,
    Instance,
    Many,
    Named,
    Scope,
    Thing,
    Unknown,
    Value,
    compared,
    computed,
    source_of,
)

MAX_ROUNDS = 100
"""The most rounds of a loop that are followed one by one."""

MAX_ALL_ROUNDS = 2000
"""The most rounds of all loops."""

Maker = Callable[[Named, Given], Value]
"""Returns what a call of an imported name makes, or None if it is none of the framework's."""


class Super(NamedTuple):
    """What super() is in a method."""

    owner: Instance
    cls: Class


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
    def _call_function(self, function: Function, given: Given) -> Value:
        """Return what a call of a function of the file returns."""

    @abstractmethod
    def _instantiate(self, cls: Class, given: Given) -> Instance:
        """Return the object that a call of a class of the file makes."""

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
                found = scope.get(name)
                if found is not None or _is_bound(scope, name):
                    return _known(found)
                return Named((name,))
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
                return -number if isinstance(number, int | float) else self._unknown(node, number)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                holds = self._truth(self.value(operand, scope))
                return self._unknown(node) if holds is None else not holds
            case ast.BoolOp(op=kind, values=values):
                return self._either(isinstance(kind, ast.Or), values, scope, node)
            case ast.Compare(left=left, ops=[kind], comparators=[right]):
                holds = compared(kind, self.value(left, scope), self.value(right, scope))
                return self._unknown(node) if holds is None else holds
            case ast.IfExp(test=test, body=body, orelse=orelse):
                holds = self._truth(self.value(test, scope))
                if holds is None:
                    return self._unknown(node)
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
                return self._unknown(node)

    def _text(self, pieces: list[ast.expr], scope: Scope, node: ast.AST) -> Value:
        """Return what an f-string makes of values that are known."""
        text = ""
        for each in pieces:
            value = self.value(each.value, scope) if isinstance(each, ast.FormattedValue) else self.value(each, scope)
            formatted = isinstance(each, ast.FormattedValue) and (each.format_spec is not None or each.conversion != -1)
            if formatted or not isinstance(value, int | str) or len(text) > MAX_TEXT:
                return self._unknown(node, value)
            text += str(value)
        return text

    def _unknown(self, node: ast.AST, cause: Value = None) -> Unknown:
        """Return that an expression is not known: for the reason of a part of it, or because only a run computes it."""
        if isinstance(cause, Unknown):
            return cause
        return Unknown(f"{shorten(source_of(node))} is computed when the program runs")

    def _computed(self, kind: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        value = computed(kind, left, right)
        if value is not None:
            return value
        given = self._given_of(node, [left, right])
        tensor = self._make(Named(("operator", type(kind).__name__.lower())), given)
        return self._unknown(node, left if isinstance(left, Unknown) else right) if tensor is None else tensor

    def _attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        match owner:
            case Named(path=path):
                return Named((*path, name))
            case Thing():
                return owner.attribute(name, self._given_of(node, []))
            case Instance():
                if name in owner.values:
                    return _known(owner.values[name])
                found = owner.cls.get(name)
                if isinstance(found, Function):
                    return bound_to(found, owner)
                return self._unknown(node) if found is None else found
            case Class():
                found = owner.get(name)
                return self._unknown(node) if found is None else _known(found)
            case Unknown():
                return owner
            case _:
                return self._unknown(node)

    def _elements(self, elements: list[ast.expr], scope: Scope) -> Value:
        values = Many()
        values.doubts = len(self.doubts)
        for each in elements:
            value = self.value(each, scope)
            if not isinstance(each, ast.Starred):
                values.append(value)
                continue
            items = self._items(value)
            if items is None:
                return self._unknown(each, value)
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
            holds = self._truth(value)
            if holds is None:
                return self._unknown(node, value)
            if holds == either:
                return value
        return value

    def _truth(self, value: Value) -> bool | None:
        """Return whether a value counts as true, or None if that is not known."""
        if isinstance(value, (*PLAIN, list, tuple, dict)):
            return bool(value)
        return True if isinstance(value, Thing | Function | Class | Instance) else None

    def _item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.Subscript) -> Value:
        if isinstance(owner, Thing):
            key = None if isinstance(index, ast.Slice | ast.Tuple) else self.value(index, scope)
            return owner.item(key, self._given_of(node, []))
        if isinstance(index, ast.Slice):
            bounds = [None if each is None else self.value(each, scope) for each in (index.lower, index.upper)]
            whole = all(each is None or type(each) is int for each in bounds) and index.step is None
            return owner[slice(*bounds)] if isinstance(owner, list) and whole else self._unknown(node, owner)
        key = self.value(index, scope)
        try:
            if isinstance(owner, list | tuple | str) and type(key) is int:
                return owner[key]
            if isinstance(owner, dict) and isinstance(key, PLAIN):
                return owner[key]
        except (LookupError, TypeError):
            pass
        return self._unknown(node, owner if isinstance(owner, Unknown) else key)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Value:
        match node.generators:
            case [ast.comprehension(target=target, iter=source, ifs=[])]:
                items = self._rounds_of(self._items(self.value(source, scope)))
            case _:
                items = None
        if items is None:
            return self._unknown(node)
        made = []
        for item in items:
            inside = Scope({}, scope)
            self._bind(target, item, inside)
            made.append(self.value(node.elt, inside))
        return made

    def _items(self, value: Value) -> list[Value] | None:
        """Return what a loop over a value takes, or None if that is not known."""
        if isinstance(value, list | tuple | range | dict):
            return list(value) if len(value) <= MAX_ITEMS else None
        if isinstance(value, Thing):
            return value.unpacked(-1)
        return None

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        given = self._given(node, scope)
        if isinstance(node.func, ast.Attribute):
            owner, name = self.value(node.func.value, scope), node.func.attr
            if isinstance(owner, Thing):
                return owner.method(name, given)
            if isinstance(owner, list | dict):
                return self._method(owner, name, given, node)
            if isinstance(owner, Unknown):
                for each in owner.maybe if name in CHANGING else ():
                    each.doubt(owner, node.lineno)
            if isinstance(owner, Super):
                return self._call_super(owner, name, given)
            if isinstance(owner, Instance) and name == "add_module" and isinstance(given.get("name", 0), str):
                owner.values[given.get("name", 0)] = given.get("module", 1)
                return None
            called = self._attribute(owner, name, node.func)
        else:
            called = self.value(node.func, scope)
        return self._made(called, given, node)

    def _made(self, called: Value, given: Given, node: ast.Call) -> Value:
        """Return what a call of a value makes."""
        match called:
            case Function():
                return self._call_function(called, given)
            case Class():
                return self._instantiate(called, given)
            case Thing():
                return called.call(given)
            case Super():
                return called
            case Instance():
                own = called.cls.get("__call__")
                if isinstance(own, Function):
                    return self._call_function(bound_to(own, called), given)
                made = self._make(Named(("object", called.cls.name)), given)
                if made is not None:
                    return made
            case Named(path=("getattr",)):
                return self._named_attribute(given, node)
            case Named(path=("setattr",)) if isinstance(given.get("", 0), Instance):
                self._set_attribute(given, node)
                return None
            case Named(path=(name,) | ("collections", name)) if name in BUILTINS:
                made = BUILTINS[name](given.positional, given.named)
                if made is not None:
                    return made
            case Named():
                made = self._make(called, given)
                if made is not None:
                    return made
            case Unknown():
                tensor = self._make(Named(("unknown", shorten(source_of(node.func), 30))), given)
                return Unknown(called.why, called.advice, made_by="unknown") if tensor is None else tensor
        unknown = self._unknown(node)
        foreign = isinstance(called, Named) and len(called.path) > 1 and called.name[:1].isupper()
        things = tuple(each for each in given.positional if isinstance(each, Thing))
        return Unknown(unknown.why, unknown.advice, things, called.name if foreign else "")

    def _named_attribute(self, given: Given, node: ast.Call) -> Value:
        """Return what `getattr(owner, name)` is."""
        owner, name = given.get("", 0), given.get("", 1)
        return self._attribute(owner, name, node) if isinstance(name, str) else self._unknown(node, name)

    def _set_attribute(self, given: Given, node: ast.Call) -> None:
        """Give an attribute a value by its name; where the name is not known, the object is not."""
        instance, name, value = given.get("", 0), given.get("", 1), given.get("", 2)
        if isinstance(name, str) and len(self.doubts) <= instance.doubts:
            instance.values[name] = value
        elif isinstance(value, Thing):
            instance.doubtful = self._unknown(node, name)

    def _call_super(self, owner: Super, name: str, given: Given) -> Value:
        for base in owner.cls.bases:
            method = base.get(name) if isinstance(base, Class) else None
            if isinstance(method, Function):
                return self._call_function(bound_to(method, owner.owner), given)
        return None

    def _method(self, owner: list[Value] | dict[Value, Value], name: str, given: Given, node: ast.Call) -> Value:
        first = given.get("", 0)
        match owner, name:
            case list(), "append" if not self._is_doubtful(owner):
                owner.append(first)
                return None
            case list(), "extend" if not self._is_doubtful(owner) and self._items(first) is not None:
                owner.extend(self._items(first) or [])
                return None
            case Many(), _:
                if name in CHANGING:
                    owner.doubtful = self.doubts[-1] if self.doubts else self._unknown(node)
                return self._unknown(node)
            case dict(), "get" if isinstance(first, PLAIN):
                return owner.get(first, given.get("", 1))
            case dict(), "items":
                return [[key, value] for key, value in owner.items()]
            case dict(), "values":
                return list(owner.values())
            case dict(), "keys":
                return list(owner)
            case _:
                return self._unknown(node)

    def _is_doubtful(self, owner: list[Value]) -> bool:
        """Whether a list would be changed in a block that may not be taken, and that it is older than."""
        return len(self.doubts) > (owner.doubts if isinstance(owner, Many) else 0)

    def _given(self, node: ast.Call, scope: Scope) -> Given:
        positional: list[Value] = []
        unknown = None
        for each in node.args:
            value = self.value(each, scope)
            if isinstance(each, ast.Starred):
                items = self._items(value)
                unknown = self._unknown(each, value) if items is None else unknown
                positional += items or []
            else:
                positional.append(value)
        named: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named |= {key: each for key, each in value.items() if isinstance(key, str)}
            else:
                unknown = self._unknown(keyword.value, value)
        return Given(positional, named, node, unknown)

    def _given_of(self, node: ast.AST, values: list[Value]) -> Given:
        return Given(values, {}, node)


CHANGING = frozenset({"add", "append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort", "add_module"})
"""Methods that change a list or a model."""


def _known(value: Value) -> Value:
    """Return a value, or for a list that may have been changed that it is not known."""
    return value.doubtful if isinstance(value, Many) and value.doubtful is not None else value


def _is_bound(scope: Scope | None, name: str) -> bool:
    while scope is not None:
        if name in scope.values:
            return True
        scope = scope.around
    return False


def bound_to(function: Function, owner: Instance) -> Function:
    """Return a method of an object."""
    return Function(function.node, function.scope, function.cls, owner)

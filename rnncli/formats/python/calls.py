"""What the calls of a Python source return or make: its own functions and classes, the frameworks', and methods."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from rnncli.errors import shorten
from rnncli.formats.python.assignments import Assignments
from rnncli.formats.python.builtins import BUILTINS, items_of
from rnncli.formats.python.definitions import Class, Function, Instance, Scope
from rnncli.formats.python.expressions import Maker
from rnncli.formats.python.parameters import bind_parameters
from rnncli.formats.python.values import PLAIN, Given, Many, Named, Thing, Unknown, Value, not_known, source_of

MAX_CALLS = 2000
"""The most calls of functions that are followed."""

MAX_DEPTH = 15
"""How deep calls of functions are followed."""

CHANGING = frozenset({"add", "append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort", "add_module"})
"""Methods that change a list or a model."""


class Super(NamedTuple):
    """What super() is in a method."""

    owner: Instance
    cls: Class


class Calls(Assignments):
    """Finds what calls return.

    Args:
        make: makes the objects of the frameworks.

    Attributes:
        doubts: why it is not known whether the block at hand is taken, one for each such block.
        function: the function or class at hand; empty in the module itself.
        instances: the objects of the file's classes, in the order of their making.
    """

    def __init__(self, make: Maker) -> None:
        super().__init__(make)
        self.instances: list[Instance] = []
        self._calls = self._depth = 0
        self._called: set[ast.AST] = set()
        self._made_of: set[Class] = set()

    @abstractmethod
    def _body(self, body: Sequence[ast.stmt], scope: Scope) -> Value:
        """Return what the body of a function returns."""

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
                    return self._call_function(own.bound_to(called), given)
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
        unknown = not_known(node)
        foreign = isinstance(called, Named) and len(called.path) > 1 and called.name[:1].isupper()
        things = tuple(each for each in given.positional if isinstance(each, Thing))
        return Unknown(unknown.why, unknown.advice, things, called.name if foreign else "")

    def _named_attribute(self, given: Given, node: ast.Call) -> Value:
        """Return what `getattr(owner, name)` is."""
        owner, name = given.get("", 0), given.get("", 1)
        return self._attribute(owner, name, node) if isinstance(name, str) else not_known(node, name)

    def _set_attribute(self, given: Given, node: ast.Call) -> None:
        """Give an attribute a value by its name; where the name is not known, the object is not."""
        instance, name, value = given.get("", 0), given.get("", 1), given.get("", 2)
        if isinstance(name, str) and len(self.doubts) <= instance.doubts:
            instance.values[name] = value
        elif isinstance(value, Thing):
            instance.doubtful = not_known(node, name)

    def _call_super(self, owner: Super, name: str, given: Given) -> Value:
        for base in owner.cls.bases:
            method = base.get(name) if isinstance(base, Class) else None
            if isinstance(method, Function):
                return self._call_function(method.bound_to(owner.owner), given)
        return None

    def _method(self, owner: list[Value] | dict[Value, Value], name: str, given: Given, node: ast.Call) -> Value:
        first = given.get("", 0)
        match owner, name:
            case list(), "append" if not self._is_doubtful(owner):
                owner.append(first)
                return None
            case list(), "extend" if not self._is_doubtful(owner) and items_of(first) is not None:
                owner.extend(items_of(first) or [])
                return None
            case Many(), _:
                if name in CHANGING:
                    owner.doubtful = self.doubts[-1] if self.doubts else not_known(node)
                return not_known(node)
            case dict(), "get" if isinstance(first, PLAIN):
                return owner.get(first, given.get("", 1))
            case dict(), "items":
                return [[key, value] for key, value in owner.items()]
            case dict(), "values":
                return list(owner.values())
            case dict(), "keys":
                return list(owner)
            case _:
                return not_known(node)

    def _is_doubtful(self, owner: list[Value]) -> bool:
        """Whether a list would be changed in a block that may not be taken, and that it is older than."""
        return len(self.doubts) > (owner.doubts if isinstance(owner, Many) else 0)

    def _given(self, node: ast.Call, scope: Scope) -> Given:
        positional: list[Value] = []
        unknown = None
        for each in node.args:
            value = self.value(each, scope)
            if isinstance(each, ast.Starred):
                items = items_of(value)
                unknown = not_known(each, value) if items is None else unknown
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
                unknown = not_known(keyword.value, value)
        return Given(positional, named, node, unknown)

    def _call_function(self, function: Function, given: Given) -> Value:
        """Return what a call of a function of the file returns."""
        node = function.node
        self._called.add(node)
        self._calls += 1
        if self._depth >= MAX_DEPTH or self._calls > MAX_CALLS:
            return Unknown(f"calls of {function.name} stand too deep to be followed, or are too many")
        scope = Scope({}, function.scope)
        bind_parameters(function, given, scope, self.value)
        outer = self.function
        if not isinstance(node, ast.Lambda):
            self.function = function.cls.name if function.cls is not None else function.name
        self._depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, scope)
            if function.owner is not None and function.cls is not None:
                scope.values["super"] = Super(function.owner, function.cls)
            returned = self._body(node.body, scope)
        finally:
            self._depth -= 1
            self.function = outer
        return Unknown(f"{function.name} is a generator") if _yields(node) else returned

    def _instantiate(self, cls: Class, given: Given) -> Instance:
        """Return the object that a call of a class of the file makes."""
        instance = Instance(cls, len(self.doubts))
        self.instances.append(instance)
        self._made_of.add(cls)
        start = cls.get("__init__")
        if isinstance(start, Function):
            self._call_function(start.bound_to(instance), given)
        else:
            for name, value in given.named.items():  # a dataclass
                instance.values[name] = value
        return instance


def _yields(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))

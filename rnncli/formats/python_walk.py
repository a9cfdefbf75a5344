"""Follows the statements of a Python source as far as they make models. Nothing of it is run.

Modules, functions and loops of a known length are followed in the order in which Python would take them; a function
that nothing in the file calls is followed with the default values of its parameters. Where it is not known whether, or
how often, a block is taken, whatever it does to a model makes that model doubtful.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.python_names import recurrent_names, uses_recurrent
from rnncli.formats.python_values import (
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

MAX_STEPS = 100_000
"""The most statements and expressions that are followed."""

MAX_ROUNDS = 100
"""The most rounds of a loop that are followed one by one."""

MAX_ALL_ROUNDS = 2000
"""The most rounds of all loops."""

MAX_CALLS = 2000
"""The most calls of functions that are followed."""

MAX_DEPTH = 15
"""How deep calls of functions are followed."""

_MAIN = "__main__"


class _Returned(NamedTuple):
    """What a function returns."""

    value: Value


class _Super(NamedTuple):
    """What super() is in a method."""

    owner: Instance
    cls: Class


Maker = Callable[[Named, Given], Value]
"""Returns what a call of an imported name makes, or None if it is none of the framework's."""


class Walk:
    """Follows a file.

    Args:
        make: makes the objects of the frameworks.

    Attributes:
        stars: the modules of which all names are imported.
        instances: the objects of the file's classes, in the order of their making.
        doubts: why it is not known whether the block at hand is taken, one for each such block.
        function: the function or class at hand; empty in the module itself.
    """

    def __init__(self, make: Maker) -> None:
        self._make = make
        self.stars: list[tuple[str, ...]] = []
        self.instances: list[Instance] = []
        self.doubts: list[Unknown] = []
        self.function = ""
        self._uncertain: Unknown | None = None
        self._steps = self._rounds = self._calls = self._depth = 0
        self._called: set[ast.AST] = set()
        self._defined: list[Function] = []
        self._classes: list[Class] = []
        self._made_of: set[Class] = set()

    def follow(self, module: ast.Module) -> None:
        """Follow a whole file: the module, and then what can make something recurrent and nothing in it calls.

        Raises:
            RnncliError: it takes too many steps.
        """
        if not uses_recurrent(module):
            return
        self._run(module.body, Scope({"__name__": _MAIN}))
        recurrent = recurrent_names(module)
        called = {
            each.func.id if isinstance(each.func, ast.Name) else each.func.attr
            for each in ast.walk(module)
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name | ast.Attribute)
        }
        for wanted in (False, True):
            for function in list(self._defined):
                worth = function.name in recurrent and function.node not in self._called
                if worth and (function.name in called) == wanted:
                    self._call_function(function, Given([], {}, function.node))
            for cls in list(self._classes):
                worth = cls.name in recurrent and cls not in self._made_of
                if worth and (cls.name in called) == wanted:
                    self._instantiate(cls, Given([], {}, cls.node))
        for instance in list(self.instances):
            if instance.cls.roots() or instance.cls.name not in recurrent:
                continue  # the methods of a framework's own classes compute; they make no models
            for name, method in list(instance.cls.scope.values.items()):
                if isinstance(method, Function) and method.node not in self._called and not name.startswith("__"):
                    self._call_function(_bound(method, instance), Given([], {}, method.node))

    # Statements

    def _run(self, body: Sequence[ast.stmt], scope: Scope) -> _Returned | None:
        for statement in body:
            self._step()
            if isinstance(statement, ast.Raise):
                return _Returned(Unknown(f"an error is raised at line {statement.lineno}"))
            returned = self._statement(statement, scope)
            if returned is not None:
                return returned
        return None

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise RnncliError(f"it takes more than {MAX_STEPS:,} steps to follow what it makes", "keep models alone")

    def _statement(self, node: ast.stmt, scope: Scope) -> _Returned | None:
        match node:
            case ast.Expr(value=value):
                self.value(value, scope)
            case ast.Assign(targets=targets, value=value):
                made = self.value(value, scope)
                for target in targets:
                    self._bind(target, made, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, self.value(value, scope), scope)
            case ast.AugAssign(target=target, op=kind, value=value):
                old = self.value(_read(target), scope)
                self._bind(target, self._computed(kind, old, self.value(value, scope), node), scope)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope.values[node.name] = function = Function(node, scope)
                self._defined.append(function)
            case ast.ClassDef():
                self._define(node, scope)
            case ast.Return(value=value):
                return _Returned(None if value is None else self.value(value, scope))
            case ast.If(test=test, body=body, orelse=orelse):
                return self._if(test, body, orelse, scope, node)
            case ast.For() | ast.AsyncFor():
                return self._for(node, scope)
            case ast.While(body=body):
                return self._doubtful(body, scope, Unknown(f"the while at line {node.lineno} runs any number of times"))
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    made = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, made, scope)
                return self._run(body, scope)
            case (
                ast.Try(body=body, orelse=orelse, finalbody=final)
                | ast.TryStar(body=body, orelse=orelse, finalbody=final)
            ):
                return self._run([*body, *orelse, *final], scope)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                self._share(names, scope, node.lineno)
            case ast.Match(cases=cases):
                why = Unknown(f"which case of the match at line {node.lineno} is taken is not known")
                for case in cases:
                    self._doubtful(case.body, scope, why)
            case _:
                pass
        return None

    def _if(
        self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], scope: Scope, node: ast.stmt
    ) -> _Returned | None:
        holds = self._truth(self.value(test, scope))
        if holds is not None:
            return self._run(body if holds else orelse, scope)
        why = Unknown(
            f"whether {shorten(source_of(test))} holds (line {node.lineno}) is not known",
            "give what it depends on a default value",
        )
        first = self._doubtful(body, scope, why)
        second = self._doubtful(orelse, scope, why)
        return None if first is None or second is None else _Returned(_merged(why, first.value, second.value))

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> _Returned | None:
        items = self._items(self.value(node.iter, scope))
        leaves = any(isinstance(each, ast.Break | ast.Continue) for each in ast.walk(node))
        if leaves or items is None or len(items) > MAX_ROUNDS or self._rounds + len(items) > MAX_ALL_ROUNDS:
            why = Unknown(
                f"how often the loop over {shorten(source_of(node.iter))} runs (line {node.lineno}) is not known"
            )
            self._bind(node.target, why, scope)
            return self._doubtful(node.body, scope, why)
        self._rounds += len(items)
        for item in items:
            self._bind(node.target, item, scope)
            returned = self._run(node.body, scope)
            if returned is not None:
                return returned
        return self._run(node.orelse, scope)

    def _doubtful(self, body: Sequence[ast.stmt], scope: Scope, why: Unknown) -> _Returned | None:
        """Follow a block that may or may not be taken; what it gives a value to is not known behind it."""
        before = dict(scope.values)
        with self._doubt(why):
            returned = self._run(body, scope)
        for name, value in scope.values.items():
            old = before.get(name)
            if value is not old and not isinstance(value, Function | Class):
                scope.values[name] = _merged(why, value, old)
        if returned is not None:
            self._uncertain = _merged(why, returned.value, self._uncertain)
        return returned

    def _share(self, names: list[str], scope: Scope, line: int) -> None:
        """Forget the values of names that a function may give another value."""
        around = scope.around
        while around is not None:
            for name in names:
                if name in around.values:
                    around.values[name] = Unknown(f"{name} is given a value in a function (line {line})")
            around = around.around

    @contextmanager
    def _doubt(self, why: Unknown) -> Iterator[None]:
        self.doubts.append(why)
        try:
            yield
        finally:
            self.doubts.pop()

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
                parts = self._parts(value, targets)
                for each, part in zip(targets, parts, strict=False):
                    self._bind(each.value if isinstance(each, ast.Starred) else each, part, scope)
            case ast.Subscript(value=owner, slice=index):
                held, key = self.value(owner, scope), self.value(index, scope)
                if isinstance(held, dict) and isinstance(key, PLAIN):
                    held[key] = self.doubts[-1] if self.doubts else value
                elif isinstance(held, Many):
                    held.doubtful = self._unknown(target)

    def _bound(self, value: Value, name: str) -> None:
        if isinstance(value, Thing):
            value.bound(name, self.function)
        elif isinstance(value, Unknown):
            for each in value.maybe:
                each.bound(name, self.function)
        elif isinstance(value, Instance):
            value.variables.append(name)

    def _parts(self, value: Value, targets: list[ast.expr]) -> list[Value]:
        """Return what an assignment to several names gives each of them."""
        count = len(targets)
        starred = any(isinstance(each, ast.Starred) for each in targets)
        if isinstance(value, list | tuple) and len(value) == count and not starred:
            return list(value)
        parts = value.unpacked(count) if isinstance(value, Thing) else None
        if parts is not None:
            return parts
        return [value if isinstance(value, Unknown) else Unknown("it is computed when the program runs")] * count

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                path = tuple(alias.name.split("."))
                scope.values[alias.asname or path[0]] = Named(path if alias.asname else path[:1])
                continue
            module = ("." * node.level + (node.module or "")).split(".") if node.level else str(node.module).split(".")
            if alias.name == "*":
                self.stars.append(tuple(module))
            else:
                scope.values[alias.asname or alias.name] = Named((*module, alias.name))

    def _define(self, node: ast.ClassDef, scope: Scope) -> None:
        inside = Scope({}, scope)
        bases = tuple(self.value(base, scope) for base in node.bases)
        scope.values[node.name] = cls = Class(node, inside, bases)
        self._classes.append(cls)
        defined = len(self._defined)
        self._run(node.body, inside)
        # A method sees the names around its class, not those in it.
        for name, value in inside.values.items():
            if isinstance(value, Function) and value.cls is None:
                inside.values[name] = Function(value.node, scope, cls)
        del self._defined[defined:]

    # Functions and objects

    def _call_function(self, function: Function, given: Given) -> Value:
        node = function.node
        self._called.add(node)
        self._calls += 1
        if self._depth >= MAX_DEPTH or self._calls > MAX_CALLS:
            return Unknown(f"calls of {function.name} stand too deep to be followed, or are too many")
        scope = Scope({}, function.scope)
        self._bind_parameters(function, given, scope)
        outer, uncertain = self.function, self._uncertain
        self._uncertain = None
        if not isinstance(node, ast.Lambda):
            self.function = function.cls.name if function.cls is not None else function.name
        self._depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, scope)
            if function.owner is not None and function.cls is not None:
                scope.values["super"] = _Super(function.owner, function.cls)
            returned = self._body(node.body, scope)
        finally:
            self._depth -= 1
            self.function, self._uncertain = outer, uncertain
        if _yields(node):
            return Unknown(f"{function.name} is a generator")
        return None if returned is None else returned.value

    def _body(self, body: Sequence[ast.stmt], scope: Scope) -> _Returned | None:
        """Follow the body of a function; where it may return before its end, what it returns is not known."""
        returned = self._run(body, scope)
        early = self._uncertain
        if early is None:
            return returned
        return _Returned(_merged(early, early, None if returned is None else returned.value))

    def _bind_parameters(self, function: Function, given: Given, scope: Scope) -> None:
        arguments = function.node.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        static = any(
            isinstance(each, ast.Name) and each.id == "staticmethod"
            for each in getattr(function.node, "decorator_list", ())
        )
        if function.cls is not None and names and not static:
            scope.values[names.pop(0)] = function.owner if function.owner is not None else function.cls
        values = dict(zip(names, given.positional, strict=False))
        keywords = [each.arg for each in arguments.kwonlyargs]
        values |= {name: value for name, value in given.named.items() if name in (*names, *keywords)}
        defaults = dict(zip(reversed(names), reversed(arguments.defaults), strict=False))
        defaults |= {name: each for name, each in zip(keywords, arguments.kw_defaults, strict=True) if each is not None}
        owner = function.cls.name if function.cls is not None and function.name == "__init__" else function.name
        for name in (*names, *keywords):
            if name in values:
                scope.values[name] = values[name]
            elif given.unknown is not None:
                scope.values[name] = given.unknown
            elif name in defaults:
                scope.values[name] = self.value(defaults[name], function.scope)
            else:
                scope.values[name] = Unknown(
                    f"{name} is a parameter of {owner} without a default value",
                    f"give it a default value, such as {name}=128",
                )
        if arguments.vararg is not None:
            scope.values[arguments.vararg.arg] = list(given.positional[len(names) :])
        if arguments.kwarg is not None:
            scope.values[arguments.kwarg.arg] = {
                name: value for name, value in given.named.items() if name not in values
            }

    def _instantiate(self, cls: Class, given: Given) -> Instance:
        instance = Instance(cls, len(self.doubts))
        self.instances.append(instance)
        self._made_of.add(cls)
        start = cls.get("__init__")
        if isinstance(start, Function):
            self._call_function(_bound(start, instance), given)
        else:
            for name, value in given.named.items():  # a dataclass
                instance.values[name] = value
        return instance

    # Expressions

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
            case ast.NamedExpr(target=target, value=value):
                made = self.value(value, scope)
                self._bind(target, made, scope)
                return made
            case ast.Starred(value=value) | ast.Await(value=value):
                return self.value(value, scope)
            case _:
                return self._unknown(node)

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
                    return _bound(found, owner)
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
                items = self._items(self.value(source, scope))
            case _:
                items = None
        if items is None or len(items) > MAX_ROUNDS or self._rounds + len(items) > MAX_ALL_ROUNDS:
            return self._unknown(node)
        self._rounds += len(items)
        made = []
        for item in items:
            inside = Scope({}, scope)
            self._bind(target, item, inside)
            made.append(self.value(node.elt, inside))
        return made

    def _items(self, value: Value) -> list[Value] | None:
        """Return what a loop over a value takes, or None if that is not known."""
        if isinstance(value, list | tuple | range | dict):
            return list(value) if len(value) <= MAX_ALL_ROUNDS else None
        if isinstance(value, Thing):
            return value.unpacked(-1)
        return None

    # Calls

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        given = self._given(node, scope)
        if isinstance(node.func, ast.Attribute):
            owner, name = self.value(node.func.value, scope), node.func.attr
            if isinstance(owner, Thing):
                return owner.method(name, given)
            if isinstance(owner, list | dict):
                return self._method(owner, name, given, node)
            if isinstance(owner, Unknown):
                for each in owner.maybe if name in _CHANGING else ():
                    each.doubt(owner, node.lineno)
            if isinstance(owner, _Super):
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
            case _Super():
                return called
            case Instance():
                own = called.cls.get("__call__")
                if isinstance(own, Function):
                    return self._call_function(_bound(own, called), given)
                made = self._make(Named(("object", called.cls.name)), given)
                if made is not None:
                    return made
            case Named(path=("getattr",)):
                return self._named_attribute(given, node)
            case Named(path=(name,) | ("collections", name)) if name in _BUILTINS:
                made = _BUILTINS[name](given.positional, given.named)
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
        return Unknown(unknown.why, unknown.advice, made_by=called.name) if foreign else unknown

    def _named_attribute(self, given: Given, node: ast.Call) -> Value:
        """Return what `getattr(owner, name)` is."""
        owner, name = given.get("", 0), given.get("", 1)
        return self._attribute(owner, name, node) if isinstance(name, str) else self._unknown(node, name)

    def _call_super(self, owner: _Super, name: str, given: Given) -> Value:
        for base in owner.cls.bases:
            method = base.get(name) if isinstance(base, Class) else None
            if isinstance(method, Function):
                return self._call_function(_bound(method, owner.owner), given)
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
                if name in _CHANGING:
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


_CHANGING = frozenset({"add", "append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort", "add_module"})
"""Methods that change a list or a model."""


def _known(value: Value) -> Value:
    """Return a value, or for a list that may have been changed that it is not known."""
    return value.doubtful if isinstance(value, Many) and value.doubtful is not None else value


def _is_thing(value: Value) -> bool:
    return isinstance(value, Thing) or (isinstance(value, Unknown) and bool(value.maybe or value.made_by))


def _merged(why: Unknown, *values: Value) -> Unknown:
    """Return what is one of several values, it is not known which."""
    maybe: list[Thing] = []
    for each in values:
        maybe += [each] if isinstance(each, Thing) else each.maybe if isinstance(each, Unknown) else ()
    return Unknown(why.why, why.advice, tuple(dict.fromkeys(maybe))[:20])


def _bound(function: Function, owner: Instance) -> Function:
    return Function(function.node, function.scope, function.cls, owner)


def _is_bound(scope: Scope | None, name: str) -> bool:
    while scope is not None:
        if name in scope.values:
            return True
        scope = scope.around
    return False


def _read(target: ast.expr) -> ast.expr:
    """Return the expression that reads what a target assigns."""
    match target:
        case ast.Name(id=name):
            return ast.copy_location(ast.Name(name, ast.Load()), target)
        case ast.Attribute(value=value, attr=name):
            return ast.copy_location(ast.Attribute(value, name, ast.Load()), target)
        case _:
            return ast.copy_location(ast.Constant(None), target)


def _yields(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))


def _range(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    whole = 1 <= len(values) <= 3 and all(type(each) is int for each in values)
    return range(*values) if whole and values[2:] != [0] else None


def _number(kind: type[int] | type[float]) -> Callable[[list[Value], dict[str, Value]], Value]:
    def made(values: list[Value], named: dict[str, Value]) -> Value:
        del named
        try:
            return kind(values[0]) if len(values) == 1 and isinstance(values[0], int | float) else None
        except (OverflowError, ValueError):
            return None

    return made


def _length(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    return len(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple | dict | range | str) else None


def _extreme(take: Callable[..., Value]) -> Callable[[list[Value], dict[str, Value]], Value]:
    def made(values: list[Value], named: dict[str, Value]) -> Value:
        some = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        return take(some) if some and not named and all(isinstance(each, int | float) for each in some) else None

    return made


def _list(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    if not values:
        return []
    return list(values[0]) if isinstance(values[0], list | tuple | range) and len(values[0]) <= MAX_ALL_ROUNDS else None


def _dict_of(values: list[Value], named: dict[str, Value]) -> Value:
    match values:
        case []:
            return dict(named)
        case [dict(first)]:
            return {**first, **named}
        case [list(pairs)] if all(
            isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) for each in pairs
        ):
            return {**dict(pairs), **named}
        case _:
            return None


def _numbered(values: list[Value], named: dict[str, Value]) -> Value:
    items = _list(values[:1], {}) if values else None
    return None if items is None or named else [[number, item] for number, item in enumerate(items)]


def _zipped(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    rows = [_list([each], {}) for each in values]
    return None if None in rows or not rows else [list(each) for each in zip(*rows, strict=False)]


def _reversed(values: list[Value], named: dict[str, Value]) -> Value:
    items = _list(values, named) if values else None
    return None if items is None else items[::-1]


_BUILTINS: dict[str, Callable[[list[Value], dict[str, Value]], Value]] = {
    "range": _range,
    "int": _number(int),
    "float": _number(float),
    "len": _length,
    "max": _extreme(max),
    "min": _extreme(min),
    "list": _list,
    "tuple": _list,
    "dict": _dict_of,
    "OrderedDict": _dict_of,
    "enumerate": _numbered,
    "zip": _zipped,
    "reversed": _reversed,
}
"""Functions of Python whose values are known where those of their arguments are."""

"""Follows the statements of a Python source as far as they make models. Nothing of it is run.

Modules, functions and loops of a known length are followed in the order in which Python would take them; a function
that nothing in the file calls is followed with the default values of its parameters. Where it is not known whether, or
how often, a block is taken, whatever it does to a model makes that model doubtful.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.python.expressions import Expressions, Maker, Super, bound_to
from rnncli.formats.python.names import recurrent_names, uses_recurrent
from rnncli.formats.python.values import (
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
    source_of,
)

MAX_STEPS = 100_000
"""The most statements and expressions that are followed."""

MAX_CALLS = 2000
"""The most calls of functions that are followed."""

MAX_DEPTH = 15
"""How deep calls of functions are followed."""

_MAIN = "__main__"


class _Returned(NamedTuple):
    """What a function returns."""

    value: Value


class Walk(Expressions):
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
        super().__init__(make)
        self.stars: list[tuple[str, ...]] = []
        self.instances: list[Instance] = []
        self.function = ""
        self._uncertain: Unknown | None = None
        self._steps = self._calls = self._depth = 0
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
                    self._call_function(bound_to(method, instance), Given([], {}, method.node))

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
        items = None if leaves else self._rounds_of(items)
        if items is None:
            why = Unknown(
                f"how often the loop over {shorten(source_of(node.iter))} runs (line {node.lineno}) is not known"
            )
            self._bind(node.target, why, scope)
            return self._doubtful(node.body, scope, why)
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
                scope.values["super"] = Super(function.owner, function.cls)
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
            self._call_function(bound_to(start, instance), given)
        else:
            for name, value in given.named.items():  # a dataclass
                instance.values[name] = value
        return instance


def _is_thing(value: Value) -> bool:
    return isinstance(value, Thing) or (isinstance(value, Unknown) and bool(value.maybe or value.made_by))


def _merged(why: Unknown, *values: Value) -> Unknown:
    """Return what is one of several values, it is not known which."""
    maybe: list[Thing] = []
    for each in values:
        maybe += [each] if isinstance(each, Thing) else each.maybe if isinstance(each, Unknown) else ()
    return Unknown(why.why, why.advice, tuple(dict.fromkeys(maybe))[:20])


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

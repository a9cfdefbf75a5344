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
from rnncli.formats.python.assignments import read_of
from rnncli.formats.python.builtins import items_of
from rnncli.formats.python.calls import Calls
from rnncli.formats.python.definitions import Class, Function, Scope
from rnncli.formats.python.expressions import Maker
from rnncli.formats.python.names import recurrent_names, uses_recurrent
from rnncli.formats.python.operators import truth_of
from rnncli.formats.python.values import Given, Named, Thing, Unknown, Value, source_of

MAX_STEPS = 100_000
"""The most statements and expressions that are followed."""

_MAIN = "__main__"


class _Returned(NamedTuple):
    """What a function returns."""

    value: Value


class Walk(Calls):
    """Follows a file.

    Attributes:
        stars: the modules of which all names are imported.
    """

    def __init__(self, make: Maker) -> None:
        super().__init__(make)
        self.stars: list[tuple[str, ...]] = []
        self._uncertain: Unknown | None = None
        self._steps = 0
        self._defined: list[Function] = []
        self._classes: list[Class] = []

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
                    self._call_function(method.bound_to(instance), Given([], {}, method.node))

    def _body(self, body: Sequence[ast.stmt], scope: Scope) -> Value:
        """Follow the body of a function; where it may return before its end, what it returns is not known."""
        outer, self._uncertain = self._uncertain, None
        try:
            returned = self._run(body, scope)
            early = self._uncertain
        finally:
            self._uncertain = outer
        value = None if returned is None else returned.value
        return value if early is None else _merged(early, early, value)

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
                old = self.value(read_of(target), scope)
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
        holds = truth_of(self.value(test, scope))
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
        items = items_of(self.value(node.iter, scope))
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


def _merged(why: Unknown, *values: Value) -> Unknown:
    """Return what is one of several values, it is not known which."""
    maybe: list[Thing] = []
    for each in values:
        maybe += [each] if isinstance(each, Thing) else each.maybe if isinstance(each, Unknown) else ()
    return Unknown(why.why, why.advice, tuple(dict.fromkeys(maybe))[:20])

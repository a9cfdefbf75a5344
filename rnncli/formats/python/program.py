"""Follows the statements of a Python source: its modules, functions, classes and loops. Nothing of it is run.

Where it is not known which of several blocks is taken, all are followed, each from the same state; what they leave
otherwise is not known behind them.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rnncli.errors import shorten
from rnncli.formats.faults import Settings
from rnncli.formats.nodes import names
from rnncli.formats.python.evaluator import Evaluator
from rnncli.formats.python.objects import (
    MISSING,
    Class,
    Function,
    Given,
    Instance,
    Named,
    Open,
    Scope,
    Super,
    Unknown,
    Value,
    open_in,
    put,
    source_of,
)

MAX_CALLS = 10_000
"""The most calls of functions that are followed."""

MAX_DEPTH = 15
"""How deep calls of functions are followed."""

MAX_ROUNDS = 2_000
"""The most rounds of loops that are followed one by one."""

RECURRENT = names(
    "SimpleRNN LSTM GRU RNN Bidirectional CuDNNLSTM CuDNNGRU SimpleRNNCell LSTMCell GRUCell RNNCell StackedRNNCells"
)
"""The names of Keras's and PyTorch's classes that loop over time."""

MAX_LOOP = 50_000
"""The most steps that the rounds of a loop take one by one; of a longer one it is not followed how often it runs."""

_NO_BASES = names("object ABC Protocol Generic NamedTuple")
_RAISED = object()


class Returned(NamedTuple):
    """What a function returns."""

    value: Value


class Program(Evaluator, ABC):
    """Follows a file.

    Args:
        settings: values of names and of expressions as they are written.

    Attributes:
        stars: the modules of which all names are imported.
        function: the function or class at hand; empty in the module itself.
        instances: the objects of the file's classes, in the order of their making.
        recurrent: the names at the top of the file that can lead to something recurrent.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stars: list[tuple[str, ...]] = []
        self.function = ""
        self.instances: list[Instance] = []
        self.recurrent: frozenset[str] = frozenset()
        self._module = Scope({"__name__": "__main__"})
        self._functions: list[Function] = []
        self._classes: list[Class] = []
        self._called: set[ast.AST] = set()
        self._generators: dict[ast.AST, bool] = {}
        self._endless: dict[ast.AST, str] = {}
        self._made_of: set[Class] = set()
        self._calls = self._depth = self._rounds_taken = 0
        self._early: list[tuple[Value, Unknown]] = []

    def follow(self, module: ast.Module) -> None:
        """Follow a whole file: the module, and then what can make something recurrent and nothing in it calls.

        Raises:
            RnncliError: it takes too many steps.
        """
        recurrent = self.recurrent = _recurrent_names(module)
        if not recurrent:
            return
        self.run(module.body, self._module)
        called = {
            each.func.id if isinstance(each.func, ast.Name) else each.func.attr
            for each in ast.walk(module)
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name | ast.Attribute)
        }
        for wanted in (False, True):
            for function in list(self._functions):
                worth = function.name in recurrent and function.node not in self._called
                if worth and (function.name in called) == wanted:
                    self.invoke(function, Given([], {}, function.node))
            for cls in list(self._classes):
                worth = cls.name in recurrent and cls not in self._made_of
                if worth and (cls.name in called) == wanted:
                    self.instantiate(cls, Given([], {}, cls.node))
        for instance in list(self.instances):
            roots = {each.name for each in instance.cls.line() if isinstance(each, Named)} - _NO_BASES
            if roots or instance.cls.name not in recurrent:
                continue  # the methods of a framework's own classes compute; they make no models
            for name, method in list(instance.cls.scope.values.items()):
                if isinstance(method, Function) and method.node not in self._called and not name.startswith("__"):
                    self.invoke(method.bound_to(instance), Given([], {}, method.node))

    # Functions and classes

    def invoke(self, function: Function, given: Given) -> Value:
        """Return what a function returns; where it may return before its end, that is one of several."""
        node = function.node
        self._called.add(node)
        self._calls += 1
        if self._depth >= MAX_DEPTH or self._calls > MAX_CALLS:
            return Unknown(f"calls of {function.name} stand too deep to be followed, or are too many")
        if node not in self._generators:
            self._generators[node] = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
        if self._generators[node]:
            return Unknown(f"{function.name} is a generator")
        scope = Scope({}, function.scope)
        self._bind_parameters(function, given, scope)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, scope)
        outer = self.function, self._early
        self.function, self._early = function.cls.name if function.cls is not None else function.name, []
        self._depth += 1
        try:
            if function.owner is not None and function.cls is not None:
                scope.values["__super__"] = Super(function.owner, function.cls)
            returned = self.run(node.body, scope)
            value = None if returned is None else returned.value
            if self._early:
                value = self.one_of([*(each for each, _ in self._early), value], self._early[0][1])
        finally:
            self._depth -= 1
            self.function, self._early = outer
        return value

    def instantiate(self, cls: Class, given: Given) -> Instance:
        """Return the object that a call of a class makes."""
        instance = Instance(cls)
        self.instances.append(instance)
        self._made_of.add(cls)
        start = cls.get("__init__")
        if isinstance(start, Function):
            self.invoke(start.bound_to(instance), given)
        else:  # a dataclass
            values = dict(zip(cls.fields, given.positional, strict=False)) | given.named
            for name, value in values.items():
                self.change(instance.values, name, value)
            for name in cls.fields:
                if name not in values and cls.get(name) is not MISSING:
                    self.change(instance.values, name, self.setting(name, cls.get(name)))
        return instance

    def _bind_parameters(self, function: Function, given: Given, scope: Scope) -> None:
        """Give the parameters of a function their values: a call's, else a setting's, else the default."""
        arguments = function.node.args
        every = [*arguments.posonlyargs, *arguments.args]
        if function.cls is not None and every and not function.decorated("staticmethod"):
            scope.values[every.pop(0).arg] = function.owner if function.owner is not None else function.cls
        values = {each.arg: value for each, value in zip(every, given.positional, strict=False)}
        parameters = (*every, *arguments.kwonlyargs)
        values |= {each.arg: given.named[each.arg] for each in parameters if each.arg in given.named}
        defaults: dict[str, ast.expr | None] = {
            each.arg: default for each, default in zip(reversed(every), reversed(arguments.defaults), strict=False)
        }
        defaults |= {each.arg: value for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}
        owner = function.cls.name if function.cls is not None and function.name == "__init__" else function.name
        for parameter in parameters:
            name, default = parameter.arg, defaults.get(parameter.arg)
            if name in values:
                value = values[name]
                value = self.setting(name, value) if isinstance(value, Unknown | Named) else value
            elif given.unknown is not None:
                value = self.setting(name, given.unknown)
            else:
                why = f"{name} is a parameter of {owner} without a default value"
                value = Unknown(why, (Open(name, parameter.lineno),))
                value = self.setting(name, value if default is None else self.value(default, function.scope))
            scope.values[name] = value
            if function.owner is not None and function.name == "__init__":
                function.owner.given[name] = value
        if arguments.vararg is not None:
            scope.values[arguments.vararg.arg] = list(given.positional[len(every) :])
        if arguments.kwarg is not None:
            scope.values[arguments.kwarg.arg] = {name: each for name, each in given.named.items() if name not in values}

    # Statements

    def run(self, body: Sequence[ast.stmt], scope: Scope) -> Returned | None:
        """Follow statements; return what they return, or None where they reach their end."""
        for statement in body:
            self.step()
            returned = self._statement(statement, scope)
            if returned is not None:
                return returned
        return None

    def _statement(self, node: ast.stmt, scope: Scope) -> Returned | None:
        match node:
            case ast.Expr(value=value):
                self.value(value, scope)
            case ast.Assign(targets=targets, value=value):
                made = self.value(value, scope)
                for target in targets:
                    self._give(target, made, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._give(target, self.value(value, scope), scope)
            case ast.AugAssign(target=ast.Name() | ast.Attribute() as target, op=kind, value=value):
                read = ast.copy_location(ast.parse(source_of(target), mode="eval").body, target)
                made = self.computed(kind, self.value(read, scope), self.value(value, scope), node)
                self.assign(target, made, scope)
            case ast.AugAssign(target=target):
                self.assign(target, Unknown("it is computed when the program runs"), scope)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                function = Function(node, scope)
                self.change(scope.values, node.name, function)
                self._functions.append(function)
            case ast.ClassDef():
                self._define(node, scope)
            case ast.Return(value=value):
                return Returned(None if value is None else self.value(value, scope))
            case ast.Raise():
                return Returned(_RAISED)
            case ast.If(test=test, body=body, orelse=orelse):
                tested = self.value(test, scope)
                holds = self.truth(tested)
                if holds is None:
                    return self._branches([body, orelse], scope, self.doubt(test, tested))
                return self.run(body if holds else orelse, scope)
            case ast.For() | ast.AsyncFor():
                return self.loop(node, self.value(node.iter, scope), scope)
            case ast.While(body=body):
                why = Unknown(f"the while at line {node.lineno} runs any number of times", line=node.lineno)
                return self._branches([body, []], scope, why)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    made = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, made, scope)
                return self.run(body, scope)
            case (
                ast.Try(body=body, orelse=orelse, finalbody=final)
                | ast.TryStar(body=body, orelse=orelse, finalbody=final)
            ):
                return self.run([*body, *orelse, *final], scope)
            case ast.Global(names=names):
                scope.shared |= dict.fromkeys(names, self._module)
            case ast.Match(cases=cases):
                why = Unknown(f"which case of the match at line {node.lineno} is taken is not known", line=node.lineno)
                return self._branches([*(case.body for case in cases), []], scope, why)
            case _:
                pass
        return None

    def _give(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target a value; what a setting says of a name stands above what the text says."""
        if isinstance(target, ast.Name) and not isinstance(value, Function | Class | Instance):
            value = self.setting(target.id, value)
        self.assign(target, value, scope)

    def rounds(self, node: ast.For | ast.AsyncFor, taken: Value) -> list[Value] | None:
        """Return what a loop takes, round by round, or None if that is not known or too much."""
        items = self.items(taken)
        leaves = any(isinstance(each, ast.Break | ast.Continue) for each in ast.walk(node))
        if items is None or leaves or self._rounds_taken + len(items) > MAX_ROUNDS:
            return None
        self._rounds_taken += len(items)
        return items

    def loop(self, node: ast.For | ast.AsyncFor, taken: Value, scope: Scope) -> Returned | None:
        """Follow a loop over what is taken; return what it returns, or None where it reaches its end."""
        items = self.rounds(node, taken)
        if items is None:
            return self.any_rounds(node, taken, scope)
        return self.rounds_of(node, taken, items, scope) or self.run(node.orelse, scope)

    @abstractmethod
    def rounds_of(
        self, node: ast.For | ast.AsyncFor, taken: Value, items: list[Value], scope: Scope
    ) -> Returned | None:
        """Follow the rounds of a loop one by one."""

    def any_rounds(self, node: ast.For | ast.AsyncFor, taken: Value, scope: Scope) -> Returned | None:
        """Follow a loop of which it is not known how often it runs."""
        if node not in self._endless:
            over = shorten(source_of(node.iter))
            self._endless[node] = f"how often the loop over {over} runs (line {node.lineno}) is not known"
        cause = open_in(taken)
        why = Unknown(self._endless[node], () if cause is None else cause.names, line=node.lineno)
        self.assign(node.target, why, scope)
        return self._branches([node.body, []], scope, why)

    def _branches(self, blocks: Sequence[Sequence[ast.stmt]], scope: Scope, why: Unknown) -> Returned | None:
        """Follow blocks of which one is taken."""
        outcomes: list[dict[tuple[int, Value], tuple[Any, Value, Value]]] = []
        returns: list[Returned] = []
        for block in blocks:
            self._changed.append({})
            returned = self.run(block, scope)
            changed = self._changed.pop()
            if returned is None:
                outcomes.append({key: (held, name, _now(held, name)) for key, (held, name, _) in changed.items()})
            elif returned.value is not _RAISED:
                returns.append(returned)
            for held, name, old in reversed(changed.values()):
                put(held, name, old)
        for key, (held, name, _) in {key: each for outcome in outcomes for key, each in outcome.items()}.items():
            values = [outcome[key][2] if key in outcome else _now(held, name) for outcome in outcomes]
            one = self._same_items(values, why) if isinstance(held, list) else self.one_of(values, why)
            self.change(held, name, one)
        if not outcomes:
            return Returned(self.one_of([each.value for each in returns], why)) if returns else Returned(_RAISED)
        self._early += [(each.value, why) for each in returns]
        return None

    def _same_items(self, lists: Sequence[list[Value]], why: Unknown) -> list[Value]:
        """Return what several lists begin with; what follows is not known, unless they are the same."""
        same: list[Value] = []
        for values in zip(*lists, strict=False):
            if any(each is not values[0] for each in values):
                break
            same.append(values[0])
        longest = max(map(len, lists))
        return same if len(same) == longest else [*same, Unknown(why.why, why.names, rest=True)]

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                path = tuple(alias.name.split("."))
                self.change(scope.values, alias.asname or path[0], Named(path if alias.asname else path[:1]))
                continue
            module = (*["."] * bool(node.level), *(node.module or "").split("."))
            if alias.name == "*":
                self.stars.append(module)
            else:
                self.change(scope.values, alias.asname or alias.name, Named((*module, alias.name)))

    def _define(self, node: ast.ClassDef, scope: Scope) -> None:
        inside = Scope({}, scope)
        cls = Class(node, inside, tuple(self.value(base, scope) for base in node.bases))
        self.change(scope.values, node.name, cls)
        self._classes.append(cls)
        defined = len(self._functions)
        self.run(node.body, inside)
        # A method sees the names around its class, not those in it.
        for name, value in inside.values.items():
            if isinstance(value, Function) and value.cls is None:
                inside.values[name] = Function(value.node, scope, cls)
        del self._functions[defined:]


def _now(held: Any, name: Value) -> Value:
    return held[:] if isinstance(held, list) else held.get(name, MISSING)


def _recurrent_names(module: ast.Module) -> frozenset[str]:
    """Return the names at the top of a file that can lead to something recurrent; none where it names nothing such.

    A name can if what it stands for uses one of the recurrent classes, or another name that can.
    """
    users: dict[str, set[str]] = {}
    waiting: set[str] = set()
    for statement in module.body:
        used = _used(ast.walk(statement))
        for name in _defined(statement):
            for each in used:
                users.setdefault(each, set()).add(name)
        waiting |= used & RECURRENT
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= users.get(name, set())
    return frozenset(found)


def _used(nodes: Iterable[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]) if not isinstance(name, ast.Constant):
                names |= {"RNN"}  # a class that is named elsewhere: getattr(nn, rnn_type)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.alias(name=name):
                names.add(name.rpartition(".")[2])
            case ast.Constant(value=str(name)) if name in RECURRENT:
                names.add(name)
    return names


def _defined(statement: ast.stmt) -> set[str]:
    """Return the names that a statement gives a value, those in functions and classes apart."""
    names = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        match waiting.pop():
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name.rpartition(".")[2])
            case node:
                waiting += ast.iter_child_nodes(node)
    return names

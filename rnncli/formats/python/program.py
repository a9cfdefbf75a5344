"""Follows the statements of a Python source: modules, functions, classes and loops. Nothing in it is run.

If it is not known whether a block runs, it is followed in doubt: whatever it assigns then has one of two values. Paths
through the program are not enumerated.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast

from rnncli.errors import shorten
from rnncli.formats import Settings
from rnncli.formats.nodes import names
from rnncli.formats.python.evaluator import MAX_STEPS, Evaluator
from rnncli.formats.python.library import FRAMEWORK_PACKAGES, MAX_ITEMS, size_of
from rnncli.formats.python.objects import (
    MISSING,
    NO_BASES,
    PLAIN,
    PLAIN_BASES,
    Call,
    Class,
    Factory,
    Function,
    Given,
    Instance,
    Method,
    Named,
    Open,
    Partial,
    Scope,
    Stream,
    Tuple,
    Unknown,
    Value,
    doubt,
    left_open,
    open_in,
)
from rnncli.formats.python.trees import as_ifs, source_of, words_in
from rnncli.immutable import NamedTuple

MAX_DEPTH = 15
"""How deeply calls of functions are followed."""

RECURRENT = names(
    "SimpleRNN LSTM GRU RNN Bidirectional CuDNNLSTM CuDNNGRU SimpleRNNCell LSTMCell GRUCell RNNCell StackedRNNCells"
    " BasicRNNCell BasicLSTMCell MultiRNNCell ConvLSTM1D ConvLSTM2D ConvLSTM3D"
)
"""The names of the recurrent classes of Keras, PyTorch and TensorFlow 1."""

_COMPUTING = names("__init__ __call__ forward call")
"""The methods of a module that make it and compute its output."""

_HARMLESS = sys.stdlib_module_names | FRAMEWORK_PACKAGES | names("attr typing_extensions six")
"""Modules of which no decorator changes the layers of a class."""

Loop = ast.For | ast.AsyncFor | ast.While

T = TypeVar("T")

Following = Generator[Value, None, T]
"""Follows a part of the program; yields what a generator that is followed yields, and returns a result."""


class End(NamedTuple):
    """The end of a function and its return value there."""

    value: Value


_BREAK, _CONTINUE = End(object()), End(object())


class _UndecidedError(Exception):
    """It is not known whether a loop goes on."""


def _end_of(followed: Following[T]) -> T:
    """Follow what yields nothing, to its end; return its result."""
    try:
        next(followed)
    except StopIteration as end:
        return cast(T, end.value)
    raise AssertionError("only a generator yields")


class Program(Evaluator):
    """Follows a file.

    Attributes:
        imported: the top-level names of modules that are imported, or from which something is imported.
        stars: the modules from which all names are imported.
        function: the current function or class; empty in the module itself.
        instances: the objects of the file's classes, in order of creation.
        recurrent: the names at the top of the file that can lead to something recurrent.
        presuming: what functions that are followed were not given, and the file may give them, in words.
        unfollowed: what the file does that may change any of its models, in words.
        functions, classes: those that the file defines, in order.
        followed: the definitions that have been called.
    """

    own: ClassVar[tuple[str, ...]] = (
        "function",
        "presuming",
        "_depth",
        "_early",
        "_certain",
        "_exact",
        "_times",
        "_trying",
    )
    """The attributes of which each call of a function has its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.imported: set[str] = set()
        self.stars: list[tuple[str, ...]] = []
        self.function = ""
        self.instances: list[Instance] = []
        self.recurrent: frozenset[str] = frozenset()
        self.presuming: tuple[str, ...] = ()
        self.unfollowed: list[str] = []
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.followed: set[ast.AST] = set()
        self._changed: dict[ast.AST, str] = {}
        """The definitions that a decorator from elsewhere may change or give arguments, and which one, in words."""
        self._depth = self._certain = 0
        self._early: list[Value] = []
        self._remembered: dict[tuple[Value, ...], Value] = {}
        """What functions with `lru_cache` have returned, by their arguments."""
        self._exact = False
        """Whether the rounds of the innermost loop are followed one by one."""
        self._times = 1

    # Functions and classes

    def call(self, called: Value, given: Given) -> Value:
        """Return the result of calling a value, such as a function, a class or an object of the text."""
        match called:
            case Function() if called.decorators & {"lru_cache", "cache"} and {*map(type, given.all)} <= {*PLAIN}:
                key = (called.node, called.owner, *given.positional, *given.named.items())
                if key not in self._remembered and not self.doubts:
                    self._remembered[key] = self.invoke(called, given)
                return self._remembered.get(key, left_open(given.node))
            case Function():
                return self.invoke(called, given)
            case Class() if given.positional and any(base.name.endswith("Enum") for base in called.named):
                return given.positional[0]  # a member is its value
            case Class():
                return self.instantiate(called, given)
            case Method(owner=Class(), name="__new__") | Named(path=("object", "__new__")):
                of = given.get("", 0)
                return self.fresh(Instance(of)) if isinstance(of, Class) else left_open(given.node)
            case Instance() if (own := called.method("__call__")) is not None:
                return self.invoke(own, given)
        return super().call(called, given)

    def invoke(self, function: Function, given: Given) -> Value:
        """Return a function's result; a generator's body is followed up to an item whenever one is taken."""
        body = self._body(function, given)
        if function.yields:
            return Stream(self._produced(body))
        with self._apart({name: vars(self)[name] for name in self.own}):
            return _end_of(body)

    def _produced(self, body: Following[Value]) -> Iterator[Value]:
        """Yield the items of a generator, as far as it is known that they are taken and that there are any."""
        own, doubts = {name: copy(vars(self)[name]) for name in self.own}, len(self.doubts)
        try:
            while len(self.doubts) == doubts:
                with self._apart(own):
                    item = next(body, MISSING)
                if item is MISSING:
                    return
                if isinstance(item, Unknown) and item.rest:  # whether it goes on from here is not known
                    with self._apart(own):
                        self.doubts.append(item)
                        _ = [*body]
                yield item
            yield Unknown("whether an iterator is asked for this item is not known", rest=True)
        finally:
            with self._apart(own):
                body.close()

    @contextmanager
    def _apart(self, own: dict[str, Any]) -> Iterator[None]:
        """Follow something with a state of its own, which is kept there."""
        outer, doubts = {name: vars(self)[name] for name in self.own}, len(self.doubts)
        vars(self).update(own)
        try:
            yield
        finally:
            own |= {name: vars(self)[name] for name in self.own}
            vars(self).update(outer)
            del self.doubts[doubts:]

    def _body(self, function: Function, given: Given) -> Following[Value]:
        """Follow a function; return its result, which is one of several if it may return early."""
        node = function.node
        self.followed.add(node)
        why = ""
        if self._depth >= MAX_DEPTH or self._steps > MAX_STEPS // 2:
            why = f"calls of {function.name} are nested too deeply, or are too many"
        elif not {*function.yields} <= {getattr(each, "value", None) for each in ast.walk(node)}:
            why = f"{function.name} yields in the middle of an expression"
        if why:
            if function.yields:
                yield Unknown(why, rest=True)
            return Unknown(why)
        scope = Scope({}, function.scope)
        of = getattr(function.owner, "cls", None) or function.cls
        around = () if of is None else [each.node for each in of.line]
        self.presuming += tuple(self._changed[each] for each in (node, *around) if each in self._changed)
        self._bind_parameters(function, given, scope)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, scope)
        self.function, self._early = function.cls.name if function.cls is not None else function.name, []
        self._depth, self._certain = self._depth + 1, len(self.doubts)
        end = yield from self.follow(node.body, scope)
        value = None if end is None else end.value
        if function.yields and isinstance(value, Unknown) and len(self.doubts) > self._certain:  # it may not end here
            yield replace(self.doubts[-1], rest=True)
        return self.one_of([*self._early, value], self.doubts[-1]) if self._early else value

    def instantiate(self, cls: Class, given: Given) -> Value:
        """Return the object that a call of a class creates."""
        self.followed.add(cls.node)
        own, bare = cls.get("__new__"), Instance(cls)
        instance = self.invoke(replace(own, owner=cls), given) if isinstance(own, Function) else self.fresh(bare)
        if not isinstance(instance, Instance) or instance.cls is not cls:
            return instance
        self.instances += [instance] * (instance not in self.instances)
        if (start := instance.method("__init__")) is not None:
            self.invoke(start, given)
        else:  # a dataclass
            instance.values |= dict(zip(cls.fields, given.positional, strict=False)) | given.named
            for name in cls.fields:
                if name not in instance.values and (usual := cls.get(name)) is not MISSING:
                    usual = self.call(usual, Given([], {}, given.node)) if isinstance(usual, Factory) else usual
                    instance.values[name] = self.setting(name, given.unknown or usual)
            if (after := instance.method("__post_init__")) is not None:
                self.invoke(after, Given([], {}, given.node))
        return instance

    def _bind_parameters(self, function: Function, given: Given, scope: Scope) -> None:
        """Bind a function's parameters: to the call's argument, else a setting, else the default."""
        arguments = function.node.args
        every, positional = [*arguments.posonlyargs, *arguments.args], given.positional
        if (function.cls or function.owner) is not None and "staticmethod" not in function.decorators:
            if function.owner is not None or not positional:
                positional = [function.owner or function.cls, *positional]  # else Base.__init__(self, ...)
            scope.values |= {"__class__": function.cls, "__self__": positional[0]}
        values = dict(zip([each.arg for each in every], positional, strict=False)) | given.named
        of = function.cls.name if function.cls is not None and function.name == "__init__" else function.name
        parameters = [*every, *arguments.kwonlyargs]
        for parameter in parameters:
            name = parameter.arg
            known = name in values and not isinstance(values[name], Unknown | Named)
            usual = function.defaults.get(name, MISSING)
            opened = Open(name, parameter.lineno, usual if isinstance(usual, int | float | str) else None)
            why = Unknown(f"{name} is a parameter of {of} without a default value", (opened,))
            unsaid = given.unknown is None and name not in {**values, **function.defaults}
            cls = self._class_of(parameter, function.scope) if unsaid else None
            if cls is not None:
                values[name] = self.instantiate(cls, Given([], {}, parameter))
                self.presuming += (f"{name} is {cls.name}() with its default values",)
            unwritten = given.unknown and replace(why, why=given.unknown.why)
            value = values.pop(name, unwritten or (why if usual is MISSING else usual))
            scope.values[name] = value if known else self.setting(name, value)
        if isinstance(function.owner, Instance) and function.name == "__init__":
            function.owner.given.update((each.arg, scope.values[each.arg]) for each in parameters[1:])
        more = [given.unknown] if given.unknown is not None and given.unknown.rest else []
        if arguments.vararg is not None:
            scope.values[arguments.vararg.arg] = Tuple([*positional[len(every) :], *more])
        if arguments.kwarg is not None:
            scope.values[arguments.kwarg.arg] = values if more else given.unknown or values

    def _class_of(self, parameter: ast.arg, scope: Scope) -> Class | None:
        """Return the class of settings that a parameter is meant to be an object of, by its annotation or its name."""
        if parameter.annotation is not None:
            cls = self.value(parameter.annotation, scope)
            record = isinstance(cls, Class) and cls.fields and cls.get("__init__") is MISSING
            return cls if record and {base.name for base in cls.named} <= NO_BASES else None
        named = [each for each in self.classes if each.name.lower().endswith(parameter.arg.lower())]
        plain = [each for each in named if not {base.name for base in each.named} - NO_BASES]
        usual = names("config configs conf cfg args opt opts options hparams params hps settings")
        return plain[0] if len(plain) == 1 and parameter.arg in usual else None

    # Statements

    def run(self, body: Sequence[ast.stmt], scope: Scope) -> End | None:
        """Follow statements outside generators; return their return value, or None if they run to their end."""
        return _end_of(self.follow(body, scope))

    def follow(self, body: Sequence[ast.stmt], scope: Scope) -> Following[End | None]:
        """Follow statements, which yield what a generator yields; return as `run` does."""
        for statement in body:
            self.step()
            returned = yield from self._statement(statement, scope)
            if returned is not None:
                return returned
        return None

    def _statement(self, node: ast.stmt, scope: Scope) -> Following[End | None]:
        match node:
            case ast.Expr(value=ast.Yield() | ast.YieldFrom() as given) | ast.Assign(value=ast.Yield() as given):
                made = self.value(given.value or ast.Constant(None), scope)
                items = [made] if isinstance(given, ast.Yield) else self.visited(made)
                if items is None or len(self.doubts) > self._certain:
                    why = self.doubts[-1] if self.doubts else open_in(made) or left_open(node)
                    items = [replace(why, rest=True)]
                yield from items
                for target in getattr(node, "targets", ()):
                    self._give(target, None, scope)  # nothing is sent
            case ast.Expr(value=value):
                self.value(value, scope)
            case ast.Assign(targets=targets, value=value):
                before, made = self._failures, self.value(value, scope)
                for target in targets if self._failures == before else ():
                    self._give(target, made, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._give(target, self.value(value, scope), scope)
            case ast.AugAssign(target=target, op=kind, value=value):
                self._change(target, kind, self.value(value, scope), scope, node)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                function = self.defined(node, scope)
                self.functions.append(function)
                self._decorate(function, scope)
            case ast.ClassDef():
                self._define(node, scope)
            case ast.Return(value=value):
                return End(None if value is None else self.value(value, scope))
            case ast.Raise():
                self.fails()
                return End(Unknown(f"{self.function} raises an error (line {node.lineno})"))
            case ast.Break() | ast.Continue() if self._exact:
                return _BREAK if isinstance(node, ast.Break) else _CONTINUE
            case ast.If(test=test, body=body, orelse=orelse):
                tested = self.value(test, scope)
                holds = self.truth(tested)
                if holds is None:
                    return (yield from self.branches([body, orelse], scope, doubt(test, tested)))
                return (yield from self.follow(body if holds else orelse, scope))
            case ast.For() | ast.AsyncFor() | ast.While():
                return (yield from self._loop(node, scope))
            case ast.Match():
                return (yield from self.follow(as_ifs(node), scope))
            case ast.With() | ast.AsyncWith():
                return (yield from self._with(node, scope))
            case ast.Try() | ast.TryStar():
                ended = yield from self._try(node, scope)
                return (yield from self.follow(node.finalbody, scope)) or ended
            case ast.Delete(targets=targets):
                for target in targets:
                    self._delete(target, scope)
            case ast.Global(names=changed) | ast.Nonlocal(names=changed):
                for name in changed:
                    holder = scope.around if isinstance(node, ast.Nonlocal) else self.module
                    while holder is not None and name not in holder.values:
                        holder = holder.around
                    scope.elsewhere[name] = holder or self.module
        return None

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> Following[End | None]:
        leave: list[Value] = []
        hides = False
        for item in node.items:
            made = self.value(item.context_expr, scope)
            hides = hides or (isinstance(made, Call) and made.name == "suppress")
            if isinstance(made, Stream):  # of @contextmanager
                leave.insert(0, made)
                made = next(iter(made), None)
            elif isinstance(made, Instance) and (enter := made.method("__enter__")) is not None:
                leave.insert(0, made.method("__exit__"))
                made = self.call(enter, Given([], {}, node))
            if item.optional_vars is not None:
                self.assign(item.optional_vars, made, scope)
        tried = ast.Try(node.body, [ast.ExceptHandler(body=[ast.Pass()])], [], [], lineno=node.lineno)
        ended = yield from self._try(tried, scope) if hides else self.follow(node.body, scope)
        for each in filter(None, leave):
            _ = [*each] if isinstance(each, Stream) else self.call(each, Given([None] * 3, {}, node))
        return ended

    def _delete(self, target: ast.expr, scope: Scope) -> None:
        held = self.value(target.value, scope) if isinstance(target, ast.Subscript | ast.Attribute) else scope
        if isinstance(target, ast.Subscript) and isinstance(held, list | dict):
            self.call(Method(held, "pop"), Given([self.value(target.slice, scope)], {}, target))
        elif isinstance(held, Scope | Instance) and not self.doubted(held):
            held.values.pop(scope.private(getattr(target, "attr", getattr(target, "id", ""))), None)
        else:
            self.assign(target, left_open(target, f"is deleted (line {target.lineno})"), scope)

    def _try(self, node: ast.Try | ast.TryStar, scope: Scope) -> Following[End | None]:
        """Follow a `try` up to where it is known to fail; otherwise to its end, and its handlers in doubt.

        Frameworks are taken to be there, whatever a file imports if they are not.
        """
        outer, self._trying, before = self._trying, len(self.doubts), self._failures
        ended, left = None, [*node.body]
        while left and ended is None and self._failures == before:
            ended = yield from self.follow([left.pop(0)], scope)
        failed, self._failures, self._trying = self._failures > before, before, outer
        if failed and node.handlers:
            why = Unknown(f"which error the try at line {node.lineno} has is not known", line=node.lineno)
            return (yield from self.branches([each.body for each in node.handlers], scope, why))
        ended = ended or (yield from self.follow(node.orelse, scope))
        paths = [source_of(each) for each in node.body if isinstance(each, ast.Import | ast.ImportFrom)]
        if ended is not None or any(set(re.findall(r"\w+", each)) & FRAMEWORK_PACKAGES for each in paths):
            return ended
        for handler in node.handlers:
            body = [each for each in handler.body if not isinstance(each, ast.Import | ast.ImportFrom)]
            if body and not isinstance(body[-1], ast.Return | ast.Continue | ast.Break):
                parts = [each for each in body if not getattr(getattr(each, "value", 0), "attr", "")[:1].isupper()]
                named = [each for part in parts for each in ast.walk(part) if isinstance(each, ast.Name)]
                named = [each for each in named if isinstance(each.ctx, ast.Store)]
                why = Unknown(f"whether the try at line {node.lineno} fails is not known", line=node.lineno)
                yield from self.branches([[], body], scope, why)
                for each in named:
                    held = scope.values.get(each.id)
                    if isinstance(held, Unknown) and held.line == node.lineno:
                        scope.values[each.id] = replace(held, names=(Open(each.id, each.lineno),))
        return None

    def _give(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign a value to a target; a setting replaces a name's first value if it is open or global."""
        if isinstance(target, ast.Name) and scope.get(target.id) is MISSING:
            constant = self._depth == 0 and not isinstance(value, Function | Class | Instance)
            value = self.setting(target.id, value) if constant or open_in(value) is not None else value
        self.assign(target, value, scope)

    def _change(self, target: ast.expr, kind: ast.operator, value: Value, scope: Scope, node: ast.AugAssign) -> None:
        """Apply an augmented assignment; a list or a dict changes in place."""
        held = self.value(target, scope)
        if isinstance(held, list | dict | set) and not isinstance(held, Tuple):
            ways = {ast.Add: "extend", ast.Mult: "__imul__", ast.BitOr: "update"}
            ways |= {ast.BitAnd: "intersection_update", ast.Sub: "difference_update"}
            self.call(Method(held, ways.get(type(kind), "clear")), Given([value], {}, node))
        else:
            self.assign(target, self.calculated(kind, held, value, node), scope)

    def _loop(self, node: Loop, scope: Scope) -> Following[End | None]:
        """Follow a loop round by round as long as it is known to go on, and any others in doubt."""
        taken = None if isinstance(node, ast.While) else self.value(node.iter, scope)
        items = self._holding(node, scope) if isinstance(node, ast.While) else self.visited(taken)
        before, doubts, trying = (self._exact, self._times), len(self.doubts), self._trying
        times = self._times * (size_of(taken) or 1)  # for all loops around the body
        self._exact, self._times = True, times
        try:
            if items is not None and times <= (MAX_STEPS - self._steps) // 2:  # more are usually training
                return (yield from self.rounds(node, items, scope))
        except _UndecidedError as error:
            taken = error.args[0] if error.args else taken
            self._trying = trying
            del self.doubts[doubts:]
        finally:
            self._exact, self._times = before
        unknown = Unknown(f"the effect of the while at line {node.lineno} is known only when the program runs")
        if not isinstance(node, ast.While):
            why = f"how often the loop over {shorten(source_of(node.iter))} runs (line {node.lineno}) is not known"
            unknown = replace(open_in(taken) or unknown, why=why, rest=False, line=node.lineno).in_turn(node.iter)
            self.assign(node.target, unknown, scope)
        self._exact, self._times = False, times
        ended = yield from self.branches([node.body, []], scope, unknown)
        self._exact, self._times = before
        return ended

    def _holding(self, node: ast.While, scope: Scope) -> Iterator[Value]:
        """Yield once for each time that the test of a `while` is known to hold."""
        most = self._steps + MAX_STEPS // 20
        while (holds := self.truth(self.value(node.test, scope))) and self._steps < most:
            yield None
        if holds is not False:
            raise _UndecidedError

    def rounds(self, node: Loop, items: Iterable[Value], scope: Scope) -> Following[End | None]:
        """Follow a loop round by round; return its return value, or None if it runs to its end.

        If a loop would take more than half of the remaining steps, its number of rounds is treated as unknown.
        """
        begun, times = self._steps, size_of(items)
        for number, item in enumerate(items):
            if number == 1 and (self._steps - begun) * times > (MAX_STEPS - begun) // 2:  # usually training
                raise _UndecidedError
            if number > MAX_ITEMS or (isinstance(item, Unknown) and item.rest):  # a round has changed the list
                raise _UndecidedError(item)
            if not isinstance(node, ast.While):
                self.assign(node.target, item, scope)
            returned = yield from self.follow(node.body, scope)
            if returned not in (None, _CONTINUE) or self.repeats():
                return None if returned in (_BREAK, _CONTINUE) else returned
        return (yield from self.follow(node.orelse, scope))

    def repeats(self) -> bool:
        """Whether the next rounds of a loop are like the last one."""
        return False

    def branches(self, blocks: Sequence[Sequence[ast.stmt]], scope: Scope, why: Unknown) -> Following[End | None]:
        """Follow blocks of which one runs; a block that ends in an error is ignored."""
        blocks = [block for block in blocks if not block or not isinstance(block[-1], ast.Raise)]
        if len(blocks) == 1:
            return (yield from self.follow(blocks[0], scope))
        ended: list[dict[str, Value]] = []
        early = len(self._early)
        for block in blocks:
            inner, doubts = Scope({}, scope, elsewhere=scope.elsewhere), len(self.doubts)
            self.doubts.append(why)
            returned = yield from self.follow(block, inner)
            del self.doubts[doubts:]
            if returned in (_BREAK, _CONTINUE):
                raise _UndecidedError
            if returned is not None:
                self._early.append(returned.value)
            else:
                ended.append(inner.values)
        for name in dict.fromkeys(name for values in ended for name in values if name != "_"):
            values = [each.get(name, scope.get(name)) for each in ended]
            scope.values[name] = self.one_of([each for each in values if each is not MISSING], why)
        if not ended:
            returns = self._early[early:]
            del self._early[early:]
            return End(self.one_of(returns, why) if returns else Unknown("it raises an error"))
        if len(self._early) > early:  # the following statements may not run
            self.doubts.append(why)
        return None

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                path = tuple(alias.name.split("."))
                self.imported.add(path[0])
                scope.values[alias.asname or path[0]] = Named(path if alias.asname else path[:1])
                continue
            module = (*["."] * bool(node.level), *(node.module or "").split("."))
            self.imported.add(module[0])
            if alias.name == "*":
                self.stars.append(module)
            else:
                scope.values[alias.asname or alias.name] = Named((*module, alias.name))

    def _decorate(self, made: Function | Class, scope: Scope) -> None:
        """Bind a name to its function or class, as changed by the file's decorators."""
        name, line = made.name, made.node.lineno
        value: Value = made
        for each in reversed(getattr(made.node, "decorator_list", [])):
            if isinstance(each, ast.Attribute) and each.attr in ("setter", "deleter"):
                name = f"{made.name}.{each.attr}"
                continue
            decorator, changed = self.value(each, scope), value
            if isinstance(decorator, Function | Class | Instance | Partial):
                changed = self.call(decorator, Given([value], {}, each))
                value = changed if isinstance(changed, Class) or isinstance(made, Function) else value
            written = source_of(getattr(each, "func", each))
            computes = isinstance(made, Class) or made.name in _COMPUTING
            other = computes and self._is_foreign(decorator) and "regist" not in written.lower()
            gives = names("configurable capture lru_cache cache")  # arguments from a file, or the same object again
            if changed is not value or other or written.rpartition(".")[2] in gives:
                decorated = f"the decorator {written} (line {each.lineno}) does to {name}"
                self._changed[(scope.cls or made).node] = f"what {decorated} is not known"
            if "singledispatch" in written:
                value = Unknown(f"which function {name} is depends on its argument (line {line})")
        scope.values[name] = value

    def _is_foreign(self, value: Value) -> bool:
        """Return whether a decorator or a base class is neither the file's nor a framework's."""
        path = value.path if isinstance(value, Named | Call) else ()
        origins = self.stars if isinstance(value, Named) and len(path) == 1 else [path]
        found = {one for each in origins for one in each[:1]} & (self.imported - _HARMLESS)
        return isinstance(value, Unknown) or bool(found)

    def _define(self, node: ast.ClassDef, scope: Scope) -> None:
        inside = Scope({}, scope)
        bases = [self.value(base, scope) for base in node.bases]
        cls = Class(node, inside, tuple(each for each in bases if each != Named(("pydantic", "BaseModel"))))
        self.classes.append(cls)
        self.recurrent |= {node.name} if RECURRENT & words_in(node) else set()
        defined, inside.cls = len(self.functions), cls
        self.run(node.body, inside)
        obscure = [f"__delattr__ of {cls.name}"] * ("__delattr__" in inside.values)  # not followed
        for meta in [source_of(each.value) for each in node.keywords if each.arg == "metaclass"]:
            said = f"what {meta}, the metaclass of {cls.name}, does is not known"
            self.unfollowed += [said] * ("ABC" not in meta)
        pairs = zip(node.bases, bases, strict=True) if _COMPUTING & inside.values.keys() else ()
        foreign = [source_of(each) for each, base in pairs if self._is_foreign(base)]
        empty = PLAIN_BASES | names("PreTrainedModel PyTorchModelHubMixin Registrable")  # they have no layers
        obscure += [f"{each}, the base of {cls.name}," for each in foreign if each.rpartition(".")[2] not in empty]
        self._changed |= {node: f"what {obscure[0]} does is not known"} if obscure else {}
        inside.values = {inside.private(name): value for name, value in inside.values.items()}
        del self.functions[defined:]
        for name, each in [*inside.values.items()]:
            if isinstance(each, Instance) and (own := each.method("__set_name__")) is not None:
                self.invoke(own, Given([cls, name], {}, node))
        if isinstance(start := cls.get("__init_subclass__", after=cls), Function):
            given = {each.arg: self.value(each.value, scope) for each in node.keywords if each.arg}
            self.invoke(start, Given([cls], given, node))
        self._decorate(cls, scope)

"""Follows the statements of a Python source, such as loops and conditions. Nothing in it is run.

If it is not known whether a block runs, it is followed in doubt: whatever it assigns then has one of two values. Paths
through the program are not enumerated.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from rnncli.errors import shorten
from rnncli.formats import Settings
from rnncli.formats.python.evaluator import MAX_STEPS, Evaluator
from rnncli.formats.python.library import FRAMEWORK_PACKAGES, MAX_ITEMS, size_of
from rnncli.formats.python.objects import (
    MISSING,
    Call,
    Class,
    Function,
    Given,
    Instance,
    Method,
    Named,
    Open,
    Scope,
    Stream,
    Tuple,
    Unknown,
    Value,
    doubt,
    left_open,
    open_in,
)
from rnncli.formats.python.trees import as_ifs, source_of
from rnncli.immutable import NamedTuple

Loop = ast.For | ast.AsyncFor | ast.While

T = TypeVar("T")

Following = Generator[Value, None, T]
"""Follows a part of the program; yields what a generator that is followed yields, and returns a result."""


class End(NamedTuple):
    """The end of a function and its return value there."""

    value: Value


_BREAK, _CONTINUE, _FAILURE = End(object()), End(object()), End(Unknown("it raises an error"))


class _UndecidedError(Exception):
    """It is not known whether a loop goes on."""


def end_of(followed: Following[T]) -> T:
    """Follow what yields nothing, to its end; return its result."""
    try:
        next(followed)
    except StopIteration as end:
        return cast(T, end.value)
    raise AssertionError("only a generator yields")


class Statements(Evaluator):
    """Follows statements.

    Attributes:
        imported: the top-level names of modules that are imported, or from which something is imported.
        stars: the modules from which all names are imported.
        function: the current function or class; empty in the module itself.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.imported: set[str] = set()
        self.stars: list[tuple[str, ...]] = []
        self.function = ""
        self._depth = self._certain = 0
        """How deeply calls are nested, and the number of doubts at the beginning of the current function."""
        self._early: list[Value] = []
        """What the current function may have returned before."""
        self._exact = False
        """Whether the rounds of the innermost loop are followed one by one."""
        self._times = 1
        """How often the current statement runs, as the loops around it are known."""

    # For subclasses to override

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, scope: Scope) -> None:
        """Bind the name of a function or a class that the text defines."""
        raise NotImplementedError  # a subclass knows functions and classes

    def repeats(self) -> bool:
        """Return whether the next rounds of a loop are like the last one."""
        return False

    # Statements

    def run(self, body: Sequence[ast.stmt], scope: Scope) -> End | None:
        """Follow statements outside generators; return their return value, or None if they run to their end."""
        return end_of(self.follow(body, scope))

    def follow(self, body: Sequence[ast.stmt], scope: Scope) -> Following[End | None]:
        """Follow statements, which yield what a generator yields; return as `run` does."""
        failures = self._failures
        for statement in body:
            self.step()
            returned = yield from self._statement(statement, scope)
            if returned is not None or self._failures > failures:
                return returned or _FAILURE
        return None

    def _statement(self, node: ast.stmt, scope: Scope) -> Following[End | None]:
        match node:
            case ast.Expr(value=ast.Yield() | ast.YieldFrom() as given) | ast.Assign(value=ast.Yield() as given):
                yield from self._yielded(given, scope)
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
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.define(node, scope)
            case ast.Return(value=value):
                return End(None if value is None else self.value(value, scope))
            case ast.Raise():
                self.fails()
                return End(Unknown(f"{self.function} raises an error (line {node.lineno})"))
            case ast.Break() | ast.Continue() if self._exact:
                return _BREAK if isinstance(node, ast.Break) else _CONTINUE
            case ast.If(test=test, body=body, orelse=orelse):
                tested = self.value(test, scope)
                if (holds := self.truth(tested)) is None:
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

    def _yielded(self, node: ast.Yield | ast.YieldFrom, scope: Scope) -> Iterable[Value]:
        """Return the items of a `yield`; one that stands for any number of them if they are not known."""
        made = self.value(node.value or ast.Constant(None), scope)
        items = [made] if isinstance(node, ast.Yield) else self.visited(made)
        if items is not None and len(self.doubts) == self._certain:
            return items
        return [replace(self.doubts[-1] if self.doubts else open_in(made) or left_open(node), rest=True)]

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
        ended = yield from self.follow(node.body, scope)
        failed, self._failures, self._trying = self._failures > before, before, outer
        if failed and node.handlers:
            why = Unknown(f"which error the try at line {node.lineno} has is not known", line=node.lineno)
            return (yield from self.branches([each.body for each in node.handlers], scope, why))
        if failed:
            self.fails()
            return None
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
        if items is not None and times <= (MAX_STEPS - self._steps) // 2:  # more are usually training
            try:
                ended = yield from self.rounds(node, items, scope)
                self._exact, self._times = before  # not of a generator that is dropped here
                return ended
            except _UndecidedError as error:
                taken = error.args[0] if error.args else taken
                self._trying = trying
                del self.doubts[doubts:]
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
            return End(self.one_of(returns, why)) if returns else _FAILURE
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

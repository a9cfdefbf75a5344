"""Evaluates Python expressions as far as a text determines them. Nothing in it is run or imported.

It evaluates numbers, texts, lists, names, attributes, arithmetic, and calls of what the text defines and of some Python
functions. A call of anything else is a `Call`; a value that is not known is an `Unknown`, which lists what would make
it known.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from rnncli.errors import RnncliError
from rnncli.formats import NO_SETTINGS, Settings
from rnncli.formats.python import library
from rnncli.formats.python.objects import (
    KEPT,
    MISSING,
    PLAIN,
    Array,
    Call,
    Class,
    Function,
    Given,
    Instance,
    Method,
    Named,
    Partial,
    Scope,
    Stream,
    Tuple,
    Unknown,
    Unordered,
    Value,
    doubt,
    joined,
    left_open,
    one_of_some,
    open_in,
    setting_of,
)
from rnncli.formats.python.trees import source_of, written_as

MAX_STEPS = 100_000
"""The most expressions, statements and rounds of loops that are followed."""

_WITH_KEY = re.compile(r"\['([A-Za-z_]\w*)'\]")
"""An item by its key; a setting may write it as an attribute, `cfg.cell`, which needs no quotes in a shell."""


class Evaluator:
    """Finds the values of expressions; settings take precedence over the text.

    Attributes:
        settings: the settings by the expression that each replaces, with their names as they were given.
        used: the names of those that were used.
        doubts: the unknown conditions under which the current statement runs, innermost last.
        module: the names of the text itself, outside its functions and classes.
        data_format: where Keras's pictures have their channels, as the text sets it.
        current: the names that the current call sees.
    """

    def __init__(self, settings: Settings = NO_SETTINGS) -> None:
        self.used: set[str] = set()
        self.doubts: list[Unknown] = []
        self.module = self.current = Scope({"__name__": "__main__"})
        self.data_format: Value = "channels_last"
        self.settings = {written_as(name): (name, setting_of(each)) for name, each in settings.items()}
        self._expressions = any(not name.isidentifier() for name in self.settings)
        self._fresh: dict[int, tuple[Value, Unknown]] = {}
        self._steps = 0
        self._trying, self._failures = -1, 0
        """How many doubts there were at the innermost `try`, and how often it has failed."""

    # For subclasses to override

    def apply(self, called: Value, given: Given) -> Value:
        """Return the result of calling something that the text does not define."""
        match called:
            case Named(path=path):
                return Call(path, given)
            case Method(owner=Call() as owner, name=name):
                return Call((name,), given, owner)
            case Call():
                return Call((), given, called)
        return left_open(given.node)

    def made(self, value: Value, node: ast.Call, scope: Scope) -> Value:
        """Return the result of a call; a subclass may also change the scope."""
        del node, scope
        return value

    def combined(self, values: list[Value], node: ast.AST) -> Value:
        """Return the result of an operator on values that are not all known."""
        return joined(values) or Unknown(left_open(node).why)

    # Settings, steps, changes

    def step(self, count: int = 1) -> None:
        """Count one step, or several for longer work.

        Raises:
            RnncliError: there are too many.
        """
        self._steps += count
        if self._steps > MAX_STEPS:
            raise RnncliError(f"it takes more than {MAX_STEPS:,} steps to evaluate", "keep only the models")

    def fails(self) -> None:
        """Record that the program fails here, unless it may not come here."""
        self._failures += len(self.doubts) == self._trying

    def setting(self, name: str, otherwise: Value) -> Value:
        """Return the setting for a name or an expression, or another value if there is none."""
        if name not in self.settings:
            return otherwise
        key, value = self.settings[name]
        self.used.add(key)
        return value

    def items_set(self, node: ast.expr) -> dict[str, Value]:
        """Return the settings for items of a dict, by their keys."""
        item = re.compile(re.escape(_WITH_KEY.sub(r".\1", source_of(node))) + r"\.(\w+)")
        chosen = {name: item.fullmatch(_WITH_KEY.sub(r".\1", name)) for name in self.settings}
        return {key[1]: self.setting(name, None) for name, key in chosen.items() if key is not None}

    def fresh(self, made: Value) -> Value:
        """Return a new object, after recording that it was made under the current condition."""
        if self.doubts:
            self._fresh[id(made)] = made, self.doubts[-1]
        return made

    def made_under(self, made: Value) -> Unknown | None:
        """Return the unknown condition under which an object was made, or None."""
        return self._fresh.get(id(made), (None, None))[1]

    def doubted(self, owner: Value) -> Unknown | None:
        """Return the unknown condition under which a change to an object would happen now, or None."""
        return self.doubts[-1] if self.doubts and self.made_under(owner) is not self.doubts[-1] else None

    def put(self, owner: Value, held: dict[Value, Value], key: Value, value: Value) -> None:
        """Set a value in an object; under an unknown condition, it becomes either the new value or the old one."""
        why = self.doubted(owner)
        held[key] = value if why is None else self.one_of([held.get(key, MISSING), value], why)

    def one_of(self, values: Sequence[Value], why: Unknown) -> Value:
        """Return the value that several possible ones share, or an unknown value if they differ."""
        first: Any
        first, *rest = values
        if all(one is first or (isinstance(one, PLAIN) and type(one) is type(first) and one == first) for one in rest):
            return first
        return one_of_some(values, why)

    # Expressions

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of an expression.

        Raises:
            RnncliError: it takes too many steps.
        """
        self.step()
        if self._expressions and isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Set | ast.BinOp):
            written = source_of(node)
            kept = KEPT.sub("", written)
            for name in (written, kept, _WITH_KEY.sub(r".\1", kept)):
                if name in self.settings:
                    found = self.setting(name, MISSING)  # "range(load())=2" says how many there are
                    return library.value_of(range(found)) if type(found) is int and written[:6] == "range(" else found
        match node:
            case ast.Constant(value=value):
                return value if isinstance(value, PLAIN) else Unknown("it is not a number")
            case ast.Name(id=name):
                found = scope.get(name)
                if found is MISSING:
                    found = Named(("range" if name == "xrange" else name,), node)
                elif isinstance(found, Named) and found.node is None:
                    found = Named(found.path, node)
                why = open_in(found) if name in self.settings and isinstance(found, Named | Unknown) else None
                own = why is not None and (not why.names or name in [each.name for each in why.names])
                return self.setting(name, found) if own else found
            case ast.Attribute(value=owner, attr=name):
                return self.attribute(self.value(owner, scope), scope.private(name), node)
            case ast.Call():
                return self._call(node, scope)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                listed = self._elements(elements, scope)
                return self.fresh(Tuple(listed) if isinstance(node, ast.Tuple) else listed)
            case ast.Set(elts=elements):
                return self._collected("set", self._elements(elements, scope), node)
            case ast.Dict(keys=keys, values=values):
                return self.fresh(self._dict(keys, values, scope))
            case ast.BinOp(left=left, op=kind, right=right):
                return self.calculated(kind, self.value(left, scope), self.value(right, scope), node)
            case ast.UnaryOp(op=kind, operand=operand):
                value = self.value(operand, scope)
                if isinstance(kind, ast.USub | ast.UAdd) and isinstance(value, int | float):
                    return -value if isinstance(kind, ast.USub) else value
                holds = self.truth(value) if isinstance(kind, ast.Not) else None
                return self.combined([value], node) if holds is None else not holds
            case ast.BoolOp(op=kind, values=values):
                value, unknown = None, list[Value]()
                for each in values:
                    value = self.in_doubt(each, scope, [doubt(node, self.combined(unknown, node))] * bool(unknown))
                    holds = self.truth(value)
                    unknown += [value] if holds is None else []
                    if holds == isinstance(kind, ast.Or) and (isinstance(value, bool) or not unknown):
                        return value  # whatever the others are
                return self.combined(unknown[:1], node) if unknown else value
            case ast.Compare(left=left, ops=kinds, comparators=rights):
                compared = [self.value(each, scope) for each in (left, *rights)]
                tests = [library.compared(*each) for each in zip(kinds, compared, compared[1:], strict=False)]
                if None not in tests:
                    return all(tests)
                sides = [one for each in compared for one in (each if isinstance(each, list | dict) else [each])]
                sizes = not isinstance(kinds[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)  # n < 100 gives no example of n
                said = [one for one in sides if isinstance(one, str | bool) or (sizes and type(one) is int and one > 0)]
                found = self.combined(compared, node)
                return found if isinstance(found, bool) else found.such_as([*said, None][0])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                tested = self.value(test, scope)
                holds = self.truth(tested)
                if holds is None:
                    why = doubt(test, tested)
                    return self.one_of([self.in_doubt(each, scope, [why]) for each in (body, orelse)], why)
                return self.value(body if holds else orelse, scope)
            case ast.Subscript(value=owner, slice=index):
                return self.item(self.value(owner, scope), index, scope, node)
            case ast.ListComp() | ast.GeneratorExp() | ast.DictComp() | ast.SetComp():
                taken = self.value(node.generators[0].iter, scope)
                items = self._rounds(node, 0, Scope({}, (scope.cls and scope.around) or scope, inside=True), taken)
                if isinstance(node, ast.GeneratorExp):
                    return self.fresh(Stream(items, library.size_of(taken)))
                listed = self.taken(Stream(items))
                if not isinstance(listed, list) or len(listed) > library.MAX_ITEMS:
                    return open_in(listed) or left_open(node)
                if isinstance(node, ast.ListComp):
                    return self.fresh(listed)
                return self._collected("set" if isinstance(node, ast.SetComp) else "dict", listed, node)
            case ast.Lambda():
                return self.defined(node, scope)
            case ast.JoinedStr(values=pieces):
                parts = [self.value(each, scope) for each in pieces]
                known = all(isinstance(each, int) or (isinstance(each, str) and len(each) < 99) for each in parts)
                return "".join(map(str, parts)) if known else self.combined(parts, node)
            case ast.FormattedValue(value=value, conversion=-1, format_spec=said):
                made = self.value(value, scope)
                return self.calculated(ast.Mod(), f"%{self.value(said, scope)}", made, node) if said else made
            case ast.NamedExpr(target=target, value=value):
                made, at = self.value(value, scope), scope
                while at.inside and at.around is not None:
                    at = at.around
                held = at.get(target.id)
                either = bool(self.doubts) and held is not MISSING
                self.assign(target, self.one_of([held, made], self.doubts[-1]) if either else made, at)
                return made
            case ast.Starred(value=value) | ast.Await(value=value):
                return self.value(value, scope)
            case _:
                return left_open(node)

    def items(self, value: Value) -> list[Value] | None:
        """Return the items that a loop over a value visits, or None if they are not known, or too many."""
        value = self.taken(value.as_tuple if isinstance(value, Instance) else value)
        if not isinstance(value, str | list | dict) or len(value) > library.MAX_ITEMS:
            return None
        self.step(len(value) // library.ITEMS_A_STEP)
        items = [*value]
        more = any(each is ... or (isinstance(each, Unknown) and each.rest) for each in items)
        return None if more else items

    def taken(self, value: Value) -> Value:
        """Return what an iterator, a set or a view of a dict has now, or why that is not known; or another value."""
        if isinstance(value, set):
            return [*value] if library.has_order(value) else Unordered(sorted(value, key=str))
        if isinstance(value, library.VIEWS):
            return open_in(value) or [*map(library.value_of, value)]
        if not isinstance(value, Stream):
            return value
        items = [*islice(value, library.MAX_ITEMS + 1)]
        if (why := self.doubted(value)) is not None:
            value.items = iter([replace(why, rest=True)])
        last = items[-1] if items else None
        return one_of_some(items, replace(last, rest=False)) if isinstance(last, Unknown) and last.rest else items

    def visited(self, value: Value) -> Iterable[Value] | None:
        """Return what a loop goes through, which may change meanwhile, or None if it is not known."""
        if isinstance(value, Stream) and not self.doubted(value):
            return value
        items = self.items(value)
        return value if isinstance(value, list) and items is not None else items

    def truth(self, value: Value) -> bool | None:
        """Return whether a value is true, or None if that is not known."""
        if isinstance(value, (*PLAIN, list, dict, set, *library.VIEWS)):
            return bool(value)
        if isinstance(value, Instance) and (own := value.method("__bool__") or value.method("__len__")) is not None:
            return self.truth(self.call(own, Given([], {}, own.node)))
        held = value.values if isinstance(value, Instance) and value.cls is not None and value.is_dict else True
        return bool(held) if isinstance(value, Function | Class | Instance | Stream) else None

    def calculated(self, kind: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        """Return the result of an operator on two values."""
        self.step(sum(len(each) // library.ITEMS_A_STEP for each in (left, right) if isinstance(each, list | str)))
        made = library.calculated(kind, left, right)
        if made is not MISSING:
            return made
        sides = [left, right]
        if isinstance(kind, ast.Add | ast.Mult) and any(isinstance(each, list) for each in sides):
            other = "(8, 8)" if isinstance(kind, ast.Add) else 2
            sides = [each.such_as(other) if isinstance(each, Unknown) and not each.line else each for each in sides]
        elif isinstance(kind, ast.Sub) and isinstance(left, Unknown) and isinstance(right, Unknown):
            sides = [left, right.such_as(50)]  # for a difference that is not 0
        return self.combined(sides, node)

    def attribute(self, owner: Value, name: str, node: ast.AST, *, called: bool = False) -> Value:
        """Return an attribute of an object; if it is called, it may be a method that the text does not define."""
        match owner:
            case str() | int() | Named(path=("torch" | "tensorflow" | "keras", *_)) if name == "value":  # of an Enum
                return owner
            case Named(path=("string",)) if isinstance(getattr(string, name, None), str):
                return getattr(string, name)
            case Named(path=path):
                return Named((*path, name), node if isinstance(node, ast.expr) else None)
            case Array(sizes=sizes) if name == "shape" and not called:
                return Tuple(sizes)
            case dict() if name in owner and not called:  # in a namespace
                return owner[name]
            case Class() | Function() if name == "__name__":
                return owner.name
            case Instance() if owner.method("__getattribute__") is not None:
                return left_open(node)
            case Instance(values=values) if name in values or name == "__dict__":
                return values if name == "__dict__" else values[name]
            case Instance(cls=Class() as cls) if name == "__class__":
                return cls
            case Instance(cls=Class() as cls) | (Class() as cls):
                itself = owner if isinstance(owner, Instance) else None
                found = cls.get(name)
                if isinstance(found, Function) and "staticmethod" not in found.decorators:
                    found = replace(found, owner=cls if "classmethod" in found.decorators else itself)
                if isinstance(found, Function):
                    if itself is None or found.decorators.isdisjoint(("property", "cached_property")):
                        return found
                    made = self.call(found, Given([], {}, node))
                    if isinstance(made, PLAIN) and "cached_property" in found.decorators:
                        itself.values[name] = made
                    return made
                if isinstance(found, Instance) and (own := found.method("__get__")) is not None:
                    return self.call(own, Given([itself, cls], {}, node))
                if found is not MISSING:
                    return found if itself is None else itself.values.get(..., found)
                if itself is not None and not called and (own := itself.method("__getattr__")) is not None:
                    return self.call(own, Given([name], {}, node))
        held = isinstance(owner, Instance) and owner.is_dict and name in ("get", "pop", "setdefault", "update")
        bound = called or (isinstance(owner, list | dict) and hasattr(owner, name))
        return Method(owner.values if held else owner, name) if bound else left_open(node)

    def _elements(self, elements: list[ast.expr], scope: Scope) -> list[Value]:
        values: list[Value] = []
        for each in elements:
            value = self.value(each, scope)
            value = self.taken(value) if isinstance(each, ast.Starred) else value
            items = self.items(value) if isinstance(each, ast.Starred) else [value]
            more = replace((open_in(value) or left_open(each)).in_turn(each), rest=True)
            values += [more] if items is None else items
        return values

    def _dict(self, keys: Sequence[ast.expr | None], values: list[ast.expr], scope: Scope) -> Value:
        made: dict[Value, Value] = {}
        for key, each in zip(keys, values, strict=True):
            value, word = self.value(each, scope), None if key is None else self.value(key, scope)
            if key is None and isinstance(value, dict):
                made |= value
            elif key is not None and isinstance(word, PLAIN):
                made[word] = value
            else:
                return joined([word, value]) or left_open(each)
        return made

    def in_doubt(self, node: ast.expr, scope: Scope, more: list[Unknown]) -> Value:
        """Return the value of an expression that may not be evaluated."""
        self.doubts += more
        value = self.value(node, scope)
        del self.doubts[len(self.doubts) - len(more) :]
        return value

    def _collected(self, kind: str, items: list[Value], node: ast.AST) -> Value:
        """Return a set or a dict of items; one that depends on more than numbers and texts is left open."""
        made = self.call(Named((kind,)), Given([items], {}, node))
        return left_open(node) if isinstance(made, Call) else made

    def item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.Subscript) -> Value:
        """Return an item, or several in a slice, of an object."""
        if isinstance(owner, Instance) and (own := owner.method("__getitem__")) is not None:
            return self.call(own, Given([self.value(index, scope)], {}, node))
        if isinstance(owner, list) and isinstance(index, ast.Tuple):  # of the states of layers, in both directions
            for each in index.elts:
                owner = self.item(owner, each, scope, node)
            return owner
        bounds = (index.lower, index.upper, index.step) if isinstance(index, ast.Slice) else (index,)
        return library.item_of(self, owner, [each and self.value(each, scope) for each in bounds], node)

    def _rounds(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, depth: int, scope: Scope, taken: Value
    ) -> Iterator[Value]:
        """Yield the items that a comprehension's loops produce from this depth on."""
        if depth == len(node.generators):
            if isinstance(node, ast.DictComp):
                yield [self.value(node.key, scope), self.value(node.value, scope)]
            else:
                yield self.value(node.elt, scope)
            return
        loop = node.generators[depth]
        taken = self.value(loop.iter, scope) if depth else taken
        items = self.visited(taken)
        for item in [replace(open_in(taken) or left_open(node), rest=True)] if items is None else items:
            if isinstance(item, Unknown) and item.rest:
                unknown = replace(item.in_turn(loop.iter), rest=False, line=node.lineno)
                self.assign(loop.target, unknown, scope)
                self.doubts.append(unknown)
                made = [*self._rounds(node, depth + 1, scope, None)]
                self.doubts.pop()
                yield replace(one_of_some(made, unknown), rest=True)
                return
            self.assign(loop.target, item, scope)
            tests = [self.value(test, scope) for test in loop.ifs]
            holds = [self.truth(test) for test in tests]
            if None in holds:
                yield replace(joined(tests) or left_open(node), rest=True)
                return
            if all(holds):
                yield from self._rounds(node, depth + 1, scope, None)

    # Targets

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign a value to a target: a name, an attribute, an item, or several of them."""
        match target:
            case ast.Name(id=name):
                if (holder := scope.elsewhere.get(name)) is not None:
                    self.put(holder, holder.values, name, value)
                else:
                    scope.values[name] = value
                if isinstance(value, Instance) and scope.get("__self__") is not value:
                    value.variables.append(name)
            case ast.Attribute(value=owner, attr=name):
                self.set_attribute(self.value(owner, scope), scope.private(name), value, target)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for each, part in zip(targets, self.unpacked(value, targets), strict=True):
                    self.assign(each.value if isinstance(each, ast.Starred) else each, part, scope)
            case ast.Subscript(value=ast.Attribute(value=owner, attr="_modules" | "_parameters"), slice=index):
                held, name = self.value(owner, scope), self.value(index, scope)
                self.call(Named(("setattr",)), Given([held, name, value], {}, target))
            case ast.Subscript(value=owner, slice=index):
                items, key = self.value(owner, scope), self.value(index, scope)
                own = items.method("__setitem__") if isinstance(items, Instance) else None
                items = items.values if isinstance(items, Instance) else items
                if own is not None:
                    self.call(own, Given([key, value], {}, target))
                elif isinstance(items, dict) and isinstance(key, (*PLAIN, Class)):
                    self.put(items, items, key, value)
                elif isinstance(items, dict | list):
                    known = isinstance(items, list) and type(key) is int and not self.doubted(items)
                    if known and self.items(items) and -len(items) <= key < len(items):
                        items[key] = value
                    else:
                        library.spoil(self, items, Unknown(left_open(target).why), [value])

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST) -> None:
        """Set an attribute of an object or a class."""
        held = owner.cls.get(name) if isinstance(owner, Instance) and owner.cls is not None else None
        match owner:
            case Instance() if isinstance(held, Instance) and (own := held.method("__set__")) is not None:
                self.call(own, Given([owner, value], {}, node))
            case Instance() if (own := owner.method(f"{name}.setter")) is not None:
                self.call(own, Given([value], {}, node))
            case Instance() if (own := owner.method("__setattr__")) is not None:
                self.call(own, Given([name, value], {}, node))
            case Instance(values=values) | Class(scope=Scope(values=values)):
                self.put(owner, values, name, value)

    def unpacked(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return the value for each target of an assignment to several."""
        value = self.taken(value)
        items, star = self.items(value), [isinstance(each, ast.Starred) for each in targets]
        more = 0 if items is None else len(items) - len(targets)
        if items is not None and any(star) and more >= -1:
            place = star.index(True)
            items[place : place + more + 1] = [items[place : place + more + 1]]
        if items is not None and len(items) == len(targets):
            return items
        if isinstance(value, Unknown) and value.line:  # an unknown item of a loop
            return [value] * len(targets)
        return [left_open(each) for each in targets]

    # Calls

    def defined(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> Function:
        """Return a function with the default values of its parameters, evaluated where it is defined."""
        every, named = [*node.args.posonlyargs, *node.args.args], node.args.kwonlyargs
        written = [*zip(reversed(every), reversed(node.args.defaults), strict=False)]
        written += [(each, value) for each, value in zip(named, node.args.kw_defaults, strict=True) if value]
        defaults = {each.arg: self.value(value, scope) for each, value in written}
        around = (scope.cls and scope.around) or scope  # a method does not see the names inside its class
        return Function(node, around, defaults, scope.cls)

    def settled(self, given: Given) -> Given:
        """Return the arguments of a call, with what is in iterators and views now in place of them."""
        named = {name: each if isinstance(each, set) else self.taken(each) for name, each in given.named.items()}
        return replace(given, positional=[*map(self.taken, given.positional)], named=named)

    def call(self, called: Value, given: Given) -> Value:
        """Return the result of calling a value."""
        items, extends = given.get("", 0), isinstance(called, Method) and called.name == "extend"
        if extends and isinstance(called.owner, list) and isinstance(items, Stream) and not self.doubted(items):
            for each in islice(items, library.MAX_ITEMS + 1):  # which may read the list
                self.call(replace(called, name="append"), Given([each], {}, given.node))
            return None
        if not isinstance(called, Partial) and getattr(called, "name", "") not in library.LEAVING:
            given = self.settled(given)
        match called:
            case Method(owner=Stream() as owner):
                owner.items = iter([replace(left_open(given.node), rest=True)])
                return left_open(given.node)
            case Method(owner=list() | dict() | set() | str() | Instance()):
                return library.method_called(self, called, given)
            case Partial(called=held, given=first):
                every = [*first.positional, *given.positional]
                unknown = first.unknown or given.unknown
                return self.call(held, Given(every, first.named | given.named, given.node, unknown))
            case Named():
                return library.named_call(self, called, given)
            case Unknown():
                return joined([called, *(each for each in given.all if isinstance(each, Unknown))])
            case _:
                return self.apply(called, given)

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        match node.func:
            case ast.Name(id="locals" | "vars") if not node.args:
                held = {name: each for name, each in scope.values.items() if not name.startswith("__")}
                return held if scope is not self.module and scope.cls is None else scope.values
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super"), args=said), attr=name):
                called = library.inherited(scope.private(name), scope, [self.value(each, scope) for each in said[:1]])
            case ast.Attribute(value=owner, attr=name):
                called = self.attribute(self.value(owner, scope), scope.private(name), node.func, called=True)
            case _:
                called = self.value(node.func, scope)
        given, self.current = self._given(node, scope), scope
        made = self.call(called, given)
        sizes = library.sizes_of(called, given) if open_in(made) is not None else None
        return Array(left_open(node).why, sizes=sizes) if sizes else self.made(made, node, scope)

    def _given(self, node: ast.Call, scope: Scope) -> Given:
        positional = self._elements(node.args, scope)
        named: dict[str, Value] = {}
        unknown = next((each for each in positional if isinstance(each, Unknown) and each.rest), None)
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named |= {name: each for name, each in value.items() if isinstance(name, str)}
                unknown = open_in(value) or unknown
            else:
                unknown = Unknown((open_in(value) or left_open(keyword.value)).why)
            if keyword.arg is None:
                named = self.items_set(keyword.value) | named
        known = [each for each in positional if not (isinstance(each, Unknown) and each.rest)]
        return Given(known, named, node, unknown)

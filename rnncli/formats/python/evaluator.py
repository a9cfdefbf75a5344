"""The values of Python's expressions, as far as a text says them. Nothing of it is run or imported.

What is written is evaluated: numbers, texts, lists, names, attributes, arithmetic, calls of what the text defines and
of some functions of Python. A call of anything else is a `Call`; what is not known is an `Unknown` that says what
would make it known.
"""

from __future__ import annotations

import ast
import math
import operator
import string
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.faults import NO_SETTINGS, Settings
from rnncli.formats.python.objects import (
    MISSING,
    PLAIN,
    Bag,
    Call,
    Class,
    Function,
    Given,
    Instance,
    Named,
    Scope,
    Super,
    Unknown,
    Value,
    joined,
    left_open,
    open_in,
    put,
    source_of,
)

MAX_STEPS = 100_000
"""The most expressions, statements and rounds of loops that are followed."""

MAX_ITEMS = 2_000
"""The longest list, and the longest text that an operator may make."""

_ITEMS = 20
"""How many items take as long to follow as an expression."""

_MAX_DIGITS = 40
_WORDS: Mapping[object, Value] = {"True": True, "False": False, "None": None}

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_CHANGING = frozenset({"insert", "pop", "remove", "clear", "reverse", "sort"})


def written_as(text: str) -> str:
    """Return an expression in the one way in which the syntax tree writes it; spaces and quotes do not matter."""
    try:
        return ast.unparse(ast.parse(text.strip(), mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text.strip()


class Evaluator:
    """Finds the values of expressions.

    Args:
        settings: values of names and of expressions as they are written, which stand above what the text says.

    Attributes:
        used: which of the settings were used, as they were given.
    """

    def __init__(self, settings: Settings = NO_SETTINGS) -> None:
        self.used: set[str] = set()
        self._settings = {written_as(name): (name, _WORDS.get(each, each)) for name, each in settings.items()}
        self._expressions = any(not name.isidentifier() for name in self._settings)
        self._steps = 0
        self._changed: list[dict[tuple[int, Value], tuple[Any, Value, Value]]] = []
        self._parsers: dict[int, tuple[Call, dict[Value, Value]]] = {}

    # What a subclass may have otherwise

    def named(self, called: Named, given: Given) -> Value:
        """Return what a call makes of a name that the text does not define."""
        return Call(called.path, given)

    def applied(self, called: Value, given: Given) -> Value:
        """Return what a call of an object makes that is none of the text's."""
        return Call((), given, called)

    def method(self, owner: Value, name: str, given: Given) -> Value:
        """Return what a method of an object returns that is none of the text's, or MISSING if it has none."""
        return Call((name,), given, owner) if isinstance(owner, Call) else MISSING

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of an object that is none of the text's."""
        del owner, name
        return left_open(node)

    def item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.AST) -> Value:
        """Return an item of an object that is none of the text's."""
        del owner, index, scope
        return left_open(node)

    def derived(self, owner: Unknown, node: ast.AST) -> Value:
        """Return what an attribute, an item or a method is of what is not known."""
        del owner
        return left_open(node)

    def combined(self, values: list[Value], node: ast.AST) -> Value:
        """Return what an operator makes of values of which one is not known."""
        return joined(values) or Unknown(left_open(node).why)

    def invoke(self, function: Function, given: Given) -> Value:
        """Return what a function of the text returns."""
        del function
        return left_open(given.node)

    def instantiate(self, cls: Class, given: Given) -> Value:
        """Return an object of a class of the text."""
        del given
        return Instance(cls)

    # Settings, steps, changes

    def step(self, count: int = 1) -> None:
        """Count a step, or what takes as long as several.

        Raises:
            RnncliError: there are too many.
        """
        self._steps += count
        if self._steps > MAX_STEPS:
            raise RnncliError(f"it takes more than {MAX_STEPS:,} steps to follow what it makes", "keep models alone")

    def setting(self, name: str, otherwise: Value) -> Value:
        """Return what a setting says of a name or an expression, or else another value."""
        if name not in self._settings:
            return otherwise
        key, value = self._settings[name]
        self.used.add(key)
        return value

    def change(self, held: Any, key: Value, value: Value) -> None:
        """Give an item of a dict another value; of a list, all items."""
        if self._changed:
            old = held[:] if isinstance(held, list) else held.get(key, MISSING)
            self._changed[-1].setdefault((id(held), key), (held, key, old))
        put(held, key, value)

    # Expressions

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of an expression.

        Raises:
            RnncliError: it takes too many steps.
        """
        self.step()
        if self._expressions and isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            chosen = self.setting(source_of(node), MISSING)
            if chosen is not MISSING:
                return chosen
        match node:
            case ast.Constant(value=value):
                return value if isinstance(value, PLAIN) or value is Ellipsis else Unknown("it is no number")
            case ast.Name(id=name):
                found = scope.get(name)
                if found is MISSING:
                    found = Named((name,), node)
                elif isinstance(found, Named) and found.node is None:
                    found = Named(found.path, node)
                return self.setting(name, found) if isinstance(found, Named | Unknown) else found
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(self.value(owner, scope), name, node)
            case ast.Call():
                return self._call(node, scope)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return self._elements(elements, scope)
            case ast.Set(elts=elements):
                return _made("set", [self._elements(elements, scope)], {})
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, scope)
            case ast.BinOp(left=left, op=kind, right=right):
                return self.computed(kind, self.value(left, scope), self.value(right, scope), node)
            case ast.UnaryOp(op=kind, operand=operand):
                return self._unary(kind, self.value(operand, scope), node)
            case ast.BoolOp(op=kind, values=values):
                return self._either(isinstance(kind, ast.Or), values, scope, node)
            case ast.Compare(left=left, ops=kinds, comparators=rights):
                values = [self.value(each, scope) for each in (left, *rights)]
                compared = [self.compared(*each) for each in zip(kinds, values, values[1:], strict=False)]
                return self.combined(values, node) if None in compared else all(compared)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                tested = self.value(test, scope)
                holds = self.truth(tested)
                if holds is None:
                    return self.one_of([self.value(body, scope), self.value(orelse, scope)], self.doubt(test, tested))
                return self.value(body if holds else orelse, scope)
            case ast.Subscript(value=owner, slice=index):
                return self._item(self.value(owner, scope), index, scope, node)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
                return self._comprehension(node, scope)
            case ast.Lambda():
                return Function(node, scope)
            case ast.JoinedStr(values=pieces):
                return self._text(pieces, scope, node)
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                made = self.value(value, scope)
                self.change(scope.values, name, made)
                return made
            case ast.Starred(value=value) | ast.Await(value=value):
                return self.value(value, scope)
            case _:
                return left_open(node)

    def items(self, value: Value) -> list[Value] | None:
        """Return what a loop over a value takes, or None if that is not known, or too much."""
        self.step(len(value) // _ITEMS if isinstance(value, str | list | tuple | dict) else 0)
        return _certain(value)

    def truth(self, value: Value) -> bool | None:
        """Return whether a value counts as true, or None if that is not known."""
        if isinstance(value, (*PLAIN, list, tuple, dict)):
            return bool(value)
        return True if isinstance(value, Function | Class | Instance) else None

    def doubt(self, test: ast.expr, tested: Value) -> Unknown:
        """Return that it is not known whether a condition holds."""
        cause = open_in(tested)
        why = f"whether {shorten(source_of(test))} holds (line {test.lineno}) is not known"
        return Unknown(why, () if cause is None else cause.names, line=test.lineno)

    def one_of(self, values: Sequence[Value], why: Unknown) -> Value:
        """Return what a value is that is one of several: that, if they are the same; why it is not known, if not."""
        first, *rest = values
        if all(
            each is first or (isinstance(each, PLAIN) and type(each) is type(first) and each == first) for each in rest
        ):
            return first
        names = [each for each in values if isinstance(each, Named)]
        if len(names) == len(values) and len({each.name for each in names}) == 1:
            return names[-1]  # a class by one of two imports
        defined = [each for each in values if isinstance(each, Function | Class)]
        return defined[-1] if defined else why

    def computed(self, kind: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        """Return what an operator makes of two values."""
        self.step(sum(len(each) // _ITEMS for each in (left, right) if isinstance(each, list | str)))
        made = _computed(kind, left, right)
        return self.combined([left, right], node) if made is MISSING else made

    def _attribute(self, owner: Value, name: str, node: ast.expr) -> Value:
        match owner:
            case Named(path=("string",)) if isinstance(getattr(string, name, None), str):
                return getattr(string, name)
            case Named(path=path):
                return Named((*path, name), node)
            case Bag(values=values) | Instance(values=values) if name in values:
                return values[name]
            case Instance(cls=cls) | (Class() as cls):
                found = cls.get(name)
                if isinstance(found, Function) and isinstance(owner, Instance) and not found.decorated("staticmethod"):
                    bound = found.bound_to(owner)
                    return self.invoke(bound, Given([], {}, node)) if found.decorated("property") else bound
                return self.attribute(owner, name, node) if found is MISSING else found
            case Unknown():
                return self.derived(owner, node)
            case Bag() | list() | dict() | str():
                return left_open(node)
            case _:
                return self.attribute(owner, name, node)

    def _elements(self, elements: list[ast.expr], scope: Scope) -> Value:
        values: list[Value] = []
        for each in elements:
            value = self.value(each, scope)
            if not isinstance(each, ast.Starred):
                values.append(value)
                continue
            items = self.items(value)
            why = open_in(value) or left_open(each)
            values += [Unknown(why.why, rest=True)] if items is None else items
        return values

    def _dict(self, keys: Sequence[ast.expr | None], values: list[ast.expr], scope: Scope) -> Value:
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

    def _unary(self, kind: ast.unaryop, value: Value, node: ast.AST) -> Value:
        if isinstance(kind, ast.Not):
            holds = self.truth(value)
            return self.combined([value], node) if holds is None else not holds
        if isinstance(kind, ast.USub | ast.UAdd) and isinstance(value, int | float):
            return -value if isinstance(kind, ast.USub) else value
        return self.combined([value], node)

    def _either(self, either: bool, values: list[ast.expr], scope: Scope, node: ast.AST) -> Value:
        """Return what `or`, or else `and`, makes of some values."""
        seen: list[Value] = []
        for each in values:
            seen.append(self.value(each, scope))
            holds = self.truth(seen[-1])
            if holds == either:
                known = len(seen) == 1 or not any(map(open_in, seen)) or type(seen[-1]) is bool
                return seen[-1] if known else joined(seen)
        return joined(seen) or (seen[-1] if self.truth(seen[-1]) is not None else left_open(node))

    def compared(self, kind: ast.cmpop, left: Value, right: Value) -> bool | None:
        """Return whether a comparison of two values holds, or None if that is not known."""
        if open_in(left) is not None or open_in(right) is not None:
            made = isinstance(left, Call) and left.name[:1].isupper()  # an object, which is not None
            return isinstance(kind, ast.IsNot) if made and right is None else None
        if isinstance(kind, ast.Is | ast.IsNot) and (left is None or right is None):
            return bool(_COMPARISONS[type(kind)](left, right))
        known = (*PLAIN, list, tuple)
        if not isinstance(left, known) or not isinstance(right, (*known, dict, range)):
            return None
        try:
            return bool(_COMPARISONS[type(kind)](left, right))
        except TypeError:
            return None

    def _item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.Subscript) -> Value:
        if isinstance(owner, list | tuple | str) and isinstance(index, ast.Slice):
            bounds: list[Any] = [each and self.value(each, scope) for each in (index.lower, index.upper, index.step)]
            sure = isinstance(owner, str) or self.items(owner) is not None
            if sure and bounds[2] != 0 and all(each is None or type(each) is int for each in bounds):
                return owner[slice(*bounds)]
            return joined([*bounds, owner]) or left_open(node)
        if not isinstance(owner, list | tuple | str | dict):
            if isinstance(owner, Unknown):
                return self.derived(owner, node)
            return left_open(node) if isinstance(owner, Named) else self.item(owner, index, scope, node)
        key = self.value(index, scope)
        try:
            if isinstance(owner, dict) and isinstance(key, PLAIN):
                return owner[key]
            if not isinstance(owner, dict) and isinstance(key, int) and (isinstance(owner, str) or self.items(owner)):
                return owner[key]
        except LookupError:
            pass
        return joined([key, *(owner if isinstance(owner, list) else ())]) or left_open(node)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp, scope: Scope) -> Value:
        made: list[Value] = []
        why = self._rounds(node, 0, Scope({}, scope), made)
        if why is not None:
            return why
        return {key: value for key, value in made if isinstance(key, PLAIN)} if isinstance(node, ast.DictComp) else made

    def _rounds(self, node: Any, depth: int, scope: Scope, made: list[Value]) -> Unknown | None:
        """Add what the loops of a comprehension make, from some depth on; return why that is not known, or None."""
        if depth == len(node.generators):
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            values = [self.value(each, scope) for each in parts]
            made.append(values if len(values) > 1 else values[0])
            return None if len(made) <= MAX_ITEMS else left_open(node)
        loop = node.generators[depth]
        taken = self.value(loop.iter, scope)
        items = self.items(taken)
        if items is None:
            return open_in(taken) or left_open(node)
        for item in items:
            self.assign(loop.target, item, scope)
            tests = [self.value(test, scope) for test in loop.ifs]
            holds = [self.truth(test) for test in tests]
            why = joined(tests) or left_open(node) if None in holds else None
            if why is None and all(holds):
                why = self._rounds(node, depth + 1, scope, made)
            if why is not None:
                return why
        return None

    def _text(self, pieces: list[ast.expr], scope: Scope, node: ast.AST) -> Value:
        """Return what an f-string makes of values that are known."""
        text = ""
        for each in pieces:
            value = self.value(each.value if isinstance(each, ast.FormattedValue) else each, scope)
            formatted = isinstance(each, ast.FormattedValue) and (each.format_spec is not None or each.conversion != -1)
            if formatted or not isinstance(value, int | str) or len(text) > MAX_ITEMS:
                return self.combined([value], node)
            text += str(value)
        return text

    # Targets

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target a value: a name, an attribute, an item, or several of them."""
        match target:
            case ast.Name(id=name):
                self.change(scope.shared.get(name, scope).values, name, value)
                if isinstance(value, Instance):
                    value.variables.append(name)
            case ast.Attribute(value=owner, attr=name):
                held = self.value(owner, scope)
                if isinstance(held, Instance | Bag):
                    self.change(held.values, name, value)
                elif isinstance(held, Class):
                    self.change(held.scope.values, name, value)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for each, part in zip(targets, self.unpacked(value, targets), strict=True):
                    self.assign(each.value if isinstance(each, ast.Starred) else each, part, scope)
            case ast.Subscript(value=owner, slice=index):
                held = self.value(owner, scope)
                key = None if isinstance(index, ast.Slice) else self.value(index, scope)
                if isinstance(held, dict) and isinstance(key, PLAIN):
                    self.change(held, key, value)
                elif isinstance(held, list) and type(key) is int and self.items(held) and -len(held) <= key < len(held):
                    self.change(held, None, [*held[:key], value, *held[key % len(held) + 1 :]])
                elif isinstance(held, list):
                    self.change(held, None, [Unknown(left_open(target).why, rest=True)])

    def unpacked(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return what an assignment to several targets gives each of them."""
        items = self.items(value)
        starred = [place for place, each in enumerate(targets) if isinstance(each, ast.Starred)]
        if items is not None and len(items) == len(targets) and not starred:
            return items
        if items is not None and len(starred) == 1 and len(items) >= len(targets) - 1:
            place, behind = starred[0], len(targets) - starred[0] - 1
            return [*items[:place], items[place : len(items) - behind], *items[len(items) - behind :]]
        computed = "is computed when the program runs"
        if isinstance(value, Unknown | Call):
            return [Unknown(f"{source_of(each)} {computed}", left_open(each).names) for each in targets]
        return [open_in(value) or Unknown(f"it {computed}")] * len(targets)

    # Calls

    def call(self, called: Value, given: Given) -> Value:
        """Return what a call of a value makes."""
        match called:
            case Function():
                return self.invoke(called, given)
            case Class():
                return self.instantiate(called, given)
            case Instance(cls=cls) if isinstance(own := cls.get("__call__"), Function):
                return self.invoke(own.bound_to(called), given)
            case Named(path=("getattr",)) if isinstance(given.get("", 1), Unknown):
                return given.positional[1]
            case Named(path=("getattr",)) if isinstance(given.get("", 1), str) and len(given.positional) < 3:
                return self._attribute(given.positional[0], given.positional[1], given.node)  # type: ignore[arg-type]  # a text
            case Named(path=("setattr",)) if [Instance, str] == [type(each) for each in given.positional[:2]]:
                self.change(given.positional[0].values, given.positional[1], given.get("", 2))
                return None
            case Named(path=(*_, "field")) if "default" in given.named:
                return given.named["default"]
            case Named(path=(*_, "field")) if isinstance(factory := given.get("default_factory"), Function | Named):
                return self.call(factory, Given([], {}, given.node))
            case Named(path=("vars",)) if isinstance(given.get("", 0), Bag | Instance):
                return given.positional[0].values
            case Named(path=path) if path[-1] in FUNCTIONS and path[:-1] in _MODULES:
                self.step(sum(len(each) // _ITEMS for each in given.all if isinstance(each, list | str)))
                made = MISSING if given.unknown else _made(path[-1], given.positional, given.named)
                if made is not MISSING:
                    return made
                through = path[-1] in _THROUGH and any(isinstance(each, Unknown | Named) for each in given.all)
                return self.combined(given.all, given.node) if through else self.named(called, given)
            case Named(path=(*_, "Namespace" | "SimpleNamespace" | "EasyDict" | "AttrDict")) if not given.positional:
                return Bag(dict(given.named))
            case Named():
                return self.named(called, given)
            case Unknown():
                return joined([called, *(each for each in given.all if isinstance(each, Unknown))])
            case _:
                return self.applied(called, given)

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            owner = scope.get("__super__")
            return left_open(node) if owner is MISSING else owner
        given = self._given(node, scope)
        if not isinstance(node.func, ast.Attribute):
            called = self.value(node.func, scope)
            first = given.get("", 0)
            if called == Named(("super",)) and isinstance(first, Class) and isinstance(given.get("", 1), Instance):
                return Super(given.positional[1], first)
            return self.call(called, given)
        owner, name = self.value(node.func.value, scope), node.func.attr
        match owner:
            case list():
                return self._list_method(owner, name, given)
            case dict():
                return self._dict_method(owner, name, given)
            case str():
                return _text_method(owner, name, given)
            case Call(path=(*_, "ArgumentParser" | "ArgParser" | "add_argument_group")):
                return self._parser_method(owner, name, given)
            case Super(owner=instance, cls=cls):
                for base in cls.bases:
                    method = base.get(name) if isinstance(base, Class) else MISSING
                    if isinstance(method, Function):
                        return self.invoke(method.bound_to(instance), given)
                return None
            case Instance() if name == "add_module" and isinstance(given.get("name", 0), str):
                self.change(owner.values, given.get("name", 0), given.get("module", 1))
                return None
            case Instance() if name == "save_hyperparameters":
                self.change(owner.values, "hparams", Bag(dict(owner.given)))
                return None
        if isinstance(owner, Unknown):
            return self.derived(owner, node)
        defined = isinstance(owner, Instance) and owner.cls.get(name) is not MISSING
        made = MISSING if defined or isinstance(owner, Named | Class | Bag) else self.method(owner, name, given)
        return self.call(self._attribute(owner, name, node.func), given) if made is MISSING else made

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
            else:
                unknown = Unknown((open_in(value) or left_open(keyword.value)).why)
        known = [each for each in positional if not (isinstance(each, Unknown) and each.rest)]
        return Given(known, named, node, unknown)

    def _list_method(self, owner: list[Value], name: str, given: Given) -> Value:
        first, node = given.get("", 0), given.node
        added = [first] if name == "append" else self.items(first)
        if name in ("append", "extend") and len(owner) < MAX_ITEMS:
            why = open_in(first) or left_open(node)
            more = [Unknown(why.why, why.names, rest=True)] if added is None else added
            self.change(owner, None, [*owner, *more])
            return None
        if name in _CHANGING or name in ("append", "extend"):
            self.change(owner, None, [Unknown(left_open(node).why, rest=True)])
        elif name == "index" and self.items(owner) is not None and isinstance(first, PLAIN) and first in owner:
            return owner.index(first)
        return left_open(node)

    def _dict_method(self, owner: dict[Value, Value], name: str, given: Given) -> Value:
        first = given.get("", 0)
        match name:
            case "get" if isinstance(first, PLAIN):
                return owner.get(first, given.get("", 1))
            case "pop" if isinstance(first, PLAIN) and first in owner:
                value = owner[first]
                self.change(owner, first, MISSING)
                return value
            case "items":
                return [[key, value] for key, value in owner.items()]
            case "values":
                return list(owner.values())
            case "keys":
                return list(owner)
            case "copy":
                return dict(owner)
            case "update" if isinstance(first, dict) or given.named:
                for key, value in {**(first or {}), **given.named}.items():
                    self.change(owner, key, value)
                return None
        return left_open(given.node)

    def _parser_method(self, owner: Call, name: str, given: Given) -> Value:
        """Return what a method of an argument parser returns: its arguments have their default values."""
        values = self._parsers.setdefault(id(owner), (owner, {}))[1]
        match name:
            case "add_argument":
                flags = [each for each in given.positional if isinstance(each, str)]
                flag = next((each for each in flags if each.startswith("--")), flags[0] if flags else "")
                destination = given.get("dest", default=flag.lstrip("-").replace("-", "_"))
                action, default = given.get("action", default=""), given.get("default", default=MISSING)
                if default is MISSING and action in ("store_true", "store_false"):
                    default = action == "store_false"
                kind = given.get("type")
                if isinstance(default, str) and isinstance(kind, Named) and kind.path in (("int",), ("float",)):
                    default = _made(kind.name, [default], {})
                if default is not MISSING and isinstance(destination, str):
                    self.change(values, destination, default)
            case "set_defaults":
                for key, value in given.named.items():
                    self.change(values, key, value)
            case "add_argument_group" | "add_mutually_exclusive_group":
                group = Call(("add_argument_group",), given, owner)
                self._parsers[id(group)] = (group, values)
                return group
            case "parse_args":
                return Bag(values)
            case "parse_known_args":
                return [Bag(values), left_open(given.node)]
        return None


def _computed(kind: ast.operator, left: Value, right: Value) -> Value:
    """Return what an operator makes of two plain values, or MISSING if that is not known or too large."""
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and isinstance(kind, ast.Add):
        return [*left, *right] if len(left) + len(right) <= MAX_ITEMS else MISSING
    if isinstance(kind, ast.Mult) and isinstance(left, list | str) and type(right) is int:
        return left * right if len(left) * right <= MAX_ITEMS else MISSING
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    texts = isinstance(left, str) and isinstance(right, str) and isinstance(kind, ast.Add)
    if not (numbers or texts) or type(kind) not in _OPERATORS:
        return MISSING
    if isinstance(kind, ast.Pow | ast.LShift | ast.RShift) and abs(right) > 64:
        return MISSING
    try:
        value = _OPERATORS[type(kind)](left, right)
    except (ArithmeticError, ValueError, TypeError):
        return MISSING
    if isinstance(value, str):
        return value if len(value) <= MAX_ITEMS else MISSING
    return value if isinstance(value, int | float) and abs(value) < 10**_MAX_DIGITS else MISSING


def _text_method(owner: str, name: str, given: Given) -> Value:
    """Return what a method of a text returns that is known."""
    plain = all(isinstance(each, str) for each in given.positional) and not given.named
    if plain and name in ("lower", "upper", "strip", "startswith", "endswith", "split", "title", "capitalize"):
        try:
            return getattr(owner, name)(*given.positional)
        except (TypeError, ValueError):
            pass
    return left_open(given.node)


def _certain(value: Value) -> list[Value] | None:
    """Return the items of a value that all are known to be there."""
    few = isinstance(value, str) or (isinstance(value, list | tuple | range | dict) and len(value) <= MAX_ITEMS)
    items = list(value) if few else [Unknown("", rest=True)]
    return None if any(isinstance(each, Unknown) and each.rest for each in items) else items


def _made(name: str, values: Sequence[Value], named: Mapping[str, Value]) -> Value:
    """Return what a function of Python makes of values that are known, or MISSING."""
    kinds = (int, float) if name in _NUMBERS else PLAIN
    for each in values:
        items = None if isinstance(each, kinds) else _certain(each)
        if not isinstance(each, kinds) and (items is None or name == "str"):
            return MISSING
        if name in _NUMBERS and not all(isinstance(item, kinds) for item in items or ()):
            return MISSING
    try:
        made = FUNCTIONS[name](*values, **named)
    except (TypeError, ValueError, ArithmeticError):
        return MISSING
    if isinstance(made, (*PLAIN, range, dict)):
        return made
    listed = [list(each) if isinstance(each, tuple) else each for each in islice(made, MAX_ITEMS + 1)]
    return listed if len(listed) <= MAX_ITEMS else MISSING


_NUMBERS = frozenset({"round", "abs", "sqrt", "ceil", "floor", "max", "min", "sum"})
_THROUGH = frozenset({*_NUMBERS, "int", "float", "range", "zip", "enumerate", "list", "tuple", "reversed", "sorted"})
"""Functions whose values a setting says by what they are given."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        *(int, float, round, abs, math.sqrt, math.ceil, math.floor, max, min, sum, str, bool, range, len),
        *(list, tuple, sorted, dict, enumerate, zip, reversed),
    )
} | {"set": lambda *values: dict.fromkeys(*values).keys() if values else [], "OrderedDict": dict}
"""The functions of Python that are known, by their names."""

_MODULES = ((), ("math",), ("collections",))

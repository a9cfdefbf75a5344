"""Python's functions, methods and operators on values that are known."""

from __future__ import annotations

import ast
import itertools
import json
import math
import operator
import re
from collections.abc import Callable, Collection, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from rnncli.formats.frameworks import CLASSES
from rnncli.formats.nodes import names
from rnncli.formats.python.objects import (
    MISSING,
    PLAIN,
    PLAIN_BASES,
    Array,
    Call,
    Class,
    Factory,
    Function,
    Given,
    Instance,
    Method,
    ModuleList,
    Named,
    Opaque,
    Parser,
    Partial,
    Scope,
    Stream,
    Tuple,
    Unknown,
    Unordered,
    Value,
    joined,
    left_open,
    one_of_some,
    open_in,
)
from rnncli.formats.python.trees import expression_in, tree_of

if TYPE_CHECKING:
    from rnncli.formats.python.evaluator import Evaluator

ITEMS_A_STEP = 20
"""How many items count as one step."""

MAX_ITEMS = 2_000
"""The longest list, and the longest text that an operator may produce."""

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    **{getattr(ast, each.title()): getattr(operator, each) for each in names("add sub mod pow")},
    **{getattr(ast, f"Bit{each.title()}"): getattr(operator, f"{each}_") for each in names("or and")},
    **{getattr(ast, f"{each[:1].upper()}Shift"): getattr(operator, each) for each in names("lshift rshift")},
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.BitXor: operator.xor,
}
_BY_NAME = {each.__name__: kind for kind, each in _OPERATORS.items()}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    **{getattr(ast, each.title()): getattr(operator, each) for each in names("eq lt gt")},
    ast.NotEq: operator.ne,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.Is: lambda one, other: one is other or (isinstance(one, str) and one == other),
    ast.IsNot: lambda one, other: one is not other and not (isinstance(one, str) and one == other),
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_TESTING = names("filter takewhile dropwhile")
_CHANGING = names(
    "append extend insert pop reverse update setdefault remove clear sort popitem move_to_end add discard"
    " intersection_update difference_update symmetric_difference_update"
    " __imul__ __iadd__ __ior__ __setitem__ __delitem__"
)
"""Methods that change the list, dict or set that they belong to."""

_IN_PLACE = names("shuffle heapify heappush heappop heapreplace insort insort_left insort_right setitem delitem")
"""Functions of Python's library that change what they are given."""

_ODD = names("encode center ljust rjust zfill expandtabs")
"""Methods of texts that return bytes, or texts of any length."""

_ENDLESS = Unknown("an iterator has no end", rest=True)
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(math, name) for name in names("sqrt ceil floor log2 prod gcd isqrt")},
    **{each.__name__: each for each in (int, float, round, abs, max, min, sum, str, bool, range, len, list, tuple)},
    **{each.__name__: each for each in (sorted, dict, set, enumerate, zip, reversed, divmod, iter, copy, map, filter)},
    **{name: getattr(itertools, name) for name in names("chain pairwise islice takewhile dropwhile")},
    "cycle": lambda items: itertools.chain(itertools.islice(itertools.cycle(items), MAX_ITEMS + 1), [_ENDLESS]),
    "reduce": reduce,
    "OrderedDict": dict,
    "frozenset": set,
}
"""The Python functions that are supported, by name."""


_NAMESPACES = names("Namespace SimpleNamespace EasyDict AttrDict ConfigDict Munch Box DotMap create")  # of OmegaConf
_LAZILY = names("iter enumerate zip reversed map filter chain pairwise islice cycle takewhile dropwhile")
LEAVING = names("next any all isinstance bool copy partial setattr getattr append insert add setdefault")
LEAVING |= _LAZILY | _NAMESPACES
"""Functions and methods that leave an iterator as it is, or take its items one by one."""

VIEWS = (KeysView, ValuesView, ItemsView)
"""What `d.keys()`, `d.values()` and `d.items()` return: they show what is in the dict whenever they are used."""

_REGISTERING = names("add_module register_module register_parameter __setattr__ __setitem__")
_MODULES = names("math collections itertools functools numpy copy")
FRAMEWORK_PACKAGES = names("torch tensorflow keras tf_keras keras_core")

_KINDS = {each: each for each in names("bool int float str list dict")} | {"Tuple": "tuple", "TracedTensor": "Tensor"}
"""What the text calls the types of some values."""


def builtin(evaluator: Evaluator, called: Named, given: Given) -> Value:
    """Return the result of a Python function on values that are known."""

    def followed(function: Value) -> Callable[..., Value]:
        return lambda *each: each[0] if function is None else evaluator.call(function, Given([*each], {}, given.node))

    def tested(function: Value) -> Callable[..., bool]:
        known: Mapping[bool | None, bool] = {True: True, False: False}
        return lambda each: known[evaluator.truth(followed(function)(each))]

    values = [(isinstance(each, Call | Instance) and evaluator.items(each)) or each for each in given.positional]
    given = replace(given, positional=values)
    words = {name: followed(each) if name == "key" else each for name, each in given.named.items()}
    size = max(map(size_of, values), default=1)
    kinds = (list, dict, set, Stream, *VIEWS) if called.name in _LAZILY else ()  # rather than data
    values = [evaluator.visited(each) if isinstance(each, kinds) else each for each in values]
    if called.name in _TESTING | {"map", "reduce"} and values:
        values[0] = (tested if called.name in _TESTING else followed)(values[0])
    alone = called.name in ("str", "bool")
    known = [isinstance(each, (*PLAIN, Stream)) or callable(each) for each in values]
    known = [one or (not alone and evaluator.items(each) is not None) for one, each in zip(known, values, strict=True)]
    slow = called.name in ("max", "min", "sorted", "sum") and _is_deep(values)
    if called.name == "sum":
        joint = [len(one) for each in values if isinstance(each, list) for one in each[:] if isinstance(one, list)]
        slow = slow or sum(joint) > MAX_ITEMS
    if given.unknown is None and all(known) and not slow:
        try:
            made = _FUNCTIONS[called.name](*values, **words)
            if isinstance(made, dict | set) and any(open_in(each) or isinstance(each, Instance) for each in made):
                raise TypeError  # one may be equal to another
            made = Stream(map(value_of, made), size) if isinstance(made, Iterator) else value_of(made)
            made = Unordered(made) if isinstance(made, list) and isinstance(given.get("", 0), Unordered) else made
            return evaluator.fresh(made)
        except (ValueError, ArithmeticError):
            evaluator.fails()
        except TypeError:
            pass
    if called.name == "reversed" or (called.name == "range" and given.get("", 2, 1) != 1):
        return left_open(given.node)  # timesteps from the last to the first, or only some
    given = evaluator.settled(given)
    open_ = [isinstance(each, Unknown | Named) for each in given.all]
    open_ += [isinstance(each, list) and evaluator.items(each) is None for each in given.all]
    through = called.name != "len" and any(open_)
    return evaluator.combined(given.all, given.node) if through else evaluator.apply(called, given)


def has_order(values: Collection[Value]) -> bool:
    """Return whether the order of a set's items is the same whenever the program runs, as that of numbers is."""
    return len(values) < 2 or all(isinstance(each, int) for each in values)


def size_of(value: Value) -> int:
    """Return about how many items a loop over a value visits, or 1 if that is not known."""
    return value.size if isinstance(value, Stream) else len(value) if isinstance(value, list | str | dict) else 1


def named_call(evaluator: Evaluator, called: Named, given: Given) -> Value:
    """Return the result of some functions that are recognised by name, or the call itself for any other name."""
    owner, name = given.get("", 0), given.get("", 1)
    match called.path:
        case ("getattr",) if isinstance(name, Unknown) or (isinstance(name, str) and len(given.positional) == 2):
            if not isinstance(name, Unknown):
                return evaluator.attribute(owner, name, given.node)
            activates = owner == Named(("torch", "nn")) and any("act" in each.name for each in name.names)
            layer = getattr(owner, "name", "") in ("nn", "layers")
            why = replace(name, why=left_open(given.node).why)
            return why.such_as("ReLU" if activates else "LSTM" if layer else None)
        case ("getattr" | "hasattr" as asked,) if isinstance(owner, Instance) and owner.cls and isinstance(name, str):
            has = name in owner.values or owner.cls.get(name) is not MISSING
            if has or {base.name for base in owner.cls.named} <= PLAIN_BASES:
                value = evaluator.attribute(owner, name, given.node) if has else given.get("", 2)
                return has if asked == "hasattr" and not isinstance(value, Unknown) else value
        case ("list" | "dict" | "set" | "str", method) if isinstance(owner, list | dict | set | str):
            return evaluator.call(Method(owner, method), replace(given, positional=given.positional[1:]))
        case (*_, method) if isinstance(owner, list | dict) and method in _IN_PLACE:
            spoil(evaluator, owner, Unknown(left_open(given.node).why), given.all[1:])
        case ("object", method) if isinstance(owner, Instance) and isinstance(given.get("", 2), PLAIN):
            return evaluator.call(Method(owner, method), replace(given, positional=given.positional[1:]))
        case ("setattr",) if isinstance(name, str):
            return evaluator.set_attribute(owner, name, given.get("", 2), given.node)
        case ("setattr",) if isinstance(owner, Instance | Class):
            held = owner.values if isinstance(owner, Instance) else owner.scope.values
            return spoil(evaluator, held, Unknown(left_open(given.node).why), [given.get("", 2)])
        case ("isinstance",) if isinstance(owner, (*PLAIN, list, dict, set, Opaque)):
            kinds = name if isinstance(name, list) else [name]
            if isinstance(owner, Instance) and owner.cls is not None and (kind := owner.cls.kind_of(kinds)) is not None:
                return kind
            classes = {each.name if isinstance(each, Named) else "" for each in kinds}
            own = [_KINDS.get(each.__name__, each.__name__) for each in type(owner).__mro__]
            own = ["tuple"] if isinstance(owner, Tuple) else own
            plain = names("bool int float str list tuple dict") | CLASSES["torch"].keys()
            plain = plain if isinstance(owner, Array) else plain | {"Tensor"}
            if classes <= plain and type(owner) not in (Call, Instance):
                return not classes.isdisjoint([*own, owner.name] if isinstance(owner, Call) else own)
        case ("len",) if type(owner) is int and owner in [value for _, value in evaluator.settings.values()]:
            return owner  # vocab=5000 says how many there are
        case ("len",) if isinstance(owner, Unknown):
            return left_open(given.node, of=owner)
        case ("any" | "all" as asked,) if (some := evaluator.visited(owner)) is not None:
            found = next((each for each in map(evaluator.truth, some) if each is not (asked == "all")), asked == "all")
            if found is not None:
                return found
        case ("next",) if isinstance(owner, Stream | list) and (some := evaluator.visited(owner)) is not None:
            return next(iter(some), name)
        case ("operator", way) if way in _BY_NAME and len(given.positional) == 2:
            return evaluator.calculated(_BY_NAME[way](), owner, name, given.node)
        case ("json", "loads") if isinstance(owner, str) and not given.named:
            evaluator.step(len(owner) // ITEMS_A_STEP)
            with suppress(ValueError, RecursionError):
                return evaluator.fresh(json.loads(owner))
        case ("delattr",) if isinstance(name, str):
            return evaluator.set_attribute(owner, name, Unknown(f"{name} is deleted"), given.node)
        case ("type",) if isinstance(owner, Instance) and owner.cls is not None:
            return owner.cls
        case ("type",) if type(owner).__name__ in _KINDS and len(given.positional) == 1:
            kind_of = _KINDS[type(owner).__name__]
            return Named(("torch", kind_of) if kind_of == "Tensor" else (kind_of,))
        case ("types", "MethodType") if isinstance(owner, Function) and isinstance(name, Instance):
            return replace(owner, owner=name, cls=name.cls)
        case ("collections", "namedtuple") if isinstance(owner, str):
            fields = name.replace(",", " ").split() if isinstance(name, str) else evaluator.items(name) or []
            with suppress(ValueError, TypeError):
                usual = zip(reversed(fields), reversed(given.get("defaults", default=[])), strict=False)
                node = tree_of(f"class {owner}: {'; '.join(f'{each}: int' for each in fields)}").body[0]
                return Class(cast(ast.ClassDef, node), Scope(dict(usual)), (Named(("NamedTuple",)),))
        case ("type",) if isinstance(owner, str) and isinstance(held := given.get("", 2), dict):
            node = ast.ClassDef(owner, [], [], [], [], lineno=given.line)
            return Class(node, Scope(held), tuple(evaluator.items(name) or ()))
        case ("copy", "copy") if isinstance(owner, Instance) and owner.cls is not None and not owner.cls.named:
            return evaluator.fresh(replace(owner, values={**owner.values}, variables=[]))
        case ("dataclasses", "replace") if isinstance(owner, Instance) and given.unknown is None:
            return evaluator.fresh(Instance(owner.cls, owner.values | given.named))
        case ("vars",) | (*_, "asdict") if isinstance(owner, Instance):
            return owner.values
        case (*_, "field" | "Field") if given.positional or given.named.keys() & {"default", "default_factory"}:
            factory = given.get("default_factory")
            return given.get("default", 0) if factory is None else Factory(factory, Given([], {}, given.node))
        case (*_, cls) if cls in _NAMESPACES and given.as_dict is not None:
            return evaluator.fresh(Instance(None, given.as_dict))
        case (*_, "partial") if given.positional:
            return Partial(owner, Given(given.positional[1:], given.named, given.node, given.unknown))
        case (*_, "train_test_split") if any(isinstance(each, Array) for each in given.positional):
            why = left_open(given.node)
            parts = [each.part(given.node) if isinstance(each, Array) else why for each in given.positional]
            return [one for each in parts for one in (each, each)]
        case ("globals",):
            return evaluator.module.values
        case ("eval",) | ("ast", "literal_eval") if isinstance(owner, str | Unknown) and len(given.all) == 1:
            said, why = expression_in(owner) if isinstance(owner, str) else None, left_open(given.node)
            unsaid = replace(owner, why=why.why) if isinstance(owner, Unknown) else why
            return evaluator.value(said, evaluator.current) if said else unsaid
        case ("os", "getenv") | ("os", "environ", "get") if len(given.positional) == 2:
            return name
        case (*_, "set_image_data_format"):
            evaluator.data_format = owner
        case (*_, "ArgumentParser"):
            return evaluator.fresh(Parser(None))
        case (*module, name) if name in _FUNCTIONS and _MODULES.issuperset(module):
            return builtin(evaluator, called, given)
    return evaluator.apply(called, given)


def method_called(evaluator: Evaluator, called: Method, given: Given) -> Value:
    """Return the result of a method of a plain value, or of one that an object has without a definition in the text."""
    owner, name = called.owner, called.name
    if isinstance(owner, list) and name == "add_module":
        return plain_method(evaluator, owner, "append", Given([given.get("module", 1)], {}, given.node))
    if isinstance(owner, Instance | dict) and name in _REGISTERING:
        held, key = owner if isinstance(owner, dict) else owner.values, given.get("name", 0)
        key = key if isinstance(key, str) else f"module {len(held)}"
        return evaluator.put(owner, held, key, given.get("module", 1, given.get("param", default=given.get("value"))))
    if name == "as_list" and isinstance(owner, list):  # of a shape in TensorFlow
        return owner
    if not isinstance(owner, Instance):
        return plain_method(evaluator, owner, name, given)
    if isinstance(owner, Parser):
        return argument_parsed(evaluator, owner, name, given)
    if name == "save_hyperparameters":
        return evaluator.put(owner, owner.values, "hparams", Instance(None, dict(owner.given)))
    if name == "model_dump":  # of pydantic
        return owner.values
    return evaluator.apply(called, given)


def plain_method(evaluator: Evaluator, owner: Any, name: str, given: Given) -> Value:
    """Return the result of a method of a list, dict or text; if it is unknown, whatever it changes becomes unknown."""
    first, why = given.get("", 0), left_open(given.node)
    key = open_in(first) if isinstance(owner, dict) and name in ("get", "pop", "setdefault") else None
    if key is not None and name == "get":
        return one_of_some([*owner.values()], key)
    known = key is None and hasattr(owner, name) and (name[:2] != "__" or name in _CHANGING) and name not in _ODD
    known = known and not given.unknown and len(owner) <= MAX_ITEMS
    if isinstance(owner, str):
        texts = [one for each in given.all for one in (each[:] if isinstance(each, list) else [each])]
        known = known and all(isinstance(each, int) or (isinstance(each, str) and len(each) < 99) for each in texts)
        known = known and not (name == "format" and {*owner} & {*":.[!"}) and len(owner) * len(texts) < 10 * MAX_ITEMS
        evaluator.step(len(texts) // ITEMS_A_STEP)
    if isinstance(owner, set):
        known = known and joined(given.all) is None and (name != "pop" or has_order(owner))
    elif name in ("extend", "update") and given.positional:
        kind = list if isinstance(owner, list) else dict
        known = known and isinstance(first, kind) and evaluator.items(first) is not None
    if name == "__imul__":
        known = known and isinstance(first, int) and (len(owner) or 1) * abs(first) <= MAX_ITEMS
    if name not in ("append", "extend", "update"):
        has = isinstance(owner, dict) and isinstance(first, PLAIN) and first in owner
        known = known and (has or evaluator.items(owner) is not None)
    if isinstance(owner, list) and name not in ("append", "extend"):
        known = known and not _is_deep([owner, first])
        known = known and (name not in ("index", "count", "remove") or joined([*owner, first]) is None)
    if name in _CHANGING and (evaluator.doubted(owner) or not known):
        more = evaluator.items(first) or given.all
        cause = (open_in(first) or Unknown(why.why)).without(*getattr(given.node, "args", ()))
        spoil(evaluator, owner, cause, more, after=name in ("append", "extend"))
        return why
    try:
        values: Iterable[Value] = given.positional
        if isinstance(owner, str):
            values = [tuple(each) if isinstance(each, Tuple) else each for each in values]
        made: Any = getattr(owner, name)(*values, **given.named) if known else why
        return why if isinstance(made, str) and len(made) > MAX_ITEMS else value_of(made)
    except (TypeError, ValueError, LookupError, OverflowError):
        if name in _CHANGING:
            spoil(evaluator, owner, Unknown(why.why), given.all)
        return why


def item_of(evaluator: Evaluator, owner: Any, keys: list[Value], node: ast.Subscript) -> Value:
    """Return an item of a value, given its key, or several, given the three bounds of a slice."""
    if isinstance(owner, Named):
        itself = owner.path == ("sys", "modules") and keys == ["__main__"]
        return Instance(None, evaluator.module.values) if itself else left_open(node)
    if isinstance(owner, Class) and owner.get("__class_getitem__") is MISSING:  # of an Enum, or of a generic class
        return owner.scope.values.get(keys[0], owner) if isinstance(keys[0], str) else owner
    owner, several = (owner.as_tuple or owner.values) if isinstance(owner, Instance) else owner, len(keys) == 3
    if isinstance(owner, Array) and several:
        return owner.part(node)
    if isinstance(owner, Unordered) or (isinstance(owner, list) and evaluator.items(owner) is None):
        return joined([*keys, *owner]) or left_open(node)
    try:
        made: Value = owner[slice(*keys) if several else keys[0]]
        return type(owner)(made) if isinstance(owner, ModuleList | Tuple) and several else made
    except (LookupError, TypeError, ValueError) as error:
        if isinstance(error, LookupError) and joined(keys) is None and open_in(owner) is None:
            evaluator.fails()
        if not isinstance(owner, dict) or all(isinstance(key, PLAIN) for key in keys):
            why = joined(keys) if isinstance(owner, list | str | dict) else None
            if why is not None and isinstance(owner, list):
                return replace(why, why=left_open(node).why).such_as(0)
            return why or left_open(node, of=owner)
        example = next((key for key in owner if isinstance(key, str | int)), None)
        return one_of_some([*owner.values()], (joined(keys) or left_open(node.slice)).such_as(example))


def argument_parsed(evaluator: Evaluator, owner: Parser, name: str, given: Given) -> Value:
    """Return the result of a method of an argument parser, whose arguments have their default values.

    If the file passes arguments to the parser itself, they are all left open.
    """
    if name in ("parse_args", "parse_known_args"):
        words = given.get("args", 0)
        if isinstance(words, list) and words:
            owner.values.clear()
        return owner if name == "parse_args" else [owner, []]
    if name in ("add_argument_group", "add_mutually_exclusive_group"):
        return owner
    if name == "set_defaults":
        for each, value in given.named.items():
            evaluator.put(owner, owner.values, each, value)
        if given.unknown is not None:
            owner.values.clear()
        return None
    if name != "add_argument":
        return left_open(given.node)
    flags = [each for each in given.positional if isinstance(each, str)]
    flag = next((each for each in flags if each.startswith("--")), flags[0] if flags else "")
    destination = given.get("dest", default=flag.lstrip("-").replace("-", "_"))
    action, default = given.get("action"), given.get("default", default=MISSING)
    if default is MISSING and action in ("store_true", "store_false"):
        default = action == "store_false"
    if isinstance(default, str) and given.get("type") in (Named(("int",)), Named(("float",))):
        default = evaluator.call(given.get("type"), Given([default], {}, given.node))
    if default is not MISSING and isinstance(destination, str):
        evaluator.put(owner, owner.values, destination, default)
    return None


def value_of(made: Any) -> Value:
    """Return the result of a Python function as a value; of a long range, more than the items that are followed."""
    match made:
        case tuple():
            rest = [each for each in made if isinstance(each, Unknown) and each.rest]
            return rest[0] if rest else Tuple(map(value_of, made))
        case range():
            return [*made[: MAX_ITEMS + 1]]
    return made


def _is_deep(values: Sequence[Value]) -> bool:
    """Return whether lists are nested so deeply that comparing shared ones again and again would take long."""
    for _ in range(2):
        held = {id(each): each for each in values if isinstance(each, list | dict)}.values()
        values = [one for each in held for one in (each.values() if isinstance(each, dict) else each[:])]
    return any(isinstance(each, list | dict) for each in values)


def spoil(evaluator: Evaluator, held: Any, why: Unknown, added: Sequence[Value] = (), *, after: bool = False) -> None:
    """Record that the contents of a list, set or dict are unknown; with `after`, only those after a list's items.

    A dict then has the reason under the key `...`, because it may have other keys, too.
    """
    values = [*held.values()] if isinstance(held, dict) else [] if after else held
    why = one_of_some([*values, *added], evaluator.doubted(held) or why)
    if isinstance(held, dict):
        held.update(dict.fromkeys([*held, ...], why))
    elif isinstance(held, set):
        held.add(replace(why, rest=True))
    elif isinstance(held, list):
        held[:] = [*(held if after else []), replace(why, rest=True)]


def inherited(name: str, scope: Scope, said: Sequence[Value]) -> Function | Method:
    """Return a method of `super()` in a method's scope; a class that is said is used instead of the scope's own."""
    self_ = scope.get("__self__")
    own = self_.cls if isinstance(self_, Instance) else self_
    line = own.line if isinstance(own, Class) else []
    after = next((each for each in (*said, scope.get("__class__")) if each in line), None)
    method = None if after is None else line[0].get(name, after=after)
    return replace(method, owner=self_) if isinstance(method, Function) else Method(self_, name)


def compared(kind: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Return whether a comparison of two values holds, or None if that is not known."""
    call = type(left) is Call  # its result may be a text, and that of a function None
    made = isinstance(left, Opaque) and (not call or getattr(left, "name", "")[:1].isupper())
    is_type = isinstance(left, Named) and left.path[-1] in _KINDS.values()
    made = made or is_type or (isinstance(left, Named) and left.path[0] in FRAMEWORK_PACKAGES)
    named = isinstance(left, Named) and isinstance(right, Named)
    alike, apart = made and named and left == right, made and named and left.name != right.name
    apart = apart or (made and (right is None or (isinstance(right, str) and not call)))
    if (alike or apart) and isinstance(kind, ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
        return apart == isinstance(kind, ast.IsNot | ast.NotEq)
    within = isinstance(kind, ast.In | ast.NotIn)
    if is_type and within and isinstance(right, list):
        return (left in right) == isinstance(kind, ast.In)
    if isinstance(right, Stream):  # of which it takes the items up to the one that it finds
        right = [next((each for each in right if each == left or open_in(each)), MISSING)]
    right = [*map(value_of, right)] if isinstance(right, VIEWS) and open_in(right) is None and within else right
    known = (*PLAIN, list, dict, set, KeysView, Instance, Function, Class)
    if not isinstance(left, known) or not isinstance(right, known) or open_in(left) or open_in(right):
        return None
    alike = left is not right and (isinstance(left, Instance) or isinstance(right, Instance))
    if _is_deep([left, right]) or (alike and not isinstance(kind, ast.Is | ast.IsNot)):  # __eq__ compares their values
        return None
    try:
        return bool(_COMPARISONS[type(kind)](left, right))
    except TypeError:
        return None


def calculated(kind: ast.operator, left: Value, right: Value) -> Value:
    """Return the result of an operator on two plain values, or MISSING if it is not known or too large."""
    number = int | float
    match kind, left, right:
        case (ast.Add(), list(), list()) | (ast.Add(), str(), str()):
            return type(left)(left + right) if len(left) + len(right) <= MAX_ITEMS else MISSING
        case (ast.BitOr(), dict(), dict()) | (ast.BitOr() | ast.BitAnd() | ast.BitXor() | ast.Sub(), set(), set()):
            return MISSING if open_in(left) or open_in(right) else _OPERATORS[type(kind)](left, right)
        case ast.Mod(), str(), _ if len(left) <= MAX_ITEMS and not re.search(r"%[^a-zA-Z]*(\d{3}|\*)", left):  # long
            values = tuple(right) if isinstance(right, list) else (right,)
            known = all(isinstance(each, number | str) for each in values) and sum(map(size_of, values)) <= MAX_ITEMS
            with suppress(TypeError, ValueError, OverflowError):
                return left % values if known else MISSING
        case (ast.Mult(), list() | str() as many, int() as by) | (ast.Mult(), int() as by, list() | str() as many):
            return type(many)(many * by) if (len(many) or 1) * abs(by) <= MAX_ITEMS else MISSING
    if not isinstance(left, number) or not isinstance(right, number) or type(kind) not in _OPERATORS:
        return MISSING
    if isinstance(kind, ast.Pow | ast.LShift) and abs(right) > 64:
        return MISSING
    try:
        value = _OPERATORS[type(kind)](left, right)
    except (ArithmeticError, ValueError, TypeError):
        return MISSING
    return value if isinstance(value, number) and abs(value) < 10**40 else MISSING


_FILLED: Mapping[str, int] = {
    **dict.fromkeys(names("zeros ones empty full random random_sample standard_normal"), 0),
    **dict.fromkeys(names("normal uniform randint"), 2),
}
"""NumPy's functions that fill a new array, and the position of its sizes among their arguments."""


def sizes_of(called: Value, given: Given) -> tuple[Value, ...]:
    """Return the sizes of the array that a function of NumPy or a method returns; empty if unknown.

    It fills a new array with numbers, or reshapes one; expand_dims makes three axes.
    """
    name, unknown = getattr(called, "name", ""), left_open(given.node)
    if name == "expand_dims" and given.get("axis", 1) == 2:
        return (unknown, unknown, 1)
    if name in ("astype", "copy") and isinstance(called, Method) and isinstance(called.owner, Array):
        return called.owner.sizes
    if isinstance(called, Named) and called.path[0] in ("numpy", "np") and given.unknown is None:
        if name in ("rand", "randn"):
            return tuple(given.positional)
        if name in _FILLED:
            sizes = given.get("size", _FILLED[name], given.get("shape"))
            return tuple(sizes) if isinstance(sizes, list) else () if sizes is None else (sizes,)
    sizes = given.positional if name == "reshape" and given.unknown is None else []
    if len(sizes) in (1, 2) and isinstance(sizes[-1], list):
        sizes = sizes[-1]
    elif len(sizes) == 1:
        return ()
    return tuple(unknown if type(each) is int and each < 0 else each for each in sizes)


def sizes_of_data(value: Value) -> tuple[Value, ...]:
    """Return the sizes of an array, or of what a function of a framework fills, `tf.zeros((1, 20, 8))`; else empty."""
    if isinstance(value, Array) or type(value) is not Call:
        return value.sizes if isinstance(value, Array) else ()
    shape = value.given.get("shape", value.name == "placeholder")  # of TensorFlow 1, after its dtype
    known = value.name in _FILLED or value.name == "placeholder"
    return tuple(shape) if known and isinstance(shape, list) else ()

"""The values in a Python text: numbers, texts, its definitions, its calls, and whatever it leaves open."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Final

from rnncli.errors import RnncliError, shorten
from rnncli.formats.build import ArgumentFaultError
from rnncli.formats.frameworks import HOLDS, NOT_TRAINED, SHAPES
from rnncli.formats.nodes import Note, names
from rnncli.formats.python.trees import source_of
from rnncli.immutable import NamedTuple
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES

Value = Any
"""The value of an expression: a plain value, a list, a dict, one of the classes below, or a subclass's value."""

PLAIN = (bool, int, float, str, type(None), type(...))
"""Types of literal values."""

MISSING: Final = object()
"""Marks the absence of a value where None is a valid one."""

_SEVERAL = (ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp, ast.List, ast.Tuple, ast.Dict, ast.Slice)
"""Expressions, and items of lists, that are not a number or word that a setting could provide."""

KEPT = re.compile(r"^self\.(?=\w+[.\[])")
"""What comes before something that an object keeps, `self.config.units`, which is named as outside of it."""

LIST = "(100, 100)"
"""The example of a list of sizes."""

NO_BASES = frozenset(("object", "ABC", "Protocol", "Generic", "NamedTuple", "HyperModel"))
"""Base classes that do not make a subclass a framework's object."""

PLAIN_BASES = NO_BASES | names("Module LightningModule Model Layer")
"""Base classes that have no layers and no arguments of their own."""


class Open(NamedTuple):
    """A value that a setting can provide: its expression as written, its line, and an example if it is not a size.

    `of` names the value of which it is an item or the length.
    """

    name: str
    line: int
    example: float | str | None = None
    of: str = ""

    @property
    def is_list(self) -> bool:
        """Whether its example is a list."""
        return str(self.example).startswith(("(", "["))


@dataclass(frozen=True, eq=False)
class Unknown:
    """A value that the text does not determine.

    Attributes:
        why: why it is not known, as the end of a sentence: `f() is computed when the program runs`.
        names: the values that would make it known.
        rest: whether it represents any number of items in a list.
        line: the line of the condition or loop that it depends on.
        values: the objects that it may be.
    """

    why: str
    names: tuple[Open, ...] = ()
    rest: bool = False
    line: int = 0
    values: tuple[Value, ...] = ()

    def without(self, *nodes: ast.AST) -> Unknown:
        """Return it without the names of expressions that are lists, which no setting can provide."""
        written = [source_of(each) for each in nodes]
        return replace(self, names=tuple(each for each in self.names if each.name not in written))

    @property
    def is_list(self) -> bool:
        """Whether a setting could only provide lists, if anything, to make it known."""
        return all(each.is_list for each in self.names)

    def such_as(self, example: float | str | None) -> Unknown:
        """Return it with an example for each value that has none yet."""
        opened = tuple(each if each.example is not None else each._replace(example=example) for each in self.names)
        return replace(self, names=opened) if opened else self

    def in_turn(self, looped: ast.AST) -> Unknown:
        """Return it as the reason why an item of a loop is not known: a setting can provide a list of numbers."""
        if getattr(getattr(looped, "func", None), "id", "") in ("range", "xrange"):
            return self.such_as(2)
        some = tuple(each for each in self.names if "(" not in each.name or each.is_list)
        return replace(self, names=some).such_as(LIST)


@dataclass(frozen=True, eq=False)
class Array(Unknown):
    """An array of data of which the sizes are known, each as far as the text determines it."""

    sizes: tuple[Value, ...] = ()

    def part(self, node: ast.AST) -> Array:
        """Return some of its rows."""
        return replace(self, sizes=(left_open(node), *self.sizes[1:]))


@dataclass(frozen=True)
class Named:
    """A name that the text imports or does not define, by its full path, `torch.nn.LSTM`, and where it is written."""

    path: tuple[str, ...]
    node: ast.expr | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path[-1]


class Opaque:
    """A value that messages name by its kind, without its contents: these may be long, and may contain it again."""

    shown: ClassVar[str] = "an object"

    def __repr__(self) -> str:
        return self.shown


@dataclass(frozen=True, eq=False)
class Given:
    """The arguments of a call.

    Attributes:
        positional: the arguments by position.
        named: the arguments by name.
        node: the call.
        unknown: the reason why some arguments are not known, `*sizes` or `**settings`; None if all are written out.
    """

    positional: list[Value]
    named: dict[str, Value]
    node: ast.AST
    unknown: Unknown | None = None

    @property
    def line(self) -> int:
        """The line of the call."""
        return getattr(self.node, "lineno", 0)

    def get(self, name: str, position: int = -1, default: Value = None) -> Value:
        """Return an argument."""
        if name in self.named:
            return self.named[name]
        return self.positional[position] if 0 <= position < len(self.positional) else default

    @property
    def all(self) -> list[Value]:
        """All arguments."""
        return [*self.positional, *self.named.values()]

    @property
    def as_dict(self) -> dict[Value, Value] | None:
        """The dict made from the arguments, or None."""
        if self.unknown is not None or not all(isinstance(each, dict) for each in self.positional):
            return None
        return {key: value for each in (*self.positional, self.named) for key, value in each.items()}

    def written(self, argument: str, takes: Sequence[str]) -> ast.AST:
        """Return where an argument is written, given the call's arguments in order; the call itself if unknown."""
        if not isinstance(self.node, ast.Call):
            return self.node
        starred = any(isinstance(each, ast.Starred) for each in self.node.args)
        positional = {} if starred else dict(zip(takes, self.node.args, strict=False))
        by_name = {each.arg: each.value for each in self.node.keywords}
        return by_name.get(argument) or positional.get(argument) or self.node


@dataclass(eq=False, repr=False)
class Call(Opaque):
    """The result of calling something that the text does not define: usually an object of a framework.

    Attributes:
        path: the path of what is called: `torch.nn.LSTM`; for a method only its name; empty for a call of `of`.
        given: the arguments.
        of: what is called, or the method's object: `LSTM(4)` in `LSTM(4)(x)`, `model` in `model.add(x)`.
    """

    path: tuple[str, ...]
    given: Given
    of: Value = None

    @property
    def name(self) -> str:
        """The last name of the path; may be empty."""
        return self.path[-1] if self.path else ""

    @property
    def line(self) -> int:
        """The line of the call."""
        return self.given.line


@dataclass
class Scope:
    """The values of names, the enclosing scope, and the class whose body it is.

    Attributes:
        elsewhere: the scopes of names that are assigned in another one, as by `global`.
        inside: whether it is that of a comprehension, in which `:=` assigns around it.
    """

    values: dict[str, Value] = field(default_factory=dict)
    around: Scope | None = None
    cls: Class | None = None
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    inside: bool = False

    def get(self, name: str) -> Value:
        """Return the value of a name, or MISSING."""
        scope: Scope | None = self.elsewhere.get(name, self)
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.around
        return MISSING

    def private(self, name: str) -> str:
        """Return a name as attributes have it: Python puts that of the class before two underscores."""
        cls = self.cls or self.get("__class__") if name.startswith("__") and not name.endswith("__") else None
        return f"_{cls.name.lstrip('_')}{name}" if isinstance(cls, Class) else name


@dataclass(frozen=True, eq=False, repr=False)
class Function(Opaque):
    """A function of the text: its definition, scope and default values, and a method's class and object."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    defaults: dict[str, Value] = field(default_factory=dict)
    cls: Class | None = None
    owner: Instance | Class | None = None
    shown: ClassVar[str] = "a function"

    @property
    def name(self) -> str:
        """Its name."""
        return getattr(self.node, "name", "lambda")

    @cached_property
    def yields(self) -> list[ast.AST]:
        """Where it yields, if it is a generator; not where a function inside it does."""
        _, *inside = ast.walk(self.node)
        inner = {one for each in inside if isinstance(each, ast.FunctionDef | ast.Lambda) for one in ast.walk(each)}
        return [each for each in inside if isinstance(each, ast.Yield | ast.YieldFrom) and each not in inner]

    @cached_property
    def decorators(self) -> set[str]:
        """The names of its decorators."""
        every = getattr(self.node, "decorator_list", ())
        return {source_of(getattr(each, "func", each)).rpartition(".")[2] for each in every}


@dataclass(frozen=True, eq=False, repr=False)
class Class(Opaque):
    """A class of the text: its definition, the scope of its attributes and methods, and its base classes."""

    node: ast.ClassDef
    scope: Scope
    bases: tuple[Value, ...]
    shown: ClassVar[str] = "a class"

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    @cached_property
    def line(self) -> list[Class]:
        """The class and its base classes in the text, in the order in which Python looks for attributes."""
        found = [self]
        for each in self.bases:
            found += each.line[:100] if isinstance(each, Class) else []
        return [*dict.fromkeys(reversed(found))][::-1]  # a shared base comes after all that derive from it

    def get(self, name: str, *, after: Class | None = None) -> Value:
        """Return an attribute or method from the nearest class that has it, of those after another one; or MISSING."""
        line = self.line[self.line.index(after) + 1 :] if after in self.line else self.line
        return next((each.scope.values[name] for each in line if name in each.scope.values), MISSING)

    @property
    def named(self) -> list[Named]:
        """The base classes, its own and inherited ones, that the text does not define."""
        return [base for each in self.line for base in each.bases if isinstance(base, Named)]

    def kind_of(self, kinds: Sequence[Value]) -> bool | None:
        """Return whether it is or derives from one of several classes; None if that is not known."""
        if any(each in (*self.line, *self.named) for each in kinds):
            return True
        known = all(isinstance(each, Class | Named) for one in self.line for each in one.bases)
        others = (Class, Named) if {each.name for each in self.named} <= PLAIN_BASES else Class
        return False if known and all(isinstance(each, others) for each in kinds) else None

    @property
    def fields(self) -> list[str]:
        """The names that it annotates, as for a dataclass."""
        statements = [each for cls in reversed(self.line) for each in cls.node.body if isinstance(each, ast.AnnAssign)]
        given = [each for each in statements if "ClassVar" not in source_of(each.annotation)]
        statements = [each for each in given if "init=False" not in source_of(each.value or each.target)]
        return list(dict.fromkeys(each.target.id for each in statements if isinstance(each.target, ast.Name)))


@dataclass(eq=False, repr=False)
class Instance(Opaque):
    """An object of a class of the text, or one of which only the attributes are known: a namespace.

    Attributes:
        cls: the class.
        values: its attributes.
        given: the arguments of its __init__: each parameter and its value.
        variables: the names that it is bound to.
    """

    cls: Class | None
    values: dict[Value, Value] = field(default_factory=dict)
    given: dict[str, Value] = field(default_factory=dict)
    variables: list[str] = field(default_factory=list)

    def method(self, name: str) -> Function | None:
        """Return a method of its class, bound to it; None if the text defines no such method."""
        found = MISSING if self.cls is None else self.cls.get(name)
        return replace(found, owner=self) if isinstance(found, Function) else None

    @property
    def as_tuple(self) -> Tuple | None:
        """Its items, if it is a named tuple."""
        named = self.cls is not None and "NamedTuple" in [base.name for base in self.cls.named]
        unknown = Unknown("a field of a named tuple is not given")
        return Tuple(self.values.get(each, unknown) for each in self.cls.fields) if named and self.cls else None

    @property
    def is_dict(self) -> bool:
        """Whether its items are also attributes."""
        return self.cls is None or "dict" in [base.name for base in self.cls.named]


class Parser(Instance):
    """An argument parser; its attributes are the default values of its arguments."""


class Tuple(list[Value]):
    """The items of a tuple, which is never equal to a list."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tuple) and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other


@dataclass(eq=False, repr=False)
class Stream(Opaque):
    """A generator or another iterator: each item is computed when it is taken, and then gone; `size` is a guess."""

    items: Iterator[Value]
    size: int = 1

    def __iter__(self) -> Iterator[Value]:
        """Take the items, as far as they are known: it may fail, or take from itself."""
        try:
            yield from (each for each in self.items)  # which are not closed afterwards
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
            yield Unknown("an iterator fails", rest=True)


class Unordered(list[Value]):
    """The items of a set, whose order is not known."""


class ModuleList(list[Value]):
    """The items of PyTorch's ModuleList: they are registered as parts of a module, unlike those of a list."""


class ModuleDict(dict[Value, Value]):
    """The items of PyTorch's ModuleDict."""


@dataclass(frozen=True, eq=False, repr=False)
class Method(Opaque):
    """A method of an object that the text does not define: a list, a layer, a tensor."""

    owner: Value
    name: str
    shown: ClassVar[str] = "a function"


@dataclass(frozen=True, eq=False, repr=False)
class Partial(Opaque):
    """A function with some of its arguments bound."""

    called: Value
    given: Given
    shown: ClassVar[str] = "a function"


class Factory(Partial):
    """A function that makes the default value of a field for each object."""


def setting_of(value: float | str) -> Value:
    """Return the value of a setting: a number, a word, or a list of those, `(None, 8)`; other brackets are an error."""
    if isinstance(value, str) and value[:1] + value[-1:] in ("()", "[]"):
        with suppress(ValueError, SyntaxError, MemoryError):
            found = ast.literal_eval(value)
            if isinstance(found, list | tuple) and all(isinstance(each, PLAIN) for each in found):
                return Tuple(found) if isinstance(found, tuple) else found
        if re.fullmatch(r"\[[A-Za-z_]\w*\]", value):  # a token: [UNK]
            return value
        raise RnncliError(f"{shorten(value)} is not a list of numbers or words", "write them out, such as (None, 8)")
    return {"True": True, "False": False, "None": None}.get(str(value), value)


def left_open(node: ast.AST, why: str = "is computed when the program runs", of: Value = None) -> Unknown:
    """Return an unknown value that a setting can provide, perhaps an item or the length of another one."""
    match node:
        case ast.Subscript(value=whole, slice=ast.Slice()) if getattr(whole, "attr", "") != "shape":
            return left_open(whole, why).such_as(LIST)
    written = KEPT.sub("", source_of(node))
    several = isinstance(getattr(node, "slice", node), _SEVERAL)
    one = written not in ("a long expression", "an expression") and not several
    around = of.names[0].name if isinstance(of, Unknown) and len(of.names) == 1 else ""
    opened = Open(written, getattr(node, "lineno", 0), _first_choice(node), around)
    return Unknown(f"{shorten(written)} {why}", (opened,) * one)


def _first_choice(node: ast.AST) -> float | str | None:
    """Return the default value of a tuner's choice, or else its first: 32 for `hp.Int("units", 32, 512)`.

    That of `config.get("units", [64, 32])` may be a list.
    """
    name = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
    choosing = name in names("Int Float Boolean Choice selectbox radio slider get") or name.startswith("suggest_")
    if not choosing or not isinstance(node, ast.Call):  # KerasTuner's, Streamlit's and Optuna's
        return None
    by_name = {each.arg: each.value for each in node.keywords}
    said = [by_name.get(name) for name in ("default", "min_value", "values", "low", "choices")]
    first = next(filter(None, [*said, *node.args[1:2]]), None)
    if name == "get" and isinstance(first, ast.List | ast.Tuple):
        sizes = [each.value for each in first.elts if isinstance(each, ast.Constant)]
        return str(sizes) if sizes and all(type(each) is int for each in sizes) else None
    value = getattr((getattr(first, "elts", None) or [first])[0], "value", None)
    return value if isinstance(value, str | int | float) else None


def open_in(value: Value) -> Unknown | None:
    """Return why a value is not known, or None if it is; calls and imported names are not known values."""
    match value:
        case Unknown():
            return value
        case Named(path=path, node=node):
            return left_open(node or ast.Name(".".join(path)), "is not defined in it")
        case Call(given=given) if type(value) is Call:
            return left_open(given.node)
        case dict():
            return value.get(...)
        case set():
            return joined([*value])
        case KeysView() | ValuesView() | ItemsView():
            view: Any = value
            return open_in(dict(view.mapping))
        case list() | tuple():
            return joined([each for each in value[:] if isinstance(each, Unknown | Named | Call)])
    return None


def joined(values: list[Value]) -> Unknown | None:
    """Return why several values together are not known, or None if all are."""
    causes = [cause for each in values if (cause := open_in(each)) is not None]
    if len(causes) < 2:
        return causes[0] if causes else None
    names = tuple(dict.fromkeys(name for cause in causes for name in cause.names))
    return Unknown(causes[0].why, names, any(cause.rest for cause in causes))


def one_of_some(values: Sequence[Value], why: Unknown) -> Unknown:
    """Return why a value is not known, with the objects that it may be, and earlier examples of what it depends on."""
    some: list[Value] = []
    names = [*why.names]
    for each in {id(each): each for each in values}.values():
        some += each.values if isinstance(each, Unknown) else each if isinstance(each, list) else [each]
        earlier = each.names if isinstance(each, Unknown) and each.line else ()
        names += [name for name in earlier if name.name in [asked.name for asked in why.names]]
    objects = dict.fromkeys(each for each in some if isinstance(each, Call | Instance))
    return replace(why, names=tuple(dict.fromkeys(names)), values=tuple(objects))


def doubt(test: ast.expr, tested: Value) -> Unknown:
    """Return an unknown value whose reason is that a condition is not known."""
    cause = open_in(tested)
    why = f"whether {shorten(source_of(test))} holds (line {test.lineno}) is not known"
    computes = any(isinstance(each, ast.Compare | ast.BinOp) for each in ast.walk(test))
    names = () if cause is None else cause.such_as(None if computes else True).names
    return Unknown(why, names, line=test.lineno)


ACTIVATION_NAMES = {name.replace("_", ""): name for name in ACTIVATIONS} | OTHER_NAMES
"""The activations by the lower-case names of their functions and classes."""

FLAGS = names(
    "bias use_bias unit_forget_bias return_sequences return_state go_backwards stateful unroll bidirectional time_major"
    " batch_first reset_after mask_zero scale center affine elementwise_affine track_running_stats count_include_pad"
)
"""Arguments that are True or False."""

NAMES_ACTIVATION = ("activation", "recurrent_activation", "nonlinearity")
"""Arguments whose value is an activation."""


def activation_of(value: Named | Call) -> str | None:
    """Return the activation that a function or class is named after, or None."""
    return ACTIVATION_NAMES.get(value.name.replace("_", "").lower())


def argument_notes(given: Mapping[str, Value]) -> tuple[Note, ...]:
    """Return notes if a layer is given a data type that is less precise than float32, or is not trained."""
    frozen = (Note(NOT_TRAINED, "differs row"),) if given.get("trainable") is False else ()
    dtype = given.get("dtype")
    name = dtype.name if isinstance(dtype, Named) else dtype if isinstance(dtype, str) else ""
    name = "float16" if name == "half" else name.removeprefix("mixed_")
    if name not in ("float16", "bfloat16"):
        return frozen
    text = f"computes in {name}, which is less precise than rnncli's float32; --dtype float16 counts its bytes"
    return (*frozen, Note(text, "differs"))


def as_taken(argument: str, value: Value, made: Callable[[Value], Value]) -> Value:
    """Return an argument in the table's form, with its layers as nodes; unknown values stay unknown.

    Raises:
        ArgumentFaultError: it is an activation of which an argument makes another function.
    """
    value = [*value] if isinstance(value, Tuple) else value
    if argument in HOLDS:
        several = [made(each) for each in (value if isinstance(value, list) else [value])]
        flat = argument != "cells" and all(isinstance(each, list) for each in several)
        return [one for each in several for one in each] if flat else several
    if argument in SHAPES and isinstance(value, list) and value:
        return [*(None if open_in(each) is not None else each for each in value[:-1]), value[-1]]
    if isinstance(value, Call) and value.path[-2:] in (("activations", "get"), ("activations", "deserialize")):
        value = value.given.get("identifier", 0, value.given.get("name"))
    if argument in NAMES_ACTIVATION and isinstance(value, Named | Call):
        word = activation_of(value)
        if word and isinstance(value, Call) and value.given.all and made(value)[0].where is not None:
            raise ArgumentFaultError(argument, f"{argument} is {word} along an axis; here it is over the features")
        return word or (value.name if isinstance(value, Call) or len(value.path) > 1 else value)
    if argument in FLAGS - {"bias"} and value in (None, 0, 1):  # PyTorch refuses such a bias
        return bool(value)
    return value

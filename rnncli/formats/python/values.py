"""The values that a Python source says: numbers by their names, classes by their imports, and what is not known.

Nothing is run. A value is a plain one (a number, a text, a list of values), or one of the classes below.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rnncli.errors import RnncliError, shorten

Value = Any
"""What an expression may be: a plain value, one of the classes below, or an object of a framework's reader."""

MAX_TEXT = 10_000
"""The longest text or list that an operator may make."""

MAX_DIGITS = 40
"""The most digits of a number that an operator may make."""


@dataclass(frozen=True)
class Unknown:
    """A value that the file does not say.

    Attributes:
        why: why it is not known, as the end of a sentence: `units is a parameter of build without a default value`.
        advice: how to mend that.
        maybe: the objects of a framework that it may be.
        made_by: the class of somebody else that makes it; may be empty.
    """

    why: str
    advice: str = "write the number itself"
    maybe: tuple[Thing, ...] = ()
    made_by: str = ""


@dataclass(frozen=True)
class Named:
    """Something that is imported, by its whole path: `torch.nn.LSTM`."""

    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path[-1]


class Many(list[Value]):
    """A list of the file.

    Attributes:
        doubts: how many doubtful blocks stood around its making.
        doubtful: why what it holds is not known, if that is so.
    """

    doubts: int = 0
    doubtful: Unknown | None = None


@dataclass
class Scope:
    """Names and their values, and the scope around it."""

    values: dict[str, Value] = field(default_factory=dict)
    around: Scope | None = None

    def get(self, name: str) -> Value | None:
        """Return the value of a name, or None if it has none."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.around
        return None


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the file."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    cls: Class | None = None
    owner: Instance | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return getattr(self.node, "name", "lambda")


@dataclass(frozen=True, eq=False)
class Class:
    """A class of the file.

    Attributes:
        node: its definition.
        scope: its attributes and methods.
        bases: what it derives from.
    """

    node: ast.ClassDef
    scope: Scope
    bases: tuple[Value, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    def get(self, name: str) -> Value | None:
        """Return an attribute or a method, that of the nearest class that has it; None if none has."""
        waiting: list[Value] = [self]
        for _ in range(100):
            if not waiting:
                break
            each = waiting.pop(0)
            if isinstance(each, Class):
                if name in each.scope.values:
                    return each.scope.values[name]
                waiting += each.bases
        return None

    def roots(self) -> list[Named]:
        """Return the imported classes that it derives from."""
        found: list[Named] = []
        waiting: list[Value] = [self]
        for _ in range(100):
            if not waiting:
                break
            each = waiting.pop(0)
            if isinstance(each, Class):
                waiting += each.bases
            elif isinstance(each, Named):
                found.append(each)
        return found


@dataclass(eq=False)
class Instance:
    """An object of a class of the file.

    Attributes:
        cls: the class.
        doubts: how many doubtful blocks stood around its making.
        values: its attributes.
        doubtful: why what was put into it is not known, if that is so.
        variables: the variables that it is bound to.
    """

    cls: Class
    doubts: int = 0
    values: dict[str, Value] = field(default_factory=dict)
    doubtful: Unknown | None = None
    variables: list[str] = field(default_factory=list)


@dataclass
class Given:
    """The arguments of a call.

    Attributes:
        positional: those by position.
        named: those by name.
        node: the call.
        unknown: what stands for arguments that are not known, `*sizes` or `**settings`; None if all are written out.
    """

    positional: list[Value]
    named: dict[str, Value]
    node: ast.AST
    unknown: Unknown | None = None

    @property
    def line(self) -> int:
        """The line of the call."""
        return int(getattr(self.node, "lineno", 0))

    @property
    def source(self) -> str:
        """The call as it is written, shortened."""
        return shorten(source_of(self.node))

    def get(self, name: str, position: int = -1, default: Value = None) -> Value:
        """Return an argument."""
        if name in self.named:
            return self.named[name]
        return self.positional[position] if 0 <= position < len(self.positional) else default


class Thing:
    """An object of a framework, as its reader has it."""

    def attribute(self, name: str, given: Given) -> Value:
        """Return an attribute."""
        del given
        return Unknown(f"{name} is computed when the program runs")

    def method(self, name: str, given: Given) -> Value:
        """Return what a method returns."""
        del name
        return Unknown(f"{given.source} is computed when the program runs")

    def call(self, given: Given) -> Value:
        """Return what a call of the object returns."""
        return Unknown(f"{given.source} is computed when the program runs")

    def item(self, index: Value, given: Given) -> Value:
        """Return what stands at an index."""
        del index
        return Unknown(f"{given.source} is computed when the program runs")

    def unpacked(self, count: int) -> list[Value] | None:
        """Return what an assignment to `count` names unpacks it to, or None if it has no parts."""
        del count
        return None

    def bound(self, name: str, function: str) -> None:
        """Note the variable that it is bound to, and the function that this happens in."""

    def doubt(self, why: Unknown, line: int) -> None:
        """Note that it may be changed at a line, but need not be."""


class UnknownNumberError(RnncliError):
    """An argument that the file does not say."""


def source_of(node: ast.AST) -> str:
    """Return an expression as it is written, on one line; a long one is not written out."""
    if sum(1 for _ in islice(ast.walk(node), 61)) > 60:
        return "a long expression"
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return "an expression"


def not_said(argument: str, value: object, line: int, what: str = "a number") -> UnknownNumberError:
    """Return the error for an argument whose value the file does not say, or that is of another kind.

    Args:
        argument: the argument.
        value: its value.
        line: where it is given.
        what: what it should be.
    """
    if isinstance(value, Named):
        value = Unknown(f"{'.'.join(value.path)} is defined nowhere in it")
    if isinstance(value, Unknown):
        return UnknownNumberError(
            f"{argument} is not {what} in the file (line {line}): {value.why}",
            value.advice if what == "a number" else "write it out",
        )
    return UnknownNumberError(f"{argument} is {shorten(text_of(value))} (line {line}), expected {what}")


def text_of(value: object) -> str:
    """Return a value as a message shows it."""
    if isinstance(value, str | int | float | bool | list | tuple | None):
        return repr(value) if len(str(value)) < 1000 else "a long value"
    return getattr(value, "name", None) or f"a {type(value).__name__}"


_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
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

PLAIN = (bool, int, float, str, type(None))
"""Values that are written out."""


def computed(kind: ast.operator, left: Value, right: Value) -> Value | None:
    """Return what an operator makes of two plain values, or None if that is not known or too large."""
    lists = isinstance(left, list | tuple) and isinstance(right, list | tuple) and isinstance(kind, ast.Add)
    if lists:
        return [*left, *right] if len(left) + len(right) <= MAX_TEXT else None
    if isinstance(kind, ast.Mult) and isinstance(left, list) and isinstance(right, int):
        return left * right if len(left) * right <= MAX_TEXT else None
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    texts = isinstance(left, str) and isinstance(right, str) and isinstance(kind, ast.Add)
    if not (numbers or texts) or type(kind) not in _OPERATORS:
        return None
    if isinstance(kind, ast.Pow) and abs(right) > 64:
        return None
    try:
        value = _OPERATORS[type(kind)](left, right)
    except (ArithmeticError, ValueError):
        return None
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else None
    return value if isinstance(value, int | float) and abs(value) < 10**MAX_DIGITS else None


def compared(kind: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Return whether a comparison of two values holds, or None if that is not known."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return None
    if isinstance(kind, ast.Is | ast.IsNot) and (left is None or right is None):
        return _COMPARISONS[type(kind)](left, right) is True
    known = (*PLAIN, list, tuple)
    if not isinstance(left, known) or not isinstance(right, (*known, dict)):
        return None
    try:
        return bool(_COMPARISONS[type(kind)](left, right))
    except TypeError:
        return None

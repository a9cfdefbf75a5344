"""The values that a Python source says: numbers by their names, classes by their imports, and what is not known.

Nothing is run. A value is a plain one (a number, a text, a list of values), one of the classes below, or what the file
defines: its functions, classes and their objects.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rnncli.errors import RnncliError, shorten

Value = Any
"""What an expression may be: a plain value, one of the classes below, or an object of a framework's reader."""

PLAIN = (bool, int, float, str, type(None))
"""Values that are written out."""


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


def not_known(node: ast.AST, cause: Value = None) -> Unknown:
    """Return that an expression is not known: for the reason of a part of it, or because only a run computes it."""
    if isinstance(cause, Unknown):
        return cause
    return Unknown(f"{shorten(source_of(node))} is computed when the program runs")


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

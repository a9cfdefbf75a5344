"""What operators and comparisons make of values that are known, and whether a value counts as true."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from rnncli.formats.python.definitions import Class, Function, Instance
from rnncli.formats.python.values import PLAIN, Thing, Unknown, Value

MAX_TEXT = 10_000
"""The longest text or list that an operator may make."""

MAX_DIGITS = 40
"""The most digits of a number that an operator may make."""

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


def truth_of(value: Value) -> bool | None:
    """Return whether a value counts as true, or None if that is not known."""
    if isinstance(value, (*PLAIN, list, tuple, dict)):
        return bool(value)
    return True if isinstance(value, Thing | Function | Class | Instance) else None

"""What the arguments of a call are, as far as they are written out."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from contextlib import suppress

from rnncli.errors import quote
from rnncli.language.arguments import Value
from rnncli.layers.activations import ACTIVATIONS

ACTIVATION_NAMES = {name.replace("_", ""): name for name in ACTIVATIONS}
"""The activations by the names of their functions and classes in lower case."""


class UnreadableError(Exception):
    """A call that cannot be read, at a node of the syntax tree.

    Attributes:
        node: the node.
        message: what is wrong.
        advice: how to mend it; may be empty.
        instead: what to write in place of the node; None where that is not known.
        lead: what leads to the repair: `for example` where anything might be meant.
        whole: the node that it is written in place of, if that is another.
    """

    def __init__(
        self,
        node: ast.AST,
        message: str,
        advice: str = "",
        instead: str | None = None,
        lead: str = "",
        whole: ast.AST | None = None,
    ) -> None:
        super().__init__(message)
        self.lead = lead
        self.node = node
        self.whole = whole or node
        self.message = message
        self.advice = advice
        self.instead = instead


def is_computed(node: ast.expr) -> bool:
    """Whether a value is that of a variable, or of something in it: `x_train.shape[1]`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)


_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
"""The operators between numbers that are worked out; a power could take long."""

_LARGEST = 2.0**63
"""What comes to more than this is not worked out."""


def number(node: ast.expr, *, optional: bool = False, example: str = "32") -> Value:
    """Return the number that a value is, or None where it is None and that is allowed.

    Raises:
        UnreadableError: it is no number; in place of what is computed its repair has an example.
    """
    value = constant(node)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if value is None and optional:
        return None
    raise UnreadableError(
        node,
        f"{quote(ast.unparse(node))} is not a number",
        "write the number itself",
        value if isinstance(value, str) and value.isdecimal() and value.isascii() else example,
        lead="for example",
    )


def word(node: ast.expr) -> Value:
    """Return the value of an argument; that of a name is the name itself: `tf.nn.relu` is relu."""
    if isinstance(node, ast.Name | ast.Attribute):
        return name_of(node)
    if isinstance(node, ast.Call):  # nn.ReLU()
        return ACTIVATION_NAMES.get(name_of(node.func).lower(), name_of(node.func))
    value = constant(node)
    return value if isinstance(value, bool | int | float | str) else None


def constant(node: ast.expr) -> Value:
    """Return what is written out, a number, a text or a truth value; of anything else its source."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = constant(node.operand)
        return (-value if isinstance(node.op, ast.USub) else +value) if isinstance(value, int | float) else value
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str | None):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = constant(node.left), constant(node.right)
        if isinstance(left, int | float) and isinstance(right, int | float):
            with suppress(ArithmeticError):
                value = _ARITHMETIC[type(node.op)](left, right)
                if abs(value) < _LARGEST:
                    return value
    return ast.unparse(node)


def name_of(node: ast.expr) -> str:
    """Return the last name of a path: LSTM of keras.layers.LSTM."""
    return path_of(node)[-1]


def path_of(node: ast.expr) -> list[str]:
    """Return the names of a path: keras, layers and LSTM; an empty one for what is no name."""
    if isinstance(node, ast.Attribute):
        return [*path_of(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]

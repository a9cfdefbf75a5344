"""What of a Python source can make something recurrent, by the names that it uses."""

from __future__ import annotations

import ast
from collections.abc import Iterable

RECURRENT = frozenset(
    {
        *("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "CuDNNLSTM", "CuDNNGRU"),
        *("SimpleRNNCell", "LSTMCell", "GRUCell", "RNNCell", "StackedRNNCells"),
    }
)
"""The names of Keras's and PyTorch's classes that loop over time."""


def recurrent_names(module: ast.Module) -> frozenset[str]:
    """Return the names at the top of a file, of functions, classes and variables, that can lead to something recurrent.

    A name can if what it stands for uses one of the recurrent classes, or another name that can.
    """
    users: dict[str, set[str]] = {}
    waiting = set(RECURRENT)
    for statement in module.body:
        used = _names(ast.walk(statement))
        for name in _made(statement):
            for each in used:
                users.setdefault(each, set()).add(name)
        waiting |= used & RECURRENT
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= users.get(name, set())
    return frozenset(found)


def uses_recurrent(module: ast.Module) -> bool:
    """Whether a file names something recurrent at all."""
    return bool(_names(ast.walk(module)) & RECURRENT)


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.alias(name=name):
                names.add(name.rpartition(".")[2])
            case ast.Constant(value=str(name)) if name in RECURRENT:  # getattr(nn, "LSTM")
                names.add(name)
    return names


def _made(statement: ast.stmt) -> set[str]:
    """Return the names that a statement gives a value."""
    names = set()
    for node in ast.walk(statement):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name.rpartition(".")[2])
    return names

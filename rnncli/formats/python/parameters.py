"""The parameters of a function in a Python source, and the values that a call gives them."""

from __future__ import annotations

import ast
from collections.abc import Callable

from rnncli.formats.python.definitions import Function, Scope
from rnncli.formats.python.values import Given, Unknown, Value


def bind_parameters(function: Function, given: Given, scope: Scope, value: Callable[[ast.expr, Scope], Value]) -> None:
    """Give the parameters of a function their values in a call.

    Args:
        function: the function.
        given: the arguments of the call.
        scope: the scope of its body, which the parameters are put into.
        value: finds the value of an expression in a scope.
    """
    arguments = function.node.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    static = any(
        isinstance(each, ast.Name) and each.id == "staticmethod"
        for each in getattr(function.node, "decorator_list", ())
    )
    if function.cls is not None and names and not static:
        scope.values[names.pop(0)] = function.owner if function.owner is not None else function.cls
    values = dict(zip(names, given.positional, strict=False))
    keywords = [each.arg for each in arguments.kwonlyargs]
    values |= {name: each for name, each in given.named.items() if name in (*names, *keywords)}
    defaults = dict(zip(reversed(names), reversed(arguments.defaults), strict=False))
    defaults |= {name: each for name, each in zip(keywords, arguments.kw_defaults, strict=True) if each is not None}
    owner = function.cls.name if function.cls is not None and function.name == "__init__" else function.name
    for name in (*names, *keywords):
        if name in values:
            scope.values[name] = values[name]
        elif given.unknown is not None:
            scope.values[name] = given.unknown
        elif name in defaults:
            scope.values[name] = value(defaults[name], function.scope)
        else:
            scope.values[name] = Unknown(
                f"{name} is a parameter of {owner} without a default value",
                f"give it a default value, such as {name}=128",
            )
    if arguments.vararg is not None:
        scope.values[arguments.vararg.arg] = list(given.positional[len(names) :])
    if arguments.kwarg is not None:
        scope.values[arguments.kwarg.arg] = {name: each for name, each in given.named.items() if name not in values}

"""The calls in a text: what they call, whose class that is, and where their arguments are written."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from rnncli.errors import shorten
from rnncli.formats.call_text import Text
from rnncli.formats.frameworks import CLASSES, HOLDS, Class, class_of
from rnncli.formats.python.objects import Call, Named, Value
from rnncli.layers import KINDS
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.layers.weights import FRAMEWORKS, Framework

ACTIVATION_NAMES = {name.replace("_", ""): name for name in ACTIVATIONS} | OTHER_NAMES
"""The activations by the names of their functions and classes in lower case."""

_PATHS: Mapping[str, Framework] = {
    **dict.fromkeys(("nn", "torch"), "torch"),
    **dict.fromkeys(("keras", "layers", "tf", "tensorflow", "tfkl"), "keras"),
}
"""Whose classes stand behind a name; the last of a path counts."""


def node_of(call: Call) -> ast.Call:
    """Return a call as it is written."""
    assert isinstance(call.given.node, ast.Call)
    return call.given.node


def argument_of(call: Call, cls: Class, argument: str) -> ast.AST:
    """Return where the value of an argument is written; the call where that is not known."""
    node = node_of(call)
    place = cls.takes.index(argument) if argument in cls.takes else cls.positional
    by_name = next((each.value for each in node.keywords if each.arg == argument), None)
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    return by_name or (node.args[place] if place < len(node.args) and not starred else node)


def called_by(text: Text, call: Call) -> str:
    """Return what is called, as it is written."""
    return shorten(text.part(node_of(call).func))


def calls_in(values: Sequence[Value]) -> Iterator[Call]:
    """Yield all calls in some values."""
    waiting, seen = [*values], set()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, list | dict | Call) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, list | dict):
            waiting += value.values() if isinstance(value, dict) else value
        else:
            yield value
            waiting += [*value.given.all, value.of]


def held_in(call: Call) -> Iterator[Call]:
    """Yield the layers in a wrapper."""
    held = [*call.given.positional, *(call.given.named[name] for name in HOLDS if name in call.given.named)]
    if call.name in ("Bidirectional", "TimeDistributed", "RNN", "StackedRNNCells"):
        yield from calls_in(held)


def class_name(framework: Framework, call: Call) -> str | None:
    """Return the name of a framework's class that is called; a word of the language stands for Keras's, too."""
    name, word = call.name, call.name.lower()
    if class_of(framework, name) is not None or len(call.path) != 1 or any(class_of(each, name) for each in FRAMEWORKS):
        return name if class_of(framework, name) else None
    if framework == "keras" and name == word and word in KINDS:
        return KINDS[word].keras
    return {each.lower(): each for each in CLASSES[framework]}.get(word)


def whose_class(call: Call) -> Framework | None:
    """Return whose class a call is of, by its path, its name or its arguments; None if it may be that of both."""
    path = next((_PATHS[word] for word in reversed(call.path[:-1]) if word in _PATHS), None)
    if path is not None:
        return path
    names = {each: name for each in FRAMEWORKS if (name := class_name(each, call)) and class_of(each, name)}
    if len(names) < 2:
        return next(iter(names), None)
    keras, torch = ({*cls.takes} for each in FRAMEWORKS if (cls := class_of(each, names[each])))
    given, second = call.given, call.given.get("", 1)
    if given.named.keys() & (torch ^ keras):
        return "torch" if given.named.keys() & (torch - keras) else "keras"
    if isinstance(given.get("", 0), list | Call):
        return "keras"
    if second is None or not torch & {"hidden_size", "out_features"}:
        return None
    name = second.name.lower() if isinstance(second, Named) else ""
    return "keras" if isinstance(second, str) or name in ACTIVATION_NAMES else "torch"

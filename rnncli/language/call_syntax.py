"""One call of Keras or PyTorch, as a syntax tree, and the layers that it makes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from rnncli.errors import quote, shorten
from rnncli.language.arguments import (
    CLASSES,
    PYTORCH_NAMES,
    STACKED,
    STANDS_FOR,
    TORCH_POSITIONS,
    Value,
    attribute_of,
    field_of,
)
from rnncli.language.call_values import (
    ACTIVATION_NAMES,
    UnreadableError,
    constant,
    is_computed,
    name_of,
    number,
    path_of,
    word,
)
from rnncli.language.called import MOST_LEVELS, Called
from rnncli.language.elsewhere import ELSEWHERE, NOT_MERGED, elsewhere
from rnncli.layers import LAYERS, Layer

_KERAS_POSITIONS = ("activation", "recurrent_activation", "use_bias")
"""What Keras's classes take by position after the sizes, as far as they have it."""

_FEATURES = ("input_size", "in_features", "normalized_shape", "input_dim")
"""Arguments for the number of features that a layer reads."""

_SHAPES = ("shape", "input_shape", "batch_shape", "batch_input_shape")
"""Keras's arguments for the shape that a layer reads; the last two have the batch in front."""

_INPUTS = ("input", "in", "inputlayer")
"""Calls that take the shape of the input by position."""

_AROUND = ("compile", "fit", "summary", "build", "model", "print", "evaluate", "predict")
"""Calls that stand around layers in a program and make none."""

_NOTHING = "Sequential()"
"""A call that makes no layer."""

_CONTAINERS = ("sequential", "modulelist", "add", "append", "timedistributed", "stackedrnncells")
"""Calls that hold layers and change nothing about them."""


def _layers(node: ast.expr) -> list[Called]:
    """Return the layers that an expression makes, in the order of the data."""
    if isinstance(node, ast.List | ast.Tuple):
        made: list[Called] = []
        for each in node.elts:
            made = joined(made, each)
        return made
    if isinstance(node, ast.Starred):
        return _layers(node.value)
    if not isinstance(node, ast.Call):
        raise UnreadableError(node, f"{quote(ast.unparse(node))} is no layer that is written out")
    if isinstance(node.func, ast.Call):  # LSTM(32)(x)
        before = _layers(node.args[0]) if node.args and isinstance(node.args[0], ast.Call) else []
        return [*before, *_layers(node.func)]
    name = name_of(node.func).lower()
    if name in _CONTAINERS:
        held = [each for each in node.args if not isinstance(each, ast.Constant)]
        layers = _layers(ast.copy_location(ast.List(held, ast.Load()), node))
        if name == "timedistributed":
            return _with_shape_of_wrapper([replace(each, each_step=True) for each in layers], node)
        return layers
    if name in _AROUND and not any(_holds_layers(each) for each in (*node.args, *node.keywords)):
        return []
    if name == "bidirectional":
        return _with_shape_of_wrapper([_both_ways(node)], node)
    if name == "rnn" and node.args and not isinstance(node.args[0], ast.Constant | ast.Name | ast.Attribute):
        return _of_cells(node)
    if name not in CLASSES:
        raise _no_kind(node, name)
    return [_layer(node, name)]


def _holds_layers(node: ast.AST) -> bool:
    """Whether a layer is made somewhere in an expression."""
    return any(isinstance(each, ast.Call) and name_of(each.func).lower() in CLASSES for each in ast.walk(node))


def _no_kind(node: ast.Call, name: str) -> UnreadableError:
    """Return the error for a class that there is no kind of layer for; of a known one its repair leaves it out."""
    message = f"there is no layer kind {quote(name_of(node.func))}"
    known = elsewhere(name)
    if known is None:
        return UnreadableError(node.func, message, f"there are {', '.join(layer.kind for layer in LAYERS)}")
    shapes = {str(each.arg).replace("input_", ""): each.value for each in node.keywords if each.arg in _SHAPES}
    rest = next((f"Input({name}={ast.unparse(value)})" for name, value in shapes.items()), _NOTHING)
    return UnreadableError(node.func, message, ELSEWHERE[known], rest, "without it", node)


def joined(before: list[Called], node: ast.expr) -> list[Called]:
    """Return the layers before and those that an expression makes; an activation belongs to the layer before."""
    if not isinstance(node, ast.Call):
        return [*before, *_layers(node)]
    name = name_of(node.func).lower()
    if name == "activation" and node.args:
        activation: Value = word(node.args[0])
    elif name in ACTIVATION_NAMES and name not in CLASSES:
        activation = ACTIVATION_NAMES[name]
    else:
        return [*before, *_layers(node)]
    last = before[-1] if before else None
    free = last is not None and attribute_of(last.cls, "activation") and last.cls.default("activation") == "linear"
    if last is None or not free or "activation" in last.fields:
        raise UnreadableError(node, "an activation is a field of dense in a spec, and no layer of its own")
    return [*before[:-1], _with_field(last, "activation", activation, node)]


def _of_cells(node: ast.Call) -> list[Called]:
    """Return the layers of Keras's RNN, which has a cell, or several of which each feeds the next."""
    cells = [replace(cell, torch=False, guessed=False) for cell in _layers(node.args[0])]
    if not cells or not all(cell.cls.states for cell in cells):
        raise UnreadableError(node, "RNN takes a cell, LSTMCell(32), or a list of them")
    *others, last = cells
    for each in node.keywords:
        last = _with_field(last, str(each.arg), word(each.value), each.value)
    return [*(cell.returning_sequence() for cell in others), last]


def _both_ways(node: ast.Call) -> Called:
    """Return the layer inside a Bidirectional, told to read both ways."""
    made = _layers(node.args[0]) if node.args else []
    if len(made) != 1 or attribute_of(made[0].cls, "merge_mode") is None:
        raise UnreadableError(node, "Bidirectional takes one recurrent layer, LSTM(32)")
    modes = [each.value for each in node.keywords if each.arg == "merge_mode"] or node.args[1:2]
    if modes and constant(modes[0]) is None:
        message = "the two outputs are always merged in a spec: None was given"
        raise UnreadableError(modes[0], message, NOT_MERGED, "'concat'", "perhaps")
    return _with_field(made[0], "merge_mode", constant(modes[0]) if modes else True, node)


def _layer(node: ast.Call, name: str) -> Called:
    """Return the layer that a class of Keras or PyTorch makes."""
    cls = CLASSES[name]
    torch = _is_torch(node, name, cls)
    guessed = torch and bool(cls.states) and _has_one_size(node)
    stands_for = STANDS_FOR.get(name, {})
    sizes: dict[str, Value] = {key: value for key, value in stands_for.items() if key in cls.sizes.attributes}
    fields = {key: field_of(cls, key, value) or "" for key, value in stands_for.items() if key not in sizes}
    made = Called(cls, sizes, fields, torch=torch, guessed=guessed, node=node)
    for argument, value in _arguments(node, name, cls, torch=torch):
        attribute = attribute_of(made.cls, argument)
        if attribute in made.cls.sizes.attributes:
            made = replace(made, sizes={**made.sizes, attribute: number(value)})
        elif argument in _FEATURES:
            last = value.elts[-1] if isinstance(value, ast.Tuple | ast.List) and value.elts else value
            made = replace(made, reads=str(number(last)))
        elif argument == "dropout" and torch and cls.states and _is_share(value):
            made = replace(made, dropout=ast.unparse(value))
        elif argument in _SHAPES:
            made = _with_shape(made, value, batch="batch" in argument)
        elif argument == STACKED and cls.states and is_computed(value):
            made = _with_field(made, argument, number(value, example="2"), value)
        else:
            made = _with_field(made, argument, word(value), value)
    count = made.fields.get(STACKED, "")[1:]
    return made if count.isdigit() and 2 <= int(count) <= MOST_LEVELS else made.without_dropout()


def _is_torch(node: ast.Call, name: str, cls: type[Layer]) -> bool:
    """Whether a class is PyTorch's, as its path, its name or its arguments say."""
    named = {each.arg for each in node.keywords}
    return name in TORCH_POSITIONS and (
        bool({"nn", "torch"} & set(path_of(node.func)))
        or name != cls.keras.lower()
        or bool(named & ({*PYTORCH_NAMES, *_FEATURES[:3], STACKED} - {"p"}))
        or (len(node.args) > 1 and isinstance(constant(node.args[1]), int))
    )


def _arguments(node: ast.Call, name: str, cls: type[Layer], *, torch: bool) -> Iterator[tuple[str, ast.expr]]:
    """Yield the arguments of a call by name."""
    named = [each.arg for each in node.keywords]
    if torch:
        positions: tuple[str, ...] = TORCH_POSITIONS[name]
        if cls.states and _has_one_size(node):
            positions = ("hidden_size",)
    elif name in _INPUTS:
        positions = _SHAPES[:1]
    else:
        positions = (*cls.sizes.attributes, *(each for each in _KERAS_POSITIONS if attribute_of(cls, each)))
    if len(node.args) > len(positions) or None in named or any(isinstance(each, ast.Starred) for each in node.args):
        raise UnreadableError(node, f"the arguments of {name_of(node.func)} are not all written out by name")
    yield from zip(positions, node.args, strict=False)
    for each in node.keywords:
        yield str(each.arg), each.value


def _has_one_size(node: ast.Call) -> bool:
    """Whether a call of PyTorch's has one of the two sizes, without its name."""
    return len(node.args) == 1 and not {"hidden_size", "input_size"} & {each.arg for each in node.keywords}


_TRUTHS = {"true": "True", "1": "True", "false": "False", "0": "False"}
"""What people write for a truth value, and how Python has it."""


def _with_field(made: Called, argument: str, value: Value, node: ast.expr) -> Called:
    """Return a layer with one more argument, as a field if the language has one."""
    try:
        text = field_of(made.cls, argument, value)
    except ValueError as fault:
        lead, instead = ("without it", "1") if argument == STACKED else ("perhaps", _TRUTHS.get(str(value).lower()))
        raise UnreadableError(node, str(fault), "", instead, lead) from None
    if text is None:
        silent = value is None or value is False or (value == 0 and argument.endswith("dropout"))
        words = () if silent else (f"{argument}={shorten(ast.unparse(node))}",)
        return replace(made, left_out=(*made.left_out, *words))
    return replace(made, fields={**made.fields, attribute_of(made.cls, argument) or argument: text})


def _with_shape_of_wrapper(made: list[Called], node: ast.Call) -> list[Called]:
    """Return the layers in a Bidirectional or TimeDistributed; the first reads the shape that the wrapper is given."""
    for each in node.keywords:
        if each.arg in _SHAPES and made:
            made = [_with_shape(made[0], each.value, batch="batch" in each.arg), *made[1:]]
    return made


def _with_shape(made: Called, node: ast.expr, batch: bool) -> Called:
    """Return a layer that reads a shape; an input has it for its size."""
    elements = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    # How many samples and timesteps there are changes nothing that is counted.
    lengths = [None if is_computed(each) else number(each, optional=True) for each in elements[:-1]]
    numbers = [*lengths, *(number(each, optional=True) for each in elements[-1:])][batch:]
    if len(elements) > 1 and is_computed(elements[-2]):
        made = replace(made, steps=shorten(ast.unparse(elements[-2])))
    if not batch and len(numbers) == 3 and numbers[0] in (None, 1) and isinstance(numbers[-1], int):
        raise UnreadableError(
            node,
            "the shape of an input is (timesteps, features), without the number of samples",
            "leave the samples out",
            f"({', '.join(map(str, numbers[1:]))})",
        )
    if not numbers or len(numbers) > 2 or (len(numbers) == 2 and numbers[-1] is None):
        raise UnreadableError(node, "the shape of an input is (timesteps, features)")
    if len(numbers) == 1:
        made = replace(made, timeless=f"({numbers[0]},)")
    if made.cls.reads == "input":
        names = made.cls.sizes.attributes
        return replace(made, sizes=dict(zip(names[-len(numbers) :], numbers, strict=False)))
    return replace(made, reads="x".join(str(number) for number in numbers if number is not None))


def _is_share(node: ast.expr) -> bool:
    """Whether a number is written out of which dropout takes the share."""
    value = constant(node)
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1

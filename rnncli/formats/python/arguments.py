"""The arguments of calls of Keras and PyTorch, as the table of their classes takes them."""

from __future__ import annotations

from collections.abc import Callable

from rnncli.formats.frameworks import HOLDS, SHAPES
from rnncli.formats.python.objects import Call, Named, Value, open_in
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES

ACTIVATION_NAMES = {name.replace("_", ""): name for name in ACTIVATIONS} | OTHER_NAMES
"""The activations by the names of their functions and classes in lower case."""

NAMES_ACTIVATION = ("activation", "recurrent_activation", "nonlinearity")
"""Arguments that are an activation."""


def as_taken(argument: str, value: Value, made: Callable[[Value], Value]) -> Value:
    """Return an argument as the table of classes takes it; what is not known of it stays so.

    Args:
        argument: its name.
        value: its value.
        made: returns what the call of a layer in it makes.
    """
    if argument in HOLDS:
        several = [made(each) for each in (value if isinstance(value, list) else [value])]
        flat = argument != "cells" and all(isinstance(each, list) for each in several)
        return [one for each in several for one in each] if flat else several
    if argument in SHAPES and isinstance(value, list) and value:
        return [*(None if open_in(each) is not None else each for each in value[:-1]), value[-1]]
    if argument in NAMES_ACTIVATION and isinstance(value, Named | Call):
        word = ACTIVATION_NAMES.get(value.name.replace("_", "").lower())
        return word or (value.name if isinstance(value, Call) or len(value.path) > 1 else value)
    return value

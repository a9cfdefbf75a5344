"""Keras's and PyTorch's words for kinds and fields: `SimpleRNN`, `return_sequences=True`, `hidden_size=32`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from rnncli.errors import listed
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.options import Choice, Option
from rnncli.layers.words import argument

Value = bool | int | float | str | None
"""The value of an argument."""

CLASSES: Mapping[str, type[Layer]] = {
    **{name.lower(): layer for layer in LAYERS for name in (layer.keras, layer.torch)},
    **{f"{name}Cell".lower(): layer for layer in LAYERS if layer.states for name in (layer.keras, layer.torch)},
    **{name.lower(): layer for layer in LAYERS for name in layer.classes},
    **KINDS,
}
"""The kind of layer for each class of Keras and PyTorch and for each name of a kind, in lower case."""

STANDS_FOR: Mapping[str, Mapping[str, str]] = {
    **{name.lower(): arguments for layer in LAYERS for name, arguments in layer.classes.items()},
    **{layer.torch.lower(): layer.torch_defaults for layer in LAYERS if layer.torch_defaults},
}
"""The arguments that the name of a class implies, if a kind has several classes or the class has other defaults."""

PYTORCH_NAMES: Mapping[str, str] = {
    theirs: ours for layer in reversed(LAYERS) for ours, theirs in layer.torch_arguments.items()
}
"""Keras's argument for each of PyTorch's with the same meaning, unless a kind declares a different one."""

STACKED = "num_layers"
"""PyTorch's argument for a stack of equal layers: `x3`."""

SAYS_NOTHING = frozenset({"name", "batch_first", "device", "inplace", "input_length"})
"""Arguments that change nothing that a spec could express."""

_SPELLINGS: Mapping[str, Value] = {"true": True, "false": False, "none": None}


def read_value(text: str) -> Value:
    """Return the value of an argument from its text in a field: `True`, `none`, `relu`."""
    return _SPELLINGS.get(text.lower(), text)


def attribute_of(cls: type[Layer], argument: str) -> str | None:
    """Return the attribute of a kind of layer that an argument sets, or None if it sets none."""
    of_kind = {theirs: ours for ours, theirs in cls.torch_arguments.items()}
    attribute = of_kind.get(argument) or PYTORCH_NAMES.get(argument, argument)
    known = {*cls.sizes.attributes, *(option.attribute for option in cls.options)}
    return attribute if attribute in known else None


def takes(cls: type[Layer], name: str) -> bool:
    """Whether a kind has a field that starts with a name, in our word or a framework's."""
    attribute = attribute_of(cls, name)
    return any(option.spells(name) or option.attribute == attribute for option in cls.options)


def setting(cls: type[Layer], field: str) -> tuple[Option, object] | None:
    """Return the option and value that a field sets, `seq` or `return_sequences=True`; None if it is incomplete."""
    name, equals, value = (part.strip() for part in field.partition("="))
    for option in cls.options:
        if option.spells(name) and (not equals or f"{name}=" == option.lead):
            with suppress(ValueError):
                return option, option.value_of(name + equals + value)
    try:
        return setting_of(cls, name, read_value(value) if equals else True)
    except ValueError:
        return None


def value_in_words(cls: type[Layer], field: str) -> str:
    """Return the other words for a field, `reset_after=False` for `reset=before`; an empty text if there are none."""
    found = setting(cls, field)
    if found is None:
        return ""
    option, meant = found
    if option.spells(field.partition("=")[0].strip()):
        return argument(cls, option.attribute, meant) or ""
    return "" if meant == cls.default(option.attribute) else option.spelling(meant)


def field_of(cls: type[Layer], argument: str, value: Value) -> str | None:
    """Return the field that means the same as an argument; an empty text if a spec need not mention it.

    It is None if the language has no field for it. Sizes have no names, so they have no such field.

    Raises:
        ValueError: the value is not allowed; the message lists the allowed ones.
    """
    if argument == STACKED and cls.states:
        if not re.fullmatch("[1-9][0-9]*", str(int(value) if value is True else value)):
            raise ValueError(f"{argument} is {value}, expected a whole number from 1")
        return f"x{value}" if value not in (1, "1", True) else ""
    setting = setting_of(cls, argument, value)
    if setting is None:
        return "" if argument in SAYS_NOTHING else None
    option, meant = setting
    return "" if meant == cls.default(option.attribute) else option.spelling(meant)


def setting_of(cls: type[Layer], argument: str, value: Value) -> tuple[Option, object] | None:
    """Return the option that an argument sets, and the value, or None; a ValueError lists the allowed values."""
    attribute = attribute_of(cls, argument)
    option = next((each for each in cls.options if each.attribute == attribute), None)
    if option is None:
        return None
    # Keras's merge_mode=None returns two outputs, and PyTorch's bidirectional=None is one direction.
    apart = value is None and isinstance(option, Choice) and option.key_alone is not None and argument == attribute
    meant = "none" if apart else option.meant(value)
    if meant != cls.default(option.attribute):
        try:
            meant = option.checked(meant)
        except ValueError:
            allowed = listed(option.allowed(argument == attribute), "or")
            raise ValueError(f"{argument} is {value}, expected {allowed}") from None
    return option, meant

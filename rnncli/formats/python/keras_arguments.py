"""The arguments of a call of one of Keras's layers, as a config has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rnncli.errors import RnncliError
from rnncli.formats.python.definitions import Function, Instance
from rnncli.formats.python.keras_objects import Config, KerasLayer, own_kind, plain
from rnncli.formats.python.values import Named, Value, not_said

_NUMBERS = frozenset(
    {"units", "input_dim", "output_dim", "rate", "n", "filters", "epsilon", "alpha", "mask_value", "max_value"}
)


_TRUTHS = frozenset(
    {
        *("use_bias", "return_sequences", "go_backwards", "reset_after", "mask_zero", "center", "scale", "rms_scaling"),
        *("keepdims", "time_major", "stateful", "return_state", "unit_forget_bias"),
    }
)


_WORDS = frozenset({"activation", "recurrent_activation", "merge_mode", "data_format", "axis"})


_LAYERS = frozenset({"layer", "backward_layer", "cell", "cells"})


_SHAPES = ("batch_input_shape", "batch_shape", "input_shape", "shape", "input_dim", "batch_size", "input_length")


BY_NAME = "write them by name: LSTM(32, activation='tanh')"


def config_of_call(kind: str, arguments: Mapping[str, Value], line: int, *, strict: bool) -> Config:
    """Return the arguments of a layer that count, as a config has them.

    Raises:
        RnncliError: one is not known; never, where it is not `strict`.
    """
    config: Config = {}
    for name, value in arguments.items():
        takes = name in _SHAPES and not (name in ("input_dim", "input_length") and kind == "Embedding")
        made = _nothing if takes else _READERS.get(name, _nothing)(name, value, line)
        if isinstance(made, RnncliError):
            if strict:
                raise made
        elif made is not _nothing:
            config[name] = made
    shape = _shape(kind, arguments, line, strict=strict)
    if shape is not None:
        config["batch_shape" if kind == "InputLayer" else "batch_input_shape"] = shape
    inner = config.get("layer")
    if isinstance(inner, KerasLayer) and shape is None and "batch_input_shape" in inner.config:
        config["batch_input_shape"] = inner.config["batch_input_shape"]
    return config


def _nothing(name: str, value: Value, line: int) -> Any:
    """Stands for an argument that does not count."""
    del name, value, line
    return _nothing


def _read_number(name: str, value: Value, line: int) -> Any:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return value if numeric or value is None else not_said(name, value, line)


def _read_truth(name: str, value: Value, line: int) -> Any:
    return value if isinstance(value, bool | int | None) else not_said(name, value, line, "True or False")


def _read_word(name: str, value: Value, line: int) -> Any:
    match value:
        case str() | int() | None:
            return value
        case list():
            return plain(value)
        case Named():
            return value.name
        case KerasLayer():
            return value
        case Function():
            lambda_ = value.name == "lambda"
            return {"class_name": "__lambda__", "config": {}} if lambda_ else value.name
    return not_said(name, value, line, "written out")


def _read_layer(name: str, value: Value, line: int) -> Any:
    if isinstance(value, Instance):
        return {"class_name": own_kind(value), "config": {}}
    if isinstance(value, list) and value and all(isinstance(each, KerasLayer) for each in value):
        fault = next((each.fault for each in value if each.fault is not None), None)
        if name == "cell":  # cells on one another
            return fault or KerasLayer("StackedRNNCells", {"cells": value}, line, value[0].reader)
        return fault or value
    if isinstance(value, KerasLayer):
        return value.fault or value
    return not_said(name, value, line, "a layer")


_READERS: Mapping[str, Callable[[str, Value, int], Any]] = {
    **dict.fromkeys(_NUMBERS, _read_number),
    **dict.fromkeys(_TRUTHS, _read_truth),
    **dict.fromkeys(_WORDS, _read_word),
    **dict.fromkeys(_LAYERS, _read_layer),
}


def _shape(kind: str, arguments: Mapping[str, Value], line: int, *, strict: bool) -> list[Value] | None:
    """Return the shape that a layer says it reads, the batch in front; None if it says none.

    Raises:
        RnncliError: the number of features is not known; never, where it is not `strict`.
    """
    batch = None
    for name in ("batch_input_shape", "batch_shape", "input_shape", "shape"):
        given = arguments.get(name)
        if given is None:
            continue
        if not isinstance(given, list | tuple) or not given:
            if strict:
                raise not_said(name, given, line, "written out")
            return None
        sizes = list(given)[1:] if name.startswith("batch") else list(given)
        shape: list[Value] = [each if type(each) is int else None for each in sizes]
        if len(sizes) > 1 and type(sizes[-1]) is not int and strict:
            raise not_said("the number of features", sizes[-1], line)
        return [batch, *shape]
    features = arguments.get("input_dim")
    if kind == "Embedding" or features is None:
        return None
    if type(features) is not int:
        if strict:
            raise not_said("input_dim", features, line)
        return None
    timesteps = arguments.get("input_length")
    recurrent = kind not in ("Dense", "Dropout")
    return [batch, *([timesteps if type(timesteps) is int else None] if recurrent else []), features]

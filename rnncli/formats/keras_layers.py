"""What each of Keras's layers is in the language, from its arguments in a config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from rnncli.errors import ArgumentError, shorten
from rnncli.formats.keras_config import ConfigError, Json, Step, config_of, siblings
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Layer, Norm, Pool, Recurrent, Repeat, SimpleRNN
from rnncli.layers.activations import ACTIVATIONS


class InexpressibleError(Exception):
    """A layer that the language nearly has; the reason says what is missing."""


class Word(NamedTuple):
    """A layer as the language has it.

    Attributes:
        layer: the layer; None if it passes on what it reads, or is an activation of the layer before.
        routes: the way to its weights in a file of Keras 3, from its own group, for each direction.
        activation: what is applied to the output of the layer before.
        axis: the axis that it works on, if that is written as a number from 0.
        cudnn: whether its weights have cuDNN's layout.
        assumed: what it does otherwise here.
    """

    layer: Layer | None = None
    routes: tuple[tuple[Step, ...], ...] = ((),)
    activation: str | None = None
    axis: int | None = None
    cudnn: bool = False
    assumed: tuple[str, ...] = ()


def words_of(entry: Json, name: str, *, modern: bool) -> tuple[Word, ...] | None:
    """Return a layer in the words of the language, or None if it has none for it.

    Args:
        entry: what a config says of the layer.
        name: its name.
        modern: whether Keras 3 wrote the config.

    Raises:
        InexpressibleError: it is nearly one that the language has.
        ConfigError: its arguments are not those of such a layer.
    """
    kind = entry["class_name"]
    if kind not in _WORDS:
        return None
    try:
        return _WORDS[kind](entry, modern)
    except (ArgumentError, TypeError, ValueError, KeyError) as fault:
        said = f"no {fault}" if isinstance(fault, KeyError) else shorten(str(fault), 120)
        raise ConfigError(f"{shorten(name)} ({kind})", said) from None


def is_recurrent(entry: Json) -> bool:
    """Whether a layer loops over time, as far as its class says so."""
    return any(part in str(entry.get("class_name")) for part in ("RNN", "LSTM", "GRU", "Bidirectional"))


def activation_of(value: Any, *, modern: bool) -> str:
    """Return an activation of the language, from a name or an object.

    Raises:
        InexpressibleError: the language has no such activation, or it is code.
    """
    match value:
        case None:
            return "linear"
        case {"class_name": "__lambda__" | "Lambda"}:
            raise InexpressibleError("its activation is a lambda, which is code and is not run")
        case {"class_name": "ReLU" | "Softmax" | "ELU"}:
            return _activation_layer(value, modern)[0].activation or "linear"
        case {"class_name": "function", "config": str(name)} | str(name):
            pass
        case {"class_name": str(name)}:
            pass
        case _:
            raise InexpressibleError(f"its activation is {shorten(repr(value))}")
    name = {"swish": "silu"}.get(name, name)
    if name == "hard_sigmoid" and not modern:
        raise InexpressibleError(
            "it has the hard_sigmoid of Keras 1 and 2, clip(0.2·x + 0.5); here hard_sigmoid is that of Keras 3, "
            "clip(x/6 + 0.5), and is not run in its place"
        )
    if name not in ACTIVATIONS:
        raise InexpressibleError(f"its activation {shorten(name)} is none that rnncli has")
    return name


Words = tuple[Word, ...]

_CELLS: Mapping[str, type[Recurrent]] = {
    "SimpleRNN": SimpleRNN,
    "LSTM": LSTM,
    "GRU": GRU,
    "SimpleRNNCell": SimpleRNN,
    "LSTMCell": LSTM,
    "GRUCell": GRU,
    "CuDNNLSTM": LSTM,
    "CuDNNGRU": GRU,
}


def _cell(kind: str, config: Json, modern: bool) -> Recurrent:
    """Return a recurrent layer with the arguments of its cell."""
    given: dict[str, Any] = {"units": config["units"], "use_bias": config.get("use_bias", True)}
    if kind.startswith("CuDNN"):
        return _CELLS[kind](**given)
    given["activation"] = activation_of(config.get("activation", "tanh"), modern=modern)
    if _CELLS[kind] is not SimpleRNN:
        gates = config.get("recurrent_activation", "sigmoid" if modern else "hard_sigmoid")
        given["recurrent_activation"] = activation_of(gates, modern=modern)
    if _CELLS[kind] is GRU:
        given["reset_after"] = config.get("reset_after", modern)
    return _CELLS[kind](**given)


def _recurrent(entry: Json, modern: bool) -> Words:
    config = config_of(entry)
    if config.get("time_major"):
        raise InexpressibleError("it reads time first (time_major)")
    assumed = []
    if config.get("stateful"):
        assumed.append("is stateful; here every sample starts from a state of zero")
    cells: list[tuple[Recurrent, tuple[Step, ...]]]
    if entry["class_name"] == "RNN":
        cells = _cells_of(config.get("cell"), modern)
    else:
        cells = [(_cell(entry["class_name"], config, modern), ("cell",))]
    words = []
    for number, (cell, route) in enumerate(cells):
        last = number == len(cells) - 1
        # All cells of a stack take a step together: those above the first read what it returns, in its order.
        layer = replace(
            cell,
            return_sequences=config.get("return_sequences", False) if last else True,
            go_backwards=config.get("go_backwards", False) if number == 0 else False,
        )
        words.append(Word(layer, (route,), cudnn=entry["class_name"].startswith("CuDNN")))
    words[0] = words[0]._replace(assumed=tuple(assumed))
    return tuple(words)


def _cells_of(cell: Any, modern: bool) -> list[tuple[Recurrent, tuple[Step, ...]]]:
    """Return the cells of an RNN, each with the way to its weights."""
    match cell:
        case {"class_name": "StackedRNNCells", "config": {"cells": [_, *_] as cells}}:
            found: list[tuple[Recurrent, tuple[Step, ...]]] = []
            for entry, sibling in siblings(cells):
                ((layer, _),) = _cells_of(entry, modern)
                found.append((layer, ("cell", "cells", sibling)))
            return found
        case {"class_name": "SimpleRNNCell" | "LSTMCell" | "GRUCell" as kind, "config": dict(config)}:
            return [(_cell(kind, config, modern), ("cell",))]
        case {"class_name": str(kind)}:
            raise InexpressibleError(f"its cell {shorten(kind)} is none that rnncli has; it is not run")
        case _:
            raise InexpressibleError("it has no cell that rnncli knows")


def _bidirectional(entry: Json, modern: bool) -> Words:
    config = config_of(entry)
    mode = config.get("merge_mode", "concat")
    if mode is None:
        raise InexpressibleError("it keeps the outputs of its two directions apart (merge_mode=None)")
    forward, backward = (config.get(name) for name in ("layer", "backward_layer"))
    words = _inside(forward, modern)
    if len(words) > 1:
        raise InexpressibleError("each of its directions is a stack of cells")
    layer = words[0].layer
    assert isinstance(layer, Recurrent)
    if layer.go_backwards:
        raise InexpressibleError("its first direction reads backwards")
    if backward is not None:
        (other,) = _inside(backward, modern)
        assert isinstance(other.layer, Recurrent)
        if other.layer != replace(layer, go_backwards=True):
            raise InexpressibleError("its two directions are not alike")
    routes = tuple((direction, *words[0].routes[0]) for direction in ("forward_layer", "backward_layer"))
    return (words[0]._replace(layer=replace(layer, merge_mode=mode), routes=routes),)


def _inside(entry: Any, modern: bool) -> Words:
    """Return the recurrent layer inside of a Bidirectional."""
    match entry:
        case {"class_name": str(kind)} if kind in _LOOPS:
            return _recurrent(entry, modern)
        case {"class_name": str(kind)}:
            raise InexpressibleError(f"it holds a {shorten(kind)}")
        case _:
            raise InexpressibleError("it holds no layer")


_LOOPS = ("SimpleRNN", "LSTM", "GRU", "CuDNNLSTM", "CuDNNGRU", "RNN")


def _embedding(entry: Json, modern: bool) -> Words:
    del modern
    config = config_of(entry)
    return (Word(Embedding(config["input_dim"], config["output_dim"], bool(config.get("mask_zero", False)))),)


def _dense(entry: Json, modern: bool) -> Words:
    config = config_of(entry)
    activation = activation_of(config.get("activation"), modern=modern)
    return (Word(Dense(config["units"], config.get("use_bias", True), activation)),)


def _dropout(entry: Json, modern: bool) -> Words:
    del modern
    rate = config_of(entry)["rate"]
    if type(rate) not in (int, float) or not 0 <= rate <= 1:
        raise ValueError(f"rate is {shorten(repr(rate))}, expected a share from 0 to 1")
    return (Word(Dropout(float(rate))),)


def _norm(entry: Json, modern: bool) -> Words:
    del modern
    config = config_of(entry)
    if config.get("rms_scaling"):
        raise InexpressibleError("it scales by the root of the mean square (rms_scaling)")
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if type(axis) is not int or axis < -1:
        raise InexpressibleError(f"it works on the axes {shorten(repr(axis))}, not on the features alone")
    given = config.get("epsilon", 1e-3)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1:
        raise InexpressibleError(f"it has an epsilon of {shorten(repr(given))}")
    epsilon, same = Norm.nearest_epsilon(given)
    assumed = () if same else (f"has an epsilon of {given:g}; here it runs with {epsilon:g}",)
    layer = Norm(config.get("center", True), config.get("scale", True), epsilon)
    return (Word(layer, axis=None if axis == -1 else axis, assumed=assumed),)


def _repeat(entry: Json, modern: bool) -> Words:
    del modern
    return (Word(Repeat(config_of(entry)["n"])),)


def _pool(mode: str) -> Callable[[Json, bool], Words]:
    def words(entry: Json, modern: bool) -> Words:
        del modern
        config = config_of(entry)
        if config.get("keepdims") or config.get("data_format") == "channels_first":
            raise InexpressibleError("it keeps the axis of time, or reads the features before it")
        return (Word(Pool(mode)),)

    return words


def _activation_layer(entry: Json, modern: bool) -> Words:
    config = config_of(entry)
    match entry["class_name"]:
        case "Activation":
            activation = activation_of(config["activation"], modern=modern)
        case "ReLU" if config.get("max_value") is None and not (
            config.get("negative_slope") or config.get("threshold")
        ):
            activation = "relu"
        case "ELU" if config.get("alpha", 1.0) == 1.0:
            activation = "elu"
        case "Softmax" if config.get("axis", -1) == -1:
            activation = "softmax"
        case kind:
            raise InexpressibleError(f"rnncli has no {kind} with such arguments")
    return (Word() if activation == "linear" else Word(activation=activation),)


def _time_distributed(entry: Json, modern: bool) -> Words:
    layer = config_of(entry).get("layer")
    if not isinstance(layer, dict) or layer.get("class_name") not in _EACH_STEP:
        raise InexpressibleError("rnncli has no such layer for each timestep")
    # What it holds works on one vector, so its axis 1 is the sequence's axis 2.
    (word,) = _WORDS[layer["class_name"]](layer, modern)
    return (word._replace(routes=(("layer",),), axis=None if word.axis is None else word.axis + 1),)


_EACH_STEP = ("Dense", "Dropout", "LayerNormalization", "Activation", "ReLU", "ELU", "Softmax")


def _identity(entry: Json, modern: bool) -> Words:
    del entry, modern
    return (Word(),)


def _masking(entry: Json, modern: bool) -> Words:
    del modern
    value = shorten(repr(config_of(entry).get("mask_value", 0.0)))
    return (Word(assumed=(f"takes vectors of {value} for padding (Masking); here no timestep is padding",)),)


_WORDS: Mapping[str, Callable[[Json, bool], Words]] = {
    **dict.fromkeys(_LOOPS, _recurrent),
    "Bidirectional": _bidirectional,
    "Embedding": _embedding,
    "Dense": _dense,
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "GaussianDropout", "AlphaDropout"), _dropout),
    "LayerNormalization": _norm,
    "RepeatVector": _repeat,
    "GlobalMaxPooling1D": _pool("max"),
    "GlobalMaxPool1D": _pool("max"),
    "GlobalAveragePooling1D": _pool("avg"),
    "GlobalAvgPool1D": _pool("avg"),
    **dict.fromkeys(("Activation", "ReLU", "ELU", "Softmax"), _activation_layer),
    "TimeDistributed": _time_distributed,
    **dict.fromkeys(("GaussianNoise", "ActivityRegularization", "Identity"), _identity),
    "Masking": _masking,
}
"""What reads the arguments of each of Keras's classes."""

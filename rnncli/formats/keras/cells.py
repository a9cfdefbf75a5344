"""What Keras's recurrent layers are in the language: the three cells, alone, stacked, and in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rnncli.errors import shorten
from rnncli.formats.keras.config import Json, Step, config_of, is_custom, siblings
from rnncli.formats.keras.words import InexpressibleError, Word, Words, activation_of, old_hard_sigmoid
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN

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


MAX_CELLS = 1000
"""The most cells of a stack."""

LOOPS = ("SimpleRNN", "LSTM", "GRU", "CuDNNLSTM", "CuDNNGRU", "RNN")
"""Classes that loop over time."""


def _cell(kind: str, config: Json, modern: bool) -> Recurrent:
    """Return a recurrent layer with the arguments of its cell."""
    given: dict[str, Any] = {"units": config["units"], "use_bias": config.get("use_bias", True)}
    if kind.startswith("CuDNN"):
        return _CELLS[kind](**given)
    given["activation"] = activation_of(config.get("activation", "tanh"))
    if _CELLS[kind] is not SimpleRNN:
        gates = config.get("recurrent_activation", "sigmoid" if modern else "hard_sigmoid")
        given["recurrent_activation"] = activation_of(gates)
    if _CELLS[kind] is LSTM:
        given["unit_forget_bias"] = config.get("unit_forget_bias", True)
    if _CELLS[kind] is GRU:
        given["reset_after"] = config.get("reset_after", modern)
    return _CELLS[kind](**given)


def recurrent(entry: Json, modern: bool) -> Words:
    """Return a recurrent layer, or the stack of cells that it is."""
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
        differs = old_hard_sigmoid(modern, cell.activation, getattr(cell, "recurrent_activation", ""))
        words.append(Word(layer, (route,), cudnn=entry["class_name"].startswith("CuDNN"), differs=differs))
    words[0] = words[0]._replace(assumed=tuple(assumed))
    # Of a stack, only the last cell's outputs are seen.
    zeros = bool(config.get("zero_output_for_mask") and config.get("return_sequences"))
    words[-1] = words[-1]._replace(zeros=zeros)
    return tuple(words)


def _cells_of(cell: Any, modern: bool) -> list[tuple[Recurrent, tuple[Step, ...]]]:
    """Return the cells of an RNN, each with the way to its weights."""
    match cell:
        case {"class_name": "StackedRNNCells", "config": {"cells": [_, *_] as cells}}:
            if len(cells) > MAX_CELLS:
                raise ValueError(f"a stack of {len(cells):,} cells, expected at most {MAX_CELLS:,}")
            found: list[tuple[Recurrent, tuple[Step, ...]]] = []
            for entry, sibling in siblings(cells):
                ((layer, _),) = _cells_of(entry, modern)
                found.append((layer, ("cell", "cells", sibling)))
            return found
        case {"class_name": "SimpleRNNCell" | "LSTMCell" | "GRUCell" as kind, "config": dict(config)} if not is_custom(
            cell
        ):
            return [(_cell(kind, config, modern), ("cell",))]
        case {"class_name": str(kind)}:
            raise InexpressibleError(f"its cell {shorten(kind)} is none that rnncli has; it is not run")
        case _:
            raise InexpressibleError("it has no cell that rnncli knows")


def bidirectional(entry: Json, modern: bool) -> Words:
    """Return a recurrent layer that reads both ways."""
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
    # Its two directions always return zeros for padding, and here they do so too.
    return (words[0]._replace(layer=replace(layer, merge_mode=mode), routes=routes, zeros=False),)


def _inside(entry: Any, modern: bool) -> Words:
    """Return the recurrent layer inside of a Bidirectional."""
    match entry:
        case {"class_name": str(kind)} if kind in LOOPS and not is_custom(entry):
            return recurrent(entry, modern)
        case {"class_name": str(kind)}:
            own = " of somebody's own" if kind in LOOPS else ""
            raise InexpressibleError(f"it holds a {shorten(kind)}{own}")
        case _:
            raise InexpressibleError("it holds no layer")

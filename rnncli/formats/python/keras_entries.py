"""Keras's layers and models in a Python source, written as the configs that Keras would write of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rnncli.errors import RnncliError
from rnncli.formats.keras.config import snake_case
from rnncli.formats.python.keras_objects import Config, KerasLayer, KerasModel

MAX_NESTING = 20
"""How deep models may stand inside of one another."""


def model_entry(model: KerasModel, name: str, depth: int = 0) -> Config:
    """Return what a config says of a model.

    Args:
        model: the model.
        name: its name.
        depth: how many models stand around it.

    Raises:
        RnncliError: it holds itself, or is nested too deeply.
    """
    if depth > MAX_NESTING:
        raise RnncliError(f"its models stand more than {MAX_NESTING} deep inside of one another")
    config = _functional(model, depth) if model.layers is None else _sequential(model.layers, depth)
    kind = "Functional" if model.layers is None else "Sequential"
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "line": model.line}


def layer_entry(layer: KerasLayer, name: str) -> Config:
    """Return what a config says of a layer."""
    config = {key: _written(value) for key, value in layer.config.items()}
    return {"class_name": layer.kind, "config": {**config, "name": name}, "name": name, "line": layer.line}


def _written(value: Any) -> Any:
    """Return an argument of a layer as a config has it."""
    if isinstance(value, KerasLayer):
        return layer_entry(value, value.name or snake_case(value.kind))
    return [_written(each) for each in value] if isinstance(value, list) else value


def _entry(layer: KerasLayer | KerasModel, name: str, depth: int) -> Config:
    return layer_entry(layer, name) if isinstance(layer, KerasLayer) else model_entry(layer, name, depth + 1)


def _sequential(layers: list[KerasLayer | KerasModel], depth: int) -> Config:
    names = _Names()
    return {"layers": [_entry(each, names.of(each), depth) for each in layers]}


def _functional(model: KerasModel, depth: int) -> Config:
    names = _Names()
    entries: dict[int, Config] = {}
    places: dict[int, list[Any]] = {}
    for call in model.calls():
        key = id(call.layer)
        if key not in entries:
            entries[key] = {**_entry(call.layer, names.of(call.layer), depth), "inbound_nodes": []}
        nodes = entries[key]["inbound_nodes"]
        number = len(nodes)
        places[id(call)] = [entries[key]["name"], number]
        keywords = {
            key: [[*places[id(tensor.origin)], tensor.output] for tensor in some]
            for key, some in (("initial_state", call.states), ("mask", call.masks))
            if some
        }
        reads = [[*places[id(each.origin)], each.output, keywords] for each in call.reads]
        if reads:
            nodes.append(reads)
    return {
        "layers": list(entries.values()),
        "input_layers": [[*places[id(each.origin)], each.output] for each in model.inputs if id(each.origin) in places],
        "output_layers": [[*places[id(each.origin)], each.output] for each in model.outputs],
    }


class _Names:
    """The names of layers that stand side by side, numbered as Keras does."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def of(self, layer: KerasLayer | KerasModel) -> str:
        base = layer.name or (snake_case(layer.kind) if isinstance(layer, KerasLayer) else layer.variable or "model")
        name = base if not self._taken[base] else f"{base}_{self._taken[base]}"
        self._taken[base] += 1
        return name

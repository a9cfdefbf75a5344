"""Initial weights: the description matches the draws of real Keras and PyTorch, and of the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import product
from math import sqrt
from typing import Any

import kinds
import numpy as np
import pytest
from conftest import Walk
from golden.data import STARTS as GOLDEN

from rnncli import Network
from rnncli.engine.initializers import INITIALIZERS
from rnncli.engine.model import Model
from rnncli.formats.conventions import torch_weights
from rnncli.layers.weights import FRAMEWORKS, STARTS, Start, start
from rnncli.reports.explanation import explain


@cache
def networks() -> list[dict[str, Any]]:
    """The frameworks' recorded draws for some networks."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))["networks"]


def matches(said: Start, drawn: dict[str, Any]) -> bool:
    """Whether a drawn weight matches its description."""
    lowest, highest, deviation = drawn["lowest"], drawn["highest"], drawn["deviation"]
    if said.limit is not None:
        bounds = -said.limit - 1e-5 <= lowest < -0.95 * said.limit and 0.95 * said.limit < highest <= said.limit + 1e-5
        return bounds and abs(deviation / (said.limit / sqrt(3)) - 1) < 0.06
    match said.words:
        case "zeros":
            return lowest == highest == 0
        case "ones":
            return lowest == highest == 1
        case "orthogonal":
            return drawn["from_orthonormal"] < 1e-4
        case "zeros, ones for the forget gate":
            return drawn["blocks"] == [0, 1, 0, 0]
        case "normal, mean 0 and deviation 1":
            return abs(deviation - 1) < 0.01 and lowest < -3 and drawn["zero_rows"] == []
        case "normal, mean 0 and deviation 1, the row of id 0 zeros":
            return abs(deviation - 1) < 0.01 and lowest < -3 and drawn["zero_rows"] == [0]
    raise AssertionError(f"nothing checks {said}")


def test_the_description_matches_the_frameworks_draw(at: Walk) -> None:
    drawn_from = set()
    for entry, framework in product(networks(), FRAMEWORKS):
        if (drawn := entry[framework]) is None:
            continue
        (row,) = Network.parse(entry["spec"]).summary(framework=framework).layers
        assert [weight.name for weight in row.weights] == [each["name"] for each in drawn]
        for weight, each in zip(row.weights, drawn, strict=True):
            drawn_from.add(weight.initializer)
            with at(entry["spec"], framework, weight.name):
                assert matches(start(weight), each), (start(weight), each)
    assert drawn_from == {*STARTS} >= {*INITIALIZERS}


def own_bias(arrays: dict[str, Any]) -> Any:
    """The bias of a layer, or of its first direction."""
    return next(array for key, array in arrays.items() if key.endswith("bias"))


def test_the_description_matches_the_engines_draw(at: Walk) -> None:
    for entry, framework in product(networks(), FRAMEWORKS):
        if entry[framework] is None:
            continue
        network = Network.parse(spec := entry["spec"])
        (row,) = network.summary(framework=framework).layers
        own = {key.partition("/")[2]: array for key, array in Model(network, seed=0, init=framework).weights.items()}
        arrays = torch_weights(network.body[0], own) if framework == "torch" else own
        units = getattr(network.layers[-1], "units", 32)
        for weight in row.weights:
            array, said = arrays[weight.name], start(weight)
            if framework == "torch" and weight.role == "bias" and said.limit is not None:
                # There are few numbers; and where PyTorch adds two biases, a Keras layer has their sum.
                assert 0 < np.abs(own_bias(own)).max() <= 2 * said.limit
                continue
            wide = array if array.ndim == 2 and array.shape[0] <= array.shape[1] else array.T
            drawn = {
                "lowest": array.min(),
                "highest": array.max(),
                "deviation": array.std(),
                "from_orthonormal": np.abs(wide @ wide.T - np.eye(len(wide))).max() if array.ndim == 2 else None,
                "blocks": [block.mean() for block in array.reshape(-1, units)],
                "zero_rows": [row for row, numbers in enumerate(array) if not np.any(numbers)],
            }
            with at(spec, framework, weight.name):
                assert matches(said, drawn), (said, drawn)


def test_uniform_weights_are_from_0_to_1() -> None:
    for array in Model("embed:500x50,gru:40:seq:bi,dense:30", init="uniform").weights.values():
        assert 0 <= array.min() < array.max() < 1
        assert array.mean() == pytest.approx(0.5, abs=0.1)


def small_networks() -> Iterator[Network]:
    for kind in kinds.KINDS.values():
        ways = [way for option in kind.options.values() for ways in option.ways.values() for way in ways]
        for option in ("", *(f"{'' if way[0].isdigit() else kind.needs}:{way}" for way in ways)):
            if "pool_size" not in option:
                yield Network.parse(kinds.small_network(kind) + option)


def test_every_weight_of_every_kind_declares_its_initialiser(at: Walk) -> None:
    for network, framework in product(small_networks(), FRAMEWORKS):
        if any(layer.conflict(framework) for layer in network.layers):
            continue
        with at(network, framework):
            for layer in explain(network, framework=framework).layers:
                noted = [note.text for note in layer.notes if note.topic == "Start"]
                assert len(noted) == bool(layer.weights)
                for weight, _ in layer.weights:
                    assert start(weight).text in noted[0]
                    assert weight.symbol in noted[0]


def test_an_explanation_states_it_in_one_line(at: Walk) -> None:
    glorot = "W Glorot uniform, ±√(6 / (32 + 256)) = ±0.144"
    for spec, framework, text in (
        ("input:32,lstm:64", "keras", f"{glorot}; U orthogonal; b zeros, ones for the forget gate"),
        ("input:32,lstm:64:forgetbias=0", "keras", f"{glorot}; U orthogonal; b zeros"),
        ("input:32,rnn:32:bi", "keras", "W Glorot uniform, ±√(6 / (32 + 32)) = ±0.306; U orthogonal; b zeros"),
        ("embed:10x4", "keras", "E uniform, ±0.05"),
        ("input:32,lstm:64", "torch", "W, U, b and b' uniform, ±√(1 / 64) = ±0.125"),
        ("input:32,dense:64", "torch", "W and b uniform, ±√(1 / 32) = ±0.177"),
        ("embed:10x4", "torch", "E normal, mean 0 and deviation 1"),
        ("input:8,norm", "torch", "γ ones; β zeros"),
    ):
        with at(spec, framework):
            notes = explain(spec, framework=framework).layers[-1].notes
            assert [note.text for note in notes if note.topic == "Start"] == [text]

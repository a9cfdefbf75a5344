"""How weights start: what is said of it is what real Keras and PyTorch draw, and what the engine draws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import sqrt
from typing import Any

import kinds
import numpy as np
import pytest
from golden.data import STARTS as GOLDEN

from rnncli import Network
from rnncli.engine import Model
from rnncli.engine.initializers import INITIALIZERS
from rnncli.layers.starts import STARTS, Start, start
from rnncli.layers.weights import FRAMEWORKS
from rnncli.reports.explanation import explain

NETWORKS = json.loads(GOLDEN.read_text(encoding="utf-8"))["networks"]

GLOROT = "W Glorot uniform, ±√(6 / (32 + 256)) = ±0.144"


def is_as_said(said: Start, drawn: dict[str, Any]) -> bool:
    """Whether what was drawn is what is said of it."""
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


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry["spec"])
def test_what_is_said_is_what_the_framework_draws(entry: dict[str, Any], framework: str) -> None:
    drawn = entry[framework]
    if drawn is None:
        return
    (row,) = Network.parse(entry["spec"]).summary(framework=framework).layers  # type: ignore[arg-type]
    assert [weight.name for weight in row.weights] == [each["name"] for each in drawn]
    for weight, each in zip(row.weights, drawn, strict=True):
        assert is_as_said(start(weight), each), (weight, start(weight), each)


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry["spec"])
def test_what_is_said_is_what_the_engine_draws(entry: dict[str, Any]) -> None:
    network = Network.parse(entry["spec"])
    arrays = Model(network, seed=0).weights
    (row,) = network.summary().layers
    units = getattr(network.layers[-1], "units", 32)
    for weight in row.weights:
        array = arrays[f"{row.name}/{weight.name}"]
        wide = array if array.ndim == 2 and array.shape[0] <= array.shape[1] else array.T
        drawn = {
            "lowest": array.min(),
            "highest": array.max(),
            "deviation": array.std(),
            "from_orthonormal": np.abs(wide @ wide.T - np.eye(len(wide))).max() if array.ndim == 2 else None,
            "blocks": [block.mean() for block in array.reshape(-1, units)],
        }
        assert is_as_said(start(weight), drawn), (weight, start(weight))


def small_networks() -> Iterator[Network]:
    for kind in kinds.KINDS.values():
        options = [
            "",
            *(f":{way}" for option in kind.options.values() for ways in option.ways.values() for way in ways),
        ]
        for option in options:
            yield Network.parse(kinds.small_network(kind) + option)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_weight_of_every_kind_says_how_it_starts(framework: str) -> None:
    for network in small_networks():
        if any(layer.conflict(framework) for layer in network.layers):  # type: ignore[arg-type]
            continue
        for layer in explain(network, framework=framework).layers:  # type: ignore[arg-type]
            noted = [note.text for note in layer.notes if note.topic == "Start"]
            assert len(noted) == bool(layer.weights)
            for weight, _ in layer.weights:
                assert start(weight).text in noted[0]
                assert weight.symbol in noted[0]


def test_all_starts_are_checked_against_a_framework() -> None:
    used = {
        weight.initializer
        for entry in NETWORKS
        for framework in FRAMEWORKS
        if entry[framework] is not None
        for row in Network.parse(entry["spec"]).summary(framework=framework).layers
        for weight in row.weights
    }
    assert used == {*STARTS}
    assert {*INITIALIZERS} <= used


@pytest.mark.parametrize(
    ("spec", "framework", "text"),
    [
        ("input:32,lstm:64", "keras", f"{GLOROT}; U orthogonal; b zeros, ones for the forget gate"),
        ("input:32,lstm:64:forgetbias=0", "keras", f"{GLOROT}; U orthogonal; b zeros"),
        ("input:32,rnn:32:bi", "keras", "W Glorot uniform, ±√(6 / (32 + 32)) = ±0.306; U orthogonal; b zeros"),
        ("embed:10x4", "keras", "E uniform, ±0.05"),
        ("input:32,lstm:64", "torch", "W, U, b and b' uniform, ±√(1 / 64) = ±0.125"),
        ("input:32,dense:64", "torch", "W and b uniform, ±√(1 / 32) = ±0.177"),
        ("embed:10x4", "torch", "E normal, mean 0 and deviation 1"),
        ("input:8,norm", "torch", "γ ones; β zeros"),
    ],
)
def test_an_explanation_says_it_in_one_line(spec: str, framework: str, text: str) -> None:
    notes = explain(spec, framework=framework).layers[-1].notes  # type: ignore[arg-type]
    assert [note.text for note in notes if note.topic == "Start"] == [text]


def test_json_says_it_of_each_weight() -> None:
    (layer,) = explain("input:32,lstm:64").as_dict()["layers"]
    assert [(each["start"], each["limit"]) for each in layer["weights"]] == [
        ("Glorot uniform", sqrt(6 / (32 + 256))),
        ("orthogonal", None),
        ("zeros, ones for the forget gate", None),
    ]

"""Keras's files: the layers as specs, layers that cannot be expressed, and refused files. No test needs h5py."""

from __future__ import annotations

import json
import os
import random
import zipfile
from functools import reduce  # noqa: F401 - the screen has it
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, Screen, Walk, some
from hostile_models import reports_of
from part_weights import keras_weights
from sessions import made_cases, replay

from rnncli import Network
from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.model_file import ModelFile

GOLDEN = Path(__file__).parent / "golden" / "models" / "keras"
SPECS = {
    "stack": "input:5x3,lstm:2:seq:bi,gru:2:seq:back,dense:3:relu,norm,rnn:2,dense:2:softmax",
    "tokens": "embed:10x3:mask,rnn:2:seq:bi=sum,dropout:0.5,gru:2:relu:reset=before,dense:2,dense:1",
    "cells": "input:2,lstm:2:seq,gru:2:seq,lstm:2:seq,pool:max,repeat:3,gru:2:bi",
    "lstm": "input:3,lstm:2,dense:2",
    "both": "input:3,gru:2:bi",
    "convolved": "input:3,conv:4x2:causal:relu,bnorm:nobias,pool:max:2:stride=1,conv:5x2:dilation=2:same:nobias,"
    "bnorm:noscale,gru:2",
    "windows": "input:3,conv:4x2,bnorm,lstm:2,dense:3",
}


def written(name: str) -> str:
    """A file that real Keras wrote, copied to this directory."""
    with zipfile.ZipFile(GOLDEN / "models.zip") as archive:
        archive.extract(name)
    return name


def test_without_h5py_layers_are_read_and_weights_and_parts_left_out_report_that_they_need_it(
    monkeypatch: pytest.MonkeyPatch, rnncli: Run, screen: Screen
) -> None:
    monkeypatch.setattr("rnncli.formats.keras.hdf5._installed", lambda beside: [])  # no folder has h5py
    with zipfile.ZipFile(GOLDEN / "models.zip") as archive:
        archive.extractall()
    old = sequential(cell(name="old", **HARD))
    for name, config in (("conv", sequential(CONVOLUTION, cell())), ("old", old)):
        Path(f"{name}.json").write_text(json.dumps(config))
    replay("keras-files", rnncli, screen)
    with pytest.raises(RnncliError, match="is not supported"):
        keras_weights(opened(old).parts[0])


# Models of every version, as JSON. ------------------------------------------------------------------------------------


def layer(kind: str, name: str = "", **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name or kind.lower(), **config}}


def cell(kind: str = "LSTM", name: str = "", **config: Any) -> dict[str, Any]:
    usual = {"units": 4, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}
    return layer(kind, name, **usual | config)


def sequential(*layers: dict[str, Any], version: str = "2.4.0", plain: bool = False) -> dict[str, Any]:
    config: Any = list(layers) if plain else {"name": "m", "layers": list(layers)}
    return {"class_name": "Sequential", "config": config, "keras_version": version, "backend": "tensorflow"}


def reads(*names: str) -> list[Any]:
    """One call of a layer on the outputs of others."""
    return [[[name, 0, 0, {}] for name in names]]


def functional(*layers: tuple[dict[str, Any], Any], version: str = "2.2.4") -> dict[str, Any]:
    entries = [entry | {"name": entry["config"]["name"], "inbound_nodes": nodes} for entry, nodes in layers]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[entries[-1]["name"], 0, 0]]}
    return {"class_name": "Model", "config": {"name": "m", "layers": entries, **ends}, "keras_version": version}


def named(model: dict[str, Any], name: str, **config: Any) -> dict[str, Any]:
    return model | {"config": model["config"] | {"name": name, **config}}


def states(**how: Any) -> dict[str, Any]:
    """An encoder, and a decoder that starts from its states, in Keras's two notations."""
    given = [["encoder", 0, 1], ["encoder", 0, 2]]
    call = [["x", 0, 0, {"initial_state": given}]] if how else [["x", 0, 0, {}], *([*each, {}] for each in given)]
    return functional(X, (cell(name="encoder", return_state=True), reads("x")), (cell(name="decoder"), [call]))


def tensor(name: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None], "keras_history": [name, 0, 0]}}


ARRAY = {"class_name": "__tensor__", "config": {"value": [[1.0]], "dtype": "float32"}}


def reads_in_keras_3(name: str) -> list[Any]:
    return [{"args": [tensor(name)], "kwargs": {}}]


def inputs_by_name() -> dict[str, Any]:
    def source(name: str, size: int) -> tuple[dict[str, Any], Any]:
        return layer("InputLayer", name, batch_shape=[None, None, size]), []

    inner = functional(source("a", 3), source("b", 5), (cell(), reads("a")))
    inner = named(inner, "inner", input_layers={"b": ["b", 0, 0], "a": ["a", 0, 0]})
    call = {"args": [{"b": tensor("d"), "a": tensor("c")}], "kwargs": {}}
    return functional(source("c", 3), source("d", 5), (inner, [call]))


INPUT = {"batch_input_shape": [None, None, 3]}
HARD = INPUT | {"recurrent_activation": "hard_sigmoid"}
ZEROS = {"return_sequences": True, "zero_output_for_mask": True}
X, Y = ((layer("InputLayer", name, batch_input_shape=[None, None, size]), []) for name, size in (("x", 3), ("y", 4)))
WORDS = layer("Embedding", "words", input_dim=9, output_dim=3, mask_zero=True)
CONVOLUTION = layer("Conv1D", filters=9, kernel_size=[3], batch_input_shape=[None, 20, 3])

FIRST = (
    cell(name="lstm_1", batch_input_shape=[None, 7, 3], return_sequences=True),
    cell("GRU", "gru_1"),
    layer("Dense", units=1, activation="linear"),
)
INNER = named(functional(X, (cell(return_sequences=True), reads("x"))), "inner")
KERAS_3 = sequential(cell(**HARD, return_sequences=True), layer("GRU", units=2, reset_after=False))
del KERAS_3["keras_version"], KERAS_3["backend"]


def opened(model: Any) -> ModelFile:
    Path("model.json").write_text(model if isinstance(model, str) else json.dumps(model), encoding="utf-8")
    return open_model("model.json")


def reports_on_models(models: dict[str, Any]) -> str:
    """The report of each model under its head: its parts with their layers' names, and all notes."""
    lines: list[str] = []
    for name, model in models.items():
        lines.append(name)
        try:
            found = opened(model)
        except RnncliError as error:
            lines.append(f"Error: {error}\n")
            continue
        lines.append(found.writer)
        for part in found.parts:
            lines.append(f"{part.name}: {part.network}, from {', '.join(piece.name for piece in part.nodes)}")
            assert not part.has_weights
            lines += [f"    {note.effect}: {note.text}" for note in part.notes]
        lines += [*(f"note: {note}" for note in found.notes), ""]
    return "\n".join(lines)


def test_models_written_by_keras_1_and_2_are_read_and_false_content_is_refused(screen: Screen) -> None:
    screen("keras-models", reports_on_models(made_cases("keras-models", globals())))


def test_models_written_by_keras_3_are_read_with_keras_own_sizes(screen: Screen, at: Walk) -> None:
    with zipfile.ZipFile(GOLDEN / "table.zip") as archive:
        table = json.loads(archive.read("table.json"))
    screen("keras-table", reports_on_models({f"# {name}": expected["model"] for name, expected in table.items()}))
    for name, expected in table.items():
        with at(name):
            found = opened(expected["model"])
            assert [part.network for part in found.parts] == [Network.parse(spec) for spec in expected["specs"]]
            for part, layers in zip(found.parts, expected["layers"], strict=True):
                rows = part.network.summary().layers
                names = [piece.name.partition(" (cell")[0] for piece in part.nodes]
                for one, row, (params, shape) in zip(names, rows, layers, strict=True):
                    assert sum(each.params for each, of in zip(rows, names, strict=True) if of == one) == params
                    # A nested model's layers were built there for a batch of any size.
                    both = zip(row.output_shape, shape or row.output_shape, strict=True)
                    assert all(a == b for a, b in both if a and b)


# Damaged files. -------------------------------------------------------------------------------------------------------


def test_a_damaged_file_is_read_or_gives_an_error_message(monkeypatch: pytest.MonkeyPatch, at: Walk) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "fuzz"))
    from keras_targets import make_archive, make_json
    from target import check_error

    for name, make in (("model.json", make_json), ("model.keras", make_archive)):
        for number in some(range(60), 5):
            with at(name, number):
                Path(name).write_bytes(make(random.Random(number)))
                try:
                    open_model(name)
                except RnncliError as error:
                    check_error(error, name)


def test_an_archive_is_recognised_wherever_its_hdf5_is() -> None:
    with zipfile.ZipFile(written("stack.keras")) as archive:
        config, weights = archive.read("config.json"), archive.read("model.weights.h5")
    with zipfile.ZipFile("m.keras", "w") as archive:
        archive.writestr("config.json", config)
        room = 16384 - archive.start_dir - 2 * 30 - len("padding") - len("model.weights.h5")
        archive.writestr("padding", bytes(room))
        archive.writestr("model.weights.h5", weights)
    assert Path("m.keras").read_bytes()[16384:16388] == b"\x89HDF"
    assert [str(part.network) for part in open_model("m.keras").parts] == [SPECS["stack"]]


def test_a_file_is_read_by_its_content_whatever_its_name(screen: Screen) -> None:
    stack = Path(written("stack.keras")).read_bytes()
    os.mkfifo("pipe.h5")
    files = {"lstm.h5": stack, "cut.keras": stack[:-30], "text.h5": "text", "text.keras": "text", "pipe.h5": None}
    screen("keras-names", reports_of(files))

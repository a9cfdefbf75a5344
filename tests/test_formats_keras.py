"""Keras's files: the layers as specs, layers that cannot be expressed, and refused files. No test needs h5py."""

from __future__ import annotations

import json
import os
import random
import zipfile
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, Screen, Walk, some
from hostile_models import reports_of
from part_weights import keras_weights
from sessions import replay

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

MODELS: dict[str, Any] = {
    "a GRU that does not say reset_after, which is of the time before it could": sequential(*FIRST),
    "a Sequential whose config is the list of its layers": sequential(*FIRST, plain=True),
    "a GRU that says reset_after": sequential(cell("GRU", use_bias=False, reset_after=True, **INPUT)),
    "a Sequential in a Sequential": sequential(
        sequential(cell(**INPUT), plain=True), layer("Dense", units=2), version="2.1.6", plain=True
    ),
    "nested lists that say what a layer reads": functional(
        X,
        (cell(name="outside", return_sequences=True), reads("x")),
        (named(sequential(cell(name="inside", batch_input_shape=[None, None, 4])), "nested"), reads("outside")),
        (layer("Dense", "out", units=2), [["nested", 0, 0, {}]]),
    ),
    "a nested model, whose own graph Keras 2 counts as its first call": functional(
        X, (INNER, reads("x")), (layer("Dense", "out", units=2), [[["inner", 1, 0, {}]]])
    ),
    "a nested model, whose own graph Keras 3 counts only in outputs": functional(
        X,
        (
            named(functional(X, (INNER, reads_in_keras_3("x"))), "outer", output_layers=[["inner", 1, 0]]),
            reads_in_keras_3("x"),
        ),
        (layer("Dense", "out", units=2), reads_in_keras_3("outer")),
    ),
    "a GRU of cuDNN": sequential(layer("CuDNNGRU", units=4, **INPUT)),
    "wrappers, and options that change nothing": sequential(
        layer("InputLayer", batch_input_shape=[None, 9, 3], dtype="float32", sparse=False, ragged=False),
        layer("Bidirectional", merge_mode="sum", layer=cell(return_sequences=True)),
        cell(return_sequences=True, implementation=2, unroll=False, time_major=False),
        layer("TimeDistributed", layer=layer("Dense", units=5)),
    ),
    "layers that make another shape before the first": sequential(
        layer("Flatten", batch_input_shape=[None, 4, 5]),
        layer("Reshape", target_shape=[-1, 5]),
        layer("SimpleRNN", units=4, activation="tanh"),
    ),
    "an embedding of known length": sequential(
        layer("Embedding", input_dim=9, output_dim=3, mask_zero=True, input_length=7, batch_input_shape=[None, 7]),
        layer("SpatialDropout1D", rate=0.2),
        cell(go_backwards=True),
    ),
    "two inputs, joined": functional(
        X, Y, (layer("Concatenate", axis=-1), reads("x", "y")), (cell(), reads("concatenate"))
    ),
    "joined along time": functional(X, (layer("Concatenate", axis=1), reads("x", "x")), (cell(), reads("concatenate"))),
    "inputs by name": inputs_by_name(),
    "a model of a class of its own": functional(X, (cell(), reads("x"))) | {"class_name": "Translator"},
    "a part whose features are not known, beside others": functional(
        X,
        (cell(name="known"), reads("x")),
        (layer("Lambda", "code", function=["4wEAAA==", None, None]), reads("x")),
        (cell("GRU", "unknown", return_sequences=True), reads("code")),
        (cell("GRU", "behind"), reads("unknown")),
    ),
    "what computes a mask": functional(
        X, (layer("NotEqual", "not_equal"), []), (layer("Any", "any"), []), (cell(), reads("x"))
    ),
    "a dense layer of sequences before the first": sequential(layer("Dense", units=5, **INPUT), cell()),
    "a dense layer of vectors before the first": sequential(
        layer("Dense", units=5, batch_input_shape=[None, 3]), layer("RepeatVector", n=6), cell()
    ),
    "a pool before the first": sequential(
        layer("GlobalMaxPooling1D", batch_input_shape=[None, None, 7]), layer("RepeatVector", n=6), cell()
    ),
    "gates by default, in Keras 2.2": sequential(layer("LSTM", units=4, **INPUT), version="2.2.4"),
    "gates by default, in Keras 3": sequential(layer("LSTM", units=4, **INPUT), version="3.0.1"),
    "the hard sigmoid of Keras 2, in a layer, a wrapper and a cell": sequential(
        cell(name="old", return_sequences=True, **HARD),
        layer("Bidirectional", "older", layer=cell("GRU", return_sequences=True, **HARD)),
        layer("RNN", "oldest", cell=cell("LSTMCell", **HARD)),
    ),
    "the hard sigmoid of Keras 3": sequential(cell(name="old", **HARD), version="3.0.0"),
    "Keras 3 without a version": KERAS_3 | {"module": "keras"},
    "a text that was written as JSON once more": json.dumps(json.dumps(sequential(cell(**INPUT)))),
    # Unsupported computations.
    "a state from another layer": states(),
    "a state from another layer, by name": states(named=True),
    "a call as in training": functional(
        X, (cell(), reads("x")), (layer("Dropout", "drops", rate=0.5), [[["lstm", 0, 0, {"training": True}]]])
    ),
    "a mask from another layer": functional(
        X, (layer("Lambda", "marks"), reads("x")), (cell(), [[["x", 0, 0, {"mask": ["marks", 0, 0]}]]])
    ),
    "outputs besides the last one": named(
        functional(X, (cell(return_sequences=True), reads("x")), (cell("GRU", return_state=True), reads("lstm"))),
        "m",
        output_layers=[["gru", 0, 0], ["lstm", 0, 0], ["lstm", 0, 2]],
    ),
    "a normalization of timesteps": sequential(
        cell(return_sequences=True, **INPUT),
        layer("BatchNormalization", axis=1) | {"build_config": {"input_shape": [None, 7, 4]}},
    ),
    "padding that a convolution ends": sequential(WORDS, CONVOLUTION, cell()),
    "arguments that no layer is known to have": sequential(
        cell(**INPUT, lora_rank=4, peepholes=None, zoneout=0.0, foo=3), layer("Dense", units=2, kernel_scale="x" * 100)
    ),
    "zeros for padding where there is none": sequential(cell(**INPUT, **ZEROS)),
    # Cells that cannot be expressed.
    "a lambda": sequential(cell(activation={"class_name": "__lambda__", "config": {}}, **INPUT)),
    "an activation of somebody's": sequential(layer("SimpleRNN", units=4, activation="mine", **INPUT)),
    "an activation that is a layer": sequential(cell(activation={"class_name": "Tanh", "config": {}}, **INPUT)),
    "a class of somebody's inside": sequential(layer("Bidirectional", layer=cell() | {"module": "mine"}, **INPUT)),
    "quantized weights": sequential(
        cell("GRU", dtype={"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}, **INPUT)
    ),
    "a cell of somebody's": sequential(layer("RNN", cell=layer("PeepholeLSTMCell", units=4), **INPUT)),
    "time first": sequential(cell("GRU", time_major=True, **INPUT)),
    "layers inside of layers": sequential(
        cell(return_sequences=True, **INPUT),
        reduce(lambda inner, number: layer("TimeDistributed", layer=inner), range(30), layer("Dense", units=2)),
    ),
    # Files with false content.
    "a model of Keras 1": sequential(layer("LSTM", output_dim=4, **INPUT), version="1.2.2", plain=True),
    "no JSON": "text",
    "no JSON in a text": json.dumps("text"),
    "nested too deeply": "[" * 100_000,
    "another program's JSON": {"name": "package", "version": "1.0"},
    "no layers": {"class_name": "MyModel", "config": {"units": 3}},
    "units that are a text": sequential(cell(units="many", **INPUT)),
    "no units": sequential(layer("LSTM", **INPUT)),
    "a layer that is not there": functional(X, (cell(), reads("nobody"))),
    "layers in a circle": functional(X, (cell(), reads("dense")), (layer("Dense", units=4), reads("lstm"))),
    "no number of features": sequential(cell()),
    "a layer that reads no sequence": sequential(cell(**INPUT), cell(name="next")),
    "a layer without a class": sequential({"config": {}}),
    "models that multiply inside of one another, eight times each": reduce(
        lambda model, number: functional(X, (named(model, f"m{number}"), reads("x") * 8)),
        range(12),
        functional(X, (cell(), reads("x"))),
    ),
}


def opened(model: Any) -> ModelFile:
    Path("model.json").write_text(model if isinstance(model, str) else json.dumps(model), encoding="utf-8")
    return open_model("model.json")


def reports_on_models(models: dict[str, Any]) -> str:
    """The report of each model: its parts with their layers' names, and all notes."""
    lines: list[str] = []
    for name, model in models.items():
        lines.append(f"# {name}")
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
    screen("keras-models", reports_on_models(MODELS))


def test_models_written_by_keras_3_are_read_with_keras_own_sizes(screen: Screen, at: Walk) -> None:
    with zipfile.ZipFile(GOLDEN / "table.zip") as archive:
        table = json.loads(archive.read("table.json"))
    screen("keras-table", reports_on_models({name: expected["model"] for name, expected in table.items()}))
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

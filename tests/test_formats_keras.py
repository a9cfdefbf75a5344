"""Keras's files: what the layers are in the language, where the weights are, and what is refused."""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result
from part_weights import keras_weights

from rnncli.engine import Model
from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.model_file import ModelFile

Run = Callable[..., Result]

GOLDEN = Path(__file__).parent / "golden" / "models" / "keras"

needs_h5py = pytest.mark.skipif(find_spec("h5py") is None, reason="h5py is not installed")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that real Keras wrote."""
    folder = tmp_path_factory.mktemp("keras")
    with zipfile.ZipFile(GOLDEN / "models.zip") as archive:
        archive.extractall(folder)
    return folder


SPECS = {
    "stack": "input:5x3,lstm:2:seq:bi,gru:2:seq:back,dense:3:relu,norm,rnn:2,dense:2:softmax",
    "tokens": "embed:10x3:mask,rnn:2:seq:bi=sum,dropout:0.5,gru:2:relu:reset=before,dense:2,dense:1",
    "cells": "input:2,lstm:2:seq,gru:2:seq,lstm:2:seq,pool:max,repeat:3,gru:2:bi",
    "lstm": "input:3,lstm:2,dense:2",
    "both": "input:3,gru:2:bi",
}
FILES = [
    "stack.keras",
    "tokens.keras",
    "cells.keras",
    "tokens.h5",
    "cells.h5",
    "lstm.h5",
    "lstm.weights.h5",
    "both.weights.h5",
]


@needs_h5py
@pytest.mark.parametrize("file", FILES)
def test_a_file_computes_what_keras_computes_with_it(file: str, models: Path) -> None:
    values = np.load(GOLDEN / "values.npz")
    name = file.split(".")[0]
    (part,) = open_model(str(models / file)).parts
    assert str(part.network) == SPECS[name]
    assert part.has_weights
    output = Model(part.network, weights=keras_weights(part))(values[f"{name}/x"])
    np.testing.assert_allclose(output, values[f"{name}/y"], atol=1e-5)


@pytest.mark.parametrize("file", ["stack.json", "stack.keras", "tokens.keras", "cells.keras", "branches.keras"])
def test_the_layers_of_a_model_come_without_h5py(file: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.formats.keras.hdf5.find_spec", lambda name: None)
    part = open_model(str(models / file)).parts[0]
    assert file.startswith("branches") or str(part.network) == SPECS[file.split(".")[0]]
    if file.endswith(".keras"):
        with pytest.raises(RnncliError) as caught:
            keras_weights(part)
        said = "its weights are HDF5, which is read with h5py, and h5py is not installed"
        assert str(caught.value) == f"{models / file}: {said}\nHelp: pip install 'rnncli[hdf5]'"


@pytest.mark.parametrize("file", ["lstm.h5", "lstm.weights.h5"])
def test_hdf5_asks_for_what_it_needs(file: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.formats.keras.hdf5.find_spec", lambda name: None)
    with pytest.raises(RnncliError) as caught:
        open_model(str(models / file))
    said = "it is HDF5, which is read with h5py, and h5py is not installed"
    assert str(caught.value) == f"{models / file}: {said}\nHelp: pip install 'rnncli[hdf5]'"


def test_every_command_but_forward_takes_a_keras_file_without_h5py(
    models: Path, monkeypatch: pytest.MonkeyPatch, rnncli: Run
) -> None:
    monkeypatch.setattr("rnncli.formats.keras.hdf5.find_spec", lambda name: None)
    for command in ("summary", "inspect", "explain", "draw", "spec"):
        assert rnncli(command, models / "stack.keras").status == 0
    result = rnncli("forward", models / "stack.keras")
    assert (result.status, result.stdout) == (1, "")
    assert "pip install 'rnncli[hdf5]'" in result.stderr


@pytest.mark.parametrize("file", ["branches.json", "branches.keras", pytest.param("branches.h5", marks=needs_h5py)])
def test_each_chain_of_a_graph_is_a_part(file: str, models: Path) -> None:
    model = open_model(str(models / file))
    assert [(part.name, str(part.network)) for part in model.parts] == [
        ("left", "embed:10x3,lstm:3"),
        ("right", "embed:10x3,gru:3"),
        ("decoder", "input:5,lstm:3"),
    ]
    assert "starts from a state" in " ".join(model.parts[2].assumed)
    assert model.notes == ("layers in no recurrent part: 1 Conv1D, 1 Concatenate and 1 Dense",)
    if file.endswith(".h5"):
        # Two parts share the table, which counts once: 30 + 84 + 72 + 108, and a convolution and a dense layer.
        assert model.params == 30 + 84 + 72 + 108 + 45 + 10
        assert len(model.others) == 4


def test_what_a_part_leaves_out_is_said_as_far_as_it_is_known(models: Path, rnncli: Run) -> None:
    left_out = "left out: right, decoder"
    for file, said in (
        ("branches.json::1", f"left is one of 3 recurrent parts of {models / 'branches.json'}; {left_out}"),
        ("branches.keras::1", f"left is one of 3 recurrent parts of {models / 'branches.keras'}; {left_out}"),
    ):
        assert said in rnncli("summary", models / file).stderr
    found = json.loads(rnncli("inspect", models / "branches.keras", "-f", "json").stdout)
    # Only HDF5 says what arrays the other layers have.
    assert found["total_params"] is None
    assert [part["share"] for part in found["parts"]] == [None, None, None]
    assert "at least 10 arrays" in rnncli("inspect", models / "branches.keras").stdout


def test_layers_in_no_part_are_a_note_where_a_part_is_taken(tmp_path: Path, rnncli: Run) -> None:
    convolution = layer("Conv1D", filters=9, kernel_size=[3], batch_input_shape=[None, 20, 3])
    found = opened(tmp_path, sequential(convolution, layer("LSTM", **LSTM_2)))
    result = rnncli("spec", found.path)
    assert (result.status, result.stdout) == (0, "input:9,lstm:4\n")
    assert result.stderr == "Note: layers in no recurrent part: 1 Conv1D\n"


# Other versions' spelling. ------------------------------------------------------------------------------------------


def layer(kind: str, name: str = "", **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name or kind.lower(), **config}}


LSTM_2 = {"units": 4, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}


def sequential(*layers: dict[str, Any], version: str = "2.4.0", plain: bool = False) -> dict[str, Any]:
    config: Any = list(layers) if plain else {"name": "sequential_1", "layers": list(layers)}
    return {"class_name": "Sequential", "config": config, "keras_version": version, "backend": "tensorflow"}


def opened(tmp_path: Path, model: Any) -> ModelFile:
    path = tmp_path / "model.json"
    path.write_text(model if isinstance(model, str) else json.dumps(model), encoding="utf-8")
    return open_model(str(path))


def specs(model: ModelFile) -> list[str]:
    return [str(part.network) for part in model.parts]


@pytest.mark.parametrize("plain", [True, False])
def test_a_sequential_of_keras_2_is_read_in_both_spellings(plain: bool, tmp_path: Path) -> None:
    first = layer("LSTM", "lstm_1", **LSTM_2, batch_input_shape=[None, 7, 3], return_sequences=True)
    model = sequential(
        first, layer("GRU", "gru_1", **LSTM_2), layer("Dense", units=1, activation="linear"), plain=plain
    )
    found = opened(tmp_path, model)
    # A GRU that does not say reset_after is of the time before it could.
    assert specs(found) == ["input:7x3,lstm:4:seq,gru:4:reset=before,dense:1"]
    assert found.writer == "Keras 2.4.0"
    assert not found.parts[0].has_weights


def functional(*layers: tuple[dict[str, Any], Any], version: str = "2.2.4") -> dict[str, Any]:
    entries = [entry | {"name": entry["config"]["name"], "inbound_nodes": nodes} for entry, nodes in layers]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[entries[-1]["name"], 0, 0]]}
    return {"class_name": "Model", "config": {"name": "m", "layers": entries, **ends}, "keras_version": version}


X = (layer("InputLayer", "x", batch_input_shape=[None, None, 3]), [])


def test_nested_lists_say_what_a_layer_of_keras_2_reads(tmp_path: Path) -> None:
    inner = sequential(layer("LSTM", "inside", **LSTM_2, batch_input_shape=[None, None, 4]))
    model = functional(
        X,
        (layer("LSTM", "outside", **LSTM_2, return_sequences=True), [[["x", 0, 0, {}]]]),
        (inner | {"config": inner["config"] | {"name": "nested"}}, [[["outside", 0, 0, {}]]]),
        (layer("Dense", "out", units=2), [["nested", 0, 0, {}]]),
    )
    (part,) = opened(tmp_path, model).parts
    assert str(part.network) == "input:3,lstm:4:seq,lstm:4,dense:2"
    assert [piece.name for piece in part.pieces] == ["outside", "nested/inside", "out"]


INPUT = {"batch_input_shape": [None, None, 3]}
OLD = {
    "input:3,lstm:4,dense:2": sequential(
        sequential(layer("LSTM", **LSTM_2, **INPUT), plain=True), layer("Dense", units=2), version="2.1.6", plain=True
    ),
    "input:3,gru:4": sequential(layer("CuDNNGRU", units=4, **INPUT)),
    "input:3,gru:4:nobias": sequential(layer("GRU", **LSTM_2 | {"use_bias": False}, reset_after=True, **INPUT)),
    "input:9x3,lstm:4:seq:bi=sum,lstm:4:seq,dense:5": sequential(
        layer("InputLayer", batch_input_shape=[None, 9, 3], dtype="float32", sparse=False, ragged=False),
        layer("Bidirectional", merge_mode="sum", layer=layer("LSTM", **LSTM_2, return_sequences=True)),
        layer("LSTM", **LSTM_2, return_sequences=True, implementation=2, unroll=False, time_major=False),
        layer("TimeDistributed", layer=layer("Dense", units=5)),
    ),
    "input:6,lstm:4:bi": sequential(
        layer("Conv1D", filters=6, kernel_size=[3], **INPUT),
        layer("BatchNormalization", axis=[2]),
        layer("MaxPooling1D", pool_size=[2]),
        layer("Bidirectional", layer=layer("LSTM", **LSTM_2)),
    ),
    "input:5,rnn:4": sequential(
        layer("Flatten", batch_input_shape=[None, 4, 5]),
        layer("Reshape", target_shape=[-1, 5]),
        layer("SimpleRNN", units=4, activation="tanh"),
    ),
    "embed:9x3:mask,dropout:0.2,lstm:4:back": sequential(
        layer("Embedding", input_dim=9, output_dim=3, mask_zero=True, input_length=7, batch_input_shape=[None, 7]),
        layer("SpatialDropout1D", rate=0.2),
        layer("LSTM", **LSTM_2, go_backwards=True),
    ),
    "input:7,lstm:4": functional(
        X,
        (layer("InputLayer", "y", batch_input_shape=[None, None, 4]), []),
        (layer("Concatenate", axis=-1), [[["x", 0, 0, {}], ["y", 0, 0, {}]]]),
        (layer("LSTM", **LSTM_2), [[["concatenate", 0, 0, {}]]]),
    ),
}


@pytest.mark.parametrize("spec", OLD)
def test_models_are_read_as_keras_2_wrote_them(spec: str, tmp_path: Path) -> None:
    found = opened(tmp_path, OLD[spec])
    assert specs(found) == [spec]
    assert not found.parts[0].assumed


def states(**how: Any) -> dict[str, Any]:
    """An encoder, and a decoder that starts from its states; Keras has written that in two ways."""
    given = [["encoder", 0, 1], ["encoder", 0, 2]]
    reads = [["x", 0, 0, {"initial_state": given}]] if how else [["x", 0, 0, {}], *([*each, {}] for each in given)]
    return functional(
        X,
        (layer("LSTM", "encoder", **LSTM_2, return_state=True), [[["x", 0, 0, {}]]]),
        (layer("LSTM", "decoder", **LSTM_2), [reads]),
    )


OTHERWISE = {
    "decoder starts from a state": states(),
    "decoder starts from a state that another": states(named=True),
    "drops is called as in training": functional(
        X,
        (layer("LSTM", **LSTM_2), [[["x", 0, 0, {}]]]),
        (layer("Dropout", "drops", rate=0.5), [[["lstm", 0, 0, {"training": True}]]]),
    ),
    "Keras computes in float16": sequential(
        layer("LSTM", **LSTM_2, **INPUT, dtype={"class_name": "Policy", "config": {"name": "mixed_float16"}})
    ),
    "may read padding, by the mask of words": sequential(
        layer("Embedding", "words", input_dim=9, output_dim=3, mask_zero=True),
        layer("BatchNormalization"),
        layer("LSTM", **LSTM_2),
    ),
    "last returns zeros for padding": sequential(
        layer("Embedding", "words", input_dim=9, output_dim=3, mask_zero=True),
        layer("LSTM", "last", **LSTM_2, return_sequences=True, zero_output_for_mask=True),
    ),
    "norm has an epsilon of 1e-08; here it runs with 1e-06": sequential(
        layer("LSTM", **LSTM_2, **INPUT), layer("LayerNormalization", "norm", axis=[1], epsilon=1e-8)
    ),
}


@pytest.mark.parametrize("said", OTHERWISE)
def test_what_is_computed_otherwise_is_said(said: str, tmp_path: Path) -> None:
    found = opened(tmp_path, OTHERWISE[said])
    assert said in " ".join(text for part in found.parts for text in part.assumed)


def test_padding_that_no_layer_before_masks_is_not_spoken_of(tmp_path: Path) -> None:
    convolution = layer("Conv1D", filters=6, kernel_size=[3])
    words = layer("Embedding", "words", input_dim=9, output_dim=3, mask_zero=True)
    assert not opened(tmp_path, sequential(words, convolution, layer("LSTM", **LSTM_2))).parts[0].assumed
    zeros = {"return_sequences": True, "zero_output_for_mask": True}
    assert not opened(tmp_path, sequential(layer("LSTM", **LSTM_2, **INPUT, **zeros))).parts[0].assumed


def test_a_part_whose_features_the_file_does_not_say_is_named_beside_others(tmp_path: Path) -> None:
    model = functional(
        X,
        (layer("LSTM", "known", **LSTM_2), [[["x", 0, 0, {}]]]),
        (layer("Lambda", "code", function=["4wEAAA==", None, None]), [[["x", 0, 0, {}]]]),
        (layer("GRU", "unknown", **LSTM_2, return_sequences=True), [[["code", 0, 0, {}]]]),
        (layer("GRU", "behind", **LSTM_2), [[["unknown", 0, 0, {}]]]),
    )
    found = opened(tmp_path, model)
    assert [(part.name, str(part.network)) for part in found.parts] == [
        ("known", "input:3,lstm:4"),
        ("behind", "input:4,gru:4:reset=before"),
    ]
    assert "its config does not say how many features unknown reads" in found.notes
    assert found.notes[-1] == "layers in no recurrent part: 1 Lambda and 1 GRU"


def test_a_model_of_a_class_of_its_own_is_the_graph_of_its_layers(tmp_path: Path) -> None:
    model = functional(X, (layer("LSTM", **LSTM_2), [[["x", 0, 0, {}]]])) | {"class_name": "Translator"}
    found = opened(tmp_path, model)
    assert specs(found) == ["input:3,lstm:4"]
    assert found.notes[0].startswith("the model is of the class Translator, whose code is not in the file")


def test_inputs_by_name_are_those_of_the_names(tmp_path: Path) -> None:
    def tensor(name: str) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"shape": [None], "keras_history": [name, 0, 0]}}

    long, short = (
        (layer("InputLayer", name, batch_shape=[None, None, size]), []) for name, size in (("a", 3), ("b", 5))
    )
    inner = functional(long, short, (layer("LSTM", **LSTM_2), [[["a", 0, 0, {}]]]))
    inner["config"] |= {"name": "inner", "input_layers": {"b": ["b", 0, 0], "a": ["a", 0, 0]}}
    call = {"args": [{"b": tensor("d"), "a": tensor("c")}], "kwargs": {}}
    outer = functional(
        (layer("InputLayer", "c", batch_shape=[None, None, 3]), []),
        (layer("InputLayer", "d", batch_shape=[None, None, 5]), []),
        (inner, [call]),
    )
    assert specs(opened(tmp_path, outer)) == ["input:3,lstm:4"]


def test_a_layer_that_is_called_twice_is_one_part(tmp_path: Path) -> None:
    model = functional(
        X,
        (layer("InputLayer", "y", batch_input_shape=[None, None, 3]), []),
        (layer("LSTM", "shared", **LSTM_2), [[["x", 0, 0, {}]], [["y", 0, 0, {}]]]),
        (layer("Subtract", "out"), [[["shared", 0, 0, {}], ["shared", 1, 0, {}]]]),
    )
    found = opened(tmp_path, model)
    assert specs(found) == ["input:3,lstm:4"]
    assert "shared is called 2 times, with the same weights" in found.notes


def test_a_mask_in_keras_3_is_no_branch(models: Path) -> None:
    notes = open_model(str(models / "tokens.keras")).notes
    assert notes == ()


def test_an_activation_layer_belongs_to_the_dense_layer_before_it(tmp_path: Path) -> None:
    first = layer("LSTM", **LSTM_2, batch_input_shape=[None, None, 3], return_sequences=True)
    model = sequential(first, layer("Dense", units=2), layer("Activation", activation="softmax"))
    assert specs(opened(tmp_path, model)) == ["input:3,lstm:4:seq,dense:2:softmax"]
    model = sequential(first, layer("Activation", activation="relu"), layer("LSTM", "second", **LSTM_2))
    assert specs(opened(tmp_path, model)) == ["input:3,lstm:4:seq", "input:4,lstm:4"]


def test_layers_before_the_first_recurrent_one_belong_to_it_if_they_read_sequences(tmp_path: Path) -> None:
    lstm = layer("LSTM", **LSTM_2)
    dense = layer("Dense", units=5, batch_input_shape=[None, None, 3])
    assert specs(opened(tmp_path, sequential(dense, lstm))) == ["input:3,dense:5,lstm:4"]
    vector = layer("Dense", units=5, batch_input_shape=[None, 3])
    assert specs(opened(tmp_path, sequential(vector, layer("RepeatVector", n=6), lstm))) == ["input:5,lstm:4"]
    pool = layer("GlobalMaxPooling1D", batch_input_shape=[None, None, 7])
    decoder = sequential(pool, layer("RepeatVector", n=6), lstm)
    assert specs(opened(tmp_path, decoder)) == ["input:7,pool:max,repeat:6,lstm:4"]
    convolution = layer("Conv1D", filters=9, kernel_size=[3], batch_input_shape=[None, 20, 3])
    assert specs(opened(tmp_path, sequential(convolution, layer("MaxPooling1D"), lstm))) == ["input:9,lstm:4"]


SAID = {
    "its activation is a lambda": layer("LSTM", **LSTM_2 | {"activation": {"class_name": "__lambda__", "config": {}}}),
    "its activation mine is none": layer("SimpleRNN", units=4, activation="mine"),
    "its activation tanh is a function whose code": layer(
        "SimpleRNN", units=4, activation={"module": "builtins", "class_name": "function", "config": "tanh"}
    ),
    "its activation Tanh is a layer": layer("SimpleRNN", units=4, activation={"class_name": "Tanh", "config": {}}),
    "its class is not Keras's": layer("LSTM", **LSTM_2) | {"module": "mine", "registered_name": "mine>LSTM"},
    "it holds a LSTM of somebody's own": layer("Bidirectional", layer=layer("LSTM", **LSTM_2) | {"module": "mine"}),
    "its weights are quantized (int8)": layer(
        "GRU", **LSTM_2, dtype={"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}
    ),
    "merge_mode=None": layer("Bidirectional", merge_mode=None, layer=layer("LSTM", **LSTM_2)),
    "its cell PeepholeLSTMCell": layer("RNN", cell=layer("PeepholeLSTMCell", units=4)),
    "time first": layer("GRU", **LSTM_2, time_major=True),
    "not alike": layer(
        "Bidirectional", layer=layer("LSTM", **LSTM_2), backward_layer=layer("LSTM", **LSTM_2 | {"units": 5})
    ),
}


@pytest.mark.parametrize("reason", SAID)
def test_a_cell_that_cannot_be_said_is_named_with_the_reason(reason: str, tmp_path: Path) -> None:
    entry = SAID[reason]
    entry["config"]["batch_input_shape"] = [None, None, 3]
    found = opened(tmp_path, sequential(entry))
    assert not found.parts
    assert entry["config"]["name"] in found.notes[0]
    assert reason in found.notes[0]


def test_gates_without_an_activation_have_the_default_of_their_time(tmp_path: Path) -> None:
    lstm = layer("LSTM", units=4, batch_input_shape=[None, None, 3])
    assert specs(opened(tmp_path, sequential(lstm, version="2.2.4"))) == ["input:3,lstm:4:recact=hard_sigmoid"]
    assert specs(opened(tmp_path, sequential(lstm, version="3.0.1"))) == ["input:3,lstm:4"]


HARD = {"recurrent_activation": "hard_sigmoid", "batch_input_shape": [None, None, 3]}


@pytest.mark.parametrize(
    "entry",
    [
        layer("LSTM", "old", **LSTM_2 | HARD),
        layer("Bidirectional", "old", layer=layer("GRU", **LSTM_2 | HARD)),
        layer("RNN", "old", cell=layer("LSTMCell", **LSTM_2 | HARD), batch_input_shape=[None, None, 3]),
    ],
)
def test_the_hard_sigmoid_of_keras_1_and_2_has_sizes_and_is_not_run(entry: Any, tmp_path: Path, rnncli: Run) -> None:
    found = opened(tmp_path, sequential(entry, layer("Dense", units=2)))
    (part,) = found.parts
    said = "old: the hard_sigmoid of Keras 1 and 2, clip(0.2·x + 0.5, 0, 1), is not run"
    assert part.assumed[0].startswith(said)
    for command in ("summary", "spec", "draw", "inspect"):
        result = rnncli(command, found.path)
        assert result.status == 0
        assert said in " ".join((result.stdout + result.stderr).split())
    result = rnncli("forward", found.path)
    assert (result.status, result.stdout) == (1, "")
    assert f"Error: {found.path}: {said}" in result.stderr
    assert result.stderr.count("hard_sigmoid of Keras 1") == 1
    with pytest.raises(RnncliError, match="is not run"):
        keras_weights(part)
    # That of Keras 3 is.
    first, *_ = opened(tmp_path, sequential(entry, version="3.0.0")).parts
    assert not first.differs


def test_json_of_keras_3_without_a_version_is_of_keras_3(tmp_path: Path) -> None:
    model = sequential(layer("LSTM", "lstm", units=4, **HARD), layer("GRU", "gru", units=2, reset_after=False))
    del model["keras_version"], model["backend"]
    model["config"]["layers"][0]["config"]["return_sequences"] = True
    found = opened(tmp_path, model | {"module": "keras"})
    assert specs(found) == ["input:3,lstm:4:seq:recact=hard_sigmoid,gru:2:reset=before"]
    assert not found.parts[0].assumed


def test_what_forward_does_otherwise_is_said(tmp_path: Path) -> None:
    model = sequential(
        layer("Masking", "skip", mask_value=-1.0, batch_input_shape=[None, None, 3]),
        layer("LSTM", "keeps", **LSTM_2, stateful=True),
        layer("LayerNormalization", "norm", axis=[1], epsilon=1e-8),
    )
    (part,) = opened(tmp_path, model).parts
    assert str(part.network) == "input:3,lstm:4,norm:eps=1e-6"
    assert [text.split()[0] for text in part.assumed] == ["skip", "keeps", "norm"]
    assert part.otherwise == tuple(f"{tmp_path / 'model.json'}: {text}" for text in part.assumed)


def test_what_computes_a_mask_is_no_layer_that_is_left_out(tmp_path: Path) -> None:
    model = functional(
        X,
        (layer("NotEqual", "not_equal"), []),
        (layer("Any", "any"), []),
        (layer("LSTM", **LSTM_2), [[["x", 0, 0, {}]]]),
    )
    assert opened(tmp_path, model).notes == ()


# Files that lie. ----------------------------------------------------------------------------------------------------

LIES = {
    "no JSON": "{",
    "no Keras model": {"name": "package", "version": "1.0"},
    "does not say what its layers are": {"class_name": "MyModel", "config": {"units": 3}},
    "nested too deeply": "[" * 100_000,
    "units": sequential(layer("LSTM", units="many", batch_input_shape=[None, None, 3], recurrent_activation="tanh")),
    "no 'units'": sequential(layer("LSTM", batch_input_shape=[None, None, 3])),
    "reads nobody, which is not there": functional(X, (layer("LSTM", **LSTM_2), [[["nobody", 0, 0, {}]]])),
    "how many features": sequential(layer("LSTM", **LSTM_2)),
    "returns only its last output": sequential(
        layer("LSTM", **LSTM_2, batch_input_shape=[None, None, 3]), layer("LSTM", "next", **LSTM_2)
    ),
    "without a class_name": sequential({"config": {}}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_lies_is_an_error_with_the_place(lie: str, tmp_path: Path) -> None:
    with pytest.raises(RnncliError, match=lie) as caught:
        opened(tmp_path, LIES[lie])
    assert str(tmp_path / "model.json") in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.advice


def test_models_that_multiply_inside_of_one_another_are_refused(tmp_path: Path) -> None:
    entry = functional(X, (layer("LSTM", **LSTM_2), [[["x", 0, 0, {}]]]))
    for number in range(12):
        calls = [[["x", 0, 0, {}]] for _ in range(8)]
        entry = functional(X, (entry | {"config": entry["config"] | {"name": f"m{number}"}}, calls))
    with pytest.raises(RnncliError, match="more than 10,000 calls"):
        opened(tmp_path, entry)


def mutated(value: Any, rng: random.Random) -> Any:
    """The same JSON with another value somewhere."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.95:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        copy: Any = dict(value) if isinstance(value, dict) else list(value)
        if rng.random() < 0.05:
            del copy[key]
        else:
            copy[key] = mutated(value[key], rng)
        return copy
    return rng.choice([None, 0, -1, 2**70, 1.5, "x", "", [], {}, [[]], True, value, [value], {"class_name": value}])


def outcome(path: Path, data: bytes) -> str:
    """The specs in a file, or the error; any other exception fails the test."""
    path.write_bytes(data)
    try:
        return " ".join(specs(open_model(str(path))))
    except RnncliError as error:
        return error.message


@pytest.mark.parametrize("file", ["branches.json", "stack.json"])
def test_a_config_with_something_else_in_it_is_an_error_or_read(file: str, models: Path, tmp_path: Path) -> None:
    model = json.loads((models / file).read_text(encoding="utf-8"))
    rng = random.Random(0)
    for _ in range(150):
        said = outcome(tmp_path / "model.json", json.dumps(mutated(model, rng)).encode())
        assert "is damaged" not in said, said  # that would be an exception nobody thought of


def test_an_archive_with_other_bytes_in_it_is_an_error_or_read(models: Path, tmp_path: Path) -> None:
    good = (models / "stack.keras").read_bytes()
    rng = random.Random(0)
    path = tmp_path / "bad.keras"
    for _ in range(200):
        bad = bytearray(good[: rng.randrange(len(good))] if rng.random() < 0.2 else good)
        for _ in range(5):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        outcome(path, bytes(bad))


def test_an_archive_that_is_cut_is_said_to_be_damaged(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.keras"
    path.write_bytes((models / "stack.keras").read_bytes()[:-30])
    with pytest.raises(RnncliError, match=r"cut.keras: it is damaged: the list of its files.*\nHelp: save it again"):
        open_model(str(path))


def test_an_archive_is_one_wherever_its_hdf5_stands(models: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(models / "stack.keras") as archive:
        config, weights = archive.read("config.json"), archive.read("model.weights.h5")
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", config)
        room = 16384 - archive.start_dir - 2 * 30 - len("padding") - len("model.weights.h5")
        archive.writestr("padding", bytes(room))
        archive.writestr("model.weights.h5", weights)
    assert (tmp_path / "m.keras").read_bytes()[16384:16388] == b"\x89HDF"
    assert specs(open_model(str(tmp_path / "m.keras"))) == [SPECS["stack"]]


@needs_h5py
def test_hdf5_behind_bytes_of_its_users_own_is_read(models: Path, tmp_path: Path) -> None:
    import h5py

    with h5py.File(models / "lstm.h5") as old, h5py.File(tmp_path / "own.h5", "w", userblock_size=2048) as new:
        new.attrs["model_config"] = old.attrs["model_config"]
        old.copy("model_weights", new)
    with (tmp_path / "own.h5").open("r+b") as file:
        file.write(b"#!/bin/sh\n")
    assert specs(open_model(str(tmp_path / "own.h5"))) == [SPECS["lstm"]]

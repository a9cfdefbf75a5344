"""Keras's files: what the layers are in the language, where the weights are, and what is refused."""

from __future__ import annotations

import json
import random
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncli.engine import Model
from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.conventions import keras_weights
from rnncli.formats.model_file import ModelFile

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
    monkeypatch.setattr("rnncli.formats.hdf5.find_spec", lambda name: None)
    part = open_model(str(models / file)).parts[0]
    assert file.startswith("branches") or str(part.network) == SPECS[file.split(".")[0]]
    if file.endswith(".keras"):
        with pytest.raises(RnncliError, match=r"h5py[\s\S]*pip install 'rnncli\[hdf5\]'"):
            keras_weights(part)


def test_hdf5_asks_for_what_it_needs(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.formats.hdf5.find_spec", lambda name: None)
    with pytest.raises(RnncliError, match=r"h5py[\s\S]*pip install 'rnncli\[hdf5\]'"):
        open_model(str(models / "lstm.h5"))


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
    convolution = layer("Conv1D", filters=9, kernel_size=[3], batch_input_shape=[None, 20, 3])
    assert specs(opened(tmp_path, sequential(convolution, layer("MaxPooling1D"), lstm))) == ["input:9,lstm:4"]


SAID = {
    "the hard_sigmoid of Keras 1 and 2": layer("LSTM", **LSTM_2 | {"recurrent_activation": "hard_sigmoid"}),
    "its activation is a lambda": layer("LSTM", **LSTM_2 | {"activation": {"class_name": "__lambda__", "config": {}}}),
    "its activation mine is none": layer("SimpleRNN", units=4, activation={"class_name": "function", "config": "mine"}),
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
    assert "hard_sigmoid" in opened(tmp_path, sequential(lstm, version="2.2.4")).notes[0]
    assert specs(opened(tmp_path, sequential(lstm, version="3.0.1"))) == ["input:3,lstm:4"]


def test_what_forward_does_otherwise_is_said(tmp_path: Path) -> None:
    model = sequential(
        layer("Masking", "skip", mask_value=-1.0, batch_input_shape=[None, None, 3]),
        layer("LSTM", "keeps", **LSTM_2, stateful=True),
        layer("LayerNormalization", "norm", axis=[1], epsilon=1e-8),
    )
    (part,) = opened(tmp_path, model).parts
    assert str(part.network) == "input:3,lstm:4,norm:eps=1e-6"
    assert [text.split()[0] for text in part.assumed] == ["skip", "keeps", "norm"]


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


def test_models_that_multiply_inside_of_one_another_are_refused(tmp_path: Path) -> None:
    entry = functional(X, (layer("LSTM", **LSTM_2), [[["x", 0, 0, {}]]]))
    for number in range(12):
        calls = [[["x", 0, 0, {}]] for _ in range(8)]
        entry = functional(X, (entry | {"config": entry["config"] | {"name": f"m{number}"}}, calls))
    with pytest.raises(RnncliError, match="more than 20,000 calls"):
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


# HDF5 by hand, as old versions wrote it. -----------------------------------------------------------------------------


def write_h5(path: Path, weights: dict[str, dict[str, np.ndarray]], model: Any = None) -> str:
    import h5py

    with h5py.File(path, "w") as file:
        root = file
        if model is not None:
            file.attrs["model_config"] = json.dumps(model).encode()
            root = file.create_group("model_weights")
        root.attrs["keras_version"] = b"2.2.4"
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group[key] = array
    return str(path)


def in_cudnn(key: str, array: np.ndarray, gates: int) -> np.ndarray:
    """Keras's weights of a cell as cuDNN has them, after the layout that Keras documents."""
    if key == "bias":
        return array.reshape(-1) if array.ndim == 2 else np.concatenate([array * 0.25, array * 0.75])
    blocks = np.split(array, gates, axis=1)
    if key == "recurrent_kernel":
        return np.hstack([block.T for block in blocks])
    return np.hstack([block.T.reshape(block.shape) for block in blocks])


@needs_h5py
@pytest.mark.parametrize(
    ("kind", "spec", "gates", "whole"), [("CuDNNLSTM", "lstm:4", 4, True), ("CuDNNGRU", "gru:4", 3, False)]
)
def test_the_layers_of_cudnn_are_those_of_keras(kind: str, spec: str, gates: int, whole: bool, tmp_path: Path) -> None:
    expected = Model(f"input:3,{spec}", init="uniform")
    weights = {key.partition("/")[2]: array for key, array in expected.weights.items()}
    arrays = {f"rnn_1/{key}:0": in_cudnn(key, array, gates) for key, array in weights.items()}
    model = sequential(layer(kind, "rnn_1", units=4, batch_input_shape=[None, None, 3])) if whole else None
    (part,) = open_model(write_h5(tmp_path / "old.h5", {"rnn_1": arrays}, model)).parts
    assert str(part.network) == f"input:3,{spec}"
    for key, array in keras_weights(part).items():
        np.testing.assert_allclose(array, expected.weights[key], rtol=1e-6)


@needs_h5py
def test_arrays_of_another_shape_than_the_config_says_are_refused(tmp_path: Path) -> None:
    model = sequential(layer("SimpleRNN", "rnn", units=4, batch_input_shape=[None, None, 3]))
    arrays = {"rnn/kernel:0": np.zeros((3, 4)), "rnn/recurrent_kernel:0": np.zeros((4, 5)), "rnn/bias:0": np.zeros(4)}
    with pytest.raises(RnncliError, match=r"rnn/recurrent_kernel:0 is \(4, 5\); its config says \(4, 4\)"):
        open_model(write_h5(tmp_path / "bad.h5", {"rnn": arrays}, model))
    del arrays["rnn/bias:0"]
    with pytest.raises(RnncliError, match="has 2 arrays, but its config says 3"):
        open_model(write_h5(tmp_path / "bad.h5", {"rnn": arrays}, model))


@needs_h5py
def test_a_link_out_of_the_file_is_not_followed(tmp_path: Path) -> None:
    import h5py

    write_h5(tmp_path / "other.h5", {"lstm": {"lstm/kernel:0": np.zeros((3, 16))}})
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file["lstm"] = h5py.ExternalLink("other.h5", "/lstm")
        file["gru"] = h5py.SoftLink("/lstm")
        file.create_dataset("dense/kernel", (2,), "f4", external=[("numbers.bin", 0, 8)])
    (tmp_path / "numbers.bin").write_bytes(bytes(8))
    found = open_model(str(tmp_path / "model.h5"))
    assert [tensor.name for tensor in found.others] == ["dense/kernel"]
    with pytest.raises(RnncliError, match="keeps its numbers in another file"):
        found.others[0].read()


@needs_h5py
def test_an_array_that_claims_more_than_is_stored_is_refused(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.create_dataset("a/kernel", (2**20, 2**20), "f4", chunks=(16, 16))
    (tensor,) = open_model(str(tmp_path / "model.h5")).others
    with pytest.raises(RnncliError, match=r"claims 4,398,046,511,104 bytes of 0 that are stored"):
        tensor.read()


@needs_h5py
def test_a_crash_of_the_library_is_an_error(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.formats.hdf5._PROGRAM", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(RnncliError, match="is damaged: the library that reads it crashed"):
        open_model(str(models / "lstm.h5"))

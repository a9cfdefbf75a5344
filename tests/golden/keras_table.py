"""Builds many small models with real Keras, saves them in each format, and compares what is read with what Keras has.

    KERAS_BACKEND=torch python tests/golden/keras_table.py [--keep]

Of each model the specs of its parts are compared with those of the table below, and the values with Keras's. What must
be said of a model is a regular expression; where none is given, nothing may be said. The status is 1 if anything
differs. With `--keep` the configs are written to `models/keras/table.zip` for the tests, with the numbers of parameters
and the shapes that Keras has.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np
from keras import Input, Sequential, layers
from part_weights import keras_weights

from rnncli import Network, RnncliError
from rnncli.engine import Model
from rnncli.formats import open_model
from rnncli.formats.model_file import ModelFile
from rnncli.formats.nodes import Part

HERE = Path(__file__).parent / "models" / "keras"
TOLERANCE = 1e-5


class Entry(NamedTuple):
    """A model, and what is expected of its files.

    Attributes:
        build: builds it.
        specs: the parts, in order.
        says: what its notes and assumptions say; nothing if it is empty.
        same: whether its parts compute what Keras computes.
    """

    build: Callable[[], keras.Model]
    specs: tuple[str, ...]
    says: str = ""
    same: bool = True


FORMATS = (".json", ".keras", ".h5")


def row(*found: layers.Layer, features: int = 3, timesteps: int | None = None) -> Callable[[], keras.Model]:
    """A Sequential model that reads vectors."""
    return lambda: Sequential([Input((timesteps, features)), *found])


def words(*found: layers.Layer, **options: Any) -> Callable[[], keras.Model]:
    """A Sequential model that reads ids."""
    return lambda: Sequential([Input((None,)), layers.Embedding(20, 5, **options), *found])


def nested() -> keras.Model:
    x = Input((None, 3))
    inner = keras.Model(
        x, layers.LSTM(4, return_sequences=True)(layers.LSTM(4, return_sequences=True)(x)), name="inner"
    )
    y = Input((None, 3))
    middle = keras.Model(y, layers.GRU(2)(inner(y)), name="middle")
    z = Input((None, 3))
    return keras.Model(z, layers.Dense(1)(middle(z)))


def rows_in_a_row() -> keras.Model:
    inner = Sequential([Input((None, 3)), layers.LSTM(4)])
    tail = Sequential([Input((4,)), layers.Dense(2, activation="relu")], name="tail")
    return Sequential([Input((None, 3)), inner, tail, layers.Dense(1, activation="sigmoid")])


def frozen() -> keras.Model:
    model = row(layers.LSTM(4, dropout=0.2, return_sequences=True), layers.GRU(4), layers.Dense(1))()
    model.layers[0].trainable = model.layers[2].trainable = False
    return model


def apart() -> keras.Model:
    x = Input((None, 3))
    return keras.Model(x, layers.Add()(layers.Bidirectional(layers.LSTM(4), merge_mode=None)(x)))


def stateful() -> keras.Model:
    x = Input(batch_shape=(2, None, 3))
    return keras.Model(x, layers.GRU(2)(layers.LSTM(4, return_sequences=True, stateful=True)(x)))


def translator() -> keras.Model:
    x, y = Input((None, 3)), Input((None, 2))
    _, h, c = layers.LSTM(4, return_state=True)(x)
    return keras.Model([x, y], layers.Dense(2)(layers.LSTM(4)(y, initial_state=[h, c])))


def again(sequence: bool, then: layers.Layer) -> Callable[[], keras.Model]:
    """A model that goes on from the state of a cell."""

    def build() -> keras.Model:
        x = Input((None, 3))
        y, h, _ = layers.LSTM(4, return_state=True, return_sequences=sequence)(x)
        return keras.Model(x, [layers.GRU(2)(then(h)), y] if sequence else layers.GRU(2)(then(h)))

    return build


def masked() -> keras.Model:
    x, mask = Input((None, 3)), Input((None,), dtype="bool")
    return keras.Model([x, mask], layers.LSTM(4)(x, mask=mask))


def crossed() -> keras.Model:
    x, y = Input((None, 3)), Input((None, 4))
    read = layers.MultiHeadAttention(2, 3)(layers.GRU(4, return_sequences=True)(y), layers.LSTM(4, **SEQ)(x))
    return keras.Model([x, y], layers.LSTM(2)(read))


def trained() -> keras.Model:
    model = row(layers.Conv1D(5, 3), layers.LSTM(4, dropout=0.2, recurrent_dropout=0.1), layers.Dropout(0.5))()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.zeros((2, 6, 3)), np.zeros((2, 4)), verbose=0)
    return model


def residual() -> keras.Model:
    x = Input((None, 3))
    y = layers.LSTM(4, return_sequences=True)(x)
    return keras.Model(x, layers.Add()([y, layers.GRU(4, return_sequences=True)(y)]))


def shared() -> keras.Model:
    x, y, lstm = Input((None, 3)), Input((None, 3)), layers.LSTM(4)
    return keras.Model([x, y], layers.Subtract()([lstm(x), lstm(y)]))


def joined() -> keras.Model:
    x, y = Input((None, 3)), Input((None, 4))
    return keras.Model([x, y], layers.LSTM(4)(layers.Concatenate()([x, y])))


def attentive() -> keras.Model:
    x = Input((None, 3))
    asked = layers.Reshape((1, 4))(layers.LSTM(4)(x))
    return keras.Model(x, layers.Attention()([asked, layers.LSTM(4, return_sequences=True)(x)]))


def quantized() -> keras.Model:
    model = row(layers.LSTM(4), layers.Dense(2))()
    model.quantize("int8")
    return model


def explicit_directions(units: int, **options: Any) -> layers.Layer:
    return layers.Bidirectional(layers.LSTM(4), backward_layer=layers.LSTM(units, go_backwards=True, **options))


def bi(cell: layers.Layer, **options: Any) -> layers.Layer:
    return layers.Bidirectional(cell, **options)


@keras.saving.register_keras_serializable("mine")
class LSTM(layers.LSTM):
    """A layer of somebody's own with a name of Keras's."""


@keras.saving.register_keras_serializable("mine")
def tanh(x: Any) -> Any:
    """Three times what it is given, under a name of Keras's."""
    return 3 * x


SEQ = {"return_sequences": True}
L = layers
TABLE: dict[str, Entry] = {
    "lstm": Entry(row(L.LSTM(4)), ("input:3,lstm:4",)),
    "timesteps": Entry(row(L.GRU(4, **SEQ), L.SimpleRNN(2), timesteps=6), ("input:6x3,gru:4:seq,rnn:2",)),
    "before": Entry(row(L.GRU(4, reset_after=False, use_bias=False)), ("input:3,gru:4:nobias:reset=before",)),
    "gates": Entry(
        row(L.LSTM(4, activation="relu", recurrent_activation="hard_sigmoid")),
        ("input:3,lstm:4:relu:recact=hard_sigmoid",),
    ),
    "backwards": Entry(
        row(L.LSTM(4, go_backwards=True, **SEQ), L.LSTM(3, go_backwards=True)), ("input:3,lstm:4:seq:back,lstm:3:back",)
    ),
    "unrolled": Entry(
        row(L.LSTM(4, unroll=True, kernel_constraint="max_norm", bias_initializer="ones"), timesteps=5),
        ("input:5x3,lstm:4",),
    ),
    **{
        f"bi_{mode}": Entry(
            row(bi(L.GRU(4, **SEQ), merge_mode=mode), L.LSTM(2)), (f"input:3,gru:4:seq:bi={mode},lstm:2",)
        )
        for mode in ("concat", "sum", "mul", "ave")
    },
    "bi_apart": Entry(apart, (), "keeps the outputs of the directions apart"),
    "bi_explicit": Entry(row(explicit_directions(4)), ("input:3,lstm:4:bi",)),
    "bi_of_two_sizes": Entry(row(explicit_directions(5)), (), "backward_layer is not the same layer"),
    "bi_of_two_kinds": Entry(
        row(explicit_directions(4, activation="relu")), (), "backward_layer is not the same layer"
    ),
    "bi_of_a_cell": Entry(row(bi(L.RNN(L.GRUCell(4), **SEQ)), L.Dense(1)), ("input:3,gru:4:seq:bi,dense:1",)),
    "cells": Entry(
        row(L.RNN([L.LSTMCell(4), L.GRUCell(3), L.LSTMCell(2)]), L.Dense(1)),
        ("input:3,lstm:4:seq,gru:3:seq,lstm:2,dense:1",),
    ),
    "mask": Entry(words(L.LSTM(4, **SEQ), mask_zero=True), ("embed:20x5:mask,lstm:4:seq",)),
    "mask_bi": Entry(
        words(
            bi(L.LSTM(4, **SEQ)), bi(L.LSTM(3, **SEQ), merge_mode="sum"), L.TimeDistributed(L.Dense(2)), mask_zero=True
        ),
        ("embed:20x5:mask,lstm:4:seq:bi,lstm:3:seq:bi=sum,dense:2",),
    ),
    "mask_pool": Entry(
        words(L.LSTM(4, **SEQ), L.GRU(3, go_backwards=True, **SEQ), L.GlobalAveragePooling1D(), mask_zero=True),
        ("embed:20x5:mask,lstm:4:seq,gru:3:seq:back,pool:avg",),
    ),
    "mask_to_zero": Entry(
        words(L.LSTM(4, zero_output_for_mask=True, **SEQ), mask_zero=True),
        ("embed:20x5:mask,lstm:4:seq",),
        r"returns zeros for padding \(zero_output_for_mask\)",
        same=False,
    ),
    "mask_from_outside": Entry(
        words(L.BatchNormalization(), L.LSTM(4), mask_zero=True),
        ("input:5,lstm:4",),
        "padding may come in, by the mask of embedding",
        same=False,
    ),
    "masking": Entry(
        row(L.Masking(0.0), L.LSTM(4)),
        ("input:3,lstm:4",),
        "masking takes vectors of one value for padding; here no timestep is padding",
    ),
    "pooled": Entry(
        words(L.SpatialDropout1D(0.1), L.GRU(4, **SEQ), L.GlobalMaxPooling1D(), L.Dense(3)),
        ("embed:20x5,dropout:0.1,gru:4:seq,pool:max,dense:3",),
    ),
    "each_step": Entry(
        row(
            L.LSTM(4, **SEQ),
            L.TimeDistributed(L.Dense(5, activation="relu")),
            L.TimeDistributed(L.LayerNormalization()),
            L.GRU(2),
        ),
        ("input:3,lstm:4:seq,dense:5:relu,norm,gru:2",),
    ),
    "each_step_a_row": Entry(
        row(L.LSTM(4, **SEQ), L.TimeDistributed(Sequential([Input((4,)), L.Dense(3)]))),
        ("input:3,lstm:4:seq",),
        r"\(TimeDistributed\) is left out: the language has no Sequential",
    ),
    "norms": Entry(
        row(
            L.Dense(5, activation="tanh"),
            L.Dropout(0.2),
            L.LayerNormalization(),
            L.LSTM(4, **SEQ),
            L.LayerNormalization(center=False),
            L.LayerNormalization(scale=False),
            L.GRU(2),
        ),
        ("input:3,dense:5:tanh,dropout:0.2,norm,lstm:4:seq,norm:nobias,norm:noscale,gru:2",),
    ),
    "epsilon": Entry(
        row(L.LSTM(4), L.LayerNormalization(epsilon=1e-8)),
        ("input:3,lstm:4,norm:eps=1e-6",),
        "has an epsilon of 1e-08; here it runs with 1e-06",
        same=False,
    ),
    "norm_of_two_axes": Entry(
        row(L.LayerNormalization(axis=(1, 2)), L.LSTM(4), timesteps=5),
        ("input:3,lstm:4",),
        r"axis is \[1, 2\], not the features alone",
        same=False,
    ),
    "copied": Entry(
        row(L.LSTM(4), L.RepeatVector(6), L.LSTM(4, **SEQ), L.TimeDistributed(L.Dense(3))),
        ("input:3,lstm:4,repeat:6,lstm:4:seq,dense:3",),
    ),
    "rows_in_a_row": Entry(rows_in_a_row, ("input:3,lstm:4,dense:2:relu,dense:1:sigmoid",)),
    "nested": Entry(nested, ("input:3,lstm:4:seq,lstm:4:seq,gru:2,dense:1",)),
    "code": Entry(
        row(L.LSTM(4), L.Lambda(lambda x: x * 2), L.Dense(2)), ("input:3,lstm:4",), "part: 1 Lambda and 1 Dense"
    ),
    "convolved": Entry(
        row(L.Conv1D(5, 3), L.BatchNormalization(), L.MaxPooling1D(2), L.LSTM(4), timesteps=20),
        ("input:5,lstm:4",),
        "1 Conv1D, 1 BatchNormalization and 1 MaxPooling1D",
        same=False,
    ),
    "reshaped": Entry(
        lambda: Sequential([Input((20,)), L.Reshape((4, 5)), L.LSTM(4)]), ("input:5,lstm:4",), "1 Reshape", same=False
    ),
    "permuted": Entry(row(L.Permute((2, 1)), L.LSTM(4), timesteps=5), ("input:5,lstm:4",), "1 Permute", same=False),
    "flattened": Entry(
        row(L.LSTM(4, **SEQ), L.Flatten(), L.Dense(2), timesteps=5), ("input:5x3,lstm:4:seq",), "1 Flatten and 1 Dense"
    ),
    "convolved_after": Entry(row(L.LSTM(4, **SEQ), L.Conv1D(5, 3)), ("input:3,lstm:4:seq",), "1 Conv1D"),
    "normalized_after": Entry(row(L.LSTM(4), L.BatchNormalization(), L.Dense(2)), ("input:3,lstm:4",), "1 BatchNormal"),
    "activation": Entry(row(L.LSTM(4), L.Dense(3), L.Activation("softmax")), ("input:3,lstm:4,dense:3:softmax",)),
    "activation_twice": Entry(
        row(L.LSTM(4), L.Dense(3, activation="relu"), L.Softmax()), ("input:3,lstm:4,dense:3:relu",), "1 Softmax"
    ),
    "activation_of_a_cell": Entry(row(L.LSTM(4), L.Activation("relu")), ("input:3,lstm:4",), "1 Activation"),
    "activations": Entry(
        row(
            L.SimpleRNN(4, activation="softsign"), *(L.Dense(2, activation=a) for a in ("gelu", "selu", "silu", "elu"))
        ),
        ("input:3,rnn:4:softsign,dense:2:gelu,dense:2:selu,dense:2:silu,dense:2:elu",),
    ),
    "leaky": Entry(
        row(L.LSTM(4), L.Dense(2, activation="leaky_relu")), ("input:3,lstm:4",), "its activation leaky_relu is"
    ),
    "exponential": Entry(row(L.LSTM(4, activation="exponential")), (), "its activation exponential is none"),
    "stateful": Entry(stateful, ("input:3,lstm:4:seq,gru:2",), "is stateful; here every sample starts", same=False),
    "translator": Entry(
        translator, ("input:3,lstm:4", "input:2,lstm:4,dense:2"), "starts from a state that another", same=False
    ),
    "again": Entry(again(False, L.RepeatVector(5)), ("input:3,lstm:4,repeat:5,gru:2",)),
    "again_beside_all": Entry(
        again(True, L.RepeatVector(5)),
        ("input:3,lstm:4:seq", "input:4,gru:2"),
        r"lstm_[0-9]+ goes on to repeat_vector.*gru_[0-9]+ reads repeat_vector_[0-9]+.*, which is left out",
        same=False,
    ),
    "masked": Entry(masked, ("input:3,lstm:4",), "is given a mask of its own", same=False),
    "crossed": Entry(
        crossed,
        ("input:4,gru:4:seq", "input:3,lstm:4:seq", "input:4,lstm:2"),
        r"gru_[0-9]+ goes on to multi_head.*lstm_[0-9]+ goes on to multi_head.*reads multi_head",
        same=False,
    ),
    "trained": Entry(trained, ("input:5,lstm:4,dropout:0.5",), "reads conv1d.*, which is left out", same=False),
    "residual": Entry(residual, ("input:3,lstm:4:seq", "input:4,gru:4:seq"), "1 Add", same=False),
    "shared": Entry(shared, ("input:3,lstm:4",), "is called again, with the same weights", same=False),
    "joined": Entry(joined, ("input:7,lstm:4",), "1 Concatenate", same=False),
    "attentive": Entry(attentive, ("input:3,lstm:4", "input:3,lstm:4:seq"), "1 Reshape and 1 Attention"),
    "dropouts": Entry(
        row(
            L.LSTM(4, dropout=0.2, recurrent_dropout=0.1, **SEQ), bi(L.GRU(4, dropout=0.1)), L.Dropout(0.3), L.Dense(1)
        ),
        ("input:3,lstm:4:seq,gru:4:bi,dropout:0.3,dense:1",),
    ),
    "frozen": Entry(frozen, ("input:3,lstm:4:seq,gru:4,dense:1",)),
    "few_digits": Entry(
        row(L.LSTM(4, dtype="mixed_bfloat16"), L.Dense(2, dtype="float64")),
        ("input:3,lstm:4,dense:2",),
        "Keras computes in bfloat16",
        same=False,
    ),
    "quantized": Entry(quantized, ("input:3,lstm:4",), r"its weights are quantized \(int8\)", same=False),
    "own_class": Entry(lambda: Sequential([Input((None, 3)), LSTM(4), L.Dense(1)]), (), "is not Keras's|1 mine>LSTM"),
    "own_function": Entry(
        row(L.SimpleRNN(4, activation=tanh)), (), "its activation mine>tanh is (a function whose code|none that)"
    ),
}


def leaf(model: keras.Model, name: str) -> layers.Layer:
    """The layer that a piece of a part is."""
    for step in name.partition(" (cell")[0].split("/"):
        model = model.get_layer(step)
    return model


def layers_of(model: keras.Model, found: ModelFile) -> list[list[list[Any]]]:
    """Keras's number of parameters and output shape of each layer of each part; no shape where Keras has none."""
    said = []
    for part in found.parts:
        each: list[list[Any]] = []
        for piece in part.nodes:
            layer = leaf(model, piece.name)
            whole = " (cell" not in piece.name and not isinstance(layer.output, (list, tuple))
            each.append([layer.count_params(), list(layer.output.shape) if whole else None])
        said.append(each)
    return said


def faults(name: str, model: keras.Model, found: ModelFile) -> list[str]:
    """What is read otherwise than it should be."""
    entry = TABLE[name]
    specs = [str(part.network) for part in found.parts]
    said = " | ".join([*found.notes, *(note.text for part in found.parts for note in part.notes)])
    wrong = [] if specs == [str(Network.parse(spec)) for spec in entry.specs] else [f"its specs are {specs}"]
    if not (re.search(entry.says, said) if entry.says else not said):
        wrong.append(f"it says {said!r}")
    if not found.path.endswith(".json") and (found.partial or found.params != model.count_params()):
        wrong.append(f"it has {found.params} parameters, really {model.count_params()}")
    if entry.same and not found.path.endswith(".json"):
        for part in found.parts:
            apart = distance(part, model if not found.notes else upto(model, part))
            if apart > TOLERANCE:
                wrong.append(f"{part.name} is {apart:g} apart")
    return wrong


def upto(model: keras.Model, part: Part) -> keras.Model:
    """The model up to the last layer of a part."""
    output = leaf(model, part.nodes[-1].name).output
    return keras.Model(model.inputs, output[0] if isinstance(output, (list, tuple)) else output)


def distance(part: Part, model: keras.Model) -> float:
    """How far what a part computes is from what a model computes."""
    rng = np.random.default_rng(2)
    (shape,) = [[2, *(size or 5 for size in each.shape[1:])] for each in model.inputs]
    x = rng.integers(1, 20, shape) if len(shape) == 2 else rng.normal(size=shape).astype("float32")
    if len(shape) == 2:
        x[0, 3:] = 0
    theirs = np.asarray(model.predict(x, verbose=0))
    ours = Model(part.network, weights=keras_weights(part))(x)
    return float(np.abs(theirs - ours).max()) if ours.shape == theirs.shape else np.inf


def main() -> int:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    kept: dict[str, Any] = {}
    differences = files = 0
    with TemporaryDirectory() as folder:
        for name, entry in TABLE.items():
            model = entry.build()
            if name != "quantized":
                # Biases start as zeros, which would hide a bias that is read wrongly.
                model.set_weights([rng.normal(0, 0.5, each.shape) for each in model.get_weights()])
            for ending in FORMATS:
                path = Path(folder) / f"{name}{ending}"
                if ending == ".json":
                    path.write_text(model.to_json(), encoding="utf-8")
                else:
                    model.save(path)
                files += 1
                try:
                    found = open_model(str(path))
                    wrong = faults(name, model, found)
                except RnncliError as error:
                    wrong = [str(error)]
                for what in wrong:
                    differences += 1
                    print(f"{name}{ending}: {what}", file=sys.stderr)
            found = open_model(str(Path(folder) / f"{name}.json"))
            kept[name] = {
                "model": json.loads(model.to_json()),
                "specs": entry.specs,
                "says": entry.says,
                "layers": layers_of(model, found),
            }
    if sys.argv[1:] == ["--keep"]:
        with zipfile.ZipFile(HERE / "table.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("table.json"), json.dumps(kept), zipfile.ZIP_DEFLATED)
    print(f"Keras {keras.__version__}: {len(TABLE)} models in {files} files; {differences} differences")
    return int(differences > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Build many small models with real Keras, save them in each format, and compare rnncli's reading with Keras.

    KERAS_BACKEND=torch python tests/golden/keras_table.py [--keep]

For each model, the specs of its parts are compared with those in `keras_table.txt`, and the values with Keras's. The
notes on a model must match a regular expression; without one, there must be no notes. The status is 1 if anything
differs. With `--keep`, the configs are written to `models/keras/table.zip` for the tests, with Keras's parameter counts
and shapes.
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
from rnncli.engine.model import Model
from rnncli.formats import open_model
from rnncli.formats.model_file import ModelFile
from rnncli.formats.nodes import Part

HERE = Path(__file__).parent / "models" / "keras"
TOLERANCE = 1e-5


class Entry(NamedTuple):
    """A model, and the expected reading of its files.

    Attributes:
        build: builds it.
        specs: the parts, in order.
        says: a pattern for its notes and assumptions; none are allowed if it is empty.
        same: whether its parts compute the same values as Keras.
    """

    build: Callable[[], keras.Model]
    specs: tuple[str, ...]
    says: str = ""
    same: bool = True


FORMATS = (".json", ".keras", ".h5")


def row(*found: layers.Layer, features: int = 3, timesteps: int | None = None) -> Callable[[], keras.Model]:
    """A Sequential model that reads vectors."""
    return lambda: Sequential([Input((timesteps, features)), *found])


def words(*found: layers.Layer, length: int | None = None, **options: Any) -> Callable[[], keras.Model]:
    """A Sequential model that reads ids."""
    return lambda: Sequential([Input((length,)), layers.Embedding(20, 5, **options), *found])


def through(build: Callable[[Any], Any], *, ids: bool = False) -> Callable[[], keras.Model]:
    """A functional model that reads vectors, or ids of which 0 is padding."""

    def model() -> keras.Model:
        x = Input((None,) if ids else (None, 3))
        return keras.Model(x, build(layers.Embedding(20, 5, mask_zero=True)(x) if ids else x))

    return model


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
    """A model that continues from a cell's state."""

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
    """A user-defined layer with the name of one of Keras's."""


@keras.saving.register_keras_serializable("mine")
def tanh(x: Any) -> Any:
    """Three times the input, under the name of one of Keras's functions."""
    return 3 * x


SEQ = {"return_sequences": True}
L = layers


def table() -> dict[str, Entry]:
    """The models of keras_table.txt by name: the function that builds each, and the expected reading."""
    entries = {}
    for section in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split("#### ")[1:]:
        name, built, *expected = section.splitlines()
        said = [line.partition(": ") for line in expected]
        specs = tuple(text for what, _, text in said if what == "spec")
        says = "".join(text for what, _, text in said if what == "says")
        entries[name] = Entry(eval(built), specs, says, "values: others" not in expected)
    return entries


TABLE = table()


def leaf(model: keras.Model, name: str) -> layers.Layer:
    """The layer for a piece of a part."""
    for step in name.partition(" (cell")[0].split("/"):
        operations = {each.name: each for each in getattr(model, "operations", ())}
        model = operations.get(step) or model.get_layer(step)
    return model


def layers_of(model: keras.Model, found: ModelFile) -> list[list[list[Any]]]:
    """Keras's parameter count and output shape for each layer of each part; no shape where Keras has none."""
    said = []
    for part in found.parts:
        each: list[list[Any]] = []
        for piece in part.nodes:
            layer = leaf(model, piece.name)
            whole = " (cell" not in piece.name and not isinstance(layer.output, (list, tuple))
            taken = (one for one in getattr(model, "operations", ()) if type(one).__name__ == "GetItem")
            taken = (one for one in taken if one.input is layer.output and len(one.output.shape) == 2)
            last = next(taken, layer) if piece.layer.returns == "vector" else layer
            params = layer.count_params() if isinstance(layer, layers.Layer) else 0
            each.append([params, list(last.output.shape) if whole else None])
        said.append(each)
    return said


def faults(name: str, model: keras.Model, found: ModelFile) -> list[str]:
    """The differences from the expected reading."""
    entry = TABLE[name]
    specs = [str(part.network) for part in found.parts]
    said = " | ".join([*found.notes, *(note.text for part in found.parts for note in part.notes)])
    wrong = [] if specs == [str(Network.parse(spec)) for spec in entry.specs] else [f"its specs are {specs}"]
    if not (re.search(entry.says, said) if entry.says else not said):
        wrong.append(f"it says {said!r}")
    if not found.path.endswith(".json") and (found.partial or found.params != model.count_params()):
        wrong.append(f"it has {found.params} parameters, actually {model.count_params()}")
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
    """The distance between the outputs of a part and of a model."""
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
                # Biases start as zeros, which would hide a misread bias.
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

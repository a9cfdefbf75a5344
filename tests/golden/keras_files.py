"""Make small model files with real Keras, and record Keras's outputs for them.

    KERAS_BACKEND=torch python tests/golden/keras_files.py

`models/keras/models.zip` has the files, and `values.npz` next to it an input and output of each: `stack/x`, `stack/y`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent / "models" / "keras"


def stack() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((5, 3)),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
            layers.GRU(2, return_sequences=True, go_backwards=True),
            layers.TimeDistributed(layers.Dense(3)),
            layers.Activation("relu"),
            layers.LayerNormalization(),
            layers.SimpleRNN(2),
            layers.Dense(2, activation="softmax"),
        ],
        name="stack",
    )


def tokens() -> keras.Model:
    """A functional model with a mask, a nested model, and a GRU of the older kind."""
    ids = keras.Input((None,), name="ids")
    x = layers.Embedding(10, 3, mask_zero=True, name="words")(ids)
    x = layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True), merge_mode="sum", name="both")(x)
    inner = keras.Sequential(
        [
            layers.Input((None, 2)),
            layers.Dropout(0.5),
            layers.GRU(2, activation="relu", reset_after=False, name="reader"),
            layers.Dense(2, name="between"),
        ],
        name="encoder",
    )
    return keras.Model(ids, layers.Dense(1, name="score")(inner(x)), name="tokens")


def cells() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((None, 2)),
            layers.RNN([layers.LSTMCell(2), layers.GRUCell(2), layers.LSTMCell(2)], return_sequences=True),
            layers.GlobalMaxPooling1D(),
            layers.RepeatVector(3),
            layers.Bidirectional(layers.GRU(2)),
        ],
        name="cells",
    )


def lstm() -> keras.Model:
    return keras.Sequential([layers.Input((None, 3)), layers.LSTM(2), layers.Dense(2)], name="lstm")


def both() -> keras.Model:
    return keras.Sequential([layers.Input((None, 3)), layers.Bidirectional(layers.GRU(2))], name="both")


def convolved() -> keras.Model:
    """Windows of every kind, and norms without a scale or without a shift."""
    return keras.Sequential(
        [
            layers.Input((None, 3)),
            layers.Conv1D(4, 2, padding="causal", activation="relu"),
            layers.BatchNormalization(center=False),
            layers.MaxPooling1D(2, strides=1),
            layers.Conv1D(5, 2, dilation_rate=2, padding="same", use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.GRU(2),
        ],
        name="convolved",
    )


def windows() -> keras.Model:
    """A convolution and a norm, as far as a weights file describes them."""
    return keras.Sequential(
        [layers.Input((None, 3)), layers.Conv1D(4, 2), layers.BatchNormalization(), layers.LSTM(2), layers.Dense(3)],
        name="windows",
    )


def branches() -> keras.Model:
    """Two chains that read one table, and a decoder that starts from a given state."""
    ids = keras.Input((None,))
    x = layers.Embedding(10, 3)(ids)
    y, h, c = layers.LSTM(3, return_state=True, name="left")(x)
    z = layers.GRU(3, name="right")(x)
    further = keras.Input((None, 4))
    w = layers.Conv1D(5, 2, name="conv")(further)
    w = layers.LSTM(3, name="decoder")(w, initial_state=[h, c])
    return keras.Model([ids, further], layers.Dense(1)(layers.Concatenate()([y, z, w])), name="branches")


def main() -> None:
    keras.utils.set_random_seed(1)
    HERE.mkdir(parents=True, exist_ok=True)
    values: dict[str, np.ndarray] = {}
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder, zipfile.ZipFile(HERE / "models.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for make, endings in MODELS.items():
            model = make()
            # Biases start as zeros, which would hide a misread bias.
            for weight in model.weights:
                numbers = rng.normal(0, 0.5, weight.shape)
                weight.assign(abs(numbers) + 0.1 if weight.path.endswith("moving_variance") else numbers)
            for ending in endings:
                path = Path(folder) / f"{model.name}{ending}"
                if ending == ".json":
                    path.write_text(model.to_json(), encoding="utf-8")
                else:
                    (model.save_weights if ending == ".weights.h5" else model.save)(path)
                archive.write(path, path.name)
            if make is branches:
                continue
            shape = [2, 5, *model.inputs[0].shape[2:]]
            x = rng.integers(1, 10, shape) if make is tokens else rng.normal(size=shape).astype("float32")
            if make is tokens:
                x[0, 3:] = 0
            values |= {f"{model.name}/x": x, f"{model.name}/y": np.asarray(model.predict(x, verbose=0))}
    np.savez_compressed(HERE / "values.npz", **values)


MODELS = {
    stack: (".keras", ".json"),
    tokens: (".keras", ".h5"),
    cells: (".keras", ".h5"),
    lstm: (".h5", ".weights.h5"),
    both: (".weights.h5",),
    branches: (".json", ".keras", ".h5"),
    convolved: (".keras", ".h5"),
    windows: (".weights.h5",),
}

if __name__ == "__main__":
    main()

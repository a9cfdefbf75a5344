"""Sequential models as lists, with layers in variables and sizes in lists."""

import keras
from keras import layers

sizes = [12, 7]
first = layers.LSTM(sizes[0], return_sequences=True, name="first")
per_step = layers.TimeDistributed(layers.Dense(6, "relu"))

tagger = keras.Sequential([keras.Input((20, 5)), first, layers.LayerNormalization(), per_step])

stacked = keras.models.Sequential(
    layers=[
        layers.InputLayer(shape=(None, 9)),
        *[layers.GRU(units, return_sequences=True, reset_after=False) for units in sizes],
        layers.GlobalMaxPooling1D(),
        layers.Dense(1, activation=keras.activations.sigmoid),
    ]
)

cells = keras.Sequential([layers.Input((None, 4)), layers.RNN([layers.LSTMCell(3), layers.GRUCell(5)])])

autoencoder = keras.Sequential(
    [
        layers.Input(shape=(10, 2)),
        layers.LSTM(3, go_backwards=True),
        layers.RepeatVector(10),
        layers.LSTM(4, "relu", "hard_sigmoid", return_sequences=True),
        layers.Dense(2, use_bias=False),
    ]
)

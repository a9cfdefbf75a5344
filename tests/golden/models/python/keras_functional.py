"""Functional models: a chain of names, calls inside of calls, a helper, a model inside of a model."""

import keras
from keras.layers import GRU, LSTM, Bidirectional, Concatenate, Dense, Embedding, Input, SimpleRNN
from keras.models import Model


def both_ways(x, units, merge_mode="concat"):
    return Bidirectional(GRU(units, return_sequences=True), merge_mode)(x)


def make_chain():
    ids = Input(shape=(None,), dtype="int32")
    x = Embedding(input_dim=50, output_dim=6)(ids)
    x = both_ways(x, 4)
    x = both_ways(x, 5, merge_mode="ave")
    x, state = SimpleRNN(3, return_state=True)(x)
    return keras.Model(inputs=ids, outputs=Dense(2)(x))


chain = make_chain()

vectors = Input((7, 3))
nested = Model(vectors, Dense(1)(LSTM(4)(LSTM(5, return_sequences=True)(vectors))))

outside = Input((7, 3))
around = Model(outside, Dense(2, "tanh")(keras.Sequential([Input((7, 3)), LSTM(6, return_sequences=True)])(outside)))

joined_input = Input((7, 3))
joined = Model(joined_input, LSTM(2)(Concatenate()([joined_input, joined_input])))

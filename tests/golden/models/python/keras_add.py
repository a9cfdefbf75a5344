"""A Sequential model that grows layer by layer, in a function with sizes for parameters."""

from keras.layers import GRU, LSTM, Activation, Bidirectional, Dense, Dropout, Embedding, SimpleRNN
from keras.models import Sequential

VOCABULARY = 1_000
HIDDEN = 2 * 8


def build_model(vocabulary=VOCABULARY, hidden=HIDDEN, classes=3):
    model = Sequential()
    model.add(Embedding(vocabulary, hidden // 2, mask_zero=True))
    model.add(Bidirectional(LSTM(hidden, return_sequences=True, dropout=0.2), merge_mode="sum"))
    for _ in range(2):
        model.add(GRU(hidden, return_sequences=True))
    model.add(SimpleRNN(units=5, use_bias=False))
    model.add(Dropout(0.5))
    model.add(Dense(classes))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy")
    return model


model = build_model(classes=4)
model.build((None, None))

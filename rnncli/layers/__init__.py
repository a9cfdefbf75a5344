"""The kinds of layer: one file each, gathered here. To add a kind is to write its file and list it here."""

from __future__ import annotations

from rnncli.layers.base import Head, Layer
from rnncli.layers.dense import Dense
from rnncli.layers.dropout import Dropout
from rnncli.layers.embedding import Embedding
from rnncli.layers.gru import GRU
from rnncli.layers.input import Input
from rnncli.layers.lstm import LSTM
from rnncli.layers.norm import Norm
from rnncli.layers.pool import Pool
from rnncli.layers.recurrent import Recurrent
from rnncli.layers.repeat import Repeat
from rnncli.layers.simple_rnn import SimpleRNN

LAYERS: tuple[type[Layer], ...] = (Input, Embedding, SimpleRNN, LSTM, GRU, Dense, Dropout, Norm, Repeat, Pool)
"""Every kind, in the order `rnncli layers` shows them."""

KINDS: dict[str, type[Layer]] = {name: layer for layer in LAYERS for name in (layer.kind, *layer.aliases)}
"""Every name that a spec may use for a kind."""

__all__ = [
    "GRU",
    "KINDS",
    "LAYERS",
    "LSTM",
    "Dense",
    "Dropout",
    "Embedding",
    "Head",
    "Input",
    "Layer",
    "Norm",
    "Pool",
    "Recurrent",
    "Repeat",
    "SimpleRNN",
]

"""The kinds of layer: one file each, gathered here.

To add a kind:

1. Declare it in a file of its own here: an `immutable` class with Keras's arguments, how they are written, what
   PyTorch calls them, what it reads and returns, its weights, what it holds for a step, carries on and keeps in
   training, its equations and notes, what PyTorch cannot express. List it in `LAYERS`. The parser, the canonical spec,
   the hints, completion, `rnncli layers` and the drawing follow from that.
2. Say in a file of its own in `tests/kinds/` how it is typed and drawn, how Keras and PyTorch build it, what it is in
   ONNX, its formula, and which golden networks show each of its options; `tests/kinds/base.py` lists what is needed.
3. Run `pytest tests/test_kinds.py` until it names nothing more: a stage in `engine/stages.py` or a cell in
   `engine/cells.py`, a module of PyTorch, how each target writes it, which classes, operations and arrays of model
   files are read as it, and, where its weights are of a new sort, their words and how they start.
4. `make golden KIND=…` asks the frameworks about it alone, soon. Give a kind with weights a network in `SPECS` of
   `tests/golden/starts.py` and `keras_weight_layouts.py`, and run `make golden judge`, which ask about all that there
   is; then run `make man` and `pytest --rewrite-screens`, and read what has changed.
"""

from __future__ import annotations

from rnncli.layers.activation import Activation
from rnncli.layers.base import Head, Layer
from rnncli.layers.batch_norm import BatchNorm
from rnncli.layers.conv import Conv
from rnncli.layers.dense import Dense
from rnncli.layers.dropout import Dropout
from rnncli.layers.embedding import Embedding
from rnncli.layers.flatten import Flatten
from rnncli.layers.gru import GRU
from rnncli.layers.input import Input
from rnncli.layers.lstm import LSTM
from rnncli.layers.norm import Norm
from rnncli.layers.pool import Pool
from rnncli.layers.recurrent import Recurrent
from rnncli.layers.repeat import Repeat
from rnncli.layers.simple_rnn import SimpleRNN
from rnncli.layers.words import in_both

LAYERS: tuple[type[Layer], ...] = (
    Input,
    Embedding,
    Conv,
    SimpleRNN,
    LSTM,
    GRU,
    Dense,
    Dropout,
    Norm,
    BatchNorm,
    Activation,
    Repeat,
    Pool,
    Flatten,
)
"""Every kind, in the order `rnncli layers` shows them."""

KINDS: dict[str, type[Layer]] = {name: layer for layer in LAYERS for name in (layer.kind, *layer.aliases)}
"""Every name that a spec may use for a kind."""

READING_FROM_THE_END = " and ".join(
    in_both(SimpleRNN, *field) for field in (("go_backwards", True), ("merge_mode", "concat"))
)
"""The fields of layers that need the end of a sequence before they return anything, in both words."""

__all__ = [
    "GRU",
    "KINDS",
    "LAYERS",
    "LSTM",
    "READING_FROM_THE_END",
    "Activation",
    "BatchNorm",
    "Conv",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Head",
    "Input",
    "Layer",
    "Norm",
    "Pool",
    "Recurrent",
    "Repeat",
    "SimpleRNN",
]

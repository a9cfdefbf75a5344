"""The kinds of layer: one file for each, or for those with a common base; gathered here.

To add a kind:

1. Declare it here, in a new file or next to its base: an `immutable` class with Keras's arguments, their spelling in a
   spec, their PyTorch names, its input and output, its weights, its memory for a step, between steps and in training,
   its equations and notes, and what PyTorch cannot express. List it in `LAYERS`. The parser, the canonical spec, the
   hints, completion, `rnncli layers` and the drawing follow from that.
2. In a new file in `tests/kinds/`, declare how it is typed and drawn, how Keras and PyTorch build it, its ONNX
   operations, its formula, and which golden networks cover each of its options; `tests/kinds/base.py` lists the fields.
3. Run `pytest tests/test_kinds.py` until it reports nothing missing: a stage in `engine/stages.py` or a cell in
   `engine/cells.py`, a PyTorch module, its source for each export target, the classes, operations and arrays of model
   files that are read as it and, if its weights have a new role, their names and initial values.
4. `make golden KIND=…` quickly gets the frameworks' answers for this kind only. Give a kind with weights a network in
   `SPECS` of `tests/golden/starts.py` and `keras_weight_layouts.py`, and run `make golden judge` to check all kinds;
   then run `make man` and `pytest --rewrite-screens`, and review the changes.
"""

from __future__ import annotations

from rnncli.layers.activations import Activation
from rnncli.layers.affine import Conv, Dense
from rnncli.layers.base import Head, Layer
from rnncli.layers.gru import GRU
from rnncli.layers.heads import Embedding, Input
from rnncli.layers.lstm import LSTM
from rnncli.layers.norm import BatchNorm, Norm
from rnncli.layers.pool import Pool
from rnncli.layers.recurrent import Recurrent, SimpleRNN
from rnncli.layers.views import Dropout, Flatten, Repeat
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
"""Every kind, in the order of `rnncli layers`."""

KINDS: dict[str, type[Layer]] = {name: layer for layer in LAYERS for name in (layer.kind, *layer.aliases)}
"""The kinds by every name that a spec may use for them."""

READING_FROM_THE_END = " and ".join(
    in_both(SimpleRNN, *field) for field in (("go_backwards", True), ("merge_mode", "concat"))
)
"""The fields with which a recurrent layer reads from the end of the sequence, with Keras's arguments."""

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

"""`embed:VxD`: a vector for every id."""

from dataclasses import replace

import numpy as np

from kinds.base import Head, Option, Sample, flag, keras, padding, torch
from rnncli.layers import Embedding


class Length(Option):
    """The number of ids in a sequence: any number, because a later layer may need a certain one."""

    def typed(self, value, dice):
        return [] if value is None else [f"length={value}"]


class EmbeddingKind(Head):
    layer = Embedding
    names = ("embed", "embedding")
    small = "embed:5x3"
    numbers = ("input_dim", "output_dim")
    options = {"mask_zero": flag("mask"), "length": Length({None: (), 10: ("length=10",)})}
    keras_name = torch_name = "Embedding"
    onnx_names = ("Gather",)

    def draw(self, dice, plausible=True):
        """Sources and files lose a length that no layer needs; `long_enough` gives one to a layer that needs it."""
        return replace(super().draw(dice, plausible), length=None)

    def arguments(self, layer):
        """Keras has the length as the shape of the input."""
        return {name: value for name, value in super().arguments(layer).items() if name != "length"}

    def keras_input(self, layer, batch, timesteps):
        return keras.Input(batch_shape=(batch, layer.length or timesteps), dtype="int32")

    def torch_input(self, layer, batch, timesteps):
        return torch.zeros(batch, layer.length or timesteps, dtype=torch.int64, device="meta")

    def torch_module(self, layer, shape):
        padding = 0 if layer.mask_zero else None
        return torch.nn.Embedding(layer.input_dim, layer.output_dim, padding_idx=padding, device="meta")

    def random_input(self, layer, numbers, batch, timesteps):
        """Random ids; with a mask some are 0."""
        timesteps = layer.length or timesteps
        ids = numbers.integers(0, layer.input_dim, (batch, timesteps))
        if layer.mask_zero:
            ids = np.where(padding(numbers, batch, timesteps), 0, np.maximum(ids, min(1, layer.input_dim - 1)))
        return ids.astype("int32")

    def textbook(self, layer, weights, sample):
        mask = [id_ != 0 for id_ in sample.values] if layer.mask_zero else None
        return Sample(np.array([weights["embeddings"][id_] for id_ in sample.values]), mask)

    def golden_networks(self):
        yield from (
            "embed:10x4",
            "embed:10x4:mask",
            "embed:10x4:length=10",
            "embed:9x4:length=10,gru:3:seq,flatten,dense:1",
        )

    def golden_values(self):
        yield from ("embed:5x2", "embed:5x2:mask", "embed:5x2:length=10,rnn:3:seq,flatten,dense:2")

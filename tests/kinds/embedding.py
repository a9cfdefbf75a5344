"""`embed:VxD`: a vector for every id."""

import numpy as np

from kinds.base import Head, Sample, flag, keras, padding, torch
from rnncli.layers import Embedding


class EmbeddingKind(Head):
    layer = Embedding
    names = ("embed", "embedding")
    small = "embed:5x3"
    numbers = ("input_dim", "output_dim")
    options = {"mask_zero": flag("mask")}
    keras_name = torch_name = "Embedding"
    onnx_names = ("Gather",)

    def keras_input(self, layer, batch, timesteps):
        return keras.Input(batch_shape=(batch, timesteps), dtype="int32")

    def torch_input(self, layer, batch, timesteps):
        return torch.zeros(batch, timesteps, dtype=torch.int64, device="meta")

    def torch_module(self, layer, shape):
        padding = 0 if layer.mask_zero else None
        return torch.nn.Embedding(layer.input_dim, layer.output_dim, padding_idx=padding, device="meta")

    def random_input(self, layer, numbers, batch, timesteps):
        """Random ids; with a mask some are 0."""
        ids = numbers.integers(0, layer.input_dim, (batch, timesteps))
        if layer.mask_zero:
            ids = np.where(padding(numbers, batch, timesteps), 0, np.maximum(ids, min(1, layer.input_dim - 1)))
        return ids.astype("int32")

    def textbook(self, layer, weights, sample):
        mask = [id_ != 0 for id_ in sample.values] if layer.mask_zero else None
        return Sample(np.array([weights["embeddings"][id_] for id_ in sample.values]), mask)

    def golden_networks(self):
        yield from ("embed:10x4", "embed:10x4:mask")

    def golden_values(self):
        yield from ("embed:5x2", "embed:5x2:mask")

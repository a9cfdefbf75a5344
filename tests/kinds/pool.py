"""`pool:max` and `pool:avg`: one vector of a whole sequence."""

import numpy as np

from kinds.base import Kind, Sample, keras
from rnncli.layers import Pool

KERAS = {"max": "GlobalMaxPooling1D", "avg": "GlobalAveragePooling1D"}


class PoolKind(Kind):
    layer = Pool
    names = ("pool",)
    small = "pool:avg"
    keras_name = "GlobalMaxPooling1D or GlobalAveragePooling1D"
    torch_name = "Tensor.amax or Tensor.mean"
    onnx_names = ("ReduceMax", "ReduceMean")

    def draw_sizes(self, dice):
        return {"mode": dice.choice(("max", "avg"))}

    def typed_sizes(self, layer, dice):
        return self.cased(layer.mode, dice)

    def keras_layer(self, layer):
        return getattr(keras.layers, KERAS[layer.mode])()

    def torch_module(self, layer, shape):
        return None

    def torch_method(self, layer):
        return {"max": "Tensor.amax", "avg": "Tensor.mean"}[layer.mode]

    def torch_run(self, layer, module, x):
        return x.amax(1) if layer.mode == "max" else x.mean(1)

    def textbook(self, layer, weights, sample):
        """Keras leaves padding out of a mean, which is no number where there is nothing else; not out of a maximum."""
        x = sample.values
        if layer.mode == "max":
            return Sample(np.array([max(feature) for feature in x.T]))
        counted = x if sample.mask is None else x[np.array(sample.mask)]
        return Sample(sum(counted) / len(counted) if len(counted) else np.full(x.shape[1], np.nan))

    def golden_networks(self):
        for mode in ("max", "avg"):
            yield f"input:8,pool:{mode}"
            yield f"input:7x8,lstm:5:seq:bi,pool:{mode},dense:3"
            yield f"embed:10x4:mask,gru:5:seq:back,pool:{mode},repeat:3,gru:5"
        yield "input:8,rnn:5:seq,pool:max,repeat:2,pool:avg,repeat:3,pool:max"

    def golden_values(self):
        for mode in ("max", "avg"):
            yield f"input:3,pool:{mode}"
            yield f"embed:6x3:mask,pool:{mode}"
            yield f"embed:6x3:mask,rnn:2:seq:bi,norm,pool:{mode},dense:2"
            yield f"input:2,lstm:3:seq:back,pool:{mode},repeat:3,gru:2:seq,pool:{mode}"

"""`pool:max` and `pool:avg`: pool a whole sequence into one vector, or each window of K timesteps."""

import numpy as np

from kinds.base import Kind, Option, Sample, keras, torch
from rnncli.layers import Pool

KERAS = {"max": "MaxPooling1D", "avg": "AveragePooling1D"}


class PoolKind(Kind):
    layer = Pool
    names = ("pool",)
    small = "pool:avg"
    needs = ":3"
    options = {
        "pool_size": Option({None: (), 2: ("2", "pool_size=2"), 3: ("3",)}),
        "strides": Option({None: (), 1: ("stride=1",), 2: ("stride=2", "strides=2")}),
        "padding": Option({"valid": ("valid", "pad=valid"), "same": ("same", "pad=same", "padding=same")}),
    }
    keras_name = "GlobalMaxPooling1D, GlobalAveragePooling1D, MaxPooling1D or AveragePooling1D"
    torch_name = "Tensor.amax, Tensor.mean, MaxPool1d or AvgPool1d"
    onnx_names = ("ReduceMax", "ReduceMean", "MaxPool", "AveragePool")

    def draw(self, dice, plausible=True):
        """Return a random layer. Keras on PyTorch computes a different mean if the two sides are padded unequally."""
        layer = super().draw(dice)
        if plausible and layer.pool_size is None:
            return Pool(layer.mode)
        odd = layer.mode == "avg" and layer.padding == "same" and layer.pool_size == 3
        return Pool(layer.mode, 3, 1, "same") if plausible and odd else layer

    def draw_sizes(self, dice):
        return {"mode": dice.choice(("max", "avg"))}

    def typed_sizes(self, layer, dice):
        return self.cased(layer.mode, dice)

    def keras_layer(self, layer):
        if layer.pool_size is None and layer.strides is None and layer.padding == "valid":
            return getattr(keras.layers, f"Global{KERAS[layer.mode]}")()
        return getattr(keras.layers, KERAS[layer.mode])(layer.pool_size, layer.strides, layer.padding)

    def torch_module(self, layer, shape):
        if layer.pool_size is None:
            return None
        around, size, stride = 0, layer.pool_size, layer.strides or layer.pool_size
        if layer.padding == "same":
            if stride != 1 or size % 2 == 0:
                raise ValueError("its padding must be equal on both sides")
            around = size // 2
        if layer.mode == "max":
            return torch.nn.MaxPool1d(size, stride, around)
        return torch.nn.AvgPool1d(size, stride, around, count_include_pad=False)

    def torch_method(self, layer):
        return {"max": "Tensor.amax", "avg": "Tensor.mean"}[layer.mode]

    def torch_run(self, layer, module, x):
        if module is not None:
            return module(x.transpose(1, 2)).transpose(1, 2)
        return x.amax(1) if layer.mode == "max" else x.mean(1)

    def textbook(self, layer, weights, sample):
        """Keras leaves padding out of a mean (NaN if all is padding) but not out of a maximum.

        Both leave out the positions that windows add around a sequence.
        """
        x, size = sample.values, layer.pool_size
        if size is None:
            if layer.mode == "max":
                return Sample(np.array([max(feature) for feature in x.T]))
            counted = x if sample.mask is None else x[np.array(sample.mask)]
            return Sample(sum(counted) / len(counted) if len(counted) else np.full(x.shape[1], np.nan))
        stride, before = layer.strides or size, 0
        starts = range(0, len(x) - size + 1, stride)
        if layer.padding == "same":
            starts = range(0, len(x), stride)
            before = max(0, (len(starts) - 1) * stride + size - len(x)) // 2
        windows = [x[max(0, start - before) : start - before + size] for start in starts]
        reduce = {"max": lambda window: window.max(axis=0), "avg": lambda window: sum(window) / len(window)}
        return Sample(np.array([reduce[layer.mode](window) for window in windows]))

    def golden_networks(self):
        for mode in ("max", "avg"):
            yield f"input:8,pool:{mode}"
            yield f"input:7x8,lstm:5:seq:bi,pool:{mode},dense:3"
            yield f"embed:10x4:mask,gru:5:seq:back,pool:{mode},repeat:3,gru:5"
            for fields in ("2", "3:stride=1", "3:stride=2", "2:same", "3:same:stride=1", "3:same:stride=2"):
                yield f"input:9x8,pool:{mode}:{fields},lstm:4"
                yield f"embed:10x4:mask,pool:{mode}:{fields},gru:3"
        yield "input:8,rnn:5:seq,pool:max,repeat:2,pool:avg,repeat:3,pool:max"
        yield "input:8,conv:4x3,pool:max:2,conv:4x3,pool:avg:2:x2"

    def golden_values(self):
        for mode in ("max", "avg"):
            yield f"input:3,pool:{mode}"
            yield f"embed:6x3:mask,pool:{mode}"
            yield f"embed:6x3:mask,rnn:2:seq:bi,norm,pool:{mode},dense:2"
            yield f"input:2,lstm:3:seq:back,pool:{mode},repeat:3,gru:2:seq,pool:{mode}"
            for fields in ("2", "3:stride=1", "3:stride=2", "2:same", "2:same:stride=1", "3:same:stride=1"):
                yield f"input:3,pool:{mode}:{fields}"
                yield f"embed:6x3:mask,rnn:2:seq,pool:{mode}:{fields},lstm:2:seq"
        yield from ("input:3,pool:max:3:same", "input:3,pool:max:3:same:stride=2,rnn:2")

"""`lstm:U`: three gates, a candidate and a second state."""

import numpy as np

from kinds.activations import TEXTBOOK, gate_activation
from kinds.base import Option
from kinds.recurrent import RecurrentKind
from rnncli.layers import LSTM


class LSTMKind(RecurrentKind):
    layer = LSTM
    names = ("lstm",)
    small = "lstm:3"
    options = {
        **RecurrentKind.options,
        "recurrent_activation": gate_activation("sigmoid", usual=("sigmoid",)),
        "unit_forget_bias": Option({True: ("forgetbias=1",), False: ("forgetbias=0",)}),
    }
    keras_name = torch_name = "LSTM"
    onnx_names = ("LSTM",)
    rounds = 2

    def gates(self, layer, weights, x, h):
        act, gate = TEXTBOOK[layer.activation], TEXTBOOK[layer.recurrent_activation]
        total = x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights.get("bias", 0)
        z_i, z_f, z_c, z_o = np.split(total, 4)
        return {"i": gate(z_i), "f": gate(z_f), "g": act(z_c), "o": gate(z_o)}

    def step(self, layer, weights, x, h, c):
        i, f, g, o = self.gates(layer, weights, x, h).values()
        c = f * c + i * g
        return o * TEXTBOOK[layer.activation](c), c

    def golden_networks(self):
        yield from super().golden_networks()
        yield from ("embed:1x1,lstm:1", "input:8,lstm:5:forgetbias=0")

    def golden_values(self):
        yield from super().golden_values()
        yield from ("input:4x2,lstm:3", "input:2,lstm:3:forgetbias=0")

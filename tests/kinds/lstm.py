"""`lstm:U`: three gates, a candidate and a second state."""

from dataclasses import replace

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
        "proj_size": Option({None: (), 1: ("proj=1",), 2: ("proj=2",)}, in_keras=False),
    }
    keras_name = torch_name = "LSTM"
    onnx_names = ("LSTM",)
    rounds = 2

    def draw(self, dice, plausible=True):
        """Most networks also have to suit Keras, which has no projection."""
        layer = super().draw(dice, plausible)
        return replace(layer, proj_size=None) if plausible else layer

    def arguments(self, layer):
        arguments = super().arguments(layer)
        if layer.proj_size is None:
            del arguments["proj_size"]
        return arguments

    def torch_arguments(self, layer):
        projected = {} if layer.proj_size is None else {"proj_size": layer.proj_size}
        return super().torch_arguments(layer) | projected

    def gates(self, layer, weights, x, h):
        act, gate = TEXTBOOK[layer.activation], TEXTBOOK[layer.recurrent_activation]
        total = x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights.get("bias", 0)
        z_i, z_f, z_c, z_o = np.split(total, 4)
        return {"i": gate(z_i), "f": gate(z_f), "g": act(z_c), "o": gate(z_o)}

    def step(self, layer, weights, x, h, c):
        i, f, g, o = self.gates(layer, weights, x, h).values()
        c = f * c + i * g
        h = o * TEXTBOOK[layer.activation](c)
        return h @ weights.get("projection_kernel", np.eye(len(c))), c

    def golden_networks(self):
        yield from super().golden_networks()
        yield from ("embed:1x1,lstm:1", "input:8,lstm:5:forgetbias=0", "input:8,lstm:5:proj=2")
        yield from (
            "input:7x8,lstm:5:proj=2:seq:bi:nobias,lstm:5:proj=1:bi",
            "input:8,lstm:6:seq:proj=3:x3,lstm:6:back",
        )

    def golden_values(self):
        yield from super().golden_values()
        yield from ("input:4x2,lstm:3", "input:2,lstm:3:forgetbias=0")

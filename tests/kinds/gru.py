"""`gru:U`: two gates and a candidate."""

import numpy as np

from kinds.activations import TEXTBOOK, gate_activation
from kinds.base import Option
from kinds.recurrent import DIRECTIONS, RecurrentKind
from rnncli.layers import GRU


class GRUKind(RecurrentKind):
    layer = GRU
    names = ("gru",)
    small = "gru:3"
    options = {
        **RecurrentKind.options,
        "recurrent_activation": gate_activation("sigmoid", usual=("sigmoid",)),
        "reset_after": Option({True: ("reset=after",), False: ("reset=before",)}, usual=(True,)),
    }
    keras_name = torch_name = "GRU"
    onnx_names = ("GRU",)
    rounds = 1

    def gates(self, layer, weights, x, h):
        act, gate = TEXTBOOK[layer.activation], TEXTBOOK[layer.recurrent_activation]
        W, U = weights["kernel"], weights["recurrent_kernel"]
        b = weights.get("bias", np.zeros(W.shape[1]))
        b_input, b_recurrent = b if b.ndim == 2 else (b, np.zeros_like(b))
        x_z, x_r, x_h = np.split(x @ W + b_input, 3)
        h_z, h_r, h_h = np.split(h @ U + b_recurrent, 3)
        z, r = gate(x_z + h_z), gate(x_r + h_r)
        reset = r * h_h if layer.reset_after else (r * h) @ np.split(U, 3, axis=1)[2]
        return {"z": z, "r": r, "g": act(x_h + reset)}

    def step(self, layer, weights, x, h, c):
        z, _, g = self.gates(layer, weights, x, h).values()
        return z * h + (1 - z) * g, c

    def golden_networks(self):
        yield from super().golden_networks()
        for direction in DIRECTIONS:
            yield f"input:8,gru:5:reset=before:{direction}".rstrip(":")
        yield from ("input:8,gru:5:reset=after", "input:8,gru:5:reset=before:nobias", "input:8,gru:5:nobias")
        yield "embed:1x1:mask,gru:1:bi"

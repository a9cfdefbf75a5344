"""`repeat:T`: repeat a vector T times."""

import numpy as np

from kinds.base import Kind, Sample
from rnncli.layers import Repeat


class RepeatKind(Kind):
    layer = Repeat
    names = ("repeat",)
    small = "repeat:3"
    numbers = ("n",)
    keras_name = "RepeatVector"
    torch_name = "Tensor.expand"
    onnx_names = ("Expand", "Tile")

    def draw_sizes(self, dice):
        # A framework's recurrent layer loops over the timesteps, even on the meta device.
        return {"n": dice.steps()}

    def torch_module(self, layer, shape):
        return None

    def torch_run(self, layer, module, x):
        return x.unsqueeze(1).expand(-1, layer.n, -1)

    def textbook(self, layer, weights, sample):
        return Sample(np.array([sample.values] * layer.n))

    def golden_networks(self):
        yield from (
            "input:8,lstm:5,repeat:3",
            "embed:10x4:mask,gru:5,repeat:7,gru:5:seq,dense:4",
            "input:8,rnn:3,repeat:1",
        )
        yield "input:8,lstm:5:seq:bi,lstm:4,repeat:10,lstm:4:seq,lstm:5:seq:bi,dense:8"
        yield "input:8,rnn:3,dense:2,dropout:0.1,repeat:4,rnn:3,repeat:2,rnn:3:seq"

    def golden_values(self):
        yield from ("input:3,rnn:2,repeat:4", "input:3,lstm:2,dense:3:tanh,repeat:5,gru:2:seq,dense:3")
        yield from ("embed:6x3:mask,gru:2,repeat:3,lstm:2:seq:bi,norm,rnn:2:back", "input:2,rnn:3:bi,repeat:1,rnn:2")
        yield "input:2,gru:3,repeat:4,gru:2,repeat:2,gru:3:seq:back"

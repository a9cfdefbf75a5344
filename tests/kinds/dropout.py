"""`dropout:P`: does nothing in a forward pass."""

from kinds.base import Kind, torch
from rnncli.layers import Dropout


class DropoutKind(Kind):
    layer = Dropout
    names = ("dropout",)
    small = "dropout:0.5"
    keras_name = torch_name = "Dropout"
    onnx_names = ("Dropout",)

    def draw_sizes(self, dice):
        return {"rate": dice.choice((0.5, 0.0, 1.0, 1e-3, dice.share()))}

    def typed_sizes(self, layer, dice):
        return dice.choice((repr(layer.rate), f"{layer.rate:.17e}", f"0{layer.rate!r}"))

    def arguments(self, layer):
        return {"rate": layer.rate}

    def torch_module(self, layer, shape):
        return torch.nn.Dropout(layer.rate)

    def textbook(self, layer, weights, sample):
        return sample

    def golden_networks(self):
        yield from (
            "input:8,dropout:0.5",
            "input:8,dropout:0,gru:5,dropout:1",
            "embed:10x4,dropout:1e-3,rnn:5:seq:back",
        )

    def golden_values(self):
        yield "embed:6x2:mask,rnn:3:seq,dense:2:tanh,dropout:0.5,rnn:3,dense:2"

"""`rnn:U`: one matrix product with the input and one with the state."""

from kinds.activations import TEXTBOOK, activation
from kinds.recurrent import RecurrentKind
from rnncli.layers import SimpleRNN


class SimpleRNNKind(RecurrentKind):
    layer = SimpleRNN
    names = ("rnn", "simplernn", "simple_rnn")
    small = "rnn:3"
    options = {**RecurrentKind.options, "activation": activation("tanh", usual=("tanh", "relu"))}
    keras_name = "SimpleRNN"
    torch_name = "RNN"
    onnx_names = ("RNN",)
    rounds = 6

    def torch_arguments(self, layer):
        return {"nonlinearity": layer.activation}

    def step(self, layer, weights, x, h, c):
        act = TEXTBOOK[layer.activation]
        return act(x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights.get("bias", 0)), c

    def golden_networks(self):
        yield from super().golden_networks()
        yield "input:1,rnn:1"

    def golden_values(self):
        yield from super().golden_values()
        yield "embed:1x2:mask,rnn:2:seq"

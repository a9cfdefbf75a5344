"""`act:ACT`: an activation as a layer."""

from kinds.activations import ACTIVATIONS, TEXTBOOK, torch_activation
from kinds.base import Kind, per_step
from rnncli.layers import Activation


class ActivationKind(Kind):
    layer = Activation
    names = ("act", "activation")
    small = "act:relu"
    keras_name = "Activation"
    torch_name = "ReLU, Tanh, Sigmoid, Hardsigmoid, Softsign, Softplus, ELU, SELU, GELU, SiLU or Softmax"
    onnx_names = ("Relu", "Tanh", "Sigmoid", "Softmax")

    def draw_sizes(self, dice):
        return {"activation": dice.choice([name for name in ACTIVATIONS if name != "linear"])}

    def typed_sizes(self, layer, dice):
        return self.cased(layer.activation, dice)

    def arguments(self, layer):
        return {"activation": layer.activation}

    def torch_module(self, layer, shape):
        return torch_activation(layer.activation)

    def textbook(self, layer, weights, sample):
        return per_step(TEXTBOOK[layer.activation], sample)

    def golden_networks(self):
        yield from ("input:8,lstm:5,act:relu,dense:2", "input:7x8,act:softmax")
        yield "input:8,dense:5,bnorm,act:relu,act:tanh"

    def golden_values(self):
        for name in ACTIVATIONS:
            if name != "linear":
                yield f"input:3,rnn:2:seq,act:{name},gru:2"
        yield "embed:6x3:mask,act:tanh,lstm:2,act:softmax"

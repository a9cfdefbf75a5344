"""`dense:U`: a matrix product."""

from kinds.activations import ACTIVATIONS, TEXTBOOK, activation, torch_activation
from kinds.base import Kind, flag, per_step, torch
from rnncli.layers import Dense


class DenseKind(Kind):
    layer = Dense
    names = ("dense", "linear", "fc")
    small = "dense:2"
    numbers = ("units",)
    options = {"use_bias": flag("nobias", value=False), "activation": activation("linear")}
    keras_name = "Dense"
    torch_name = "Linear"
    onnx_names = ("MatMul", "Gemm", "Add")

    def torch_module(self, layer, shape):
        return torch.nn.Linear(shape[-1], layer.units, bias=layer.use_bias, device="meta")

    def torch_run(self, layer, module, x):
        return torch_activation(layer.activation)(module(x))

    def textbook(self, layer, weights, sample):
        act = TEXTBOOK[layer.activation]
        return per_step(lambda x: act(x @ weights["kernel"] + weights.get("bias", 0)), sample)

    def golden_networks(self):
        for name in ACTIVATIONS:
            yield f"input:8,dense:5:{name}"
        yield from ("in:8,fc:2", "embedding:10x4,linear:2", "input:8,dense:5:nobias")
        yield from ("input:8,lstm:5,dense:3:nobias:relu", "input:8,lstm:5:seq,dense:3:act=relu")

    def golden_values(self):
        for name in ACTIVATIONS:
            yield f"input:3,dense:2:{name}"
            yield f"embed:5x3,rnn:2,dense:3:nobias:{name}"

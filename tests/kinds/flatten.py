"""`flatten`: flatten a sequence of known length into a vector."""

from kinds.base import Kind, Sample
from rnncli.layers import Flatten


class FlattenKind(Kind):
    layer = Flatten
    names = ("flatten",)
    small = "flatten"
    keras_name = "Flatten"
    torch_name = "Tensor.flatten"
    onnx_names = ("Reshape",)

    def torch_module(self, layer, shape):
        return None

    def torch_run(self, layer, module, x):
        return x.flatten(1)

    def textbook(self, layer, weights, sample):
        return Sample(sample.values.reshape(-1))

    def golden_networks(self):
        yield from ("input:7x8,flatten", "input:7x8,conv:4x3,flatten,dense:2", "input:8,lstm:3,repeat:4,flatten")
        yield from ("embed:9x4:mask,gru:2,repeat:3,gru:2:seq,flatten,dense:1", "input:8,lstm:3,flatten,flatten,dense:2")

    def golden_values(self):
        yield from ("input:4x3,flatten", "input:3,gru:2,flatten,dense:2")
        yield "input:5x3,conv:4x2,rnn:2:seq:back,flatten,dense:2"
        yield "embed:6x3:mask,lstm:2,repeat:3,rnn:2:seq,flatten,dense:1"

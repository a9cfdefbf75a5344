"""`input:F`, `input:TxF`: vectors at every timestep."""

from kinds.base import Head, Sample, flag, keras, padding, torch
from rnncli.layers import Input


class InputKind(Head):
    layer = Input
    names = ("input", "in")
    small = "input:3"
    numbers = ("timesteps", "features")
    options = {"mask_zero": flag("mask")}
    keras_name = "InputLayer"
    torch_name = "Input"

    def draw_sizes(self, dice):
        return {"features": dice.size(), "timesteps": dice.choice((None, None, dice.steps()))}

    def keras_input(self, layer, batch, timesteps):
        return keras.Input(batch_shape=(batch, layer.timesteps or timesteps, layer.features))

    def keras_layers_after_input(self, layer):
        return [keras.layers.Masking()] if layer.mask_zero else []

    def torch_input(self, layer, batch, timesteps):
        return torch.empty(batch, layer.timesteps or timesteps, layer.features, device="meta")

    def random_input(self, layer, numbers, batch, timesteps):
        """Multiples of 1/64; with a mask, some steps are all zeros and others have zeros among their features."""
        timesteps = layer.timesteps or timesteps
        x = numbers.integers(-128, 129, (batch, timesteps, layer.features)) / 64
        if layer.mask_zero:
            x[..., 1:] *= numbers.random((batch, timesteps, layer.features - 1)) < 0.7
            x[padding(numbers, batch, timesteps)] = 0
        return x

    def textbook(self, layer, weights, sample):
        return Sample(sample.values, [row.any() for row in sample.values] if layer.mask_zero else None)

    def golden_networks(self):
        yield from ("input:8", "input:7x8", "input:1x1,dense:1", "input:8:mask", "input:7x8:mask,lstm:5:seq:bi,dense:3")

    def golden_values(self):
        yield from ("input:4x2", "input:2:mask", "input:2:mask,pool:avg", "input:2:mask,pool:max")
        yield "input:3:mask,dense:2:tanh,lstm:3:seq:bi,dropout:0.5,gru:2:back:seq,norm,rnn:3"
        yield "input:3:mask,gru:2:bi=sum"
        yield "input:2:mask,lstm:3:back"

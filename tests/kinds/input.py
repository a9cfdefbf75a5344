"""`input:F`, `input:TxF`: vectors at every timestep."""

from kinds.base import Head, keras, torch
from rnncli.layers import Input


class InputKind(Head):
    layer = Input
    names = ("input", "in")
    small = "input:3"
    numbers = ("timesteps", "features")
    keras_name = "InputLayer"
    torch_name = "Input"

    def draw_sizes(self, dice):
        return {"features": dice.size(), "timesteps": dice.choice((None, None, dice.steps()))}

    def keras_input(self, layer, batch, timesteps):
        return keras.Input(batch_shape=(batch, layer.timesteps or timesteps, layer.features))

    def torch_input(self, layer, batch, timesteps):
        return torch.empty(batch, layer.timesteps or timesteps, layer.features, device="meta")

    def random_input(self, layer, numbers, batch, timesteps):
        """Multiples of 1/64."""
        return numbers.integers(-128, 129, (batch, layer.timesteps or timesteps, layer.features)) / 64

    def golden_networks(self):
        yield from ("input:8", "input:7x8", "input:1x1,dense:1")

    def golden_values(self):
        yield "input:4x2"

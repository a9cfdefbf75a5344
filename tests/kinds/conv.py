"""`conv:FxK`: a window of K timesteps that slides over the sequence."""

import numpy as np

from kinds.activations import ACTIVATIONS, TEXTBOOK, activation, torch_activation
from kinds.base import Kind, Option, Sample, flag, torch
from rnncli.layers import Conv


class ConvKind(Kind):
    layer = Conv
    names = ("conv", "conv1d")
    small = "conv:2x2"
    numbers = ("filters", "kernel_size")
    options = {
        "strides": Option({1: ("stride=1",), 2: ("stride=2", "strides=2")}, usual=(1,)),
        "dilation_rate": Option({1: ("dilation=1",), 2: ("dilation=2", "dilation_rate=2")}, usual=(1,)),
        "padding": Option(
            {
                "valid": ("valid", "pad=valid"),
                "same": ("same", "pad=same", "padding=same"),
                "causal": ("causal", "pad=causal", "padding=causal"),
            }
        ),
        "use_bias": flag("nobias", value=False),
        "activation": activation("linear"),
    }
    keras_name = torch_name = "Conv1D"
    torch_name = "Conv1d"
    onnx_names = ("Conv",)

    def draw(self, dice, plausible=True):
        """Return a random layer, never with both a stride and a dilation, which Keras does not allow."""
        layer = super().draw(dice)
        apart = layer.strides == 1 or layer.dilation_rate == 1
        return layer if apart or not plausible else Conv(**{**vars(layer), "dilation_rate": 1})

    def draw_sizes(self, dice):
        return {"filters": dice.size(), "kernel_size": dice.window()}

    def torch_module(self, layer, shape):
        """PyTorch has no causal convolution, so zeros are prepended to the input."""
        return torch.nn.Conv1d(
            shape[-1],
            layer.filters,
            layer.kernel_size,
            stride=layer.strides,
            dilation=layer.dilation_rate,
            padding="same" if layer.padding == "same" else 0,
            bias=layer.use_bias,
            device="meta",
        )

    def torch_run(self, layer, module, x):
        before = (layer.kernel_size - 1) * layer.dilation_rate if layer.padding == "causal" else 0
        y = module(torch.nn.functional.pad(x.transpose(1, 2), (before, 0)))
        return torch_activation(layer.activation)(y.transpose(1, 2))

    def textbook(self, layer, weights, sample):
        """Keras's windows; `same` pads both sides with zeros until there is a window every `stride` steps."""
        x, kernel = sample.values, weights["kernel"]
        reach = (layer.kernel_size - 1) * layer.dilation_rate
        windows = {"valid": -(-(len(x) - reach) // layer.strides)}.get(layer.padding, -(-len(x) // layer.strides))
        before = {"valid": 0, "causal": reach}.get(layer.padding)
        if before is None:
            before = max(0, (windows - 1) * layer.strides + reach + 1 - len(x)) // 2
        rows = []
        for window in range(windows):
            y = np.array(weights.get("bias", np.zeros(layer.filters)), float)
            for place in range(layer.kernel_size):
                time = window * layer.strides + place * layer.dilation_rate - before
                if 0 <= time < len(x):
                    y = y + x[time] @ kernel[place]
            rows.append(TEXTBOOK[layer.activation](y))
        return Sample(np.array(rows))

    def golden_networks(self):
        for name in ACTIVATIONS:
            yield f"input:8,conv:5x3:{name}"
        yield from ("in:8,conv1d:2x1", "input:10x8,conv:5x3:nobias,lstm:4", "embed:10x4:mask,conv:5x2,gru:3")
        for pad in ("valid", "same", "causal"):
            yield f"input:9x8,conv:5x3:pad={pad}:stride=2,lstm:4"
            yield f"input:9x8,conv:5x3:pad={pad}:dilation=2,conv:4x2:{pad},lstm:4"
            yield f"input:8,conv:5x4:{pad},conv:5x4:{pad}:x2,rnn:3"

    def golden_values(self):
        for name in ACTIVATIONS:
            yield f"input:3,conv:2x2:{name}"
        for pad in ("valid", "same", "causal"):
            for field in ("stride=2", "dilation=2", "stride=3", "nobias"):
                yield f"input:3,conv:2x2:{pad}:{field},rnn:2:seq"
            yield f"embed:6x3:mask,rnn:2:seq,conv:3x3:{pad},lstm:2"
            yield f"input:2,conv:3x2:{pad},conv:3x2:{pad}:stride=2,lstm:3:seq:back,pool:max"

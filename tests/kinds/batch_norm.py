"""`bnorm`: normalise every feature by its mean and variance from training."""

import numpy as np

from kinds.base import Kind, Option, flag, per_step, torch
from rnncli.layers import BatchNorm


class BatchNormKind(Kind):
    layer = BatchNorm
    names = ("bnorm", "batchnorm")
    small = "bnorm"
    options = {
        "center": flag("nobias", value=False),
        "scale": flag("noscale", value=False),
        "epsilon": Option({1e-3: ("eps=1e-3",), 1e-5: ("eps=1e-5",), 1e-6: ("eps=1e-6",)}),
    }
    keras_name = "BatchNormalization"
    torch_name = "BatchNorm1d"
    onnx_names = ("BatchNormalization",)

    def torch_module(self, layer, shape):
        """PyTorch has no bias without a scale."""
        if layer.center and not layer.scale:
            raise ValueError("affine applies to both")
        module = torch.nn.BatchNorm1d(shape[-1], layer.epsilon, affine=layer.scale, bias=layer.center, device="meta")
        return module.eval()

    def torch_run(self, layer, module, x):
        return module(x.transpose(1, 2)).transpose(1, 2) if x.ndim == 3 else module(x)

    def textbook(self, layer, weights, sample):
        def scaled(x):
            y = (x - weights["moving_mean"]) / np.sqrt(weights["moving_variance"] + layer.epsilon)
            return y * weights.get("gamma", 1) + weights.get("beta", 0)

        return per_step(scaled, sample)

    def golden_networks(self):
        yield from ("input:8,bnorm", "input:8,conv:5x3:nobias,bnorm,lstm:4", "input:8,lstm:4,bnorm:eps=1e-5,dense:2")
        yield from ("input:8,bnorm:nobias", "input:8,bnorm:noscale:eps=1e-6", "input:8,rnn:3:seq,bnorm:nobias:noscale")
        yield "embed:9x4:mask,bnorm,gru:3"

    def golden_values(self):
        for fields in ("", ":nobias", ":noscale", ":nobias:noscale", ":eps=1e-5", ":eps=1e-6"):
            yield f"input:3,bnorm{fields}"
            yield f"embed:6x3:mask,rnn:2:seq,bnorm{fields},lstm:2"
            yield f"input:3,rnn:4,bnorm{fields},dense:2"

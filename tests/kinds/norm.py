"""`norm`: layer normalisation."""

import numpy as np

from kinds.base import Kind, Option, flag, per_step, torch
from rnncli.layers import Norm


class NormKind(Kind):
    layer = Norm
    names = ("norm",)
    small = "norm"
    options = {
        "center": flag("nobias", value=False),
        "scale": flag("noscale", value=False),
        "epsilon": Option({0.001: ("eps=1e-3",), **{float(e): (f"eps={e}",) for e in ("1e-5", "1e-6")}}),
    }
    keras_name = "LayerNormalization"
    torch_name = "LayerNorm"
    onnx_names = ("LayerNormalization",)

    def torch_module(self, layer, shape):
        """PyTorch has no bias without a scale."""
        if layer.center and not layer.scale:
            raise ValueError("LayerNorm(elementwise_affine=False) has no bias")
        return torch.nn.LayerNorm(
            shape[-1], layer.epsilon, elementwise_affine=layer.scale, bias=layer.center, device="meta"
        )

    def textbook(self, layer, weights, sample):
        def formula(x):
            mean = sum(x) / len(x)
            variance = sum((x - mean) ** 2) / len(x)
            return weights.get("gamma", 1) * (x - mean) / np.sqrt(variance + layer.epsilon) + weights.get("beta", 0)

        return per_step(formula, sample)

    def golden_networks(self):
        yield from ("input:8,norm", "input:8,norm:nobias", "input:8,norm:noscale", "input:8,norm:nobias:noscale")
        yield from ("input:8,norm:eps=1e-5", "input:8,norm:eps=1e-6:nobias")
        yield from ("embed:10x4:mask,norm,lstm:5", "input:8,lstm:5,norm,dense:2,norm:x2", "input:1,norm")

    def golden_values(self):
        for options in ("", ":nobias", ":noscale", ":nobias:noscale"):
            yield f"input:5,norm{options}"
            yield f"embed:6x3:mask,rnn:4:seq,norm{options},lstm:2,norm{options}"
        for epsilon in ("1e-5", "1e-6"):
            yield f"input:5,norm:eps={epsilon}"

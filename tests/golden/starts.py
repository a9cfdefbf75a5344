"""Record how real Keras and PyTorch initialise fresh layers, and what a cell returns in addition to its output.

    KERAS_BACKEND=torch python tests/golden/starts.py

For each network and framework, `starts.json` has of each weight its lowest and highest number and its standard
deviation; of a bias the mean of each block of `units` numbers; of a matrix the rows that are zeros, and how far its
rows (or its columns, if they are fewer) are from being orthonormal. For each cell it has the number of states that
Keras returns with `return_state=True`, and the structure and shapes that PyTorch returns.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np
import torch
from golden.data import STARTS, write_lines
from golden.frameworks import VERSIONS, keras_model, keras_variables
from kinds import kind_of

from rnncli import Network
from rnncli.layers import Layer

SPECS = (
    "embed:1000x32",
    "embed:1000x32:mask",
    "input:32,rnn:64",
    "input:32,lstm:64",
    "input:32,lstm:64:forgetbias=0",
    "input:32,lstm:64:bi",
    "input:32,gru:64",
    "input:32,gru:64:reset=before",
    "input:32,gru:64:seq:bi",
    "input:32,dense:64",
    "input:32,norm",
    "input:32,conv:256x5",
    "input:32,bnorm",
)
"""Networks of one layer, large enough for random numbers to come near their bounds."""


def found(name: str, weight: np.ndarray, units: int) -> dict[str, Any]:
    """Return the recorded figures for a weight."""
    said: dict[str, Any] = {
        "name": name,
        "lowest": round(float(weight.min()), 5),
        "highest": round(float(weight.max()), 5),
        "deviation": round(float(weight.std()), 5),
    }
    if "bias" in name:
        said["blocks"] = [round(float(block.mean()), 3) for block in weight.reshape(-1, units)]
    elif weight.ndim == 2:
        square = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
        said["from_orthonormal"] = round(float(np.abs(square - np.eye(len(square))).max()), 5)
        said["zero_rows"] = np.flatnonzero((weight == 0).all(axis=1)).tolist()
    return said


def keras_starts(network: Network, units: int) -> list[dict[str, Any]]:
    """Return the figures for Keras."""
    keras.utils.set_random_seed(0)
    variables = keras_variables(keras_model(network.layers))
    return [
        found(name.partition("/")[2], keras.ops.convert_to_numpy(each.value), units) for name, each in variables.items()
    ]


def torch_module(layer: Layer) -> torch.nn.Module:
    """Return PyTorch's module for a layer, with weights from its own `reset_parameters`."""
    module = kind_of(layer).torch_module(layer, (2, 3, 32))
    assert module is not None
    torch.manual_seed(0)
    module = module.to_empty(device="cpu")
    module.reset_parameters()
    return module


def torch_starts(network: Network, units: int) -> list[dict[str, Any]] | None:
    """Return the figures for PyTorch; None if it has no such layer."""
    layer = network.layers[-1]
    if layer.conflict("torch"):
        return None
    parameters = torch_module(layer).named_parameters()
    return [found(name, each.detach().numpy(), units) for name, each in parameters]


def returned(layer: Layer) -> dict[str, Any]:
    """Return what a cell returns in addition to its output, in both frameworks."""
    made = kind_of(layer).keras_layer(layer)
    inner = [made.forward_layer, made.backward_layer] if isinstance(made, keras.layers.Bidirectional) else []
    for each in (made, *inner):
        each.return_state = True
    _, *states = made(np.zeros((2, 3, 32), "float32"))
    said: dict[str, Any] = {"keras": len(states)}
    if not layer.conflict("torch"):
        y, state = torch_module(layer)(torch.zeros(2, 3, 32))
        several = isinstance(state, tuple)
        said["torch"] = [list(y.shape), [list(each.shape) for each in state] if several else list(state.shape)]
    return said


def entry(spec: str) -> dict[str, Any]:
    """Return the entry for a network."""
    network = Network.parse(spec)
    layer = network.layers[-1]
    units = getattr(layer, "units", 32)
    said = {"spec": spec, "keras": keras_starts(network, units), "torch": torch_starts(network, units)}
    return said | ({"returned": returned(layer)} if layer.states else {})


if __name__ == "__main__":
    write_lines(STARTS, VERSIONS, map(entry, SPECS))

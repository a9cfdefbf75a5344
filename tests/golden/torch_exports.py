"""Make the golden values of the exports to PyTorch, with real frameworks: `make golden` runs it.

    python tests/golden/torch_exports.py

`torch_exports.json` lists networks. For the first, `torch_exports.npz` holds Keras's weights (`0/keras/lstm/kernel`),
the exported module's state dict (`0/torch/lstm.weight_ih_l0`), an input and the output (`0/x`, `0/y`), as computed by
PyTorch with the state dict and, if Keras has such layers, by Keras with its weights; and so on. Networks with sequences
of different lengths (`9/lengths`) were run on packed sequences.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from golden.data import difference
from golden.frameworks import run_keras
from golden.generate import random_input, random_weights

from rnncli import Network
from rnncli.engine.checks import weight_shapes
from rnncli.export import Job, arrays, export
from rnncli.language.rules import frameworks_of

HERE = Path(__file__).parent
TOLERANCE = 1e-6

NETWORKS = (
    "embed:7x3,rnn:2:seq:x2,rnn:2",
    "input:3,lstm:2:seq:bi:x2,lstm:2:bi,dense:2:gelu",
    "input:3,gru:2:seq:back,norm,dense:2:softmax",
    "embed:7x3:mask,gru:2:seq,dense:3:nobias,gru:2:bi:nobias",
    "input:4x3,rnn:2:relu:back,repeat:3,lstm:2:seq,pool:max",
    "input:3,gru:2:seq:back,dropout:0.5,gru:2:seq,dropout:0.5,gru:2,dense:2",
    "input:3:mask,dense:2:tanh,lstm:2:seq,gru:2:bi",
    "input:3,lstm:5:seq:proj=2:x2,lstm:4:seq:bi:proj=3:nobias,lstm:4:proj=1:back,dense:2",
    "embed:7x3:mask,lstm:4:seq:proj=2:bi,lstm:4:proj=2:bi",
)

PACKED = {
    "input:3,lstm:4,dense:2": (4, 1, 3),
    "embed:7x3,gru:3:seq:bi:x2,dense:4:tanh,lstm:3:seq:proj=2,norm,rnn:2:bi": (2, 4, 1),
    "input:3,dense:3:relu,lstm:3:nobias,repeat:2,gru:2:seq": (1, 4, 4),
    "embed:7x3,rnn:4:relu:seq:x2": (3, 3, 4),
}
"""Networks for sequences of different lengths, with those lengths."""


def main() -> None:
    """Write the values."""
    index = []
    numbers: dict[str, np.ndarray] = {}
    for number, spec in enumerate((*NETWORKS, *PACKED)):
        network = Network.parse(spec)
        generator = np.random.default_rng(number)
        weights = random_weights(generator, weight_shapes(network))
        single = {key: array.astype("float32") for key, array in weights.items()}
        x = random_input(generator, network.layers, 3, 4)
        x = x[x.reshape(len(x), -1).any(axis=1)] if network.head.mask_zero else x
        lengths = PACKED.get(spec)
        job = Job(network, lambda single=single: single, packed=lengths is not None)
        scope: dict[str, torch.nn.Module] = {}
        exec(str(export(job, "torch")), scope)
        state = {name: torch.tensor(array) for name, array in arrays(job, "torch").items()}
        scope["model"].load_state_dict(state)
        given = [torch.tensor(x if x.dtype == "int32" else x.astype("float32"))]
        if lengths is not None:
            given.append(torch.tensor(lengths))
            numbers[f"{number}/lengths"] = np.array(lengths)
        with torch.no_grad():
            y = scope["model"].eval()(*given).numpy()
        if lengths is None and "keras" in frameworks_of(network.layers):
            assert difference(y, run_keras(network.layers, weights, x, "float32")) <= TOLERANCE, spec
        numbers |= {f"{number}/keras/{key}": array for key, array in single.items()}
        numbers |= {f"{number}/torch/{name}": tensor.numpy() for name, tensor in state.items()}
        numbers |= {f"{number}/x": x, f"{number}/y": y}
        index.append(str(network))
    np.savez_compressed(HERE / "torch_exports.npz", **numbers)
    (HERE / "torch_exports.json").write_text(json.dumps(index, indent=0) + "\n")
    print(f"{len(index)} networks with equal outputs in PyTorch and, if it has such layers, Keras")


if __name__ == "__main__":
    main()

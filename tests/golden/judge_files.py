"""Save random networks with real Keras, PyTorch and its ONNX exporter, and read the files: `make judge` runs it too.

    python tests/golden/judge_files.py --networks 100 --seed 0

Each network is saved in every format that its framework writes. rnncli must read back the same spec with the same
number of parameters, and compute the framework's output. Each difference is printed with its file's format, and a
closing line summarises the checks. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from golden.data import difference
from golden.frameworks import keras_model, keras_variables, keras_weight_shapes, run_keras
from golden.generate import random_input, random_layers, random_weights, small_size
from part_weights import keras_weights
from safetensors.torch import save_file

from rnncli import Network, RnncliError
from rnncli.engine.array_files import given_weights
from rnncli.engine.model import Model
from rnncli.formats import open_model, part_of

TOLERANCE = 1e-5
SENSITIVE = 1e-6
"""Values are not judged if Keras's float32 and float64 outputs differ by more than this."""


class Saved(NamedTuple):
    """A file that a framework wrote.

    Attributes:
        path: the file.
        spec: the network in it.
        params: the number of parameters that the framework counts.
        x: an input.
        y: the framework's output for it; None if that is too sensitive to judge.
        structure: whether the file describes the layers; otherwise its weights are read into the spec.
    """

    path: Path
    spec: str
    params: int
    x: np.ndarray
    y: np.ndarray | None
    structure: bool = True


def saved_by_keras(random: Random, folder: Path) -> Iterator[Saved]:
    """Save a random network in each of Keras's formats."""
    layers = random_layers(random, small_size, most=4)
    while not any(layer.states for layer in layers):
        layers = random_layers(random, small_size, most=4)
    numbers = np.random.default_rng(random.getrandbits(32))
    x = random_input(numbers, layers, 2, random.randint(1, 8))
    weights = random_weights(numbers, keras_weight_shapes(layers))
    theirs = {dtype: run_keras(layers, weights, x, dtype) for dtype in ("float32", "float64")}
    y = theirs["float32"] if difference(theirs["float32"], theirs["float64"]) < SENSITIVE else None
    model = keras_model(layers)
    names = {id(variable): key for key, variable in keras_variables(model).items()}
    for variable in model.weights:
        variable.assign(weights[names[id(variable)]].astype("float32"))
    spec, params = str(Network(layers)), model.count_params()
    for name in ("model.keras", "model.h5", "model.hdf5"):
        model.save(folder / name)
        yield Saved(folder / name, spec, params, x, y)
    model.save_weights(folder / "model.weights.h5")
    yield Saved(folder / "model.weights.h5", spec, params, x, y, structure=False)
    (folder / "model.json").write_text(model.to_json())
    yield Saved(folder / "model.json", spec, params, x, None)


class Stack(torch.nn.Module):
    """An optional embedding and convolution, a stack of cells, and up to two dense layers on its last output.

    Attributes:
        causal: whether the convolution's input is padded with zeros in front, which a state dict does not show.
        cut: whether it is padded on both sides instead, and the excess output at the end is cut off.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.features = random.randint(1, 6)
        self.ids = random.randint(2, 9) if random.random() < 0.5 else None
        if self.ids:
            self.embedding = torch.nn.Embedding(self.ids, self.features)
        self.filters, self.causal, self.cut, reads = random.choice((0, 21, 22)), False, False, self.features
        if self.filters:
            biased, options = random.random() < 0.7, {"kernel_size": random.randint(1, 3)}
            self.conv = torch.nn.Conv1d(self.features, self.filters, bias=biased, **options)
            self.norm = torch.nn.BatchNorm1d(self.filters, affine=random.random() < 0.7)
            self.norm.running_mean.uniform_(-1, 1)
            self.norm.running_var.uniform_(0.5, 2)
            reads = self.filters
        self.both, self.count = random.random() < 0.4, random.randint(1, 3)
        self.cell = random.choice(("RNN", "LSTM", "GRU"))
        # If the stack returns as many features as the model reads, a sorted file does not show which layer is first.
        sizes = [size for size in range(1, 8) if self.features not in (size, 2 * size)]
        self.units = random.choice(sizes[1:])
        options: dict[str, Any] = {"bidirectional": self.both, "bias": random.random() < 0.8, "batch_first": True}
        projects = self.cell == "LSTM" and random.random() < 0.5
        self.projected = random.choice([size for size in sizes if size < self.units]) if projects else None
        options |= {} if self.projected is None else {"proj_size": self.projected}
        self.rnn = getattr(torch.nn, self.cell)(reads, self.units, self.count, **options)
        width = (self.projected or self.units) * (1 + self.both)
        self.bias = random.random() < 0.8
        self.dense = torch.nn.ModuleList()
        self.sizes = [random.randint(8, 12) + 8 * number for number in range(random.randint(0, 2))]
        for size in self.sizes:
            self.dense.append(torch.nn.Linear(width, size, bias=self.bias))
            width = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (batch, features)."""
        x = self.embedding(x) if self.ids else x
        if self.filters:
            front = self.conv.kernel_size[0] - 1 if self.causal else 0
            zeros = (front, front if self.cut else 0)
            turned = torch.nn.functional.pad(x.transpose(1, 2), zeros) if front else x.transpose(1, 2)
            y = self.conv(turned)
            x = self.norm(y[..., :-front] if front and self.cut else y).transpose(1, 2)
        _, state = self.rnn(x)
        h = state[0] if self.cell == "LSTM" else state
        y = torch.cat((h[-2], h[-1]), dim=-1) if self.both else h[-1]
        for layer in self.dense:
            y = layer(y)
        return y

    def spec(self, exported: bool = False) -> str:
        """Return the network's spec.

        PyTorch's ONNX exporter fuses the convolution and its norm, unless its output is cut before the norm. Then it
        gives a norm without a scale or shift a scale of ones and a shift of zeros.
        """
        head = f"embed:{self.ids}x{self.features}" if self.ids else f"input:{self.features}"
        windows = []
        if self.filters:
            width = self.conv.kernel_size[0]
            causal = ":causal" if self.causal and width > 1 else ""
            joined = exported and not (causal and self.cut)
            bias = "" if joined or self.conv.bias is not None else ":nobias"
            windows.append(f"conv:{self.filters}x{width}{causal}{bias}")
            if not joined:
                windows.append(f"bnorm:eps=1e-5{'' if self.norm.affine or exported else ':nobias:noscale'}")
        options = (":bi" if self.both else "") + ("" if self.rnn.bias else ":nobias")
        options += f":proj={self.projected}" if self.projected else ""
        cell = f"{self.cell.lower()}:{self.units}"
        stack = [f"{cell}:seq{options}"] * (self.count - 1) + [f"{cell}{options}"]
        dense = [f"dense:{size}{'' if self.bias else ':nobias'}" for size in self.sizes]
        return str(Network.parse(",".join([head, *windows, *stack, *dense])))


def saved_by_torch(random: Random, folder: Path) -> Iterator[Saved]:
    """Save a random module in each way that people use, and export it to ONNX."""
    torch.manual_seed(random.getrandbits(32))
    module = Stack(random).eval()
    timesteps = random.randint(3, 8)
    x = torch.randint(module.ids, (2, timesteps)) if module.ids else torch.randn(2, timesteps, module.features)
    with torch.no_grad():
        y = module(x).numpy()
    state = module.state_dict()
    params = sum(parameter.numel() for parameter in module.parameters())
    save_file(state, folder / "model.safetensors")
    np.savez(folder / "model.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    torch.save(state, folder / "model.pt")
    torch.save(state, folder / "model.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 1, "state_dict": {f"module.{name}": each for name, each in state.items()}}, folder / "m.ckpt")
    for name in ("model.safetensors", "model.npz", "model.pt", "model.pth", "m.ckpt"):
        yield Saved(folder / name, module.spec(), params, x.numpy(), y)
    if module.projected:  # ONNX's LSTM has no projection
        return
    module.causal, module.cut = random.random() < 0.6, random.random() < 0.5
    with torch.no_grad():
        y = module(x).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (x,), folder / "model.onnx", dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n", 1: "t"}}
        )
    yield Saved(folder / "model.onnx", module.spec(exported=True), 0, x.numpy(), y)


def faults(saved: Saved) -> Iterator[str]:
    """Yield the differences of a file."""
    network = Network.parse(saved.spec)
    try:
        if saved.structure:
            part = part_of(open_model(str(saved.path)), "")
            if str(part.network) != saved.spec:
                yield f"read as {part.network}"
                return
            if saved.params and part.params and sum(part.layer_params) != saved.params:
                yield f"{sum(part.layer_params)} parameters, actually {saved.params}"
            weights = keras_weights(part) if part.has_weights else None
        else:
            weights = given_weights(network, str(saved.path), np.dtype("float32"))
    except RnncliError as error:
        yield f"refused: {error}"
        return
    if saved.y is None:
        return
    if weights is None:
        yield "no weights were found"
        return
    apart = difference(Model(network, weights=weights)(saved.x), saved.y)
    if not apart <= TOLERANCE:
        yield f"values differ by {apart:.1e}"


def main() -> int:
    """Run the judge and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = Random(f"files {options.seed}")
    counts: Counter[str] = Counter()
    differences = 0
    for _ in range(options.networks):
        for save in (saved_by_keras, saved_by_torch):
            with TemporaryDirectory() as folder:
                for saved in save(random, Path(folder)):
                    counts["".join(saved.path.suffixes)] += 1
                    for fault in faults(saved):
                        differences += 1
                        print(f"{saved.path.name} of {saved.spec!r}: {fault}", file=sys.stderr)
    told = ", ".join(f"{count} {suffix}" for suffix, count in counts.items())
    print(f"{sum(counts.values()):,} files read: {told}; {differences:,} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

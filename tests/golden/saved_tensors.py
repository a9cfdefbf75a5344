"""Measure what backpropagation through time really saves, and compare it with a summary's lower bound.

    python tests/golden/saved_tensors.py [--judge NETWORKS] [--seed 0]

PyTorch and Keras run the network forwards with a loss at the end, and PyTorch reports every tensor that it saves for
the backward pass. Each storage counts once. Parameters, ids and the loss's target do not count. The bytes per parameter
are measured after a step of Adam. `make golden` records the numbers in `saved_tensors.json`; with `--judge`, random
networks are measured and nothing is recorded.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from golden import data, frameworks
from golden.frameworks import RefusedError
from golden.generate import random_layers, small_size
from kinds import kind_of

from rnncli import Network
from rnncli.errors import SpecError
from rnncli.layers import Layer

warnings.filterwarnings("ignore", "TF32 acceleration")  # it only concerns graphics cards

BATCH, TIMESTEPS = 3, 7

NETWORKS = (
    # Every cell, its directions, and whether it returns its sequence.
    *(
        f"input:5,{cell}:11{seq}{way}"
        for cell, seq, way in product(("rnn", "lstm", "gru"), ("", ":seq"), ("", ":bi", ":bi=sum", ":bi=mul", ":back"))
    ),
    *(f"input:5,{cell}:16:linear:nobias" for cell in ("rnn", "lstm", "gru")),
    *("input:5,gru:11:reset=before", "input:5,lstm:11:seq:recact=linear,dense:3", "input:5,rnn:11:relu,dense:3"),
    # Features that only PyTorch has.
    *("input:5,lstm:11:proj=4", "input:8,lstm:16:seq:proj=5:x2,lstm:16:bi:proj=5,dense:3"),
    # Stacks, where one layer's output is the next layer's input.
    *("input:8,lstm:16:seq:x3,lstm:16,dense:4", "input:8,gru:16:seq:bi:x2,gru:16:bi,dense:4:softmax"),
    *("embed:50x12,rnn:16:seq:x2,rnn:16", "embed:50x12:mask,lstm:16:seq,gru:9,dense:1:sigmoid"),
    *("input:8,dense:6:x3,dense:2", "input:8,dense:6:tanh:x3", "input:8,dense:6:gelu,dense:5:relu,dense:4:silu"),
    # Layers that slide windows over the sequence, and layers that scale by untrained numbers.
    *("input:20x5,conv:9x3,lstm:8", "input:20x5,conv:9x3:relu:same,conv:9x3:relu:stride=2,gru:8,dense:2"),
    *("input:20x5,conv:9x3,bnorm,lstm:8", "input:20x5,bnorm:nobias:noscale,rnn:8", "input:5,lstm:8,bnorm,dense:2"),
    *("input:20x5,conv:9x3:relu,pool:max:2,lstm:8", "input:20x5,rnn:9:seq,pool:avg:3:stride=1,dense:3"),
    *("input:20x5,rnn:9:seq,flatten,dense:3", "input:20x5,conv:9x3,flatten,dense:3:relu"),
    # Separate activation layers.
    *("input:8,lstm:9,act:relu,dense:4", "input:20x5,conv:9x3,bnorm,act:relu,lstm:8", "input:5,lstm:8:seq,act:gelu"),
    # Layers that do not need their input.
    *("embed:50x12,pool:avg,dense:3", "embed:50x12,pool:max,dense:3", "input:8,dense:12,pool:avg", "input:8,pool:avg"),
    *("input:8,rnn:12:seq,pool:avg", "input:8,lstm:12:seq,pool:max,dense:3", "input:8,norm,pool:avg,dense:4"),
    *("input:8,dropout:0.5", "input:8,dense:9,dropout:0.5,dense:4", "input:8,lstm:9:seq,dropout:0.5,lstm:9,dense:2"),
    *("embed:50x12,dropout:0.3,gru:9:seq,dropout:0.3,dense:2", "input:8,dropout:0,rnn:9:seq,dropout:0,rnn:4"),
    *("input:8,norm,lstm:9:seq,norm,dense:2", "input:8,gru:9:seq,norm:nobias:noscale,norm,gru:9"),
    # An encoder and a decoder.
    *("input:7x8,lstm:9,repeat:7,lstm:9:seq,dense:8", "input:8,dense:6,gru:9,dense:4,repeat:5,rnn:6:seq"),
    *("input:7x8,rnn:9,repeat:4,pool:avg", "input:8,gru:4,repeat:6,dropout:0.5,dense:3", "input:8,rnn:4,repeat:5,norm"),
)
"""The networks whose numbers are recorded."""


def saved_bytes(run: Callable[[], torch.Tensor], left_out: Iterable[torch.Tensor]) -> int:
    """Return the bytes of all storages saved while a network runs and a loss is computed from its output."""
    skipped = {each.untyped_storage().data_ptr() for each in left_out}
    saved: dict[int, torch.Tensor] = {}  # keep the tensors too: the address of a freed storage would be reused

    def save(tensor: torch.Tensor) -> torch.Tensor:
        saved.setdefault(tensor.untyped_storage().data_ptr(), tensor.detach())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        y = run()
        target = torch.zeros_like(y)
        skipped.add(target.untyped_storage().data_ptr())
        torch.nn.functional.mse_loss(y, target)
    return sum(each.untyped_storage().nbytes() for place, each in saved.items() if place not in skipped)


class Modules:
    """A network's PyTorch modules, and an input for them.

    Raises:
        RefusedError: PyTorch has no such module.
    """

    def __init__(self, layers: Sequence[Layer], batch: int, timesteps: int) -> None:
        self.x = _input(layers, kind_of(layers[0]).torch_input(layers[0], batch, timesteps).shape)
        self.modules = []
        for layer, (reads, _) in zip(*_body(layers, batch, timesteps), strict=True):
            try:
                module = kind_of(layer).torch_module(layer, reads)
            except (TypeError, ValueError) as error:
                raise RefusedError(str(error)) from error
            if module is not None:
                module = module.to_empty(device="cpu").train()
                for weight in module.parameters():
                    torch.nn.init.uniform_(weight, -0.1, 0.1)
            self.modules.append((layer, module))
        self.weights = [weight for _, module in self.modules if module is not None for weight in module.parameters()]

    def run(self) -> torch.Tensor:
        """Return the last module's output."""
        y = self.x
        for layer, module in self.modules:
            y = kind_of(layer).torch_run(layer, module, y)
        return y

    def saved_bytes(self, onednn: bool) -> int:
        """Return the bytes saved for the backward pass."""
        with torch.backends.mkldnn.flags(enabled=onednn):
            return saved_bytes(self.run, [*self.weights, *([] if self.x.is_floating_point() else [self.x])])

    def adam_bytes(self) -> int:
        """Return the bytes of the weights, their gradients and Adam's state, after one step of Adam."""
        if not self.weights:
            return 0
        optimizer = torch.optim.Adam(self.weights)
        self.run().square().mean().backward()
        optimizer.step()
        moments = [each for state in optimizer.state.values() for each in state.values() if each.dim()]
        held = [*self.weights, *(weight.grad for weight in self.weights), *moments]
        return sum(each.untyped_storage().nbytes() for each in held)


def measured_in_keras(layers: Sequence[Layer], batch: int, timesteps: int) -> int:
    """Return the bytes that PyTorch saves when Keras runs on it."""
    shape = kind_of(layers[0]).torch_input(layers[0], batch, timesteps).shape
    x = _input(layers, shape)
    model = frameworks.keras_model(layers)
    weights = [variable.value for variable in model.variables]
    return saved_bytes(lambda: model(x, training=True), [*weights, *([] if x.is_floating_point() else [x])])


def _input(layers: Sequence[Layer], shape: Sequence[int]) -> torch.Tensor:
    """Return an input of a shape: numbers, or ids without padding."""
    ids = layers[0].vocabulary
    return torch.rand(*shape) if ids is None else torch.full(tuple(shape), ids - 1, dtype=torch.int64)


def _body(layers: Sequence[Layer], batch: int, timesteps: int):
    network = Network(layers)
    return network.body, list(network.shapes(batch, network.input_shape()[1] or timesteps))


def entry(spec: str) -> dict:
    """Return the bytes that each framework saves for a network; None if it has no such layer."""
    layers = Network.parse(spec).layers
    kept: dict = {"spec": spec, "batch": BATCH, "timesteps": Network(layers).input_shape()[1] or TIMESTEPS}
    try:
        modules = Modules(layers, kept["batch"], kept["timesteps"])
    except RefusedError:
        kept |= {"torch": None, "torch_onednn": None, "adam": None}
    else:
        kept |= {"torch": modules.saved_bytes(onednn=False), "torch_onednn": modules.saved_bytes(onednn=True)}
        kept["adam"] = modules.adam_bytes()
    try:
        kept["keras"] = measured_in_keras(layers, kept["batch"], kept["timesteps"])
    except RefusedError:
        kept["keras"] = None
    return kept


def random_specs(random: Random) -> Iterator[str]:
    """Yield random networks. After a dropout of 1 nothing is learned, and Keras saves nothing for it."""
    while True:
        layers = random_layers(random, small_size)
        try:
            spec = str(Network(layers))
        except SpecError:
            continue
        if "dropout:1" not in spec.replace(":x", ",").split(","):
            yield spec


def main() -> int:
    """Measure, and record the numbers or judge. The status is 1 if a framework saves less than a summary's bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judge", type=int, metavar="NETWORKS", help="measure random networks")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    specs = NETWORKS if asked.judge is None else random_specs(Random(asked.seed))
    entries, too_much, shares = [], 0, []
    for spec, _ in zip(specs, range(asked.judge or len(NETWORKS)), strict=False):
        each = entry(spec)
        entries.append(each)
        said = data.kept_bytes(each)
        measured = [kept for name in data.KEPT_BY if (kept := each[name]) is not None]
        shares += [said / kept for kept in measured if kept]
        if said > min(measured):
            too_much += 1
            print(f"{spec!r}\n    the summary says at least {said} bytes: {each}", file=sys.stderr)
    if asked.judge is None and not too_much:
        data.write_lines(data.SAVED, frameworks.VERSIONS, entries)
    versions = frameworks.VERSIONS
    modules = sum(each["torch"] is not None for each in entries)
    print(
        f"PyTorch {versions['torch']}, plain and with oneDNN, and Keras {versions['keras']} on it: of {len(entries):,} "
        f"networks, {modules:,} of them as PyTorch's modules, {too_much} save less than the summary says; the "
        f"summary says {min(shares):.0%} to {max(shares):.0%} of the saved bytes, half of the time over "
        f"{sorted(shares)[len(shares) // 2]:.0%}"
    )
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main())

"""Make the golden files that the ordinary tests read: `make golden`.

    python tests/golden/make.py [KIND]

With a kind (`make golden KIND=lstm`) it regenerates that kind's entries and keeps the rest. It needs Keras and PyTorch.
`tests/golden/data.py` describes the files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from golden.data import (
    NETWORKS,
    TOLERANCE,
    TORCH_BATCH,
    TORCH_TIMESTEPS,
    Values,
    difference,
    enough_timesteps,
    in_known_order,
    read_networks,
    read_values,
    read_versions,
    write_lines,
    write_values,
)
from golden.frameworks import VERSIONS, RefusedError, describe_keras, describe_torch, keras_weight_shapes, run_keras
from golden.generate import random_input, random_weights
from kinds import KINDS
from kinds.activations import ACTIVATIONS
from kinds.recurrent import DIRECTIONS

from rnncli import Network

MOST_ROUNDING = 1e-6
"""The most that Keras's own float32 and float64 results may differ."""

MOST_SHRINKING = 4
"""How many times weights may be halved to stay within that."""


def network_specs() -> Iterator[str]:
    """Yield the networks to describe: those of each kind, and some of several kinds."""
    for kind in KINDS.values():
        yield from kind.golden_networks()
    yield from ("embed:10000x32,rnn:32:seq,rnn:32", "embed:10kx32,rnn:32:seq:x3,rnn:32", "embed:1Gx4096,lstm:2048:bi")
    yield from ("embed:10_000x32, simplernn:32:SEQ, Simple_RNN:32", "EMBEDDING:1MX64:Mask,LSTM:0128:bi:seq,GRU:1k")
    # How names are numbered, also inside a Bidirectional.
    yield "input:8,rnn:5:seq,rnn:5:seq,rnn:5"
    yield "input:8,rnn:5:seq:x10,rnn:5:x1"
    yield "input:8,lstm:5:seq:bi,lstm:5:seq,lstm:5:seq:bi,lstm:5"
    yield "input:8,lstm:5:seq,lstm:5:seq:bi,gru:5:seq:bi,gru:5:seq,lstm:5:bi=sum"
    yield "input:8,gru:5:seq:bi:x3,gru:5:seq:x2,rnn:5:bi"
    yield "input:8,dense:4:x2,lstm:5:seq:x2,dropout:0.2,lstm:5,dropout:0.2:x2,dense:3:softmax,dense:1"
    # Which layers form one module in PyTorch.
    yield "input:8,lstm:5:seq:bi,dropout:0.2,lstm:5:seq:bi,dropout:0.2,lstm:5:bi,dropout:0.2"
    yield "input:8,gru:5:seq:x2,dropout:0.2,gru:5:seq,gru:5:seq,dropout:0.2:x2,gru:5"
    yield "input:8,rnn:5:seq,rnn:5:seq:relu,rnn:5:seq:relu:nobias,rnn:5:relu:nobias,repeat:3,rnn:5:relu:nobias"
    yield "input:8,lstm:5:seq:back,lstm:5:seq,lstm:5:seq:back,lstm:5:forgetbias=0,repeat:2,lstm:5:seq,lstm:5"
    yield "embed:10x4,dense:4,dropout:0.1,rnn:5:seq,dense:4:relu,dropout:0.1,rnn:5,dense:4,dropout:0.1"
    yield "embed:10x4:mask,lstm:5:seq:bi=ave,dense:3,gru:5:seq:back,dropout:0.5,rnn:5:bi=mul"


def value_specs() -> Iterator[str]:
    """Yield the small networks whose values are recorded: those of each kind, and some of several kinds."""
    for kind in KINDS.values():
        yield from kind.golden_values()
    for first, last in product(DIRECTIONS, repeat=2):
        # The mask passed on with a reversed sequence is particular to Keras.
        yield f"embed:6x2:mask,gru:2:seq:{first},lstm:2:seq:{last}".replace(":,", ",").rstrip(":")
    yield "input:5,lstm:5:seq:bi,gru:4:seq:back,rnn:3:seq:bi=sum,dense:2:x2"


def network_entry(spec: str) -> dict[str, Any]:
    """Return the frameworks' descriptions of a network."""
    layers = Network.parse(spec).layers
    entry: dict[str, Any] = {"spec": spec, "keras": None, "torch": None}
    with suppress(RefusedError):
        entry["keras"] = describe_keras(layers)
    with suppress(RefusedError):
        entry["torch"] = describe_torch(layers, TORCH_BATCH, enough_timesteps(layers, TORCH_TIMESTEPS))
    return entry


def values_of(spec: str, dtype: str, seed: int) -> Values:
    """Return a network with weights and an input drawn from a seed, and Keras's output."""
    layers = Network.parse(spec).layers
    numbers = np.random.default_rng(seed)
    batch, timesteps = (4, 3 + seed % 5) if layers[0].mask_zero else (2 + seed % 2, 1 + seed % 7)
    x = random_input(numbers, layers, batch, enough_timesteps(layers, timesteps))
    weights = random_weights(numbers, keras_weight_shapes(layers))
    for _ in range(MOST_SHRINKING):
        outputs = {each: run_keras(layers, weights, x, each) for each in ("float32", "float64")}
        if difference(outputs["float32"], outputs["float64"]) < MOST_ROUNDING:
            return Values(spec, dtype, x, weights, outputs[dtype])
        # With unbounded gates the state grows exponentially, and so do rounding errors.
        weights = {key: weight / 2 for key, weight in weights.items()}
    raise AssertionError(f"{spec} magnifies rounding errors")


def values_of_activation(activation: str, dtype: str) -> Values:
    """Return an activation's values for the numbers from -40 to 40."""
    spec = f"input:2,dense:2:{activation}"
    weights = {"dense/kernel": np.eye(2), "dense/bias": np.zeros(2)}
    x = np.stack([np.linspace(-40, 40, 81), np.linspace(40, -40, 81)], axis=-1)[np.newaxis]
    return Values(spec, dtype, x, weights, run_keras(Network.parse(spec).layers, weights, x, dtype))


def main(kind: str | None = None) -> None:
    """Write the files: everything, or only one kind's entries anew."""
    known_networks = {} if kind is None else {entry["spec"]: entry for entry in read_networks()}
    had = {(each.spec, each.dtype): each for each in read_values()}
    known_values = {} if kind is None else {**had}
    if kind is not None:
        named = {name: each for each in KINDS.values() for name in each.names}
        if kind not in named:
            sys.exit(f"{kind} is no kind; these are: {', '.join(named)}")
        for spec in named[kind].golden_networks():
            known_networks.pop(spec, None)
        for spec, dtype in product(named[kind].golden_values(), TOLERANCE):
            known_values.pop((spec, dtype), None)

    def values(spec: str, dtype: str, seed: int) -> Values:
        return known_values.get((spec, dtype)) or values_of(spec, dtype, seed)

    order = [entry["spec"] for entry in read_networks()]
    networks = [known_networks.get(spec) or network_entry(spec) for spec in in_known_order(network_specs(), order)]
    # A spec's position determines the seed of its weights and input.
    specs = in_known_order(value_specs(), (each.spec for each in read_values()))
    made = [values(spec, "float64", seed) for seed, spec in enumerate(specs)]
    # Every fifth new spec is recorded in float32 too; existing entries stay, whatever precedes them.
    single = [
        spec
        for place, spec in enumerate(specs)
        if ((spec, "float32") in had if (spec, "float64") in had else place % 5 == 0)
    ]
    made += [values(spec, "float32", seed) for seed, spec in enumerate(single)]
    made += [
        known_values.get((f"input:2,dense:2:{each}", dtype)) or values_of_activation(each, dtype)
        for each, dtype in product(ACTIVATIONS, TOLERANCE)
    ]
    versions = VERSIONS if kind is None else read_versions() | ({} if read_versions() == VERSIONS else {kind: VERSIONS})
    write_lines(NETWORKS, versions, networks)
    write_values(versions, made)
    expressed = sum(entry["torch"] is not None for entry in networks)
    print(f"{len(networks)} networks, {expressed} of them in PyTorch too; values of {len(made)} networks")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Make the golden files that the ordinary tests read: `make golden`.

    python tests/golden/make.py

It needs Keras and PyTorch. `tests/golden/data.py` says what is in the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
from data import TOLERANCE, TORCH_BATCH, TORCH_TIMESTEPS, Values, difference, write_networks, write_values
from frameworks import (
    VERSIONS,
    RefusedError,
    describe_keras,
    describe_torch,
    keras_weight_shapes,
    run_keras,
)
from generate import ACTIVATIONS, random_input, random_weights

from rnncli import Network

CELLS = ("rnn", "lstm", "gru")
GATED = ("lstm", "gru")
DIRECTIONS = ("", "back", "bi=concat", "bi=sum", "bi=mul", "bi=ave")

MOST_ROUNDING = 1e-6
"""How far Keras's own results in float32 and float64 may be apart."""

MOST_SHRINKING = 4
"""How many times weights are halved to keep them that near."""


def network_specs() -> Iterator[str]:
    """Yield the networks that the frameworks are asked about: about 150."""
    yield from ("input:8", "input:7x8", "embed:10x4", "embed:10x4:mask", "in:8,fc:2", "embedding:10x4,linear:2")
    yield from ("embed:10000x32,rnn:32:seq,rnn:32", "embed:10kx32,rnn:32:seq:x3,rnn:32", "embed:1Gx4096,lstm:2048:bi")
    yield from ("embed:10_000x32, simplernn:32:SEQ, Simple_RNN:32", "EMBEDDING:1MX64:Mask,LSTM:0128:bi:seq,GRU:1k")
    for head, cell in product(("input:8", "input:7x8", "embed:10x4:mask"), CELLS):
        yield f"{head},{cell}:5"
        yield f"{head},{cell}:5:seq"
    for cell, direction in product(CELLS, DIRECTIONS[1:]):
        yield f"input:8,{cell}:5:{direction}"
        yield f"input:8,{cell}:5:{direction}:seq:nobias"
    for cell, activation in product(CELLS, ACTIVATIONS):
        yield f"input:8,{cell}:5:{activation}"
    for cell, activation in product(GATED, ("sigmoid", "hard_sigmoid", "linear", "softmax")):
        yield f"input:8,{cell}:5:recact={activation}"
    for direction in DIRECTIONS:
        yield f"input:8,gru:5:reset=before:{direction}".rstrip(":")
    yield from ("input:8,gru:5:reset=after", "input:8,gru:5:reset=before:nobias", "input:8,gru:5:nobias")
    for activation in ACTIVATIONS:
        yield f"input:8,dense:5:{activation}"
    yield from ("input:8,dense:5:nobias", "input:8,lstm:5,dense:3:nobias:relu", "input:8,lstm:5:seq,dense:3:act=relu")
    yield from ("input:8,dropout:0.5", "input:8,dropout:0,gru:5,dropout:1", "embed:10x4,dropout:1e-3,rnn:5:seq:back")
    yield from ("input:1,rnn:1", "embed:1x1,lstm:1", "embed:1x1:mask,gru:1:bi", "input:1x1,dense:1")
    # How names are numbered, inside a Bidirectional too.
    yield "input:8,rnn:5:seq,rnn:5:seq,rnn:5"
    yield "input:8,rnn:5:seq:x10,rnn:5:x1"
    yield "input:8,lstm:5:seq:bi,lstm:5:seq,lstm:5:seq:bi,lstm:5"
    yield "input:8,lstm:5:seq,lstm:5:seq:bi,gru:5:seq:bi,gru:5:seq,lstm:5:bi=sum"
    yield "input:8,gru:5:seq:bi:x3,gru:5:seq:x2,rnn:5:bi"
    yield "input:8,dense:4:x2,lstm:5:seq:x2,dropout:0.2,lstm:5,dropout:0.2:x2,dense:3:softmax,dense:1"
    yield "embed:10x4,dense:4,dropout:0.1,rnn:5:seq,dense:4:relu,dropout:0.1,rnn:5,dense:4,dropout:0.1"
    yield "embed:10x4:mask,lstm:5:seq:bi=ave,dense:3,gru:5:seq:back,dropout:0.5,rnn:5:bi=mul"


def value_specs() -> Iterator[str]:
    """Yield the small networks whose values are kept, in float64."""
    rounds = {"rnn": 6, "lstm": 2, "gru": 1}
    for number, layer in enumerate(layer for cell in CELLS for layer in covering_layers(cell, rounds[cell])):
        masked = layer.endswith(":masked")
        features = number % 3 + 1
        head = f"embed:5x{features}:mask" if masked else f"input:{features}"
        yield f"{head},{layer.removesuffix(':masked')}"
    for activation in ACTIVATIONS:
        yield f"input:3,dense:2:{activation}"
        yield f"embed:5x3,rnn:2,dense:3:nobias:{activation}"
    for cell, direction in product(CELLS, DIRECTIONS):
        layer = f"{cell}:3:seq:{direction}".rstrip(":")
        yield f"input:2,{layer}:x2,{layer.replace(':seq', '')}"
        yield f"embed:6x2:mask,{layer},dense:2:tanh,dropout:0.5,{layer.replace(':seq', '')},dense:2"
    for first, last in product(DIRECTIONS, repeat=2):
        # The mask that goes with a reversed sequence is Keras's own affair.
        yield f"embed:6x2:mask,gru:2:seq:{first},lstm:2:seq:{last}".replace(":,", ",").rstrip(":")
    yield from ("input:4x2", "input:4x2,lstm:3", "embed:5x2", "embed:5x2:mask", "embed:1x2:mask,rnn:2:seq")
    yield "input:5,lstm:5:seq:bi,gru:4:seq:back,rnn:3:seq:bi=sum,dense:2:x2"


def covering_layers(cell: str, rounds: int) -> list[str]:
    """Return some layers for all settings of the activations, which together cover the other settings.

    Every two settings occur together, and all combinations of direction, sequence, bias and mask.
    """
    gates = ACTIVATIONS if cell in GATED else ("",)
    resets = ("after", "before") if cell == "gru" else ("",)
    others = list(product(DIRECTIONS, ("seq", ""), ("nobias", ""), ("masked", "")))
    pairs: set[object] = set()
    uses: Counter[tuple[str, ...]] = Counter()
    layers = []
    for number, (_, *activations) in enumerate(product(range(rounds), ACTIVATIONS, gates, resets)):
        # The other settings that bring the most new pairs, and among those the least used.
        settings = max((len(pairs_of(*activations, *each) - pairs), -uses[each], each) for each in others)[-1]
        pairs.update(pairs_of(*activations, *settings))
        uses[settings] += 1
        activation, gate, reset = activations
        words = [f"act={activation}", gate and f"recact={gate}", reset and f"reset={reset}", *settings]
        layers.append(":".join([cell, str(number % 3 + 1), *(word for word in words if word)]))
    return layers


def pairs_of(*settings: str) -> set[object]:
    """Return every two of the settings, each with its place."""
    return set(combinations(enumerate(settings), 2))


def network_entry(spec: str) -> dict[str, Any]:
    """Return what the frameworks say of a network."""
    layers = Network.parse(spec).layers
    try:
        torch_says = describe_torch(layers, TORCH_BATCH, TORCH_TIMESTEPS)
    except RefusedError:
        torch_says = None
    return {"spec": spec, "keras": describe_keras(layers), "torch": torch_says}


def values_of(spec: str, dtype: str, seed: int) -> Values:
    """Return a network with weights and an input drawn with a seed, and Keras's output."""
    layers = Network.parse(spec).layers
    numbers = np.random.default_rng(seed)
    masked = getattr(layers[0], "mask_zero", False)
    batch, timesteps = (4, 3 + seed % 5) if masked else (2 + seed % 2, 1 + seed % 7)
    x = random_input(numbers, layers, batch, timesteps)
    weights = random_weights(numbers, keras_weight_shapes(layers))
    for _ in range(MOST_SHRINKING):
        outputs = {each: run_keras(layers, weights, x, each) for each in ("float32", "float64")}
        if difference(outputs["float32"], outputs["float64"]) < MOST_ROUNDING:
            return Values(spec, dtype, x, weights, outputs[dtype])
        # Unbounded gates: a state grows exponentially, and so does every rounding error.
        weights = {key: weight / 2 for key, weight in weights.items()}
    raise AssertionError(f"{spec} magnifies rounding errors")


def values_of_activation(activation: str, dtype: str) -> Values:
    """Return what an activation makes of the numbers from -40 to 40."""
    spec = f"input:2,dense:2:{activation}"
    weights = {"dense/kernel": np.eye(2), "dense/bias": np.zeros(2)}
    x = np.stack([np.linspace(-40, 40, 81), np.linspace(40, -40, 81)], axis=-1)[np.newaxis]
    return Values(spec, dtype, x, weights, run_keras(Network.parse(spec).layers, weights, x, dtype))


def main() -> None:
    """Write the files."""
    networks = [network_entry(spec) for spec in network_specs()]
    write_networks(VERSIONS, networks)
    specs = list(dict.fromkeys(value_specs()))
    values = [values_of(spec, "float64", seed) for seed, spec in enumerate(specs)]
    values += [values_of(spec, "float32", seed) for seed, spec in enumerate(specs[::5])]
    values += [values_of_activation(each, dtype) for each, dtype in product(ACTIVATIONS, TOLERANCE)]
    write_values(VERSIONS, values)
    expressed = sum(entry["torch"] is not None for entry in networks)
    print(f"{len(networks)} networks, {expressed} of them in PyTorch too; values of {len(values)} networks")


if __name__ == "__main__":
    main()

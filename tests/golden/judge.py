"""Compare rnncli with real Keras and real PyTorch on random networks: `make judge`.

    python tests/golden/judge.py --networks 3000 --stacks 1000 --values 500 --seed 0

`--networks` checks the parser and `Network.summary`: names, shapes, weights and counts for both
frameworks, PyTorch's multiply-adds, and that each framework refuses the networks that rnncli
refuses for it. `--stacks` checks which recurrent layers form one module in PyTorch. `--values`
compares the outputs of `Model` with Keras's, masks included. Each difference is printed with its
spec, and a closing line summarises the checks. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from golden import frameworks
from golden.data import TOLERANCE, describe, difference, enough_timesteps
from golden.exports.findings import Differences
from golden.frameworks import RefusedError, keras_weight_shapes, run_keras
from golden.generate import any_size, random_input, random_layers, random_stack, random_weights, small_size, typed

from rnncli import Network
from rnncli.engine.model import Model
from rnncli.errors import SpecError
from rnncli.layers import Layer
from rnncli.network_summary import Summary

LARGEST_FOR_TORCH = 2**59
"""PyTorch cannot describe a tensor of 2**63 bytes."""

MOST_ROUNDING = {"float32": 1e-6, "float64": 1e-3}
"""The most that Keras's own float32 and float64 results may differ for a network to be judged in a dtype. Networks
with unbounded activations may magnify rounding more."""


class Findings(Differences):
    """The checks made, and the differences found."""

    def __init__(self) -> None:
        super().__init__()
        self.worst = dict.fromkeys(TOLERANCE, 0.0)

    def closing_line(self) -> str:
        """Summarise the checks in one line."""
        counts = self.counts
        return (
            f"Keras {frameworks.VERSIONS['keras']}, PyTorch {frameworks.VERSIONS['torch']}: "
            f"{counts['keras']:,} networks of {counts['layers']:,} layers equal in Keras and "
            f"{counts['keras refuses']:,} that it refuses, {counts['torch']:,} equal in PyTorch "
            f"({counts['stacks']:,} stacks) and {counts['torch refuses']:,} that it refuses; "
            f"{counts['values']:,} with equal values in Keras, {counts['masked']:,} of them masked: "
            + ", ".join(
                f"worst {worst:.1e} in {dtype} ({counts[f'sensitive {dtype}']:,} left out)"
                for dtype, worst in self.worst.items()
            )
            + f"; {self.differences:,} differences"
        )


def judge_network(random: Random, findings: Findings) -> None:
    """Compare the descriptions of one random network, typed in a random way."""
    layers = random_layers(random, any_size, plausible=random.random() < 0.9)
    spec = typed(random, layers)
    batch = random.choice((None, 1, random.randint(2, 64)))
    timesteps = layers[0].fixed_timesteps or random.choice((None, random.randint(1, 4)))
    timesteps = timesteps and enough_timesteps(layers, timesteps)
    keras_says = _ask(frameworks.describe_keras, layers, batch, timesteps)
    try:
        network = Network.parse(spec)
    except SpecError as error:
        keras_says = _ask(frameworks.describe_keras, layers, batch, layers[0].fixed_timesteps)  # of any length
        findings.counts["keras refuses"] += 1
        if isinstance(keras_says, dict):
            findings.differ(spec, f"Keras builds it, but rnncli refuses it: {error.message}")
        return
    if not isinstance(keras_says, dict):
        findings.counts["keras refuses"] += 1
        if network.framework == "torch":
            judge_in_torch(findings, spec, network, batch or 2, timesteps or 3)
        else:
            findings.differ(spec, f"rnncli builds it, but {keras_says}")
        return
    findings.counts["keras"] += 1
    findings.counts["layers"] += len(keras_says["layers"])
    if network.layers != layers:
        findings.differ(spec, f"was read as {network.layers}")
    if Network.parse(str(network)) != network:
        findings.differ(spec, f"its canonical spec {network} is another network")
    ours = describe(network.summary(batch, timesteps))
    _compare(findings, spec, f"Keras, {batch} x {timesteps}", ours, keras_says)
    if keras_says["total_params"] < LARGEST_FOR_TORCH:
        judge_in_torch(findings, spec, network, batch or 2, enough_timesteps(layers, timesteps or 3))


def judge_in_torch(findings: Findings, spec: str, network: Network, batch: int, timesteps: int) -> None:
    """Compare the descriptions of a network for PyTorch."""
    torch_says = _ask(frameworks.describe_torch, network.layers, batch, timesteps)
    try:
        summary = network.summary(batch, timesteps, framework="torch")
    except SpecError as error:
        findings.counts["torch refuses"] += 1
        if isinstance(torch_says, dict):
            findings.differ(spec, f"PyTorch builds it, but rnncli refuses it: {error.message}")
        else:
            _judge_repair(findings, spec, error)
        return
    findings.counts["torch"] += 1
    if isinstance(torch_says, dict):
        where = f"PyTorch, {batch} x {timesteps}"
        _compare(findings, spec, where, describe(summary), torch_says)
        _judge_modules(findings, spec, summary)
    else:
        findings.differ(spec, f"rnncli says that PyTorch builds it, but {torch_says}")


def _judge_modules(findings: Findings, spec: str, summary: Summary) -> None:
    """Check that the module lines build exactly the parameters in their layers' rows."""
    owned = {layer.name: [(weight.name, weight.shape) for weight in layer.weights] for layer in summary.layers}
    for module in summary.modules or ():
        ours = [weight for name in module.names for weight in owned.pop(name)]
        theirs = frameworks.torch_parameters(module.code)
        findings.counts["stacks"] += len(module.names) > 1
        if ours != theirs:
            findings.differ(spec, f"{module.code}: {ours}, actually {theirs}")
    if any(owned.values()):
        findings.differ(spec, f"no line builds {owned}")


def judge_values(random: Random, findings: Findings) -> None:
    """Compare the outputs of one random network, in every dtype."""
    layers = random_layers(random, small_size, most=4)
    spec = str(Network(layers))
    numbers = np.random.default_rng(random.getrandbits(32))
    x = random_input(numbers, layers, random.randint(1, 5), random.randint(1, 10))
    weights = random_weights(numbers, keras_weight_shapes(layers))
    theirs = {dtype: run_keras(layers, weights, x, dtype) for dtype in TOLERANCE}
    rounding = difference(theirs["float32"], theirs["float64"])
    findings.counts["masked"] += layers[0].mask_zero
    findings.counts["values"] += 1
    for dtype, tolerance in TOLERANCE.items():
        if not rounding < MOST_ROUNDING[dtype]:
            findings.counts[f"sensitive {dtype}"] += 1
            continue
        where = f"{dtype}, x of shape {x.shape}"
        ours = Model(Network(layers), dtype=dtype, weights=weights)(x)
        if (ours.shape, ours.dtype) != (theirs[dtype].shape, theirs[dtype].dtype):
            got = f"{ours.shape} of {ours.dtype}"
            expected = f"{theirs[dtype].shape} of {theirs[dtype].dtype}"
            findings.differ(spec, f"{where}: {got} where Keras has {expected}")
            continue
        worst = difference(ours, theirs[dtype])
        findings.worst[dtype] = max(findings.worst[dtype], worst)
        if not worst <= tolerance:
            findings.differ(spec, f"{where}: values differ by {worst:.1e}")


def _ask(
    describe_in: Callable[..., dict[str, Any]], layers: tuple[Layer, ...], *sizes: int | None
) -> dict[str, Any] | str:
    """Return a framework's description of the layers, or its reason for refusing them."""
    try:
        return describe_in(layers, *sizes)
    except RefusedError as error:
        return str(error)


def _compare(findings: Findings, spec: str, where: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    if ours == theirs:
        return
    for name in ours.keys() - {"layers"}:
        if ours[name] != theirs[name]:
            findings.differ(spec, f"{where}: {name} {ours[name]}, actually {theirs[name]}")
    for our_layer, their_layer in zip(ours["layers"], theirs["layers"], strict=False):
        if our_layer != their_layer:
            findings.differ(spec, f"{where}:\n    {our_layer}, really\n    {their_layer}")


def _judge_repair(findings: Findings, spec: str, error: SpecError) -> None:
    """Check that PyTorch really builds the spec that an error proposes."""
    repaired = Network.parse(error.repair or "")
    says = _ask(frameworks.describe_torch, repaired.layers, 2, enough_timesteps(repaired.layers, 3))
    if not isinstance(says, dict):
        findings.differ(spec, f"the repair {error.repair} is no better: {says}")


def main() -> int:
    """Run the judge and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=3000, metavar="N")
    parser.add_argument("--stacks", type=int, default=1000, metavar="N")
    parser.add_argument("--values", type=int, default=500, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    findings = Findings()
    random = Random(f"networks {options.seed}")
    for _ in range(options.networks):
        judge_network(random, findings)
    random = Random(f"stacks {options.seed}")
    for _ in range(options.stacks):
        network = Network(random_stack(random))
        judge_in_torch(findings, str(network), network, 2, 3)
    random = Random(f"values {options.seed}")
    for _ in range(options.values):
        judge_values(random, findings)
    print(findings.closing_line())
    return 1 if findings.differences else 0


if __name__ == "__main__":
    sys.exit(main())

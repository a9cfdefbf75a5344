"""Run what rnncli exports in the frameworks that it is for, for random networks: `make judge` runs it too.

    python tests/golden/judge_exports.py --networks 300 --seed 0

Each network is exported with its weights. What is exported is run, and must have the shapes, the parameters and the
output that rnncli says, be laid out as ruff lays it out, and the file of weights must be read back as what it was. What
a target cannot express must be refused with a spec that it can. Each difference is printed with its spec; a line for
each target says what was checked. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from golden.data import TORCH_BATCH, TORCH_TIMESTEPS, difference
from golden.frameworks import VERSIONS, keras_weight_shapes
from golden.generate import random_input, random_layers, random_weights, small_size

from rnncli import Network
from rnncli.engine import Model
from rnncli.engine.model_weights import weights_in
from rnncli.errors import RnncliError, SpecError
from rnncli.export import Job, arrays, export
from rnncli.export.weight_writers import write_weights
from rnncli.formats import open_model
from rnncli.layers import GRU, Embedding, Input, Layer, Norm

DTYPES = ("float32", "float64")
Layers = tuple[Layer, ...]

TOLERANCE = 1e-5
SENSITIVE = 1e-6
"""Where rnncli's own float32 and float64 are further apart than this, outputs are not judged."""

MOST_SHOWN = 30
"""Differences that are printed; the rest are counted."""


class Findings:
    """What was checked of a target, and what differs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.worst = 0.0
        self.differences = 0

    def differ(self, spec: str, what: str) -> None:
        """Report a difference."""
        self.differences += 1
        if self.differences <= MOST_SHOWN:
            print(f"{spec!r}\n    {what}", file=sys.stderr)

    def compare(self, spec: str, ours: np.ndarray, theirs: np.ndarray) -> None:
        """Compare two outputs."""
        if ours.shape != theirs.shape:
            self.differ(spec, f"its output has shape {theirs.shape}, expected {ours.shape}")
            return
        apart = difference(ours, theirs)
        self.worst = max(self.worst, apart)
        if not apart <= TOLERANCE:
            self.differ(spec, f"outputs differ by {apart:.1e}")

    def keep(self, source: str) -> None:
        """Keep a source, so that ruff can look at all of them at once."""
        self.counts["sources"] += 1
        (self.folder / f"model{self.counts['sources']}.py").write_text(source, encoding="utf-8")

    def closing_line(self, target: str) -> str:
        """Return what was checked, in one line."""
        counts = self.counts
        return (
            f"{target}: {counts['networks']:,} networks exported and run, {counts['masked']:,} of them with a mask and "
            f"{counts['sensitive']:,} too sensitive to rounding to compare outputs; worst {self.worst:.1e}; "
            f"{counts['read']:,} files of weights read back, {counts['specs']:,} as the same spec; "
            f"{counts['refused']:,} refused with a repair that can be exported; {self.differences:,} differences"
        )


class Case:
    """A random network with weights, an input and what rnncli makes of it."""

    def __init__(
        self, random: Random, changed: Callable[[Random, Layers], Layers] = lambda random, layers: layers
    ) -> None:
        layers = changed(random, random_layers(random, small_size, most=random.choice((2, 4, 7))))
        numbers = np.random.default_rng(random.getrandbits(32))
        self.network = Network(layers)
        self.spec = str(self.network)
        weights = random_weights(numbers, keras_weight_shapes(layers))
        self.weights = {key: array.astype("float32") for key, array in weights.items()}
        x = random_input(numbers, layers, random.randint(1, 5), random.randint(1, 10))
        self.x = x if x.dtype == "int32" else x.astype("float32")

    def job(self, saved: str | None = None) -> Job:
        """Return the job that exports it."""
        return Job(self.network, lambda: self.weights, 0, saved, "the weights of the judge")

    def output(self, findings: Findings) -> np.ndarray | None:
        """Return rnncli's output; None if it is too sensitive to rounding to be compared."""
        single, double = (Model(self.network, dtype=dtype, weights=self.weights)(self.x) for dtype in DTYPES)
        if difference(single, double) < SENSITIVE:
            return single
        findings.counts["sensitive"] += 1
        return None


def judge_torch(random: Random, findings: Findings) -> None:
    """Export a random network to PyTorch, and run it there. In one of five, padding is skipped."""
    case = Case(random, _with_padding if random.random() < 0.2 else lambda random, layers: layers)
    path = str(findings.folder / "model.safetensors")
    try:
        source = str(export(case.job(path), "torch"))
    except SpecError as error:
        _judge_refusal(case, error, findings)
        return
    findings.counts["networks"] += 1
    findings.keep(source)
    state = arrays(case.job(), "torch")
    write_weights(path, state)
    model = _run(source)["model"].eval()
    built = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if list(built.items()) != [(name, array.shape) for name, array in state.items()]:
        findings.differ(case.spec, f"its module has {built}")
    if any(array.dtype != "float32" or not array.flags.c_contiguous for array in state.values()):
        findings.differ(case.spec, "an array is not of float32, or does not stand in memory row by row")
    if case.network.head.masks:
        # PyTorch packs no sequence that is nothing but padding; it says so.
        case.x = case.x[case.x.any(axis=1)]
        findings.counts["masked"] += 1
    if len(case.x):
        _judge_module(case, model, findings)
    _judge_read_back(case, path, findings)
    _judge_state_dict(case, path, findings)


def _with_padding(random: Random, layers: Layers) -> Layers:
    """Return layers with a mask that PyTorch can pack: they end in a last output, and read time forwards."""
    head = Embedding(random.randint(2, 8), small_size(random), mask_zero=True)
    body = [layer for layer in (*layers[1:], GRU(3)) if layer.states or layer.returns == "same"]
    last = max(index for index, layer in enumerate(body) if layer.states)
    return (
        head,
        *(
            replace(layer, go_backwards=False, return_sequences=index < last) if layer.states else layer
            for index, layer in enumerate(body)
        ),
    )


def _judge_module(case: Case, model: torch.nn.Module, findings: Findings) -> None:
    """Compare what a module owns and returns with what rnncli says of the network."""
    summary = case.network.summary(*case.x.shape[:2], framework="torch")
    params = sum(tensor.numel() for tensor in model.parameters())
    if params != summary.total_params:
        findings.differ(case.spec, f"it has {params:,} parameters, and summary says {summary.total_params:,}")
    with torch.no_grad():
        theirs = model(torch.from_numpy(case.x)).numpy()
    if theirs.shape != summary.output_shape:
        findings.differ(case.spec, f"it returns {theirs.shape}, and summary says {summary.output_shape}")
    ours = case.output(findings)
    if ours is not None:
        findings.compare(case.spec, ours, theirs)


def _judge_refusal(case: Case, error: SpecError, findings: Findings) -> None:
    """Check that a network is refused for a reason that PyTorch has, and that the repair is none."""
    findings.counts["refused"] += 1
    try:
        case.network.summary(framework="torch")
        if not case.network.head.masks:
            findings.differ(case.spec, f"PyTorch can express it, but export refuses it: {error.message}")
    except SpecError as same:
        if same.message != error.message:
            findings.differ(case.spec, f"summary refuses it otherwise: {same.message}")
    try:
        repaired = Network.parse(error.repair or "")
        timesteps = repaired.head.fixed_timesteps or TORCH_TIMESTEPS
        model = _run(export(Job(repaired, dict), "torch"))["model"]
        if repaired.head.vocabulary != 1:
            model(torch.ones(repaired.input_shape(TORCH_BATCH, timesteps), dtype=_dtype(repaired)))
    except SpecError as again:
        findings.differ(case.spec, f"its repair {error.repair} is refused: {again.message}")


def _judge_read_back(case: Case, path: str, findings: Findings) -> None:
    """Check that rnncli reads the same weights from a file that it has written."""
    if not case.weights:
        return
    try:
        again = weights_in(path, case.network, np.dtype("float32"))
    except RnncliError as error:
        findings.differ(case.spec, f"its weights are not read back: {error}")
        return
    findings.counts["read"] += 1
    if list(again) != list(case.weights) or any((again[key] != case.weights[key]).any() for key in again):
        findings.differ(case.spec, f"other weights are read back from {path}")


def _judge_state_dict(case: Case, path: str, findings: Findings) -> None:
    """Check that rnncli reads a state dict back as the network that was exported, as far as a state dict can say it."""
    said = said_by_state_dict(case.network)
    if said is None:
        return
    parts = open_model(path).parts
    findings.counts["specs"] += 1
    if [str(part.network) for part in parts] != [str(said)]:
        findings.differ(case.spec, f"is read back as {[str(part.network) for part in parts]}, expected {said}")


def said_by_state_dict(network: Network) -> Network | None:
    """Return a network as far as a state dict can say it; None if that is not one row of layers.

    It has no activations, no layers without weights, no direction of time where that is one, and no epsilon. It is one
    row if it begins with recurrent layers that follow one another and have the same cell.
    """
    head = network.head
    owners = [
        layer
        for layer, (reads, _) in zip(network.body, network.shapes(), strict=True)
        if layer is not head and layer.weights(reads)
    ]
    recurrent = [bool(layer.states) for layer in owners]
    count = sum(recurrent)
    if not count or not all(recurrent[:count]) or len({layer.kind for layer in owners[:count]}) > 1:
        return None
    said = [_said(layer, seq=number < count - 1) for number, layer in enumerate(owners)]
    first = Embedding(head.input_dim, head.output_dim) if isinstance(head, Embedding) else Input(head.features)
    return Network([first, *said])


def _said(layer: Layer, seq: bool) -> Layer:
    if isinstance(layer, Norm):
        return replace(layer, epsilon=1e-5)
    if not layer.states:
        return replace(layer, activation="linear")
    return replace(layer, activation="tanh", go_backwards=False, return_sequences=seq)


def _dtype(network: Network) -> torch.dtype:
    return torch.float32 if network.head.vocabulary is None else torch.int64


def _run(source: str | bytes) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "model"}
    exec(compile(source, "model.py", "exec"), scope)
    return scope


JUDGES: Mapping[str, Callable[[Random, Findings], None]] = {"torch": judge_torch}
"""A function for each target that exports one random network and reports what differs."""


def judge_layout(ruff: str, findings: Findings) -> None:
    """Check that ruff would change nothing in the sources, and finds nothing, with its own defaults."""
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [ruff, *command, "--isolated", "--no-cache", "--quiet", findings.folder], capture_output=True, text=True
        )
        if done.returncode:
            findings.differ(f"ruff {command[0]}", f"{done.stdout}{done.stderr}")


def main() -> int:
    """Run the judge and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=300, metavar="N", help="to export to each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", choices=tuple(JUDGES), action="append", help="only to this target")
    parser.add_argument("--ruff", default=which("ruff"), metavar="PROGRAM")
    options = parser.parse_args()
    print(f"PyTorch {VERSIONS['torch']}" + ("" if options.ruff else "; no ruff, so nobody looks at the layout"))
    differences = 0
    for target in options.to or JUDGES:
        random = Random(f"exports to {target} {options.seed}")
        with TemporaryDirectory() as folder:
            findings = Findings(Path(folder))
            while findings.counts["networks"] < options.networks:
                JUDGES[target](random, findings)
            if options.ruff and findings.counts["sources"]:
                judge_layout(options.ruff, findings)
        print(findings.closing_line(target))
        differences += findings.differences
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

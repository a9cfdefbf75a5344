"""Run what rnncli exports in the frameworks that it is for, for random networks: `make judge` runs it too.

    python tests/golden/judge_exports.py --networks 300 --seed 0

Each network is exported with its weights. What is exported is run, and must have the shapes, the parameters and the
output that rnncli says, be laid out as ruff lays it out, and the file of weights must be read back as what it was. Each
difference is printed with its spec; a line for each target says what was checked. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np
from golden.data import difference
from golden.frameworks import VERSIONS, keras_variables, keras_weight_shapes
from golden.generate import random_input, random_layers, random_weights, small_size

from rnncli import Network
from rnncli.engine import Model
from rnncli.engine.initializers import initial_weights
from rnncli.engine.model_weights import weights_in
from rnncli.errors import RnncliError
from rnncli.export import Job, arrays, export
from rnncli.export.weight_files import write_weights
from rnncli.summary import Summary

DTYPES = ("float32", "float64")
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
            f"{counts['read']:,} files of weights read back; {counts['sources']:,} sources; "
            f"{self.differences:,} differences"
        )


class Case:
    """A random network with weights, an input and what rnncli makes of it."""

    def __init__(self, random: Random) -> None:
        layers = random_layers(random, small_size, most=random.choice((2, 4, 7)))
        numbers = np.random.default_rng(random.getrandbits(32))
        self.network = Network(layers)
        self.spec = str(self.network)
        weights = random_weights(numbers, keras_weight_shapes(layers))
        self.weights = {key: array.astype("float32") for key, array in weights.items()}
        x = random_input(numbers, layers, random.randint(1, 5), random.randint(1, 10))
        self.x = x if x.dtype == "int32" else x.astype("float32")

    def job(self, saved: str | None = None) -> Job:
        """Return the job that exports it."""
        return Job(self.network, lambda: self.weights, 0, saved, "the weights of the judge", drawn=False)

    def output(self, findings: Findings, weights: Mapping[str, np.ndarray] | None = None) -> np.ndarray | None:
        """Return rnncli's output, with its own or other weights; None if it is too sensitive to rounding."""
        weights = self.weights if weights is None else weights
        single, double = (Model(self.network, dtype=dtype, weights=weights)(self.x) for dtype in DTYPES)
        if difference(single, double) < SENSITIVE:
            return single
        findings.counts["sensitive"] += 1
        return None


def judge_keras(random: Random, findings: Findings) -> None:
    """Export a random network to Keras, build it, and load its weights in both ways."""
    case = Case(random)
    findings.counts["networks"] += 1
    findings.counts["masked"] += case.network.head.masks
    ours, summary = case.output(findings), case.network.summary()
    _judge_built(case, _built(export(case.job(), "keras"), findings), summary, findings)
    for extension in (".weights.h5", ".npz"):
        path = str(findings.folder / f"model{extension}")
        write_weights(path, arrays(case.job(path), "keras"))
        model = _built(export(case.job(path), "keras"), findings)
        theirs = keras.ops.convert_to_numpy(model(case.x, training=False).detach())
        if ours is not None:
            findings.compare(case.spec, ours, theirs)
        _judge_read_back(case, path, findings)


def _built(source: str | bytes, findings: Findings) -> keras.Model:
    """Return the model of a source that begins a session of Keras, so that names are numbered from the start."""
    assert isinstance(source, str)
    findings.keep(source)
    keras.utils.clear_session(free_memory=False)
    model = _run(source)["model"]
    assert isinstance(model, keras.Model)
    return model


def _judge_built(case: Case, model: keras.Model, summary: Summary, findings: Findings) -> None:
    """Compare the shapes, names and numbers of parameters that Keras says with those of the summary."""
    own = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    theirs = [(layer.name, type(layer).__name__, tuple(layer.output.shape), layer.count_params()) for layer in own]
    ours = [(layer.name, layer.type, layer.output_shape, layer.params) for layer in summary.layers]
    if theirs != ours:
        findings.differ(case.spec, f"its layers are {theirs}, expected {ours}")
    if (tuple(model.input_shape), model.count_params()) != (summary.input_shape, summary.total_params):
        findings.differ(case.spec, f"it reads {model.input_shape} and has {model.count_params():,} parameters")
    weights = [*keras_variables(model)] if case.weights else []
    if weights != [*case.weights]:
        findings.differ(case.spec, f"its weights are {weights}, expected {[*case.weights]}")


def judge_numpy(random: Random, findings: Findings) -> None:
    """Export a random network to NumPy, and run it with weights that are drawn and with weights from a file."""
    case = Case(random)
    findings.counts["networks"] += 1
    findings.counts["masked"] += case.network.head.masks
    path = str(findings.folder / "model.npz")
    write_weights(path, arrays(case.job(path), "numpy"))
    seed = random.getrandbits(16)
    drawn = initial_weights(case.network, seed, np.dtype("float32"), "keras")
    with np.errstate(all="ignore"):
        for job, weights in ((Job(case.network, dict, seed), drawn), (case.job(path), case.weights)):
            source = str(export(job, "numpy"))
            findings.keep(source)
            ours = case.output(findings, weights)
            theirs = _run(source)["model"](case.x)
            if ours is not None:
                findings.compare(case.spec, ours, theirs)
    _judge_read_back(case, path, findings)


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


def _run(source: str | bytes) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "model"}
    exec(compile(source, "model.py", "exec"), scope)
    return scope


JUDGES: Mapping[str, Callable[[Random, Findings], None]] = {"keras": judge_keras, "numpy": judge_numpy}
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
    print(
        f"Keras {VERSIONS['keras']}, PyTorch {VERSIONS['torch']}"
        + ("" if options.ruff else "; no ruff, so nobody looks at the layout")
    )
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

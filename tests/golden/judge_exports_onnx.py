"""Run what rnncli exports in the frameworks that it is for, for random networks: `make judge` runs it too.

    python tests/golden/judge_exports.py --networks 300 --seed 0

Each network is exported with its weights. What is exported is run, and must have the output that rnncli says; a file is
read back as what it was. Each difference is printed with its spec; a line for each target says what was checked. The
status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import onnx
import onnxruntime
from golden.data import difference
from golden.generate import random_input, random_layers, random_weights, small_size

from rnncli import Network
from rnncli.engine import Model
from rnncli.engine.checks import weight_shapes
from rnncli.export import Job, export
from rnncli.formats import open_model
from rnncli.formats.conventions import keras_weights
from rnncli.layers import LSTM, Dropout, Embedding

DTYPES = ("float32", "float64")
TOLERANCE = 1e-5
SENSITIVE = 1e-6
"""Where rnncli's own float32 and float64 are further apart than this, outputs are not judged."""

ONE_THREAD = onnxruntime.SessionOptions()
ONE_THREAD.intra_op_num_threads = 1
ONE_THREAD.log_severity_level = 3
"""How ONNX Runtime runs small networks: quickly, and without its warnings."""

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

    def closing_line(self, target: str) -> str:
        """Return what was checked, in one line."""
        counts = self.counts
        return (
            f"{target}: {counts['networks']:,} networks exported and run, {counts['masked']:,} of them with a mask and "
            f"{counts['sensitive']:,} too sensitive to rounding to compare outputs; worst {self.worst:.1e}; "
            f"{counts['specs']:,} read back as the same spec; "
            f"{counts['told']:,} with a note on what cannot be read; {self.differences:,} differences"
        )


class Case:
    """A random network with weights, an input and what rnncli makes of it."""

    def __init__(self, random: Random) -> None:
        layers = random_layers(random, small_size, most=random.choice((2, 4, 7)))
        numbers = np.random.default_rng(random.getrandbits(32))
        self.network = Network(layers)
        self.spec = str(self.network)
        weights = random_weights(numbers, weight_shapes(self.network))
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


def judge_onnx(random: Random, findings: Findings) -> None:
    """Export a random network to ONNX, have the file checked, run it in ONNX Runtime, and read it back."""
    case = Case(random)
    findings.counts["networks"] += 1
    findings.counts["masked"] += case.network.head.masks
    content = export(case.job(), "onnx")
    assert isinstance(content, bytes)
    model = onnx.load_from_string(content)
    try:
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(content, ONE_THREAD)
    except Exception as fault:  # whatever they say of a file is a finding
        findings.differ(case.spec, f"{type(fault).__name__}: {fault}")
        return
    numbers = np.random.default_rng(random.getrandbits(32))
    for batch, timesteps in ((len(case.x), case.x.shape[1]), (1, 1), (3, 12)):
        x = random_input(numbers, case.network.layers, batch, timesteps)
        ids = case.network.head.vocabulary is not None
        case.x = x if ids else x.astype("float32")
        ours = case.output(findings)
        (theirs,) = session.run(["output"], {"input": x.astype("int64") if ids else case.x})
        # The recurrent operators of ONNX Runtime make numbers of what is none: the mean of nothing but padding.
        if ours is not None and np.isfinite(ours).all():
            findings.compare(case.spec, ours, theirs)
    (findings.folder / "model.onnx").write_bytes(content)
    operations = {node.op_type for node in model.graph.node}
    _judge_onnx_file(case, findings, composed="Scan" in operations)


def _judge_onnx_file(case: Case, findings: Findings, *, composed: bool) -> None:
    """Check that rnncli reads an ONNX file back as what was exported, or tells what it leaves out."""
    read = open_model(str(findings.folder / "model.onnx"))
    said = said_by_onnx(case.network)
    if composed or said is None:
        findings.counts["told"] += 1
        # Without a part rnncli says that there is nothing recurrent in a file.
        for part in read.parts:
            if not any(part.name in note for note in read.notes):
                findings.differ(case.spec, f"is read back as {part.network}, and nothing is said of the rest")
        return
    findings.counts["specs"] += 1
    if [str(part.network) for part in read.parts] != [str(said)] or read.notes or read.parts[0].assumed:
        findings.differ(case.spec, f"is read back as {[str(part.network) for part in read.parts]}: {read.notes}")
        return
    again = keras_weights(read.parts[0]).values()
    # Layers without weights are left out, so the names may be others; the order is the same.
    if any((ours != theirs).any() for ours, theirs in zip(case.weights.values(), again, strict=True)):
        findings.differ(case.spec, "other weights are read back")


def said_by_onnx(network: Network) -> Network | None:
    """Return a network as far as a graph of ONNX's own operators can say it.

    It has no dropout, and no mask where nothing reads one. None if there is no recurrent layer that tells which axis is
    time, or if a pool has taken it away before.
    """
    said = [layer for layer in network.layers if not isinstance(layer, Dropout)]
    said = [replace(layer, unit_forget_bias=True) if isinstance(layer, LSTM) else layer for layer in said]
    if isinstance(said[0], Embedding):
        said[0] = replace(said[0], mask_zero=False)
    first = next((layer for layer in said if layer.states or layer.joins), None)
    return Network(said) if first is not None and first.states else None


JUDGES: Mapping[str, Callable[[Random, Findings], None]] = {"onnx": judge_onnx}
"""A function for each target that exports one random network and reports what differs."""


def main() -> int:
    """Run the judge and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=300, metavar="N", help="to export to each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", choices=tuple(JUDGES), action="append", help="only to this target")
    options = parser.parse_args()
    differences = 0
    for target in options.to or JUDGES:
        random = Random(f"exports to {target} {options.seed}")
        with TemporaryDirectory() as folder:
            findings = Findings(Path(folder))
            while findings.counts["networks"] < options.networks:
                JUDGES[target](random, findings)
        print(findings.closing_line(target))
        differences += findings.differences
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

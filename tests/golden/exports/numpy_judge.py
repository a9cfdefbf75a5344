"""Run exported NumPy, with random weights of its own and with weights from a file."""

from __future__ import annotations

from random import Random

import numpy as np
from golden.exports.case import Case, run
from golden.exports.findings import Findings

from rnncli.engine.initializers import initial_weights
from rnncli.export import Job, arrays, export
from rnncli.export.weight_writers import write_weights

VERSION = f"NumPy {np.__version__}"


def judge(random: Random, findings: Findings) -> None:
    """Export a random network to NumPy, and run it with random weights of its own and with weights from a file."""
    case = Case(random).counted(findings)
    path = str(findings.folder / "model.npz")
    write_weights(path, arrays(case.job(path), "numpy"), ".npz")
    seed = random.getrandbits(16)
    drawn = initial_weights(case.network, seed, np.dtype("float32"), "keras")
    with np.errstate(all="ignore"):
        for job, weights in ((Job(case.network, dict, seed), drawn), (case.job(path), case.weights)):
            source = str(export(job, "numpy"))
            findings.keep(source)
            ours = case.output(findings, weights)
            theirs = run(source)["model"](case.x)
            if ours is not None:
                findings.compare(case.spec, ours, theirs)
    case.judge_weights_file(path, findings)

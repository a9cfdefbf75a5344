"""Run rnncli's exports of random networks in their target frameworks; `make judge` runs it too.

    python tests/golden/judge_exports.py --networks 300 --seed 0

Each network is exported with its weights. The export is run. It must have the shapes, parameters and output that rnncli
reports, be formatted as by ruff, and be read back as the same network, with its weights file. A network that a target
cannot express must be refused with a spec that it can. Each difference is printed with its spec, and a closing line per
target summarises the checks. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from random import Random
from shutil import which
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from golden.exports.findings import Findings

from rnncli.export import TARGETS

JUDGES: Mapping[str, str] = {target: f"golden.exports.{target}_judge" for target in TARGETS}
"""A module for each target, the only one to import its framework.

Its `judge(random, findings)` exports one random network and reports differences; its `VERSION` names the judge.
"""


def main() -> int:
    """Run the judge and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=300, metavar="N", help="number of networks per target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", choices=tuple(JUDGES), action="append", help="export only to this target")
    parser.add_argument("--ruff", default=which("ruff"), metavar="PROGRAM")
    options = parser.parse_args()
    if not options.ruff:
        print("ruff was not found, so the layout is not checked", file=sys.stderr)
    differences = 0
    for target in options.to or JUDGES:
        judge = import_module(JUDGES[target])
        random = Random(f"exports to {target} {options.seed}")
        with TemporaryDirectory() as folder:
            findings = Findings(Path(folder))
            while findings.counts["networks"] < options.networks:
                judge.judge(random, findings)
            if options.ruff and findings.counts["sources"]:
                findings.judge_layout(options.ruff)
        print(findings.closing_line(judge.VERSION))
        differences += findings.differences
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the judges of exports find: counts, differences, and the sources that ruff is to look at."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from golden.data import difference

TOLERANCE = 1e-5

MOST_SHOWN = 30
"""Differences that are printed; the rest are counted."""

COUNTED: Mapping[str, str] = {
    "networks": "networks exported and run",
    "masked": "of them with a mask",
    "packed": "of them on sequences of several lengths",
    "devices": "of them on a Cortex-M4",
    "outputs": "outputs compared",
    "sensitive": "too sensitive to rounding to compare",
    "sources": "sources laid out as ruff does",
    "weights": "files of weights read back",
    "specs": "read back as the same spec",
    "told": "read back with a note on what is left out",
    "refused": "refused with a repair that can be exported",
}
"""What may be counted of a target, in the words and the order of its closing line."""


class Findings:
    """What was checked of a target, and what differs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.worst = 0.0
        self.differences = 0

    def count(self, what: str) -> None:
        """Count something, by its name in COUNTED."""
        assert what in COUNTED, what
        self.counts[what] += 1

    def differ(self, spec: str, what: str) -> None:
        """Report a difference."""
        self.differences += 1
        if self.differences <= MOST_SHOWN:
            print(f"{spec!r}\n    {what}", file=sys.stderr)

    def compare(self, spec: str, ours: np.ndarray, theirs: np.ndarray) -> None:
        """Compare two outputs."""
        self.count("outputs")
        if ours.shape != theirs.shape:
            self.differ(spec, f"its output has shape {theirs.shape}, expected {ours.shape}")
            return
        apart = difference(ours, theirs)
        self.worst = max(self.worst, apart)
        if not apart <= TOLERANCE:
            self.differ(spec, f"outputs differ by {apart:.1e}")

    def keep(self, source: str) -> None:
        """Keep a source, so that ruff can look at all of them at once."""
        self.count("sources")
        (self.folder / f"model{self.counts['sources']}.py").write_text(source, encoding="utf-8")

    def judge_layout(self, ruff: str) -> None:
        """Check that ruff would change nothing in the sources, and finds nothing, with its own defaults."""
        for command in (["format", "--check"], ["check"]):
            done = subprocess.run(
                [ruff, *command, "--isolated", "--no-cache", "--quiet", self.folder], capture_output=True, text=True
            )
            if done.returncode:
                self.differ(f"ruff {command[0]}", f"{done.stdout}{done.stderr}")

    def closing_line(self, target: str) -> str:
        """Return what was checked, in one line."""
        counted = [f"{self.counts[what]:,} {words}" for what, words in COUNTED.items() if self.counts[what]]
        return f"{target}: {', '.join(counted)}; worst {self.worst:.1e}; {self.differences:,} differences"

"""The findings of the judges: counts, differences, and exported sources for ruff to check."""

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
"""The number of differences to print; further ones are only counted."""

COUNTED: Mapping[str, str] = {
    "networks": "networks exported and run",
    "masked": "of them with a mask",
    "packed": "of them on sequences of different lengths",
    "devices": "of them on a Cortex-M4",
    "outputs": "outputs compared",
    "sensitive": "too sensitive to rounding to compare",
    "sources": "sources formatted as by ruff",
    "weights": "weights files read back",
    "specs": "read back as the same spec",
    "told": "read back with a note on omitted parts",
    "refused": "refused with a repair that can be exported",
}
"""The countable events of a target, in the words and order of its closing line."""


class Differences:
    """The checks made, and the number of differences found."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.differences = 0

    def differ(self, spec: str, what: str) -> None:
        """Report a difference."""
        self.differences += 1
        if self.differences <= MOST_SHOWN:
            print(f"{spec!r}\n    {what}", file=sys.stderr)


class Findings(Differences):
    """The checks made for a target, and the differences found."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.worst = 0.0

    def count(self, what: str) -> None:
        """Count an event, by its name in COUNTED."""
        assert what in COUNTED, what
        self.counts[what] += 1

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
        """Keep a source, to let ruff check all sources at once."""
        self.count("sources")
        (self.folder / f"model{self.counts['sources']}.py").write_text(source, encoding="utf-8")

    def judge_layout(self, ruff: str) -> None:
        """Check with ruff's default settings that the sources are formatted and have no findings."""
        for command in (["format", "--check"], ["check"]):
            done = subprocess.run(
                [ruff, *command, "--isolated", "--no-cache", "--quiet", self.folder], capture_output=True, text=True
            )
            if done.returncode:
                self.differ(f"ruff {command[0]}", f"{done.stdout}{done.stderr}")

    def closing_line(self, target: str) -> str:
        """Summarise the checks in one line."""
        counted = [f"{self.counts[what]:,} {words}" for what, words in COUNTED.items() if self.counts[what]]
        return f"{target}: {', '.join(counted)}; worst {self.worst:.1e}; {self.differences:,} differences"

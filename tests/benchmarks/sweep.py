"""Candidates a second: rnncli on one core, against Keras building and counting the same models.

    python tests/benchmarks/sweep.py

Keras is given a few dozen of the candidates, and need not allocate their weights. The goal is 200,000 a second. Then a
whole process goes through ten million candidates, and takes no more memory than one that goes through fewer.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from golden.frameworks import keras_model
from rich.console import Console
from rich.table import Table

from rnncli import Network
from rnncli.search.brace_parser import parse_pattern
from rnncli.search.sweep import Candidate, sweep

GOAL = 200_000
FOR_KERAS = 40

PATTERNS = (
    "embed:{1000..10000..1000}x{16..256..16},lstm:{16..512..16}:seq,lstm:{16..512..16}",
    "input:32,lstm:{1..300000}",
    "embed:10000x{u=1..1000},{rnn,lstm,gru}:{u}:seq:{x2,x3},dense:{1..50}",
)

LONG = "embed:{{1000..10000..1000}}x{{1..64}},lstm:{{4..500..4}}:seq,lstm:{{{0}}}"
TEN_MILLION = LONG.format("4..500..4")
FEWER = LONG.format("4..4")

PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Starts a program from a process that is smaller; a program is said to be as large as what started it."""


def candidates(pattern: str) -> Iterator[Candidate]:
    """Yield the candidates of a pattern whose candidates are all networks."""
    for candidate in sweep(pattern):
        assert isinstance(candidate, Candidate)
        yield candidate


def rnncli_rate(pattern: str) -> float:
    """Return how many candidates a second rnncli evaluates, once it is running."""
    stream = candidates(pattern)
    next(stream)
    gc.disable()  # as the program does; it would look through all of Keras
    start = perf_counter()
    count = sum(1 for _ in stream)
    seconds = perf_counter() - start
    gc.enable()
    return count / seconds


def keras_rate(pattern: str) -> float:
    """Return how many Keras builds and counts, after the first; the counts must be rnncli's."""
    total = parse_pattern(pattern).count()
    some = list(islice(candidates(pattern), 0, total, max(1, total // FOR_KERAS)))[: FOR_KERAS + 1]
    start = perf_counter()
    for index, candidate in enumerate(some):
        if index == 1:
            start = perf_counter()
        model = keras_model(Network.parse(candidate.spec).layers, allocate=False)
        assert model.count_params() == candidate.total_params, candidate.spec
    return (len(some) - 1) / (perf_counter() - start)


def main() -> None:
    """Measure every pattern and print a table."""
    table = Table(title=f"Sweeps: candidates a second on one core, goal {GOAL:,}")
    for title in ("Pattern", "Candidates", "rnncli", "Keras", "rnncli / Keras", "Goal"):
        table.add_column(title, overflow="fold")
    for pattern in PATTERNS:
        ours, theirs = rnncli_rate(pattern), keras_rate(pattern)
        table.add_row(
            pattern,
            f"{parse_pattern(pattern).count():,}",
            f"{ours:,.0f}",
            f"{theirs:,.0f}",
            f"{ours / theirs:,.0f}",
            "met" if ours >= GOAL else "MISSED",
        )
    Console().print(table)
    for pattern in (FEWER, TEN_MILLION):
        seconds, peak = process(pattern)
        print(f"{parse_pattern(pattern).count():,} candidates, --top 10: {seconds:.1f} s, {peak / 1024:.0f} MB at most")


def process(pattern: str) -> tuple[float, int]:
    """Return the seconds and the most kilobytes that `rnncli sweep --top 10` takes."""
    program = [sys.executable, "-m", "rnncli", "sweep", pattern, "--top", "10", "--format", "csv"]
    start = perf_counter()
    done = subprocess.run([sys.executable, "-c", PEAK, *program], check=True, capture_output=True, text=True)
    return perf_counter() - start, int(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

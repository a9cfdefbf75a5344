"""Candidates per second: rnncli on one core, against Keras building and counting the same models.

    python tests/benchmarks/sweep.py

Keras gets a few dozen of the candidates and need not allocate their weights. The goals for four layers with four braces
are 20 million candidates examined per second when ten are shown, and 300,000 rows written per second when all are.
These are seconds of processor time on one core, so other processes do not matter. Then whole processes sweep ten
million and ten billion candidates; the second should take little more memory than the first.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from golden.frameworks import keras_model
from rich.console import Console
from rich.table import Table
from sweeps import candidates

from rnncli import Network
from rnncli.network_summary import Setting
from rnncli.render.candidates import RowTexts
from rnncli.render.results import CANDIDATES, WRITERS
from rnncli.search.braces import parse_pattern
from rnncli.search.budget import Budget
from rnncli.search.forms import Candidate
from rnncli.search.grid import Pattern, stretches
from rnncli.search.sweep import Sweep

FOR_KERAS = 40

TOP_GOAL = 20_000_000
ROWS_GOAL = 300_000
"""Candidates examined and written per second."""

FOUR = "embed:{1000..10000..1000}x{16..256..16},lstm:{16..512..4}:seq,lstm:{16..512..4},dense:2"
"""Four layers with four braces."""

PATTERNS = (FOUR, "input:32,lstm:{1..3000000}", "embed:10000x{u=1..1000},{rnn,lstm,gru}:{u}:seq:{x2,x3},dense:{1..500}")

LONG = "embed:{{1000..10000..1000}}x{{1..64}},lstm:{{4..500..4}}:seq,lstm:{{4..500..4}}{0}"
TEN_MILLION = LONG.format("")
TEN_BILLION = LONG.format(",dense:{1..1000}")

PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Start a program from a smaller process, because a program's reported peak includes its parent's size."""


def top_rate(pattern: str) -> float:
    """Return how many candidates per second are examined for the ten largest within a budget."""
    return _rate(lambda: Sweep(Setting(), Budget(params=1_000_000), len, top=10), parse_pattern(pattern))


def rows_rate(pattern: str, format_: str) -> float:
    """Return how many rows per second are written."""
    texts = RowTexts(WRITERS[format_](CANDIDATES), Setting())
    return _rate(lambda: Sweep(Setting(), Budget(), texts.rows), parse_pattern(pattern), stop=_ROWS)


_ROWS = 300_000


def _rate(made: Callable[[], Sweep[Any]], pattern: Pattern, stop: int | None = None) -> float:
    """Return how many candidates per second are processed, with NumPy already imported; the best of some runs."""
    best = 0.0
    gc.disable()  # as the program does; otherwise it would traverse all of Keras
    for _ in range(3):
        work = made()
        start = process_time()
        deque(work.run(stretches([pattern], stop=stop), 0), maxlen=0)
        best = max(best, work.tally.total / (process_time() - start))
    gc.enable()
    return best


def keras_rate(pattern: str) -> float:
    """Return how many candidates per second Keras builds and counts after the first; its counts must match rnncli's."""
    total = parse_pattern(pattern).count()
    some = list(islice(candidates(pattern), 0, total, max(1, total // FOR_KERAS)))[: FOR_KERAS + 1]
    start = process_time()
    for index, candidate in enumerate(some):
        if index == 1:
            start = process_time()
        assert isinstance(candidate, Candidate)
        model = keras_model(Network.parse(candidate.spec).layers, allocate=False)
        assert model.count_params() == candidate.total_params, candidate.spec
    return (len(some) - 1) / (process_time() - start)


def main() -> None:
    """Measure every pattern and print a table."""
    table = Table(title=f"Sweeps: candidates a second on one core, goals {TOP_GOAL:,} (--top 10), {ROWS_GOAL:,} (rows)")
    rates = ("--top 10", "CSV", "JSON", "Keras")
    for title in ("Pattern", "Candidates", *rates, "--top 10 / Keras", "CSV / Keras", "Goals"):
        table.add_column(title, overflow="fold")
    for pattern in PATTERNS:
        top, keras = top_rate(pattern), keras_rate(pattern)
        csv, json = (rows_rate(pattern, each) for each in ("csv", "json"))
        met = top >= TOP_GOAL and min(csv, json) >= ROWS_GOAL
        rates = [f"{rate:,.0f}" for rate in (top, csv, json, keras, top / keras, csv / keras)]
        table.add_row(pattern, f"{parse_pattern(pattern).count():,}", *rates, "met" if met else "MISSED")
    Console(width=140).print(table)
    for pattern in (TEN_MILLION, TEN_BILLION):
        seconds, peak = process(pattern)
        print(f"{parse_pattern(pattern).count():,} candidates, --top 10: {seconds:.1f} s, {peak / 1024:.0f} MB at most")


def process(pattern: str) -> tuple[float, int]:
    """Return the run time in seconds and the peak memory in kilobytes of `rnncli sweep --top 10`."""
    program = [sys.executable, "-m", "rnncli", "sweep", pattern, "--top", "10", "--max-params", "1M", "--format", "csv"]
    start = perf_counter()
    done = subprocess.run([sys.executable, "-c", PEAK, *program], check=True, capture_output=True, text=True)
    return perf_counter() - start, int(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

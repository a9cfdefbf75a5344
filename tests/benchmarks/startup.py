"""Whole processes: `rnncli summary` and `forward` against the minimal program that imports the same libraries.

    python tests/benchmarks/startup.py [PAIRS]

The peer imports click and rich (and numpy for `forward`) and prints a table of the same size. The two alternate, and
the figure is the median of the pairwise ratios, because a noisy machine slows both. The goal is at most 1.10 for
`summary` and 1.25 for `forward`. TAB completion is compared with a Python that only imports click.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table

SPEC = "embed:10000x32,rnn:32:seq,rnn:32"
GOALS = {"summary": 1.10, "forward": 1.25}

PEER = """
import click
{imports}
from rich import box
from rich.console import Console
from rich.table import Table

@click.command()
@click.argument("spec")
def main(spec):
    table = Table(box=box.HEAVY_HEAD)
    for title in {titles}:
        table.add_column(title)
    for row in range(3):
        table.add_row(*{cells})
    console = Console()
    console.print(spec)
    console.print(table)
    for line in range(4):
        console.print("Total params: 324,160 (1.24 MB)")

main()
"""

SUMMARY_CELLS = {"Layer (type)": "simple_rnn_1 (SimpleRNN)", "Output Shape": "(None, None, 32)", "Param #": "320,000"}
FORWARD_CELLS = SUMMARY_CELLS | dict.fromkeys(("Time", "Mean", "Std", "Min", "Max", "Sat."), "0.000681")


def main(pairs: int = 20) -> None:
    """Measure both commands and print a table."""
    program = Path(sys.executable).with_name("rnncli")
    table = Table(title=f"Whole processes, {pairs} pairs in turn; ratio is the median")
    for title in ("Command", "Median", "Peer", "Peer's median", "Ratio", "Goal"):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as folder:
        for command, imports, shown in (("summary", "", SUMMARY_CELLS), ("forward", "import numpy", FORWARD_CELLS)):
            peer = Path(folder, f"peer_{command}.py")
            peer.write_text(PEER.format(imports=imports, titles=list(shown), cells=list(shown.values())))
            times = in_turn([str(program), command, SPEC], [sys.executable, str(peer), SPEC], pairs)
            cells = cells_of(times, "click, rich" + (", numpy" if imports else ""))
            met = "met" if float(cells[-1]) <= GOALS[command] else "MISSED"
            table.add_row(f"rnncli {command}", *cells, f"{GOALS[command]:.2f} {met}")
    tab = ["env", "_RNNCLI_COMPLETE=bash_complete", "COMP_LINE=rnncli summary embed:10000x32,rnn:32:", "COMP_WORD="]
    times = in_turn([*tab, str(program)], [sys.executable, "-c", "import click"], pairs)
    table.add_row("a press of TAB", *cells_of(times, "click"))
    Console(width=140).print(table)


def cells_of(times: tuple[list[float], list[float]], *peer: str) -> tuple[str, ...]:
    """Return a row's last cells: both median times, with any name of the peer between them, and the ratio."""
    ours, theirs = times
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return f"{median(ours) * 1e3:.0f} ms", *peer, f"{median(theirs) * 1e3:.0f} ms", f"{ratio:.2f}"


def in_turn(first: list[str], second: list[str], pairs: int) -> tuple[list[float], list[float]]:
    """Return the times of both commands in seconds, run alternately after a warm-up each."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs + 1):
        for command, seconds in zip((first, second), times, strict=True):
            start = perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
            seconds.append(perf_counter() - start)
    return times[0][1:], times[1][1:]


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

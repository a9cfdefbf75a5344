"""Two directions as one cell against two cells, in turn in one process: where `ZEROS_PER_CALL` should be.

    make bench

A ratio under 1 means that one cell is faster. Rows under the limit should be well under 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import product
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

import rnncli.engine.recurrent
from rnncli.engine.cells import calls_per_step
from rnncli.engine.model import Model

CELLS = ("rnn", "lstm", "gru")
BATCHES = (1, 2, 4, 8)
SIZES = ((8, 8), (8, 128), (32, 8), (32, 64), (32, 128), (48, 64), (64, 64), (96, 64))
"""(units, features)."""
TIMESTEPS = 100
ROUNDS = 40


def main() -> None:
    """Measure and print the table, those with the fewest zeros for each call that is spared first."""
    limit = rnncli.engine.recurrent.ZEROS_PER_CALL
    table = Table(title=f"one cell / two cells, best of {ROUNDS}; the limit is {limit:,} zeros a call")
    for title in ("Layer", "Features", "Batch", "Zeros a call", "Ratio", "Runs as"):
        table.add_column(title, justify="left" if title in ("Layer", "Runs as") else "right")
    for zeros, spec, features, batch, ratio in sorted(measured()):
        runs_as = "one" if zeros <= limit else "two"
        table.add_row(spec, str(features), str(batch), f"{zeros:,.0f}", f"{ratio:.2f}", runs_as)
    Console(width=100).print(table)


def measured() -> Iterator[tuple[float, str, int, int, float]]:
    """Yield the zeros per saved call, the layer, its features, the batch and the ratio."""
    for cell, (units, features), batch in product(CELLS, SIZES, BATCHES):
        model = Model(f"input:{features},{cell}:{units}:seq:bi")
        x = np.random.default_rng(1).standard_normal((batch, TIMESTEPS, features), np.float32)
        layer = model.network.body[0]
        zeros = layer.gates * units * (units + features) * batch / (calls_per_step(layer) or 1)
        best = {"one": float("inf"), "two": float("inf")}
        for _ in range(ROUNDS):
            for way, most in (("one", float("inf")), ("two", -1)):
                rnncli.engine.recurrent.ZEROS_PER_CALL = most
                best[way] = min(best[way], seconds(partial(model, x)))
        yield zeros, layer.spec(), features, batch, best["one"] / best["two"]
        print(".", end="", file=sys.stderr, flush=True)


def seconds(run: partial[np.ndarray]) -> float:
    begin = perf_counter()
    run()
    return perf_counter() - begin


if __name__ == "__main__":
    main()

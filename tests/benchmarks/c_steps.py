"""One LSTM step in exported C against PyTorch and rnncli, alternating in one process, on a single sample.

    make bench

The C is compiled with `-O3 -march=native`. Each program runs a sequence on one thread; its best time per step counts.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from rnncli import Network
from rnncli.engine.model import Model
from rnncli.export import Device, Job, export

SIZES = {32: 0.6, 64: 0.9, 128: 1.1}
"""Units (and as many features), with the largest allowed ratio of C's time to PyTorch's."""

TIMESTEPS = 500
ROUNDS = 60


def main() -> None:
    """Measure and print the table, or report that there is no compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        print("no C compiler is installed, so nothing is measured")
        return
    torch.set_num_threads(1)
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    table = Table(title=f"µs a step of an LSTM, best of {ROUNDS}; {version}, PyTorch {torch.__version__}")
    for title in ("Units", "C", "int8", "PyTorch", "NumPy", "C / PyTorch", "At most"):
        table.add_column(title, justify="right")
    for units, most in SIZES.items():
        with TemporaryDirectory() as folder:
            best = best_of(dict(programs(units, compiler, Path(folder))))
        times = [f"{best[name] * 1e6 / TIMESTEPS:.2f}" for name in ("C", "int8", "PyTorch", "NumPy")]
        table.add_row(str(units), *times, f"{best['C'] / best['PyTorch']:.2f}", f"{most:.2f}")
    Console(width=100).print(table)


def programs(units: int, compiler: str, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each program's name and a function that runs a sequence."""
    network = Network.parse(f"input:{units},lstm:{units}:seq")
    model = Model(network)
    x = np.random.default_rng(0).standard_normal((1, TIMESTEPS, units), np.float32)
    y = np.empty_like(x)
    for name, dtype in (("C", "float32"), ("int8", "int8")):
        source, library = folder / f"{name}.c", folder / f"{name}.so"
        source.write_text(str(export(Job(network, lambda: model.weights, device=Device(dtype=dtype)), "c")))
        flags = ["-std=c99", "-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, source, "-lm", "-o", library], check=True)
        function = ctypes.CDLL(str(library)).model_run
        function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        yield name, lambda function=function: function(x.ctypes.data, TIMESTEPS, y.ctypes.data)
    lstm, tensor = torch.nn.LSTM(units, units, batch_first=True), torch.from_numpy(x)

    def in_torch() -> None:
        with torch.inference_mode():
            lstm(tensor)

    yield "PyTorch", in_torch
    yield "NumPy", lambda: model(x)


def best_of(programs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the best time of each program in seconds, measured in turn."""
    best = dict.fromkeys(programs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in programs.items():
            start = perf_counter()
            run()
            best[name] = min(best[name], perf_counter() - start)
    print(".", end="", file=sys.stderr, flush=True)
    return best


if __name__ == "__main__":
    main()

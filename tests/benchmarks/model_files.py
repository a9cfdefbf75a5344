"""Whole processes: `rnncli inspect` and `summary` on a 4 GB model file against a small one.

    python tests/benchmarks/model_files.py [PAIRS]

The structure comes from the header, so the file's size should not matter. The two commands alternate, and the figure is
the median of the pairwise ratios; the goal is at most 1.2. The large file is sparse on disk.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from math import prod
from pathlib import Path

from rich.console import Console
from rich.table import Table
from startup import cells_of, in_turn

GOAL = 1.2


def sparse_model(path: Path, vocabulary: int) -> Path:
    """Write a sparse safetensors file of an embedding, an LSTM and a dense layer."""
    shapes = {
        "embedding.weight": (vocabulary, 64),
        "lstm.weight_ih_l0": (128, 64),
        "lstm.weight_hh_l0": (128, 32),
        "lstm.bias_ih_l0": (128,),
        "lstm.bias_hh_l0": (128,),
        "head.weight": (10, 32),
        "head.bias": (10,),
    }
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return path


def main(pairs: int = 20) -> None:
    """Measure both commands and print a table."""
    program = str(Path(sys.executable).with_name("rnncli"))
    table = Table(title=f"Model files of two sizes, {pairs} pairs in turn; ratio is the median, goal at most {GOAL}")
    for title in ("Command", "4 GB", "Small", "Ratio", "Goal"):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as folder:
        large = str(sparse_model(Path(folder, "large.safetensors"), 1 << 24))
        small = str(sparse_model(Path(folder, "small.safetensors"), 1 << 10))
        for command in ("inspect", "summary"):
            cells = cells_of(in_turn([program, command, large], [program, command, small], pairs))
            table.add_row(f"rnncli {command}", *cells, "met" if float(cells[-1]) <= GOAL else "MISSED")
    Console().print(table)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

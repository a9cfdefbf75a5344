"""Run the README's Python recipe and every kind of result in a real notebook, and check the display.

It needs `pip install nbclient nbconvert ipykernel pandas polars` in the frameworks' environment. There, run
`python tests/golden/notebook.py notebook.html`, and open the page in light and dark mode.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ROOT = Path(__file__).parents[2]

CELLS = {
    "network": "<table",
    "model": "<table",
    "network.summary(batch=1, timesteps=100, wide=True)": "<table",
    "network.explain(others=True)": "<li>",
    "network.draw()": "<svg",
    "rnncli.compare('input:8,lstm:16', 'input:8,gru:16')": "<table",
    "rnncli.load('input:8,lstm:16').forward(plot=True, gates=True)": "<svg",
    "rnncli.reach('input:8,rnn:16', 'input:8,lstm:16')": "<svg",
    "rnncli.sweep('input:8,{lstm,gru}:{8..64..8}', pareto='params,-output')": "<table",
    "rnncli.solve('input:8,lstm:_', memory='64KB')": "<code>input:8,lstm:",
    "network.export('torch')": "<pre><code>import torch",
    "rnncli.look_up('seq')": "return_sequences",
    "network.page()": "<iframe",
    "rnncli.inspect('tests/golden/models/lstm-1.safetensors')": "<table",
    "import pandas; pandas.DataFrame(network.summary().rows())[['name', 'output_shape', 'params']]": "<table",
    "import polars; polars.DataFrame(network.summary().rows()).select('name', 'params')": "<table",
    "import numpy; sorted(numpy.load('/tmp/w.npz'))": "embedding/embeddings",
    "rnncli.forward('input:64,lstm:512', timesteps=50_000)": "<table",
}
"""Each cell's source, and texts that its display contains."""


def main(path: str) -> None:
    """Run the notebook, check each cell's display, and write it as a page."""
    (recipe,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    cells = [recipe.replace('"w.npz"', '"/tmp/w.npz"'), *CELLS]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    for cell, expected in zip(notebook.cells[1:], CELLS.values(), strict=True):
        shown = "".join(
            str(text) for output in cell.outputs for text in [*output.get("data", {}).values(), output.get("text", "")]
        )
        print("ok " if expected in shown else "NOT", cell.source[:90])
    bar, *_ = notebook.cells[-1].outputs
    print("ok " if bar.output_type == "display_data" else "NOT", "a bar while the last one runs")
    Path(path).write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")


main(sys.argv[1])

"""What programs and documents read: JSON, CSV, TSV and Markdown, with plain numbers and without Rich.

All read the object that `--format json` prints (`Summary.as_dict`); a row is one of its layers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rnncli.quantities import shape_text

Record = Mapping[str, Any]

SUMMARY_COLUMNS = ("output_shape", "params", "macs_per_step", "macs", "output_bytes")
"""The columns of a layer's numbers in a summary, behind those that say which layer it is."""

_WORDS = ("spec", "framework", "dtype", "layer", "type", "output_shape")
"""Columns that hold no numbers."""


def renderer(format_: str, columns: Sequence[str]) -> Callable[[Record], str]:
    """Return a function from a network's object to the lines that `format_` prints for it.

    Call it for each network in turn: CSV and TSV print their header with the first.

    Args:
        format_: json, csv, tsv or markdown.
        columns: the keys of a layer to print as columns (JSON prints all).
    """
    if format_ == "json":
        return json_line
    if format_ == "markdown":
        return lambda network: _markdown(network, columns)
    return _Delimited("," if format_ == "csv" else "\t", columns)


def json_line(network: Record) -> str:
    """Return an object as a line of JSON."""
    return json.dumps(network, allow_nan=False) + "\n"


class _Delimited:
    """CSV or TSV: one header, then a row for each layer with the spec of its network."""

    def __init__(self, delimiter: str, columns: Sequence[str]) -> None:
        self.delimiter = delimiter
        self.columns = columns
        self.header_is_due = True

    def __call__(self, network: Record) -> str:
        rows: list[list[object]] = []
        if self.header_is_due:
            rows.append(["spec", "framework", "dtype", "name", "type", "layer", *self.columns])
            self.header_is_due = False
        rows += [
            [
                network["spec"],
                network["framework"],
                network["dtype"],
                layer["name"],
                layer["type"],
                layer["spec"],
                *(cell(layer[column]) for column in self.columns),
            ]
            for layer in network["layers"]
        ]
        return delimited(rows, self.delimiter)


def delimited(rows: Iterable[Iterable[object]], delimiter: str) -> str:
    """Return rows as lines of CSV, or with a tab as the delimiter of TSV."""
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _markdown(network: Record, columns: Sequence[str]) -> str:
    header = ["layer", "type", *columns]
    aligned = [":---" if name in _WORDS else "---:" for name in header]
    rows = [
        [f"`{layer['name']}`", layer["type"], *(str(cell(layer[column])) for column in columns)]
        for layer in network["layers"]
    ]
    lines = [markdown_row(row) for row in [header, aligned, *rows]]
    total = f"Total parameters: {network['total_params']} ({network['total_bytes']} bytes)"
    return "\n".join([f"`{network['spec']}`", "", *lines, "", total, "", ""])


def network_rows(format_: str, columns: Sequence[str], rows: Iterable[Sequence[object]], header: bool = True) -> str:
    """Return rows of networks as CSV, TSV or Markdown.

    Args:
        format_: csv, tsv or markdown.
        columns: the names of the columns: spec, framework, dtype and output_shape, then numbers.
        rows: a row for each network.
        header: whether the names come first.
    """
    cells = [[cell(value) for value in row] for row in rows]
    lines: list[Sequence[object]] = [columns] if header else []
    if format_ != "markdown":
        return delimited([*lines, *cells], "," if format_ == "csv" else "\t")
    if header:
        lines.append([":---" if name in _WORDS else "---:" for name in columns])
    lines += [[f"`{spec}`", *others] for spec, *others in cells]
    return "".join(f"{markdown_row(map(str, line))}\n" for line in lines)


def markdown_row(cells: Iterable[str]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def cell(value: object) -> object:
    """Return a value for a cell: a shape as text, what is unknown as nothing."""
    if isinstance(value, tuple):
        return shape_text(value)
    return "" if value is None else value

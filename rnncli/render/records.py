"""Output for programs: records as JSON, and their rows as CSV or TSV, all with plain numbers, without Rich.

To add a format, list its writer in `WRITERS` and its name in `rnncli.render.terminal`, so that `--format` offers it
without importing this module; the tests cover every listed format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from rnncli.errors import one_line
from rnncli.immutable import NamedTuple
from rnncli.summary import TOTALS

Record = dict[str, Any]
"""An object as printed in JSON: a network with its counts, a run, a candidate of a sweep."""

LISTED = (*TOTALS, "output_shape", "spec")
"""The columns shown to people for the candidates of a sweep."""


class Writer:
    """Writes texts in batches, so that they can be printed before all are known.

    Args:
        head: the text before the first batch.
    """

    def __init__(self, head: str = "") -> None:
        self.head = head

    def rows(self, records: Sequence[Any], /) -> str:
        """Return the text of a batch."""
        return "".join(records)

    def end(self) -> str:
        """Return the text after the last batch."""
        return ""


class JsonWriter(Writer):
    """JSON: one object per line for each record."""

    def rows(self, records: Sequence[Any], /) -> str:
        """Return a line for each record."""
        import json

        encode = json.JSONEncoder(allow_nan=False).encode
        return "".join([f"{encode(record)}\n" for record in records])


class Layout(NamedTuple):
    """The table of a command's records.

    Attributes:
        columns: the names of the columns, words of the vocabulary.
        rows: returns the rows of a record, with a value for each column and possibly others. By default each record is
            one row.
    """

    columns: tuple[str, ...]
    rows: Callable[[Record], Iterable[Record]] = lambda record: [record]

    def cells(self, record: Record) -> list[list[object]]:
        """Return the rows of a record: a value for each column, with shapes as tuples and None for unknown."""
        return [[_cell(row[name]) for name in self.columns] for row in self.rows(record)]


def _cell(value: object) -> object:
    return "; ".join(map(str, value)) if isinstance(value, list) else value


class DelimitedWriter(Writer):
    """CSV, or TSV with a tab as the delimiter: one header, then the rows of all records."""

    def __init__(self, layout: Layout, delimiter: str) -> None:
        self._layout = layout
        self._delimiter = delimiter
        super().__init__(self._lines([layout.columns]))

    def rows(self, records: Sequence[Any], /) -> str:
        """Return the rows of some records."""
        # The csv module writes None as an empty cell and a shape as a Python tuple.
        return self._lines(chain.from_iterable(map(self._layout.cells, records)))

    def _lines(self, rows: Iterable[Iterable[object]]) -> str:
        import csv
        import io

        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerows(
            [_plain(cell) if type(cell) in (str, bool) else cell for cell in row] for row in rows
        )
        return text.getvalue()


def _plain(cell: object) -> str:
    return ("true" if cell else "false") if isinstance(cell, bool) else one_line(str(cell))


WRITERS: Mapping[str, Callable[[Layout], Writer]] = {
    "json": lambda layout: JsonWriter(),
    "csv": lambda layout: DelimitedWriter(layout, ","),
    "tsv": lambda layout: DelimitedWriter(layout, "\t"),
}
"""A constructor for each format's writer, given the layout of its output."""

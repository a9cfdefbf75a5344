"""The table of a sweep that people see, printed as its rows are made; without Rich, since there may be millions."""

from __future__ import annotations

from collections.abc import Sequence

from rnncli.quantities import figure_text, shape_text
from rnncli.render.records import Record
from rnncli.summary import TOTALS
from rnncli.vocabulary import title


class CandidateTable:
    """Writes candidates in columns. The spec comes last, since nobody knows how long the next one is.

    The other columns are as wide as what has been seen, and grow where that is not enough.
    """

    def __init__(self) -> None:
        self._widths: list[int] = []
        self._figures: list[str] = []

    def begin(self) -> str:
        """Return nothing: how wide the titles are depends on the first rows."""
        return ""

    def rows(self, records: Sequence[Record]) -> str:
        """Return the rows of some candidates, the titles above the first."""
        titles = []
        if not self._widths:
            # What is not known of the first candidates has no column.
            self._figures = [key for key in TOTALS if any(record[key] is not None for record in records)]
            titles = [[*map(title, self._figures), "Output shape", "Spec"]]
            self._widths = [0] * (len(self._figures) + 1)
        rows = titles + [self._cells(record) for record in records]
        self._widths = [max(width, *(len(row[i]) for row in rows)) for i, width in enumerate(self._widths)]
        *numbers, output = self._widths
        return "".join(
            "  ".join([*map(str.rjust, row[:-2], numbers), row[-2].ljust(output), row[-1]]) + "\n" for row in rows
        )

    def end(self) -> str:
        """Return nothing."""
        return ""

    def _cells(self, record: Record) -> list[str]:
        figures = [figure_text(key, record[key]) for key in self._figures]
        return [*figures, shape_text(record["output_shape"]), record["spec"]]

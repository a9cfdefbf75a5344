"""The table of a sweep that people see, printed as its rows are made; without Rich, since there may be millions."""

from __future__ import annotations

from collections.abc import Sequence

from rnncli.quantities import count, memory, shape_text
from rnncli.render.records import Record

_TITLES = ("Params", "Memory", "MACs/step", "MACs", "Output", "Spec")


class CandidateTable:
    """Writes candidates in columns. The spec comes last, since nobody knows how long the next one is.

    The other columns are as wide as what has been seen, and grow where that is not enough.
    """

    def __init__(self) -> None:
        self._widths: list[int] = []
        self._shows_macs = True

    def begin(self) -> str:
        """Return nothing: how wide the titles are depends on the first rows."""
        return ""

    def rows(self, records: Sequence[Record]) -> str:
        """Return the rows of some candidates, the titles above the first."""
        titles = []
        if not self._widths:
            self._shows_macs = any(record["macs"] is not None for record in records)
            titles = [self._cells(*_TITLES)]
            self._widths = [0] * (len(titles[0]) - 1)
        rows = titles + [
            self._cells(
                f"{record['params']:,}",
                memory(record["bytes"]),
                f"{record['macs_per_step']:,}",
                count(record["macs"]),
                shape_text(record["output_shape"]),
                record["spec"],
            )
            for record in records
        ]
        self._widths = [max(width, *(len(row[i]) for row in rows)) for i, width in enumerate(self._widths)]
        *numbers, output = self._widths
        return "".join(
            "  ".join([*map(str.rjust, row[:-2], numbers), row[-2].ljust(output), row[-1]]) + "\n" for row in rows
        )

    def end(self) -> str:
        """Return nothing."""
        return ""

    def _cells(self, params: str, size: str, macs_per_step: str, macs: str, output: str, spec: str) -> tuple[str, ...]:
        """Return a row, without the multiply-adds of the whole input where these are not known."""
        known = (macs,) if self._shows_macs else ()
        return (params, size, macs_per_step, *known, output, spec)

"""The rows of a sweep, printed while there are more to come; without Rich, since there may be millions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnncli.quantities import count, memory, shape_text
from rnncli.render.plain import json_line, network_rows
from rnncli.search.sweep import Candidate, Setting

Printer = Callable[[Sequence[Candidate]], str]
"""Returns the lines of some more candidates; the header comes with the first."""

COLUMNS = ("spec", "framework", "dtype", "output_shape", "params", "bytes", "macs_per_step", "macs")
"""What programs read of a candidate, by the names that it has there."""

_TITLES = ("Params", "Memory", "MACs/step", "MACs", "Output", "Spec")


def row_printer(format_: str, setting: Setting) -> Printer:
    """Return a function from candidates to the lines that `format_` prints for them.

    Call it for one stretch of candidates after another.
    """
    if format_ == "table":
        return _Table()
    if format_ == "json":
        return lambda candidates: "".join(
            json_line(dict(zip(COLUMNS, _values(each, setting), strict=True))) for each in candidates
        )
    return _Plain(format_, setting)


class _Plain:
    """CSV, TSV or Markdown: one header, and a row for each candidate."""

    def __init__(self, format_: str, setting: Setting) -> None:
        self.format = format_
        self.setting = setting
        self.header_is_due = True

    def __call__(self, candidates: Sequence[Candidate]) -> str:
        header = self.header_is_due and len(candidates) > 0
        self.header_is_due = self.header_is_due and not header
        return network_rows(self.format, COLUMNS, [_values(each, self.setting) for each in candidates], header)


class _Table:
    """Columns for people. The spec comes last, since nobody knows how long the next one is.

    The others are as wide as what has been seen, and grow where that is not enough.
    """

    def __init__(self) -> None:
        self.widths: list[int] = []
        self.shows_macs = True

    def __call__(self, candidates: Sequence[Candidate]) -> str:
        if not candidates:
            return ""
        header = []
        if not self.widths:
            self.shows_macs = any(each.macs is not None for each in candidates)
            header = [self._row(*_TITLES)]
            self.widths = [0] * (len(header[0]) - 1)
        rows = header + [
            self._row(
                f"{each.params:,}",
                memory(each.bytes),
                f"{each.macs_per_step:,}",
                count(each.macs),
                shape_text(each.output_shape),
                each.spec,
            )
            for each in candidates
        ]
        self.widths = [max(width, *(len(row[i]) for row in rows)) for i, width in enumerate(self.widths)]
        *numbers, output = self.widths
        return "".join(
            "  ".join([*map(str.rjust, row[:-2], numbers), row[-2].ljust(output), row[-1]]) + "\n" for row in rows
        )

    def _row(self, params: str, size: str, macs_per_step: str, macs: str, output: str, spec: str) -> tuple[str, ...]:
        """Return the cells, without the multiply-adds of the whole input where these are not known."""
        known = (macs,) if self.shows_macs else ()
        return (params, size, macs_per_step, *known, output, spec)


def _values(candidate: Candidate, setting: Setting) -> tuple[object, ...]:
    spec, *numbers = candidate
    return (spec, setting.framework, setting.dtype, *numbers)

"""The rows of candidates in a format for programs, made fast: there may be millions.

A writer is asked once for a row of each form, in which every number is one that stands nowhere else. What it writes is
cut at these numbers, and the rows of all candidates of that form are filled in. So this knows of no format; what it
relies on is that a number stands in a row as its digits, and a plain spec as itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from rnncli.render.records import Record, Texts, Writer

_SPEC = "input:7777777,lstm:7777777"
_MARK = 10**30

_SPECIAL = re.compile(r"[^ -~]|[\"\\&<>|`']")
"""What a format may write in another way: all but plain ASCII, and the signs that one of them has a use for."""


class _Form(NamedTuple):
    """A row with places for what differs.

    Attributes:
        template: the row, for the operator %.
        order: which of the values stands at each place.
    """

    template: str
    order: list[int]


class WrittenRows(Texts):
    """A writer whose rows have been written already: what comes before and after them is another writer's.

    Args:
        writer: the other writer.
    """

    def __init__(self, writer: Writer[Record]) -> None:
        self.begin = writer.begin  # type: ignore[method-assign]
        self.end = writer.end  # type: ignore[method-assign]


class RowTexts:
    """Writes the rows of candidates.

    Args:
        writer: writes the rows of any records.
        record: makes a record of a spec, a shape and figures.
        figures: how many figures there are.
    """

    def __init__(self, writer: Writer[Record], record: Callable[..., Record], figures: int) -> None:
        self._writer = writer
        self._record = record
        self._figures = figures
        self._forms: dict[tuple[bool, ...], _Form] = {}

    def rows(self, candidates: Sequence[Sequence[Any]]) -> str:
        """Return the rows of some candidates; of each the spec, the shape and some figures come first."""
        specs = [candidate[0] for candidate in candidates]
        if _SPECIAL.search("".join(specs)) or not all("," in spec for spec in specs):
            stop = 2 + self._figures
            return self._writer.rows([self._record(*candidate[:stop]) for candidate in candidates])
        text = self._rows_alike(candidates)
        if text is None:
            text = "".join([self._rows_alike([*run]) or "" for _, run in groupby(candidates, key=_unknown)])
        return text

    def _rows_alike(self, candidates: Sequence[Sequence[Any]]) -> str | None:
        """Return the rows of candidates of which the same values are not known; None if they are not such."""
        specs, shapes, *figures = zip(*candidates, strict=True)
        if len(set(map(len, shapes))) > 1:
            return None
        columns = [specs, *zip(*shapes, strict=True), *figures[: self._figures]]
        if any(0 < column.count(None) < len(candidates) for column in columns):
            return None
        unknown = tuple([column[0] is None for column in columns])
        form = self._forms.get(unknown)
        if form is None:
            form = self._forms[unknown] = self._form(unknown)
        values = zip(*[columns[place] for place in form.order], strict=True)
        return "".join(map(form.template.__mod__, values))

    def _form(self, unknown: tuple[bool, ...]) -> _Form:
        """Return the form of rows in which some values are not known."""
        values = [None if each else _MARK + place for place, each in enumerate(unknown)]
        figures = len(values) - self._figures
        row = self._writer.rows([self._record(_SPEC, tuple(values[1:figures]), *values[figures:])])
        order = []
        template = ""
        marks = re.compile("|".join([_SPEC, *(str(value) for value in values[1:] if value is not None)]))
        end = 0
        for mark in marks.finditer(row):
            order.append(0 if mark[0] == _SPEC else int(mark[0]) - _MARK)
            template += row[end : mark.start()].replace("%", "%%") + "%s"
            end = mark.end()
        template += row[end:].replace("%", "%%")
        return _Form(template, order)


def _unknown(candidate: Sequence[Any]) -> tuple[bool, ...]:
    """Return which values of a candidate are not known, those of its shape among them."""
    return tuple([value is None for value in (*candidate[1], *candidate[2:])])

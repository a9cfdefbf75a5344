"""The table of a sweep that people see, printed as its rows are made; without Rich, since there may be millions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.errors import one_line
from rnncli.quantities import figure_text, shape_text
from rnncli.render.records import Record
from rnncli.render.wrapping import INDENT, wrapped
from rnncli.summary import TOTALS
from rnncli.vocabulary import title

if TYPE_CHECKING:
    from rnncli.render.scatter import Point

_COLUMNS = (*TOTALS, "output_shape")
"""The keys of what stands before the spec."""

_TITLES = {**{key: title(key) for key in TOTALS}, "output_shape": "Output shape"}

_LEAVE = (
    "training_bytes",
    "streaming_bytes",
    "output_bytes",
    "macs_per_step",
    "output_shape",
    "macs",
    "total_bytes",
    "total_params",
)
"""The order in which columns leave a table that is too wide."""

_GAP = "  "

_FEWEST = 3
"""Points of which a picture is made at least."""

_LEAST_ROOM = 24
"""The least columns of a terminal for a spec beside its figures. The longest number in a spec fits there."""

Row = dict[str, str]
"""The texts of a candidate by its keys."""


class CandidateTable:
    """Writes candidates in columns. The spec comes last, since nobody knows how long the next one is.

    The other columns are as wide as what has been seen, and grow where that is not enough. What is the same in all rows
    of the first batch is said above, in place of a column; should it change later, the column is there from then on,
    under new titles.

    Args:
        width: the columns of the terminal, or None where nothing limits a line. Where the table is too wide columns
            leave, and specs are wrapped; where not even the last one fits, a candidate is a block of names and values.
        sorted_by: the key that the candidates are sorted by, whose column is the last to leave.
    """

    def __init__(self, width: int | None = None, sorted_by: str | None = None) -> None:
        self._width = width
        self._leave = sorted(_LEAVE, key=lambda key: key == sorted_by)
        self._same: Record | None = None
        self._left: set[str] = set()
        self._widths: dict[str, int] = {}
        self._template = ""
        """A line, for the operator % and a row."""
        self._in_blocks = False

    def begin(self) -> str:
        """Return nothing: what the titles are depends on the first rows."""
        return ""

    def rows(self, records: Sequence[Record]) -> str:
        """Return the rows of some candidates, the titles above the first, and wherever the columns change."""
        before = None if self._same is None else self._shown()
        self._same = _same_in_all(records, self._same)
        rows = _texts(records, self._same)
        self._fit(rows)
        lines: list[str] = []
        if self._in_blocks:
            lines += self._above() if before is None else []
            for row in rows:
                lines += self._block(row)
        else:
            if before != self._shown():
                lines += [*self._above(), self._line({**_TITLES, "spec": "Spec"})]
            for row in rows:
                lines += self._wrapped(row)
        return "".join(f"{line}\n" for line in lines)

    def end(self) -> str:
        """Return a line that names the columns that have left."""
        left = [_TITLES[key] for key in _COLUMNS if key in self._left and key not in (self._same or {})]
        if not left or self._in_blocks or self._width is None:
            return ""
        return "".join(f"{line}\n" for line in wrapped(f"{', '.join(left)}: on a wider terminal", self._width))

    def _shown(self) -> list[str]:
        return [key for key in _COLUMNS if key not in (self._same or {}) and key not in self._left]

    def _fit(self, rows: Sequence[Row]) -> None:
        """Widen the columns for some more rows; let columns leave until there is room for the specs."""
        for key in _COLUMNS:
            seen = self._widths.get(key, len(_TITLES[key]))
            some = rows[:1] if key in (self._same or {}) else rows
            self._widths[key] = max(seen, *[len(row[key]) for row in some])
        longest = max(len(row["spec"]) for row in rows)
        while not self._in_blocks and self._width is not None and self._room() < min(longest, _LEAST_ROOM):
            shown = self._shown()
            if len(shown) > 1:
                self._left.add(next(key for key in self._leave if key in shown))
            else:
                self._in_blocks = True
        signs = {key: "-" if key == "output_shape" else "" for key in self._shown()}
        cells = [f"%({key}){sign}{self._widths[key]}s" for key, sign in signs.items()]
        self._template = _GAP.join([*cells, "%(spec)s"])

    def _room(self) -> int:
        """Return how many columns are left for a spec."""
        assert self._width is not None
        return self._width - sum(self._widths[key] + len(_GAP) for key in self._shown())

    def _above(self) -> Iterator[str]:
        """Yield the lines that say what is the same in all rows."""
        same = self._same or {}
        known = [f"{_TITLES[key]} {_text(key, value)}" for key, value in same.items() if value is not None]
        if known:
            text = f"The same in every row: {', '.join(known)}"
            yield from [text] if self._width is None else wrapped(text, self._width)

    def _line(self, row: Row) -> str:
        return self._template % row

    def _wrapped(self, row: Row) -> Iterator[str]:
        line = self._line(row)
        if self._width is None or len(line) <= self._width:
            yield line
            return
        room = self._room()
        first, *further = wrapped(row["spec"], room)
        yield self._line({**row, "spec": first})
        for part in further:
            yield " " * (self._width - room) + part

    def _block(self, row: Row) -> Iterator[str]:
        """Yield a candidate's spec and, below it, a line for each figure."""
        assert self._width is not None
        yield from wrapped(row["spec"], self._width)
        keys = [key for key in _COLUMNS if key not in (self._same or {})]
        names = max((len(_TITLES[key]) for key in keys), default=0)
        for key in keys:
            line = f"{' ' * INDENT}{_TITLES[key].ljust(names)}{_GAP}{row[key]}"
            if len(line) <= self._width:
                yield line
            else:
                yield f"{' ' * INDENT}{_TITLES[key]}"
                yield from (f"{' ' * 2 * INDENT}{part}" for part in wrapped(row[key], self._width - 2 * INDENT))


class FrontierTable(CandidateTable):
    """The same for a frontier, with a picture below of where it lies among all candidates.

    Args:
        width: the columns of the terminal, or None where nothing limits a line.
        sorted_by: the key that the candidates are sorted by.
        across: the key of what grows to the right in the picture.
        up: the key of what grows upwards.
        others: returns a point for all candidates that lie near it.
    """

    def __init__(
        self, width: int | None, sorted_by: str | None, across: str, up: str, others: Callable[[], list[Point]]
    ) -> None:
        super().__init__(width, sorted_by)
        self._keys = across, up
        self._others = others
        self._points: list[Point] = []

    def rows(self, records: Sequence[Record]) -> str:
        """Return the rows of some candidates of the frontier."""
        points = [(_figure(record, self._keys[0]), _figure(record, self._keys[1])) for record in records]
        self._points += [point for point in points if None not in point]
        return super().rows(records)

    def end(self) -> str:
        """Return the picture, if there is anything to see."""
        picture = self.picture()
        return super().end() + "".join(f"{line}\n" for line in ["", *picture] if picture)

    def picture(self) -> list[str]:
        """Return the lines of the picture; none where there is nothing to see."""
        others = self._others()
        if not self._points or len({*others, *self._points}) < _FEWEST:
            return []
        from rnncli.render.scatter import scatter

        across, up = map(_axis_title, self._keys)
        note = "● are the rows above, · all other candidates."
        return list(scatter(others, self._points, (across, up), self._width, note))


def _figure(record: Record, key: str) -> Any:
    """Return a figure of a candidate by its record."""
    return record["output_shape"][-1] if key == "output_features" else record[key]


def _axis_title(key: str) -> str:
    """Return what an axis of the picture is called."""
    if key == "output_features":
        return "Output features"
    return f"{title(key)} in bytes" if key.endswith("_bytes") else title(key)


def _texts(records: Sequence[Record], same: Record) -> list[Row]:
    """Return the texts of some candidates; those of what is the same in all are made once."""
    common = {key: _text(key, value) for key, value in same.items()}
    others = [key for key in _COLUMNS if key not in same]
    return [
        {**common, **{key: _text(key, record[key]) for key in others}, "spec": one_line(record["spec"])}
        for record in records
    ]


def _text(key: str, value: Any) -> str:
    return shape_text(value) if key == "output_shape" else figure_text(key, value)


def _same_in_all(records: Sequence[Record], before: Record | None) -> Record:
    """Return what is the same in some candidates: of all columns in the first ones, then of what was so far.

    A single first candidate says nothing of those to come, but for what is not known of it.
    """
    if before is None:
        first = records[0]
        before = {key: first[key] for key in _COLUMNS if len(records) > 1 or first[key] is None}
    return {key: value for key, value in before.items() if all(record[key] == value for record in records)}

"""The formats that programs and documents read, a writer for each: plain numbers, without Rich.

To add a format, list its writer in `WRITERS`, and its name in `rnncli.commands.options`, so that `--format` offers it
and a table for people need not import this; the tests ask of it what they ask of every one.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Protocol, TypeVar

from rnncli.errors import ArgumentError, listed, one_line, shorten
from rnncli.render.records import Column, Frame, Layout, Record, Remark
from rnncli.vocabulary import Content

Row = TypeVar("Row", contravariant=True)


class Writer(Protocol[Row]):
    """Writes records in a format, some at a time, so that they can be printed while there are more to come."""

    def begin(self) -> str:
        """Return what comes before the first records."""

    def rows(self, records: Sequence[Row], /) -> str:
        """Return the text of some records."""

    def end(self) -> str:
        """Return what comes after the last records."""


class JsonWriter:
    """JSON: each record itself, as one object a line."""

    def begin(self) -> str:
        """Return nothing."""
        return ""

    def rows(self, records: Sequence[Record]) -> str:
        """Return a line for each record."""
        import json

        encode = json.JSONEncoder(allow_nan=False).encode
        return "".join([f"{encode(record)}\n" for record in records])

    def end(self) -> str:
        """Return nothing."""
        return ""


class DelimitedWriter:
    """CSV, or TSV with a tab as the delimiter: one header, then the rows of all records."""

    def __init__(self, layout: Layout, delimiter: str) -> None:
        self._layout = layout
        self._delimiter = delimiter

    def begin(self) -> str:
        """Return the names of the columns."""
        return self._lines([[column.name for column in self._layout.columns]])

    def rows(self, records: Sequence[Record]) -> str:
        """Return the rows of some records."""
        # What is not known is an empty cell, and a shape is as Python writes a tuple: the csv module sees to both.
        return self._lines(chain.from_iterable(map(self._layout.rows, records)))

    def end(self) -> str:
        """Return nothing."""
        return ""

    def _lines(self, rows: Iterable[Iterable[object]]) -> str:
        import csv
        import io

        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerows(
            [_text(cell) if type(cell) in (str, bool) else cell for cell in row] for row in rows
        )
        return text.getvalue()


class _DocumentWriter(ABC):
    """A table of all records, or one for each with its network above and its closing line below."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        shown = [(index, column) for index, column in enumerate(layout.columns) if column.in_documents]
        self._indices = [index for index, _ in shown]
        self._columns = [column for _, column in shown]
        self._number = 0
        self._remarks: list[Remark] = []

    def begin(self) -> str:
        """Return the start of the table of all records, if they share one."""
        return self._start(None) if self._layout.frame is None else ""

    def rows(self, records: Sequence[Record]) -> str:
        """Return the rows of some records, or their tables."""
        frame = self._layout.frame
        if frame is None:
            self._remark(records)
            return "".join(map(self._body, records))
        return "".join(self._table(record, frame(record)) for record in records)

    def end(self) -> str:
        """Return the end of the table of all records, if they share one."""
        return self._end(None) if self._layout.frame is None else ""

    def _remark(self, records: Sequence[Record]) -> None:
        """Keep what is said of some records for the end of the table that all share."""
        remarks = self._layout.remarks
        if remarks is None:
            return
        for record in records:
            self._number += 1
            self._remarks += remarks.of(self._number, record)

    def _heading(self) -> str:
        """Return the line above the remarks."""
        return "" if self._layout.remarks is None else self._layout.remarks.heading

    def _table(self, record: Record, frame: Frame) -> str:
        return self._start(frame) + self._body(record) + self._end(frame)

    def _body(self, record: Record) -> str:
        rows = self._layout.rows(record)
        return "".join(self._row([_text(cells[index]) for index in self._indices]) for cells in rows)

    @abstractmethod
    def _start(self, frame: Frame | None) -> str:
        """Return a table up to its first row. Around the table of all records there is no frame."""

    @abstractmethod
    def _row(self, texts: Sequence[str]) -> str:
        """Return a row, a text for each column shown."""

    @abstractmethod
    def _end(self, frame: Frame | None) -> str:
        """Return what comes after the last row of a table."""


class MarkdownWriter(_DocumentWriter):
    """Markdown, with tables as GitHub reads them."""

    _ALIGNMENT: Mapping[Content, str] = {"numbers": "---:", "words": ":---", "code": ":---"}

    def _start(self, frame: Frame | None) -> str:
        spec = "" if frame is None else f"{_code_span(one_line(frame.spec))}\n\n"
        titles = _markdown_row([column.name for column in self._columns])
        return spec + titles + _markdown_row([self._ALIGNMENT[column.holds] for column in self._columns])

    def _row(self, texts: Sequence[str]) -> str:
        cells = zip(self._columns, texts, strict=True)
        return _markdown_row([_code_span(text) if column.holds == "code" else text for column, text in cells])

    def _end(self, frame: Frame | None) -> str:
        if frame is None:
            remarks = "".join(f"- {_code_span(remark.of)} {_plain(remark.text)}\n" for remark in self._remarks)
            return f"\n{self._heading()}\n\n{remarks}" if remarks else ""
        code = "".join(f"{line}\n" for line in frame.code)
        return f"\n{_plain(frame.closing)}\n\n" + (f"```python\n{code}```\n\n" if code else "")


class HtmlWriter(_DocumentWriter):
    """HTML to paste into a page or to show in a notebook, without a style sheet.

    Each cell says how it is aligned: a notebook would move all of them to the right.
    """

    _ALIGNMENT: Mapping[Content, str] = {"numbers": "right", "words": "left", "code": "left"}

    def __init__(self, layout: Layout) -> None:
        from html import escape

        super().__init__(layout)
        self._escape = escape
        tags = ['th scope="row"', *["td"] * (len(self._columns) - 1)]
        cells = [
            self._cell(tag, column, "<code>{}</code>" if column.holds == "code" else "{}")
            for tag, column in zip(tags, self._columns, strict=True)
        ]
        self._filled_row = _html_row(cells).format

    def _start(self, frame: Frame | None) -> str:
        escape = self._escape
        caption = escape(self._layout.caption) if frame is None else f"<code>{escape(one_line(frame.spec))}</code>"
        titles = [self._cell('th scope="col"', column, escape(column.name)) for column in self._columns]
        return _ascii(f"<table>\n<caption>{caption}</caption>\n<thead>\n{_html_row(titles)}</thead>\n<tbody>\n")

    def _row(self, texts: Sequence[str]) -> str:
        return _ascii(self._filled_row(*map(self._escape, texts)))

    def _end(self, frame: Frame | None) -> str:
        lines = "" if frame is None else self._escape(frame.closing)
        if self._remarks:
            said = (f"<code>{self._escape(of)}</code> {self._escape(text)}" for of, text in self._remarks)
            lines = "".join(f"<div>{line}</div>" for line in [self._escape(self._heading()), *said])
        cell = f'<td colspan="{len(self._columns)}" style="text-align:left">{lines}</td>'
        closing = f"<tfoot>\n{_html_row([cell])}</tfoot>\n" if lines else ""
        code = "\n".join(map(self._escape, frame.code)) if frame is not None else ""
        source = f"<pre><code>{code}</code></pre>\n" if code else ""
        return _ascii(f"</tbody>\n{closing}</table>\n{source}")

    def _cell(self, tag: str, column: Column, content: str) -> str:
        name = tag.partition(" ")[0]
        return f'<{tag} style="text-align:{self._ALIGNMENT[column.holds]}">{content}</{name}>'


WRITERS: Mapping[str, Callable[[Layout], Writer[Record]]] = {
    "json": lambda layout: JsonWriter(),
    "csv": lambda layout: DelimitedWriter(layout, ","),
    "tsv": lambda layout: DelimitedWriter(layout, "\t"),
    "markdown": MarkdownWriter,
    "html": HtmlWriter,
}
"""The writer of each format, made for the layout of what it writes."""


def writer(format_: str, layout: Layout) -> Writer[Record]:
    """Return the writer of a format.

    Raises:
        ArgumentError: there is no such format.
    """
    if format_ not in WRITERS:
        raise ArgumentError(f"format is {shorten(repr(format_))}, expected {listed(tuple(WRITERS), 'or')}")
    return WRITERS[format_](layout)


def _text(value: object) -> str:
    """Return the text of a cell: nothing for what is not known; a shape as Python writes a tuple."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else one_line(str(value))


def _markdown_row(cells: Sequence[str]) -> str:
    row = " | ".join(cells)
    if row.count("|") != len(cells) - 1:
        row = " | ".join(cell.replace("|", "\\|") for cell in cells)  # a bar in a cell would end it
    return f"| {row} |\n"


def _plain(text: str) -> str:
    """Return words as Markdown shows them, whatever names from a file are among them."""
    return re.sub(r"[\\`*<>\[\]|]", r"\\\g<0>", one_line(text))


def _code_span(text: str) -> str:
    """Return a text as code in Markdown, between more backticks than it has in a row; no text is no code."""
    if not text:
        return ""
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (max(map(len, re.findall("`+", text))) + 1)
    return f"{fence} {text} {fence}"


def _html_row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>\n"


def _ascii(text: str) -> str:
    """Return HTML in ASCII alone, so that it is the same in a page of any encoding."""
    return text if text.isascii() else text.encode("ascii", "xmlcharrefreplace").decode("ascii")

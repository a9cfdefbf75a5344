"""What a command shows people, as Markdown or HTML: the same headings, words and numbers as on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby, pairwise
from typing import Any, TypeGuard

from rich.console import Console
from rich.text import Text

from rnncli.errors import one_line
from rnncli.quantities import figure_text, shape_text
from rnncli.render.blocks import Block, Column, Drawn, Line, Page, Pairs, Row, Source, Table
from rnncli.render.records import Record, Writer
from rnncli.vocabulary import meaning_of, title

_CODE = ("spec", "name", "code", "layer")
"""Styles of what one types, and of names in a model."""

_STRONG = ("bold", "figure", "heading")
"""Styles of what stands out."""

DRAWING_WIDTH = 80
"""Columns of a drawing in a document."""


class Markdown:
    """Markdown, with tables as GitHub reads them."""

    def text(self, text: Text) -> str:
        """Return a text; what is no code has a backslash before each character that would mean something."""
        return "".join(_markdown(part, style) for part, style in _runs(text)).replace("\n", "<br>")

    def paragraph(self, lines: Sequence[str]) -> str:
        """Return lines that stand together."""
        return "\\\n".join(lines) + "\n"

    def items(self, items: Sequence[str]) -> str:
        """Return a list."""
        return "".join(f"- {item}\n" for item in items)

    def lines(self, lines: str, language: str) -> str:
        """Return lines that stay as they are: source, or a drawing."""
        return f"```{language}\n{lines}```\n"

    def drawn(self, block: Drawn) -> str:
        """Return what is drawn with characters."""
        return self.lines("".join(f"{line.plain}\n" for line in block.lines(Console(width=DRAWING_WIDTH))), "")

    def head(self, columns: Sequence[Column]) -> str:
        """Return a table up to its first row."""
        titles = [self.text(Text(column.shown_title)) for column in columns]
        return _cells(titles) + _cells(["---:" if column.number else ":---" for column in columns])

    def row(self, columns: Sequence[Column], row: Row) -> str:
        """Return a row; a bar in a cell would end that."""
        return _cells([self.text(row[column.title]).replace("|", "\\|") for column in columns])

    def foot(self) -> str:
        """Return what comes after the last row."""
        return ""


def _markdown(text: str, style: str) -> str:
    if style in _CODE and text.strip():
        fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
        space = " " * (len(fence) > 1)
        return f"{fence}{space}{text}{space}{fence}"
    plain = re.sub(r"[\\`*<>\[\]]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    return f"**{plain}**" if style in _STRONG and plain.strip() else plain


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


class Html(Markdown):
    """HTML to paste into a page or to show in a notebook, in ASCII alone and without a style sheet."""

    def text(self, text: Text) -> str:
        """Return a text in ASCII, so that it is the same in a page of any encoding."""
        parts = []
        for part, style in _runs(text):
            tag = "code" if style in _CODE else "strong" if style in _STRONG else ""
            shown = escape(part).replace("\n", "<br/>")
            parts.append(f"<{tag}>{shown}</{tag}>" if tag and shown else shown)
        return "".join(parts).encode("ascii", "xmlcharrefreplace").decode("ascii")

    def paragraph(self, lines: Sequence[str]) -> str:
        """Return lines that stand together."""
        return f"<p>{'<br/>'.join(lines)}</p>"

    def items(self, items: Sequence[str]) -> str:
        """Return a list."""
        return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"

    def lines(self, lines: str, language: str) -> str:
        """Return lines that stay as they are: source, or a drawing."""
        shown = self.text(Text(lines.rstrip("\n"))).replace("<br/>", "\n")
        return f"<pre><code>{shown}</code></pre>" if language else f"<pre>{shown}</pre>"

    def head(self, columns: Sequence[Column]) -> str:
        """Return a table up to its first row. A cell says how it is aligned: a notebook would move all to the right."""
        titles = [self._cell('th scope="col"', column, Text(column.shown_title)) for column in columns]
        return f"<table>\n<thead>\n<tr>{''.join(titles)}</tr>\n</thead>\n<tbody>\n"

    def row(self, columns: Sequence[Column], row: Row) -> str:
        """Return a row, whose first cell says what it is."""
        tags = ['th scope="row"', *["td"] * (len(columns) - 1)]
        cells = [self._cell(tag, column, row[column.title]) for tag, column in zip(tags, columns, strict=True)]
        return f"<tr>{''.join(cells)}</tr>\n"

    def foot(self) -> str:
        """Return what comes after the last row."""
        return "</tbody>\n</table>"

    def _cell(self, tag: str, column: Column, text: Text) -> str:
        align = "right" if column.number else "left"
        return f'<{tag} style="text-align:{align}">{self.text(text)}</{tag.split()[0]}>'


_MARKUPS: Mapping[str, Markdown] = {"markdown": Markdown(), "html": Html()}


def document(format_: str, page: Page) -> str:
    """Return a page as a part of a document in a language."""
    return "".join(f"{part}\n" for part in parts(_MARKUPS[format_], page))


def parts(markup: Markdown, page: Page) -> Iterator[str]:
    """Yield the parts of a page. Lines are a paragraph or, where they are indented, a list."""
    for indented, blocks in groupby(page, key=lambda each: each.start > 0 if _is_text(each) else id(each)):
        first, *_ = some = list(blocks)
        if _is_text(first):
            lines = [markup.text(line.text) for line in some if isinstance(line, Line)]
            yield markup.items(lines) if indented else markup.paragraph(lines)
        else:
            yield from _part(markup, first)


def _is_text(block: Block) -> TypeGuard[Line]:
    return isinstance(block, Line) and bool(block.text)


def _part(markup: Markdown, block: Block) -> Iterator[str]:
    """Yield a block that is no line, if there is anything in it."""
    if isinstance(block, Pairs) and block.rows:
        items: list[Text] = []
        for left, right in block.rows:
            if left or not items:
                items.append(Text(": ").join(filter(None, (left, right))))
            else:
                items[-1] = Text("\n").join([items[-1], right])
        yield markup.items([markup.text(item) for item in items])
    elif isinstance(block, Table) and block.rows:
        columns = block.filled
        yield markup.head(columns) + "".join(markup.row(columns, row) for row in block.rows) + markup.foot()
    elif isinstance(block, Source):
        source = [[f"# {remark}"] * bool(remark) + [code] * times for code, times, remark in block.lines]
        yield markup.lines("".join(f"{line}\n" for lines in source for line in lines), block.language)
    elif isinstance(block, Drawn):
        yield markup.drawn(block)


def _runs(text: Text) -> Iterator[tuple[str, str]]:
    """Yield the parts of a text, each with its style."""
    edges = sorted({0, len(text), *(edge for span in text.spans for edge in (span.start, span.end))})
    for start, end in pairwise(edges):
        styles = [str(span.style) for span in text.spans if span.start <= start and end <= span.end]
        yield text.plain[start:end], (styles or [str(text.style)])[-1]


class TableWriter(Writer):
    """Writes records as a table, some at a time.

    Columns that hold nothing are left out; one that comes to hold something begins another table.

    Args:
        format_: the language.
        keys: the keys of the columns.
    """

    def __init__(self, format_: str, keys: Sequence[str]) -> None:
        super().__init__()
        self._markup = _MARKUPS[format_]
        self._keys = keys
        self._columns: list[Column] = []

    def rows(self, records: Sequence[Any], /) -> str:
        """Return the rows of some records, under a head where there is none yet."""
        table = records_table(self._keys, records)
        columns = [column for column in table.columns if column in table.filled or column in self._columns]
        head = ""
        if columns != self._columns:
            head = self.end() + self._markup.head(columns)
            self._columns = columns
        return head + "".join(self._markup.row(columns, row) for row in table.rows)

    def end(self) -> str:
        """Return the end of the table."""
        return f"{self._markup.foot()}\n" if self._columns else ""


def records_table(keys: Sequence[str], records: Sequence[Record]) -> Table:
    """Return some records as a table with the headings and numbers of the screen."""
    columns = [Column(title(key), number=meaning_of(key).holds == "numbers") for key in keys]
    return Table(columns, [{title(key): _cell(key, record[key]) for key in keys} for record in records])


def _cell(key: str, value: Any) -> Text:
    holds = meaning_of(key).holds
    if value is None or isinstance(value, bool):
        return Text("" if value is None else "yes" if value else "no")
    if holds == "numbers":
        return Text(figure_text(key, value))
    text = shape_text(value) if isinstance(value, tuple) else str(value)
    return Text(one_line(text), style="code" if holds == "code" else "")

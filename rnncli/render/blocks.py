"""The blocks of a command's output for people: texts, tables, text in two columns; rendered here for a terminal.

All fit the terminal's width: a table drops columns, which it names, or splits into several tables; long texts wrap with
an indent. A number is never broken or cut, and no line is wider than the console. `rnncli.render.documents` renders the
same blocks for documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table as RichTable
from rich.text import Span, Text

from rnncli.characters import ascii_form
from rnncli.errors import one_line
from rnncli.immutable import Immutable, NamedTuple, immutable
from rnncli.quantities import figure_text, shape_text
from rnncli.render.console import drawing_width, text_width
from rnncli.render.terminal import INDENT, lines_of, short_numbers
from rnncli.summary import Origin
from rnncli.vocabulary import meaning_of, title

if TYPE_CHECKING:
    from rnncli.library.exports import Exported

_WIDEST_TEXT = 100
"""The most columns of a text in the right column before it wraps, since longer lines are hard to read."""

_LEAST_ROOM = 32
"""The least width of the second of two columns. With less room it goes below the first."""

_MOST_TABLES = 3
"""The most tables that a wide table is split into; beyond that it is shown row by row."""

NOTHING = ("", "-", "?")
"""The contents of cells without a value, or with an unknown one."""


class Block(Immutable):
    """A part of a page."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the block as rendered on a console."""
        del options
        yield from self.shown(console)

    def shown(self, console: Console) -> Iterator[RenderableType]:
        """Yield the block as rendered on a console: lines, and tables that fit."""
        raise NotImplementedError


Page = Iterable[Block]


@immutable
class Line(Block):
    """A text, which may have several lines.

    Attributes:
        text: the text.
        start: its indent in columns.
        below_drawing: whether it belongs to a drawing, and must be no wider.
    """

    text: Text
    start: int = 0
    below_drawing: bool = False

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield its lines, with an extra indent from the second on."""
        yield from hanging(console, self.text, self.start, drawing_width(console) if self.below_drawing else None)


GAP = Line(Text())
"""An empty line between two parts; documents omit it."""


@immutable
class Drawn(Block):
    """A drawing in characters that uses the available width.

    Attributes:
        lines: returns its lines for a console.
        words: whether it is only text, wrapped to the width of a drawing.
    """

    lines: Callable[[Console], Iterable[Text]]
    words: bool = False

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield its lines."""
        yield from (in_characters_of(console, line) for line in self.lines(console))


@immutable
class Listing(Block):
    """Lines of source to paste.

    Attributes:
        lines: each line, how often it is repeated, and a remark, which may be empty.
        language: its programming language.
    """

    lines: Sequence[tuple[str, int, str]]
    language: str = "python"

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield the lines, each followed by its remark."""
        for code, times, remark in self.lines:
            yield from hanging(console, Text.assemble((code, "code"), f"  × {times}" if times > 1 else ""), INDENT)
            yield from hanging(console, Text(remark), 2 * INDENT) if remark else ()


def source(text: str, language: str = "python") -> Listing:
    """Return a text as source without remarks."""
    return Listing([(line, 1, "") for line in text.splitlines()], language)


def source_page(exported: Exported) -> Iterator[Block]:
    """Yield an exported network's source, or a description of a binary file."""
    if isinstance(exported.content, bytes):
        yield Line(Text(f"{exported}"))
    else:
        yield source(f"{exported}", "c" if exported.target == "c" else "python")


@immutable
class Pairs(Block):
    """Text in two columns: the topic on the left, the text on the right, wrapped.

    Attributes:
        rows: the left and the right text of each row.
        wrapped: whether the right text may be wrapped in its column, if that is wide enough.
    """

    rows: Sequence[tuple[Text, Text]]
    wrapped: bool = True

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield the lines; if there is no room for the second column, its text goes below the first."""
        leads = [in_characters_of(console, left) for left, _ in self.rows]
        width = max((lead.cell_len for lead in leads), default=0) + INDENT
        room = min(console.width, _WIDEST_TEXT) - INDENT - width
        for lead, (_, right) in zip(leads, self.rows, strict=True):
            if room < (_LEAST_ROOM if self.wrapped else cell_width(right)):
                yield from hanging(console, lead, start=INDENT) if lead else ()
                yield from hanging(console, right, start=3 * INDENT) if right else ()
                continue
            left = lead.copy()
            for line in hanging(console, right, width=room):
                left.pad_right(width - left.cell_len)
                whole = Text.assemble(" " * INDENT, left, line)
                whole.rstrip()
                yield whole
                left = Text()


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: its title, and the key of its cells.
        number: whether its cells are numbers.
        leaves: the order in which columns are dropped from a table that is too wide, from 1; 0 for never.
        shorter: the title of the column that replaces it when it is dropped, if any.
        heading: its heading in a table, if that is not its title.
        least: the least width to assume, so that the columns shown do not depend on random numbers.
        joined: whether it stays next to the column before it.
    """

    title: str
    number: bool = True
    leaves: int = 0
    shorter: str | None = None
    heading: str | None = None
    least: int = 0
    joined: bool = False

    @property
    def shown_title(self) -> str:
        """Its heading."""
        return self.title if self.heading is None else self.heading


Row = Mapping[str, Text]
"""The cells of a row by the titles of their columns; under `BLOCK` the heading of its block, if it is different."""

BLOCK = "block"


@immutable
class Table(Block):
    """A table.

    Empty columns are not shown. On a console that is too narrow some columns are dropped, and named below; a table that
    is still too wide is split into several, each with the first column; as a last resort each row becomes a block.

    Attributes:
        columns: the columns; the first identifies the row.
        rows: the cells of each row.
        sections: the numbers of rows in each section, if there are sections; lines are drawn between them. Otherwise
            there are lines between all rows if a cell has several lines.
        whole: whether all columns must be kept.
        turns: whether a table that is too wide may be transposed.
        more: the option that shows the dropped columns besides a wider terminal: `--wide`.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    sections: Sequence[int] = ()
    whole: bool = False
    turns: bool = False
    more: str = ""

    @property
    def filled(self) -> list[Column]:
        """The first column and those that are not empty."""
        first, *others = self.columns
        return [first, *(each for each in others if any(row[each.title].plain not in NOTHING for row in self.rows))]

    def shown(self, console: Console) -> Iterator[RenderableType]:
        """Yield the table in the form that fits the console."""
        if not self.rows:
            return
        columns = self.filled
        last = max(column.leaves for column in columns)
        for stage in range(last + 1):
            kept = self._kept(columns, stage, self.whole)
            if self._width(kept, console) <= console.width:
                yield self._rich(kept, console)
                yield from self._named_left(columns, kept, console)
                return
        if self.turns:
            turned = self._turned(columns)
            if turned._width(turned.columns, console) <= console.width:
                yield turned._rich(turned.columns, console)
                return
        parts = self._parts(self._kept(columns, last, whole=True), console)
        for part in parts:
            yield self._rich(part, console)
        for row in [] if parts else self.rows:
            yield from _block(columns, row)

    def _kept(self, columns: Sequence[Column], stage: int, whole: bool) -> list[Column]:
        """Return the columns that are kept at a stage, with replacements for some of those that are dropped."""
        leaving = [column for column in columns if 0 < column.leaves <= stage]
        replacing = {column.title: column._replace(title=column.shorter) for column in leaving if column.shorter}
        there = [title for column in replacing.values() for title in column.title.split("\n")]
        left = [column for column in leaving if column.title not in replacing and (column.title in there or not whole)]
        return [replacing.get(column.title, column) for column in columns if column not in left]

    def _named_left(self, columns: Sequence[Column], kept: Sequence[Column], console: Console) -> Iterator[Text]:
        """Yield the line that names the dropped columns and how to see them."""
        there = [title for column in kept for title in column.title.split("\n")]
        left = [column.title for column in columns if column.title not in there and column.shorter is None]
        if left:
            more = f" or with {self.more}" if self.more else ""
            yield in_characters_of(console, Text(f" {', '.join(left)}: shown on a wider terminal{more}", style="dim"))

    def _turned(self, columns: Sequence[Column]) -> Table:
        """Return the transposed table: the first column's cells become the headings, every other column a row."""
        first, *others = columns
        across = [Column(f"{number}", heading=row[first.title].plain) for number, row in enumerate(self.rows)]
        rows = [
            {first.title: Text(column.title), **{f"{n}": row[column.title] for n, row in enumerate(self.rows)}}
            for column in others
        ]
        return replace(self, columns=[first._replace(number=False), *across], rows=rows, sections=())

    def _parts(self, columns: Sequence[Column], console: Console) -> list[list[Column]]:
        """Return the columns of several tables, each with the first and as many as fit; empty if that is too many."""
        first, *others = columns
        groups: list[list[Column]] = []
        for column in others:
            if column.joined and groups:
                groups[-1].append(column)
            else:
                groups.append([column])
        parts: list[list[Column]] = []
        for group in groups:
            if parts and self._width([*parts[-1], *group], console) <= console.width:
                parts[-1] += group
            else:
                parts.append([first, *group])
        fits = len(parts) <= _MOST_TABLES and all(self._width(part, console) <= console.width for part in parts)
        return parts if fits else []

    def _width(self, columns: Sequence[Column], console: Console) -> int:
        """Return the width of a table without wrapped cells."""
        return 1 + sum(3 + max(each.least, *map(cell_width, self._texts(each, console))) for each in columns)

    def _rich(self, columns: Sequence[Column], console: Console) -> RichTable:
        texts = [self._texts(column, console) for column in columns]
        several = any("\n" in cell.plain for _, *cells in texts for cell in cells)
        ends = set(accumulate(self.sections))
        table = RichTable(box=box.HEAVY_HEAD, show_lines=several and not ends)
        headings, *rows = zip(*texts, strict=True)
        for column, heading in zip(columns, headings, strict=True):
            table.add_column(heading, justify="right" if column.number else "left")
        for number, cells in enumerate(rows, start=1):
            table.add_row(*cells, end_section=number in ends)
        return table

    def _texts(self, column: Column, console: Console) -> list[Text]:
        texts = [Text(column.shown_title), *(row[column.title] for row in self.rows)]
        return [in_characters_of(console, text) for text in texts]


def records_table(keys: Sequence[str], records: Sequence[dict[str, Any]]) -> Table:
    """Return records as a table with the headings and number formats of the screen."""
    columns = [Column(title(key), number=meaning_of(key).holds == "numbers") for key in keys]
    return Table(columns, [{title(key): _record_cell(key, record[key]) for key in keys} for record in records])


def _record_cell(key: str, value: Any) -> Text:
    holds = meaning_of(key).holds
    if value is None or isinstance(value, bool):
        return Text("" if value is None else "yes" if value else "no")
    if holds == "numbers":
        return Text(figure_text(key, value))
    text = shape_text(value) if isinstance(value, tuple) else str(value)
    return Text(one_line(text), style="code" if holds == "code" else "")


def _block(columns: Sequence[Column], row: Row) -> Iterator[Block]:
    """Yield a row as a heading and, below it, one line per column with its title and the cell."""
    first, *others = columns
    heading = row.get(BLOCK, row[first.title]).copy()
    heading.stylize("heading")
    yield Line(heading)
    yield Pairs([(Text(each.title, style="dim"), row[each.title]) for each in others if row[each.title]], wrapped=False)


def cell_width(text: Text) -> int:
    """Return the width of the longest line of a text."""
    return max((Text(line).cell_len for line in text.plain.split("\n")), default=0)


def marked(spec: str, origin: Origin) -> Text:
    """Return the spec of a network, marked with the sizes assumed and the parts of its source left out."""
    return Text.assemble((spec, "spec"), origin.marked(""))


def hanging(console: Console, text: Text, start: int = 0, width: int | None = None) -> Iterator[Text]:
    """Yield the lines of a text, wrapped at spaces, or a spec at its commas.

    Args:
        console: the console that will print it.
        text: the text; it may have several lines.
        start: the indent of its first line; further lines have `INDENT` more.
        width: the width to wrap at, if it is not the console's; then further lines have no extra indent.
    """
    further = start + INDENT if width is None else start
    width = text_width(console) if width is None else width
    start, further = (min(indent, width // 2) for indent in (start, further))
    for paragraph in in_characters_of(console, text).split("\n", allow_blank=True):
        short = short_numbers(paragraph.plain, max(1, width - further))
        if short != paragraph.plain:
            paragraph = Text(short, style=paragraph.style)
        indent = start
        for first, last in lines_of(short, width - start, width - further):
            line = paragraph[first:last]
            line.rstrip()
            yield Text.assemble(" " * indent, line)
            indent = further


def in_characters_of(console: Console, text: Text) -> Text:
    """Return a text with only the characters that a console can show."""
    if not console.options.ascii_only or text.plain.isascii():
        return text
    plain, edges = "", [0]
    for character in text.plain:
        plain += ascii_form(character)
        edges.append(len(plain))
    spans = [Span(edges[start], edges[end], style) for start, end, style in text.spans]
    return Text(plain, style=text.style, spans=spans)

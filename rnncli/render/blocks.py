"""What a command shows people, as blocks: texts, tables, text in two columns. A terminal shows each of them here.

All keep within a terminal: columns of a table leave, and are named, or it becomes several; texts hang indented. A
number is never broken or cut, and no line is wider than the console. In a document the same blocks are shown by
`rnncli.render.documents`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table as RichTable
from rich.text import Span, Text

from rnncli.characters import ascii_form
from rnncli.immutable import Immutable, NamedTuple, immutable
from rnncli.render.console import drawing_width, text_width
from rnncli.render.terminal import INDENT, lines_of, short_numbers
from rnncli.summary import Origin

if TYPE_CHECKING:
    from rnncli.library.exports import Exported

_WIDEST_TEXT = 100
"""Text beside other text is wrapped at this many columns at most, since longer lines are hard to read."""

_LEAST_ROOM = 32
"""The least width of the second of two columns. Where there is less room, it stands below the first."""

_MOST_TABLES = 3
"""A table that would become more tables than these is shown row by row."""

NOTHING = ("", "-", "?")
"""What a cell holds where there is nothing, or nothing is known."""


class Block(Immutable):
    """A part of what is shown."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what a console shows of it."""
        del options
        yield from self.shown(console)

    def shown(self, console: Console) -> Iterator[RenderableType]:
        """Yield what a console shows of it: lines, and tables that fit."""
        raise NotImplementedError


Page = Iterable[Block]


@immutable
class Line(Block):
    """A text, which may have several lines.

    Attributes:
        text: the text.
        start: the columns that it is indented.
        below_drawing: whether it belongs to a drawing, and is no wider than that.
    """

    text: Text
    start: int = 0
    below_drawing: bool = False

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield its lines, the further ones indented by two more."""
        yield from hanging(console, self.text, self.start, drawing_width(console) if self.below_drawing else None)


GAP = Line(Text())
"""An empty line between two parts; a document has none."""


@immutable
class Drawn(Block):
    """What is drawn with characters, as wide as there is room.

    Attributes:
        lines: returns its lines for a console.
        words: whether it is nothing but text, wrapped to the width of a drawing.
    """

    lines: Callable[[Console], Iterable[Text]]
    words: bool = False

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield its lines."""
        yield from (in_characters_of(console, line) for line in self.lines(console))


@immutable
class Source(Block):
    """Lines of source to paste.

    Attributes:
        lines: each line, how often it stands there, and what is said of it, which may be empty.
        language: what it is written in.
    """

    lines: Sequence[tuple[str, int, str]]
    language: str = "python"

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield the lines, what is said of each below it."""
        for code, times, remark in self.lines:
            yield from hanging(console, Text.assemble((code, "code"), f"  × {times}" if times > 1 else ""), INDENT)
            yield from hanging(console, Text(remark), 2 * INDENT) if remark else ()


def source(text: str, language: str = "python") -> Source:
    """Return a text as source of which nothing is said."""
    return Source([(line, 1, "") for line in text.splitlines()], language)


def source_page(exported: Exported) -> Iterator[Block]:
    """Yield the source of a network; of a file what it is."""
    if isinstance(exported.content, bytes):
        yield Line(Text(f"{exported}"))
    else:
        yield source(f"{exported}", "c" if exported.target == "c" else "python")


@immutable
class Pairs(Block):
    """Text in two columns: on the left what it is about, on the right what is said of it, wrapped.

    Attributes:
        rows: what stands on the left, and what on the right.
        wrapped: whether what is on the right may be wrapped there, where that leaves enough room.
    """

    rows: Sequence[tuple[Text, Text]]
    wrapped: bool = True

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield the lines; where there is no room for the second column, it stands below the first."""
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
        leaves: its turn to leave a table that is too wide: columns with 1 leave first, those with 0 never.
        shorter: the title of the column that replaces it when it leaves, if one does.
        heading: its heading in a table, if that is not its title.
        least: the width that it counts with at least, so that no random number decides which columns there are.
        joined: whether it stays beside the column before it.
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
"""The cells of a row by the titles of their columns; under `BLOCK` the heading of its block, if that is another."""

BLOCK = "block"


@immutable
class Table(Block):
    """A table.

    Columns that hold nothing are not shown. On a console that is too narrow some columns leave, and are named below; a
    table that is still too wide becomes several, each with the first column; at last there is a block for each row.

    Attributes:
        columns: the columns; the first says what a row is.
        rows: the cells of each row.
        sections: how many rows belong together, if some do; lines are drawn between these sections. Without them there
            are lines between the rows where a cell has several lines.
        whole: whether no column may leave.
        turns: whether a table that is too wide may be turned, so that its rows become columns.
        more: what shows the columns that have left, beside a wider terminal: `--wide`.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    sections: Sequence[int] = ()
    whole: bool = False
    turns: bool = False
    more: str = ""

    @property
    def filled(self) -> list[Column]:
        """The columns that hold something."""
        first, *others = self.columns
        return [first, *(each for each in others if any(row[each.title].plain not in NOTHING for row in self.rows))]

    def shown(self, console: Console) -> Iterator[RenderableType]:
        """Yield the table as there is room for it."""
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
        """Return the columns that have not left at a stage, and those that replace others, with all that is in them."""
        leaving = [column for column in columns if 0 < column.leaves <= stage]
        replacing = {column.title: column._replace(title=column.shorter) for column in leaving if column.shorter}
        there = [title for column in replacing.values() for title in column.title.split("\n")]
        left = [column for column in leaving if column.title not in replacing and (column.title in there or not whole)]
        return [replacing.get(column.title, column) for column in columns if column not in left]

    def _named_left(self, columns: Sequence[Column], kept: Sequence[Column], console: Console) -> Iterator[Text]:
        """Yield the line that names the columns that have left, and says where they are."""
        there = [title for column in kept for title in column.title.split("\n")]
        left = [column.title for column in columns if column.title not in there and column.shorter is None]
        if left:
            more = f", or {self.more}" if self.more else ""
            yield in_characters_of(console, Text(f" {', '.join(left)}: on a wider terminal{more}", style="dim"))

    def _turned(self, columns: Sequence[Column]) -> Table:
        """Return the table with a row for each column but the first, whose cells become the titles."""
        first, *others = columns
        across = [Column(f"{number}", heading=row[first.title].plain) for number, row in enumerate(self.rows)]
        rows = [
            {first.title: Text(column.title), **{f"{n}": row[column.title] for n, row in enumerate(self.rows)}}
            for column in others
        ]
        return replace(self, columns=[first._replace(number=False), *across], rows=rows, sections=())

    def _parts(self, columns: Sequence[Column], console: Console) -> list[list[Column]]:
        """Return the columns of several tables, each with the first and as many as fit; none if they are too many."""
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
        """Return the width of a table in which nothing is folded."""
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
        """Return the heading of a column and its cells."""
        texts = [Text(column.shown_title), *(row[column.title] for row in self.rows)]
        return [in_characters_of(console, text) for text in texts]


def _block(columns: Sequence[Column], row: Row) -> Iterator[Block]:
    """Yield a row as a heading and, below it, a line for each column: its title and the cell."""
    first, *others = columns
    heading = row.get(BLOCK, row[first.title]).copy()
    heading.stylize("heading")
    yield Line(heading)
    yield Pairs([(Text(each.title, style="dim"), row[each.title]) for each in others if row[each.title]], wrapped=False)


def cell_width(text: Text) -> int:
    """Return the width of the longest line of a text."""
    return max((Text(line).cell_len for line in text.plain.split("\n")), default=0)


def marked(spec: str, origin: Origin) -> Text:
    """Return the spec of a network, with what was assumed of its sizes and what is left out of what was given."""
    return Text.assemble((spec, "spec"), origin.marked(""))


def hanging(console: Console, text: Text, start: int = 0, width: int | None = None) -> Iterator[Text]:
    """Yield the lines of a text, which is broken at spaces, and a spec at its commas.

    Args:
        console: where it will be printed.
        text: the text; it may have several lines.
        start: the columns that its first line is indented, and further lines by `INDENT` more.
        width: the width to keep to, if it is not the console's; then further lines are not indented more.
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
    """Return a text in the characters that a console can show."""
    if not console.options.ascii_only or text.plain.isascii():
        return text
    plain, edges = "", [0]
    for character in text.plain:
        plain += ascii_form(character)
        edges.append(len(plain))
    spans = [Span(edges[start], edges[end], style) for start, end, style in text.spans]
    return Text(plain, style=text.style, spans=spans)

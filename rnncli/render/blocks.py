"""The blocks of a command's output for people: texts, tables, text in two columns; and the consoles that print them.

All fit the terminal's width: a table drops columns, which it names, or splits into several tables; long texts wrap with
an indent. A number is never broken or cut, and no line is wider than the console. `rnncli.render.documents` renders the
same blocks for documents, and `rnncli.render.svg` as pictures.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table as RichTable
from rich.text import Span, Text
from rich.theme import Theme

from rnncli.characters import ascii_form, shows_unicode
from rnncli.errors import one_line
from rnncli.immutable import Immutable, NamedTuple, immutable
from rnncli.network_summary import Origin
from rnncli.quantities import figure_text, shape_text
from rnncli.render.terminal import INDENT, UNLIMITED, USUAL_WIDTH, lines_of, on_terminal, terminal_width
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


@immutable
class Line(Immutable):
    """A text, which may have several lines, indented by `start` columns."""

    text: Text
    start: int = 0

    def __rich_console__(self, console: Console, _options: ConsoleOptions) -> RenderResult:
        """Yield its lines, with an extra indent from the second on."""
        yield from hanging(console, self.text, self.start)


@immutable
class Drawn(Immutable):
    """A drawing in characters that uses the available width.

    Attributes:
        lines: returns its lines for a console.
        table: what documents show instead, if anything.
    """

    lines: Callable[[Console], Iterable[Text]]
    table: Table | None = None

    def __rich_console__(self, console: Console, _options: ConsoleOptions) -> RenderResult:
        """Yield its lines."""
        yield from (in_characters_of(console, line) for line in self.lines(console))


GAP = Drawn(lambda console: [Text()])
"""An empty line between two parts; documents omit it, as they do a drawing without characters."""


@immutable
class SourceText(Immutable):
    """Source to paste, in a programming language."""

    text: str
    language: str = "python"

    def __rich_console__(self, console: Console, _options: ConsoleOptions) -> RenderResult:
        """Yield its lines."""
        for line in self.text.splitlines():
            yield from hanging(console, Text(line, style="" if line.startswith("#") else "code"), INDENT)


def source_page(exported: Exported) -> Iterator[Block]:
    """Yield an exported network's source, or a description of a binary file."""
    if isinstance(exported.content, bytes):
        yield Line(Text(f"{exported}"))
    else:
        yield SourceText(f"{exported}", "c" if exported.target == "c" else "python")


@immutable
class Pairs(Immutable):
    """Text in two columns: the topic on the left, the text on the right, wrapped.

    Attributes:
        rows: the left and the right text of each row.
        wrapped: whether the right text may be wrapped in its column, if that is wide enough.
    """

    rows: Sequence[tuple[Text, Text]]
    wrapped: bool = True

    def __rich_console__(self, console: Console, _options: ConsoleOptions) -> RenderResult:
        """Yield the lines; a text that neither fits next to the first column nor can be wrapped there goes below it."""
        leads = [in_characters_of(console, left) for left, _ in self.rows]
        width = max((lead.cell_len for lead in leads), default=0) + INDENT
        room = min(console.width, _WIDEST_TEXT) - INDENT - width
        for lead, (_, right) in zip(leads, self.rows, strict=True):
            if room < cell_width(right) and not (self.wrapped and room >= _LEAST_ROOM):
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
        title: its title.
        cells: its cells, from the top.
        number: whether they are numbers.
        leaves: the order in which columns are dropped from a table that is too wide, from 1; 0 for never.
        narrow: the columns that then replace it, none if another one contains it; None if it is named below the table.
        least: the least width to assume, so that the columns shown do not depend on random numbers.
        joined: whether it stays next to the column before it.
    """

    title: str
    cells: Sequence[Text]
    number: bool = True
    leaves: int = 0
    narrow: Sequence[Column] | None = None
    least: int = 0
    joined: bool = False

    @property
    def is_filled(self) -> bool:
        """Whether any cell has a value."""
        return any(cell.plain not in NOTHING for cell in self.cells)

    def texts(self, console: Console) -> list[Text]:
        """Return its title and its cells in the characters of a console."""
        return [in_characters_of(console, text) for text in (Text(self.title), *self.cells)]


@immutable
class Table(Immutable):
    """A table.

    Empty columns are not shown. On a console that is too narrow some columns are dropped, and named below; a table that
    is still too wide is split into several, each with the first column; as a last resort each row becomes a block.

    Attributes:
        columns: the columns; the first identifies the row. In the heading of a block its title precedes a number.
        sections: the numbers of rows in each section, if there are sections; lines are drawn between them. Otherwise
            there are lines between all rows if a cell has several lines.
        turns: whether a table that is too wide may be transposed.
        more: the option that shows the dropped columns besides a wider terminal: `--wide`.
    """

    columns: Sequence[Column]
    sections: Sequence[int] = ()
    turns: bool = False
    more: str = ""

    @property
    def filled(self) -> list[Column]:
        """The first column and those that are not empty; none if there are no rows."""
        first, *others = self.columns
        return [first, *(each for each in others if each.is_filled)] if first.cells else []

    def __rich_console__(self, console: Console, _options: ConsoleOptions) -> RenderResult:
        """Yield the table in the first form that fits the console."""
        if not self.filled:
            return
        for tables, left_out in self._forms(console):
            if 0 < len(tables) <= _MOST_TABLES and all(_width(each, console) <= console.width for each in tables):
                yield from (self._rich(each, console) for each in tables)
                if left_out:
                    note = f" {', '.join(left_out)}: shown on a wider terminal{self.more and f' or with {self.more}'}"
                    yield in_characters_of(console, Text(note, style="dim"))
                return
        for place in range(len(self.columns[0].cells)):
            yield from self._block(place)

    def _forms(self, console: Console) -> Iterator[tuple[list[list[Column]], list[str]]]:
        """Yield the forms as tables, each a list of its columns, with the titles of columns that are left out."""
        columns = self.filled
        narrowest: list[list[Column]] = []
        for stage in range(1 + max(column.leaves for column in columns)):
            there = [(column, column.narrow if 0 < column.leaves <= stage else [column]) for column in columns]
            narrowest = [[column] if shown is None else [*shown] for column, shown in there]
            kept = [*chain.from_iterable(shown or () for _, shown in there)]
            yield [kept], [column.title for column, shown in there if shown is None]
        if self.turns:
            yield [_turned(columns)], []
        split = (_parts(each, console) for each in (columns, [*chain.from_iterable(narrowest)]))
        yield from ((parts, []) for parts in sorted(split, key=len))

    def _rich(self, columns: Sequence[Column], console: Console) -> RichTable:
        texts = [column.texts(console) for column in columns]
        several = any("\n" in cell.plain for _, *cells in texts for cell in cells)
        ends = set(accumulate(self.sections))
        table = RichTable(box=box.HEAVY_HEAD, show_lines=several and not ends)
        headings, *rows = zip(*texts, strict=True)
        for column, heading in zip(columns, headings, strict=True):
            table.add_column(heading, justify="right" if column.number else "left")
        for number, cells in enumerate(rows, start=1):
            table.add_row(*cells, end_section=number in ends)
        return table

    def _block(self, place: int) -> Iterator[Block]:
        """Yield a row as a heading and, below it, one line per column with its title and the cell."""
        first, *others = self.filled
        heading = Text(f"{first.title} {first.cells[place]}") if first.number else first.cells[place].copy()
        heading.stylize("heading")
        yield Line(heading)
        cells = [(Text(each.title, style="dim"), each.cells[place]) for each in others if each.cells[place]]
        yield Pairs(cells, wrapped=False)


Block = Line | Drawn | SourceText | Pairs | Table
"""A part of a page; Rich asks each for its lines on a console."""

Page = Iterable[Block]


def _width(columns: Sequence[Column], console: Console) -> int:
    """Return the width of a table without wrapped cells."""
    return 1 + sum(3 + max(each.least, *map(cell_width, each.texts(console))) for each in columns)


def _turned(columns: Sequence[Column]) -> list[Column]:
    """Return the columns of the transposed table: the first column's cells are the headings of the others."""
    first, *others = columns
    rows = zip(first.cells, *(column.cells for column in others), strict=True)
    titles = [Text(column.title) for column in others]
    return [Column(first.title, titles, number=False), *(Column(name.plain, cells) for name, *cells in rows)]


def _parts(columns: Sequence[Column], console: Console) -> list[list[Column]]:
    """Return the columns of several tables, each with the first and as many others as fit."""
    first, *others = columns
    groups: list[list[Column]] = []
    for column in others:
        groups += [] if column.joined else [[]]
        groups[-1].append(column)
    parts: list[list[Column]] = []
    for group in groups:
        if parts and _width([*parts[-1], *group], console) <= console.width:
            parts[-1] += group
        else:
            parts.append([first, *group])
    return parts


def records_table(keys: Sequence[str], records: Sequence[dict[str, Any]]) -> Table:
    """Return records as a table with the headings and number formats of the screen."""
    cells = {key: [_record_cell(key, record[key]) for record in records] for key in keys}
    return Table([Column(title(key), cells[key], number=meaning_of(key).holds == "numbers") for key in keys])


def _record_cell(key: str, value: Any) -> Text:
    holds = meaning_of(key).holds
    if value is None or isinstance(value, bool):
        return Text("" if value is None else "yes" if value else "no")
    if holds == "numbers":
        return Text(figure_text(key, value))
    text = shape_text(value) if isinstance(value, tuple) else str(value)
    return Text(one_line(text), style="code" if holds == "code" else "")


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
    more = INDENT if width is None else 0
    room: int = getattr(console, "text_width", console.width) if width is None else width
    for paragraph in in_characters_of(console, text).split("\n", allow_blank=True):
        short, lines = lines_of(paragraph.plain, room, start, start + more)
        if short != paragraph.plain:
            paragraph = Text(short, style=paragraph.style)
        for indent, first, last in lines:
            line = paragraph[first:last]
            line.rstrip()
            yield Text.assemble(" " * indent, line)


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


# Consoles

STYLES: Mapping[str, str] = {
    "heading": "bold",
    "spec": "bold",
    "name": "none",
    "code": "bold",
    "layer": "none",
    "type": "bright_blue",
    "figure": "bold bright_blue",
}
"""The styles: of headings, networks, names of layers, source and equations, specs of layers in tables, classes of
layers, and the figures that were asked for. The only colour is readable on black and on white."""


class PageConsole(Console):
    """A console that shows texts as they are, in the styles above.

    Args:
        width: its width.
        is_light: whether its background is light.
        text_width: the width at which texts wrap, if that is not its width.
        settings: further settings of Rich.
    """

    def __init__(self, width: int, is_light: bool = False, text_width: int | None = None, **settings: Any) -> None:
        settings |= {"highlight": False, "emoji": False, "markup": False, "theme": Theme(dict(STYLES))}
        super().__init__(width=width, height=width, **settings)  # Rich ignores a width without a height
        self.is_light = is_light
        self.text_width = text_width or width

    def on_broken_pipe(self) -> None:
        """Raise the error, so that its handler decides on the exit status. Rich would exit with status 1."""
        raise BrokenPipeError


def print_page(console: Console, page: Iterable[RenderableType]) -> None:
    """Print a page block by block; none is wider than the console."""
    for block in page:
        console.print(block, soft_wrap=True)


def plain_text(page: Iterable[RenderableType]) -> str:
    """Return a page as shown on standard output, without styles."""
    captured = io.TextIOWrapper(io.BytesIO(), "utf-8" if shows_unicode(sys.stdout) else "ascii", "backslashreplace")
    print_page(stdout_console(captured), page)
    captured.seek(0)
    return captured.read().rstrip("\n")


def drawing_width(console: Console) -> int:
    """Return the width for a drawing or a plot: the console's, or 80 columns if it is unlimited."""
    return console.width if console.width < UNLIMITED else USUAL_WIDTH


def stdout_console(captured: TextIO | None = None) -> PageConsole:
    """Return the console for standard output, or a similar one that prints into `captured` without styles.

    On a terminal it has the width of the terminal, or COLUMNS; elsewhere nothing is cut or wrapped. A terminal gets
    colour unless NO_COLOR is set or TERM is dumb; anything else gets colour only if FORCE_COLOR is set. NO_COLOR
    leaves bold text; the value `never`, which `--color never` sets, removes all styles.
    """
    return PageConsole(
        terminal_width(),
        # Most terminals do not report their background, and most are dark.
        is_light=os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15"),
        file=captured,
        # An empty FORCE_COLOR or NO_COLOR counts as unset, whatever the version of Rich.
        force_terminal=captured is None and (bool(os.environ.get("FORCE_COLOR")) or on_terminal()),
        force_jupyter=False,
        color_system=None if captured is not None or os.environ.get("NO_COLOR") == "never" else "auto",
        no_color=bool(os.environ.get("NO_COLOR")),
    )

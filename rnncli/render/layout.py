"""How tables and texts keep within a terminal: columns that leave, blocks in place of rows, texts that hang indented.

A number is never broken or cut, and no line is wider than the console.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Span, Text

from rnncli.characters import ascii_form
from rnncli.render.console import text_width
from rnncli.render.wrapping import INDENT, break_at, short_numbers
from rnncli.summary import Origin


class ScreenColumn(NamedTuple):
    """A column of a table.

    Attributes:
        title: its name in a block, and the key of its cells.
        number: whether its cells are numbers.
        leaves: its turn to leave a table that is too wide: columns with 1 leave first, those with 0 never.
        shorter: the title of the column that replaces it when it leaves, if one does.
        heading: its heading in a table, if that is not its title.
    """

    title: str
    number: bool = True
    leaves: int = 0
    shorter: str | None = None
    heading: str | None = None


ScreenCells = dict[str, Text]
"""The cells of a row by the titles of their columns; under `BLOCK` the heading of its block, if that is another."""

BLOCK = "block"


def print_rows(
    console: Console,
    columns: Sequence[ScreenColumn],
    rows: Sequence[ScreenCells],
    lines: bool = False,
    sections: Sequence[int] = (),
) -> None:
    """Print a table with as many of its columns as fit the console; if not even the fewest do, a block for each row.

    Args:
        console: where to print.
        columns: the columns; the first says what a row is.
        rows: the cells of each row. A block shows all of them, also those that would leave the table.
        lines: whether to draw lines between the rows.
        sections: how many rows belong together, if some do; lines are drawn between these sections.
    """
    ends = set(accumulate(sections))
    if console.options.ascii_only:
        columns = [
            column._replace(title=ascii_form(column.title), heading=column.heading and ascii_form(column.heading))
            for column in columns
        ]
        rows = [{ascii_form(title): in_characters_of(console, cell) for title, cell in row.items()} for row in rows]
    for kept in _narrower(columns):
        if _width(kept, rows) <= console.width:
            console.print(_table(kept, rows, lines, ends))
            return
    for row in rows:
        _print_block(console, columns, row)


def _narrower(columns: Sequence[ScreenColumn]) -> Iterator[list[ScreenColumn]]:
    """Yield all columns, then fewer and fewer of them."""
    for stage in range(max(column.leaves for column in columns) + 1):
        kept = []
        for column in columns:
            if not 0 < column.leaves <= stage:
                kept.append(column)
            elif column.shorter is not None:
                kept.append(column._replace(title=column.shorter))
        yield kept


def _width(columns: Sequence[ScreenColumn], rows: Sequence[ScreenCells]) -> int:
    """Return the width of a table in which nothing is folded."""
    cells = ([Text(_heading(column)), *(row[column.title] for row in rows)] for column in columns)
    return 1 + sum(3 + max(map(cell_width, column)) for column in cells)


def _heading(column: ScreenColumn) -> str:
    return column.title if column.heading is None else column.heading


def cell_width(text: Text) -> int:
    """Return the width of the longest line of a text."""
    return max((Text(line).cell_len for line in text.plain.split("\n")), default=0)


def _table(columns: Sequence[ScreenColumn], rows: Sequence[ScreenCells], lines: bool, ends: Collection[int]) -> Table:
    table = Table(box=box.HEAVY_HEAD, show_lines=lines)
    for column in columns:
        table.add_column(_heading(column), justify="right" if column.number else "left", overflow="fold")
    for number, row in enumerate(rows, start=1):
        table.add_row(*(row[column.title] for column in columns), end_section=number in ends)
    return table


def _print_block(console: Console, columns: Sequence[ScreenColumn], row: ScreenCells) -> None:
    """Print a row as a heading and, below it, a line for each column: its title and the cell."""
    first, *others = columns
    heading = row.get(BLOCK, row[first.title]).copy()
    heading.stylize("bold")
    print_hanging(console, heading)
    names = max((len(column.title) for column in others), default=0)
    for column in others:
        value = row[column.title]
        if not value.plain:
            continue
        beside = INDENT + names + 2
        name = Text(" " * INDENT + column.title, style="dim")
        if beside + cell_width(value) <= console.width:
            first_line, *rest = value.split("\n")
            name.pad_right(beside - name.cell_len)
            console.print(Text.assemble(name, first_line))
            for line in rest:
                console.print(Text.assemble(" " * beside, line))
        else:
            console.print(name)
            for line in value.split("\n"):
                print_hanging(console, line, start=2 * INDENT)


def marked(spec: str, origin: Origin) -> Text:
    """Return the spec of a network, with what was assumed of its sizes and what is left out of what was given."""
    return Text.assemble((spec, "bold"), origin.marked(""))


def print_hanging(console: Console, text: Text, start: int = 0) -> None:
    """Print a text between the sides of the console, its further lines indented.

    Args:
        console: where to print.
        text: the text; it may have several lines.
        start: the columns that its first line is indented.
    """
    for line in hanging(console, text, start):
        console.print(line, soft_wrap=True)


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
        indent = start
        rest = _with_short_numbers(paragraph, max(1, width - further))
        while rest.cell_len > width - indent:
            line, rest = rest.divide([break_at(rest.plain, max(1, width - indent))])
            line.rstrip()
            yield Text.assemble(" " * indent, line)
            rest = _without_lead(rest)
            indent = further
        yield Text.assemble(" " * indent, rest)


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


def _with_short_numbers(text: Text, room: int) -> Text:
    short = short_numbers(text.plain, room)
    return text if short == text.plain else Text(short, style=text.style)


def _without_lead(text: Text) -> Text:
    """Return a text without the spaces before it."""
    spaces = len(text.plain) - len(text.plain.lstrip(" "))
    return text[spaces:] if spaces else text

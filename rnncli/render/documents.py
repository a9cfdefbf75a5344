"""A command's output for people as Markdown or HTML: the same headings, words and numbers as on a terminal.

And a page to share: several outputs in one self-contained HTML file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import count, groupby, pairwise
from string import Template
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from rnncli.errors import RnncliError
from rnncli.render.blocks import Block, Column, Drawn, Line, Page, Pairs, SourceText, Table, records_table
from rnncli.render.results import Writer
from rnncli.render.svg import rendered, svg
from rnncli.render.terminal import ON_DARK, ON_LIGHT, USUAL_WIDTH
from rnncli.system import package_text

if TYPE_CHECKING:
    from rnncli.library.pages import SharedPage

_CODE = ("spec", "name", "code", "layer")
"""The styles of text that one types, and of names in a model."""

_STRONG = ("bold", "figure", "heading")
"""The styles of emphasised text."""


Form = tuple[str, str, str]
"""What is written before, between and after some texts."""


def _joined(form: Form, texts: Iterable[str]) -> str:
    before, between, after = form
    return f"{before}{between.join(texts)}{after}"


class Markdown:
    """Markdown, with tables as GitHub reads them."""

    line_end, table_end = "<br>", ""
    paragraph: Form = ("", "\\\n", "\n")
    items: Form = ("- ", "\n- ", "\n")
    row: Form = ("| ", " | ", " |\n")

    def text(self, text: Text) -> str:
        """Return a text."""
        return "".join(self.run(part, style) for part, style in _runs(text)).replace("\n", self.line_end)

    def run(self, text: str, style: str) -> str:
        """Return a part of a text; outside code, special characters are escaped with a backslash."""
        if style in _CODE and text.strip():
            fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
            space = " " * (len(fence) > 1)
            return f"{fence}{space}{text}{space}{fence}"
        plain = re.sub(r"[\\`*<>\[\]]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
        # A space next to the inner side of ** would make it plain text.
        return re.sub(r"\S(.*\S)?", r"**\g<0>**", plain) if style in _STRONG else plain

    def lines(self, lines: str, language: str) -> str:
        """Return preformatted lines: source, or a drawing."""
        return f"```{language}\n{lines}\n```\n"

    def drawn(self, block: Drawn) -> str:
        """Return a drawing in characters."""
        return self.lines("\n".join(line.plain for line in block.lines(Console(width=USUAL_WIDTH))).strip("\n"), "")

    def head(self, columns: Sequence[Column]) -> str:
        """Return a table up to its first row."""
        titles = [self.text(Text(column.title)) for column in columns]
        sides = ["---:" if column.number else ":---" for column in columns]
        return _joined(self.row, titles) + _joined(self.row, sides)

    def rows(self, columns: Sequence[Column]) -> str:
        """Return the rows, with vertical bars escaped because they would end a cell."""
        rows = zip(*(column.cells for column in columns), strict=True)
        return "".join(_joined(self.row, [self.text(cell).replace("|", "\\|") for cell in row]) for row in rows)

    def table(self, columns: Sequence[Column]) -> str:
        """Return a table."""
        return self.head(columns) + self.rows(columns) + self.table_end


class Html(Markdown):
    """HTML to paste into a page or to show in a notebook, in pure ASCII and without a style sheet."""

    line_end, table_end = "<br/>", "</tbody>\n</table>"
    paragraph = ("<p>", "<br/>", "</p>")
    items = ("<ul><li>", "</li><li>", "</li></ul>")
    row = ("<tr>", "", "</tr>\n")

    def run(self, text: str, style: str) -> str:
        """Return a part of a text in ASCII, so that it works in a page of any encoding."""
        tag = "code" if style in _CODE else "strong" if style in _STRONG else ""
        return f"<{tag}>{_escaped(text)}</{tag}>" if tag and text else _escaped(text)

    def lines(self, lines: str, language: str) -> str:
        """Return preformatted lines: source, or a drawing."""
        shown = _escaped(lines)
        return f"<pre><code>{shown}</code></pre>" if language else f"<pre>{shown}</pre>"

    def head(self, columns: Sequence[Column]) -> str:
        """Return a table up to its first row. Cells have an alignment because notebooks align all of them right."""
        titles = [self._cell('th scope="col"', column, Text(column.title)) for column in columns]
        return f"<table>\n<thead>\n{_joined(self.row, titles)}</thead>\n<tbody>\n"

    def rows(self, columns: Sequence[Column]) -> str:
        """Return the rows, each with its first cell as its heading."""
        tags = ['th scope="row"', *["td"] * (len(columns) - 1)]
        shown = ([self._cell(tag, of, cell) for cell in of.cells] for tag, of in zip(tags, columns, strict=True))
        return "".join(_joined(self.row, cells) for cells in zip(*shown, strict=True))

    def _cell(self, tag: str, column: Column, text: Text) -> str:
        align = "right" if column.number else "left"
        return f'<{tag} style="text-align:{align}">{self.text(text)}</{tag.split()[0]}>'


def _escaped(text: str) -> str:
    return escape(text).encode("ascii", "xmlcharrefreplace").decode("ascii")


_MARKUPS: Mapping[str, Markdown] = {"markdown": Markdown(), "html": Html()}


def document(format_: str, page: Page) -> str:
    """Return a page as a part of a document in a format."""
    return "".join(f"{part}\n" for part in parts(_MARKUPS[format_], page))


def parts(markup: Markdown, page: Page) -> Iterator[str]:
    """Yield the parts of a page. Consecutive lines form a paragraph or, if they are indented, a list."""
    for indented, blocks in groupby(page, key=lambda each: each.start > 0 if isinstance(each, Line) else id(each)):
        first, *_ = some = list(blocks)
        if isinstance(first, Line):
            lines = [markup.text(_sentence(line.text)) for line in some if isinstance(line, Line)]
            yield _joined(markup.items if indented else markup.paragraph, lines)
        else:
            yield from _part(markup, first)


def _part(markup: Markdown, block: Block) -> Iterator[str]:
    """Yield a block other than a line, unless it is empty."""
    if isinstance(block, Pairs) and block.rows:
        texts = (_sentence(Text(": ").join(filter(None, row))) for row in block.rows)
        yield _joined(markup.items, map(markup.text, texts))
    elif isinstance(block, Drawn) and block.table is not None:
        yield from _part(markup, block.table)
    elif isinstance(block, Table) and (columns := block.filled):
        yield markup.table(columns)
    elif isinstance(block, SourceText):
        yield markup.lines(block.text.rstrip("\n"), block.language)
    elif isinstance(block, Drawn) and any(block.lines(Console(width=USUAL_WIDTH))):
        yield markup.drawn(block)


def _runs(text: Text) -> Iterator[tuple[str, str]]:
    """Yield the parts of a text, each with its style."""
    edges = sorted({0, len(text), *(edge for span in text.spans for edge in (span.start, span.end))})
    for start, end in pairwise(edges):
        styles = [str(span.style) for span in text.spans if span.start <= start and end <= span.end]
        yield text.plain[start:end], (styles or [str(text.style)])[-1]


def _sentence(text: Text) -> Text:
    """Return a text of the screen with its code, which is in backticks there, in the style of code."""
    parts = text.split("`")
    if len(parts) % 2 == 0 or text.style in _CODE:  # a name may contain backticks
        return text
    for part in parts[1::2]:
        part.stylize("code")
    return Text().join(parts)


class TableWriter(Writer):
    """Writes records as a table in a format, with a column for each of some keys, in batches.

    Empty columns are left out; when one gets a value, a new table begins.
    """

    def __init__(self, format_: str, keys: Sequence[str]) -> None:
        super().__init__()
        self._markup = _MARKUPS[format_]
        self._keys = keys
        self._titles: list[str] = []

    def rows(self, records: Sequence[Any], /) -> str:
        """Return the rows of some records, after a table head if one is needed."""
        table = records_table(self._keys, records)
        columns = [each for each in table.columns if each.is_filled or each.title in self._titles]
        titles = [each.title for each in columns]
        head = "" if titles == self._titles else self.end() + self._markup.head(columns)
        self._titles = titles
        return head + self._markup.rows(columns)

    def end(self) -> str:
        """Return the end of the table."""
        return f"{self._markup.table_end}\n" if self._titles else ""


# A page to share: the output of several commands in one self-contained HTML file

_ON_LIGHT_GROUND = "".join(
    f'[fill="{dark.removeprefix("on ")}"] {{ fill: {light.removeprefix("on ")}; }}\n'
    for dark, light in zip(ON_DARK, ON_LIGHT, strict=True)
)
"""The rules for a light background: the cells of a map are drawn in the colours for a dark one."""

_PART_STYLE = """
.rnncli code, .rnncli pre, .rnncli svg { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.rnncli pre { line-height: 1.2; }
.rnncli .wide { overflow-x: auto; max-width: 100%; margin: .75em 0; }
.rnncli svg { display: block; color: inherit; }
"""
"""The style of a part of another page; it keeps that page's colours."""

_PARTS = count(1)
"""Numbers the parts of other pages, since a notebook may have many and each drawing needs a unique id."""

_PAGE = package_text("render/page.html")
"""A page with $words for its parts. Its script only adds buttons; without it the page is still complete."""

Section = tuple[str, Page]
"""A part of a page: its heading and a command's output."""


def page_of_lines(lines: Iterable[str]) -> Page:
    """Return a page of plain lines."""
    return [Line(Text(line)) for line in lines]


def page_or_reason(page: Page) -> Page:
    """Return a page, or the reason why there is none: a network without a state has no plot over time."""
    try:
        return list(page)
    except RnncliError as error:
        return page_of_lines([error.message])


class _SharedHtml(Html):
    """HTML with vector drawings, in which wide elements scroll instead of widening the page.

    `title` is the title of the drawings, and `name` the prefix of their ids, which must be unique on the page.
    """

    def __init__(self, title: str, name: str = "drawing") -> None:
        self._title = title
        self._names = (f"{name}-{number}" for number in count(1))

    def lines(self, lines: str, language: str) -> str:
        """Return preformatted lines."""
        return _wide("Source", super().lines(lines, language))

    def drawn(self, block: Drawn) -> str:
        """Return a drawing, in the colours of the page."""
        return _wide("Drawing", svg(rendered([block], USUAL_WIDTH), self._title, None, next(self._names)))

    def table(self, columns: Sequence[Column]) -> str:
        """Return a table."""
        return _wide("Table", super().table(columns))


def _wide(label: str, content: str) -> str:
    """Return an element that scrolls if it is wider than the page, also by keyboard."""
    return f'<div class="wide" role="region" aria-label="{label}" tabindex="0">{content}</div>'


def page_text(title: str, sections: Sequence[Section]) -> str:
    """Return the HTML of a page, given its title, the networks that it shows, and its sections in order."""
    markup = _SharedHtml(title)
    shown: list[str] = []
    for heading, page in sections:
        shown += [f"<section>\n<h2>{escape(heading)}</h2>", *parts(markup, page), "</section>"]
    return Template(_PAGE).substitute(title=escape(title), light=_ON_LIGHT_GROUND, sections="\n".join(shown))


def part_of_page(title: str, page: Page) -> str:
    """Return a command's output as a part of another page, such as a notebook, in that page's colours."""
    markup = _SharedHtml(title, f"rnncli-{next(_PARTS)}")
    return "\n".join([f"<style>{_PART_STYLE}</style>", '<div class="rnncli">', *parts(markup, page), "</div>"])


def shared_page(page: SharedPage) -> Iterator[Block]:
    """Yield a line that describes a page, which is HTML itself."""
    yield Line(Text(f"{len(page.html):,} characters of HTML about {page.title}"))

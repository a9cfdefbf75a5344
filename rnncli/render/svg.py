"""Pictures of the output as SVG: boxes, rules, arrows and bars are vectors, and text can be selected.

Every run of text has a fixed start and width, so that a picture looks the same with any font. It has a title and a
description for screen readers.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape

from rich.cells import cell_len
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

from rnncli.atomic import WrittenFile, write_files
from rnncli.characters import BARS
from rnncli.immutable import NamedTuple
from rnncli.render.blocks import PageConsole
from rnncli.render.terminal import MOST_LINES, UNLIMITED, Picture, Theme, wrapped

_WIDEST_TEXT = 100
"""The width at which texts wrap without a terminal."""

_WIDEST_LINE = 200
"""The width at which the lines of a list wrap."""

_FONTS = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace"
"""Every system has one of these, so no font is downloaded."""

_FONT_SIZE = 14
_WIDTH, _HEIGHT = 8.4, 18.0
"""The width of a character and the height of a line, in pixels."""

_BASELINE = 13.0
"""The distance of the baseline of text from the top of its line."""

_MARGIN = 16.0

_COLOURS: dict[Theme, TerminalTheme] = {"dark": SVG_EXPORT_THEME, "light": DEFAULT_TERMINAL_THEME}

_ARMS: Mapping[str, tuple[str, ...]] = {
    word[0]: tuple(word[1:])
    for word in (
        *("─0101", "│1010", "┌0110", "┐0011", "└1100", "┘1001", "├1110", "┤1011", "┬0111", "┴1101", "┼1111"),
        *("━0202", "┃2020", "┏0220", "┓0022", "┳0222", "┡2210", "┩2012", "╇2212", "►0001", "◄0100", "▲0010"),
    )
}
"""The lines from the middle of a character up, to the right, down and to the left: 1 is a thin one, 2 a thick one."""

_STROKE = re.compile("1+|2+")

_TIPS: Mapping[str, str] = {"►": "m-1 -4 5.2 4 -5.2 4z", "◄": "m1 -4 -5.2 4 5.2 4z", "▲": "m-4 1 4 -8 4 8z"}
"""The tips of arrows, from the middle of a character."""

_DRAWN = "".join(_ARMS) + BARS
_ALIKE = re.compile(rf"([{BARS}])\1*|[{''.join(_ARMS)}]+|[^\s{_DRAWN}]+(?: [^\s{_DRAWN}]+)*|\s+")


class _Run(NamedTuple):
    """Characters of one kind and style, and the column where they start."""

    column: int
    text: str
    style: Style


def rendered(page: Iterable[RenderableType], width: int, is_light: bool = False) -> list[list[Segment]]:
    """Return the lines of a page for a picture, of at most `width` columns; texts wrap even if that is unlimited."""
    text_width = _WIDEST_TEXT if width == UNLIMITED else width
    able = {"color_system": "truecolor", "force_terminal": True, "no_color": False}
    console = PageConsole(width, is_light, text_width, file=io.StringIO(), **able)
    options = console.options.update(no_wrap=True, overflow="ignore")
    return [line for block in page for line in console.render_lines(block, options, pad=False)]


def save_picture(picture: Picture, title: str, page: Iterable[RenderableType], width: int) -> WrittenFile:
    """Write a picture of a page with its title, the command: completely or, with an RnncliError, not at all."""
    lines = rendered(page, width, picture.theme == "light")
    (written,) = write_files({picture.path: svg(lines, title, _COLOURS[picture.theme])})
    return written


@contextmanager
def recorded_lines(picture: Picture, title: str, tell: Callable[[object], None]) -> Iterator[Callable[[str], None]]:
    """Yield a function that records lines of a list; `save_picture` saves the first ones at the end."""
    page: list[Text] = []
    more = 0

    def take(text: str) -> None:
        nonlocal more
        lines = text.splitlines()
        room = MOST_LINES - len(page)
        page.extend(Text("\n".join(wrapped(line, _WIDEST_LINE))) for line in lines[:room])
        more += len(lines[room:])

    yield take
    if more:
        page.append(Text(f"… and {more:,} more lines", style="dim"))
    tell(save_picture(picture, title, page, _WIDEST_LINE))


def svg(lines: Sequence[Sequence[Segment]], title: str, colours: TerminalTheme | None, name: str = "picture") -> str:
    """Return lines as a picture, as wide as the widest line.

    Args:
        lines: the lines of the output.
        title: its title: the command.
        colours: its colours; None for a part of a page, which has the page's colours.
        name: the prefix of its ids, which must be unique on a page.
    """
    rows = [list(_runs(line)) for line in lines]
    columns = max((run.column + cell_len(run.text) for row in rows for run in row), default=0)
    width, height = columns * _WIDTH + 2 * _MARGIN, len(rows) * _HEIGHT + 2 * _MARGIN
    ground, ink = "none", "currentColor"
    if colours is not None:
        ground, ink = colours.background_color.hex, colours.foreground_color.hex
    colours = colours or DEFAULT_TERMINAL_THEME
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    font = f'font-family="{_FONTS}" font-size="{_FONT_SIZE}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="{name}-title {name}-text">',
        f'<title id="{name}-title">{escape(title)}</title>',
        f'<desc id="{name}-text">{escape("; ".join(filter(None, map(_read, lines))))}</desc>',
        f'<rect width="100%" height="100%" rx="6" fill="{ground}"/>',
        f'<g transform="translate({_MARGIN:g} {_MARGIN:g})" fill="{ink}" {font}>',
        f'<g fill="none" stroke="{ink}" stroke-linecap="square">',
        *_lines(rows, colours),
        "</g>",
        *(mark for place, row in enumerate(rows) for run in row for mark in _marks(run, place, colours)),
        "</g>",
        "</svg>",
    ]
    return "".join(f"{part}\n" for part in parts)


def _read(line: Iterable[Segment]) -> str:
    """Return the text of a line for screen readers."""
    return ", ".join(re.findall(rf"[^\s{_DRAWN}]+(?: [^\s{_DRAWN}]+)*", "".join(segment.text for segment in line)))


def _runs(line: Iterable[Segment]) -> Iterator[_Run]:
    """Yield the runs of a line: text with single spaces in it, repeated equal bars, characters drawn as lines."""
    column = 0
    for text, style, _ in line:
        for alike in _ALIKE.finditer(text):
            yield _Run(column, alike[0], style or Style.null())
            column += cell_len(alike[0])


def _marks(run: _Run, place: int, colours: TerminalTheme) -> Iterator[str]:
    """Yield the elements of a run, except for its lines, which may continue in other runs."""
    looks = _looks(run.style, colours)
    x, y, width = run.column * _WIDTH, place * _HEIGHT, cell_len(run.text) * _WIDTH
    if run.style.bgcolor is not None:  # a cell of a map
        ground = run.style.bgcolor.get_truecolor(colours).hex
        yield _rectangle(run.column, place, cell_len(run.text), 1, f' fill="{ground}"')
    if run.text.isspace():
        return
    if run.text[0] in BARS:
        # In ninths of a line, so that the highest does not touch the line above.
        yield _rectangle(run.column, place, len(run.text), (BARS.index(run.text[0]) + 1) / 9, looks)
    elif run.text[0] not in _ARMS:
        # A font of another width is stretched instead of spaced out.
        fit = f'textLength="{width:g}" lengthAdjust="spacingAndGlyphs"'
        yield f'<text x="{x:g}" y="{y + _BASELINE:g}" {fit}{looks}>{escape(run.text, quote=False)}</text>'
    else:
        for column, character in enumerate(run.text, start=run.column):
            if character in _TIPS:
                middle = f"{(column + 0.5) * _WIDTH:g} {y + _HEIGHT / 2:g}"
                yield f'<path d="M{middle}{_TIPS[character]}"{looks}/>'


def _rectangle(column: int, place: int, columns: int, share: float, looks: str) -> str:
    """Return a rectangle over a share of a line's height, from its bottom."""
    x, y = column * _WIDTH, (place + 1 - share) * _HEIGHT
    return f'<rect x="{x:g}" y="{y:g}" width="{columns * _WIDTH:g}" height="{share * _HEIGHT:g}"{looks}/>'


def _lines(rows: Sequence[Sequence[_Run]], colours: TerminalTheme) -> Iterator[str]:
    """Yield boxes, rules and the shafts of arrows, with all lines of one thickness and style as one path."""
    paths: dict[tuple[str, str], list[str]] = {}
    for place, row in enumerate(rows):
        for run in row:
            if run.text[0] in _ARMS:
                looks = _looks(run.style, colours).replace("fill", "stroke")
                for thickness, line in _strokes(run, place):
                    paths.setdefault((thickness, looks), []).append(line)
    for (thickness, looks), path in paths.items():
        yield f'<path d="{"".join(path)}" stroke-width="{thickness}"{looks}/>'


def _strokes(run: _Run, place: int) -> Iterator[tuple[str, str]]:
    """Yield the lines of a run with their thickness. Each character is two halves of a line across, and two upright."""
    arms = [_ARMS[character] for character in run.text]
    for stroke in _STROKE.finditer("".join(left + right for _, right, _, left in arms)):
        start, end = (run.column + edge / 2 for edge in stroke.span())
        yield stroke[0][0], f"M{start * _WIDTH:g} {(place + 0.5) * _HEIGHT:g}H{end * _WIDTH:g}"
    for column, (up, _, down, _) in enumerate(arms, start=run.column):
        for stroke in _STROKE.finditer(up + down):
            start, end = (place + edge / 2 for edge in stroke.span())
            yield stroke[0][0], f"M{(column + 0.5) * _WIDTH:g} {start * _HEIGHT:g}V{end * _HEIGHT:g}"


def _looks(style: Style, colours: TerminalTheme) -> str:
    """Return the SVG attributes of a style."""
    colour = "" if style.color is None else f' fill="{style.color.get_truecolor(colours).hex}"'
    weight = ' font-weight="bold"' if style.bold else ""
    return colour + weight + (' opacity="0.7"' if style.dim else "")

"""Pictures of what is shown: Rich's SVG, as wide as what it shows, for a dark page or for a light one."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text
from rich.theme import Theme as Styles

from rnncli.atomic import Written, written_whole
from rnncli.render.terminal import MOST_LINES, Picture, Theme
from rnncli.render.wrapping import wrapped

_NARROWEST = 40
"""The least columns of a picture, so that there is room for its title."""

_WIDEST_TEXT = 100
"""Columns at which texts are wrapped where no terminal says how wide they may be."""

_WIDEST_LINE = 200
"""Columns at which the lines of a list are wrapped."""

_FONTS = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace"
"""One of them is on every system. The font that Rich names would be fetched from the network."""

_FONT_SIZE = 21.5
"""Pixels; at Rich's 20 there would be gaps between the lines of a box."""

_ASPECT = 0.602 * _FONT_SIZE / 20
"""The width of a character of these fonts, as Rich counts it: as a share of 20 pixels."""

_COLOURS: dict[Theme, TerminalTheme] = {"dark": SVG_EXPORT_THEME, "light": DEFAULT_TERMINAL_THEME}

_FRAMES: dict[Theme, str] = {"dark": "rgba(255,255,255,0.35)", "light": "rgba(0,0,0,0.35)"}
"""The line around a picture; Rich's is the first."""


class Recorder(Console):
    """A console that shows nothing and keeps everything for a picture.

    Args:
        width: the most columns that the picture may have.
        unlimited: whether this is no limit that a terminal sets, so that texts are wrapped where they read well.
        styles: the styles that have names.
    """

    def __init__(self, width: int, unlimited: bool, styles: Styles | None) -> None:
        super().__init__(
            width=width,
            height=width,  # Rich uses a width only if there is a height as well
            file=io.StringIO(),
            record=True,
            color_system="truecolor",
            force_terminal=True,
            no_color=False,
            highlight=False,
            emoji=False,
            markup=False,
            theme=styles,
        )
        self.text_width = min(width, _WIDEST_TEXT) if unlimited else width


@contextmanager
def recorded(
    picture: Picture, title: str, width: int, unlimited: bool = False, styles: Styles | None = None
) -> Iterator[Recorder]:
    """Yield a console for a picture, which is written when the block ends without an error, whole or not at all.

    Args:
        picture: the picture that is asked for.
        title: its title: the command.
        width: the most columns that it may have.
        unlimited: whether no terminal says so.
        styles: the styles that have names.

    Raises:
        RnncliError: the picture cannot be written.
    """
    recorder = Recorder(width, unlimited, styles)
    yield recorder
    drawn = _svg(recorder, title, picture.theme).encode()
    with written_whole(picture.path) as file:
        file.write(drawn)
    picture.written(Written(picture.path, len(drawn)))


@contextmanager
def recorded_lines(picture: Picture, title: str) -> Iterator[Callable[[str], None]]:
    """Yield what takes some more lines of a list, of which the first are in the picture.

    Raises:
        RnncliError: the picture cannot be written.
    """
    lines = 0
    with recorded(picture, title, _WIDEST_LINE) as recorder:

        def take(text: str) -> None:
            nonlocal lines
            for line in text.splitlines():
                if lines < MOST_LINES:
                    recorder.print(Text("\n".join(wrapped(line, _WIDEST_LINE))))
                lines += 1

        yield take
        if lines > MOST_LINES:
            recorder.print(Text(f"… and {lines - MOST_LINES:,} more lines", style="dim"))


def _svg(recorder: Console, title: str, theme: Theme) -> str:
    """Return what a console has recorded as SVG, cut to its widest line."""
    lines = recorder.export_text(clear=False).splitlines()
    recorder.width = max([_NARROWEST, *(cell_len(line.rstrip()) for line in lines)])
    svg = recorder.export_svg(title=title, theme=_COLOURS[theme], font_aspect_ratio=_ASPECT)
    for pattern, replacement in (
        (r"@font-face \{.*?\}\s*", ""),
        (r"font-family: Fira Code, monospace;", f"font-family: {_FONTS};"),
        (r"font-size: 20px;", f"font-size: {_FONT_SIZE}px;"),
        # A font of another width is stretched, not set apart, so that the lines of a box stay whole.
        (r"(?= textLength=)", ' lengthAdjust="spacingAndGlyphs"'),
        # Nothing is too long. Cutting would part the lines of a box, and take the feet off the letters at the bottom.
        (r' clip-path="[^"]*"', ""),
        (r"<clipPath .*?</clipPath>\s*", ""),
        (re.escape(_FRAMES["dark"]), _FRAMES[theme]),
    ):
        svg = re.sub(pattern, replacement, svg, flags=re.DOTALL)
    return svg

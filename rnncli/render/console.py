"""Consoles: standard output with a suitable width and colours, and a picture of the same output."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.theme import Theme

from rnncli.characters import shows_unicode
from rnncli.render.terminal import UNLIMITED, on_terminal, terminal_width

DRAWING_WIDTH = 80
"""The width of a drawing or a plot when there is no terminal, and in a document."""

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

ON_DARK = (
    *("on #5fd7ff", "on #00afff", "on #0087af", "on #005f87", "on #00005f"),
    "on #121212",
    *("on #5f0000", "on #870000", "on #d70000", "on #ff5f5f", "on #ffafaf"),
)
ON_LIGHT = (
    *("on #005faf", "on #005fff", "on #5f87ff", "on #87afff", "on #afd7ff"),
    "on #ffffff",
    *("on #ffd7d7", "on #ff8787", "on #ff5f5f", "on #d70000", "on #af0000"),
)
"""The colours of signed values, from the most negative through zero to the most positive.

Zero is close to the background, and each side departs from it step by step. All are among the 256 colours of terminals,
so that such a terminal shows them exactly and their order stays.
"""


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
    return console.width if console.width < UNLIMITED else DRAWING_WIDTH


def text_width(console: Console) -> int:
    """Return the width at which text wraps: the console's or, in a picture, a readable one."""
    width: int = getattr(console, "text_width", console.width)
    return width


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

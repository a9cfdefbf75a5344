"""A page to share: sections of what commands show, as one HTML file that asks for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import count
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from rnncli.errors import RnncliError
from rnncli.immutable import NamedTuple
from rnncli.render.blocks import Block, Column, Drawn, Line, Page
from rnncli.render.console import THEME
from rnncli.render.documents import DRAWING_WIDTH, Html, parts
from rnncli.render.over_time import ON_DARK, ON_LIGHT
from rnncli.render.svg import Recorder, svg

if TYPE_CHECKING:
    from rnncli.library.pages import SharedPage

_UNWRAPPED = 10_000
"""Columns of a text that the browser wraps."""

_STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1a1a1a; --soft: #f1f3f5; --rule: #767676; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181a; --ink: #e6e6e6; --soft: #24272a; --rule: #9a9a9a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-top: 1px solid var(--rule);
  padding-top: 1rem; }
code, pre, svg { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; margin: 0; } pre code { overflow-wrap: normal; }
.wide { overflow-x: auto; max-width: 100%; margin: .75rem 0; position: relative; }
svg { display: block; color: var(--ink); }
table { border-collapse: collapse; } th, td { border: 1px solid var(--rule); padding: .25rem .6rem;
  vertical-align: top; overflow-wrap: normal; } thead th { background: var(--soft); }
button { font: inherit; font-size: .85rem; padding: .2rem .7rem; color: var(--ink); background: var(--soft);
  border: 1px solid var(--rule); border-radius: .3rem; }
@media print { button { display: none; } pre { white-space: pre-wrap; } .wide { overflow: visible; }
  h2 { break-after: avoid; } tr, svg { break-inside: avoid; } }
"""

_ON_LIGHT_GROUND = "".join(
    f'[fill="{dark.removeprefix("on ")}"] {{ fill: {light.removeprefix("on ")}; }}\n'
    for dark, light in zip(ON_DARK, ON_LIGHT, strict=True)
)
"""The cells of a map are drawn for a dark ground, and have other colours on a light one."""

_PART_STYLE = """
.rnncli code, .rnncli pre, .rnncli svg { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.rnncli pre { line-height: 1.2; }
.rnncli .wide { overflow-x: auto; max-width: 100%; margin: .75em 0; }
.rnncli svg { display: block; color: inherit; }
"""
"""What a part of another page looks like: its colours are those of the page."""

_PARTS = count(1)
"""Numbers the parts of other pages, of which a notebook may have many: each drawing there has a name of its own."""

_FOOT = """</main>
<script>
for (const code of document.querySelectorAll("pre > code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.parentElement.parentElement.before(button);
}
</script>
</body>
</html>
"""
"""Without the script the page has no buttons, and is whole all the same."""


_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>"""

_BEGIN = '<div class="wide" role="region" aria-label="{}" tabindex="0">'
"""What can be moved where it is wider than the page, by keys as well."""


class Section(NamedTuple):
    """A part of a page.

    Attributes:
        heading: what it is about.
        page: what it shows, as a command does.
    """

    heading: str
    page: Page


def or_why(page: Callable[[], Page]) -> Page:
    """Return a page, or why there is none: a network without a state has nothing over time."""
    try:
        return list(page())
    except RnncliError as error:
        return [Line(Text(error.message))]


class _Shared(Html):
    """HTML whose drawings are vectors, and in which whatever is wide can be moved and does not widen the page.

    Args:
        title: what the drawings are of.
        name: what they are known by, which no other on the page is.
    """

    def __init__(self, title: str, name: str = "drawing") -> None:
        self._title = title
        self._name = name
        self._drawings = 0

    def lines(self, lines: str, language: str) -> str:
        """Return lines that stay as they are."""
        return _wide("Source", super().lines(lines, language))

    def drawn(self, block: Drawn) -> str:
        """Return a drawing, in the colours of the page."""
        if block.words:
            return self.paragraph([self.text(line) for line in block.lines(Console(width=_UNWRAPPED)) if line])
        recorder = Recorder(DRAWING_WIDTH, THEME)
        recorder.take(block)
        self._drawings += 1
        name = f"{self._name}-{self._drawings}"
        return _wide("Drawing", svg(recorder.lines, self._title, None, name))

    def head(self, columns: Sequence[Column]) -> str:
        """Return a table up to its first row."""
        return f"{_BEGIN.format('Table')}{super().head(columns)}"

    def foot(self) -> str:
        """Return what comes after the last row."""
        return f"{super().foot()}</div>"


def _wide(label: str, content: str) -> str:
    return f"{_BEGIN.format(label)}{content}</div>"


def page_text(title: str, sections: Sequence[Section]) -> str:
    """Return a page.

    Args:
        title: its title: the networks that it is about.
        sections: its parts, in order.
    """
    markup = _Shared(title)
    shown = [
        part
        for heading, page in sections
        for part in (f"<section>\n<h2>{escape(heading)}</h2>", *parts(markup, page), "</section>")
    ]
    return "\n".join(
        [
            _HEAD.format(
                title=escape(title), style=f"{_STYLE}@media (prefers-color-scheme: light) {{\n{_ON_LIGHT_GROUND}}}\n"
            ),
            *shown,
            _FOOT,
        ]
    )


def part_of_page(title: str, page: Page) -> str:
    """Return what a command shows as a part of another page, whose ground and ink it takes: a notebook's.

    Args:
        title: what it is of.
        page: what the command shows.
    """
    markup = _Shared(title, f"rnncli-{next(_PARTS)}")
    return "\n".join([f"<style>{_PART_STYLE}</style>", '<div class="rnncli">', *parts(markup, page), "</div>"])


def shared_page(page: SharedPage) -> Iterator[Block]:
    """Yield what a page is about; it is HTML itself."""
    yield Line(Text(f"{len(page.html):,} characters of HTML about {page.title}"))

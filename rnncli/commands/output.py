"""Printing results on standard output: for people on the screen and in documents, for programs as records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from rnncli.render.terminal import DOCUMENTS, Picture
from rnncli.system.signals import undone_by_signals

if TYPE_CHECKING:
    from rnncli.render.records import Writer
    from rnncli.results import Result

Row = TypeVar("Row")
"""What a writer writes: a record, or a row that is text already."""

_WHOLE = 4096
"""Bytes that a pipe takes all at once or not at all: a signal cannot come in the middle."""


FOR_PEOPLE = ("table", *DOCUMENTS)
"""The formats that show a page."""


@contextmanager
def results(format_: str, svg: Picture | None = None) -> Iterator[Callable[[Result], None]]:
    """Yield what prints one result more. A library is imported by the format that needs it.

    Args:
        format_: the format.
        svg: the picture of what is shown that is asked for, or None.
    """
    from rnncli.render.results import ResultWriter, page_of

    if format_ == "table":
        from rnncli.render.console import screen

        with screen(svg, f"rnncli {click.get_current_context().info_name}") as show:
            yield lambda result: show(page_of(result))
    else:
        with printed(ResultWriter(format_)) as show_results:
            yield lambda result: show_results([result])


@contextmanager
def printed(writer: Writer[Row], also: Callable[[str], object] = str) -> Iterator[Callable[[Sequence[Row]], None]]:
    """Yield what prints some more records.

    What was begun is ended, whatever ends the block, and no line is cut. Where there are no records nothing is printed.

    Args:
        writer: writes them.
        also: takes each text that is printed.
    """
    begun = False

    def put(text: str) -> None:
        for lines in _pieces(text):
            click.echo(lines, nl=False)
        also(text)

    def show(records: Sequence[Row]) -> None:
        nonlocal begun
        if not records:
            return
        text = writer.rows(records)
        if not begun:
            text = writer.begin() + text
            begun = True
        put(text)

    def end() -> None:
        nonlocal begun
        if begun:
            begun = False
            put(writer.end())

    with undone_by_signals(end):
        try:
            yield show
        finally:
            end()


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of whole lines that a pipe takes all at once, as far as its lines allow it."""
    most = _WHOLE if text.isascii() else _WHOLE // 4
    start = 0
    while len(text) - start > most:
        end = text.rfind("\n", start, start + most) + 1 or text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
    yield text[start:]

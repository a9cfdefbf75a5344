"""Printing records, in the formats for programs and documents, on standard output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from rnncli.render.records import Record
from rnncli.render.writers import Writer
from rnncli.system.signals import undone_by_signals


@contextmanager
def printed(writer: Writer) -> Iterator[Callable[[Sequence[Record]], None]]:
    """Yield what prints some more records.

    What was begun is ended, whatever ends the block. Where there are no records nothing is printed at all.
    """
    begun = False

    def show(records: Sequence[Record]) -> None:
        nonlocal begun
        if not records:
            return
        text = writer.rows(records)
        if not begun:
            text = writer.begin() + text
            begun = True
        click.echo(text, nl=False)

    def end() -> None:
        nonlocal begun
        if begun:
            begun = False
            click.echo(writer.end(), nl=False)

    with undone_by_signals(end):
        try:
            yield show
        finally:
            end()

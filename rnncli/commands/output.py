"""Printing records, in the formats for programs and documents, on standard output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from rnncli.render.records import Record
from rnncli.render.writers import Writer


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

    try:
        yield show
    finally:
        if begun:
            click.echo(writer.end(), nl=False)

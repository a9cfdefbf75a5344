"""What a word of the spec language is, as text in columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from rnncli.layers.base import Note
from rnncli.render.explanations import equation_rows, weight_rows
from rnncli.render.layout import print_hanging
from rnncli.render.two_columns import Rows, two_columns
from rnncli.reports.reference import Entry


def print_entry(console: Console, entry: Entry) -> None:
    """Print what is told of a word: what it means, the facts, and of a kind its fields and a layer explained."""
    print_hanging(console, Text.assemble((entry.word, "bold"), "  ", entry.means))
    _print_rows(console, _rows(entry.facts))
    if entry.fields:
        console.print()
        _print_rows(console, _rows(entry.fields, "bold"))
    layer = entry.explained
    if layer is not None:
        console.print()
        print_hanging(console, Text.assemble("In ", (entry.example, "bold"), ":"))
        for rows in (equation_rows(layer), weight_rows([layer])):
            _print_rows(console, rows)


def _rows(notes: Sequence[Note], style: str = "") -> Rows:
    return [(Text(note.topic, style=style), Text(note.text)) for note in notes]


def _print_rows(console: Console, rows: Rows) -> None:
    for line in two_columns(console, rows):
        console.print(line, soft_wrap=True)

"""`rnncli layers`: the spec language on one screen, drawn from the declarations that the parser uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from rnncli.commands.completers import complete_word
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import format_option
from rnncli.commands.output import results
from rnncli.render.records import Record, row_each

if TYPE_CHECKING:
    from rnncli.render.blocks import Page

_LAYOUT = row_each("kind", "field", "form", "means", "keras", "torch")
"""How the words of the language become rows."""


def _check_word(given: Mapping[str, Any]) -> None:
    """Check that something is told of the word.

    Raises:
        UsageError: nothing is.
    """
    if given["word"] is not None:
        from rnncli.reports.reference import sort_of

        sort_of(given["word"])


@click.command(cls=GroupedCommand, check=_check_word, short_help="The spec language on one screen.")
@click.argument("word", metavar="[KIND]", required=False, shell_complete=complete_word)
@format_option
def command(word: str | None, format_: str) -> None:
    """Show every kind of layer, its fields and its names, and how numbers are written.

    \b
    Examples:
      rnncli layers
      rnncli layers lstm
      rnncli layers return_sequences
      rnncli layers macs
      rnncli layers 'expected ndim=3, found ndim=2'

    Of one KIND there are its sizes, its fields with Keras's and PyTorch's arguments, its shapes, weights and
    equations. In a format of rows, each kind is one, and each field of it.

    A field (seq), an activation (tanh), a word of Keras or PyTorch (return_state, nn.GRU) or one for what is counted
    (macs, memory, gates) may stand for KIND, too; and so may the text of an error of theirs, in quotes.
    """
    with results(format_, None, _page, lambda: _LAYOUT, _records) as show:
        show(word)


def _records(word: str | None) -> list[Record]:
    from rnncli.reports.reference import rows

    return [row._asdict() for row in rows(word)]


def _page(word: str | None) -> Page:
    from rnncli.render.explanations import entry_page, language_page
    from rnncli.reports.reference import look_up

    return language_page() if word is None else entry_page(look_up(word))

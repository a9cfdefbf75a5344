"""`rnncli layers`: the spec language on one screen, drawn from the declarations that the parser uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import results

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_word(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Offer the words of the language; where none of them starts so, those of the frameworks."""
    del context, parameter
    from click.shell_completion import CompletionItem

    from rnncli.reports.reference import words

    ours, theirs = words()
    found = [each for each in ours if each[0].startswith(typed.lower())]
    found = found or [each for each in theirs if each[0].startswith(typed.lower())]
    return [CompletionItem(word, help=means) for word, means in found]


def _check_word(given: Mapping[str, Any]) -> None:
    """Check that something is told of the word; a UsageError says that nothing is."""
    if given["word"] is not None:
        from rnncli.reports.reference import sort_of

        sort_of(given["word"])


@click.command(cls=GroupedCommand, check=_check_word)
@click.argument("word", metavar="[KIND]", required=False, shell_complete=complete_word)
@options.format_
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
    from rnncli.reports.reference import look_up

    with results(format_) as show:
        show(look_up(word))

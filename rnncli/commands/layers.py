"""`rnncli layers`: the spec language on one screen, generated from the declarations that the parser uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import results
from rnncli.commands.values import Completions, completion


def complete_word(_context: click.Context, _parameter: click.Parameter, typed: str) -> Completions:
    """Offer the words of the language; if none of them matches, the words of the frameworks."""
    from rnncli.reports.reference import words

    ours, theirs = words()
    found = [each for each in ours if each[0].startswith(typed.lower())]
    found = found or [each for each in theirs if each[0].startswith(typed.lower())]
    return [completion(word, help=means) for word, means in found]


def _check_word(given: Mapping[str, Any]) -> None:
    if given["word"] is not None:
        from rnncli.reports.reference import sort_of

        sort_of(given["word"])


@click.command(cls=GroupedCommand, check=_check_word)
@click.argument("word", metavar="[WORD]", required=False, shell_complete=complete_word)
@options.format_
def command(word: str | None, format_: str) -> None:
    """Show every kind of layer with its fields and names, and how numbers are written; or explain one WORD.

    \b
    Examples:
      rnncli layers
      rnncli layers lstm
      rnncli layers return_sequences
      rnncli layers macs
      rnncli layers 'expected ndim=3, found ndim=2'

    WORD may be a kind (lstm), a field (seq), an activation (tanh), a term of Keras or PyTorch (return_state, nn.GRU),
    another term (macs, memory, gates), or the text of one of their error messages in quotes.

    For a kind this shows its sizes, its fields with the arguments of Keras and PyTorch, its shapes, weights and
    equations. CSV and the other row formats have one row per kind and one per field.
    """
    from rnncli.reports.reference import look_up

    with results(format_) as show:
        show(look_up(word))

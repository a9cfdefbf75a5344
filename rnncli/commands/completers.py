"""What the arguments and options of the commands offer where they are typed in part.

Click's shell completion calls these functions. They name no layer: what a spec can become is for the language to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from click import Context, Parameter
    from click.shell_completion import CompletionItem

    from rnncli.language.completion import Completion

    Completer = Callable[[Context, Parameter, str], list[CompletionItem[str]]]


def complete_spec(context: Context, parameter: Parameter, typed: str) -> list[CompletionItem[str]]:
    """Offer what a spec can become, or model files where it is the start of none."""
    from rnncli.formats import FORMATS
    from rnncli.language.completion import spec_completions

    return _items(spec_completions(typed)) or complete_files(*FORMATS)(context, parameter, typed)


def complete_template(context: Context, parameter: Parameter, typed: str) -> list[CompletionItem[str]]:
    """Offer what a template can become."""
    del context, parameter
    from rnncli.language.completion import spec_completions

    return _items(spec_completions(typed, blanks=True))


def complete_pattern(context: Context, parameter: Parameter, typed: str) -> list[CompletionItem[str]]:
    """Offer what a pattern can become."""
    del context, parameter
    from rnncli.search.brace_hints import pattern_completions

    return _items(pattern_completions(typed))


def complete_word(context: Context, parameter: Parameter, typed: str) -> list[CompletionItem[str]]:
    """Offer the words of the language; where none of them starts so, those of the frameworks."""
    del context, parameter
    from click.shell_completion import CompletionItem

    from rnncli.reports.reference import words

    ours, theirs = words()
    found = [each for each in ours if each[0].startswith(typed.lower())]
    found = found or [each for each in theirs if each[0].startswith(typed.lower())]
    return [CompletionItem(word, help=means) for word, means in found]


def complete_words(words: Iterable[str]) -> Completer:
    """Return what offers some words."""

    def complete(context: Context, parameter: Parameter, typed: str) -> list[CompletionItem[str]]:
        del context, parameter
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in words if word.startswith(typed)]

    return complete


def complete_files(*extensions: str) -> Completer:
    """Return what offers files with one of these extensions, `npz` or `.npz`, and folders. The shell finds them."""

    def complete(context: Context, parameter: Parameter, typed: str) -> list[CompletionItem[str]]:
        del context, parameter
        from click.shell_completion import CompletionItem

        return [CompletionItem(typed, type="file", extensions=[each.removeprefix(".") for each in extensions])]

    return complete


def _items(completions: Iterable[Completion]) -> list[CompletionItem[str]]:
    """Return completions as Click has them; a spec can go on, so no space may follow."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(each.text, help=each.means, word=each.word, open=True) for each in completions]

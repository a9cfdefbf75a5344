"""What a word is: a kind, a field, an activation, a word of Keras or PyTorch, or one for a figure, as plain data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from rnncli.errors import SpecError, UsageError, quote
from rnncli.language.arguments import CLASSES, STACKED
from rnncli.language.elsewhere import ELSEWHERE
from rnncli.language.likeness import closest
from rnncli.layers import LAYERS
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.network import Network, check_text
from rnncli.reports.reference_entries import (
    COUNT,
    Entry,
    activation_entry,
    argument_words,
    count_entry,
    elsewhere_entry,
    field_entry,
    kind_entry,
    option_words,
    options_of,
    size_entry,
    size_words,
    topic_entry,
)
from rnncli.reports.topics import TOPIC_OF

_ALL = "`rnncli layers` shows all that there are"

_LONGEST = 40
"""A longer word is no misspelling of one."""


class _Sort(NamedTuple):
    """A sort of words: which they are, and what tells of one of them."""

    known: Callable[[], Collection[str]]
    entry: Callable[[str], Entry]


_SORTS: Mapping[str, _Sort] = {
    "kind": _Sort(lambda: CLASSES, kind_entry),
    "field": _Sort(option_words, field_entry),
    "activation": _Sort(lambda: (*ACTIVATIONS, *OTHER_NAMES), activation_entry),
    "argument": _Sort(argument_words, field_entry),
    "count": _Sort(lambda: ("x", "x2", COUNT, STACKED), count_entry),
    "size": _Sort(size_words, size_entry),
    "elsewhere": _Sort(lambda: ELSEWHERE, elsewhere_entry),
    "topic": _Sort(lambda: TOPIC_OF, topic_entry),
}
"""All sorts; of those that a word is of, the first counts."""


def look_up(typed: str) -> Entry:
    """Return what a word is: `lstm`, `nn.GRU`, `seq`, `return_sequences`, `reset=before`, `tanh`, `return_state`.

    Raises:
        UsageError: it is no word of the language, and of no framework as far as is known.
        ArgumentError: it is no text.
    """
    check_text("a word", typed, "lstm")
    sort, word = sort_of(typed)
    return _SORTS[sort].entry(word)


A_WORD = "layers tells what it is"
"""What is said of a word that stands where it has no place."""


def is_word(typed: str) -> bool:
    """Return whether something is told of a word, as it is spelt."""
    try:
        sort_of(typed)
    except UsageError:
        return False
    return True


def sort_of(typed: str) -> tuple[str, str]:
    """Return which sort of word one is, `kind` or `field`, and the word itself.

    Raises:
        UsageError: as above.
    """
    word = typed.strip().lower().rpartition(".")[2].partition("(")[0].partition("=")[0]
    plain = word.replace("_", "").replace("-", "")
    for name, sort in _SORTS.items():
        for each in (word, word.replace("-", "_"), plain):
            if each in sort.known():
                return name, each
    if "," in typed or ":" in typed:
        repair = _repair_of_spec(typed)
        message = f"{quote(typed)} is no word, but a spec or a part of one"
        raise UsageError(message, None if repair else _ALL, repair=repair)
    guess = closest(word, _words(), likeness=0.7) if len(word) < _LONGEST else None
    raise UsageError(
        f"there is no kind, field or activation {quote(typed)}",
        None if guess else _ALL,
        repair=guess and f"rnncli layers {guess}",
    )


def _repair_of_spec(typed: str) -> str | None:
    """Return what was probably meant by a spec in place of a word: to explain it or, of a part, its first word."""
    try:
        Network.parse(typed)
    except SpecError:
        word = re.split("[,:]", typed.strip())[0]
        return f"rnncli layers {word}" if is_word(word) else None
    return f"rnncli explain {shlex.quote(typed)}"


def words() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the words of the language, and those of the frameworks, each with what it means in short."""
    ours = [
        *((layer.kind, layer.means) for layer in LAYERS),
        *((word, options_of(word)[0][1].means) for word in option_words()),
        *((name, activation.formula) for name, activation in ACTIVATIONS.items()),
    ]
    own = {word for word, _ in ours}
    theirs = [
        *((name, layer.means) for name, layer in CLASSES.items() if name.replace("_", "").isalnum()),
        *((word, options_of(word)[0][1].means) for word in argument_words()),
        *ELSEWHERE.items(),
        *((word, topic.means) for word, topic in TOPIC_OF.items()),
    ]
    return ours, [(word, means) for word, means in dict(theirs).items() if word not in own]


def _words() -> list[str]:
    return list(dict.fromkeys(word for sort in _SORTS.values() for word in sort.known()))

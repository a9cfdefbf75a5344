"""What was probably meant: the guesses that a spec's repairs are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rnncli.layers import Layer
from rnncli.layers.activations import OTHER_NAMES
from rnncli.layers.options import Choice, Flag


def with_commas(text: str) -> str | None:
    """Return a text with commas for whatever else stands between its layers, or None if nothing does."""
    if re.search(r"[;|>/&]|\s", text.strip()) is None:
        return None
    return re.sub(r"[\s;|>/&,-]*[\s;|>/&,][\s;|>/&,-]*", ",", text.strip(" ,"))


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that is most like a word, or None if none is."""
    # Only an error needs it, and it is slow to import.
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(words), n=1, cutoff=0.6)), None)


def closest_field(cls: type[Layer], name: str, value: str | None) -> str | None:
    """Return the field that was probably meant: a misspelt one, or one called as Keras calls its argument."""
    if value is not None:
        keys = {o.key: o for o in cls.options if isinstance(o, Choice)}
        keys |= {o.attribute: o for o in keys.values()}
        key = closest(name, keys)
        if key is not None:
            return f"{keys[key].key}={value}"
    fields: dict[str, str] = {}
    for option in cls.options:
        if isinstance(option, Flag):
            fields |= {option.word: option.word, option.attribute: option.word}
        elif isinstance(option, Choice):
            if option.key_alone is not None:
                fields |= {option.key: option.key, "bidirectional": option.key}
            if option.name_alone:
                fields |= {each: each for each in option.values} | OTHER_NAMES
    if value in ("false", "0"):
        # `use_bias=False` is `nobias`; `return_sequences=False` is no field at all, the default.
        fields = {o.attribute: o.word for o in cls.options if isinstance(o, Flag) and not o.value}
    guess = closest(name, fields)
    return None if guess is None else fields[guess]

"""What was probably meant by a word: the guesses that a spec's repairs are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rnncli.language.arguments import (
    CLASSES,
    PYTORCH_NAMES,
    SAYS_NOTHING,
    STACKED,
    STANDS_FOR,
    attribute_of,
    field_of,
    read_value,
    setting_of,
)
from rnncli.layers import KINDS, Layer
from rnncli.layers.options import Choice, Flag
from rnncli.layers.weights import Framework
from rnncli.layers.words import field_in_both

_MOST_STACKED = 12
"""A second number up to this is taken for a number of layers: `lstm:256:2`."""

_SYNONYMS = {
    **dict.fromkeys(("reverse", "reversed", "backward", "backwards"), "back"),
    **dict.fromkeys(("sequence", "sequences"), "seq"),
}
"""Fields by what people call them."""

_BOTH_WAYS = ("bidirectional", "bidir", "bi", "b")
_SAME = ("cudnn", "keras", "nn", "torch")
"""What stands before the name of a kind, for both directions, and without a meaning here."""


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the one of `words` that is most like a word, or None if none is.

    A word that is one of them and more (`convlstm`) is another thing, and not a misspelt one.
    """
    # Only an error needs it, and it is slow to import.
    from difflib import get_close_matches

    guess = next(iter(get_close_matches(word, list(words), n=1, cutoff=likeness)), None)
    return None if guess is not None and guess in word and len(word) > len(guess) + 2 else guess


def meant_kind(word: str) -> tuple[str, str] | None:
    """Return the kind that a word with more than a kind in it means, and the field that says the rest.

    `bilstm` is lstm and bi, `lstm32` lstm and 32, `globalmaxpooling1d` pool and max, `lstmcell` lstm and nothing.
    """
    plain = word.replace("_", "").replace("-", "")
    if plain in CLASSES:
        cls, stands_for = CLASSES[plain], STANDS_FOR.get(plain, {})
        return cls.kind, ":".join(field_of(cls, key, value) or value for key, value in stands_for.items())
    for prefix in (*_BOTH_WAYS, *_SAME):
        name = word.removeprefix(prefix).lstrip("-_. ")
        if name != word and name in KINDS:
            if prefix in _SAME:
                return name, ""
            if attribute_of(KINDS[name], "bidirectional") is not None:
                return name, field_of(KINDS[name], "bidirectional", True) or ""
    sized = re.fullmatch(r"([a-z_]*[a-z])[-_]*([0-9][0-9xkMG_]*)", word)
    if sized is not None and sized[1] in KINDS:
        return sized[1], sized[2]
    return None


def two_sizes(cls: type[Layer], kind: str, first: str, second: str) -> str:
    """Return what follows `kind:` where a layer that has one size is given two: a stack of layers, or two layers."""
    few = cls.states and re.fullmatch("[0-9]{1,2}", second) and 2 <= int(second) <= _MOST_STACKED
    if few and not (first.isdigit() and int(first[:10]) <= int(second)):
        return f"{first}:x{int(second)}"
    return f"{first},{kind}:{second}"


def other_field(cls: type[Layer], name: str, value: str | None) -> tuple[str, str] | None:
    """Return what to write in place of an unknown field, nothing for one to leave out, and why.

    None is returned where nothing is known.
    """
    read = read_value(value) if value is not None else True
    for option in cls.options:
        # `seq=True`
        if isinstance(option, Flag) and name == option.word and isinstance(said := option.meant(read), bool):
            return (option.word, f"it is {field_in_both(cls, option.word)} alone") if said else ("", "leave it out")
    synonym = _SYNONYMS.get(name) or _key_of(cls, name)
    if value is None and synonym is not None and attribute_of(cls, name) is None:
        both = field_in_both(cls, synonym)
        if both != synonym:
            return synonym, f"perhaps {both}"
    framework: Framework = "torch" if name in PYTORCH_NAMES else "keras"
    argument: str | None = name
    if attribute_of(cls, name) is None and name != STACKED and name not in SAYS_NOTHING:
        argument = closest(name, [option.attribute for option in cls.options], likeness=0.8)
    if argument is None:
        return _closest_field(cls, name, value)
    try:
        text = field_of(cls, argument, read)
    except ValueError:
        return _closest_field(cls, name, value)
    if text is None:
        return None
    if text:
        return text, f"perhaps {field_in_both(cls, text, framework)}"
    setting = setting_of(cls, argument, read)
    said = "it" if setting is None else f"{setting[0].attribute}={setting[1]!r}"
    return "", f"leave it out: {said} is so anyway"


def _key_of(cls: type[Layer], name: str) -> str | None:
    """Return the field whose value a word is, `bi=sum` for `sum`; None if it is none, or may stand alone."""
    for option in cls.options:
        if isinstance(option, Choice) and not option.name_alone and option.symbol is None and name in option.values:
            return option.spelling(option.values[name])
    return None


def _closest_field(cls: type[Layer], name: str, value: str | None) -> tuple[str, str] | None:
    """Return the field with a name like that of a misspelt one, and the word for it."""
    if value is not None:
        key = closest(name, [option.lead[:-1] for option in cls.options if option.lead.endswith("=")])
        text = f"{key}={value}"
        return None if key is None else (text, f"perhaps {field_in_both(cls, text)}")
    fields: dict[str, str] = {}
    for option in cls.options:
        if isinstance(option, Flag):
            fields[option.word] = option.word
        elif isinstance(option, Choice):
            if option.key_alone is not None:
                fields[option.key] = option.key
            if option.name_alone:
                fields |= {each: each for each in option.values} | dict(option.other_names)
    guess = closest(name, fields)
    return None if guess is None else (fields[guess], f"perhaps {field_in_both(cls, fields[guess])}")

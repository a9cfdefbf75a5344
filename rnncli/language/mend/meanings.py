"""Whether a repair keeps what was typed: every number, and every word that means something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from rnncli.language import spec
from rnncli.language.arguments import SAYS_NOTHING
from rnncli.language.framework_words import FRAMEWORK_WORDS
from rnncli.language.likeness import in_ascii, likest
from rnncli.language.mend.rewrites import NAMED
from rnncli.language.mend.search import Step
from rnncli.layers import KINDS, Layer

_MEANS_NOTHING = {
    *SAYS_NOTHING,
    *("none", "null", "any", "batch", "true", "false", "yes", "no", "on", "off", "x", "mio", "bn", "kernel"),
    *("model", "net", "network", "spec", "arch", "sequential", "nn", "keras", "torch", "layers", "layer", "self"),
    *("units", "cells", "neurons", "nodes", "filters", "features", "hidden", "size", "dim", "dims", "shape", "vocab"),
    *("in", "out", "input", "output", "num", "activation", "act", "nonlinearity", "return", "merge", "cudnn", "time"),
    *("distributed", "timedistributed", "stacked", "deep", "layered", "global", "fully", "norm"),
    *("thousand", "million", "billion"),
}
"""Words that say nothing which a spec would say, or that numbers behind them say."""

_OTHER_WAY = {*["bidirectional", "bidir", "reverse", "reversed", "backward", "backwards", "sequence", "sequences"]}
"""Words for what a field says that is not left out."""

_MANY = 40
"""A text with so many words that are not known makes no sense, whatever is made of it."""

_NUMBER = re.compile(r"[0-9][0-9_]*(?:\.[0-9]+)?(?:e-?[0-9]{1,2}(?![0-9]))?")
_DIGIT_IN_A_WORD = re.compile(r"(?<![0-9])[A-Za-z_]{2,40}[0-9]{1,3}(?=[A-Za-z])|float[0-9]{1,3}|int8")


def keeps(typed: str, result: str, way: Sequence[Step[str]]) -> bool:
    """Whether all numbers and words of a text stand in a spec, but for those that the steps to it say they leave out.

    Args:
        typed: the text.
        result: the spec, or a template.
        way: the steps from the one to the other.
    """
    plain = re.sub(r"\b(?:[tlnb]|none|batch)\s?x\s?(?=[0-9])|(?<=[0-9])\s?x\b", " ", in_ascii(typed).lower())
    for step in way:
        plain = plain.replace(in_ascii(step.drops).lower(), " ") if step.drops else plain
    if not re.search("[a-z0-9]", plain) and typed.strip():
        return False
    layers, _ = spec.unfolded(result, spec.read(result, blanks=True))
    known = _meanings(layers) | _MEANS_NOTHING
    words = {word.strip("_") for word in re.findall(r"[a-z_]*[a-z]{2}(?![a-z])", plain)} - known
    has_words = len(words) <= _MANY and all(_is_said(word, known) for word in words)
    return has_words and _has_numbers(plain, result, layers)


def _has_numbers(plain: str, result: str, layers: Sequence[Layer]) -> bool:
    """Whether all numbers of a text are in a spec, as they stand there or as the number of layers of a stack."""
    if digits_stand(plain, result):
        return True
    said = [*numbers_in(result), *_stacked(layers)]
    for number in numbers_in(plain):
        match = next((each for each in (number, number / 100) if each in said), None)
        if match is not None:
            said.remove(match)
        elif number not in (0, 1):
            return False
    return True


def digits_stand(text: str, result: str) -> bool:
    """Whether all digits of a text stand in another in the same order: `10,000x32` in `10000x32`, `1.5k` in `1500`."""
    digits = iter(re.sub("[^0-9]", "", result))
    return all(digit in digits for digit in re.sub("[^0-9]", "", text))


def numbers_in(text: str) -> Iterator[float]:
    """Yield the numbers in a text; the digit in a word (`conv1d`, `float32`) is none."""
    return (float(found[0].replace("_", "")) for found in _NUMBER.finditer(_DIGIT_IN_A_WORD.sub("", text)))


def _stacked(layers: Sequence[Layer]) -> Iterator[int]:
    """Yield how many layers of a kind, and equal ones but for `seq`, stand in a row."""
    for names in ([layer.kind for layer in layers], [layer.spec().replace(":seq", "") for layer in layers]):
        yield from (len(list(run)) for _, run in groupby(names))


def _is_said(word: str, known: set[str]) -> bool:
    return (
        any(part in known for part in word.split("_") if part)
        or bool(likest(word, known))
        or any(each in word for each in known if len(each) > 2)
    )


def _meanings(layers: Sequence[Layer]) -> set[str]:
    """Return all words for what layers say: kinds, classes and fields that are set, ours and the frameworks'."""
    words: set[str] = set()
    for cls in {type(layer) for layer in layers}:
        words |= {name for name, each in KINDS.items() if each is cls}
        words |= {name for name, written in NAMED.items() if KINDS[written.partition(":")[0]] is cls}
        words |= {*getattr(cls.sizes, "other_names", ())}
        for option in cls.options:
            words |= {option.attribute, option.lead.rstrip("="), cls.torch_arguments.get(option.attribute, "")}
    for layer in {*layers}:
        written = re.split("[:=]", layer.spec())
        words |= {*written}
        for option in layer.options:
            value = getattr(layer, option.attribute)
            words |= {name for name, each in getattr(option, "values", {}).items() if each == value}
            words |= {name for name, ours in getattr(option, "other_names", {}).items() if ours in words}
            if value != layer.default(option.attribute):
                words |= _OTHER_WAY
    return {part for word in words for part in (word, *word.split("_"))} - {""}


def leaves_out_a_number(drops: str) -> bool:
    """Whether what is left out has a number that says something: not that of a word that is known, or of its value."""
    name, equals, _ = (part.strip() for part in drops.lower().partition("="))
    known = (
        re.split(":", name)[0] in FRAMEWORK_WORDS or bool(equals) or re.search(r"[a-z][0-9]{0,2}d\b", name) is not None
    )
    return bool(re.search("[0-9]", drops)) and not known

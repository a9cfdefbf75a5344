"""Whether a repair keeps everything that was typed: every number, and every word with a meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, takewhile

from rnncli.characters import in_ascii
from rnncli.errors import likest
from rnncli.language import spec
from rnncli.language.arguments import SAYS_NOTHING
from rnncli.language.framework_words import FRAMEWORK_WORDS
from rnncli.language.pattern_words import FLAGS, NAMED, SETTINGS, SMALL_WORDS, THEIR_WORDS, compiled, names_of
from rnncli.language.rewriting import Applied
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.layers.options import Whole
from rnncli.quantities import FEW

SHORTEST = 2
"""A word with more letters than this may be the start of another."""

_MEANS_NOTHING = {
    *SAYS_NOTHING,
    *SETTINGS,
    *("none", "null", "any", "batch", "true", "false", "yes", "no", "on", "off", "x", "kernel", "config", "words"),
    *("model", "net", "network", "spec", "arch", "sequential", "nn", "keras", "torch", "layer", "self", "inputs"),
    *("tf", "func", "function"),
    *("cells", "neurons", "nodes", "filters", "features", "dim", "dims", "shape", "by", "and", "then", "plus", "und"),
    *("in", "out", "num", "activation", "act", "nonlinearity", "return", "merge", "cudnn", "time", "per"),
    *("distributed", "timedistributed", "td", "gate", "stacked", "deep", "layered", "global", "fully", "norm"),
    *("followed", "respectively", "rate", "ratio", *SMALL_WORDS.split("|")),
}
"""Words that a spec does not express, or that only announce the number after them."""

_OTHER_WAY = {"bidirectional", "bidir", "reverse", "reversed", "backward", "backwards", "sequence", "sequences", "bwd"}
"""Words that any field other than a default accounts for."""

_SETS_A_FIELD = {*ACTIVATIONS, *OTHER_NAMES, *FLAGS, "lstm", "gru", "conv", "dense", "flatten"} | {
    name
    for layer in LAYERS
    for option in layer.options
    if not isinstance(option, Whole) and not layer.default(option.attribute)
    for name in names_of(layer, option)
}
"""Words that alone set a field to another value than its default, or are a layer: a repair without it has lost them."""

NEGATES = ("no", "not", "without")
"""Words that turn off what the next word says; without them a text says the opposite, as without those for False."""

_OTHERWISE = (
    re.compile(r",[^,]{0,60}[:x][0-9]{1,9}\s?(?:or|oder|to|bis)\s?[0-9]"),  # a range, which is neither of its ends
    re.compile(r"\b(?:or|oder)[\s,][a-z]|\b(?:lstm|gru|rnn)[|/](?:lstm|gru|rnn)\b"),  # two networks
    re.compile(r"[0-9][\s|]+[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])"),  # a column of sizes and one of counts
    re.compile(r"[^\W\d_a-z\u00aa-\u024f\u0370-\u03ff]"),  # a word in another script
)
"""What a text may have whose numbers are not all sizes, or whose words are not known."""

_NOT_STACKED = (
    r"(?:(?:\bnn\W{1,3}|\):\s)(?:<R>|linear)\W{1,3}|\b<ONE>\s?\(\s?(?=[0-9]{1,9}\s?[-=]?>\s?[0-9]{1,9}(?!\s?[-=]?>|[0-9]))"
    r"|(?<![0-9.])(?=[0-9]{1,9}\s(?:or|oder|to|bis)\s[0-9]))"
    r"([0-9]{1,9})(?:=>|[^0-9()=]){1,20}([0-9]{1,9})(?![0-9.])"
)
"""Two numbers that are not of two layers: features and units in a call of PyTorch or around an arrow, or a range."""

_NUMBER = re.compile(r"[0-9][0-9_]*(?:\.[0-9]+)?(?:e-?[0-9]{1,2}(?![0-9]))?")
_DIGIT_IN_A_WORD = re.compile(r"(?<![0-9])[A-Za-z_]{2,40}(?:[123]d\b|2seq)|float[0-9]{1,3}|int8")


def keeps(typed: str, result: str, way: Sequence[Applied[str]]) -> bool:
    """Whether a spec or template has all numbers and words of a text, except those that its steps leave out."""
    written = unnumbered(in_ascii(typed).lower())
    written = re.sub(r"\s(?:#|//).*|\\(?:text|math|right)[a-z]{0,5}", " ", written)  # comments, LaTeX
    plain = re.sub(r"\b(?:[tlnb]|none|batch)\s?x\s?(?=[0-9])|(?<=[0-9])\s?x\b", " ", written)
    plain = compiled(r"\bbi?-?(?=<R>\b)").sub("bi ", plain)
    for step in way:
        gone = in_ascii(step.drops).lower().strip(":, ").rstrip(".")
        changed = r"[^\w:]+".join(re.findall(r"\w+", gone))  # by an earlier step, in a sign between the words
        gone = re.escape(gone) if gone in plain else rf"\b{changed}\b" if changed else ""
        plain = re.sub(gone, " ", plain) if gone else plain
    plain = re.sub(r"(?<=[0-9])\s?[kmgb](?=x)", "", plain)  # 10kx32
    if (not re.search("[a-z0-9]", plain) and typed.strip()) or any(each.search(written) for each in _OTHERWISE):
        return False
    layers, _ = spec.unfolded(result, spec.read(result, blanks=True))
    if not _places_kept(written, result, layers) or _turned_on(plain, result, layers):
        return False
    known = _meanings(layers, plain) | _MEANS_NOTHING
    words = {word.strip("_") for word in re.findall(r"[a-z_]*[a-z]{2}(?![a-z])", plain)} - known - THEIR_WORDS
    # A text with many unknown words makes no sense, whatever it becomes.
    has_words = len(words) <= 40 and all(_is_said(word, known) for word in words)
    repeats = {float(count) for step in way for count in re.findall(":x([0-9]{1,4})", step.state)}
    return has_words and _has_numbers(plain, result, [*_stacked(layers), *repeats])


def _places_kept(written: str, result: str, layers: Sequence[Layer]) -> bool:
    """Whether numbers that a text names are in their places: features, units, and how many layers there are."""
    counts = compiled(r"(?<![\w.])(<FEW>|[2-9])[-\s]?(?:<R>\s)?<LAYERS>\b").findall(written)
    units = [getattr(layer, "units", 0) for layer in layers]
    features = getattr(layers[0], "features", None) if layers[0].kind == "input" else None
    for each in counts:
        count = int(FEW.get(each, each).split()[0])
        is_size = count in (*units, features) and [*numbers_in(written)].count(count) <= each.isdecimal()
        if is_size or count not in _stacked(layers):
            return False
    told = compiled(r"(?<![\d.,x])([0-9]{1,9})[\s-](?:hidden\s)?<CELLS>\b").findall(written)
    steps = {int(each) for each in compiled(r"\b([0-9]{1,9})\s<STEPS>\b").findall(written) if written.count(each) == 1}
    if not {*map(int, told)} <= {*units} or steps & {*units}:
        return False
    read = re.findall(r"\b([0-9]{1,9})\s(?:(?!hid|out|fil)[a-z]{1,12}\s)?(?:features|inputs|sensors)\b", written)
    if features and not {*map(int, read)} <= {features}:
        return False
    scaled = [unit // each for unit in units for each in (1, 10**3, 10**6)]
    apart = compiled(_NOT_STACKED).findall(written)
    returned = [second for _, second in apart]
    return all(
        scaled.count(int(first)) <= returned.count(first) and re.search(rf"(?::|[0-9]x){second}\b", result)
        for first, second in apart
    )


def _turned_on(plain: str, result: str, layers: Sequence[Layer]) -> bool:
    """Whether a spec turns on what a text turns off: `no forget bias`, `forgetbias=0`."""
    if re.search(rf"\b(?:{'|'.join(NEGATES)})\s\w", plain) and not re.search(r":no\w|=0|=before", result):
        return True
    for cls in dict.fromkeys(type(layer) for layer in layers):
        for option in cls.options:
            off = rf"\b(?:{'|'.join(names_of(cls, option))})\s?=\s?(?:0|false|no|off)\b"
            if cls.default(option.attribute) is True and re.search(off, plain):
                return all(getattr(each, option.attribute, True) for each in layers)
    return False


def _has_numbers(plain: str, result: str, counts: Iterable[float]) -> bool:
    """Whether a spec has all numbers of a text, either written or among the counts of its layers."""
    if digits_stand(plain, result):
        return True
    said = [*numbers_in(result), *counts]
    for number in numbers_in(plain):
        match = next((each for each in (number, number / 100) if each in said), None)
        if match is not None:
            said.remove(match)
        elif number not in (0, 1):
            return False
    return True


def digits_stand(text: str, result: str) -> bool:
    """Return whether a result has all digits of a text in order: `10,000x32` in `10000x32`, `1.5k` in `1500`.

    Separate numbers stay separate: `lstm:832` does not contain those of `8:lstm32`, nor `lstm:32` a 2.
    """
    found = iter(enumerate(result))
    text = re.sub(r"\b0(?=\.[0-9]+[kmg](?![a-wyz]))", "", text, flags=re.IGNORECASE)  # 0.5M
    for number in re.findall(r"[0-9](?:[,.' _]?[0-9])*", text):
        first, *more = filter(str.isdigit, number)
        begins = any(each == first and not result[place - 1 : place].isdigit() for place, each in found)
        if not (begins and all(any(each == digit for _, each in found) for digit in more)):
            return False
        if any(each != "0" for _, each in takewhile(lambda each: each[1].isdigit(), found)):
            return False
    return True


def numbers_in(text: str) -> Iterator[float]:
    """Yield the numbers in a text, without the digits inside words (`conv1d`, `float32`)."""
    return (float(found[0].replace("_", "")) for found in _NUMBER.finditer(_DIGIT_IN_A_WORD.sub("", text)))


def unnumbered(text: str) -> str:
    """Return a list without its numbers, which are not sizes: `1. lstm 8 2. dense 4` -> `lstm 8, dense 4`."""
    mark = r"(?i:(?:^['\"`]?|[\s,;])\s*(?:(?:layer|step)\s?)?{}\s?[.):]\s+)"
    first = re.match(mark.format("([0-9]{1,3})"), text)
    number = int(first[1]) if first is not None else 0
    if first is None or not re.search(mark.format(number + 1), text):
        return text
    while (rest := re.sub(mark.format(number), ", ", text, count=1)) != text:
        text, number = rest, number + 1
    return text.strip(" ,'\"`")


def _stacked(layers: Sequence[Layer]) -> Iterator[int]:
    """Yield the length of each run of layers of the same kind, and of layers that differ only in `seq`."""
    for names in ([layer.kind for layer in layers], [layer.spec().replace(":seq", "") for layer in layers]):
        yield from (len(list(run)) for _, run in groupby(names))


def _is_said(word: str, known: set[str]) -> bool:
    longer = {each for each in known if len(each) > SHORTEST}
    return not ({word, *word.split("_")} & _SETS_A_FIELD - known) and (
        any(part in known for part in word.split("_") if part)
        or bool(likest(word, known))
        or any(each.startswith(word) for each in known)
        or any(word.startswith(each) or word.endswith(each) for each in longer)
    )


def _meanings(layers: Sequence[Layer], plain: str) -> set[str]:
    """Return all words that the layers express: kinds, classes and fields that are set, ours and the frameworks'.

    A field that is not set has its default, which a name alone may mean, or its name with a value.
    """
    words: set[str] = set()
    for cls in {type(layer) for layer in layers}:
        words |= {name for name, each in KINDS.items() if each is cls}
        words |= {name for name, written in NAMED.items() if KINDS[written.partition(":")[0]] is cls}
        words |= {*getattr(cls.sizes, "other_names", ())}
        for option in cls.options:
            names = names_of(cls, option)
            values = {getattr(layer, option.attribute) for layer in layers if isinstance(layer, cls)}
            if values - {cls.default(option.attribute)}:
                words |= names | _OTHER_WAY
            words |= {
                name
                for name in names
                if name not in _SETS_A_FIELD or re.search(rf"{name}\s*(?:[=:]|\s(?:false|no|off|0)\b)", plain)
            }
    for layer in {*layers}:
        written = re.split("[:=]", layer.spec())
        words |= {*written}
        for option in layer.options:
            value = getattr(layer, option.attribute)
            words |= {name for name, each in getattr(option, "values", {}).items() if each == value}
            words |= {name for name, ours in getattr(option, "other_names", {}).items() if ours in words}
    return {part for word in words for part in (word, *word.split("_"))} - {""}


def leaves_out_a_number(drops: str) -> bool:
    """Whether a dropped text has a number that matters: not part of a known word, and not the value of a field."""
    name, equals, _ = (part.strip() for part in drops.lower().partition("="))
    known = (
        re.split(":", name)[0] in FRAMEWORK_WORDS
        or (equals and not name[:1].isdigit())
        or re.search(r"[a-z][1-3]d\b", name) is not None
    )
    return any(True for _ in numbers_in(drops)) and not known

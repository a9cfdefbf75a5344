"""Finds a repair for a wrong spec.

`rewrites` is the table of other ways to write things, and `rewriting` tries its rows in order. This module adds the
steps that no pattern can express (nearest names in context, the repair that the broken rule suggests) and checks that
a result keeps what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby

from rnncli.errors import SpecError, quote
from rnncli.language import spec
from rnncli.language.arguments import PYTORCH_NAMES, STACKED, attribute_of, field_of, read_value, takes
from rnncli.language.framework_words import FRAMEWORK_WORDS, framework_error
from rnncli.language.likeness import in_ascii, likest
from rnncli.language.rewrites import ALONE, FLAGS, NAMED, REWRITES, VALUES, compiled, names_of, squeezed
from rnncli.language.rewriting import (
    COSTS_A_GUESS,
    Answer,
    Applied,
    Rewrite,
    keeps_numbers,
    led,
    numbers_in,
    search,
    without,
)
from rnncli.language.source import Token, cut, lowered, splice, without_spaces
from rnncli.layers import KINDS, LAYERS, Activation, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Choice, Option, Whole
from rnncli.layers.sizes import WordSize
from rnncli.layers.weights import Framework
from rnncli.layers.words import field_in_both

_MOST_TRIED, _MOST_READ = 60, 8_000
"""The most texts to parse for a wrong spec, and the most characters besides its own, so that long specs are answered
quickly. Nine out of ten of the others are repaired by the tenth text."""

_LONG, _LONG_LAYER = 1000, 200
"""In a longer text only the layer at fault is rewritten; a longer layer is not rewritten."""

_SHORTEST = 2
"""A word with more letters than this may be the start of another."""

_LIKE_A_FIELD, _LIKE_SHORT = 0.7, 0.65
"""How similar to a field a word must be to count as a misspelling; and the same for three letters."""

_NUMBERS = re.compile("(?:[0-9x.kMG]|_[a-z0-9]{0,9})*")
"""Numbers as they are written in a spec."""


def mended(
    error: SpecError, check: Callable[[str], object], example: str = spec.EXAMPLE, *, blanks: bool = False
) -> SpecError:
    """Return an error with a valid repair that keeps what was typed, or else with an example.

    Args:
        error: the error; its own repair is tried, too.
        check: raises a SpecError for an invalid text.
        example: the repair if none is found.
        blanks: whether `_` is allowed in place of a number.
    """
    meaning = framework_error(error.text)
    if meaning is not None:
        found = _search(meaning.repair or "", check, blanks)
        return meaning.repaired(example if found is None else without_spaces(found.state), meaning.lead)
    found = _search(error.text, check, blanks, error)
    first = Applied(example, "for example", costs=COSTS_A_GUESS) if found is None else found.way[0]
    before = error.lead if error.repair is None and first.costs and not first.message else ""
    if found is None:
        return error.repaired(example, led([before, first.lead]))
    lead = led([before, *found.leads(error.text)])
    repair = without_spaces(found.state)
    if not first.message:
        return error.repaired(repair, lead)
    return SpecError(first.message, text=error.text, span=first.span, lead=lead, repair=repair)


def _search(
    typed: str, check: Callable[[str], object], blanks: bool, first: SpecError | None = None
) -> Answer[str] | None:
    """Return the repair of a text; `first` is its fault, if that is known."""
    return search(
        typed,
        partial(_fault, check),
        lambda text, fault: (step for step in _steps(text, fault, blanks) if step.state.strip(" ,:")),
        lambda result, way: keeps(typed, result, way),
        most=_MOST_TRIED,
        most_read=_MOST_READ + len(typed),
        first=first,
    )


def _steps(text: str, fault: SpecError, blanks: bool) -> Iterator[Applied[str]]:
    """Yield possible steps for a fault of a text, the likeliest first."""
    token = next((each for each in Token(text, 0).split(",") if fault.span[0] <= each.end), Token(text, 0))
    is_pattern = "{" in text and "}" in text  # it describes several specs
    in_order = not is_pattern and len(text) <= _LONG and _fault(partial(spec.read, blanks=blanks), text) is None
    is_short = not is_pattern and not in_order and len(token.text) <= _LONG_LAYER
    for row in REWRITES[:4] if is_pattern else REWRITES[-2:] if in_order else REWRITES:
        yield from _rewritten(row, text, token)
    if is_short:
        yield from _names(text, token, fault)
    if not is_pattern:
        yield from _own(text, fault, in_order)
    if is_short:
        yield from _without(text, token, fault)


def _fault(check: Callable[[str], object], text: str) -> SpecError | None:
    """Return the error that a check raises for a text, if it does."""
    try:
        check(text)
    except SpecError as error:
        return error
    return None


# Rows of the table


def _rewritten(row: Rewrite, text: str, token: Token) -> Iterator[Applied[str]]:
    """Yield the text as a row rewrites it: everywhere in a text, or the first match in a layer.

    A text or layer that is too long is not rewritten.
    """
    within, start, most = (text, 0, _LONG) if row.where == "text" else (token.text, token.start, _LONG_LAYER)
    pattern = compiled(row.pattern)
    find = pattern.fullmatch if row.where == "layer" else pattern.search
    found = find(within) if len(within) <= most else None
    if found is None:
        return
    instead = found.expand(row.becomes) if isinstance(row.becomes, str) else row.becomes(found)
    place = Token(found[0], start + found.start())
    new = pattern.sub(row.becomes, text) if row.where == "text" else splice(text, place, instead)
    span = _span(text, place.start, place.end, whole="as in" in row.message)
    typed = text[slice(*span)]
    said = row.message.replace("{}", quote(typed) if typed.strip() else "a space")
    lead = found.expand(row.lead) if "\\" in row.lead else row.lead.replace("{}", instead)
    drops = found[0] if row.drops or row.computes else ""
    left_out = drops if row.drops else ""
    yield Applied(new, lead, said, span, drops, COSTS_A_GUESS * (row.drops or row.invents), left_out=left_out)


def _span(text: str, start: int, end: int, whole: bool) -> tuple[int, int]:
    """Return the span of a match that an error shows, without the spaces around it.

    With `whole`, a match inside numbers is extended to the whole numbers, without the kind before them.
    """
    if whole:
        end += len(_NUMBERS.match(text, end)[0])  # type: ignore[index]  # it also matches an empty text
        start -= len(_NUMBERS.match(text[start - 1 :: -1] if start else "")[0])  # type: ignore[index]
        kind = re.match(r"\w{1,20}:(?=[0-9(])", text[start:end])
        start += kind.end() if kind is not None else 0
    typed = text[start:end].strip()
    start += text[start:end].index(typed)
    return (start, start + len(typed)) if typed else (start, max(end, start + 1))


# Nearest names


def _names(text: str, token: Token, fault: SpecError) -> Iterator[Applied[str]]:
    """Yield the text with another name at the fault: for the kind, a field, or the value of a field."""
    kind, *fields = token.split(":")
    cls = KINDS.get(lowered(kind.text))
    if cls is None:
        word, known = lowered(kind.text), lowered(kind.text) in FRAMEWORK_WORDS
        names = [layer.kind for layer in LAYERS] if len(word) == 1 else KINDS
        longer = {KINDS[name]: name for name in names if word and name.startswith(word)}
        only = longer.values() if len(longer) == 1 else []
        known |= word[:1].isdigit() and not word[1:2].isalpha()  # 2-layer is not a misspelling
        for guess in [] if known else [*only, *likest(word, [*KINDS, *NAMED])]:
            instead = NAMED.get(guess, guess)
            yield Applied(splice(text, kind, instead), f"perhaps {guess}")
        for guess in [] if known or fields else likest(lowered(kind.text), ACTIVATIONS, _LIKE_A_FIELD):
            yield Applied(splice(text, kind, f"{Activation.kind}:{guess}"), f"perhaps {guess}")
        if re.match(r"[^\W\d_]{4,30}:[0-9]", text[kind.start :]) and not text[: kind.start].strip():
            yield Applied(splice(text, kind, "input"), "a network starts with input or embed", drops=kind.text)
        return
    for field in fields:
        if field.start <= fault.span[0] <= field.end:
            name, _, value = field.text.partition("=")
            named = lowered(name) in FRAMEWORK_WORDS or any(takes(each, lowered(name)) for each in LAYERS)
            if value.isdecimal() and not named and len(fields) == 1 and cls.sizes.means(value):
                yield Applied(splice(text, field, value), ALONE, drops=name)
            for instead, lead in _fields(cls, field):
                yield Applied(splice(text, field, instead) if instead else cut(text, field), lead)


def _fields(cls: type[Layer], field: Token) -> Iterator[tuple[str, str]]:
    """Yield what an unknown field may have meant, or an empty text if it can be left out, and the lead for it."""
    layer = ":".join(filter(None, [cls.kind, cls.sizes.example, field.text]))
    name, equals, value = (part.strip() for part in lowered(field.text).partition("="))
    elsewhere = name in FRAMEWORK_WORDS and attribute_of(cls, name) is None and name != STACKED
    if elsewhere or _fault(partial(spec.read, blanks=True), layer) is None:
        return
    is_key = any(option.spells(name) for option in cls.options)
    framework: Framework = "torch" if name in PYTORCH_NAMES and not is_key else "keras"
    ours = _argument(cls, name, value)
    if ours is not None:
        yield ours, f"perhaps {field_in_both(cls, ours, framework)}" if ours else "leave it out; it is the default"
    words = _words_of(cls)
    longer = [word for word in words if word.startswith(name)] if len(name) > _SHORTEST else []
    guesses = [name] if name in words else longer if len(longer) == 1 else []
    if not guesses and not any(takes(each, name) for each in LAYERS):
        guesses = likest(name, [*words, *FRAMEWORK_WORDS], _LIKE_SHORT if len(name) == len("seq") else _LIKE_A_FIELD)
    for guess in [each for each in guesses if each in words]:
        start, option = words[guess]
        if option is not None and guess == name and not value:
            continue
        values = [value]
        if isinstance(option, Choice) and value not in ("", *option.values):
            known = {each: each for each in option.values} | dict(option.other_names)
            # A number is not a misspelling of another.
            near = [value] if value in known else [] if value[:1].isdigit() else likest(squeezed(value), known)
            values = [known[each] for each in near]
            start, equals = option.lead, ""
        for each in values:
            instead = _argument(cls, guess, each) or start + (equals + each if each else "")
            yield instead, f"perhaps {field_in_both(cls, instead)}"


def _argument(cls: type[Layer], name: str, value: str) -> str | None:
    """Return the field for an argument of a framework; None if there is none, or if its value is wrong."""
    try:
        return field_of(cls, name, read_value(value) if value else True)
    except ValueError:
        return None


def _words_of(cls: type[Layer]) -> dict[str, tuple[str, Option | None]]:
    """Return every word that a field of a kind can start with, how to write it, and the option whose name it is."""
    words: dict[str, tuple[str, Option | None]] = {}
    if isinstance(cls.sizes, WordSize):
        words = {each: (each, None) for each in cls.sizes.words}
        words |= {each: (word, None) for each, word in cls.sizes.other_names.items()}
    for option in cls.options:
        if isinstance(option, Choice):
            ours = {each: each for each in option.values if not each.isdigit()}
            ours |= option.other_names if option.name_alone else {}
            words = {each: (option.spelling(option.values[word]), None) for each, word in ours.items()} | words
        words |= {each: (each, option) for each in names_of(cls, option)}
    return words


# The repair that the rule suggests, and shorter texts


def _own(text: str, fault: SpecError, in_order: bool) -> Iterator[Applied[str]]:
    """Yield the repair that the error itself suggests; for layers that are `in_order`, it may write others anew."""
    if fault.repair and fault.repair != text:
        old, new = without_spaces(text), without_spaces(fault.repair)
        gone, instead = _changed(old, new)
        is_shorter = len(new) < len(old)
        drops, added, is_less = (text[slice(*fault.span)] if gone else ""), "", is_shorter
        if in_order:
            before, after = _layers_in(old), _layers_in(new)
            is_less = len(after) < len(before) or not _fields_of(before) <= _fields_of(after)
            is_less |= not keeps_numbers(old, new, *_stacked(after))
            drops = gone
            # The input is required, so its numbers are no guess.
            added = re.sub(":x[0-9]+", "", new.partition(",")[2]) if len(after) > len(before) else ""
        is_other = not re.fullmatch(_digits(re.sub(r"e\+?[0-9]$", "", gone)) + "0*", _digits(instead))
        lead = "for example" if is_other and fault.lead in ("perhaps", ALONE) else fault.lead
        is_guess = not old or "example" in lead or lead in ("give it one", "name one") or not keeps_numbers(added, old)
        left_out = gone.strip(":,") if is_less else ""
        costs = COSTS_A_GUESS * (is_less or is_shorter or is_guess)
        yield Applied(new, lead, drops=drops, costs=costs, left_out=left_out)


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)


def _changed(old: str, new: str) -> tuple[str, str]:
    """Return the part of a text that differs from another, without their common beginning and end, and the other's."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    most = shorter - start
    same = next((place for place in range(most) if old[-1 - place] != new[-1 - place]), most)
    # Of relu:recact=relu without relu, the change is `relu:`, not `lu:re`.
    while start and ":" in old[start : len(old) - same] and old[start - 1] == old[len(old) - same - 1]:
        if old[start - 1] in ":,0123456789":
            break
        start, same = start - 1, same + 1
    return old[start : len(old) - same], new[start : len(new) - same]


def _without(text: str, token: Token, fault: SpecError) -> Iterator[Applied[str]]:
    """Yield the text without the field at fault, or without the layer if its kind is unknown."""
    kind, *fields = token.split(":")
    if lowered(kind.text) in KINDS:
        for field in fields:
            # Not if the name of a layer is in it, which is more than a field of this layer.
            layered = len(more := {*lowered(field.text).split()}) > 1 and more & KINDS.keys()
            if field.start <= fault.span[0] < field.end and not layered and not leaves_out_a_number(field.text):
                yield without(cut(text, field), field.text)
    elif "," in text and not leaves_out_a_number(token.text.replace("=", ":")):
        others = [each.text for each in Token(text, 0).split(",") if each.start != token.start]
        yield without(",".join(others), token.text)._replace(costs=2 * COSTS_A_GUESS)


# Whether everything that was typed is kept

_SETS_A_FIELD = (FLAGS | VALUES) - {"none"} | {
    name
    for layer in LAYERS
    for option in layer.options
    if not isinstance(option, Whole) and not layer.default(option.attribute)
    for name in names_of(layer, option)
}
"""Words that alone set a field to another value than its default: a repair that does not set it has lost them."""


_WORD = re.compile("[a-z_]+")


def keeps(typed: str, result: str, way: Sequence[Applied[str]]) -> bool:
    """Whether a spec has all numbers and fields of a text, except for those that its steps declare as left out.

    What a step leaves out must have been typed: a word that only an earlier step wrote stands for one that was.

    Args:
        typed: the text.
        result: the spec, or a template.
        way: the steps from the text to the spec.
    """
    plain = re.sub(r"\b(?:[tlnb]|none|batch)\s?x\s?(?=[0-9])|(?<=[0-9])\s?x\b", " ", in_ascii(typed).lower())
    typed_words = " ".join([plain, *KINDS])
    for step in way:
        gone = in_ascii(step.drops).lower().strip(":, ")
        if step.costs and not all(word in typed_words for word in _WORD.findall(gone)):
            return False
        plain = plain.replace(gone, " ") if gone else plain
    if not re.search("[a-z0-9]", plain) and typed.strip():
        return False
    layers = _layers_in(result)
    fields = {*re.findall(r"(?<![a-z_])[a-z_]+(?![a-z_]|\s*[=:])", plain)} & _SETS_A_FIELD
    return fields <= _fields_of(layers) and keeps_numbers(plain, result, *_stacked(layers))


def _layers_in(text: str) -> Sequence[Layer]:
    """Return the layers of a spec or template; none if there are too many after repeats."""
    with suppress(SpecError):
        return spec.unfolded(text, spec.read(text, blanks=True))[0]
    return ()


def _stacked(layers: Sequence[Layer]) -> Iterator[str]:
    """Yield the length of each stack of layers of the same kind, and of layers that differ only in `seq`."""
    for names in ([layer.kind for layer in layers], [layer.spec().replace(":seq", "") for layer in layers]):
        yield from (str(length) for _, run in groupby(names) if (length := len(list(run))) > 1)


def _fields_of(layers: Sequence[Layer]) -> set[str]:
    """Return the words for the fields of layers: the names of those that are set, and the names of all values."""
    words: set[str] = set()
    for layer in {*layers}:
        words |= {*_WORD.findall(layer.spec())}
        words |= {name for option, _ in layer.given() for name in names_of(type(layer), option)}
        for option in layer.options:
            if isinstance(option, Choice):
                value = getattr(layer, option.attribute)
                values = {name for name, each in option.values.items() if each == value}
                words |= values | {name for name, ours in option.other_names.items() if ours in values}
        if isinstance(layer.sizes, WordSize):
            words |= {name for name, ours in layer.sizes.other_names.items() if ours in words}
    return words


def leaves_out_a_number(drops: str) -> bool:
    """Whether a dropped text has a number that matters: not part of a known word, and not the value of a field."""
    name, equals, _ = (part.strip() for part in drops.lower().partition("="))
    known = (
        re.split(":", name)[0] in FRAMEWORK_WORDS
        or (equals and not name[:1].isdigit())
        or re.search(r"[a-z][123]d\b", name) is not None
    )
    return not known and any(numbers_in(drops))

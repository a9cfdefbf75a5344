"""Finds a repair for a wrong spec.

`rewrites` is the table of other ways to write things, and `rewriting` tries its rows in order. This module adds the
steps that no pattern can express: nearest names in context, and the repair that the broken rule suggests. `kept` checks
that a result keeps what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from rnncli.characters import in_ascii
from rnncli.errors import SpecError, likest, quote
from rnncli.language import spec
from rnncli.language.arguments import PYTORCH_NAMES, STACKED, attribute_of, field_of, read_value, takes
from rnncli.language.framework_words import FRAMEWORK_WORDS, framework_error
from rnncli.language.kept import NEGATES, SHORTEST, digits_stand, keeps, leaves_out_a_number, unnumbered
from rnncli.language.pattern_words import NAMED, THEIR_NAMES, compiled, names_of, squeezed
from rnncli.language.printed import printed_error
from rnncli.language.rewrites import ALONE, AROUND, REWRITES, WRONG_ORDER
from rnncli.language.rewriting import COSTS_A_GUESS, WITHOUT, Answer, Applied, Rewrite, led, search
from rnncli.language.source import Token, changed, cut, lowered, splice, without_spaces
from rnncli.layers import KINDS, LAYERS, Activation, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Choice
from rnncli.layers.sizes import WordSize
from rnncli.layers.weights import Framework
from rnncli.layers.words import field_in_both, in_both

_MOST_TRIED, _MOST_READ = 60, 8_000
"""The most texts to parse for a wrong spec, and the most characters besides its own, so that long specs are answered
quickly. Nine out of ten of the others are repaired by the tenth text."""

_Check = Callable[[str], object]
"""Raises a SpecError for an invalid text."""

_LONG, _LONG_LAYER = 1000, 200
"""In a longer text only the layer at fault is rewritten; a longer layer is not rewritten."""

_LIKE_A_FIELD, _LIKE_SHORT = 0.7, 0.65
"""How similar to a field a word must be to count as a misspelling; and the same for three letters."""

_MAKES_UP = "for example|give|name|repeat|to turn"
"""How the words of a repair begin that makes up a number, a name or a layer, other than a missing input."""

_NUMBERS = re.compile("(?:[0-9x.kMG]|_[a-z0-9]{0,9})*")
"""Numbers as they are written in a spec."""


def mended(error: SpecError, check: _Check, example: str = spec.EXAMPLE, *, blanks: bool = False) -> SpecError:
    """Return an error with a valid repair that keeps what was typed, or else with an example.

    Args:
        error: the error; its own repair is tried, too.
        check: the check that the repair must pass.
        example: the repair if none is found.
        blanks: whether `_` is allowed in place of a number.
    """
    meaning = printed_error(error.text) or framework_error(error.text)
    if meaning is not None:
        found = _search(meaning.repair or "", check, blanks)
        return meaning.repaired(example if found is None else without_spaces(found.state), meaning.lead)
    found = _search(error.text, check, blanks, error)
    if found is None or not found.way:
        lead = led([error.lead if error.repair is None else "", "for example"])
        return error.repaired(example, lead)
    first = found.way[0]
    leads = [first.lead]
    if first.costs and error.repair is None and not first.message:
        leads.insert(0, error.lead)
    leads += [_said_of(error.text, *each) for each in pairwise(found.way) if each[1].costs]
    lead = led(leads)
    repair = without_spaces(found.state)
    if not first.message:
        return error.repaired(repair, lead)
    return SpecError(first.message, text=error.text, span=first.span, lead=lead, repair=repair)


def _said_of(typed: str, before: Applied[str], after: Applied[str]) -> str:
    """Return the words for a later step that leaves something out or makes something up."""
    start, end = changed(before.state, after.state)
    gone, instead = before.state[start:end].strip(":, "), len(after.state) - len(before.state) + end - start
    return f"without {quote(gone)}" if not instead and gone in in_ascii(typed) else "for example"


def _search(typed: str, check: _Check, blanks: bool, first: SpecError | None = None) -> Answer[str] | None:
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
    unlisted = unnumbered(text) if len(text) <= _LONG else text
    if unlisted != text:
        yield Applied(unlisted, "without the list's numbers")
        return
    token = next((each for each in Token(text, 0).split(",") if fault.span[0] <= each.end), Token(text, 0))
    is_pattern = re.search(r"\{(?:[^{}]*(?:,|\.\.|=)[^{}]*|[a-z]?)\}", text) is not None  # it describes several specs
    in_order = not is_pattern and len(text) <= _LONG and _fault(partial(spec.read, blanks=blanks), text) is None
    is_short = not is_pattern and not in_order and len(token.text) <= _LONG_LAYER
    yield from () if in_order else _in_ascii(text)
    for row in AROUND if is_pattern else WRONG_ORDER if in_order else REWRITES:
        yield from _rewritten(row, text, token)
    if is_short:
        yield from _names(text, token, fault)
    if not is_pattern:
        yield from _own(text, fault, (len(text), 0) if in_order else fault.span)
    if is_short:
        yield from _without(text, token, fault)


def _fault(check: _Check, text: str) -> SpecError | None:
    try:
        check(text)
    except SpecError as error:
        return error
    return None


def _in_ascii(text: str) -> Iterator[Applied[str]]:
    """Yield the text without characters of other scripts, `input:8，lstm:4`, and without quotes."""
    plain = in_ascii(text)
    quotes = "(?!)" if "(" in plain else "[\"'`]+"  # quotes inside calls belong to Python
    found, plain = re.search(rf"[^\x00-\x7f]+|{quotes}", text), re.sub(quotes, "", plain)
    if found is not None and plain != text:
        other = found[0]
        said = "a spec has no quotes" if other.isascii() else f"a spec is written in ASCII, not with {quote(other)}"
        yield Applied(plain, "perhaps", said, found.span())


# Rows of the table


def _rewritten(row: Rewrite, text: str, token: Token) -> Iterator[Applied[str]]:
    """Yield the text as a row rewrites it: everywhere in a text, once in a layer or if the row computes.

    A text or layer that is too long is not rewritten.
    """
    within, start, most = (text, 0, _LONG) if row.where == "text" else (token.text, token.start, _LONG_LAYER)
    pattern = compiled(row.pattern)
    find = pattern.fullmatch if row.where == "layer" else pattern.search
    found = find(within) if len(within) <= most else None
    if found is None:
        return
    instead = row.instead_of(found)
    place = Token(found[0], start + found.start())
    new = pattern.sub(row.becomes, text, int(row.computes)) if row.where == "text" else splice(text, place, instead)
    span = _span(text, place.start, place.end, whole="as in" in row.message)
    typed = text[slice(*span)]
    said = row.message.replace("{}", quote(typed) if typed.strip() else "a space")
    lead = found.expand(row.lead) if "\\" in row.lead else row.lead.replace("{}", instead)
    drops = found[0] if row.drops or row.computes else ""
    yield Applied(new, lead, said, span, drops, COSTS_A_GUESS * (row.drops or row.invents))


def _span(text: str, start: int, end: int, whole: bool) -> tuple[int, int]:
    """Return the span of a match that an error shows, without the spaces around it.

    With `whole`, a match inside numbers is extended to the whole numbers, without the kind before them.
    """
    if whole:
        end += len(_NUMBERS.match(text, end)[0])  # type: ignore[index]  # it also matches an empty text
        start -= len(_NUMBERS.match(text[start - 1 :: -1] if start else "")[0])  # type: ignore[index]  # it always matches
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
        known |= word in NEGATES or (word[:1].isdigit() and not word[1:2].isalpha())  # 2-layer is not a misspelling
        known |= word.count(" ") > 1 or compiled(r"<LAYERS>[0-9]*(?:\s.*)?").fullmatch(word) is not None
        ours = [*KINDS, *(name for name in NAMED if name not in THEIR_NAMES)]
        ours += ["bilstm", "bigru"] if re.fullmatch("b[a-z]+", word) else []
        begins = not text[: kind.start].strip() and not known and not compiled("<R>$").search(word)
        begins &= re.match(r"[^\W\d_]{3,30}:(?![0-9]{4,9}x)[0-9]", text[kind.start :]) is not None
        # adc:1,gru:4 does not mean act, but gur:1,gru:4 means gru: it has the same letters.
        is_input = begins and compiled(r",<S><R>\b").search(text) and sorted(word) not in map(sorted, KINDS)
        for guess in [] if known else [*only, *likest(word, ours, _LIKE_A_FIELD if is_input else 0.6)]:
            instead = NAMED.get(guess, guess)
            yield Applied(splice(text, kind, instead), f"perhaps {guess}")
        for guess in [] if known or fields else likest(lowered(kind.text), ACTIVATIONS, _LIKE_A_FIELD):
            yield Applied(splice(text, kind, f"{Activation.kind}:{guess}"), f"perhaps {guess}")
        if begins:
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
    if _fault(partial(spec.read, blanks=True), layer) is None:
        return
    name, equals, value = (part.strip() for part in lowered(field.text).partition("="))
    if name in FRAMEWORK_WORDS and attribute_of(cls, name) is None and name != STACKED:
        return
    ours = any(option.spells(name) for option in cls.options)
    framework: Framework = "torch" if name in PYTORCH_NAMES and not ours else "keras"
    said = _argument(cls, name, value)
    if said is not None:
        yield said, f"perhaps {field_in_both(cls, said, framework)}" if said else "leave it out; it is the default"
    for option in cls.options:
        if isinstance(option, Choice):
            yield from _choices(cls, option, name, value)
    if isinstance(cls.sizes, WordSize):
        for guess in likest(name, [*cls.sizes.words, *cls.sizes.other_names]):
            word = cls.sizes.other_names.get(guess, guess)
            yield word, f"perhaps {word}"
    words = _words_of(cls)
    of_others = any(takes(each, name) for each in LAYERS)
    longer = [word for word in words if word.startswith(name)] if len(name) > SHORTEST else []
    guesses = longer if len(longer) == 1 else []
    likeness = _LIKE_SHORT if len(name) == len("seq") else _LIKE_A_FIELD
    guesses += [] if of_others else likest(name, [*words, *FRAMEWORK_WORDS], likeness)
    for guess in guesses:
        if guess in words:
            instead = _argument(cls, guess, value) or words[guess] + equals + value
            yield instead, f"perhaps {field_in_both(cls, instead)}"
    if not of_others and words.get(value) == value and "act" in words:
        yield f"act={value}", "perhaps"


def _argument(cls: type[Layer], name: str, value: str) -> str | None:
    """Return the field for an argument of a framework; None if there is none, or if its value is wrong."""
    try:
        return field_of(cls, name, read_value(value) if value else True)
    except ValueError:
        return None


def _choices(cls: type[Layer], option: Choice, name: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of one option that a text may mean: `sum` for `bi=sum`, `act=rellu`, `activation=swish`."""
    if name in option.values and not value and not name.isdigit():
        yield option.spelling(option.values[name]), f"perhaps {in_both(cls, option.attribute, option.values[name])}"
    if value and (attribute_of(cls, name) == option.attribute or name == option.key):
        theirs = option.other_names.get(value)
        # A number is not a misspelling of another.
        near = [] if value[:1].isdigit() else likest(squeezed(value), [*option.values, *option.other_names])
        for guess in [theirs] if theirs else near:
            ours = option.other_names.get(guess, guess)
            yield f"{option.key}={ours}", f"perhaps {in_both(cls, option.attribute, option.values[ours])}"


def _words_of(cls: type[Layer]) -> dict[str, str]:
    """Return every word that a field of a kind can start with, and how to write it."""
    words = {name: name for option in cls.options for name in names_of(cls, option)}
    for option in cls.options:
        if isinstance(option, Choice) and option.name_alone:
            words |= {name: name for name in option.values} | dict(option.other_names)
    return words


# The repair that the rule suggests, and shorter texts


def _own(text: str, fault: SpecError, named: tuple[int, int]) -> Iterator[Applied[str]]:
    """Yield the repair that the error itself suggests; what it replaces counts as dropped, also the `named` text."""
    if fault.repair and fault.repair != text:
        start, end = changed(text, fault.repair)
        made_up = re.match(_MAKES_UP, fault.lead or fault.advice or "") is not None
        guess = made_up or len(fault.repair) < len(without_spaces(text))
        # A size is only written more plainly, so every other word must be one without a meaning.
        told = "" if start >= end or fault.lead == ALONE else text[min(start, named[0]) : max(end, named[1])]
        other = fault.lead == "perhaps" and not digits_stand(re.sub(r"(?<=\d)e\+?\d(?!\d)", "", text), fault.repair)
        yield Applied(fault.repair, "for example" if other else fault.lead, drops=told, costs=COSTS_A_GUESS * guess)


def _without(text: str, token: Token, fault: SpecError) -> Iterator[Applied[str]]:
    """Yield the text without the field at fault, or without the layer if its kind is unknown."""
    kind, *fields = token.split(":")
    for field in fields if lowered(kind.text) in KINDS else ():
        more = {*lowered(field.text).split()}
        layered = len(more) > 1 and more & KINDS.keys()  # it is more than a field of this layer
        matters = layered or leaves_out_a_number(field.text) or lowered(field.text) in (*NEGATES, "false", "off")
        both_ways = lowered(field.text).startswith("bidir")
        if field.start <= fault.span[0] < field.end and not (matters or both_ways):
            yield Applied(cut(text, field), WITHOUT, drops=field.text, costs=COSTS_A_GUESS)
    stays = leaves_out_a_number(token.text.replace("=", ":")) or lowered(kind.text).split(" ")[0] in NEGATES
    stays |= compiled(r"\bbi-?dir|\bbi?-?<R>\b").search(kind.text) is not None
    if "," in text and lowered(kind.text) not in KINDS and not stays:
        others: Sequence[str] = [each.text for each in Token(text, 0).split(",") if each.start != token.start]
        yield Applied(",".join(others), WITHOUT, drops=token.text, costs=2 * COSTS_A_GUESS)

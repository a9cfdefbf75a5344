"""Completions of a partly typed spec, which a shell offers when TAB is pressed.

The kinds, fields and values are those that the layers declare. A completion always continues the typed text. Of several
ways to write something, only the short one is offered, unless the text has begun with another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rnncli.errors import SpecError
from rnncli.immutable import NamedTuple
from rnncli.language.rules import check_rules
from rnncli.language.spec import parse
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.options import Flag, Option
from rnncli.layers.sizes import BLANK_PATTERN, SizeError
from rnncli.layers.weights import FRAMEWORKS
from rnncli.layers.words import argument_form

_COUNT = "x"
"""The start of the field with the repeat count."""


class Completion(NamedTuple):
    """A possible continuation of the typed text.

    Attributes:
        text: the whole text; it starts with the typed one.
        word: the part that is completed, which is the last: `seq`, `lstm:`.
        means: the meaning of that part, in a few words.
    """

    text: str
    word: str
    means: str


_Words = Iterator[tuple[str, str]]
"""Ways to write the completed part, and the meaning of each."""


def spec_completions(text: str, *, blanks: bool = False) -> list[Completion]:
    """Return the completions of a partly typed spec, up to the next sign after which there is a choice.

    The text need not be valid. `blanks` allows `_` in place of a number, as in a template.
    """
    before, comma, layer = text.rpartition(",")
    kind, *fields = layer.split(":")
    typed = (fields or [kind])[-1].lstrip()
    if not fields:
        words = _kinds(typed.lower(), before + comma)
    else:
        cls = KINDS.get(kind.strip().lower())
        if cls is None:
            return []
        words = _fields(cls, [field.strip().lower() for field in fields[:-1]], typed, blanks=blanks)
    found = [Completion(text + word[len(typed) :], word, means) for word, means in words]
    return [each for each in found if blanks or not each.word[-1].isdigit() or _is_network(each.text)]


def _kinds(typed: str, before: str) -> _Words:
    """Yield the kinds that start with the typed text: input kinds for the first layer, others after it."""
    first = not before
    layers = [layer for layer in LAYERS if (layer.reads == "input") == first]
    # A layer that needs a sequence of known length is offered where the layers before it fix one.
    layers = [layer for layer in layers if not layer.needs_length or _is_network(before + layer.kind)]
    kinds = [(layer.kind, layer) for layer in layers]
    others = [(alias, layer) for layer in layers for alias in layer.aliases]
    starting = [each for each in kinds if each[0].startswith(typed)]
    for name, layer in starting or [each for each in others if each[0].startswith(typed)]:
        if layer.sizes.required:
            yield f"{name}:", layer.means
        elif name == typed:
            yield from _behind(layer, [], name)
        else:
            yield name, layer.means


def _is_network(text: str) -> bool:
    """Whether a text is a valid spec: a size may not fit the layers before it."""
    try:
        check_rules(*parse(text))
    except SpecError:
        return False
    return True


def _fields(cls: type[Layer], earlier: Sequence[str], typed: str, *, blanks: bool) -> _Words:
    """Yield the fields that start with the typed text and are not set yet; after a complete field, what may follow."""
    word = typed.lower()
    sized = any(_is_size(cls, field) for field in earlier)
    if not sized:
        sizes = cls.sizes.completions(word, blanks=blanks)
        yield from ((size, cls.means) for size in sizes if size != word)
        if cls.sizes.required and not typed:
            return
    fields, values = _ways(cls, earlier)
    shown = {_up_to_choice(text, word): means for text, means in fields.items() if text.startswith(word)}
    # There are many values without a key: they are offered only if no other field matches.
    shown = shown or {text: means for text, means in values.items() if text.startswith(word)}
    yield from ((text, means) for text, means in shown.items() if text != word)
    whole = _is_count(word) or (word != _COUNT and word in fields | values)
    if whole or (not sized and _is_whole_size(cls, typed)):
        yield from _behind(cls, [*earlier, word], typed)


def _ways(cls: type[Layer], earlier: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields that may be added to a layer's earlier ones, except a size, and their values without a key."""
    given = {
        option.attribute: value
        for option in cls.options
        for text, value in {**option.fields(), **option.short_fields()}.items()
        if text in earlier
    }
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for option in (each for each in cls.options if each.attribute not in given):
        for ways, fields in zip(found, (option.fields(), option.short_fields()), strict=True):
            able = (text for text, value in fields.items() if _fits(cls, given | {option.attribute: value}))
            ways |= dict.fromkeys(able, _means(cls, option))
    if cls.reads != "input" and not any(map(_is_count, earlier)):
        found[0][_COUNT] = "number of times to repeat the layer"
    return found


def _means(cls: type[Layer], option: Option) -> str:
    """Return what a field does, with Keras's argument for it (only its name if the field has values)."""
    theirs = argument_form(cls, option) if isinstance(option, Flag) else option.attribute
    return option.means if option.means == theirs else f"{option.means} ({theirs})"


def _behind(cls: type[Layer], fields: Sequence[str], typed: str) -> _Words:
    """Yield what may follow a complete field: another field or another layer."""
    done = not cls.sizes.required or any(_is_size(cls, field) for field in fields)
    if not done or any(_ways(cls, fields)):
        yield f"{typed}:", "a field of the layer"
    if done:
        yield f"{typed},", "the next layer"


def _up_to_choice(field: str, typed: str) -> str:
    """Return a field up to the `=`, or the whole field if the `=` is typed already."""
    key, equals, _ = field.partition("=")
    return field if equals in typed else key + equals


def _fits(cls: type[Layer], arguments: dict[str, Any]) -> bool:
    example = cls.sizes.parse(cls.kind, cls.sizes.example) if cls.sizes.required else {}
    return any(cls(**example, **arguments).conflict(framework) is None for framework in FRAMEWORKS)


def _is_count(field: str) -> bool:
    return re.fullmatch(rf"{_COUNT}({BLANK_PATTERN}|[0-9]+)", field) is not None


def _is_size(cls: type[Layer], field: str) -> bool:
    return not _is_count(field) and cls.sizes.means(field)


def _is_whole_size(cls: type[Layer], field: str) -> bool:
    if not cls.sizes.means(field):
        return False  # here, a letter in place of a number is the start of another field
    try:
        cls.sizes.parse(cls.kind, field)
    except SizeError:
        return False
    return True

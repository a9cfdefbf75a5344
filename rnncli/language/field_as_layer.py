"""Words that stand where a layer should and are none: fields such as `seq`, and words of the frameworks."""

from __future__ import annotations

from typing import NamedTuple

from rnncli.errors import listed
from rnncli.language.arguments import setting, takes
from rnncli.language.elsewhere import ELSEWHERE, elsewhere
from rnncli.language.source import Token, lowered, splice
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS
from rnncli.layers.words import in_both

WRAPPERS = ("bidirectional", "timedistributed", "time_distributed")
"""Keras's layers around a layer; here the layer alone is written."""


class Mending(NamedTuple):
    """What a word is, and the spec mended: what leads to it, and itself, if it is known."""

    advice: str
    lead: str = ""
    repair: str | None = None


def field_as_layer(text: str, token: Token) -> Mending | None:
    """Return what a word is that stands for a layer in a spec, and how to mend that.

    None is returned where it is no word of a field or a framework.

    Args:
        text: the spec.
        token: the layer in it.
    """
    first, *rest = (part.text for part in token.split(":"))
    name, equals, value = (part.strip() for part in lowered(first).partition("="))
    inner = KINDS.get(lowered(rest[0])) if rest else None
    if name in WRAPPERS and inner is not None:
        both_ways = name == "bidirectional" and inner.states
        return Mending(ELSEWHERE[name], "", splice(text, token, ":".join([*rest, *(["bi"] if both_ways else [])])))
    if name in WRAPPERS[1:] and rest:
        return Mending(ELSEWHERE[name], "perhaps", splice(text, token, f"dense:{':'.join(rest)}"))
    if name == ACTIVATION_OPTION.attribute and len(rest) == 1 and lowered(rest[0]) in ACTIVATIONS:
        return field_as_layer(splice(text, token, rest[0]), Token(rest[0], token.start))
    before = KINDS.get(lowered(_before(text, token).partition(":")[0].strip()))
    able = [layer for layer in LAYERS if takes(layer, name)]
    if able and not rest:
        kind = before if before in able else able[-1] if name in ACTIVATIONS else able[0]
        found = setting(kind, name, value if equals else None)
        if found is not None:
            said = in_both(kind, found[0].attribute, found[1])
            joins = before is kind and _may_join(kind, _before(text, token), found[0].attribute)
            joined = _joined(text, token) if joins else None
            return Mending(f"{said} is a field of {listed([each.kind for each in able], 'or')}", "", joined)
    word = elsewhere(name, [*KINDS])
    return None if word is None else Mending(ELSEWHERE[word], "without it", _without(text, token))


def _may_join(kind: type[Layer], before: str, attribute: str) -> bool:
    """Whether a field may be added to the layer before: it is not set there, and does what a layer behind would do.

    An activation behind a cell is not that of the cell.
    """
    for field in before.split(":")[1:]:
        name, equals, value = (part.strip() for part in lowered(field).partition("="))
        found = setting(kind, name, value if equals else None)
        if found is not None and found[0].attribute == attribute:
            return False
    return attribute != ACTIVATION_OPTION.attribute or kind.default(attribute) == "linear"


def _before(text: str, token: Token) -> str:
    """Return the layer before one as it is written; nothing if there is none."""
    return text[: token.start].rpartition(",")[0].rpartition(",")[2]


def _joined(text: str, token: Token) -> str:
    """Return a spec with a layer written as a field of the one before it."""
    before = text[: token.start].rpartition(",")[0]
    return f"{before}:{token.text}{text[token.end :]}"


def _without(text: str, token: Token) -> str | None:
    """Return a spec without a layer; None if there is no other."""
    texts = [each.text for each in Token(text, 0).split(",") if each.start != token.start]
    return ",".join(texts) or None

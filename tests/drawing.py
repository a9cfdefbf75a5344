"""Random networks and random spellings of them, drawn from the descriptions in `tests/kinds`.

A network is drawn from the input up; whether the output so far is a sequence or a vector decides which kinds fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from kinds import BODY, KINDS, kind_of
from kinds.base import Dice, Kind, typed_number

from rnncli.language.rules import least_steps
from rnncli.layers import Layer


def draw_body(dice: Dice, most: int, plausible: bool = True) -> list[Layer]:
    """Return up to `most` layers that may follow a head.

    Without `plausible` they may not form a valid network: a layer that needs a sequence may get a vector, and settings
    may conflict.
    """
    body: list[Layer] = []
    given = "sequence"
    wanted = dice.choice(range(most + 1))
    while len(body) < wanted:
        layer = dice.choice([kind for kind in BODY if not plausible or _fits(kind, given)]).draw(dice, plausible)
        if plausible and body and layer.activates and (own := body[-1].with_activation(layer.activates)) is not None:
            body[-1] = own  # a file or a source in another notation cannot tell the two apart
            continue
        given = given if layer.returns == "same" else layer.returns
        times = dice.choice((1, 1, 1, 1, 2, 3, 5))
        body += [layer] * (times if not plausible or _fits(kind_of(layer), given) else 1)
    return body[:wanted]


def long_enough(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers with sequences made long enough for their readers, and of known length."""
    lengthened = list(layers)
    start: int | None = 0
    for place, layer in enumerate(layers):
        if layer.reads in ("input", "vector"):
            start = place
        if layer.needs_length and start is not None and layers[start].reads == "input":
            head = lengthened[start]
            lengthened[start] = head if head.fixed_timesteps else head.with_timesteps(5)
        if layer.returns == "vector":
            start = None
    for place, layer in enumerate(lengthened):
        needed = least_steps(layers[place + 1 :])
        given = layer.fixed_timesteps if layer.reads == "input" else layer.output_length(1)
        if layer.reads in ("input", "vector") and given is not None and given < needed:
            lengthened[place] = layer.with_timesteps(needed)
    return tuple(lengthened)


def _fits(kind: Kind, given: str) -> bool:
    return kind.layer.reads in ("either", given)


def typed(dice: Dice, layers: Sequence[Layer]) -> str:
    """Return one way to type the layers: any name, order, case and spacing that the language allows."""
    texts: list[str] = []
    index = 0
    while index < len(layers):
        alike = next((i for i, layer in enumerate(layers[index:]) if layer != layers[index]), len(layers) - index)
        run = dice.choice((alike, dice.choice(range(1, alike + 1))))
        texts.append(_typed_layer(dice, layers[index], run))
        index += run
    return _joined(dice, ",", texts)


def _typed_layer(dice: Dice, layer: Layer, times: int) -> str:
    kind = kind_of(layer)
    fields = kind.typed(layer, dice)
    if times > 1 or dice.choice((False, False, False, True)):
        fields.insert(dice.choice(range(len(fields) + 1)), dice.choice("xxX") + typed_number(times, dice))
    return _joined(dice, ":", [kind.cased(dice.choice(kind.names), dice), *fields])


def _joined(dice: Dice, separator: str, texts: Sequence[str]) -> str:
    spaced = (separator, separator, separator, f" {separator}", f"{separator}  ", f"\t{separator} ")
    return "".join(text + dice.choice(spaced) for text in texts[:-1]) + texts[-1]


WORDS = tuple(
    dict.fromkeys(
        word
        for kind in KINDS.values()
        for word in (
            *kind.names,
            *(way for option in kind.options.values() for ways in option.ways.values() for way in ways),
        )
    )
)
"""Every word of the language."""

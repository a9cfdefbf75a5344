"""The spec language: text to layers, and layers to text.

    spec  = layer *( "," layer )
    layer = kind *( ":" field )
    field = size | flag | key "=" value | "x" count

What kinds, sizes, flags and keys there are is declared in `rnncli.layers`; `layer_parser` reads one layer.
"""

import re
from collections.abc import Iterable
from itertools import groupby

from rnncli.errors import SpecError
from rnncli.language.layer_parser import Written, read_layer
from rnncli.language.source import Source, Token, check_length, splice, without_spaces
from rnncli.layers import Layer
from rnncli.layers.sizes import Blank

EXAMPLE = "embed:10000x32,rnn:32:seq,rnn:32"
"""A spec that works: what the commands show when they are given none."""

MAX_LAYERS = 10_000


def parse(text: str) -> tuple[tuple[Layer, ...], Source]:
    """Return the layers that a spec names, repeats unfolded, and where in the text they stand.

    Whether they make a network is for `rnncli.language.rules` to say.

    Raises:
        SpecError: the text breaks a rule of the language.
    """
    return unfolded(text, read(text))


def read(text: str, *, blanks: bool = False) -> list[Written]:
    """Return the layers of a text as they are written.

    Args:
        text: the spec.
        blanks: whether `_` may stand for a number, as in a template.

    Raises:
        SpecError: the text breaks a rule of the language.
    """
    check_length(text, "spec", "repeat a layer with x3 instead of writing it out")
    if not text.strip():
        raise SpecError("the spec is empty", text=text, span=(0, 1), advice="start with", repair=EXAMPLE)
    brace = re.search("[{}]", text)
    if brace is not None:
        raise SpecError(
            "a spec has no braces; `rnncli sweep` expands lists as in {16,32} and ranges as in {1..9}, nothing else",
            text=text,
            span=brace.span(),
        )
    known: dict[str, tuple[Written, int]] = {}
    layers: list[Written] = []
    for token in Token(text, 0).split(","):
        # One that is written like another is read once, since a row of thousands has few.
        if token.text not in known:
            known[token.text] = read_layer(text, token, blanks), token.start
        written, start = known[token.text]
        layers.append(written.moved(token.start - start))
    return layers


def unfolded(text: str, written: Iterable[Written]) -> tuple[tuple[Layer, ...], Source]:
    """Return the layers with repeats unfolded, and where in the text they stand. A blank count is one.

    Raises:
        SpecError: there are too many.
    """
    layers: list[Layer] = []
    owners: list[int] = []
    tokens = tuple(Token(text, 0).split(","))
    for index, (token, each) in enumerate(zip(tokens, written, strict=True)):
        times = 1 if isinstance(each.times, Blank) else each.times
        if len(layers) + times > MAX_LAYERS:
            room = MAX_LAYERS - len(layers)
            fault = each.repeat or token
            raise SpecError(
                f"{len(layers) + times:,} layers after repeats; {MAX_LAYERS:,} are allowed",
                text=text,
                span=fault.span,
                advice="repeat it fewer times" if room else "leave the rest out",
                repair=splice(text, fault, f"x{room}") if room else without_spaces(text[: token.start - 1]),
            )
        layers.extend([each.layer] * times)
        owners.extend([index] * times)
    return tuple(layers), Source(text, tokens, tuple(owners))


def format_layers(layers: Iterable[Layer]) -> str:
    """Return the canonical spec: short kinds, plain numbers, defaults left out, repeats folded."""
    return ",".join(repeated(layer, len(list(run))) for layer, run in groupby(layers))


def repeated(layer: Layer, count: int) -> str:
    """Return the spec of a layer that is repeated `count` times."""
    return layer.spec() if count == 1 else f"{layer.spec()}:x{count}"


def source_of(layers: Iterable[Layer]) -> Source:
    """Return the source of layers that were never written: their canonical specs, one token each."""
    specs = [layer.spec() for layer in layers]
    text = ",".join(specs)
    return Source(text, tuple(Token(text, 0).split(",")), tuple(range(len(specs))))

"""The spec language: text to layers, and layers to text.

    spec  = layer *( "," layer )
    layer = kind *( ":" field )
    field = size | flag | key "=" value | "x" count

The kinds, sizes, flags and keys are declared in `rnncli.layers`; `layer_parser` reads one layer.
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
"""A valid spec, which commands use if they are given none."""

MAX_LAYERS = 10_000


def parse(text: str) -> tuple[tuple[Layer, ...], Source]:
    """Return the layers of a spec, repeats unfolded, and their places in the text.

    `rnncli.language.rules` checks whether they form a network.

    Raises:
        SpecError: the text breaks a rule of the language.
    """
    return unfolded(text, read(text))


def read(text: str, *, blanks: bool = False) -> list[Written]:
    """Return the layers of a text as written, repeats not unfolded.

    Args:
        text: the spec.
        blanks: whether `_` is allowed in place of a number, as in a template.

    Raises:
        SpecError: the text breaks a rule of the language.
    """
    check_length(text, "spec", "repeat a layer with x3 instead of writing it out")
    if not text.strip():
        raise SpecError("the spec is empty", text=text, span=(0, 1), advice="start with", repair=EXAMPLE)
    brace = re.search("[{}]", text)
    if brace is not None:
        raise SpecError(
            "a spec has no braces; only `rnncli sweep` expands lists such as {16,32} and ranges such as {1..9}",
            text=text,
            span=brace.span(),
        )
    known: dict[str, tuple[Written, int]] = {}
    layers: list[Written] = []
    for token in Token(text, 0).split(","):
        # Equal tokens are parsed once, because thousands of layers have few different ones.
        if token.text not in known:
            known[token.text] = read_layer(text, token, blanks), token.start
        written, start = known[token.text]
        layers.append(written.moved(token.start - start))
    return layers


def unfolded(text: str, written: Iterable[Written]) -> tuple[tuple[Layer, ...], Source]:
    """Return the layers with repeats unfolded, and their places in the text. A blank count is one.

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
                f"{len(layers) + times:,} layers after repeats; at most {MAX_LAYERS:,} are allowed",
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
    """Return a source for layers that were not parsed from text: their canonical specs, one token each."""
    specs = [layer.spec() for layer in layers]
    text = ",".join(specs)
    return Source(text, tuple(Token(text, 0).split(",")), tuple(range(len(specs))))

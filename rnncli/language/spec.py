"""The spec language: text to layers, and layers to text.

    spec  = layer *( "," layer )
    layer = kind *( ":" field )
    field = size | flag | key "=" value | "x" count

What kinds, sizes, flags and keys there are is declared in `rnncli.layers`. This is also where an error gets its
carets and its repair.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple, NoReturn

from rnncli.errors import SpecError
from rnncli.language.hints import closest, closest_field, listed, nearest_size, quote, spells, with_commas
from rnncli.language.source import Source, Token, check_length, cut, splice, without_spaces
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.base import Flag, Option, Rate, Sizes
from rnncli.quantities import parse_size

EXAMPLE = "embed:10000x32,rnn:32:seq,rnn:32"
"""A spec that works: what the commands show when they are given none."""

BLANK = "_"
"""What stands in place of a number that is to be found, in a template."""

MAX_LAYERS = 10_000


def parse(text: str) -> tuple[tuple[Layer, ...], Source]:
    """Return the layers that a spec names, repeats unfolded, and where in the text they stand.

    Whether they make a network is for `rnncli.network` to say.

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
            advice="for example",
            repair=EXAMPLE,
        )
    layers: list[Layer] = []
    owners: list[int] = []
    tokens = tuple(Token(text, 0).split(","))
    for index, token in enumerate(tokens):
        layer, repeat = _LayerParser(text, token).parse()
        if len(layers) + repeat.times > MAX_LAYERS:
            room = MAX_LAYERS - len(layers)
            fault = repeat.token or token
            raise SpecError(
                f"{len(layers) + repeat.times:,} layers after repeats; {MAX_LAYERS:,} are allowed",
                text=text,
                span=fault.span,
                advice="repeat it fewer times" if room else "leave the rest out",
                repair=splice(text, fault, f"x{room}") if room else without_spaces(text[: token.start - 1]),
            )
        layers.extend([layer] * repeat.times)
        owners.extend([index] * repeat.times)
    return tuple(layers), Source(text, tokens, tuple(owners))


def format_layers(layers: Iterable[Layer]) -> str:
    """Return the canonical spec: short kinds, plain numbers, defaults left out, repeats folded."""
    return ",".join(repeated(layer, len(list(run))) for layer, run in groupby(layers))


def repeated(layer: Layer, count: int) -> str:
    """Return the spec of a layer that is repeated `count` times."""
    return layer.spec() if count == 1 else f"{layer.spec()}:x{count}"


def source_of(layers: tuple[Layer, ...]) -> Source:
    """Return the source of layers that were never written: their canonical specs, one token each."""
    specs = [layer.spec() for layer in layers]
    text = ",".join(specs)
    return Source(text, tuple(Token(text, 0).split(",")), tuple(range(len(specs))))


class _Repeat(NamedTuple):
    times: int
    token: Token | None


class _LayerParser:
    """Reads one layer; every fault it finds carries the repair of the whole spec."""

    def __init__(self, text: str, token: Token) -> None:
        self.text = text
        self.token = token

    def parse(self) -> tuple[Layer, _Repeat]:
        kind, *fields = self.token.split(":")
        cls = self._kind(kind)
        arguments: dict[str, Any] = {}
        written: dict[str, Token] = {}
        for field in fields:
            what, values = self._field(cls, field)
            if what in written:
                first = written[what]
                self._fail(
                    field,
                    f"{kind.text} has {quote(first.text)} already, so {quote(field.text)} sets the same thing twice",
                    "keep one of them",
                    cut(self.text, field),
                )
            written[what] = field
            arguments.update(values)
        if "size" not in written:
            self._fail_without_size(cls, kind)
        count: int = arguments.pop("count", 1)
        return cls(**arguments), _Repeat(count, written.get("count"))

    def _kind(self, kind: Token) -> type[Layer]:
        cls = KINDS.get(kind.text.lower())
        if cls is not None:
            return cls
        if not kind.text:
            if not self.token.text:
                self._fail(kind, "there is no layer between two commas", "leave the comma out", self._drop())
            self._fail(kind, "there is no layer kind before the colon", "name one", splice(self.text, kind, "rnn"))
        self._fail_on_separator(kind)
        name, equals, size = kind.text.partition("=")
        if equals and name.strip().lower() in KINDS:
            repair = splice(self.text, kind, f"{name}:{size}")
            self._fail(
                kind, f"a colon stands before the size of a layer, not as in {quote(kind.text)}", "perhaps", repair
            )
        guess = closest(kind.text.lower(), KINDS)
        message = f"there is no layer kind {quote(kind.text)}"
        if guess is not None:
            self._fail(kind, message, f"perhaps {guess}", splice(self.text, kind, guess))
        kinds = ", ".join(layer.kind for layer in LAYERS)
        self._fail(kind, message, f"there are {kinds}; for example", EXAMPLE)

    def _field(self, cls: type[Layer], field: Token) -> tuple[str, dict[str, Any]]:
        """Return what a field sets, for telling when it is set twice, and the values it gives."""
        word = field.text.lower()
        if not word:
            self._fail(field, "there is nothing between two colons", "leave the colon out", cut(self.text, field))
        if word[0] == "x" and word[1:2].isdigit():
            return "count", {"count": self._count(field, field.text[1:])}
        for option in cls.options:
            values = self._option(option, field, word)
            if values is not None:
                return option.attribute, values
        if word.lstrip("+-.")[:1].isdigit() or word.split("x")[0] == BLANK:
            if isinstance(cls.sizes, Rate):
                return "size", {cls.sizes.attribute: self._rate(field)}
            return "size", self._sizes(cls, cls.sizes, field)
        self._fail_on_unknown(cls, field, word)

    def _option(self, option: Option, field: Token, word: str) -> dict[str, Any] | None:
        if isinstance(option, Flag):
            return {option.attribute: option.value} if word == option.word else None
        key, equals, name = word.partition("=")
        key, name = key.strip(), name.strip()
        if not equals:
            if key == option.key and option.key_alone is not None:
                name = option.key_alone
            elif option.name_alone and key in option.values:
                name = key
            else:
                return None
        elif key != option.key:
            return None
        if name not in option.values:
            choices = ", ".join(option.values)
            guess = closest(name, option.values)
            best = guess or next(iter(option.values))
            said = f"{quote(name)} is none of" if name else f"{option.key} needs one of"
            self._fail(
                field,
                f"{said} {choices}",
                f"perhaps {best}" if guess else "for example",
                splice(self.text, field, f"{option.key}={best}"),
            )
        return {option.attribute: option.values[name]}

    def _count(self, field: Token, digits: str) -> int:
        try:
            return parse_size(digits)
        except ValueError as fault:
            self._fail(
                field,
                f"a layer is repeated a whole number of times: {fault}",
                "without it",
                cut(self.text, field),
            )

    def _sizes(self, cls: type[Layer], sizes: Sizes, field: Token) -> dict[str, int]:
        if re.fullmatch(r"[0-9]+[*×][0-9]+", field.text):
            sized = re.sub("[*×]", "x", field.text)
            self._fail(
                field,
                f"sizes are joined by x, not as in {quote(field.text)}",
                "perhaps",
                splice(self.text, field, sized),
            )
        parts = list(Token(field.text.replace("X", "x"), field.start).split("x"))
        most, least = len(sizes.attributes), len(sizes.attributes) - sizes.optional
        if not least <= len(parts) <= most:
            form = "x".join(sizes.symbols)
            if len(parts) < least:
                repair = "x".join([field.text, *sizes.example.split("x")[len(parts) :]])
            elif most == 1:
                repair = parts[-1].text  # PyTorch's habit, Linear(in, out): the last is what it returns
            else:
                repair = "x".join(part.text for part in parts[:most])
            one_or_two = "one number" if most == 1 else "two numbers" if least == 2 else "one or two numbers"
            self._fail(
                field,
                f"{cls.kind} takes {one_or_two}, {cls.kind}:{form}, not {quote(field.text)}",
                "perhaps",
                splice(self.text, field, repair),
            )
        values = {}
        for attribute, part in zip(sizes.attributes[-len(parts) :], parts, strict=True):
            try:
                values[attribute] = parse_size(part.text)
            except ValueError as fault:
                self._fail_on_separator(field)
                guess = nearest_size(part.text) or sizes.example.split("x")[-1]
                blank = f"{BLANK} is a blank, and only `rnncli solve` finds the number for it"
                message = blank if part.text == BLANK else str(fault)
                self._fail(part, message, "perhaps", splice(self.text, part, guess))
        return values

    def _rate(self, field: Token) -> float:
        try:
            rate = float(field.text.replace("_", "?"))
        except ValueError:
            rate = -1.0
        if 0.0 <= rate <= 1.0:
            return abs(rate)  # -0.0 is 0
        percent = f"{rate / 100:g}" if 1.0 < rate <= 100.0 else "0.5"
        self._fail(
            field,
            f"dropout takes a share from 0 to 1, not {quote(field.text)}",
            "perhaps",
            splice(self.text, field, percent),
        )

    def _fail_without_size(self, cls: type[Layer], kind: Token) -> NoReturn:
        if isinstance(cls.sizes, Rate):
            needs, form = "the share it drops", cls.sizes.symbol
        else:
            form = "x".join(cls.sizes.symbols[cls.sizes.optional :])
            needs = "its size"
        self._fail(
            kind,
            f"{cls.kind} needs {needs}, {cls.kind}:{form}",
            "give it one",
            splice(self.text, kind, f"{kind.text}:{cls.sizes.example}"),
        )

    def _fail_on_unknown(self, cls: type[Layer], field: Token, word: str) -> NoReturn:
        self._fail_on_separator(field)
        name, equals, value = word.partition("=")
        elsewhere = [layer.kind for layer in LAYERS if any(spells(o, name) for o in layer.options)]
        if elsewhere and cls.kind not in elsewhere:
            self._fail(
                field,
                f"{cls.kind} does not take {quote(field.text)}; only {listed(elsewhere)} can",
                "leave it out",
                cut(self.text, field),
            )
        message = f"{cls.kind} does not know {quote(field.text)}"
        if isinstance(cls.sizes, Sizes) and name in cls.sizes.attributes and value:
            self._fail(field, message, "write the number alone", splice(self.text, field, value))
        guess = closest_field(cls, name, value if equals else None)
        if guess is not None:
            self._fail(field, message, f"perhaps {guess}", splice(self.text, field, guess))
        known = [option.word if isinstance(option, Flag) else f"{option.key}=" for option in cls.options]
        advice = f"it takes {listed(known)}; without it" if known else "leave it out"
        self._fail(field, message, advice, cut(self.text, field))

    def _fail_on_separator(self, token: Token) -> None:
        if with_commas(token.text) is not None:
            self._fail(
                token,
                f"layers are separated by commas, not as in {quote(token.text)}",
                "with commas",
                with_commas(self.text) or EXAMPLE,
            )

    def _drop(self) -> str:
        texts = (token.text for token in Token(self.text, 0).split(","))
        return ",".join(text for text in texts if text)

    def _fail(self, token: Token, message: str, advice: str, repair: str) -> NoReturn:
        raise SpecError(
            message,
            text=self.text,
            span=token.span,
            advice=advice,
            repair=without_spaces(repair),
        )

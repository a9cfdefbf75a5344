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

from rnncli.errors import SpecError, listed, quote
from rnncli.language.hints import closest, closest_field, with_commas
from rnncli.language.source import Source, Token, check_length, cut, splice, without_spaces
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.options import Choice, Flag, Option
from rnncli.layers.sizes import BLANK, BLANK_TEXT, Blank, SizeError
from rnncli.quantities import parse_size

EXAMPLE = "embed:10000x32,rnn:32:seq,rnn:32"
"""A spec that works: what the commands show when they are given none."""

MAX_LAYERS = 10_000

_BLANK_IN_FIELD = re.compile(rf"(?:^|[xX])\s*({BLANK_TEXT})\s*(?=[xX]|$)")


class Written(NamedTuple):
    """A layer as it is written.

    Attributes:
        layer: the layer; it has `BLANK` where a blank stands for a size.
        times: how often it is repeated; `BLANK` where a blank stands for the count.
        size: the field that says the sizes, if there is one.
        repeat: the field that says the count, if there is one.
        blanks: where in the text its blanks stand.
    """

    layer: Layer
    times: int | Blank
    size: Token | None
    repeat: Token | None
    blanks: tuple[int, ...]


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
            lead="for example",
            repair=EXAMPLE,
        )
    return [_LayerParser(text, token, blanks).parse() for token in Token(text, 0).split(",")]


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


class _LayerParser:
    """Reads one layer; every fault it finds carries the repair of the whole spec."""

    def __init__(self, text: str, token: Token, blanks: bool) -> None:
        self.text = text
        self.token = token
        self.may_have_blanks = blanks
        self.blanks: list[int] = []

    def parse(self) -> Written:
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
                    advice="keep one of them",
                    repair=cut(self.text, field),
                )
            written[what] = field
            arguments.update(values)
        if "size" not in written and cls.sizes.required:
            self._fail(
                kind,
                f"{cls.kind} needs {cls.sizes.needs}, {cls.kind}:{cls.sizes.shortest}",
                advice="give it one",
                repair=splice(self.text, kind, f"{kind.text}:{cls.sizes.example}"),
            )
        times = arguments.pop("count", 1)
        return Written(cls(**arguments), times, written.get("size"), written.get("count"), tuple(self.blanks))

    def _kind(self, kind: Token) -> type[Layer]:
        cls = KINDS.get(kind.text.lower())
        if cls is not None:
            return cls
        if not kind.text:
            if not self.token.text:
                self._fail(
                    kind,
                    "there is no layer between two commas",
                    advice="leave the comma out",
                    repair=self._without_empty_layers(),
                )
            self._fail(
                kind,
                "there is no layer kind before the colon",
                advice="name one",
                repair=splice(self.text, kind, "rnn"),
            )
        self._fail_on_separator(kind)
        name, equals, size = kind.text.partition("=")
        if equals and name.strip().lower() in KINDS:
            self._fail(
                kind,
                f"a colon stands before the size of a layer, not as in {quote(kind.text)}",
                lead="perhaps",
                repair=splice(self.text, kind, f"{name}:{size}"),
            )
        guess = closest(kind.text.lower(), KINDS)
        message = f"there is no layer kind {quote(kind.text)}"
        if guess is not None:
            self._fail(kind, message, advice=f"perhaps {guess}", repair=splice(self.text, kind, guess))
        kinds = ", ".join(layer.kind for layer in LAYERS)
        self._fail(kind, message, advice=f"there are {kinds}", lead="for example", repair=EXAMPLE)

    def _field(self, cls: type[Layer], field: Token) -> tuple[str, dict[str, Any]]:
        """Return what a field sets, for telling when it is set twice, and the values it gives."""
        word = field.text.lower()
        if not word:
            self._fail(
                field,
                "there is nothing between two colons",
                advice="leave the colon out",
                repair=cut(self.text, field),
            )
        if re.fullmatch(rf"x({BLANK_TEXT}|[0-9].*)", word, re.DOTALL):
            return "count", {"count": self._count(field, field.text[1:])}
        for option in cls.options:
            values = self._option(option, field, word)
            if values is not None:
                return option.attribute, values
        if cls.sizes.means(word):
            return "size", self._sizes(cls, field)
        self._fail_on_unknown(cls, field, word)

    def _option(self, option: Option, field: Token, word: str) -> dict[str, Any] | None:
        """Return the value that a field gives to the attribute of an option, or None if it is no field of that."""
        if isinstance(option, Flag):
            return {option.attribute: option.value} if word == option.word else None
        assert isinstance(option, Choice)
        key, equals, name = word.partition("=")
        key, name = key.strip(), name.strip()
        if not option.spells(key):
            return None
        if not equals:
            if key != option.key:
                name = key
            elif option.key_alone is not None:
                name = option.key_alone
            else:
                return None
        elif key != option.key:
            return None
        if name not in option.values:
            guess = closest(name, option.values)
            best = guess or next(iter(option.values))
            said = f"{quote(name)} is none of" if name else f"{option.key} needs one of"
            self._fail(
                field,
                f"{said} {', '.join(option.values)}",
                advice=f"perhaps {best}" if guess else "",
                lead="" if guess else "for example",
                repair=splice(self.text, field, f"{option.key}={best}"),
            )
        return {option.attribute: option.values[name]}

    def _count(self, field: Token, digits: str) -> int | Blank:
        if digits == BLANK_TEXT:
            self._take_blank(field.start + 1, "2")
            return BLANK
        try:
            return parse_size(digits)
        except ValueError as fault:
            self._fail(
                field,
                f"a layer is repeated a whole number of times: {fault}",
                lead="without it",
                repair=cut(self.text, field),
            )

    def _sizes(self, cls: type[Layer], field: Token) -> dict[str, Any]:
        """Return the values that a field gives to the attributes that hold the sizes."""
        try:
            values = cls.sizes.parse(cls.kind, field.text)
        except SizeError as fault:
            self._fail_on_separator(field)
            part = Token(field.text[fault.start : fault.end], field.start + fault.start)
            repair = splice(self.text, part, fault.instead) if fault.instead else cut(self.text, field)
            self._fail(part, fault.message, lead="perhaps" if fault.instead else "without it", repair=repair)
        for blank in _BLANK_IN_FIELD.finditer(field.text):
            self._take_blank(field.start + blank.start(1), cls.sizes.example.split("x")[-1])
        return values

    def _take_blank(self, position: int, number: str) -> None:
        """Note where a blank stands, or fail where there may be none; then a number is proposed."""
        self.blanks.append(position)
        if not self.may_have_blanks:
            part = Token(BLANK_TEXT, position)
            self._fail(
                part,
                f"{BLANK_TEXT} is a blank, and only `rnncli solve` finds the number for it",
                lead="perhaps",
                repair=splice(self.text, part, number),
            )

    def _fail_on_unknown(self, cls: type[Layer], field: Token, word: str) -> NoReturn:
        self._fail_on_separator(field)
        name, equals, value = word.partition("=")
        elsewhere = [layer.kind for layer in LAYERS if any(option.spells(name) for option in layer.options)]
        if elsewhere and cls.kind not in elsewhere:
            self._fail(
                field,
                f"{cls.kind} does not take {quote(field.text)}; only {listed(elsewhere)} can",
                advice="leave it out",
                repair=cut(self.text, field),
            )
        message = f"{cls.kind} does not know {quote(field.text)}"
        if name in cls.sizes.attributes and value:
            self._fail(field, message, advice="write the number alone", repair=splice(self.text, field, value))
        guess = closest_field(cls, name, value if equals else None)
        if guess is not None:
            self._fail(field, message, advice=f"perhaps {guess}", repair=splice(self.text, field, guess))
        known = [option.lead for option in cls.options]
        repair = cut(self.text, field)
        if known:
            self._fail(field, message, advice=f"it takes {listed(known)}", lead="without it", repair=repair)
        self._fail(field, message, advice="leave it out", repair=repair)

    def _fail_on_separator(self, token: Token) -> None:
        if with_commas(token.text) is not None:
            self._fail(
                token,
                f"layers are separated by commas, not as in {quote(token.text)}",
                lead="with commas",
                repair=with_commas(self.text) or EXAMPLE,
            )

    def _without_empty_layers(self) -> str:
        texts = (token.text for token in Token(self.text, 0).split(","))
        return ",".join(text for text in texts if text)

    def _fail(self, token: Token, message: str, *, advice: str = "", lead: str = "", repair: str) -> NoReturn:
        raise SpecError(
            message,
            text=self.text,
            span=token.span,
            advice=advice,
            lead=lead,
            repair=without_spaces(repair),
        )

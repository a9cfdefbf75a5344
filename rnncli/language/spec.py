"""The spec language: text to layers, and layers to text.

    spec  = layer *( "," layer )
    layer = kind *( ":" field )
    field = size | flag | key "=" value | "x" count

The kinds, sizes, flags and keys are declared in `rnncli.layers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rnncli.errors import SpecError
from rnncli.immutable import NamedTuple
from rnncli.language.arguments import attribute_of, read_value, setting_of
from rnncli.language.source import Source, Token, check_length, lowered, splice, without_spaces
from rnncli.layers import KINDS, Layer
from rnncli.layers.options import Option, Whole
from rnncli.layers.sizes import BLANK_PATTERN, Blank, Numbers, SizeError, blank_of
from rnncli.quantities import parse_size

if TYPE_CHECKING:
    from rnncli.language.layer_faults import LayerFaults

EXAMPLE = "embed:10000x32,rnn:32:seq,rnn:32"
"""A valid spec, which commands use if they are given none."""

MAX_LAYERS = 10_000


def parse(text: str) -> tuple[tuple[Layer, ...], Source]:
    """Return the layers of a spec, repeats unfolded, and their places in the text, or raise a SpecError.

    `rnncli.language.rules` checks whether they form a network.
    """
    return unfolded(text, read(text))


def read(text: str, *, blanks: bool = False) -> list[WrittenLayer]:
    """Return the layers of a text as written, repeats not unfolded, or raise a SpecError.

    `blanks` allows `_` in place of a number, as in a template.
    """
    check_length(text, "spec", "repeat a layer with x3 instead of writing it out")
    if not text.strip():
        raise SpecError("the spec is empty", text=text, span=(0, 1), advice="start with", repair=EXAMPLE)
    brace = re.search("[{}]", text)
    if brace is not None:
        message = "a spec has no braces; only `rnncli sweep` expands lists such as {16,32} and ranges such as {1..9}"
        raise SpecError(message, text=text, span=brace.span())
    known: dict[str, tuple[WrittenLayer, int]] = {}
    layers: list[WrittenLayer] = []
    for token in Token(text, 0).split(","):
        # Equal tokens are parsed once, because thousands of layers have few different ones.
        if token.text not in known:
            known[token.text] = _LayerParser(text, token, blanks).parse(), token.start
        written, start = known[token.text]
        layers.append(written.moved(token.start - start))
    return layers


def unfolded(text: str, written: Iterable[WrittenLayer]) -> tuple[tuple[Layer, ...], Source]:
    """Return layers with repeats unfolded, a blank count as one, and their places; too many raise a SpecError."""
    layers: list[Layer] = []
    owners: list[int] = []
    tokens = tuple(Token(text, 0).split(","))
    for index, (token, each) in enumerate(zip(tokens, written, strict=True)):
        times = 1 if isinstance(each.times, Blank) else each.times
        if len(layers) + times > MAX_LAYERS:
            room = MAX_LAYERS - len(layers)
            fault = each.repeat or token
            message = f"{len(layers) + times:,} layers after repeats; at most {MAX_LAYERS:,} are allowed"
            advice = "repeat it fewer times" if room else "leave the rest out"
            repair = splice(text, fault, f"x{room}") if room else without_spaces(text[: token.start - 1])
            raise SpecError(message, text=text, span=fault.span, advice=advice, repair=repair)
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


# One layer


class WrittenLayer(NamedTuple):
    """A layer as it is written.

    Attributes:
        layer: the layer; a blank size is a `Blank`.
        times: the repeat count; a blank count is a `Blank`.
        size: the field with the sizes, if there is one.
        repeat: the field with the repeat count, if there is one.
        blanks: its blanks, and their places in the text.
    """

    layer: Layer
    times: int | Blank
    size: Token | None
    repeat: Token | None
    blanks: tuple[tuple[Blank, Token], ...]

    def moved(self, distance: int) -> WrittenLayer:
        """Return the same layer, written `distance` characters further on."""
        size, repeat = (field if field is None else field.moved(distance) for field in (self.size, self.repeat))
        blanks = tuple((blank, token.moved(distance)) for blank, token in self.blanks)
        return WrittenLayer(self.layer, self.times, size, repeat, blanks)

    def filled(self, numbers: Mapping[Blank, Any]) -> tuple[Layer, Any]:
        """Return the layer and its repeat count with numbers or symbols in their blanks."""
        layer = self.layer
        for blank, _ in self.blanks:
            layer = layer.with_size(blank, numbers[blank])
        return layer, numbers[self.times] if isinstance(self.times, Blank) else self.times


class _LayerParser:
    """Reads one layer."""

    def __init__(self, text: str, token: Token, allow_blanks: bool) -> None:
        self.text = text
        self.token = token
        self.allow_blanks = allow_blanks
        self.blanks: list[tuple[Blank, Token]] = []

    @property
    def faults(self) -> LayerFaults:
        """The object that raises errors. It is imported late, because it is large and few specs need it."""
        from rnncli.language.layer_faults import LayerFaults

        return LayerFaults(self.text, self.token, self.allow_blanks)

    def parse(self) -> WrittenLayer:
        kind, *fields = self.token.split(":")
        word = lowered(kind.text)
        cls = KINDS[word] if word in KINDS else self.faults.no_kind(kind)
        arguments: dict[str, Any] = {}
        written: dict[str, Token] = {}
        for field in fields:
            what, values = self._field(cls, field)
            if what in written:
                self.faults.set_twice(cls, written[what], field)
            written[what] = field
            arguments.update(values)
        if "size" not in written and cls.sizes.required:
            self.faults.no_size(cls, kind)
        times = arguments.pop("count", 1)
        return WrittenLayer(cls(**arguments), times, written.get("size"), written.get("count"), tuple(self.blanks))

    def _field(self, cls: type[Layer], field: Token) -> tuple[str, dict[str, Any]]:
        """Return the name of the setting of a field, to detect duplicates, and its values."""
        word = lowered(field.text)
        if not word:
            self.faults.fail(field, "a field is missing after the colon")
        if word.startswith("x") and re.fullmatch(rf"x({BLANK_PATTERN}|[0-9].*)", word, re.DOTALL):
            return "count", {"count": self._count(field, field.text[1:])}
        for option in cls.options:
            values = self._option(cls, option, field, word)
            if values is not None:
                return option.attribute, values
        if cls.sizes.means(word):
            return "size", self._sizes(cls, field)
        return self._argument(cls, field, word) or self._placeholder(cls, field) or self.faults.unknown(cls, field)

    def _placeholder(self, cls: type[Layer], field: Token) -> tuple[str, dict[str, Any]] | None:
        """Return the setting of a letter or sign in place of a number, `n` or `TxF`; None for a number."""
        _, *fields = self.token.split(":")
        others = [lowered(each.text) for each in fields if each != field]
        parts = [field.text] if field.text in ("x", "X") else re.split("[xX]", field.text)
        if not isinstance(cls.sizes, Numbers) or any(map(cls.sizes.means, others)):
            return None
        if not all(blank_of(part.strip()) or part.strip().isdigit() for part in parts):
            return None
        return "size", self._sizes(cls, field)

    def _argument(self, cls: type[Layer], field: Token, word: str) -> tuple[str, dict[str, Any]] | None:
        """Return the setting of an argument of Keras or PyTorch, `units=32` or `return_sequences=True`."""
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals:
            return None
        if (attribute_of(cls, name),) == cls.sizes.attributes:
            typed = field.text.partition("=")[2].lstrip()
            is_size = cls.sizes.means(value) or blank_of(value)
            return ("size", self._sizes(cls, Token(typed, field.end - len(typed)))) if is_size else None
        try:
            setting = setting_of(cls, name, read_value(value))
        except ValueError as fault:
            self.faults.wrong_argument(cls, field, name, str(fault))
        return None if setting is None else (setting[0].attribute, {setting[0].attribute: setting[1]})

    def _option(self, cls: type[Layer], option: Option, field: Token, word: str) -> dict[str, Any] | None:
        """Return the value of a field for the attribute of an option; None if the field is for another one."""
        text = field.text if isinstance(option, Whole) else word  # 10M is a number, 10m is not
        key, equals, name = (part.strip() for part in text.partition("="))
        key = lowered(key)
        if not option.spells(key) or (equals and f"{key}=" != option.lead):
            return None
        name = name if option.keyed else text
        try:
            value = option.value_of(f"{key}{equals}{name}" if option.keyed else text)
        except ValueError as fault:
            self.faults.wrong_value(cls, option, field, name, str(fault))
        if isinstance(value, Blank):
            self._take_blank(value, Token(name, field.end - len(field.text.rpartition("=")[2].lstrip())), "2")
        return {option.attribute: value}

    def _count(self, field: Token, digits: str) -> int | Blank:
        blank = blank_of(digits)
        if blank is not None:
            self._take_blank(blank, Token(digits, field.start + 1), "2")
            return blank
        try:
            return parse_size(digits)
        except ValueError as fault:
            self.faults.wrong_count(field, str(fault))

    def _sizes(self, cls: type[Layer], field: Token) -> dict[str, Any]:
        """Return the values of a size field for the attributes that hold sizes."""
        try:
            values = cls.sizes.parse(cls.kind, field.text)
        except SizeError as fault:
            self.faults.wrong_size(cls, field, fault)
        if any(isinstance(value, Blank) for value in values.values()):
            alone = field.text in ("x", "X")
            for part in [field] if alone else Token(field.text.lower(), field.start).split("x"):
                token = Token(field.text[part.start - field.start : part.end - field.start], part.start)
                blank = blank_of(token.text)
                if blank is not None:
                    self._take_blank(blank, token, cls.sizes.example.split("x")[-1])
        return values

    def _take_blank(self, blank: Blank, token: Token, number: str) -> None:
        """Record a blank and its place; if none is allowed, fail with `number` as the repair."""
        self.blanks.append((blank, token))
        if not self.allow_blanks:
            self.faults.blank(token, number)

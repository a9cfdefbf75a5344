"""The sizes of a kind of layer: how they are parsed, spelt and checked.

A size field is numbers joined by x, a share, one of some words, or empty. A size can also be a number that is not known
yet.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import field
from operator import index
from typing import Any, NoReturn

from rnncli.errors import listed, quote, shorten
from rnncli.immutable import Immutable, immutable
from rnncli.quantities import MAX_SIZE, nearest_size, parse_size

BLANK_TEXT = "_"
"""A blank in a template: a number to be found."""

BLANK_PATTERN = "_(?:[A-WYZa-wyz][0-9A-WYZa-wyz]*)?"
"""The pattern of a blank in a template: `_`, or with a name, `_a`. Names have no x, which would join sizes."""

PLACEHOLDERS = frozenset({"?", "??", "???", "*", "#", "%", "__", "___", "...", "<n>", "<u>", "[n]"})
"""Other signs that people use for a blank."""

NAMED_PLACEHOLDERS = frozenset(
    ("units", "features", "timesteps", "steps", "size", "dim", "num", "hidden", "hidden_size", "input_size")
)
"""Words that people use as named blanks; any single letter works the same way."""


class UnknownSize:
    """A number that is not known yet, which a layer of a template or a sweep can have in place of a size."""


class NoPolynomialError(ArithmeticError):
    """A value computed from an unknown number is not a polynomial in it."""


@immutable
class Blank(Immutable, UnknownSize):
    """A number for `rnncli solve` to find; blanks with the same name are the same number.

    Attributes:
        name: its name, `a` for `_a`; `_` if it has none.
    """

    name: str = BLANK_TEXT

    def _unknown(self, other: object) -> Blank:
        """Return the result of arithmetic with it: unknown as well."""
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = _unknown

    def __repr__(self) -> str:
        return self.name if self.name == BLANK_TEXT else f"{BLANK_TEXT}{self.name}"


BLANK = Blank()


def blank_of(text: str) -> Blank | None:
    """Return the blank that a text stands for: `_`, `_a`, or a letter, a word or a sign; None if it is not a blank.

    >>> blank_of("_"), blank_of("_a"), blank_of("n"), blank_of("?"), blank_of("units"), blank_of("_1"), blank_of("8")
    (_, _a, _n, _, _units, None, None)
    """
    if text.startswith(BLANK_TEXT) and re.fullmatch(BLANK_PATTERN, text):
        return Blank(text[1:] or BLANK_TEXT)
    if (len(text) == 1 and text.isascii() and text.isalpha()) or text.lower() in NAMED_PLACEHOLDERS:
        return Blank(text)
    return BLANK if text.lower() in PLACEHOLDERS else None


class SizeError(ValueError):
    """An error in a size field.

    Attributes:
        message: what was given and what is allowed.
        start: the position of the first wrong character in the field.
        end: the position after the last wrong one.
        instead: a replacement for those characters.
    """

    def __init__(self, message: str, start: int, end: int, instead: str) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.instead = instead


class Sizes(Immutable, ABC):
    """The form of a kind's size field."""

    attributes: tuple[str, ...]
    """The layer's attributes that hold the sizes, in writing order."""
    example: str
    """A field for repairs when nothing better is known."""
    needs: str = "its size"
    """What a layer without a size field lacks, in words."""
    required: bool = True
    """Whether a layer must have a size field."""

    @property
    @abstractmethod
    def form(self) -> str:
        """The field as shown by `rnncli layers`: `VxD`, `P`."""

    @property
    def shortest(self) -> str:
        """The field as an error asks for it, without its optional parts."""
        return self.form

    def means(self, word: str) -> bool:
        """Whether a field is meant as the size, even if misspelt; by default, whether it looks like a number or `_`."""
        return word.lstrip("+-.")[:1].isdigit() or word == BLANK_TEXT

    @abstractmethod
    def parse(self, kind: str, text: str) -> dict[str, Any]:
        """Return the attributes' values for a field, with a `Blank` where it has one in place of a number.

        Raises:
            SizeError: the field is malformed.
        """

    def completions(self, typed: str, *, blanks: bool = False) -> tuple[str, ...]:
        """Return the possible completions of a partly typed field; numbers are not completed.

        Args:
            typed: its first characters, possibly none.
            blanks: whether a blank is allowed in place of a number, as in a template.
        """
        return ()

    def spell(self, values: Mapping[str, Any]) -> str:
        """Return the field for the attributes' values, joined by x; empty if none is needed."""
        return "x".join(str(values[name]) for name in self.attributes if values[name] is not None)

    def checked(self, name: str, value: Any) -> Any:
        """Return an attribute's value as a plain number, as the layer stores it.

        Raises:
            ValueError: it is not allowed; the message names the attribute and the allowed values.
        """
        return value


@immutable
class Numbers(Sizes):
    """Whole numbers from 1 to 2**31-1 joined by x: `10000x32`.

    Attributes:
        attributes: the layer's attribute for each number, in writing order.
        symbols: the letter for each.
        example: a field for repairs.
        optional: how many of the first may be omitted; their attributes are then None.
    """

    attributes: tuple[str, ...]
    symbols: tuple[str, ...]
    example: str
    optional: int = 0

    @property
    def form(self) -> str:
        """`VxD`, or `[Tx]F` if T is optional."""
        lead = "".join(f"[{symbol}x]" for symbol in self.symbols[: self.optional])
        return lead + self.shortest

    @property
    def shortest(self) -> str:
        """The form without its optional parts."""
        return "x".join(self.symbols[self.optional :])

    def means(self, word: str) -> bool:
        """Whether it starts with a digit or a sign, or contains a blank."""
        return super().means(word) or any(part.startswith(BLANK_TEXT) for part in re.split("[x*×]", word))

    def parse(self, kind: str, text: str) -> dict[str, Any]:
        """Return a number or a blank for each attribute."""
        sized = text.replace("*", "x").replace("×", "x")
        if sized != text and re.fullmatch("[0-9]+x[0-9]+", sized):
            raise SizeError(f"sizes are joined by x, not as in {quote(text)}", 0, len(text), sized)
        parts, start = [], 0
        for part in text.replace("X", "x").split("x") if text else ():
            parts.append((start, part))
            start += len(part) + len("x")
        if text in ("x", "X"):
            parts = [(0, text)]  # a letter in place of a number
        most, least = len(self.attributes), len(self.attributes) - self.optional
        if not least <= len(parts) <= most:
            if re.fullmatch("_[0-9A-Za-z]*[A-Za-z][0-9A-Za-z]*", text):
                _no_name(text, 0)
            raise SizeError(
                f"{kind} takes {self._how_many}, {kind}:{'x'.join(self.symbols)}, not {quote(text)}",
                *(0, len(text)),
                self._completed([part.strip() for _, part in parts]),
            )
        values: dict[str, Any] = {}
        for attribute, (start, written) in zip(self.attributes[-len(parts) :], parts, strict=True):
            part = written.strip()
            blank = blank_of(part)
            if blank is not None:
                values[attribute] = blank
                continue
            start += len(written) - len(written.lstrip())
            if part.startswith(BLANK_TEXT):
                _no_name(part, start)
            try:
                values[attribute] = parse_size(part)
            except ValueError as fault:
                digits = re.match("[1-9][0-9]{0,8}[kMG]?", part)
                instead = nearest_size(part) or (digits[0] if digits else self.example.split("x")[-1])
                raise SizeError(str(fault), start, start + len(part), instead) from None
        return values

    def completions(self, typed: str, *, blanks: bool = False) -> tuple[str, ...]:
        """Return the field with a blank for the next number, or with the x before it."""
        *before, last = re.split("[xX]", typed)
        if not last:
            return (typed + BLANK_TEXT,) if blanks and len(before) < len(self.attributes) else ()
        more = len(before) + 1 < len(self.attributes)
        return (typed + "x",) if more and (last.startswith(BLANK_TEXT) or last[0].isdigit()) else ()

    @property
    def _how_many(self) -> str:
        most = len(self.attributes)
        if most == 1:
            return "one number"
        return "one or two numbers" if self.optional else "two numbers"

    def _completed(self, parts: list[str]) -> str:
        """Return a field with the right number of sizes, keeping as many given ones as possible."""
        most, least = len(self.attributes), len(self.attributes) - self.optional
        if len(parts) < least:
            return "x".join([*parts, *self.example.split("x")[len(parts) :]])
        if most == 1:
            return parts[-1]  # as in PyTorch's Linear(in, out), the last is the output size
        # Optional sizes come first, like Keras's batch in (batch, timesteps, features).
        return "x".join(parts[-most:] if self.optional else parts[:most])

    def checked(self, name: str, value: Any) -> Any:
        """Return a number as a Python integer."""
        optional = name in self.attributes[: self.optional]
        return value if value is None and optional else checked_size(name, value)


def checked_size(name: str, value: Any) -> int | UnknownSize:
    """Return an argument's number as a Python integer, or one that is not known yet; or raise a ValueError."""
    if isinstance(value, UnknownSize):
        return value
    try:
        number = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        number = 0
    if not 1 <= number <= MAX_SIZE:
        raise ValueError(f"{name} is {shorten(repr(value))}, expected a whole number from 1 to {MAX_SIZE:,}")
    return number


def _no_name(text: str, start: int) -> NoReturn:
    """Raise a SizeError for an invalid blank name; the repair has a valid one that stays distinct from other names."""
    name = re.sub("[xX]", "z", re.sub("[^0-9A-Za-z]", "", text))
    instead = f"{BLANK_TEXT}{'' if name[:1].isalpha() else 'n'}{name}"
    if re.search("[*/+]", text):
        instead = BLANK_TEXT  # an expression with a blank is not another blank
    raise SizeError(
        f"{quote(text)} is not a valid blank: names start with a letter and have letters and digits but no x, as in _a",
        *(start, start + len(text)),
        instead,
    )


@immutable
class Share(Sizes):
    """A share from 0 to 1: `0.5`."""

    attributes: tuple[str]
    symbol: str
    example: str
    needs: str

    @property
    def form(self) -> str:
        """Its symbol."""
        return self.symbol

    def parse(self, kind: str, text: str) -> dict[str, Any]:
        """Return the share."""
        rate = -1.0
        if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,5})?", text):
            rate = float(text)
        if 0.0 <= rate <= 1.0:
            return {self.attributes[0]: abs(rate)}  # -0.0 is 0
        instead = f"{rate / 100:g}" if 2.0 <= rate <= 100.0 else self.example
        raise SizeError(f"{kind} takes a share from 0 to 1, not {quote(text)}", 0, len(text), instead)

    def spell(self, values: Mapping[str, Any]) -> str:
        """Return the shortest text that parses to the same number."""
        rate: float = values[self.attributes[0]]
        return f"{rate:g}" if float(f"{rate:g}") == rate else repr(rate)

    def checked(self, name: str, value: Any) -> float:
        """Return the share as a float."""
        try:
            rate = float(value)
        except (TypeError, ValueError):
            rate = -1.0
        if isinstance(value, str) or not 0.0 <= rate <= 1.0:
            raise ValueError(f"{name} is {shorten(repr(value))}, expected a number from 0 to 1")
        return abs(rate)


@immutable
class WordSize(Sizes):
    """One of some words instead of a number: `max`."""

    attributes: tuple[str]
    words: tuple[str, ...]
    example: str
    needs: str
    other_names: Mapping[str, str] = field(default_factory=dict)
    """Names from elsewhere with our word for each; an error's repair translates them."""
    symbol: str = ""
    """The symbol for any of the words if they are too many to list."""

    @property
    def form(self) -> str:
        """All the words, `max|avg`, or their symbol."""
        return self.symbol or "|".join(self.words)

    def means(self, word: str) -> bool:
        """Whether it is one of the words or of the names from elsewhere, or a number, which other kinds take."""
        return word in self.words or word in self.other_names or super().means(word)

    def parse(self, kind: str, text: str) -> dict[str, Any]:
        """Return the word."""
        word = text.lower() if text.isascii() else text
        if word not in self.words:
            allowed = listed(self.words, "or")
            instead = self.other_names.get(word, self.example)
            raise SizeError(f"{kind} takes {allowed}, not {quote(text)}", 0, len(text), instead)
        return {self.attributes[0]: word}

    def completions(self, typed: str, *, blanks: bool = False) -> tuple[str, ...]:
        """Return the words that start with the typed text."""
        return tuple(word for word in self.words if word.startswith(typed))

    def checked(self, name: str, value: Any) -> Any:
        """Return the word."""
        if value not in self.words:
            allowed = listed([repr(word) for word in self.words], "or")
            raise ValueError(f"{name} is {shorten(repr(value))}, expected {allowed}")
        return value


@immutable
class NoSize(Sizes):
    """The empty size field of a kind whose size follows from its input."""

    attributes = ()
    example = form = ""
    required = False

    def parse(self, kind: str, text: str) -> dict[str, Any]:
        """Refuse a size."""
        raise SizeError(f"{kind} has the size of its input, and takes no {quote(text)}", 0, len(text), "")

"""What the parser and a layer ask of the sizes of a kind: how they are written, read, spelt and checked.

The ways to write them are in `rnncli.layers.size_forms`. A size can also be a number that is not known yet.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BLANK_TEXT = "_"
"""What stands in a template in place of a number that is to be found."""

BLANK_PATTERN = "_(?:[A-WYZa-wyz][0-9A-WYZa-wyz]*)?"
"""A blank as a template has it: `_`, or with a name, `_a`. An x would join sizes."""

PLACEHOLDERS = frozenset({"?", "??", "???", "*", "#", "%", "__", "___", "...", "<n>", "<u>", "[n]"})
"""What people put where any number is to be found."""

NAMED_PLACEHOLDERS = frozenset(
    ("units", "features", "timesteps", "steps", "size", "dim", "num", "hidden", "hidden_size", "input_size")
)
"""Words that people put there to say which number it is; any letter does the same."""


class Unknown:
    """A number that is not known yet; a layer of a template or of a sweep can hold one in place of a size."""


class NoPolynomialError(ArithmeticError):
    """What is computed of a number that is not known yet is no polynomial in it."""


@dataclass(frozen=True, repr=False)
class Blank(Unknown):
    """A number that `rnncli solve` is asked for; blanks of one name are the same number.

    Attributes:
        name: `a` of `_a`; `_` if it has none.
    """

    name: str = BLANK_TEXT

    def _unknown(self, other: object) -> Blank:
        """Return what is computed of it: a number that is not known either."""
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = _unknown

    def __repr__(self) -> str:
        return self.name if self.name == BLANK_TEXT else f"{BLANK_TEXT}{self.name}"


BLANK = Blank()


def blank_of(text: str) -> Blank | None:
    """Return the blank that a text is in place of a number, `_`, `_a`, or a letter, a word or a sign; else None.

    >>> blank_of("_"), blank_of("_a"), blank_of("n"), blank_of("?"), blank_of("units"), blank_of("_1"), blank_of("8")
    (_, _a, _n, _, _units, None, None)
    """
    if re.fullmatch(BLANK_PATTERN, text):
        return Blank(text[1:] or BLANK_TEXT)
    if re.fullmatch("[A-Za-z]", text) or text.lower() in NAMED_PLACEHOLDERS:
        return Blank(text)
    return BLANK if text.lower() in PLACEHOLDERS else None


class SizeError(ValueError):
    """What is wrong with a field that says the size.

    Attributes:
        message: what was given and what is allowed.
        start: the first of its characters that are wrong.
        end: the position behind the last of them.
        instead: what to write in place of those characters.
    """

    def __init__(self, message: str, start: int, end: int, instead: str) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.instead = instead


class Sizes(ABC):
    """How the sizes of a kind of layer are written. A way to write them is a dataclass, as a kind of option is."""

    attributes: tuple[str, ...]
    """The layer's attributes that hold the sizes, in the order they are written."""
    example: str
    """A field for repairs, where no better one is known."""
    needs: str = "its size"
    """What a layer lacks that has no such field."""
    required: bool = True
    """Whether a layer must have such a field."""

    @property
    @abstractmethod
    def form(self) -> str:
        """The field as `rnncli layers` shows it: `VxD`, `P`."""

    @property
    def shortest(self) -> str:
        """The field as an error asks for it: without what may be left out."""
        return self.form

    def means(self, word: str) -> bool:
        """Whether a field is meant as the size, rightly or wrongly written: here as a number, or a blank for it."""
        return word.lstrip("+-.")[:1].isdigit() or word == BLANK_TEXT

    @abstractmethod
    def parse(self, kind: str, text: str) -> dict[str, Any]:
        """Return the values that a field gives to the attributes. A blank in place of a number is `BLANK`.

        Raises:
            SizeError: it is written wrong.
        """

    def completions(self, typed: str, *, blanks: bool = False) -> tuple[str, ...]:
        """Return how a field can go on that is typed in part; nobody can say which number is meant.

        Args:
            typed: its first characters, or none.
            blanks: whether a blank may stand for a number, as in a template.
        """
        return ()

    @abstractmethod
    def spell(self, values: Mapping[str, Any]) -> str:
        """Return the field for the values of the attributes; an empty text is no field."""

    @abstractmethod
    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values as the layer keeps them: plain numbers.

        Raises:
            ValueError: one of them is not allowed; the message says which, and what is.
        """

"""What people type who come from elsewhere: what a whole text would be as a spec.

A habit is a function that is given the text of a bad spec. It returns the error that says what is unusual about it,
with the spec that was meant for a repair, or None if the text has no such habit. The time it takes is linear in the
length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from rnncli.errors import SpecError, quote
from rnncli.language.framework_errors import framework_error
from rnncli.language.numbers import comma_numbers
from rnncli.language.separators import other_separators

_ALSO_LIKE = str.maketrans(
    "аеорсухіѕкмтАЕОРСУХІЅКМТВН‐‑‒–—―−、،⸴∶꞉ː⟶→➔➜⇒⟹’‘“”«»„",
    'aeopcyxiskmtAEOPCYXISKMTBH-------,,,:::>>>>>>\'\'"""""',
)
"""Characters that look or mean like one of ASCII, besides those that Unicode says are compatible with it."""


def habit(text: str) -> SpecError | None:
    """Return the error for the first habit that a bad spec has, or None if it has none."""
    return next((error for error in (each(text) for each in HABITS) if error is not None), None)


def other_characters(text: str) -> SpecError | None:
    """`input:8，lstm:4`: characters of other scripts, and quotes."""
    read = [_meant(character) for character in text]
    if "(" not in read:
        # Quotes inside of calls belong to Python.
        read = ["" if character in "\"'`" else character for character in read]
    start = next((i for i, (typed, meant) in enumerate(zip(text, read, strict=True)) if typed != meant), None)
    repair = "".join(read)
    if start is None or not repair.strip():
        return None
    end = next((i for i in range(start, len(text)) if text[i] == read[i]), len(text))
    other = text[start:end]
    message = "a spec has no quotes" if other.isascii() else f"a spec is written in ASCII, not with {quote(other)}"
    return SpecError(message, text=text, span=(start, end), lead="perhaps", repair=repair)


def in_ascii(text: str) -> str:
    """Return a text with the characters of ASCII that its characters stand for."""
    return "".join(map(_meant, text))


def _meant(character: str) -> str:
    """Return what a character stands for in ASCII, nothing if it cannot be seen, or else the character itself."""
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(character) == "Cf":
        return ""
    meant = unicodedata.normalize("NFKC", character).translate(_ALSO_LIKE)
    return meant if meant.isascii() else character


_BRACKETS = re.compile(r":\s*([(\[][^()\[\]]*[)\]])")
_SHAPE = re.compile(r"\s*(?:None\s*[,x]\s*)?([0-9_]+)(?:\s*[,x]\s*([0-9_]+))?\s*,?\s*")


def bracketed_sizes(text: str) -> SpecError | None:
    """`input:(50,8)`: sizes as Python's tuple."""

    def without_brackets(brackets: re.Match[str]) -> str:
        numbers = _SHAPE.fullmatch(brackets[1][1:-1])
        return brackets[0] if numbers is None else f":{'x'.join(number for number in numbers.groups() if number)}"

    repair = _BRACKETS.sub(without_brackets, text)
    if repair == text:
        return None
    first = next(each for each in _BRACKETS.finditer(text) if without_brackets(each) != each[0])
    return SpecError(
        f"sizes are joined by x, and have no brackets: {quote(first[1])}",
        text=text,
        span=first.span(1),
        lead="perhaps",
        repair=repair,
    )


HABITS: tuple[Callable[[str], SpecError | None], ...] = (
    framework_error,
    other_characters,
    bracketed_sizes,
    comma_numbers,
    other_separators,
)
"""All habits, in the order in which they are looked for."""

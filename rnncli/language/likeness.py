"""Similar texts: the nearest of some words, and the ASCII characters that other characters look like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_SHORT, _LONGEST_WORD = 2, 40
"""Longer words match nothing, because comparing them would be slow."""

_ALSO_LIKE = str.maketrans(
    "аеорсухіѕкмтАЕОРСУХІЅКМТВН‐‑‒–—―−、،‚⸴∶꞉ː⟶→➔➜⇒⟹’‘“”«»„", 'aeopcyxiskmtAEOPCYXISKMTBH-------,,,,:::>>>>>>\'\'"""""'
)
"""Characters that look like or mean an ASCII character, besides those that Unicode declares compatible."""


def likest(word: str, words: Iterable[str], likeness: float = 0.6) -> list[str]:
    """Return at most two of `words` that are most similar to a word, the most similar first.

    A word that contains one of them and more (`convlstm`) means something else, so it does not match; and a word of two
    letters is at most one letter from another.
    """
    least = 0.8 if len(word) <= _SHORT else 0.85 if word.lower().endswith("layer") else 0  # lstmLayer, inputLayer
    # Only errors need it, and it is slow to import.
    from difflib import get_close_matches

    found = get_close_matches(word, list(words), n=2, cutoff=max(likeness, least)) if len(word) <= _LONGEST_WORD else []
    return [guess for guess in found if not (guess in word and len(word) > len(guess) + 2)]


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the word of `words` that is most similar to a word, or None if none is."""
    return next(iter(likest(word, words, likeness)), None)


def in_ascii(text: str) -> str:
    """Return a text with its characters replaced by the ASCII characters that they look like: 10³ becomes 10^3."""
    return "".join(map(ascii_of, re.sub("(?<=[0-9])(?=[⁰¹²³⁴-⁹])", "^", text)))


def ascii_of(character: str) -> str:
    """Return the ASCII equivalent of a character, an empty text if it is invisible, or else the character itself."""
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(character) == "Cf":
        return ""
    parts = unicodedata.normalize("NFKD", character)
    meant = "".join(each for each in parts if not unicodedata.combining(each)).translate(_ALSO_LIKE)
    return meant if meant and meant.isascii() else character

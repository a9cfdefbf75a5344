"""What a text is like: the nearest of some words, and the characters of ASCII that others look like."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_LONGEST_WORD = 40
"""A longer word is like no other; comparing it would be slow."""

_ALSO_LIKE = str.maketrans(
    "аеорсухіѕкмтАЕОРСУХІЅКМТВН‐‑‒–—―−、،⸴∶꞉ː⟶→➔➜⇒⟹’‘“”«»„", 'aeopcyxiskmtAEOPCYXISKMTBH-------,,,:::>>>>>>\'\'"""""'
)
"""Characters that look or mean like one of ASCII, besides those that Unicode says are compatible with it."""


def likest(word: str, words: Iterable[str], likeness: float = 0.6) -> list[str]:
    """Return the two of `words` that are most like a word, the likest first, or as many as there are.

    A word that is one of them and more (`convlstm`) is another thing, and not a misspelt one.
    """
    # Only an error needs it, and it is slow to import.
    from difflib import get_close_matches

    found = get_close_matches(word, list(words), n=2, cutoff=likeness) if len(word) <= _LONGEST_WORD else []
    return [guess for guess in found if not (guess in word and len(word) > len(guess) + 2)]


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the one of `words` that is most like a word, or None if none is."""
    return next(iter(likest(word, words, likeness)), None)


def in_ascii(text: str) -> str:
    """Return a text with the characters of ASCII that its characters stand for."""
    return "".join(map(ascii_of, text))


def ascii_of(character: str) -> str:
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

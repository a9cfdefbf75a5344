"""Output without Unicode: every character that rnncli prints has an ASCII form, so that none becomes a `?`.

Text that is aligned in columns is converted by `ascii_form` before it is measured. All other text is converted by the
stream it is written to, after `spell_out` has been called for the stream. `in_ascii` is for text that was typed.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import TextIO

BARS = "▁▂▃▄▅▆▇█"
"""Bars, from the lowest to the highest."""

ASCII_FORMS = {
    "×": "x",
    "·": ".",
    "●": "o",
    "→": "->",
    "…": "...",
    "–": "-",
    "−": "-",
    "≈": "~",
    "≤": "<=",
    "≥": ">=",
    "²": "^2",
    "√": "sqrt",
    "±": "+-",
    "µ": "u",
    "γ": "gamma",
    "μ": "mu",
    "β": "beta",
    "σ": "sigma",
    "≡": "E",
    **dict(zip("─│┌┐└┘├┤┬┴►◄▲", "-|++++++++><^", strict=True)),
    **dict(zip(BARS, "_.-:=+*#", strict=True)),
}
"""The replacement of each character if the output is ASCII."""

_ALSO_LIKE = str.maketrans(
    "аеорсухіѕкмтАЕОРСУХІЅКМТВН‐‑‒–—―−、،‚⸴∶꞉ː⟶→➔➜⇒⟹’‘“”«»„", 'aeopcyxiskmtAEOPCYXISKMTBH-------,,,,:::>>>>>>\'\'"""""'
)
"""Characters that look like or mean an ASCII character, besides those that Unicode declares compatible."""

_HANDLER = "rnncli"
"""The name under which Python knows `_spelt_out`."""

_ENCODING = "rnncli_ascii"
"""Another name for ASCII. Click assumes that a stream with the encoding ASCII is misconfigured, and writes UTF-8."""


def ascii_form(text: str) -> str:
    """Return a text with all characters replaced that have an ASCII form."""
    return text if text.isascii() else "".join(ASCII_FORMS.get(character, character) for character in text)


def spell_out(stream: TextIO | None) -> None:
    """Make a stream write characters that its encoding lacks in ASCII, or as question marks if they have no ASCII form.

    Question marks can only replace text that was typed; there is one per column, so that carets stay aligned.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return
    codecs.register_error(_HANDLER, _spelt_out)
    codecs.register(_codec)
    if codecs.lookup(stream.encoding).name == "ascii":
        stream.reconfigure(encoding=_ENCODING, errors=_HANDLER)
    else:
        stream.reconfigure(errors=_HANDLER)


def shows_unicode(stream: TextIO | None) -> bool:
    """Return whether a stream supports all characters."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def columns(text: str) -> int:
    """Return the number of terminal columns of a text."""
    from unicodedata import combining, east_asian_width  # only texts beyond ASCII need it

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def in_ascii(text: str) -> str:
    """Return a text with its characters replaced by the ASCII characters that they look like: 10³ becomes 10^3."""
    return "".join(map(ascii_of, re.sub("(?<=[0-9])(?=[⁰¹²³⁴-⁹])", "^", text)))


def ascii_of(character: str) -> str:
    """Return the ASCII equivalent of a character, an empty text if it is invisible, or else the character itself."""
    if character.isascii():
        return character
    from unicodedata import category, combining, decimal, normalize

    digit = decimal(character, None)
    if digit is not None:
        return str(digit)
    if category(character) == "Cf":
        return ""
    meant = "".join(each for each in normalize("NFKD", character) if not combining(each)).translate(_ALSO_LIKE)
    return meant if meant and meant.isascii() else character


def _spelt_out(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of the characters that cannot be encoded, and their end position."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(ASCII_FORMS.get(each, "?" * columns(each)) for each in characters), error.end


def _codec(name: str) -> codecs.CodecInfo | None:
    if name != _ENCODING:
        return None
    ascii_ = codecs.lookup("ascii")
    return codecs.CodecInfo(
        ascii_.encode,
        ascii_.decode,
        ascii_.streamreader,
        ascii_.streamwriter,
        ascii_.incrementalencoder,
        ascii_.incrementaldecoder,
        name=_ENCODING,
    )

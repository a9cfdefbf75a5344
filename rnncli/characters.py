"""Characters of an output that has no Unicode: each that rnncli prints has a form in ASCII, and none becomes a `?`.

What is laid out in columns is put into ASCII before it is measured, by `ascii_form`. All else is put into it by the
stream that it is written to, once `spell_out` has seen that.
"""

from __future__ import annotations

import codecs
import io
from typing import TextIO

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
    **dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)),
}
"""What replaces a character where the output is ASCII."""

_HANDLER = "rnncli"
"""How Python knows `_spelt_out`."""

_ENCODING = "rnncli_ascii"
"""ASCII by another name. Click takes an output that says ASCII for one that is set up wrongly, and writes UTF-8."""


def ascii_form(text: str) -> str:
    """Return a text with its characters replaced that have a form in ASCII."""
    return text if text.isascii() else "".join(ASCII_FORMS.get(character, character) for character in text)


def spell_out(stream: TextIO | None) -> None:
    """Let a stream write what its encoding has no character for in ASCII, and as question marks what has no form there.

    A question mark can only stand for what was typed; there is one for each column, so that carets stay in place.
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
    """Return whether a stream has all characters."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def columns(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _spelt_out(error: UnicodeError) -> tuple[str, int]:
    """Return what replaces the characters that cannot be encoded, and where they end."""
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

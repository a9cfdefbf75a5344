"""A call in Python source, with its number and string literals."""

from __future__ import annotations

from rnncli.immutable import NamedTuple


class PythonCall(NamedTuple):
    """A call in Python source.

    >>> str(PythonCall("Bidirectional", (PythonCall("LSTM", ("8",)), 'merge_mode="sum"')))
    'Bidirectional(LSTM(8), merge_mode="sum")'

    Attributes:
        function: the function or class called.
        arguments: the arguments, each source text or another call.
    """

    function: str
    arguments: tuple[str | PythonCall, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


def number(value: float) -> str:
    """Return a number as a person would write it: 32, 0.5, 1e-5."""
    return repr(value).replace("e-0", "e-")


def string(text: str) -> str:
    """Return a text as a string literal, in double quotes unless single quotes save escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    # repr uses single quotes for a text with a double quote and no single one.
    inside = repr(text + '"')[1:-2].replace("\\'", "'")
    return f"{quote}{inside.replace(quote, chr(92) + quote)}{quote}"


def literal(value: float | str) -> str:
    """Return a number or a text as it is written in source."""
    return string(value) if isinstance(value, str) else number(value)

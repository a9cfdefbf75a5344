"""A call as it stands in Python's source, and the numbers and texts in it."""

from __future__ import annotations

from rnncli.immutable import NamedTuple


class Call(NamedTuple):
    """A call as it stands in the source.

    >>> str(Call("Bidirectional", (Call("LSTM", ("8",)), 'merge_mode="sum"')))
    'Bidirectional(LSTM(8), merge_mode="sum")'

    Attributes:
        function: what is called.
        arguments: the arguments, each a text or a call itself.
    """

    function: str
    arguments: tuple[str | Call, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


def number(value: float) -> str:
    """Return a number as a person writes it: 32, 0.5, 1e-5."""
    return repr(value).replace("e-0", "e-")


def string(text: str) -> str:
    """Return a text as a literal, in double quotes unless single ones save escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    # repr takes single quotes for a text that has one double quote and no other.
    inside = repr(text + '"')[1:-2].replace("\\'", "'")
    return f"{quote}{inside.replace(quote, chr(92) + quote)}{quote}"

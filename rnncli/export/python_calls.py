"""Calls in Python's source, laid out as `ruff format` lays them out at its default width of 88 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rnncli.characters import columns

WIDTH = 88
INDENT = "    "


class Call(NamedTuple):
    """A call as it stands in the source.

    >>> str(Call("layers.Bidirectional", (Call("layers.LSTM", ("8",)), 'merge_mode="sum"')))
    'layers.Bidirectional(layers.LSTM(8), merge_mode="sum")'

    Attributes:
        function: what is called.
        arguments: the arguments, each a text or a call itself.
    """

    function: str
    arguments: tuple[str | Call, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


def laid_out(call: Call, indent: str = "", end: str = "") -> Iterator[str]:
    """Yield the lines of a call: one, if it fits; else its arguments on a line of their own, or a line each.

    Args:
        call: the call.
        indent: the spaces before it.
        end: what comes after it, a comment included.
    """
    if fits(line := f"{indent}{call}{end}") or not call.arguments:
        yield line
        return
    yield f"{indent}{call.function}("
    if fits(line := f"{indent}{INDENT}{', '.join(map(str, call.arguments))}"):
        yield line
    else:
        for argument in call.arguments:
            if isinstance(argument, Call):
                yield from laid_out(argument, indent + INDENT, ",")
            else:
                yield f"{indent}{INDENT}{argument},"
    yield f"{indent}){end}"


def fits(line: str) -> bool:
    """Return whether a line is not too long."""
    return columns(line) <= WIDTH


def number(value: float) -> str:
    """Return a number as a person writes it: 32, 0.5, 1e-5."""
    return repr(value).replace("e-0", "e-")


def string(text: str) -> str:
    """Return a text as a literal, in double quotes unless single ones save escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    # repr takes single quotes for a text that has one double quote and no other.
    inside = repr(text + '"')[1:-2].replace("\\'", "'")
    return f"{quote}{inside.replace(quote, chr(92) + quote)}{quote}"

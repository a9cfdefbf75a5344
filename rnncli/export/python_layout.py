"""Lines of Python laid out as `ruff format` lays them out, at its default width of 88 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnncli.characters import columns

WIDTH = 88
INDENT = "    "


def call(indent: str, lead: str, arguments: Sequence[str], end: str = ")") -> Iterator[str]:
    """Yield the lines of a call: on one line, or its arguments on a line of their own, or one argument a line.

    Args:
        indent: the spaces before it.
        lead: what comes before the arguments: `self.lstm = nn.LSTM(`.
        arguments: the arguments.
        end: what comes after them.
    """
    inside = ", ".join(arguments)
    if fits(f"{indent}{lead}{inside}{end}") or not arguments:
        yield f"{indent}{lead}{inside}{end}"
        return
    yield f"{indent}{lead}"
    if fits(f"{indent}{INDENT}{inside}"):
        yield f"{indent}{INDENT}{inside}"
    elif len(arguments) == 1:
        function, opened, rest = inside.partition("(")
        if opened:
            yield from call(indent + INDENT, f"{function}(", [rest[:-1]])
        else:
            yield f"{indent}{INDENT}{inside}"
    else:
        yield from (f"{indent}{INDENT}{argument}," for argument in arguments)
    yield f"{indent}{end}"


def commented(line: str, comment: str) -> Iterator[str]:
    """Yield a line and a comment behind it, or above it where that would be too long."""
    if not comment:
        yield line
    elif fits(f"{line}  # {comment}"):
        yield f"{line}  # {comment}"
    else:
        yield f"{line[: len(line) - len(line.lstrip())]}# {comment}"
        yield line


def wrapped(indent: str, words: Sequence[str], separator: str) -> Iterator[str]:
    """Yield words on as few lines as hold them; a line is broken behind a separator."""
    line = ""
    for number, word in enumerate(words):
        more = word + (separator if number < len(words) - 1 else "")
        if line and not fits(f"{indent}{line}{more.rstrip()}"):
            yield f"{indent}{line.rstrip()}"
            line = ""
        line += more
    yield f"{indent}{line}"


def literal(text: str) -> str:
    """Return a text as a string of Python, in double quotes unless single ones save escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    inside = "".join(
        f"\\{character}"
        if character in ("\\", quote)
        else character
        if character.isprintable()
        else _escaped(character)
        for character in text
    )
    return f"{quote}{inside}{quote}"


def _escaped(character: str) -> str:
    return repr(character)[1:-1]


def fits(line: str) -> bool:
    """Whether a line is no wider than `WIDTH`."""
    return columns(line) <= WIDTH

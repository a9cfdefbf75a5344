"""Where in the text of a spec its parts stand, and how the text is edited to repair it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from rnncli.errors import SpecError
from rnncli.immutable import NamedTuple

MAX_BYTES = 64 * 1024
"""The longest text of a spec or a pattern."""


class Token(NamedTuple):
    """A stretch of the spec without the spaces around it."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The position behind its last character."""
        return self.start + len(self.text)

    @property
    def span(self) -> tuple[int, int]:
        """Its characters as (start, end); where it has none, the place where they should be."""
        return self.start, max(self.end, self.start + 1)

    def moved(self, distance: int) -> Token:
        """Return the same text, so many characters further on."""
        return Token(self.text, self.start + distance)

    def split(self, separator: str) -> Iterator[Token]:
        """Yield the parts between separators, each without the spaces around it."""
        start = self.start
        for part in self.text.split(separator):
            yield Token(part.strip(), start + len(part) - len(part.lstrip()))
            start += len(part) + len(separator)


class Source(NamedTuple):
    """The text that layers came from.

    Attributes:
        text: the spec as typed.
        tokens: one for each layer as written, before repeats.
        owners: for each layer after repeats, the index of its token; they ascend.
    """

    text: str
    tokens: tuple[Token, ...]
    owners: tuple[int, ...]

    def error(self, layer: int, message: str, advice: str, repairs: dict[int, str]) -> SpecError:
        """Return the error for a layer (counted after repeats), its repair made by rewriting tokens.

        Args:
            layer: the index of the layer at fault.
            message: what is wrong.
            advice: how to mend it, in words.
            repairs: for the index of a token, the text to put in its place; an empty one removes it.
        """
        token = self.tokens[self.owners[layer]]
        texts = [repairs.get(i, token.text) for i, token in enumerate(self.tokens)]
        return SpecError(
            message,
            text=self.text,
            span=token.span,
            advice=advice,
            repair=without_spaces(",".join(text for text in texts if text)),
        )

    def copies(self, token: int) -> int:
        """Return how many layers a token stands for."""
        return bisect_right(self.owners, token) - bisect_left(self.owners, token)


def lowered(text: str) -> str:
    """Return `text` in lower case, if it is ASCII; what looks like a letter of the language is none of it."""
    return text.lower() if text.isascii() else text


def splice(text: str, token: Token, replacement: str) -> str:
    """Return `text` with another text in a token's place."""
    return text[: token.start] + replacement + text[token.end :]


def cut(text: str, field: Token) -> str:
    """Return `text` without a field and the colon before it."""
    return text[: text.rindex(":", 0, max(field.start, 1))] + text[field.end :]


def without_spaces(text: str) -> str:
    """Return `text` as it can be pasted into a shell unquoted: spaces are allowed only around tokens."""
    return "".join(text.split())


def check_length(text: str, what: str, advice: str) -> None:
    """Check that a text is not too long to be read.

    Args:
        text: the text.
        what: what it is, for the message.
        advice: how to make it shorter.

    Raises:
        SpecError: it is longer than `MAX_BYTES`.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise SpecError(
            f"the {what} is {size:,} bytes long; 64 KiB are allowed",
            text=text,
            span=(min(len(text), MAX_BYTES) - 1, len(text)),
            advice=advice,
        )

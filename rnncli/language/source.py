"""The places of a spec's parts in its text, and edits of the text for repairs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from rnncli.errors import SpecError
from rnncli.immutable import NamedTuple

MAX_BYTES = 64 * 1024
"""The longest text of a spec or a pattern."""


class Token(NamedTuple):
    """A part of the spec without the spaces around it."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The position after its last character."""
        return self.start + len(self.text)

    @property
    def span(self) -> tuple[int, int]:
        """Its characters as (start, end); one character wide if it is empty."""
        return self.start, max(self.end, self.start + 1)

    def moved(self, distance: int) -> Token:
        """Return the same text, `distance` characters further on."""
        return Token(self.text, self.start + distance)

    def split(self, separator: str) -> Iterator[Token]:
        """Yield the parts between separators, each without the spaces around it."""
        start = self.start
        for part in self.text.split(separator):
            yield Token(part.strip(), start + len(part) - len(part.lstrip()))
            start += len(part) + len(separator)


class Source(NamedTuple):
    """The text that layers were parsed from.

    Attributes:
        text: the spec as typed.
        tokens: one per layer as written, before repeats are unfolded.
        owners: for each layer after repeats, the index of its token, in ascending order.
    """

    text: str
    tokens: tuple[Token, ...]
    owners: tuple[int, ...]

    def error(self, layer: int, message: str, advice: str, repairs: dict[int, str]) -> SpecError:
        """Return the error for a layer, given its index after repeats.

        The repair has the texts of `repairs` in place of the tokens at these indices; an empty text removes one.
        """
        token = self.tokens[self.owners[layer]]
        texts = [repairs.get(i, token.text) for i, token in enumerate(self.tokens)]
        repair = without_spaces(",".join(filter(None, texts)))
        return SpecError(message, text=self.text, span=token.span, advice=advice, repair=repair)

    def copies(self, token: int) -> int:
        """Return how many layers a token produces."""
        return bisect_right(self.owners, token) - bisect_left(self.owners, token)


def lowered(text: str) -> str:
    """Return `text` in lower case if it is ASCII; letters of other scripts that look alike do not count."""
    return text.lower() if text.isascii() else text


def splice(text: str, token: Token, replacement: str) -> str:
    """Return `text` with a token replaced."""
    return text[: token.start] + replacement + text[token.end :]


def cut(text: str, field: Token) -> str:
    """Return `text` without a field and the colon before it."""
    return text[: text.rindex(":", 0, max(field.start, 1))] + text[field.end :]


def changed(old: str, new: str) -> tuple[int, int]:
    """Return the span of a text that differs from another, without their common beginning and end."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    most = shorter - start
    same = next((place for place in range(most) if old[-1 - place] != new[-1 - place]), most)
    end = len(old) - same
    # Of relu:recact=relu without relu, the change is `relu:`, not `lu:re`.
    while start and ":" in old[start:end] and old[start - 1] == old[end - 1] not in ":,":
        start, end = start - 1, end - 1
    return start, end


def without_spaces(text: str) -> str:
    """Return `text` without spaces, which a shell reads as one word; only spaces around tokens are valid anyway."""
    return "".join(text.split())


def check_length(text: str, what: str, advice: str) -> None:
    """Raise a SpecError if a text is longer than `MAX_BYTES`; `what` is the noun for it, `advice` how to shorten it."""
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        message = f"the {what} is {size:,} bytes long; at most 64 KiB are allowed"
        raise SpecError(message, text=text, span=(min(len(text), MAX_BYTES) - 1, len(text)), advice=advice)

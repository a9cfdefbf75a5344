"""Errors, as exceptions that carry everything a person needs to fix them.

They are raised where the fault is found, and printed in one place, `rnncli.commands.output`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import ne
from typing import Any, Literal

from rnncli.characters import columns
from rnncli.immutable import NamedTuple

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_SHOWN_WIDTH = 76
"""The width of the lines that show the place of a fault; a longer spec is cut around it."""

_OPTION = r"(?<!\S)--(?:(to|framework|dtype|save-weights(?= \w+\.)) ([\w.]+)|([a-z-]+)(?: ([0-9]+)\b)?)"
"""An option in a message, with its value if it is given one."""

_MARGIN = len("  ……")
"""The columns around the shown part of a spec that is cut on both sides."""

_SHORT, _LONGEST_WORD = 2, 40
"""Longer words match nothing, because comparing them would be slow."""


class MessagePart(NamedTuple):
    """A part of a printed error, and its role, which determines its style."""

    text: str
    role: Literal["message", "fault", "help", "repair"]


class RnncliError(Exception):
    """Work that failed: a file, memory, an answer that does not exist.

    Args:
        message: the fault: what was given and what was expected, without a full stop.
        advice: how to fix it, in words that apply whatever the repair is; may be empty.
        lead: words that introduce this repair: `perhaps`, `without it`; may be empty.
        repair: a replacement that can be pasted: a spec or a command line; None if none is known.
    """

    exit_status = EXIT_FAILED

    def __init__(self, message: str, advice: str | None = None, *, lead: str = "", repair: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.lead = lead
        self.repair = repair

    def __str__(self) -> str:
        """Return everything that is printed for it, with arguments in place of options; a command stays as it is."""
        text = "".join(part.text for part in self.parts())
        return text if "rnncli " in text else re.sub(_OPTION, _argument, text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to recreate it in another process, whatever arguments its class has."""
        return Exception.__new__, (type(self), *self.args), self.__dict__

    def parts(
        self, origin: str | None = None, written: Callable[[str], str] = str, width: int | None = None
    ) -> Iterator[MessagePart]:
        """Yield the parts of what is printed, each with its role.

        Args:
            origin: the source of the faulty spec, if it should be mentioned: `line 3 of standard input`.
            written: returns the form in which a text is displayed, to align the carets.
            width: the columns of the terminal, if it is one.
        """
        yield MessagePart(printable(self.message if origin is None else f"{origin}: {self.message}"), "message")
        yield from self._place(written, _SHOWN_WIDTH if width is None else min(width, _SHOWN_WIDTH))
        words = printable("; ".join(part for part in (self.advice, self.lead if self.repair else "") if part))
        if self.repair:
            yield MessagePart(f"\nHelp: {words}: " if words else "\nHelp: ", "help")
            yield MessagePart(printable(self.repair), "repair")
        elif words:
            yield MessagePart(f"\nHelp: {words}", "help")

    def _place(self, _written: Callable[[str], str], _width: int) -> Iterator[MessagePart]:
        """Yield the parts that show the place of the fault."""
        yield from ()


class UsageError(RnncliError):
    """An invalid command line or spec, or contradictory options (exit status 2)."""

    exit_status = EXIT_USAGE


class ArgumentError(UsageError, ValueError):
    """An argument of a function or constructor that is not allowed."""


class SpecError(UsageError, ValueError):
    """A spec that is not a network.

    Args:
        message: the fault, in terms of what was typed.
        text: the spec as typed.
        span: (start, end) of the faulty characters of `text`; by default all of them.
        advice: how to fix it, in words.
        lead: words that introduce the repair.
        repair: a whole spec without the fault, or None if none is known.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str,
        span: tuple[int, int] | None = None,
        advice: str = "",
        lead: str = "",
        repair: str | None = None,
    ) -> None:
        super().__init__(message, advice, lead=lead, repair=repair)
        self.text = text
        self.span = span or (0, len(text))

    def repaired(self, repair: str | None, lead: str) -> SpecError:
        """Return the same error with another repair and lead."""
        return SpecError(
            self.message, text=self.text, span=self.span, advice=self.advice or "", lead=lead, repair=repair
        )

    def _place(self, written: Callable[[str], str], width: int) -> Iterator[MessagePart]:
        """Yield the spec with carets below it, both indented by two columns."""
        spec, carets = underline(self.text, *self.span, width - _MARGIN, written)
        indent = len(carets) - len(carets.lstrip())
        yield MessagePart(f"\n  {spec}\n  {carets[:indent]}", "message")
        yield MessagePart(carets[indent:], "fault")


def _argument(option: re.Match[str]) -> str:
    """Return the argument of a function for an option of a command: `multiple_of=8` for `--multiple-of 8`."""
    word, name, number = option.group(2, 3, 4)
    if word is not None:
        return f"{option[1].replace('-', '_')}={word!r}"
    return name.replace("-", "_") + (f"={number}" if number else "")


def underline(
    text: str, start: int, end: int, width: int = _SHOWN_WIDTH - _MARGIN, written: Callable[[str], str] = str
) -> tuple[str, str]:
    """Return the part of `text` around [start, end), and a line of carets to print below it.

    A text of more than `width` columns is cut on both sides, with an ellipsis. Characters that a terminal does not
    print as themselves (tabs, newlines, escapes) are shown as `?`, so that the carets are aligned.
    """
    end = max(end, start + 1)
    first, last = 0, len(text)
    if len(text) > width:
        end = min(end, start + width // 2)
        first = max(0, start - (width - (end - start)) // 2)
        last = min(len(text), first + width)
    before = written(("…" if first > 0 else "") + printable(text[first:start]))
    fault = written(printable(text[start:end]))
    after = written(printable(text[end:last]) + ("…" if last < len(text) else ""))
    carets = " " * columns(before) + "^" * max(1, columns(fault))
    return before + fault + after, carets


def shorten(text: str, width: int = 40) -> str:
    """Return `text` in printable characters and at most `width` columns, for use in a message."""
    return printable(text if len(text) <= width else text[: width - 1] + "…")


def quote(text: str) -> str:
    """Return typed text in quotes, for use in a message."""
    return f"'{shorten(text)}'"


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as an enumeration in a sentence: a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def likest(word: str, words: Iterable[str], likeness: float = 0.6) -> list[str]:
    """Return at most two of `words` that are most similar to a word, the most similar first.

    A word that contains one of them and more (`convlstm`) means something else, so it does not match; and a word of two
    letters is at most one letter from another.
    """
    least = 0.8 if len(word) <= _SHORT else 0.85 if word.lower().endswith("layer") else 0  # lstmLayer, inputLayer
    # Only errors need it, and it is slow to import.
    from difflib import get_close_matches

    # More than two, since one with two letters swapped may not be among the first.
    found = get_close_matches(word, list(words), n=6, cutoff=max(likeness, least)) if len(word) <= _LONGEST_WORD else []
    found.sort(key=lambda guess: not _are_swapped(guess, word))
    return [guess for guess in found[:2] if not (guess in word and len(word) > len(guess) + 2)]


def _are_swapped(guess: str, word: str) -> bool:
    """Return whether a word is another one with two letters swapped, as `nborm` is bnorm rather than norm."""
    return sum(map(ne, guess, word)) == 2 and sorted(guess) == sorted(word)


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the word of `words` that is most similar to a word, or None if none is."""
    return next(iter(likest(word, words, likeness)), None)


def closest_in_any_case(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the word of `words` that is most similar to a word but for capital letters, as spelt there; else None."""
    spelt = {each.lower(): each for each in words}
    return spelt.get(closest(word.lower(), spelt, likeness) or "")


def printable(text: str) -> str:
    """Return a text on one line, with a space for each line end or tab, and `?` for what else would control a terminal.

    These are escapes, all other control characters, and characters that change the direction of writing. All printed
    text that may contain user input, or names from a file, goes through here.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each in "\n\r\t" else "?" for each in text)


def one_line(text: str) -> str:
    """Return a text for a table cell: if it is not printable, space and line ends become one space, the rest `?`."""
    return text if text.isprintable() else printable(" ".join(text.split()))

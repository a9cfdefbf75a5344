"""What was probably meant by braces that are neither a list nor a range: `{4-8}`, `{4:8}`, `{4..`, `[4,8]`."""

from __future__ import annotations

import re
from collections.abc import Callable

from rnncli.errors import SpecError, quote
from rnncli.network import Network
from rnncli.search.patterns.brace_parser import parse_pattern
from rnncli.search.patterns.braces import Literal, Pattern

_NO_LISTS = re.compile(r"[{}\[\]()]|[:x][0-9]+(?:\.\.|-|\|)[0-9]")
"""What is in no spec: a text that has it stands for no network, whatever is in its other braces."""

_NUMBER = "([0-9]{1,10})"
_TO = r" ?(?:\.{2,}|-|:|;|/|~|->| to ) ?"
_END = r"(?:\}|(?=[,:])|$)"
_HABITS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(rf"\{{ ?{_NUMBER}{_TO}{_NUMBER}(?:(?:{_TO}| by | step ){_NUMBER})? ?\.*{_END}"),
        lambda found: _range(*found.groups()),
    ),
    (re.compile(rf"\{{ ?{_NUMBER} ?\.{{2,}} ?{_END}"), lambda found: _range(found[1], str(2 * int(found[1])))),
    (re.compile(r"\{(\w+(?:[|;/ ]+\w+)*)\}"), lambda found: _list(found[1])),
    (re.compile(r"\{([0-9]+(?:,[0-9]+)+)(?=,[A-Za-z]|:|$)"), lambda found: f"{{{found[1]}}}"),
    (re.compile(r"(?<=[:x])([0-9]+(?:\|[0-9]+)+)(?=[,:x]|$)"), lambda found: _list(found[1])),
    (
        re.compile(rf"(?<=[:x])range\({_NUMBER}, ?{_NUMBER}(?:, ?{_NUMBER})?\)"),
        lambda found: _range(*found.groups()),
    ),
    (re.compile(r"(?<=[:x])[\[(]([0-9]+(?:[,;| ]+[0-9]+)*)[\])]"), lambda found: _list(found[1])),
    (re.compile(rf"(?<=[:x]){_NUMBER}(?:\.{{2,}}|-){_NUMBER}(?=[,:x]|$)"), lambda found: _range(*found.groups())),
)
"""Ways to write a range or a list, and how each is written here."""


def read_pattern(text: str) -> Pattern:
    """Return the pattern that a text is, if it can stand for networks: it has no `{4-8}`, which is text to bash.

    Raises:
        SpecError: it is no pattern, or has such a text outside of its braces; the repair is the pattern with the lists
            and ranges that were probably meant.
    """
    pattern = parse_pattern(text)
    _check_lists(pattern)
    if not pattern.count():
        raise SpecError(
            "the pattern stands for the empty text alone", text=text, span=(0, len(text)), advice="no network is empty"
        )
    return pattern


def _check_lists(pattern: Pattern) -> None:
    found = next(
        filter(None, (_NO_LISTS.search(node.text) for node in pattern.nodes if isinstance(node, Literal))), None
    )
    if found is None:
        return
    text = pattern.text
    spans = sorted(match.span() for match in (habit.search(text) for habit, _ in _HABITS) if match is not None)
    for habit, written in _HABITS:
        text = habit.sub(written, text)
    repair = _working(text) if spans else None
    if repair is None:
        start = pattern.text.find(found[0])
        spans = [(start, start + len(found[0]))] if "{" in found[0] or "}" in found[0] else []
    if not spans:
        return
    start, end = spans[0]
    raise SpecError(
        f"{quote(pattern.text[start:end])} is neither a list as in {{16,32}} nor a range as in {{16..64..16}}",
        text=pattern.text,
        span=(start, end),
        lead="perhaps" if repair else "for example",
        repair=repair or "embed:10000x{16,32},lstm:{32..128..32}",
    )


def _working(text: str) -> str | None:
    """Return a pattern, with an input where that is what its first candidate lacks, or None if it is none."""
    for candidate in (text, f"input:32,{text}"):
        try:
            Network.parse(next(parse_pattern(candidate).expand()))
        except (SpecError, StopIteration):
            continue
        return candidate
    return None


def _list(texts: str) -> str:
    """Return a list; braces around one text alone stand for nothing."""
    words = re.split("[,|;/ ]+", texts)
    return f"{{{','.join(words)}}}" if len(words) > 1 else words[0]


def _range(first: str, second: str, third: str | None = None) -> str:
    """Return a range. Of three numbers the second is the step if it is the smallest, as in MATLAB, else the third."""
    if third is None:
        return f"{{{first}..{second}}}"
    last, step = (third, second) if int(second) < int(first) < int(third) else (second, third)
    return f"{{{first}..{last}..{step}}}"

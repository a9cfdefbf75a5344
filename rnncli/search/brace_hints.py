"""What is probably meant by a pattern that is typed wrong, `{4-8}`, `{4:8}`, `[4,8]`, or in part: how it can go on."""

from __future__ import annotations

import re
from collections.abc import Callable

from rnncli.errors import SpecError, quote
from rnncli.language.completion import Completion, spec_completions
from rnncli.network import Network
from rnncli.quantities import MAX_SIZE
from rnncli.search.braces import KEYS, LONGEST_RANGE, parse_pattern, unpaired
from rnncli.search.grid import Literal, Pattern

_NO_LISTS = re.compile(r"[{}\[\]()<>]|[:x][0-9]+(?:\.\.|-|\||:[0-9]+:)[0-9]|[a-z]\|[a-z]")
"""What is in no spec: a text that has it stands for no network, whatever is in its other braces."""

_MOST_LISTED = 20
"""The most numbers that are listed where there is no range of them."""

_NUMBER = "([0-9]{1,10})"
_DECIMAL = r"([0-9]{0,9}\.[0-9]{1,9}|[0-9]{1,9})"
_TO = r" ?(?:\.{2,}|-|:|/|~|->| to ) ?"
_END = r"(?:\}|(?=[,:])|$)"
_HABITS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (
        rf"\{{ ?{_NUMBER}{_TO}{_NUMBER}(?:(?:{_TO}| by | step ){_NUMBER})? ?\.*{_END}",
        lambda found: _range(*found.groups()),
    ),
    (
        rf"\{{(?=[^}}]*[^.]\.[0-9]){_DECIMAL}\.\.{_DECIMAL}\.\.{_DECIMAL}\}}",
        lambda found: _decimals(*found.groups()),
    ),
    (rf"\{{ ?{_NUMBER} ?\.{{2,}} ?{_END}", lambda found: _range(found[1], str(2 * int(found[1])))),
    (r"\{(\w+(?:[|;/ ]+\w+)*)\}", lambda found: _list(found[1])),
    (r"\{([0-9]+(?:,[0-9]+)+)(?=,[A-Za-z]|:|$)", lambda found: f"{{{found[1]}}}"),
    (rf"(?<=:){_NUMBER}:{_NUMBER}:{_NUMBER}(?=[,:]|$)", lambda found: _range(*found.groups())),
    (r"(?<![^,])([a-z]+(?:\|[a-z]+)+)(?=:)", lambda found: _list(found[1])),
    (r"(?<=[:x])([0-9]+(?:\|[0-9]+)+)(?=[,:x]|$)", lambda found: _list(found[1])),
    (rf"(?<=[:x])range\({_NUMBER}, ?{_NUMBER}(?:, ?{_NUMBER})?\)", lambda found: _range(*found.groups())),
    (r"(?<=[:x])[\[(<]([0-9]+(?:[,;| ]+[0-9]+)*)[\])>]", lambda found: _list(found[1])),
    (r"(?<![^,])[\[(<](\w+(?:[,;| ]+\w+)+)[\])>]", lambda found: _list(found[1])),
    (rf"(?<=[:x]){_NUMBER}(?:\.{{2,}}|-){_NUMBER}(?=[,:x]|$)", lambda found: _range(*found.groups())),
)
"""Ways to write a range or a list, and how each is written here."""


def read_pattern(text: str) -> Pattern:
    """Return the pattern that a text is, if it can stand for networks: it has no `{4-8}`, which is text to bash.

    Raises:
        SpecError: it is no pattern, or has such a text outside of its braces; the repair is the pattern with the lists
            and ranges that were probably meant.
    """
    pattern = parse_pattern(text)
    found = [_NO_LISTS.search(node.text) for node in pattern.nodes if isinstance(node, Literal)]
    if any(found):
        _check_lists(text)
    if not pattern.count():
        raise SpecError(
            "the pattern stands for the empty text alone", text=text, span=(0, len(text)), advice="no network is empty"
        )
    return pattern


def _check_lists(typed: str) -> None:
    text = typed
    spans = sorted(match.span() for match in (re.search(habit, text) for habit, _ in _HABITS) if match is not None)
    for habit, written in _HABITS:
        text = re.sub(habit, written, text)
    repair = _working(text) if spans else None
    if repair is None:
        spans = _plain_braces(typed) or [(place, place + 1) for place in unpaired(typed)]
    if not spans:
        return
    start, end = spans[0]
    fault = typed[start:end]
    if repair is None and re.fullmatch(r"\{[+-]?[0-9]+\.\.[+-]?[0-9]+(\.\.[+-]?[0-9]+)?\}", fault):
        advice = f"sizes go up to {MAX_SIZE:,}, and a range has {LONGEST_RANGE + 1:,} numbers at most"
        raise SpecError(f"{quote(fault)} is too long a range", text=typed, span=(start, end), advice=advice)
    raise SpecError(
        f"{quote(fault)} is neither a list as in {{16,32}} nor a range as in {{16..64..16}}",
        text=typed,
        span=(start, end),
        lead="perhaps" if repair else "for example",
        repair=repair or "embed:10000x{16,32},lstm:{32..128..32}",
    )


def _plain_braces(text: str) -> list[tuple[int, int]]:
    """Return where the braces of a text are that hold no others and are plain text, as start and end."""
    return [
        found.span()
        for found in re.finditer(r"\{[^{}=,]*\}", text)
        if not re.fullmatch(r"\{[A-Za-z_]\w*\}", found[0]) and isinstance(parse_pattern(found[0]).nodes[0], Literal)
    ]


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


def _decimals(*texts: str) -> str:
    """Return a list of the numbers from one to another by steps of a third, if they are few."""
    digits = max(len(text.partition(".")[2]) for text in texts)
    first, last, step = (round(float(text) * 10**digits) for text in texts)
    numbers = range(first, last + 1, step or 1)
    if not 1 < len(numbers) <= _MOST_LISTED:
        return f"{{{'..'.join(texts)}}}"
    return f"{{{','.join(f'{number / 10**digits:.{digits}f}' for number in numbers)}}}"


def pattern_completions(text: str) -> list[Completion]:
    """Return what a pattern that is typed in part can become: what the first spec can that it stands for.

    Args:
        text: the pattern as far as it is typed. A brace that is open in it is one of its alternatives, and one that is
            closed is its first.
    """
    opened, depth = _without_open_braces(text)
    try:
        spec = next(parse_pattern(opened).expand(), "")
    except SpecError:
        return []
    found: dict[str, str] = {}
    for completion in spec_completions(spec):
        rest = completion.text[len(spec) :]
        if depth and rest in (",", ":"):
            found |= {",": "the next alternative", "}": "the end of the brace"}
        if depth and rest != ":":
            # What follows may stand behind the brace, once for all of its alternatives: {rnn,gru}:32.
            rest = rest.rstrip(":")
        found.setdefault(rest, completion.means)
    word = re.split("[,:{]", text)[-1]
    return [Completion(text + rest, word + rest, means) for rest, means in found.items() if rest]


def _without_open_braces(text: str) -> tuple[str, int]:
    """Return a text with the alternative that is typed in place of each brace that is still open, and how many are."""
    starts: list[tuple[int, int]] = []
    """For each open brace, where it starts and where the last of its alternatives does."""
    for position, sign in enumerate(text):
        if sign == "{":
            name = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=").match(text, position + 1)
            starts.append((position, name.end() if name and name[1] not in KEYS else position + 1))
        elif sign == "," and starts:
            starts[-1] = starts[-1][0], position + 1
        elif sign == "}" and starts:
            starts.pop()
    for brace, alternative in reversed(starts):
        text = text[:brace] + text[alternative:]
    return text, len(starts)

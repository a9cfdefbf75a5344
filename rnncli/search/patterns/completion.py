"""How a pattern can go on that is typed in part: as the first spec that it stands for does, and at its braces."""

from __future__ import annotations

import re
from typing import NamedTuple

from rnncli.errors import SpecError
from rnncli.language.completion import Completion, spec_completions
from rnncli.search.patterns.brace_parser import KEYS, parse_pattern


def pattern_completions(text: str) -> list[Completion]:
    """Return what a pattern that is typed in part can become.

    Args:
        text: the pattern as far as it is typed. A brace that is open in it is one of its alternatives, and one that is
            closed is its first.
    """
    opened = _opened(text)
    try:
        spec = next(parse_pattern(opened.text).expand(), "")
    except SpecError:
        return []
    found: dict[str, str] = {}
    for completion in spec_completions(spec):
        rest = completion.text[len(spec) :]
        if opened.depth and rest in (",", ":"):
            found |= {",": "the next alternative", "}": "the end of the brace"}
        if opened.depth and rest != ":":
            # What follows may stand behind the brace, once for all of its alternatives: {rnn,gru}:32.
            rest = rest.rstrip(":")
        found.setdefault(rest, completion.means)
    word = re.split("[,:{]", text)[-1]
    return [Completion(text + rest, word + rest, means) for rest, means in found.items() if rest]


class _Opened(NamedTuple):
    """A pattern of which the braces that are still open are left out: the alternative that is typed takes their place.

    Attributes:
        text: what is left of it.
        depth: how many braces are open.
    """

    text: str
    depth: int


def _opened(text: str) -> _Opened:
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
    depth = len(starts)
    for brace, alternative in reversed(starts):
        text = text[:brace] + text[alternative:]
    return _Opened(text, depth)

"""Texts with brace lists and ranges, as bash has them, and named ones, read as patterns, which stand for many texts.

    {16,32}  {16..256..16}  {01..10}  {a..e}  {8,{16..64..16}}  \\{  \\,

A pattern expands to the same texts as in bash, in the same order, corner cases included: braces without a comma or a
range are plain text. Two forms are our own. `{u=16,32,64}` gives a list or a range a name, and `{u}` stands for the
same value, wherever it occurs.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise
from typing import NoReturn

from rnncli.errors import SpecError, quote, shorten
from rnncli.language.completion import Completion, spec_completions
from rnncli.language.source import check_length
from rnncli.layers import LAYERS
from rnncli.network import Network
from rnncli.quantities import MAX_SIZE
from rnncli.search.grid import Alternatives, Literal, Name, Node, Pattern, Range, Values, Words

MAX_DEPTH = 50

_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)([=}])")
"""How a named brace starts."""

_MOST_EMPTY = 1_000_000
"""The most empty texts of a pattern: they are passed over, and that takes time too."""

KEYS = frozenset(option.lead[:-1] for layer in LAYERS for option in layer.options if option.lead.endswith("="))
"""Keys that stand before `=` in a spec. They cannot name a brace: `{act=relu,act=tanh}` is a list."""

_INTEGERS = re.compile(r"([+-]?[0-9]{1,99})\.\.([+-]?[0-9]{1,99})(?:\.\.([+-]?[0-9]{1,99}))?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([+-]?[0-9]{1,99}))?")

_LARGEST_INTEGER = 2**63 - 1
"""The largest integer of bash; a range with a larger one is plain text."""

LONGEST_RANGE = 2**31 - 4
"""The longest range of bash; a longer one is plain text."""


def parse_pattern(text: str) -> Pattern:
    """Return a text as a pattern.

    Raises:
        SpecError: it is too long, braces are nested too deep, or a named brace is wrong. Any other text is a pattern.
    """
    check_length(text, "pattern", "write it as several patterns")
    return _Parser(text).parse()


class _Parser:
    """Parses one text. Every position is one in the whole text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.specials = _specials(text)
        self.positions = [position for position, _ in self.specials]
        self.partners, self.closers = _pairs(self.specials)
        self.names: dict[str, Values] = {}
        self.seen: dict[str, tuple[int, int]] = {}
        """Where each name occurs first, as start and end."""

    def parse(self) -> Pattern:
        nodes = self._nodes(0, len(self.text), depth=0)
        for name, span in self.seen.items():
            if name not in self.names:
                advice = f"list them where it stands: {{{name}=16,32}}"
                self._fail(f"there is no brace that gives {name} its values", span, advice)
        pattern = Pattern(self.text, nodes, self.names)
        if pattern.empty > _MOST_EMPTY:
            whole = (0, len(self.text))
            self._fail(
                f"the pattern stands for {shorten(f'{pattern.empty:,}')} empty texts", whole, "no network is empty"
            )
        return pattern

    def _nodes(self, start: int, end: int, depth: int, named: str | None = None) -> tuple[Node, ...]:
        """Return the braces of text[start:end], which is inside of so many, and the plain text around them."""
        if depth > MAX_DEPTH:
            self._fail(f"braces are nested more than {MAX_DEPTH} deep", (start, end), "nest them less deep")
        nodes: list[Node] = []
        plain = unread = start
        for position, special in self._inside(start, end):
            if special != "{" or position < unread:
                continue
            name = _NAMED.match(self.text, position, end)
            node: Node | None
            if name is not None and name[1] not in KEYS:
                closing = self._named(name, end, depth, named)
                node = Name(name[1])
            else:
                closing = self.closers.get(position, end)
                find_exec = position == unread and self.text.startswith("{}", position)
                if closing >= end or find_exec:  # Bash leaves `{}` alone for the sake of `find -exec`.
                    continue
                if any(special == "," for _, special in self._inside(position + 1, closing)):
                    node = self._list(position + 1, closing, depth + 1, named)
                else:
                    node = _range(self.text[position + 1 : closing])
            unread = closing + 1
            if node is not None:
                nodes += [*_literal(self.text[plain:position]), node]
                plain = unread
        return (*nodes, *_literal(self.text[plain:end]))

    def _named(self, brace: re.Match[str], end: int, depth: int, named: str | None) -> int:
        """Take in `{u}` or `{u=16,32}`, of which `brace` is the start, and return where it closes."""
        name = brace[1]
        span = brace.span()
        if named is not None:
            self._fail(f"the values of {named} hold another name, {name}", span, "name one of them only")
        if brace[2] == "}":
            self.seen.setdefault(name, span)
            return brace.end() - 1
        closing = self.partners.get(brace.start(), end)
        span = (brace.start(), min(closing + 1, end))
        if closing >= end:
            self._fail(f"the brace named {name} is not closed", span, "close it with }")
        if depth:
            advice = f"write {{{name}}} here, and its values outside"
            self._fail(f"the brace named {name} is inside another brace", span, advice)
        if name in self.names:
            self._fail(f"{name} has its values already", span, f"write {{{name}}} for the same value once more")
        values = brace.end()
        self.names[name] = _range(self.text[values:closing]) or self._list(values, closing, 1, name)
        self.seen.setdefault(name, span)
        return closing

    def _list(self, start: int, end: int, depth: int, named: str | None) -> Values:
        """Return the list in text[start:end], which is the inside of a brace."""
        commas = []
        level = 0
        for position, special in self._inside(start, end):
            if special == "{":
                level += 1
            elif special == "}":
                level = max(0, level - 1)
            elif special == "," and level == 0:
                commas.append(position)
        edges = [start - 1, *commas, end]
        branches = [self._nodes(before + 1, after, depth, named) for before, after in pairwise(edges)]
        if any(not isinstance(node, Literal) for branch in branches for node in branch):
            return Alternatives(tuple(branches))
        return Words(tuple("".join(node.text for node in branch if isinstance(node, Literal)) for branch in branches))

    def _inside(self, start: int, end: int) -> list[tuple[int, str]]:
        """Return the special characters of text[start:end]."""
        return self.specials[bisect_left(self.positions, start) : bisect_left(self.positions, end)]

    def _fail(self, message: str, span: tuple[int, int], advice: str) -> NoReturn:
        raise SpecError(message, text=self.text, span=span, advice=advice)


def _specials(text: str) -> list[tuple[int, str]]:
    """Return the characters that may have a meaning, with their positions: braces, commas, the first of two dots.

    Those behind a backslash have none, nor have dots before a closing brace: `{a..}` is no range.
    """
    found = re.finditer(r"\\.|[{},]|\.(?=\.(?!\}))", text, re.DOTALL)
    return [(match.start(), match[0]) for match in found if match[0][0] != "\\"]


def _pairs(specials: list[tuple[int, str]]) -> tuple[dict[int, int], dict[int, int]]:
    """Return for each opening brace the closing brace that makes a pair with it, and the one that closes it for bash.

    That is the first closing brace with a comma or two dots before it, pairs between being passed over: in `{a}b,c}` it
    is the last brace and not the partner. Bash looks for it from each brace anew. Here the text is read once, from
    right to left, and at each place it is known what would close a brace that opens there.
    """
    partners: dict[int, int] = {}
    closers: dict[int, int] = {}
    next_brace: int | None = None  # The next closing brace at this level.
    closer: int | None = None  # What would close a brace that opens here.
    outside: list[tuple[int, int | None, int | None]] = []  # For each brace that is not opened yet, both behind it.
    for position, special in reversed(specials):
        if special in (",", "."):
            closer = next_brace
        elif special == "}":
            outside.append((position, next_brace, closer))
            next_brace = position
        elif outside:
            if closer is not None:
                closers[position] = closer
            partners[position], next_brace, closer = outside.pop()
        else:
            # Whatever opens before a brace without a partner is at another level than all that comes after that.
            next_brace = closer = None
    return partners, closers


def _unpaired(text: str) -> list[tuple[int, int]]:
    """Return where the braces of a text are that make no pair, as start and end."""
    specials = _specials(text)
    partners, _ = _pairs(specials)
    paired = {*partners, *partners.values()}
    return [(place, place + 1) for place, special in specials if special in "{}" and place not in paired]


def _literal(text: str) -> tuple[Literal, ...]:
    """Return plain text as a node without backslashes; no node if it is empty."""
    return (Literal(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)),) if text else ()


def _range(text: str) -> Range | None:
    """Return the range that is written inside of a brace, or None if it is not a range."""
    letters = _LETTERS.fullmatch(text)
    written = letters or _INTEGERS.fullmatch(text)
    if written is None:
        return None
    ends = written.group(1, 2)
    first, last = map(ord, ends) if letters else map(int, ends)
    step = abs(int(written[3] or "1")) or 1
    if max(abs(first), abs(last), abs(last - first) + 2, step) > _LARGEST_INTEGER:
        return None
    values = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    if abs(last - first) // step > LONGEST_RANGE:
        return None
    padded = not letters and any(re.match(r"-?0.", end) and end != "-0" for end in ends)
    return Range(values, max(map(len, ends)) if padded else 0, letters is not None)


# What is probably meant by a pattern that is typed wrong, `{4-8}`, `{4:8}`, `[4,8]`, or in part: how it can go on


_NO_LISTS = re.compile(r"[{}\[\]()<>]|[:x][0-9]+(?:\.\.|-|\||/[0-9]+/|:[0-9]+:)[0-9]|[a-z][|/][a-z]")
"""What is in no spec: a text that has it stands for no network, whatever is in its other braces."""


def read_pattern(text: str) -> Pattern:
    """Return the pattern that a text is, if it can stand for networks: it has no `{4-8}`, which is text to bash.

    Raises:
        SpecError: it is no pattern, or has such a text outside of its braces; the repair is the pattern with the lists
            and ranges that were probably meant.
    """
    pattern = parse_pattern(text)
    if any(isinstance(each, Literal) and _NO_LISTS.search(each.text) for layer in pattern.layers for each in layer):
        _check_lists(text)
    if not pattern.count():
        raise SpecError(
            "the pattern stands for the empty text alone", text=text, span=(0, len(text)), advice="no network is empty"
        )
    return pattern


def _check_lists(typed: str) -> None:
    from rnncli.language.rewrites import PATTERNS  # only an error needs it

    text = typed
    spans = sorted(found.span() for row in PATTERNS if (found := re.search(row.pattern, text)) is not None)
    for row in PATTERNS:
        text = re.sub(row.pattern, row.becomes, text)
    repair = _working(text) if spans else None
    if repair is None:
        spans = _plain_braces(typed) or _unpaired(typed)
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
        if not re.fullmatch(r"\{[A-Za-z_]\w*\}", found[0]) and not parse_pattern(found[0]).axes
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

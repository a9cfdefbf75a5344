"""Patterns: texts with brace lists and ranges like bash's, and with named braces. Each stands for many texts.

    {16,32}  {16..256..16}  {01..10}  {a..e}  {8,{16..64..16}}  \\{  \\,

A pattern expands to the same texts as in bash, in the same order, including corner cases: braces without a comma or a
range are plain text. Two forms are not bash's: `{u=16,32,64}` names a list or range, and `{u}` has the same value at
every place it occurs.
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
from rnncli.search.grid import Alternatives, Literal, NamedBrace, Node, Pattern, Range, Values, Words

MAX_DEPTH = 50

_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)([=}])")
"""The start of a named brace."""

KEYS = frozenset(option.lead[:-1] for layer in LAYERS for option in layer.options if option.lead.endswith("="))
"""Keys that are followed by `=` in a spec. They cannot name a brace: `{act=relu,act=tanh}` is a list."""

_INTEGERS = re.compile(r"([+-]?[0-9]{1,99})\.\.([+-]?[0-9]{1,99})(?:\.\.([+-]?[0-9]{1,99}))?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([+-]?[0-9]{1,99}))?")

_LARGEST_INTEGER = 2**63 - 1
"""Bash's largest integer; a range with a larger one is plain text."""

LONGEST_RANGE = 2**31 - 4
"""Bash's longest range; a longer one is plain text."""


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern.

    Raises:
        SpecError: it is too long, its braces are nested too deeply, or a named brace is invalid.
    """
    check_length(text, "pattern", "write it as several patterns")
    return _BraceParser(text).parse()


class _BraceParser:
    """Parses a text. All positions refer to the whole text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.specials = _specials(text)
        self.positions = [position for position, _ in self.specials]
        self.partners, self.closers = _pairs(self.specials)
        self.names: dict[str, Values] = {}
        self.seen: dict[str, tuple[int, int]] = {}
        """The span of each name's first occurrence."""

    def parse(self) -> Pattern:
        nodes = self._nodes(0, len(self.text), depth=0)
        for name, span in self.seen.items():
            if name not in self.names:
                advice = f"list its values in one brace: {{{name}=16,32}}"
                self._fail(f"no brace gives {name} its values", span, advice)
        pattern = Pattern(self.text, nodes, self.names)
        if pattern.empty > 1_000_000:  # they are skipped, which takes time too
            message = f"the pattern stands for {shorten(f'{pattern.empty:,}')} empty texts"
            raise SpecError(message, text=self.text, advice="no network is empty")
        return pattern

    def _nodes(self, start: int, end: int, depth: int, named: str | None = None) -> tuple[Node, ...]:
        """Return the braces of text[start:end], at a nesting depth, and the plain text around them."""
        if depth > MAX_DEPTH:
            self._fail(f"braces are nested more than {MAX_DEPTH} deep", (start, end), "nest them less deeply")
        nodes: list[Node] = []
        plain = unread = start
        for position, special in self._inside(start, end):
            if special != "{" or position < unread:
                continue
            name = _NAMED.match(self.text, position, end)
            node: Node | None
            if name is not None and name[1] not in KEYS:
                closing = self._named(name, end, depth, named)
                node = NamedBrace(name[1])
            else:
                closing = self.closers.get(position, end)
                find_exec = position == unread and self.text.startswith("{}", position)
                if closing >= end or find_exec:  # Bash keeps `{}` as text for `find -exec`.
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
        """Parse `{u}` or `{u=16,32}`, which starts with `brace`, and return the position of its closing brace."""
        name = brace[1]
        span = brace.span()
        if named is not None:
            self._fail(f"the values of {named} contain another name, {name}", span, "name only one of them")
        if brace[2] == "}":
            self.seen.setdefault(name, span)
            return brace.end() - 1
        closing = self.partners.get(brace.start(), end)
        span = (brace.start(), min(closing + 1, end))
        if closing >= end:
            self._fail(f"the brace named {name} is not closed", span, "close it with }")
        if depth:
            advice = f"write {{{name}}} here and its values outside"
            self._fail(f"the brace named {name} is inside another brace", span, advice)
        if name in self.names:
            self._fail(f"{name} already has values", span, f"write {{{name}}} to repeat its value")
        values = brace.end()
        self.names[name] = _range(self.text[values:closing]) or self._list(values, closing, 1, name)
        self.seen.setdefault(name, span)
        return closing

    def _list(self, start: int, end: int, depth: int, named: str | None) -> Values:
        """Return the list in text[start:end], the content of a brace."""
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
    """Return the characters that may be special, with their positions: braces, commas, the first of two dots.

    Characters after a backslash are not special, nor are dots before a closing brace: `{a..}` is not a range.
    """
    found = re.finditer(r"\\.|[{},]|\.(?=\.(?!\}))", text, re.DOTALL)
    return [(match.start(), match[0]) for match in found if match[0][0] != "\\"]


def _pairs(specials: list[tuple[int, str]]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the closing brace for each opening brace: the one it pairs with, and the one at which bash closes it.

    Bash closes a brace at the first closing brace with a comma or two dots before it, skipping nested pairs: in
    `{a}b,c}` that is the last brace, not its partner. Bash searches again from each brace. Here the text is read once,
    from right to left, keeping track of what would close a brace that opens at each position.
    """
    partners: dict[int, int] = {}
    closers: dict[int, int] = {}
    next_brace: int | None = None  # The next closing brace at this level.
    closer: int | None = None  # The brace that would close a brace opened here.
    outside: list[tuple[int, int | None, int | None]] = []  # Each unopened brace, and the two values after it.
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
            # Braces that open before an unpaired brace are at another level than everything after it.
            next_brace = closer = None
    return partners, closers


def _unpaired(text: str) -> list[tuple[int, int]]:
    """Return the spans of a text's unpaired braces."""
    specials = _specials(text)
    partners, _ = _pairs(specials)
    paired = {*partners, *partners.values()}
    return [(place, place + 1) for place, special in specials if special in "{}" and place not in paired]


def _literal(text: str) -> tuple[Literal, ...]:
    """Return plain text as a node, with backslashes removed; no node for empty text."""
    return (Literal(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)),) if text else ()


def _range(text: str) -> Range | None:
    """Return the range in the content of a brace, or None if it is not a range."""
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


# Mistyped patterns such as `{4-8}`, `{4:8}` and `[4,8]`, and completions of unfinished patterns


_NO_LISTS = re.compile(r"[{}\[\]()<>]|[:x][0-9]+(?:\.\.|-|\||/[0-9]+/|:[0-9]+:)[0-9]|[a-z][|/][a-z]| (?:to|or|and) ")
_NO_ITEMS = re.compile(r"\{(?:[0-9]+\.\.[0-9]+,|[0-9, ]+, ?\.{2,}|[a-z]:[0-9]+,[0-9,]*\}|range\()")
"""Text that no spec contains, outside the braces of a pattern and at the beginning of a list."""


def read_pattern(text: str) -> Pattern:
    """Parse a pattern that may stand for networks, unlike `{4-8}`, which bash takes as plain text.

    Raises:
        SpecError: it is not a pattern, or has such text outside its braces; the repair is a pattern with the lists and
            ranges that were probably meant.
    """
    pattern = parse_pattern(text)
    literals = [each.text for layer in pattern.layers for each in layer if isinstance(each, Literal)]
    if any(map(_NO_LISTS.search, literals)) or _NO_ITEMS.search(text):
        _check_lists(text)
    if not pattern.count():
        raise SpecError("the pattern only stands for the empty text", text=text, advice="no network is empty")
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
        advice = f"sizes are at most {MAX_SIZE:,}, and a range has at most {LONGEST_RANGE + 1:,} numbers"
        raise SpecError(f"the range {quote(fault)} is too long", text=typed, span=(start, end), advice=advice)
    if repair is None and re.fullmatch(r"\{(?:[a-z]\w* ?[-+*/] ?[0-9]+|[0-9]+ ?[-+*/]? ?[a-z]\w*)\}", fault):
        advice = "a name in braces repeats its value and calculates nothing; give this size a brace of its own"
        raise SpecError(f"{quote(fault)} is a calculation", text=typed, span=(start, end), advice=advice)
    message = f"{quote(fault)} is neither a list like {{16,32}} nor a range like {{16..64..16}}"
    lead, repair = ("perhaps", repair) if repair else ("for example", "embed:10000x{16,32},lstm:{32..128..32}")
    raise SpecError(message, text=typed, span=(start, end), lead=lead, repair=repair)


def _plain_braces(text: str) -> list[tuple[int, int]]:
    """Return the spans of a text's innermost braces that are plain text."""
    return [
        found.span()
        for found in re.finditer(r"\{[^{}=,]*\}", text)
        if not re.fullmatch(r"\{[A-Za-z_]\w*\}", found[0]) and not parse_pattern(found[0]).axes
    ]


def _working(text: str) -> str | None:
    """Return the pattern, with an input before it if its first candidate lacks one, or None if neither is valid."""
    for candidate in (text, f"input:32,{text}"):
        try:
            Network.parse(next(parse_pattern(candidate).expand()))
        except (SpecError, StopIteration):
            continue
        return candidate
    return None


def pattern_completions(text: str) -> list[Completion]:
    """Return completions of an unfinished pattern, which are the completions of its first spec.

    Args:
        text: the pattern as typed so far. The spec has the current alternative of each open brace, and the first
            of each closed one.
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
            # The next field may follow the brace, to apply to all of its alternatives: {rnn,gru}:32.
            rest = rest.rstrip(":")
        found.setdefault(rest, completion.means)
    word = re.split("[,:{]", text)[-1]
    return [Completion(text + rest, word + rest, means) for rest, means in found.items() if rest]


def _without_open_braces(text: str) -> tuple[str, int]:
    """Return a text with each open brace replaced by the alternative being typed, and the number of open braces."""
    starts: list[tuple[int, int]] = []
    """The start of each open brace, and of its last alternative."""
    for position, sign in enumerate(text):
        if sign == "{":
            name = _NAMED.match(text, position)
            starts.append((position, position + 1))
            if name is not None and name[2] == "=" and name[1] not in KEYS:
                starts[-1] = position, name.end()
        elif sign == "," and starts:
            starts[-1] = starts[-1][0], position + 1
        elif sign == "}" and starts:
            starts.pop()
    for brace, alternative in reversed(starts):
        text = text[:brace] + text[alternative:]
    return text, len(starts)

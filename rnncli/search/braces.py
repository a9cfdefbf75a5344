"""Patterns: texts with brace lists and ranges, as bash has them, and named ones. A pattern stands for many texts.

    {16,32}  {16..256..16}  {01..10}  {a..e}  {8,{16..64..16}}  \\{  \\,

A pattern expands to the same texts as in bash, in the same order, corner cases included: braces without a comma or a
range are plain text. Two forms are our own. `{u=16,32,64}` gives a list or a range a name, and `{u}` stands for the
same value, wherever it occurs. Texts are made one at a time, when they are asked for.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple, NoReturn

from rnncli.errors import SpecError, shorten
from rnncli.language.source import check_length
from rnncli.layers import LAYERS

MAX_DEPTH = 50

_MOST_EMPTY = 1_000_000
"""The most empty texts of a pattern: they are passed over, and that takes time too."""

KEYS = frozenset(option.lead[:-1] for layer in LAYERS for option in layer.options if option.lead.endswith("="))
"""Keys that stand before `=` in a spec. They cannot name a brace: `{act=relu,act=tanh}` is a list."""

_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)([=}])")
_INTEGERS = re.compile(r"([+-]?[0-9]{1,99})\.\.([+-]?[0-9]{1,99})(?:\.\.([+-]?[0-9]{1,99}))?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([+-]?[0-9]{1,99}))?")

_LARGEST_INTEGER = 2**63 - 1
"""The largest integer of bash; a range with a larger one is plain text."""

LONGEST_RANGE = 2**31 - 4
"""The longest range of bash; a longer one is plain text."""


class Literal(NamedTuple):
    """Plain text, without its backslashes."""

    text: str


class Range(NamedTuple):
    """A range of numbers, padded with zeros to a width; or of letters, by their code points."""

    values: range
    width: int = 0
    letters: bool = False

    def text(self, value: int) -> str:
        """Return the text of one of its values."""
        return chr(value) if self.letters else f"{value:0{self.width}d}"


class Words(NamedTuple):
    """A list of plain texts."""

    texts: tuple[str, ...]


class Alternatives(NamedTuple):
    """A list with braces in some of its branches."""

    branches: tuple[Sequence[Node], ...]


class Name(NamedTuple):
    """A place where the value of a named brace stands."""

    name: str


Node = Literal | Range | Words | Alternatives | Name
Values = Range | Words | Alternatives
Bindings = dict[str, str]
"""The value of each named brace whose loop is running."""


@dataclass(frozen=True)
class Pattern:
    """A text with braces, as `parse_pattern` reads it.

    Attributes:
        text: the text as typed.
        nodes: the parts of the text, in order.
        names: what each named brace stands for.
    """

    text: str
    nodes: tuple[Node, ...]
    names: dict[str, Values]

    def count(self) -> int:
        """Return how many texts `expand` yields, without expanding anything."""
        texts, empty = _counts((*self.nodes, *self.names.values()))
        return texts - empty

    def empty_count(self) -> int:
        """Return how many of its texts are empty; `expand` drops these."""
        return _counts((*self.nodes, *self.names.values()))[1]

    @property
    def longest(self) -> int:
        """More bytes than this has none of its texts: each is no longer than it, the values of names aside."""
        return len(self.text.encode("utf-8", "replace")) * (1 + len(_NAMED.findall(self.text)))

    def expand(self) -> Iterator[str]:
        """Yield the texts in bash's order, the leftmost brace varying slowest. As in bash, an empty one is dropped.

        A named brace varies where its name occurs first.
        """
        return filter(None, self.choices(self.nodes, {}))

    def split(self, separator: str) -> list[list[Node]]:
        """Return its nodes, split at each separator that stands outside of braces."""
        parts: list[list[Node]] = [[]]
        for node in self.nodes:
            if not isinstance(node, Literal):
                parts[-1].append(node)
                continue
            first, *others = node.text.split(separator)
            parts[-1] += [Literal(first)] if first else []
            parts += [[Literal(text)] if text else [] for text in others]
        return parts

    def choices(self, nodes: Sequence[Node], bound: Bindings) -> Iterator[str]:
        """Yield the texts that some of its nodes stand for, the last node varying fastest. Empty texts are not dropped.

        Args:
            nodes: the nodes, in order.
            bound: the values of the names that occurred before. Whenever a text is yielded, it holds the values of the
                names in that text as well.
        """
        *outer, inner = nodes or (Literal(""),)
        tail = ""
        if outer and isinstance(inner, Literal):
            # Plain text at the end is added in the innermost loop. As a loop of its own it would only cost time.
            tail, inner = inner.text, outer.pop()
        # A loop for each node, on a stack: there may be more nodes than Python allows recursions.
        loops: list[Iterator[str]] = []
        heads = [""]  # What the nodes of the first 0, 1, 2 … loops have come to.
        while True:
            if len(loops) < len(outer):
                loops.append(self._choices_of(outer[len(loops)], bound))
            else:
                head = heads[-1]
                for text in self._choices_of(inner, bound):
                    yield head + text + tail
            choice = None
            while loops and (choice := next(loops[-1], None)) is None:
                loops.pop()
            if choice is None:
                return
            heads[len(loops) :] = [heads[len(loops) - 1] + choice]

    def _choices_of(self, node: Node, bound: Bindings) -> Iterator[str]:
        """Yield the texts that one node stands for."""
        match node:
            case Literal(text):
                return iter((text,))
            case Range(values, 0, False):
                return map(str, values)
            case Range(values):
                return map(node.text, values)
            case Words(texts):
                return iter(texts)
            case Alternatives(branches):
                return (text for branch in branches for text in self.choices(branch, bound))
            case Name(name):
                return iter((bound[name],)) if name in bound else self._loop(name, bound)

    def _loop(self, name: str, bound: Bindings) -> Iterator[str]:
        """Yield the values of a named brace, each of them bound to the name until the next is asked for."""
        for value in self._choices_of(self.names[name], bound):
            bound[name] = value
            yield value
        del bound[name]


def names_in(node: Node) -> Iterator[str]:
    """Yield the names that occur in a node, in order, each as often as it does."""
    match node:
        case Name(name):
            yield name
        case Alternatives(branches):
            yield from (name for branch in branches for each in branch for name in names_in(each))


def count(node: Node) -> int:
    """Return how many texts a node stands for; a name stands for one, since it is bound."""
    return _counts([node])[0]


def nodes_at(node: Node, index: int) -> Iterator[Literal | Name]:
    """Yield what the text of a node at an index is made of, without making those before it."""
    match node:
        case Literal() | Name():
            yield node
        case Range(values):
            yield Literal(node.text(values[index]))
        case Words(texts):
            yield Literal(texts[index])
        case Alternatives(branches):
            for branch in branches:
                size = prod(map(count, branch))
                if index < size:
                    break
                index -= size
            for each in branch:
                size //= count(each)
                place, index = divmod(index, size)
                yield from nodes_at(each, place)


def cut(node: Values, span: range) -> Values:
    """Return a brace that stands for the texts at some indices alone."""
    if len(span) == count(node):
        return node
    match node:
        case Range(values):
            return node._replace(values=values[span.start : span.stop])
        case Words(texts):
            return Words(texts[span.start : span.stop])
        case Alternatives():
            return Alternatives(tuple(tuple(nodes_at(node, index)) for index in span))


def _counts(nodes: Iterable[Node]) -> tuple[int, int]:
    """Return how many texts a row of nodes stands for, and how many of these are empty, all parts of them being so."""
    texts = empty = 1
    for node in nodes:
        match node:
            case Literal(text):
                some, nothing = 1, int(not text)
            case Range(values):
                some, nothing = len(values), 0
            case Words(words):
                some, nothing = len(words), words.count("")
            case Alternatives(branches):
                some, nothing = map(sum, zip(*map(_counts, branches), strict=True))
            case Name():
                some, nothing = 1, 1  # It makes no more texts: its values are counted with the brace that has the name.
        texts, empty = texts * some, empty * nothing
    return texts, empty


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
        empty = pattern.empty_count()
        if empty > _MOST_EMPTY:
            whole = (0, len(self.text))
            self._fail(f"the pattern stands for {shorten(f'{empty:,}')} empty texts", whole, "no network is empty")
        return pattern

    def _nodes(self, start: int, end: int, depth: int, named: str | None = None) -> tuple[Node, ...]:
        """Return the nodes of text[start:end]: its braces, and the plain text before, between and behind them.

        Args:
            start: where the text starts.
            end: where it ends.
            depth: how many braces it is inside of.
            named: the name of the brace it is inside of, if that has one.
        """
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


def unpaired(text: str) -> list[int]:
    """Return where the braces of a text are that make no pair."""
    specials = _specials(text)
    partners, _ = _pairs(specials)
    paired = {*partners, *partners.values()}
    return [position for position, special in specials if special in "{}" and position not in paired]


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

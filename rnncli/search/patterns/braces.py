"""Patterns: texts with brace lists and ranges, as bash has them, and named ones. A pattern stands for many texts.

    {16,32}  {16..256..16}  {01..10}  {a..e}  {8,{16..64..16}}  \\{  \\,

A pattern expands to the same texts as in bash, in the same order, corner cases included: braces without a comma or a
range are plain text. Two forms are our own. `{u=16,32,64}` gives a list or a range a name, and `{u}` stands for the
same value, wherever it occurs. Texts are made one at a time, when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple


class Literal(NamedTuple):
    """Plain text, without its backslashes."""

    text: str


class Range(NamedTuple):
    """A range of numbers, padded with zeros to a width; or of letters, by their code points."""

    values: range
    width: int = 0
    letters: bool = False


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
    """A text with braces, as `rnncli.search.patterns.brace_parser` reads it.

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
        texts, empty = _count_joined((*self.nodes, *self.names.values()))
        return texts - empty

    def empty_count(self) -> int:
        """Return how many of its texts are empty; `expand` drops these."""
        return _count_joined((*self.nodes, *self.names.values()))[1]

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
        for head in self._heads(outer, bound):
            for text in self._choices_of(inner, bound):
                yield head + text + tail

    def _heads(self, nodes: Sequence[Node], bound: Bindings) -> Iterator[str]:
        """Yield the texts of nodes by nested loops, one for each node.

        The loops are kept on a stack, since there may be more nodes than Python allows recursions.
        """
        loops: list[Iterator[str]] = []
        texts = [""]  # What the nodes of the first 0, 1, 2 … loops have come to.
        while True:
            if len(loops) < len(nodes):
                loops.append(self._choices_of(nodes[len(loops)], bound))
            else:
                yield texts[-1]
            choice = None
            while loops and (choice := next(loops[-1], None)) is None:
                loops.pop()
            if choice is None:
                return
            texts[len(loops) :] = [texts[len(loops) - 1] + choice]

    def _choices_of(self, node: Node, bound: Bindings) -> Iterator[str]:
        """Yield the texts that one node stands for."""
        match node:
            case Literal(text):
                return iter((text,))
            case Range(values, 0, False):
                return map(str, values)
            case Range(values, _, True):
                return map(chr, values)
            case Range(values, width):
                return (f"{number:0{width}d}" for number in values)
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
    return _count(node)[0]


def nodes_at(node: Node, index: int) -> Iterator[Literal | Name]:
    """Yield what the text of a node at an index is made of, without making those before it."""
    match node:
        case Literal() | Name():
            yield node
        case Range(values, width, letters):
            yield Literal(chr(values[index]) if letters else f"{values[index]:0{width}d}")
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


def longest(node: Node, named: Mapping[str, int]) -> int:
    """Return how many bytes the texts of a node have at most; `named` says it of the named braces."""
    match node:
        case Literal(text):
            return _size(text)
        case Name(name):
            return named[name]
        case Range(values, width):
            return max(width, *(len(str(values[end])) for end in (0, -1)))
        case Words(texts):
            return max(map(_size, texts))
        case Alternatives(branches):
            return max(sum(longest(each, named) for each in branch) for branch in branches)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def cut(node: Values, span: range) -> Values:
    """Return a brace that stands for the texts at some indices alone."""
    if len(span) == count(node):
        return node
    match node:
        case Range(values, width, letters):
            return Range(values[span.start : span.stop], width, letters)
        case Words(texts):
            return Words(texts[span.start : span.stop])
        case Alternatives():
            return Alternatives(tuple(tuple(nodes_at(node, index)) for index in span))


def _count(node: Node) -> tuple[int, int]:
    """Return how many texts a node stands for, and how many of these are empty."""
    match node:
        case Literal(text):
            return 1, 0 if text else 1
        case Range(values):
            return len(values), 0
        case Words(texts):
            return len(texts), texts.count("")
        case Alternatives(branches):
            counts = [_count_joined(branch) for branch in branches]
            return sum(texts for texts, _ in counts), sum(empty for _, empty in counts)
        case Name():
            return 1, 1  # It makes no more texts: its values are counted with the brace that has the name.


def _count_joined(nodes: Sequence[Node]) -> tuple[int, int]:
    """Return the same for a row of nodes, whose text is empty if all of theirs are."""
    counts = [_count(node) for node in nodes]
    return prod(texts for texts, _ in counts), prod(empty for _, empty in counts)

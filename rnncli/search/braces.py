"""Brace lists and ranges, as bash has them, and named ones: the text of a pattern, as the texts it stands for.

    {16,32}  {16..256..16}  {01..10}  {a..e}  {8,{16..64..16}}  \\{  \\,

What they expand to, and in what order, is what bash's `brace_expand` does, its corner cases included: braces without a
comma or a range are plain text. Two forms are our own. `{u=16,32,64}` gives a list or a range a name, and `{u}` stands
for the same value, wherever it occurs. Nothing is expanded before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple


class Literal(NamedTuple):
    """Plain text, its backslashes taken off."""

    text: str


class Range(NamedTuple):
    """A range of numbers, padded with zeros to a width, or of letters."""

    values: range
    width: int = 0
    letters: bool = False


class Words(NamedTuple):
    """A list of plain texts."""

    texts: tuple[str, ...]


class Alternatives(NamedTuple):
    """A list with braces in it: one branch after another."""

    branches: tuple[Sequence[Node], ...]


class Name(NamedTuple):
    """A place that holds the value of a named brace."""

    name: str


Node = Literal | Range | Words | Alternatives | Name
Values = Range | Words | Alternatives
Bindings = dict[str, str]
"""The value of each named brace whose loop is running."""


@dataclass(frozen=True)
class Pattern:
    """A text with braces, taken apart by `rnncli.search.brace_parser`.

    Attributes:
        text: the text as typed.
        nodes: its parts, one behind the other.
        names: what each named brace stands for.
    """

    text: str
    nodes: tuple[Node, ...]
    names: dict[str, Values]

    def count(self) -> int:
        """Return how many texts it stands for, without expanding it."""
        sizes = [_count(node) for node in (*self.nodes, *self.names.values())]
        empty = [_count_empty(node) for node in (*self.nodes, *self.names.values())]
        return prod(sizes) - prod(empty)

    def expand(self) -> Iterator[str]:
        """Yield the texts in bash's order, the leftmost brace varying slowest. As in bash, an empty one is dropped.

        The loop over a named brace stands where the name occurs first.
        """
        return filter(None, self.choices(self.nodes, {}))

    def split(self, separator: str) -> list[list[Node]]:
        """Return its parts between separators that stand outside of braces."""
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
        """Yield the texts of some of its nodes.

        Args:
            nodes: the nodes, one behind the other.
            bound: the values of the names that occurred before. While a text is being used, it holds those of the
                names that occur in the text, too.
        """
        *outer, inner = nodes or (Literal(""),)
        end = ""
        if outer and isinstance(inner, Literal):
            end, inner = inner.text, outer.pop()
        # A stack of loops and not a recursion: there is no limit to the number of nodes.
        loops: list[Iterator[str]] = []
        heads = [""]
        while True:
            if len(loops) < len(outer):
                loops.append(self._choices_of(outer[len(loops)], bound))
            else:
                head = heads[-1]
                for text in self._choices_of(inner, bound):
                    yield head + text + end
            while loops:
                choice = next(loops[-1], None)
                if choice is not None:
                    heads[len(loops) :] = [heads[len(loops) - 1] + choice]
                    break
                loops.pop()
            else:
                return

    def _choices_of(self, node: Node, bound: Bindings) -> Iterator[str]:
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
        for value in self._choices_of(self.names[name], bound):
            bound[name] = value
            yield value
        del bound[name]


def _count(node: Node) -> int:
    match node:
        case Range(values):
            return len(values)
        case Words(texts):
            return len(texts)
        case Alternatives(branches):
            return sum(prod(map(_count, branch)) for branch in branches)
        case _:
            return 1


def _count_empty(node: Node) -> int:
    """Return how many of a node's texts are empty; at a name it is the brace that counts."""
    match node:
        case Literal(text):
            return 0 if text else 1
        case Words(texts):
            return texts.count("")
        case Alternatives(branches):
            return sum(prod(map(_count_empty, branch)) for branch in branches)
        case Name():
            return 1
        case _:
            return 0

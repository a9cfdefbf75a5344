"""The parser of brace patterns: text to a `Pattern`, by the rules of bash's `brace_expand`."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise
from typing import NoReturn

from rnncli.errors import SpecError
from rnncli.language.source import check_length
from rnncli.layers import LAYERS
from rnncli.layers.options import Choice
from rnncli.search.braces import Alternatives, Literal, Name, Node, Pattern, Range, Values, Words

MAX_DEPTH = 50

KEYS = frozenset(option.key for layer in LAYERS for option in layer.options if isinstance(option, Choice))
"""The words that stand before `=` in a spec; no brace can be named so: `{act=relu,act=tanh}` is a list."""

_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)([=}])")
_INTEGERS = re.compile(r"([+-]?[0-9]{1,99})\.\.([+-]?[0-9]{1,99})(?:\.\.([+-]?[0-9]{1,99}))?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([+-]?[0-9]{1,99}))?")
_LARGEST = 2**63 - 1
"""Bash's integers have 64 bits; what does not fit is plain text."""
_LONGEST = 2**31 - 4
"""Bash's longest range; a longer one is plain text."""


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that a text is.

    Raises:
        SpecError: it is too long or nested too deep, or a named brace is wrong. All else is a pattern.
    """
    check_length(text, "pattern", "write it as several patterns")
    return _Parser(text).parse()


class _Parser:
    """Takes a text apart; all positions are those of the whole text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.specials = _specials(text)
        self.positions = [position for position, _ in self.specials]
        self.partners, self.closers = _match(self.specials)
        self.names: dict[str, Values] = {}
        self.seen: dict[str, tuple[int, int]] = {}
        """Where each name occurs first."""

    def parse(self) -> Pattern:
        nodes = self._nodes(0, len(self.text), depth=0)
        for name, span in self.seen.items():
            if name not in self.names:
                self._fail(
                    f"there is no brace that gives {name} its values",
                    span,
                    f"list them where it stands: {{{name}=16,32}}",
                )
        return Pattern(self.text, nodes, self.names)

    def _nodes(self, start: int, end: int, depth: int, named: str | None = None) -> tuple[Node, ...]:
        """Return the nodes of text[start:end], which is inside of `depth` braces, and maybe of a named one."""
        if depth > MAX_DEPTH:
            self._fail(f"braces are nested more than {MAX_DEPTH} deep", (start, end), "nest them less deep")
        nodes: list[Node] = []
        plain = start  # The text from here on is in no node yet;
        done = start  # and from here on it has not been looked at.
        for position, special in self._inside(start, end):
            if special != "{" or position < done:
                continue
            name = _NAMED.match(self.text, position, end)
            close: int | None
            node: Node | None
            if name is not None and name[1] not in KEYS:
                close, node = self._named(name, end, depth, named)
            elif position == done and self.text.startswith("{}", position):
                continue  # Bash's exception for `find -exec {}`.
            else:
                close, node = self._unnamed(position, end, depth, named)
            if close is None:
                continue
            done = close + 1
            if node is not None:
                nodes += [*_literal(self.text[plain:position]), node]
                plain = done
        return (*nodes, *_literal(self.text[plain:end]))

    def _unnamed(self, start: int, end: int, depth: int, named: str | None) -> tuple[int | None, Node | None]:
        """Return where a brace ends, or None if it does not, and what it stands for, or None if it is plain text."""
        close = self.closers.get(start, end)
        if close >= end:
            return None, None
        if any(special == "," for _, special in self._inside(start + 1, close)):
            return close, self._list(start + 1, close, depth + 1, named)
        return close, _range(self.text[start + 1 : close])

    def _named(self, name: re.Match[str], end: int, depth: int, named: str | None) -> tuple[int, Node]:
        """Return where a brace with a name ends, and its node."""
        span = name.span()
        if named is not None:
            self._fail(f"the values of {named} hold another name, {name[1]}", span, "name one of them only")
        if name[2] == "=":
            close = self.partners.get(span[0], end)
            span = (span[0], min(close + 1, end))
            if close >= end:
                self._fail(f"the brace named {name[1]} is not closed", span, "close it with }")
            if depth:
                self._fail(
                    f"the brace named {name[1]} is inside another brace",
                    span,
                    f"write {{{name[1]}}} here, and its values outside",
                )
            if name[1] in self.names:
                self._fail(
                    f"{name[1]} has its values already", span, f"write {{{name[1]}}} for the same value once more"
                )
            self.names[name[1]] = _range(self.text[name.end() : close]) or self._list(name.end(), close, 1, name[1])
        else:
            close = name.end() - 1
        self.seen.setdefault(name[1], span)
        return close, Name(name[1])

    def _list(self, start: int, end: int, depth: int, named: str | None) -> Values:
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
        branches = [self._nodes(a + 1, b, depth, named) for a, b in pairwise(edges)]
        words = [branch[0] if branch else Literal("") for branch in branches if len(branch) <= 1]
        texts = tuple(word.text for word in words if isinstance(word, Literal))
        return Words(texts) if len(texts) == len(branches) else Alternatives(tuple(branches))

    def _inside(self, start: int, end: int) -> list[tuple[int, str]]:
        """Return the special characters of text[start:end]."""
        return self.specials[bisect_left(self.positions, start) : bisect_left(self.positions, end)]

    def _fail(self, message: str, span: tuple[int, int], advice: str) -> NoReturn:
        raise SpecError(message, text=self.text, span=span, advice=advice)


def _specials(text: str) -> list[tuple[int, str]]:
    """Return the characters that mean something, with their positions, left out those behind a backslash."""
    found = re.finditer(r"\\.|[{},]|\.(?=\.(?!\}))", text, re.DOTALL)
    return [(match.start(), match[0]) for match in found if match[0][0] != "\\"]


def _match(specials: list[tuple[int, str]]) -> tuple[dict[int, int], dict[int, int]]:
    """Return for each opening brace its partner, and the brace that closes it for bash.

    Bash looks for a closing brace, outside of the braces between, with a comma or two dots somewhere before it: in
    `{a}b,c}` it is the last. So it may be the partner of a brace farther out, or have none. Seen from right to left,
    every answer follows from those that are known already.
    """
    partners: dict[int, int] = {}
    opened: list[int] = []
    for position, special in specials:
        if special == "{":
            opened.append(position)
        elif special == "}" and opened:
            partners[opened.pop()] = position
    closing = set(partners.values())
    closers: dict[int, int] = {}
    # For each brace that is open here: the next to close it, and the one that closes it if there is a comma before.
    nearest: list[int | None] = [None]
    answers: list[int | None] = [None]
    for position, special in reversed(specials):
        if special in (",", "."):
            answers[-1] = nearest[-1]
        elif special == "}":
            if position in closing:
                answers.append(answers[-1])
                nearest.append(position)
            else:
                nearest[-1] = position
        elif position in partners:
            answer = answers.pop()
            nearest.pop()
            if answer is not None:
                closers[position] = answer
        else:
            # Nothing before it sees past it.
            nearest[-1] = answers[-1] = None
    return partners, closers


def _literal(text: str) -> tuple[Literal, ...]:
    """Return plain text as a node, or as none if it is empty."""
    return (Literal(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)),) if text else ()


def _range(text: str) -> Range | None:
    """Return the range that the inside of a brace is, or None if it is none."""
    letters = _LETTERS.fullmatch(text)
    written = letters or _INTEGERS.fullmatch(text)
    if written is None:
        return None
    ends = written.group(1, 2)
    first, last = map(ord, ends) if letters else map(int, ends)
    step = abs(int(written[3] or "1")) or 1
    if max(abs(first), abs(last), abs(last - first) + 2, step) > _LARGEST:
        return None
    values = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    if abs(last - first) // step > _LONGEST:
        return None
    padded = not letters and any(re.match(r"-?0.", end) and end != "-0" for end in ends)
    return Range(values, max(map(len, ends)) if padded else 0, letters is not None)

"""Layers written as calls of Keras or PyTorch: read from their syntax, never run, and written as a spec.

    LSTM(32, return_sequences=True)                nn.LSTM(40, 256, 2, bidirectional=True)
    model.add(Bidirectional(GRU(8)))               Sequential([Embedding(10000, 32), SimpleRNN(10)])

A text may hold several, and layers of the spec language between them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from rnncli.errors import SpecError
from rnncli.language.call_syntax import Called, UnreadableError, joined
from rnncli.language.source import Token
from rnncli.language.syntax import UnparsableError, tree_of

MAX_CALL = 2000
"""The longest text of a call that is read; Python's parser may take long over what is nested deep."""


class Reading(NamedTuple):
    """What a text with calls says.

    Attributes:
        text: the same as a spec.
        first: the first call in the text.
        left_out: the arguments that the language has no words for.
    """

    text: str
    first: Token
    left_out: tuple[str, ...]


def read_calls(text: str) -> Reading | None:
    """Return what a text says that has calls for some or all of its layers, or None if it has none.

    Raises:
        SpecError: something about a call cannot be said in a spec; the error has no repair.
    """
    if "(" not in text:
        return None
    items: list[Called | str] = []
    first = None
    for piece in _pieces(text):
        before = [item for item in items[-1:] if isinstance(item, Called)]
        called = _Reader(text, piece).layers(before)
        if called is None:
            items.append(piece.text)
        else:
            first = first or piece
            items[len(items) - len(before) :] = called
    if first is None:
        return None
    left_out = [words for item in items if isinstance(item, Called) for words in item.left_out]
    return Reading(",".join(_texts(items)), first, tuple(left_out))


def _texts(items: list[Called | str]) -> list[str]:
    """Return the layers of the whole text; an input that only an embedding follows is that of its ids."""
    texts: list[str] = []
    for index, item in enumerate(items):
        if isinstance(item, Called):
            before = items[:index]
            if item.cls.reads == "input" and len(before) == 1 and isinstance(before[0], Called):
                texts.clear()
            if not before and item.reads and item.cls.reads != "input":
                texts.append(f"input:{item.reads}")
        texts.append(str(item))
    return texts


def _pieces(text: str) -> Iterator[Token]:
    """Yield the parts of a text between the separators that are in no brackets, without the empty ones."""
    start = depth = 0
    closed = False
    """Whether the last character that is no space closes a bracket."""
    for position, character in enumerate(f"{text},"):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth = max(0, depth - 1)
        ends = position == len(text) or (depth == 0 and character in ",;|>/&\n")
        if ends or (depth == 0 and closed and character.isalnum() and text[position - 1].isspace()):
            part = text[start:position]
            piece = Token(part.strip().rstrip("-= \t"), start + len(part) - len(part.lstrip()))
            if piece.text:
                yield piece
            start = position + ends
        if not character.isspace():
            closed = character in ")]}"


class _Reader:
    """Reads one piece of a text."""

    def __init__(self, text: str, piece: Token) -> None:
        self.text = text
        self.piece = piece

    def layers(self, before: list[Called]) -> list[Called] | None:
        """Return the layers before and those that the piece makes, or None if it is no call."""
        node = _value(_parsed(self.piece.text))
        if not isinstance(node, ast.Call | ast.List | ast.Tuple):
            return None
        try:
            return joined(before, node)
        except UnreadableError as fault:
            self._fail(fault)
        except RecursionError:
            return None

    def _fail(self, fault: UnreadableError) -> NoReturn:
        node = fault.node
        assert isinstance(node, ast.expr | ast.keyword)
        start, end = (
            self.piece.start + _position(self.piece.text, line, column)
            for line, column in ((node.lineno, node.col_offset), (node.end_lineno or 1, node.end_col_offset or 0))
        )
        raise SpecError(fault.message, text=self.text, span=(start, end), advice=fault.advice) from None


def _position(text: str, line: int, column: int) -> int:
    """Return the place in a text of a line, which a line feed or a carriage return ends, and a column in bytes."""
    lines = text.encode().splitlines(keepends=True)
    return len(b"".join([*lines[: line - 1], lines[line - 1][:column]]).decode(errors="replace"))


def _parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of a text, with the brackets closed that it leaves open, or None if it is not Python."""
    if "(" not in source or len(source) > MAX_CALL:
        return None
    open_brackets: list[str] = []
    for character in source:
        if character in "([{":
            open_brackets.append({"(": ")", "[": "]", "{": "}"}[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
    try:
        return tree_of(source + "".join(reversed(open_brackets)))
    except UnparsableError:
        return None


def _value(tree: ast.Module | None) -> ast.expr | None:
    """Return what a single statement computes."""
    match tree:
        case ast.Module(body=[ast.Expr(value) | ast.Assign(value=value)]):
            return value
    return None

"""A text with calls cut into pieces, and the syntax of a piece."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnncli.language.source import Token
from rnncli.language.syntax import UnparsableError, tree_of

MAX_CALL = 2000
"""The longest text of a call that is read; Python's parser may take long over what is nested deep."""


def pieces_of(text: str) -> Iterator[Token]:
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


def position(text: str, line: int, column: int) -> int:
    """Return the place in a text of a line, which a line feed or a carriage return ends, and a column in bytes."""
    lines = text.encode().splitlines(keepends=True)
    return len(b"".join([*lines[: line - 1], lines[line - 1][:column]]).decode(errors="replace"))


def parsed(source: str) -> ast.Module | None:
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


def value_of(tree: ast.Module | None) -> ast.expr | None:
    """Return what a single statement computes."""
    match tree:
        case ast.Module(body=[ast.Expr(value) | ast.Assign(value=value)]):
            return value
    return None

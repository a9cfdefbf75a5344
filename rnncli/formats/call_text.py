"""The text of calls: what they call, whose class that is, where their arguments stand, and how it is mended."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from rnncli.errors import shorten
from rnncli.formats.frameworks import CLASSES, HOLDS, Class, class_of
from rnncli.formats.python.objects import Call, Named, Value
from rnncli.language.source import MAX_BYTES, Token
from rnncli.language.syntax import UnparsableError, tree_of
from rnncli.layers import KINDS
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.layers.weights import FRAMEWORKS, Framework

MAX_CALL = 2_000
"""The longest text of a call that is read; Python's parser may take long over what is nested deep."""

MAX_CALLS = 1_000
"""The most calls that are read; nobody writes more on one line."""

ACTIVATION_NAMES = {name.replace("_", ""): name for name in ACTIVATIONS} | OTHER_NAMES
"""The activations by the names of their functions and classes in lower case."""

_PATHS: Mapping[str, Framework] = {
    **dict.fromkeys(("nn", "torch"), "torch"),
    **dict.fromkeys(("keras", "layers", "tf", "tensorflow", "tfkl"), "keras"),
}
"""Whose classes stand behind a name; the last of a path counts."""


def pieces(text: str) -> Iterator[Token]:
    """Yield the parts of a text between the separators that are in no brackets, without the empty ones."""
    start = depth = 0
    after_bracket = False
    for position, character in enumerate(f"{text},"):
        depth = max(0, depth + (character in "([{") - (character in ")]}"))
        ends = position == len(text) or (depth == 0 and character in ",;|>/&\n")
        if ends or (depth == 0 and after_bracket and character.isalnum() and text[position - 1].isspace()):
            part = text[start:position]
            piece = Token(part.strip().rstrip("-= \t"), start + len(part) - len(part.lstrip()))
            if piece.text:
                yield piece
            start = position + ends
        if not character.isspace():
            after_bracket = character in ")]}"


def closed(text: str) -> str:
    """Return a text with the brackets closed that it leaves open."""
    open_brackets: list[str] = []
    for character in text:
        if character in "([{":
            open_brackets.append({"(": ")", "[": "]", "{": "}"}[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
    return text + "".join(reversed(open_brackets))


def one_line(text: str) -> str:
    """Return a text of several statements on one line, so that it can be pasted; one with comments stays as it is."""
    joined, depth = "", 0
    for line in text.splitlines() if "#" not in text else [text]:
        if line.strip():
            joined += (";" if joined and not depth else "") + (" " if joined else "") + line.strip()
        depth += sum((character in "([{") - (character in ")]}") for character in line)
    return joined


class Text:
    """A text of calls.

    Args:
        text: the text.

    Attributes:
        text: the same.
        tree: its syntax tree.

    Raises:
        UnparsableError: it is no Python, has no calls, or too many or too long ones.
    """

    def __init__(self, text: str) -> None:
        if "(" not in text or len(text) > MAX_BYTES:
            raise UnparsableError("it has no calls" if "(" not in text else "it is too long")
        lengths = [len(piece.text) for piece in pieces(text)]
        if max(lengths) > MAX_CALL or len(lengths) > MAX_CALLS:
            raise UnparsableError(f"it has more than {MAX_CALLS:,} calls, or one of more than {MAX_CALL:,} characters")
        self.text = text
        self.tree = tree_of(text.strip())
        self._lines = text.lstrip().encode(errors="replace").splitlines(keepends=True)
        self._starts = [len(text) - len(text.lstrip())]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line.decode(errors="replace")))

    @property
    def whole(self) -> tuple[int, int]:
        """All its characters."""
        return 0, len(self.text)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the characters of a part of the syntax tree, which counts the bytes of a line."""
        start, end = (
            self._starts[line - 1] + len(self._lines[line - 1][:column].decode(errors="replace"))
            for line, column in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]  # it has a place
        )
        return start, end

    def part(self, node: ast.AST) -> str:
        """Return the characters of a part of the syntax tree."""
        start, end = self.span(node)
        return self.text[start:end]

    # What it would be, mended

    def with_(self, span: tuple[int, int], instead: str) -> str:
        """Return the text with something else in place of some characters."""
        return one_line(self.text[: span[0]] + instead + self.text[span[1] :])

    def with_argument(self, call: ast.Call, argument: str, value: str) -> str:
        """Return the text with an argument in a call."""
        for each in call.keywords:
            if each.arg == argument:
                return self.with_(self.span(each.value), value)
        given = [*call.args, *call.keywords]
        end = max((self.span(each)[1] for each in given), default=self.span(call)[1] - 1)
        return self.with_((end, end), f"{', ' if given else ''}{argument}={value}")

    def without(self, call: ast.AST) -> str | None:
        """Return the text without a call; None where that would be no text of calls."""
        for parent in ast.walk(self.tree):
            if isinstance(parent, ast.Call) and parent.func is call and len(parent.args) == 1:  # Attention()(x)
                return self.with_(self.span(parent), self.part(parent.args[0]))
            rows = (getattr(parent, name, None) for name in ("elts", "args", "body"))
            row = next((each for each in rows if isinstance(each, list)), [])
            place = next((at for at, each in enumerate(row) if call in (each, getattr(each, "value", None))), None)
            if place is None:
                continue
            if len(row) == 1:
                return self.without(parent) if isinstance(parent, ast.Call) else None  # model.add(Attention())
            if place:
                return self.with_((self.span(row[place - 1])[1], self.span(row[place])[1]), "")
            return self.with_((self.span(row[0])[0], self.span(row[1])[0]), "")
        return None


# What is called


def node_of(call: Call) -> ast.Call:
    """Return a call as it is written."""
    assert isinstance(call.given.node, ast.Call)
    return call.given.node


def argument_of(call: Call, cls: Class, argument: str) -> ast.AST:
    """Return where the value of an argument is written; the call where that is not known."""
    node = node_of(call)
    place = cls.takes.index(argument) if argument in cls.takes else cls.positional
    by_name = next((each.value for each in node.keywords if each.arg == argument), None)
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    return by_name or (node.args[place] if place < len(node.args) and not starred else node)


def called_by(text: Text, call: Call) -> str:
    """Return what is called, as it is written."""
    return shorten(text.part(node_of(call).func))


def calls_in(values: Sequence[Value]) -> Iterator[Call]:
    """Yield all calls in some values."""
    waiting, seen = [*values], set()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, list | dict | Call) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, list | dict):
            waiting += value.values() if isinstance(value, dict) else value
        else:
            yield value
            waiting += [*value.given.all, value.of]


def held_in(call: Call) -> Iterator[Call]:
    """Yield the layers in a wrapper."""
    held = [*call.given.positional, *(call.given.named[name] for name in HOLDS if name in call.given.named)]
    if call.name in ("Bidirectional", "TimeDistributed", "RNN", "StackedRNNCells"):
        yield from calls_in(held)


def class_name(framework: Framework, call: Call) -> str | None:
    """Return the name of a framework's class that is called; a word of the language stands for Keras's, too."""
    name, word = call.name, call.name.lower()
    if class_of(framework, name) is not None or len(call.path) != 1 or any(class_of(each, name) for each in FRAMEWORKS):
        return name if class_of(framework, name) else None
    if framework == "keras" and name == word and word in KINDS:
        return KINDS[word].keras
    return {each.lower(): each for each in CLASSES[framework]}.get(word)


def whose_class(call: Call) -> Framework | None:
    """Return whose class a call is of, by its path, its name or its arguments; None if it may be that of both."""
    path = next((_PATHS[word] for word in reversed(call.path[:-1]) if word in _PATHS), None)
    if path is not None:
        return path
    names = {each: name for each in FRAMEWORKS if (name := class_name(each, call)) and class_of(each, name)}
    if len(names) < 2:
        return next(iter(names), None)
    keras, torch = ({*cls.takes} for each in FRAMEWORKS if (cls := class_of(each, names[each])))
    given, second = call.given, call.given.get("", 1)
    if given.named.keys() & (torch ^ keras):
        return "torch" if given.named.keys() & (torch - keras) else "keras"
    if isinstance(given.get("", 0), list | Call):
        return "keras"
    if second is None or not torch & {"hidden_size", "out_features"}:
        return None
    name = second.name.lower() if isinstance(second, Named) else ""
    return "keras" if isinstance(second, str) or name in ACTIVATION_NAMES else "torch"

"""The text of calls: which classes they call, of which framework, what is wrong and where, and how to repair it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from rnncli.errors import SpecError, closest_in_any_case, listed, quote, shorten
from rnncli.formats import OpenNumbersError
from rnncli.formats.build import ArgumentFaultError, MissingArgumentError, TwiceGivenError, UnknownArgumentError
from rnncli.formats.frameworks import CLASSES, CUTS, DIFFERS, HOLDS, SHAPES, Signature, class_of
from rnncli.formats.nodes import Node, takes_ids
from rnncli.formats.python.objects import ACTIVATION_NAMES, Call, Named, Value
from rnncli.formats.python.trees import UnparsableError, tree_of
from rnncli.language.framework_words import FRAMEWORK_WORDS, NOT_MERGED, OF_OTHERS, OTHER_LIBRARIES, framework_word
from rnncli.language.source import MAX_BYTES, Token
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, Framework

MAX_CALL = 2_000
"""The longest text of a call that is read; Python's parser may take long over deep nesting."""

MAX_CALLS = 1_000
"""The most calls that are read; nobody writes more on one line."""

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "add", "append")
"""Classes and methods that hold layers in sequence."""

_WRAPPERS = ("Bidirectional", "TimeDistributed", "RNN", "StackedRNNCells")
_PATHS: Mapping[str, Framework] = {
    **dict.fromkeys(("nn", "torch"), "torch"),
    **dict.fromkeys(("keras", "layers", "tf", "tensorflow", "tfkl"), "keras"),
}
"""The framework that a module name belongs to; the last known name in a path decides."""


def pieces(text: str) -> Iterator[Token]:
    """Yield the non-empty parts of a text between separators outside brackets."""
    start = depth = braces = 0
    after_bracket = False
    for position, character in enumerate(f"{text},"):
        depth = max(0, depth + (character in "([") - (character in ")]"))
        braces = max(0, braces + (character == "{") - (character == "}"))
        ends = position == len(text) or (depth == braces == 0 and character in ",;|>/&\n")
        if ends or (depth == braces == 0 and after_bracket and character.isalnum() and text[position - 1].isspace()):
            part = text[start:position]
            piece = Token(part.strip().rstrip("-= \t"), start + len(part) - len(part.lstrip()))
            if piece.text:
                yield piece
            start = position + ends
        if not character.isspace():
            after_bracket = character in ")]}"


def closed(text: str) -> str:
    """Return a text with missing brackets and commas added: `LSTM(4, input_shape=30,8`, `Sequential([GRU(4))`."""
    open_brackets: list[str] = []
    whole = ""
    for character in re.sub(r"\([^()]+", lambda found: re.sub(r"(?<=[0-9])\s+(?=[0-9])", ", ", found[0]), text):
        if character in "([{":
            open_brackets.append({"(": ")", "[": "]", "{": "}"}[character])
        elif character in ")]}" and character in open_brackets[-99:]:  # Python hardly reads deeper nesting
            while open_brackets[-1] != character:
                whole += open_brackets.pop()
            open_brackets.pop()
        elif character in ")]}":
            continue
        whole += character
    whole += "".join(reversed(open_brackets))
    whole = re.sub(r"(?<=[(,=\s])([0-9]{1,6})k(?=\s*[,)])", r"\g<1>000", whole)
    whole = re.sub(r"(\b(?:dropout|rate|p)\s*=\s*0|\(0(?=,\s*0[0-9])),\s*([0-9]+)", r"\1.\2", whole)  # 0,5
    whole = re.sub(r",(?=\s*,)|(?<=[(,=\s])0+(?=[1-9])", "", whole)
    return re.sub(r"=\s*([0-9]+),\s*([0-9]+)(?=\s*[,)])", r"=(\1, \2)", whole)


def one_line(text: str) -> str:
    """Return several statements joined on one line, so that they can be pasted; a text with comments is unchanged."""
    joined, depth = "", 0
    for line in text.splitlines() if "#" not in text else [text]:
        if line.strip():
            joined += (";" if joined and not depth else "") + (" " if joined else "") + line.strip()
        depth += sum((character in "([{") - (character in ")]}") for character in line)
    return joined


class Text:
    """A text of calls, and its syntax tree.

    Raises:
        UnparsableError: it is not valid Python, has no calls, or too many or too long ones.
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

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the character span of a syntax node; the syntax tree counts the bytes of a line."""
        start, end = (
            self._starts[line - 1] + len(self._lines[line - 1][:column].decode(errors="replace"))
            for line, column in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]  # it has a place
        )
        return start, end

    def part(self, node: ast.AST) -> str:
        """Return the characters of a syntax node."""
        start, end = self.span(node)
        return self.text[start:end]

    def fault(
        self,
        message: str,
        where: ast.AST | tuple[int, int] | None = None,
        advice: str = "",
        lead: str = "",
        repair: str | None = None,
    ) -> SpecError:
        """Return the error for some characters, or for the whole text."""
        span = self.span(where) if isinstance(where, ast.AST) else where or (0, len(self.text))
        return SpecError(message, text=self.text, span=span, advice=advice, lead=lead, repair=repair)

    # The text with a repair

    def with_(self, span: tuple[int, int], instead: str) -> str:
        """Return the text with some characters replaced."""
        return one_line(self.text[: span[0]] + instead + self.text[span[1] :])

    def with_argument(self, call: ast.Call, argument: str, value: str) -> str:
        """Return the text with an argument of a call set."""
        for each in call.keywords:
            if each.arg == argument:
                return self.with_(self.span(each.value), value)
        given = [*call.args, *call.keywords]
        end = max((self.span(each)[1] for each in given), default=self.span(call)[1] - 1)
        return self.with_((end, end), f"{', ' if given else ''}{argument}={value}")

    def without(self, call: ast.AST) -> str | None:
        """Return the text without a call or an argument; None if no call would remain."""
        for parent in ast.walk(self.tree):
            if isinstance(parent, ast.Call) and parent.func is call and len(parent.args) == 1:  # Attention()(x)
                return self.with_(self.span(parent), self.part(parent.args[0]))
            rows = (getattr(parent, name, None) for name in ("elts", "args", "body"))
            row = [*next((each for each in rows if isinstance(each, list)), []), *getattr(parent, "keywords", [])]
            place = next((at for at, each in enumerate(row) if call in (each, getattr(each, "value", None))), None)
            if place is None:
                continue
            if len(row) == 1:
                return self.without(parent) if isinstance(parent, ast.Call) else None  # model.add(Attention())
            if place:
                return self.with_((self.span(row[place - 1])[1], self.span(row[place])[1]), "")
            return self.with_((self.span(row[0])[0], self.span(row[1])[0]), "")
        return None

    # What is called, and what is wrong with it

    def called_by(self, call: Call) -> str:
        """Return the function of a call as it is written."""
        return shorten(self.part(node_of(call).func))

    def framework_of(self, layers: Sequence[Call]) -> Framework:
        """Return the framework of all layers; classes that both frameworks have follow the others.

        Raises:
            SpecError: the layers are from both.
        """
        known: dict[Framework, Call] = {}
        for layer in layers:
            held = [*layer.given.positional, *(layer.given.named[name] for name in HOLDS if name in layer.given.named)]
            for call in (layer, *(calls_in(held) if layer.name in _WRAPPERS else ())):
                if (whose := whose_class(call)) is not None:
                    known.setdefault(whose, call)
        if len(known) == 2:
            (one, first), (other, second) = known.items()
            ours, theirs = FRAMEWORK_NAMES[one], FRAMEWORK_NAMES[other]
            message = f"{self.called_by(first)} is {ours}'s, but {self.called_by(second)} is {theirs}'s"
            reads = [each for each in node_of(known["torch"]).keywords if each.arg == "input_size"]
            repairs = [self.with_(self.span(each), f"input_shape=(None, {self.part(each.value)})") for each in reads]
            advice = "write all layers in one framework"
            raise self.fault(message, second.given.node, advice, "perhaps" * bool(repairs), *repairs)
        return next(iter(known), "keras")

    def no_class(self, framework: Framework, call: Call) -> SpecError:
        """Return the error for a class that specs have no word for."""
        end = self.span(node_of(call).func)[1]
        span, word = (end - len(call.name), end), call.name.lower()
        whose = FRAMEWORK_NAMES[framework]
        message = f"there is no layer {quote(call.name)}"
        if library := _other_library(call):
            return self.fault(f"{self.called_by(call)} is of {library}, not of Keras or PyTorch", span, OF_OTHERS)
        guess = None if word in FRAMEWORK_WORDS else closest_in_any_case(word, (*CLASSES[framework], *CONTAINERS))
        if guess is not None:
            numbered = len(re.findall("[0-9]", word)) > len(re.findall("[0-9]", guess))  # LSTM1(8), LSTM3(2)
            lead = "layers are not numbered" if numbered else "perhaps"
            return self.fault(message, span, lead=lead, repair=self.with_(span, guess))
        known = framework_word(word)
        if known is None:
            theirs = [(layer.keras, *layer.classes) if whose == "Keras" else (layer.torch,) for layer in LAYERS]
            main = dict.fromkeys(name for names in theirs for name in names)
            there = listed([name for name in main if name in CLASSES[framework]])
            return self.fault(message, span, f"{whose} has {there}")
        shaped = any(each.arg in SHAPES for each in node_of(call).keywords)
        shorter = None if shaped else self.without(node_of(call))
        return self.fault(message, span, FRAMEWORK_WORDS[known], "without it", shorter)

    def wrong(self, framework: Framework, call: Call, cls: Signature, fault: ArgumentFaultError) -> SpecError:
        """Return the error for an argument of a call."""
        argument, message, node = fault.argument, str(fault), node_of(call)
        if message.startswith(f"{call.name} ") and call.name not in CUTS:
            message = f"{FRAMEWORK_NAMES[framework]}'s {message}"
        instead = fault.instead if "'" in self.text else fault.instead.replace("'", '"')  # in quotes of one kind
        if isinstance(fault, MissingArgumentError):
            repair = self.with_argument(node, argument, instead)
            return self.fault(message, self.span(node), lead="for example", repair=repair)
        keyword = next((each for each in node.keywords if each.arg == argument), None)
        span, advice = self.span(call.given.written(argument, cls.takes)), ""
        if isinstance(fault, UnknownArgumentError) and keyword is not None:
            start, _ = self.span(keyword)
            word = "output" if argument == "return_sequences" else argument
            span, advice = (start, start + len(argument)), "" if instead else FRAMEWORK_WORDS.get(word, "")
            if not instead and not re.search("[0-9]", self.part(keyword)):
                return self.fault(message, span, advice, "without it", self.without(keyword))
        elif argument in cls.changing - DIFFERS.keys():
            span, advice = self.span(keyword) if keyword else span, FRAMEWORK_WORDS.get(argument, "")
        elif argument == "merge_mode" and "=None" in message:
            advice = NOT_MERGED
        elif not argument and cls.positional < len(node.args):
            span = self.span(node.args[cls.positional])
        elif isinstance(fault, TwiceGivenError) and instead:  # LSTM(64, input_size=4)
            names = cls.takes[cls.takes.index(instead) :]
            span = self.span(node.args[0])[0], self.span(node.args[-1])[1]
            instead = ", ".join(f"{name}={self.part(each)}" for name, each in zip(names, node.args, strict=False))
        elif re.fullmatch(r"[1-9][0-9]{0,2}\.[0-9]{3}", written := self.text[slice(*span)]):  # Embedding(10.000, 32)
            instead = written.replace(".", "")
        lead = "for example" if fault.made_up else "perhaps"
        return self.fault(message, span, advice, lead, self.with_(span, instead) if instead else None)

    def with_comma(self, cls: Signature, call: Call) -> SpecError | None:
        """Return the error for a rate with a decimal comma, `Dropout(0,5)`, or None."""
        args = node_of(call).args[:2]
        written = [self.part(each) for each in args]
        if not {*cls.takes[:1]} & {"rate", "p"} or written[:1] != ["0"] or not written[-1].isdecimal() or len(args) < 2:
            return None
        span = self.span(args[0])[0], self.span(args[1])[1]
        repair = self.with_(span, ".".join(written))
        return self.fault(
            f"{cls.takes[0]} has a comma in it, so it is two numbers", span, lead="perhaps", repair=repair
        )

    def inside(self, call: Call, layer: Call) -> SpecError:
        """Return the error for a layer among another layer's arguments, after a missing bracket: `LSTM(4, Dense(1)`."""
        message = f"{self.called_by(layer)} is among the arguments of {self.called_by(call)}"
        node, span = node_of(call), self.span(node_of(layer))
        place = next((place for place, each in enumerate(node.args) if each is layer.given.node), 0)
        if not place:
            return self.fault(message, span)
        end, last = self.span(node.args[place - 1])[1], self.span(node)[1]
        repair = self.with_((end, last), f"){self.text[end : last - 1]}")
        return self.fault(message, span, lead="perhaps", repair=repair)

    def misfit(
        self, calls: Mapping[tuple[int, int] | None, Call], nodes: Sequence[Node], node: Node, reason: str
    ) -> SpecError:
        """Return the error for a layer that does not fit after the ones before it, given the calls by their place."""
        span = node.place or (0, len(self.text))
        if "returns a vector" not in reason and "returns only its last output" not in reason:
            message = f"{node.kind} {reason[3:]}" if reason.startswith("it ") else reason
            advice, repair = "change one of the two numbers" if "feature" in reason else "", None
            numbers = re.findall(r"\b[0-9]+\b", reason)
            for each in ast.walk(node_of(calls[node.place])) if advice and len(numbers) > 1 else ():
                if isinstance(each, ast.Constant) and str(each.value) == numbers[0]:
                    repair = repair or self.with_(self.span(each), numbers[1])
            if "known length" in reason:
                torch = "give nn.Linear after it the number of its inputs: nn.Linear(800, 10)"
                keras = "Input((100,)) before Embedding" if takes_ids(nodes[0].word) else "Input((100, 8))"
                advice = torch if node.convention == "torch" else f"give its length: {keras} is 100 timesteps"
            return self.fault(message, span, advice, "for example", repair)
        before = nodes[: nodes.index(node)]
        makers = [each for each in before if isinstance(each.word, Layer) and each.word.returns == "vector"]
        cause = makers[-1] if makers else node
        returning, reader = (shorten(self.text[slice(*(each.place or span))]) for each in (cause, node))
        if not cause.loops:
            message, inner = f"{returning} returns one vector, but {reader} reads a sequence", None
            wrapper = calls[node.place]
            if wrapper.name == "TimeDistributed" and node_of(wrapper).args:
                inner = self.with_(span, self.part(node_of(wrapper).args[0]))
            return self.fault(message, span, "leave it out" if inner else "", repair=inner)
        call = calls[cause.place]
        while call.name == "Bidirectional" and isinstance(inner := call.given.get("layer", 0), Call):
            call = inner
        repair = self.with_argument(node_of(call), "return_sequences", "True")
        message = f"{returning} returns only its last output, but {reader} reads a sequence"
        return self.fault(message, cause.place or span, "return the whole sequence", repair=repair)


# The classes that are called


def node_of(call: Call) -> ast.Call:
    """Return the syntax node of a call."""
    assert isinstance(call.given.node, ast.Call)
    return call.given.node


def calls_in(values: Sequence[Value]) -> Iterator[Call]:
    """Yield all calls inside some values."""
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


def _other_library(call: Call) -> str:
    """Return the library of a call by its path, if that is neither of the two frameworks; else an empty text."""
    known = {"keras", "tf_keras", "torch"}.intersection(call.path)
    words = [each for place, each in enumerate(call.path[:-1]) if not (place and each == "rnn")]  # nn.modules.rnn
    return "" if known else next((OTHER_LIBRARIES[each] for each in words if each in OTHER_LIBRARIES), "")


def class_name(framework: Framework, call: Call) -> str | None:
    """Return the framework's class that a call names; a word of the spec language also names Keras's class."""
    name, word = call.name, call.name.lower()
    if _other_library(call):
        return None
    if class_of(framework, name) is not None or len(call.path) != 1 or any(class_of(each, name) for each in FRAMEWORKS):
        return name if class_of(framework, name) else None
    if framework == "keras" and name == word and word in KINDS:
        return KINDS[word].keras
    return {each.lower(): each for each in CLASSES[framework]}.get(word)


def foreign_module(call: Call) -> str:
    """Return the module of a call, `mine` of `mine.LSTM(4, 8)`; empty if its path has a framework's module."""
    return "" if _PATHS.keys() & {*call.path[:-1]} else ".".join(call.path[:-1])


def makes_layer(call: Call) -> bool:
    """Return whether a call is of a framework's class that specs have a word for."""
    return any(class_name(each, call) is not None for each in FRAMEWORKS)


def whose_class(call: Call) -> Framework | None:
    """Return the framework of a call by its path, name or arguments; None if it may be either."""
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
    if isinstance(second, Call) and makes_layer(second):
        return whose_class(second)
    if second is None or not torch & {"hidden_size", "out_features"}:
        return None
    name = second.name.lower() if isinstance(second, Named) else ""
    return "keras" if isinstance(second, str) or name in ACTIVATION_NAMES else "torch"


# Errors in a call


class OpenLineError(OpenNumbersError, SpecError):
    """A text of calls leaves numbers open; the error marks the first."""

    def __init__(self, names: tuple[str, ...], text: str, span: tuple[int, int]) -> None:
        one, more = len(names) == 1, len(names) - 4
        shown = [*map(quote, names[:4]), *([f"{more} more"] if more > 0 else [])]
        write = "write the number itself" if one else "write the numbers themselves"
        advice = f"{write}, or {OpenNumbersError('', names).advice}"
        message = f"{listed(shown)} {'is not a number' if one else 'are not numbers'}"
        SpecError.__init__(self, message, text=text, span=span, advice=advice)
        self.names = names

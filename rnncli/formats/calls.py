"""Layers written as calls of Keras or PyTorch, on one line or several: evaluated, never run, and made a network.

    LSTM(32, return_sequences=True)                nn.LSTM(40, 256, 2, bidirectional=True)
    model.add(Bidirectional(GRU(8)))               Sequential([Embedding(10000, 32), SimpleRNN(10)])

An error marks the characters at fault, and its repair is the text with these alone mended, in the framework's own words.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from rnncli.errors import RnncliError, SpecError, listed, quote, shorten
from rnncli.formats.faults import OpenNumbersError, Settings
from rnncli.formats.frameworks import (
    CLASSES,
    DIFFERS,
    SHAPES,
    ArgumentFaultError,
    Class,
    Made,
    MissingArgumentError,
    UnknownArgumentError,
    WrongArgumentError,
    bound,
    built,
    class_of,
)
from rnncli.formats.nodes import Node, Note, Part, Read, first_misfit, parts_of
from rnncli.formats.python.evaluator import Evaluator
from rnncli.formats.python.objects import PLAIN, Call, Named, Scope, Value, open_in
from rnncli.language.elsewhere import ELSEWHERE, NOT_MERGED, elsewhere
from rnncli.language.hints import closest
from rnncli.language.source import MAX_BYTES, Token
from rnncli.language.syntax import UnparsableError, tree_of
from rnncli.layers import KINDS, LAYERS, Head, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework
from rnncli.network import Network

MAX_CALL = 2_000
"""The longest text of a call that is read; Python's parser may take long over what is nested deep."""

MAX_CALLS = 1_000
"""The most calls that are read; nobody writes more on one line."""

ASSUMED_FEATURES = 32
"""The features of an input that nobody gives."""

_MOST_REPAIRS = 8
_NO_SETTINGS: Settings = MappingProxyType({})
_CONTAINERS = ("Sequential", "ModuleList", "add", "append")
_AROUND = ("compile", "fit", "summary", "build", "Model", "print", "evaluate", "predict", "eval", "train", "to", "cuda")
"""Calls that stand around layers in a program and make none."""

_HOLDS = ("layer", "backward_layer", "cell", "cells")
"""Arguments that are layers."""

_ACTIVATION_NAMES = {name.replace("_", ""): name for name in ACTIVATIONS}
"""The activations by the names of their functions and classes in lower case."""

_PATHS: Mapping[str, Framework] = {
    **dict.fromkeys(("nn", "torch"), "torch"),
    **dict.fromkeys(("keras", "layers", "tf", "tensorflow", "tfkl"), "keras"),
}
"""Whose classes stand behind a name: that nearest to the front counts."""

_OPTIONS = {option.attribute for layer in LAYERS for option in layer.options} | {"elementwise_affine"}
_OPTIONS |= {theirs for layer in LAYERS for ours, theirs in layer.torch_arguments.items() if ours in _OPTIONS}
"""Arguments that are no numbers."""


class CallReading(NamedTuple):
    """What a text of calls is.

    Attributes:
        network: the network.
        framework: whose calls they are.
        part: its layers, each with its place in the text, and all that is to be said of them.
    """

    network: Network
    framework: Framework
    part: Part

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the text does not say and was assumed, or says otherwise than the network is."""
        return self.part.notes


class OpenLineError(OpenNumbersError, SpecError):
    """A text of calls leaves numbers open; the first of them is marked."""

    def __init__(self, names: tuple[str, ...], text: str, span: tuple[int, int]) -> None:
        are = "is not a number" if len(names) == 1 else "are not numbers"
        write = "write the number itself" if len(names) == 1 else "write the numbers themselves"
        advice = f"{write}, or {OpenNumbersError('', names).advice}"
        SpecError.__init__(self, f"{listed([*map(quote, names)])} {are}", text=text, span=span, advice=advice)
        self.names = names


class _FaultError(Exception):
    """Something in a text cannot be read: what, where, and the text mended, if that is known."""

    def __init__(
        self, message: str, span: tuple[int, int], advice: str = "", lead: str = "", repair: str | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.span, self.advice, self.lead, self.repair = message, span, advice, lead, repair


class _Written(str):
    """An expression as it is written, where a value was expected."""

    __repr__ = str.__str__


def is_call(text: str) -> bool:
    """Whether a text is Python from end to end that calls something, and not a spec."""
    try:
        body = _tree(text).body
    except UnparsableError:
        return False
    plain = all(isinstance(each, ast.Expr | ast.Assign | ast.AnnAssign) and each.value is not None for each in body)
    return plain and any(isinstance(each, ast.Call) for statement in body for each in ast.walk(statement))


def read(text: str, settings: Settings = _NO_SETTINGS) -> CallReading:
    """Return the network that a text of calls is.

    Args:
        text: the text; `is_call` says whether it is one.
        settings: numbers for the names and expressions that it leaves open, by these as they are written.

    Raises:
        OpenNumbersError: it leaves more numbers open; all are named.
        SpecError: something in it is wrong, or the language has no word for it. The repair is a text of calls.
    """
    return _read(text, settings, _MOST_REPAIRS)


def _read(text: str, settings: Settings, repairs: int) -> CallReading:
    whole = (0, len(text))
    try:
        return _Line(text, settings).reading()
    except UnparsableError as error:
        raise SpecError(f"it is no Python: {error}", text=text, span=whole) from None
    except RecursionError:
        raise SpecError("it is nested too deeply", text=text, span=whole) from None
    except _FaultError as fault:
        repair = _checked(fault.repair, settings, repairs - 1) if fault.repair and repairs else None
        lead = fault.lead if repair else ""
        message, span, advice = fault.message, fault.span, fault.advice
        raise SpecError(message, text=text, span=span, advice=advice, lead=lead, repair=repair) from None
    except SpecError:
        raise
    except RnncliError as error:
        raise SpecError(error.message, text=text, span=whole, advice=error.advice or "") from None


def _checked(text: str, settings: Settings, repairs: int) -> str | None:
    """Return a text that can be read, for one that may have faults itself; None where these cannot be mended."""
    try:
        _read(text, settings, repairs)
    except OpenNumbersError:
        return text
    except SpecError as another:
        return another.repair
    return text


def mended(text: str) -> str | None:
    """Return what a text is that has calls and is no Python as it stands, or has layers of the language among them.

    It is a text of calls where all is, else a spec; None is returned where it has no calls, or makes no sense.
    """
    pieces = [closed(each.text) for each in _pieces(text)]
    calls = [each for each in pieces if is_call(each)]
    if not calls or len(pieces) > MAX_CALLS:
        return None
    if len(calls) == len(pieces):
        line = ", ".join(calls)
        return _checked(line, _NO_SETTINGS, _MOST_REPAIRS) if line != text else None
    specs: list[str] = []
    for each in pieces:
        specs += _specs(each, first=not specs) if is_call(each) else [each]
    try:
        Network.parse(",".join(specs))
    except SpecError as error:
        return None if "example" in error.lead else error.repair
    return ",".join(specs)


def _specs(text: str, *, first: bool) -> list[str]:
    """Return the layers of a text of calls as the language writes them; none where they cannot be read."""
    try:
        nodes = _Line(text, _NO_SETTINGS).nodes()
    except (_FaultError, RnncliError, RecursionError):
        return []
    head = [f"input:{nodes[0].features}"] if first and nodes and nodes[0].features else []
    return [*head, *(node.word.spec() for node in nodes if isinstance(node.word, Layer))]


# The text


def _pieces(text: str) -> Iterator[Token]:
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


def _tree(text: str) -> ast.Module:
    """Return the syntax tree of a text that may have calls.

    Raises:
        UnparsableError: it is no Python, has no calls, or too many or too long ones.
    """
    if "(" not in text or len(text) > MAX_BYTES:
        raise UnparsableError("it has no calls" if "(" not in text else "it is too long")
    lengths = [len(piece.text) for piece in _pieces(text)]
    if not lengths or max(lengths) > MAX_CALL or len(lengths) > MAX_CALLS:
        raise UnparsableError(f"it has more than {MAX_CALLS:,} calls, or one of more than {MAX_CALL:,} characters")
    return tree_of(text.strip())


class _Layer(NamedTuple):
    """A call that makes a layer.

    Attributes:
        call: the call.
        name: the name of its node.
        before: the name of the node that it reads; empty for the input.
        stateful: whether it is given a state to start from.
    """

    call: Call
    name: str
    before: str
    stateful: bool


class _Line:
    """Reads one text."""

    def __init__(self, text: str, settings: Settings) -> None:
        self.text = text
        self._tree = _tree(text)
        self._offset = len(text) - len(text.lstrip())
        self._lines = text.lstrip().encode().splitlines(keepends=True)
        self._lengths = [len(each.decode(errors="replace")) for each in self._lines]
        self._evaluator, self._scope = Evaluator(settings), Scope()
        self._layers: list[_Layer] = []
        self._names: dict[int, str] = {}
        self._applied: set[int] = set()
        self._open: list[tuple[str, tuple[int, int]]] = []
        self._assumed: list[str] = []
        self._times: Counter[str] = Counter()
        self._calls: dict[str, Call] = {}
        self._timeless = ""
        self.framework: Framework = "keras"

    def reading(self) -> CallReading:
        """Return what the text is."""
        nodes = self.nodes()
        if self._open:
            raise OpenLineError(tuple(dict.fromkeys(name for name, _ in self._open)), self.text, self._open[0][1])
        misfit = first_misfit(nodes)
        if misfit is not None:
            raise self._misfit(nodes, *misfit)
        rows = parts_of(nodes, framework=self.framework, features=ASSUMED_FEATURES, whole=True)
        if rows.left or len(rows.parts) != 1:
            left = rows.left[0] if rows.left else rows.parts[1].nodes[0] if rows.parts else nodes[0]
            raise _FaultError(
                f"{left.kind} is not in one row with the layers before it", left.place or (0, 1), ELSEWHERE["add"]
            )
        said = [*self._assumed]
        if self._timeless and any(isinstance(each.word, Layer) and each.word.reads == "sequence" for each in nodes):
            many = f"{self._timeless} is one timestep of many, (None, {self._timeless[1:-2]})"
            said.append(f"{many}: a recurrent layer reads (timesteps, features)")
        part = replace(rows.parts[0], notes=(*rows.parts[0].notes, *(Note(each, "assumed") for each in said)))
        return CallReading(part.network, self.framework, part)

    # What is called, in the order of the data

    def nodes(self) -> list[Node]:
        """Return the layers, each of which reads one before it."""
        values = []
        for statement in self._tree.body:
            if not isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) or statement.value is None:
                raise _FaultError("it is no call of a layer", self._span(statement))
            value = self._evaluator.value(statement.value, self._scope)
            for target in statement.targets if isinstance(statement, ast.Assign) else []:
                self._evaluator.assign(target, value, self._scope)
            values.append((value, statement.value))
        calls = list(_calls_in([value for value, _ in values]))
        self._applied = {id(call.of) for call in calls if not call.path}
        last = ""
        for value, node in values:
            if not isinstance(value, (*PLAIN, Named)) and id(value) not in self._applied:
                last = self._walk(value, last, node)
        if not self._layers:
            raise _FaultError("it makes no layer", (0, len(self.text)))
        self.framework = self._whose([each.call for each in self._layers])
        return self._made_nodes()

    def _walk(self, value: Value, before: str, node: ast.AST) -> str:
        """Add the layers that a value makes behind a node, and return the last.

        Args:
            value: the value.
            before: the name of the node that the first of them reads; empty for the input.
            node: where the value is written.
        """
        if isinstance(value, Call):
            node = value.given.node
            if id(value) in self._names and (not value.path or value.name in ("Input", "InputLayer")):
                return self._names[id(value)]
        match value:
            case list() | dict():
                for each in value.values() if isinstance(value, dict) else value:
                    before = self._walk(each, before, node)
            case Call(path=(), given=given, of=called):  # LSTM(32)(x)
                data = given.get("", 0)
                source = "" if isinstance(data, (*PLAIN, Named)) else self._walk(data, "", node)
                before = self._names[id(value)] = self._walk(called, source, node)
                if len(given.positional) > 1 or "initial_state" in given.named:
                    self._layers[-1] = self._layers[-1]._replace(stateful=True)
            case Call(name=name, given=given) if name in _CONTAINERS:
                for each in [
                    *given.positional,
                    *(given.named[key] for key in ("layers", "layer") if key in given.named),
                ]:
                    before = before if isinstance(each, PLAIN) else self._walk(each, before, node)
            case Call(name=name, given=given) if name in _AROUND:
                for each in given.positional:
                    before = self._walk(each, before, node) if isinstance(each, Call) else before
            case Call():
                if id(value) in self._names or len(self._layers) >= MAX_CALLS:
                    raise _FaultError("a layer stands there twice, with the same weights", self._span(node))
                before = self._add(value, before)
            case _:
                raise _FaultError(f"{quote(self._source(node))} is no layer that is written out", self._span(node))
        return before

    def _add(self, call: Call, before: str) -> str:
        """Add a layer behind a node, and return its name."""
        written = shorten(self._source(call.given.node.func))
        self._times[written] += 1
        name = written if self._times[written] == 1 else f"{written} ({self._times[written]})"
        self._names[id(call)] = name
        self._layers.append(_Layer(call, name, before, stateful=False))
        return name

    # Whose classes they are

    def _whose(self, calls: Sequence[Call]) -> Framework:
        """Return the framework of all calls; of classes that both have that of the others."""
        known = [(whose, call) for call in _calls_in(list(calls)) if (whose := _whose(call)) is not None]
        for whose, call in known:
            if whose != known[0][0]:
                texts = [f"{self._source(each.given.node.func)} is {FRAMEWORK_NAMES[one]}'s" for one, each in known[:1]]
                message = f"{self._source(call.given.node.func)} is {FRAMEWORK_NAMES[whose]}'s, but {texts[0]}"
                raise _FaultError(
                    message, self._span(call.given.node), "write all layers in the words of one framework"
                )
        return known[0][0] if known else "keras"

    # What the calls make

    def _made_nodes(self) -> list[Node]:
        nodes: list[Node] = []
        last: dict[str, str] = {"": ""}
        for layer in self._layers:
            made, before, kind = self._made(layer.call), last[layer.before], self._source(layer.call.given.node.func)
            if class_name(self.framework, layer.call) in ("Input", "InputLayer"):
                kind = "input"
                if made[0].word is None:  # whose features are not known
                    last[layer.name] = before
                    continue
            if isinstance(made[0].word, Head) and [each.kind for each in nodes] == ["input"]:
                nodes.clear()  # the input of an embedding's ids
                before = ""
            if made[0].input is not None and not nodes:
                nodes.append(Node("input", "input", made[0].input, ()))
                before = "input"
            for level, each in enumerate(made):
                name = layer.name if level == len(made) - 1 else f"{layer.name}, level {level + 1}"
                reads = each.input.features if each.input is not None else each.features
                notes = [Note(f"{layer.name} {note.text}", note.effect) for note in each.notes]
                if layer.stateful and not level:
                    notes.append(Note(f"{layer.name} starts from a state that it is given; here from zero", "differs"))
                nodes.append(
                    Node(
                        name,
                        kind,
                        each.word,
                        (Read(before),) if before else (),
                        reads,
                        convention=self.framework,
                        place=self._span(layer.call.given.node),
                        notes=tuple(notes),
                        unsaid=each.unsaid - {"shape"},
                        where=each.where,
                    )
                )
                before = name
            last[layer.name] = before
            self._calls[layer.name] = layer.call
        return nodes

    def _made(self, call: Call) -> list[Made]:
        """Return what a call makes."""
        name = class_name(self.framework, call)
        cls = None if name is None else class_of(self.framework, name)
        if name is None or cls is None:
            raise self._no_class(call)
        if call.given.unknown is not None:
            raise _FaultError(f"the arguments of {call.name} are not all written out", self._span(call.given.node))
        try:
            given = bound(cls, name, call.given.positional, call.given.named)
            said = {
                each: self._said_of(call, cls, each, value) for each, value in given.items() if each not in cls.inert
            }
            return built(self.framework, name, (), said)
        except ArgumentFaultError as fault:
            raise self._wrong(call, cls, fault) from None

    def _said_of(self, call: Call, cls: Class, argument: str, value: Value) -> Any:
        """Return the value of an argument as the table takes it; what is open is noted."""
        if argument in _HOLDS:
            several = isinstance(value, list)
            made = [self._made(each) if isinstance(each, Call) else [] for each in (value if several else [value])]
            return made if argument == "cells" else [each for some in made for each in some]
        if argument in SHAPES:
            return self._shape(call, cls, argument, value)
        if isinstance(value, list):
            return [self._said_of(call, cls, argument, each) for each in value]
        if open_in(value) is None:
            return value
        node = self._argument(call, cls, argument)
        if "activation" in argument or argument == "nonlinearity":
            name = value.name if isinstance(value, Named | Call) else ""
            return _ACTIVATION_NAMES.get(name.replace("_", "").lower(), _Written(self._source(node)))
        if argument in _OPTIONS or argument in cls.changing:
            return _Written(self._source(node))
        return 0 if argument == "dropout" else self._number(value, node)

    def _number(self, value: Value, node: ast.AST) -> int:
        """Note the numbers that a value leaves open; return one that may stand there."""
        cause = open_in(value)
        if cause is None:
            return value
        if not cause.names:
            raise _FaultError(
                f"{quote(self._source(node))} is not a number", self._span(node), "write the number itself"
            )
        self._open += [(each.name, self._span(node)) for each in cause.names]
        return 1

    def _shape(self, call: Call, cls: Class, argument: str, value: Value) -> Any:
        """Return a shape; how many samples and timesteps there are changes nothing that is counted."""
        node = self._argument(call, cls, argument)
        if not isinstance(value, list):
            return self._number(value, node)
        written = (
            node.elts
            if isinstance(node, ast.List | ast.Tuple) and len(node.elts) == len(value)
            else [node] * len(value)
        )
        sizes = [each if open_in(each) is None else None for each in value[:-1]]
        for each, place in zip(value[SHAPES[argument] : -1], written[SHAPES[argument] :], strict=False):
            if open_in(each) is not None:
                self._assumed.append(f"a number of timesteps that is not known ({shorten(self._source(place))})")
        sizes += [self._number(each, place) for each, place in zip(value[-1:], written[-1:], strict=True)]
        if len(sizes) == SHAPES[argument] + 1:
            self._timeless = f"({sizes[-1]},)"
        return sizes

    # What is wrong

    def _no_class(self, call: Call) -> _FaultError:
        """Return the error for a class that the language has no word for."""
        func = call.given.node.func  # type: ignore[attr-defined]
        start, end = self._span(func)
        span = (end - len(call.name), end) if call.name else (start, end)
        message = f"there is no layer {quote(call.name or self._source(func))}"
        word = call.name.lower()
        guess = None if word in ELSEWHERE else closest(call.name, [*CLASSES[self.framework], *_CONTAINERS])
        if guess is not None:
            return _FaultError(message, span, lead="perhaps", repair=self._with(span, guess))
        known = elsewhere(word)
        if known is None:
            names = listed([name for name, cls in CLASSES[self.framework].items() if name[:5] != "CuDNN"])
            return _FaultError(message, span, f"of {FRAMEWORK_NAMES[self.framework]}'s there are {names}")
        return _FaultError(message, span, ELSEWHERE[known], "without it", self._without(call.given.node))

    def _wrong(self, call: Call, cls: Class, fault: ArgumentFaultError) -> _FaultError:
        """Return the error for an argument of a call."""
        argument, instead, message, node = fault.argument, fault.instead, str(fault), call.given.node
        assert isinstance(node, ast.Call)
        keyword = next((each for each in node.keywords if each.arg == argument), None)
        value = self._argument(call, cls, argument)
        span = self._span(value)
        if isinstance(fault, UnknownArgumentError) and keyword is not None:
            start, _ = self._span(keyword)
            span = (start, start + len(argument))
        elif isinstance(fault, MissingArgumentError):
            return _FaultError(message, span, lead="for example", repair=self._with_argument(node, argument, instead))
        elif not argument and len(node.args) > cls.positional:
            span = self._span(node.args[cls.positional])
        elif argument in cls.changing and keyword is not None:
            span = self._span(keyword)
        advice = ELSEWHERE.get(argument, "") if argument in cls.changing - DIFFERS.keys() else ""
        advice = NOT_MERGED if argument == "merge_mode" and not isinstance(fault, WrongArgumentError) else advice
        return _FaultError(message, span, advice, "perhaps", self._with(span, instead) if instead else None)

    def _misfit(self, nodes: Sequence[Node], node: Node, reason: str) -> _FaultError:
        """Return the error for a layer that does not fit behind those before it."""
        message = f"{node.kind} {reason.removeprefix('it ')}"
        span = node.place or (0, 1)
        if "features" in reason:
            return _FaultError(message, span, "change one of the two numbers")
        if "a vector is returned" not in reason:
            return _FaultError(message, span)
        before = nodes[: next(place for place, each in enumerate(nodes) if each is node)]
        cause = next(
            (each for each in reversed(before) if isinstance(each.word, Layer) and each.word.returns == "vector"), node
        )
        call = self._calls[cause.name]
        while call.name in ("Bidirectional", "TimeDistributed") and isinstance(
            inner := call.given.get("layer", 0), Call
        ):
            call = inner
        text, reader = (shorten(self.text[slice(*(each.place or (0, 0)))]) for each in (cause, node))
        if not cause.loops:
            return _FaultError(f"{text} returns one vector, but {reader} reads a sequence", cause.place or span)
        repair = self._with_argument(call.given.node, "return_sequences", "True")
        message = f"{text} returns only its last output, but {reader} reads a sequence"
        return _FaultError(message, cause.place or span, "return the whole sequence", repair=repair)

    # The text

    def _argument(self, call: Call, cls: Class, argument: str) -> ast.AST:
        """Return where the value of an argument is written; the call where that is not known."""
        node = call.given.node
        assert isinstance(node, ast.Call)
        place = cls.takes.index(argument) if argument in cls.takes else cls.positional
        by_name = next((each.value for each in node.keywords if each.arg == argument), None)
        starred = any(isinstance(each, ast.Starred) for each in node.args)
        return by_name or (node.args[place] if place < len(node.args) and not starred else node)

    def _source(self, node: ast.AST) -> str:
        """Return what is written."""
        return ast.unparse(node)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Return the characters of a part of the syntax tree, which counts bytes of a line."""
        start, end = (
            sum(self._lengths[: line - 1]) + len(self._lines[line - 1][:column].decode(errors="replace"))
            for line, column in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]
        )
        return self._offset + start, self._offset + end

    def _with(self, span: tuple[int, int], instead: str) -> str:
        """Return the text with something else in place of some characters."""
        return self.text[: span[0]] + instead + self.text[span[1] :]

    def _with_argument(self, node: ast.AST, argument: str, value: str) -> str:
        """Return the text with an argument in a call."""
        assert isinstance(node, ast.Call)
        for each in node.keywords:
            if each.arg == argument:
                return self._with(self._span(each.value), value)
        given = [*node.args, *node.keywords]
        end = max((self._span(each)[1] for each in given), default=self._span(node)[1] - 1)
        return self._with((end, end), f"{', ' if given else ''}{argument}={value}")

    def _without(self, node: ast.AST) -> str | None:
        """Return the text without a layer; None where the rest would not be what was meant."""
        if any(each.arg in SHAPES for each in getattr(node, "keywords", ())):
            return None
        for parent in ast.walk(self._tree):
            if isinstance(parent, ast.Call) and parent.func is node and len(parent.args) == 1:  # Attention()(x)
                return self._with(self._span(parent), self.text[slice(*self._span(parent.args[0]))])
            siblings = [
                *(getattr(parent, "elts", None) or getattr(parent, "args", None) or getattr(parent, "body", None) or [])
            ]
            place = next(
                (at for at, each in enumerate(siblings) if each is node or getattr(each, "value", None) is node), None
            )
            if place is None:
                continue
            if len(siblings) == 1 and isinstance(parent, ast.Call):  # model.add(Attention())
                return self._without(parent)
            if place:
                return self._with((self._span(siblings[place - 1])[1], self._span(siblings[place])[1]), "")
            return self._with((self._span(node)[0], self._span(siblings[1])[0]), "") if siblings[1:] else None
        return None


def _calls_in(values: Sequence[Value]) -> Iterator[Call]:
    """Yield all calls in some values, those first that stand first."""
    waiting, seen = [*reversed(values)], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | dict):
            waiting += reversed([*(value.values() if isinstance(value, dict) else value)])
        elif isinstance(value, Call) and id(value) not in seen:
            seen.add(id(value))
            yield value
            waiting += reversed([*value.given.all, *([value.of] if value.of is not None else [])])


def class_name(framework: Framework, call: Call) -> str | None:
    """Return the name of a framework's class that is called; a word of the language stands for one, too."""
    if class_of(framework, call.name) is not None:
        return call.name
    if len(call.path) != 1:
        return None
    word = call.name.lower()
    names = {name.lower(): name for name in CLASSES[framework]}
    kind = KINDS.get(word)
    return names.get(word) or (
        None if kind is None else names.get((kind.keras if framework == "keras" else kind.torch).lower())
    )


def _whose(call: Call) -> Framework | None:
    """Return whose class a call is of, by its path, its name or its arguments; None if it may be that of both."""
    for word in reversed(call.path[:-1]):
        if word in _PATHS:
            return _PATHS[word]
    keras, torch = (
        None if (name := class_name(each, call)) is None else class_of(each, name) for each in ("keras", "torch")
    )
    if keras is None or torch is None:
        return "torch" if torch is not None else "keras" if keras is not None else None
    given = call.given
    if {*given.named} & ({*torch.takes} - {*keras.takes}):
        return "torch"
    if {*given.named} & ({*keras.takes} - {*torch.takes}) or any(
        isinstance(each, list | Call) for each in given.positional[:1]
    ):
        return "keras"
    second = given.get("", 1)
    if "hidden_size" not in torch.takes or second is None:
        return None
    name = second.name.lower() if isinstance(second, Named) else ""
    return "keras" if isinstance(second, str) or name in _ACTIVATION_NAMES else "torch"

"""Layers written as calls of Keras or PyTorch, on one line or several: evaluated, never run, and made a network.

    LSTM(32, return_sequences=True)                nn.LSTM(40, 256, 2, bidirectional=True)
    model.add(Bidirectional(GRU(8)))               Sequential([Embedding(10000, 32), SimpleRNN(10)])

An error marks the characters at fault, and its repair is the text with these alone mended, as it was typed.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from rnncli.errors import RnncliError, SpecError, quote, shorten
from rnncli.formats.call_faults import CONTAINERS, FaultError, OpenLineError, misfit, no_class, wrong
from rnncli.formats.call_text import (
    ACTIVATION_NAMES,
    MAX_CALLS,
    Text,
    argument_of,
    called_by,
    calls_in,
    class_name,
    closed,
    held_in,
    pieces,
    whose_class,
)
from rnncli.formats.faults import NO_SETTINGS, OpenNumbersError, Settings
from rnncli.formats.frameworks import CLASSES, HOLDS, SHAPES, ArgumentFaultError, Class, Made, bound, built, class_of
from rnncli.formats.nodes import Node, Note, Part, Read, first_misfit, parts_of, takes_input, takes_vectors
from rnncli.formats.python.evaluator import Evaluator
from rnncli.formats.python.objects import PLAIN, Call, Named, Scope, Value, open_in
from rnncli.language.elsewhere import ELSEWHERE
from rnncli.language.framework_errors import framework_error
from rnncli.language.spec import MAX_LAYERS
from rnncli.language.syntax import UnparsableError
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework
from rnncli.network import Network

ASSUMED_FEATURES = 32
"""The features of an input that nobody gives."""

_MOST_REPAIRS = 8
_MOST_READ = 16_000
"""How many faults of one text are mended in turn, and how many characters are read for that."""

_AROUND = (
    *("compile", "fit", "summary", "build", "Model", "print", "evaluate", "predict"),
    *("to", "cuda", "cpu", "eval", "train", "float", "half", "double"),
)
"""Calls that stand around layers in a program and make none."""

_MAKE_LAYERS = frozenset((*CONTAINERS, *(name for classes in CLASSES.values() for name in classes)))
_INPUTS = ("Input", "InputLayer")
_OPTIONS = {option.attribute for layer in LAYERS for option in layer.options} | {"elementwise_affine"}
_OPTIONS |= {theirs for layer in LAYERS for ours, theirs in layer.torch_arguments.items() if ours in _OPTIONS}
"""Arguments that are no numbers."""


class CallReading(NamedTuple):
    """What a text of calls is.

    Attributes:
        network: the network.
        framework: whose calls they are.
        part: its layers, each with its place in the text, and all that is to be said of them.
        used: the settings that it uses.
    """

    network: Network
    framework: Framework
    part: Part
    used: frozenset[str]

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the text does not say and was assumed, or says otherwise than the network is."""
        return self.part.notes


class _Written(str):
    """An expression as it is written, where a value was expected."""

    __repr__ = str.__str__


def is_call(text: str) -> bool:
    """Whether a text is Python from end to end that calls something, and not a spec, nor calls among such: `norm`."""
    try:
        body = Text(text).tree.body
    except UnparsableError:
        return False
    tuples = [part.value.elts for part in body if isinstance(part, ast.Expr) and isinstance(part.value, ast.Tuple)]
    if any(isinstance(each, ast.Name) and each.id in KINDS for elements in tuples for each in elements):
        return False
    return all(map(_is_plain, body)) and any(isinstance(each, ast.Call) for part in body for each in ast.walk(part))


def _is_plain(statement: ast.stmt) -> bool:
    """Whether a statement is one of those that are read."""
    if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign):
        return statement.value is not None
    return isinstance(statement, ast.Import | ast.ImportFrom)


def read(text: str, settings: Settings = NO_SETTINGS) -> CallReading:
    """Return the network that a text of calls is.

    Args:
        text: the text; `is_call` says whether it is one.
        settings: numbers for the names and expressions that it leaves open, by these as they are written.

    Raises:
        OpenNumbersError: it leaves more numbers open; all are named.
        SpecError: something in it is wrong, or the language has no word for it. The repair is a text of calls.
    """
    return _read(text, settings, _most_repairs(text))


def _most_repairs(text: str) -> int:
    return min(_MOST_REPAIRS, _MOST_READ // max(len(text), 1))


def _read(text: str, settings: Settings, repairs: int) -> CallReading:
    whole = (0, len(text))
    try:
        return _Line(text, settings).reading()
    except UnparsableError as error:
        raise SpecError(f"it is no Python: {error}", text=text, span=whole) from None
    except RecursionError:
        raise SpecError("it is nested too deeply", text=text, span=whole) from None
    except FaultError as fault:
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

    Raises:
        SpecError: something is wrong in a call.
    """
    parts = [each._replace(text=closed(each.text)) for each in pieces(text)]
    calls = [each for each in parts if is_call(each.text)]
    if not calls or len(parts) > MAX_CALLS or framework_error(text) is not None:
        return None
    if len(calls) == len(parts):
        line = ", ".join(each.text for each in calls)
        return _checked(line, NO_SETTINGS, _most_repairs(line)) if line != text else None
    specs: list[str] = []
    for each in parts:
        if each not in calls:
            specs.append(each.text)
            continue
        try:
            specs += _Line(each.text, NO_SETTINGS).specs(first=not specs)
        except FaultError as fault:
            start, end = (min(each.start + place, len(text)) for place in fault.span)
            raise SpecError(fault.message, text=text, span=(start, end), advice=fault.advice) from None
        except (RnncliError, RecursionError):
            return None
    try:
        Network.parse(",".join(specs))
    except SpecError as error:
        return None if "example" in error.lead else error.repair
    return ",".join(specs)


class _Layer(NamedTuple):
    """A call that makes a layer.

    Attributes:
        call: the call.
        before: the name of the node that it reads; empty for the input.
        stateful: whether it is given a state to start from.
    """

    call: Call
    before: str
    stateful: bool = False


class _Line:
    """Reads one text."""

    def __init__(self, text: str, settings: Settings) -> None:
        self._text = Text(text)
        self._evaluator, self._scope = Evaluator(settings), Scope()
        self._layers: dict[str, _Layer] = {}
        self._times: Counter[str] = Counter()
        self._names: dict[int, str] = {}
        self._applied: set[int] = set()
        self._open: list[tuple[str, tuple[int, int]]] = []
        self._assumed: list[str] = []
        self._timeless = ""
        self._assigned: dict[int, Call] = {}
        self._models: dict[str, tuple[object, ...]] = {}
        self._framework: Framework = "keras"

    def reading(self) -> CallReading:
        """Return what the text is."""
        nodes = self.nodes()
        if self._open:
            raise OpenLineError(tuple(dict.fromkeys(name for name, _ in self._open)), self._text.text, self._open[0][1])
        for before, node in pairwise(nodes):
            if node.reads != (Read(before.name),):
                message = f"{node.kind} does not read what {before.kind} before it returns"
                raise FaultError(message, node.place or self._text.whole, ELSEWHERE["add"])
        found = first_misfit(nodes)
        if found is not None:
            calls = {name: layer.call for name, layer in self._layers.items()}
            raise misfit(self._text, self._framework, calls, nodes, *found)
        parts = parts_of(nodes, framework=self._framework, features=ASSUMED_FEATURES, whole=True).parts
        if not parts:  # Masking()
            raise FaultError("it makes no layer", self._text.whole)
        (part, *_) = parts
        assumed = [*self._assumed]
        if len(self._layers) > 1 and any(
            id(each.call) in self._assigned and id(each.call) not in self._applied
            for each in self._layers.values()
            if each.call.name not in _INPUTS
        ):
            assumed.append("the layers follow one another as they are written")
        if self._timeless and takes_vectors(part.head) and any(each.layer.reads == "sequence" for each in part.nodes):
            many = f"{self._timeless} is one timestep of many, (None, {self._timeless[1:-2]})"
            assumed.append(f"{many}: a recurrent layer reads (timesteps, features)")
        part = replace(part, notes=(*part.notes, *(Note(each, "assumed") for each in assumed)))
        return CallReading(part.network, self._framework, part, frozenset(self._evaluator.used))

    def specs(self, *, first: bool) -> list[str]:
        """Return the layers as the language writes them; the first of a network says how many features it reads."""
        nodes = self.nodes()
        if self._open:
            raise FaultError(f"{quote(self._open[0][0])} is not a number", self._open[0][1], "write the number itself")
        head = [f"input:{node.features}" for node in nodes[:1] if first and node.features]
        return [*head, *(node.word.spec() for node in nodes if isinstance(node.word, Layer))]

    # What is called, in the order of the data

    def nodes(self) -> list[Node]:
        """Return the layers, each of which reads one before it."""
        values: list[tuple[Value, ast.expr, bool]] = []
        for statement in self._text.tree.body:
            if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) and statement.value is not None:
                value = self._evaluator.value(statement.value, self._scope)
                for target in statement.targets if isinstance(statement, ast.Assign) else []:
                    self._evaluator.assign(target, value, self._scope)
                inside = list(ast.walk(statement.value))
                made = any(isinstance(each, ast.Call) for each in inside) or any(
                    isinstance(self._scope.get(each.id), Call) for each in inside if isinstance(each, ast.Name)
                )
                values.append((value, statement.value, made))
                if isinstance(statement, ast.Assign) and isinstance(value, Call) and value.path:
                    self._assigned[id(value)] = value
            elif not _is_plain(statement):
                raise FaultError("it is no call of a layer", self._text.span(statement))
        self._applied = {id(call.of) for call in calls_in([value for value, _, _ in values]) if not call.path}
        last = ""
        for value, node, made in values:
            known = isinstance(value, (*PLAIN, Named)) or id(value) in self._applied
            if not known and (made or any(calls_in([value]))):
                last = self._walk(value, last, node)
        if not self._layers:
            raise FaultError("it makes no layer", self._text.whole)
        self._framework = self._whose()
        return self._made_nodes()

    def _walk(self, value: Value, before: str, node: ast.AST) -> str:
        """Add the layers that a value makes behind a node, and return the last.

        Args:
            value: the value.
            before: the name of the node that the first of them reads; empty for the input.
            node: where the value is written.
        """
        self._evaluator.step()
        if isinstance(value, Call):
            node = value.given.node
            if id(value) in self._names:
                if value.path and value.name not in _INPUTS:
                    message = f"{called_by(self._text, value)} stands there twice, with the same weights"
                    raise FaultError(message, self._text.span(node), ELSEWHERE["add"])
                return self._names[id(value)]
        match value:
            case list() | dict():
                for each in value.values() if isinstance(value, dict) else value:
                    before = self._walk(each, before, node)
                return before
            case Call(path=(), given=given, of=called):  # LSTM(32)(x)
                named = [each for each in given.named.values() if isinstance(each, Call)]
                data = next(iter([*given.positional, *named]), None)
                source = "" if isinstance(data, (*PLAIN, Named)) else self._walk(data, "", node)
                before = self._walk(called, source, node)
                if before in self._layers and (len(given.positional) > 1 or "initial_state" in given.named):
                    self._layers[before] = self._layers[before]._replace(stateful=True)
            case Call(name=name, given=given) if name in CONTAINERS:
                model = value.path[:-1] or (id(value.of),)
                if name in ("add", "append") and self._models.setdefault("added", model) != model:
                    raise FaultError("a layer is added to another model than those before", self._text.span(node))
                for each in given.all:
                    before = before if isinstance(each, PLAIN) else self._walk(each, before, node)
            case Call(name=name, given=given, of=owner) if name in _AROUND:
                for each in [owner, *given.all]:
                    if not isinstance(each, Call) or id(each) in self._applied:
                        continue
                    if any(inner.name in _MAKE_LAYERS for inner in calls_in([each])):
                        before = self._names[id(each)] if id(each) in self._names else self._walk(each, before, node)
            case Call():
                before = self._add(value, before)
            case _:
                span = self._text.span(node)
                raise FaultError(f"{quote(self._text.part(node))} is no layer that is written out", span)
        self._names[id(value)] = before
        return before

    def _add(self, call: Call, before: str) -> str:
        """Add a layer behind a node, and return its name."""
        written = called_by(self._text, call)
        self._times[written] += 1
        name = written if self._times[written] == 1 else f"{written} ({self._times[written]})"
        self._layers[name] = _Layer(call, before)
        if len(self._layers) > MAX_CALLS:
            raise FaultError(f"it makes more than {MAX_CALLS:,} layers", self._text.whole)
        return name

    # Whose classes they are

    def _whose(self) -> Framework:
        """Return the framework of all layers; classes that both have are those of the others."""
        known: dict[Framework, Call] = {}
        for layer in self._layers.values():
            for call in (layer.call, *held_in(layer.call)):
                whose = whose_class(call)
                if whose is not None:
                    known.setdefault(whose, call)
        if len(known) == 2:
            (one, first), (other, second) = known.items()
            ours, theirs = FRAMEWORK_NAMES[one], FRAMEWORK_NAMES[other]
            message = f"{called_by(self._text, first)} is {ours}'s, but {called_by(self._text, second)} is {theirs}'s"
            advice = "write all layers in the words of one framework"
            raise FaultError(message, self._text.span(second.given.node), advice)
        return next(iter(known), "keras")

    # What the calls make

    def _made_nodes(self) -> list[Node]:
        nodes: list[Node] = []
        last: dict[str, str] = {"": ""}
        for name, layer in self._layers.items():
            made, before, call = self._made(layer.call), last[layer.before], layer.call
            is_input = class_name(self._framework, call) in _INPUTS
            if is_input and made[0].word is None:  # whose features are not known
                last[name] = before
                continue
            if takes_input(made[0].word) and [each.kind for each in nodes] == ["input"]:
                nodes.clear()  # the input of an embedding's ids
                before = ""
            if len(nodes) + len(made) > MAX_LAYERS:
                message = f"a network has at most {MAX_LAYERS:,} layers"
                raise FaultError(message, self._text.span(call.given.node), "leave some out")
            if made[0].input is not None and not nodes:
                nodes.append(Node("input", "input", made[0].input, ()))
                before = "input"
            for level, each in enumerate(made, 1):
                notes = [Note(f"{name} {note.text}", note.effect) for note in each.notes]
                if layer.stateful and level == 1:
                    notes.append(Note(f"{name} starts from a state that it is given; here from zero", "differs"))
                node = Node(
                    name if level == len(made) else f"{name}, level {level}",
                    "input" if is_input else called_by(self._text, call),
                    each.word,
                    (Read(before),) if before else (),
                    each.features if each.input is None else each.input.features,
                    convention=self._framework,
                    place=self._text.span(call.given.node),
                    notes=tuple(notes),
                    unsaid=each.unsaid - {"shape"},
                    where=each.where,
                )
                nodes.append(node)
                before = node.name
            last[name] = before
        return nodes

    def _made(self, call: Call) -> list[Made]:
        """Return what a call makes."""
        name = class_name(self._framework, call)
        cls = None if name is None else class_of(self._framework, name)
        if name is None or cls is None:
            raise no_class(self._text, self._framework, call)
        if call.given.unknown is not None:
            span = self._text.span(call.given.node)
            message = f"the arguments of {called_by(self._text, call)} are not all written out"
            raise FaultError(message, span, "write them by name")
        try:
            given = bound(cls, name, call.given.positional, call.given.named)
            kept = {each: value for each, value in given.items() if each not in cls.inert}
            values = {each: self._value(call, cls, each, value) for each, value in kept.items()}
            return built(self._framework, name, (), values)
        except ArgumentFaultError as fault:
            raise wrong(self._text, self._framework, call, cls, fault) from None

    def _value(self, call: Call, cls: Class, argument: str, value: Value) -> Any:
        """Return the value of an argument as the table takes it; what is open is noted."""
        node = argument_of(call, cls, argument)
        self._evaluator.step()
        if argument in HOLDS:
            several = value if isinstance(value, list) else [value]
            made = [self._made(each) if isinstance(each, Call) else [] for each in several]
            return made if argument == "cells" else [each for some in made for each in some]
        if argument in SHAPES and isinstance(value, list):
            return self._shape(value, SHAPES[argument], node)
        if isinstance(value, list):
            return [self._value(call, cls, argument, each) for each in value]
        if open_in(value) is None:
            return value
        if "activation" in argument or argument == "nonlinearity":
            name = value.name if isinstance(value, Named | Call) else ""
            return ACTIVATION_NAMES.get(name.replace("_", "").lower(), _Written(self._text.part(node)))
        if argument in _OPTIONS or argument in cls.changing:
            return _Written(self._text.part(node))
        return 0 if argument == "dropout" else self._number(value, node)

    def _number(self, value: Value, node: ast.AST) -> Any:
        """Note the numbers that a value leaves open; return one that may stand there."""
        cause = open_in(value)
        if cause is None:
            return value
        span = self._text.span(node)
        if not cause.names:
            raise FaultError(f"{quote(self._text.part(node))} is not a number", span, "write the number itself")
        self._open += [(each.name, span) for each in cause.names]
        return 1

    def _shape(self, sizes: list[Value], samples: int, node: ast.AST) -> list[Value]:
        """Return a shape; how many samples and timesteps there are changes nothing that is counted."""
        whole = isinstance(node, ast.List | ast.Tuple) and len(node.elts) == len(sizes)
        places = node.elts if isinstance(node, ast.List | ast.Tuple) and whole else [node] * len(sizes)
        *_, features = known = [None if open_in(each) else each for each in sizes] or [None]
        for size, place in list(zip(sizes, places, strict=True))[samples:-1]:
            if open_in(size):
                self._assumed.append(f"a number of timesteps that is not known ({shorten(self._text.part(place))})")
        if sizes and features is None:
            known[-1] = self._number(sizes[-1], places[-1])
        if len(sizes) == samples + 1 and features is not None:
            self._timeless = f"({features},)"
        return known if sizes else sizes

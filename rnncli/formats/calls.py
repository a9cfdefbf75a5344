"""Reads calls of Keras or PyTorch layers, on one line or several, as a network: they are evaluated, never run.

    LSTM(32, return_sequences=True)                nn.LSTM(40, 256, 2, bidirectional=True)
    model.add(Bidirectional(GRU(8)))               Sequential([Embedding(10000, 32), SimpleRNN(10)])

An error marks the wrong characters, and its repair is the text as it was typed with only these characters changed.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from rnncli.errors import RnncliError, SpecError, quote, shorten
from rnncli.formats import NO_SETTINGS, OpenNumbersError, Settings
from rnncli.formats.build import ArgumentFaultError, other_padding
from rnncli.formats.call_text import (
    CONTAINERS,
    MAX_CALLS,
    OpenLineError,
    Text,
    calls_in,
    class_name,
    closed,
    foreign_module,
    makes_layer,
    node_of,
    pieces,
)
from rnncli.formats.frameworks import (
    CALLED_WITH,
    CUTS,
    DATA,
    HOLDS,
    INPUTS,
    SAME_MODULE,
    SHAPES,
    Signature,
    bound,
    built,
    class_of,
    differs_in_training,
)
from rnncli.formats.nodes import Node, Note, Part, Read, flattened_windows, names, of_length, takes_input, takes_vectors
from rnncli.formats.parts import first_misfit, parts_of
from rnncli.formats.python.evaluator import Evaluator
from rnncli.formats.python.objects import (
    FLAGS,
    NAMES_ACTIVATION,
    PLAIN,
    Array,
    Call,
    Given,
    Named,
    Scope,
    Value,
    activation_of,
    argument_notes,
    as_taken,
    open_in,
)
from rnncli.formats.python.trees import UnparsableError
from rnncli.language.call_rewrites import as_calls
from rnncli.language.framework_words import FRAMEWORK_WORDS, framework_error
from rnncli.language.pattern_words import compiled
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import KINDS, Layer
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import Network

ASSUMED_FEATURES = 32
"""The number of input features when the text does not specify it."""

_MOST_REPAIRS, _MOST_READ = 8, 16_000
"""How many faults of a text are repaired in turn, and how many characters may be read in doing so."""

_IN_ORDER = "PyTorch prints layers in the order in which they were made: write them in the order in which they run"

_AROUND = SAME_MODULE | names("compile fit summary build Model print evaluate predict")
"""Calls that surround layers in a program but are not layers."""

_OPTIONS = FLAGS | {*NAMES_ACTIVATION, "merge_mode", "padding"}
"""Arguments that are not numbers."""


class _WrittenExpression(str):
    """An expression as it is written, in place of a value."""

    __repr__ = str.__str__


def is_call(text: str) -> bool:
    """Return whether a text is Python that calls something and not a spec with calls in it, such as `norm, LSTM(4)`."""
    try:
        body = Text(text).tree.body
    except UnparsableError:
        return False
    tuples = [part.value.elts for part in body if isinstance(part, ast.Expr) and isinstance(part.value, ast.Tuple)]
    if any(isinstance(each, ast.Name) and each.id in KINDS for elements in tuples for each in elements):
        return False
    kinds = ast.Expr | ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom
    plain = all(isinstance(each, kinds) and getattr(each, "value", each) is not None for each in body)
    return plain and any(isinstance(each, ast.Call) for part in body for each in ast.walk(part))


def _makes_up_a_number(text: str, repair: str) -> bool:
    """Return whether a repair has more numbers than a text, and one that the text does not have."""
    from rnncli.language.kept import numbers_in  # only an error needs it

    typed, repaired = ([*numbers_in(each.lower())] for each in (text, repair))
    return len(repaired) > len(typed) and not {*repaired} <= {*typed}


def read(text: str, settings: Settings = NO_SETTINGS, repairs: int = _MOST_REPAIRS) -> tuple[Part, frozenset[str]]:
    """Return the network in a text of calls, each layer with its position in the text, and the settings that it uses.

    Settings are values for names and expressions that it leaves open, as they are written. At most `repairs` faults
    are repaired in turn.

    Raises:
        OpenNumbersError: it leaves more numbers open; all are named.
        SpecError: something in it is wrong or cannot be expressed in a spec. The repair is a text of calls.
    """
    message, advice = "it is nested too deeply", ""
    repairs = min(repairs, _MOST_READ // max(len(text), 1))
    try:
        return _CallReader(text, settings).reading()
    except OpenNumbersError:
        raise
    except SpecError as fault:
        meant = as_calls(text)
        ways = [each for each in (meant, fault.repair) if each and each != text and repairs]
        repair = next(filter(None, (_checked(each, settings, repairs - 1) for each in ways)), None)
        otherwise = not fault.repair or repair == meant  # the text is written otherwise, whatever its fault
        if repair and otherwise:
            fault.advice = ""
            fault.lead = "for example" if _makes_up_a_number(text, repair) else "perhaps"
        raise fault.repaired(repair, fault.lead if repair else "") from None
    except UnparsableError as error:
        message = f"it is not valid Python: {error}"
    except RnncliError as error:
        message, advice = error.message, error.advice or ""
    except RecursionError:
        pass
    raise SpecError(message, text=text, advice=advice)


def _checked(text: str, settings: Settings = NO_SETTINGS, repairs: int = _MOST_REPAIRS) -> str | None:
    """Return a text that can be read, given one that may have faults; None if they cannot be repaired.

    A repair that leaves something out or changes a number is rejected, because nothing would mention it.
    """
    from rnncli.language.kept import numbers_in  # only an error needs it

    try:
        read(text, settings, repairs)
    except OpenNumbersError as more:
        layers = compiled(r"\b(?:<K>|<CLASS>|\w{1,40}Cell)\(")  # which are not the name of a number
        return None if any(map(layers.search, more.names)) else text
    except SpecError as another:
        kept = Counter(numbers_in(text)) <= Counter(numbers_in(another.repair or ""))
        return another.repair if kept and another.lead != "without it" else None
    return text


def mended(text: str, repairs: int = _MOST_REPAIRS) -> str | None:
    """Return the corrected form of a text with calls that is not valid Python, or that mixes calls and spec layers.

    The result is a text of calls if every layer is a call, else a spec; None if it has no calls, or makes no sense.

    At most `repairs` faults in calls are repaired in turn; one more raises a SpecError.
    """
    for other in (meant := as_calls(text), *(_without_a_slip(meant) if len(text) < 1000 else ())):
        if other != text and (repair := _checked(other)) is not None:
            return repair
    if compiled(r"\([\w-]{1,40}\): \w").search(text) and is_call(meant):
        try:
            read(meant)
        except SpecError as fault:
            advice, repair = (_IN_ORDER, None) if " reads " in fault.message else (fault.advice or "", fault.repair)
            raise SpecError(fault.message, text=text, advice=advice, lead=fault.lead, repair=repair) from None
    parts = [each._replace(text=closed(each.text)) for each in pieces(text)]
    calls = [each for each in parts if is_call(each.text)]
    masks = any("Masking" in each.text for each in calls)  # a field of the input in a spec
    if not calls or len(parts) > MAX_CALLS or framework_error(text) is not None or (masks and calls != parts):
        return None
    if len(calls) == len(parts):
        line = ", ".join(each.text for each in calls)
        return _checked(line) if line != text else None
    specs: list[str] = []
    for each in parts:
        try:
            reader = _CallReader(as_calls(each.text), NO_SETTINGS) if each in calls else None
            specs += [each.text] if reader is None else reader.specs(first=not specs)
        except OpenNumbersError:
            return None
        except SpecError as fault:
            span = min(each.start + fault.span[0], len(text)), min(each.start + fault.span[1], len(text))
            advice, lead, repair = fault.advice or "", fault.lead, None
            if fault.repair and repairs:
                others = [fault.repair if one is each else one.text for one in parts]
                try:
                    repair = mended(",".join(others), repairs - 1)
                except SpecError as another:
                    repair = another.repair
            raise SpecError(fault.message, text=text, span=span, advice=advice, lead=lead, repair=repair) from None
        except (RnncliError, UnparsableError, RecursionError):
            return None
    try:
        Network.parse(",".join(specs))
    except SpecError as error:
        loses = re.search("example|without|keep one|give the length", f"{error.lead} {error.advice}") is not None
        return None if loses else error.repair
    return ",".join(specs)


def _without_a_slip(text: str) -> Iterator[str]:
    """Yield a line without a sign or a lone letter just before the place where Python stops: `keras..layers`."""
    try:
        Text(text)
    except UnparsableError as error:
        end: int = getattr(error.__context__, "offset", None) or 0
        for place in range(end, max(end - 5, 0), -1):
            if re.fullmatch(r"\W[a-z]\W|(?!\d.\d).[-.:;=_].", text[place - 1 : place + 2]):
                yield text[:place] + text[place + 1 :]


# The network in a text of calls


class _CallReader(Text):
    """Reader of one text."""

    def __init__(self, text: str, settings: Settings) -> None:
        super().__init__(text)
        self._evaluator, self._scope = Evaluator(settings), Scope()
        self._layers: list[Call] = []
        self._ends: dict[int, int] = {}
        self._called: dict[int, Given] = {}
        self._applied: set[int] = set()
        self._assigned: set[int] = set()
        self._grown: object = None
        self._open: list[tuple[str, tuple[int, int]]] = []
        self._assumed: list[str] = []
        self._timeless = ""
        self._framework: Framework = "keras"
        self._cuts, self._is_first = False, True

    def reading(self) -> tuple[Part, frozenset[str]]:
        """Return the network in the text, and the settings that it uses."""
        nodes = self._nodes()
        if self._open:
            raise self._open_line()
        found = first_misfit(nodes)
        if found is not None:
            raise self.misfit({self.span(each.given.node): each for each in self._layers}, nodes, *found)
        parts = parts_of(nodes, framework=self._framework, features=ASSUMED_FEATURES, whole=True).parts
        if not parts:  # Masking()
            raise self.fault("it has no layers")
        part, assumed = parts[0], list(self._assumed)
        own = [id(call) for call in self._layers if call.name not in INPUTS]
        if len(self._layers) > 1 and self._assigned.intersection(own) - self._applied:
            assumed.append("the layers follow one another in the order in which they are written")
        if self._timeless and takes_vectors(part.head):
            why = ": a recurrent layer reads (timesteps, features)"
            why *= any(each.layer.reads == "sequence" for each in part.nodes)
            assumed.append(f"{self._timeless} is read as one timestep of many, (None, {self._timeless[1:-2]}){why}")
        notes = [*part.notes, *(Note(each, "assumed") for each in assumed)]
        foreign = dict.fromkeys(map(foreign_module, self._layers if self._framework == "torch" else ()))
        notes += [Note(f"{shorten(each)} is taken for PyTorch's nn", "assumed size") for each in foreign if each]
        layers = [node.layer for node in part.nodes]
        for place in flattened_windows(layers) if self._framework == "torch" else ():
            said = f"{part.nodes[place].name} orders its numbers by feature; here they are ordered by timestep"
            notes.append(Note(f"{said}: the weights after it are in another order", "other order"))
        return replace(part, notes=tuple(notes)), frozenset(self._evaluator.used)

    def _open_line(self) -> OpenLineError:
        return OpenLineError(tuple(dict.fromkeys(name for name, _ in self._open)), self.text, self._open[0][1])

    def specs(self, *, first: bool) -> list[str]:
        """Return the layers as specs; with `first`, they start the network and include its input."""
        nodes = self._nodes()
        if self._open:
            name, span = self._open[0]
            raise self.fault(f"{quote(name)} is not a number", span, "write the number itself")
        for node in nodes:
            if any(node.around):  # its convolution may be written as a spec, after this text
                message = f"{node.kind} pads a sequence with zeros or crops it"
                raise self.fault(message, node.place, FRAMEWORK_WORDS["zeropad1d"])
        head = [f"input:{node.features}" for node in nodes[:1] if first and node.features]
        return [*head, *(node.word.spec() for node in nodes if isinstance(node.word, Layer))]

    # Calls, in the order of the data

    def _nodes(self) -> list[Node]:
        """Return the layers, each of which reads the one before it."""
        values: list[tuple[Value, ast.expr, bool]] = []
        for statement in self.tree.body:
            for each in statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else ():
                path = ".".join([*filter(None, [getattr(statement, "module", None)]), each.name])
                if each.asname:
                    self._evaluator.assign(ast.Name(each.asname), Named((*path.split("."),)), self._scope)
            if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) and statement.value is not None:
                value, targets = self._evaluator.value(statement.value, self._scope), getattr(statement, "targets", [])
                held = (self._scope.get(each.id) for each in ast.walk(statement.value) if isinstance(each, ast.Name))
                calls = any(isinstance(each, ast.Call) for each in ast.walk(statement.value))
                values.append((value, statement.value, calls or any(isinstance(each, Call) for each in held)))
                for target in targets:
                    self._check_late(target)
                    several = isinstance(target, ast.Tuple) and isinstance(value, Call) and not value.path
                    self._evaluator.assign(target.elts[0] if several else target, value, self._scope)  # output, h_n
                self._assigned |= {id(value)} if targets else set()
        self._applied = {id(call.of) for call in calls_in([value for value, _, _ in values]) if not call.path}
        before = 0
        for value, node, makes in values:
            if makes and not isinstance(value, (*PLAIN, Named)) and id(value) not in self._applied:
                before = self._walk(value, before, node)
        if not self._layers:
            raise self.fault("it has no layers")
        self._framework = self.framework_of(self._layers)
        self._cuts = any(class_name(self._framework, each) in CUTS for each in self._layers)
        return self._made_nodes()

    def _check_late(self, target: ast.expr) -> None:
        """Check that what a statement sets is no argument of a layer that is made already."""
        if not isinstance(target, ast.Attribute):
            return
        layer = self._evaluator.value(target.value, self._scope)
        for framework in FRAMEWORKS if isinstance(layer, Call) else ():
            cls = class_of(framework, class_name(framework, layer) or "")
            if cls is not None and target.attr in {*cls.takes} - cls.inert:
                message = f"{self.part(target)} is set after the layer is made"
                raise self.fault(message, target, "give it as an argument of the layer")

    def _walk(self, value: Value, before: int, node: ast.AST) -> int:
        """Add the layers in a value, written at `node`, after the first `before` layers; return how many it ends."""
        self._evaluator.step()
        if isinstance(value, Array):  # of data: np.zeros((5, 3, 10))
            return before
        if isinstance(value, Call):
            node = value.given.node
            if value.name in DATA and not makes_layer(value):  # torch.randn(5, 3, 10)
                return before
            if id(value) in self._ends:
                if value.path and value.name not in INPUTS:
                    message = f"{self.called_by(value)} is called twice, with the same weights"
                    raise self.fault(message, node, FRAMEWORK_WORDS["add"])
                return self._ends[id(value)]
        match value:
            case list() | dict():
                for each in value.values() if isinstance(value, dict) else value:
                    before = self._walk(each, before, node)
                return before
            case Call(path=(), given=given, of=called):  # LSTM(32)(x)
                data = given.get("inputs", 0, next(iter(given.all), None))
                for each in calls_in([other for other in given.all if other is not data]):
                    if makes_layer(each) and id(each) not in self._ends:
                        message = f"{self.called_by(each)} is a second input"
                        raise self.fault(message, each.given.node, FRAMEWORK_WORDS["add"])
                source = 0 if isinstance(data, (*PLAIN, Named)) else self._walk(data, 0, node)
                before = self._walk(called, source, node)
                self._called[before] = given
            case Call(name=name, given=given, of=owner) if name in CONTAINERS:
                if isinstance(owner, Call) and not owner.path[:-1] and id(owner) not in self._ends:
                    before = self._walk(owner, before, node)
                model = (value.path[:-1] or id(value.of)) if name in ("add", "append") else None
                self._grown = self._grown or model
                if model not in (None, self._grown):
                    raise self.fault("this layer is added to a different model from those before", node)
                for each in given.all:
                    before = before if isinstance(each, PLAIN) else self._walk(each, before, node)
            case Call(name=name, given=given, of=owner) if name in _AROUND:
                for each in [owner, *given.all]:
                    if id(each) in self._ends:
                        before = self._ends[id(each)] or before
                    elif isinstance(each, Call | list | dict) and id(each) not in self._applied:
                        layers = any(makes_layer(inner) or inner.name in CONTAINERS for inner in calls_in([each]))
                        before = self._walk(each, before, node) if layers else before
            case Call(given=given, of=Call() as owner) if makes_layer(value):
                (start, _), (before_it, end) = map(self.span, (given.node, owner.given.node))
                comma = self.with_((end, end + 1), ", ") if start == before_it else None
                message = f"layers are separated by commas, not by the dot before {value.name}"
                raise self.fault(message, given.node, lead="with a comma" if comma else "", repair=comma)
            case Call():
                before = self._add(value, before)
            case _:
                raise self.fault(f"{quote(self.part(node))} is not a layer written as a call", node)
        self._ends[id(value)] = before
        return before

    def _add(self, call: Call, before: int) -> int:
        """Add a layer, which must read the last one; return how many there are now."""
        if before != len(self._layers):
            message = f"{self.called_by(call)} does not read the layer before it, {self.called_by(self._layers[-1])}"
            raise self.fault(message, call.given.node, FRAMEWORK_WORDS["add"])
        self._layers.append(call)
        if len(self._layers) > MAX_CALLS:
            raise self.fault(f"it has more than {MAX_CALLS:,} layers")
        return len(self._layers)

    # Layers built by the calls

    def _made_nodes(self) -> list[Node]:
        nodes: list[Node] = []
        times: Counter[str] = Counter()
        for place, call in enumerate(self._layers, 1):
            written = self.called_by(call)
            times[written] += 1
            name = written if times[written] == 1 else f"{written} ({times[written]})"
            self._is_first = not nodes
            made, is_input = self._made(call), class_name(self._framework, call) in INPUTS
            if is_input and made[0].word is None:  # whose features are not known
                continue
            if [each.kind for each in nodes] == ["input"] and nodes[0].ids is not None and takes_input(made[0].word):
                made[0] = of_length(made[0], nodes.pop().ids)
            if len(nodes) + len(made) > MAX_LAYERS:
                raise self.fault(f"a network has at most {MAX_LAYERS:,} layers", call.given.node, "leave some out")
            if made[0].given is not None and not nodes:
                nodes.append(Node("input", "input", made[0].given, ()))
            for level, each in enumerate(made, 1):
                called = _called_with(call, self._called[place]) if place in self._called and level == 1 else ()
                notes = [Note(f"{name} {note.text}", note.effect) for note in (*each.notes, *called)]
                node = replace(
                    each,
                    name=name if level == len(made) else f"{name}, level {level}",
                    kind="input" if is_input else written,
                    reads=tuple(Read(before.name) for before in nodes[-1:]),
                    features=each.features if each.given is None else each.given.features,
                    convention=self._framework,
                    place=self.span(call.given.node),
                    notes=tuple(notes),
                )
                nodes.append(node)
        return nodes

    def _made(self, call: Call) -> list[Node]:
        """Return the nodes that a call builds. Keras only uses the input shape of the first layer."""
        name = class_name(self._framework, call)
        cls = None if name is None else class_of(self._framework, name)
        if name is None or cls is None:
            raise self.no_class(self._framework, call)
        if call.given.unknown is not None:
            message = f"the arguments of {self.called_by(call)} are not all written out"
            raise self.fault(message, call.given.node, "write them by name")
        if (comma := self.with_comma(cls, call)) is not None:
            raise comma
        keywords = [each.arg for each in node_of(call).keywords if each.arg]
        for argument in [each for place, each in enumerate(keywords) if each in keywords[:place]]:
            raise self.fault(f"{argument} is given twice", call.given.node)
        for each in node_of(call).args:  # Embedding(100, 8, mask_zero-True), nn.RNN(4, 8, num_layers==2)
            if isinstance(each, ast.Compare) or type(getattr(getattr(each, "right", None), "value", None)) is bool:
                raise self.fault(f"a value is given with =, not as in {quote(self.part(each))}", each)
        opened = len(self._open)
        try:
            given = bound(cls, name, call.given.positional, call.given.named)
            for value in call.given.positional:
                is_inert = any(given[each] is value for each in cls.inert.intersection(given))
                if is_inert and isinstance(value, Call) and makes_layer(value):  # Input((30, 4), LSTM(8))
                    raise self.inside(call, value)
            unread = cls.inert if self._is_first or "output_dim" in cls.takes else {*cls.inert, *SHAPES, "input_dim"}
            kept = {each: value for each, value in given.items() if each not in unread}
            values = {each: self._value(call, cls, each, value) for each, value in kept.items()}
            made = built(self._framework, name, (), values)
            made[0] = replace(made[0], notes=(*made[0].notes, *argument_notes(given)))
            word, (zeros, _) = made[0].word, made[0].around
            if isinstance(word, Layer) and word.window is not None and zeros and not self._cuts:
                raise other_padding(zeros, word.window)
            return made
        except ArgumentFaultError as fault:
            if fault.argument in SHAPES | {"input_dim": 0} and self._open[opened:]:  # it may be that of the stand-in
                raise self._open_line() from None
            raise self.wrong(self._framework, call, cls, fault) from None

    def _value(self, call: Call, cls: Signature, argument: str, value: Value) -> Value:
        """Return the value of an argument in the form that the table expects; record the numbers it leaves open."""
        self._evaluator.step()
        node = call.given.written(argument, cls.takes)
        is_first = node in node_of(call).args[:1]  # the size
        if isinstance(node, ast.Name) and open_in(value) is not None and not is_first:
            flag = {"seq": "return_sequences", "bi": "bidirectional"}.get(node.id, node.id)
            known = [class_of(framework, class_name(framework, call) or "") for framework in FRAMEWORKS]
            if flag != argument and flag in FLAGS and any(each is not None and flag in each.takes for each in known):
                repair = self.with_(self.span(node), f"{flag}=True")
                raise self.fault(f"{flag} has no value", node, "", "perhaps", repair)
        one = isinstance(value, list) and len(value) - SHAPES.get(argument, 0) == 1 and "output_dim" in cls.takes
        if open_in(value) and (argument == "input_length" or one):
            return None  # how many ids a sample has, on which no count depends
        if argument in SHAPES and (type(value) is int or (isinstance(value, list) and value)):
            return self._shape(value if isinstance(value, list) else [value], SHAPES[argument], node)
        if isinstance(value, list) and argument not in HOLDS:
            return [self._value(call, cls, argument, each) for each in value]
        if isinstance(value, Call) and makes_layer(value) and argument not in HOLDS:
            activates = argument in NAMES_ACTIVATION and activation_of(value) is not None
            if value in call.given.positional and not activates:
                raise self.inside(call, value)
        value = as_taken(argument, value, lambda each: self._made(each) if isinstance(each, Call) else each)
        if argument in HOLDS or open_in(value) is None:
            return value
        if argument in _OPTIONS or argument in cls.changing:
            return _WrittenExpression(self.part(node))
        return 0 if argument == "dropout" else self._number(value, node)

    def _number(self, value: Value, node: ast.AST) -> Value:
        """Record the numbers that a value leaves open, and return a stand-in for it."""
        cause = open_in(value)
        if cause is None:
            return value
        if not cause.names:
            raise self.fault(f"{quote(self.part(node))} is not a number", node, "write the number itself")
        self._open += [(each.name, self.span(node)) for each in cause.names]
        return 1

    def _shape(self, sizes: list[Value], samples: int, node: ast.AST) -> list[Value]:
        """Return a shape; the counts do not depend on its number of samples and timesteps."""
        elements = node.elts if isinstance(node, ast.List | ast.Tuple) else []
        places = elements if len(elements) == len(sizes) else [node] * len(sizes)
        known = [None if open_in(each) else each for each in sizes]
        for size, place in list(zip(sizes, places, strict=True))[samples:-1]:
            if open_in(size):
                self._assumed.append(f"an unknown number of timesteps ({shorten(self.part(place))})")
        if known[-1] is not None and len(sizes) == samples + 1:
            self._timeless = f"({known[-1]},)"
        return [*known[:-1], self._number(sizes[-1], places[-1])]


def _called_with(layer: Call, given: Given) -> Iterator[Note]:
    """Yield notes on the arguments that a layer is called with, besides its input."""
    differs = any(differs_in_training(each.name, each.given.named) for each in calls_in([layer]))
    holds = {
        "initial_state": given.get("initial_state", 1, given.get("hx")) is not None,
        "mask": given.get("mask", 2) is not None,
        "training": given.get("training") is True and differs,
    }
    yield from (Note(CALLED_WITH[argument], "differs") for argument in CALLED_WITH if holds[argument])

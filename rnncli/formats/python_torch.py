"""PyTorch in a Python source: the modules of a class, in the order of `__init__`, as rows of layers."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, cast

from rnncli.errors import ArgumentError, RnncliError, SpecError, shorten
from rnncli.formats.keras_layers import InexpressibleError
from rnncli.formats.model_file import Part, Piece
from rnncli.formats.python_forward import Taken, called_in, taken_by
from rnncli.formats.python_values import Function, Given, Instance, Thing, Unknown, Value, not_said
from rnncli.formats.recognition import ASSUMED_LAST
from rnncli.language.arguments import TORCH_POSITIONS
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Head, Input, Norm, Recurrent, SimpleRNN
from rnncli.layers.activations import ACTIVATIONS

ASSUMED_ORDER = "the layers follow one another in the order of __init__; what else forward does is not read"

MAX_LEVELS = 1000
"""The most layers of one stack."""

_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")

_SAME = frozenset({"to", "cuda", "cpu", "float", "double", "half", "eval", "train", "apply", "requires_grad_"})
"""Methods that return the module itself."""

_UNHEARD = frozenset({"Identity", "Flatten", "Unflatten", "Parameter", "ParameterList", "ParameterDict"})
"""Classes that make no layer of the network."""

_ACTIVATIONS = {name.replace("_", ""): name for name in ACTIVATIONS if name != "linear"}


@dataclass(eq=False)
class Module(Thing):
    """A module of torch.nn.

    Attributes:
        kind: its class.
        arguments: its arguments by name.
        line: where it is made.
        children: the modules in a container, each with its name.
        fault: why it is not known.
        variable: the variable that it is bound to.
        function: the function that makes it.
        inner: whether it stands in a container.
    """

    kind: str
    arguments: dict[str, Value]
    line: int
    children: list[tuple[str, Value]] = field(default_factory=list)
    fault: RnncliError | None = None
    variable: str = ""
    function: str = ""
    inner: bool = False

    def bound(self, name: str, function: str) -> None:
        """Note the variable."""
        del function
        self.variable = self.variable or name

    def method(self, name: str, given: Given) -> Value:
        """Add a module to a container; return the module itself where a method does."""
        if name in _SAME:
            return self
        if name == "append" and self.kind in _CONTAINERS:
            self._add(str(len(self.children)), given.get("module", 0))
        elif name == "add_module" and self.kind in _CONTAINERS:
            self._add(str(given.get("name", 0)), given.get("module", 1))
        else:
            return super().method(name, given)
        return self

    def _add(self, name: str, value: Value) -> None:
        if isinstance(value, Module):
            value.inner = True
        self.children.append((name, value))

    def item(self, index: Value, given: Given) -> Value:
        """Return a module of a container."""
        if type(index) is int and -len(self.children) <= index < len(self.children):
            return self.children[index][1]
        return super().item(index, given)

    def fill(self, given: Given) -> None:
        """Put what a container is given into it."""
        values: list[Value] = given.positional
        if len(values) == 1 and isinstance(values[0], list | dict):
            values = [values[0]] if isinstance(values[0], dict) else values[0]
        for number, each in enumerate(values):
            if isinstance(each, dict):
                for name, value in each.items():
                    self._add(str(name), value)
            else:
                self._add(str(number), each)


@dataclass
class TorchReader:
    """Makes PyTorch's modules, and keeps them.

    Attributes:
        function: returns the function at hand.
    """

    function: Callable[[], str]
    modules: list[Module] = field(default_factory=list)

    def make(self, name: str, given: Given) -> Value:
        """Return the module that a call of a class of torch.nn makes; None if it is none."""
        if not name[:1].isupper() or name in _UNHEARD or name.endswith("Loss"):
            return None
        module = Module(name, {}, given.line, function=self.function())
        self.modules.append(module)
        if name in _CONTAINERS:
            module.fill(given)
            return module
        positions = TORCH_POSITIONS.get(name.lower(), ()) if name in _MAKERS else ()
        module.arguments = dict(zip(positions, given.positional, strict=False)) | given.named
        if name in _MAKERS and given.unknown is not None:
            module.fault = RnncliError(
                f"the arguments of {name} are not known (line {given.line}): {given.unknown.why}", "write them by name"
            )
        return module


class _Link(NamedTuple):
    """A layer, and the number of features that it reads and returns; None for one that reads any."""

    piece: Piece
    reads: int | None
    returns: int | None
    line: int
    assumed: tuple[str, ...] = ()


class _Gap(NamedTuple):
    """What stands between layers and is none that the language has; a note says what it is.

    Attributes:
        note: the note.
        ends: whether a row of layers cannot go on over it.
    """

    note: str
    ends: bool = True


class _Applied(NamedTuple):
    """An activation that follows the layer before."""

    activation: str
    note: str


_Item = _Link | _Gap | _Applied


class _Arguments:
    """The arguments of a module, checked as they are read."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def number(self, name: str, default: int | float | None = None) -> int | float:
        """Return a number.

        Raises:
            RnncliError: it is not known.
        """
        value = self._module.arguments.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if value is None:
            raise RnncliError(
                f"{self._module.kind} has no {name} (line {self._module.line})", f"it needs one: {name}=128"
            )
        raise not_said(name, value, self._module.line)

    def size(self, name: str, default: int | None = None) -> int:
        """Return a whole number.

        Raises:
            RnncliError: it is not known, or no size.
        """
        value = self.number(name, default)
        if not isinstance(value, int) or value < 0:
            raise RnncliError(f"{name} is {value} (line {self._module.line}), expected a whole number")
        return value

    def truth(self, name: str, default: bool) -> bool:
        """Return whether something holds.

        Raises:
            RnncliError: that is not known.
        """
        value = self._module.arguments.get(name, default)
        if isinstance(value, bool | int):
            return bool(value)
        raise not_said(name, value, self._module.line, "True or False")

    def get(self, name: str, default: Value = None) -> Value:
        """Return any value."""
        return self._module.arguments.get(name, default)


def _recurrent(cls: type[Recurrent], cell: bool) -> Callable[[str, Module], Iterator[_Item]]:
    def links(name: str, module: Module) -> Iterator[_Item]:
        given = _Arguments(module)
        reads, units = given.size("input_size"), given.size("hidden_size")
        settings: dict[str, Value] = {"use_bias": given.truth("bias", True)}
        if cls is SimpleRNN:
            word = given.get("nonlinearity", "tanh")
            if not isinstance(word, str):
                raise not_said("nonlinearity", word, module.line, "tanh or relu")
            settings["activation"] = word
        levels = 1 if cell else given.size("num_layers", 1)
        if not 1 <= levels <= MAX_LEVELS:
            raise RnncliError(
                f"num_layers is {levels} (line {module.line}), expected a number from 1 to {MAX_LEVELS:,}"
            )
        both = not cell and given.truth("bidirectional", False)
        if not cell and given.get("proj_size", 0) != 0:
            raise InexpressibleError("it has proj_size: neither Keras nor rnncli has such a cell")
        settings["merge_mode"] = "concat" if both else None
        assumed: list[str] = []
        share = given.get("dropout", 0.0)
        if not cell and levels > 1 and share != 0:
            words = f"dropout={share}" if isinstance(share, int | float) else "dropout"
            assumed.append(f"{name} has {words} between its layers in training; it is left out here")
        for level in range(levels):
            layer = cls(units, **settings)
            own = f"{name} (layer {level})" if levels > 1 else name
            yield _Link(
                Piece(layer, own, "torch", {}),
                units * (1 + both) if level else reads,
                units * (1 + both),
                module.line,
                tuple(assumed) if level == 0 else (),
            )

    return links


def _embedding(name: str, module: Module) -> Iterator[_Item]:
    given = _Arguments(module)
    layer = Embedding(given.size("num_embeddings"), given.size("embedding_dim"))
    padding = given.get("padding_idx")
    assumed = () if padding is None else (f"{name} has a padding_idx; the vectors at padding are read like all others",)
    yield _Link(Piece(layer, name, "torch", {}), None, layer.output_dim, module.line, assumed)


def _linear(name: str, module: Module) -> Iterator[_Item]:
    given = _Arguments(module)
    layer = Dense(given.size("out_features"), given.truth("bias", True))
    yield _Link(Piece(layer, name, "torch", {}), given.size("in_features"), layer.units, module.line)


def _dropout(name: str, module: Module) -> Iterator[_Item]:
    yield _Link(Piece(Dropout(_Arguments(module).number("p", 0.5)), name, "torch", {}), None, None, module.line)


def _norm(name: str, module: Module) -> Iterator[_Item]:
    given = _Arguments(module)
    shape = given.get("normalized_shape")
    if isinstance(shape, list | tuple):
        if len(shape) != 1:
            raise InexpressibleError("it works on several axes, not on the features alone")
        shape = shape[0]
    if type(shape) is not int:
        raise not_said("normalized_shape", shape, module.line)
    affine = given.truth("elementwise_affine", True)
    said = given.number("eps", 1e-5)
    epsilon, same = Norm.nearest_epsilon(said)
    assumed = () if same else (f"{name} has an epsilon of {said:g}; here it runs with {epsilon:g}",)
    layer = Norm(affine and given.truth("bias", True), affine, epsilon)
    yield _Link(Piece(layer, name, "torch", {}), shape, shape, module.line, assumed)


_MAKERS: Mapping[str, Callable[[str, Module], Iterator[_Item]]] = {
    "RNN": _recurrent(SimpleRNN, cell=False),
    "LSTM": _recurrent(LSTM, cell=False),
    "GRU": _recurrent(GRU, cell=False),
    "RNNCell": _recurrent(SimpleRNN, cell=True),
    "LSTMCell": _recurrent(LSTM, cell=True),
    "GRUCell": _recurrent(GRU, cell=True),
    "Embedding": _embedding,
    "Linear": _linear,
    "Dropout": _dropout,
    "LayerNorm": _norm,
}
"""What reads the arguments of each class of torch.nn that the language has."""

_LOOPS = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")


def is_recurrent(value: Value) -> bool:
    """Whether a module loops over time, or holds one that does."""
    waiting = [value]
    for _ in range(10_000):
        if not waiting:
            break
        each = waiting.pop()
        if isinstance(each, Module):
            if each.kind in _LOOPS:
                return True
            waiting += [child for _, child in each.children]
    return False


@dataclass(frozen=True)
class Source:
    """Modules that follow one another.

    Attributes:
        name: what the file calls them: the name of their class, function or variable.
        line: where they stand.
        modules: the modules by their names.
        forward: the function that says what happens to their outputs, if there is one.
        fault: why they are not known.
        other_names: the variables that hold them.
    """

    name: str
    line: int
    modules: Mapping[str, Value]
    forward: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    fault: RnncliError | None = None
    other_names: tuple[str, ...] = ()


def sources(reader: TorchReader, instances: Sequence[Instance]) -> list[Source]:
    """Return what a file has of recurrent modules: those of each class, and those of each function or the module."""
    found: list[Source] = []
    owned: set[int] = set()
    seen: set[str] = set()
    for instance in instances:
        modules = {name: value for name, value in instance.values.items() if _may_be_module(value)}
        owned |= {id(value) for value in modules.values()}
        if not any(map(is_recurrent, modules.values())):
            continue
        forward = instance.cls.get("forward")
        node = forward.node if isinstance(forward, Function) else None
        why = instance.doubtful
        fault = None if why is None else RnncliError(f"its layers are not known: {why.why}", why.advice)
        source = Source(
            instance.cls.name,
            instance.cls.node.lineno,
            modules,
            cast("ast.FunctionDef | None", node),
            fault,
            tuple(instance.variables),
        )
        written = repr((source.name, _written(modules)))
        if written not in seen:
            found.append(source)
        seen.add(written)
    loose: dict[str, dict[str, Value]] = {}
    for number, module in enumerate(reader.modules):
        if id(module) not in owned and not module.inner:
            loose.setdefault(module.function, {})[module.variable or f"{module.kind.lower()}_{number}"] = module
    for function, modules in loose.items():
        loops = [name for name, module in modules.items() if is_recurrent(module)]
        if loops:
            line = cast(Module, modules[loops[0]]).line
            alone = {loops[0]: modules[loops[0]]} if cast(Module, modules[loops[0]]).kind in _CONTAINERS else modules
            found.append(Source(function or loops[0], line, alone))
    counts = Counter(source.name for source in found)
    numbers: Counter[str] = Counter()
    named = []
    for source in sorted(found, key=lambda each: each.line):
        numbers[source.name] += 1
        several = counts[source.name] > 1 and numbers[source.name] > 1
        named.append(replace(source, name=f"{source.name}_{numbers[source.name]}") if several else source)
    return named


def _may_be_module(value: Value) -> bool:
    return isinstance(value, Module | Instance) or (isinstance(value, Unknown) and bool(value.made_by or value.maybe))


def _written(modules: Mapping[str, Value]) -> list[object]:
    """Return what tells modules apart: two objects of a class with the same modules are one."""
    return [
        (name, value.kind, {key: repr(each) for key, each in value.arguments.items()}, _written(dict(value.children)))
        if isinstance(value, Module)
        else name
        for name, value in modules.items()
    ]


def read_source(source: Source) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return the recurrent parts of some modules, and notes on what is in none.

    Raises:
        RnncliError: something about them is not known.
    """
    if source.fault is not None:
        raise source.fault
    rows = _Rows(source)
    for name, value in source.modules.items():
        for item in _items(name, value):
            rows.take(item)
    return rows.parts(), tuple(rows.notes)


def _items(name: str, value: Value, depth: int = 0) -> Iterator[_Item]:
    """Yield the layers that a module is.

    Raises:
        RnncliError: something about it is not known.
    """
    if isinstance(value, Instance):
        yield _Gap(f"{name} ({value.cls.name}, a class of its own)")
    elif isinstance(value, Unknown) and value.made_by:
        yield _Gap(f"{shorten(name)} ({shorten(value.made_by)}, none of PyTorch's)")
    elif isinstance(value, Unknown):
        raise RnncliError(f"{name} is not known: {value.why}", value.advice)
    elif not isinstance(value, Module) or depth > 20:
        yield _Gap(f"{name} (none of PyTorch's modules)")
    elif value.fault is not None:
        raise value.fault
    elif value.kind in _CONTAINERS:
        for own, child in value.children:
            yield from _items(f"{name}.{own}", child, depth + 1)
    elif value.kind in _MAKERS:
        yield from _made(name, value)
    elif value.kind.lower() in _ACTIVATIONS and depth:
        yield _Applied(_ACTIVATIONS[value.kind.lower()], _described(name, value))
    else:
        yield _Gap(_described(name, value), ends=not _is_function(value.kind))


def _made(name: str, module: Module) -> Iterator[_Item]:
    try:
        yield from list(_MAKERS[module.kind](name, module))
    except InexpressibleError as reason:
        yield _Gap(f"{_described(name, module)}: {reason}")
    except ArgumentError as error:
        raise RnncliError(f"{name} (line {module.line}): {error.message}", error.advice) from None


def _described(name: str, module: Module) -> str:
    return f"{shorten(name)} ({shorten(module.kind)}, line {module.line})"


def _is_function(kind: str) -> bool:
    """Whether a module only applies a function, so that layers may follow one another over it."""
    return kind.lower() in {
        *_ACTIVATIONS,
        "leakyrelu",
        "prelu",
        "logsoftmax",
        "hardswish",
        "relu6",
        "mish",
        "logsigmoid",
    }


class _Rows:
    """Rows of layers in the making."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rows: list[list[_Link]] = [[]]
        self.notes: list[str] = []
        self._left: list[str] = []

    def take(self, item: _Item) -> None:
        """Add a layer to the row at hand, or begin another where it does not fit."""
        match item:
            case _Gap(note=note, ends=ends):
                self._left.append(note)
                if ends:
                    self._rows.append([])
            case _Applied():
                self._apply(item)
            case _Link():
                row = self._rows[-1]
                last = self._returned()
                begins = isinstance(item.piece.layer, Head)
                if row and (begins or (item.reads is not None and last is not None and item.reads != last)):
                    loops = any(link.piece.layer.states for link in row)
                    if loops and not begins and not item.piece.layer.states:
                        self._left.append(
                            f"{shorten(item.piece.name)} (line {item.line}), which reads {item.reads:,} features where "
                            f"{last:,} are returned before it"
                        )
                        return
                    self._rows.append([])
                self._rows[-1].append(item)

    def _apply(self, item: _Applied) -> None:
        row = self._rows[-1]
        layer = row[-1].piece.layer if row else None
        if not isinstance(layer, Dense) or layer.activation != "linear":
            self._left.append(item.note)
            self._rows.append([])
            return
        piece = row[-1].piece._replace(layer=replace(layer, activation=item.activation))
        row[-1] = row[-1]._replace(piece=piece)

    def _returned(self) -> int | None:
        """Return how many features the row at hand returns, or None where any may follow."""
        sizes = [link.returns for link in self._rows[-1] if link.returns is not None]
        return sizes[-1] if sizes else None

    def parts(self) -> tuple[Part, ...]:
        """Return the rows with something recurrent as parts; the rest is noted."""
        rows = []
        for row in self._rows:
            if any(link.piece.layer.states for link in row):
                rows.append(row)
            else:
                self._left += [f"{shorten(link.piece.name)} (line {link.line})" for link in row]
        if self._left:
            shown = ", ".join(self._left[:20]) + (f" and {len(self._left) - 20} more" if len(self._left) > 20 else "")
            self.notes.append(f"{shorten(self._source.name)}: modules in no recurrent part: {shown}")
        return tuple(self._part(row, several=len(rows) > 1) for row in rows)

    def _part(self, row: list[_Link], *, several: bool) -> Part:
        loops = [index for index, link in enumerate(row) if link.piece.layer.states]
        first = row[0].piece.layer
        if isinstance(first, Head):
            head: Head = first
        else:
            reads = next(link.reads for link in row if link.reads is not None)
            head = Input(reads)
        # A Linear after the last recurrent layer reads whatever that returns, so only this one is in question.
        taken = self._taken(row[loops[-1]])
        pieces = []
        for index, link in enumerate(row):
            sequence = index in loops[:-1] or (index == loops[-1] and taken.sequence)
            layer = link.piece.layer.returning("sequence") if sequence else None
            pieces.append(link.piece._replace(layer=layer or link.piece.layer))
        own = pieces[loops[0]].name.partition(" (layer ")[0]
        assumed = [ASSUMED_ORDER, *([] if taken.known else [ASSUMED_LAST]), *taken.notes]
        assumed += [text for link in row for text in link.assumed]
        assumed += self._otherwise(pieces)
        name = f"{self._source.name}.{own}" if several else self._source.name
        others = () if several else self._source.other_names
        part = Part(name, head, tuple(pieces), tuple(dict.fromkeys(assumed)), others)
        try:
            assert part.network.layers
        except SpecError as error:
            raise RnncliError(error.message) from None
        return part

    def _otherwise(self, pieces: Sequence[Piece]) -> list[str]:
        """Return what is said of forward, where it calls the modules in another order."""
        if self._source.forward is None:
            return []
        order = list(dict.fromkeys(piece.name.partition(" ")[0].partition(".")[0] for piece in pieces))
        called = [name for name in called_in(self._source.forward) if name in order]
        if called == [name for name in order if name in called]:
            return []
        return [f"forward calls them in another order: {shorten(', '.join(called), 200)}"]

    def _taken(self, link: _Link) -> Taken:
        owner = link.piece.name.partition(" (layer ")[0]
        layer = link.piece.layer
        assert isinstance(layer, Recurrent)
        if self._source.forward is None:
            return Taken()
        return taken_by(self._source.forward, owner, both=layer.merge_mode is not None)

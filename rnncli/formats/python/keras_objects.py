"""Keras's layers, tensors and models, as a Python source makes, calls and changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rnncli.errors import RnncliError
from rnncli.formats.keras.graph import MAX_CALLS
from rnncli.formats.python.definitions import Instance
from rnncli.formats.python.keras_signatures import SIGNATURES
from rnncli.formats.python.values import Given, Named, Thing, Unknown, Value


class Reader(Protocol):
    """Keeps the calls of layers."""

    @property
    def doubts(self) -> Callable[[], Sequence[Unknown]]:
        """Returns why it is not known whether the block at hand is taken."""

    def called(self, layer: KerasLayer | KerasModel, given: Given) -> KerasTensor:
        """Return the tensor that a call of a layer returns."""

    def operation(self, name: str, values: Sequence[Value], given: Given) -> Value:
        """Return the tensor that a function of tensors returns; None if there is no tensor among its arguments."""


Config = dict[str, Any]


@dataclass(eq=False)
class KerasLayer(Thing):
    """A layer.

    Attributes:
        kind: its class.
        config: its arguments.
        line: where it is made.
        reader: the reader that it belongs to.
        name: the name that it was given; may be empty.
        fault: why it is not known.
    """

    kind: str
    config: Config
    line: int
    reader: Reader
    name: str = ""
    fault: RnncliError | None = None

    def call(self, given: Given) -> Value:
        """Return the tensor that a call of the layer returns."""
        return self.reader.called(self, given)


@dataclass(eq=False)
class KerasCall:
    """A call of a layer or of a model on tensors."""

    layer: KerasLayer | KerasModel
    reads: list[KerasTensor]
    states: list[KerasTensor]
    masks: list[KerasTensor]
    line: int
    doubts: int
    function: str


@dataclass(eq=False)
class KerasTensor(Thing):
    """An output of a call."""

    origin: KerasCall
    output: int = 0

    def unpacked(self, count: int) -> list[Value] | None:
        """Return the outputs of the call: the output itself and its states."""
        return [KerasTensor(self.origin, number) for number in range(count)] if 0 < count < 10 else None

    def item(self, index: Value, given: Given) -> Value:
        """Return another output, or a part of this one."""
        layer = self.origin.layer
        if type(index) is int and isinstance(layer, KerasLayer) and layer.config.get("return_state"):
            return KerasTensor(self.origin, index)
        return layer.reader.operation("a slice", [self], given)

    def method(self, name: str, given: Given) -> Value:
        """Return what a method of the tensor returns."""
        return self.origin.layer.reader.operation(name, [self], given)


@dataclass(eq=False)
class KerasModel(Thing):
    """A model: a row of layers, or what leads from inputs to outputs.

    Attributes:
        reader: the reader that it belongs to.
        line: where it is made.
        doubts: how many doubtful blocks stood around its making.
        function: the function that makes it.
        variables: the variables that it is bound to.
        layers: the layers of a Sequential; None for a functional model.
        inputs: what a functional model reads.
        outputs: what it returns.
        inner: whether another model has it for a layer.
        fault: why it is not known.
        assumed: what was assumed of it.
    """

    reader: Reader
    line: int
    doubts: int
    function: str = ""
    variables: list[str] = field(default_factory=list)
    layers: list[KerasLayer | KerasModel] | None = None
    inputs: list[KerasTensor] = field(default_factory=list)
    outputs: list[KerasTensor] = field(default_factory=list)
    inner: bool = False
    fault: RnncliError | None = None
    name: str = ""
    assumed: tuple[str, ...] = ()

    def bound(self, name: str, function: str) -> None:
        """Note the variable."""
        del function
        self.variables.append(name)

    @property
    def variable(self) -> str:
        """The first variable that it is bound to; empty if it is bound to none."""
        return self.variables[0] if self.variables else ""

    def attribute(self, name: str, given: Given) -> Value:
        """Return its inputs, outputs or layers."""
        if self.layers is None and name in ("input", "inputs", "output", "outputs"):
            tensors = self.inputs if name.startswith("input") else self.outputs
            return list(tensors) if name.endswith("s") or len(tensors) != 1 else tensors[0]
        return super().attribute(name, given)

    def method(self, name: str, given: Given) -> Value:
        """Add a layer, or note the shape that it is built for; nothing else changes a model."""
        if name == "add" and self.layers is not None:
            self._doubt(given)
            self.add(given.get("layer", 0), given)
        elif name == "pop" and self.layers:
            self._doubt(given)
            if self.fault is None:
                self.layers.pop()
        elif name == "build" and self.layers and not _says_shape(self.layers[0]):
            shape = plain(given.get("input_shape", 0))
            if isinstance(shape, list) and len(shape) > 1:
                self.layers.insert(0, KerasLayer("InputLayer", {"batch_shape": shape}, given.line, self.reader))
        return None

    def _doubt(self, given: Given) -> None:
        doubts = self.reader.doubts()
        if len(doubts) > self.doubts:
            self.doubt(doubts[-1], given.line)

    def doubt(self, why: Unknown, line: int) -> None:
        """Note that what is added at a line is not known."""
        fault = RnncliError(f"what is added at line {line} is not known: {why.why}", why.advice)
        self.fault = self.fault or fault

    def add(self, layer: Value, given: Given) -> None:
        """Add a layer to a Sequential."""
        assert self.layers is not None
        if isinstance(layer, KerasTensor):  # Input((50, 8)) in a list
            layer = layer.origin.layer
        if isinstance(layer, Instance):
            layer = KerasLayer(own_kind(layer), {}, given.line, self.reader)
        if isinstance(layer, KerasModel):
            layer.inner = True
        if isinstance(layer, KerasLayer | KerasModel):
            self.layers.append(layer)
            return
        why = layer.why if isinstance(layer, Unknown) else "it is none of Keras's"
        self.layers.append(KerasLayer(_called(layer), {}, given.line, self.reader))
        if isinstance(layer, Unknown):
            self.fault = self.fault or RnncliError(f"a layer is not known (line {given.line}): {why}", layer.advice)

    def call(self, given: Given) -> Value:
        """Return the tensor that a call of the model returns."""
        tensors = list(tensors_in([*given.positional, *given.named.values()]))
        if not tensors:
            return super().call(given)
        self.inner = True
        return self.reader.called(self, given)

    def calls(self) -> list[KerasCall]:
        """Return the calls of a functional model, each behind those that it reads."""
        return reached([tensor.origin for tensor in self.outputs])

    def members(self) -> Iterator[KerasLayer]:
        """Yield the layers, those of models inside of it too."""
        waiting: list[KerasLayer | KerasModel] = [self]
        seen: set[int] = set()
        while waiting and len(seen) < MAX_CALLS:
            each = waiting.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            if isinstance(each, KerasLayer):
                yield each
                inside = (each.config.get(key) for key in ("layer", "backward_layer", "cell"))
                waiting += [one for one in inside if isinstance(one, KerasLayer)]
                cells = each.config.get("cells")
                waiting += [one for one in cells if isinstance(one, KerasLayer)] if isinstance(cells, list) else []
            elif each.layers is not None:
                waiting += reversed(each.layers)
            else:
                waiting += [call.layer for call in reversed(each.calls())]


def reached(ends: Iterable[KerasCall]) -> list[KerasCall]:
    """Return the calls that some calls read, and these themselves, each behind those that it reads."""
    order: list[KerasCall] = []
    state: dict[int, bool] = {}
    waiting = [(each, False) for each in reversed(list(ends))]
    while waiting:
        call, read = waiting.pop()
        if read:
            order.append(call)
            continue
        if id(call) in state:
            continue
        state[id(call)] = True
        waiting.append((call, True))
        sources = (tensor.origin for tensor in reversed([*call.reads, *call.states, *call.masks]))
        waiting += [(each, False) for each in sources if id(each) not in state]
    return order


def _says_shape(layer: KerasLayer | KerasModel) -> bool:
    if isinstance(layer, KerasModel):
        return layer.layers is None or bool(layer.layers and _says_shape(layer.layers[0]))
    return layer.kind in ("InputLayer", "Embedding") or "batch_input_shape" in layer.config


def _called(value: Value) -> str:
    match value:
        case Named():
            return value.name
        case Unknown():
            return "unknown"
    return type(value).__name__


def tensors_in(values: Iterable[Value]) -> Iterator[KerasTensor]:
    """Yield the tensors among some values."""
    waiting = list(values)[::-1]
    while waiting:
        each = waiting.pop()
        if isinstance(each, KerasTensor):
            yield each
        elif isinstance(each, list | tuple):
            waiting += reversed(each)
        elif isinstance(each, dict):
            waiting += reversed(list(each.values()))


def plain(value: Value) -> Any:
    """Return a value as JSON has it; what is not known is null."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if isinstance(value, bool | int | float | str) else None


def own_kind(instance: Instance) -> str:
    """Return the class of an object of the file, told apart from Keras's."""
    name = instance.cls.name
    return f"{name} of the file" if name in SIGNATURES else name

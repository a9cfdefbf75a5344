"""Keras in a Python source: its calls as the config that Keras would write of the same model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.keras_config import MAX_CALLS, ConfigError, graph_of, snake_case
from rnncli.formats.keras_layers import is_recurrent
from rnncli.formats.keras_parts import Structure, UnknownFeaturesError, found_in
from rnncli.formats.model_file import Part
from rnncli.formats.python_values import (
    Function,
    Given,
    Instance,
    Named,
    Thing,
    Unknown,
    Value,
    not_said,
)

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "SimpleRNN": ("units", "activation", "use_bias"),
    "LSTM": ("units", "activation", "recurrent_activation", "use_bias"),
    "GRU": ("units", "activation", "recurrent_activation", "use_bias"),
    "SimpleRNNCell": ("units", "activation", "use_bias"),
    "LSTMCell": ("units", "activation", "recurrent_activation", "use_bias"),
    "GRUCell": ("units", "activation", "recurrent_activation", "use_bias"),
    "CuDNNLSTM": ("units",),
    "CuDNNGRU": ("units",),
    "RNN": ("cell", "return_sequences", "return_state", "go_backwards"),
    "StackedRNNCells": ("cells",),
    "Bidirectional": ("layer", "merge_mode"),
    "TimeDistributed": ("layer",),
    "Embedding": ("input_dim", "output_dim"),
    "Dense": ("units", "activation", "use_bias"),
    "Dropout": ("rate", "noise_shape", "seed"),
    "SpatialDropout1D": ("rate", "seed"),
    "GaussianDropout": ("rate", "seed"),
    "AlphaDropout": ("rate", "noise_shape", "seed"),
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
    "RepeatVector": ("n",),
    "GlobalMaxPooling1D": ("data_format", "keepdims"),
    "GlobalMaxPool1D": ("data_format", "keepdims"),
    "GlobalAveragePooling1D": ("data_format", "keepdims"),
    "GlobalAvgPool1D": ("data_format", "keepdims"),
    "Activation": ("activation",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "ELU": ("alpha",),
    "Softmax": ("axis",),
    "Masking": ("mask_value",),
    "GaussianNoise": ("stddev", "seed"),
    "ActivityRegularization": ("l1", "l2"),
    "Identity": (),
    "InputLayer": ("shape", "batch_size"),
}
"""What the classes that are read take by position, as far as anybody writes it so."""

_OTHER_SIGNATURES: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("Conv1D", "SeparableConv1D", "Conv1DTranspose"), ("filters", "kernel_size")
)
"""What classes take that the language has no words for, but that say how many features they return."""

OTHER_CLASSES = (
    *("Conv1D", "Conv2D", "SeparableConv1D", "MaxPooling1D", "AveragePooling1D", "MaxPool1D", "BatchNormalization"),
    *("Flatten", "Reshape", "Permute", "Lambda", "Concatenate", "Add", "Multiply", "Average", "Attention", "LeakyReLU"),
    *("AdditiveAttention", "MultiHeadAttention", "ConvLSTM1D", "ConvLSTM2D", "PReLU", "ZeroPadding1D", "UpSampling1D"),
    *("TextVectorization", "Normalization", "UnitNormalization", "Rescaling", "Cropping1D", "Subtract", "Maximum"),
)
"""Classes that are known by their names alone, where nothing says where the name is from."""

_NUMBERS = frozenset(
    {"units", "input_dim", "output_dim", "rate", "n", "filters", "epsilon", "alpha", "mask_value", "max_value"}
)
_TRUTHS = frozenset(
    {
        *("use_bias", "return_sequences", "go_backwards", "reset_after", "mask_zero", "center", "scale", "rms_scaling"),
        *("keepdims", "time_major", "stateful", "return_state"),
    }
)
_WORDS = frozenset({"activation", "recurrent_activation", "merge_mode", "data_format", "axis"})
_LAYERS = frozenset({"layer", "backward_layer", "cell", "cells"})
_SHAPES = ("batch_input_shape", "batch_shape", "input_shape", "shape", "input_dim", "batch_size", "input_length")

_FUNCTIONS: Mapping[str, str] = {
    name.lower(): name for name in ("Concatenate", "Add", "Multiply", "Average", "Maximum", "Subtract")
}
"""Functions that stand for a class."""

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
    reader: KerasReader
    name: str = ""
    fault: RnncliError | None = None

    def call(self, given: Given) -> Value:
        """Return the tensor that a call of the layer returns."""
        return self.reader.called(self, given)

    def entry(self, name: str) -> Config:
        """Return what a config says of it."""
        config = {key: _written(value) for key, value in self.config.items()}
        return {"class_name": self.kind, "config": {**config, "name": name}, "name": name, "line": self.line}


def _written(value: Any) -> Any:
    """Return an argument of a layer as a config has it."""
    if isinstance(value, KerasLayer):
        return value.entry(value.name or snake_case(value.kind))
    return [_written(each) for each in value] if isinstance(value, list) else value


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

    reader: KerasReader
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
            shape = _plain(given.get("input_shape", 0))
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
            layer = KerasLayer(_own_kind(layer), {}, given.line, self.reader)
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
        tensors = list(_tensors([*given.positional, *given.named.values()]))
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

    def entry(self, name: str, depth: int = 0) -> Config:
        """Return what a config says of it.

        Raises:
            RnncliError: it holds itself, or is nested too deeply.
        """
        if depth > 20:
            raise RnncliError("its models stand more than 20 deep inside of one another")
        config = self._sequential(depth) if self.layers is not None else self._functional(depth)
        kind = "Functional" if self.layers is None else "Sequential"
        return {"class_name": kind, "config": {"name": name, **config}, "name": name, "line": self.line}

    def _sequential(self, depth: int) -> Config:
        assert self.layers is not None
        names = _Names()
        return {"layers": [_entry(each, names.of(each), depth) for each in self.layers]}

    def _functional(self, depth: int) -> Config:
        names = _Names()
        calls = self.calls()
        entries: dict[int, Config] = {}
        places: dict[int, list[Any]] = {}
        for call in calls:
            key = id(call.layer)
            if key not in entries:
                entries[key] = {**_entry(call.layer, names.of(call.layer), depth), "inbound_nodes": []}
            nodes = entries[key]["inbound_nodes"]
            number = len(nodes)
            places[id(call)] = [entries[key]["name"], number]
            keywords = {
                key: [[*places[id(tensor.origin)], tensor.output] for tensor in some]
                for key, some in (("initial_state", call.states), ("mask", call.masks))
                if some
            }
            reads = [[*places[id(each.origin)], each.output, keywords] for each in call.reads]
            if reads:
                nodes.append(reads)
        return {
            "layers": list(entries.values()),
            "input_layers": [
                [*places[id(each.origin)], each.output] for each in self.inputs if id(each.origin) in places
            ],
            "output_layers": [[*places[id(each.origin)], each.output] for each in self.outputs],
        }


def _entry(layer: KerasLayer | KerasModel, name: str, depth: int) -> Config:
    return layer.entry(name) if isinstance(layer, KerasLayer) else layer.entry(name, depth + 1)


class _Names:
    """The names of layers that stand side by side, numbered as Keras does."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def of(self, layer: KerasLayer | KerasModel) -> str:
        base = layer.name or (snake_case(layer.kind) if isinstance(layer, KerasLayer) else layer.variable or "model")
        name = base if not self._taken[base] else f"{base}_{self._taken[base]}"
        self._taken[base] += 1
        return name


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


@dataclass
class KerasReader:
    """Makes Keras's objects, and keeps the models and the calls.

    Attributes:
        doubts: returns why it is not known whether the block at hand is taken.
        function: returns the function at hand.
    """

    doubts: Callable[[], Sequence[Unknown]]
    function: Callable[[], str]
    models: list[KerasModel] = field(default_factory=list)
    calls: list[KerasCall] = field(default_factory=list)

    def make(self, name: str, given: Given) -> Value:
        """Return what a call of one of Keras's classes or functions makes; None if that is none of a model."""
        match name:
            case "Sequential":
                return self._sequential(given)
            case "Model" | "Functional":
                return self._functional(given)
            case "Input":
                layer = self.layer("InputLayer", given)
                return KerasTensor(
                    self._record(KerasCall(layer, [], [], [], given.line, len(self.doubts()), self.function()))
                )
        if name[:1].isupper():
            return self.layer(name, given)
        return self.operation(_FUNCTIONS.get(name, name), given.positional, given)

    def operation(self, name: str, values: Sequence[Value], given: Given) -> Value:
        """Return the tensor that a function of tensors returns; None if there is no tensor among its arguments."""
        reads = list(_tensors([*values, *given.named.values()]))
        if not reads:
            return None
        config = {"axis": axis} if type(axis := given.named.get("axis", -1)) is int else {}
        layer = KerasLayer(name, config, given.line, self)
        return KerasTensor(self._record(self._call(layer, reads, given)))

    def called(self, layer: KerasLayer | KerasModel, given: Given) -> KerasTensor:
        """Return the tensor that a call of a layer returns."""
        reads = list(_tensors(given.positional[:1] or [given.named.get("inputs"), given.named.get("sequences")]))
        call = self._call(layer, reads, given)
        call.states = list(_tensors([*given.positional[1:], given.named.get("initial_state")]))
        call.masks = list(_tensors([given.named.get("mask")]))
        doubts = self.doubts()
        why = next((each for each in given.positional[:1] if isinstance(each, Unknown) and each.maybe), None)
        if reads and len(doubts) > max(each.origin.doubts for each in reads):
            why = doubts[-1]
        if why is not None:
            fault = RnncliError(f"the call at line {given.line} is not known: {why.why}", why.advice)
            layer.fault = layer.fault or fault
        return KerasTensor(self._record(call))

    def _call(self, layer: KerasLayer | KerasModel, reads: list[KerasTensor], given: Given) -> KerasCall:
        return KerasCall(layer, reads, [], [], given.line, len(self.doubts()), self.function())

    def _record(self, call: KerasCall) -> KerasCall:
        self.calls.append(call)
        return call

    def _sequential(self, given: Given) -> KerasModel:
        model = KerasModel(self, given.line, len(self.doubts()), self.function(), layers=[])
        self.models.append(model)
        layers = given.get("layers", 0)
        why = layers if isinstance(layers, Unknown) else given.unknown
        if why is not None:
            model.fault = RnncliError(f"its layers are not known (line {given.line}): {why.why}", why.advice)
        for each in layers if isinstance(layers, list | tuple) else []:
            model.add(each, given)
        return model

    def _functional(self, given: Given) -> Value:
        inputs = list(_tensors([given.get("inputs", 0)]))
        outputs = list(_tensors([given.get("outputs", 1)]))
        if not outputs:
            return Unknown(f"{given.source} is computed when the program runs")
        model = KerasModel(self, given.line, len(self.doubts()), self.function(), inputs=inputs, outputs=outputs)
        self.models.append(model)
        return model

    def layer(self, kind: str, given: Given) -> KerasLayer:
        """Return the layer that a call of a class makes."""
        layer = KerasLayer(kind, {}, given.line, self)
        known = kind in SIGNATURES
        positions = SIGNATURES[kind] if known else _OTHER_SIGNATURES.get(kind, ())
        arguments = dict(zip(positions, given.positional, strict=False)) | given.named
        name = arguments.get("name")
        layer.name = name if isinstance(name, str) and 0 < len(name) <= 200 else ""
        try:
            if known and len(given.positional) > len(SIGNATURES[kind]):
                raise RnncliError(
                    f"{kind} has {len(given.positional)} arguments by position (line {given.line})", _BY_NAME
                )
            if known and given.unknown is not None:
                raise RnncliError(
                    f"the arguments of {kind} are not known (line {given.line}): {given.unknown.why}", _BY_NAME
                )
            layer.config = _config(kind, arguments, given.line, strict=known)
        except RnncliError as fault:
            layer.fault = fault
        return layer


_BY_NAME = "write them by name: LSTM(32, activation='tanh')"


def _config(kind: str, arguments: Mapping[str, Value], line: int, *, strict: bool) -> Config:
    """Return the arguments of a layer that count, as a config has them.

    Raises:
        RnncliError: one is not known; never, where it is not `strict`.
    """
    config: Config = {}
    for name, value in arguments.items():
        takes = name in _SHAPES and not (name in ("input_dim", "input_length") and kind == "Embedding")
        made = _nothing if takes else _READERS.get(name, _nothing)(name, value, line)
        if isinstance(made, RnncliError):
            if strict:
                raise made
        elif made is not _nothing:
            config[name] = made
    shape = _shape(kind, arguments, line, strict=strict)
    if shape is not None:
        config["batch_shape" if kind == "InputLayer" else "batch_input_shape"] = shape
    inner = config.get("layer")
    if isinstance(inner, KerasLayer) and shape is None and "batch_input_shape" in inner.config:
        config["batch_input_shape"] = inner.config["batch_input_shape"]
    return config


def _nothing(name: str, value: Value, line: int) -> Any:
    """Stands for an argument that does not count."""
    del name, value, line
    return _nothing


def _read_number(name: str, value: Value, line: int) -> Any:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return value if numeric or value is None else not_said(name, value, line)


def _read_truth(name: str, value: Value, line: int) -> Any:
    return value if isinstance(value, bool | int | None) else not_said(name, value, line, "True or False")


def _read_word(name: str, value: Value, line: int) -> Any:
    match value:
        case str() | int() | None:
            return value
        case list():
            return _plain(value)
        case Named():
            return value.name
        case KerasLayer():
            return value
        case Function():
            lambda_ = value.name == "lambda"
            return {"class_name": "__lambda__", "config": {}} if lambda_ else value.name
    return not_said(name, value, line, "written out")


def _read_layer(name: str, value: Value, line: int) -> Any:
    if isinstance(value, Instance):
        return {"class_name": _own_kind(value), "config": {}}
    if isinstance(value, list) and value and all(isinstance(each, KerasLayer) for each in value):
        fault = next((each.fault for each in value if each.fault is not None), None)
        return fault or value
    if isinstance(value, KerasLayer):
        return value.fault or value
    return not_said(name, value, line, "a layer")


_READERS: Mapping[str, Callable[[str, Value, int], Any]] = {
    **dict.fromkeys(_NUMBERS, _read_number),
    **dict.fromkeys(_TRUTHS, _read_truth),
    **dict.fromkeys(_WORDS, _read_word),
    **dict.fromkeys(_LAYERS, _read_layer),
}


def _shape(kind: str, arguments: Mapping[str, Value], line: int, *, strict: bool) -> list[Value] | None:
    """Return the shape that a layer says it reads, the batch in front; None if it says none.

    Raises:
        RnncliError: the number of features is not known; never, where it is not `strict`.
    """
    batch = None
    for name in ("batch_input_shape", "batch_shape", "input_shape", "shape"):
        given = arguments.get(name)
        if given is None:
            continue
        if not isinstance(given, list | tuple) or not given:
            if strict:
                raise not_said(name, given, line, "written out")
            return None
        sizes = list(given)[1:] if name.startswith("batch") else list(given)
        shape: list[Value] = [each if type(each) is int else None for each in sizes]
        if len(sizes) > 1 and type(sizes[-1]) is not int and strict:
            raise not_said("the number of features", sizes[-1], line)
        return [batch, *shape]
    features = arguments.get("input_dim")
    if kind == "Embedding" or features is None:
        return None
    if type(features) is not int:
        if strict:
            raise not_said("input_dim", features, line)
        return None
    timesteps = arguments.get("input_length")
    recurrent = kind not in ("Dense", "Dropout")
    return [batch, *([timesteps if type(timesteps) is int else None] if recurrent else []), features]


def _plain(value: Value) -> Any:
    """Return a value as JSON has it; what is not known is null."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | int | float | str) else None


def _says_shape(layer: KerasLayer | KerasModel) -> bool:
    if isinstance(layer, KerasModel):
        return layer.layers is None or bool(layer.layers and _says_shape(layer.layers[0]))
    return layer.kind in ("InputLayer", "Embedding") or "batch_input_shape" in layer.config


def _own_kind(instance: Instance) -> str:
    """Return the class of an object of the file, told apart from Keras's."""
    name = instance.cls.name
    return f"{name} of the file" if name in SIGNATURES else name


def _called(value: Value) -> str:
    match value:
        case Named():
            return value.name
        case Unknown():
            return "unknown"
    return type(value).__name__


def _tensors(values: Iterable[Value]) -> Iterator[KerasTensor]:
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


def subclassed(instance: Instance, reader: KerasReader) -> KerasModel | None:
    """Return the model that the layers of an object make, in the order of its attributes; None if it has none."""
    layers = [value for value in instance.values.values() if isinstance(value, KerasLayer | KerasModel)]
    used = {id(call.layer) for call in reader.calls}
    own = [layer for layer in layers if isinstance(layer, KerasLayer) and id(layer) not in used]
    if not own or any(isinstance(layer, KerasModel) for layer in layers):
        return None
    return KerasModel(
        reader, instance.cls.node.lineno, 0, instance.cls.name, instance.variables, list(own), assumed=(ASSUMED_CALL,)
    )


ASSUMED_CALL = "the layers follow one another in the order of __init__; what else call does is not read"


def all_models(reader: KerasReader, instances: Sequence[Instance]) -> list[KerasModel]:
    """Return the models that are none of another's layers, and what calls of layers are in no model."""
    models = [model for model in reader.models if not model.inner]
    seen: set[str] = set()
    for instance in instances:
        model = subclassed(instance, reader)
        if model is not None and instance.cls.name not in seen:
            models.append(model)
            seen.add(instance.cls.name)
    inside = {id(call) for model in reader.models if model.layers is None for call in model.calls()}
    loose: dict[str, list[KerasCall]] = {}
    for call in reader.calls:
        if id(call) not in inside:
            loose.setdefault(call.function, []).append(call)
    for function, calls in loose.items():
        read = {id(tensor.origin) for call in calls for tensor in (*call.reads, *call.states, *call.masks)}
        ends = [KerasTensor(call) for call in calls if id(call) not in read and call.reads]
        if ends:
            models.append(KerasModel(reader, calls[0].line, 0, function, outputs=ends))
    return sorted(models, key=lambda model: model.line)


@dataclass(frozen=True)
class Said:
    """What a source says of one model.

    Attributes:
        name: the model's name.
        line: where it stands.
        parts: its recurrent parts.
        notes: what else a reader should know.
        fault: why it cannot be said; None if it can.
    """

    name: str
    line: int
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    fault: RnncliError | None = None


def read_models(reader: KerasReader, instances: Sequence[Instance]) -> list[Said]:
    """Return what a file says of each of its recurrent models."""
    recurrent = []
    for model in all_models(reader, instances):
        loops = {id(layer) for layer in model.members() if is_recurrent({"class_name": layer.kind})}
        if loops or (model.fault is not None and not model.layers):
            recurrent.append((model, loops))
    names = _model_names([model for model, _ in recurrent])
    said: list[Said] = []
    shown: dict[int, str] = {}
    for (model, loops), name in zip(recurrent, names, strict=True):
        if loops and loops <= shown.keys():
            others = ", ".join(dict.fromkeys(shown[each] for each in loops))
            note = f"{name} (line {model.line}) has the recurrent layers of {others}, and none of its own"
            said.append(Said(name, model.line, notes=(note,)))
            continue
        each = _said(model, name)
        if each.fault is None:
            shown |= dict.fromkeys(loops, name)
        said.append(each)
    return said


def _model_names(models: Sequence[KerasModel]) -> list[str]:
    """Return a name for each model: that of the function or class that makes it, or else of its variable."""
    functions = Counter(model.function for model in models)
    names: list[str] = []
    for number, model in enumerate(models, start=1):
        alone = model.function if functions[model.function] == 1 else ""
        name = alone or model.variable or model.function or "model"
        names.append(name if name not in names else f"{name}_{number}")
    return names


def _said(model: KerasModel, name: str) -> Said:
    faults = [model.fault, *(layer.fault for layer in sorted(model.members(), key=lambda layer: layer.line))]
    fault = next((each for each in faults if each is not None), None)
    if fault is None:
        try:
            found = found_in(graph_of(model.entry(name)), Structure(), modern=True)
        except UnknownFeaturesError as error:
            entry = error.call.entry
            fault = RnncliError(
                f"the file does not say how many features {entry['class_name']} reads (line {entry.get('line')})",
                "put keras.Input((None, FEATURES)) before it",
            )
        except ConfigError as error:
            fault = RnncliError(f"{error.name}: {error.reason}", error.advice)
        except RnncliError as error:
            fault = error
        else:
            several = len(found.parts) > 1
            parts = tuple(
                replace(
                    part,
                    name=f"{name}/{part.name}" if several else name,
                    assumed=(*model.assumed, *part.assumed),
                    other_names=() if several else tuple(dict.fromkeys([model.function, *model.variables])),
                )
                for part in found.parts
            )
            return Said(name, model.line, parts, tuple(f"{shorten(name)}: {note}" for note in found.notes))
    return Said(name, model.line, fault=fault)

"""Keras in a Python source: its models as configs, which the reader of configs reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnncli.errors import RnncliError, shorten
from rnncli.formats.keras.config import ConfigError, is_recurrent
from rnncli.formats.keras.graph import graph_of
from rnncli.formats.keras.nodes import nodes_of, unknown_features
from rnncli.formats.model_file import model_of
from rnncli.formats.nodes import Note, Part
from rnncli.formats.python.definitions import Instance
from rnncli.formats.python.keras_arguments import BY_NAME, config_of_call
from rnncli.formats.python.keras_entries import model_entry
from rnncli.formats.python.keras_objects import KerasCall, KerasLayer, KerasModel, KerasTensor, tensors_in
from rnncli.formats.python.keras_signatures import OTHER_SIGNATURES, SIGNATURES
from rnncli.formats.python.values import Given, Unknown, Value

_FUNCTIONS: Mapping[str, str] = {
    name.lower(): name for name in ("Concatenate", "Add", "Multiply", "Average", "Maximum", "Subtract")
}
"""Functions that stand for a class."""


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
        reads = list(tensors_in([*values, *given.named.values()]))
        if not reads:
            return None
        config = {"axis": axis} if type(axis := given.named.get("axis", -1)) is int else {}
        layer = KerasLayer(name, config, given.line, self)
        return KerasTensor(self._record(self._call(layer, reads, given)))

    def called(self, layer: KerasLayer | KerasModel, given: Given) -> KerasTensor:
        """Return the tensor that a call of a layer returns."""
        reads = list(tensors_in(given.positional[:1] or [given.named.get("inputs"), given.named.get("sequences")]))
        call = self._call(layer, reads, given)
        call.states = list(tensors_in([*given.positional[1:], given.named.get("initial_state")]))
        call.masks = list(tensors_in([given.named.get("mask")]))
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
        inputs = list(tensors_in([given.get("inputs", 0)]))
        outputs = list(tensors_in([given.get("outputs", 1)]))
        if not outputs:
            return Unknown(f"{given.source} is computed when the program runs")
        model = KerasModel(self, given.line, len(self.doubts()), self.function(), inputs=inputs, outputs=outputs)
        self.models.append(model)
        return model

    def layer(self, kind: str, given: Given) -> KerasLayer:
        """Return the layer that a call of a class makes."""
        layer = KerasLayer(kind, {}, given.line, self)
        known = kind in SIGNATURES
        positions = SIGNATURES[kind] if known else OTHER_SIGNATURES.get(kind, ())
        arguments = dict(zip(positions, given.positional, strict=False)) | given.named
        name = arguments.get("name")
        layer.name = name if isinstance(name, str) and 0 < len(name) <= 200 else ""
        try:
            if known and len(given.positional) > len(SIGNATURES[kind]):
                raise RnncliError(
                    f"{kind} has {len(given.positional)} arguments by position (line {given.line})", BY_NAME
                )
            if known and given.unknown is not None:
                raise RnncliError(
                    f"the arguments of {kind} are not known (line {given.line}): {given.unknown.why}", BY_NAME
                )
            layer.config = config_of_call(kind, arguments, given.line, strict=known)
        except RnncliError as fault:
            layer.fault = fault
        return layer


def subclassed(instance: Instance, reader: KerasReader) -> KerasModel | None:
    """Return the model that the layers of an object make, in the order of its attributes; None if it has none."""
    values: list[Value] = []
    for value in instance.values.values():
        values += value if isinstance(value, list) else [value]
    layers = [value for value in values if isinstance(value, KerasLayer | KerasModel)]
    used = {id(call.layer) for call in reader.calls}
    own = [layer for layer in layers if isinstance(layer, KerasLayer) and id(layer) not in used]
    if not own or any(isinstance(layer, KerasModel) for layer in layers):
        return None
    why = instance.doubtful
    return KerasModel(
        reader,
        instance.cls.node.lineno,
        0,
        instance.cls.name,
        instance.variables,
        list(own),
        fault=None if why is None else RnncliError(f"its layers are not known: {why.why}", why.advice),
        assumed=(ASSUMED_CALL,),
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
            nodes = nodes_of(graph_of(model_entry(model, name)), None, modern=True)
            found = model_of("", "", "", nodes)
            if not found.parts and (node := unknown_features(found.left)) is not None:
                raise RnncliError(
                    f"the file does not say how many features {node.kind} reads (line {node.line})",
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
                    notes=(*(Note(text, "assumed") for text in model.assumed), *part.notes),
                    other_names=() if several else tuple(dict.fromkeys([model.function, *model.variables])),
                )
                for part in found.parts
            )
            return Said(name, model.line, parts, tuple(f"{shorten(name)}: {note}" for note in found.notes))
    return Said(name, model.line, fault=fault)

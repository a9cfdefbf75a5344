"""Keras's config: a layer's class and arguments, and which of a model's layers are called on which outputs.

It is plain JSON; no layer is ever built from it. Keras has used several forms. A Sequential model is a list of layers,
or an object with such a list. A functional model lists the inputs of each layer call: `[["lstm", 0, 0, {}]]` up to
Keras 2, an object with `args` and `kwargs` in Keras 3. Nested models are unfolded here, so that a chain can be followed
through them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.nodes import names
from rnncli.immutable import NamedTuple
from rnncli.layers.base import snake_case

MAX_JSON = 5_000_000
"""The longest config, in bytes."""

SAVE_AGAIN = "save it again: Keras writes a config with model.to_json() and model.save()"

Json = Mapping[str, Any]

MODELS = ("Sequential", "Functional", "Model")
"""Classes of models that list their layers."""

BY_FILTERS = names("Conv1D SeparableConv1D Conv1DTranspose")
"""Classes that return as many features as they have `filters`."""

_ALONG_TIME = names("MaxPooling1D MaxPool1D AveragePooling1D AvgPool1D UpSampling1D ZeroPadding1D Cropping1D")
_BY_NUMBER = names("Add Average Maximum Minimum Multiply Subtract Activation ELU LeakyReLU ReLU Softmax Masking")
_SCALING = names("BatchNormalization LayerNormalization Normalization UnitNormalization Rescaling PReLU")
KEEP_FEATURES = _ALONG_TIME | _BY_NUMBER | _SCALING | names("DepthwiseConv1D MultiHeadAttention")
"""Classes that are not always understood, but return as many features as their first input has."""

LOSE_MASK = BY_FILTERS | _ALONG_TIME | names("DepthwiseConv1D Reshape Permute Flatten")
"""Classes that no mask passes through, besides layers that return vectors."""

OTHER_CLASSES = (
    KEEP_FEATURES
    | LOSE_MASK
    | names(
        "Concatenate Conv2D ConvLSTM1D ConvLSTM2D Lambda Attention AdditiveAttention TextVectorization Sequential Model"
    )
)
"""Unsupported classes that are recognised just by name when the module that the name comes from is unknown."""

RANKS: Mapping[str, int] = {"vector": 2, "sequence": 3}
"""The number of axes of vectors, one per sample, and of sequences."""


def side_by_side(widths: Sequence[int | None], axis: object, rank: int | None) -> int | None:
    """Return how many features tensors have when joined along an axis, or None if that is not known."""
    if axis in (-1, 2) or (rank is not None and axis == rank - 1):
        return sum(each or 0 for each in widths) if all(widths) else None
    return widths[0] if rank is not None and type(axis) is int else None


class Sibling(NamedTuple):
    """One of the layers at the same level in a file of weights, with its own name.

    Its class in snake case and its index among layers of that class, from 0, name its group: `lstm`, then `lstm_1`.
    """

    kind: str
    number: int
    name: str

    def __str__(self) -> str:
        return f"{self.kind}_{self.number}" if self.number else self.kind


Step = str | Sibling
"""A step in the path to the weights of a layer, from group to group."""


def parsed(text: bytes | str, what: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        RnncliError: it is not JSON, or longer or more deeply nested than a config.
    """
    if len(text) > MAX_JSON:
        raise RnncliError(f"{what} is longer than {MAX_JSON:,} characters, too long for a config", SAVE_AGAIN)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else shorten(str(error), 80)
        raise RnncliError(f"{what} is not JSON: {reason}", SAVE_AGAIN) from None


def is_model(entry: Json) -> bool:
    """Return whether an entry is a model that lists its layers and, if its class is a custom one, their inputs."""
    config = entry.get("config")
    says = isinstance(config, dict) and {"input_layers", "output_layers"} <= config.keys()
    return (entry.get("class_name") in MODELS or says) and isinstance(layers_in(entry), list)


def is_custom(entry: Json) -> bool:
    """Return whether the class of an entry is custom, as far as a config of Keras 3 shows where it comes from."""
    module, registered = entry.get("module"), entry.get("registered_name")
    own = isinstance(module, str) and module.partition(".")[0] not in ("keras", "tf_keras", "keras_core", "tensorflow")
    return own or (isinstance(registered, str) and ">" in registered)


def is_recurrent(entry: Json) -> bool:
    """Return whether a layer is recurrent, judging by its class."""
    return any(part in str(entry.get("class_name")) for part in ("RNN", "LSTM", "GRU", "Bidirectional"))


def dtype_of(entry: Json) -> str:
    """Return the data type or policy of a layer: `float32`, `mixed_bfloat16`; may be empty."""
    match config_of(entry).get("dtype"):
        case str(name) | {"config": {"name": str(name)}}:
            return name
    return ""


def quantized(entry: Json) -> str | None:
    """Return how the weights of a layer are quantized, if they are."""
    config = config_of(entry)
    match config.get("dtype"):
        case {"config": {"mode": str(mode)}}:
            return mode
    how, kept, _ = dtype_of(entry).partition("_from_")
    if kept:
        return how
    return "quantized" if config.get("quantization_config") or config.get("quantization_mode") else None


def layers_in(entry: Json) -> Any:
    """Return the layers of a model; before Keras 2.2.3, a Sequential's config was the list itself."""
    config = entry.get("config")
    return config.get("layers") if isinstance(config, dict) else config


def config_of(entry: Json) -> Json:
    """Return the arguments of a layer.

    Raises:
        RnncliError: it has none.
    """
    config = entry.get("config")
    if not isinstance(config, dict):
        raise RnncliError(f"its config describes a layer as {shorten(repr(entry))}, without a config")
    return config


def version_of(said: Any) -> str:
    """Return the version of Keras that a config or metadata names; may be empty."""
    version = said.get("keras_version") if isinstance(said, dict) else None
    return shorten(version, 20) if isinstance(version, str) else ""


def is_modern(model: Any, version: str) -> bool:
    """Return whether Keras 3 wrote a config. If it has no version, Keras 3 names the module of every class."""
    if version:
        return version.partition(".")[0].isdigit() and int(version.partition(".")[0][:4]) >= 3
    return isinstance(model, dict) and str(model.get("module") or "").partition(".")[0] == "keras"


def writer(version: str, model: Any) -> str:
    """Return the program that wrote a file, as far as the file names it."""
    return f"Keras {version or '3' * is_modern(model, version)}".strip()


def siblings(entries: Sequence[Any]) -> Iterator[tuple[Json, Sibling]]:
    """Yield the layers of one level, each with its index among those of its class.

    Raises:
        RnncliError: one is not a layer.
    """
    counts: Counter[str] = Counter()
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise RnncliError(f"its config describes a layer as {shorten(repr(entry))}, without a class_name")
        kind, config = snake_case(entry["class_name"]), entry.get("config")
        name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
        yield entry, Sibling(kind, counts[kind], name if isinstance(name, str) else kind)
        counts[kind] += 1


# The graph of calls. ------------------------------------------------------------------------------------------

MAX_CALLS = 10_000
"""The most calls of layers, including those in nested models."""

MAX_NESTING = 20
"""How deeply models may be nested."""

CallKey = tuple[tuple[str, ...], str, int]
"""A call of a layer: the enclosing models, the layer's name, and the index of the call among the layer's calls."""


class CallOutput(NamedTuple):
    """An output of a call: the call, and the index of the output."""

    call: CallKey
    output: int


class LayerCall(NamedTuple):
    """A call of a layer.

    Attributes:
        path: the names of the enclosing models, and the layer's own.
        entry: the layer's entry in the config.
        route: the path to its weights in a file of Keras 3.
        reads: its inputs, the data first.
        shape: the shape of the first input, if the call specifies it.
        given_state: whether it is called with an initial state.
        mask: the mask that it is called with, empty for an array.
        training: whether it is called in training mode, whatever the model does.
        takes_last: whether it is an index that takes the last timestep.
    """

    path: tuple[str, ...]
    entry: Json
    route: tuple[Step, ...]
    reads: tuple[CallOutput, ...]
    shape: Any = None
    given_state: bool = False
    mask: tuple[CallOutput, ...] | None = None
    training: bool = False
    takes_last: bool = False

    @property
    def name(self) -> str:
        """The layer's name in the file: `lstm`, `encoder/lstm`."""
        return "/".join(self.path)

    @property
    def kind(self) -> str:
        """The class of the layer."""
        return shorten(str(self.entry.get("class_name")))


@dataclass
class ModelCalls:
    """The calls of a model, in the order of the file, and sentences on its models for the reader.

    Attributes:
        calls: the calls.
        aliases: the outputs that the inputs and outputs of nested models actually are.
        outputs: the outputs of the whole model.
    """

    calls: dict[CallKey, LayerCall] = field(default_factory=dict)
    aliases: dict[CallOutput, CallOutput] = field(default_factory=dict)
    outputs: list[CallOutput] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def origin(self, source: CallOutput) -> CallOutput:
        """Return the output that a source refers to, resolved through the enclosing models.

        Raises:
            RnncliError: there is no such layer, or models read one another in a circle.
        """
        origin = source
        for _ in range(MAX_CALLS):
            if origin.call in self.calls:
                return origin
            origin = self.aliases.get(origin, origin)
        raise RnncliError(f"its config says that a layer reads {shorten(source.call[1])}, which does not exist")


def graph_of(model: Any) -> ModelCalls:
    """Return the calls of the layers of a model.

    Raises:
        RnncliError: it is not the config of a Keras model, or contradicts itself.
    """
    if not isinstance(model, dict) or not isinstance(model.get("class_name"), str) or "config" not in model:
        if isinstance(model, dict) and "weight_map" in model:
            raise RnncliError("it is an index of the files that have the weights, not a model", "give one of the files")
        expected = "expected a JSON object with class_name and config"
        raise RnncliError(f"it is not a Keras model: {expected}", "model.to_json() writes one")
    if not is_model(model):
        raise RnncliError(
            f"its model is of the class {shorten(model['class_name'])}, and the file does not list its layers",
            "files of Sequential and functional models do",
        )
    graph = ModelCalls()
    graph.outputs = _add_model(graph, (), LayerCall((), model, (), ()))
    return graph


def _add_model(graph: ModelCalls, scope: tuple[str, ...], of: LayerCall) -> list[CallOutput]:
    """Add the layer calls of a nested model, in their own scope; return its outputs."""
    model = of.entry
    if len(scope) > MAX_NESTING:
        raise RnncliError(f"its models are nested more than {MAX_NESTING} deep")
    if is_custom(model) or model["class_name"] not in MODELS:
        graph.notes.append(
            f"{shorten(of.name or 'the model')} is of the class {shorten(model['class_name'])}, whose code is not in "
            "the file; it is read as the graph of its layers"
        )
    layers = [
        (entry, LayerCall((*of.path, sibling.name), entry, (*of.route, "layers", sibling), ()))
        for entry, sibling in siblings(layers_in(model))
    ]
    if model["class_name"] == "Sequential":
        reads = of.reads[:1]
        # Keras 3 does not count the input among a Sequential's layers.
        for number, (entry, call) in enumerate(layers):
            if entry["class_name"] != "InputLayer" or not reads:
                key = (scope, call.path[-1], number)
                _add_layer(graph, key, call._replace(reads=reads))
                reads = (CallOutput(key, 0),)
        return list(reads)
    config = config_of(model)
    inputs = [source.call[1] for source in _sources(config.get("input_layers"), scope)]
    calls: dict[str, list[LayerCall]] = {}
    earlier: dict[CallKey, CallKey] = {}
    for entry, call in layers:
        name, written = call.path[-1], entry.get("inbound_nodes") or []
        calls[name] = [_call(each, call, scope) for each in (written if isinstance(written, list) else [written])]
        # A nested model's own graph counts as its first call: in the outputs in Keras 3, everywhere in Keras 2.
        if is_model(entry) and entry["class_name"] != "Sequential" and any(isinstance(each, dict) for each in written):
            earlier |= {(scope, name, number + 1): (scope, name, number) for number in range(len(written))}
    returned = _sources(config.get("output_layers"), scope)
    returned = tuple(source._replace(call=earlier.get(source.call, source.call)) for source in returned)
    read = {source.call for source in chain(returned, *(each.reads for some in calls.values() for each in some))}
    for entry, call in layers:
        name = call.path[-1]
        if not calls[name]:
            source = CallOutput((scope, name, 0), 0)
            if name in inputs and inputs.index(name) < len(of.reads):
                graph.aliases[source] = of.reads[inputs.index(name)]
            else:
                _add_layer(graph, source.call, call)
        first = int(is_model(entry) and (scope, name, 0) not in read)
        for number, each in enumerate(calls[name], first):
            _add_layer(graph, (scope, name, number), each)
    return [*returned]


def _add_layer(graph: ModelCalls, key: CallKey, call: LayerCall) -> None:
    if len(graph.calls) + len(graph.aliases) >= MAX_CALLS:
        raise RnncliError(f"its config has more than {MAX_CALLS:,} calls of layers")
    if not is_model(call.entry):
        graph.calls[key] = call
        return
    for number, output in enumerate(_add_model(graph, (*key[0], f"{key[1]}#{key[2]}"), call)):
        graph.aliases[CallOutput(key, number)] = output


_ALL = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
"""The index of a whole axis, `:`."""


def _call(written: Any, call: LayerCall, scope: tuple[str, ...]) -> LayerCall:
    """Return a call with its inputs, from either form."""
    match written:
        case {"args": list(args), "kwargs": dict(kwargs)}:
            others = {key: value for key, value in kwargs.items() if key != "mask"}
            tensors = _tensors([args, others], scope)
            mask = kwargs.get("mask")
            states = (*args[1:], kwargs.get("initial_state"))
            return call._replace(
                reads=tuple(source for source, _ in tensors),
                shape=tensors[0][1] if tensors else None,
                given_state=len(tensors) > 1 or any(state is not None for state in states),
                mask=None if mask is None else tuple(source for source, _ in _tensors(mask, scope)),
                training=kwargs.get("training") is True,
                takes_last=args[1:] in ([[_ALL, -1]], [[_ALL, -1, _ALL]]),
            )
        case [str(), *_] | [[str(), *_], *_]:
            items = [written] if isinstance(written[0], str) else written
            keywords = [item[3] for item in items if isinstance(item, list) and len(item) > 3]
            named = {key: value for some in keywords if isinstance(some, dict) for key, value in some.items() if value}
            reads = _sources(written, scope)
            return call._replace(
                reads=reads,
                # A recurrent layer with several inputs reads a sequence and states.
                given_state="initial_state" in named or len(reads) > 1,
                mask=_sources(named["mask"], scope) if "mask" in named else None,
                training="training" in named,
            )
        case _:
            raise RnncliError(f"its config says that {shorten(call.name)} reads {shorten(repr(written))}")


def _sources(value: Any, scope: tuple[str, ...]) -> tuple[CallOutput, ...]:
    """Return the call outputs that a reference such as `["lstm", 0, 0]`, or a list of references, names."""
    return tuple(source for source, _ in _tensors(value, scope, listed=True))


def _tensors(value: Any, scope: tuple[str, ...], *, listed: bool = False) -> list[tuple[CallOutput, Any]]:
    """Return the call outputs in some arguments and their shapes, in Keras 3's form, or in lists as before."""
    found: list[tuple[CallOutput, Any]] = []
    waiting = [value]
    while waiting:
        match waiting.pop():
            case [str(name), int(number), int(output), *_] if listed:
                found.append((CallOutput((scope, name, number), output), None))
            case {"class_name": "__keras_tensor__", "config": {"keras_history": history} as config} if not listed:
                match history:
                    case [str(name), int(number), int(output)]:
                        found.append((CallOutput((scope, name, number), output), config.get("shape")))
                    case _:
                        raise RnncliError(f"its config says that a tensor comes from {shorten(repr(history))}")
            case list(values):
                waiting += values[::-1]
            case dict(values):  # Keras passes these in the order of their names
                waiting += [values[key] for key in sorted(values, key=str, reverse=True)]
    return found

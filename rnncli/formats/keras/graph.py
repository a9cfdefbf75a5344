"""The config of a Keras model as a graph of calls.

Keras has written the same things in several ways. A Sequential model is a list of layers, or an object with such a
list. A functional model says of each call of a layer what it reads: `[["lstm", 0, 0, {}]]` until Keras 2, an object
with `args` and `kwargs` in Keras 3. Models inside of models are unfolded here, so that a chain can be followed through
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.keras.config import MODELS, Json, Sibling, Step, config_of, is_custom, is_model, layers_in, siblings

MAX_CALLS = 10_000
"""The most calls of layers, those in models inside of models included."""

MAX_NESTING = 20
"""How deep models may stand inside of one another."""

CallKey = tuple[tuple[str, ...], str, int]
"""A call of a layer: the models around it, the layer's name, and which of its calls it is."""


class Source(NamedTuple):
    """An output of a call: the call, and which output."""

    call: CallKey
    output: int


class Call(NamedTuple):
    """A call of a layer.

    Attributes:
        path: the names of the models around the layer, and its own.
        entry: what the config says of the layer.
        route: the way to its weights in a file of Keras 3.
        reads: what it is called on, its data first.
        shape: the shape of the first of these, where the call says it.
        given_state: whether it is called with an initial state.
        mask: the mask that it is called with.
        training: whether it is called as in training, whatever the model does.
    """

    path: tuple[str, ...]
    entry: Json
    route: tuple[Step, ...]
    reads: tuple[Source, ...]
    shape: Any = None
    given_state: bool = False
    mask: Source | None = None
    training: bool = False

    @property
    def name(self) -> str:
        """What the file calls the layer: `lstm`, `encoder/lstm`."""
        return "/".join(self.path)

    @property
    def kind(self) -> str:
        """The class of the layer."""
        return shorten(str(self.entry.get("class_name")))


@dataclass
class Graph:
    """The calls of a model, in the order of the file.

    Attributes:
        calls: the calls.
        aliases: what the outputs of models, and their inputs, are in truth.
        notes: what a reader should know of the models, a sentence each.
    """

    calls: dict[CallKey, Call] = field(default_factory=dict)
    aliases: dict[Source, Source] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def origin(self, source: Source) -> Source:
        """Return the output that a source is, seen through the models around it.

        Raises:
            RnncliError: there is no such layer, or models read one another in a circle.
        """
        passed: list[Source] = []
        origin = source
        while origin.call not in self.calls and origin in self.aliases and len(passed) < MAX_CALLS:
            passed.append(origin)
            origin = self.aliases[origin]
        if origin.call in self.calls:
            self.aliases |= dict.fromkeys(passed, origin)
            return origin
        raise RnncliError(f"its config says that a layer reads {shorten(source.call[1])}, which is not there")


class _Place(NamedTuple):
    """Where a model stands.

    Attributes:
        scope: the models around its layers, itself included, as the keys of their calls name them.
        path: their names.
        route: the way to the weights of its layers in a file of Keras 3.
    """

    scope: tuple[str, ...]
    path: tuple[str, ...]
    route: tuple[Step, ...]

    def call_of(self, entry: Json, sibling: Sibling) -> Call:
        """Return a call of one of its layers that reads nothing yet."""
        return Call((*self.path, sibling.name), entry, (*self.route, sibling), ())


def graph_of(model: Any) -> Graph:
    """Return the calls of the layers of a model.

    Raises:
        RnncliError: it is not the config of a Keras model, or contradicts itself.
    """
    if not isinstance(model, dict) or not isinstance(model.get("class_name"), str) or "config" not in model:
        expected = "one is a JSON object with class_name and config"
        raise RnncliError(f"it is no Keras model: {expected}", "model.to_json() makes one")
    if not is_model(model):
        raise RnncliError(
            f"its model is of the class {shorten(model['class_name'])}, and the file does not say what its layers are",
            "Sequential and functional models say so",
        )
    graph = Graph()
    _add_model(graph, model, _Place((), (), ("layers",)), ())
    return graph


def _add_model(graph: Graph, model: Json, place: _Place, given: Sequence[Source]) -> list[Source]:
    """Add the calls of a model that is called on what is given, and return its outputs."""
    if len(place.scope) > MAX_NESTING:
        raise RnncliError(f"its models stand more than {MAX_NESTING} deep inside of one another")
    if is_custom(model) or model["class_name"] not in MODELS:
        owner = "/".join(place.path) or "the model"
        graph.notes.append(
            f"{shorten(owner)} is of the class {shorten(model['class_name'])}, whose code is not in the file; "
            "it is read as the graph of its layers"
        )
    add = _add_sequential if model["class_name"] == "Sequential" else _add_functional
    return add(graph, model, place, given)


def _add_layer(graph: Graph, key: CallKey, call: Call) -> None:
    """Add a call of a layer or of a model."""
    if len(graph.calls) + len(graph.aliases) >= MAX_CALLS:
        raise RnncliError(f"its config has more than {MAX_CALLS:,} calls of layers")
    if not is_model(call.entry):
        graph.calls[key] = call
        return
    place = _Place((*key[0], f"{key[1]}#{key[2]}"), call.path, (*call.route, "layers"))
    for number, output in enumerate(_add_model(graph, call.entry, place, call.reads)):
        graph.aliases[Source(key, number)] = output


def _add_sequential(graph: Graph, model: Json, place: _Place, given: Sequence[Source]) -> list[Source]:
    reads = tuple(given[:1])
    # Keras 3 does not count the input among the layers of a Sequential.
    for number, (entry, sibling) in enumerate(siblings(layers_in(model))):
        if entry["class_name"] == "InputLayer" and reads:
            continue
        key = (place.scope, sibling.name, number)
        _add_layer(graph, key, place.call_of(entry, sibling)._replace(reads=reads))
        reads = (Source(key, 0),)
    return list(reads)


def _add_functional(graph: Graph, model: Json, place: _Place, given: Sequence[Source]) -> list[Source]:
    config = config_of(model)
    inputs = [source.call[1] for source in _sources(config.get("input_layers"), place.scope)]
    for entry, sibling in siblings(layers_in(model)):
        name, call = sibling.name, place.call_of(entry, sibling)
        calls = entry.get("inbound_nodes") or []
        if not isinstance(calls, list):
            raise RnncliError(f"its config says that {shorten(name)} reads {shorten(repr(calls))}")
        if not calls:
            source = Source((place.scope, name, 0), 0)
            if name in inputs and inputs.index(name) < len(given):
                graph.aliases[source] = given[inputs.index(name)]
            else:
                _add_layer(graph, source.call, call)
        for number, written in enumerate(calls):
            _add_layer(graph, (place.scope, name, number), _call(written, call, place.scope))
    return [*_sources(config.get("output_layers"), place.scope)]


def _call(written: Any, call: Call, scope: tuple[str, ...]) -> Call:
    """Return a call with what it reads, from either way to write it."""
    match written:
        case {"args": list(args), "kwargs": dict(kwargs)}:
            others = {key: value for key, value in kwargs.items() if key != "mask"}
            tensors = _tensors([args, others], scope)
            return call._replace(
                reads=tuple(source for source, _ in tensors),
                shape=tensors[0][1] if tensors else None,
                given_state=len(tensors) > 1,
                mask=next((source for source, _ in _tensors(kwargs.get("mask"), scope)), None),
                training=kwargs.get("training") is True,
            )
        case [str(), *_] | [[str(), *_], *_]:
            items = [written] if isinstance(written[0], str) else written
            keywords = [item[3] for item in items if isinstance(item, list) and len(item) > 3]
            named = {key: value for some in keywords if isinstance(some, dict) for key, value in some.items() if value}
            reads = _sources(written, scope)
            return call._replace(
                reads=reads,
                # A recurrent layer that reads several outputs reads a sequence and states.
                given_state="initial_state" in named or len(reads) > 1,
                mask=next(iter(_sources(named.get("mask"), scope)), None),
                training="training" in named,
            )
        case _:
            raise RnncliError(f"its config says that {shorten(call.name)} reads {shorten(repr(written))}")


def _sources(value: Any, scope: tuple[str, ...]) -> tuple[Source, ...]:
    """Return the outputs of calls in a model that a text such as `["lstm", 0, 0]`, or a list of such, names."""
    return tuple(source for source, _ in _tensors(value, scope, listed=True))


def _tensors(value: Any, scope: tuple[str, ...], *, listed: bool = False) -> list[tuple[Source, Any]]:
    """Return the outputs of calls in some arguments and their shapes, as Keras 3 writes them, or before it in lists."""
    found: list[tuple[Source, Any]] = []
    waiting = [value]
    while waiting:
        match waiting.pop():
            case [str(name), int(number), int(output), *_] if listed:
                found.append((Source((scope, name, number), output), None))
            case {"class_name": "__keras_tensor__", "config": {"keras_history": history} as config} if not listed:
                match history:
                    case [str(name), int(number), int(output)]:
                        found.append((Source((scope, name, number), output), config.get("shape")))
                    case _:
                        raise RnncliError(f"its config says that a tensor comes from {shorten(repr(history))}")
            case list(values):
                waiting += values[::-1]
            case dict(values):  # Keras takes what is named in the order of the names
                waiting += [values[key] for key in sorted(values, key=str, reverse=True)]
    return found

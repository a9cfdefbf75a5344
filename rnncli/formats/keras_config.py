"""The config of a Keras model as a graph of calls: plain JSON, of which no layer is ever built.

Keras has written the same things in several ways. A Sequential model is a list of layers, or an object with such a
list. A functional model says of each call of a layer what it reads: `[["lstm", 0, 0, {}]]` until Keras 2, an object
with `args` and `kwargs` in Keras 3. Models inside of models are unfolded here, so that a chain can be followed through
them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rnncli.errors import RnncliError, shorten

MAX_JSON = 10_000_000
"""The longest config, in bytes."""

MAX_CALLS = 20_000
"""The most calls of layers, those in models inside of models included."""

MAX_NESTING = 20
"""How deep models may stand inside of one another."""

Json = Mapping[str, Any]


class ConfigError(RnncliError):
    """What a config says of a layer is not what such a layer can be.

    Args:
        name: the layer.
        reason: what is wrong with it.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"its config says of {shorten(name)}: {reason}")
        self.name = shorten(name)
        self.reason = reason


MODELS = ("Sequential", "Functional", "Model")
"""Classes of models that say what their layers are."""


class Sibling(NamedTuple):
    """One of the layers that stand side by side in a file of weights.

    Attributes:
        kind: its class in snake case, which names its group: `lstm`, the next `lstm_1`.
        number: which one of its class it is, from 0.
        name: its own name.
    """

    kind: str
    number: int
    name: str


Step = str | Sibling
"""A step on the way to the weights of a layer, from group to group."""

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
        reads: what it is called on.
        shape: the shape of the first of these, where the call says it.
        given_state: whether it is called with an initial state.
        masked: whether it is called with a mask; None if the call does not say.
    """

    path: tuple[str, ...]
    entry: Json
    route: tuple[Step, ...]
    reads: tuple[Source, ...]
    shape: Any = None
    given_state: bool = False
    masked: bool | None = None

    @property
    def name(self) -> str:
        """What the file calls the layer: `lstm`, `encoder/lstm`."""
        return "/".join(self.path)

    @property
    def line(self) -> int | None:
        """The line that makes the layer, where a source says so."""
        line = self.entry.get("line")
        return line if type(line) is int else None


@dataclass
class Graph:
    """The calls of a model, in the order of the file."""

    calls: dict[CallKey, Call] = field(default_factory=dict)
    aliases: dict[Source, Source] = field(default_factory=dict)

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


def parsed(text: bytes | str, what: str) -> Any:
    """Return what a text of JSON says.

    Raises:
        RnncliError: it is no JSON, or longer or deeper than a config is.
    """
    if len(text) > MAX_JSON:
        raise RnncliError(f"{what} has {len(text):,} characters; {MAX_JSON:,} are allowed")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else shorten(str(error), 80)
        raise RnncliError(f"{what} is no JSON: {reason}") from None


def graph_of(model: Any) -> Graph:
    """Return the calls of the layers of a model.

    Raises:
        RnncliError: it is not the config of a Keras model, or contradicts itself.
    """
    if not isinstance(model, dict) or not isinstance(model.get("class_name"), str) or "config" not in model:
        raise RnncliError(
            "it is no Keras model: one is a JSON object with class_name and config", "model.to_json() makes one"
        )
    if not is_model(model):
        raise RnncliError(
            f"its model is of the class {shorten(model['class_name'])}, and the file does not say what its layers are",
            "Sequential and functional models say so",
        )
    graph = Graph()
    _add_model(graph, model, (), (), ("layers",), ())
    return graph


def is_model(entry: Json) -> bool:
    """Whether an entry is a model that says what its layers are."""
    return entry.get("class_name") in MODELS and isinstance(layers_in(entry), list)


def layers_in(entry: Json) -> Any:
    """Return the layers of a model; before Keras 2.2.3 a Sequential's config was the list itself."""
    config = entry.get("config")
    return config.get("layers") if isinstance(config, dict) else config


def config_of(entry: Json) -> Json:
    """Return the arguments of a layer.

    Raises:
        RnncliError: there are none.
    """
    config = entry.get("config")
    if not isinstance(config, dict):
        raise RnncliError(f"its config says of a layer {shorten(repr(entry))}, without a config of its own")
    return config


def name_of(entry: Json) -> str:
    """Return the name of a layer."""
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return name if isinstance(name, str) else snake_case(str(entry.get("class_name")))


def snake_case(name: str) -> str:
    """Return the name of a class as Keras names its groups: `simple_rnn_cell`, `global_max_pooling1d`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def siblings(entries: Sequence[Any]) -> Iterator[tuple[Json, Sibling]]:
    """Yield layers that stand side by side, each with its place among those of its class.

    Raises:
        RnncliError: one is no layer.
    """
    counts: Counter[str] = Counter()
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise RnncliError(f"its config says of a layer {shorten(repr(entry))}, without a class_name")
        kind = snake_case(entry["class_name"])
        yield entry, Sibling(kind, counts[kind], name_of(entry))
        counts[kind] += 1


def _add_model(
    graph: Graph,
    model: Json,
    scope: tuple[str, ...],
    path: tuple[str, ...],
    route: tuple[Step, ...],
    given: Sequence[Source],
) -> list[Source]:
    """Add the calls of a model that is called on what is given, and return its outputs."""
    if len(scope) > MAX_NESTING:
        raise RnncliError(f"its models stand more than {MAX_NESTING} deep inside of one another")
    add = _add_sequential if model["class_name"] == "Sequential" else _add_functional
    return add(graph, model, scope, path, route, given)


def _add_layer(graph: Graph, key: CallKey, call: Call) -> None:
    """Add a call of a layer or of a model."""
    if len(graph.calls) + len(graph.aliases) >= MAX_CALLS:
        raise RnncliError(f"its config has more than {MAX_CALLS:,} calls of layers")
    if not is_model(call.entry):
        graph.calls[key] = call
        return
    scope = (*key[0], f"{key[1]}#{key[2]}")
    outputs = _add_model(graph, call.entry, scope, call.path, (*call.route, "layers"), call.reads)
    for number, output in enumerate(outputs):
        graph.aliases[Source(key, number)] = output


def _add_sequential(
    graph: Graph,
    model: Json,
    scope: tuple[str, ...],
    path: tuple[str, ...],
    route: tuple[Step, ...],
    given: Sequence[Source],
) -> list[Source]:
    reads = tuple(given[:1])
    # Keras 3 does not count the input among the layers of a Sequential.
    for number, (entry, sibling) in enumerate(siblings(layers_in(model))):
        if entry["class_name"] == "InputLayer" and reads:
            continue
        key = (scope, sibling.name, number)
        _add_layer(graph, key, Call((*path, sibling.name), entry, (*route, sibling), reads))
        reads = (Source(key, 0),)
    return list(reads)


def _add_functional(
    graph: Graph,
    model: Json,
    scope: tuple[str, ...],
    path: tuple[str, ...],
    route: tuple[Step, ...],
    given: Sequence[Source],
) -> list[Source]:
    config = config_of(model)
    inputs = [name for name, _, _ in _references(config.get("input_layers"))]
    for entry, sibling in siblings(layers_in(model)):
        name = sibling.name
        calls = entry.get("inbound_nodes") or []
        if not isinstance(calls, list):
            raise RnncliError(f"its config says that {shorten(name)} reads {shorten(repr(calls))}")
        if not calls:
            source = Source((scope, name, 0), 0)
            if name in inputs and inputs.index(name) < len(given):
                graph.aliases[source] = given[inputs.index(name)]
            else:
                _add_layer(graph, source.call, Call((*path, name), entry, (*route, sibling), ()))
        for number, written in enumerate(calls):
            call = _call(written, Call((*path, name), entry, (*route, sibling), ()), scope)
            _add_layer(graph, (scope, name, number), call)
    return [Source((scope, *call), output) for *call, output in _references(config.get("output_layers"))]  # type: ignore[arg-type]  # a name and a number


def _call(written: Any, call: Call, scope: tuple[str, ...]) -> Call:
    """Return a call with what it reads, from either way to write it."""
    match written:
        case {"args": list(args), "kwargs": dict(kwargs)}:
            others = {key: value for key, value in kwargs.items() if key != "mask"}
            data, further = (args[:1], [args[1:], others]) if args else ([others], [])
            tensors = list(_tensors(data))
            shape = tensors[0].get("shape") if tensors else None
            return call._replace(
                reads=tuple(_history(tensor, scope) for tensor in tensors),
                shape=shape,
                given_state=any(True for _ in _tensors(further)),
                masked=any(True for _ in _tensors(kwargs["mask"])) if "mask" in kwargs else None,
            )
        case [str(), *_] | [[str(), *_], *_]:
            items = [written] if isinstance(written[0], str) else written
            keywords = [item[3] for item in items if isinstance(item, list) and len(item) > 3]
            named = {key for some in keywords if isinstance(some, dict) for key, value in some.items() if value}
            return call._replace(
                reads=tuple(Source((scope, name, number), output) for name, number, output in _references(written)),
                given_state="initial_state" in named,
                masked="mask" in named or None,
            )
        case _:
            raise RnncliError(f"its config says that {shorten(call.name)} reads {shorten(repr(written))}")


def _tensors(value: Any) -> Iterator[Json]:
    """Yield the tensors in the arguments of a call, as Keras 3 writes them."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case {"class_name": "__keras_tensor__", "config": {"keras_history": _} as config}:
                yield config
            case list(values):
                waiting += reversed(values)
            case dict(values):
                waiting += reversed(values.values())


def _history(tensor: Json, scope: tuple[str, ...]) -> Source:
    """Return what a tensor is the output of."""
    match tensor["keras_history"]:
        case [str(name), int(number), int(output)]:
            return Source((scope, name, number), output)
        case other:
            raise RnncliError(f"its config says that a tensor comes from {shorten(repr(other))}")


def _references(value: Any) -> list[tuple[str, int, int]]:
    """Return the outputs of calls that a text such as `["lstm", 0, 0]`, or a list of such, names."""
    found = []
    waiting = [value]
    while waiting:
        match waiting.pop():
            case [str(name), int(number), int(output), *_]:
                found.append((name, number, output))
            case list(values):
                waiting += reversed(values)
            case dict(values):
                waiting += reversed(values.values())
    return found

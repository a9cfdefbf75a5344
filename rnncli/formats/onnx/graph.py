"""The walk along a graph, from its inputs to its outputs, in which chains of layers are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from rnncli.errors import ArgumentError, shorten
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.cells import KINDS, ReasonError, cell_of, turned
from rnncli.formats.onnx.layers import LAYERS
from rnncli.formats.onnx.moves import MOVES, moved, product
from rnncli.formats.onnx.nodes import Graph, Operation
from rnncli.formats.onnx.values import (
    Atom,
    Axis,
    Dims,
    Inputs,
    Joined,
    Link,
    Ones,
    Stream,
    Value,
    Values,
    Zeros,
    link_of,
    sized,
)
from rnncli.layers import Embedding, Recurrent, Repeat

MAX_LINKS = 1000
"""The most layers that a chain may have."""

MAX_PARTS = 64
"""The most of anything that a value is made of: axes, lengths, arrays, moves of an array."""

_LONGEST_LEAD = 1_000
"""The most characters that stand before the name of a node inside of others."""

LARGEST_GROWTH = 4
"""How many times as many numbers as the file has for it an array may have that is made of others."""


@dataclass
class Found:
    """What a walk finds.

    Attributes:
        outside: returns an array of the graphs around it, by name.
        values: what is known of each value, by name; None of one of which nothing is.
        nodes: the recurrent nodes, by the names of their links, in order.
        reasons: why a recurrent node is no layer, by the same names.
        names: how many nodes so far have each name, which no two should share.
        left: the operations that are no part of a chain.
        inside: what is found in the graphs inside of nodes.
        steps: the length of the sequence that a chain reads, by the name of its first recurrent link.
    """

    outside: Callable[[str], Constant | None]
    values: dict[str, Value | None]
    nodes: dict[str, Operation] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    inside: list[tuple[Graph, Found]] = field(default_factory=list)
    steps: dict[str, int | None] = field(default_factory=dict)

    def known(self, name: str) -> Value | None:
        """Return what is known of a value."""
        return self.values[name] if name in self.values else self.outside(name)

    def constant(self, name: str) -> Constant | None:
        """Return an array that the graphs inside of this one can read."""
        value = self.known(name)
        return value if isinstance(value, Constant) else None


def _nothing(name: str) -> None:
    del name


def walk(graph: Graph, outside: Callable[[str], Constant | None] = _nothing, lead: str = "") -> Found:
    """Return what is in a graph.

    Args:
        graph: the graph.
        outside: returns an array of the graphs around it, by name.
        lead: what stands before the names of its nodes.
    """
    found = Found(outside, {**dict.fromkeys(graph.inputs), **graph.constants})
    for node in graph.nodes:
        count = found.names[node.name]
        found.names[node.name] += 1
        made = _outputs(graph, node, found, f"{lead}{node.name}" + (f" ({count + 1})" if count else ""))
        for name, value in zip(node.outputs, [*made, *[None] * len(node.outputs)], strict=False):
            found.values[name] = value if name and value is not None and _is_bounded(value) else None
        for attribute in node.attributes.values():
            for inner in attribute.graphs:
                inside = walk(inner, found.constant, shorten(f"{lead}{node.name}/{attribute.name}/", _LONGEST_LEAD))
                found.inside.append((inner, inside))
    return found


def _outputs(graph: Graph, node: Operation, found: Found, key: str) -> Values:
    """Return what is known of the outputs of a node."""
    node = replace(node, name=key)
    if node.operation in KINDS:
        found.nodes[key] = node
        try:
            return _recurrent(graph, node, found)
        except ReasonError as reason:
            found.reasons[key] = f"{reason}"
            return []
    inputs = Inputs(node, [_input(graph, name, found) for name in node.inputs])
    if node.operation == "Gather" and (table := _embedding(graph, inputs, found)) is not None:
        return [table]
    made: Values = moved(inputs) if node.operation in MOVES or node.operation == "Expand" else [None]
    if node.operation == "Mul" and made == [None]:
        made = product(inputs)
    if node.operation in LAYERS and all(value is None for value in made):
        made = [LAYERS[node.operation](inputs)]
    if node.operation not in MOVES and all(value is None for value in made):
        found.left.append(node.operation)
    return made


def _input(graph: Graph, name: str, found: Found) -> Value | None:
    """Return what is known of a value: if it is nothing but its shape, it begins a chain."""
    known = found.known(name)
    if not name or known is not None or name not in graph.shapes:
        return known
    axes = tuple((Atom(size),) for size in graph.shapes[name][:MAX_PARTS])
    found.values[name] = stream = Stream(name, axes)
    return stream


def _of_rank(graph: Graph, name: str, rank: int, found: Found) -> Stream:
    """Return a value as a stream of some axes; if it is no such stream, it begins a chain."""
    value = _input(graph, name, found)
    if isinstance(value, Stream) and len(value.axes) == rank:
        return value
    return Stream(name, tuple((Atom(),) for _ in range(rank)))


def _embedding(graph: Graph, inputs: Inputs, found: Found) -> Stream | None:
    """Return what a table gives for ids, if that is what a Gather is."""
    table, node = inputs.at(0), inputs.node
    if not isinstance(table, Constant) or len(table.tensor.shape) != 2 or node.whole("axis", 0) not in (0, -2):
        return None
    if isinstance(inputs.at(1), Constant | Dims) or not table.tensor.dtype.startswith(("float", "bfloat")):
        return None
    ids = inputs.at(1)
    if not isinstance(ids, Stream):
        ids = _of_rank(graph, node.input(1), 2, found)
    if ids.links or len(ids.axes) != 2:
        return None
    rows, columns = table.tensor.shape
    try:
        link = link_of(node.name, Embedding(rows, columns), {"embeddings": table})
    except ArgumentError:
        return None
    made = (Atom(columns),)
    return replace(ids, axes=(*ids.axes, made), links=(link,), features=made)


def _recurrent(graph: Graph, node: Operation, found: Found) -> Values:
    """Return the outputs of a recurrent node: its sequence and its last output.

    Raises:
        ReasonError: it is no layer.
    """
    link = cell_of(node, lambda name: _input(graph, name, found))
    t, b = (1, 0) if node.whole("layout", 0) else (0, 1)
    stream = _of_rank(graph, node.input(0), 3, found)
    size = sized(stream.axes[2])
    if size not in (None, link.reads):
        raise ReasonError(f"its W reads {link.reads:,} features, and its input {shorten(stream.root)} has {size:,}")
    ready = _ready(stream, link, t, b)
    if ready is None:
        stream = Stream(node.input(0), tuple((Atom(),) for _ in range(3)), features=None)
        ready = stream, link
    stream, cell = ready
    layer = cell.layer
    assert isinstance(layer, Recurrent)
    time, batch = stream.axes[t], stream.axes[b]
    if stream.root in graph.inputs and not any(each.layer.states for each in stream.links):
        found.steps[node.name] = sized(time)
    directions: Axis = (Atom(2),) if layer.merge_mode is not None else ()
    units: Axis = (Atom(layer.units),)
    backwards = isinstance(link.layer, Recurrent) and link.layer.go_backwards
    whole = Stream(
        root=stream.root,
        axes=(batch, time, directions, units) if t else (time, directions, batch, units),
        links=(*stream.links, cell),
        features=(*directions, *units),
        time=time,
        batch=batch,
        flips=frozenset([time]) if backwards else frozenset(),
    )
    last = whole.with_last(cell.with_layer(replace(layer, return_sequences=False)))
    axes = (batch, directions, units) if t else (directions, batch, units)
    return [whole, replace(last, axes=axes, vector=True, flips=frozenset())]


def _ready(stream: Stream, link: Link, t: int, b: int) -> tuple[Stream, Link] | None:
    """Return a stream that a cell can read, and the cell as it reads it; None if it cannot be one chain."""
    if not stream.reads_features(2) or stream.flips - {stream.axes[t]}:
        return None
    if stream.vector:
        # A vector with a new axis in front of it is a sequence of one step.
        if stream.axes[t] != ():
            return None
        repeat = link_of(f"{link.key}/Repeat", Repeat(1), {})
        stream = replace(stream, links=(*stream.links, repeat), vector=False, time=(), flips=frozenset())
    if stream.time not in (None, stream.axes[t]) or stream.batch not in (None, stream.axes[b]):
        return None
    cell = turned(link, flipped=stream.axes[t] in stream.flips)
    return None if cell is None else (stream, cell)


def _is_bounded(value: Value) -> bool:
    """Whether a value is made of few enough things: none that a file makes grow without end is kept."""
    match value:
        case Constant(tensor=tensor, sources=sources, depth=depth):
            few = max(len(tensor.shape), len(sources), depth) <= MAX_PARTS
            return few and (not depth or tensor.params <= LARGEST_GROWTH * sum(sources.values()))
        case Stream(axes=axes, links=links):
            return len(axes) + sum(map(len, axes)) <= MAX_PARTS and len(links) <= MAX_LINKS
        case Dims(items=items):
            return len(items) <= MAX_PARTS and all(
                abs(item) < 2**63 if isinstance(item, int) else len(item) <= MAX_PARTS for item in items
            )
        case Zeros(sources=names):
            return len(names) <= MAX_PARTS
        case Joined(streams=streams):
            return len(streams) <= MAX_PARTS
        case Ones():
            return True


def consumed(graph: Graph) -> Iterator[str]:
    """Yield the names of the values that something in a graph reads, the graphs inside of it included."""
    for node in graph.nodes:
        yield from node.inputs
        for attribute in node.attributes.values():
            for inner in attribute.graphs:
                yield from consumed(inner)
                yield from inner.outputs

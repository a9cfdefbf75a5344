"""Matches a file's arrays to a known network: which layer of the file is which layer of the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from rnncli.errors import RnncliError, UsageError, listed, shorten
from rnncli.formats import SEPARATOR, part_of
from rnncli.formats.array_rows import MATRIX, OTHER_NORM, ending, numbered
from rnncli.formats.conventions import BATCHES, KERAS_NAMES
from rnncli.formats.model_file import ModelFile
from rnncli.formats.nodes import Node, Note, Part, flattened_windows, takes_input
from rnncli.layers import Layer
from rnncli.network import Network
from rnncli.quantities import Shape

Signature = tuple[str, tuple[tuple[int, ...], ...]]
"""A kind of layer and the shapes of its weights."""

_SHOWN = 4
"""How many layers a note lists the origin of."""

_FLATTENED = Note(
    "weights after flatten are ordered by timestep, whereas those after nn.Flatten after a convolution are ordered by "
    "feature",
    "assumed",
)


def fitted(model: ModelFile, wanted: str, network: Network) -> Part:
    """Return a network with its arrays in a file; each node keeps its name in the file.

    The arrays are those of the wanted part, those that a source names, or those of the only part that fits. If no part
    fits, they are taken from all layers in the file, if it has as many of each kind and shape as the network.

    Raises:
        RnncliError: nothing fits, the file has no weights, or they are in another order.
        UsageError: several parts fit, or several layers are alike and nothing tells them apart.
    """
    if network.origin.reordered:
        advice = f"if the weights are in the order that the spec expects, give the spec itself: {network}"
        raise RnncliError(f"{model.path} may have its weights in another order: {network.origin.reordered[0]}", advice)
    parts = [part_of(model, wanted)] if wanted else list(model.parts)
    every = [node for node in (*chain(*(part.nodes for part in parts)), *model.left * (not wanted)) if node.tensors]
    if nodes := _by_name({node.name: node for node in every}, network):
        return _part(model, network, iter(nodes))
    expected = [signature for _, signature in _owners(network)]
    fits = [part for part in parts if [signature for _, signature in _owners(part.network)] == expected]
    if len(fits) > 1:
        names = [_named(model, part) for part in fits]
        raise UsageError(f"{len(fits)} parts of {model.path} fit {network}", f"choose one: {listed(names, 'or')}")
    if fits and not fits[0].has_weights:
        raise RnncliError(f"{model.path} has layers, but no weights", "leave out --weights to draw them with --seed")
    if fits:
        return _part(model, network, _checked(model, network, (node for node in fits[0].nodes if node.tensors)))
    if not wanted and (nodes := _alike(model, network)) is not None:
        keras = all(node.convention in ("keras", "cudnn") for node in model.left)
        notes: tuple[Note, ...] = (_FLATTENED,) if [*flattened_windows(network.body)] and not keras else ()
        others = sorted(map(shorten, {node.name for node in every} - {node.name for node in nodes}), key=numbered)
        notes += tuple(Note(f"{shorten(node.name)} is a LayerNorm", "assumed") for node in nodes if node.word is None)
        notes += (Note(listed(others[:_SHOWN] + ["others"] * (len(others) > _SHOWN)), "left out"),) if others else ()
        return replace(_part(model, network, _checked(model, network, nodes)), notes=notes)
    if not wanted and (model.format == "npz" or not parts):
        shapes = "; ".join(f"{name} {', '.join(map(str, each))}" for name, (_, each) in _owners(network))
        raise RnncliError(
            f"{model.path} has no part with the shapes of {network}: {shorten(shapes, 120)}",
            f"`rnncli inspect {model.path}` shows its contents",
        )
    specs = listed([str(part.network) for part in parts])
    named = SEPARATOR + wanted if wanted else ""
    raise RnncliError(f"{model.path}{named} has {shorten(specs, 120)}, which does not fit {network}")


def sources(part: Part) -> dict[str, str]:
    """Return the file's name for each layer of a network that has arrays in it, by the network's names."""
    return {name: node.name for name, node in zip(part.network.names, part.nodes, strict=True) if node.tensors}


def sources_told(part: Part) -> str:
    """Return these names as a sentence: `weights: lstm from encoder.rnn, dense from head`."""
    each = [f"{name} from {shorten(source) or 'the file itself'}" for name, source in sources(part).items()]
    more = [f"and {len(each) - _SHOWN} more"] if len(each) > _SHOWN else []
    said = [f"; {effect}: {text}" for effect in ("assumed", "left out") for text in part.said(effect)]
    return "".join([f"weights: {', '.join([*each[:_SHOWN], *more])}", *said])


def _named(model: ModelFile, part: Part) -> str:
    """Return how to choose a part on the command line: by its name, or by its number if the name is not suitable."""
    alone = [each.name for each in model.parts].count(part.name) == 1
    plain = part.name.isascii() and part.name.replace(".", "").replace("_", "").isalnum() and not part.name.isdigit()
    return f"{model.path}{SEPARATOR}{part.name if alone and plain else model.parts.index(part) + 1}"


def _signature(layer: Layer, reads: Shape) -> Signature:
    return layer.kind, tuple(weight.shape for weight in layer.weights(reads))


def _owners(network: Network) -> Iterator[tuple[str, Signature]]:
    """Yield the name and signature of each layer that has weights."""
    for name, layer, (reads, _) in zip(network.names, network.body, network.shapes(), strict=True):
        if layer.weights(reads):
            yield name, _signature(layer, reads)


def _part(model: ModelFile, network: Network, nodes: Iterator[Node]) -> Part:
    """Return a network with the arrays of some nodes, one for each of its layers that has weights.

    The network determines what is computed with them.
    """
    made = []
    for layer, (reads, _) in zip(network.body, network.shapes(), strict=True):
        names = [weight.name for weight in layer.weights(reads)]
        if not names:
            made.append(Node("", layer.keras, layer))
            continue
        node = next(nodes)
        tensors = node.tensors
        if node.convention == "keras" and {*names} != {*tensors}:
            # Keras numbers the weights of a layer, so a shift without a scale looks like a scale.
            tensors = dict(zip(names, tensors.values(), strict=True))
        made.append(replace(node, word=layer, tensors=tensors, notes=()))
    return Part("", network.head, tuple(made), path=model.path)


def _by_name(held: Mapping[str, Node], network: Network) -> list[Node] | None:
    """Return a file's layer for each layer of a source's network, by its name there; None if one is missing.

    All names in the file may begin with that of a module around the network: `model.rnn`.
    """
    wanted = _named_by_source(network)
    leads = [each.removesuffix(name) for name, *_ in wanted[:1] for each in held if each.endswith(name)]
    whole = [lead for lead in leads if lead[-1:] in ("", ".", "/") and all(lead + name in held for name, *_ in wanted)]
    if len(whole) != 1 or not all(_has_arrays(held[whole[0] + name], layer, reads) for name, layer, reads in wanted):
        return None
    return [held[whole[0] + name] for name, *_ in wanted]


def _named_by_source(network: Network) -> list[tuple[str, Layer, Shape]]:
    """Return the source's name for each layer that has weights, the layer and what it reads; nothing without a source.

    Names like `dense_1` are none: Keras counts layers when they are made, and here they are counted when called.
    """
    read = network.part.nodes if network.part is not None else ()
    owners = zip(read, network.body, network.shapes(), strict=False)
    named = [(node.owner or node.name, layer, reads) for node, layer, (reads, _) in owners if layer.weights(reads)]
    counted = any(re.sub("_[0-9]+$", "", name) in layer.keras_names() for name, layer, _ in named)
    return [] if counted and network.part and network.part.framework == "keras" else named


def _checked(model: ModelFile, network: Network, nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes that have the shapes of a network's layers, and check that none has the name of another layer."""
    tied = network.part is not None and network.part.said("counted twice")
    names = [] if tied else [name for name, *_ in _named_by_source(network)]
    for own, node in zip_longest(names, nodes):
        held = [name for name in names if f".{node.name}".replace("/", ".").endswith(f".{name}")]
        if own and (other := max(held, key=len, default=own)) != own:
            said = f"by its shapes, {shorten(own)} would get the weights of {shorten(node.name)} in {model.path}, but "
            advice = f"the spec without the names takes them so: {network}"
            raise UsageError(f"{said}{shorten(other)} is another layer of the source", advice)
        yield node


def _has_arrays(node: Node, layer: Layer, reads: Shape) -> bool:
    """Return whether a file's arrays have the shapes of a layer's weights; PyTorch's moving means count as some."""
    torch = node.convention == "torch"
    weights = layer.weights(reads, "torch" if torch else "keras")
    weights += tuple(weight for weight in layer.weights(reads) if torch and not weight.trained)
    shapes = sorted(tensor.shape for name, tensor in node.tensors.items() if name != BATCHES)
    known = node.word is not None or not torch or {*node.tensors} <= {*KERAS_NAMES.get(layer.kind, ())}
    return known and shapes == sorted(weight.shape for weight in weights)


def _alike(model: ModelFile, network: Network) -> list[Node] | None:
    """Return a file's layer for each layer of a network; None if it has not as many of each kind and shape."""
    found: dict[Signature, list[Node]] = {}
    rows: dict[str, int] = {}
    for number, part in enumerate(model.parts):
        for node, (reads, _) in zip(part.nodes, part.network.shapes(), strict=True):
            if node.tensors and rows.setdefault(node.name, number) == number:
                found.setdefault(_signature(node.layer, reads), []).append(node)
    for node in model.left:
        if node.tensors and isinstance(node.word, Layer) and (node.features or takes_input(node.word)):
            found.setdefault(_signature(node.word, (None, None, node.features)), []).append(node)
        for signature in _undecided(node):
            found.setdefault(signature, []).append(node)
    wanted: dict[Signature, list[str]] = {}
    for name, signature in _owners(network):
        wanted.setdefault(signature, []).append(name)
    if any(len(found.get(signature, ())) != len(names) for signature, names in wanted.items()):
        return None
    orders = {each: iter(_in_order(model, found[each], names, rows)) for each, names in wanted.items()}
    return [next(orders[signature]) for _, signature in _owners(network)]


def _undecided(node: Node) -> Iterator[Signature]:
    """Yield what a node may be as well: an embedding if it is a matrix, a LayerNorm if it scales and shifts."""
    shapes = {name: tensor.shape for name, tensor in node.tensors.items()}
    if node.kind == MATRIX:
        yield "embed", tuple(shapes.values())
    scales = {*shapes} == {"weight", "bias"} and {*map(len, shapes.values())} == {1}
    if node.word is None and scales and not OTHER_NORM.search(ending(node.name)):
        yield "norm", tuple(shapes.values())


def _in_order(model: ModelFile, nodes: Sequence[Node], names: Sequence[str], rows: Mapping[str, int]) -> Sequence[Node]:
    """Return layers of the same shape in the order in which they follow one another."""
    if len({numbered(node.name)[0] for node in nodes}) == 1:
        return sorted(nodes, key=lambda node: numbered(node.name)[1])
    if len({rows.get(node.name) for node in nodes} | {None}) == 2 and all(node.name in rows for node in nodes):
        return nodes
    ours, theirs = (
        listed([shorten(each) for each in some[:_SHOWN]] + (["others"] if len(some) > _SHOWN else []))
        for some in (names, [node.name for node in nodes])
    )
    choices = [_named(model, part) for part in model.parts if any(node in part.nodes for node in nodes)][:_SHOWN]
    by_part = f"; the spec of a single part can use {listed(choices, 'or')}" if choices else ""
    raise UsageError(
        f"{theirs} of {model.path} have the same shapes as {ours}, and their names do not tell which is which",
        f"layers whose names differ only in a number, such as rnn1 and rnn2, are taken in numerical order{by_part}",
    )

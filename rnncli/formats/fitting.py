"""The weights in a file for a network that is known: which array is whose, by kinds, shapes and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rnncli.formats.array_layers import Link, layers_of
from rnncli.formats.nodes import Node, Part, layer_node
from rnncli.formats.tensors import Tensor
from rnncli.layers import Layer
from rnncli.network import Network
from rnncli.quantities import Shape

Signature = tuple[str, tuple[tuple[int, ...], ...]]
"""A kind of layer, and the shapes of its weights."""


def fitted(tensors: Sequence[Tensor], network: Network) -> Part | None:
    """Return a network with its arrays among some, or None if they do not fit it.

    There must be as many layers of each kind and shape as the network has. Those that are alike follow one another in
    the order of the numbers in their names.
    """
    alike: dict[Signature, list[Node]] = {}
    for link in _in_order(list(layers_of(tensors, []))):
        alike.setdefault(_signature(link.piece.layer, (None, None, link.reads)), []).append(link.piece)
    pieces = []
    for layer, (reads, _) in zip(network.body, network.shapes(), strict=True):
        if not layer.weights(reads):
            pieces.append(layer_node(layer, "", "keras", {}))
            continue
        found = alike.get(_signature(layer, reads))
        if not found:
            return None
        pieces.append(_as(layer, reads, found.pop(0)))
    used = {_signature(layer, reads) for layer, (reads, _) in zip(network.body, network.shapes(), strict=True)}
    if any(alike.get(signature) for signature in used):
        return None
    return Part("", network.head, tuple(pieces))


def _in_order(layers: Sequence[Link]) -> list[Link]:
    """Return layers whose names differ in numbers alone in the order of those, `lstm_10` after `lstm_2`."""
    first: dict[str, int] = {}
    for index, link in enumerate(layers):
        first.setdefault(re.sub(r"[0-9]+", "", link.piece.name).rstrip("_"), index)

    def place(link: Link) -> tuple[int, list[int]]:
        name = link.piece.name
        numbers = [int(number) for number in re.findall(r"[0-9]{1,9}", name)]
        return first[re.sub(r"[0-9]+", "", name).rstrip("_")], numbers

    return sorted(layers, key=place)


def _as(layer: Layer, reads: Shape, piece: Node) -> Node:
    """Return what a file has as a layer of the network, whose settings the file does not say.

    Keras numbers the weights of a layer, so that a shift without a scale looks like a scale.
    """
    tensors = piece.tensors
    if piece.convention == "keras":
        names = [weight.name for weight in layer.weights(reads)]
        if {*names} != {*tensors}:
            tensors = dict(zip(names, tensors.values(), strict=True))
    return replace(piece, word=layer, tensors=tensors)


def _signature(layer: Layer, reads: Shape) -> Signature:
    return layer.kind, tuple(weight.shape for weight in layer.weights(reads))

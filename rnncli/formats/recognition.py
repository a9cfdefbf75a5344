"""Which layers that arrays make up follow one another, where a file says nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from rnncli.errors import RnncliError
from rnncli.formats.array_layers import Link, layers_of
from rnncli.formats.model_file import MAX_PARTS, Part, Piece, Tensor
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Embedding, Head, Input

ASSUMED_ACTIVATIONS = "the framework's default activations (tanh, and sigmoid for gates): the file does not say"
ASSUMED_ORDER = "the layers follow one another in the order of their names in the file"
ASSUMED_LAST = "the last recurrent layer returns its last output alone: the file does not say"


class Found(NamedTuple):
    """What arrays tell.

    Attributes:
        parts: the recurrent parts.
        others: the arrays that are in no part.
        notes: cells that cannot be expressed, with the reason.
    """

    parts: tuple[Part, ...]
    others: tuple[Tensor, ...]
    notes: tuple[str, ...]


def recognised(tensors: Sequence[Tensor]) -> Found:
    """Return the recurrent parts that arrays make up, and what else there is."""
    notes: list[str] = []
    links = list(layers_of(_by_numbers(tensors), notes))
    readers = _Readers(links)
    parts: list[Part] = []
    used: set[str] = set()
    index = 0
    while index < len(links):
        if not links[index].piece.layer.states:
            index += 1
            continue
        chain, end = _chain(links, index)
        chain += readers.before(index, chain[-1].returns)
        head, lead = _head(links, index, used)
        pieces = [*lead, *_returning(chain)]
        used.update(tensor.name for piece in pieces for tensor in piece.tensors.values())
        for piece in pieces:
            readers.take(piece.name)
        if len(parts) == MAX_PARTS:
            raise RnncliError(f"it has more than {MAX_PARTS:,} recurrent parts")
        parts.append(Part(chain[0].piece.name.partition(" (layer ")[0], head, tuple(pieces), _assumptions(pieces)))
        index = end
    others = tuple(tensor for tensor in tensors if tensor.name not in used)
    return Found(tuple(parts), others, tuple(notes))


def _by_numbers(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return arrays in the order of their names, `layers.2` before `layers.10`, where a file sorts them as text.

    Safetensors does, the arrays of each type by themselves. Another order is the model's own, and stays.
    """
    last: dict[str, str] = {}
    for tensor in tensors:
        if tensor.name < last.get(tensor.dtype, ""):
            return list(tensors)
        last[tensor.dtype] = tensor.name
    return sorted(tensors, key=lambda tensor: re.sub("[0-9]+", lambda number: number[0].zfill(_DIGITS), tensor.name))


_DIGITS = 9
"""As many digits as numbers in names have at most, where they are put in order."""


def _chain(links: Sequence[Link], start: int) -> tuple[list[Link], int]:
    """Return the layers that follow a recurrent one and read what it returns, and where they end."""
    recurrent = links[start]
    chain = [recurrent]
    index = start + 1
    while index < len(links) and len(chain) < MAX_LAYERS - 1:  # an embedding may come in front
        link, last = links[index], chain[-1]
        if isinstance(link.piece.layer, Head) or link.reads != last.returns:
            break
        if link.piece.layer.states:
            if not _same_stack(recurrent.piece, link.piece):
                break
            recurrent = link
        chain.append(link)
        index += 1
    return chain, index


class _Readers:
    """The layers without a state that are in no part, by how many features they read."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._free: dict[int, dict[int, Link]] = {}
        for index, link in enumerate(links):
            if not (link.piece.layer.states or isinstance(link.piece.layer, Head)):
                self._free.setdefault(link.reads, {})[index] = link
                self._places.setdefault(link.piece.name, []).append((link.reads, index))

    def take(self, name: str) -> None:
        """Leave the layers of a name out from now on."""
        for reads, index in self._places.pop(name, ()):
            del self._free[reads][index]

    def before(self, end: int, returns: int) -> list[Link]:
        """Return the layers that go on from a chain, but stand before it in a file sorted by name, and take them.

        Where more than one could be the next, none is.
        """
        more: list[Link] = []
        while True:
            first = islice(self._free.get(returns, {}).items(), 2)
            next_ones = [link for index, link in first if index < end]
            if len(next_ones) != 1:
                return more
            more += next_ones
            self.take(next_ones[0].piece.name)
            returns = next_ones[0].returns


def _same_stack(one: Piece, other: Piece) -> bool:
    """Whether two recurrent layers follow one another: names that differ in numbers alone, or all layers of Keras."""
    owners = [piece.name.partition(" (layer ")[0] for piece in (one, other)]
    numberless = [re.sub(r"[0-9]+", "", owner) for owner in owners]
    return one.convention == other.convention == "keras" or numberless[0] == numberless[1]


def _head(links: Sequence[Link], start: int, used: set[str]) -> tuple[Head, list[Piece]]:
    """Return what takes the input of a part: the nearest embedding before it whose vectors fit, or an input."""
    first = links[start]
    for index in range(start - 1, -1, -1):
        link = links[index]
        if link.piece.layer.states:
            break
        taken = any(tensor.name in used for tensor in link.piece.tensors.values())
        if isinstance(link.piece.layer, Embedding) and link.returns == first.reads and not taken:
            return link.piece.layer, [link.piece]
    return Input(first.reads), []


def _returning(chain: Sequence[Link]) -> Iterator[Piece]:
    """Yield the layers of a part; every recurrent one but the last returns its sequence."""
    last = max(index for index, link in enumerate(chain) if link.piece.layer.states)
    for index, link in enumerate(chain):
        layer = link.piece.layer
        sequence = layer.returning("sequence") if index < last else None
        yield link.piece._replace(layer=sequence or layer)


def _assumptions(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """Return what was assumed of a part."""
    assumed = [ASSUMED_ACTIVATIONS, *([ASSUMED_ORDER] if len(pieces) > 1 else []), ASSUMED_LAST]
    for piece in pieces:
        if piece.layer.kind == "gru" and piece.convention == "keras" and not getattr(piece.layer, "use_bias", True):
            assumed.append(f"{piece.name} has reset=after: without a bias the file does not say")
        if piece.layer.kind == "norm":
            epsilon = getattr(piece.layer, "epsilon", 0.0)
            assumed.append(
                f"{piece.name} has an epsilon of {epsilon:g}, the framework's default: the file does not say"
            )
    return tuple(assumed)

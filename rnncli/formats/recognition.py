"""Which layers that arrays make up follow one another, where a file says nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple, cast

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.array_layers import Link, layers_of
from rnncli.formats.nodes import MAX_PARTS, Node, Note, Part
from rnncli.formats.tensors import Tensor
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Embedding, Head, Input
from rnncli.layers.weights import Framework
from rnncli.layers.words import in_both

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
    ordered = _by_numbers(tensors)
    links = list(layers_of(ordered, notes))
    free, fronts = _Free(links), _Fronts(links, ordered)
    parts: list[Part] = []
    used: set[str] = set()
    index = 0
    while index < len(links):
        if not links[index].piece.layer.states:
            index += 1
            continue
        chain, end = _chain(links, index)
        chain += free.before(index, chain)
        for link in chain:
            free.take(link.piece.name)
        front = fronts.of(index, free)[-(MAX_LAYERS - len(chain) - 1) :]
        head, lead, front = _head(links, index, front, used)
        pieces = [*lead, *_returning([*front, *chain])]
        used.update(tensor.name for piece in pieces for tensor in piece.tensors.values())
        for piece in pieces:
            free.take(piece.name)
        if len(parts) == MAX_PARTS:
            raise RnncliError(f"it has more than {MAX_PARTS:,} recurrent parts")
        name = _owner(chain[0])
        said = tuple(Note(text, "assumed") for text in _assumptions(pieces, [link.piece.name for link in front], name))
        framework: Framework = "torch" if any(piece.convention == "torch" for piece in pieces) else "keras"
        parts.append(Part(name, head, tuple(pieces), said, framework))
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


class _Free:
    """The layers without a state that are in no part, by how many features they read, and what they return."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._places: dict[str, list[tuple[Link, int]]] = {}
        self._reading: dict[int, dict[int, Link]] = {}
        self._returning: dict[tuple[str, int], dict[int, None]] = {}
        for index, link in enumerate(links):
            if not (link.piece.layer.states or isinstance(link.piece.layer, Head)):
                self._reading.setdefault(link.reads, {})[index] = link
                self._returning.setdefault((_home(link), link.returns), {})[index] = None
                self._places.setdefault(link.piece.name, []).append((link, index))

    def take(self, name: str) -> None:
        """Leave the layers of a name out from now on."""
        for link, index in self._places.pop(name, ()):
            del self._reading[link.reads][index]
            del self._returning[_home(link), link.returns][index]

    def has(self, link: Link) -> bool:
        """Return whether a layer is in no part."""
        return link.piece.name in self._places

    def returning(self, link: Link, most: int) -> set[int]:
        """Return the places of layers beside one, at most so many, that return what it reads."""
        return {*islice(self._returning.get((_home(link), link.reads), {}), most)}

    def before(self, end: int, chain: Sequence[Link]) -> list[Link]:
        """Return the layers that go on from a chain, but stand before it in a file sorted by name, and take them.

        Where more than one could be the next, none is, unless their numbers say how one goes on from the other. Nor is
        one that its number puts before another of the chain: `dense` does not go on from `dense_1`.
        """
        more: list[Link] = []
        returns = chain[-1].returns
        highest = dict(map(_numbered, chain))
        while True:
            first = islice(self._reading.get(returns, {}).items(), 2)
            next_ones = [link for index, link in first if index < end]
            families = [_numbered(link)[0] for link in next_ones]
            if len({*families}) < len(families) and next_ones[0].returns == next_ones[1].reads:
                del next_ones[1]
            if len(next_ones) != 1:
                return more
            family, numbers = _numbered(next_ones[0])
            if numbers < highest.get(family, numbers):
                return more
            highest[family] = numbers
            more += next_ones
            self.take(next_ones[0].piece.name)
            returns = next_ones[0].returns


class _Fronts:
    """The layers without a state that stand right before recurrent ones."""

    def __init__(self, links: Sequence[Link], tensors: Sequence[Tensor]) -> None:
        places = {tensor.name: place for place, tensor in enumerate(tensors)}
        spans = [[places[tensor.name] for tensor in link.piece.tensors.values()] for link in links]
        self._links = links
        self._first, self._last = [min(span) for span in spans], [max(span) for span in spans]
        self._states = {link.returns for link in links if link.piece.layer.states}

    def of(self, start: int, free: _Free) -> list[Link]:
        """Return the layers in front of a recurrent one, beside it in the module that owns both.

        Each is the only one that fits there, no other array stands between it and the next, and it does not fit behind
        a recurrent layer.
        """
        links, index = self._links, start
        while index:
            link, behind = links[index - 1], links[index]
            if (
                link.returns != behind.reads
                or link.reads in self._states
                or not free.has(link)
                or self._last[index - 1] + 1 != self._first[index]
                or (_home(link), link.piece.convention) != (_home(behind), behind.piece.convention)
            ):
                break
            index -= 1
        row = set(range(index, start))
        sizes = {link.reads: link for link in links[index + 1 : start + 1]}  # each is looked up once
        alone = all(free.returning(link, len(row) + 1) <= row for link in sizes.values())
        return list(links[index:start]) if alone else []


def _owner(link: Link) -> str:
    """Return the name of the module or layer that a link is of."""
    return link.piece.name.partition(" (layer ")[0]


def _home(link: Link) -> str:
    """Return the name of the module that owns it."""
    return re.split(r"[./][^./]*$", _owner(link), maxsplit=1)[0] if re.search("[./]", _owner(link)) else ""


def _numbered(link: Link) -> tuple[str, list[int]]:
    """Return the name of a layer without its numbers, and those."""
    name = link.piece.name
    return re.sub("[0-9]+", "", name).rstrip("_"), [int(number) for number in re.findall("[0-9]{1,9}", name)]


def _same_stack(one: Node, other: Node) -> bool:
    """Whether two recurrent layers follow one another: names that differ in numbers alone, or all layers of Keras."""
    owners = [piece.name.partition(" (layer ")[0] for piece in (one, other)]
    numberless = [re.sub(r"[0-9]+", "", owner) for owner in owners]
    return one.convention == other.convention == "keras" or numberless[0] == numberless[1]


def _head(links: Sequence[Link], start: int, front: list[Link], used: set[str]) -> tuple[Head, list[Node], list[Link]]:
    """Return what takes the input of a part, and what is left of the layers in front of it.

    It is the nearest embedding before it whose vectors fit the row, as much of it as goes with one, or an input.
    """
    embeddings: dict[int, Node] = {}
    for link in reversed(links[:start]):
        if link.piece.layer.states:
            break
        if isinstance(link.piece.layer, Embedding) and not any(
            tensor.name in used for tensor in link.piece.tensors.values()
        ):
            embeddings.setdefault(link.returns, link.piece)
    row = [*front, links[start]]
    for place, link in enumerate(row):
        if (embedding := embeddings.get(link.reads)) is not None:
            return cast(Head, embedding.layer), [embedding], front[place:]
    return Input(row[0].reads), [], front


def _returning(chain: Sequence[Link]) -> Iterator[Node]:
    """Yield the layers of a part; every recurrent one but the last returns its sequence."""
    last = max(index for index, link in enumerate(chain) if link.piece.layer.states)
    for index, link in enumerate(chain):
        layer = link.piece.layer
        sequence = layer.returning("sequence") if index < last else None
        yield replace(link.piece, word=sequence or layer)


def _assumptions(pieces: Sequence[Node], front: Sequence[str], name: str) -> tuple[str, ...]:
    """Return what was assumed of a part, which has some layers in front of its first recurrent one."""
    assumed = [ASSUMED_ACTIVATIONS, *([ASSUMED_ORDER] if len(pieces) > 1 else []), ASSUMED_LAST]
    if front:
        one = len(front) == 1
        names = listed([shorten(each) for each in front[:3]]) + ("" if len(front) <= 3 else " and others")
        assumed.append(
            f"{names} {'reads' if one else 'read'} the input in front of {name}: "
            f"{'it fits, and stands' if one else 'they fit, and stand'} right before it in the file"
        )
    for piece in pieces:
        if piece.layer.kind == "gru" and piece.convention == "keras" and not getattr(piece.layer, "use_bias", True):
            after = in_both(type(piece.layer), "reset_after", True)
            assumed.append(f"{piece.name} has {after}: without a bias the file does not say")
        if piece.convention in ("keras", "cudnn") and len(piece.layer.directions) > 1:
            concat = in_both(type(piece.layer), "merge_mode", "concat")
            assumed.append(f"{piece.name} has {concat}: the file does not say how its two outputs are merged")
        if piece.layer.kind == "norm":
            epsilon = getattr(piece.layer, "epsilon", 0.0)
            assumed.append(
                f"{piece.name} has an epsilon of {epsilon:g}, the framework's default: the file does not say"
            )
    return tuple(assumed)

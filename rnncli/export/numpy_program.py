"""What a NumPy program is made of: the layers where they stand, the mask, the functions that layers share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from rnncli.export.numpy_functions import (
    ACTIVATIONS,
    activation_function,
    cell_function,
    dense_function,
    norm_function,
    one_cell,
)
from rnncli.export.python_calls import INDENT
from rnncli.layers import GRU, LSTM, Dense, Layer, Norm, SimpleRNN
from rnncli.network import Network
from rnncli.quantities import Shape

LONG_RUN = 3
"""Equal layers from this number on are written as a loop."""


class Place(NamedTuple):
    """A layer where it stands.

    Attributes:
        layer: the layer.
        number: its place in the network's `body`, from 1: what its weights are drawn with.
        name: its name; in a loop over equal layers `lstm_{n}`, and `number` is what n lacks.
        reads: the shape of what it reads.
        returns: the shape of what it returns.
        masked: whether steps of what it reads are marked as padding.
        renewed: whether a sequence begins here without padding, and a layer that takes a mask reads it.
    """

    layer: Any
    number: int
    name: str
    reads: Shape
    returns: Shape
    masked: bool
    renewed: bool = False


class Program:
    """What the source of a network is made of.

    Attributes:
        network: the network.
        places: its layers where they stand.
        takes_mask: whether its cells take a mask.
        has_mask: whether anything reads the mask.
        owns: whether it has weights.
        activations: the activations of its layers.
        names: the function of each sort of cell and norm, by the layer without what the call says.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.places = list(_places(network))
        self.takes_mask = any(place.masked and place.layer.states for place in self.places)
        self.has_mask = self.takes_mask or any(place.masked and place.layer.joins == "avg" for place in self.places)
        if self.takes_mask:
            self.places = list(_renewed(self.places))
        self.owns = any(place.layer.weights(place.reads) for place in self.places)
        names = ("activation", "recurrent_activation")
        self.activations = {getattr(place.layer, name, "linear") for place in self.places for name in names}
        self.names = _function_names([sort for place in self.places if (sort := _sort(place.layer)) is not None])

    def functions(self) -> Iterator[str]:
        """Yield the lines of all functions that the network needs."""
        for name in ACTIVATIONS:
            if name in self.activations:
                yield from activation_function(name)
        for sort, name in self.names.items():
            yield from SHARED[type(sort)].lines(name, sort, self.takes_mask)

    def name_of(self, layer: Layer) -> str:
        """Return the name of a layer's function."""
        sort = _sort(layer)
        assert sort is not None
        return self.names[sort]


def _places(network: Network) -> Iterator[Place]:
    masked = False
    layers = zip(network.names, network.body, network.shapes(), strict=True)
    for number, (name, layer, (reads, returns)) in enumerate(layers, start=1):
        yield Place(layer, number, name, reads, returns, masked)
        if layer is network.head:
            masked = network.head.masks
        elif layer.returns == "vector":
            masked = False


def _renewed(places: list[Place]) -> Iterator[Place]:
    """Yield the layers, with those marked where a sequence begins that has no padding and a cell reads."""
    read = False
    marked = []
    for place in reversed(places):
        if place.layer.returns == "vector":
            read = False
        read = read or bool(place.layer.states)
        marked.append(place._replace(renewed=read and place.layer.reads == "vector"))
    yield from reversed(marked)


class Shared(NamedTuple):
    """How layers of a kind share a function.

    Attributes:
        sort: returns what layers have in common that share one; None for a layer that needs none.
        lines: yields the lines of the function, given its name, that sort, and whether it takes a mask.
    """

    sort: Callable[[Any], Layer | None]
    lines: Callable[[str, Any, bool], Iterator[str]]


_CELL = Shared(one_cell, cell_function)

SHARED: Mapping[type[Layer], Shared] = {
    SimpleRNN: _CELL,
    LSTM: _CELL,
    GRU: _CELL,
    Dense: Shared(lambda layer: Dense(1) if layer.use_bias else None, lambda name, sort, masked: dense_function(name)),
    Norm: Shared(lambda layer: layer, lambda name, sort, masked: norm_function(name, sort)),
}
"""The kinds whose layers are calls of a function; the others are a line each."""


def _sort(layer: Layer) -> Layer | None:
    """Return what a layer has in common with those that share its function; None if it has none."""
    return SHARED[type(layer)].sort(layer) if type(layer) in SHARED else None


def _function_names(sorts: list[Layer]) -> dict[Layer, str]:
    """Return the function of each sort of layer: Keras's name, with what is special where there are several."""
    names = {}
    for sort in dict.fromkeys(sorts):
        base = sort.keras_names()[0]
        alone = sum(other.kind == sort.kind for other in {*sorts}) == 1
        options = 2 if sort.sizes.attributes else 1  # behind the kind and the size
        words = [] if alone else sort.spec().split(":")[options:]
        names[sort] = re.sub(r"\W", "_", "_".join([base, *words]))
    return names


def runs(places: list[Place]) -> Iterator[list[Place]]:
    """Yield the layers, those together that a loop can stand for: equal, reading alike, with numbers in their names."""
    run: list[Place] = []
    for place in places:
        if run and not (_is_numbered(run[0]) and _alike(run[0]) == _alike(place)):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _alike(place: Place) -> object:
    return place.layer, place.reads, place.masked


def _is_numbered(place: Place) -> bool:
    base: str = place.layer.keras_names()[0]
    return place.name != base


def looped(run: list[Place], lines_of: Callable[[Place, str], Iterator[str]]) -> Iterator[str]:
    """Yield the lines for some layers: for each of them, or in a loop if they are many."""
    if len(run) < LONG_RUN:
        yield from chain.from_iterable(lines_of(place, "") for place in run)
        return
    base, _, first = run[0].name.rpartition("_")
    # A layer's number is n and something.
    offset = run[0].number - int(first)
    lines = list(lines_of(run[0]._replace(name=f"{base}_{{n}}", number=offset), INDENT))
    if do_nothing(lines):
        yield from lines
        return
    if any("{n}" in line for line in lines):
        yield f"for n in range({first}, {int(first) + len(run)}):"
    else:
        yield f"for _ in range({len(run)}):"
    yield from (f"{INDENT}{line}" for line in lines)


def do_nothing(lines: list[str]) -> bool:
    """Return whether lines are comments, which are enough once."""
    return all(line.startswith("#") for line in lines)


def quoted(name: str) -> str:
    """Return a name as a literal, in which n of a loop stands for a number."""
    return f'{"f" if "{n}" in name else ""}"{name}"'


def shape_words(shape: Shape) -> str:
    """Return a shape with words for what is not known: (batch, timesteps, 32)."""
    sizes = [word if size is None else str(size) for size, word in zip(shape, ("batch", "timesteps", ""), strict=False)]
    return f"({', '.join(sizes)})"

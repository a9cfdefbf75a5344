"""What is found in a source, in one form for all readers: nodes, what is to be said of them, and rows of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeGuard

from rnncli.errors import RnncliError, shorten
from rnncli.formats.tensors import Convention, Tensor, total_params
from rnncli.immutable import NamedTuple
from rnncli.layers import Dense, Head, Input, Layer, Recurrent
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.quantities import Shape
from rnncli.summary import Origin

Effect = Literal[
    "assumed",
    "assumed size",
    "assumed row",
    "counted twice",
    "differs",
    "differs row",
    "other order",
    "not run",
    "left out",
]
"""What follows from a note.

The source does not say so; nor does it say a size, or the order of the layers, on which the counts depend; numbers that
two layers share are counted for both; it says otherwise, which a run tells; it has another row, which every command
tells; it says otherwise, and weights for it stand in another order; nothing is run of it; there is more in the source.
"""

Returned = Literal["sequence", "vector"]


def names(text: str) -> frozenset[str]:
    """Return the names in a text, with spaces between: a table of classes, of functions, of arguments."""
    return frozenset(text.split())


class Note(NamedTuple):
    """Something that is not as the source has it, or that the source does not say.

    Attributes:
        text: a sentence.
        effect: what follows from it.
        unless: the name of a node with which in the row it does not hold: the embedding whose mask is meant.
        only: the name of a node without which in the row it does not hold.
    """

    text: str
    effect: Effect
    unless: str = ""
    only: str = ""

    def holds(self, names: Container[str]) -> bool:
        """Whether it holds of a row whose nodes have some names."""
        return not (self.unless and self.unless in names) and (not self.only or self.only in names)


class Pass(NamedTuple):
    """Hands on what it reads, as far as the language can say; if it masks, vectors of zeros marked as padding."""

    masks: bool = False


Word = Layer | Pass


def takes_input(word: Word | None) -> TypeGuard[Head]:
    """Whether a word takes the input of a network."""
    return isinstance(word, Layer) and word.reads == "input"


def takes_vectors(word: Word | None) -> TypeGuard[Input]:
    """Whether it takes vectors as the input of a network, and no ids."""
    return takes_input(word) and word.vocabulary is None


def takes_ids(word: Word | None) -> bool:
    """Whether it takes ids as the input of a network."""
    return takes_input(word) and word.vocabulary is not None


def loops(word: Word | None) -> TypeGuard[Recurrent]:
    """Whether it loops over time."""
    return isinstance(word, Layer) and bool(word.states)


def takes_activation(word: Word | None) -> TypeGuard[Dense]:
    """Whether an activation behind it is its own."""
    return isinstance(word, Layer) and word.with_activation("linear") is not None


def flattened_windows(layers: Sequence[Layer]) -> Iterator[int]:
    """Yield the places of what flattens a sequence of which PyTorch has the features in front of the timesteps.

    It has them there behind its classes that end in 1d, Conv1d or BatchNorm1d, up to the next layer that has weights.
    """
    in_front = False
    for place, layer in enumerate(layers):
        if in_front and layer.joins == "flatten":
            yield place
        keeps = layer.returns == "same" and not layer.weights((None, None, 1))
        in_front = layer.type_name("torch").endswith("1d") or (in_front and keeps)


class Read(NamedTuple):
    """An edge: the name of what is read, and which output of a recurrent layer it is, where the source says so."""

    node: str
    returns: Returned | None = None


_OPERATIONS: Mapping[str, str] = {
    "add": "addition",
    "sub": "subtraction",
    "mult": "multiplication",
    "div": "division",
    "floordiv": "whole division",
    "mod": "remainder",
    "pow": "power",
    "matmult": "matrix multiplication",
    "unpack": "splitting",
}
"""Operations that stand in a source as signs, and what people call them."""


@dataclass(frozen=True)
class Node:
    """One thing that was found.

    Attributes:
        name: what the source calls it, for one node alone.
        kind: its class in the source: LSTM, Conv1D, Gemm; "input" and "output" are those of the whole model.
        word: what it is in the language; None where it is not understood.
        reads: what it reads, its data first; None where the source does not say.
        features: how many features it reads, where the source says so.
        tensors: its arrays by their names in the convention: `weight_ih`, `forward/kernel`, `W`.
        convention: whose names and layout these have.
        line: the line of a source.
        place: the characters of a text that make it, where there is a text to point into.
        notes: what is not as the source has it.
        unsaid: the arguments of its layer that the source leaves open.
        where: whether it stands on sequences or on vectors, where a layer that takes both says so.
        owner: what owns its weights, where it is not the node itself: a layer that is called twice.
        around: how many timesteps of zeros it puts in front of the sequence that it reads, and how many behind; where
            they are negative, how many it cuts off. They are what a convolution has around it, or not understood.
        given: the input that it is given along, Keras's `input_shape`.
    """

    name: str
    kind: str
    word: Word | None = None
    reads: tuple[Read, ...] | None = None
    features: int | None = None
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    convention: Convention = "keras"
    line: int | None = None
    place: tuple[int, int] | None = None
    notes: tuple[Note, ...] = ()
    unsaid: frozenset[str] = frozenset()
    where: Returned | None = None
    owner: str = ""
    around: tuple[int, int] = (0, 0)
    given: Input | None = None

    @property
    def layer(self) -> Layer:
        """The layer that it is; for the nodes of a part alone, which are layers."""
        assert isinstance(self.word, Layer)
        return self.word

    @property
    def loops(self) -> bool:
        """Whether it loops over time."""
        return loops(self.word)

    @property
    def shown_kind(self) -> str:
        """What people call its class, or the operation that it is."""
        return _OPERATIONS.get(self.kind, shorten(self.kind))

    @property
    def described(self) -> str:
        """Its name, its class, and the line where it stands, as far as that is known; an operation has no name."""
        line = [f"line {self.line}"] if self.line else []
        if self.kind in _OPERATIONS:
            return " ".join([self.shown_kind, *(f"({each})" for each in line)])
        return f"{shorten(self.name)} ({', '.join([self.shown_kind, *line])})"

    @property
    def params(self) -> int | None:
        """How many parameters its layer has; None where it is none, where that is not known, or its arrays tell."""
        if not isinstance(self.word, Layer) or self.unsaid or self.tensors:
            return None
        if self.features is None and self.word.vocabulary is None:
            return None
        weights = self.word.weights((None, None, self.features), "keras" if self.convention == "keras" else "torch")
        return sum(weight.params for weight in weights)


@dataclass(frozen=True)
class Part:
    """A row of layers that the language has words for, as long as it can be.

    Attributes:
        name: what the source calls its first recurrent layer.
        head: what takes the input.
        nodes: the layers that a summary shows, in order; the first is the head itself if it owns a table.
        notes: what is not as the source has it.
        framework: whose numbers of weights its layers have.
        other_names: what else the source calls it.
        path: the file.
        origin: what its network tells of how it was read, once that is known.
    """

    name: str
    head: Head
    nodes: tuple[Node, ...]
    notes: tuple[Note, ...] = ()
    framework: Framework = "keras"
    other_names: tuple[str, ...] = ()
    path: str = ""
    origin: Origin | None = None

    @cached_property
    def network(self) -> Network:
        """The part as a network."""
        layers = [*([] if self.head.shown else [self.head]), *(node.layer for node in self.nodes)]
        return Network(layers, origin=self.origin or Origin(self.framework))

    def said(self, *effects: Effect) -> tuple[str, ...]:
        """Return what is said of it, the notes of some effects, a sentence each."""
        return tuple(dict.fromkeys(note.text for note in self.notes if note.effect in effects))

    @property
    def assumed(self) -> tuple[str, ...]:
        """What the source does not say, or says otherwise."""
        return tuple(dict.fromkeys(note.text for note in self.notes if note.effect != "left out"))

    @property
    def told(self) -> tuple[str, ...]:
        """What a run tells: what the source says and the language has otherwise; shortly, what it does not say."""
        assumed = self.said("assumed")
        more = f"; {len(assumed) - 1} more in rnncli inspect" if len(assumed) > 1 else ""
        short = [f"{self.path}: assumed: {assumed[0]}{more}"] if assumed else []
        return (*(f"{self.path}: {text}" for text in self.said("differs", "other order")), *short)

    @property
    def doubts(self) -> tuple[str, ...]:
        """On what its counts depend: a size or an order that is assumed, and weights that are counted twice."""
        return (*(f"assumed: {text}" for text in self.said("assumed size", "assumed row")), *self.said("counted twice"))

    def check_runs(self) -> None:
        """Check that it can be run.

        Raises:
            RnncliError: it computes what the language has no word for.
        """
        for text in self.said("not run"):
            raise RnncliError(
                f"{self.path}: {text}",
                "its sizes hold: summary, explain, draw and compare take it; "
                "rnncli forward SPEC --weights FILE runs its weights with the activations of a spec",
            )

    @property
    def params(self) -> int:
        """The number of elements of its arrays in the file."""
        return total_params([tensor for node in self.nodes for tensor in node.tensors.values()])

    @property
    def layer_params(self) -> list[int]:
        """The number of parameters of each layer, as its framework counts them."""
        return [layer.params for layer in self.network.summary().layers]

    @property
    def has_weights(self) -> bool:
        """Whether the file holds its numbers, and not only its structure."""
        read = zip(self.nodes, self.network.shapes(), strict=True)
        return all(node.tensors or not node.layer.weights(reads) for node, (reads, _) in read)


def tied(nodes: Sequence[Node], arrays: Iterable[Iterable[object]]) -> Iterator[Node]:
    """Yield nodes; of one that has an array of another, as far as the arrays of each are told, is said so."""
    owners: dict[object, str] = {}
    for node, each in zip(nodes, arrays, strict=True):
        first = [owners.setdefault(array, node.name) for array in each]
        other = next((name for name in first if name != node.name), "")
        said = f"{shorten(node.name)} has an array of {shorten(other)} (tied weights), which is counted twice"
        yield replace(node, notes=(*node.notes, Note(said, "counted twice", only=other))) if other else node


def returned(word: Layer, features: int | None) -> int | None:
    """Return how many features a layer returns, from how many it reads."""
    return shape_behind(word, features, None)[-1]


def shape_behind(word: Layer, features: int | None, length: int | None, *, vector: bool = False) -> Shape:
    """Return the shape of what a layer returns that reads vectors, or sequences of some length."""
    if takes_input(word):
        return word.output_shape(word.input_shape())
    return word.output_shape((None, features) if vector or word.reads == "vector" else (None, length, features))

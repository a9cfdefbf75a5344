"""The common form in which all readers return what they find in a source: nodes, notes on them, and rows of nodes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal, TypeGuard

from rnncli.errors import RnncliError, shorten
from rnncli.formats import open_model
from rnncli.formats.tensors import Convention, Tensor, total_params
from rnncli.immutable import NamedTuple
from rnncli.layers import Dense, Head, Input, Layer, Recurrent
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.network_summary import Origin
from rnncli.quantities import Shape

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
"""What follows from a note, in the order above.

The source does not specify it; nor a size, or the order of the layers, on which the counts depend; two layers share
weights, which are counted for both. The source differs, which a run reports; its row of layers differs, which every
command reports; it differs, and its weights are in another order. The part cannot be run; the source contains more.
"""

Returned = Literal["sequence", "vector"]


def names(text: str) -> frozenset[str]:
    """Return the names in a space-separated text: a table of classes, functions or arguments."""
    return frozenset(text.split())


class Note(NamedTuple):
    """A difference from the source, or something that the source does not specify.

    Attributes:
        text: a sentence.
        effect: what follows from it.
        unless: the note does not hold if the row has a node of this name: the embedding whose mask is meant.
        only: the note holds only if the row has a node of this name.
    """

    text: str
    effect: Effect
    unless: str = ""
    only: str = ""

    def holds(self, names: Container[str]) -> bool:
        """Return whether the note holds for a row whose nodes have these names."""
        return not (self.unless and self.unless in names) and (not self.only or self.only in names)


class Pass(NamedTuple):
    """An identity, as far as specs can express it; if it masks, it marks vectors of zeros as padding."""

    masks: bool = False


Word = Layer | Pass


def takes_input(word: Word | None) -> TypeGuard[Head]:
    """Return whether a word reads the input of a network."""
    return isinstance(word, Layer) and word.reads == "input"


def takes_vectors(word: Word | None) -> TypeGuard[Input]:
    """Return whether a word reads vectors, not ids, as the input of a network."""
    return takes_input(word) and word.vocabulary is None


def takes_ids(word: Word | None) -> TypeGuard[Head]:
    """Return whether a word reads ids as the input of a network."""
    return takes_input(word) and word.vocabulary is not None


def loops(word: Word | None) -> TypeGuard[Recurrent]:
    """Return whether a word is a recurrent layer."""
    return isinstance(word, Layer) and bool(word.states)


def takes_activation(word: Word | None) -> TypeGuard[Dense]:
    """Return whether a word can absorb the activation that follows it."""
    return isinstance(word, Layer) and word.with_activation("linear") is not None


def flattened_windows(layers: Sequence[Layer]) -> Iterator[int]:
    """Yield the indices of layers that flatten a sequence which in PyTorch has its features before its timesteps.

    That is the case after classes whose names end in 1d, Conv1d or BatchNorm1d, up to the next layer with weights.
    """
    in_front = False
    for place, layer in enumerate(layers):
        if in_front and layer.joins == "flatten":
            yield place
        keeps = layer.returns == "same" and not layer.weights((None, None, 1))
        in_front = layer.type_name("torch").endswith("1d") or (in_front and keeps)


class Read(NamedTuple):
    """An edge: the name of the node that is read, and which output of a recurrent layer, if the source specifies it."""

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
    "if": "condition",
}
"""Operations that a source writes as operators or conditions, and their names."""


@dataclass(frozen=True)
class Node:
    """One thing that a reader found.

    Attributes:
        name: its unique name in the source.
        kind: its class in the source: LSTM, Conv1D, Gemm; "input" and "output" are those of the whole model.
        word: the layer that it is in a spec; None if it is not understood.
        reads: its inputs, the data first; None if the source does not specify them.
        features: how many features it reads, if the source specifies it.
        tensors: its arrays by their names in the convention: `weight_ih`, `forward/kernel`, `W`.
        convention: whose names and layout the arrays have.
        line: its line in the source.
        place: its characters in a text, if there is a text to point into.
        notes: differences from the source.
        unsaid: the arguments of its layer that the source does not specify.
        where: whether it works on sequences or vectors, if a layer that can do both specifies it.
        owner: the node that its weights belong to, if it is another one: a layer that is called twice.
        around: how many timesteps of zeros it adds before the sequence that it reads, and how many after; negative if
            it cuts timesteps off. They become the padding of a convolution, or are not understood.
        given: the input that it specifies itself, Keras's `input_shape`.
        ids: how many numbers a sample has, if it is an input without features: they may be ids.
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
    ids: int | None = None

    @property
    def layer(self) -> Layer:
        """Its layer; only for the nodes of a part, which are all layers."""
        assert isinstance(self.word, Layer)
        return self.word

    @property
    def loops(self) -> bool:
        """Whether it is a recurrent layer."""
        return loops(self.word)

    @property
    def shown_kind(self) -> str:
        """The name of its class or operation, as people write it."""
        return _OPERATIONS.get(self.kind, shorten(self.kind))

    @property
    def described(self) -> str:
        """Its name, class and line, as far as they are known; an operation has no name."""
        line = [f"line {self.line}"] if self.line else []
        if self.kind in _OPERATIONS:
            return " ".join([self.shown_kind, *(f"({each})" for each in line)])
        return f"{shorten(self.name)} ({', '.join([self.shown_kind, *line])})"

    @property
    def params(self) -> int | None:
        """Its layer's parameter count; None if it is not a layer, the count is unknown, or its arrays show it."""
        if not isinstance(self.word, Layer) or self.unsaid or self.tensors:
            return None
        if self.features is None and self.word.vocabulary is None:
            return None
        weights = self.word.weights((None, None, self.features), "keras" if self.convention == "keras" else "torch")
        return sum(weight.params for weight in weights)


def _read_again(opened: dict[str, Node], path: str, node: str, key: str) -> Any:
    """Return the numbers of an array of a copied part; the file is opened again for the first one, and then kept."""
    if not opened:
        opened.update((each.name, each) for part in open_model(path).parts for each in part.nodes)
    if node not in opened or key not in opened[node].tensors:
        raise RnncliError(f"{path} has changed: {shorten(node)} has no {key} in it", "read it again")
    return opened[node].tensors[key].read()


_SHOWN = 3
"""How many assumptions a run prints."""


@dataclass(frozen=True, repr=False)
class Part:
    """A row of layers that specs have words for, as long as possible.

    Attributes:
        name: the name of its first recurrent layer in the source.
        head: the layer that reads the input.
        nodes: the layers that a summary shows, in order; the first is the head itself if it has a table.
        notes: differences from the source.
        framework: the framework whose parameter counts its layers have.
        other_names: its other names in the source.
        path: the file.
        origin: the report on how its network was read, once that is known.
    """

    name: str
    head: Head
    nodes: tuple[Node, ...]
    notes: tuple[Note, ...] = ()
    framework: Framework = "keras"
    other_names: tuple[str, ...] = ()
    path: str = ""
    origin: Origin | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return the data for a copy or another process, which opens the file again when it reads an array."""
        nodes, read = [], partial(_read_again, {}, self.path)
        for node in self.nodes:
            tensors = {key: each._replace(read=partial(read, node.name, key)) for key, each in node.tensors.items()}
            nodes.append(replace(node, tensors=tensors))
        return {**{key: vars(self)[key] for key in vars(self).keys() - {"network"}}, "nodes": tuple(nodes)}

    def __repr__(self) -> str:
        """Return the name and the spec."""
        return f"<Part {shorten(self.name)}: {self.network}>"

    @cached_property
    def network(self) -> Network:
        """The part as a network; one of a file runs with the file's weights."""
        layers = [*([] if self.head.shown else [self.head]), *(node.layer for node in self.nodes)]
        part = replace(self) if self.path else None  # with the part itself, a cycle would keep the file open
        return Network(layers, origin=self.origin or Origin(self.framework), part=part)

    def said(self, *effects: Effect) -> tuple[str, ...]:
        """Return the notes with these effects, one sentence each."""
        return tuple(dict.fromkeys(note.text for note in self.notes if note.effect in effects))

    @property
    def assumed(self) -> tuple[str, ...]:
        """The sentences about what the source does not specify or specifies differently."""
        return tuple(dict.fromkeys(note.text for note in self.notes if note.effect != "left out"))

    @property
    def run_notes(self) -> tuple[str, ...]:
        """The sentences that only a run prints: differences that change its outputs, and the assumptions in brief."""
        assumed = self.said("assumed")
        more = f"; {len(assumed) - _SHOWN} more in rnncli inspect" if len(assumed) > _SHOWN else ""
        short = [f"{self.path}: assumed: {'; '.join(assumed[:_SHOWN])}{more}"] if assumed else []
        return (*(f"{self.path}: {text}" for text in self.said("differs", "other order")), *short)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why its counts may be wrong: a size or an order that is assumed, or weights that are counted twice."""
        return (*(f"assumed: {text}" for text in self.said("assumed size", "assumed row")), *self.said("counted twice"))

    def check_runs(self) -> None:
        """Check that it can be run.

        Raises:
            RnncliError: it computes something that specs cannot express.
        """
        for text in self.said("not run"):
            raise RnncliError(
                f"{self.path}: {text}",
                "its sizes are right, and summary, explain, draw and compare work; "
                "rnncli forward SPEC --weights FILE runs its weights with a spec's activations",
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
        """Whether the file has its weights, not only its structure."""
        read = zip(self.nodes, self.network.shapes(), strict=True)
        return all(node.tensors or not node.layer.weights(reads) for node, (reads, _) in read)


def tied(nodes: Sequence[Node], arrays: Iterable[Iterable[object]]) -> Iterator[Node]:
    """Yield nodes, with a note on each that shares an array with an earlier one, as far as their arrays are given."""
    owners: dict[object, str] = {}
    for node, each in zip(nodes, arrays, strict=True):
        first = [owners.setdefault(array, node.name) for array in each]
        other = next((name for name in first if name != node.name), "")
        said = f"{shorten(node.name)} shares an array with {shorten(other)} (tied weights), which is counted twice"
        yield replace(node, notes=(*node.notes, Note(said, "counted twice", only=other))) if other else node


def of_length(node: Node, ids: int | None) -> Node:
    """Return a node; a table of ids has the length of the samples that it reads, whatever it says itself."""
    return replace(node, word=node.word.with_timesteps(ids)) if ids is not None and takes_ids(node.word) else node


def returned(word: Layer, features: int | None) -> int | None:
    """Return how many features a layer returns if it reads this many."""
    return shape_after(word, features, None)[-1]


def shape_after(word: Layer, features: int | None, length: int | None, *, vector: bool = False) -> Shape:
    """Return the output shape of a layer that reads vectors, or sequences of some length."""
    if takes_input(word):
        return word.output_shape(word.input_shape())
    return word.output_shape((None, features) if vector or word.reads == "vector" else (None, length, features))

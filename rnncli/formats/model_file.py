"""What a model file holds, as plain data: arrays, and the recurrent parts that the language has words for.

Structure comes from headers alone. The numbers of an array are read when `Tensor.read` is called, and no sooner; only
that needs NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.faults import reading
from rnncli.formats.numbers import WIDTHS, array_at
from rnncli.layers import Head, Layer
from rnncli.network import Network

if TYPE_CHECKING:
    import numpy as np

    from rnncli.formats.file_reader import FileReader

Convention = Literal["keras", "cudnn", "torch", "onnx"]
"""Whose names, layout and order of gates the arrays of a layer have."""


MAX_ARRAYS = 100_000
"""The most arrays that a file may hold; a network of 10,000 layers has 60,000 at most."""

MAX_PARTS = 1_000
"""The most recurrent parts that a file may have."""

MAX_RANK = 64
"""The most axes that an array may have: NumPy has no more."""


class Tensor(NamedTuple):
    """An array in a file.

    Attributes:
        name: what the file calls it.
        shape: its shape.
        dtype: the name of its numbers' type: `float32`, `bfloat16`, `int64`.
        read: reads its numbers, as a NumPy array; bfloat16 and float8 become float32. Errors name the file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray[Any, Any]]

    @property
    def params(self) -> int:
        """The number of its elements."""
        return prod(self.shape)


def tensor_at(
    path: str, reader: FileReader, name: str, place: int, dtype: str, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """Read the numbers of an array that stand in one row at a place of a file.

    Raises:
        RnncliError: they cannot be read; the message names the file and the array.
    """
    with reading(f"{path}: array {shorten(name)}", f"{shorten(str(shape))} of {dtype}"):
        if dtype not in WIDTHS:
            raise RnncliError(f"its numbers are of type {dtype}, which are not read")
        return array_at(reader, place, dtype, shape)


class Piece(NamedTuple):
    """A layer as a file has it.

    Attributes:
        layer: the layer.
        name: what the file calls it: `encoder.rnn`.
        convention: whose names and layout its arrays have.
        tensors: its arrays, by what they are in that convention: `weight_ih`, `weight_ih_reverse`, `kernel`,
            `forward/kernel`, `W`.
    """

    layer: Layer
    name: str
    convention: Convention
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class Part:
    """A row of layers in a file that the language has words for, as long as it can be.

    Attributes:
        name: what the file calls its first recurrent layer.
        head: what takes the input.
        pieces: the layers that a summary shows, in order; the first is the head itself if it owns a table.
        assumed: what the file does not say and was assumed, a sentence each.
        other_names: what else the file calls it.
        notes: those of the file's notes that say what was left out around it.
        differs: why it is not run: what it computes that the language has no word for, a sentence each, which names the
            file. Its shapes and its numbers of parameters hold.
        otherwise: those of `assumed` that the file says otherwise, which a run tells; they name the file, too.
        path: the file.
    """

    name: str
    head: Head
    pieces: tuple[Piece, ...]
    assumed: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    path: str = ""

    @cached_property
    def network(self) -> Network:
        """The part as a network."""
        layers = [piece.layer for piece in self.pieces]
        return Network(layers if self.head.shown else [self.head, *layers])

    def check_runs(self) -> None:
        """Check that it can be run.

        Raises:
            RnncliError: it computes what the language has no word for.
        """
        if self.differs:
            raise RnncliError(
                self.differs[0],
                "its sizes hold: summary, explain, draw and compare take it; "
                "rnncli forward SPEC --weights FILE runs its weights with the activations of a spec",
            )

    @property
    def params(self) -> int:
        """The number of elements of its arrays in the file."""
        return sum(tensor.params for piece in self.pieces for tensor in piece.tensors.values())

    @property
    def layer_params(self) -> list[int]:
        """The number of parameters of each layer: as many as the file holds, or as its framework would make."""
        if self.has_weights:
            return [total_params([*piece.tensors.values()]) for piece in self.pieces]
        torch = all(piece.convention == "torch" for piece in self.pieces)
        return [layer.params for layer in self.network.summary(framework="torch" if torch else "keras").layers]

    @property
    def has_weights(self) -> bool:
        """Whether the file holds its numbers, and not only its structure."""
        return all(
            piece.tensors or not piece.layer.weights(reads)
            for piece, (reads, _) in zip(self.pieces, self.network.shapes(), strict=True)
        )


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds.

    Attributes:
        path: the file.
        format: what kind of file it is, in words: `safetensors`, `ONNX`.
        writer: who wrote it, as far as it says so: `PyTorch 2.13`; may be empty.
        parts: its recurrent parts, in order.
        others: the arrays that are in no part.
        notes: what else a reader should know: cells that cannot be expressed, with the reason.
        partial: whether it may hold further arrays, which are not known.
    """

    path: str
    format: str
    writer: str
    parts: tuple[Part, ...]
    others: tuple[Tensor, ...] = ()
    notes: tuple[str, ...] = ()
    partial: bool = False

    def named(self) -> ModelFile:
        """Return the same with its name in front of what is said of parts that are not run, or run otherwise."""

        def with_path(texts: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(f"{self.path}: {text}" for text in texts)

        return replace(
            self,
            parts=tuple(
                replace(part, differs=with_path(part.differs), otherwise=with_path(part.otherwise), path=self.path)
                for part in self.parts
            ),
        )

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All arrays of the file; one that two parts share stands once."""
        of_parts = (tensor for part in self.parts for piece in part.pieces for tensor in piece.tensors.values())
        return (*{tensor.name: tensor for tensor in of_parts}.values(), *self.others)

    @cached_property
    def params(self) -> int:
        """The number of elements of all arrays."""
        return total_params(self.tensors)


def total_params(tensors: Sequence[Tensor]) -> int:
    """Return the number of elements of some arrays."""
    return sum(tensor.params for tensor in tensors)

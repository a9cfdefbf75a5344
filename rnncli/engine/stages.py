"""One stage for each kind of layer: chunks of time go in, chunks come out.

A stack is a chain of stages, each of which passes a chunk on as soon as it is done, so that memory does not grow
with the number of timesteps. Only `back` and `bi` need the whole sequence before they can start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.engine.cells import Cell, make_cell
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.layers import Dense, Dropout, Embedding, Layer, Recurrent


class Chunk(NamedTuple):
    """Some timesteps of a sequence, in columns.

    Attributes:
        values: (timesteps, features, batch), or ids (timesteps, batch). A layer that returns no sequence hands on a
            single chunk of one timestep.
        mask: (timesteps, batch), False where a step is padding; None where every step counts.
    """

    values: Array
    mask: Array | None = None


class Stage:
    """A layer at work. This one passes everything on, as dropout does in a forward pass."""

    def run(self, chunks: Iterable[Chunk], tick: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield the output for a sequence of chunks.

        Args:
            chunks: the whole of one batch of samples, in order of time.
            tick: called with the number of timesteps that a recurrent layer has just taken.
        """
        del tick
        yield from chunks


class EmbeddingStage(Stage):
    """Looks ids up in the table."""

    def __init__(self, layer: Embedding, weights: Mapping[str, Array]) -> None:
        self.table = weights["embeddings"]
        self.mask_zero = layer.mask_zero

    def run(self, chunks: Iterable[Chunk], tick: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield a vector for each id; with mask_zero, the mask of those that are not 0."""
        del tick
        start = 0
        for ids, _ in chunks:
            self._check(ids, start)
            start += len(ids)
            mask = ids != 0 if self.mask_zero else None
            yield Chunk(self.table[ids].swapaxes(1, 2), None if mask is None or mask.all() else mask)

    def _check(self, ids: Array, start: int) -> None:
        wrong = (ids < 0) | (ids >= len(self.table))
        if wrong.any():
            t, sample = np.argwhere(wrong)[0]
            raise RnncliError(
                f"id {ids[t, sample]} (sample {sample}, timestep {start + t}) is outside the vocabulary, "
                f"0 to {len(self.table) - 1:,}",
                "give the embedding more ids, or clip them",
            )


class DenseStage(Stage):
    """act(x·W + b) for every vector."""

    def __init__(self, layer: Dense, weights: Mapping[str, Array]) -> None:
        self.kernel = weights["kernel"].T
        self.bias = weights["bias"][:, None] if layer.use_bias else None
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]

    def run(self, chunks: Iterable[Chunk], tick: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield the outputs, chunk by chunk."""
        del tick
        for x, mask in chunks:
            y = np.matmul(self.kernel, x)
            if self.bias is not None:
                y += self.bias
            self.activation(y, y)
            yield Chunk(y, mask)


class RecurrentStage(Stage):
    """A recurrent layer in one direction: forwards chunk by chunk, backwards on the whole sequence."""

    def __init__(self, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        self.cell = make_cell(layer, weights)

    def run(self, chunks: Iterable[Chunk], tick: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield the sequence of outputs, or the last one alone."""
        state: dict[str, Array] = {}
        if self.layer.go_backwards:
            chunks = reverse(chunks)
        for x, mask in chunks:
            state = state or self.cell.zero_state(x.shape[-1])
            out = None
            if self.layer.return_sequences:
                out = np.empty((len(x), self.cell.units, x.shape[-1]), x.dtype)
            # Reversed time has the mask of reversed time, but Keras hands it on to the next layer as it was.
            self.cell.run(x, state, out, mask[::-1] if mask is not None and self.layer.go_backwards else mask)
            tick(len(x))
            if out is not None:
                yield Chunk(out, mask)
        if not self.layer.return_sequences:
            yield Chunk(state["h"][None])


def reverse(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the whole sequence as one chunk, its values in reversed time and its mask as it was."""
    whole = gather(chunks)
    yield Chunk(whole.values[::-1], whole.mask)


class BidirectionalStage(Stage):
    """A recurrent layer that reads the whole sequence both ways and merges the two outputs."""

    def __init__(self, layer: Recurrent, weights: Mapping[str, Array]) -> None:
        self.layer = layer
        self.cells = tuple(make_cell(layer, _under(weights, direction)) for direction in ("forward", "backward"))

    def run(self, chunks: Iterable[Chunk], tick: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield the merged sequence, in forward time, or the merged last outputs."""
        x, mask = gather(chunks)
        forward = self._direction(self.cells[0], x, mask)
        tick(len(x))
        backward = self._direction(self.cells[1], x[::-1], None if mask is None else mask[::-1])
        tick(len(x))
        if self.layer.return_sequences:
            backward = backward[::-1]
        yield Chunk(self._merge(forward, backward), mask)

    def _direction(self, cell: Cell, x: Array, mask: Array | None) -> Array:
        state = cell.zero_state(x.shape[-1])
        if not self.layer.return_sequences:
            cell.run(x, state, None, mask)
            return state["h"][None]
        out = np.empty((len(x), cell.units, x.shape[-1]), x.dtype)
        # Keras: inside a Bidirectional a masked step's output is zero.
        cell.run(x, state, out, mask, zero_masked=True)
        return out

    def _merge(self, forward: Array, backward: Array) -> Array:
        match self.layer.merge_mode:
            case "concat":
                return np.concatenate([forward, backward], axis=1)
            case "mul":
                forward *= backward
            case "sum":
                forward += backward
            case _:
                forward += backward
                forward /= 2
        return forward


def gather(chunks: Iterable[Chunk]) -> Chunk:
    """Return a whole sequence as one chunk."""
    parts = list(chunks)
    values = np.concatenate([part.values for part in parts])
    if all(part.mask is None for part in parts):
        return Chunk(values)
    masks = [np.ones((len(part.values), values.shape[-1]), bool) if part.mask is None else part.mask for part in parts]
    return Chunk(values, np.concatenate(masks))


def make_stage(layer: Layer, weights: Mapping[str, Array]) -> Stage:
    """Return the stage for a layer; `weights` are its own, by Keras's names."""
    match layer:
        case Embedding():
            return EmbeddingStage(layer, weights)
        case Dense():
            return DenseStage(layer, weights)
        case Recurrent(merge_mode=None):
            return RecurrentStage(layer, weights)
        case Recurrent():
            return BidirectionalStage(layer, weights)
        case Dropout():
            return Stage()
        case _:
            raise TypeError(f"the engine has no stage for {layer!r}")


def _under(weights: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the weights whose name is `prefix/NAME`, by NAME."""
    return {name.partition("/")[2]: array for name, array in weights.items() if name.partition("/")[0] == prefix}

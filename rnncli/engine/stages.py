"""One stage for each kind of layer, and the table that finds it.

Those of recurrent layers are in `recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.engine.chunks import Chunk, ChunkSteps
from rnncli.engine.passes import Pass, Stage, State, Stateless, Tick
from rnncli.engine.recurrent import BidirectionalStage, RecurrentStage
from rnncli.engine.types import Array
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Layer, Norm, Pool, Repeat, SimpleRNN


class EmbeddingStage(Stateless):
    """Looks ids up in the table."""

    def __init__(self, layer: Embedding, weights: Mapping[str, Array]) -> None:
        self.table = weights["embeddings"]
        self.mask_zero = layer.mask_zero

    def step(self, chunk: Chunk) -> Chunk:
        """Return a vector for each id; with mask_zero, the mask of those that are not 0."""
        ids = chunk.values
        mask = ids != 0 if self.mask_zero else None
        return Chunk(self.table[ids].swapaxes(1, 2), None if mask is None or mask.all() else mask)


class DenseStage(Stateless):
    """act(x·W + b) for every vector."""

    def __init__(self, layer: Dense, weights: Mapping[str, Array]) -> None:
        self.kernel = weights["kernel"].T
        self.bias = weights["bias"][:, None] if layer.use_bias else None
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]

    def step(self, chunk: Chunk) -> Chunk:
        """Return the outputs of a chunk."""
        y = np.matmul(self.kernel, chunk.values)
        if self.bias is not None:
            y += self.bias
        self.activation(y, y)
        return Chunk(y, chunk.mask)


class NormStage(Stateless):
    """γ · (x - mean) / √(variance + ε) + β over the features of every vector.

    It computes in float64: among features that are all around 100, float32 would lose the little that they differ.
    """

    def __init__(self, layer: Norm, weights: Mapping[str, Array]) -> None:
        self.gamma = weights["gamma"][:, None] if layer.scale else None
        self.beta = weights["beta"][:, None] if layer.center else None
        self.epsilon = layer.epsilon

    def step(self, chunk: Chunk) -> Chunk:
        """Return the normalised vectors of a chunk."""
        x = chunk.values
        y = x - x.mean(axis=1, keepdims=True, dtype=np.float64)
        y /= np.sqrt(np.square(y).mean(axis=1, keepdims=True) + self.epsilon)
        if self.gamma is not None:
            y *= self.gamma
        if self.beta is not None:
            y += self.beta
        return Chunk(y.astype(x.dtype), chunk.mask)


class RepeatStage(Stage):
    """Makes a sequence of a vector, chunk by chunk, so that its length takes no memory."""

    def __init__(self, layer: Repeat, chunk_steps: ChunkSteps) -> None:
        self.timesteps = layer.n
        self.chunk_steps = chunk_steps

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that keeps the vector and yields it over and over at the end."""
        del states, tick
        return _Repetition(self.timesteps, self.chunk_steps)


class _Repetition(Pass):
    """A vector on its way to become a sequence."""

    def __init__(self, timesteps: int, chunk_steps: ChunkSteps) -> None:
        self.timesteps = timesteps
        self.chunk_steps = chunk_steps
        self._vector: Array | None = None

    def step(self, chunk: Chunk) -> None:
        """Keep the vector, (1, features, batch)."""
        self._vector = chunk.values.copy()

    def end(self) -> Iterator[Chunk]:
        """Yield the sequence."""
        assert self._vector is not None
        _, features, batch = self._vector.shape
        steps = self.chunk_steps(batch)
        for start in range(0, self.timesteps, steps):
            yield Chunk(np.broadcast_to(self._vector, (min(steps, self.timesteps - start), features, batch)))


class PoolStage(Stage):
    """The largest or the mean of each feature over time, taken as the chunks come."""

    def __init__(self, layer: Pool) -> None:
        self.pass_type = POOLS[layer.mode]

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields one vector at the end."""
        del states, tick
        return self.pass_type()


class _Largest(Pass):
    """The largest of each feature so far. Padding counts like any other step, as in Keras."""

    def __init__(self) -> None:
        self._largest: Array | None = None

    def step(self, chunk: Chunk) -> None:
        """Take in a chunk."""
        largest = chunk.values.max(axis=0, keepdims=True)
        self._largest = largest if self._largest is None else np.maximum(self._largest, largest)

    def end(self) -> Iterator[Chunk]:
        """Yield the largest, (1, features, batch)."""
        assert self._largest is not None
        yield Chunk(self._largest)


class _Mean(Pass):
    """The mean of each feature so far, padding left out; where there is nothing but padding it is no number."""

    def __init__(self) -> None:
        self._sum: Array | None = None
        self._count: Array | int = 0
        self._dtype = np.dtype(np.float64)

    def step(self, chunk: Chunk) -> None:
        """Take in a chunk. The sum is in float64, so that a long sequence does not lose its small steps."""
        values, mask = chunk
        self._dtype = values.dtype
        counts = True if mask is None else mask[:, None]
        total = values.sum(axis=0, keepdims=True, dtype=np.float64, where=counts)
        self._sum = total if self._sum is None else self._sum + total
        self._count = self._count + (len(values) if mask is None else mask.sum(axis=0))

    def end(self) -> Iterator[Chunk]:
        """Yield the mean, (1, features, batch)."""
        assert self._sum is not None
        yield Chunk((self._sum / self._count).astype(self._dtype))


POOLS: dict[str, Callable[[], Pass]] = {"max": _Largest, "avg": _Mean}
"""What makes one vector of a sequence, by its mode."""


class StageParts(NamedTuple):
    """The layer that a stage is made for, and all that the stage needs.

    Attributes:
        name: the layer's name in the network.
        layer: the layer.
        weights: its weights by Keras's names.
        chunk_steps: how long the chunks should be that the layer makes of its own.
    """

    name: str
    layer: Any
    weights: Mapping[str, Array]
    chunk_steps: ChunkSteps


def make_stage(name: str, layer: Layer, weights: Mapping[str, Array], chunk_steps: ChunkSteps) -> Stage:
    """Return the stage for a layer; the arguments are the attributes of `StageParts`."""
    return STAGES[type(layer)](StageParts(name, layer, weights, chunk_steps))


def _recurrent_stage(parts: StageParts) -> Stage:
    stage = RecurrentStage if parts.layer.merge is None else BidirectionalStage
    return stage(parts.name, parts.layer, parts.weights)


STAGES: dict[type[Layer], Callable[[StageParts], Stage]] = {
    Embedding: lambda parts: EmbeddingStage(parts.layer, parts.weights),
    SimpleRNN: _recurrent_stage,
    LSTM: _recurrent_stage,
    GRU: _recurrent_stage,
    Dense: lambda parts: DenseStage(parts.layer, parts.weights),
    Dropout: lambda parts: Stateless(),
    Norm: lambda parts: NormStage(parts.layer, parts.weights),
    Repeat: lambda parts: RepeatStage(parts.layer, parts.chunk_steps),
    Pool: lambda parts: PoolStage(parts.layer),
}
"""A function for each kind of layer that makes its stage. An Input needs none."""

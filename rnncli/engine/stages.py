"""One stage for each kind of layer, and the table that finds it.

Those of recurrent layers are in `recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.engine.chunks import Chunk
from rnncli.engine.passes import Pass, Stage, State, Stateless, Tick
from rnncli.engine.recurrent import BidirectionalStage, RecurrentStage
from rnncli.engine.types import Array
from rnncli.engine.windows import MeanPass, WindowPass, largest_pass
from rnncli.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    Norm,
    Pool,
    Recurrent,
    Repeat,
    SimpleRNN,
)
from rnncli.layers.windows import Window

ChunkSteps = Callable[[int], int]
"""Returns how many timesteps a chunk should have, given the number of samples."""


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


class ActivationStage(Stateless):
    """act(x) for every vector."""

    def __init__(self, layer: Activation) -> None:
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]

    def step(self, chunk: Chunk) -> Chunk:
        """Return what the activation makes of a chunk, which others may read, too."""
        y = np.empty_like(chunk.values)
        self.activation(chunk.values, y)
        return Chunk(y, chunk.mask)


class ConvStage(Stage):
    """act(Σ_k x_{t+k}·W_k + b): one product for all windows of a chunk."""

    def __init__(self, layer: Conv, weights: Mapping[str, Array]) -> None:
        self.window = layer.window
        self.kernel = weights["kernel"].reshape(-1, layer.filters)
        self.bias = weights["bias"] if layer.use_bias else None
        self.activation = ACTIVATION_FUNCTIONS[layer.activation]

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass for one batch."""
        del states, tick
        return WindowPass(self.window, 0, self._compute)

    def _compute(self, windows: Array) -> Array:
        count, batch, *_ = windows.shape
        y = windows.reshape(count * batch, -1) @ self.kernel
        if self.bias is not None:
            y += self.bias
        y = y.T  # features first, as the activations have them
        self.activation(y, y)
        return y.T.reshape(count, batch, -1)


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


class BatchNormStage(Stateless):
    """γ · (x - μ) / √(σ² + ε) + β for every vector: a factor and a shift for each feature."""

    def __init__(self, layer: BatchNorm, weights: Mapping[str, Array]) -> None:
        factor = 1 / np.sqrt(weights["moving_variance"].astype(np.float64) + layer.epsilon)
        factor *= weights["gamma"] if layer.scale else 1
        shift = (weights["beta"] if layer.center else 0) - weights["moving_mean"] * factor
        dtype = weights["moving_mean"].dtype
        self.factor, self.shift = (each.astype(dtype)[:, None] for each in (factor, shift))

    def step(self, chunk: Chunk) -> Chunk:
        """Return the scaled vectors of a chunk."""
        return Chunk(chunk.values * self.factor + self.shift, chunk.mask)


class Gathering(Stage):
    """A layer that keeps something from chunk to chunk; what works on a batch is made for each."""

    def __init__(self, make_pass: Callable[[], Pass]) -> None:
        self.make_pass = make_pass

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass that yields what it has gathered at the end."""
        del states, tick
        return self.make_pass()


class _Repetition(Pass):
    """A vector on its way to become a sequence, chunk by chunk, so that its length takes no memory."""

    def __init__(self, layer: Repeat, chunk_steps: ChunkSteps) -> None:
        self.timesteps = layer.n
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


class _Largest(Pass):
    """The largest of each feature so far. Padding counts like any other step, as in Keras."""

    def __init__(self) -> None:
        self._largest: Array | None = None

    def step(self, chunk: Chunk) -> None:
        """Take in a chunk."""
        largest = chunk.values.max(axis=0, keepdims=True)
        if self._largest is None:
            self._largest = largest
        own = self._largest[..., : largest.shape[-1]]
        np.maximum(own, largest, out=own)

    def end(self) -> Iterator[Chunk]:
        """Yield the largest, (1, features, batch)."""
        assert self._largest is not None
        yield Chunk(self._largest)


class _Mean(Pass):
    """The mean of each feature so far, padding left out; where there is nothing but padding it is no number."""

    def __init__(self) -> None:
        self._sum: Array | None = None
        self._count: Array = np.zeros(0)
        self._dtype = np.dtype(np.float64)

    def step(self, chunk: Chunk) -> None:
        """Take in a chunk. The sum is in float64, so that a long sequence does not lose its small steps."""
        values, mask = chunk
        self._dtype = values.dtype
        counts = True if mask is None else mask[:, None]
        total = values.sum(axis=0, keepdims=True, dtype=np.float64, where=counts)
        if self._sum is None:
            self._sum, self._count = np.zeros_like(total), np.zeros(total.shape[-1])
        self._sum[..., : total.shape[-1]] += total
        self._count[: total.shape[-1]] += len(values) if mask is None else mask.sum(axis=0)

    def end(self) -> Iterator[Chunk]:
        """Yield the mean, (1, features, batch)."""
        assert self._sum is not None
        yield Chunk((self._sum / self._count).astype(self._dtype))


POOLS: dict[str, Callable[[], Pass]] = {"max": _Largest, "avg": _Mean}
"""What makes one vector of a sequence, by its mode."""

WINDOWED: dict[str, Callable[[Window], Pass]] = {"max": largest_pass, "avg": MeanPass}
"""What makes a vector of each window, by the mode."""


class _Flat(Pass):
    """The whole sequence on its way to become one vector."""

    def __init__(self) -> None:
        self._chunks: list[Array] = []

    def step(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        self._chunks.append(chunk.values.copy())

    def end(self) -> Iterator[Chunk]:
        """Yield the vector, (1, timesteps · features, batch)."""
        batch = self._chunks[0].shape[-1]
        yield Chunk(np.concatenate(self._chunks).reshape(1, -1, batch))


def _pool_stage(name: str, layer: Pool, weights: Mapping[str, Array], chunk_steps: ChunkSteps) -> Stage:
    del name, weights, chunk_steps
    window = layer.window
    return Gathering(POOLS[layer.mode] if window is None else lambda: WINDOWED[layer.mode](window))


def make_stage(name: str, layer: Layer, weights: Mapping[str, Array], chunk_steps: ChunkSteps) -> Stage:
    """Return the stage for a layer.

    Args:
        name: the layer's name in the network.
        layer: the layer.
        weights: its weights by Keras's names.
        chunk_steps: says how long the chunks should be that the layer makes of its own.
    """
    return STAGES[type(layer)](name, layer, weights, chunk_steps)


def _recurrent_stage(name: str, layer: Recurrent, weights: Mapping[str, Array], chunk_steps: ChunkSteps) -> Stage:
    del chunk_steps
    return (RecurrentStage if layer.merge is None else BidirectionalStage)(name, layer, weights)


STAGES: dict[type[Layer], Callable[[str, Any, Mapping[str, Array], ChunkSteps], Stage]] = {
    Embedding: lambda name, layer, weights, chunk_steps: EmbeddingStage(layer, weights),
    SimpleRNN: _recurrent_stage,
    LSTM: _recurrent_stage,
    GRU: _recurrent_stage,
    Conv: lambda name, layer, weights, chunk_steps: ConvStage(layer, weights),
    Dense: lambda name, layer, weights, chunk_steps: DenseStage(layer, weights),
    Dropout: lambda name, layer, weights, chunk_steps: Stateless(),
    Norm: lambda name, layer, weights, chunk_steps: NormStage(layer, weights),
    BatchNorm: lambda name, layer, weights, chunk_steps: BatchNormStage(layer, weights),
    Activation: lambda name, layer, weights, chunk_steps: ActivationStage(layer),
    Repeat: lambda name, layer, weights, chunk_steps: Gathering(lambda: _Repetition(layer, chunk_steps)),
    Pool: _pool_stage,
    Flatten: lambda name, layer, weights, chunk_steps: Gathering(_Flat),
}
"""A function for each kind of layer that makes its stage. An Input needs none."""

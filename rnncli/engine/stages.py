"""The stage for each kind of layer, and the table of stages.

The stages of recurrent layers are in `recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnncli.engine.activations import ACTIVATION_FUNCTIONS, Array
from rnncli.engine.cells import CELLS
from rnncli.engine.chunks import Chunk, Pass, Stage
from rnncli.engine.recurrent import RecurrentStage
from rnncli.layers import Activation, BatchNorm, Conv, Dense, Dropout, Embedding, Flatten, Layer, Norm, Pool, Repeat
from rnncli.layers.windows import Window

ChunkSteps = Callable[[int], int]
"""Returns the number of timesteps per chunk, given the number of samples."""

Weights = Mapping[str, Array]
"""The weights of a layer, by Keras's names."""


def _stateless(begin: Callable[[], Pass]) -> Stage:
    """Return the stage of a stateless layer, given a function that begins a pass."""
    return lambda states, tick: begin()


def _each(compute: Callable[[Chunk], Chunk]) -> Stage:
    """Return the stage of a layer that computes each chunk independently of earlier ones."""

    def begin() -> Pass:
        output = None
        while chunk := (yield output):
            output = compute(chunk)

    return _stateless(begin)


def _each_vector(compute: Callable[[Array], Array]) -> Stage:
    """Return the stage of a layer that computes each vector independently, given the vectors of a chunk."""
    return _each(lambda chunk: Chunk(compute(chunk.values), chunk.mask))


def _embedding(layer: Embedding, weights: Weights) -> Stage:
    """The vector in the table for each id; with mask_zero, the mask is False for id 0."""
    table = weights["embeddings"]

    def look_up(chunk: Chunk) -> Chunk:
        ids = chunk.values
        mask = ids != 0 if layer.mask_zero else None
        return Chunk(table[ids].swapaxes(1, 2), None if mask is None or mask.all() else mask)

    return _each(look_up)


def _dense(layer: Dense, weights: Weights) -> Stage:
    """act(x·W + b) for each vector."""
    kernel = weights["kernel"].T
    bias = weights["bias"][:, None] if layer.use_bias else None
    activation = ACTIVATION_FUNCTIONS[layer.activation]

    def compute(x: Array) -> Array:
        y: Array = np.matmul(kernel, x)
        if bias is not None:
            y += bias
        activation(y, y)
        return y

    return _each_vector(compute)


def _activation(layer: Activation) -> Stage:
    """act(x) for each vector, in a new array, because x may be read elsewhere."""
    activation = ACTIVATION_FUNCTIONS[layer.activation]

    def compute(x: Array) -> Array:
        y = np.empty_like(x)
        activation(x, y)
        return y

    return _each_vector(compute)


def _norm(layer: Norm, weights: Weights) -> Stage:
    """γ · (x - mean) / √(variance + ε) + β over the features of each vector.

    It is computed in float64: for features that are all near 100, float32 would lose their small differences.
    """
    gamma = weights["gamma"][:, None] if layer.scale else None
    beta = weights["beta"][:, None] if layer.center else None

    def compute(x: Array) -> Array:
        y: Array = x - x.mean(axis=1, keepdims=True, dtype=np.float64)
        y /= np.sqrt(np.square(y).mean(axis=1, keepdims=True) + layer.epsilon)
        if gamma is not None:
            y *= gamma
        if beta is not None:
            y += beta
        return y.astype(x.dtype)

    return _each_vector(compute)


def _batch_norm(layer: BatchNorm, weights: Weights) -> Stage:
    """γ · (x - μ) / √(σ² + ε) + β for each vector, with a factor and a shift per feature."""
    factor = 1 / np.sqrt(weights["moving_variance"].astype(np.float64) + layer.epsilon)
    factor *= weights["gamma"] if layer.scale else 1
    shift = (weights["beta"] if layer.center else 0) - weights["moving_mean"] * factor
    factor, shift = (each.astype(weights["moving_mean"].dtype)[:, None] for each in (factor, shift))
    return _each_vector(lambda x: x * factor + shift)


def _repeat(layer: Repeat, chunk_steps: ChunkSteps) -> Pass:
    """A vector repeated in chunks, so that memory does not grow with the length of the sequence."""
    vector: Array | None = None
    while chunk := (yield None):
        vector = chunk.values.copy()
    assert vector is not None
    _, features, batch = vector.shape
    steps = chunk_steps(batch)
    for start in range(0, layer.n, steps):
        yield Chunk(np.broadcast_to(vector, (min(steps, layer.n - start), features, batch)))


def _flatten() -> Pass:
    """The whole sequence concatenated to one vector, (1, timesteps · features, batch)."""
    parts: list[Array] = []
    while chunk := (yield None):
        parts.append(chunk.values.copy())
    yield Chunk(np.concatenate(parts).reshape(1, -1, parts[0].shape[-1]))


def _largest() -> Pass:
    """The maximum of each feature. Padding counts like any other step, as in Keras."""
    found: Array | None = None
    while chunk := (yield None):
        largest = chunk.values.max(axis=0, keepdims=True)
        found = largest if found is None else found
        own = found[..., : largest.shape[-1]]
        np.maximum(own, largest, out=own)
    assert found is not None
    yield Chunk(found)


def _mean() -> Pass:
    """The mean of each feature, without padding; NaN if there is only padding.

    The sum is in float64, so that a long sequence does not lose small contributions.
    """
    total: Array | None = None
    while chunk := (yield None):
        values, mask = chunk
        real = True if mask is None else mask[:, None]
        own = values.sum(axis=0, keepdims=True, dtype=np.float64, where=real)
        if total is None:
            total, count, dtype = np.zeros_like(own), np.zeros(own.shape[-1]), values.dtype
        total[..., : own.shape[-1]] += own
        count[: own.shape[-1]] += len(values) if mask is None else mask.sum(axis=0)
    assert total is not None
    yield Chunk((total / count).astype(dtype))


def _windows(window: Window, fill: float, compute: Callable[[Array], Array]) -> Pass:
    """The output for each window, as soon as it has been read; the input of later windows is kept.

    The sequence is padded with `fill`. `compute` maps windows, (windows, batch, width, features), to their outputs,
    (windows, batch, features).
    """
    around = None if window.goes_by_length else window.around(None)
    kept: list[Array] = []  # the input of later windows, (timesteps, batch, features) each
    skipped = 0  # the next timesteps that are in no window, if the stride exceeds the span

    def padding(x: Array, steps: int) -> Array:
        return np.full((steps, *x.shape[1:]), fill, x.dtype)

    def complete(x: Array) -> Chunk | None:
        """Add some timesteps, and return the output for the windows that are now complete."""
        nonlocal kept, skipped
        x = np.concatenate([*(each[:, : x.shape[1]] for each in kept), x])
        left_out = min(skipped, len(x))
        x = x[left_out:]
        windows = max(0, (len(x) - window.span) // window.stride + 1)
        used = windows * window.stride
        skipped += max(0, used - len(x)) - left_out
        kept = [x[used:].copy()]
        if not windows:
            return None
        step, *others = x.strides
        cut = np.lib.stride_tricks.as_strided(
            x,
            (windows, x.shape[1], window.width, x.shape[2]),
            (step * window.stride, others[0], step * window.dilation, others[1]),
            writeable=False,
        )
        return Chunk(np.ascontiguousarray(compute(cut).transpose(0, 2, 1)))

    output = None
    while chunk := (yield output):
        x = chunk.values.transpose(0, 2, 1)
        if around is None:
            kept.append(x.copy())
        else:
            kept = kept or [padding(x, around[0])]
            output = complete(x)
    if around is None:
        around = window.around(sum(map(len, kept)))
        kept.insert(0, padding(kept[0], around[0]))
    yield complete(padding(kept[-1], around[1]))


def _conv(layer: Conv, weights: Weights) -> Stage:
    """act(Σ_k x_{t+k}·W_k + b), with one product for all windows of a chunk."""
    kernel = weights["kernel"].reshape(-1, layer.filters)
    bias = weights["bias"] if layer.use_bias else None
    activation = ACTIVATION_FUNCTIONS[layer.activation]

    def compute(windows: Array) -> Array:
        count, batch, *_ = windows.shape
        y = windows.reshape(count * batch, -1) @ kernel
        if bias is not None:
            y += bias
        y = y.T  # the activations expect features first
        activation(y, y)
        return y.T.reshape(count, batch, -1)

    return _stateless(lambda: _windows(layer.window, 0, compute))


def _mean_of_windows(window: Window) -> Pass:
    """The mean of each feature in each window, without the padding around the sequence.

    An additional feature of ones counts the timesteps.
    """

    def mean(windows: Array) -> Array:
        total = windows.sum(axis=2)
        quotient: Array = total[..., :-1] / total[..., -1:]
        return quotient

    windows = _windows(window, 0, mean)
    output = next(windows)
    while chunk := (yield output):
        x = chunk.values
        output = windows.send(Chunk(np.concatenate([x, np.ones_like(x[:, :1])], axis=1)))
    yield from windows


POOLS: dict[str, tuple[Callable[[], Pass], Callable[[Window], Pass]]] = {
    "max": (_largest, lambda window: _windows(window, -np.inf, lambda windows: windows.max(axis=2))),
    "avg": (_mean, _mean_of_windows),
}
"""The pass that reduces a sequence to a vector, and the one that reduces each window, by mode."""


def _pool(layer: Pool) -> Stage:
    of_all, of_windows = POOLS[layer.mode]
    window = layer.window
    return _stateless(of_all if window is None else lambda: of_windows(window))


STAGES: dict[type[Layer], Callable[[str, Any, Weights, ChunkSteps], Stage]] = {
    Embedding: lambda name, layer, weights, chunk_steps: _embedding(layer, weights),
    **dict.fromkeys(CELLS, lambda name, layer, weights, chunk_steps: RecurrentStage(name, layer, weights)),
    Conv: lambda name, layer, weights, chunk_steps: _conv(layer, weights),
    Dense: lambda name, layer, weights, chunk_steps: _dense(layer, weights),
    Dropout: lambda name, layer, weights, chunk_steps: _each(lambda chunk: chunk),
    Norm: lambda name, layer, weights, chunk_steps: _norm(layer, weights),
    BatchNorm: lambda name, layer, weights, chunk_steps: _batch_norm(layer, weights),
    Activation: lambda name, layer, weights, chunk_steps: _activation(layer),
    Repeat: lambda name, layer, weights, chunk_steps: _stateless(lambda: _repeat(layer, chunk_steps)),
    Pool: lambda name, layer, weights, chunk_steps: _pool(layer),
    Flatten: lambda name, layer, weights, chunk_steps: _stateless(_flatten),
}
"""The function for each kind of layer that creates its stage. An Input needs none.

It takes the layer's name in the network, the layer, its weights by Keras's names, and a function for the length of the
chunks that the layer itself creates.
"""

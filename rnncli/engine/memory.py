"""The memory that a run needs, estimated before it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from rnncli.engine.chunks import chunk_steps
from rnncli.engine.initializers import network_weights
from rnncli.errors import RnncliError
from rnncli.language.rules import least_steps
from rnncli.layers import READING_FROM_THE_END
from rnncli.layers.weights import Weight
from rnncli.network import Network
from rnncli.quantities import memory
from rnncli.system.memory import RESERVE, free_bytes

TWINS, TWIN_DTYPE = 2, np.dtype("float64")
"""The batch of a sample and its twin, and the dtype that they are computed in, whatever the dtype of the run."""


def check_fits(
    network: Network,
    batch: int,
    timesteps: int,
    dtype: np.dtype[Any],
    extra: int = 0,
    smaller: str = "a smaller --batch or --timesteps needs less",
) -> None:
    """Check that a run fits in memory, with `extra` additional bytes for data read from or written to files.

    If one sample of the shortest sequence would fit, `smaller` is the advice.

    Raises:
        RnncliError: it does not; the message states how much it would need and how much is free.
    """
    weights = weight_bytes(network, dtype)
    run = run_bytes(network, batch, timesteps, dtype) + extra
    if any(layer.states and layer.needs_whole for layer in network.body):
        smaller += f"; {READING_FROM_THE_END} keep the whole sequence"
    message = f"the network would need {memory(weights)} for its weights, {memory(run)} for its run"
    too_large = "`rnncli summary` computes its sizes without allocating it"
    shortest = network.head.fixed_timesteps or least_steps(network.layers)
    least = weights + run_bytes(network, 1, shortest, dtype)
    _check(weights + run, message, lambda free: smaller if least + RESERVE <= free else too_large)


def steps_watched(part: Network, timesteps: int) -> int:
    """Return the number of steps of a network's last layer, which differs from the input's if a vector is repeated."""
    *_, steps = part.steps_read(timesteps)
    return steps or timesteps


def check_twins_fit(part: Network, timesteps: int, extra: int = 0, figures: int = 0) -> None:
    """Check that a run of a sample and its twin fits in memory; raises the same error as `check_fits`.

    In addition to the effect, `figures` numbers are kept for each step of the last layer.
    """
    kept = (3 + figures) * steps_watched(part, timesteps) * TWIN_DTYPE.itemsize
    check_fits(part, TWINS, timesteps, TWIN_DTYPE, extra + kept, smaller="a smaller --timesteps needs less")


def check_export_fits(network: Network, dtype: np.dtype[Any]) -> None:
    """Check that the weights fit in memory three times: as they are, in another framework's layout, and in a file.

    Raises:
        RnncliError: they do not; the message states how much they would need and how much is free.
    """
    weights = network_weights(network).values()
    needed = 3 * dtype.itemsize * sum(weight.params for weight in weights) + _scratch_bytes(weights)
    message = f"the weights would need {memory(needed)} while they are written"
    _check(needed, message, lambda free: "source for Keras or PyTorch needs none of it without --save-weights")


def _check(needed: int, message: str, advice: Callable[[int], str]) -> None:
    free = _free_bytes()
    if free is not None and needed + RESERVE > free:
        over = f"{memory(needed + RESERVE - free)} more than the {memory(free)} of memory that is free"
        raise RnncliError(f"{message} and {memory(RESERVE)} for Python, {over}", advice(free))


def _free_bytes() -> int | None:
    """Return the free memory, after the library for matrix products has allocated its own buffers.

    These take 32 MB, which `RESERVE` allows for. With less, the library would end the process, and no run fits.
    """
    free = free_bytes()
    if free is None or free <= RESERVE or _multiply.cache_info().currsize:
        return free
    _multiply()
    return free_bytes()


@cache
def _multiply() -> None:
    square = np.ones((128, 128), np.float32)
    np.matmul(square, square)


def weight_bytes(network: Network, dtype: np.dtype[Any]) -> int:
    """Return the bytes for the weights, their copies for the loop over time, and drawing them."""
    by_layer = [*network.weights()]
    weights = [weight for own in by_layer for weight in own]
    looped = zip(by_layer, network.body, strict=True)
    arranged = sum(weight.params for own, layer in looped if layer.states for weight in own)
    copies = max(arranged * dtype.itemsize, _scratch_bytes(weights))
    return sum(weight.params for weight in weights) * dtype.itemsize + copies


def _scratch_bytes(weights: Iterable[Weight]) -> int:
    """Return the bytes needed to draw weights: an orthogonal one needs three matrices of its size in float64."""
    return max((3 * 8 * weight.params for weight in weights if weight.initializer == "orthogonal"), default=0)


def run_bytes(network: Network, batch: int, timesteps: int, dtype: np.dtype[Any]) -> int:
    """Return the bytes for the chunks in the layers, and for the whole sequences that some layers keep."""
    chunk = chunk_steps(network, batch)
    numbers = 0
    whole = False  # whether the layer comes after one that keeps the whole sequence, of which its chunks are parts
    layers = zip(network.body, network.shapes(batch, timesteps), network.steps_read(timesteps), strict=True)
    for layer, (reads, returns), steps_read in layers:
        # An id is one number; for ids, the last axis is time.
        features, units = 1 if layer.reads == "input" else reads[-1] or 1, returns[-1] or 1
        step = layer.step(reads)
        held = features + max(layer.gates * units, 0 if step is None else step.gates) + units
        if layer.needs_whole:
            whole = True
            held += features + units  # the whole joined input, and the whole output
        steps = max(steps_read or 1, (returns[1] or 1) if len(returns) == 3 else 1)
        steps = steps if whole else min(steps, chunk)
        numbers += batch * steps * held
        if (window := layer.window) is not None:
            # The windows of a chunk are copied for a product; the end of the input is kept in three arrays at most.
            copied = (steps // window.stride + 1) * window.width if layer.weights(reads) else 0
            numbers += batch * (3 * window.span + copied) * features
        whole = whole and len(returns) == 3
    return numbers * dtype.itemsize

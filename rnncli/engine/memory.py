"""How much memory a network takes and how much there is, known before anything is tried."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from rnncli.engine.chunks import chunk_steps, widest
from rnncli.engine.initializers import network_weights
from rnncli.errors import RnncliError
from rnncli.network import Network
from rnncli.quantities import Shape, memory

_RESERVE = 32 << 20
"""Bytes left for Python, NumPy and everything small."""


def check_fits(network: Network, batch: int, timesteps: int, dtype: np.dtype[Any]) -> None:
    """Refuse a run that will not fit in memory.

    Raises:
        RnncliError: it will not; the message says how much it would take and how much there is.
    """
    weights = weight_bytes(network, dtype)
    run = run_bytes(network, batch, timesteps, dtype)
    free = available_bytes()
    if free is not None and weights + run + _RESERVE > free:
        advice = "`rnncli summary` computes its sizes without allocating it"
        if weights + _RESERVE <= free:
            whole = any(layer.needs_whole for layer in network.body)
            advice = "a smaller --batch or --timesteps needs less" + (
                "; back and bi keep the whole sequence" if whole else ""
            )
        raise RnncliError(
            f"the network would take {memory(weights)} for its weights and {memory(run)} for its run, "
            f"and {memory(free)} of memory are free",
            advice,
        )


def weight_bytes(network: Network, dtype: np.dtype[Any]) -> int:
    """Return the bytes of the weights, and of what it takes to make them and arrange them for the loop."""
    sizes = [(layer, weight) for layer, (_, weight) in network_weights(network)]
    kept = sum(weight.params for _, weight in sizes)
    arranged = sum(w.params for layer, w in sizes if network.body[layer].states)
    # Making an orthogonal matrix holds three of its size in float64.
    drawing = max((3 * 8 * w.params for _, w in sizes if w.initializer == "orthogonal"), default=0)
    return kept * dtype.itemsize + max(arranged * dtype.itemsize, drawing)


def run_bytes(network: Network, batch: int, timesteps: int, dtype: np.dtype[Any]) -> int:
    """Return the bytes of the chunks on their way through the layers, and of whole sequences where they are kept."""
    chunk = chunk_steps(widest(network), batch)
    numbers = 0
    whole = False  # behind a layer that keeps the whole sequence, a chunk is the whole sequence
    layers = zip(network.body, network.shapes(batch, timesteps), network.steps_read(batch, timesteps), strict=True)
    for layer, (reads, returns), steps_read in layers:
        features, units = reads[-1] or 1, returns[-1] or 1
        held = features + (layer.gates + 1) * units
        if layer.needs_whole:
            whole = True
            held += features + units  # gathered from its chunks, and merged
        steps = max(steps_read or 1, _timesteps(returns))
        numbers += batch * (steps if whole else min(steps, chunk)) * held
        whole = whole and len(returns) == 3
    return numbers * dtype.itemsize


def _timesteps(shape: Shape) -> int:
    """Return the length of a sequence, or 1 for a vector."""
    return (shape[1] or 1) if len(shape) == 3 else 1


def available_bytes() -> int | None:
    """Return how much memory a process can still take: the machine's, or its container's if that is less.

    None where the system does not say.
    """
    found = [size for size in (_machine(), _container(), _address_space()) if size is not None]
    return min(found, default=None)


def _machine() -> int | None:
    try:
        for line in _read("/proc/meminfo").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _container() -> int | None:
    """Return what a control group (version 2, then 1) leaves of its limit."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            return max(0, int(_read(f"/sys/fs/cgroup/{limit}")) - int(_read(f"/sys/fs/cgroup/{used}")))
        except (OSError, ValueError):
            continue
    return None


def _address_space() -> int | None:
    """Return the limit that `ulimit -v` sets, less what is mapped already."""
    try:
        import resource
    except ImportError:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        mapped = int(_read("/proc/self/statm").split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        mapped = 0
    return max(0, limit - mapped)


def _read(path: str) -> str:
    # Not pathlib: importing it would take longer than all that is done here.
    with open(path, encoding="ascii") as file:
        return file.read()

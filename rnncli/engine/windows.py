"""Layers that move a window over the sequence: the passes that cut what comes in chunks into windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from rnncli.engine.chunks import Chunk
from rnncli.engine.passes import Pass
from rnncli.engine.types import Array
from rnncli.layers.windows import Window

Compute = Callable[[Array], Array]
"""Makes of windows, (windows, batch, width, features), what comes out for each: (windows, batch, features)."""


class WindowPass(Pass):
    """Computes what comes out for each window as soon as that has been read; what later ones need is kept.

    Args:
        window: the window.
        fill: what stands around the sequence.
        compute: makes of windows what comes out.
    """

    def __init__(self, window: Window, fill: float, compute: Compute) -> None:
        self._window, self._fill, self._compute = window, fill, compute
        self._kept: list[Array] = []
        """What has been read and is in windows to come, (timesteps, batch, features) each."""
        self._begun = False
        self._skipped = 0
        """The timesteps to come that are in no window, where these stand far apart."""

    def step(self, chunk: Chunk) -> Chunk | None:
        """Return what comes out for the windows that end in a chunk."""
        x = chunk.values.transpose(0, 2, 1)
        if self._window.goes_by_length:
            self._kept.append(x.copy())
            return None
        if not self._begun:
            self._begun = True
            self._kept.append(self._padding(x, self._window.around(None)[0]))
        return self._next(x)

    def end(self) -> Iterator[Chunk]:
        """Yield what comes out for the windows that reach behind the sequence."""
        if self._window.goes_by_length:
            before, behind = self._window.around(sum(map(len, self._kept)))
            self._kept.insert(0, self._padding(self._kept[0], before))
        else:
            behind = self._window.around(None)[1]
        if self._kept:
            last = self._next(self._padding(self._kept[-1], behind))
            if last is not None:
                yield last

    def _padding(self, x: Array, steps: int) -> Array:
        """Return what stands around a sequence, for so many timesteps."""
        return np.full((steps, *x.shape[1:]), self._fill, x.dtype)

    def _next(self, x: Array) -> Chunk | None:
        """Take in some timesteps; return what comes out for the windows that are complete now."""
        window = self._window
        x = np.concatenate([*(kept[:, : x.shape[1]] for kept in self._kept), x])
        skipped = min(self._skipped, len(x))
        x = x[skipped:]
        windows = max(0, (len(x) - window.span) // window.stride + 1)
        used = windows * window.stride
        self._skipped += max(0, used - len(x)) - skipped
        self._kept = [x[used:].copy()]
        if not windows:
            return None
        step, *others = x.strides
        cut = np.lib.stride_tricks.as_strided(
            x,
            (windows, x.shape[1], window.width, x.shape[2]),
            (step * window.stride, others[0], step * window.dilation, others[1]),
            writeable=False,
        )
        return Chunk(np.ascontiguousarray(self._compute(cut).transpose(0, 2, 1)))


class MeanPass(WindowPass):
    """Computes the mean of each feature in each window; what stands around the sequence does not count.

    A feature of ones is put beside the others, and counts the timesteps.
    """

    def __init__(self, window: Window) -> None:
        super().__init__(window, 0, _mean)

    def step(self, chunk: Chunk) -> Chunk | None:
        """Return what comes out for the windows that end in a chunk."""
        steps, _, batch = chunk.values.shape
        return super().step(
            Chunk(np.concatenate([chunk.values, np.ones((steps, 1, batch), chunk.values.dtype)], axis=1))
        )


def _mean(windows: Array) -> Array:
    total = windows.sum(axis=2)
    mean: Array = total[..., :-1] / total[..., -1:]
    return mean


def largest_pass(window: Window) -> WindowPass:
    """Return a pass that takes the largest of each feature in each window."""
    return WindowPass(window, -np.inf, lambda windows: windows.max(axis=2))

"""What a layer's outputs look like, in one pass over chunks."""

from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np

from rnncli.engine.types import Array

SATURATED = 0.985
"""A share of the range of an activation: beyond it, at either end, an output counts as saturated.

For tanh that is |y| > 0.97, where its slope has fallen under 6 % of its largest.
"""


def saturation_limits(low: float, high: float) -> tuple[float, float]:
    """Return below which and above which output a layer is saturated whose outputs lie between `low` and `high`."""
    edge = (1 - SATURATED) * (high - low)
    return low + edge, high - edge


class Statistics:
    """Mean, deviation, extremes and saturation of the numbers seen so far.

    Chunks are merged by Chan, Golub and LeVeque (1979), in float64, which is sound for any number of them.

    Args:
        bounds: what the outputs saturate at, or None where nothing bounds them.
    """

    def __init__(self, bounds: tuple[float, float] | None = None) -> None:
        self.bounds = bounds
        self.count = 0
        self.mean = 0.0
        self.min = inf
        self.max = -inf
        self._squares = 0.0
        self._saturated = 0

    def add(self, values: Array) -> None:
        """Take in a chunk of numbers, of any shape."""
        count = values.size
        if count == 0:
            return
        mean = float(values.mean(dtype=np.float64))
        deviations = np.subtract(values, mean, dtype=np.float64)
        np.square(deviations, out=deviations)
        shift = mean - self.mean
        total = self.count + count
        self._squares += float(deviations.sum()) + shift * shift * self.count * count / total
        self.mean += shift * count / total
        self.count = total
        self.min = min(self.min, float(values.min()))
        self.max = max(self.max, float(values.max()))
        if self.bounds is not None:
            low, high = saturation_limits(*self.bounds)
            self._saturated += int(np.count_nonzero(values < low)) + int(np.count_nonzero(values > high))

    @property
    def std(self) -> float:
        """The standard deviation of all numbers."""
        return sqrt(self._squares / self.count) if self.count and self._squares >= 0 else nan

    @property
    def saturated(self) -> float | None:
        """The share of saturated outputs, 0 to 1; None where nothing bounds them."""
        if self.bounds is None or self.count == 0:
            return None
        return self._saturated / self.count

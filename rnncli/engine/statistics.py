"""The statistics of a layer's outputs, taken chunk by chunk."""

from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np

from rnncli.engine.types import Array

SATURATED = 0.985
"""An output counts as saturated beyond this share of its activation's range, seen from either end.

For tanh that is |y| > 0.97, where the slope is under 6 % of the steepest.
"""


def saturation_limits(low: float, high: float) -> tuple[float, float]:
    """Return the limits outside of which an output is saturated, if all outputs lie between `low` and `high`."""
    edge = (1 - SATURATED) * (high - low)
    return low + edge, high - edge


class Statistics:
    """The mean, standard deviation, extremes and saturation of all numbers so far.

    Chunks are merged by the formulas of Chan, Golub and LeVeque (1979) in float64, which stay accurate for any number
    of chunks.

    Args:
        bounds: the ends of the range of the outputs, where they saturate; None where nothing bounds them.
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
        """Take a chunk of numbers into account; its shape does not matter."""
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

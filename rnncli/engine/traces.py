"""Figures of a layer over time, gathered chunk by chunk in bins, so that their size does not grow with the timesteps.

Steps are counted in the order in which the layer takes them. Steps that are padding must be left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import NamedTuple

import numpy as np

from rnncli.engine.statistics import saturation_limits
from rnncli.engine.types import Array

Bins = tuple[float | None, ...]
"""A number for each bin of time; None for a bin whose steps are all padding."""

UNIT_BINS = 16
"""The most bins of units."""

SATURATED_TIME = 0.5
"""A unit that is saturated for this share of the time, or more, counts as saturated."""


@dataclass(frozen=True)
class Outputs:
    """A layer's outputs over time: their means, their saturation and their length, which is that of the state, ‖h‖.

    Attributes:
        units: how many numbers the layer returns at a step.
        limits: an output below the first or above the second is saturated; None where nothing bounds the outputs.
        time_bins: the first step of each bin of time.
        unit_bins: the first unit of each bin of units.
        activations: for each bin of units, the mean output in each bin of time.
        saturated_units: how many units are saturated for half of the time or longer; None where nothing bounds them.
        saturated: the share of saturated outputs in each bin of time; None where nothing bounds them.
        norm: the mean length of the state in each bin of time.
        norm_mean: the mean length over all steps; not a number where all are padding.
        norm_min: the smallest length.
        norm_max: the largest length.
    """

    units: int
    limits: tuple[float, float] | None
    time_bins: tuple[int, ...]
    unit_bins: tuple[int, ...]
    activations: tuple[Bins, ...]
    saturated_units: int | None
    saturated: Bins | None
    norm: Bins
    norm_mean: float
    norm_min: float
    norm_max: float


class Spans(NamedTuple):
    """Which bins of time some steps are in.

    Attributes:
        bins: the bins, in order.
        starts: for each of them, the position of its first step among the steps.
        counts: how many of the steps are in each.
    """

    bins: Array
    starts: Array
    counts: Array

    @classmethod
    def of(cls, steps: Array, bin_starts: Array) -> Spans:
        """Return which bins some steps are in; both the steps and the starts of all bins ascend."""
        index = np.searchsorted(bin_starts, steps, side="right") - 1
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        return cls(index[starts], starts, np.diff(starts, append=len(steps)))


def bin_starts(count: int, bins: int) -> Array:
    """Return the first step, or unit, of each bin when `count` of them are shared out evenly over at most `bins`."""
    bins = min(count, bins)
    return np.arange(bins) * count // bins


def bin_means(sums: Array, steps: Array) -> Bins:
    """Return the mean of each bin, given its sum and how many steps are in it."""
    return tuple(total / count if count else None for total, count in zip(sums.tolist(), steps.tolist(), strict=True))


def finite(values: Iterable[float | None]) -> list[float | None]:
    """Return numbers that JSON can hold."""
    return [value if value is not None and isfinite(value) else None for value in values]


class OutputTrace:
    """Gathers what `Outputs` says of a layer.

    Args:
        time_bins: the first step of each bin of time.
        units: how many numbers the layer returns at a step.
        bounds: what the outputs saturate at, or None where nothing bounds them.
    """

    def __init__(self, time_bins: Array, units: int, bounds: tuple[float, float] | None) -> None:
        self.time_bins = time_bins
        self.unit_bins = bin_starts(units, UNIT_BINS)
        self.units = units
        self.limits = None if bounds is None else saturation_limits(*bounds)
        self._steps = np.zeros(len(time_bins))
        self._sums = np.zeros((len(self.unit_bins), len(time_bins)))
        self._norm_sums = np.zeros(len(time_bins))
        self._norm_min, self._norm_max = inf, -inf
        self._saturated = np.zeros(len(time_bins))
        self._saturated_steps = np.zeros(units)

    def add(self, h: Array, norms: Array, spans: Spans) -> None:
        """Take some more steps into account.

        Args:
            h: the outputs, (steps, units).
            norms: their lengths, (steps,).
            spans: the bins of the steps.
        """
        self._steps[spans.bins] += spans.counts
        by_units = np.add.reduceat(h, self.unit_bins, axis=1)
        self._sums[:, spans.bins] += np.add.reduceat(by_units, spans.starts, axis=0).T
        self._norm_sums[spans.bins] += np.add.reduceat(norms, spans.starts)
        # NumPy's minimum and maximum, unlike Python's, keep what is not a number.
        self._norm_min = float(np.minimum(self._norm_min, norms.min()))
        self._norm_max = float(np.maximum(self._norm_max, norms.max()))
        if self.limits is not None:
            low, high = self.limits
            saturated = (h < low) | (h > high)
            self._saturated_steps += np.count_nonzero(saturated, axis=0)
            self._saturated[spans.bins] += np.add.reduceat(np.count_nonzero(saturated, axis=1), spans.starts)

    def figures(self) -> Outputs:
        """Return the figures of all steps so far."""
        widths = np.diff(self.unit_bins, append=self.units)
        steps = float(self._steps.sum())
        saturated_units = np.count_nonzero(self._saturated_steps >= SATURATED_TIME * steps)
        return Outputs(
            units=self.units,
            limits=self.limits,
            time_bins=tuple(self.time_bins.tolist()),
            unit_bins=tuple(self.unit_bins.tolist()),
            activations=tuple(self._means(row) for row in self._sums / widths[:, None]),
            saturated_units=int(saturated_units) if self.limits is not None and steps else None,
            saturated=None if self.limits is None else self._means(self._saturated / self.units),
            norm=self._means(self._norm_sums),
            norm_mean=float(self._norm_sums.sum()) / steps if steps else nan,
            norm_min=self._norm_min if steps else nan,
            norm_max=self._norm_max if steps else nan,
        )

    def _means(self, sums: Array) -> Bins:
        return bin_means(sums, self._steps)

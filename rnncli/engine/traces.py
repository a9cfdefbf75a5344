"""Figures of a layer over time, gathered chunk by chunk in bins, so that their size does not grow with the timesteps.

Steps are counted in the order in which the layer takes them. Steps that are padding must be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any, Literal, NamedTuple

import numpy as np

from rnncli.engine.statistics import saturation_limits
from rnncli.engine.types import Array

Bins = tuple[float | None, ...]
"""A number for each bin of time; None for a bin whose steps are all padding."""

Problem = Literal["padding", "overflow", "no effect"]
"""Why there is nothing to say of how far back a layer remembers."""

LEAST_EFFECT = 1000 * float(np.finfo(np.float64).eps)
"""The smallest effect, as a share of the state, of which even a hundredth stands out from rounding."""

UNIT_BINS = 16
"""The most bins of units."""

SATURATED_TIME = 0.5
"""A unit that is saturated for this share of the time, or more, counts as saturated."""


@dataclass(frozen=True)
class Reach:
    """How far back a layer remembers: what a small change to the first input does to the outputs, ‖h' - h‖, by step.

    Attributes:
        problem: why there is nothing to say, or None. `padding`: all inputs are padding. `overflow`: not all outputs
            are finite numbers. `no effect`: there is none, or none that stands out from rounding.
        steps: the number of steps from the changed input on, which is the first of them.
        largest_after: the number of steps from the change to its largest effect.
        tenth: the number of steps until the effect stays under a tenth of the largest; None if it never does.
        hundredth: the same for a hundredth.
        last: the effect at the last step, as a share of the largest.
        effect: the largest effect in each bin of time, as a share of the largest of all.
    """

    problem: Problem | None = None
    steps: int = 0
    largest_after: int | None = None
    tenth: int | None = None
    hundredth: int | None = None
    last: float | None = None
    effect: Bins = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "problem": self.problem,
            "steps": self.steps,
            "largest_after": self.largest_after,
            "steps_to_tenth": self.tenth,
            "steps_to_hundredth": self.hundredth,
            "last": self.last,
            "effect": self.effect,
        }


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


def widening_starts(count: int, bins: int) -> Array:
    """Return the first step of each bin when `count` of them are shared out over at most `bins` that widen with time.

    The first bins have a step each, and from where that would not do a bin is wider than the one before by a constant
    share, so that a short reach and a long one can both be read off.
    """
    if count <= bins:
        return np.arange(count)
    narrow, wide = 0.0, 1.0  # the share that a bin is wider than the steps before it: bisected
    for _ in range(50):
        middle = (narrow + wide) / 2
        if len(_widening(count, middle)) > bins:
            narrow = middle
        else:
            wide = middle
    return _widening(count, wide)


def _widening(count: int, share: float) -> Array:
    """Return the starts of bins, each of which has this share of the steps before it, or a step."""
    starts = [0]
    while (start := starts[-1] + max(1, int(share * starts[-1]))) < count and len(starts) <= count:
        starts.append(start)
    return np.array(starts)


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
        """Return the mean of each bin, given its sum."""
        return tuple(
            total / steps if steps else None for total, steps in zip(sums.tolist(), self._steps.tolist(), strict=True)
        )


class EffectTrace:
    """Gathers what `Reach` says of a layer.

    Args:
        bins: the number of bins of time.
    """

    def __init__(self, bins: int) -> None:
        self._effect = np.full(bins, -1.0)
        self._steps_since_change = 0
        self._largest = 0.0
        self._largest_after = 0
        self._last_above = {0.1: -1, 0.01: -1}
        """For each share, the last step whose effect is no less than that share of the largest, 0 being the change."""
        self._largest_norm = 0.0
        self._last = 0.0

    def add(self, effects: Array, norms: Array, spans: Spans, since: Array) -> None:
        """Take some more steps into account.

        Args:
            effects: the lengths of the differences that the change makes to the outputs, (steps,).
            norms: the lengths of the outputs, (steps,).
            spans: the bins of the steps.
            since: how many steps after the change each of them is, (steps,); they follow those of the last call.
        """
        first = int(since[0])
        self._note_largest(effects, first)
        self._note_last_above(effects, first)
        self._largest_norm = _larger(self._largest_norm, norms.max())
        self._last = float(effects[-1])
        self._effect[spans.bins] = np.maximum(self._effect[spans.bins], np.maximum.reduceat(effects, spans.starts))
        self._steps_since_change = first + len(effects)

    def _note_largest(self, effects: Array, first: int) -> None:
        """Note the largest effect so far, and at which step it was; `first` is the step of the first effect."""
        largest = _larger(self._largest, effects.max())
        if largest != self._largest:
            self._largest, self._largest_after = largest, first + int(effects.argmax())

    def _note_last_above(self, effects: Array, first: int) -> None:
        """Note the last step above each share of the largest effect; `first` is the step of the first effect.

        What was noted before a new largest effect came needs no correction: that effect is itself above all shares, so
        its step or a later one takes the place of what was noted.
        """
        for share in self._last_above:
            above = np.flatnonzero(effects >= share * self._largest)
            if len(above):
                self._last_above[share] = first + int(above[-1])

    def reach(self) -> Reach:
        """Return the figures of all steps so far."""
        steps = self._steps_since_change
        if steps == 0:
            return Reach("padding")
        if not (isfinite(self._largest) and isfinite(self._largest_norm)):
            return Reach("overflow", steps)
        if self._largest <= LEAST_EFFECT * self._largest_norm:
            return Reach("no effect", steps)
        tenth, hundredth = (None if last == steps - 1 else last + 1 for last in self._last_above.values())
        return Reach(
            None,
            steps,
            self._largest_after,
            tenth,
            hundredth,
            self._last / self._largest,
            tuple(None if effect < 0 else float(effect / self._largest) for effect in self._effect),
        )


def _larger(one: float, other: float) -> float:
    """Return the larger number, or the one that is not a number: Python's `max` would lose it."""
    return float(np.maximum(one, other))

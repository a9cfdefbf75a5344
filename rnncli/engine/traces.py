"""What is seen of a layer over time, gathered chunk by chunk in bins, so that it does not grow with the timesteps.

All take what a layer does at some steps in the order in which it takes them; padding has been left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Literal, NamedTuple

import numpy as np

from rnncli.engine.statistics import saturation_limits
from rnncli.engine.types import Array

Bins = tuple[float | None, ...]
"""A number for each bin of time; None for a bin that has none, because all its steps are padding."""

LEAST_EFFECT = 1000 * float(np.finfo(np.float64).eps)
"""The least effect, as a share of the state, that is told from rounding well enough to see a hundredth of it."""

UNIT_BINS = 16
"""The most bins of units."""

HELD = 0.5
"""The share of the time from which a unit counts as saturated."""


@dataclass(frozen=True)
class Memory:
    """What a small change to the first input does to the outputs, ‖h' - h‖, from step to step.

    Steps are those that the layer takes: padding is left out.

    Attributes:
        problem: why there is nothing to say, or None. `padding`: there is no input but padding. `overflow`: not all
            outputs are finite numbers. `no effect`: there is none, or none that can be told from rounding.
        steps: how many steps the layer takes, that of the changed input included.
        largest_after: the steps from the change to its largest effect.
        tenth: the steps until its effect is under a tenth of the largest, for good; None if that is not seen.
        hundredth: the same for a hundredth.
        last: the effect at the last step, as a share of the largest.
        effect: the largest effect in each bin of time, as a share of the largest of all.
    """

    problem: Literal["padding", "overflow", "no effect"] | None = None
    steps: int = 0
    largest_after: int | None = None
    tenth: int | None = None
    hundredth: int | None = None
    last: float | None = None
    effect: Bins = ()


@dataclass(frozen=True)
class Outputs:
    """What a layer returns over time, and in it the length of its state, ‖h‖.

    Attributes:
        units: how many numbers it returns at a step.
        limits: below the one and above the other an output is saturated; None where nothing bounds the outputs.
        time_bins: the first step of each bin of time.
        unit_bins: the first unit of each bin of units.
        activations: the mean output for each bin of units, and in it for each bin of time.
        saturated_units: how many units are saturated for half of the time or longer; None where nothing bounds them.
        saturated: the share of saturated outputs by time; None where nothing bounds them.
        norm: the mean length of the state by time.
        norm_mean: its mean at all steps; not a number where all are padding.
        norm_min: its least.
        norm_max: its largest.
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
    """Some steps, sorted into bins.

    Attributes:
        bins: those that the steps are in.
        starts: where among the steps each of these bins starts.
        counts: how many steps are in each.
    """

    bins: Array
    starts: Array
    counts: Array

    @classmethod
    def of(cls, steps: Array, bin_starts: Array) -> Spans:
        """Return the spans of steps, in ascending order, in bins that start at `bin_starts`."""
        index = np.searchsorted(bin_starts, steps, side="right") - 1
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        return cls(index[starts], starts, np.diff(starts, append=len(steps)))


def bin_starts(count: int, bins: int) -> Array:
    """Return where each bin starts if `count` steps or units are shared out evenly over at most `bins`."""
    bins = min(count, bins)
    return np.arange(bins) * count // bins


class OutputTrace:
    """The outputs of a layer: their means by time and units, their saturation, and the length of the state.

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
        """Take in some steps.

        Args:
            h: the outputs, (steps, units).
            norms: their lengths, (steps,).
            spans: the bins of the steps.
        """
        self._steps[spans.bins] += spans.counts
        by_units = np.add.reduceat(h, self.unit_bins, axis=1)
        self._sums[:, spans.bins] += np.add.reduceat(by_units, spans.starts, axis=0).T
        self._norm_sums[spans.bins] += np.add.reduceat(norms, spans.starts)
        self._norm_min = float(np.minimum(self._norm_min, norms.min()))
        self._norm_max = float(np.maximum(self._norm_max, norms.max()))
        if self.limits is not None:
            low, high = self.limits
            saturated = (h < low) | (h > high)
            self._saturated_steps += np.count_nonzero(saturated, axis=0)
            self._saturated[spans.bins] += np.add.reduceat(np.count_nonzero(saturated, axis=1), spans.starts)

    def figures(self) -> Outputs:
        """Return what has been seen."""
        widths = np.diff(self.unit_bins, append=self.units)
        steps = float(self._steps.sum())
        held = np.count_nonzero(self._saturated_steps >= HELD * steps)
        return Outputs(
            units=self.units,
            limits=self.limits,
            time_bins=tuple(self.time_bins.tolist()),
            unit_bins=tuple(self.unit_bins.tolist()),
            activations=tuple(self._means(row) for row in self._sums / widths[:, None]),
            saturated_units=int(held) if self.limits is not None and steps else None,
            saturated=None if self.limits is None else self._means(self._saturated / self.units),
            norm=self._means(self._norm_sums),
            norm_mean=float(self._norm_sums.sum()) / steps if steps else nan,
            norm_min=self._norm_min if steps else nan,
            norm_max=self._norm_max if steps else nan,
        )

    def _means(self, sums: Array) -> Bins:
        """Return sums over the steps of each bin as means."""
        return tuple(
            total / steps if steps else None for total, steps in zip(sums.tolist(), self._steps.tolist(), strict=True)
        )


class EffectTrace:
    """The effect of a change to the first input on the outputs.

    Args:
        bins: the number of bins of time.
    """

    def __init__(self, bins: int) -> None:
        self._effect = np.full(bins, -1.0)
        self._steps = 0
        self._before = 0
        self._largest = 0.0
        self._largest_at = 0
        self._largest_norm = 0.0
        self._last = 0.0
        self._last_above = {0.1: -1, 0.01: -1}

    def add(self, effects: Array, norms: Array, spans: Spans, before: int) -> None:
        """Take in some steps.

        Args:
            effects: the lengths of the differences that the change makes to the outputs, (steps,).
            norms: the lengths of the outputs.
            spans: the bins of the steps.
            before: how many of the steps come before the change.
        """
        # NumPy's maximum, unlike Python's, keeps what is not a number.
        largest = float(np.maximum(self._largest, effects.max()))
        if largest != self._largest:
            self._largest, self._largest_at = largest, self._steps + int(effects.argmax())
        # If the largest is new, only these steps count; if not, the earlier ones have been held against the same.
        for share in self._last_above:
            above = np.flatnonzero(effects >= share * self._largest)
            if len(above):
                self._last_above[share] = self._steps + int(above[-1])
        self._largest_norm = float(np.maximum(self._largest_norm, norms.max()))
        self._last = float(effects[-1])
        self._effect[spans.bins] = np.maximum(self._effect[spans.bins], np.maximum.reduceat(effects, spans.starts))
        self._before += before
        self._steps += len(effects)

    def memory(self) -> Memory:
        """Return what has been seen."""
        steps = self._steps - self._before
        if steps == 0:
            return Memory("padding")
        if not (isfinite(self._largest) and isfinite(self._largest_norm)):
            return Memory("overflow", steps)
        if self._largest <= LEAST_EFFECT * self._largest_norm:
            return Memory("no effect", steps)
        tenth, hundredth = (
            None if last == self._steps - 1 else last + 1 - self._before for last in self._last_above.values()
        )
        return Memory(
            None,
            steps,
            self._largest_at - self._before,
            tenth,
            hundredth,
            self._last / self._largest,
            tuple(None if effect < 0 else float(effect / self._largest) for effect in self._effect),
        )

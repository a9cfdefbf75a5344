"""How far back a layer remembers: the effect of a changed first input on its outputs, step by step, gathered in bins.

Steps that are padding are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np

from rnncli.engine.twins import Steps
from rnncli.engine.types import Array, Bins

Problem = Literal["padding", "overflow", "no effect"]
"""Why there is nothing to say of how far back a layer remembers."""

PROBLEMS: dict[Problem, str] = {
    "padding": "there is nothing but padding",
    "overflow": "not all outputs are finite numbers",
    "no effect": "a small change has no effect that could be told from rounding: the units are dead or saturated",
}
"""What each problem means."""

LEAST_EFFECT = 1000 * float(np.finfo(np.float64).eps)
"""The smallest effect, as a share of the state, of which even a hundredth stands out from rounding."""


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


def places_in(starts: Array, steps: Array) -> Array:
    """Return the bin that each of some steps is in, given the first step of every bin."""
    return np.searchsorted(starts, steps, side="right") - 1


class EffectTrace:
    """Gathers what `Reach` says of a layer.

    Args:
        starts: the first step of each bin.
    """

    def __init__(self, starts: Array) -> None:
        self._starts = starts
        self._effect = np.full(len(starts), -1.0)
        self._largest = self._largest_norm = self._last = 0.0
        self._largest_after = self._steps = 0
        self._last_above = {0.1: -1, 0.01: -1}
        """For each share, the last step whose effect is no less than that share of the largest, 0 being the change."""

    def add(self, some: Steps, binned: Array) -> None:
        """Take some more steps into account, each in the bin of the step that `binned` says for it, (steps,)."""
        effects, first = some.effects, int(some.since[0])
        # NumPy's maximum, unlike Python's, keeps what is not a number.
        largest = float(np.maximum(self._largest, effects.max()))
        if largest != self._largest:
            self._largest, self._largest_after = largest, first + int(effects.argmax())
        # What was noted before a new largest effect came needs no correction: that effect is itself above all shares,
        # so its step or a later one takes the place of what was noted.
        for share in self._last_above:
            above = np.flatnonzero(effects >= share * largest)
            if len(above):
                self._last_above[share] = first + int(above[-1])
        self._largest_norm = float(np.maximum(self._largest_norm, some.norms.max()))
        np.maximum.at(self._effect, places_in(self._starts, binned), effects)
        self._last, self._steps = float(effects[-1]), first + len(effects)

    def reach(self) -> Reach:
        """Return the figures of all steps so far."""
        if self._steps == 0:
            return Reach("padding")
        if not (isfinite(self._largest) and isfinite(self._largest_norm)):
            return Reach("overflow", self._steps)
        if self._largest <= LEAST_EFFECT * self._largest_norm:
            return Reach("no effect", self._steps)
        tenth, hundredth = (None if last == self._steps - 1 else last + 1 for last in self._last_above.values())
        return Reach(
            None,
            self._steps,
            self._largest_after,
            tenth,
            hundredth,
            self._last / self._largest,
            tuple(None if effect < 0 else float(effect / self._largest) for effect in self._effect),
        )

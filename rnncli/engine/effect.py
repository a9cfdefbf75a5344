"""How far back a layer remembers: the effect of a changed first input on its outputs, step by step, gathered in bins.

Steps that are padding must be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np

from rnncli.engine.traces import Bins, Spans
from rnncli.engine.types import Array

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

"""A closer look at the last recurrent layer: its outputs and its gates over time, and how far back it remembers.

It is the first sample that is looked at, with a twin for the reach: see `rnncli.engine.reach`. Figures are gathered in
bins of time, chunk by chunk, so that their size does not grow with the timesteps. Steps are counted in the order in
which the layer takes them, and those that are padding are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from rnncli.engine.chunks import Chunk
from rnncli.engine.forward import saturation_limits
from rnncli.engine.model import Model
from rnncli.engine.passes import State, Tick, uncounted
from rnncli.engine.reach import LayerReach, Watch, places_in
from rnncli.engine.types import Array, Bins
from rnncli.layers import Layer

TIME_BINS, UNIT_BINS = 64, 16
"""The most bins of time, and of units."""

SATURATED_TIME = 0.5
"""A unit that is saturated for this share of the time, or more, counts as saturated."""

OPEN, CLOSED = 0.9, 0.1
"""A gate is open above the first and closed below the second: nearly all passes, or nearly nothing."""

CANDIDATE = "g"
"""What the candidate is called in Keras's equations."""


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


@dataclass(frozen=True)
class Gate:
    """A gate over time, or the candidate, of which the size is told: it has either sign.

    Attributes:
        direction: the direction of a layer that reads both ways, `forward/` or `backward/`; else nothing.
        symbol: what it is called in the equations.
        means: what it is, in words.
        mean: its mean over all units and steps.
        open: the share of its values that are open; None for what is not between 0 and 1.
        closed: the share of them that are closed.
        bins: its mean in each bin of time.
    """

    direction: str
    symbol: str
    means: str
    mean: float
    open: float | None
    closed: float | None
    bins: Bins

    @property
    def is_candidate(self) -> bool:
        """Whether it is the candidate."""
        return self.symbol == CANDIDATE

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; numbers that are not finite are None."""
        mean, open_, closed = _finite((self.mean, self.open, self.closed))
        name = f"{self.direction}{self.symbol}"
        return {"name": name, "mean": mean, "open": open_, "closed": closed, "bins": _finite(self.bins)}


@dataclass(frozen=True)
class Study:
    """What the last recurrent layer does over time. Steps that are padding are left out of all figures.

    Attributes:
        layer: the layer's name.
        batch: the number of samples of the run; the study is of the first.
        timesteps: the length of the sequence.
        backwards: whether the layer reads the sequence from the last timestep to the first. Everything listed by time
            is in the order in which the layer reads.
        outputs: its outputs over time.
        reach: how far back it remembers, shown by the first input that it reads.
        gates: its gates over time, and the candidate, if they were asked for.
    """

    layer: str
    batch: int
    timesteps: int
    backwards: bool
    outputs: Outputs
    reach: LayerReach
    gates: tuple[Gate, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the study as plain data; numbers that are not finite are None."""
        outputs, reach = self.outputs, self.reach
        units = outputs.saturated_units
        mean, least, largest = _finite((outputs.norm_mean, outputs.norm_min, outputs.norm_max))
        return {
            "name": self.layer,
            "timesteps": self.timesteps,
            "units": outputs.units,
            "backwards": self.backwards,
            "time_bins": outputs.time_bins,
            "unit_bins": outputs.unit_bins,
            "activations": [_finite(row) for row in outputs.activations],
            "saturated_units": None if units is None else units / outputs.units,
            "saturated": None if outputs.saturated is None else _finite(outputs.saturated),
            "norm": {"mean": mean, "min": least, "max": largest, "bins": _finite(outputs.norm)},
            "reach": reach.as_dict(),
            **({} if self.gates is None else {"gates": [gate.as_dict() for gate in self.gates]}),
        }


def _finite(values: Iterable[float | None]) -> list[float | None]:
    """Return numbers that JSON can hold."""
    return [value if value is not None and isfinite(value) else None for value in values]


def study_of(
    model: Model,
    chunks: Iterable[Chunk],
    batch: int,
    timesteps: int,
    states: State | None = None,
    tick: Tick = uncounted,
    with_gates: bool = False,
) -> Study:
    """Run the first sample of an input and return what the last recurrent layer does over time.

    Memory does not grow with the timesteps, unless `back` or `bi` needs the whole sequence.

    Args:
        model: the model; the study has its weights, in float64.
        chunks: the input, in order of time.
        batch: its number of samples.
        timesteps: its number of timesteps.
        states: the state that each recurrent layer starts from, zero where there is none. They are not changed.
        tick: called with the work that has just been done; it adds up to what `watched_work` says.
        with_gates: whether to tell of the gates, too, which makes the run slower.

    Raises:
        UsageError: the network has no recurrent layer.
    """
    watch = Watch(model, chunks, timesteps, states, tick)
    layer = watch.part.body[-1]
    starts = bin_starts(watch.timesteps, TIME_BINS)
    gates = {}
    if with_gates:
        gates = {direction: GateTrace(layer, direction, starts, watch.timesteps) for direction in layer.directions}
        watch.model.watch_gates(lambda direction: gates[direction].add)
    outputs = outputs_of(watch, starts)
    return Study(
        watch.part.names[-1],
        batch,
        watch.timesteps,
        watch.backwards,
        outputs,
        watch.reach(starts, since_change=False),
        tuple(gate for trace in gates.values() for gate in trace.gates()) if with_gates else None,
    )


def bin_starts(count: int, bins: int) -> Array:
    """Return the first step, or unit, of each bin when `count` of them are shared out evenly over at most `bins`."""
    bins = min(count, bins)
    return np.arange(bins) * count // bins


class BinnedSums:
    """The sums of some figures of each step, bin by bin of time.

    Args:
        starts: the first step of each bin.
        figures: the number of figures.

    Attributes:
        counts: the number of steps in each bin.
        sums: the sums, (figures, bins).
    """

    def __init__(self, starts: Array, figures: int) -> None:
        self.starts = starts
        self.counts = np.zeros(len(starts))
        self.sums = np.zeros((figures, len(starts)))

    def add(self, steps: Array, figures: Array) -> None:
        """Take some more steps into account, (steps,), given their figures, (figures, steps)."""
        places = places_in(self.starts, steps)
        firsts = np.flatnonzero(np.diff(places, prepend=-1))
        self.counts[places[firsts]] += np.diff(firsts, append=len(steps))
        self.sums[:, places[firsts]] += np.add.reduceat(figures, firsts, axis=1)

    @property
    def steps(self) -> int:
        """The number of all steps so far."""
        return int(self.counts.sum())

    def bins(self, figure: int, of: int = 1) -> Bins:
        """Return the mean of a figure in each bin; `of` is how many numbers it is the sum of at a step."""
        sums = (self.sums[figure] / of).tolist()
        return tuple(total / count if count else None for total, count in zip(sums, self.counts.tolist(), strict=True))

    def mean(self, figure: int, of: int = 1) -> float:
        """Return the mean of a figure over all steps, likewise; where there are none it is not a number."""
        return float(self.sums[figure].sum()) / (self.steps * of) if self.steps else nan


def outputs_of(watch: Watch, time_bins: Array) -> Outputs:
    """Return what a layer that is watched returns over time, given the first step of each bin of time."""
    layer = watch.part.body[-1]
    bounds, units = layer.output_range(), int(watch.part.summary().output_shape[-1] or 0)
    limits = None if bounds is None else saturation_limits(*bounds)
    low, high = limits or (-inf, inf)
    unit_bins = bin_starts(units, UNIT_BINS)
    sums = BinnedSums(time_bins, 2 + len(unit_bins))  # the norm, saturated units, bins of units
    norm_min, norm_max = inf, -inf
    saturated_steps = np.zeros(units)
    for some in watch:
        saturated = (some.outputs < low) | (some.outputs > high)
        saturated_steps += np.count_nonzero(saturated, axis=0)
        by_units = np.add.reduceat(some.outputs, unit_bins, axis=1).T
        sums.add(some.steps, np.vstack([some.norms, np.count_nonzero(saturated, axis=1), by_units]))
        # NumPy's minimum and maximum, unlike Python's, keep what is not a number.
        norm_min = float(np.minimum(norm_min, some.norms.min()))
        norm_max = float(np.maximum(norm_max, some.norms.max()))
    widths = np.diff(unit_bins, append=units).tolist()
    saturated_units = int(np.count_nonzero(saturated_steps >= SATURATED_TIME * sums.steps))
    return Outputs(
        units=units,
        limits=limits,
        time_bins=tuple(time_bins.tolist()),
        unit_bins=tuple(unit_bins.tolist()),
        activations=tuple(sums.bins(2 + row, of=width) for row, width in enumerate(widths)),
        saturated_units=saturated_units if limits is not None and sums.steps else None,
        saturated=None if limits is None else sums.bins(1, of=units),
        norm=sums.bins(0),
        norm_mean=sums.mean(0),
        norm_min=norm_min if sums.steps else nan,
        norm_max=norm_max if sums.steps else nan,
    )


class GateTrace:
    """Gathers the gates of one direction of a layer, step by step, as its cells compute them.

    Args:
        layer: the layer.
        direction: the direction.
        time_bins: the first step of each bin of time.
        timesteps: the number of timesteps.
    """

    def __init__(self, layer: Layer, direction: str, time_bins: Array, timesteps: int) -> None:
        words = {each.text.partition("_t = ")[0]: each.means.partition(":")[0] for each in layer.equations()}
        self._means = {symbol: means for symbol, means in words.items() if symbol not in layer.states}
        self._is_candidate = np.array([[symbol == CANDIDATE] for symbol in self._means])
        self._bounded = layer.gates_are_shares
        self._direction = direction
        # What is told of a layer that reads both ways is in the order of time.
        self._steps = iter(range(timesteps)[:: -1 if direction == "backward/" else 1])
        self._sums = BinnedSums(time_bins, 3 * len(self._means))  # of each gate: its mean, values open, values closed
        self._units = 1

    def add(self, values: Mapping[str, Array], counts: bool) -> None:
        """Take the next step into account, in the order in which the cell takes them.

        Args:
            values: the gates by their symbols, (units, batch); the first sample is looked at.
            counts: whether the step is no padding.
        """
        step = next(self._steps)
        if counts:
            gates = np.stack([values[symbol][:, 0] for symbol in self._means])
            self._units = gates.shape[1]
            sizes = np.where(self._is_candidate, np.abs(gates), gates)
            figures = [sizes.mean(axis=1), (gates > OPEN).sum(axis=1), (gates < CLOSED).sum(axis=1)]
            place = places_in(self._sums.starts, step)
            self._sums.counts[place] += 1
            self._sums.sums[:, place] += np.concatenate(figures)

    def gates(self) -> list[Gate]:
        """Return the gates over all steps so far, in the order of the equations."""
        found = []
        for place, (symbol, means) in enumerate(self._means.items()):
            shares = [self._sums.mean(place + kind * len(self._means), of=self._units) for kind in (1, 2)]
            is_share = self._bounded and symbol != CANDIDATE and self._sums.steps
            open_, closed = shares if is_share else (None, None)
            mean, bins = self._sums.mean(place), self._sums.bins(place)
            found.append(Gate(self._direction, symbol, means, mean, open_, closed, bins))
        return found

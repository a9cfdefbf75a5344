"""A study of the last recurrent layer: its outputs and gates over time, and how far back it remembers.

It looks at the first sample, with a twin for the reach: see `rnncli.engine.twins`. Some figures are kept for each step
and binned by time at the end. Steps are counted in the order in which the layer reads them. Padding is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.chunks import Chunk, State, Tick, uncounted
from rnncli.engine.forward import saturation_limits
from rnncli.engine.model import Model
from rnncli.engine.recurrent import RecurrentStage
from rnncli.engine.twins import TwinRun, in_bins
from rnncli.layers import Layer
from rnncli.network import Network
from rnncli.reports.reach import Bins, LayerReach

TIME_BINS, UNIT_BINS = 64, 16
"""The most bins of time and of units."""

SATURATED_TIME = 0.5
"""The share of time from which a unit counts as saturated."""

OPEN, CLOSED = 0.9, 0.1
"""A gate is open above the first and closed below the second: it passes nearly everything, or nearly nothing."""

CANDIDATE = "g"
"""The name of the candidate in Keras's equations."""


@dataclass(frozen=True)
class Outputs:
    """A layer's outputs over time: their means, their saturation, and the norm of the state, ‖h‖.

    Attributes:
        units: the numbers that the layer returns at each step.
        limits: outputs below the first or above the second are saturated; None if the outputs are unbounded.
        time_bins: the first step of each bin of time.
        unit_bins: the first unit of each bin of units.
        activations: for each bin of units, the mean output in each bin of time.
        saturated_units: the number of units saturated for at least half of the time; None if they are unbounded.
        saturated: the share of saturated outputs in each bin of time; None if they are unbounded.
        norm: the mean norm of the state in each bin of time.
        norm_mean: the mean norm over all steps; NaN if all are padding.
        norm_min: the smallest norm.
        norm_max: the largest norm.
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
    """A gate over time, or the candidate, for which absolute values are used because it has either sign.

    Attributes:
        direction: the direction of a layer that reads both ways, `forward/` or `backward/`; else empty.
        symbol: its symbol in the equations.
        means: its meaning, in words.
        mean: its mean over all units and steps.
        open: the share of its values that are open; None if the values are not between 0 and 1.
        closed: the share of its values that are closed; None if the values are not between 0 and 1.
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
        """Return the gate as plain data; numbers that are not finite are None."""
        mean, open_, closed = _finite((self.mean, self.open, self.closed))
        name = f"{self.direction}{self.symbol}"
        return {"name": name, "mean": mean, "open": open_, "closed": closed, "bins": _finite(self.bins)}


@dataclass(frozen=True)
class Study:
    """How the last recurrent layer behaves over time. Padding is left out of all figures.

    Attributes:
        layer: the layer's name.
        batch: the number of samples of the run; the study is of the first one.
        timesteps: the length of the sequence.
        backwards: whether the layer reads the sequence from the last timestep to the first. Everything by time is in
            reading order.
        outputs: its outputs over time.
        reach: how far back it remembers, measured by the first input that it reads.
        gates: its gates over time, and the candidate, if requested.
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
            "reach": reach._asdict(),
            **({} if self.gates is None else {"gates": [gate.as_dict() for gate in self.gates]}),
        }


def _finite(values: Iterable[float | None]) -> list[float | None]:
    """Return numbers with None in place of those that JSON lacks."""
    return [value if value is not None and isfinite(value) else None for value in values]


@np.errstate(all="ignore")  # numbers that are not finite are visible in the result
def study_of(
    model: Model,
    part: Network,
    chunks: Iterable[Chunk],
    batch: int,
    timesteps: int,
    states: State | None = None,
    tick: Tick = uncounted,
    with_gates: bool = False,
) -> Study:
    """Run the first sample of an input and return how the last recurrent layer behaves over time.

    Args:
        model: the model; the study uses its weights in float64.
        part: the network to run: see `rnncli.engine.run.watched`.
        chunks: the input, in order of time.
        batch: its number of samples.
        timesteps: its number of timesteps.
        states: the initial state of each recurrent layer, zero if missing. They are not changed.
        tick: called with the work just done, which adds up to the work of the recurrent layers.
        with_gates: whether to study the gates too, which makes the run slower.
    """
    watch = TwinRun(model, part, chunks, timesteps, states, tick)
    layer = part.body[-1]
    bounds, units = layer.output_range(), int(part.summary().output_shape[-1] or 0)
    limits = None if bounds is None else saturation_limits(*bounds)
    low, high = limits or (-inf, inf)
    time_bins, unit_bins = bin_starts(watch.timesteps, TIME_BINS), bin_starts(units, UNIT_BINS)
    widths = np.diff(unit_bins, append=units)[:, None]
    saturated_steps = np.zeros(units)

    def figures_of(outputs: Array) -> Array:
        """Return, for each step, the share of saturated outputs and the mean output of each bin of units."""
        saturated = (outputs < low) | (outputs > high)
        saturated_steps[:] += np.count_nonzero(saturated, axis=0)
        return np.vstack([saturated.mean(axis=1), np.add.reduceat(outputs, unit_bins, axis=1).T / widths])

    gates = [_GateTrace(layer, direction, watch.timesteps) for direction in layer.directions] if with_gates else []
    stage = watch.model.stages[-1]
    for gate, direction in zip(gates, stage.directions if isinstance(stage, RecurrentStage) else (), strict=False):
        direction.gate_watch = gate.add
    watch.run(figures_of)
    norms = watch.norms if len(watch.norms) else np.array([nan])
    saturated, *activations = in_bins(watch.figures, watch.steps, time_bins, np.mean)
    saturated_units = int(np.count_nonzero(saturated_steps >= SATURATED_TIME * len(watch.steps)))
    return Study(
        part.names[-1],
        batch,
        watch.timesteps,
        watch.backwards,
        Outputs(
            units=units,
            limits=limits,
            time_bins=tuple(time_bins.tolist()),
            unit_bins=tuple(unit_bins.tolist()),
            activations=tuple(activations),
            saturated_units=saturated_units if limits is not None and len(watch.steps) else None,
            saturated=None if limits is None else saturated,
            norm=in_bins(watch.norms[None], watch.steps, time_bins, np.mean)[0],
            norm_mean=float(norms.mean()),
            norm_min=float(norms.min()),
            norm_max=float(norms.max()),
        ),
        watch.reach(time_bins, since_change=False),
        tuple(gate for each in gates for gate in each.gates(time_bins)) if with_gates else None,
    )


def figures_kept(layer: Layer, with_gates: bool) -> int:
    """Return the count of numbers that a study of a layer keeps for each step."""
    return 1 + UNIT_BINS + (3 * layer.gates * len(layer.directions) if with_gates else 0)


def bin_starts(count: int, bins: int) -> Array:
    """Return the first step, or unit, of each bin, when `count` of them are divided evenly into at most `bins`."""
    bins = min(count, bins)
    return np.arange(bins) * count // bins


class _GateTrace:
    """Collects the gates of one direction of a layer, step by step, as its cells compute them."""

    def __init__(self, layer: Layer, direction: str, timesteps: int) -> None:
        words = {each.text.partition("_t = ")[0]: each.means.partition(":")[0] for each in layer.equations()}
        self._means = {symbol: means for symbol, means in words.items() if symbol not in layer.states}
        self._is_candidate = np.array([[symbol == CANDIDATE] for symbol in self._means])
        self._bounded = layer.gates_are_shares
        self._direction = direction
        # For a layer that reads both ways, results are in order of time.
        self._steps = iter(range(timesteps)[:: -1 if direction == "backward/" else 1])
        self._figures = np.empty((timesteps, 3, len(self._means)))
        """For each gate at each step: its mean, and the shares of open and closed values."""
        self._unpadded = np.zeros(timesteps, bool)

    def add(self, values: Mapping[str, Array], real: bool) -> None:
        """Add the gates of the next step, in the order in which the cell runs the steps: see `GateWatch`."""
        step = next(self._steps)
        self._unpadded[step] = real
        gates = np.stack([values[symbol][:, 0] for symbol in self._means])
        sizes = np.where(self._is_candidate, np.abs(gates), gates)
        self._figures[step] = [each.mean(axis=1) for each in (sizes, gates > OPEN, gates < CLOSED)]

    def gates(self, time_bins: Array) -> Iterator[Gate]:
        """Yield the gates over all steps, in the order of the equations, given the first step of each bin of time."""
        steps = np.flatnonzero(self._unpadded)
        for (symbol, means), figures in zip(self._means.items(), self._figures[steps].transpose(2, 1, 0), strict=True):
            mean, open_, closed = figures.mean(axis=1).tolist() if len(steps) else (nan, None, None)
            if symbol == CANDIDATE or not self._bounded:
                open_ = closed = None
            (bins,) = in_bins(figures[:1], steps, time_bins, np.mean)
            yield Gate(self._direction, symbol, means, mean, open_, closed, bins)

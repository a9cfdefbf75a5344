"""A run in which every layer is watched: the shape, the time and the statistics of what it returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite, nan, sqrt
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.engine.chunks import Chunk, Group, Pass, Tick, Write, flow, ticks, uncounted, work
from rnncli.engine.model import Model
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.network import Network
from rnncli.quantities import features_of, shape_text
from rnncli.summary import LayerSummary, Summary

if TYPE_CHECKING:
    from rnncli.engine.run import Plan

SATURATED = 0.985
"""An output counts as saturated beyond this share of its activation's range, seen from either end.

For tanh that is |y| > 0.97, where the slope is under 6 % of the steepest.
"""

_WARM: set[str] = set()
"""The kinds of layers that have run in this process."""

_WARMING, _WARMING_WORK = 100, 10_000_000
"""How many timesteps warm a layer up, and the most work that is done for it: milliseconds."""


def saturation_limits(low: float, high: float) -> tuple[float, float]:
    """Return the limits outside of which an output is saturated, if all outputs lie between `low` and `high`."""
    edge = (1 - SATURATED) * (high - low)
    return low + edge, high - edge


class Statistics:
    """The mean, standard deviation, extremes and saturation of all numbers so far.

    Chunks are merged by the formulas of Chan, Golub and LeVeque (1979) in float64, which stay accurate for any number
    of chunks. Where some are not numbers (NaN), neither are mean, deviation and extremes.

    Args:
        bounds: the ends of the range of the outputs, where they saturate; None where nothing bounds them.

    Attributes:
        count: how many there are.
        nans: how many of them are not numbers.
        infinite: how many are infinite.
    """

    def __init__(self, bounds: tuple[float, float] | None = None) -> None:
        self.bounds = bounds
        self.count = self.nans = self.infinite = 0
        self.mean = 0.0
        self.min = inf
        self.max = -inf
        self._squares = 0.0
        self._saturated = 0

    def add(self, values: Array) -> None:
        """Take a chunk of numbers into account; its shape does not matter."""
        if values.size == 0:
            return
        chunk = Statistics(self.bounds)
        chunk.count = values.size
        chunk.mean = float(values.mean(dtype=np.float64))
        if not isfinite(chunk.mean):
            chunk.nans = int(np.count_nonzero(np.isnan(values)))
            chunk.infinite = int(np.count_nonzero(np.isinf(values)))
        deviations = np.subtract(values, chunk.mean, dtype=np.float64)
        np.square(deviations, out=deviations)
        chunk._squares = float(deviations.sum())
        chunk.min, chunk.max = float(values.min()), float(values.max())
        if self.bounds is not None:
            low, high = saturation_limits(*self.bounds)
            chunk._saturated = int(np.count_nonzero(values < low)) + int(np.count_nonzero(values > high))
        self.take(chunk)

    def take(self, other: Statistics) -> None:
        """Take into account what another has seen."""
        total = self.count + other.count
        if total == 0:
            return
        shift = other.mean - self.mean
        self._squares += other._squares + shift * shift * self.count * other.count / total
        self.mean += shift * other.count / total
        self.count = total
        self.nans += other.nans
        self.infinite += other.infinite
        # NumPy's minimum and maximum, unlike Python's, keep what is not a number.
        self.min = float(np.minimum(self.min, other.min))
        self.max = float(np.maximum(self.max, other.max))
        self._saturated += other._saturated

    @property
    def std(self) -> float:
        """The standard deviation of all numbers."""
        return sqrt(self._squares / self.count) if self.count and self._squares >= 0 else nan

    @property
    def saturated(self) -> float | None:
        """The share of saturated outputs, 0 to 1; None where nothing bounds them."""
        return None if self.bounds is None or self.count == 0 else self._saturated / self.count


@dataclass(frozen=True)
class LayerRun:
    """One layer of a run.

    Attributes:
        summary: the layer's row of the summary. What came out had the shape that it predicts.
        seconds: the time that the layer took.
        statistics: what its outputs look like.
    """

    summary: LayerSummary
    seconds: float
    statistics: Statistics


@dataclass(frozen=True)
class ForwardRun:
    """A finished run.

    Attributes:
        summary: the network's summary for the batch and the timesteps of the run.
        layers: what was found for each layer of the summary.
        padded: how many samples are nothing but padding.
        lengths: the length of each sequence, where they have several; None if all are as long as the run.
        uniform: whether its weights and its input were drawn from 0 to 1.
    """

    summary: Summary
    layers: tuple[LayerRun, ...]
    padded: int = 0
    lengths: tuple[int, ...] | None = None
    uniform: bool = False

    @property
    def seconds(self) -> float:
        """The time of all layers."""
        return sum(layer.seconds for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data: what the summary returns, with what was measured added to each layer."""
        data = self.summary.as_dict()
        for layer, run in zip(data["layers"], self.layers, strict=True):
            values = run.statistics
            figures = {name: getattr(values, name) for name in ("mean", "std", "min", "max")}
            finite = {name: value if isfinite(value) else None for name, value in figures.items()}  # as JSON has it
            layer |= {"seconds": run.seconds, **finite, "saturated": values.saturated}
        if self.lengths is not None:
            data |= {"lengths": list(self.lengths), "macs": sum(layer["macs"] for layer in data["layers"])}
        return data | {"seconds": self.seconds}


@np.errstate(all="ignore")  # numbers that are not finite are for the reader to see in the statistics
def forward(plan: Plan, model: Model, given: Iterable[Group], tick: Tick, write: Write | None) -> ForwardRun:
    """Run a model on an input that comes in chunks, and watch every layer.

    Args:
        plan: the run.
        model: its network with weights.
        given: the input: all sequences together, or those of one length after those of another.
        tick: called with the work that has just been done; it adds up to what `work` says of all layers.
        write: is given each chunk of the output; None if nobody wants it.

    Raises:
        RnncliError: a layer returned another shape than its summary predicts, which is a bug in rnncli.
    """
    network, framework, lengths = plan.network, plan.request.framework, plan.lengths
    watches = [_Watch(Statistics(layer.output_range())) for layer in network.body]
    padded = 0
    for sequences in given:
        size = len(sequences.samples), sequences.timesteps
        model.prepare(*size)
        _warm_up(model, *size)
        told = ticks(network, *size, tick)
        layers = zip(watches, model.begin(sequences.states, told), network.body, told, strict=True)
        passes = [watch.over(each, size[0], uncounted if of.states else tell) for watch, each, of, tell in layers]
        start = 0
        for chunk in flow(passes, sequences.chunks):
            if write is not None:
                write(sequences.samples, start, chunk.values)
            start += len(chunk.values)
        for watch, row in zip(watches, network.summary(*size, framework).layers, strict=True):
            watch.check_shape(row)
        padded += sum(size[0] - int(np.count_nonzero(watch.unpadded)) for watch in watches[:1])
    summary = network.summary(plan.batch, plan.timesteps, framework, model.dtype.name)
    if lengths is not None:
        each = zip(summary.layers, _macs(network, lengths), strict=True)
        summary = replace(summary, layers=tuple(row._replace(macs=own) for row, own in each))
    pairs = zip(summary.layers, watches, strict=True)
    found = tuple(LayerRun(row, of.seconds, of.statistics) for row, of in pairs)
    uniform = plan.weights is None and plan.array is None and plan.init == "uniform"
    return ForwardRun(summary, found, padded, lengths, uniform)


def _macs(network: Network, lengths: Sequence[int]) -> list[int]:
    """Return the multiply-adds of each layer for sequences of several lengths."""
    macs = [0] * len(network.body)
    for length, count in Counter(lengths).items():
        for place, (before, after) in enumerate(pairwise(network.accounts(1, length))):
            macs[place] += count * ((after.macs or 0) - (before.macs or 0))
    return macs


def _warm_up(model: Model, batch: int, timesteps: int) -> None:
    """Let the layers of a small model take some steps before their time is taken.

    What happens once in a process, when code and libraries are used for the first time, would else count as the time
    of the first layer of its kind; beside the time of a large one it does not show.
    """
    network = model.network
    steps = min(timesteps, _WARMING)
    new = {layer.kind for layer in network.body} - _WARM
    if not new or sum(work(network, batch, network.head.fixed_timesteps or steps)) > _WARMING_WORK:
        return
    _WARM.update(new)
    ids = network.head.vocabulary is not None
    shape = (steps, batch) if ids else (steps, features_of(network.input_shape()), batch)
    nothing = Chunk(np.zeros(shape, np.int32 if ids else model.dtype))
    for _ in flow(model.begin(), [nothing]):
        pass


class _Watch:
    """A clock beside a layer, and a record of all that it returns."""

    def __init__(self, statistics: Statistics) -> None:
        self.seconds, self.statistics = 0.0, statistics

    def over(self, layer: Pass, batch: int, tick: Tick) -> Pass:
        """Return a pass of the layer, watched; `tick` hears of the timesteps that it reads."""
        self.unpadded = np.zeros(batch, bool)
        """Which samples of the last pass have had a step that is no padding, read or returned."""
        self._shape = (0, 0, 0)
        next(layer)
        output = None
        while True:
            chunk = yield output
            start = perf_counter()
            try:
                output = layer.send(chunk)
            except StopIteration:
                return
            finally:
                self.seconds += perf_counter() - start
            if chunk is not None:
                tick(len(chunk.values))
                mask = chunk.mask if output is None or output.mask is None else output.mask
                self.unpadded[: chunk.values.shape[-1]] |= True if mask is None else mask.any(axis=0)
            if output is not None:
                timesteps, features, samples = output.values.shape
                self._shape = (max(self._shape[0], samples), self._shape[1] + timesteps, features)
                self.statistics.add(output.values)

    def check_shape(self, row: LayerSummary) -> None:
        """Check that what the last pass returned has the shape that a summary predicts."""
        batch, timesteps, features = self._shape
        vector = timesteps == 1 and len(row.output_shape) == 2  # which travels as a sequence of one timestep
        found = (batch, features) if vector else self._shape
        if found != row.output_shape:
            raise RnncliError(
                f"{row.name} returned {shape_text(found)}, but its summary says {shape_text(row.output_shape)}",
                "this is a bug in rnncli; please report it with the spec",
            )

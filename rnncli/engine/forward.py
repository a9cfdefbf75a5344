"""A run that measures every layer: the output shape, the time, and statistics of the output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite, nan, sqrt
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.chunks import Chunk, Pass, SequenceGroup, Tick, Write, flow, ticks, uncounted, work
from rnncli.engine.model import Model
from rnncli.errors import RnncliError
from rnncli.language.rules import least_steps
from rnncli.network import Network
from rnncli.network_summary import LayerSummary, Summary
from rnncli.quantities import features_of, shape_text

if TYPE_CHECKING:
    from rnncli.engine.run import RunPlan

SATURATED = 0.985
"""The share of an activation's range, from either end, beyond which an output counts as saturated.

For tanh that is |y| > 0.97, where the slope is under 6 % of its maximum.
"""

_WARM: set[str] = set()
"""The kinds of layers that have already run in this process."""

_WARMING, _WARMING_WORK = 100, 10_000_000
"""The timesteps that warm a layer up, and the most work to spend on that: milliseconds."""


def saturation_limits(low: float, high: float) -> tuple[float, float]:
    """Return the limits beyond which an output is saturated, if all outputs are between `low` and `high`."""
    edge = (1 - SATURATED) * (high - low)
    return low + edge, high - edge


class Statistics:
    """The mean, standard deviation, extremes and saturation of all numbers added so far.

    Chunks are merged in float64 by the formulas of Chan, Golub and LeVeque (1979), which are accurate for any number of
    chunks. If any number is NaN, so are the mean, deviation and extremes.

    Args:
        bounds: the range of the outputs, if they can saturate; None if they are unbounded.

    Attributes:
        count: the count of numbers.
        nans: how many are NaN.
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
        """Add a chunk of numbers, of any shape."""
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
        """Add the numbers of another."""
        total = self.count + other.count
        if total == 0:
            return
        shift = other.mean - self.mean
        self._squares += other._squares + shift * shift * self.count * other.count / total
        self.mean += shift * other.count / total
        self.count = total
        self.nans += other.nans
        self.infinite += other.infinite
        # NumPy's minimum and maximum, unlike Python's, propagate NaN.
        self.min = float(np.minimum(self.min, other.min))
        self.max = float(np.maximum(self.max, other.max))
        self._saturated += other._saturated

    @property
    def std(self) -> float:
        """The standard deviation of all numbers."""
        return sqrt(self._squares / self.count) if self.count and self._squares >= 0 else nan

    @property
    def saturated(self) -> float | None:
        """The share of saturated outputs, 0 to 1; None if they are unbounded."""
        return None if self.bounds is None or self.count == 0 else self._saturated / self.count


@dataclass(frozen=True)
class LayerRun:
    """One layer of a run.

    Attributes:
        summary: the layer's row of the summary. The output had the shape that it predicts.
        seconds: the layer's run time.
        statistics: the statistics of its outputs.
    """

    summary: LayerSummary
    seconds: float
    statistics: Statistics


@dataclass(frozen=True)
class ForwardRun:
    """The result of a run.

    Attributes:
        summary: the network's summary for the batch and the timesteps of the run.
        layers: the results of each layer of the summary.
        padded: the number of samples that consist only of padding.
        lengths: the length of each sequence, if they differ; None if all have the run's timesteps.
        uniform: whether weights and input were drawn from 0 to 1.
    """

    summary: Summary
    layers: tuple[LayerRun, ...]
    padded: int = 0
    lengths: tuple[int, ...] | None = None
    uniform: bool = False

    @property
    def seconds(self) -> float:
        """The total run time of the layers."""
        return sum(layer.seconds for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain data: the summary, with the measurements added to each layer."""
        data = self.summary.as_dict()
        for layer, run in zip(data["layers"], self.layers, strict=True):
            values = run.statistics
            figures = {name: getattr(values, name) for name in ("mean", "std", "min", "max")}
            finite = {name: value if isfinite(value) else None for name, value in figures.items()}  # JSON has no NaN
            layer |= {"seconds": run.seconds, **finite, "saturated": values.saturated}
        if self.lengths is not None:
            data |= {"lengths": list(self.lengths), "macs": sum(layer["macs"] for layer in data["layers"])}
        return data | {"seconds": self.seconds}


@np.errstate(all="ignore")  # numbers that are not finite are visible in the statistics
def forward(plan: RunPlan, model: Model, given: Iterable[SequenceGroup], tick: Tick, write: Write | None) -> ForwardRun:
    """Run a model on an input that comes in chunks, measuring every layer.

    Args:
        plan: the run.
        model: the network with weights.
        given: the input: all sequences together, or sequences of one length after another.
        tick: called with the work just done, which adds up to the `work` of all layers.
        write: called with each chunk of the output; None to discard it.

    Raises:
        RnncliError: a layer's output shape is not the one that its summary predicts, which is a bug in rnncli.
    """
    network, framework, lengths = plan.network, plan.request.framework, plan.lengths
    watches = [_LayerClock(Statistics(layer.output_range())) for layer in network.body]
    padded = 0
    for sequences in given:
        size = len(sequences.samples), sequences.timesteps
        model.prepare(*size)
        _warm_up(model, *size)
        tick(0)  # the pace is measured from here: preparing many layers takes long
        counters = ticks(network, *size, tick)
        layers = zip(watches, model.begin(sequences.states, counters), network.body, counters, strict=True)
        passes = [watch.over(each, size[0], uncounted if of.states else count) for watch, each, of, count in layers]
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
    """Return the multiply-adds of each layer for sequences of different lengths."""
    macs = [0] * len(network.body)
    for length, count in Counter(lengths).items():
        for place, (before, after) in enumerate(pairwise(network.accounts(1, length))):
            macs[place] += count * ((after.macs or 0) - (before.macs or 0))
    return macs


def _warm_up(model: Model, batch: int, timesteps: int) -> None:
    """Run some steps through a small model's layers before their time is measured.

    Otherwise the one-time cost of using code and libraries first would count as time of the first layer of its kind.
    For a large layer this cost is negligible.
    """
    network = model.network
    steps = min(timesteps, max(_WARMING, least_steps(network.layers)))
    new = {layer.kind for layer in network.body} - _WARM
    if not new or sum(work(network, batch, network.head.fixed_timesteps or steps)) > _WARMING_WORK:
        return
    _WARM.update(new)
    ids = network.head.vocabulary is not None
    shape = (steps, batch) if ids else (steps, features_of(network.input_shape()), batch)
    nothing = Chunk(np.zeros(shape, np.int32 if ids else model.dtype))
    for _ in flow(model.begin(), [nothing]):
        pass


class _LayerClock:
    """A clock for a layer, and statistics of its output."""

    def __init__(self, statistics: Statistics) -> None:
        self.seconds, self.statistics = 0.0, statistics

    def over(self, layer: Pass, batch: int, tick: Tick) -> Pass:
        """Return a measured pass of the layer; `tick` receives the timesteps that it reads."""
        self.unpadded = np.zeros(batch, bool)
        """The samples of the last pass that had a step, read or returned, that is not padding."""
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
        """Check that the output of the last pass has the shape that a summary predicts."""
        batch, timesteps, features = self._shape
        vector = timesteps == 1 and len(row.output_shape) == 2  # in chunks, a vector is a sequence of one timestep
        found = (batch, features) if vector else self._shape
        if found != row.output_shape:
            raise RnncliError(
                f"{row.name} returned {shape_text(found)}, but its summary says {shape_text(row.output_shape)}",
                "this is a bug in rnncli; please report it with the spec",
            )

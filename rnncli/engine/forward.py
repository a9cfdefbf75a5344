"""A watched run: what came out of each layer, in what shape and time, against what the summary predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

from rnncli.engine.chunks import Chunk
from rnncli.engine.model import Model
from rnncli.engine.stages import Pass, State
from rnncli.engine.statistics import Statistics
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.network import Network
from rnncli.quantities import Shape, shape_text
from rnncli.summary import LayerSummary, Summary

FORWARD_COLUMNS = ("output_shape", "params", "seconds", "mean", "std", "min", "max", "saturated")
"""The columns of a layer's numbers in a run, for CSV, TSV and Markdown."""


@dataclass(frozen=True)
class LayerRun:
    """One layer of a run.

    Attributes:
        summary: what it was predicted to return; its shape has been found to hold.
        seconds: the time it took.
        statistics: of its outputs.
    """

    summary: LayerSummary
    seconds: float
    statistics: Statistics


@dataclass(frozen=True)
class ForwardRun:
    """A finished run.

    Attributes:
        summary: the network's, with the batch and the timesteps of the run.
        layers: one for each layer of the summary.
        seconds: the time of all layers.
    """

    summary: Summary
    layers: tuple[LayerRun, ...]

    @property
    def seconds(self) -> float:
        """The time of all layers."""
        return sum(layer.seconds for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data: the summary's object, with what was measured in each layer."""
        data = self.summary.as_dict()
        for layer, run in zip(data["layers"], self.layers, strict=True):
            values = run.statistics
            layer |= {
                "seconds": run.seconds,
                "mean": _finite(values.mean),
                "std": _finite(values.std),
                "min": _finite(values.min),
                "max": _finite(values.max),
                "saturated": values.saturated,
            }
        return data | {"seconds": self.seconds}


def forward(
    model: Model,
    chunks: Iterable[Chunk],
    batch: int,
    timesteps: int,
    write: Callable[[int, Array], None] | None = None,
    states: State | None = None,
    tick: Callable[[int], None] = lambda steps: None,
) -> ForwardRun:
    """Run a model on an input that comes in chunks, and watch every layer.

    Args:
        model: the model.
        chunks: the input, in order of time.
        batch: its number of samples.
        timesteps: its number of timesteps.
        write: takes (first timestep, columns) of the output as it is made.
        states: where each recurrent layer finds its first state, zero if it is not there, and leaves its last.
        tick: called with the number of timesteps whenever a recurrent layer has taken some.

    Raises:
        RnncliError: a layer returned another shape than `summary` predicts, which is a bug of rnncli.
    """
    summary = model.network.summary(batch, timesteps, dtype=model.dtype.name)
    watches = [_Watch(Statistics(layer.output_range())) for layer in model.network.body]
    output = model.stream(chunks, states, tick, lambda index, work: watches[index].over(work))
    steps = 0
    for chunk in output:
        if write is not None:
            write(steps, chunk.values)
        steps += len(chunk.values)
    runs = []
    for layer, watch in zip(summary.layers, watches, strict=True):
        found = watch.shape(len(layer.output_shape) == 3)
        if found != layer.output_shape:
            raise RnncliError(
                f"{layer.name} returned {shape_text(found)}, but its summary says {shape_text(layer.output_shape)}",
                "this is a bug in rnncli; please report it with the spec",
            )
        runs.append(LayerRun(layer, watch.seconds, watch.statistics))
    return ForwardRun(summary, tuple(runs))


def work(network: Network, timesteps: int) -> int:
    """Return how many timesteps all recurrent layers of a network take in a run, for showing progress."""
    layers = zip(network.body, network.steps_read(1, timesteps), strict=True)
    return sum((steps or 0) * len(layer.directions) for layer, steps in layers if layer.states)


class _Watch(Pass):
    """Watches a layer at work.

    Attributes:
        statistics: of its outputs.
        seconds: the time it took.
    """

    def __init__(self, statistics: Statistics) -> None:
        self.statistics = statistics
        self.seconds = 0.0
        self._work = Pass()
        self._steps = 0
        self._columns: tuple[int, ...] = ()

    def over(self, work: Pass) -> Pass:
        """Return itself, at work as `work` is."""
        self._work = work
        return self

    def step(self, chunk: Chunk) -> Chunk | None:
        """Return what the layer returns for a chunk."""
        return self._timed(lambda: self._work.step(chunk))

    def end(self) -> Iterator[Chunk]:
        """Yield what the layer yields at the end."""
        rest = self._work.end()
        while (chunk := self._timed(lambda: next(rest, None))) is not None:
            yield chunk

    def _timed(self, work: Callable[[], Chunk | None]) -> Chunk | None:
        start = perf_counter()
        chunk = work()
        self.seconds += perf_counter() - start
        if chunk is not None:
            self.statistics.add(chunk.values)
            self._steps += len(chunk.values)
            self._columns = chunk.values.shape[1:]
        return chunk

    def shape(self, sequence: bool) -> Shape:
        """Return the shape of all that came: (batch, timesteps, features), or (batch, features)."""
        features, batch = self._columns
        return (batch, self._steps, features) if sequence else (batch, features)


def _finite(value: float) -> float | None:
    """Return a number that JSON can hold."""
    return value if isfinite(value) else None

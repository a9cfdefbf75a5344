"""A watched run: what came out of each layer, in what shape and time, against what the summary predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

from rnncli.engine.chunks import Chunk
from rnncli.engine.model import Model, flow
from rnncli.engine.passes import Pass, State, Tick
from rnncli.engine.statistics import Statistics
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.network import Network
from rnncli.quantities import Shape, shape_text
from rnncli.summary import LayerSummary, Summary


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
        layers: what was found of each layer of the summary.
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
    tick: Tick = lambda steps: None,
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
    passes = [
        _Watched(work, Statistics(layer.output_range()))
        for work, layer in zip(model.begin(states, tick), model.network.body, strict=True)
    ]
    start = 0
    for chunk in flow(passes, chunks):
        if write is not None:
            write(start, chunk.values)
        start += len(chunk.values)
    summary = model.network.summary(batch, timesteps, dtype=model.dtype.name)
    layers = zip(summary.layers, passes, strict=True)
    return ForwardRun(summary, tuple(_layer_run(layer, watched) for layer, watched in layers))


def _layer_run(layer: LayerSummary, watched: _Watched) -> LayerRun:
    """Return what was found of a layer.

    Raises:
        RnncliError: it returned another shape than its summary predicts.
    """
    found = watched.shape(sequence=len(layer.output_shape) == 3)
    if found != layer.output_shape:
        raise RnncliError(
            f"{layer.name} returned {shape_text(found)}, but its summary says {shape_text(layer.output_shape)}",
            "this is a bug in rnncli; please report it with the spec",
        )
    return LayerRun(layer, watched.seconds, watched.statistics)


def work(network: Network, timesteps: int) -> int:
    """Return how many timesteps all recurrent layers of a network take in a run, for showing progress."""
    layers = zip(network.body, network.steps_read(1, timesteps), strict=True)
    return sum((steps or 0) * len(layer.directions) for layer, steps in layers if layer.states)


class _Watched(Pass):
    """A layer at work, with a clock beside it and a record of all that it returns.

    Attributes:
        seconds: the time that the layer took.
        statistics: of its outputs.
    """

    def __init__(self, layer: Pass, statistics: Statistics) -> None:
        self.seconds = 0.0
        self.statistics = statistics
        self._layer = layer
        self._timesteps = 0
        self._features_and_batch: list[int] = []

    def step(self, chunk: Chunk) -> Chunk | None:
        """Return what the layer returns for a chunk."""
        start = perf_counter()
        output = self._layer.step(chunk)
        self.seconds += perf_counter() - start
        if output is not None:
            self._record(output)
        return output

    def end(self) -> Iterator[Chunk]:
        """Yield what the layer yields at its end."""
        outputs = self._layer.end()
        while True:
            start = perf_counter()
            output = next(outputs, None)
            self.seconds += perf_counter() - start
            if output is None:
                return
            self._record(output)
            yield output

    def _record(self, output: Chunk) -> None:
        timesteps, *self._features_and_batch = output.values.shape
        self._timesteps += timesteps
        self.statistics.add(output.values)

    def shape(self, sequence: bool) -> Shape:
        """Return the shape of all that was returned, (batch, timesteps, features).

        Unless it should be a sequence, a single timestep is a vector, (batch, features).
        """
        features, batch = self._features_and_batch
        if self._timesteps == 1 and not sequence:
            return (batch, features)
        return (batch, self._timesteps, features)


def _finite(value: float) -> float | None:
    """Return a number that JSON can hold."""
    return value if isfinite(value) else None

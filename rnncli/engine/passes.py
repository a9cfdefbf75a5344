"""How layers run: each is a `Stage`, which begins a `Pass` for every batch, and chunks flow through the passes.

A chunk goes through all layers before the next one comes in, so memory does not grow with the number of timesteps. Only
`back` and `bi` need the whole sequence before they can start.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from rnncli.engine.chunks import Chunk
from rnncli.engine.loop import GateWatch
from rnncli.engine.types import Array
from rnncli.network import Network

Tick = Callable[[float], object]
"""Progress callback: how much has just been done, in timesteps of a layer or in work, as is said where it is."""

CALL, NUMBER = 2_500, 10
"""How many multiply-adds are as much work as a call of NumPy, however little that computes, and as an activation."""

State = dict[str, Array]
"""States by key (`lstm/h`, `bidirectional/forward/h`), each (batch, units)."""


class Pass:
    """A layer at work on one batch. This one passes everything on, as dropout does outside training."""

    def step(self, chunk: Chunk) -> Chunk | None:
        """Return the output for the next chunk, or None if the layer returns nothing before the end."""
        return chunk

    def end(self) -> Iterator[Chunk]:
        """Yield what the layer returns when the sequence has ended, in any number of chunks.

        It is called once, after the last step.
        """
        yield from ()


class Stage(ABC):
    """A layer with its weights."""

    @abstractmethod
    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return a pass for one batch.

        Args:
            states: where a recurrent layer finds its first state and leaves its last one. None: the first is zero, and
                nobody wants the last.
            tick: called with the number of timesteps that a recurrent layer has just taken, in each direction.
        """

    def prepare(self, features: int, batch: int, steps: int) -> None:
        """Make what the next pass needs, so that making it is no part of its time; here that is nothing.

        Args:
            features: how many numbers the layer reads for a timestep.
            batch: the number of samples.
            steps: the number of timesteps in a chunk.
        """
        del features, batch, steps

    def watch_gates(self, watch_of: Callable[[str], GateWatch]) -> None:
        """Show the gates of each step of each direction to what `watch_of` returns for it; here there are none."""
        del watch_of


class Stateless(Stage, Pass):
    """A layer that keeps nothing from chunk to chunk, so all passes are one."""

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return itself."""
        del states, tick
        return self


def flow(passes: Iterable[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the output of the last layer, for a sequence that goes into the first one in chunks.

    First comes the output while the sequence goes in, then what comes out as each layer ends, the first layer first.

    Args:
        passes: a pass for each layer, in order.
        chunks: the sequence, in order of time.
    """
    layers = deque(passes)
    yield from _through(layers, chunks)
    while layers:
        ended = layers.popleft()
        yield from _through(layers, ended.end())


def _through(layers: Iterable[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield what comes out of the last layer for chunks that go into the first."""
    for chunk in chunks:
        output: Chunk | None = chunk
        for layer in layers:
            if output is None:  # the layer below returns nothing before its end
                break
            output = layer.step(output)
        if output is not None:
            yield output


def work(network: Network, batch: int, timesteps: int) -> list[float]:
    """Return how much work each layer of a network is in a run, in multiply-adds.

    Beside those of its products there are the numbers that it computes at each step, and the calls that the loop of a
    recurrent layer takes for it: some two for each gate, and two more.
    """
    layers = zip(
        network.body, network.weights(), network.shapes(batch, timesteps), _steps(network, timesteps), strict=True
    )
    return [
        batch * steps // len(layer.directions) * sum(weight.params for weight in weights if weight.multiplies)
        + NUMBER * batch * steps * layer.gates * (returns[-1] or 0)
        + (CALL * (2 * layer.gates + 2) * steps if layer.states else 0)
        for layer, weights, (_, returns), steps in layers
    ]


def ticks(network: Network, batch: int, timesteps: int, tick: Tick) -> list[Tick]:
    """Return what each layer of a network tells the timesteps that it has taken, in each direction.

    It passes them on to `tick` as work, which adds up to the layer's part of `work`.
    """
    if tick is uncounted:
        return [uncounted] * len(network.body)

    def telling(each: float) -> Tick:
        return lambda steps: tick(steps * each)

    amounts = zip(work(network, batch, timesteps), _steps(network, timesteps), strict=True)
    return [telling(amount / steps) for amount, steps in amounts]


def _steps(network: Network, timesteps: int) -> list[int]:
    """Return how many timesteps each layer takes, those of both directions together."""
    steps = network.steps_read(1, timesteps)
    return [(count or 1) * len(layer.directions) for count, layer in zip(steps, network.body, strict=True)]


def uncounted(steps: float) -> None:
    """Count nothing: where nobody looks at the progress, or a layer's loops count by themselves."""

"""How layers run: each is a `Stage`, which begins a `Pass` for every batch, and chunks flow through the passes.

A chunk goes through all layers before the next one comes in, so memory does not grow with the number of timesteps. Only
`back` and `bi` need the whole sequence before they can start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator

from rnncli.engine.chunks import Chunk
from rnncli.engine.types import Array
from rnncli.network import Network

Tick = Callable[[float], object]
"""Progress callback: how much has just been done, in timesteps of a layer or in work, as is said where it is."""

CALL, NUMBER = 2_500, 10
"""How many multiply-adds are as much work as a call of NumPy, however little that computes, and as an activation."""

State = dict[str, Array]
"""States by key (`lstm/h`, `bidirectional/forward/h`), each (batch, units)."""

Pass = Generator[Chunk | None, Chunk | None, None]
"""A layer at work on one batch.

For each chunk that it is sent it yields what it returns for it, or None where that comes later. Sent None, which is
what iterating over it does, it knows that the sequence has ended, and yields what it returns then, in any number of
chunks.
"""

Stage = Callable[[State | None, Tick], Pass]
"""A layer with its weights. It returns a pass for one batch, given

- where a recurrent layer finds its first state and leaves its last one; None: the first is zero, and nobody wants the
  last;
- what is called with the number of timesteps that a recurrent layer has just taken, in each direction.
"""


def flow(passes: Iterable[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the output of the last layer, for a sequence that goes into the first one in chunks.

    First comes the output while the sequence goes in, then what comes out as each layer ends, the first layer first.

    Args:
        passes: a new pass for each layer, in order.
        chunks: the sequence, in order of time.
    """
    layers = deque(passes)
    for layer in layers:
        next(layer)
    yield from _through(layers, chunks)
    while layers:
        yield from _through(layers, layers.popleft())


def _through(layers: Iterable[Pass], chunks: Iterable[Chunk | None]) -> Iterator[Chunk]:
    """Yield what comes out of the last layer for chunks that go into the first."""
    for chunk in chunks:
        output = chunk
        for layer in layers:
            if output is None:  # the layer below returns nothing before its end
                break
            output = layer.send(output)
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

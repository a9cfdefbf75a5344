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

Tick = Callable[[int], None]
"""Progress callback: the number of timesteps that a recurrent layer has just taken."""

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
            tick: called with the number of timesteps that a recurrent layer has just taken.
        """

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

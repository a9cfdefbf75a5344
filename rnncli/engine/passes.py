"""What every layer of the engine is: a `Stage`, which begins a `Pass` over each batch.

Chunks of time go in, chunks come out. A chunk goes through all layers before the next one comes in, so that memory does
not grow with the number of timesteps. Only `back` and `bi` need the whole sequence before they can start.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from rnncli.engine.chunks import Chunk
from rnncli.engine.types import Array

Tick = Callable[[int], None]
"""Progress callback: the number of timesteps that a recurrent layer has just taken."""

State = dict[str, Array]
"""States by key (`lstm/h`, `bidirectional/forward/h`), each (batch, units)."""


class Pass:
    """A layer at work on one sequence. This one hands everything on, as dropout does in a forward pass."""

    def step(self, chunk: Chunk) -> Chunk | None:
        """Return the output for the next chunk, or None where the layer returns nothing before the end."""
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
        """Return a pass over the whole of one batch of samples.

        Args:
            states: where a recurrent layer finds its first state and leaves its last; None if nobody wants them.
            tick: called with the number of timesteps that a recurrent layer has just taken.
        """


class Stateless(Stage, Pass):
    """A layer that keeps nothing from chunk to chunk, so all passes are one."""

    def begin(self, states: State | None, tick: Tick) -> Pass:
        """Return itself."""
        del states, tick
        return self

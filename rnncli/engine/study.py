"""A closer look at the last recurrent layer: its outputs over time, and how long it remembers its first input.

Two runs go in lockstep, as a batch of two in float64: the first sample, and its twin, in which the first input that the
layer reads is changed a little. What that does to the outputs, step after step, is what is left of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from rnncli.engine.checks import weight_shapes
from rnncli.engine.chunks import Chunk
from rnncli.engine.initializers import random_stream
from rnncli.engine.model import Model
from rnncli.engine.stages import State
from rnncli.engine.traces import EffectTrace, Memory, Outputs, OutputTrace, Spans, bin_starts
from rnncli.engine.types import Array
from rnncli.errors import UsageError
from rnncli.network import Network

DTYPE = np.dtype("float64")
"""What a study computes in, whatever the run does."""

SAMPLES = 2
"""The sample and its twin."""

TIME_BINS = 64
"""The most bins of time."""

_CHANGE = 1e-5
"""The length of the change, as a share of the input's length, or of 1 where that is more.

It is so small that twice the change has twice the effect, and so large that the effect stands out from rounding where a
layer is saturated and hands on but a millionth of it.
"""


@dataclass(frozen=True)
class Study:
    """What the last recurrent layer does over time. Steps that are padding are left out of all figures.

    Attributes:
        layer: its name.
        batch: the number of samples of the run; this is the first of them.
        timesteps: the length of the sequence.
        backwards: whether it reads the sequence from the last timestep to the first. All that is listed by time is
            listed in the order in which the layer reads.
        outputs: what it returns.
        memory: what is left of the first input that it reads.
    """

    layer: str
    batch: int
    timesteps: int
    backwards: bool
    outputs: Outputs
    memory: Memory

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; numbers that are not finite are None."""
        outputs, memory = self.outputs, self.memory
        units = outputs.saturated_units
        mean, least, largest = _finite((outputs.norm_mean, outputs.norm_min, outputs.norm_max))
        return {
            "layer": self.layer,
            "timesteps": self.timesteps,
            "units": outputs.units,
            "backwards": self.backwards,
            "time_bins": outputs.time_bins,
            "unit_bins": outputs.unit_bins,
            "activations": [_finite(row) for row in outputs.activations],
            "saturated_units": None if units is None else units / outputs.units,
            "saturated": None if outputs.saturated is None else _finite(outputs.saturated),
            "norm": {"mean": mean, "min": least, "max": largest, "bins": _finite(outputs.norm)},
            "memory": {
                "problem": memory.problem,
                "steps": memory.steps,
                "largest_after": memory.largest_after,
                "steps_to_tenth": memory.tenth,
                "steps_to_hundredth": memory.hundredth,
                "last": memory.last,
                "effect": memory.effect,
            },
        }


def studied(network: Network) -> Network:
    """Return the part of a network that a study runs: up to the last recurrent layer, which returns its sequence.

    An embedding gives way to an input of its vectors. These can be changed a little, ids cannot; and its table need
    not be copied.

    Raises:
        UsageError: the network has no recurrent layer.
    """
    places = [index for index, layer in enumerate(network.layers) if layer.states]
    if not places:
        raise UsageError(f"the plot is of a recurrent layer, and {network} has none", "add one, such as rnn:32")
    _, *middle, last = network.layers[: places[-1] + 1]
    return Network([network.head.of_vectors(), *middle, last.returning("sequence") or last])


def study_of(
    model: Model,
    chunks: Iterable[Chunk],
    batch: int,
    timesteps: int,
    states: State | None = None,
    tick: Callable[[int], None] = lambda steps: None,
) -> Study:
    """Run the first sample of an input and return what the last recurrent layer does over time.

    Memory does not grow with the timesteps, unless `back` or `bi` needs the whole sequence.

    Args:
        model: the model; the study has its weights, in float64.
        chunks: the input, in order of time.
        batch: its number of samples.
        timesteps: its number of timesteps.
        states: where each recurrent layer finds its first state, zero if it is not there. They stay as they are.
        tick: called with the number of timesteps whenever a recurrent layer has taken some.

    Raises:
        UsageError: the network has no recurrent layer.
    """
    part = studied(model.network)
    twins = Model(part, dtype=DTYPE.name, weights={key: model.weights[key] for key in weight_shapes(part)})
    time_starts = bin_starts(timesteps, TIME_BINS)
    outputs = OutputTrace(time_starts, int(part.summary().output_shape[-1] or 0), part.body[-1].output_range())
    effect = EffectTrace(len(time_starts))
    pairs = _Pairs(_first_sample(model, chunks), part, timesteps)
    first_states = {key: np.repeat(state[:1].astype(DTYPE), SAMPLES, axis=0) for key, state in (states or {}).items()}
    start = 0
    with np.errstate(all="ignore"):  # what is not finite is for the reader to see
        for values, mask in twins.stream(pairs, first_states, tick):
            steps = np.arange(start, start + len(values))
            start += len(steps)
            if mask is not None:
                counts = pairs.counts(steps, mask)
                steps, values = steps[counts], values[counts]
            if len(steps) == 0:
                continue
            h, changed = np.ascontiguousarray(values.transpose(2, 0, 1))
            norms = np.linalg.norm(h, axis=1)
            spans = Spans.of(steps, time_starts)
            outputs.add(h, norms, spans)
            before = int(np.searchsorted(steps, pairs.first_read))
            effect.add(np.linalg.norm(changed - h, axis=1), norms, spans, before)
        return Study(part.names[-1], batch, timesteps, pairs.backwards, outputs.figures(), effect.memory())


def _first_sample(model: Model, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the vectors of the first sample, (timesteps, features, 1), looked up where they are ids."""
    yield from model.vectors(Chunk(values[..., :1]) for values, _ in chunks)


class _Pairs:
    """A sample beside its twin, as one batch. In the twin the first input that is read, and is no padding, is changed.

    Iterating yields the chunks, (timesteps, features, 2).

    Args:
        sample: the chunks of the sample.
        part: the network that reads it.
        timesteps: how many it has.

    Attributes:
        backwards: whether the last layer reads the sequence from its end: it, or one of those below, turns it round.
        first_read: the step at which the last layer reads what is changed.
    """

    def __init__(self, sample: Iterable[Chunk], part: Network, timesteps: int) -> None:
        self.sample = sample
        self.timesteps = timesteps
        turns = [layer.reverses for layer in part.body]
        self.backwards = sum(turns) % 2 == 1
        self.first_read = 0
        self._turned_mask = np.ones(timesteps, bool) if turns[-1] else None

    def __iter__(self) -> Iterator[Chunk]:
        return self._last_changed() if self.backwards else self._first_changed()

    def counts(self, steps: Array, mask: Array) -> Array:
        """Return which of some steps of the last layer are no padding, (steps,), given the mask that it hands on."""
        if self._turned_mask is None:
            counts: Array = mask[:, 0]
            return counts
        # Keras hands the mask on in the order in which it came, but the outputs of `back` in the order of reading.
        return self._turned_mask[::-1][steps]

    def _first_changed(self) -> Iterator[Chunk]:
        found = False
        for start, pair in self._unchanged():
            steps = _that_count(pair)
            if not found and len(steps):
                found = True
                self._change(pair, start, steps[0])
            yield pair

    def _last_changed(self) -> Iterator[Chunk]:
        held: list[tuple[int, Chunk]] = []  # the latest chunk that may hold the last input, and padding behind it
        for start, pair in self._unchanged():
            if len(_that_count(pair)):
                yield from (chunk for _, chunk in held)
                held.clear()
            held.append((start, pair))
        start, pair = held[0]
        steps = _that_count(pair)
        if len(steps):
            self._change(pair, start, steps[-1])
        yield from (chunk for _, chunk in held)

    def _unchanged(self) -> Iterator[tuple[int, Chunk]]:
        """Yield the first timestep of each chunk, and the chunk with the sample twice."""
        start = 0
        for values, mask in self.sample:
            stop = start + len(values)
            if self._turned_mask is not None and mask is not None:
                self._turned_mask[start:stop] = mask[:, 0]
            twice = np.repeat(values.astype(DTYPE), SAMPLES, axis=2)
            yield start, Chunk(twice, None if mask is None else np.repeat(mask, SAMPLES, axis=1))
            start = stop

    def _change(self, pair: Chunk, start: int, step: int) -> None:
        """Change the twin's input at a step of a chunk, in a direction that favours no feature."""
        x, changed = pair.values[step].T
        direction = random_stream(0, 0).standard_normal(len(x))
        length = _CHANGE * max(1.0, float(np.linalg.norm(x)))
        changed += direction * (length / float(np.linalg.norm(direction)))
        timestep = start + step
        self.first_read = self.timesteps - 1 - timestep if self.backwards else timestep


def _that_count(chunk: Chunk) -> Array:
    """Return the steps of a chunk that are no padding."""
    return np.arange(len(chunk.values)) if chunk.mask is None else np.flatnonzero(chunk.mask[:, 0])


def _finite(values: Iterable[float | None]) -> list[float | None]:
    """Return numbers that JSON can hold."""
    return [value if value is not None and isfinite(value) else None for value in values]

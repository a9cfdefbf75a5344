"""A closer look at the last recurrent layer: its outputs over time, and how long it remembers its first input.

Two runs go in lockstep, as a batch of two in float64: the first sample, and its twin, in which the first input that the
layer reads is changed a little. The difference that this makes to the outputs, step after step, shows how far back the
layer remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from rnncli.engine.checks import weight_shapes
from rnncli.engine.chunks import Chunk
from rnncli.engine.initializers import random_stream
from rnncli.engine.model import Model
from rnncli.engine.passes import State
from rnncli.engine.traces import EffectTrace, Outputs, OutputTrace, Reach, Spans, bin_starts
from rnncli.engine.types import Array
from rnncli.errors import UsageError
from rnncli.layers import Layer
from rnncli.network import Network

DTYPE = np.dtype("float64")
"""A study computes in float64, whatever the dtype of the run."""

SAMPLES = 2
"""The sample and its twin."""

TIME_BINS = 64
"""The most bins of time."""

_CHANGE = 1e-5
"""The length of the change, as a share of the input's length, or of 1 where that is more.

It is small enough that twice the change has twice the effect, and large enough that the effect stands out from rounding
where a saturated layer passes on only a millionth of it.
"""


@dataclass(frozen=True)
class Study:
    """What the last recurrent layer does over time. Steps that are padding are left out of all figures.

    Attributes:
        layer: the layer's name.
        batch: the number of samples of the run; the study is of the first.
        timesteps: the length of the sequence.
        backwards: whether the layer reads the sequence from the last timestep to the first. Everything listed by time
            is in the order in which the layer reads.
        outputs: its outputs over time.
        reach: how far back it remembers, shown by the first input that it reads.
    """

    layer: str
    batch: int
    timesteps: int
    backwards: bool
    outputs: Outputs
    reach: Reach

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
            "reach": {
                "problem": reach.problem,
                "steps": reach.steps,
                "largest_after": reach.largest_after,
                "steps_to_tenth": reach.tenth,
                "steps_to_hundredth": reach.hundredth,
                "last": reach.last,
                "effect": reach.effect,
            },
        }


def studied(network: Network) -> Network:
    """Return the part of a network that a study runs: up to the last recurrent layer, which returns its sequence.

    An embedding is replaced by an input of its vectors: vectors can be changed a little, ids cannot, and the table need
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
        states: the state that each recurrent layer starts from, zero where there is none. They are not changed.
        tick: the progress callback: the number of timesteps that a recurrent layer has just processed.

    Raises:
        UsageError: the network has no recurrent layer.
    """
    part = studied(model.network)
    part_model = Model(part, dtype=DTYPE.name, weights={key: model.weights[key] for key in weight_shapes(part)})
    # A layer that repeats a vector, below the last, gives it another number of timesteps than the input has.
    *_, layer_steps = part.steps_read(1, timesteps)
    assert layer_steps is not None
    time_starts = bin_starts(layer_steps, TIME_BINS)
    outputs = OutputTrace(time_starts, int(part.summary().output_shape[-1] or 0), part.body[-1].output_range())
    effect = EffectTrace(len(time_starts))
    twins = _SampleAndTwin(_first_sample(model, chunks), part, timesteps)
    first_states = {key: np.repeat(state[:1].astype(DTYPE), SAMPLES, axis=0) for key, state in (states or {}).items()}
    start = 0
    with np.errstate(all="ignore"):  # what is not finite is for the reader to see
        for values, mask in part_model.stream(twins, first_states, tick):
            steps = np.arange(start, start + len(values))
            start += len(steps)
            if mask is not None:
                unpadded = twins.unpadded(steps, mask)
                steps, values = steps[unpadded], values[unpadded]
            if len(steps) == 0:
                continue
            h, changed = np.ascontiguousarray(values.transpose(2, 0, 1))
            norms = np.linalg.norm(h, axis=1)
            spans = Spans.of(steps, time_starts)
            outputs.add(h, norms, spans)
            before = int(np.searchsorted(steps, twins.first_read))
            effect.add(np.linalg.norm(changed - h, axis=1), norms, spans, before)
        return Study(part.names[-1], batch, layer_steps, twins.backwards, outputs.figures(), effect.reach())


def _first_sample(model: Model, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the vectors of the first sample, (timesteps, features, 1), looked up where they are ids."""
    yield from model.vectors(Chunk(values[..., :1]) for values, _ in chunks)


class _SampleAndTwin:
    """A sample and its twin as one batch. Iterating yields the chunks, (timesteps, features, 2).

    In the twin one input is changed: the first that the last layer reads and that is not padding.

    Args:
        sample: the chunks of the sample.
        part: the network that reads them.
        timesteps: the length of the sequence.

    Attributes:
        backwards: whether the last layer reads its sequence from the end: it, or a layer below, reverses time.
        first_read: the step at which the last layer reads the changed input, once that has been yielded. Behind a layer
            that repeats a vector, which holds what all inputs did, that is the first.
    """

    def __init__(self, sample: Iterable[Chunk], part: Network, timesteps: int) -> None:
        self.sample = sample
        self.timesteps = timesteps
        starts = [index for index, layer in enumerate(part.body) if layer.reads == "vector"]
        self.repeats = bool(starts)
        self.backwards = _reversed(part.body[starts[-1] if starts else 0 :])
        self.first_read = 0
        self._from_end = _reversed(part.body[: starts[0]]) if starts else self.backwards
        self._whole_mask = np.ones(timesteps, bool) if part.body[-1].reverses and not starts else None

    def __iter__(self) -> Iterator[Chunk]:
        return self._with_last_changed() if self._from_end else self._with_first_changed()

    def unpadded(self, steps: Array, mask: Array) -> Array:
        """Return which of some steps of the last layer are not padding, (steps,).

        Args:
            steps: the steps.
            mask: the mask that the layer hands on with their outputs, (steps, 2).
        """
        if self._whole_mask is None:
            unpadded: Array = mask[:, 0]
            return unpadded
        # A layer that reverses time hands on the mask as it came, as in Keras, which is not the order of its outputs.
        return self._whole_mask[::-1][steps]

    def _with_first_changed(self) -> Iterator[Chunk]:
        changed = False
        for start, chunk in self._unchanged():
            steps = _unpadded_steps(chunk)
            if not changed and len(steps):
                changed = True
                self._change(chunk, start, steps[0])
            yield chunk

    def _with_last_changed(self) -> Iterator[Chunk]:
        # A chunk is held back, with the padding behind it, until another one comes whose inputs are later.
        held: list[tuple[int, Chunk]] = []
        for start, chunk in self._unchanged():
            if len(_unpadded_steps(chunk)):
                yield from (earlier for _, earlier in held)
                held.clear()
            held.append((start, chunk))
        start, chunk = held[0]
        steps = _unpadded_steps(chunk)
        if len(steps):
            self._change(chunk, start, steps[-1])
        yield from (last for _, last in held)

    def _unchanged(self) -> Iterator[tuple[int, Chunk]]:
        """Yield the first timestep of each chunk, and the chunk with the sample twice."""
        start = 0
        for values, mask in self.sample:
            stop = start + len(values)
            if self._whole_mask is not None and mask is not None:
                self._whole_mask[start:stop] = mask[:, 0]
            twice = np.repeat(values.astype(DTYPE), SAMPLES, axis=2)
            yield start, Chunk(twice, None if mask is None else np.repeat(mask, SAMPLES, axis=1))
            start = stop

    def _change(self, chunk: Chunk, start: int, step: int) -> None:
        """Change the twin's input at a step of a chunk, in a direction that favours no feature."""
        x, changed = chunk.values[step].T
        direction = random_stream(0, 0).standard_normal(len(x))
        length = _CHANGE * max(1.0, float(np.linalg.norm(x)))
        changed += direction * (length / float(np.linalg.norm(direction)))
        if not self.repeats:
            timestep = start + step
            self.first_read = self.timesteps - 1 - timestep if self.backwards else timestep


def _reversed(layers: Sequence[Layer]) -> bool:
    """Return whether layers, one on another, hand time on in reverse."""
    return sum(layer.reverses for layer in layers) % 2 == 1


def _unpadded_steps(chunk: Chunk) -> Array:
    """Return the steps of a chunk that are not padding."""
    return np.arange(len(chunk.values)) if chunk.mask is None else np.flatnonzero(chunk.mask[:, 0])


def _finite(values: Iterable[float | None]) -> list[float | None]:
    """Return numbers that JSON can hold."""
    return [value if value is not None and isfinite(value) else None for value in values]

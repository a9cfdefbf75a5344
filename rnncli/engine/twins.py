"""A sample and its twin, run in lockstep: what a small change to the first input does to the last recurrent layer.

They are a batch of two in float64: in float32 the effect would soon be lost in rounding. In the twin the first input
that the layer reads is changed a little. How much this changes the outputs, step after step, shows how far back the
layer remembers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rnncli.engine.checks import weight_shapes
from rnncli.engine.chunks import Chunk
from rnncli.engine.initializers import random_stream
from rnncli.engine.model import Model
from rnncli.engine.passes import State, Tick, flow, ticks, uncounted, work
from rnncli.engine.types import Array
from rnncli.errors import UsageError
from rnncli.layers import Layer
from rnncli.network import Network

DTYPE = np.dtype("float64")
"""What both are computed in, whatever the dtype of the run."""

SAMPLES = 2
"""The sample and its twin."""

_CHANGE = 1e-5
"""The length of the change, as a share of the input's length, or of 1 where that is more.

It is small enough that twice the change has twice the effect, and large enough that the effect stands out from rounding
where a saturated layer passes on only a millionth of it.
"""


def up_to_last_recurrent(network: Network, subject: str) -> Network:
    """Return a network without the layers above its last recurrent one.

    Args:
        network: the network.
        subject: what is told of that layer, for the error.

    Raises:
        UsageError: there is no recurrent layer.
    """
    places = [index for index, layer in enumerate(network.layers) if layer.states]
    if not places:
        raise UsageError(f"{subject} is of a recurrent layer, and {network} has none", "add one, such as rnn:32")
    return Network(network.layers[: places[-1] + 1])


def watched(network: Network, subject: str = "the plot") -> Network:
    """Return the part of a network that is run with a twin: up to the last recurrent layer, which returns its sequence.

    An embedding is replaced by an input of its vectors: vectors can be changed a little, ids cannot, and the table need
    not be copied.

    Raises:
        UsageError: the network has no recurrent layer.
    """
    _, *middle, last = up_to_last_recurrent(network, subject).layers
    return Network([network.head.of_vectors(), *middle, last.returning("sequence") or last])


def watched_work(part: Network, timesteps: int) -> float:
    """Return how much work it is to run such a part with a twin, as far as it is counted: that of recurrent layers."""
    amounts = zip(work(part, SAMPLES, timesteps), part.body, strict=True)
    return sum(amount for amount, layer in amounts if layer.states)


def steps_of_last(part: Network, timesteps: int) -> int:
    """Return the number of timesteps that the last layer of such a part reads.

    A layer that repeats a vector, below it, gives it another number than the input has.
    """
    *_, steps = part.steps_read(1, timesteps)
    assert steps is not None
    return steps


def reads_backwards(part: Network) -> bool:
    """Return whether the last layer of such a part reads its sequence from the end: it, or one below, reverses time."""
    return _reversed(part.body[max(_vector_readers(part), default=0) :])


class Steps(NamedTuple):
    """Some steps of the last recurrent layer, in the order in which it reads. None of them is padding.

    Attributes:
        steps: which steps of the sequence they are.
        since: how many steps after the change each of them is, padding not counted; the change is 0.
        outputs: the outputs for the sample, (steps, units).
        norms: their lengths, (steps,).
        effects: the lengths of the differences that the change makes to the outputs, (steps,).
    """

    steps: Array
    since: Array
    outputs: Array
    norms: Array
    effects: Array


class Watch:
    """A sample and its twin at work. Iterating, which is possible once, yields the steps of the last recurrent layer.

    In the twin one input is changed: the first that the last layer reads and that is not padding. Memory does not grow
    with the timesteps, unless `back` or `bi` needs the whole sequence.

    Args:
        model: the model; its weights are used in float64.
        chunks: the input, in order of time. Its first sample is run.
        timesteps: its number of timesteps.
        states: the state that each recurrent layer starts from, zero where there is none. They are not changed.
        tick: called with the work that has just been done; it adds up to what `watched_work` says.

    Attributes:
        part: the network that is run.
        model: the model of it.
        timesteps: the number of timesteps of its last layer.
        backwards: whether the last layer reads its sequence from the end: it, or a layer below, reverses time.

    Raises:
        UsageError: the network has no recurrent layer.
    """

    def __init__(
        self,
        model: Model,
        chunks: Iterable[Chunk],
        timesteps: int,
        states: State | None = None,
        tick: Tick = uncounted,
    ) -> None:
        self.part = watched(model.network)
        weights = {key: model.weights[key] for key in weight_shapes(self.part)}
        self.model = Model(self.part, dtype=DTYPE.name, weights=weights)
        self.timesteps = steps_of_last(self.part, timesteps)
        self.backwards = reads_backwards(self.part)
        look_up = model.begin()[:1] if model.network.head.shown else []
        self._sample = flow(look_up, (Chunk(values[..., :1]) for values, _ in chunks))
        self._states = {
            key: np.repeat(state[:1].astype(DTYPE), SAMPLES, axis=0) for key, state in (states or {}).items()
        }
        self._ticks = ticks(self.part, SAMPLES, timesteps, tick)
        starts = _vector_readers(self.part)
        self._repeats = bool(starts)
        self._from_end = _reversed(self.part.body[: starts[0]]) if starts else self.backwards
        self._whole_mask = np.ones(timesteps, bool) if self.part.body[-1].reverses and not starts else None
        self._first_read = 0
        """The step at which the last layer reads the changed input, once that has been passed on.

        Behind a layer that repeats a vector, which holds what all inputs did, that is the first.
        """

    def __iter__(self) -> Iterator[Steps]:
        start = since = 0
        twins = self._with_last_changed() if self._from_end else self._with_first_changed()
        with np.errstate(all="ignore"):  # what is not finite is for the reader to see
            for values, mask in flow(self.model.begin(self._states, self._ticks), twins):
                steps = np.arange(start, start + len(values))
                start += len(steps)
                if mask is not None:
                    # A layer that reverses time hands on the mask as it came, as in Keras: not in the order of its
                    # outputs.
                    unpadded = mask[:, 0] if self._whole_mask is None else self._whole_mask[::-1][steps]
                    steps, values = steps[unpadded], values[unpadded]
                if len(steps) == 0:
                    continue
                h, changed = np.ascontiguousarray(values.transpose(2, 0, 1))
                since -= int(np.searchsorted(steps, self._first_read))
                counted = np.arange(since, since + len(steps))
                since += len(steps)
                norms, effects = np.linalg.norm(h, axis=1), np.linalg.norm(changed - h, axis=1)
                yield Steps(steps, counted, h, norms, effects)

    def _with_first_changed(self) -> Iterator[Chunk]:
        chunks = self._unchanged()
        for start, chunk in chunks:
            changed = self._change(start, chunk, 0)
            yield chunk
            if changed:
                break
        yield from (chunk for _, chunk in chunks)

    def _with_last_changed(self) -> Iterator[Chunk]:
        # A chunk is held back, with the padding behind it, until another one comes whose inputs are later.
        held: list[tuple[int, Chunk]] = []
        for start, chunk in self._unchanged():
            if len(_unpadded_steps(chunk)):
                yield from (earlier for _, earlier in held)
                held.clear()
            held.append((start, chunk))
        self._change(*held[0], -1)
        yield from (last for _, last in held)

    def _unchanged(self) -> Iterator[tuple[int, Chunk]]:
        """Yield the first timestep of each chunk, and the chunk with the sample twice, (timesteps, features, 2)."""
        start = 0
        for values, mask in self._sample:
            stop = start + len(values)
            if self._whole_mask is not None and mask is not None:
                self._whole_mask[start:stop] = mask[:, 0]
            twice = np.repeat(values.astype(DTYPE), SAMPLES, axis=2)
            yield start, Chunk(twice, None if mask is None else np.repeat(mask, SAMPLES, axis=1))
            start = stop

    def _change(self, start: int, chunk: Chunk, place: int) -> bool:
        """Change the twin's input at one of the steps of a chunk that are no padding; return whether there is one.

        The direction of the change favours no feature.
        """
        steps = _unpadded_steps(chunk)
        if len(steps) == 0:
            return False
        x, changed = chunk.values[steps[place]].T
        direction = random_stream(0, 0).standard_normal(len(x))
        length = _CHANGE * max(1.0, float(np.linalg.norm(x)))
        changed += direction * (length / float(np.linalg.norm(direction)))
        if not self._repeats:
            timestep = start + int(steps[place])
            self._first_read = self.timesteps - 1 - timestep if self.backwards else timestep
        return True


def _vector_readers(part: Network) -> list[int]:
    """Return the places of the layers that read a vector and make a sequence of it."""
    return [place for place, layer in enumerate(part.body) if layer.reads == "vector"]


def _reversed(layers: Sequence[Layer]) -> bool:
    """Return whether layers, one on another, hand time on in reverse."""
    return sum(layer.reverses for layer in layers) % 2 == 1


def _unpadded_steps(chunk: Chunk) -> Array:
    """Return the steps of a chunk that are not padding."""
    return np.arange(len(chunk.values)) if chunk.mask is None else np.flatnonzero(chunk.mask[:, 0])

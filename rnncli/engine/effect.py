"""How far back a layer remembers: a sample and its twin, run in lockstep, and the effect of the change between them.

They are a batch of two in float64: in float32 the effect would soon be lost in rounding. In the twin the first input
that the layer reads is changed a little. How much this changes the outputs, step after step, shows how far back the
layer remembers. Steps that are padding are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, NamedTuple

import numpy as np

from rnncli.engine.checks import weight_shapes
from rnncli.engine.chunks import Chunk
from rnncli.engine.initializers import network_weights, random_stream
from rnncli.engine.memory import check_fits, weight_bytes
from rnncli.engine.model import Model
from rnncli.engine.passes import State, Tick, flow, ticks, uncounted, work
from rnncli.engine.types import Array, Bins
from rnncli.errors import UsageError
from rnncli.layers import Layer
from rnncli.network import Network

Problem = Literal["padding", "overflow", "no effect"]
"""Why there is nothing to say of how far back a layer remembers."""

PROBLEMS: dict[Problem, str] = {
    "padding": "there is nothing but padding",
    "overflow": "not all outputs are finite numbers",
    "no effect": "a small change has no effect that could be told from rounding: the units are dead or saturated",
}
"""What each problem means."""

LEAST_EFFECT = 1000 * float(np.finfo(np.float64).eps)
"""The smallest effect, as a share of the state, of which even a hundredth stands out from rounding."""


@dataclass(frozen=True)
class LayerReach:
    """How far back a layer remembers: what a small change to the first input does to the outputs, ‖h' - h‖, by step.

    Attributes:
        problem: why there is nothing to say, or None. `padding`: all inputs are padding. `overflow`: not all outputs
            are finite numbers. `no effect`: there is none, or none that stands out from rounding.
        steps: the number of steps from the changed input on, which is the first of them.
        largest_after: the number of steps from the change to its largest effect.
        tenth: the number of steps until the effect stays under a tenth of the largest; None if it never does.
        hundredth: the same for a hundredth.
        last: the effect at the last step, as a share of the largest.
        effect: the largest effect in each bin of time, as a share of the largest of all.
    """

    problem: Problem | None = None
    steps: int = 0
    largest_after: int | None = None
    tenth: int | None = None
    hundredth: int | None = None
    last: float | None = None
    effect: Bins = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        keys = {"tenth": "steps_to_tenth", "hundredth": "steps_to_hundredth"}
        return {keys.get(name, name): value for name, value in vars(self).items()}


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


def check_gates(network: Network) -> None:
    """Check that the last recurrent layer of a network has gates.

    Raises:
        UsageError: it has none, or there is no such layer.
    """
    layer = up_to_last_recurrent(network, "--gates").layers[-1]
    if layer.gates == 1:
        raise UsageError(
            f"--gates is of the last recurrent layer, and {layer.spec()} has no gates",
            "lstm and gru have gates; --plot without --gates shows any recurrent layer",
        )


def watched_work(part: Network, timesteps: int) -> float:
    """Return how much work it is to run such a part with a twin, as far as it is counted: that of recurrent layers."""
    amounts = zip(work(part, SAMPLES, timesteps), part.body, strict=True)
    return sum(amount for amount, layer in amounts if layer.states)


def check_reach_fits(part: Network, drawn: Network, timesteps: int, dtype: np.dtype[Any]) -> None:
    """Check that a run with a twin fits in memory, and the spectral radius of its largest matrix.

    Args:
        part: the network that is run.
        drawn: the network that has the weights.
        timesteps: the length of the sequence.
        dtype: of the weights.

    Raises:
        RnncliError: it does not; the message says how much it would take and how much is free.
    """
    kernels = max(weight.params for _, _, weight in network_weights(part) if weight.role == "recurrent")
    beside = weight_bytes(drawn, dtype) + 3 * kernels * DTYPE.itemsize
    check_fits(part, SAMPLES, timesteps, DTYPE, beside, smaller="a smaller --timesteps needs less")


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
        *_, steps = self.part.steps_read(1, timesteps)  # not those of the input, where a vector is repeated
        self.timesteps = steps or timesteps
        look_up = model.begin()[:1] if model.network.head.shown else []
        first = (Chunk(values[..., :1], None if mask is None else mask[:, :1]) for values, mask in chunks)
        self._sample = flow(look_up, first)
        self._states = {
            key: np.repeat(state[:1].astype(DTYPE), SAMPLES, axis=0) for key, state in (states or {}).items()
        }
        self._ticks = ticks(self.part, SAMPLES, timesteps, tick)
        starts = [place for place, layer in enumerate(self.part.body) if layer.reads == "vector"]
        self.backwards = _reversed(self.part.body[max(starts, default=0) :])
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
                    # As in Keras a layer that reverses time hands the mask on as it came, not in its outputs' order.
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


def _reversed(layers: Sequence[Layer]) -> bool:
    """Return whether layers, one on another, hand time on in reverse."""
    return sum(layer.reverses for layer in layers) % 2 == 1


def _unpadded_steps(chunk: Chunk) -> Array:
    """Return the steps of a chunk that are not padding."""
    return np.arange(len(chunk.values)) if chunk.mask is None else np.flatnonzero(chunk.mask[:, 0])


def widening_starts(count: int, bins: int) -> Array:
    """Return the first step of each bin when `count` of them are shared out over at most `bins` that widen with time.

    The first bins have a step each, and from where that would not do a bin is wider than the one before by a constant
    share, so that a short reach and a long one can both be read off.
    """
    if count <= bins:
        return np.arange(count)
    narrow, wide = 0.0, 1.0  # the share that a bin is wider than the steps before it: bisected
    for _ in range(50):
        middle = (narrow + wide) / 2
        if len(_widening(count, middle)) > bins:
            narrow = middle
        else:
            wide = middle
    return _widening(count, wide)


def _widening(count: int, share: float) -> Array:
    """Return the starts of bins, each of which has this share of the steps before it, or a step."""
    starts = [0]
    while (start := starts[-1] + max(1, int(share * starts[-1]))) < count and len(starts) <= count:
        starts.append(start)
    return np.array(starts)


def places_in(starts: Array, steps: Array | int) -> Array:
    """Return the bin that a step, or each of some, is in, given the first step of every bin."""
    return np.searchsorted(starts, steps, side="right") - 1


class EffectTrace:
    """Gathers what `LayerReach` says of a layer.

    Args:
        starts: the first step of each bin.
    """

    def __init__(self, starts: Array) -> None:
        self._starts = starts
        self._effect = np.full(len(starts), -1.0)
        self._largest = self._largest_norm = self._last = 0.0
        self._largest_after = self._steps = 0
        self._last_above = {0.1: -1, 0.01: -1}
        """For each share, the last step whose effect is no less than that share of the largest, 0 being the change."""

    def add(self, some: Steps, binned: Array) -> None:
        """Take some more steps into account, each in the bin of the step that `binned` says for it, (steps,)."""
        effects, first = some.effects, int(some.since[0])
        # NumPy's maximum, unlike Python's, keeps what is not a number.
        largest = float(np.maximum(self._largest, effects.max()))
        if largest != self._largest:
            self._largest, self._largest_after = largest, first + int(effects.argmax())
        # What was noted before a new largest effect came needs no correction: that effect is itself above all shares,
        # so its step or a later one takes the place of what was noted.
        for share in self._last_above:
            above = np.flatnonzero(effects >= share * largest)
            if len(above):
                self._last_above[share] = first + int(above[-1])
        self._largest_norm = float(np.maximum(self._largest_norm, some.norms.max()))
        np.maximum.at(self._effect, places_in(self._starts, binned), effects)
        self._last, self._steps = float(effects[-1]), first + len(effects)

    def reach(self) -> LayerReach:
        """Return the figures of all steps so far."""
        if self._steps == 0:
            return LayerReach("padding")
        if not (isfinite(self._largest) and isfinite(self._largest_norm)):
            return LayerReach("overflow", self._steps)
        if self._largest <= LEAST_EFFECT * self._largest_norm:
            return LayerReach("no effect", self._steps)
        tenth, hundredth = (None if last == self._steps - 1 else last + 1 for last in self._last_above.values())
        return LayerReach(
            None,
            self._steps,
            self._largest_after,
            tenth,
            hundredth,
            self._last / self._largest,
            tuple(None if effect < 0 else float(effect / self._largest) for effect in self._effect),
        )

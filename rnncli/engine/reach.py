"""How far back a network remembers: a sample and its twin, run in lockstep, and the effect of a change between them.

They are a batch of two in float64: in float32 the effect would soon be lost in rounding. In the twin the first input
that the last recurrent layer reads is changed a little. How much this changes the outputs, step after step, shows how
far back the layer remembers. Steps that are padding are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp, isfinite, log
from typing import TYPE_CHECKING

import numpy as np

from rnncli.engine.checks import weight_shapes
from rnncli.engine.chunks import Chunk, State, Tick, flow, ticks, uncounted
from rnncli.engine.initializers import random_stream
from rnncli.engine.memory import TWIN_DTYPE, TWINS, steps_watched
from rnncli.engine.model import Model
from rnncli.engine.types import Array, Bins
from rnncli.layers import Layer
from rnncli.network import Network
from rnncli.reports.reach import LayerReach, NetworkReach, SeedReach

if TYPE_CHECKING:
    from rnncli.engine.run import Plan

LEAST_EFFECT = 1000 * float(np.finfo(np.float64).eps)
"""The smallest effect, as a share of the state, of which even a hundredth stands out from rounding."""

_CHANGE = 1e-5
"""The length of the change, as a share of the input's length, or of 1 where that is more.

It is small enough that twice the change has twice the effect, and large enough that the effect stands out from rounding
where a saturated layer passes on only a millionth of it.
"""


def in_bins(figures: Array, steps: Array, starts: Array, of: Callable[..., Array]) -> list[Bins]:
    """Return what each figure comes to in each bin of time.

    Args:
        figures: the figures of each step, (figures, steps).
        steps: which steps they are, in order.
        starts: the first step of each bin.
        of: what makes one number of those in a bin, along an axis: `np.mean`.
    """
    places = np.searchsorted(starts, steps, side="right") - 1
    firsts = np.flatnonzero(np.diff(places, prepend=-1))
    parts = np.split(figures, firsts[1:], axis=1)
    found = {int(places[first]): of(part, axis=1).tolist() for first, part in zip(firsts, parts, strict=False)}
    nothing = [None] * len(figures)
    return [*zip(*(found.get(place, nothing) for place in range(len(starts))), strict=True)]


class Watch:
    """A sample and its twin, which run once.

    In the twin one input is changed: the first that the last layer reads and that is not padding. Some numbers are kept
    for each step, and the whole sequence only where `back` or `bi` needs it.

    Args:
        model: the model; its weights are used in float64.
        part: the network that is run: see `rnncli.engine.run.watched`.
        chunks: the input, in order of time. Its first sample is run.
        timesteps: its number of timesteps.
        states: the state that each recurrent layer starts from, zero where there is none. They are not changed.
        tick: called with the work that has just been done; it adds up to the work of the recurrent layers.

    Attributes:
        part: the network that is run.
        model: the model of it.
        timesteps: the number of timesteps of its last layer.
        backwards: whether the last layer reads its sequence from the end: it, or a layer below, reverses time.
        steps: of what was seen, all steps of the last layer that are no padding, in the order in which it reads.
        change: how many of them come before the change.
        norms: the lengths of the outputs, (steps,).
        effects: the lengths of the differences that the change makes to the outputs, (steps,).
        figures: what else was asked for, (figures, steps).
    """

    steps: Array
    change: int
    norms: Array
    effects: Array
    figures: Array

    def __init__(
        self,
        model: Model,
        part: Network,
        chunks: Iterable[Chunk],
        timesteps: int,
        states: State | None = None,
        tick: Tick = uncounted,
    ) -> None:
        self.part = part
        weights = {key: model.weights[key] for key in weight_shapes(part)}
        self.model = Model(part, dtype=TWIN_DTYPE.name, weights=weights)
        self.timesteps = steps_watched(self.part, timesteps)
        look_up = model.begin()[:1] if model.network.head.shown else []
        first = (Chunk(values[..., :1], None if mask is None else mask[:, :1]) for values, mask in chunks)
        self._sample = flow(look_up, first)
        self._states = {
            key: np.repeat(state[:1].astype(TWIN_DTYPE), TWINS, axis=0) for key, state in (states or {}).items()
        }
        self._ticks = ticks(self.part, TWINS, timesteps, tick)
        body = self.part.body
        self._decoders = [place for place, layer in enumerate(body) if layer.reads == "vector"]
        self.backwards = _reversed(body[max(self._decoders, default=0) :])
        self._mask = np.ones(timesteps, bool) if body[-1].reverses and not self._decoders else None
        self._first_read = 0
        """The step at which the last layer reads the changed input, once that has been passed on.

        Behind a layer that repeats a vector, which holds what all inputs did, that is the first.
        """

    @np.errstate(all="ignore")  # what is not finite is for the reader to see
    def run(self, figures_of: Callable[[Array], Array] = lambda outputs: outputs[:, :0].T) -> None:
        """Run them.

        Args:
            figures_of: returns what else is kept, (figures, steps), of the outputs of some steps, (steps, units), which
                may be none.
        """
        steps, figures, start = [], [], 0
        for values, mask in flow(self.model.begin(self._states, self._ticks), self._twins()):
            here = np.arange(start, start + len(values))
            start += len(here)
            if mask is not None:
                # As in Keras a layer that reverses time hands the mask on as it came, not in its outputs' order.
                unpadded = mask[:, 0] if self._mask is None else self._mask[::-1][here]
                here, values = here[unpadded], values[unpadded]
            h, changed = np.ascontiguousarray(values.transpose(2, 0, 1))
            norms, effects = np.linalg.norm(h, axis=1), np.linalg.norm(changed - h, axis=1)
            steps.append(here)
            figures.append(np.vstack([norms, effects, figures_of(h)]))
        self.steps = np.concatenate(steps)
        self.norms, self.effects, *rest = np.concatenate(figures, axis=1)
        self.change, self.figures = int(np.searchsorted(self.steps, self._first_read)), np.array(rest)

    def reach(self, starts: Array, since_change: bool) -> LayerReach:
        """Return how far back the layer remembers, once they have run.

        Args:
            starts: the first step of each bin of the effect.
            since_change: whether steps are put in bins by how many there are after the change, padding not counted.
        """
        effects, count = self.effects, len(self.steps) - self.change
        if not len(effects):
            return LayerReach("padding")
        largest, largest_norm = float(effects.max()), float(self.norms.max())
        if not (isfinite(largest) and isfinite(largest_norm)):
            return LayerReach("overflow", count)
        if largest <= LEAST_EFFECT * largest_norm:
            return LayerReach("no effect", count)

        def steps_to(share: float) -> int | None:
            after = int(np.flatnonzero(effects >= share * largest)[-1]) + 1
            return None if after == len(effects) else after - self.change

        after = np.maximum(np.arange(-self.change, count), 0) if since_change else self.steps
        (binned,) = in_bins(effects[None] / largest, after, starts, np.max)
        largest_after = int(effects.argmax()) - self.change
        return LayerReach(
            None, count, largest_after, steps_to(0.1), steps_to(0.01), float(effects[-1]) / largest, binned
        )

    def _twins(self) -> Iterator[Chunk]:
        """Yield the input with the sample twice, (timesteps, features, 2), in which one step of the twin is changed."""
        from_end = _reversed(self.part.body[: self._decoders[0] if self._decoders else None])
        changed: tuple[int, Array] | None = None
        # From the end a chunk is held back, with the padding behind it, until another comes whose inputs are later.
        held: list[Chunk] = []
        start = 0
        for values, mask in self._sample:
            if self._mask is not None and mask is not None:
                self._mask[start : start + len(values)] = mask[:, 0]
            twice = np.repeat(values.astype(TWIN_DTYPE), TWINS, axis=2)
            unpadded = np.arange(len(values)) if mask is None else np.flatnonzero(mask[:, 0])
            if len(unpadded) and (from_end or changed is None):
                step = int(unpadded[-1 if from_end else 0])
                changed = start + step, twice[step]
                if not from_end:
                    self._change(*changed)
                yield from held
                held.clear()
            held.append(Chunk(twice, None if mask is None else np.repeat(mask, TWINS, axis=1)))
            if not from_end:
                yield held.pop()
            start += len(values)
        if from_end and changed is not None:
            self._change(*changed)
        yield from held

    def _change(self, timestep: int, twins: Array) -> None:
        """Change the twin's input at a timestep, (features, 2), a little. The direction favours no feature."""
        x, changed = twins.T
        direction = random_stream(0, 0).standard_normal(len(x))
        length = _CHANGE * max(1.0, float(np.linalg.norm(x)))
        changed += direction * (length / float(np.linalg.norm(direction)))
        if not self._decoders:
            self._first_read = self.timesteps - 1 - timestep if self.backwards else timestep


def _reversed(layers: Sequence[Layer]) -> bool:
    """Return whether layers, one on another, hand time on in reverse."""
    return sum(layer.reverses for layer in layers) % 2 == 1


def widening_starts(count: int, bins: int) -> Array:
    """Return the first step of each bin when `count` of them are shared out over at most `bins` that widen with time.

    The first bins have a step each, and from where that would not do a bin is wider than the one before by a constant
    share, so that a short reach and a long one can both be read off.
    """
    if count <= bins:
        return np.arange(count)

    def widening(share: float) -> list[int]:
        starts = [0]
        while (start := starts[-1] + max(1, int(share * starts[-1]))) < count and len(starts) <= count:
            starts.append(start)
        return starts

    narrow, wide = 0.0, 1.0  # the share that a bin is wider than the steps before it: bisected
    for _ in range(50):
        middle = (narrow + wide) / 2
        narrow, wide = (middle, wide) if len(widening(middle)) > bins else (narrow, middle)
    return np.array(widening(wide))


BINS = 48
"""The most bins of the steps since the change."""

_SQUARINGS = 24
"""How often a matrix is squared for its spectral radius, which is then known to six digits."""


def reach(plan: Plan, tick: Tick = uncounted, begin: Callable[[int], object] = uncounted) -> NetworkReach:
    """Run a network with every seed and return what was found.

        >>> from rnncli.engine.request import Request
        >>> from rnncli.engine.run import plan
        >>> reach(plan("input:8,lstm:4", Request(seeds=3))).layer
        'lstm'

    Args:
        plan: the runs, with a number of seeds.
        tick: called with 0 when they start, and then with the work that has just been done; it adds up to the plan's.
        begin: called with each seed before its run.

    Raises:
        RnncliError: a file cannot be read or does not fit the network.
    """
    tick(0)
    part, request = plan.part, plan.request
    assert part is not None
    assert request.seeds is not None
    name, layer = part.names[-1], part.body[-1]
    model: Model | None = None
    radius = 0.0
    runs: list[SeedReach] = []
    for seed in range(request.seed, request.seed + request.seeds):
        begin(seed)
        if model is None or plan.weights is None:  # all others are the same for all seeds
            model = plan.model(seed)
            radius = max(spectral_radius(_candidate(model, layer, f"{name}/{way}")) for way in layer.directions)
        watch = Watch(model, part, plan.chunks(model, seed), plan.timesteps, tick=tick)
        bins = widening_starts(watch.timesteps, BINS)
        watch.run()
        runs.append(SeedReach(seed, watch.reach(bins, since_change=True), radius))
    return NetworkReach(
        str(plan.network),
        name,
        watch.timesteps,
        watch.backwards,
        plan.file,
        plan.init if plan.weights is None else None,
        tuple(bins.tolist()),
        tuple(runs),
        plan.network.origin,
        request.input,
    )


def _candidate(model: Model, layer: Layer, prefix: str) -> Array:
    """Return the block of U for the candidate of a layer, times V where that projects it: a square matrix."""
    kernel = model.weights[f"{prefix}recurrent_kernel"].astype(TWIN_DTYPE)
    block = np.split(kernel, layer.gates, axis=1)[layer.candidate]
    projection = model.weights.get(f"{prefix}projection_kernel")
    return block if projection is None else block @ projection.astype(TWIN_DTYPE)


def spectral_radius(matrix: Array) -> float:
    """Return the largest size of an eigenvalue of U, which the state is multiplied by at each step.

    In linear networks the effect of an input goes with its powers (Jaeger, 2001; Pascanu et al., 2013). A gated cell
    has a block of U for each gate; that of the candidate is taken, which does what U does in a SimpleRNN. The two
    directions of a bidirectional layer are one matrix with two blocks on its diagonal, so the larger radius counts.

    It is the limit of ‖U^k‖^(1/k) (Gelfand, 1941). Squaring U doubles k and takes matrix products alone, so it is
    several times as fast as finding all eigenvalues. The norm, here the largest number, is about C·ρ^k; from two of
    them ρ follows without C.

    Args:
        matrix: U, square, its numbers finite.
    """
    log_root = before = 0.0
    for squaring in range(_SQUARINGS):
        norm = float(max(matrix.max(), -matrix.min()))
        if norm == 0:
            return 0.0
        matrix = matrix / norm
        before, log_root = log_root, log_root + log(norm) / 2**squaring
        matrix = matrix @ matrix
    return exp(2 * log_root - before)

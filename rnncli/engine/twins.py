"""How far back a network remembers: a sample and its twin run in lockstep, and the effect of a change to the twin.

They are a batch of two in float64, because in float32 the effect would soon be lost in rounding. In the twin, the first
input that the last recurrent layer reads is changed slightly. How much this changes the outputs at each step shows how
far back the layer remembers. Steps that are padding are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp, isfinite, log
from typing import TYPE_CHECKING

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.checks import weight_shapes
from rnncli.engine.chunks import Chunk, State, Tick, flow, ticks, uncounted
from rnncli.engine.initializers import random_stream
from rnncli.engine.memory import TWIN_DTYPE, TWINS, steps_watched
from rnncli.engine.model import Model
from rnncli.layers import Layer
from rnncli.network import Network
from rnncli.reports.reach import Bins, LayerReach, NetworkReach, SeedReach

if TYPE_CHECKING:
    from rnncli.engine.run import RunPlan

LEAST_EFFECT = 1000 * float(np.finfo(np.float64).eps)
"""The smallest effect, relative to the state, of which even a hundredth is distinguishable from rounding."""

_CHANGE = 1e-5
"""The length of the change, relative to the input's length, or absolute if that is shorter than 1.

It is small enough that the effect is proportional to it, and large enough that the effect is distinguishable from
rounding even if a saturated layer passes on only a millionth of it.
"""


def in_bins(figures: Array, steps: Array, starts: Array, of: Callable[..., Array]) -> list[Bins]:
    """Return each figure's value in each bin of time.

    Args:
        figures: the figures of each step, (figures, steps).
        steps: the steps that the figures belong to, in order.
        starts: the first step of each bin.
        of: reduces the figures in a bin to one number, along an axis: `np.mean`.
    """
    places = np.searchsorted(starts, steps, side="right") - 1
    firsts = np.flatnonzero(np.diff(places, prepend=-1))
    parts = np.split(figures, firsts[1:], axis=1)
    found = {int(places[first]): of(part, axis=1).tolist() for first, part in zip(firsts, parts, strict=False)}
    nothing = [None] * len(figures)
    return [*zip(*(found.get(place, nothing) for place in range(len(starts))), strict=True)]


class TwinRun:
    """A sample and its twin, which can run once.

    In the twin one input is changed: the first that the last layer reads and that is not padding. A few numbers are
    kept for each step; the whole sequence is only kept if a layer needs it.

    Args:
        model: the model; its weights are converted to float64.
        part: the network to run: see `rnncli.engine.run.watched`.
        chunks: the input, in order of time. Only its first sample is used.
        timesteps: its number of timesteps.
        states: the initial state of each recurrent layer, zero if missing. They are not changed.
        tick: called with the work just done, which adds up to the work of the recurrent layers.

    Attributes:
        part: the network to run.
        model: the model of `part`.
        timesteps: the number of timesteps of its last layer.
        backwards: whether the last layer reads its sequence from the end: it, or a layer below, reverses time.
        steps: the steps of the last layer that are not padding, in reading order.
        change: the number of these steps before the change.
        norms: the norms of the outputs, (steps,).
        effects: the norms of the differences in the outputs due to the change, (steps,).
        figures: the additional figures requested, (figures, steps).
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
        """The step at which the last layer reads the changed input, set when that is passed on.

        After a layer that repeats a vector, which depends on all inputs, that is the first step.
        """

    @np.errstate(all="ignore")  # numbers that are not finite are visible in the result
    def run(self, figures_of: Callable[[Array], Array] = lambda outputs: outputs[:, :0].T) -> None:
        """Run the sample and its twin.

        Args:
            figures_of: returns additional figures to keep, (figures, steps), for the outputs of some steps, (steps,
                units), possibly of no steps.
        """
        steps, figures, start = [], [], 0
        for values, mask in flow(self.model.begin(self._states, self._ticks), self._twins()):
            here = np.arange(start, start + len(values))
            start += len(here)
            if mask is not None:
                # As in Keras, a layer that reverses time passes the mask on unchanged, not in the order of its outputs.
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
        """Return how far back the layer remembers, after a run.

        Args:
            starts: the first step of each bin of the effect.
            since_change: whether steps are binned by their distance from the change, not counting padding.
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
        """Yield the input with the sample twice, (timesteps, features, 2), with one step of the twin changed."""
        from_end = _reversed(self.part.body[: self._decoders[0] if self._decoders else None])
        changed: tuple[int, Array] | None = None
        # In reverse, the latest chunk with unpadded inputs is held back, since the last unpadded input is changed.
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
        """Change the twin's input at a timestep, (features, 2), slightly, in a direction that favours no feature."""
        x, changed = twins.T
        direction = random_stream(0, 0).standard_normal(len(x))
        length = _CHANGE * max(1.0, float(np.linalg.norm(x)))
        changed += direction * (length / float(np.linalg.norm(direction)))
        if not self._decoders:
            self._first_read = self.timesteps - 1 - timestep if self.backwards else timestep


def _reversed(layers: Sequence[Layer]) -> bool:
    """Return whether consecutive layers together reverse time."""
    return sum(layer.reverses for layer in layers) % 2 == 1


def widening_starts(count: int, bins: int) -> Array:
    """Return the first step of each bin, for `count` steps in at most `bins` bins that widen with time.

    The first bins have one step each. Where this would take too many bins, each bin's width is a constant share of the
    steps before it, so that both a short and a long reach can be read off.
    """
    if count <= bins:
        return np.arange(count)

    def widening(share: float) -> list[int]:
        starts = [0]
        while (start := starts[-1] + max(1, int(share * starts[-1]))) < count and len(starts) <= count:
            starts.append(start)
        return starts

    narrow, wide = 0.0, 1.0  # bisection of a bin's width as a share of the steps before it
    for _ in range(50):
        middle = (narrow + wide) / 2
        narrow, wide = (middle, wide) if len(widening(middle)) > bins else (narrow, middle)
    return np.array(widening(wide))


BINS = 48
"""The most bins of steps since the change."""

_SQUARINGS = 24
"""The number of squarings for the spectral radius, which then has six correct digits."""


def reach(plan: RunPlan, tick: Tick = uncounted, begin: Callable[[int], object] = uncounted) -> NetworkReach:
    """Run a network with each seed and return how far back it remembers.

        >>> from rnncli.engine.request import Request
        >>> from rnncli.engine.run import RunPlan
        >>> reach(RunPlan("input:8,lstm:4", Request(seeds=3))).layer
        'lstm'

    Args:
        plan: the runs, with a number of seeds.
        tick: called with 0 before a run, and then with the work just done, which adds up to the plan's steps.
        begin: called with each seed before its run.

    Raises:
        RnncliError: a file cannot be read, or does not fit the network.
    """
    tick = plan.counted(tick)
    part, request = plan.part, plan.request
    assert part is not None
    assert request.seeds is not None
    name, layer = part.names[-1], part.body[-1]
    model: Model | None = None
    radius = 0.0
    runs: list[SeedReach] = []
    for seed in range(request.seed, request.seed + request.seeds):
        begin(seed)
        if model is None or plan.weights is None:  # other weights do not depend on the seed
            model = plan.model(seed)
            radius = max(spectral_radius(_candidate(model, layer, f"{name}/{way}")) for way in layer.directions)
        watch = TwinRun(model, part, plan.chunks(model, seed), plan.timesteps, tick=tick)
        bins = widening_starts(watch.timesteps, BINS)
        tick(0)  # the pace is measured from here
        watch.run()
        runs.append(SeedReach(seed, watch.reach(bins, since_change=True), radius))
    spec, init, step_bins = str(plan.network), plan.init if plan.weights is None else None, tuple(bins.tolist())
    origin = plan.network.origin._replace(file=plan.file)
    return NetworkReach(
        spec, name, watch.timesteps, watch.backwards, init, step_bins, tuple(runs), origin, request.input
    )


def _candidate(model: Model, layer: Layer, prefix: str) -> Array:
    """Return the block of U for a layer's candidate, times V if h is projected: a square matrix."""
    kernel = model.weights[f"{prefix}recurrent_kernel"].astype(TWIN_DTYPE)
    block = np.split(kernel, layer.gates, axis=1)[layer.candidate]
    projection = model.weights.get(f"{prefix}projection_kernel")
    return block if projection is None else block @ projection.astype(TWIN_DTYPE)


def spectral_radius(matrix: Array) -> float:
    """Return the largest absolute eigenvalue of U, which the state is multiplied by at each step.

    In linear networks the effect of an input is governed by its powers (Jaeger, 2001; Pascanu et al., 2013). A gated
    cell has a block of U for each gate; this is for the candidate's block, the counterpart of U in a SimpleRNN. The two
    directions of a bidirectional layer form one block-diagonal matrix, so the larger radius counts.

    It is the limit of ‖U^k‖^(1/k) (Gelfand, 1941). Squaring U doubles k and only takes matrix products, so it is
    several times as fast as finding all eigenvalues. The norm, here the largest absolute number, is about C·ρ^k; two
    norms give ρ without C.

    Args:
        matrix: U, square, with finite numbers.
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

"""How far back a network remembers, for several seeds: given a plan of their runs.

Each seed draws an input and, unless they come from a file, weights: those that a run draws of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from rnncli.engine.effect import DTYPE, EffectTrace, Watch, widening_starts
from rnncli.engine.passes import Tick, uncounted
from rnncli.engine.run import Plan
from rnncli.engine.types import Array
from rnncli.reports.reach import NetworkReach, SeedReach

if TYPE_CHECKING:
    from rnncli.engine.model import Model
    from rnncli.layers.base import Layer

BINS = 48
"""The most bins of the steps since the change."""

_SQUARINGS = 24
"""How often a matrix is squared for its spectral radius, which is then known to six digits."""


def reach(plan: Plan, tick: Tick = uncounted, begin: Callable[[int], object] = uncounted) -> NetworkReach:
    """Run a network with every seed and return what was found.

        >>> from rnncli.engine import Request, plan
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
    part, request, trained = plan.part, plan.request, plan.trained
    assert part is not None
    assert request.seeds is not None
    file = request.weights or (trained.path if trained is not None and trained.has_weights else None)
    name, layer = part.names[-1], part.body[-1]
    model: Model | None = None
    radius = 0.0
    runs: list[SeedReach] = []
    for seed in range(request.seed, request.seed + request.seeds):
        begin(seed)
        if model is None or plan.is_drawn:  # all others are the same for all seeds
            model = plan.model(seed)
            radius = spectral_radius([_candidate(model, layer, f"{name}/{way}") for way in layer.directions])
        watch = Watch(model, plan.chunks(model, seed), plan.timesteps, tick=tick)
        bins = widening_starts(watch.timesteps, BINS)
        effect = EffectTrace(bins)
        for some in watch:
            effect.add(some, np.maximum(some.since, 0))
        runs.append(SeedReach(seed, effect.reach(), radius))
    starts, origin = tuple(bins.tolist()), plan.network.origin
    return NetworkReach(
        str(plan.network),
        name,
        watch.timesteps,
        watch.backwards,
        file,
        plan.init if plan.is_drawn else None,
        starts,
        tuple(runs),
        origin,
        request.input,
    )


def _candidate(model: Model, layer: Layer, prefix: str) -> Array:
    """Return the block of U for the candidate of a layer, times V where that projects it: a square matrix."""
    kernel = model.weights[f"{prefix}recurrent_kernel"].astype(DTYPE)
    block = np.split(kernel, layer.gates, axis=1)[layer.candidate]
    projection = model.weights.get(f"{prefix}projection_kernel")
    return block if projection is None else block @ projection.astype(DTYPE)


def spectral_radius(matrices: Sequence[Array]) -> float:
    """Return the largest size of an eigenvalue of U, which the state is multiplied by at each step.

    In linear networks the effect of an input goes with its powers (Jaeger, 2001; Pascanu et al., 2013). A gated cell
    has a block of U for each gate; that of the candidate is taken, which does what U does in a SimpleRNN. The two
    directions of a bidirectional layer are one matrix with two blocks on its diagonal, so the larger radius counts.

    Args:
        matrices: the matrix of each direction, square, its numbers finite.
    """
    return max(map(_radius, matrices))


def _radius(matrix: Array) -> float:
    """Return the spectral radius of a square matrix.

    It is the limit of ‖A^k‖^(1/k) (Gelfand, 1941). Squaring A doubles k and takes matrix products alone, so it is
    several times as fast as finding all eigenvalues. The norm, here the largest number, is about C·ρ^k; from two of
    them ρ follows without C.
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

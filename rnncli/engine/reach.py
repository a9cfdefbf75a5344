"""How far back a network remembers, for several seeds: `plan` checks all that can be known before, `reach` runs it.

Each seed draws an input and, unless they come from a file, weights: those that a run draws of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from rnncli.engine.effect import (
    DTYPE,
    SAMPLES,
    EffectTrace,
    Watch,
    reads_backwards,
    steps_of_last,
    up_to_last_recurrent,
    watched,
    watched_work,
    widening_starts,
)
from rnncli.engine.initializers import network_weights
from rnncli.engine.memory import check_fits, weight_bytes
from rnncli.engine.model import Model
from rnncli.engine.passes import Tick, uncounted
from rnncli.engine.request import DEFAULT_REACH_TIMESTEPS, Init, Request
from rnncli.engine.run import Plan, weights_of_run
from rnncli.engine.types import Array
from rnncli.network import Network
from rnncli.reports.reach import NetworkReach, SeedReach

if TYPE_CHECKING:
    from rnncli.formats.nodes import Part

BINS = 48
"""The most bins of the steps since the change."""

_SQUARINGS = 24
"""How often a matrix is squared for its spectral radius, which is then known to six digits."""


def plan(network: Network | str, request: Request, trained: Part | None = None) -> Plan:
    """Return runs that can start: their sizes are known, and one after the other fits in memory.

        >>> reach(plan("input:8,lstm:4", Request(seeds=3))).layer
        'lstm'

    Args:
        network: the network, or its spec.
        request: what is asked for: `seeds`, `seed`, `timesteps`, `init` and `weights`.
        trained: the part of a model file that the network is; it runs with that part's weights, unless the request
            names others.

    Raises:
        SpecError: the number of timesteps asked for contradicts the network.
        UsageError: there is no recurrent layer, or nothing says which weights are whose.
        RnncliError: a run would not fit in memory, the model file has what is not run, or that of the weights cannot
            be read or does not fit.
    """
    network = Network.of(network)
    if trained is not None:
        trained.check_runs()
    part = watched(network, "reach")
    init: Init = request.init or network.framework
    if init == "torch":
        network.summary(framework="torch")  # says what PyTorch has not
    timesteps = request.timesteps or network.input_shape()[1] or DEFAULT_REACH_TIMESTEPS
    network.summary(1, timesteps)  # says what does not fit together
    is_drawn = request.weights is None and (trained is None or not trained.has_weights)
    drawn = up_to_last_recurrent(network, "reach") if is_drawn else network
    kernels = max(weight.params for _, _, weight in network_weights(part) if weight.role == "recurrent")
    beside = weight_bytes(drawn, np.dtype(request.dtype)) + 3 * kernels * DTYPE.itemsize
    check_fits(part, SAMPLES, timesteps, DTYPE, beside, smaller="a smaller --timesteps needs less")
    pytorchs = ("weights start as PyTorch starts them",) if init == "torch" else ()
    told = ("the file has no weights: each seed draws others", *pytorchs)
    trained, notes = weights_of_run(network, request, trained, told)
    if trained is None and request.weights is None:
        notes = pytorchs
    return Plan(network, request, 1, timesteps, init, part, trained, notes, drawn=drawn)


def work_of_reach(plan: Plan) -> tuple[int, float]:
    """Return how many timesteps the recurrent layers take with all seeds, and how much work that is."""
    part = _part(plan)
    steps = zip(part.steps_read(1, plan.timesteps), part.body, strict=True)
    counted = sum((count or 0) * len(layer.directions) for count, layer in steps if layer.states)
    return plan.request.seeds * counted, plan.request.seeds * watched_work(part, plan.timesteps)


def reach(plan: Plan, tick: Tick = uncounted, begin: Callable[[int], object] = uncounted) -> NetworkReach:
    """Run a network with every seed and return what was found.

    Args:
        plan: the runs.
        tick: called with 0 when they start, and then with the work that has just been done; it adds up to what
            `work_of_reach` says.
        begin: called with each seed before its run.

    Raises:
        RnncliError: a file cannot be read or does not fit the network.
    """
    tick(0)
    part, request, trained = _part(plan), plan.request, plan.trained
    file = request.weights or (trained.path if trained is not None and trained.has_weights else None)
    steps, name, layer = steps_of_last(part, plan.timesteps), part.names[-1], part.body[-1]
    bins = widening_starts(steps, BINS)
    model: Model | None = None
    radius = 0.0
    runs: list[SeedReach] = []
    for seed in range(request.seed, request.seed + request.seeds):
        begin(seed)
        if model is None or file is None:  # the weights of a file are the same for all seeds
            model = plan.model(seed)
            kernels = [model.weights[f"{name}/{direction}recurrent_kernel"] for direction in layer.directions]
            radius = spectral_radius(kernels, layer.candidate)
        effect = EffectTrace(bins)
        for some in Watch(model, plan.chunks(model, seed), plan.timesteps, tick=tick):
            effect.add(some, np.maximum(some.since, 0))
        runs.append(SeedReach(seed, effect.reach(), radius))
    starts = tuple(bins.tolist())
    spec, backwards = str(plan.network), reads_backwards(part)
    return NetworkReach(spec, name, steps, backwards, file, starts, tuple(runs), plan.network.origin)


def _part(plan: Plan) -> Network:
    assert plan.part is not None
    return plan.part


def spectral_radius(kernels: Sequence[Array], block: int) -> float:
    """Return the largest size of an eigenvalue of U, which the state is multiplied by at each step.

    In linear networks the effect of an input goes with its powers (Jaeger, 2001; Pascanu et al., 2013). A gated cell
    has a block of U for each gate; that of the candidate is taken, which does what U does in a SimpleRNN. The two
    directions of a bidirectional layer are one matrix with two blocks on its diagonal, so the larger radius counts.

    Args:
        kernels: the recurrent kernel of each direction, (units, blocks · units), its numbers finite.
        block: which block is taken.
    """
    units = len(kernels[0])
    blocks = [kernel[:, block * units : (block + 1) * units].astype(DTYPE) for kernel in kernels]
    return max(map(_radius, blocks))


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

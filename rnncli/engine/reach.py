"""How far back a network remembers, for several seeds: `plan` checks all that can be known before, `Plan.run` runs it.

Each seed draws an input and, unless they come from a file, weights: those that a run draws of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from rnncli.engine.chunks import chunk_steps, random_chunks, widest
from rnncli.engine.effect import EffectTrace, Reach, widening_starts
from rnncli.engine.initializers import network_weights
from rnncli.engine.memory import check_fits, weight_bytes
from rnncli.engine.model import Model
from rnncli.engine.passes import Tick, uncounted
from rnncli.engine.request import DEFAULT_REACH_TIMESTEPS, Init, ReachRequest
from rnncli.engine.twins import (
    DTYPE,
    SAMPLES,
    Watch,
    reads_backwards,
    steps_of_last,
    up_to_last_recurrent,
    watched,
    watched_work,
)
from rnncli.engine.types import Array
from rnncli.network import Network
from rnncli.reports.reach import NetworkReach, SeedReach

if TYPE_CHECKING:
    from rnncli.formats.nodes import Part

BINS = 48
"""The most bins of the steps since the change."""

_SQUARINGS = 24
"""How often a matrix is squared for its spectral radius, which is then known to six digits."""

_DRAWN_IN = np.dtype("float32")
"""What weights and inputs are drawn in, as a run does unless it is told otherwise; the effect is in float64."""


def plan(network: Network | str, request: ReachRequest, trained: Part | None = None) -> Plan:
    """Return runs that can start: their sizes are known, and one after the other fits in memory.

        >>> plan("input:8,lstm:4", ReachRequest(seeds=3)).run().layer
        'lstm'

    Args:
        network: the network, or its spec.
        request: what is asked for.
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
    file = request.weights
    if file is None and trained is not None and trained.has_weights:
        file = trained.path
    drawn = network if file is not None else up_to_last_recurrent(network, "reach")
    kernels = max(weight.params for _, _, weight in network_weights(part) if weight.role == "recurrent")
    beside = weight_bytes(drawn, _DRAWN_IN) + 3 * kernels * DTYPE.itemsize
    check_fits(part, SAMPLES, timesteps, DTYPE, beside, smaller="a smaller --timesteps needs less")
    if request.weights is not None:
        from rnncli.engine.model_weights import part_in

        trained = part_in(request.weights, network)
    return Plan(network, drawn, part, request, timesteps, trained, file, init)


@dataclass(frozen=True)
class Plan:
    """Runs that can start.

    Attributes:
        network: the network.
        drawn: the part of it that weights are drawn for, or all of it where they come from a file.
        part: the part that is run.
        request: what is asked for.
        timesteps: the length of the sequence.
        trained: the part of a model file that the network is, or that has its weights.
        file: the file that the weights come from, if they do.
        init: how weights and inputs are drawn.
    """

    network: Network
    drawn: Network
    part: Network
    request: ReachRequest
    timesteps: int
    trained: Part | None
    file: str | None
    init: Init

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know before the runs start."""
        pytorchs = ("weights start as PyTorch starts them",) if self.init == "torch" else ()
        if self.trained is None:
            return () if self.request.weights is not None else pytorchs
        from rnncli.engine.model_weights import told_of_weights

        drawn = ("the file has no weights: each seed draws others", *pytorchs)
        return told_of_weights(self.trained, self.request.weights, drawn)

    @property
    def work(self) -> float:
        """How much work the runs are with all seeds, in multiply-adds, for showing progress."""
        return self.request.seeds * watched_work(self.part, self.timesteps)

    @property
    def steps(self) -> int:
        """The number of timesteps that the recurrent layers take with all seeds."""
        steps = zip(self.part.steps_read(1, self.timesteps), self.part.body, strict=True)
        return self.request.seeds * sum((count or 0) * len(layer.directions) for count, layer in steps if layer.states)

    def run(self, tick: Tick = uncounted, begin: Callable[[int], object] = uncounted) -> NetworkReach:
        """Run the network with every seed and return what was found.

        Args:
            tick: called with the work that has just been done; it adds up to `work`.
            begin: called with each seed before its run.

        Raises:
            RnncliError: a file cannot be read or does not fit the network.
        """
        tick(0)
        model: Model | None = None
        runs: list[SeedReach] = []
        for seed in range(self.request.seed, self.request.seed + self.request.seeds):
            begin(seed)
            if model is None or self.file is None:
                model = Model.starting(self.drawn, self.file, self.trained, seed, _DRAWN_IN, self.init)
            reach = self._reach(model, seed, tick)
            # The weights of a file are the same for all seeds.
            radius = runs[0].spectral_radius if runs and self.file is not None else self._spectral_radius(model)
            runs.append(SeedReach(seed, reach, radius))
        return NetworkReach(
            str(self.network),
            self.part.names[-1],
            steps_of_last(self.part, self.timesteps),
            reads_backwards(self.part),
            self.file,
            tuple(self._step_bins.tolist()),
            tuple(runs),
            self.network.origin,
        )

    @property
    def _step_bins(self) -> Array:
        return widening_starts(steps_of_last(self.part, self.timesteps), BINS)

    def _reach(self, model: Model, seed: int, tick: Tick) -> Reach:
        steps, init = chunk_steps(widest(self.drawn), 1), self.init
        chunks = random_chunks(self.drawn, 1, self.timesteps, steps, seed, init, model.dtype)
        effect = EffectTrace(self._step_bins)
        for some in Watch(model, chunks, self.timesteps, tick=tick):
            effect.add(some, np.maximum(some.since, 0))
        return effect.reach()

    def _spectral_radius(self, model: Model) -> float:
        name, layer = self.part.names[-1], self.part.body[-1]
        kernels = [model.weights[f"{name}/{direction}recurrent_kernel"] for direction in layer.directions]
        return spectral_radius(kernels, layer.candidate)


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

"""How far back a network remembers: the results of each seed and their medians, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from rnncli.immutable import NamedTuple
from rnncli.network_summary import NO_ORIGIN, Origin
from rnncli.results import Result

if TYPE_CHECKING:
    from rnncli.engine.request import Init


Bins = tuple[float | None, ...]
"""A value for each bin of time; None for a bin in which all steps are padding."""

Problem = Literal["padding", "overflow", "no effect"]
"""Why a layer's reach is undefined."""

PROBLEMS: dict[Problem, str] = {
    "padding": "the input is all padding",
    "overflow": "not all outputs are finite numbers",
    "no effect": "a small change has no effect beyond rounding errors: it is forgotten on the way, or the units are "
    "dead or saturated",
}
"""What each problem means."""


def merged(groups: Iterable[Sequence[float | None]], how: Callable[[list[float]], float]) -> Bins:
    """Return a value for each group of bins' values: `how` applied to them, or None if all are padding."""
    present = ([value for value in group if value is not None] for group in groups)
    return tuple(how(group) if group else None for group in present)


class LayerReach(NamedTuple):
    """How far back a layer remembers: the effect ‖h' - h‖ of a small change to the first input, step by step.

    Attributes:
        problem: why the reach is undefined, a key of `PROBLEMS`; None if it is defined.
        steps: the number of steps, counted from the changed input, which is the first.
        largest_after: the number of steps from the change to its largest effect.
        steps_to_tenth: the number of steps until the effect stays below a tenth of the largest; None if it never does.
        steps_to_hundredth: the same for a hundredth.
        last: the effect at the last step, as a share of the largest.
        effect: the largest effect in each time bin, as a share of the largest overall.
    """

    problem: Problem | None = None
    steps: int = 0
    largest_after: int | None = None
    steps_to_tenth: int | None = None
    steps_to_hundredth: int | None = None
    last: float | None = None
    effect: Bins = ()


class Spread(NamedTuple):
    """The spread of a figure over the seeds; None if it is unknown or was not reached in the steps that were run."""

    median: float | None
    min: float | None
    max: float | None

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread:
        """Return the spread of some figures; None counts as infinite."""
        some = sorted(inf if value is None else value for value in values) or [inf]
        return cls(*(None if value == inf else value for value in (median(some), some[0], some[-1])))


class SeedReach(NamedTuple):
    """The result of one seed.

    Attributes:
        seed: the seed.
        reach: how far back the last recurrent layer remembers.
        spectral_radius: the spectral radius of its recurrent kernel; see `spectral_radius`.
    """

    seed: int
    reach: LayerReach
    spectral_radius: float


@dataclass(frozen=True)
class NetworkReach:
    """How far back a network remembers.

    Attributes:
        spec: the network.
        layer: the name of its last recurrent layer, whose outputs are compared.
        timesteps: the number of timesteps of that layer.
        backwards: whether it starts from the last timestep, which is then its first input.
        init: how weights are drawn: as the framework initialises them, or `uniform`; None if they come from a file.
        step_bins: the first step of each time bin, counted from the change.
        runs: the result of each seed.
        origin: what the network was read from, with the file of the weights.
        reads: the file that the input comes from; None if each seed draws its own.
    """

    spec: str
    layer: str
    timesteps: int
    backwards: bool
    init: Init | None
    step_bins: tuple[int, ...]
    runs: tuple[SeedReach, ...]
    origin: Origin = NO_ORIGIN
    reads: str | None = None

    @property
    def file(self) -> str | None:
        """The file that the weights come from; None if each seed draws its own."""
        return self.origin.file

    @property
    def known(self) -> list[LayerReach]:
        """The reaches of the seeds without a problem."""
        return [run.reach for run in self.runs if run.reach.problem is None]

    @property
    def problems(self) -> Counter[Problem]:
        """The problems of seeds without figures, with the number of seeds for each."""
        return Counter(run.reach.problem for run in self.runs if run.reach.problem is not None)

    @property
    def problem(self) -> Problem | None:
        """The most frequent problem of seeds without figures; None if all have figures."""
        return max(self.problems, key=self.problems.__getitem__, default=None)

    @property
    def steps(self) -> int:
        """The number of steps from the change that all seeds with figures have run."""
        return min(reach.steps for reach in self.known or [run.reach for run in self.runs])

    @cached_property
    def spreads(self) -> dict[str, Spread]:
        """The spread of each figure over the seeds, by its JSON key.

        The figures are the steps until the effect stays below a tenth and a hundredth of its largest, the steps until
        it is largest, the share left at the end, and the spectral radius of the recurrent kernel.
        """
        of_layer = ("steps_to_tenth", "steps_to_hundredth", "largest_after", "last")
        spreads = {figure: Spread.of([getattr(reach, figure) for reach in self.known]) for figure in of_layer}
        return spreads | {"spectral_radius": Spread.of([run.spectral_radius for run in self.runs])}

    @property
    def effect(self) -> Bins:
        """The median over the seeds of the largest effect in each time bin, as a share of the largest overall."""
        return merged(zip(*(reach.effect for reach in self.known), strict=True), median)

    def as_dict(self) -> dict[str, Any]:
        """Return the reach as plain data, the object that `rnncli reach --format json` prints."""
        return {
            "spec": self.spec,
            "file": self.file,
            "init": self.init,
            "name": self.layer,
            "timesteps": self.timesteps,
            "backwards": self.backwards,
            "seeds": len(self.runs),
            "problem": self.problem,
            "failed": len(self.runs) - len(self.known),
            "steps": self.steps,
            **{key: spread.median for key, spread in self.spreads.items()},
            "min": {key: spread.min for key, spread in self.spreads.items()},
            "max": {key: spread.max for key, spread in self.spreads.items()},
            "time_bins": self.step_bins,
            "effect": self.effect,
            "runs": [
                {"seed": run.seed, **run.reach._asdict(), "spectral_radius": run.spectral_radius} for run in self.runs
            ],
            **self.origin.as_dict(),
        }


@dataclass(frozen=True, repr=False)
class Reach(Result):
    """How far back networks remember, side by side.

    Attributes:
        networks: the result for each network.
        notes: remarks about the runs.
    """

    networks: tuple[NetworkReach, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The networks' specs."""
        return ", ".join(network.spec for network in self.networks)

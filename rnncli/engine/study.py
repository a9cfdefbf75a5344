"""A closer look at the last recurrent layer: its outputs over time, and how far back it remembers its first input.

It is the first sample that is looked at, with a twin for the reach: see `rnncli.engine.twins`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rnncli.engine.chunks import Chunk
from rnncli.engine.effect import EffectTrace, Reach
from rnncli.engine.gates import Gate, gate_traces
from rnncli.engine.model import Model
from rnncli.engine.passes import State, Tick
from rnncli.engine.traces import Outputs, OutputTrace, Spans, bin_starts, finite
from rnncli.engine.twins import Watch

TIME_BINS = 64
"""The most bins of time."""


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
        gates: its gates over time, and the candidate, if they were asked for.
    """

    layer: str
    batch: int
    timesteps: int
    backwards: bool
    outputs: Outputs
    reach: Reach
    gates: tuple[Gate, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the study as plain data; numbers that are not finite are None."""
        outputs, reach = self.outputs, self.reach
        units = outputs.saturated_units
        mean, least, largest = finite((outputs.norm_mean, outputs.norm_min, outputs.norm_max))
        return {
            "name": self.layer,
            "timesteps": self.timesteps,
            "units": outputs.units,
            "backwards": self.backwards,
            "time_bins": outputs.time_bins,
            "unit_bins": outputs.unit_bins,
            "activations": [finite(row) for row in outputs.activations],
            "saturated_units": None if units is None else units / outputs.units,
            "saturated": None if outputs.saturated is None else finite(outputs.saturated),
            "norm": {"mean": mean, "min": least, "max": largest, "bins": finite(outputs.norm)},
            "reach": reach.as_dict(),
            **({} if self.gates is None else {"gates": [gate.as_dict() for gate in self.gates]}),
        }


def study_of(
    model: Model,
    chunks: Iterable[Chunk],
    batch: int,
    timesteps: int,
    states: State | None = None,
    tick: Tick = lambda steps: None,
    with_gates: bool = False,
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
        with_gates: whether to tell of the gates, too, which makes the run slower.

    Raises:
        UsageError: the network has no recurrent layer.
    """
    watch = Watch(model, chunks, timesteps, states, tick)
    layer = watch.part.body[-1]
    time_starts = bin_starts(watch.timesteps, TIME_BINS)
    outputs = OutputTrace(time_starts, int(watch.part.summary().output_shape[-1] or 0), layer.output_range())
    effect = EffectTrace(len(time_starts))
    gates = gate_traces(watch.part, time_starts, watch.timesteps) if with_gates else {}
    if with_gates:
        watch.model.watch_gates(lambda direction: gates[direction].add)
    for some in watch:
        spans = Spans.of(some.steps, time_starts)
        outputs.add(some.outputs, some.norms, spans)
        effect.add(some.effects, some.norms, spans, some.since)
    return Study(
        watch.part.names[-1],
        batch,
        watch.timesteps,
        watch.backwards,
        outputs.figures(),
        effect.reach(),
        tuple(gate for trace in gates.values() for gate in trace.gates()) if with_gates else None,
    )

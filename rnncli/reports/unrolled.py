"""A network unrolled in time, as plain data: at which steps each layer reads and returns, and in which direction.

Steps are those of the network's input, whatever order a layer returns them in.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from rnncli.network import Network
from rnncli.quantities import Shape

Steps = Literal["all", "first", "last"]
"""The steps that something happens at: all of them, or one alone."""

_FOLDED = 3
"""How many equal layers in a row are shown as one."""


class UnrolledLayer(NamedTuple):
    """A layer, or a run of equal layers, unrolled in time.

    Attributes:
        names: Keras's names of the layers of the run.
        kind: the kind of the layer, as in a spec: `rnn`.
        spec: its canonical spec.
        output_shape: the shape of its output.
        backwards: for each of its cells, whether it reads from the last step to the first; empty if it keeps no state.
        states: what its cells carry from step to step.
        merge_mode: how the outputs of its two cells become one; None if there is one.
        reads: the steps it reads.
        returns: the steps whose outputs it returns; of two directions merged at their ends, the end of the first.
        reversed_time: whether it returns a sequence that starts with the last step.
    """

    names: tuple[str, ...]
    kind: str
    spec: str
    output_shape: Shape
    backwards: tuple[bool, ...]
    states: tuple[str, ...]
    merge_mode: str | None
    reads: Steps
    returns: Steps
    reversed_time: bool


@dataclass(frozen=True)
class Unrolled:
    """A network unrolled in time.

    Attributes:
        layers: its layers from the input up; three or more equal ones in a row are one.
        input_shape: the shape of its input.
        input_dtype: the dtype of its input.
        timesteps: the length of the sequence, or None for unknown.
        masked: whether id 0 is padding that its recurrent layers skip.
    """

    layers: tuple[UnrolledLayer, ...]
    input_shape: Shape
    input_dtype: str
    timesteps: int | None
    masked: bool

    @property
    def states(self) -> tuple[str, ...]:
        """What its cells carry from step to step, each once."""
        return tuple(dict.fromkeys(state for layer in self.layers for state in layer.states))

    @property
    def output_steps(self) -> Steps:
        """The steps whose outputs leave the network."""
        return self.layers[-1].returns if self.layers else "all"

    @property
    def output_reversed(self) -> bool:
        """Whether a sequence leaves it that starts with the last step."""
        return bool(self.layers) and self.layers[-1].reversed_time

    @property
    def output_shape(self) -> Shape:
        """The shape of the network's output."""
        return self.layers[-1].output_shape if self.layers else self.input_shape


def unroll(network: Network, batch: int | None = None, timesteps: int | None = None) -> Unrolled:
    """Return a network unrolled in time.

    Args:
        network: the network.
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.

    Raises:
        SpecError: `timesteps` contradicts the spec.
    """
    summary = network.summary(batch, timesteps)
    layers = []
    steps: Steps = "all"
    reversed_time = False
    for layer, row in zip(network.body, summary.layers, strict=True):
        reads = steps
        backwards: tuple[bool, ...] = ()
        if layer.states:
            # Keras returns a sequence in the order in which it was computed, so two reversals are none. The second
            # cell of a Bidirectional reads against the first, and its outputs are put in the order of the first's.
            backward = reversed_time != layer.reverses
            backwards = (backward,) if layer.merge is None else (backward, not backward)
            reversed_time = backward and layer.returns == "sequence"
            if layer.returns == "vector":
                steps = "first" if backward else "last"
        layers.append(
            UnrolledLayer(
                names=(row.name,),
                kind=layer.kind,
                spec=row.spec,
                output_shape=row.output_shape,
                backwards=backwards,
                states=layer.states,
                merge_mode=layer.merge,
                reads=reads,
                returns=steps,
                reversed_time=reversed_time,
            )
        )
    return Unrolled(
        layers=_folded(layers),
        input_shape=summary.input_shape,
        input_dtype=summary.input_dtype,
        timesteps=summary.input_shape[1],
        masked=network.head.masks,
    )


def _folded(layers: list[UnrolledLayer]) -> tuple[UnrolledLayer, ...]:
    """Return the layers with each run of equal ones, if it is long enough, as one of many names."""
    folded: list[UnrolledLayer] = []
    for _, group in groupby(layers, key=lambda layer: layer._replace(names=())):
        run = list(group)
        if len(run) >= _FOLDED:
            run = [run[0]._replace(names=tuple(layer.names[0] for layer in run))]
        folded += run
    return tuple(folded)

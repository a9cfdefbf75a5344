"""A network unrolled in time, as plain data: at which steps each layer reads and returns, and in which direction.

A step always means a position on the time axis, in whatever order a layer returns its outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rnncli.immutable import NamedTuple
from rnncli.layers import Layer
from rnncli.layers.windows import Window
from rnncli.network import Network, NetworkLike
from rnncli.quantities import Shape
from rnncli.reports import folded
from rnncli.results import Result

Steps = Literal["all", "first", "last"]
"""At which steps something happens: at all of them, or at one."""

Over = Literal["input", "vector", "sequence", "reversed"]
"""What layers run over: the input, one repeated vector, or the output of the part below, in either order."""


class Returned(NamedTuple):
    """Vectors in time, as a layer returns them.

    Attributes:
        shape: their shape.
        steps: the steps that they are for. If a layer merges the last outputs of two cells, the first cell's step.
        reversed: whether they are a sequence that starts with the last step.
    """

    shape: Shape
    steps: Steps = "all"
    reversed: bool = False


class UnrolledLayer(NamedTuple):
    """A layer, or a run of equal layers, unrolled in time.

    Attributes:
        names: the Keras names of the layers in the run.
        layer: the layer.
        backwards: for each of its cells, whether it reads from the last step to the first; empty if it keeps no state.
        joins: how it combines all steps into one vector; None if it does not.
        reads: the steps that it reads.
        returns: its output.
        masked: whether it keeps its state at padding steps.
    """

    names: tuple[str, ...]
    layer: Layer
    backwards: tuple[bool, ...]
    joins: str | None
    reads: Steps
    returns: Returned
    masked: bool


@dataclass(frozen=True)
class Unrolled:
    """The layers of a network that share a time axis, unrolled.

    Attributes:
        source: where their sequence comes from, a name and perhaps a spec: the input, or a layer that repeats a vector.
        over: what kind of sequence that is.
        input_shape: the shape of the sequence.
        timesteps: the number of steps, or None for unknown.
        window: the window that each step of the first layer reads, if it spans several steps of the sequence.
        layers: the layers, from the input up; three or more equal ones in a row count as one.
        is_last: whether their output is the network's output.
    """

    source: tuple[str, ...]
    over: Over
    input_shape: Shape
    timesteps: int | None
    window: Window | None = None
    layers: tuple[UnrolledLayer, ...] = ()
    is_last: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states that the cells carry from step to step, without duplicates."""
        return tuple(dict.fromkeys(state for each in self.layers for state in each.layer.states))

    @property
    def output(self) -> Returned:
        """The last layer's output."""
        return self.layers[-1].returns if self.layers else Returned(self.input_shape)


@dataclass(frozen=True, repr=False)
class Drawing(Result):
    """A network unrolled in time, ready to be drawn.

    Attributes:
        network: the network.
        parts: its layers, grouped by time axis, from the input up.
    """

    network: Network
    parts: tuple[Unrolled, ...]

    @property
    def title(self) -> str:
        """The network's spec."""
        return str(self.network)


def draw(
    network: NetworkLike,
    batch: int | None = None,
    timesteps: int | None = None,
    *,
    set: Mapping[str, float | str] | None = None,
) -> Drawing:
    """Draw a network unrolled in time: time to the right, layers upward.

    Most networks have one time axis. A layer that repeats a vector (the decoder of an autoencoder) starts another, and
    so does one that reads windows of several steps.

        >>> from rnncli import draw
        >>> draw("input:8,lstm:4").save_svg("lstm.svg")  # doctest: +SKIP

    Args:
        network: the network, or anything that `rnncli.Network.read` accepts.
        batch: samples per batch, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        set: values for the names that Python source leaves undefined.

    Raises:
        SpecError: `timesteps` contradicts the spec.
        ArgumentError: an argument is not allowed.
    """
    network = Network.read(network, set=set)
    summary = network.summary(batch, timesteps)
    part = Unrolled((f"input {summary.input_dtype}",), "input", summary.input_shape, summary.input_shape[1])
    parts: list[Unrolled] = []
    layers: list[UnrolledLayer] = []
    returned = Returned(summary.input_shape)
    for row, masked in zip(summary.layers, network.masked, strict=True):
        layer = row.layer
        if layer.reads == "vector":
            parts.append(_ended(part, layers))
            part = Unrolled((row.name, row.spec), "vector", row.output_shape, row.output_shape[1])
            layers, returned = [], Returned(row.output_shape)
            continue
        window = layer.window or Window(layer.least_steps, layer.stride)
        if not layer.keeps_length or window.span > 1:
            source, over = part.source, part.over
            if layers:
                parts.append(_ended(part, layers))
                source, over = (layers[-1].names[0],), "reversed" if returned.reversed else "sequence"
            part = Unrolled(source, over, row.input_shape, row.output_shape[1], window)
            layers, returned = [], returned._replace(reversed=False)
        reads = returned.steps
        backwards: tuple[bool, ...] = ()
        returned = Returned(row.output_shape, reads, returned.reversed)
        if layer.states:
            # Keras returns a sequence in the order in which it was computed, so two reversals cancel out. The second
            # cell of a Bidirectional reads the other way, and its outputs are reordered to match the first cell's.
            backward = returned.reversed != layer.reverses
            backwards = (backward,) if layer.merge is None else (backward, not backward)
            returned = returned._replace(reversed=backward)
            if layer.returns == "vector":
                returned = Returned(row.output_shape, "first" if backward else "last")
        elif layer.returns == "vector" and reads == "all":
            returned = Returned(row.output_shape, "last")
        joins, masked = layer.joins if reads == "all" else None, masked and bool(layer.states)
        layers.append(UnrolledLayer((row.name,), layer, backwards, joins, reads, returned, masked))
    return Drawing(network, (*parts, replace(_ended(part, layers), is_last=True)))


def _ended(part: Unrolled, layers: Sequence[UnrolledLayer]) -> Unrolled:
    """Return a part with its layers, with runs of equal ones folded into one."""
    runs = folded(layers, key=lambda layer: layer._replace(names=()))
    return replace(part, layers=tuple(run[0]._replace(names=tuple(each.names[0] for each in run)) for run in runs))

"""C code for each kind of layer, with the expressions for the vector it reads and the vector it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rnncli.export.c_lines import call, filled
from rnncli.export.plan import Step
from rnncli.immutable import NamedTuple
from rnncli.layers.python_call import number
from rnncli.quantities import features_of, plural

if TYPE_CHECKING:
    from rnncli.export.c import CSource

SCRATCH = "state->scratch"
"""Memory that is not kept between steps; at most one vector is at its front and one at its back."""

Code = tuple[Sequence[str], str]
"""The C lines of a layer, and the expression for the vector it returns."""


class CWriter(NamedTuple):
    """Writes a layer as C.

    Attributes:
        source: the C source that it is written into.
        step: the layer at its position.
        x: the expression for the input vector; for a window that looks ahead, its arguments.
        target: the expression for the output vector, if the layer computes one; empty to let the layer choose.
    """

    source: CSource
    step: Step
    x: str
    target: str = ""

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.step.layer

    @property
    def reads(self) -> int:
        """The numbers in each input vector."""
        return features_of(self.step.reads)

    @property
    def size(self) -> int:
        """The numbers in each output vector."""
        return features_of(self.step.returns)

    def to(self, in_place: bool = False) -> str:
        """Return where to write the output vector; `in_place` lets it replace an input in the scratch memory."""
        return self.target or (self.x if in_place and self.x.startswith(SCRATCH) else self.room(self.size))

    def room(self, size: int) -> str:
        """Return the part of the scratch memory to write to while the input is still read."""
        start = self.source.scratch - size
        assert start >= self.reads * self.x.startswith(SCRATCH), self.layer.spec()
        return f"{SCRATCH} + {start}" if self.x == SCRATCH else SCRATCH

    def state(self, name: str) -> str:
        """Return the C expression for one of its states."""
        return f"state->{variable(self.step, name)}"

    def weight(self, name: str) -> str:
        """Return the C name of one of its weights; NULL if it has no such weight."""
        return variable(self.step, name) if any(weight.name == name for weight in self.step.weights) else "NULL"

    def matrix(self, name: str) -> str:
        """Return the C expression for one of its matrices, with the scales of its columns if they are int8."""
        matrix = self.weight(name)
        return f"(matrix){{{matrix},\xa0{matrix}_scale}}" if self.source.int8 else matrix

    def unless_padding(self, effect: str, *lines: str) -> Sequence[str]:
        """Return the lines, skipped at padding if the input may contain any; `effect` ends the comment."""
        if not self.step.masked:
            return lines
        ids, x = self.source.ids, self.source.timestep
        given = f"{x} != 0" if ids else f"any_but_0({x}, {self.source.inputs})"
        return f"/* {'Id 0' if ids else 'A step of zeros'} is padding, {effect}. */", f"if ({given}) {{", *lines, "}"

    def written(self) -> Code:
        """Return its code for a timestep or a vector, below a comment with its spec."""
        lines, output = LAYERS[self.layer.kind](self)
        return [f"/* {self.layer.spec()} */"] * bool(lines) + [*lines], output


def variable(step: Step, name: str) -> str:
    """Return the C name of a weight or state of a layer: `lstm_kernel`, `bidirectional_forward_h`."""
    return f"{step.name}_{name}".replace("/", "_")


def activated(activation: str, vector: str, size: int) -> list[str]:
    """Return the line that applies an activation to a vector; none for linear."""
    return [call(f"act_{activation}", vector, size)] * (activation != "linear")


def cell_call(writer: CWriter) -> str:
    """Return the line that runs a recurrent cell for one timestep.

    Layers that differ only in their direction and in what they return share one function.
    """
    layer = replace(writer.layer.trained(), return_sequences=False, go_backwards=False, merge_mode=None)
    kind, _, options = layer.spec().partition(":")
    name = re.sub(r"\W", "_", f"{kind}_{writer.reads}x{options}")
    act, gate = (f"act_{activation}" for activation in (*layer.activations, layer.activation)[:2])
    held, projects = layer.state_sizes["h"], layer.state_sizes["h"] < layer.units
    projected = ["/* h = g @ projection_kernel */", f"affine(projection_kernel, NULL, units, {held}, g, h);"]
    takes = {f"matrix {each.name}": writer.matrix(each.name) for each in writer.step.weights if each.is_matrix}
    takes |= {"const float *bias": writer.weight("bias"), "const float *restrict x": writer.x}
    takes |= {f"float *restrict {state}": writer.state(state) for state in layer.states}
    takes["float *restrict gates"] = writer.room(layer.gates * layer.units)
    function = filled(
        "gru reset before" if kind == "gru" and not layer.reset_after else kind,
        cell=name,
        parameters=", ".join(takes),
        spec=layer.spec(),
        read=plural(writer.reads, "feature"),
        features=writer.reads,
        units=layer.units,
        held=held if projects else "units",
        act=act,
        gate=gate,
        gates=gate.replace("softmax", "softmax_of_halves"),
        shown="g" if projects else "h",
        projected=projected * projects,
    )
    writer.source.cells[name] = [*function, ""]
    return call(name, *takes.values())


def _recurrent(writer: CWriter) -> Code:
    return writer.unless_padding("which leaves the state as it is", cell_call(writer)), writer.state("h")


def _embedding(writer: CWriter) -> Code:
    # In a table of one row, compilers see that any id but 0 is out of bounds, and warn.
    row = writer.weight("embeddings") + f" + (size_t){writer.x} * {writer.size}" * (writer.layer.vocabulary > 1)
    if not writer.source.int8:
        return [], row
    return [call("unpack", writer.to(), row, f"{writer.weight('embeddings')}_scale", writer.size)], writer.to()


def _dense(writer: CWriter) -> Code:
    to, size, weights = writer.to(), writer.size, (writer.matrix("kernel"), writer.weight("bias"))
    sums = call("affine", *weights, writer.reads, size, writer.x, to)
    return [sums, *activated(writer.layer.activation, to, size)], to


def _activation(writer: CWriter) -> Code:
    to, size = writer.to(in_place=True), writer.size
    copies = [call("copy", to, writer.x, size)] * (to != writer.x)
    return [*copies, *activated(writer.layer.activation, to, size)], to


def _norm(writer: CWriter) -> Code:
    to, statistics = writer.to(in_place=True), [each for each in writer.step.weights if each.role == "statistic"]
    weights = [writer.weight(name) for name in ("gamma", "beta", *(each.name for each in statistics))]
    name, epsilon = "standardise" if statistics else "normalise", f"{number(writer.layer.epsilon)}f"
    return [call(name, writer.x, writer.size, epsilon, *weights, to)], to


def _flattened(writer: CWriter) -> Code:
    vector, count = writer.state("vector"), writer.state("count")
    return [call("append", vector, f"&{count}", writer.step.reads[1], writer.x, writer.reads)], vector


def _window(writer: CWriter) -> tuple[list[str], str]:
    """Return the lines that advance a window, and its arguments: the sequence, its length and the first index."""
    window = writer.layer.window
    if window.looks_ahead:
        return [], writer.x
    held, count = writer.state("window"), writer.state("count")
    sizes = f"{window.span}, {window.least_steps}, {window.stride}, {writer.x}, {writer.reads}"
    return [f"if (slide({held}, &{count}, {sizes})) {{"], f"{held}, {window.span}, 0"


def _conv(writer: CWriter) -> Code:
    layer, to, size, (moves, at) = writer.layer, writer.to(), writer.size, _window(writer)
    weights, sizes = (writer.matrix("kernel"), writer.weight("bias")), (layer.kernel_size, layer.dilation_rate)
    sums = call("convolve", *weights, *sizes, writer.reads, size, at, to)
    return [*moves, sums, *activated(layer.activation, to, size)], to


def _pool(writer: CWriter) -> Code:
    layer, size, largest = writer.layer, writer.size, writer.layer.mode == "max"
    if layer.window is not None:
        to, (moves, at) = writer.to(), _window(writer)
        return [*moves, call("largest_of" if largest else "mean_of", layer.pool_size, size, at, to)], to
    if largest:
        return [call("keep_largest", writer.state("largest"), writer.x, size)], writer.state("largest")
    added = call("add", writer.state("sum"), writer.x, size), f"{writer.state('count')}++;"
    return writer.unless_padding("which is not counted", *added), writer.state("sum")


def reduced(writer: CWriter) -> Code:
    """Return the code for the vector of a layer whose sequence has ended; x is its value at the last timestep."""
    if writer.layer.joins != "avg":
        return [], writer.x
    return [call("divide", writer.to(), writer.x, f"(float){writer.state('count')}", writer.size)], writer.to()


LAYERS: Mapping[str, Callable[[CWriter], Code]] = {
    "embed": _embedding,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "conv": _conv,
    "dense": _dense,
    "dropout": lambda writer: ([], writer.x),  # only active in training
    "norm": _norm,
    "bnorm": _norm,
    "act": _activation,
    "repeat": lambda writer: ([], writer.x),
    "pool": _pool,
    "flatten": _flattened,
}
"""The function that writes one timestep of each kind of layer; it returns the output vector's expression, too."""

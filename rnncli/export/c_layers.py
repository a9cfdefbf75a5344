"""C code for each kind of layer, with the expressions for the vector it reads and the vector it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rnncli.characters import ascii_form
from rnncli.export.c_lines import c_type, copied, function
from rnncli.export.plan import Step
from rnncli.immutable import NamedTuple
from rnncli.layers.python_call import number
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export import Arrays
    from rnncli.export.c import CSource

SCRATCH = "state->scratch"
"""Memory that is not kept between steps; at most one vector is at its front and one at its back."""

Code = tuple[Sequence[str], str]
"""The C lines of a layer, and the expression for the vector it returns."""


class CWriter(NamedTuple):
    """Writes a layer as C.

    Attributes:
        source: the C source that it is written into.
        step: the layer at its position; its name is empty while a cell's function is written.
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

    def own(self, name: str) -> str:
        """Return the C name of one of its weights: `lstm_kernel`, `bidirectional_forward_bias`."""
        return f"{self.step.name}_{name}".replace("/", "_").lstrip("_")

    def state(self, name: str) -> str:
        """Return the C expression for one of its states."""
        return f"state->{self.own(name)}"

    def started(self, sums: str, size: int, bias: str = "bias") -> str:
        """Return the line that initialises sums, with the bias if it has one, else with zeros."""
        return copied(sums, self.own(bias), size) if self.layer.use_bias else f"fill({sums}, 0.0f, {size});"

    def added(self, what: str, matrix: str, first: int, *arguments: object) -> str:
        """Return the call that adds a vector times a matrix, from the matrix's column `first` on, to sums."""
        more, scaled = f" + {first}" * bool(first), self.source.int8
        arrays = [f"{self.own(matrix)}{more}", *[f"{self.own(matrix)}_scale{more}"] * scaled]
        return f"add_{'scaled_' * scaled}{what}({', '.join(map(str, [*arrays, *arguments]))});"

    def times(self, matrix: str, x: str, sums: str, first: int = 0, columns: int = 0) -> str:
        """Return the call that adds x @ matrix to sums, optionally only `columns` columns from column `first` on."""
        rows, stride = next(weight.shape for weight in self.step.weights if weight.name == matrix)
        return self.added("product", matrix, first, stride, rows, columns or stride - first, x, sums)

    def unless_padding(self, effect: str, *lines: str) -> Sequence[str]:
        """Return the lines, skipped at padding if the input may contain any; `effect` ends the comment."""
        if not self.step.masked:
            return lines
        ids, x = self.source.ids, self.source.timestep
        given = f"{x} != 0" if ids else f"any_but_0({x}, {self.source.inputs})"
        return f"/* {'Id 0' if ids else 'A step of zeros'} is padding, {effect}. */", f"if ({given}) {{", *lines, "}"

    def written(self) -> Code:
        """Return its code for a timestep or a vector, below a comment with its spec and equations."""
        lines, output = LAYERS[self.layer.kind](self)
        equations = "" if self.layer.states else "; ".join(equations_of(self.layer))
        return ([f"/* {f'{self.layer.spec()}: {equations}'.strip(' :')} */"] * bool(lines) + [*lines]), output


def equations_of(layer: Any) -> list[str]:
    """Return the equations of one step of a layer; @ is the product of a vector and a matrix."""
    return [ascii_form(each.text.replace("·", " @ ")) for each in layer.equations()]


def activated(activation: str, vector: str, size: int, times: int = 1) -> list[str]:
    """Return the lines that apply an activation to `times` adjacent vectors; none for linear."""
    if activation == "softmax" and times > 1:  # normalises each vector separately
        return [f"act_softmax({vector}{f' + {each * size}' * bool(each)}, {size});" for each in range(times)]
    return [f"act_{activation}({vector}, {times * size});"] * (activation != "linear")


# Cells: the body of a function whose parameters are named after the cell's weights and states


def _rnn(cell: CWriter) -> Iterator[str]:
    yield cell.started("gates", cell.layer.units)
    yield cell.times("kernel", "x", "gates")
    yield cell.times("recurrent_kernel", "h", "gates")
    yield from activated(cell.layer.activation, "gates", cell.layer.units)
    yield copied("h", "gates", cell.layer.units)


def _lstm(cell: CWriter) -> Iterator[str]:
    layer, u, projects = cell.layer, cell.layer.units, cell.layer.proj_size is not None
    candidate, output = f"gates + {2 * u}", f"gates + {3 * u}"
    yield cell.started("gates", 4 * u)
    yield cell.times("kernel", "x", "gates")
    yield cell.times("recurrent_kernel", "h", "gates")
    yield from activated(layer.recurrent_activation, "gates", u, times=2)
    yield from activated(layer.activation, candidate, u)
    yield from activated(layer.recurrent_activation, output, u)
    yield f"update_c(c, gates, {u});"
    shown = candidate if projects else "h"
    yield copied(shown, "c", u)
    yield from activated(layer.activation, shown, u)
    yield f"multiply({shown}, {output}, {u});"
    if projects:
        yield f"fill(h, 0.0f, {layer.proj_size});"
        yield cell.times("projection_kernel", shown, "h")


def _gru(cell: CWriter) -> Iterator[str]:
    layer, u = cell.layer, cell.layer.units
    reset, candidate = f"gates + {u}", f"gates + {2 * u}"
    if layer.reset_after:
        # r is applied to the state's product, with the second bias, before the input's product is added.
        yield cell.started("gates", 3 * u, f"bias + {3 * u}")
        yield cell.times("recurrent_kernel", "h", "gates")
        yield cell.times("kernel", "x", "gates", columns=2 * u)
        yield from [f"add(gates, bias, {2 * u});"] * layer.use_bias
        yield from activated(layer.recurrent_activation, "gates", u, times=2)
        yield f"multiply({candidate}, {reset}, {u});"
        yield from [f"add({candidate}, bias + {2 * u}, {u});"] * layer.use_bias
        yield cell.times("kernel", "x", candidate, 2 * u)
    else:
        yield cell.started("gates", 3 * u)
        yield cell.times("kernel", "x", "gates")
        yield cell.times("recurrent_kernel", "h", "gates", columns=2 * u)
        yield from activated(layer.recurrent_activation, "gates", u, times=2)
        yield f"multiply({reset}, h, {u});"
        yield cell.times("recurrent_kernel", reset, candidate, 2 * u)
    yield from activated(layer.activation, candidate, u)
    yield f"update_h(h, gates, {u});"


CELLS: Mapping[str, Callable[[CWriter], Iterator[str]]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
"""The function that writes a step of each kind of cell."""


def cell_call(writer: CWriter) -> str:
    """Return the call that runs a cell for one timestep.

    Layers that differ only in their direction and in what they return share one function.
    """
    layer = replace(writer.layer.trained(), return_sequences=False, go_backwards=False, merge_mode=None)
    cell = writer._replace(step=writer.step._replace(name="", layer=layer))
    kind, units, *words = layer.spec().split(":")
    name = re.sub(r"\W", "_", "_".join([f"{kind}_{writer.reads}x{units}", *words]))
    own = f"{writer.step.name}/"
    arrays = {key.removeprefix(own): array for key, array in writer.source.constants.items() if key.startswith(own)}
    if name not in writer.source.cells:
        writer.source.cells[name] = _cell(cell, name, arrays)
    gates = writer.room(layer.gates * layer.units)
    arguments = [*map(writer.own, arrays), writer.x, *map(writer.state, layer.states), gates]
    return f"{name}({', '.join(arguments)});"


def _cell(cell: CWriter, name: str, arrays: Arrays) -> list[str]:
    """Return the function of a cell, with its equations in a comment."""
    layer = cell.layer
    comment = [f"/* {layer.spec()} on {cell.reads} features; @ is the product of a vector and a matrix."]
    comment += [f"   {equation}" for equation in equations_of(layer)]
    if layer.gates > 1:
        comment.append(f"   The columns of each matrix are grouped as {', '.join(layer.blocks['keras'])}.")
    reads = [f"const {c_type(array)} *restrict {each}" for each, array in arrays.items()]
    writes = [f"float *restrict {written}" for written in (*layer.states, "gates")]
    head = f"static void {name}({', '.join([*reads, 'const float *restrict x', *writes])})"
    return [*comment[:-1], f"{comment[-1]} */", *function(head, [*CELLS[layer.kind](cell)])]


# Layers


def _recurrent(writer: CWriter) -> Code:
    return writer.unless_padding("which leaves the state as it is", cell_call(writer)), writer.state("h")


def _embedding(writer: CWriter) -> Code:
    # In a table of one row, compilers see that any id but 0 is out of bounds, and warn.
    row = writer.own("embeddings") + f" + (size_t){writer.x} * {writer.size}" * (writer.layer.vocabulary > 1)
    if not writer.source.int8:
        return [], row
    return [f"unpack({writer.to()}, {row}, {writer.own('embeddings_scale')}, {writer.size});"], writer.to()


def _dense(writer: CWriter) -> Code:
    to, size = writer.to(), writer.size
    sums = [writer.started(to, size), writer.times("kernel", writer.x, to)]
    return [*sums, *activated(writer.layer.activation, to, size)], to


def _activation(writer: CWriter) -> Code:
    to, size = writer.to(in_place=True), writer.size
    return [*[copied(to, writer.x, size)] * (to != writer.x), *activated(writer.layer.activation, to, size)], to


def _norm(writer: CWriter) -> Code:
    layer, to = writer.layer, writer.to(in_place=True)
    weights = [writer.own("gamma") if layer.scale else "NULL", writer.own("beta") if layer.center else "NULL"]
    statistics = [writer.own(weight.name) for weight in writer.step.weights if weight.role == "statistic"]
    arguments = [writer.x, str(writer.size), f"{number(layer.epsilon)}f", *weights, *statistics, to]
    return [f"{'standardise' if statistics else 'normalise'}({', '.join(arguments)});"], to


def _flattened(writer: CWriter) -> Code:
    vector, count, most = writer.state("vector"), writer.state("count"), writer.step.reads[1]
    return [f"append({vector}, &{count}, {most}, {writer.x}, {writer.reads});"], vector


def _window(writer: CWriter) -> tuple[list[str], str]:
    """Return the lines that advance a window, and its arguments: the sequence, its length and the first index."""
    window = writer.layer.window
    if window.looks_ahead:
        return [], writer.x
    held, left = writer.state("window"), writer.state("left")
    slides = f"slide({held}, {window.span * writer.reads}, {writer.x}, {writer.reads});"
    return [slides, f"if (window_ends(&{left}, {window.stride})) {{"], f"{held}, {window.span}, 0"


def _conv(writer: CWriter) -> Code:
    layer, to, size, (moves, at) = writer.layer, writer.to(), writer.size, _window(writer)
    sums = writer.added("convolution", "kernel", 0, layer.kernel_size, layer.dilation_rate, writer.reads, size, at, to)
    return [*moves, writer.started(to, size), sums, *activated(layer.activation, to, size)], to


def _pool(writer: CWriter) -> Code:
    layer, size, largest = writer.layer, writer.size, writer.layer.mode == "max"
    if layer.window is not None:
        to, (moves, at) = writer.to(), _window(writer)
        return [*moves, f"{'largest' if largest else 'mean'}_of({layer.pool_size}, {size}, {at}, {to});"], to
    if largest:
        return [f"keep_largest({writer.state('largest')}, {writer.x}, {size});"], writer.state("largest")
    added = f"add({writer.state('sum')}, {writer.x}, {size});", f"{writer.state('count')}++;"
    return writer.unless_padding("which is not counted", *added), writer.state("sum")


def reduced(writer: CWriter) -> Code:
    """Return the code for the vector of a layer whose sequence has ended; x is its value at the last timestep."""
    if writer.layer.joins != "avg":
        return [], writer.x
    return [f"divide({writer.to()}, {writer.x}, (float){writer.state('count')}, {writer.size});"], writer.to()


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

"""C code for each kind of layer, with the expressions for the vector it reads and the vector it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rnncli.characters import ascii_form
from rnncli.export.c_lines import activated, copied, each_number, function, started
from rnncli.export.plan import Step
from rnncli.immutable import NamedTuple
from rnncli.layers.python_call import number
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export.c import CSource

SCRATCH = "state->scratch"
"""Memory that is not kept between steps; at most one vector is at its front and one at its back."""

Code = tuple[Sequence[str], str]
"""The C lines of a layer, and the expression for the vector it returns."""


def computes(step: Step) -> bool:
    """Return whether a layer computes something, rather than passing its input on."""
    return step.layer.step(step.reads) is not None


def copy_if_needed(x: str, target: str, size: int) -> list[str]:
    """Return the line that copies a vector to `target`; none if it is there already or `target` is empty."""
    return [] if target in ("", x) else [copied(target, x, size)]


class CWriter(NamedTuple):
    """Writes a layer as C.

    Attributes:
        source: the C source that it is written into.
        step: the layer at its position; its name is empty while a cell's function is written.
        x: the expression for the input vector; for a window that looks ahead, its arguments.
        target: the expression for the output vector, if the layer computes one; empty to let the layer choose.
        direction: the prefix of its weights' and states' names, if it reads in both directions.
    """

    source: CSource
    step: Step
    x: str
    target: str = ""
    direction: str = ""

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

    def own(self, name: str) -> str:
        """Return the C name of one of its weights: `lstm_kernel`, `bidirectional_forward_bias`."""
        return f"{self.step.name}_{self.direction}{name}".replace("/", "_").lstrip("_")

    def state(self, name: str) -> str:
        """Return the C expression for one of its states."""
        return f"state->{self.own(name)}"

    def started(self, sums: str) -> str:
        """Return the line that initialises its sums, with the bias if it has one, else with zeros."""
        return started(sums, self.own("bias") if self.layer.use_bias else None, self.size)

    def added(self, what: str, matrix: str, first: int, *arguments: object) -> str:
        """Return the call that adds a vector times a matrix, from the matrix's column `first` on, to sums."""
        more, scaled = f" + {first}" * bool(first), self.source.int8
        arrays = [f"{self.own(matrix)}{more}", *[f"{self.own(matrix)}_scale{more}"] * scaled]
        return f"add_{'scaled_' * scaled}{what}({', '.join(map(str, [*arrays, *arguments]))});"

    def times(self, matrix: str, x: str, sums: str, first: int = 0, columns: int = 0) -> str:
        """Return the call that adds x @ matrix to sums, optionally only `columns` columns from column `first` on."""
        rows, stride = next(weight.shape for weight in self.step.weights if weight.name == matrix)
        return self.added("product", matrix, first, stride, rows, columns or stride - first, x, sums)

    def room(self, size: int) -> str:
        """Return the part of the scratch memory to write to while the input is still read."""
        start = self.source.scratch - size
        assert start >= self.reads * self.x.startswith(SCRATCH), self.layer.spec()
        return f"{SCRATCH} + {start}" if self.x == SCRATCH else SCRATCH

    def result(self, in_place: bool = False) -> str:
        """Return where to write the output vector; `in_place` lets it replace an input in the scratch memory."""
        return self.target or (self.x if in_place and self.x.startswith(SCRATCH) else self.room(self.size))

    def unless_padding(self, effect: str, *lines: str) -> Sequence[str]:
        """Return the lines, skipped at padding if the input may contain any; `effect` ends the comment."""
        if not self.step.masked:
            return lines
        ids, x = self.source.ids, self.source.x
        given = f"{x} != 0" if ids else f"any_but_0({x}, {self.source.inputs})"
        return f"/* {'Id 0' if ids else 'A step of zeros'} is padding, {effect}. */", f"if ({given}) {{", *lines, "}"

    def written(self) -> Code:
        """Return its code below a comment with its spec and equations; no lines if it only passes its input on."""
        lines, output = LAYERS[self.layer.kind](self)
        equations = "" if self.layer.states else "; ".join(equations_of(self.layer))
        return ([f"/* {f'{self.layer.spec()}: {equations}'.strip(' :')} */"] * bool(lines) + [*lines]), output


def equations_of(layer: Any) -> list[str]:
    """Return the equations of one step of a layer; @ is the product of a vector and a matrix."""
    return [ascii_form(each.text.replace("·", " @ ")) for each in layer.equations()]


# Cells: the body of a function whose parameters are named after the cell's weights and states


def _rnn(cell: CWriter) -> Iterator[str]:
    yield cell.times("kernel", "x", "gates")
    yield cell.times("recurrent_kernel", "h", "gates")
    yield from activated(cell.layer.activation, "gates", cell.layer.units)
    yield copied("h", "gates", cell.layer.units)


def _lstm(cell: CWriter) -> Iterator[str]:
    layer, u, projects = cell.layer, cell.layer.units, cell.layer.proj_size is not None
    yield cell.times("kernel", "x", "gates")
    yield cell.times("recurrent_kernel", "h", "gates")
    yield from activated(layer.recurrent_activation, "gates", u, times=2)
    yield from activated(layer.activation, f"gates + {2 * u}", u)
    yield from activated(layer.recurrent_activation, f"gates + {3 * u}", u)
    shown, more = (f"gates + {2 * u}", f"gates[{2 * u} + j]") if projects else ("h", "h[j]")
    c = f"c[j] = gates[{u} + j] * c[j] + gates[j] * gates[{2 * u} + j];"
    yield from each_number(u, c, f"{more} = c[j];")
    yield from activated(layer.activation, shown, u)
    yield from each_number(u, f"{more} *= gates[{3 * u} + j];")
    if projects:
        yield started("h", None, layer.proj_size)
        yield cell.times("projection_kernel", shown, "h")


def _gru(cell: CWriter) -> Iterator[str]:
    layer, u, candidate = cell.layer, cell.layer.units, f"gates + {2 * cell.layer.units}"
    if layer.reset_after:
        # r is applied to the state's product before the input's product is added.
        yield cell.times("recurrent_kernel", "h", "gates")
        yield cell.times("kernel", "x", "gates", columns=2 * u)
        if layer.use_bias:
            yield from each_number(2 * u, "gates[j] += bias[j];")
        yield from activated(layer.recurrent_activation, "gates", u, times=2)
        more = f" + bias[{2 * u} + j]" if layer.use_bias else ""
        yield from each_number(u, f"gates[{2 * u} + j] = gates[{u} + j] * gates[{2 * u} + j]{more};")
        yield cell.times("kernel", "x", candidate, 2 * u)
    else:
        yield cell.times("kernel", "x", "gates")
        yield cell.times("recurrent_kernel", "h", "gates", columns=2 * u)
        yield from activated(layer.recurrent_activation, "gates", u, times=2)
        yield from each_number(u, f"gates[{u} + j] *= h[j];")
        yield cell.times("recurrent_kernel", f"gates + {u}", candidate, 2 * u)
    yield from activated(layer.activation, candidate, u)
    yield from each_number(u, f"h[j] = gates[j] * h[j] + (1.0f - gates[j]) * gates[{2 * u} + j];")


CELLS: Mapping[str, Callable[[CWriter], Iterator[str]]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
"""The function that writes a step of each kind of cell, after the sums have been initialised."""


def _recurrent(writer: CWriter) -> Code:
    # Layers that differ only in their direction and in what they return share one function.
    layer = replace(writer.layer.trained(), return_sequences=False, go_backwards=False, merge_mode=None)
    cell = writer._replace(step=writer.step._replace(name="", layer=layer), direction="")
    kind, units, *words = layer.spec().split(":")
    name = re.sub(r"\W", "_", "_".join([f"{kind}_{writer.reads}x{units}", *words]))
    parameters = {}
    for weight in cell.step.weights:
        int8 = writer.source.int8 and weight.is_matrix
        parameters[weight.name] = "int8_t" if int8 else "float"
        parameters |= {f"{weight.name}_scale": "float"} if int8 else {}
    if name not in writer.source.cells:
        writer.source.cells[name] = _cell(cell, name, parameters)
    gates = writer.room(layer.gates * layer.units)
    arguments = [*map(writer.own, parameters), writer.x, *map(writer.state, layer.states), gates]
    call = f"{name}({', '.join(arguments)});"
    return writer.unless_padding("which leaves the state as it is", call), writer.state("h")


def _cell(cell: CWriter, name: str, parameters: Mapping[str, str]) -> list[str]:
    """Return the function of a cell, with its equations in a comment."""
    layer = cell.layer
    comment = [f"/* {layer.spec()} on {cell.reads} features; @ is the product of a vector and a matrix."]
    comment += [f"   {equation}" for equation in equations_of(layer)]
    if layer.gates > 1:
        comment.append(f"   The columns of each matrix are grouped as {', '.join(layer.blocks['keras'])}.")
    reads = [f"const {kind} *restrict {each}" for each, kind in {**parameters, "x": "float"}.items()]
    writes = [f"float *restrict {written}" for written in (*layer.states, "gates")]
    size = layer.gates * layer.units
    biases = [weight.params // size for weight in cell.step.weights if weight.role == "bias"]
    bias = f"bias + {size}" if biases == [2] else "bias" if biases else None  # the recurrent bias comes second
    lines = [started("gates", bias, size), *CELLS[layer.kind](cell)]
    return [*comment[:-1], f"{comment[-1]} */", *function(f"static void {name}({', '.join(reads + writes)})", lines)]


# Layers


def _embedding(writer: CWriter) -> Code:
    # In a table of one row, compilers see that any id but 0 is out of bounds, and warn.
    row = writer.own("embeddings") + f" + (size_t){writer.x} * {writer.size}" * (writer.layer.vocabulary > 1)
    if not writer.source.int8:
        return [], row
    to = writer.result()
    return [f"unpack({to}, {row}, {writer.own('embeddings_scale')}, {writer.size});"], to


def _dense(writer: CWriter) -> Code:
    to = writer.result()
    sums = [writer.started(to), writer.times("kernel", writer.x, to)]
    return [*sums, *activated(writer.layer.activation, to, writer.size)], to


def _activation(writer: CWriter) -> Code:
    to = writer.result(in_place=True)
    return [*copy_if_needed(writer.x, to, writer.size), *activated(writer.layer.activation, to, writer.size)], to


def _norm(writer: CWriter) -> Code:
    layer, to = writer.layer, writer.result(in_place=True)
    weights = [writer.own("gamma") if layer.scale else "NULL", writer.own("beta") if layer.center else "NULL"]
    statistics = [writer.own(weight.name) for weight in writer.step.weights if weight.role == "statistic"]
    arguments = [writer.x, str(writer.size), f"{number(layer.epsilon)}f", *weights, *statistics, to]
    return [f"{'standardise' if statistics else 'normalise'}({', '.join(arguments)});"], to


def _flattened(writer: CWriter) -> Code:
    if len(writer.step.reads) == 2:
        return [], writer.x
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
    layer, to, (moves, at) = writer.layer, writer.result(), _window(writer)
    sizes = layer.kernel_size, layer.dilation_rate, writer.reads, writer.size
    sums = writer.added("convolution", "kernel", 0, *sizes, at, to)
    return [*moves, writer.started(to), sums, *activated(layer.activation, to, writer.size)], to


def _pool(writer: CWriter) -> Code:
    layer, size, largest = writer.layer, writer.size, writer.layer.mode == "max"
    if layer.window is not None:
        to, (moves, at) = writer.result(), _window(writer)
        return [*moves, f"{'largest' if largest else 'mean'}_of({layer.pool_size}, {size}, {at}, {to});"], to
    output = writer.state("largest" if largest else "sum")
    if largest:
        return [f"keep_largest({output}, {writer.x}, {size});"], output
    added = f"add({output}, {writer.x}, {size});", f"{writer.state('count')}++;"
    return writer.unless_padding("which is not counted", *added), output


def pooled(writer: CWriter) -> Code:
    """Return the code for a layer's output once its sequence has ended; x is its value at the last step."""
    if writer.layer.joins != "avg":
        return copy_if_needed(writer.x, writer.target, writer.size), writer.target or writer.x
    to = writer.result()
    return [f"divide({to}, {writer.x}, (float){writer.state('count')}, {writer.size});"], to


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

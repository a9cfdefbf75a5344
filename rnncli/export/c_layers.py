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
    from rnncli.export.c import Source

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


class Place(NamedTuple):
    """A layer to write.

    Attributes:
        source: the C source that it is written into.
        step: the layer at its position; its name is empty while a cell's function is written.
        x: the expression for the input vector; for a window that looks ahead, its arguments.
        target: the expression for the output vector, if the layer computes one; empty to let the layer choose.
        direction: the prefix of its weights' and states' names, if it reads in both directions.
    """

    source: Source
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


def _rnn(cell: Place) -> Iterator[str]:
    yield cell.times("kernel", "x", "gates")
    yield cell.times("recurrent_kernel", "h", "gates")
    yield from activated(cell.layer.activation, "gates", cell.layer.units)
    yield copied("h", "gates", cell.layer.units)


def _lstm(cell: Place) -> Iterator[str]:
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


def _gru(cell: Place) -> Iterator[str]:
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


CELLS: Mapping[str, Callable[[Place], Iterator[str]]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
"""The writer for a step of each kind of cell, after the sums have been initialised."""


def _recurrent(place: Place) -> Code:
    # Layers that differ only in their direction and in what they return share one function.
    layer = replace(place.layer.trained(), return_sequences=False, go_backwards=False, merge_mode=None)
    cell = place._replace(step=place.step._replace(name="", layer=layer), direction="")
    kind, units, *words = layer.spec().split(":")
    name = re.sub(r"\W", "_", "_".join([f"{kind}_{place.reads}x{units}", *words]))
    parameters = {}
    for weight in cell.step.weights:
        int8 = place.source.int8 and weight.is_matrix
        parameters[weight.name] = "int8_t" if int8 else "float"
        parameters |= {f"{weight.name}_scale": "float"} if int8 else {}
    if name not in place.source.cells:
        place.source.cells[name] = _cell(cell, name, parameters)
    gates = place.room(layer.gates * layer.units)
    arguments = [*map(place.own, parameters), place.x, *map(place.state, layer.states), gates]
    call = f"{name}({', '.join(arguments)});"
    return place.unless_padding("which leaves the state as it is", call), place.state("h")


def _cell(cell: Place, name: str, parameters: Mapping[str, str]) -> list[str]:
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


def _embedding(place: Place) -> Code:
    # In a table of one row, compilers see that any id but 0 is out of bounds, and warn.
    row = place.own("embeddings") + f" + (size_t){place.x} * {place.size}" * (place.layer.vocabulary > 1)
    if not place.source.int8:
        return [], row
    to = place.result()
    return [f"unpack({to}, {row}, {place.own('embeddings_scale')}, {place.size});"], to


def _dense(place: Place) -> Code:
    to = place.result()
    sums = [place.started(to), place.times("kernel", place.x, to)]
    return [*sums, *activated(place.layer.activation, to, place.size)], to


def _activation(place: Place) -> Code:
    to = place.result(in_place=True)
    return [*copy_if_needed(place.x, to, place.size), *activated(place.layer.activation, to, place.size)], to


def _norm(place: Place) -> Code:
    layer, to = place.layer, place.result(in_place=True)
    weights = [place.own("gamma") if layer.scale else "NULL", place.own("beta") if layer.center else "NULL"]
    statistics = [place.own(weight.name) for weight in place.step.weights if weight.role == "statistic"]
    arguments = [place.x, str(place.size), f"{number(layer.epsilon)}f", *weights, *statistics, to]
    return [f"{'standardise' if statistics else 'normalise'}({', '.join(arguments)});"], to


def _flattened(place: Place) -> Code:
    if len(place.step.reads) == 2:
        return [], place.x
    vector, count, most = place.state("vector"), place.state("count"), place.step.reads[1]
    return [f"append({vector}, &{count}, {most}, {place.x}, {place.reads});"], vector


def _window(place: Place) -> tuple[list[str], str]:
    """Return the lines that advance a window, and its arguments: the sequence, its length and the first index."""
    window = place.layer.window
    if window.looks_ahead:
        return [], place.x
    held, left = place.state("window"), place.state("left")
    slides = f"slide({held}, {window.span * place.reads}, {place.x}, {place.reads});"
    return [slides, f"if (window_ends(&{left}, {window.stride})) {{"], f"{held}, {window.span}, 0"


def _conv(place: Place) -> Code:
    layer, to, (moves, at) = place.layer, place.result(), _window(place)
    sizes = layer.kernel_size, layer.dilation_rate, place.reads, place.size
    sums = place.added("convolution", "kernel", 0, *sizes, at, to)
    return [*moves, place.started(to), sums, *activated(layer.activation, to, place.size)], to


def _pool(place: Place) -> Code:
    layer, size, largest = place.layer, place.size, place.layer.mode == "max"
    if layer.window is not None:
        to, (moves, at) = place.result(), _window(place)
        return [*moves, f"{'largest' if largest else 'mean'}_of({layer.pool_size}, {size}, {at}, {to});"], to
    output = place.state("largest" if largest else "sum")
    if largest:
        return [f"keep_largest({output}, {place.x}, {size});"], output
    added = f"add({output}, {place.x}, {size});", f"{place.state('count')}++;"
    return place.unless_padding("which is not counted", *added), output


def pooled(place: Place) -> Code:
    """Return the code for a layer's output once its sequence has ended; x is its value at the last step."""
    if place.layer.joins != "avg":
        return copy_if_needed(place.x, place.target, place.size), place.target or place.x
    to = place.result()
    return [f"divide({to}, {place.x}, (float){place.state('count')}, {place.size});"], to


LAYERS: Mapping[str, Callable[[Place], Code]] = {
    "embed": _embedding,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "conv": _conv,
    "dense": _dense,
    "dropout": lambda place: ([], place.x),  # only active in training
    "norm": _norm,
    "bnorm": _norm,
    "act": _activation,
    "repeat": lambda place: ([], place.x),
    "pool": _pool,
    "flatten": _flattened,
}
"""The writer for one timestep of each kind of layer; it also returns the expression for the output vector."""

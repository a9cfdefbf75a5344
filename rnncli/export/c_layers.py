"""How the layers of a network become lines of C: where each reads a vector, and where it leaves the one it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.characters import ascii_form
from rnncli.export.c_functions import INDENT, activated, block, call, commented, copied, each_number, started, wrapped
from rnncli.export.plan import Step
from rnncli.layers.python_call import number
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export.c import Source

# Functions in the making


class Vector(NamedTuple):
    """Where a vector is: an expression, its size, and if it is in the scratch at which end: `front` or `back`."""

    text: str
    size: int
    end: str = ""

    def at(self, time: str) -> str:
        """Return the expression for another timestep than t."""
        return re.sub(r"\bt\b", time, self.text)


class Matrix(NamedTuple):
    """A matrix in C.

    Attributes:
        name: its name, or that of an argument.
        rows: how many it has.
        stride: the numbers of a row.
        int8: whether they are int8, with a scale for each column.
        start: where its first number is, if it is part of a larger array.
    """

    name: str
    rows: int
    stride: int
    int8: bool
    start: str = ""

    def times(self, x: str, sums: str, first: int = 0, columns: int | None = None) -> str:
        """Return the line that adds a product with some of its columns to `sums`."""
        more = f" + {first}" if first else ""
        name = self.name + (f" + {self.start}" if self.start else "") + more
        sizes = (self.stride, self.rows, self.stride - first if columns is None else columns)
        if self.int8:
            return call("add_scaled_product", name, f"{self.name}_scale{more}", *sizes, x, sums)
        return call("add_product", name, *sizes, x, sums)


class Place(NamedTuple):
    """A layer to write.

    Attributes:
        body: the function that it is written to.
        step: the layer where it stands.
        x: the vector that it reads.
        target: where the vector goes that it makes; None where that is not said.
        direction: what stands before the names of its weights and states, if it reads in two.
    """

    body: Body
    step: Step
    x: Vector
    target: Vector | None = None
    direction: str = ""

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.step.layer

    @property
    def size(self) -> int:
        """How many numbers each vector has that it returns."""
        return features_of(self.step.returns)

    def own(self, name: str) -> str:
        """Return what a weight of its is called in C: `lstm_kernel`, `bidirectional_forward_bias`."""
        return f"{self.step.name}_{self.direction}{name}".replace("/", "_")

    def state(self, name: str) -> str:
        """Return what a state of its is called in C."""
        return f"state->{self.own(name)}"

    def room(self, size: int) -> Vector:
        """Return room in the scratch, beside what it reads."""
        scratch = self.body.source.scratch
        assert size + (self.x.size if self.x.end else 0) <= scratch, self.layer.spec()
        if self.x.end != "front":
            return Vector("state->scratch", size, "front")
        offset = scratch - size
        return Vector(f"state->scratch + {offset}" if offset else "state->scratch", size, "back")

    def result(self) -> Vector:
        """Return where the vector goes that it makes."""
        return self.target or self.room(self.size)

    def write(self, *lines: str) -> None:
        """Write lines."""
        self.body.lines += lines

    def unless_padding(self, said: str, *lines: str) -> Sequence[str]:
        """Return lines that are for no padding, if it may read some."""
        if not self.step.masked:
            return lines
        x, source = self.body.input.text, self.body.source
        given, padding = (
            (f"{x} != 0", "Id 0") if source.ids else (f"any_but_0({x}, {source.inputs})", "A step of zeros")
        )
        return [f"{INDENT}/* {padding} is padding, {said}. */", *block(f"if ({given})", [*lines])]


def makes(step: Step) -> bool:
    """Return whether a layer does something with the vector that it reads, and does not pass it on."""
    return step.layer.step(step.reads) is not None


def equations_of(layer: Any) -> list[str]:
    """Return what a layer computes in a step, in which @ is the product of a vector and a matrix."""
    return [ascii_form(each.text.replace("·", " @ ")) for each in layer.equations()]


class Body:
    """The lines of a function in the making.

    Args:
        source: what it is a function of.
        leave: the statement by which it ends where a layer has nothing to hand on yet.
        length: where it is for a whole sequence and t is the timestep, how many of them a layer reads; else empty.
    """

    def __init__(self, source: Source, leave: str = "", length: str = "") -> None:
        self.source, self.leave, self.length = source, leave, length
        self.lines: list[str] = []

    @property
    def input(self) -> Vector:
        """What the network reads for the timestep."""
        x, size = "ids" if self.source.ids else "x", self.source.inputs
        if self.length:
            return Vector(f"{x}[t]" if self.source.ids else f"{x} + t * {size}", size)
        return Vector("id" if self.source.ids else x, size)

    def through(self, steps: Sequence[Step], x: Vector, target: Vector | None = None) -> Vector:
        """Write a timestep of some layers, each of which reads what the one before it returns; return what comes out.

        It goes where `target` says: the last of them that makes a vector makes it there.
        """
        making = [place for place, step in enumerate(steps) if makes(step)]
        for place, step in enumerate(steps):
            before = len(self.lines)
            x = LAYERS[step.layer.kind].step(Place(self, step, x, target if place in making[-1:] else None))
            if len(self.lines) > before:
                equations = [] if step.layer.states else equations_of(step.layer)
                comment = commented(f"{step.layer.spec()}: {'; '.join(equations)}".strip(" :"), INDENT)
                self.lines[before:before] = comment
        if target is not None:
            self.copy(x, target)
        return x

    def copy(self, x: Vector, target: Vector) -> None:
        """Write that a vector goes somewhere, unless it is there."""
        if x.text != target.text:
            self.lines.append(copied(target.text, x.text, x.size))


# Cells


class Cell(NamedTuple):
    """A sort of recurrent cell: what those have in common that share a function.

    Attributes:
        layer: one of them, without what is no matter of a step.
        reads: how many numbers it reads.
        int8: whether its matrices are int8.
    """

    layer: Any
    reads: int
    int8: bool

    @classmethod
    def of(cls, layer: Any, reads: int, int8: bool) -> Cell:
        """Return that of a layer: directions and what is returned are no matter of it."""
        alike = replace(layer.trained(), return_sequences=False, go_backwards=False, merge_mode=None)
        return cls(alike, reads, int8)

    @property
    def name(self) -> str:
        """The name of its function: `lstm_8x16`, with the words of other options."""
        kind, units, *words = self.layer.spec().split(":")
        return re.sub(r"\W", "_", "_".join([f"{kind}_{self.reads}x{units}", *words]))

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Its weights as arguments: their types, and their names."""
        found = []
        for weight in self.layer.weights((None, None, self.reads)):
            int8 = self.int8 and weight.is_matrix
            found.append((f"const {'int8_t' if int8 else 'float'} *restrict ", weight.name))
            if int8:
                found.append(("const float *restrict ", f"{weight.name}_scale"))
        return found

    @property
    def function(self) -> str:
        """Its function, whose comment has the equations."""
        layer = self.layer
        blocks = ", ".join(layer.blocks["keras"])
        sides = [f"Columns of matrices are {blocks}, side by side."] if layer.gates > 1 else []
        said = f"/* {layer.spec()} on {self.reads} features; @ is a product of a vector and a matrix."
        comment = f"\n{INDENT[1:]}".join([said, *equations_of(layer), *sides])
        arguments = [*("".join(each) for each in self.parameters), "const float *restrict x"]
        arguments += [*(f"float *restrict {state}" for state in layer.states), "float *restrict gates"]
        head = wrapped(f"static void {self.name}(", arguments, ")")
        return "\n".join([f"{comment} */", head, "{", *CELLS[layer.kind](self), "}", ""])

    @property
    def bias(self) -> str | None:
        """The name of its bias, if it has one."""
        return "bias" if self.layer.use_bias else None

    def products(self) -> tuple[Matrix, Matrix]:
        """Its kernel, and that of its state."""
        stride, h = self.layer.gates * self.layer.units, self.layer.state_sizes["h"]
        return Matrix("kernel", self.reads, stride, self.int8), Matrix("recurrent_kernel", h, stride, self.int8)

    def gated(self, count: int) -> list[str]:
        """Return the lines that make gates of the first sums."""
        u, gate = self.layer.units, self.layer.recurrent_activation
        if gate != "softmax":
            return activated(gate, "gates", count * u)
        return [line for place in range(count) for line in activated(gate, f"gates + {place * u}", u)]


def _rnn(cell: Cell) -> Iterator[str]:
    u, (kernel, recurrent) = cell.layer.units, cell.products()
    yield started("gates", cell.bias, u)
    yield kernel.times("x", "gates")
    yield recurrent.times("h", "gates")
    yield from activated(cell.layer.activation, "gates", u)
    yield copied("h", "gates", u)


def _lstm(cell: Cell) -> Iterator[str]:
    layer, u, (kernel, recurrent) = cell.layer, cell.layer.units, cell.products()
    yield started("gates", cell.bias, 4 * u)
    yield kernel.times("x", "gates")
    yield recurrent.times("h", "gates")
    yield from cell.gated(2)
    yield from activated(layer.activation, f"gates + {2 * u}", u)
    yield from activated(layer.recurrent_activation, f"gates + {3 * u}", u)
    shown, more = ("h", "h[j]") if layer.proj_size is None else (f"gates + {2 * u}", f"gates[{2 * u} + j]")
    c = f"c[j] = gates[{u} + j] * c[j] + gates[j] * gates[{2 * u} + j];"
    yield from each_number(u, c, f"{more} = c[j];")
    yield from activated(layer.activation, shown, u)
    yield from each_number(u, f"{more} *= gates[{3 * u} + j];")
    if layer.proj_size is not None:
        yield started("h", None, layer.proj_size)
        yield Matrix("projection_kernel", u, layer.proj_size, cell.int8).times(shown, "h")


def _gru(cell: Cell) -> Iterator[str]:
    layer, u, (kernel, recurrent) = cell.layer, cell.layer.units, cell.products()
    candidate = f"gates + {2 * u}"
    if layer.reset_after:
        # The state's product stands alone until r has acted on it, and only then that of the input is added.
        yield started("gates", f"bias + {3 * u}" if cell.bias else None, 3 * u)
        yield recurrent.times("h", "gates")
        yield kernel.times("x", "gates", columns=2 * u)
        if cell.bias:
            yield from each_number(2 * u, "gates[j] += bias[j];")
        yield from cell.gated(2)
        more = f" + bias[{2 * u} + j]" if cell.bias else ""
        yield from each_number(u, f"gates[{2 * u} + j] = gates[{u} + j] * gates[{2 * u} + j]{more};")
        yield kernel.times("x", candidate, 2 * u)
    else:
        yield started("gates", cell.bias, 3 * u)
        yield kernel.times("x", "gates")
        yield recurrent.times("h", "gates", columns=2 * u)
        yield from cell.gated(2)
        yield from each_number(u, f"gates[{u} + j] *= h[j];")
        yield recurrent.times(f"gates + {u}", candidate, 2 * u)
    yield from activated(layer.activation, candidate, u)
    yield from each_number(u, f"h[j] = gates[j] * h[j] + (1.0f - gates[j]) * gates[{2 * u} + j];")


CELLS: Mapping[str, Callable[[Cell], Iterator[str]]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
"""What writes a step of each kind of cell."""

# Layers


def _embedding(place: Place) -> Vector:
    # Of a table of one row compilers see that other ids would be beyond its end, and warn.
    row = place.own("embeddings") + f" + (size_t){place.x.text} * {place.size}" * (place.layer.vocabulary > 1)
    if not place.body.source.int8:
        return Vector(row, place.size)
    to = place.result()
    place.write(call("unpack", to.text, row, place.own("embeddings_scale"), place.size))
    return to


def _recurrent(place: Place) -> Vector:
    layer, source = place.layer, place.body.source
    cell = Cell.of(layer, place.x.size, source.int8)
    source.cells[cell.name] = cell
    gates = place.room(layer.gates * layer.units)
    weights = [place.own(name) for _, name in cell.parameters]
    line = call(cell.name, *weights, place.x.text, *map(place.state, layer.states), gates.text)
    place.write(*place.unless_padding("which leaves the state as it is", line))
    return Vector(place.state("h"), layer.state_sizes["h"])


def _dense(place: Place) -> Vector:
    to = place.result()
    place.write(
        started(to.text, place.own("bias") if place.layer.use_bias else None, place.size),
        Matrix(place.own("kernel"), place.x.size, place.size, place.body.source.int8).times(place.x.text, to.text),
        *activated(place.layer.activation, to.text, place.size),
    )
    return to


def _norm(place: Place) -> Vector:
    layer, to = place.layer, place.target or (place.x if place.x.end else place.room(place.size))
    weights = [place.own("gamma") if layer.scale else "NULL", place.own("beta") if layer.center else "NULL"]
    statistics = [place.own(weight.name) for weight in place.step.weights if weight.role == "statistic"]
    function = "standardise" if statistics else "normalise"
    sizes = (place.size, f"{number(layer.epsilon)}f")
    place.write(call(function, place.x.text, *sizes, *weights, *statistics, to.text))
    return to


def _flattened(place: Place) -> Vector:
    if len(place.step.reads) == 2:
        return place.x
    vector, count = place.state("vector"), place.state("count")
    most = place.step.reads[1]
    place.write(call("append", vector, f"&{count}", most, place.x.text, place.x.size))
    return Vector(vector, place.size)


def _windowed(place: Place, each: Callable[[str], list[str]]) -> list[str]:
    """Return the lines for a window: those for each vector in it, of which k is the number."""
    window, size, body = place.layer.window, place.x.size, place.body
    if body.length:
        at = f"t * {window.stride} + k * {window.dilation} - {place.step.name}_before"
        inside = [
            f"{INDENT}const size_t s = {at}; /* below 0 it wraps around */",
            *block(f"if (s < {body.length})", each(place.x.at("s"))),
        ]
        return block(f"for (size_t k = 0; k < {window.width}; k++)", inside)
    place.write(call("slide", place.state("window"), window.span * size, place.x.text, size))
    ends = call("window_ends", f"&{place.state('left')}", window.stride).strip(" ;")
    place.write(*block(f"if (!{ends})", [f"{INDENT}{body.leave}"]))
    step = window.dilation * size
    return block(f"for (int k = 0; k < {window.width}; k++)", each(f"{place.state('window')} + k * {step}"))


def _conv(place: Place) -> Vector:
    layer, size, to = place.layer, place.x.size, place.result()
    kernel = Matrix(place.own("kernel"), size, place.size, place.body.source.int8, f"k * {size * place.size}")
    sums = _windowed(place, lambda x: [kernel.times(x, to.text)])
    if layer.dilation_rate == 1 and not place.body.length:  # the window is one vector, and the kernel one matrix
        sums = [kernel._replace(rows=layer.kernel_size * size, start="").times(place.state("window"), to.text)]
    bias = started(to.text, place.own("bias") if layer.use_bias else None, place.size)
    place.write(bias, *sums, *activated(layer.activation, to.text, place.size))
    return to


def _pooled_windows(place: Place) -> Vector:
    to, size, largest = place.result(), place.size, place.layer.mode == "max"
    counted = not largest and bool(place.body.length)
    function, first = ("keep_largest", "-INFINITY") if largest else ("add", "0.0f")
    lines = _windowed(place, lambda x: [call(function, to.text, x, size), *[f"{INDENT}count++;"] * counted])
    place.write(*[f"{INDENT}int count = 0;"] * counted, call("fill", to.text, first, size), *lines)
    if not largest:
        place.write(
            call("divide", to.text, to.text, "(float)count" if counted else f"{place.layer.pool_size}.0f", size)
        )
    return to


def _pool(place: Place) -> Vector:
    if place.layer.window is not None:
        return _pooled_windows(place)
    if place.layer.mode == "max":
        place.write(call("keep_largest", place.state("largest"), place.x.text, place.size))
        return Vector(place.state("largest"), place.size)
    add, count = call("add", place.state("sum"), place.x.text, place.size), f"{INDENT}{place.state('count')}++;"
    place.write(*place.unless_padding("which does not count", add, count))
    return Vector(place.state("sum"), place.size)


def _pooled(place: Place) -> Vector:
    assert place.layer.window is None
    if place.layer.mode == "max":
        return Vector(place.state("largest"), place.size)
    to = place.result()
    place.write(call("divide", to.text, place.state("sum"), f"(float){place.state('count')}", place.size))
    return to


class Written(NamedTuple):
    """How layers of a kind are written.

    Attributes:
        step: writes a timestep; returns the vector that comes out.
        end: writes what it returns when the sequence has ended; None where it is what it returned last.
    """

    step: Callable[[Place], Vector]
    end: Callable[[Place], Vector] | None = None


LAYERS: Mapping[str, Written] = {
    "embed": Written(_embedding),
    "rnn": Written(_recurrent),
    "lstm": Written(_recurrent),
    "gru": Written(_recurrent),
    "conv": Written(_conv),
    "dense": Written(_dense),
    "dropout": Written(lambda place: place.x),  # drops nothing outside of training
    "norm": Written(_norm),
    "bnorm": Written(_norm),
    "repeat": Written(lambda place: place.x),
    "pool": Written(_pool, _pooled),
    "flatten": Written(_flattened),
}
"""How each kind of layer is written. An input is not."""

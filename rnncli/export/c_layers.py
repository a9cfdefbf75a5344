"""How the layers of a network become lines of C: where each reads a vector, and where it leaves the one it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.characters import ascii_form
from rnncli.export.c_lines import activated, copied, each_number, function, started
from rnncli.export.plan import Step
from rnncli.layers.python_call import number
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export.c import Source


class Vector(NamedTuple):
    """Where a vector is: an expression, its size, and if it is in the scratch at which end: `front` or `back`."""

    text: str
    size: int
    end: str = ""


class Matrix(NamedTuple):
    """A matrix: its name in C, its rows, the numbers of a row, and whether they are int8, scaled by columns."""

    name: str
    rows: int
    stride: int
    int8: bool

    def times(self, x: str, sums: str, first: int = 0, columns: int | None = None, start: str = "") -> str:
        """Return the line that adds a product with some of its columns to `sums`; it starts somewhere in an array."""
        more = f" + {first}" if first else ""
        matrix, scaled = f"{self.name}{start}{more}", f"{self.name}_scale{more}, "
        sizes = f"{self.stride}, {self.rows}, {self.stride - first if columns is None else columns}"
        if self.int8:
            return f"add_scaled_product({matrix}, {scaled}{sizes}, {x}, {sums});"
        return f"add_product({matrix}, {sizes}, {x}, {sums});"


def makes(step: Step) -> bool:
    """Return whether a layer does something with the vector that it reads, and does not pass it on."""
    return step.layer.step(step.reads) is not None


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
        size, ids = self.source.inputs, self.source.ids
        if self.length:
            return Vector("ids[t]" if ids else f"x + t * {size}", size)
        return Vector("id" if ids else "x", size)

    def through(self, steps: Sequence[Step], x: Vector, target: Vector | None = None) -> Vector:
        """Write a timestep of some layers, each of which reads what the one before it returns; return what comes out.

        It goes where `target` says: the last of them that makes a vector makes it there.
        """
        making = [place for place, step in enumerate(steps) if makes(step)]
        for place, step in enumerate(steps):
            before = len(self.lines)
            x = LAYERS[step.layer.kind](Place(self, step, x, target if place in making[-1:] else None))
            if len(self.lines) > before:
                equations = "" if step.layer.states else f": {'; '.join(equations_of(step.layer))}"
                self.lines.insert(before, f"/* {step.layer.spec()}{equations} */".replace(":  */", " */"))
        if target is not None:
            self.copy(x, target)
        return x

    def copy(self, x: Vector, target: Vector) -> None:
        """Write that a vector goes somewhere, unless it is there."""
        if x.text != target.text:
            self.lines.append(copied(target.text, x.text, x.size))


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

    @property
    def bias(self) -> str | None:
        """What its bias is called in C, if it has one."""
        return self.own("bias") if self.layer.use_bias else None

    def kernel(self, rows: int) -> Matrix:
        """Return its kernel."""
        return Matrix(self.own("kernel"), rows, self.size, self.body.source.int8)

    def room(self, size: int) -> Vector:
        """Return room in the scratch, beside what it reads."""
        scratch = self.body.source.scratch
        assert size + (self.x.size if self.x.end else 0) <= scratch, self.layer.spec()
        if self.x.end != "front":
            return Vector("state->scratch", size, "front")
        return Vector(f"state->scratch + {scratch - size}".removesuffix(" + 0"), size, "back")

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
        given = f"{x} != 0" if source.ids else f"any_but_0({x}, {source.inputs})"
        padding = "Id 0" if source.ids else "A step of zeros"
        return f"/* {padding} is padding, {said}. */", f"if ({given}) {{", *lines, "}"


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
    def parameters(self) -> Iterator[tuple[str, str]]:
        """Its weights as arguments: their types, and their names."""
        for weight in self.layer.weights((None, None, self.reads)):
            int8 = self.int8 and weight.is_matrix
            yield "int8_t" if int8 else "float", weight.name
            if int8:
                yield "float", f"{weight.name}_scale"

    @property
    def function(self) -> list[str]:
        """The lines of its function, whose comment has the equations."""
        layer = self.layer
        said = [f"/* {layer.spec()} on {self.reads} features; @ is a product of a vector and a matrix."]
        said += [f"   {equation}" for equation in equations_of(layer)]
        if layer.gates > 1:
            said.append(f"   Columns of matrices are {', '.join(layer.blocks['keras'])}, side by side.")
        reads = [f"const {kind} *restrict {name}" for kind, name in [*self.parameters, ("float", "x")]]
        writes = [f"float *restrict {name}" for name in (*layer.states, "gates")]
        head = f"static void {self.name}({', '.join(reads + writes)})"
        return [*said[:-1], f"{said[-1]} */", *function(head, [*CELLS[layer.kind](self)])]

    @property
    def bias(self) -> str | None:
        """The name of its bias, if it has one."""
        return "bias" if self.layer.use_bias else None

    def products(self) -> tuple[Matrix, Matrix]:
        """Return its kernel, and that of its state."""
        stride, h = self.layer.gates * self.layer.units, self.layer.state_sizes["h"]
        return Matrix("kernel", self.reads, stride, self.int8), Matrix("recurrent_kernel", h, stride, self.int8)

    def gated(self, count: int) -> list[str]:
        """Return the lines that make gates of the first sums."""
        u, gate = self.layer.units, self.layer.recurrent_activation
        if gate != "softmax":
            return activated(gate, "gates", count * u)
        return [line for place in range(count) for line in activated(gate, f"gates + {place * u}", u)]


def equations_of(layer: Any) -> list[str]:
    """Return what a layer computes in a step, in which @ is the product of a vector and a matrix."""
    return [ascii_form(each.text.replace("·", " @ ")) for each in layer.equations()]


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
        yield started("gates", cell.bias and f"bias + {3 * u}", 3 * u)
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
    place.write(f"unpack({to.text}, {row}, {place.own('embeddings_scale')}, {place.size});")
    return to


def _recurrent(place: Place) -> Vector:
    layer, cell = place.layer, Cell.of(place.layer, place.x.size, place.body.source.int8)
    place.body.source.cells[cell.name] = cell
    weights = [place.own(name) for _, name in cell.parameters]
    gates = place.room(layer.gates * layer.units).text
    arguments = ", ".join([*weights, place.x.text, *map(place.state, layer.states), gates])
    place.write(*place.unless_padding("which leaves the state as it is", f"{cell.name}({arguments});"))
    return Vector(place.state("h"), layer.state_sizes["h"])


def _dense(place: Place) -> Vector:
    to, kernel = place.result(), place.kernel(place.x.size)
    place.write(started(to.text, place.bias, place.size), kernel.times(place.x.text, to.text))
    place.write(*activated(place.layer.activation, to.text, place.size))
    return to


def _norm(place: Place) -> Vector:
    layer, to = place.layer, place.target or (place.x if place.x.end else place.room(place.size))
    weights = [place.own("gamma") if layer.scale else "NULL", place.own("beta") if layer.center else "NULL"]
    statistics = [place.own(weight.name) for weight in place.step.weights if weight.role == "statistic"]
    arguments = [place.x.text, str(place.size), f"{number(layer.epsilon)}f", *weights, *statistics, to.text]
    place.write(f"{'standardise' if statistics else 'normalise'}({', '.join(arguments)});")
    return to


def _flattened(place: Place) -> Vector:
    if len(place.step.reads) == 2:
        return place.x
    vector, count, most = place.state("vector"), place.state("count"), place.step.reads[1]
    place.write(f"append({vector}, &{count}, {most}, {place.x.text}, {place.x.size});")
    return Vector(vector, place.size)


def _windowed(place: Place, each: Callable[[str], list[str]]) -> list[str]:
    """Return the lines for a window: those for each vector in it, of which k is the number."""
    window, size, body = place.layer.window, place.x.size, place.body
    if body.length:
        at = f"t * {window.stride} + k * {window.dilation} - {place.step.name}_before"
        inside = each(re.sub(r"\bt\b", "s", place.x.text))
        loop = f"for (size_t k = 0; k < {window.width}; k++) {{"
        wraps = f"const size_t s = {at}; /* below 0 it wraps around */"
        return [loop, wraps, f"if (s < {body.length}) {{", *inside, "}", "}"]
    place.write(
        f"slide({place.state('window')}, {window.span * size}, {place.x.text}, {size});",
        f"if (!window_ends(&{place.state('left')}, {window.stride})) {{",
        body.leave,
        "}",
    )
    inside = each(f"{place.state('window')} + k * {window.dilation * size}")
    return [f"for (int k = 0; k < {window.width}; k++) {{", *inside, "}"]


def _conv(place: Place) -> Vector:
    layer, size, to = place.layer, place.x.size, place.result()
    kernel, start = place.kernel(size), f" + k * {size * place.size}"
    sums = _windowed(place, lambda x: [kernel.times(x, to.text, start=start)])
    if layer.dilation_rate == 1 and not place.body.length:  # the window is one vector, and the kernel one matrix
        sums = [place.kernel(layer.kernel_size * size).times(place.state("window"), to.text)]
    place.write(started(to.text, place.bias, place.size), *sums, *activated(layer.activation, to.text, place.size))
    return to


def _pooled_windows(place: Place) -> Vector:
    to, size, largest = place.result(), place.size, place.layer.mode == "max"
    counted = not largest and bool(place.body.length)
    first = f"fill({to.text}, -INFINITY, {size});" if largest else started(to.text, None, size)
    added = "keep_largest" if largest else "add"
    lines = _windowed(place, lambda x: [f"{added}({to.text}, {x}, {size});", *["count++;"] * counted])
    place.write(*["int count = 0;"] * counted, first, *lines)
    if not largest:
        count = "(float)count" if counted else f"{place.layer.pool_size}.0f"
        place.write(f"divide({to.text}, {to.text}, {count}, {size});")
    return to


def _pool(place: Place) -> Vector:
    if place.layer.window is not None:
        return _pooled_windows(place)
    if place.layer.mode == "max":
        place.write(f"keep_largest({place.state('largest')}, {place.x.text}, {place.size});")
        return Vector(place.state("largest"), place.size)
    add = f"add({place.state('sum')}, {place.x.text}, {place.size});"
    place.write(*place.unless_padding("which does not count", add, f"{place.state('count')}++;"))
    return Vector(place.state("sum"), place.size)


def pooled(place: Place, vector: Vector) -> Vector:
    """Write what a layer returns when its sequence has ended, given what it returned at a step; return where it is."""
    if place.layer.joins != "avg":
        return vector
    to = place.result()
    place.write(f"divide({to.text}, {place.state('sum')}, (float){place.state('count')}, {place.size});")
    return to


def _passed(place: Place) -> Vector:
    return place.x


LAYERS: Mapping[str, Callable[[Place], Vector]] = {
    "embed": _embedding,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "conv": _conv,
    "dense": _dense,
    "dropout": _passed,  # it drops nothing outside of training
    "norm": _norm,
    "bnorm": _norm,
    "repeat": _passed,
    "pool": _pool,
    "flatten": _flattened,
}
"""What writes a timestep of each kind of layer, and returns the vector that comes out. An input is not written."""

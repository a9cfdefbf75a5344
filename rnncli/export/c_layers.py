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
        """Return the line that adds a product with it to `sums`.

        Args:
            x: the vector, which has as many numbers as it has rows.
            sums: where the sums are.
            first: its first column that counts.
            columns: how many do; None for all from there on.
            start: where it starts, if it is part of a larger array.
        """
        more = f" + {first}" if first else ""
        matrix, scale = f"{self.name}{start}{more}", f"{self.name}_scale{more}"
        sizes = f"{self.stride}, {self.rows}, {self.stride - first if columns is None else columns}"
        if self.int8:
            return f"add_scaled_product({matrix}, {scale}, {sizes}, {x}, {sums});"
        return f"add_product({matrix}, {sizes}, {x}, {sums});"


def makes(step: Step) -> bool:
    """Return whether a layer does something with the vector that it reads, and does not pass it on."""
    return step.layer.step(step.reads) is not None


class Place(NamedTuple):
    """A layer to write.

    Attributes:
        source: what it is written for.
        lines: those of the function that it is written to.
        step: the layer where it stands.
        x: the vector that it reads.
        target: where the vector goes that it makes; None where that is not said.
        length: in a loop over timesteps t of a whole sequence, how many of them it reads; else empty.
        direction: what stands before the names of its weights and states, if it reads in two.
    """

    source: Source
    lines: list[str]
    step: Step
    x: Vector
    target: Vector | None = None
    length: str = ""
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
        return Matrix(self.own("kernel"), rows, self.size, self.source.int8)

    def room(self, size: int) -> Vector:
        """Return room in the scratch, beside what it reads."""
        scratch = self.source.scratch
        assert size + (self.x.size if self.x.end else 0) <= scratch, self.layer.spec()
        if self.x.end != "front":
            return Vector("state->scratch", size, "front")
        return Vector(f"state->scratch + {scratch - size}".removesuffix(" + 0"), size, "back")

    def result(self) -> Vector:
        """Return where the vector goes that it makes."""
        return self.target or self.room(self.size)

    def write(self, *lines: str) -> None:
        """Write lines."""
        self.lines.extend(lines)

    def unless_padding(self, said: str, *lines: str) -> Sequence[str]:
        """Return lines that are for no padding, if it may read some."""
        if not self.step.masked:
            return lines
        ids, x = self.source.ids, self.source.input(self.length).text
        given = f"{x} != 0" if ids else f"any_but_0({x}, {self.source.inputs})"
        return f"/* {'Id 0' if ids else 'A step of zeros'} is padding, {said}. */", f"if ({given}) {{", *lines, "}"


def write_steps(
    source: Source, lines: list[str], steps: Sequence[Step], x: Vector, target: Vector | None = None, length: str = ""
) -> Vector:
    """Write a timestep of some layers, each of which reads what the one before it returns; return what comes out.

    It goes where `target` says: the last of them that makes a vector makes it there. Blocks that begin may stay open.
    """
    making = [place for place, step in enumerate(steps) if makes(step)]
    for place, step in enumerate(steps):
        before = len(lines)
        x = LAYERS[step.layer.kind](Place(source, lines, step, x, target if place in making[-1:] else None, length))
        if len(lines) > before:
            equations = "" if step.layer.states else "; ".join(equations_of(step.layer))
            lines.insert(before, f"/* {f'{step.layer.spec()}: {equations}'.strip(' :')} */")
    if target is not None:
        lines += moved(x, target)
    return x


def moved(x: Vector, target: Vector) -> list[str]:
    """Return the line that copies a vector, unless it is there."""
    return [] if x.text == target.text else [copied(target.text, x.text, x.size)]


# Cells


def equations_of(layer: Any) -> list[str]:
    """Return what a layer computes in a step, in which @ is the product of a vector and a matrix."""
    return [ascii_form(each.text.replace("·", " @ ")) for each in layer.equations()]


def gated(layer: Any, count: int) -> list[str]:
    """Return the lines that make gates of the first sums."""
    u, gate = layer.units, layer.recurrent_activation
    if gate != "softmax":
        return activated(gate, "gates", count * u)
    return [line for place in range(count) for line in activated(gate, f"gates + {place * u}", u)]


def _rnn(layer: Any, kernel: Matrix, recurrent: Matrix, bias: str | None) -> Iterator[str]:
    u = layer.units
    yield started("gates", bias, u)
    yield kernel.times("x", "gates")
    yield recurrent.times("h", "gates")
    yield from activated(layer.activation, "gates", u)
    yield copied("h", "gates", u)


def _lstm(layer: Any, kernel: Matrix, recurrent: Matrix, bias: str | None) -> Iterator[str]:
    u = layer.units
    yield started("gates", bias, 4 * u)
    yield kernel.times("x", "gates")
    yield recurrent.times("h", "gates")
    yield from gated(layer, 2)
    yield from activated(layer.activation, f"gates + {2 * u}", u)
    yield from activated(layer.recurrent_activation, f"gates + {3 * u}", u)
    shown, more = ("h", "h[j]") if layer.proj_size is None else (f"gates + {2 * u}", f"gates[{2 * u} + j]")
    c = f"c[j] = gates[{u} + j] * c[j] + gates[j] * gates[{2 * u} + j];"
    yield from each_number(u, c, f"{more} = c[j];")
    yield from activated(layer.activation, shown, u)
    yield from each_number(u, f"{more} *= gates[{3 * u} + j];")
    if layer.proj_size is not None:
        yield started("h", None, layer.proj_size)
        yield Matrix("projection_kernel", u, layer.proj_size, kernel.int8).times(shown, "h")


def _gru(layer: Any, kernel: Matrix, recurrent: Matrix, bias: str | None) -> Iterator[str]:
    u, candidate = layer.units, f"gates + {2 * layer.units}"
    if layer.reset_after:
        # The state's product stands alone until r has acted on it, and only then that of the input is added.
        yield started("gates", bias and f"bias + {3 * u}", 3 * u)
        yield recurrent.times("h", "gates")
        yield kernel.times("x", "gates", columns=2 * u)
        if bias:
            yield from each_number(2 * u, "gates[j] += bias[j];")
        yield from gated(layer, 2)
        more = f" + bias[{2 * u} + j]" if bias else ""
        yield from each_number(u, f"gates[{2 * u} + j] = gates[{u} + j] * gates[{2 * u} + j]{more};")
        yield kernel.times("x", candidate, 2 * u)
    else:
        yield started("gates", bias, 3 * u)
        yield kernel.times("x", "gates")
        yield recurrent.times("h", "gates", columns=2 * u)
        yield from gated(layer, 2)
        yield from each_number(u, f"gates[{u} + j] *= h[j];")
        yield recurrent.times(f"gates + {u}", candidate, 2 * u)
    yield from activated(layer.activation, candidate, u)
    yield from each_number(u, f"h[j] = gates[j] * h[j] + (1.0f - gates[j]) * gates[{2 * u} + j];")


CELLS: Mapping[str, Callable[[Any, Matrix, Matrix, str | None], Iterator[str]]] = {
    "rnn": _rnn,
    "lstm": _lstm,
    "gru": _gru,
}
"""What writes a step of each kind of cell."""

# Layers


def _embedding(place: Place) -> Vector:
    # Of a table of one row compilers see that other ids would be beyond its end, and warn.
    row = place.own("embeddings") + f" + (size_t){place.x.text} * {place.size}" * (place.layer.vocabulary > 1)
    if not place.source.int8:
        return Vector(row, place.size)
    to = place.result()
    place.write(f"unpack({to.text}, {row}, {place.own('embeddings_scale')}, {place.size});")
    return to


def _recurrent(place: Place) -> Vector:
    # Layers share a function that differ in their directions and in what they return alone.
    layer = replace(place.layer.trained(), return_sequences=False, go_backwards=False, merge_mode=None)
    kind, units, *words = layer.spec().split(":")
    name = re.sub(r"\W", "_", "_".join([f"{kind}_{place.x.size}x{units}", *words]))
    weights = []
    for weight in layer.weights((None, None, place.x.size)):
        int8 = place.source.int8 and weight.is_matrix
        weights += [("int8_t" if int8 else "float", weight.name), *[("float", f"{weight.name}_scale")] * int8]
    if name not in place.source.cells:
        place.source.cells[name] = _cell(layer, name, weights, place)
    gates = place.room(layer.gates * layer.units).text
    arguments = [*(place.own(weight) for _, weight in weights), place.x.text, *map(place.state, layer.states), gates]
    place.write(*place.unless_padding("which leaves the state as it is", f"{name}({', '.join(arguments)});"))
    return Vector(place.state("h"), layer.state_sizes["h"])


def _cell(layer: Any, name: str, weights: Sequence[tuple[str, str]], place: Place) -> list[str]:
    """Return the function of a cell, whose comment has the equations."""
    said = [f"/* {layer.spec()} on {place.x.size} features; @ is a product of a vector and a matrix."]
    said += [f"   {equation}" for equation in equations_of(layer)]
    if layer.gates > 1:
        said.append(f"   Columns of matrices are {', '.join(layer.blocks['keras'])}, side by side.")
    reads = [f"const {kind} *restrict {read}" for kind, read in [*weights, ("float", "x")]]
    writes = [f"float *restrict {written}" for written in (*layer.states, "gates")]
    stride, int8 = layer.gates * layer.units, place.source.int8
    kernel = Matrix("kernel", place.x.size, stride, int8)
    recurrent = Matrix("recurrent_kernel", layer.state_sizes["h"], stride, int8)
    lines = [*CELLS[layer.kind](layer, kernel, recurrent, "bias" if layer.use_bias else None)]
    return [*said[:-1], f"{said[-1]} */", *function(f"static void {name}({', '.join(reads + writes)})", lines)]


def _dense(place: Place) -> Vector:
    to, kernel = place.result(), place.kernel(place.x.size)
    place.write(started(to.text, place.bias, place.size), kernel.times(place.x.text, to.text))
    place.write(*activated(place.layer.activation, to.text, place.size))
    return to


def _activation(place: Place) -> Vector:
    to = place.target or (place.x if place.x.end else place.room(place.size))
    if to.text != place.x.text:
        place.write(copied(to.text, place.x.text, place.size))
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
    window, size = place.layer.window, place.x.size
    if place.length:
        at = f"t * {window.stride} + k * {window.dilation} - {place.step.name}_before"
        inside = each(re.sub(r"\bt\b", "s", place.x.text))
        loop = f"for (size_t k = 0; k < {window.width}; k++) {{"
        wraps = f"const size_t s = {at}; /* below 0 it wraps around */"
        return [loop, wraps, f"if (s < {place.length}) {{", *inside, "}", "}"]
    place.write(
        f"slide({place.state('window')}, {window.span * size}, {place.x.text}, {size});",
        f"if (window_ends(&{place.state('left')}, {window.stride})) {{",
    )
    inside = each(f"{place.state('window')} + k * {window.dilation * size}")
    return [f"for (int k = 0; k < {window.width}; k++) {{", *inside, "}"]


def _conv(place: Place) -> Vector:
    layer, size, to = place.layer, place.x.size, place.result()
    kernel, start = place.kernel(size), f" + k * {size * place.size}"
    sums = _windowed(place, lambda x: [kernel.times(x, to.text, start=start)])
    if layer.dilation_rate == 1 and not place.length:  # the window is one vector, and the kernel one matrix
        sums = [place.kernel(layer.kernel_size * size).times(place.state("window"), to.text)]
    place.write(started(to.text, place.bias, place.size), *sums, *activated(layer.activation, to.text, place.size))
    return to


def _pooled_windows(place: Place) -> Vector:
    to, size, largest = place.result(), place.size, place.layer.mode == "max"
    counted = not largest and bool(place.length)
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


def pooled(place: Place) -> Vector:
    """Write what a layer returns when its sequence has ended, where x is what it returned at a step."""
    if place.layer.joins != "avg":
        return place.x
    to = place.result()
    place.write(f"divide({to.text}, {place.x.text}, (float){place.state('count')}, {place.size});")
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
    "act": _activation,
    "repeat": _passed,
    "pool": _pool,
    "flatten": _flattened,
}
"""What writes a timestep of each kind of layer, and returns the vector that comes out. An input is not written."""

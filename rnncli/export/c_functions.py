"""What a source in C is made of: the functions of `functions.c`, lines that call them, and recurrent cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

from rnncli.characters import ascii_form

INDENT = "    "
WIDTH = 100
"""The columns of a line."""

FILLED = WIDTH - 2 * len(INDENT)
"""Those of a call or a comment, which may come to stand in a block of a block."""


FUNCTIONS: Mapping[str, str] = {
    name[1]: text
    for text in Path(__file__).with_name("functions.c").read_text(encoding="ascii").split("\n\n")
    if (name := re.search(r"^static .*?(\w+)\(", text, re.MULTILINE))
}
"""The functions that any source may need, by their names; each may call those before it."""

ACTIVATIONS = {"linear": ""} | {name[4:]: name for name in FUNCTIONS if name.startswith("act_")}
"""The function of each activation; the linear one needs none."""


def called_in(text: str) -> Iterator[str]:
    """Yield the functions that a text calls, and those that they call, in their order."""
    texts, found = [text], set[str]()
    while texts:
        called = {*re.findall(r"(\w+)\(", texts.pop())} & FUNCTIONS.keys() - found
        found |= called
        texts += [FUNCTIONS[name] for name in called]
    yield from (text.strip("\n") + "\n" for name, text in FUNCTIONS.items() if name in found)


def commented(text: str, room: str = "") -> list[str]:
    """Return a comment, in several lines where it needs them."""
    lines = wrap(ascii_form(text).replace("·", "@"), FILLED - len(room) - 6, break_long_words=False)
    return [f"{room}{'/*' if line is lines[0] else '  '} {line}" for line in lines[:-1]] + [
        f"{room}{'  ' if len(lines) > 1 else '/*'} {lines[-1]} */"
    ]


def equations_of(layer: Any) -> list[str]:
    """Return what a layer computes in a step, in which @ is the product of a vector and a matrix."""
    return [ascii_form(each.text.replace("·", " @ ")) for each in layer.equations()]


def wrapped(start: str, words: list[str], end: str) -> str:
    """Return a declaration or a call, its arguments aligned where they need several lines."""
    lines, room = [start], " " * len(start)
    for number, word in enumerate(words, start=1):
        piece = word + (", " if number < len(words) else end)
        if len(lines[-1]) + len(piece.rstrip()) > FILLED and lines[-1] != room:
            lines[-1] = lines[-1].rstrip()
            lines.append(room)
        lines[-1] += piece
    return "\n".join(lines)


# Lines of a step


class Matrix(NamedTuple):
    """A matrix in C.

    Attributes:
        name: its name, or that of an argument.
        rows: how many it has.
        stride: the numbers of a row.
        int8: whether they are int8, with a scale for each column.
    """

    name: str
    rows: int
    stride: int
    int8: bool

    def times(self, x: str, sums: str, first: int = 0, columns: int | None = None) -> str:
        """Return the line that adds a product with some of its columns to `sums`."""
        more = f" + {first}" if first else ""
        function = "add_scaled_product" if self.int8 else "add_product"
        scale = [f"{self.name}_scale{more}"] if self.int8 else []
        count = self.stride - first if columns is None else columns
        sizes = map(str, (self.stride, self.rows, count))
        return wrapped(f"{INDENT}{function}(", [f"{self.name}{more}", *scale, *sizes, x, sums], ");")


def started(sums: str, bias: str | None, size: int) -> str:
    """Return the line that begins sums with a bias, or with zeros."""
    if bias is None:
        return f"{INDENT}fill({sums}, 0.0f, {size});"
    return wrapped(f"{INDENT}memcpy(", [sums, bias, f"{size} * sizeof(float)"], ");")


def activated(activation: str, vector: str, size: int) -> list[str]:
    """Return the line that applies an activation to a vector; the linear one needs none."""
    function = ACTIVATIONS[activation]
    return [f"{INDENT}{function}({vector}, {size});"] if function else []


def each_number(size: int, *lines: str) -> list[str]:
    """Return a loop over the numbers of a vector."""
    inside = [2 * INDENT + line for line in lines]
    return [f"{INDENT}for (int j = 0; j < {size}; j++) {{", *inside, f"{INDENT}}}"]


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
        stride = self.layer.gates * self.layer.units
        state = self.layer.state_sizes[self.layer.states[0]]
        return Matrix("kernel", self.reads, stride, self.int8), Matrix("recurrent_kernel", state, stride, self.int8)

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
    yield f"{INDENT}memcpy(h, gates, {u} * sizeof(float));"


def _lstm(cell: Cell) -> Iterator[str]:
    layer, u, (kernel, recurrent) = cell.layer, cell.layer.units, cell.products()
    yield started("gates", cell.bias, 4 * u)
    yield kernel.times("x", "gates")
    yield recurrent.times("h", "gates")
    yield from cell.gated(2)
    yield from activated(layer.activation, f"gates + {2 * u}", u)
    yield from activated(layer.recurrent_activation, f"gates + {3 * u}", u)
    c = f"c[j] = gates[{u} + j] * c[j] + gates[j] * gates[{2 * u} + j];"
    yield from each_number(u, c, "h[j] = c[j];")
    yield from activated(layer.activation, "h", u)
    yield from each_number(u, f"h[j] *= gates[{3 * u} + j];")


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

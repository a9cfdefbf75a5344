"""C99 source for a device: one source file and its header, which need only the C library and libm.

The source contains the weights, a function that runs one timestep and one that runs a whole sequence. It allocates
nothing: the caller provides a struct for the state and the scratch memory, as large as `summary` reports. A network
with a layer that must read ahead (`back`, `bi`, a window with `same`) has no step function; its function for a sequence
takes a workspace instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from rnncli.characters import ascii_form
from rnncli.export import Job
from rnncli.export.c_layers import LAYERS, Place, computes, copy_if_needed, pooled
from rnncli.export.c_lines import array_lines, called_in, closed, copied, filled, function, laid_out, quantised
from rnncli.export.plan import Step
from rnncli.immutable import NamedTuple
from rnncli.language.rules import least_steps
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export import Arrays

__all__ = ["LAYERS", "export", "header", "stored"]

MERGES: Mapping[str, str] = {"sum": "add", "mul": "multiply", "ave": "average"}
"""The function that merges the second direction's output into the first's."""


def export(job: Job) -> str:
    """Return the source, which includes the header's declarations unless the header is a separate file."""
    return Source(job).text()


def header(job: Job) -> str:
    """Return the header."""
    source = Source(job)
    return source.filled("header", declarations=source.declarations) + "\n"


def stored(job: Job) -> Arrays:
    """Return the weights after rounding to int8: matrices and tables are rounded, other weights are unchanged."""
    weights = dict(job.weights())
    for step in job.plan.steps:
        for weight in step.weights:
            if weight.is_matrix:
                numbers, scale = quantised(weights[f"{step.name}/{weight.name}"])
                weights[f"{step.name}/{weight.name}"] = numbers * scale
    return weights


class Phase(NamedTuple):
    """Layers that run at each timestep of one sequence, and the layers that run once it has ended.

    Attributes:
        vector: the vector that is repeated to form the sequence; in the first phase, the input.
        times: how often it is repeated.
        counter: the C variable that counts the repeats so far.
        over: the layers that run at each timestep; the last may reduce the sequence to a vector.
        tail: the layers that read this vector.
    """

    vector: str
    times: int
    counter: str
    over: list[Step]
    tail: list[Step]

    @property
    def ends(self) -> bool:
        """Whether the sequence is reduced to a vector."""
        return bool(self.over) and self.over[-1].layer.returns == "vector"


def phases_of(steps: Sequence[Step], x: str) -> list[Phase]:
    """Return the phases of a network whose input is x: one, plus one for each layer that repeats a vector."""
    phases = [Phase(x, 0, "", [], [])]
    for step in steps:
        if step.layer.reads == "vector":
            vector, count = f"state->{step.name}_vector", f"state->{step.name}_count"
            phases.append(Phase(vector, step.layer.n, count, [], []))
        else:
            (phases[-1].tail if phases[-1].ends else phases[-1].over).append(step)
    return phases


class Source:
    """The C source of a network.

    Attributes:
        ids: whether the input is ids.
        inputs: the numbers in one timestep of the input.
        outputs: the numbers in one output vector.
        by_step: whether the network can run one step at a time.
        scratch: the numbers of scratch memory that a step needs.
        phases: the sequences that the layers run over.
        returns_sequence: whether the network returns a sequence.
        decodes: whether it returns that sequence after its input has ended.
        rows: the largest number of vectors it returns, as a C expression.
        cells: the functions of recurrent cells, by name.
        workspace: the numbers in the workspace for a sequence, as a C expression, if there is no step function.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.plan, self.name = job, job.plan, job.device.name
        self.int8, self.vocabulary = job.device.dtype == "int8", job.network.head.vocabulary
        self.ids = self.vocabulary is not None
        self.inputs, self.outputs = 1 if self.ids else features_of(self.plan.reads), features_of(self.plan.returns)
        *_, account = job.network.accounts(dtype=job.device.dtype)
        self.by_step, self.scratch = account.streams, max((held.numbers for held in account.streaming.most), default=0)
        self.phases = phases_of(self.plan.steps, self.input())
        self.returns_sequence = not self.phases[-1].ends
        self.decodes = self.returns_sequence and len(self.phases) > 1
        self.rows = (str(self.phases[-1].times) if self.decodes else "timesteps") if self.returns_sequence else "1"
        state, one = f"{self.name}_state *state", "int32_t id" if self.ids else "const float *x"
        many, more = "const int32_t *ids" if self.ids else "const float *x", ", float *workspace" * (not self.by_step)
        self.reset = f"void {self.name}_reset({state})"
        self.step = f"int {self.name}_step({state}, {one}, float *y)"
        self.next = f"int {self.name}_next({state}, float *y)"
        self.run = f"size_t {self.name}_run({many}, size_t timesteps, float *y{more})"
        self.cells: dict[str, list[str]] = {}
        self.workspace = ""
        self._functions = [*(self._by_steps() if self.by_step else WholeSequence(self).function())]
        self.declarations = self.filled("declarations", declared=laid_out(self._declared()))

    def input(self, length: str = "") -> str:
        """Return the expression for one timestep of the input: timestep t of a whole sequence if a length is given."""
        if length:
            return "ids[t]" if self.ids else f"x + t * {self.inputs}"
        return "id" if self.ids else "x"

    # Declarations

    def text(self) -> str:
        """Return the source."""
        device = self.job.device
        code = laid_out([*chain(*self.cells.values()), *self._functions])
        declarations = f'#include "{device.header}"' if device.header else self.declarations
        parts = [self.filled("source", declarations=declarations), "", *self._arrays(), called_in(code) + code]
        return "\n".join([*parts, self._program()] if device.with_main else parts).rstrip("\n") + "\n"

    def filled(self, section: str, **words: object) -> str:
        """Return a section of `functions.c` with the network's values filled in."""
        dtype = ", as int8 with a scale for each column" if self.int8 else ""
        spec = str(self.job.network).replace(",", ", ")  # a space after each comma, where long lines can break
        title = f"{spec}: {self.job.origin}{dtype}".replace("*/", "* /").replace("/*", "/ *")
        heading = ascii_form(title).encode("ascii", "replace").decode()
        words = {"NAME": self.name.upper(), "name": self.name, "heading": laid_out([f"/* {heading} */"])} | words
        words |= {"inputs": f"{self.inputs}{' /* an id */' * self.ids}", "outputs": self.outputs}
        words |= {"type": "int32_t" if self.ids else "float", "rows": self.rows}
        return filled(section, **words)

    def _declared(self) -> Iterator[str]:
        name, inputs, outputs = self.name, f"{self.name.upper()}_INPUTS", f"{self.name.upper()}_OUTPUTS"
        if self.by_step:
            yield from (*self.struct(), "", "/* Call before each sequence. */", f"{self.reset};", "")
            y = "the network's output if the sequence ends here; NULL if it is not needed, which is quicker."
            if self.decodes:
                y = f"not used; {name}_next returns the output."
            elif self.returns_sequence:
                y = "the network's output at this timestep."
            yield from (f"/* Runs a timestep. y: {y} Returns 1 if y has been written, else 0. */", f"{self.step};", "")
        else:
            yield "/* The number of floats in the workspace. */"
            yield from (f"#define {name.upper()}_WORKSPACE(timesteps) ({self.workspace})", "")
        if self.by_step and self.decodes:
            yield "/* Call after the last timestep: y is the next output vector. Returns 0 if there is none. */"
            yield from (f"{self.next};", "")
        reads = f"ids: each from 0 to {self.vocabulary - 1}" if self.vocabulary else f"x: timesteps * {inputs} numbers"
        y = f"{self.rows} * " * self.returns_sequence + outputs
        yield f"/* Runs a whole sequence. {reads}; y: {y} numbers. Returns the number of vectors in y. */"
        yield from (f"{self.run};", "")

    # State

    def states(self, steps: Sequence[Step]) -> Iterator[tuple[str, str, int]]:
        """Yield each persistent state of the layers: its C name, initial value and size (0 for an integer)."""
        for step in steps:
            if self.by_step or (step.layer.reads != "vector" and step.layer.window is None):
                for name, size in step.layer.carried(step.reads).items():
                    least = step.layer.window.least_steps if name == "left" else 1
                    first = {"count": "0", "left": f"{least - 1}", "largest": "-INFINITY"}.get(name, "0.0f")
                    yield f"{step.name}_{name}".replace("/", "_"), first, 0 if name in ("count", "left") else size

    def first_states(self, steps: Sequence[Step], zeros: bool = True) -> Iterator[str]:
        """Yield the lines that set the layers' states to their initial values; optionally only those that are not 0."""
        for state, first, size in self.states(steps):
            if zeros or first not in ("0", "0.0f"):
                yield f"fill(state->{state}, {first}, {size});" if size else f"state->{state} = {first};"

    def empty(self) -> list[str]:
        """Return the lines that reset all states."""
        return ["memset(state, 0, sizeof *state);", *self.first_states(self.plan.steps, zeros=False)]

    def struct(self) -> list[str]:
        """Return the struct that holds the states and the scratch memory."""
        states = self.states(self.plan.steps)
        held = [f"float {state}[{size}];" if size else f"int32_t {state};" for state, _, size in states]
        if self.scratch:
            held.append(f"float scratch[{self.scratch}]; /* not kept between steps */")
        held = held or ["char none; /* nothing is kept between steps */"]
        return [f"typedef struct {self.name}_state {{", *held, f"}} {self.name}_state;"]

    def _arrays(self) -> Iterator[str]:
        """Yield the lines of the weights, each array with its key and shape in a comment."""
        weights = self.job.weights() if any(step.weights for step in self.plan.steps) else {}
        for step in self.plan.steps:
            for weight in step.weights:
                key = f"{step.name}/{weight.name}"
                array, name = weights[key].astype("float32", copy=False), key.replace("/", "_")
                comment = f"{key} ({', '.join(map(str, array.shape))})"
                if self.int8 and weight.is_matrix:
                    array, scale = quantised(array)
                    yield from array_lines("int8_t", name, comment, array)
                    array, name, comment = scale, f"{name}_scale", f"scale of each column of {key}"
                yield from array_lines("float", name, comment, array)

    # Function bodies

    def write(self, lines: list[str], steps: Sequence[Step], x: str, target: str = "", length: str = "") -> str:
        """Append one timestep of consecutive layers to `lines`; return the expression for their output.

        The last layer that computes something writes to `target`. Blocks that are opened may be left open.
        """
        last = next((step for step in reversed(steps) if computes(step)), None)
        for step in steps:
            more, x = Place(self, step, x, target if step is last else "", length).written()
            lines += more
        lines += copy_if_needed(x, target, features_of(steps[-1].returns) if steps else self.outputs)
        return x

    def _by_steps(self) -> Iterator[str]:
        """Yield the functions of a network that runs one step at a time."""
        name, first = self.name, self.phases[0]
        yield from function(self.reset, self.empty())
        step: list[str] = []
        output = self.write(step, first.over, self.input(), "" if first.ends else "y")
        if not first.ends:
            step = closed(step, "return 1;") + ["return 0;"] * (len(closed(step)) > len(step))
        elif self.decodes:
            step = [*closed(step), "return 0;"]
        else:
            step = [*closed(step), "if (y == NULL) {", "return 0;", "}"]
            self._ended(step, self.phases, output, "y")
            step.append("return 1;")
        yield from function(self.step, step)
        if self.decodes:
            yield from function(self.next, self._decoded(output))
        to, ended, decoded = f"y + rows * {self.outputs}", "t + 1 < timesteps ? NULL : y", []
        written = "NULL" if self.decodes else to if self.returns_sequence else ended
        if self.decodes:
            decoded = [f"while ({name}_next(&state, {to})) {{", "rows++;", "}"]
        each = f"rows += (size_t){name}_step(&state, {self.input('timesteps')}, {written});"
        begin = [f"{name}_state state;", "size_t rows = 0;", "", f"{name}_reset(&state);"]
        steps = ["for (size_t t = 0; t < timesteps; t++) {", each, "}"]
        yield from function(self.run, [*begin, *steps, *decoded, "return rows;"])

    def _ended(self, lines: list[str], phases: Sequence[Phase], x: str, target: str) -> None:
        """Append the code that runs once the first phase's sequence has ended, through all later phases.

        `x` is the output of the first phase's last layer at its last step. The final vector is written to `target`.
        """
        for phase, after in zip(phases, [*phases[1:], None], strict=True):
            to = target if after is None else after.vector
            more, x = pooled(Place(self, phase.over[-1], x, "" if any(map(computes, phase.tail)) else to))
            lines += more
            x = self.write(lines, phase.tail, x, to)
            if after is not None:
                lines += [f"{after.counter} = 0;", *self.first_states(after.over)]
                each = [f"while ({after.counter} < {after.times}) {{", f"{after.counter}++;"]
                x = self.write(each, after.over, after.vector)
                lines += closed(each)

    def _decoded(self, x: str) -> list[str]:
        """Return the body of the function for the next output vector; `x` is the output of the input's last step."""
        *before, last = self.phases
        lines = [f"if ({last.counter} == 0) {{"]
        self._ended(lines, before, x, last.vector)
        each = [f"{last.counter}++;"]
        self.write(each, last.over, last.vector, "y")
        repeats = "while" if len(closed(each)) > len(each) else "if"
        each = [f"{repeats} ({last.counter} < {last.times}) {{", *each]
        return [*lines, "}", *closed(each, "return 1;"), "return 0;"]

    def _program(self) -> str:
        """Return a main program that reads timesteps, runs the network and writes rows of numbers."""
        step, row = f"{self.name}_step(&state, {'x[0]' if self.ids else 'x'}, y)", ["write_row(y);", "}"]
        if self.decodes:
            each = [f"{step};", "any = 1;"]
            after = [f"while (found == 0 && any && {self.name}_next(&state, y)) {{", *row]
        elif self.returns_sequence:
            each, after = [f"if ({step}) {{", *row], []
        else:
            each, after = [f"any = {step};"], ["if (found == 0 && any) {", *row]
        number = {"number": "float", "read": "strtof(word, &end)", "wrong": "", "expected": f"{self.inputs} numbers"}
        if self.vocabulary:
            number = {"number": "long long", "read": "strtoll(word, &end, 10)"}
            number["wrong"] = f" || value < 0 || value >= {self.vocabulary}"
            number["expected"] = f"an id from 0 to {self.vocabulary - 1}"
        least, enough = least_steps(self.plan.network.layers), []
        if least > 1:
            too_short = f'fputs("expected at least {least} timesteps\\n", stderr);'
            enough = [f"if (found == 0 && timesteps > 0 && timesteps < {least}) {{", too_short, "found = -1;", "}"]
            each = ["timesteps++;", *each]
        found = f"found{', any = 0' * bool(after)}{', timesteps = 0' * bool(enough)}"
        words = {"each": laid_out(each, 2), "found": found, "enough": laid_out([*enough, *[""] * bool(enough)], 1)}
        words["after"] = laid_out([*enough, *after, ""], 1)
        main = self.filled("step by step" if self.by_step else "at once", **words)
        return f"{self.filled('reading', **number)}\n{main}"


class WholeSequence:
    """The function for a sequence of a network that must read ahead before it can return anything.

    Each layer has a loop over time. The workspace has two halves, a and b, which alternately hold a layer's output.

    Attributes:
        source: the source that the function belongs to.
        lines: the lines so far.
        x: the expression for the next layer's input; for a sequence, at timestep t.
        length: the expression for that input's number of timesteps; empty for a vector.
        max_steps: the largest value of `length`; None if at most as many as the input has.
        rooms: the numbers needed in each half: for each timestep of the input (False), and independently of it (True).
    """

    def __init__(self, source: Source) -> None:
        self.source, self.lines, self.length = source, list[str](), "timesteps"
        self.x = source.input(self.length)
        self.max_steps: int | None = None
        self.rooms: dict[tuple[str, bool], int] = {}

    def function(self) -> Iterator[str]:
        """Yield the lines of the struct for its states and of the function."""
        source, steps = self.source, self.source.plan.steps
        last = next((step for step in reversed(steps) if computes(step)), None)
        for step in steps:
            self._layer(step, step is last)
        self._over_time(copy_if_needed(self.x, f"y + t * {source.outputs}" if self.length else "y", source.outputs))
        rooms = {"a": list[str](), "b": list[str]()}
        for (half, fixed), size in sorted(self.rooms.items()):
            rooms[half].append(str(size) if fixed else f"(timesteps) * {size}")
        a, b = (" + ".join(room) for room in rooms.values())
        source.workspace = " + ".join(filter(None, (a, b))) or "0"
        begin = [f"{source.name}_state memory, *const state = &memory;"]
        begin += ["float *const a = workspace;"] * bool(a)
        begin += [f"float *const b = {' + '.join(filter(None, ('workspace', a)))};"] * bool(b)
        lines = [*begin, "", *source.empty(), *self.lines, f"return {self.length or 1};"]
        yield from (*source.struct(), "", *function(source.run, lines))

    def _base(self, size: int, sequence: bool, last: bool) -> str:
        """Return where to write a vector or sequence: y for the last layer, else the free half of the workspace."""
        if last:
            return "y"
        half = "b" if self.x.partition(" ")[0] == "a" else "a"
        place = half, self.max_steps is not None or not sequence
        self.rooms[place] = max(size * (self.max_steps or 1) if sequence else size, self.rooms.get(place, 0))
        return half

    def _over_time(self, lines: list[str], backwards: bool = False) -> None:
        """Append lines that run at each timestep, if the current output is a sequence."""
        if self.length and lines:
            head = f"size_t t = {self.length}; t-- > 0;" if backwards else f"size_t t = 0; t < {self.length}; t++"
            lines = [f"for ({head}) {{", *lines, "}"]
        self.lines += lines

    def _layer(self, step: Step, last: bool) -> None:
        """Append the code of a layer."""
        layer, size, sequence = step.layer, features_of(step.returns), len(step.returns) == 3
        if layer.reads == "vector":
            self.length, self.max_steps = str(layer.n), layer.n
            return
        if layer.needs_whole and layer.states:
            self._directions(step, last)
        elif computes(step):
            if layer.window is not None and " t " not in self.x:  # a repeated vector
                vectors = f"{self._base(features_of(step.reads), True, False)} + t * {features_of(step.reads)}"
                self._over_time(copy_if_needed(self.x, vectors, features_of(step.reads)))
                self.x = vectors
            lines, output = list[str](), ""
            if sequence or not self.length:
                output = self._base(size, sequence, last) + f" + t * {size}" * sequence
            x = self.source.write(lines, [step], self.x, output, self.length)
            if layer.window is not None:
                self._over_windows(step)
            self._over_time(lines)
            if layer.step(step.reads).at_end:
                more, x = pooled(Place(self.source, step, x, self._base(size, False, last)))
                self.lines += more
            self.x = output or x
        if not sequence:
            self.length = ""

    def _over_windows(self, step: Step) -> None:
        """Append the number of windows that a layer moves over the sequence, which is the length from here on."""
        window, windows = step.layer.window, f"{step.name}_steps"
        before = str(window.span - window.least_steps)
        if window.padding == "same":
            before = f"padding_before({self.length}, {windows}, {window.span}, {window.stride})"
        count = f"windows_in({self.length}, {window.least_steps}, {window.stride})"
        self.lines += [f"const size_t {windows} = {count};", f"const size_t {step.name}_before = {before};"]
        self.length = windows

    def _directions(self, step: Step, last: bool) -> None:
        """Append a layer that reads time backwards or in both directions: a loop for each direction."""
        layer, size, sequence = step.layer, features_of(step.returns), step.layer.returns == "sequence"
        units = layer.state_sizes["h"]
        base = self._base(size, sequence, last) if sequence or layer.merge is not None else ""
        merged, h = list[str](), ""
        for second, direction in enumerate(layer.directions):
            place = Place(self.source, step, self.x, "", self.length, direction)
            lines, h = LAYERS[layer.kind](place)
            at = f" + ({self.length} - 1 - t) * {size}" if layer.reverses else f" + t * {size}"
            to = base + at * sequence + f" + {units}" * (second and layer.merge == "concat")
            added = MERGES.get(layer.merge) if second else None
            merge = [f"{added}({to}, {h}, {units});" if added else copied(to, h, units)]
            if sequence and step.masked and layer.merge is not None:
                zeros = [] if added else [f"fill({to}, 0.0f, {units});"]
                merge = [*zeros, *place.unless_padding("where the output is 0", *merge)]
            if base and not sequence:
                merged += merge
            self._over_time([*lines, *merge * sequence], backwards=layer.reverses or second == 1)
        self.lines += merged
        self.x = base + f" + t * {size}" * sequence if base else h

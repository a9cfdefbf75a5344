"""A network as C99 for a device: one source and its header, which need nothing but the C library's mathematics.

The source has the weights, a function for a timestep and one for a sequence. It allocates nothing: what lasts from
step to step, and what is needed within one, is in a struct of the caller, as large as `summary` says. A network with a
layer that must read on before it can return anything has no step; there the function for a sequence is given a
workspace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from rnncli.characters import ascii_form
from rnncli.export import Job
from rnncli.export.c_layers import LAYERS, Place, makes, moved, pooled
from rnncli.export.c_lines import array_lines, called_in, closed, copied, filled, function, laid_out, quantised
from rnncli.export.plan import Step
from rnncli.immutable import NamedTuple
from rnncli.language.rules import least_steps
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export import Arrays

__all__ = ["LAYERS", "export", "header", "stored"]

MERGES: Mapping[str, str] = {"sum": "add", "mul": "multiply", "ave": "average"}
"""The function that makes one of the outputs of two directions."""


def export(job: Job) -> str:
    """Return the source; it has the header within it, unless that is a file of its own."""
    return Source(job).text()


def header(job: Job) -> str:
    """Return the header."""
    source = Source(job)
    return source.filled("header", declarations=source.declarations) + "\n"


def stored(job: Job) -> Arrays:
    """Return the weights of a network as int8 holds them: its matrices and tables rounded."""
    weights = dict(job.weights())
    for step in job.plan.steps:
        for weight in step.weights:
            if weight.is_matrix:
                numbers, scale = quantised(weights[f"{step.name}/{weight.name}"])
                weights[f"{step.name}/{weight.name}"] = numbers * scale
    return weights


class Phase(NamedTuple):
    """Layers that make a step for each timestep of one sequence, and those behind them when it has ended.

    Attributes:
        vector: the vector that is repeated to make the sequence; of the first phase, the input.
        times: how often it is.
        counter: what counts how often it has been.
        over: the layers of each timestep; the last of them may return one vector in the end.
        tail: the layers that read that vector.
    """

    vector: str
    times: int
    counter: str
    over: list[Step]
    tail: list[Step]

    @property
    def ends(self) -> bool:
        """Whether the sequence becomes a vector."""
        return bool(self.over) and self.over[-1].layer.returns == "vector"


def phases_of(steps: Sequence[Step], x: str) -> list[Phase]:
    """Return the phases of a network that reads x, one more than it has layers that repeat a vector."""
    phases = [Phase(x, 0, "", [], [])]
    for step in steps:
        if step.layer.reads == "vector":
            vector, count = f"state->{step.name}_vector", f"state->{step.name}_count"
            phases.append(Phase(vector, step.layer.n, count, [], []))
        else:
            (phases[-1].tail if phases[-1].ends else phases[-1].over).append(step)
    return phases


class Source:
    """The C of a network.

    Attributes:
        ids: whether it reads ids.
        inputs: how many numbers a timestep of the input has.
        outputs: how many a vector of the output has.
        by_step: whether it can run a step at a time.
        scratch: how many numbers it needs within a step.
        phases: the sequences that its layers go through.
        returns_sequence: whether it returns a sequence.
        decodes: whether it returns a sequence once its input has ended.
        rows: how many vectors it returns, at most.
        cells: the functions of recurrent cells, by their names.
        workspace: how many numbers the function for a sequence is given, where there is none for a step.
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
        self._functions = [*(self._by_steps() if self.by_step else Whole(self).function())]
        self.declarations = self.filled("declarations", declared=laid_out(self._declared()))

    def input(self, length: str = "") -> str:
        """Return what the network reads for the timestep: of a whole sequence, if that has a length, timestep t."""
        if length:
            return "ids[t]" if self.ids else f"x + t * {self.inputs}"
        return "id" if self.ids else "x"

    # What is declared

    def text(self) -> str:
        """Return the source."""
        device = self.job.device
        code = laid_out([*chain(*self.cells.values()), *self._functions])
        declarations = f'#include "{device.header}"' if device.header else self.declarations
        parts = [self.filled("source", declarations=declarations), "", *self._arrays(), called_in(code) + code]
        return "\n".join([*parts, self._program()] if device.with_main else parts).rstrip("\n") + "\n"

    def filled(self, section: str, **words: object) -> str:
        """Return a section of `functions.c`, filled in for the network."""
        dtype = ", as int8 with a scale for each column" if self.int8 else ""
        spec = str(self.job.network).replace(",", ", ")  # to be broken where it is long
        said = f"{spec}: {self.job.origin}{dtype}".replace("*/", "* /").replace("/*", "/ *")
        heading = ascii_form(said).encode("ascii", "replace").decode()
        words = {"NAME": self.name.upper(), "name": self.name, "heading": laid_out([f"/* {heading} */"])} | words
        words |= {"inputs": f"{self.inputs}{' /* an id */' * self.ids}", "outputs": self.outputs}
        words |= {"type": "int32_t" if self.ids else "float", "rows": self.rows}
        return filled(section, **words)

    def _declared(self) -> Iterator[str]:
        name, inputs, outputs = self.name, f"{self.name.upper()}_INPUTS", f"{self.name.upper()}_OUTPUTS"
        if self.by_step:
            yield from (*self.struct(), "", "/* Before the first timestep of a sequence. */", f"{self.reset};", "")
            y = "what the network returns if the sequence ends here; NULL if nobody asks, which is quicker."
            if self.decodes:
                y = f"not used; {name}_next returns what the network does."
            elif self.returns_sequence:
                y = "what the network returns for it."
            yield from (f"/* A timestep. y: {y} Returns 1 if y has been written, else 0. */", f"{self.step};", "")
        else:
            yield "/* How many numbers the workspace has. */"
            yield from (f"#define {name.upper()}_WORKSPACE(timesteps) ({self.workspace})", "")
        if self.by_step and self.decodes:
            yield "/* After the last timestep: y is the next vector of the output; 0 if there is none. */"
            yield from (f"{self.next};", "")
        reads = f"ids: each from 0 to {self.vocabulary - 1}" if self.vocabulary else f"x: timesteps * {inputs} numbers"
        y = f"{self.rows} * " * self.returns_sequence + outputs
        yield f"/* A whole sequence. {reads}; y: {y} numbers. Returns how many vectors are in y. */"
        yield from (f"{self.run};", "")

    # What lasts

    def states(self, steps: Sequence[Step]) -> Iterator[tuple[str, str, int]]:
        """Yield what lasts of some layers: what it is called in C, how it begins, and its size; 0 of a whole number."""
        for step in steps:
            if self.by_step or (step.layer.reads != "vector" and step.layer.window is None):
                for name, size in step.layer.carried(step.reads).items():
                    least = step.layer.window.least_steps if name == "left" else 1
                    first = {"count": "0", "left": f"{least - 1}", "largest": "-INFINITY"}.get(name, "0.0f")
                    yield f"{step.name}_{name}".replace("/", "_"), first, 0 if name in ("count", "left") else size

    def first_states(self, steps: Sequence[Step], zeros: bool = True) -> Iterator[str]:
        """Yield the lines that begin the states of some layers; without zeros, those that are something else."""
        for state, first, size in self.states(steps):
            if zeros or first not in ("0", "0.0f"):
                yield f"fill(state->{state}, {first}, {size});" if size else f"state->{state} = {first};"

    def empty(self) -> list[str]:
        """Return the lines that begin all states."""
        return ["memset(state, 0, sizeof *state);", *self.first_states(self.plan.steps, zeros=False)]

    def struct(self) -> list[str]:
        """Return the struct of what lasts from step to step, and what does not."""
        states = self.states(self.plan.steps)
        held = [f"float {state}[{size}];" if size else f"int32_t {state};" for state, _, size in states]
        if self.scratch:
            held.append(f"float scratch[{self.scratch}]; /* nothing in it lasts from step to step */")
        held = held or ["char none; /* nothing lasts from step to step */"]
        return [f"typedef struct {self.name}_state {{", *held, f"}} {self.name}_state;"]

    def _arrays(self) -> Iterator[str]:
        """Yield the lines of the weights, each of them with its key and its shape."""
        weights = self.job.weights() if any(step.weights for step in self.plan.steps) else {}
        for step in self.plan.steps:
            for weight in step.weights:
                key = f"{step.name}/{weight.name}"
                array, name = weights[key].astype("float32", copy=False), key.replace("/", "_")
                said = f"{key} ({', '.join(map(str, array.shape))})"
                if self.int8 and weight.is_matrix:
                    array, scale = quantised(array)
                    yield from array_lines("int8_t", name, said, array)
                    array, name, said = scale, f"{name}_scale", f"of each column of {key}"
                yield from array_lines("float", name, said, array)

    # What is done

    def write(self, lines: list[str], steps: Sequence[Step], x: str, target: str = "", length: str = "") -> str:
        """Write a timestep of some layers, each of which reads what the one before it returns; return what comes out.

        It goes where `target` says: the last of them that makes a vector makes it there. Blocks that begin may stay
        open.
        """
        last = next((step for step in reversed(steps) if makes(step)), None)
        for step in steps:
            more, x = Place(self, step, x, target if step is last else "", length).written()
            lines += more
        lines += moved(x, target, features_of(steps[-1].returns) if steps else self.outputs)
        return x

    def _by_steps(self) -> Iterator[str]:
        """Yield the functions of a network that runs a step at a time."""
        name, first = self.name, self.phases[0]
        yield from function(self.reset, self.empty())
        step: list[str] = []
        made = self.write(step, first.over, self.input(), "" if first.ends else "y")
        if not first.ends:
            step = closed(step, "return 1;") + ["return 0;"] * (len(closed(step)) > len(step))
        elif self.decodes:
            step = [*closed(step), "return 0;"]
        else:
            step = [*closed(step), "if (y == NULL) {", "return 0;", "}"]
            self._ended(step, self.phases, made, "y")
            step.append("return 1;")
        yield from function(self.step, step)
        if self.decodes:
            yield from function(self.next, self._decoded(made))
        to, ended, decoded = f"y + rows * {self.outputs}", "t + 1 < timesteps ? NULL : y", []
        written = "NULL" if self.decodes else to if self.returns_sequence else ended
        if self.decodes:
            decoded = [f"while ({name}_next(&state, {to})) {{", "rows++;", "}"]
        each = f"rows += (size_t){name}_step(&state, {self.input('timesteps')}, {written});"
        begin = [f"{name}_state state;", "size_t rows = 0;", "", f"{name}_reset(&state);"]
        steps = ["for (size_t t = 0; t < timesteps; t++) {", each, "}"]
        yield from function(self.run, [*begin, *steps, *decoded, "return rows;"])

    def _ended(self, lines: list[str], phases: Sequence[Phase], x: str, target: str) -> None:
        """Write what follows when the sequence of the first phase has ended, through all others, which do so, too.

        At its last step its last layer returned x; the vector that comes out goes where `target` says.
        """
        for phase, after in zip(phases, [*phases[1:], None], strict=True):
            to = target if after is None else after.vector
            more, x = pooled(Place(self, phase.over[-1], x, "" if any(map(makes, phase.tail)) else to))
            lines += more
            x = self.write(lines, phase.tail, x, to)
            if after is not None:
                lines += [f"{after.counter} = 0;", *self.first_states(after.over)]
                each = [f"while ({after.counter} < {after.times}) {{", f"{after.counter}++;"]
                x = self.write(each, after.over, after.vector)
                lines += closed(each)

    def _decoded(self, x: str) -> list[str]:
        """Return what makes the next vector when the input has ended, given what came of its last step."""
        *before, last = self.phases
        lines = [f"if ({last.counter} == 0) {{"]
        self._ended(lines, before, x, last.vector)
        each = [f"{last.counter}++;"]
        self.write(each, last.over, last.vector, "y")
        repeats = "while" if len(closed(each)) > len(each) else "if"
        each = [f"{repeats} ({last.counter} < {last.times}) {{", *each]
        return [*lines, "}", *closed(each, "return 1;"), "return 0;"]

    def _program(self) -> str:
        """Return a program that runs the network: it reads timesteps, and writes rows of numbers."""
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


class Whole:
    """The function for a sequence of a network that must read on before it can return anything.

    Each layer has a loop over time. What it returns is in one half of a workspace; the halves, a and b, take turns.

    Attributes:
        source: the source.
        lines: the lines.
        x: what the next layer reads: of timestep t, if it is a sequence.
        length: how many timesteps that has; empty for a vector.
        most: how many it has at most; None for no more than the input.
        rooms: how many numbers each half has, for each timestep of the input (False) and beside those (True).
    """

    def __init__(self, source: Source) -> None:
        self.source, self.lines, self.length = source, list[str](), "timesteps"
        self.x = source.input(self.length)
        self.most: int | None = None
        self.rooms: dict[tuple[str, bool], int] = {}

    def function(self) -> Iterator[str]:
        """Yield the lines of the function, and those of the struct for its states."""
        source, steps = self.source, self.source.plan.steps
        last = next((step for step in reversed(steps) if makes(step)), None)
        for step in steps:
            self._layer(step, step is last)
        self._over_time(moved(self.x, f"y + t * {source.outputs}" if self.length else "y", source.outputs))
        rooms = {"a": list[str](), "b": list[str]()}
        for (half, beside), size in sorted(self.rooms.items()):
            rooms[half].append(str(size) if beside else f"(timesteps) * {size}")
        a, b = (" + ".join(room) for room in rooms.values())
        source.workspace = " + ".join(filter(None, (a, b))) or "0"
        begin = [f"{source.name}_state memory, *const state = &memory;"]
        begin += ["float *const a = workspace;"] * bool(a)
        begin += [f"float *const b = {' + '.join(filter(None, ('workspace', a)))};"] * bool(b)
        lines = [*begin, "", *source.empty(), *self.lines, f"return {self.length or 1};"]
        yield from (*source.struct(), "", *function(source.run, lines))

    def _base(self, size: int, sequence: bool, last: bool) -> str:
        """Return where to put a vector or a sequence of a size: in y, or in the half of the workspace that is free."""
        if last:
            return "y"
        half = "b" if self.x.partition(" ")[0] == "a" else "a"
        place = half, self.most is not None or not sequence
        self.rooms[place] = max(size * (self.most or 1) if sequence else size, self.rooms.get(place, 0))
        return half

    def _over_time(self, lines: list[str], backwards: bool = False) -> None:
        """Write lines that are for each timestep of a sequence, if there is one."""
        if self.length and lines:
            head = f"size_t t = {self.length}; t-- > 0;" if backwards else f"size_t t = 0; t < {self.length}; t++"
            lines = [f"for ({head}) {{", *lines, "}"]
        self.lines += lines

    def _layer(self, step: Step, last: bool) -> None:
        """Write a layer."""
        layer, size, sequence = step.layer, features_of(step.returns), len(step.returns) == 3
        if layer.reads == "vector":
            self.length, self.most = str(layer.n), layer.n
            return
        if layer.needs_whole and layer.states:
            self._directions(step, last)
        elif makes(step):
            if layer.window is not None and " t " not in self.x:  # a vector that is repeated
                vectors = f"{self._base(features_of(step.reads), True, False)} + t * {features_of(step.reads)}"
                self._over_time(moved(self.x, vectors, features_of(step.reads)))
                self.x = vectors
            lines, made = list[str](), ""
            if sequence or not self.length:
                made = self._base(size, sequence, last) + f" + t * {size}" * sequence
            x = self.source.write(lines, [step], self.x, made, self.length)
            if layer.window is not None:
                self._over_windows(step)
            self._over_time(lines)
            if layer.step(step.reads).at_end:
                more, x = pooled(Place(self.source, step, x, self._base(size, False, last)))
                self.lines += more
            self.x = made or x
        if not sequence:
            self.length = ""

    def _over_windows(self, step: Step) -> None:
        """Write how many windows a layer moves over the sequence, which are its timesteps from now on."""
        window, windows = step.layer.window, f"{step.name}_steps"
        before = str(window.span - window.least_steps)
        if window.padding == "same":
            before = f"padding_before({self.length}, {windows}, {window.span}, {window.stride})"
        count = f"windows_in({self.length}, {window.least_steps}, {window.stride})"
        self.lines += [f"const size_t {windows} = {count};", f"const size_t {step.name}_before = {before};"]
        self.length = windows

    def _directions(self, step: Step, last: bool) -> None:
        """Write a layer that reads time backwards, or both ways: a loop for each direction."""
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
                merge = [*zeros, *place.unless_padding("for which zeros are returned", *merge)]
            if base and not sequence:
                merged += merge
            self._over_time([*lines, *merge * sequence], backwards=layer.reverses or second == 1)
        self.lines += merged
        self.x = base + f" + t * {size}" * sequence if base else h

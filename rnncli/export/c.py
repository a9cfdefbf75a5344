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
from rnncli.export.c_layers import LAYERS, Code, CWriter, computes, copy_if_needed, pooled
from rnncli.export.c_lines import array_lines, called_in, closed, copied, filled, function, laid_out, quantised
from rnncli.export.plan import Step
from rnncli.immutable import NamedTuple
from rnncli.language.rules import least_steps
from rnncli.quantities import features_of, plural

if TYPE_CHECKING:
    from rnncli.export import Arrays

__all__ = ["LAYERS", "export", "header", "stored"]

MERGES: Mapping[str, str] = {"sum": "add", "mul": "multiply", "ave": "average"}
"""The function that merges the second direction's output into the first's."""


def export(job: Job) -> str:
    """Return the source, which includes the header's declarations unless the header is a separate file."""
    return CSource(job).text()


def header(job: Job) -> str:
    """Return the header."""
    source = CSource(job)
    return "\n".join([*source.filled("header", declarations=source.declarations), ""])


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
        loop: the lines that begin the loop over the sequence.
        over: the layers that run at each timestep; the last may reduce the sequence to a vector.
        tail: the layers that read this vector.
    """

    vector: str
    times: int
    counter: str
    loop: list[str]
    over: list[Step]
    tail: list[Step]

    @property
    def ends(self) -> bool:
        """Whether the sequence is reduced to a vector."""
        return bool(self.over) and self.over[-1].layer.returns == "vector"


def phases_of(steps: Sequence[Step], x: str) -> list[Phase]:
    """Return the phases of a network whose input is x: one, plus one for each layer that repeats a vector."""
    phases = [Phase(x, 0, "", ["for (size_t t = 0; t < timesteps; t++) {"], [], [])]
    for step in steps:
        if step.layer.reads == "vector":
            vector, count = f"state->{step.name}_vector", f"state->{step.name}_count"
            loop = [f"while ({count} < {step.layer.n}) {{", f"{count}++;"]
            phases.append(Phase(vector, step.layer.n, count, loop, [], []))
        else:
            (phases[-1].tail if phases[-1].ends else phases[-1].over).append(step)
    return phases


class CSource:
    """The C source of a network.

    Attributes:
        ids: whether the input is ids.
        inputs: the numbers in one timestep of the input.
        outputs: the numbers in one output vector.
        by_step: whether the network can run one step at a time.
        at_t: the expression for timestep t of a whole sequence.
        x: the expression for the timestep that the layers run on.
        scratch: the numbers of scratch memory that a step needs.
        phases: the sequences that the layers run over.
        returns_sequence: whether the network returns a sequence.
        decodes: whether it returns that sequence after its input has ended.
        rows: the largest number of vectors it returns, as a C expression.
        required: the length that a sequence must have, in words; empty if one timestep is enough.
        other_length: the C condition that a sequence has another length.
        cells: the functions of recurrent cells, by name.
        workspace: the numbers in the workspace for a sequence, as a C expression, if there is no step function.
        words: the words of `functions.c` that every section may contain.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.plan, self.name = job, job.plan, job.device.name
        self.int8, self.vocabulary = job.device.dtype == "int8", job.network.head.vocabulary or 0
        self.ids = self.vocabulary > 0
        self.inputs, self.outputs = 1 if self.ids else features_of(self.plan.reads), features_of(self.plan.returns)
        *_, account = job.network.accounts(dtype=job.device.dtype)
        self.by_step, self.scratch = account.streams, max((held.numbers for held in account.streaming.most), default=0)
        self.at_t = "ids[t]" if self.ids else f"x + t * {self.inputs}"
        self.x = ("id" if self.ids else "x") if self.by_step else self.at_t
        self.phases = phases_of(self.plan.steps, self.x)
        self.returns_sequence = not self.phases[-1].ends
        self.decodes = self.returns_sequence and len(self.phases) > 1
        self.rows = (str(self.phases[-1].times) if self.decodes else "timesteps") if self.returns_sequence else "1"
        self.required, self.other_length = self._lengths()
        self.cells: dict[str, list[str]] = {}
        self.workspace = ""
        self.words = self._words()
        self._last = next((step for step in reversed(self.plan.steps) if computes(step)), None)
        self._half, self._length, self._rooms = "b", "timesteps", {"a": [0, 0], "b": [0, 0]}
        self._functions = [*(self._by_steps() if self.by_step else self._whole())]
        self.declarations = "\n".join(self.filled("declarations", declared=laid_out(self._declared())))

    def _lengths(self) -> tuple[str, str]:
        """Return the length that a sequence must have, and the C condition that it has another."""
        over, least = self.phases[0].over, least_steps(self.job.network.layers)
        if over and over[-1].layer.needs_length:
            fixed = self.job.network.head.fixed_timesteps
            return f"{fixed} timesteps", f"timesteps != {fixed}"
        return f"at least {least} timesteps" * (least > 1), f"timesteps < {least}"

    def _words(self) -> dict[str, str]:
        name, state, more = self.name, f"{self.name}_state *state", ", float *workspace" * (not self.by_step)
        x, one = ("const int32_t *ids", "int32_t id") if self.ids else ("const float *x", "const float *x")
        dtype = ", as int8 with a scale for each column" if self.int8 else ""
        spec = str(self.job.network).replace(",", ", ")  # a space after each comma, where long lines can break
        title = f"{spec}: {self.job.origin}{dtype}".replace("*/", "* /").replace("/*", "/ *")
        heading = ascii_form(title).encode("ascii", "replace").decode()
        return {
            "heading": laid_out([f"/* {heading} */"]),
            "name": name,
            "NAME": name.upper(),
            "inputs": f"{self.inputs}{' /* an id */' * self.ids}",
            "outputs": str(self.outputs),
            "vocabulary": str(self.vocabulary),
            "type": "int32_t" if self.ids else "float",
            "rows": self.rows,
            "other_length": self.other_length,
            "reset": f"void {name}_reset({state})",
            "step": f"int {name}_step({state}, {one}, float *y)",
            "next": f"int {name}_next({state}, float *y)",
            "run": f"size_t {name}_run({x}, size_t timesteps, float *y{more})",
        }

    def filled(self, section: str, **words: object) -> list[str]:
        """Return a section of `functions.c` with the network's values filled in."""
        return filled(section, **self.words, **words)

    # Declarations

    def text(self) -> str:
        """Return the source."""
        device = self.job.device
        code = laid_out([*chain(*self.cells.values()), *self._functions])
        declarations = f'#include "{device.header}"' if device.header else self.declarations
        parts = [*self.filled("source", declarations=declarations), "", *self._arrays(), called_in(code) + code]
        return "\n".join([*parts, laid_out(self._program())] if device.with_main else parts).rstrip("\n") + "\n"

    def _declared(self) -> Iterator[str]:
        name = self.name.upper()
        if self.by_step:
            y = "the network's output if the sequence ends here; NULL if it is not needed, which is quicker."
            if self.decodes:
                y = f"not used; {self.name}_next returns the output."
            elif self.returns_sequence:
                y = "the network's output at this timestep."
            yield from (*self.filled("steps", struct=self.struct(), y=y), "")
        else:
            yield from (*self.filled("workspace", workspace=self.workspace), "")
        if self.by_step and self.decodes:
            yield from (*self.filled("next"), "")
        x = f"ids: each from 0 to {self.vocabulary - 1}" if self.ids else f"x: timesteps * {name}_INPUTS numbers"
        y = f"{self.rows} * " * self.returns_sequence + f"{name}_OUTPUTS"
        length, others = f" of {self.required}" * bool(self.required), "; 0 for any other length" * bool(self.required)
        comment = f"Runs a whole sequence{length}. {x}; y: {y} numbers. Returns the number of vectors in y{others}."
        yield from (f"/* {comment} */", f"{self.words['run']};", "")

    # State

    def states(self, steps: Sequence[Step]) -> Iterator[tuple[str, str, int]]:
        """Yield each persistent state of the layers: its C name, initial value and size (0 for an integer)."""
        for step in steps:
            window = step.layer.window
            for name, size in step.layer.carried(step.reads).items():
                if window is None or not window.looks_ahead:
                    left = 0 if window is None else window.least_steps - 1
                    first = {"count": "0", "left": f"{left}", "largest": "-INFINITY"}.get(name, "0.0f")
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

    def write(self, lines: list[str], steps: Sequence[Step], x: str, target: str = "", size: int = 0) -> str:
        """Append one timestep of consecutive layers to `lines`; return the expression for their output.

        The last layer that computes something writes to `target`, or `size` numbers (those of the network's output) are
        copied there. Blocks that are opened may be left open.
        """
        last = next((step for step in reversed(steps) if computes(step)), None)
        for step in steps:
            more, x = CWriter(self, step, x, target if step is last else "").written()
            lines += more
        lines += copy_if_needed(x, target, size or self.outputs)
        return x

    def _by_steps(self) -> Iterator[str]:
        """Yield the functions of a network that runs one step at a time."""
        first = self.phases[0]
        yield from function(self.words["reset"], self.empty())
        step: list[str] = []
        output = self.write(step, first.over, first.vector, "" if first.ends else "y")
        if not first.ends:
            step = closed(step, "return 1;") + ["return 0;"] * (len(closed(step)) > len(step))
        elif self.decodes:
            step = [*closed(step), "return 0;"]
        else:
            step = [*closed(step), "if (y == NULL) {", "return 0;", "}"]
            self._ended(step, output)
            step.append("return 1;")
        yield from function(self.words["step"], step)
        if self.decodes:
            yield from function(self.words["next"], self._decoded(output))
        to = f"y + rows * {self.outputs}"
        written = "NULL" if self.decodes else to if self.returns_sequence else "t + 1 < timesteps ? NULL : y"
        decoded = [f"while ({self.name}_next(&state, {to})) {{", "rows++;", "}"] * self.decodes
        yield from (*self.filled("run", x=self.at_t, written=written, decoded=decoded), "")

    def _ended(self, lines: list[str], x: str) -> None:
        """Append the code that runs once the first phase's sequence has ended, up to the sequence or vector returned.

        `x` is the output of the first phase's last layer at its last step.
        """
        ended = [phase for phase in self.phases if phase.ends]
        for phase, after in zip(ended, [*self.phases[1:], None], strict=False):
            to = "y" if after is None else after.vector
            more, x = pooled(CWriter(self, phase.over[-1], x, "" if any(map(computes, phase.tail)) else to))
            lines += more
            x = self.write(lines, phase.tail, x, to)
            if after in ended:
                more, x = self.over(after)
                lines += [f"{after.counter} = 0;", *self.first_states(after.over), *more]

    def _decoded(self, x: str) -> list[str]:
        """Return the body of the function for the next output vector; `x` is the output of the input's last step."""
        last = self.phases[-1]
        lines, each = [f"if ({last.counter} == 0) {{"], [f"{last.counter}++;"]
        self._ended(lines, x)
        self.write(each, last.over, last.vector, "y")
        repeats = "while" if len(closed(each)) > len(each) else "if"
        each = [f"{repeats} ({last.counter} < {last.times}) {{", *each]
        return [*lines, "}", *closed(each, "return 1;"), "return 0;"]

    # Sequences

    def over(self, phase: Phase) -> tuple[list[str], str]:
        """Return the loops over the sequence of a phase, and the expression for its last output.

        A layer that reads ahead begins another loop, over a sequence that has been stored in the workspace.
        """
        self._length, loop, x = str(phase.times or "timesteps"), phase.loop, phase.vector
        lines, some = list[str](), list[Step]()

        def store(base: str, counter: str, size: int) -> str:
            # Not every timestep ends a window.
            skips = any(step.layer.window is not None and not step.layer.looks_ahead for step in some)
            counted = skips or "size_t t" not in loop[-1]
            each = [f"size_t {counter} = 0;"] * counted + loop
            self.write(each, some, x, f"{base} + {counter if counted else 't'} * {size}", size)
            lines.extend(closed(each, *[f"{counter}++;"] * counted))
            self._length = counter if counted else self._length
            return f"{base} + t * {size}"

        for step in phase.over:
            if not step.layer.looks_ahead:
                some.append(step)
                continue
            window, size = step.layer.window, features_of(step.reads)
            if any(map(computes, some)) or (window is not None and " t " not in x):
                x = store(self._other_half(size, phase.times), f"{step.name}_reads", size)
            if window is None:
                more, x = self._directions(step, x, phase.times)
            else:
                more, x = self._windows(step, x)
            lines += more
            some = [] if window is None else [step]
            loop = [f"for (size_t t = 0; t < {self._length}; t++) {{"]
        if phase.ends and some:
            x = self.write(loop, some, x)
            lines += closed(loop)
        elif not phase.ends and not x.startswith("y "):
            store("y", "rows", self.outputs)
        return lines, x

    def _other_half(self, size: int, times: int) -> str:
        """Return the half of the workspace that was not the last; reserve `size` numbers for each of its vectors."""
        self._half = "b" if self._half == "a" else "a"
        room = self._rooms[self._half]
        room[times > 0] = max(size * max(times, 1), room[times > 0])
        return self._half

    def _windows(self, step: Step, x: str) -> Code:
        """Return the number of windows that a layer moves over a sequence, and the arguments for each window."""
        window, read, windows, before = step.layer.window, self._length, f"{step.name}_steps", f"{step.name}_before"
        self._length, first = windows, "t" if window.stride == 1 else f"t * {window.stride}"
        count = f"windows_in({read}, {window.least_steps}, {window.stride})"
        padding = f"padding_before({read}, {windows}, {window.span}, {window.stride})"
        lines = [f"const size_t {windows} = {count};", f"const size_t {before} = {padding};"]
        return lines, f"{x.partition(' ')[0]}, {read}, {first} - {before}"

    def _directions(self, step: Step, x: str, times: int) -> Code:
        """Return a loop for each direction of a layer that reads time backwards or both ways, and its output."""
        layer, size, sequence = step.layer, features_of(step.returns), step.layer.returns == "sequence"
        units, base = layer.state_sizes["h"], ""
        if sequence or layer.merge is not None:
            base = "y" if step is self._last else self._other_half(size, times if sequence else 1)
        lines, h = [f"/* {layer.spec()} */"], ""
        for second, direction in enumerate(layer.directions):
            writer = CWriter(self, step, x, direction=direction)
            each, h = LAYERS[layer.kind](writer)
            at = f" + ({self._length} - 1 - t) * {size}" if layer.reverses else f" + t * {size}"
            to = base + at * sequence + f" + {units}" * (second and layer.merge == "concat")
            added = MERGES.get(layer.merge) if second else None
            merge = [f"{added}({to}, {h}, {units});" if added else copied(to, h, units)]
            if sequence and step.masked and layer.merge is not None:
                zeros = [] if added else [f"fill({to}, 0.0f, {units});"]
                merge = [*zeros, *writer.unless_padding("where the output is 0", *merge)]
            backwards = layer.reverses or second == 1
            head = f"size_t t = {self._length}; t-- > 0;" if backwards else f"size_t t = 0; t < {self._length}; t++"
            lines += [f"for ({head}) {{", *each, *merge * sequence, "}", *merge * (bool(base) and not sequence)]
        return lines, base + f" + t * {size}" * sequence if base else h

    def _whole(self) -> Iterator[str]:
        """Yield the struct for the states and the function of a network that must read ahead."""
        lines, x = self.over(self.phases[0])
        self._ended(lines, x)
        if self.decodes:
            lines += self.over(self.phases[-1])[0]
        a, b = (" + ".join([f"(timesteps) * {n}"] * (n > 0) + [str(m)] * (m > 0)) for n, m in self._rooms.values())
        self.workspace = " + ".join(filter(None, (a, b))) or "0"
        begin = [f"{self.name}_state memory, *const state = &memory;"]
        begin += ["float *const a = workspace;"] * bool(a)
        begin += [f"float *const b = {' + '.join(filter(None, ('workspace', a)))};"] * bool(b)
        begin += ["", f"if ({self.other_length}) {{", "return 0;", "}", *self.empty()]
        returns = self._length if self.returns_sequence else "1"
        yield from (*self.struct(), "", *function(self.words["run"], [*begin, *lines, f"return {returns};"]))

    def _program(self) -> Iterator[str]:
        """Yield a main program that reads timesteps, runs the network and writes rows of numbers."""
        expected = f"an id from 0 to {self.vocabulary - 1}" if self.ids else plural(self.inputs, "number")
        yield from (*self.filled("reading", value=self.filled("id" if self.ids else "number"), expected=expected), "")
        length_check = []
        if self.required:
            error = f'fputs("expected {self.required}\\n", stderr);'
            length_check = [f"if (found == 0 && timesteps > 0 && {self.other_length}) {{", error, "found = -1;", "}"]
        if not self.by_step:
            yield from self.filled("main at once", length_check=length_check)
            return
        step, row = f"{self.name}_step(&state, {'x[0]' if self.ids else 'x'}, y)", ["write_row(y);", "}"]
        each, after = [f"{step};"], ["if (found == 0 && timesteps > 0) {", *row]
        if self.decodes:
            after[0] = f"while (found == 0 && timesteps > 0 && {self.name}_next(&state, y)) {{"
        elif self.returns_sequence:
            each, after = [f"if ({step}) {{", *row], []
        counts = bool(length_check or after)
        counter, each = ["size_t timesteps = 0;"] * counts, ["timesteps++;"] * counts + each
        yield from self.filled("main by steps", counter=counter, each=each, after=[*length_check, *after])

"""C99 source for a device: one source file and its header, which need only the C library and libm.

The source contains the weights, a function that runs one timestep and one that runs a whole sequence. It allocates
nothing: the caller provides a struct for the state and the scratch memory, as large as `summary` reports. A network
with a layer that must read ahead (`back`, `bi`, a window with `same`) has no step function; its function for a sequence
takes a workspace instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from rnncli.characters import ascii_form
from rnncli.export import Job
from rnncli.export.c_layers import LAYERS, CWriter, cell_call, reduced, variable
from rnncli.export.c_lines import array_lines, call, closed, filled, function, laid_out, quantised, used_in
from rnncli.export.plan import Step
from rnncli.immutable import NamedTuple
from rnncli.language.rules import least_steps
from rnncli.layers import Layer
from rnncli.quantities import features_of, plural

if TYPE_CHECKING:
    from rnncli.engine.activations import Array
    from rnncli.export import Arrays

__all__ = ["LAYERS", "export", "header", "stored"]

MERGES: Mapping[str, str] = {"concat": "copy", "sum": "add", "mul": "multiply", "ave": "average"}
"""The function that merges the second direction's output with the first's."""


def export(job: Job) -> str:
    """Return the source, which includes the header's declarations unless the header is a separate file."""
    source, device = CSource(job), job.device
    code = laid_out([*chain(*source.cells.values()), *source.functions])
    separate = device.header and not {'"', "\n"} & {*device.header}  # C cannot include such a name
    declarations = f'#include "{device.header}"' if separate else source.declarations()
    arrays = chain(*(array_lines(key, array) for key, array in source.constants.items()))
    parts = [*source.filled("source", declarations=declarations), "", *arrays, used_in(code, device.dtype) + code]
    return "\n".join([*parts, laid_out(source.program())] if device.with_main else parts).rstrip("\n") + "\n"


def header(job: Job) -> str:
    """Return the header."""
    source = CSource(job)
    return "\n".join([*source.filled("header", declarations=source.declarations()), ""])


def stored(job: Job) -> Arrays:
    """Return the weights after rounding to int8: matrices and tables are rounded, other weights are unchanged."""
    found = constants(job, int8=True)
    return {key: found[key] * found.get(f"{key}_scale", 1) for key in job.weights()}


def constants(job: Job, int8: bool) -> Arrays:
    """Return the weights by key; with int8, matrices and tables are rounded, and have a scale for each column."""
    found: dict[str, Array] = {}
    for step in job.plan.steps:
        for weight in step.weights:
            key = f"{step.name}/{weight.name}"
            found[key] = job.weights()[key].astype("float32", copy=False)
            if int8 and weight.is_matrix:
                found[key], found[f"{key}_scale"] = quantised(found[key])
    return found


class Stage(NamedTuple):
    """Layers that run one after another, at each timestep of a sequence or once.

    Attributes:
        steps: the layers. One that repeats a vector is the first; one that reads ahead is the first or follows that.
        ended: the layer that has reduced a sequence to the vector that these read; None if they read a sequence.
    """

    steps: list[Step]
    ended: Step | None = None

    @property
    def skips(self) -> bool:
        """Whether it has no output at some timesteps, which do not end a window."""
        return any(step.layer.window is not None and not step.layer.looks_ahead for step in self.steps)


def stages_of(steps: Sequence[Step]) -> list[Stage]:
    """Return the stages of a network; each begins when the one before it has ended."""
    stages = [Stage([])]
    for step in steps:
        before = stages[-1].steps
        if step.layer.reads == "vector" or (before and waits(step.layer, before[-1].layer)):
            stages.append(Stage([]))
        stages[-1].steps.append(step)
        if step.layer.returns == "vector" and stages[-1].ended is None:
            stages.append(Stage([], step))
    return stages


def waits(layer: Layer, before: Layer) -> bool:
    """Return whether a layer in time can only begin when the one before it has returned its whole sequence."""
    if before.reads == "vector" and layer.states:
        return False  # a repeated vector reads the same from both ends
    return layer.looks_ahead or bool(before.states and before.looks_ahead)


class CSource:
    """The C source of a network.

    Attributes:
        int8: whether matrices and tables are int8.
        constants: the arrays of the weights by key: `lstm/kernel`, `lstm/kernel_scale`.
        ids: whether the input is ids.
        inputs: the numbers in one timestep of the input.
        timestep: the expression for the timestep of the input that the layers run on.
        scratch: the numbers of scratch memory that a step needs.
        cells: the functions of recurrent cells, by name.
        functions: the lines of the other functions.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.name, self.int8 = job, job.device.name, job.device.dtype == "int8"
        self.constants = constants(job, self.int8)
        self.steps = [step for step in job.plan.steps if step.layer.step(step.reads) is not None]
        self.stages = stages_of(self.steps)
        *_, account = job.network.accounts(dtype=job.device.dtype)
        self.inputs, self.outputs, self.by_step = account.input, features_of(account.shape), account.streams
        self.scratch = max((held.numbers for held in account.streaming.most), default=0)
        self.vocabulary = job.network.head.vocabulary or 0
        self.ids = self.vocabulary > 0
        at_t = "ids[t]" if self.ids else f"x + t * {self.inputs}"
        self.timestep = at_t if not self.by_step else "id" if self.ids else "x"
        self.returns_sequence = self.stages[-1].ended is None
        self.decodes = self.returns_sequence and any(step.layer.reads == "vector" for step in self.steps)
        self.required, other_length = self._lengths()
        name, state, x = self.name, f"{self.name}_state *state", "const int32_t *ids" if self.ids else "const float *x"
        more = "" if self.by_step else ", float *workspace"
        self.words = {
            "heading": laid_out([f"/* {self._title()} */"]),
            "name": name,
            "NAME": name.upper(),
            "inputs": f"{self.inputs}{' /* an id */' * self.ids}",
            "outputs": str(self.outputs),
            "vocabulary": str(self.vocabulary),
            "type": "int32_t" if self.ids else "float",
            "at_t": at_t,
            "rows": str(account.shape[1]) if self.decodes else "timesteps" if self.returns_sequence else "1",
            "required": self.required,
            "other_length": other_length,
            "reset": f"void {name}_reset({state})",
            "step": f"int {name}_step({state}, {'int32_t id' if self.ids else x}, float *y)",
            "next": f"int {name}_next({state}, float *y)",
            "run": f"size_t {name}_run({x}, size_t timesteps, float *y{more})",
        }
        self.cells: dict[str, list[str]] = {}
        self._x, self._length, self._repeats = self.timestep, "timesteps", 0
        self._half, self._rooms = "b", {half: {"(timesteps) * ": 0, "": 0} for half in "ab"}
        self._declared, self.functions = self._by_steps() if self.by_step else self._at_once()

    def _title(self) -> str:
        spec = str(self.job.network).replace(",", ", ")  # a space after each comma, where long lines can break
        dtype = ", as int8 with a scale for each column" * self.int8
        title = f"{spec}: {self.job.origin}{dtype}".replace("*/", "* /").replace("/*", "/ *")
        return ascii_form(title).encode("ascii", "replace").decode()

    def _lengths(self) -> tuple[str, str]:
        """Return the length that a sequence must have, in words, and the C condition that it has another."""
        ended = next((stage.ended for stage in self.stages if stage.ended is not None), None)
        if ended is not None and ended.layer.needs_length:
            fixed = self.job.network.head.fixed_timesteps
            return f"{fixed} timesteps", f"timesteps != {fixed}"
        least = least_steps(self.job.network.layers)
        return f"at least {least} timesteps" * (least > 1), f"timesteps < {least}"

    # The files

    def filled(self, section: str, **words: object) -> list[str]:
        """Return a section of `functions.c` with the network's values filled in."""
        return filled(section, **self.words, **words)

    def declarations(self) -> str:
        """Return what a program that uses the functions needs."""
        name = self.name.upper()
        x = f"ids: each from 0 to {self.vocabulary - 1}" if self.ids else f"x: timesteps * {name}_INPUTS numbers"
        y = f"{self.words['rows']} * " * self.returns_sequence
        length, others = (f" of {self.required}", "; 0 for any other length") if self.required else ("", "")
        run = self.filled("sequence", x=x, y=y, length=length, others=others)
        return "\n".join(self.filled("declarations", declared=laid_out([*self._declared, *run])))

    # State

    def states(self, steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
        """Yield each state that the layers carry: its declaration, and the line that first sets it."""
        for step in steps:
            if step.layer.window is not None and step.layer.looks_ahead:
                continue
            for key, size in step.layer.carried(step.reads).items():
                name, first = variable(step, key), "-INFINITY" if key == "largest" else "0.0f"
                if key == "count":
                    yield f"int32_t {name};", f"state->{name} = 0;"
                else:
                    yield f"float {name}[{size}];", call("fill", f"state->{name}", first, size)

    def reset(self) -> list[str]:
        """Return the lines that reset all states."""
        others = (line for _, line in self.states(self.steps) if "INFINITY" in line)
        return ["memset(state, 0, sizeof *state);", *others]

    def struct(self) -> list[str]:
        """Return the struct that holds the states and the scratch memory."""
        held = [declaration for declaration, _ in self.states(self.steps)]
        held += [f"float scratch[{self.scratch}]; /* not kept between steps */"] * (self.scratch > 0)
        held = held or ["char none; /* nothing is kept between steps */"]
        return [f"typedef struct {self.name}_state {{", *held, f"}} {self.name}_state;"]

    # Functions

    def _by_steps(self) -> tuple[list[str], list[str]]:
        """Return the declarations and the functions of a network that runs one step at a time."""
        first, *others = self.stages
        step = self.layers(first, "" if others else "y")
        if self.decodes:
            y, written = f"not used; {self.name}_next returns the output.", "NULL"
            step = [*closed(step), "return 0;"]
        elif others:
            y = "the network's output if the sequence ends here, or NULL if it is not needed, which is quicker."
            written = "t + 1 < timesteps ? NULL : y"
            step = [*closed(step), "if (y == NULL) {", "return 0;", "}", *self.run(others), "return 1;"]
        else:
            y, written = "the network's output at this timestep.", f"y + rows * {self.outputs}"
            step = closed(step, "return 1;") + ["return 0;"] * first.skips
        x = f"id: from 0 to {self.vocabulary - 1}" if self.ids else f"x: {self.name.upper()}_INPUTS numbers"
        declared = [*self.filled("steps", struct=self.struct(), x=x, y=y), ""]
        functions = [*function(self.words["reset"], self.reset()), *function(self.words["step"], step)]
        if self.decodes:
            declared += [*self.filled("next"), ""]
            functions += function(self.words["next"], self._decoded(others))
        decoded = [f"while ({self.name}_next(&state, y + rows * {self.outputs})) {{", "rows++;", "}"] * self.decodes
        return declared, [*functions, *self.filled("run", written=written, decoded=decoded), ""]

    def _decoded(self, stages: Sequence[Stage]) -> list[str]:
        """Return the body of the function for the next output vector, which the last stage writes."""
        *before, last = stages
        count = f"state->{last.steps[0].name}_count"
        lines = [f"if ({count} == 0) {{", *self.run(before, last), "}"]
        each = [f"{'while' if last.skips else 'if'} ({count} < {self._length}) {{", f"{count}++;"]
        return [*lines, *closed([*each, *self.layers(last, "y")], "return 1;"), "return 0;"]

    def _at_once(self) -> tuple[list[str], list[str]]:
        """Return the declarations and the function of a network that must read ahead, below its struct."""
        lines = self.run(self.stages)
        a, b = (" + ".join(f"{unit}{n}" for unit, n in room.items() if n) for room in self._rooms.values())
        halves = ["float *const a = workspace;"] * bool(a) + [f"float *const b = workspace + {a};"] * bool(b)
        returned = self._length if self.returns_sequence else "1"
        body = self.filled("at once", halves=halves, resets=self.reset(), lines=lines, returned=returned)
        unused = "" if a else ", which is not used and may be NULL"
        declared = self.filled("workspace", workspace=" + ".join(filter(None, (a, b))) or "0", unused=unused)
        return [*declared, ""], [*self.struct(), "", *function(self.words["run"], body)]

    def run(self, stages: Sequence[Stage], after: Stage | None = None) -> list[str]:
        """Return the lines that run stages, up to the one that comes after them, if any."""
        return [*chain(*map(self._stage, stages, [*stages[1:], after]))]

    def _stage(self, stage: Stage, after: Stage | None) -> list[str]:
        """Return the lines that run a stage and leave its output where the one after it reads it."""
        if stage.ended is not None:
            if after is None:
                return self.layers(stage, "y")
            repeat = after.steps[0]
            self._repeats, self._length = repeat.layer.n, str(repeat.layer.n)
            return self.layers(stage, f"state->{repeat.name}_vector")
        first, last = stage.steps[0], stage.steps[-1]
        if last.layer.merge is not None:
            return self._directions(last)
        begin = self._windows(first) if first.layer.looks_ahead and first.layer.window is not None else []
        index, loop, end = "t", self._loop(first.layer.reverses), ["}"]
        if first.layer.reverses:
            index = f"({self._length} - 1 - t)"
        elif first.layer.reads == "vector":
            index = f"state->{first.name}_count"
            if self.by_step:  # the loop may run again
                begin = [f"{index} = 0;", *(line for _, line in self.states(stage.steps[1:]))]
            loop, end = f"while ({index} < {self._length}) {{", [f"{index}++;", "}"]
        if last.layer.returns == "vector":
            return [*begin, loop, *closed(self.layers(stage)), *end]
        base, size, counts = self._place(last), features_of(last.returns), list[str]()
        if stage.skips:
            index = self._length = "rows" if after is None else f"{after.steps[0].name}_reads"
            begin, counts = [*begin, f"size_t {index} = 0;"], [f"{index}++;"]
        lines = closed(self.layers(stage, f"{base} + {index} * {size}"), *counts)
        self._x = f"{base} + t * {size}"
        return [*begin, loop, *lines, *end]

    def layers(self, stage: Stage, to: str = "") -> list[str]:
        """Return a stage's lines for a timestep, or for its vector, that write to `to`; blocks may be left open."""
        steps = stage.steps if stage.ended is None else [stage.ended, *stage.steps]
        lines, size = list[str](), self.outputs
        for step in steps:
            writer = CWriter(self, step, self._x, to if step is steps[-1] else "")
            more, self._x = reduced(writer) if step is stage.ended else writer.written()
            lines, size = [*lines, *more], writer.size
        if to not in ("", self._x):
            lines.append(call("copy", to, self._x, size))
            self._x = to
        return lines

    def _loop(self, backwards: bool) -> str:
        """Return the line that begins a loop over the timesteps."""
        order = f"size_t t = {self._length}; t-- > 0;" if backwards else f"size_t t = 0; t < {self._length}; t++"
        return f"for ({order}) {{"

    def _windows(self, step: Step) -> list[str]:
        """Return the line that counts a layer's windows over a stored sequence, which it reads through these."""
        window, read, self._length = step.layer.window, self._length, f"{step.name}_steps"
        first = f"window_start({read}, {window.span}, {window.stride}, t)".replace(" ", "\xa0")
        self._x = f"{self._x.partition(' ')[0]}, {read}, {first}"
        return [f"const size_t {self._length} = ({read} - 1) / {window.stride} + 1;"]

    def _directions(self, step: Step) -> list[str]:
        """Return a loop for each direction of a layer that reads time both ways."""
        layer, x, base = step.layer, self._x, self._place(step)
        sequence, units, size = layer.returns == "sequence", layer.state_sizes["h"], features_of(step.returns)
        self._x = base + f" + t * {size}" * sequence
        lines = [f"/* {layer.spec()} */"]
        for second, direction in enumerate(layer.directions):
            own = step._replace(name=f"{step.name}/{direction}".rstrip("/"), layer=replace(layer, merge_mode=None))
            writer = CWriter(self, own, x)
            to = self._x + f" + {units}" * (second and layer.merge == "concat")
            merged = MERGES[layer.merge] if second else "copy"
            merge = [call(merged, to, writer.state("h"), units)]
            zeros = [call("fill", to, "0.0f", units)] * (step.masked and sequence and merged == "copy")
            effect = "which leaves the state as it is" + " and the output 0" * sequence
            each = writer.unless_padding(effect, cell_call(writer), *merge * sequence)
            lines += [self._loop(backwards=second == 1), *zeros, *each, "}", *merge * (not sequence)]
        return lines

    def _place(self, step: Step) -> str:
        """Return where a layer's output is stored: in y, or in the half of the workspace that was not the last."""
        if step is self.steps[-1]:
            return "y"
        self._half = "b" if self._half == "a" else "a"
        rows = 1 if step.layer.returns == "vector" else self._repeats
        room, unit = self._rooms[self._half], "" if rows else "(timesteps) * "
        room[unit] = max(room[unit], features_of(step.returns) * max(rows, 1))
        return self._half

    def program(self) -> Iterator[str]:
        """Yield a main program that reads timesteps, runs the network and writes rows of numbers."""
        expected = f"an id from 0 to {self.vocabulary - 1}" if self.ids else plural(self.inputs, "number")
        yield from (*self.filled("reading", value=self.filled("id" if self.ids else "number"), expected=expected), "")
        check = self.filled("length check") if self.required else []
        if not self.by_step:
            yield from self.filled("main at once", length_check=check)
            return
        step, ended = f"{self.name}_step(&state, {'x[0]' if self.ids else 'x'}, y)", "found == 0 && timesteps > 0"
        each, after, write = [f"{step};"], list[str](), ["write_row(y);", "}"]
        if self.decodes:
            after = [f"while ({ended} && {self.name}_next(&state, y)) {{", *write]
        elif self.returns_sequence:
            each = [f"if ({step}) {{", *write]
        else:
            after = [f"if ({ended}) {{", *write]
        after = [*check, *after]
        counter, each = ["size_t timesteps = 0;"] * bool(after), ["timesteps++;"] * bool(after) + each
        yield from self.filled("main by steps", counter=counter, each=each, after=after)

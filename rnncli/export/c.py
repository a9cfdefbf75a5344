"""A network as C99 for a device: one source and its header, which need nothing but the C library's mathematics.

The source has the weights, a function for a timestep and one for a sequence. It allocates nothing: what lasts from
step to step, and what is needed within one, is in a struct of the caller, as large as `summary` says. A network with a
layer that reads from the end of the sequence has no step; there the function for a sequence is given a workspace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnncli.export import Job
from rnncli.export.c_functions import INDENT, WIDTH, Cell, called_in, commented, wrapped
from rnncli.export.c_layers import LAYERS, Body, Place, Vector, indented, phases_of
from rnncli.export.c_program import program_lines
from rnncli.export.c_whole import Whole
from rnncli.export.int8 import quantised
from rnncli.export.plan import Step
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.engine.types import Array

__all__ = ["LAYERS", "export", "header"]

FIRST = {"largest": "-INFINITY"}
"""What a state is at first that is not zero."""

ALIGNED = """\
/* Weights begin where a cache line does, if the compiler has a word for it. */
#ifdef __GNUC__
#define ALIGNED __attribute__((aligned(64)))
#else
#define ALIGNED
#endif
"""


def export(job: Job) -> str:
    """Return the source; it has the header within it, unless that is a file of its own."""
    return "\n".join(Source(job).lines()).rstrip("\n") + "\n"


def header(job: Job) -> str:
    """Return the header."""
    return "\n".join(Source(job).header()) + "\n"


class Source:
    """The C of a network.

    Attributes:
        plan: what there is to write.
        name: what stands before the names of its functions.
        int8: whether matrices and tables are int8.
        ids: whether it reads ids.
        inputs, outputs: how many numbers a timestep of the input has, and a vector of the output.
        by_step: whether it can run a step at a time.
        phases: the sequences that its layers go through.
        decodes: whether it returns a sequence once its input has ended.
        scratch: how many numbers it needs within a step.
        cells: the sorts of recurrent cells that have been written, by the names of their functions.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.plan, self.name = job, job.plan, job.device.name
        self.int8 = job.device.dtype == "int8"
        self.ids = job.network.head.vocabulary is not None
        self.inputs = 1 if self.ids else features_of(self.plan.reads)
        self.outputs = features_of(self.plan.returns)
        *_, account = job.network.accounts(dtype=job.device.dtype)
        self.by_step, self.scratch = account.streams, max((held.numbers for held in account.streaming.most), default=0)
        self.phases = phases_of(self.plan)
        self.returns_sequence = not self.phases[-1].ends
        self.decodes = self.returns_sequence and len(self.phases) > 1
        self.cells: dict[str, Cell] = {}
        self.workspace = ""
        self._functions = [*self._by_steps()] if self.by_step else [*self._at_once()]

    def unless_padding(self, place: Place, said: str, *lines: str) -> Sequence[str]:
        """Return lines that are for no padding, if the layer may read some."""
        if not place.step.masked:
            return lines
        body = place.body
        given, padding = f"{body.id} != 0", "id 0"
        if not self.ids:
            given, padding = f"any_but_0({body.input.text}, {self.inputs})", "a step of zeros"
        comment = f"{INDENT}/* {padding[0].upper()}{padding[1:]} is padding, {said}. */"
        return [comment, f"{INDENT}if ({given}) {{", *indented(lines), f"{INDENT}}}"]

    def states(self, steps: Sequence[Step]) -> Iterator[tuple[str, str, int]]:
        """Yield what lasts of some layers from step to step: what it is called in C, and in the layer, and its size."""
        for step in steps:
            for name, size in step.layer.carried(step.reads).items():
                yield f"{step.name}_{name}".replace("/", "_"), name, size

    def first_states(self, steps: Sequence[Step], zeros: bool = True) -> Iterator[str]:
        """Yield the lines that begin the states of some layers; without zeros, those that are something else."""
        for state, name, size in self.states(steps):
            if name == "count" and zeros:
                yield f"{INDENT}state->{state} = 0;"
            elif name in FIRST or (zeros and name != "count"):
                yield f"{INDENT}fill(state->{state}, {FIRST.get(name, '0.0f')}, {size});"

    # What is declared

    def lines(self) -> Iterator[str]:
        """Yield the lines of the source."""
        cells = [cell.function for cell in self.cells.values()]
        with_ids = self.ids and self.job.device.with_main
        yield from self._heading()
        if self.job.device.header:
            yield f'#include "{self.job.device.header}"'
        else:
            yield from self._declarations()
        yield from ("", *["#include <inttypes.h>"] * with_ids, "#include <math.h>", "#include <string.h>", "", ALIGNED)
        yield from self._arrays()
        yield from called_in("\n".join([*cells, *self._functions]))
        yield from (*cells, *self._functions)
        if self.job.device.with_main:
            yield from program_lines(self)

    def header(self) -> Iterator[str]:
        """Yield the lines of the header."""
        guard = f"{self.name.upper()}_H"
        yield from (*self._heading(), f"#ifndef {guard}", f"#define {guard}", "")
        yield from self._declarations()
        yield from ("", "#endif")

    def _heading(self) -> Iterator[str]:
        dtype = ", as int8 with a scale for each column" if self.int8 else ""
        said = f"{self.job.network}: {self.job.origin}{dtype}"
        text = said.replace("*/", "* /").replace("/*", "/ *").replace(",", ", ")
        yield from commented(text.encode("ascii", "replace").decode())

    def _declarations(self) -> Iterator[str]:
        name, state = self.name, f"{self.name}_state *state"
        inputs, outputs = self.macro("INPUTS"), self.macro("OUTPUTS")
        vocabulary = self.job.network.head.vocabulary
        reads = f"x: timesteps * {inputs} numbers" if vocabulary is None else f"ids: each from 0 to {vocabulary - 1}"
        count = f"{self.phases[-1].times if self.decodes else 'timesteps'} * " if self.returns_sequence else ""
        yield from ("#include <stddef.h>", "#include <stdint.h>", "")
        yield f"#define {inputs} {self.inputs}{' /* an id */' * self.ids}"
        yield from (f"#define {outputs} {self.outputs}", "")
        yield from ("#ifdef __cplusplus", 'extern "C" {', "#endif", "")
        if self.by_step:
            yield from (*self._struct(), "")
            yield from (*commented("Before the first timestep of a sequence."), f"void {name}_reset({state});", "")
            yield from (*commented(f"A timestep. y: {self._said_of_y()}"), f"{self._step_head()};", "")
        else:
            yield from commented("How many numbers the workspace has.")
            yield from (f"#define {self.macro('WORKSPACE')}(timesteps) ({self.workspace})", "")
        if self.by_step and self.decodes:
            yield from commented("After the last timestep: y is the next vector of the output; 0 if there is none.")
            yield from (f"int {name}_next({state}, float *y);", "")
        yield from (*commented(f"A whole sequence. {reads}; y: {count}{outputs} numbers."), f"{self._run_head()};", "")
        yield from ("#ifdef __cplusplus", "}", "#endif")

    def _said_of_y(self) -> str:
        if self.decodes:
            return f"not used; {self.name}_next returns what the network does."
        if self.returns_sequence:
            return "what the network returns for it."
        return "what the network returns if the sequence ends here; NULL if nobody asks, which is quicker."

    def macro(self, name: str) -> str:
        """Return what a constant is called: MODEL_INPUTS."""
        return f"{self.name.upper()}_{name}"

    def _struct(self) -> list[str]:
        held = [
            f"int32_t {state};" if name == "count" else f"float {state}[{size}];"
            for state, name, size in self.states(self.plan.steps)
        ]
        if self.scratch:
            held.append(f"float scratch[{self.scratch}]; /* nothing in it lasts from step to step */")
        held = held or ["char none; /* nothing lasts from step to step */"]
        return [f"typedef struct {self.name}_state {{", *indented(held), f"}} {self.name}_state;"]

    def _step_head(self) -> str:
        reads = "int32_t id" if self.ids else "const float *x"
        return wrapped(f"void {self.name}_step(", [f"{self.name}_state *state", reads, "float *y"], ")")

    def _run_head(self) -> str:
        reads = "const int32_t *ids" if self.ids else "const float *x"
        more = [] if self.by_step else ["float *workspace"]
        return wrapped(f"void {self.name}_run(", [reads, "size_t timesteps", "float *y", *more], ")")

    # What is defined

    def _arrays(self) -> Iterator[str]:
        """Yield the lines of the weights, each of them with its key and its shape."""
        weights = self.job.weights() if any(step.weights for step in self.plan.steps) else {}
        for step in self.plan.steps:
            for weight in step.weights:
                key = f"{step.name}/{weight.name}"
                array, name = np.asarray(weights[key], np.float32), key.replace("/", "_")
                shape = ", ".join(map(str, array.shape))
                if self.int8 and weight.is_matrix:
                    array, scale = quantised(array)
                    yield from array_lines("int8_t", name, f"{key} ({shape})", array)
                    yield from array_lines("float", f"{name}_scale", f"of each column of {key}", scale)
                else:
                    yield from array_lines("float", name, f"{key} ({shape})", array)

    def _by_steps(self) -> Iterator[str]:
        """Yield the functions of a network that runs a step at a time."""
        name, first, y = self.name, self.phases[0], Vector("y", self.outputs)
        empty = [f"{INDENT}memset(state, 0, sizeof *state);", *self.first_states(self.plan.steps, zeros=False)]
        yield from (f"void {name}_reset({name}_state *state)", "{", *empty, "}", "")
        body = Body(self)
        made = body.through(first.over, body.input, None if first.ends else y)
        if first.ends and not self.decodes:
            body.lines += [f"{INDENT}if (y == NULL) {{", f"{INDENT * 2}return;", f"{INDENT}}}"]
            made = body.ended(self.phases, made, y)
        if not self.decodes:
            body.copied(made, "y")
        reads = "id" if self.ids else "x"
        yield from (self._step_head(), "{", *unused(body.lines, "state", reads, "y"), *body.lines, "}", "")
        to = f"y + t * {self.outputs}" if self.returns_sequence else "t + 1 < timesteps ? NULL : y"
        if self.decodes:
            yield from self._next(made)
            to = "NULL"
        each = "ids[t]" if self.ids else f"x + t * {self.inputs}"
        yield from (self._run_head(), "{", f"{INDENT}{name}_state state;", "", f"{INDENT}{name}_reset(&state);")
        yield f"{INDENT}for (size_t t = 0; t < timesteps; t++) {{"
        yield from (f"{INDENT * 2}{name}_step(&state, {each}, {to});", f"{INDENT}}}")
        if self.decodes:
            yield f"{INDENT}while ({name}_next(&state, y)) {{"
            yield from (f"{INDENT * 2}y += {self.outputs};", f"{INDENT}}}")
        yield from ("}", "")

    def _next(self, made: Vector) -> Iterator[str]:
        """Yield the function for what a network returns when its input has ended, given what came of its last step."""
        *before, last = self.phases
        start, each = Body(self), Body(self)
        count = start.repeated(last, start.ended(before, made))
        each.copied(each.through(last.over, last.vector, Vector("y", self.outputs)), "y")
        yield from (f"int {self.name}_next({self.name}_state *state, float *y)", "{")
        yield from (f"{INDENT}if ({count} == 0) {{", *indented(start.lines), f"{INDENT}}}")
        yield from (f"{INDENT}if ({count} == {last.times}) {{", f"{INDENT * 2}return 0;", f"{INDENT}}}")
        yield from (f"{INDENT}{count}++;", *each.lines, f"{INDENT}return 1;", "}", "")

    def _at_once(self) -> Iterator[str]:
        """Yield the struct and the function of a network that needs the whole sequence."""
        whole = Whole(self)
        for phase in self.phases:
            whole.take(phase)
        self.workspace = " + ".join(filter(None, map(whole.room, "ab"))) or "0"
        places = {"a": "workspace", "b": " + ".join(filter(None, ("workspace", whole.room("a"))))}
        used = [name for name in places if any(whole.halves[name])]
        halves = [f"{INDENT}float *const {name} = {places[name]};" for name in used]
        ignored = unused([*halves, *whole.lines], "ids" if self.ids else "x", "workspace")
        empty = [f"{INDENT}memset(state, 0, sizeof *state);", *self.first_states(self.plan.steps, zeros=False)]
        begin = [f"{INDENT}{self.name}_state memory, *const state = &memory;", *halves, "", *ignored, *empty]
        yield from (*self._struct(), "", self._run_head(), "{", *begin, *whole.lines, "}", "")


def unused(lines: Sequence[str], *parameters: str) -> Iterator[str]:
    """Yield the lines that say of parameters that nothing reads them."""
    code = re.sub(r"/\*.*?\*/", "", "\n".join(lines), flags=re.DOTALL)
    yield from (f"{INDENT}(void){each};" for each in parameters if not re.search(rf"\b{each}\b", code))


def array_lines(kind: str, name: str, said: str, array: Array) -> Iterator[str]:
    """Yield the lines of a constant array: the fewest digits that are read as the same numbers."""
    yield f"/* {said} */"
    yield f"ALIGNED static const {kind} {name}[{array.size}] = {{"
    line, end = INDENT[1:], "f," if kind == "float" else ","
    for value in array.ravel().astype(str).tolist():
        if len(line) + len(value) + len(end) >= WIDTH:
            yield line
            line = INDENT[1:]
        line += f" {value}{end}"
    yield from (line, "};", "")

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
from typing import TYPE_CHECKING, Any

from rnncli.characters import ascii_form
from rnncli.export import Job
from rnncli.export.c_code import (
    LAYERS,
    SCRATCH,
    array_lines,
    call,
    filled,
    laid_out,
    layer_code,
    layer_words,
    quantised,
    substituted,
    used_in,
    variable,
)
from rnncli.export.plan import Arrays, Step
from rnncli.immutable import NamedTuple
from rnncli.language.rules import least_steps
from rnncli.layers import Layer
from rnncli.quantities import features_of, plural

if TYPE_CHECKING:
    from rnncli.engine.activations import Array

__all__ = ["LAYERS", "export", "header", "stored"]

INPUT: Mapping[str, tuple[str, str]] = {
    "type": ("float", "int32_t"),
    "takes": ("const float *x", "int32_t id"),
    "takes_all": ("const float *x", "const int32_t *ids"),
    "timestep": ("x", "id"),
    "at_t": ("x + t * $size", "ids[t]"),
    "read": ("x", "x[0]"),
    "each": ("x: ${NAME}_INPUTS numbers", "id: from 0 to $last"),
    "all": ("x: timesteps * ${NAME}_INPUTS numbers", "ids: each from 0 to $last"),
    "blank": ("A step of zeros", "Id 0"),
    "given": ("any_but_0($x, $size)", "$x != 0"),
    "expected": ("$numbers", "an id from 0 to $last"),
}
"""The words for an input of vectors, and for one of ids."""

OUTPUT: Mapping[str, tuple[str, str, str]] = {
    "streams": ("timesteps", "the network's output at this timestep.", "y + rows * $outputs"),
    "ends": (
        "1",
        "the network's output if the sequence ends here, or NULL if it is not needed, which is quicker.",
        "t + 1 < timesteps ? NULL : y",
    ),
    "decodes": ("$length", "not used; ${name}_next returns the output.", "NULL"),
}
"""How many vectors are returned, what a step's y is, and what a sequence passes for it.

They are returned at each timestep, at the end, or one after another after the end.
"""

MERGES: Mapping[str, str] = {"concat": "copy", "sum": "add", "mul": "multiply", "ave": "average"}
"""The function that merges the second direction's output with the first's."""


def export(job: Job) -> str:
    """Return the source, which includes the header's declarations unless the header is a separate file."""
    source, device = CSource(job), job.device
    code = laid_out([*chain(*source.cells.values()), *source.functions])
    if device.header and not {'"', "\n"} & {*device.header}:  # C cannot include such a name
        source.words["declarations"] = f'#include "{device.header}"'
    arrays = chain(*(array_lines(key, array) for key, array in source.constants.items()))
    parts = [*filled("source", source.words), "", *arrays, used_in(code, device.dtype) + code.rstrip("\n")]
    if device.with_main:
        main = filled("main by steps" if source.by_step else "main at once", source.words)
        parts += ["", laid_out([*filled("reading", source.words), "", *main])]
    return "\n".join([*parts, ""])


def header(job: Job) -> str:
    """Return the header."""
    return "\n".join([*filled("header", CSource(job).words), ""])


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
    """Layers that run in one loop over time, and those that run once after it.

    Attributes:
        loop: the layers for each timestep. One that repeats a vector is the first; one that reads ahead is the first or
            follows that.
        then: the layers that read the vector that the loop ends in, if it does.
    """

    loop: list[Step]
    then: list[Step]

    @property
    def ends(self) -> bool:
        """Whether the loop ends in a vector."""
        return bool(self.loop) and self.loop[-1].layer.returns == "vector"

    @property
    def skips(self) -> bool:
        """Whether the loop has no output at some timesteps, which do not end a window."""
        return any(step.layer.window is not None and not step.layer.looks_ahead for step in self.loop)


def stages_of(steps: Sequence[Step]) -> list[Stage]:
    """Return the stages of a network; each begins when the one before it has ended."""
    stages = [Stage([], [])]
    for step in steps:
        loop, then = stages[-1]
        if step.layer.reads == "vector" or (loop and not stages[-1].ends and waits(step.layer, loop[-1].layer)):
            stages.append(Stage([step], []))
        else:
            (then if stages[-1].ends else loop).append(step)
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
        by_step: whether it runs one timestep at a time.
        scratch: the numbers of scratch memory that a step needs.
        words: the values that its templates name.
        cells: the functions of recurrent cells, by name.
        functions: the lines of the other functions.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.int8 = job, job.device.dtype == "int8"
        self.constants = constants(job, self.int8)
        self.steps = [step for step in job.plan.steps if step.layer.step(step.reads) is not None]
        self.stages = stages_of(self.steps)
        *_, self.account = job.network.accounts(dtype=job.device.dtype)
        self.by_step = self.account.streams
        self.scratch = max((held.numbers for held in self.account.streaming.most), default=0)
        self.words = self._words()
        self.cells: dict[str, list[str]] = {}
        # The current vector, the length of its sequence, and that as a number once a vector has been repeated
        self._x, self._size, self._length, self._repeats = self.words["x"], self.account.input, "timesteps", 0
        self._stored = list[tuple[str, int]]()
        self.functions = self._by_steps() if self.by_step else self._at_once()
        self.words["declared"] = laid_out(filled("declared", self.words))
        self.words["declarations"] = "\n".join(filled("declarations", self.words))

    def _words(self) -> dict[str, Any]:
        """Return the values that templates name, apart from those of a single layer."""
        network, size = self.job.network, self.account.input
        vocabulary, least = network.head.vocabulary or 0, least_steps(network.layers)
        repeats = any(step.layer.reads == "vector" for step in self.steps)
        way = "ends" if self.stages[-1].ends else "decodes" if repeats else "streams"
        ended = next((stage.loop[-1].layer for stage in self.stages if stage.ends), None)
        fixed = network.head.fixed_timesteps if ended is not None and ended.needs_length else None
        required = f"at least {least} timesteps" * (least > 1) if fixed is None else f"{fixed} timesteps"
        states = [*self._states(self.steps)]
        on_stack = self.scratch + sum(size for _, _, size in self._carried(self.steps))
        words: dict[str, Any] = {
            "heading": laid_out([f"/* {self._title()} */"]),
            "name": self.job.device.name,
            "NAME": self.job.device.name.upper(),
            "ids": vocabulary > 0,
            "id_unused": vocabulary == 1 and not self.job.plan.heeds_padding,
            "vocabulary": vocabulary,
            "last": vocabulary - 1,
            "size": size,
            "numbers": plural(size, "number"),
            "inputs": f"{size} /* an id */" if vocabulary else size,
            "outputs": features_of(self.account.shape),
            "length": self.account.shape[1],
            "by_step": self.by_step,
            **{each: self.by_step and each == way for each in OUTPUT},
            "required": required,
            "of_length": f" of {required}" * bool(required),
            "or_0": "; 0 for any other length" * bool(required),
            "other_length": f"timesteps < {least}" if fixed is None else f"timesteps != {fixed}",
            "counts": required or way != "streams",
            "states": [declaration for declaration, _ in states],
            "infinite": [line for _, line in states if "INFINITY" in line],
            "scratch": self.scratch,
            "stateless": not states and self.scratch == 0,
            "on_stack": f"; it keeps {on_stack:,} others on the stack" * bool(on_stack),
        }
        words["struct"] = filled("struct", words)
        texts = {"x": INPUT["timestep" if self.by_step else "at_t"], **INPUT}
        for word, (of_vectors, of_ids) in texts.items():
            (words[word],) = substituted([of_ids if vocabulary else of_vectors], words)
        words["rows"], words["y"], words["written"] = substituted(OUTPUT[way], words)
        words["rows_in_y"] = "" if way == "ends" else f"{words['rows']} * "
        return words

    def _title(self) -> str:
        spec = str(self.job.network).replace(",", ", ")  # a space after each comma, where long lines can break
        dtype = ", as int8 with a scale for each column" * self.int8
        title = f"{spec}: {self.job.origin}{dtype}".replace("*/", "* /").replace("/*", "/ *")
        return ascii_form(title).encode("ascii", "replace").decode()

    def _states(self, steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
        """Yield each state that the layers carry: its declaration, and the line that first sets it."""
        for step, key, size in self._carried(steps):
            name, first = variable(step, key), "-INFINITY" if key == "largest" else "0.0f"
            if key == "count":
                yield f"int32_t {name};", f"state->{name} = 0;"
            else:
                yield f"float {name}[{size}];", call("fill", f"state->{name}", first, size)

    def _carried(self, steps: Sequence[Step]) -> Iterator[tuple[Step, str, int]]:
        """Yield each state that the layers carry: its layer, its name there, and how many numbers it has."""
        for step in steps:
            if step.layer.window is None or not step.layer.looks_ahead:
                yield from ((step, key, size) for key, size in step.layer.carried(step.reads).items())

    def _by_steps(self) -> list[str]:
        """Return the functions of a network that runs one step at a time."""
        first, *others = self.stages
        if not first.ends:
            step = self.layers(first.loop, "y", "return 1;") + ["return 0;"] * first.skips
            return filled("by steps", self.words | {"step": step})
        step, end = self.layers(first.loop), self._end(first, *others[:1])
        if self.stages[-1].ends:
            return filled("by steps", self.words | {"step": step, "end": end + self._run(others)})
        *middle, last = others
        vector, each = end + self._run(middle, last), self.layers(last.loop, "y", "return 1;")
        count, again = f"state->{variable(last.loop[0], 'count')}", "while" if last.skips else "if"
        words = {"vector": vector, "each": each, "count": count, "again": again, "repeats": self._length}
        decoder = [*filled("decoder", self.words | words), ""]
        return filled("by steps", self.words | {"step": step, "decoder": decoder})

    def _at_once(self) -> list[str]:
        """Return the function of a network that must read ahead, below its struct."""
        lines = self._run(self.stages)
        returned, halves = "1" if self.stages[-1].ends else self._length, (self._stored[::2], self._stored[1::2])
        # The dict keeps the last number for each unit, which is its largest.
        a, b = (" + ".join(f"{unit}{number}" for unit, number in dict(sorted(half)).items()) for half in halves)
        unused = "" if a else ", which is not used and may be NULL"
        self.words |= {"a": a, "b": b, "workspace": " + ".join(filter(None, (a, b))) or "0", "unused": unused}
        return filled("at once", self.words | {"lines": lines, "returned": returned})

    def _run(self, stages: Sequence[Stage], after: Stage | None = None) -> list[str]:
        """Return the lines that run stages, up to the one that comes after them, if any."""
        pairs = zip(stages, [*stages[1:], after], strict=False)
        return [*chain(*(self._loop(*pair) + self._end(*pair) for pair in pairs))]

    def _loop(self, stage: Stage, after: Stage | None) -> list[str]:
        """Return the loop of a stage, which stores its output if it is a sequence."""
        first, last, begin = stage.loop[0], stage.loop[-1], list[str]()
        if last.layer.merge is not None:
            return self._both_ways(last)
        if first.layer.window is not None and first.layer.looks_ahead:
            begin = self._windows(first)
        loop, index = self._over_time(first)
        if first.layer.reads == "vector" and self.by_step:  # the loop may run again
            begin = [f"{index} = 0;", *(line for _, line in self._states(stage.loop[1:]))]
        if stage.ends:
            return [*begin, loop, *self.layers(stage.loop), "}"]
        place, size, counts = self._place(last), features_of(last.returns), list[str]()
        if stage.skips:
            index = self._length = "rows" if after is None else f"{after.loop[0].name}_reads"
            begin, counts = [*begin, f"size_t {index} = 0;"], [f"{index}++;"]
        lines = self.layers(stage.loop, f"{place} + {index} * {size}", *counts)
        self._x = f"{place} + t * {size}"
        return [*begin, loop, *lines, "}"]

    def _over_time(self, step: Step) -> tuple[str, str]:
        """Return the line that begins a loop over the timesteps that a layer reads, and the index of its output."""
        if step.layer.reverses:
            return f"for (size_t t = {self._length}; t-- > 0;) {{", f"({self._length} - 1 - t)"
        if step.layer.reads == "vector":
            count = f"state->{variable(step, 'count')}"
            return f"for (; {count} < {self._length}; {count}++) {{", count
        return f"for (size_t t = 0; t < {self._length}; t++) {{", "t"

    def _windows(self, step: Step) -> list[str]:
        """Return the line that counts a layer's windows over a stored sequence, which it reads through these."""
        window, read, self._length = step.layer.window, self._length, f"{step.name}_steps"
        first = f"window_start({read}, {window.span}, {window.stride}, t)".replace(" ", "\xa0")
        self._x = f"{self._x.partition(' ')[0]}, {read}, {first}"
        return [f"const size_t {self._length} = ({read} - 1) / {window.stride} + 1;"]

    def _both_ways(self, step: Step) -> list[str]:
        """Return a loop for each direction of a layer that reads time both ways."""
        layer, x, place = step.layer, self._x, self._place(step)
        sequence, units, self._size = layer.returns == "sequence", layer.state_sizes["h"], features_of(step.returns)
        self._x = place + f" + t * {self._size}" * sequence
        lines = [f"/* {layer.spec()} */"]
        for second, direction in enumerate(layer.directions):
            one_way = replace(layer, merge_mode=None, go_backwards=bool(second))
            own = step._replace(name=f"{step.name}/{direction}".rstrip("/"), layer=one_way)
            words, to = layer_words(self, own, x), self._x + f" + {units}" * (second and layer.merge == "concat")
            merged = MERGES[layer.merge] if second else "copy"
            merge = [call(merged, to, words["h"], units)]
            zeros = [call("fill", to, "0.0f", units)] * (step.masked and sequence and merged == "copy")
            effect = "which leaves the state as it is" + " and the output 0" * sequence
            each = filled("padding", {**words, "effect": effect, "lines": [words["cell"], *merge * sequence]})
            lines += [self._over_time(own)[0], *zeros, *each, "}", *merge * (not sequence)]
        return lines

    def _end(self, stage: Stage, after: Stage | None = None) -> list[str]:
        """Return the lines that follow a stage's loop if it ends in a vector, up to the one returned or repeated."""
        if not stage.ends:
            return []
        to, ended, lines = "y", stage.loop[-1], list[str]()
        if after is not None:
            repeat = after.loop[0]
            to, self._repeats = f"state->{variable(repeat, 'vector')}", repeat.layer.n
            self._length = str(self._repeats)
        if ended.layer.joins == "avg":
            mean, count = SCRATCH if stage.then else to, f"(float)state->{variable(ended, 'count')}"
            lines, self._x = [call("divide", mean, self._x, count, self._size)], mean
        return lines + self.layers(stage.then, to)

    def layers(self, steps: Sequence[Step], to: str = "", *last: str) -> list[str]:
        """Return the lines of layers for a timestep or a vector.

        Args:
            steps: the layers.
            to: where they write their output; empty to let them choose.
            last: the lines that come last, inside any blocks that the layers open.
        """
        lines = list[str]()
        for step in steps:
            more, self._x = layer_code(self, step, self._x, to if step is steps[-1] else "")
            lines, self._size = [*lines, *more], features_of(step.returns)
        if to not in ("", self._x):
            lines.append(call("copy", to, self._x, self._size))
            self._x = to
        opened = sum(line.endswith("{") - line.startswith("}") for line in lines)
        return [*lines, *last, *["}"] * opened]

    def _place(self, step: Step) -> str:
        """Return where a layer's output is stored: in y, or in the half of the workspace that was not the last."""
        if step is self.steps[-1]:
            return "y"
        rows = 1 if step.layer.returns == "vector" else self._repeats
        self._stored.append(("" if rows else "(timesteps) * ", features_of(step.returns) * max(rows, 1)))
        return "ba"[len(self._stored) % 2]

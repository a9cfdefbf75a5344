"""A network as a plain loop in NumPy, as in a textbook: a program without other dependencies.

The function `model` has one or two lines for each layer. The weights are read from a file or drawn in the same way as
by `rnncli forward`; the input is always drawn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from rnncli.engine.request import default_timesteps
from rnncli.errors import UsageError, printable
from rnncli.export import Job
from rnncli.export.numpy_functions import ACTIVATIONS, CELL, FUNCTIONS, INITIALIZERS, called, function, sort_of
from rnncli.export.plan import Arrays, Plan, Step
from rnncli.export.python_calls import INDENT, commented, docstring, fits, laid_out, shape_words
from rnncli.immutable import NamedTuple
from rnncli.layers import Layer
from rnncli.layers.python_call import PythonCall, string

LONG_RUN = 3
"""The number of equal layers from which they are written as a loop."""


def export(job: Job) -> str:
    """Return the source of a program that defines a function `model` and runs it on a random input.

    Raises:
        UsageError: the weights come from a file, and are not saved for the program.
    """
    if not job.drawn and job.saved is None:
        message = f"the NumPy program would draw new weights instead of {printable(job.origin)}"
        raise UsageError(message, "save the weights for the program: --save-weights model.npz")
    plan = job.plan
    names, owners = _names(plan), [step for step in plan.steps if step.weights]
    activations = {each for step in plan.steps for each in step.layer.activations}
    lines = [*docstring(job.network, more=" in plain NumPy"), ""]
    if "gelu" in activations:
        lines += ["from math import erf, sqrt", ""]  # NumPy has no error function
    lines.append("import numpy as np")
    if owners and job.saved is not None:
        lines += ["", *laid_out(PythonCall("with np.load", (string(job.saved),)), end=" as file:")]
        lines.append(f"{INDENT}weights = dict(file)  # by key: {owners[0].name}/{owners[0].weights[0].name}")
    for name in sorted(activations, key=[*ACTIVATIONS].index):
        if (body := ACTIVATIONS[name]) is not None:
            lines += function(f"{name}(x)", body)
    for sort, name in names.items():
        arguments, statements = FUNCTIONS[sort.kind].written(sort, plan.masks_cells)
        lines += function(f"{name}({arguments})", *statements)
    lines += _model(plan, names)
    if owners and job.saved is None:
        lines += _drawn(job, owners)
    return "\n".join([*lines, *_main(job)]) + "\n"


def arrays(job: Job) -> Arrays:
    """Return the weights by key (`lstm/kernel`), with Keras's shapes and gate order."""
    return job.weights()


def _names(plan: Plan) -> Mapping[Layer, str]:
    """Return the function name for each sort of layer; it includes the options if the kind has several sorts."""
    sorts = dict.fromkeys(sort for step in plan.steps if (sort := sort_of(step.layer)) is not None)
    kinds = Counter(sort.kind for sort in sorts)
    names = {}
    for sort in sorts:
        options = 2 if sort.sizes.attributes else 1  # the index of the first field after the kind and any size
        words = sort.spec().split(":")[options:] if kinds[sort.kind] > 1 else []
        names[sort] = re.sub(r"\W", "_", "_".join([sort.keras_names()[0], *words]))
    return names


# Equal layers as a loop


def _runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Yield runs of layers that can be one loop: equal, with equal inputs and consecutively numbered names."""
    numbered = (step.name != step.layer.keras_names()[0] for step in steps)
    for _, run in groupby(steps, key=lambda step: (next(numbered), step.layer, step.reads, step.masked)):
        yield [*run]


def _looped(run: list[Step], lines_of: Callable[[Step, str], Iterator[str]]) -> Iterator[str]:
    """Yield the lines for a run of layers: a loop for a long run, else the lines of each."""
    if len(run) < LONG_RUN:
        yield from chain.from_iterable(lines_of(step, "") for step in run)
        return
    base, _, first = run[0].name.rpartition("_")
    # In a loop over n, a layer's number is n plus a constant.
    lines = list(lines_of(run[0]._replace(name=f"{base}_{{n}}", number=run[0].number - int(first)), INDENT))
    if _only_comments(lines):
        yield from lines
        return
    if any("{n}" in line for line in lines):
        yield f"for n in range({first}, {int(first) + len(run)}):"
    else:
        yield f"for _ in range({len(run)}):"
    yield from (f"{INDENT}{line}" for line in lines)


def _only_comments(lines: list[str]) -> bool:
    """Return whether all lines are comments, which need not be repeated."""
    return all(line.startswith("#") for line in lines)


def _quoted(name: str) -> str:
    """Return a name as a string literal; an f-string if it contains the loop variable n."""
    return f'{"f" if "{n}" in name else ""}"{name}"'


# The function `model`


def _model(plan: Plan, names: Mapping[Layer, str]) -> Iterator[str]:
    body = [f'"""{shape_words(plan.reads)} -> {shape_words(plan.returns)}"""']
    if plan.heeds_padding:
        body.append(f"mask = {plan.mask}  # (batch, timesteps): {plan.network.head.padding} is padding")
    for run in _runs(plan.steps):
        lines = list(_looped(run, lambda step, room: LAYERS[step.layer.kind](NumpyWriter(plan, names, step, room))))
        if not (_only_comments(lines) and lines == body[-len(lines) :]):
            body += lines
    yield from function(f"model({plan.argument})", *body, "return x")


class NumpyWriter(NamedTuple):
    """Writes a layer as NumPy code.

    Attributes:
        plan: the export plan.
        names: the function name for each sort of layer.
        step: the layer's step; in a loop its name is `lstm_{n}` and its number is relative to n.
        room: the extra indentation within a loop.
    """

    plan: Plan
    names: Mapping[Layer, str]
    step: Step
    room: str

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.step.layer

    def shared(self, *arguments: str) -> PythonCall:
        """Return the call of the function that layers of the same sort share."""
        sort = sort_of(self.layer)
        assert sort is not None
        return PythonCall(self.names[sort], arguments)

    def assigned(self, value: str | PythonCall, target: str = "x", more: str = "") -> Iterator[str]:
        """Yield the lines that assign a value; assignments to x have the output shape, and `more`, as a comment."""
        comment = f"{shape_words(self.step.returns)}{more}" if target == "x" else ""
        room = INDENT + self.room  # used to measure the lines; the indentation itself is added later
        if isinstance(value, PythonCall):
            call = PythonCall(f"{target} = {value.function}", value.arguments)
            yield from (line[len(room) :] for line in laid_out(call, room, comment=comment))
        else:
            yield from commented(f"{target} = {value}", comment, room)


def _recurrent(writer: NumpyWriter) -> Iterator[str]:
    layer, whole = writer.layer, writer.layer.returns == "sequence"
    inputs = ["x", "mask"] if writer.plan.masks_cells else ["x"]

    def reading(direction: str, backwards: bool) -> PythonCall:
        arguments = [f"{each}[:, ::-1]" if backwards else each for each in inputs]
        return writer.shared(*arguments, _quoted(writer.step.name + direction))

    if layer.merge is not None:
        yield from writer.assigned(reading("/forward", backwards=False), "forward")
        yield from writer.assigned(reading("/backward", backwards=True), "backward")
        both = ("forward", "backward[:, ::-1]") if whole else ("forward[:, -1]", "backward[:, -1]")
        merged = MERGES[layer.merge].format(*both)
        if writer.step.masked and whole:
            yield f"x = {merged}"
            yield from writer.assigned("np.where(mask[..., None], x, 0)", more=", 0 at padding")
        else:
            yield from writer.assigned(merged)
        return
    call = reading("", layer.reverses)
    if whole:
        yield from writer.assigned(call)
    elif fits(f"{INDENT}{writer.room}x = {call}[:, -1]  # {shape_words(writer.step.returns)}"):
        yield from writer.assigned(f"{call}[:, -1]")
    else:
        yield from writer.assigned(call, "outputs")
        yield from writer.assigned("outputs[:, -1]")


MERGES: Mapping[str, str] = {
    "concat": "np.concatenate([{}, {}], axis=-1)",
    "sum": "{} + {}",
    "mul": "{} * {}",
    "ave": "({} + {}) / 2",
}
"""The expression that merges the outputs of two directions."""


def _applied(writer: NumpyWriter) -> Iterator[str]:
    """Yield the line that applies a layer's function and activation to x; a bare matrix product needs no function."""
    layer, name = writer.layer, writer.step.name
    value = f"x @ weights[{_quoted(f'{name}/kernel')}]"
    if sort_of(layer) is not None:
        value = str(writer.shared("x", *[_quoted(name)] * bool(writer.step.weights)))
    yield from writer.assigned(called((*layer.activations, "linear")[0], value))
    if layer.window is not None:
        yield from _unmasked(writer)


def _repeat(writer: NumpyWriter) -> Iterator[str]:
    yield from writer.assigned(f"np.repeat(x[:, None], {writer.layer.n}, axis=1)")
    yield from _unmasked(writer)


def _pool(writer: NumpyWriter) -> Iterator[str]:
    window = writer.layer.window
    if window is not None:
        yield from writer.assigned(writer.shared("x", str(window.width), str(window.stride)))
        yield from _unmasked(writer)
    elif writer.layer.joins == "avg" and writer.step.masked:
        yield "total = x.sum(axis=1, where=mask[..., None])"
        yield from writer.assigned("total / mask.sum(axis=1, keepdims=True)")
    else:
        yield from writer.assigned(POOLS[writer.layer.joins])


POOLS: Mapping[str, str] = {"max": "x.max(axis=1)", "avg": "x.mean(axis=1)"}
"""The expression that reduces a sequence to a vector, by mode."""


def _unmasked(writer: NumpyWriter) -> Iterator[str]:
    """Yield the line that replaces the mask for a new sequence without padding, if a later cell reads the mask."""
    later = (step.layer for step in writer.plan.steps[writer.step.number :])
    reader = next((layer for layer in later if layer.states or not layer.passes_mask), None)
    if writer.plan.masks_cells and reader is not None and reader.states:
        yield "mask = np.ones(x.shape[:2], bool)  # no padding from here on"


LAYERS: Mapping[str, Callable[[NumpyWriter], Iterator[str]]] = {
    **{kind: _recurrent if shared is CELL else _applied for kind, shared in FUNCTIONS.items()},
    "embed": lambda writer: writer.assigned(f'weights["{writer.step.name}/embeddings"][ids]'),
    "dropout": lambda writer: iter([f"# {writer.layer.spec()} is only active in training"]),
    "repeat": _repeat,
    "act": lambda writer: writer.assigned(called(writer.layer.activation, "x")),
    "pool": _pool,
    "flatten": lambda writer: writer.assigned("x.reshape(len(x), -1)"),
}
"""The function that writes each kind of layer's lines in `model`. An input has none."""


# Weights and input


def _drawn(job: Job, owners: Sequence[Step]) -> Iterator[str]:
    """Yield the lines that draw the weights like rnncli, each from its own random stream."""
    used = {str(weight.initializer) for step in owners for weight in step.weights}
    for name in sorted(used, key=[*INITIALIZERS].index):
        yield from function(f"{name}(rng, shape)", INITIALIZERS[name])
    yield from function(
        "draw(layer, key, initializer, *shape)",
        '"""Draw a weight from its own random stream, as `rnncli forward` does."""',
        *_stream(job, "(layer, len(weights))"),
        "weights[key] = initializer(np.random.default_rng(stream), shape)",
    )
    yield from ("", "", "weights = {}")
    for run in _runs(owners):
        yield from _looped(run, _drawn_layer)


def _drawn_layer(step: Step, room: str) -> Iterator[str]:
    number = f"n + {step.number}" if "{n}" in step.name else str(step.number)
    for weight in step.weights:
        sizes = tuple(map(str, weight.shape))
        call = PythonCall("draw", (number, _quoted(f"{step.name}/{weight.name}"), str(weight.initializer), *sizes))
        yield from (line[len(room) :] for line in laid_out(call, room))


def _main(job: Job) -> Iterator[str]:
    """Yield the lines that run the model on the random input of `rnncli forward`."""
    head, name = job.network.head, job.plan.argument
    timesteps = default_timesteps(job.network)
    yield from ("", "", 'if __name__ == "__main__":')
    yield f"{INDENT}# The random input of `rnncli forward`, drawn one timestep after another."
    yield from (f"{INDENT}{line}" for line in _stream(job, "(0,)"))
    yield f"{INDENT}rng = np.random.default_rng(stream)"
    if head.vocabulary is None:
        features = job.plan.reads[-1]
        yield f"{INDENT}x = rng.standard_normal(({timesteps}, {features}, 1), np.float32).transpose(2, 0, 1)"
    else:
        yield f"{INDENT}ids = rng.integers(0, {head.vocabulary}, ({timesteps}, 1), np.int32).T"
    yield f"{INDENT}y = model({name})"
    yield f'{INDENT}print(f"{{{name}.shape}} -> {{y.shape}}")'
    yield f"{INDENT}print(y)"


def _stream(job: Job, key: str) -> Iterator[str]:
    """Yield the lines that create the random stream for a key, as `rnncli.engine.initializers` does."""
    call = PythonCall("stream = np.random.SeedSequence", (str(job.seed), f"spawn_key={key}"))
    yield from (line.removeprefix(INDENT) for line in laid_out(call, INDENT))

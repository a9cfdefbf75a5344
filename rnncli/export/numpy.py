"""A network as the textbook's loop in plain NumPy: a program that needs nothing else.

Its function `model` has a line or two for each layer. Its weights and its input are read from a file, or drawn as
`rnncli forward` draws them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import UsageError, printable
from rnncli.export import Job
from rnncli.export.numpy_functions import (
    ACTIVATIONS,
    BATCH_NORM,
    CELL,
    CONV,
    DENSE,
    INITIALIZERS,
    NORM,
    POOL,
    Shared,
    called,
    function,
)
from rnncli.export.plan import Plan, Step
from rnncli.export.python_calls import INDENT, commented, docstring, fits, laid_out, shape_words
from rnncli.layers import Layer
from rnncli.layers.python_call import Call, string

if TYPE_CHECKING:
    from rnncli.export import Arrays

LONG_RUN = 3
"""Equal layers from this number on are written as a loop."""

TIMESTEPS = 100
"""The length of the random input, where the network does not say one: that of `rnncli forward`."""


def export(job: Job) -> str:
    """Return the source of a program that binds a function to the name `model`, and runs it on a random input.

    Raises:
        UsageError: the weights are those of a file, and are not written along.
    """
    if not job.drawn and job.saved is None:
        raise UsageError(
            f"the loop in NumPy would draw other weights than {printable(job.origin)}",
            "write them along: --save-weights model.npz",
        )
    program = _program(job.plan)
    owners = [step for step in job.plan.steps if step.weights]
    activations = {each for step in job.plan.steps for each in step.layer.activations}
    lines = [*docstring(job.network, more=" in plain NumPy"), ""]
    if "gelu" in activations:
        lines += ["from math import erf, sqrt", ""]  # NumPy has no error function
    lines.append("import numpy as np")
    if owners and job.saved is not None:
        lines += ["", *laid_out(Call("with np.load", (string(job.saved),)), end=" as file:")]
        lines.append(f"{INDENT}weights = dict(file)  # by key: {owners[0].name}/{owners[0].weights[0].name}")
    for name in sorted(activations, key=[*ACTIVATIONS].index):
        if (body := ACTIVATIONS[name]) is not None:
            lines += function(f"{name}(x)", body)
    lines += [*program.functions(), *_model(program)]
    if owners and job.saved is None:
        lines += _drawn(job, owners)
    return "\n".join([*lines, *_main(job)]) + "\n"


def arrays(job: Job) -> Arrays:
    """Return the weights by key (`lstm/kernel`), with Keras's shapes and order of gates."""
    return job.weights()


# The functions that layers share


class Program(NamedTuple):
    """A program in the making.

    Attributes:
        plan: what there is to write.
        takes_mask: whether its cells take a mask.
        names: the function of each sort of layer.
    """

    plan: Plan
    takes_mask: bool
    names: Mapping[Layer, str]

    def functions(self) -> Iterator[str]:
        """Yield the lines of the functions that layers share."""
        for sort, name in self.names.items():
            shared = LAYERS[sort.kind].shared
            assert shared is not None
            arguments, body = shared.written(sort, self.takes_mask)
            yield from function(f"{name}({arguments})", body)


def _program(plan: Plan) -> Program:
    """Return the program that a plan becomes."""
    takes_mask = any(step.masked and step.layer.states for step in plan.steps)
    sorts = dict.fromkeys(sort for step in plan.steps if (sort := _sort(step.layer)) is not None)
    names = {}
    for sort in sorts:
        base = sort.keras_names()[0]
        alone = sum(other.kind == sort.kind for other in sorts) == 1
        options = 2 if sort.sizes.attributes else 1  # behind the kind and the size
        # What is special stands in the name where there are several.
        words = [] if alone else sort.spec().split(":")[options:]
        names[sort] = re.sub(r"\W", "_", "_".join([base, *words]))
    return Program(plan, takes_mask, names)


def _sort(layer: Layer) -> Layer | None:
    """Return what a layer has in common with those that share its function; None if it has none."""
    shared = LAYERS[layer.kind].shared
    return None if shared is None else shared.sort(layer)


# Equal layers as a loop


def _runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Yield the layers, those together that a loop can stand for: equal, reading alike, with numbers in their names."""
    run: list[Step] = []
    for step in steps:
        if run and (run[0].name == run[0].layer.keras_names()[0] or _alike(run[0]) != _alike(step)):
            yield run
            run = []
        run.append(step)
    if run:
        yield run


def _alike(step: Step) -> object:
    return step.layer, step.reads, step.masked


def _looped(run: list[Step], lines_of: Callable[[Step, str], Iterator[str]]) -> Iterator[str]:
    """Yield the lines for some layers: for each of them, or in a loop if they are many."""
    if len(run) < LONG_RUN:
        yield from chain.from_iterable(lines_of(step, "") for step in run)
        return
    base, _, first = run[0].name.rpartition("_")
    # In a loop over n, the number of a layer is n and something.
    lines = list(lines_of(run[0]._replace(name=f"{base}_{{n}}", number=run[0].number - int(first)), INDENT))
    if _do_nothing(lines):
        yield from lines
        return
    if any("{n}" in line for line in lines):
        yield f"for n in range({first}, {int(first) + len(run)}):"
    else:
        yield f"for _ in range({len(run)}):"
    yield from (f"{INDENT}{line}" for line in lines)


def _do_nothing(lines: list[str]) -> bool:
    """Return whether lines are comments, which are enough once."""
    return all(line.startswith("#") for line in lines)


def _quoted(name: str) -> str:
    """Return a name as a literal, in which n of a loop stands for a number."""
    return f'{"f" if "{n}" in name else ""}"{name}"'


# The function `model`


def _model(program: Program) -> Iterator[str]:
    """Yield the lines of the function `model`."""
    plan = program.plan
    body = [f'"""{shape_words(plan.reads)} -> {shape_words(plan.returns)}"""']
    if plan.heeds_padding:
        body.append(f"mask = {plan.mask}  # (batch, timesteps): {plan.network.head.padding} is padding")
    for run in _runs(plan.steps):
        lines = list(_looped(run, lambda step, room: LAYERS[step.layer.kind].lines(Place(program, step, room))))
        if not (_do_nothing(lines) and lines == body[-len(lines) :]):
            body += lines
    yield from function(f"model({plan.argument})", "\n".join([*body, "return x"]))


class Place(NamedTuple):
    """A layer to write.

    Attributes:
        program: the program.
        step: the layer where it stands; in a loop its name is `lstm_{n}`, and its number what n lacks.
        room: the spaces of a loop around it.
    """

    program: Program
    step: Step
    room: str

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.step.layer

    @property
    def function(self) -> str:
        """The name of the function that it shares with others."""
        sort = _sort(self.layer)
        assert sort is not None
        return self.program.names[sort]

    def assigned(self, value: str | Call, target: str = "x", more: str = "") -> Iterator[str]:
        """Yield the lines that assign a value; the last of a layer says the shape of what it returns, and `more`."""
        comment = f"{shape_words(self.step.returns)}{more}" if target == "x" else ""
        if isinstance(value, Call):
            call = Call(f"{target} = {value.function}", value.arguments)
            # The indent of the function counts, and is put before the lines later.
            indent = len(INDENT + self.room)
            yield from (line[indent:] for line in laid_out(call, INDENT + self.room, comment=comment))
        else:
            yield from commented(f"{target} = {value}", comment, INDENT + self.room)


def _embedding(place: Place) -> Iterator[str]:
    yield from place.assigned(f'weights["{place.step.name}/embeddings"][ids]')


def _recurrent(place: Place) -> Iterator[str]:
    layer, whole = place.layer, place.layer.returns == "sequence"
    inputs = ["x", "mask"] if place.program.takes_mask else ["x"]

    def reading(direction: str, backwards: bool) -> Call:
        arguments = [f"{each}[:, ::-1]" if backwards else each for each in inputs]
        return Call(place.function, (*arguments, _quoted(place.step.name + direction)))

    if layer.merge is not None:
        yield from place.assigned(reading("/forward", backwards=False), "forward")
        yield from place.assigned(reading("/backward", backwards=True), "backward")
        merged = MERGES[layer.merge].format(*(("forward", "backward[:, ::-1]") if whole else _LAST))
        if place.step.masked and whole:
            yield f"x = {merged}"
            yield from place.assigned("np.where(mask[..., None], x, 0)", more=", zeros at padding")
        else:
            yield from place.assigned(merged)
        return
    call = reading("", layer.reverses)
    if whole:
        yield from place.assigned(call)
    elif fits(f"{INDENT}{place.room}x = {call}[:, -1]  # {shape_words(place.step.returns)}"):
        yield from place.assigned(f"{call}[:, -1]")
    else:
        yield from place.assigned(call, "outputs")
        yield from place.assigned("outputs[:, -1]")


_LAST = ("forward[:, -1]", "backward[:, -1]")

MERGES: Mapping[str, str] = {
    "concat": "np.concatenate([{}, {}], axis=-1)",
    "sum": "{} + {}",
    "mul": "{} * {}",
    "ave": "({} + {}) / 2",
}
"""How the outputs of two directions become one."""


def _dense(place: Place) -> Iterator[str]:
    name = place.step.name
    value = (
        f"{place.function}(x, {_quoted(name)})" if place.layer.use_bias else f"x @ weights[{_quoted(f'{name}/kernel')}]"
    )
    yield from place.assigned(called(place.layer.activation, value))


def _conv(place: Place) -> Iterator[str]:
    yield from place.assigned(called(place.layer.activation, f"{place.function}(x, {_quoted(place.step.name)})"))
    yield from _unmasked(place)


def _dropout(place: Place) -> Iterator[str]:
    yield f"# {place.layer.spec()} drops nothing outside of training"


def _norm(place: Place) -> Iterator[str]:
    own = (_quoted(place.step.name),) if place.step.weights else ()
    yield from place.assigned(Call(place.function, ("x", *own)))


def _repeat(place: Place) -> Iterator[str]:
    yield from place.assigned(f"np.repeat(x[:, None], {place.layer.n}, axis=1)")
    yield from _unmasked(place)


def _unmasked(place: Place) -> Iterator[str]:
    """Yield the line that makes a mask without padding for a new sequence, where a cell reads it."""
    behind = (step.layer for step in place.program.plan.steps[place.step.number :])
    reader = next((layer for layer in behind if layer.states or not layer.passes_mask), None)
    if place.program.takes_mask and reader is not None and reader.states:
        yield "mask = np.ones(x.shape[:2], bool)  # no padding from here on"


def _largest(place: Place) -> Iterator[str]:
    yield from place.assigned("x.max(axis=1)")


def _mean(place: Place) -> Iterator[str]:
    if place.step.masked:
        yield "total = x.sum(axis=1, where=mask[..., None])"
        yield from place.assigned("total / mask.sum(axis=1, keepdims=True)")
    else:
        yield from place.assigned("x.mean(axis=1)")


def _windows(place: Place) -> Iterator[str]:
    window = place.layer.window
    yield from place.assigned(Call(place.function, ("x", str(window.width), str(window.stride))))
    yield from _unmasked(place)


def _batch_norm(place: Place) -> Iterator[str]:
    yield from place.assigned(Call(place.function, ("x", _quoted(place.step.name))))


def _activation(place: Place) -> Iterator[str]:
    yield from place.assigned(called(place.layer.activation, "x"))


def _flatten(place: Place) -> Iterator[str]:
    yield from place.assigned("x.reshape(len(x), -1)")


POOLS: Mapping[str, Callable[[Place], Iterator[str]]] = {"max": _largest, "avg": _mean}
"""What makes one vector of a sequence, by its mode."""


class Written(NamedTuple):
    """How layers of a kind are written.

    Attributes:
        lines: yields the lines of one in `model`.
        shared: how they share a function that these call; None if they need none.
    """

    lines: Callable[[Place], Iterator[str]]
    shared: Shared | None = None


LAYERS: Mapping[str, Written] = {
    "embed": Written(_embedding),
    "rnn": Written(_recurrent, CELL),
    "lstm": Written(_recurrent, CELL),
    "gru": Written(_recurrent, CELL),
    "conv": Written(_conv, CONV),
    "dense": Written(_dense, DENSE),
    "dropout": Written(_dropout),
    "norm": Written(_norm, NORM),
    "repeat": Written(_repeat),
    "bnorm": Written(_batch_norm, BATCH_NORM),
    "act": Written(_activation),
    "pool": Written(lambda place: POOLS[place.layer.joins](place) if place.layer.joins else _windows(place), POOL),
    "flatten": Written(_flatten),
}
"""How each kind of layer is written. An input is not."""


# The weights and the input


def _drawn(job: Job, owners: Sequence[Step]) -> Iterator[str]:
    """Yield the lines that draw the weights as rnncli does, each from a random stream of its own."""
    used = {str(weight.initializer) for step in owners for weight in step.weights}
    for name in sorted(used, key=[*INITIALIZERS].index):
        yield from function(f"{name}(rng, shape)", INITIALIZERS[name])
    body = (
        '"""Draw a weight from a random stream of its own, as `rnncli forward` does."""',
        *_stream(job, "(layer, len(weights))"),
        "weights[key] = initializer(np.random.default_rng(stream), shape)",
    )
    yield from function("draw(layer, key, initializer, *shape)", "\n".join(body))
    yield from ("", "", "weights = {}")
    for run in _runs(owners):
        yield from _looped(run, _drawn_layer)


def _drawn_layer(step: Step, room: str) -> Iterator[str]:
    number = f"n + {step.number}" if "{n}" in step.name else str(step.number)
    for weight in step.weights:
        sizes = tuple(map(str, weight.shape))
        call = Call("draw", (number, _quoted(f"{step.name}/{weight.name}"), str(weight.initializer), *sizes))
        yield from (line[len(room) :] for line in laid_out(call, room))


def _main(job: Job) -> Iterator[str]:
    """Yield the lines that run the model on the random input of `rnncli forward`."""
    head, name = job.network.head, job.plan.argument
    timesteps = head.fixed_timesteps or TIMESTEPS
    yield from ("", "", 'if __name__ == "__main__":')
    yield f"{INDENT}# The random input of `rnncli forward`, a timestep after the other."
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
    """Yield the lines that make a random stream of a key, as `rnncli.engine.initializers` does."""
    call = Call("stream = np.random.SeedSequence", (str(job.seed), f"spawn_key={key}"))
    yield from (line.removeprefix(INDENT) for line in laid_out(call, INDENT))

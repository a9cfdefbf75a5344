"""The function `model` of a NumPy program: a line or two for each layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rnncli.export.numpy_functions import called, function
from rnncli.export.numpy_program import Place, Program, do_nothing, looped, quoted, runs, shape_words
from rnncli.export.python_calls import INDENT, commented, fits, laid_out
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Layer, Norm, Pool, Repeat, SimpleRNN
from rnncli.layers.python_call import Call


def model(program: Program) -> Iterator[str]:
    """Yield the lines of the function `model`."""
    network = program.network
    argument = "x" if network.head.vocabulary is None else "ids"
    output = program.places[-1].returns if program.places else network.input_shape()
    body = [f'"""{shape_words(network.input_shape())} -> {shape_words(output)}"""']
    for run in runs(program.places):
        lines = list(looped(run, lambda place, room: LAYERS[type(place.layer)](program, place, room)))
        if not (do_nothing(lines) and lines == body[-len(lines) :]):
            body += lines
    body.append("return x")
    yield from function(f"model({argument})", body)


def _assigned(target: str, value: str | Call, place: Place, room: str, more: str = "") -> Iterator[str]:
    """Yield the lines that assign a value; the last of a layer says the shape of what it returns, and `more`."""
    comment = f"{shape_words(place.returns)}{more}" if target == "x" else ""
    if isinstance(value, Call):
        call = Call(f"{target} = {value.function}", value.arguments)
        # The indent of the function counts, and is put before the lines later.
        indent = len(INDENT + room)
        yield from (line[indent:] for line in laid_out(call, INDENT + room, comment=comment))
    else:
        yield from commented(f"{target} = {value}", comment, INDENT + room)


def _embedding(program: Program, place: Place, room: str) -> Iterator[str]:
    if program.has_mask:
        yield "mask = ids != 0  # (batch, timesteps): id 0 is padding"
    yield from _assigned("x", f'weights["{place.name}/embeddings"][ids]', place, room)


def _recurrent(program: Program, place: Place, room: str) -> Iterator[str]:
    cell, layer = program.name_of(place.layer), place.layer

    def reading(direction: str, backwards: bool) -> Call:
        inputs = ["x", "mask"] if program.takes_mask else ["x"]
        arguments = [f"{each}[:, ::-1]" if backwards else each for each in inputs]
        return Call(cell, (*arguments, quoted(place.name + direction)))

    if layer.merge is not None:
        yield from _assigned("forward", reading("/forward", backwards=False), place, room)
        yield from _assigned("backward", reading("/backward", backwards=True), place, room)
        forward, backward = ("forward", "backward[:, ::-1]") if layer.return_sequences else _LAST
        if place.masked and layer.return_sequences:
            yield f"x = {MERGES[layer.merge].format(forward, backward)}"
            yield from _assigned("x", "np.where(mask[..., None], x, 0)", place, room, ", zeros at padding")
        else:
            yield from _assigned("x", MERGES[layer.merge].format(forward, backward), place, room)
        return
    call = reading("", layer.go_backwards)
    if layer.return_sequences:
        yield from _assigned("x", call, place, room)
    elif fits(f"{INDENT}{room}x = {call}[:, -1]  # {shape_words(place.returns)}"):
        yield from _assigned("x", f"{call}[:, -1]", place, room)
    else:
        yield from _assigned("outputs", call, place, room)
        yield from _assigned("x", "outputs[:, -1]", place, room)


_LAST = ("forward[:, -1]", "backward[:, -1]")

MERGES: Mapping[str, str] = {
    "concat": "np.concatenate([{}, {}], axis=-1)",
    "sum": "{} + {}",
    "mul": "{} * {}",
    "ave": "({} + {}) / 2",
}
"""How the outputs of two directions become one."""


def _dense(program: Program, place: Place, room: str) -> Iterator[str]:
    name = place.name
    if place.layer.use_bias:
        value = f"{program.name_of(place.layer)}(x, {quoted(name)})"
    else:
        value = f"x @ weights[{quoted(f'{name}/kernel')}]"
    yield from _assigned("x", called(place.layer.activation, value), place, room)


def _dropout(program: Program, place: Place, room: str) -> Iterator[str]:
    del program, room
    yield f"# {place.layer.spec()} drops nothing outside of training"


def _norm(program: Program, place: Place, room: str) -> Iterator[str]:
    own = (quoted(place.name),) if place.layer.weights(place.reads) else ()
    yield from _assigned("x", Call(program.name_of(place.layer), ("x", *own)), place, room)


def _repeat(program: Program, place: Place, room: str) -> Iterator[str]:
    del program
    yield from _assigned("x", f"np.repeat(x[:, None], {place.layer.n}, axis=1)", place, room)
    if place.renewed:
        yield "mask = np.ones(x.shape[:2], bool)  # no padding from here on"


def _pool(program: Program, place: Place, room: str) -> Iterator[str]:
    del program
    if place.layer.joins == "max":
        value = "x.max(axis=1)"
    elif place.masked:
        yield "total = x.sum(axis=1, where=mask[..., None])"
        value = "total / mask.sum(axis=1, keepdims=True)"
    else:
        value = "x.mean(axis=1)"
    yield from _assigned("x", value, place, room)


LAYERS: Mapping[type[Layer], Callable[[Program, Place, str], Iterator[str]]] = {
    Embedding: _embedding,
    SimpleRNN: _recurrent,
    LSTM: _recurrent,
    GRU: _recurrent,
    Dense: _dense,
    Dropout: _dropout,
    Norm: _norm,
    Repeat: _repeat,
    Pool: _pool,
}
"""What writes the lines of each kind of layer in `model`; an Input has none."""

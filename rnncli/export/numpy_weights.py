"""The weights and the input of a NumPy program: read from a file, or drawn as `rnncli forward` draws them."""

from __future__ import annotations

from collections.abc import Iterator

from rnncli.export import Job
from rnncli.export.numpy_functions import INITIALIZERS, function, initializer_function
from rnncli.export.numpy_program import Place, Program, looped, quoted, runs
from rnncli.export.python_calls import INDENT, laid_out
from rnncli.layers.python_call import Call, string
from rnncli.network import Network

TIMESTEPS = 100
"""The length of the random input, where the network does not say one: that of `rnncli forward`."""


def loaded(job: Job) -> Iterator[str]:
    """Yield the lines that read the weights from the file that is written along."""
    yield ""
    yield from laid_out(Call("with np.load", (string(job.saved or ""),)), end=" as file:")
    yield f"{INDENT}weights = dict(file)  # by key: {_example(job.network)}"


def _example(network: Network) -> str:
    name, layer, (reads, _) = next(
        each for each in zip(network.names, network.body, network.shapes(), strict=True) if each[1].weights(each[2][0])
    )
    return f"{name}/{layer.weights(reads)[0].name}"


def drawn(job: Job, program: Program) -> Iterator[str]:
    """Yield the lines that draw the weights as rnncli does, each from a random stream of its own."""
    used = {weight.initializer for place in program.places for weight in place.layer.weights(place.reads)}
    for name in INITIALIZERS:
        if name in used:
            yield from initializer_function(name)
    body = [
        '"""Draw a weight from a random stream of its own, as `rnncli forward` does."""',
        *_stream(job, "(layer, len(weights))"),
        "weights[key] = initializer(np.random.default_rng(stream), shape)",
    ]
    yield from function("draw(layer, key, initializer, *shape)", body)
    yield from ("", "", "weights = {}")
    for run in runs([place for place in program.places if place.layer.weights(place.reads)]):
        yield from looped(run, _drawn_layer)


def _drawn_layer(place: Place, room: str) -> Iterator[str]:
    number = f"n + {place.number}" if "{n}" in place.name else str(place.number)
    for weight in place.layer.weights(place.reads):
        sizes = tuple(map(str, weight.shape))
        call = Call("draw", (number, quoted(f"{place.name}/{weight.name}"), str(weight.initializer), *sizes))
        yield from (line[len(room) :] for line in laid_out(call, room))


def main(job: Job) -> Iterator[str]:
    """Yield the lines that run the model on the random input of `rnncli forward`."""
    head = job.network.head
    timesteps = head.fixed_timesteps or TIMESTEPS
    yield from ("", "", 'if __name__ == "__main__":')
    yield f"{INDENT}# The random input of `rnncli forward`, a timestep after the other."
    yield from (f"{INDENT}{line}" for line in _stream(job, "(0,)"))
    yield f"{INDENT}rng = np.random.default_rng(stream)"
    if head.vocabulary is None:
        features = job.network.input_shape()[-1]
        name = "x"
        yield f"{INDENT}x = rng.standard_normal(({timesteps}, {features}, 1), np.float32).transpose(2, 0, 1)"
    else:
        name = "ids"
        yield f"{INDENT}ids = rng.integers(0, {head.vocabulary}, ({timesteps}, 1), np.int32).T"
    yield f"{INDENT}y = model({name})"
    yield f'{INDENT}print(f"{{{name}.shape}} -> {{y.shape}}")'
    yield f"{INDENT}print(y)"


def _stream(job: Job, key: str) -> Iterator[str]:
    """Yield the lines that make a random stream of a key, as `rnncli.engine.initializers` does."""
    call = Call("stream = np.random.SeedSequence", (str(job.seed), f"spawn_key={key}"))
    yield from (line.removeprefix(INDENT) for line in laid_out(call, INDENT))

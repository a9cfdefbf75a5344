"""`rnncli forward`: build the network in NumPy, run it, and show what came out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from rnncli.commands.options import check_svg, format_option, number_option, svg_option
from rnncli.commands.specs import Spec, each_network, specs
from rnncli.errors import UsageError
from rnncli.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np

    from rnncli.engine.chunks import Chunk
    from rnncli.engine.forward import ForwardRun
    from rnncli.engine.stages import State
    from rnncli.engine.study import Study
    from rnncli.engine.types import Array

DEFAULT_TIMESTEPS = 100


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    timesteps: int | None
    batch: int | None
    seed: int
    dtype: str
    init: str
    input: str | None
    weights: str | None
    save_weights: str | None
    output: str | None
    state: str | None
    save_state: str | None
    plot: bool


@click.command(short_help="Run the network in NumPy and show what comes out.")
@click.argument("spec", nargs=-1)
@number_option("--timesteps", "Length of the sequence.  [default: 100]")
@number_option("--batch", "Samples at a time.  [default: 1]")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    help="For weights and input; the same seed gives the same bytes.  [default: 0]",
)
@click.option("--dtype", type=click.Choice(("float32", "float64")), default="float32", help="[default: float32]")
@click.option(
    "--init",
    type=click.Choice(("keras", "uniform")),
    default="keras",
    help="Keras's initialisers and a normal input, or U[0, 1) for weights and input.  [default: keras]",
)
@click.option("--input", metavar="FILE.npy", help="Read the input: (batch, timesteps[, features]).")
@click.option("--weights", metavar="FILE.npz", help="Read the weights: arrays called LAYER/WEIGHT.")
@click.option("--save-weights", metavar="FILE.npz", help="Write the weights.")
@click.option("-o", "--output", metavar="FILE.npy", help="Write the network's output, as it is made.")
@click.option("--state", metavar="FILE.npz", help="Start from the states that --save-state wrote.")
@click.option("--save-state", metavar="FILE.npz", help="Write the last state of every recurrent layer.")
@click.option("--plot", is_flag=True, help="Show the last recurrent layer's activations over time.")
@format_option
@svg_option
def command(
    spec: tuple[str, ...],
    timesteps: int | None,
    batch: int | None,
    seed: int,
    dtype: str,
    init: str,
    input: str | None,  # noqa: A002 - the name of the option
    weights: str | None,
    save_weights: str | None,
    output: str | None,
    state: str | None,
    save_state: str | None,
    plot: bool,
    format_: str,
    svg: str | None,
) -> None:
    """Examples:

    \b
      rnncli forward embed:10000x32,rnn:32:seq,rnn:32 --timesteps 100
      rnncli forward input:32,rnn:64:seq --init uniform
      rnncli forward input:8,lstm:16 --batch 4 -o out.npy --save-weights w.npz

    Run the network on random input and show the shapes that really came out, the time of each
    layer, and what its outputs look like. `Sat.` is the share of outputs at the ends of the range of
    their activation, where its slope is next to nothing.

    SPEC is a network such as embed:10000x32,rnn:32 (see `rnncli layers`), or - for specs on standard
    input, one a line. Without it $RNNCLI_SPEC is used, or else an example.

    back and bi need the whole sequence at once, so their memory grows with the timesteps.
    """  # noqa: D415 - the help of a command leads with its examples
    options = Options(
        timesteps, batch, seed, dtype, init, input, weights, save_weights, output, state, save_state, plot
    )
    given: Iterable[Spec] = specs(spec)
    if any((input, weights, save_weights, output, state, save_state)):
        # One file cannot belong to several networks.
        given = list(given)
        if len(given) > 1:
            raise UsageError(
                f"{len(given)} specs, but the files named on the command line belong to one network",
                "call rnncli forward once for each spec",
            )
    check_svg(svg, shown=format_ == "table")
    if plot and format_ not in ("table", "json"):
        raise UsageError(f"--plot has no form in {format_}", "ask for a table or for json, or leave --plot out")
    with _printer(format_, svg) as show:
        each_network(given, lambda network: show(*_run(network, options)))


def _run(network: Network, options: Options) -> tuple[ForwardRun, Study | None]:
    """Return what a run has found, and the study of it if a plot is asked for."""
    import numpy as np

    from rnncli.engine.checks import state_shapes, weight_shapes
    from rnncli.engine.forward import forward, work
    from rnncli.engine.inputs import random_chunks
    from rnncli.engine.memory import check_fits
    from rnncli.engine.model import Model, chunk_steps, widest
    from rnncli.render.progress import progress

    dtype = np.dtype(options.dtype)
    array = None
    if options.input is not None:
        from rnncli.engine.array_files import open_input

        array = open_input(options.input, network)
        _check_size(options.input, array.shape, options)
        batch, timesteps = array.shape[:2]
    else:
        batch = options.batch or 1
        timesteps = _timesteps(network, options)
    network.input_shape(batch, timesteps)
    check_fits(network, batch, timesteps, dtype)
    if (options.state or options.save_state) and any(layer.needs_whole for layer in network.body):
        click.echo("Note: back and bi read from the end, so pieces of a sequence do not add up to the whole", err=True)

    part, study = None, None
    if options.plot:
        from rnncli.engine.study import DTYPE, SAMPLES, studied, study_of

        part = studied(network)

    with progress("forward", work(network, timesteps) + (work(part, timesteps) if part else 0)) as tick:
        weights = None
        if options.weights is not None:
            weights = _read(options.weights, weight_shapes(network), dtype)
        states: State = {}
        if options.state is not None:
            states = _read(options.state, state_shapes(network, batch), dtype)
        first_states = dict(states)
        model = Model(network, options.seed, options.dtype, options.init, weights)
        if part is not None:
            check_fits(part, SAMPLES, timesteps, DTYPE)

        def chunks() -> Iterator[Chunk]:
            if array is not None:
                return _naming(str(options.input), model.chunks_of(array))
            steps = chunk_steps(widest(network), batch)
            return random_chunks(network, batch, timesteps, steps, options.seed, options.init, dtype)

        if options.output is None:
            run = forward(model, chunks(), batch, timesteps, None, states, tick)
        else:
            from rnncli.engine.array_files import output_file

            with output_file(options.output, model.output_shape(batch, timesteps), dtype) as write:
                run = forward(model, chunks(), batch, timesteps, write, states, tick)
        if part is not None:
            study = study_of(model, chunks(), batch, timesteps, first_states, tick)
    for path, arrays in ((options.save_weights, model.weights), (options.save_state, states)):
        if path is not None:
            from rnncli.engine.array_files import write_arrays

            write_arrays(path, arrays)
    return run, study


def _naming(path: str, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks of an input; an error about what it holds names its file."""
    from rnncli.engine.array_files import about

    with about(path, "an input"):
        yield from chunks


def _read(path: str, shapes: dict[str, tuple[int, ...]], dtype: np.dtype[Any]) -> dict[str, Array]:
    # Only those who name a file wait for zipfile to be imported.
    from rnncli.engine.array_files import read_arrays

    return read_arrays(path, shapes, dtype)


def _timesteps(network: Network, options: Options) -> int:
    """Return the number of timesteps: what is asked for, or what the spec fixes, or the default."""
    fixed = network.input_shape()[1]
    return options.timesteps or fixed or DEFAULT_TIMESTEPS


def _check_size(path: str, shape: tuple[int, ...], options: Options) -> None:
    for name, asked, found in (
        ("--batch", options.batch, shape[0]),
        ("--timesteps", options.timesteps, shape[1]),
    ):
        if asked is not None and asked != found:
            raise UsageError(f"{path} has shape {shape}, so {name} is {found}, not {asked}", f"leave {name} out")


@contextmanager
def _printer(format_: str, svg: str | None) -> Iterator[Callable[[ForwardRun, Study | None], None]]:
    """Yield what prints one run, and the study of it if there is one."""
    if format_ != "table":
        from rnncli.engine.forward import FORWARD_COLUMNS
        from rnncli.render.plain import renderer

        render = renderer(format_, FORWARD_COLUMNS)
        yield lambda run, study: click.echo(render(run.as_dict() | _plot(study)), nl=False)
    else:
        from rnncli.render.console import screen
        from rnncli.render.runs import print_run

        with screen(svg, "rnncli forward") as show:

            def print_all(run: ForwardRun, study: Study | None) -> None:
                show(print_run, run)
                if study is not None:
                    from rnncli.render.plots import print_study

                    show(print_study, study)

            yield print_all


def _plot(study: Study | None) -> dict[str, Any]:
    """Return the plot's part of a run's object."""
    return {} if study is None else {"plot": study.as_dict()}

"""Runnable models: loading them, running them forward, and measuring how far back they remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING

from rnncli.engine.request import DEFAULT_SEEDS, MOST_SEEDS, Init, Request, file_names
from rnncli.errors import ArgumentError, shorten
from rnncli.formats.networks import Reading, notes_on, reading_of, readings_of
from rnncli.layers.weights import Framework
from rnncli.network import NetworkLike, check_flags, check_whole, plain

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from rnncli.engine.model import Model
    from rnncli.engine.run import RunResult
    from rnncli.reports.reach import NetworkReach, Reach

Path = str | PathLike[str]

Tell = Callable[[str], object]
"""Prints a line for people, in addition to the result."""


def silent(_line: str) -> None:
    """Print nothing, because the result contains its notes."""


def load(
    spec: NetworkLike,
    *,
    set: Mapping[str, float | str] | None = None,
    weights: Path | Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
    dtype: DTypeLike = "float32",
    init: Init = "keras",
) -> Model:
    """Return a runnable model, such as the one in a model file with its weights.

        >>> from rnncli import load
        >>> load("input:8,lstm:4", seed=1)
        <Model of input:8,lstm:4: 208 parameters in float32>

    Args:
        spec: a model file, `model.pt`, or a part of one, `model.pt::2`; or anything that `rnncli.Network.read`
            accepts, whose weights are then drawn.
        set: values for the names that Python source leaves undefined: `{"vocab_size": 25_000}`.
        weights: a file to read the weights from, or arrays by key.
        seed: the seed for the weights, if they are drawn.
        dtype: float32 or float64.
        init: how they are drawn: keras, torch or uniform.

    Raises:
        SpecError: the spec, or the line of Keras or PyTorch, is wrong.
        RnncliError: the file cannot be read, or has several parts and none is named.
        ArgumentError: an argument is not allowed.
    """
    from rnncli.engine.model import Model

    reading = reading_of(spec, set)
    return Model(reading.model or reading.network, seed, dtype, init, weights)


def forward(
    network: NetworkLike,
    *,
    timesteps: int | None = None,
    batch: int | None = None,
    lengths: ArrayLike | Path | None = None,
    seed: int = 0,
    dtype: DTypeLike | None = None,
    init: Init | None = None,
    framework: Framework | None = None,
    input: Path | None = None,
    weights: Path | Mapping[str, ArrayLike] | None = None,
    save_weights: Path | None = None,
    output: Path | None = None,
    state: Path | None = None,
    save_state: Path | None = None,
    plot: bool = False,
    gates: bool = False,
    wide: bool = False,
    set: Mapping[str, float | str] | None = None,
) -> RunResult:
    """Run a network on random input, or on input from a file, and return the output statistics of each layer.

        >>> from rnncli import forward
        >>> run = forward("input:8,lstm:4", batch=2, timesteps=50)
        >>> run.summary.output_shape
        (2, 4)

    To run arrays, call the model: `model(x)`.

    Args:
        network: the network, a model, which runs with its weights, or anything that `rnncli.load` accepts.
        timesteps: the length of the sequence; None for the input file's, or the network's own, or 100.
        batch: the number of samples; None for the input file's, or 1.
        lengths: the length of each sequence in the batch, or a text or .npy file with them.
        seed: the seed for weights and a random input.
        dtype: float32 or float64; None for the model's own, or float32.
        init: how weights and a random input are drawn: keras, torch or uniform; None for keras.
        framework: whose weights to count: keras or torch; None for the source's framework.
        input: a .npy file with the input: (batch, timesteps[, features]).
        weights: a file to read the weights from, or arrays by key.
        save_weights: an .npz file to write the weights to.
        output: a .npy file to write the outputs to.
        state: an .npz file to read the initial states from.
        save_state: an .npz file to write the final states to.
        plot: whether to show the last recurrent layer over time.
        gates: whether to show its gates as well.
        wide: whether the table has every column.
        set: values for the names that Python source leaves undefined.

    Raises:
        ArgumentError: an argument is not allowed.
        SpecError: `timesteps` contradicts the network, or the framework cannot express it.
        RnncliError: a file cannot be read or written or does not fit, or the run does not fit in memory.
    """
    reading = reading_of(network, set)
    check_flags(plot=plot, wide=wide)
    if isinstance(weights, Mapping):
        reading, weights = reading_of(load(reading.network, weights=weights)), None
    request = Request(
        timesteps=timesteps,
        batch=batch,
        seed=seed,
        dtype=reading.dtype if dtype is None else plain(dtype),
        init=init,
        framework=framework,
        lengths=lengths,
        study=plot,
        gates=gates,
        **file_names(
            input=input, weights=weights, save_weights=save_weights, output=output, state=state, save_state=save_state
        ),
    )
    result = run_forward(reading, request, silent, wide)
    return replace(result, notes=(*notes_on(reading), *(f"Note: {note}" for note in result.notes)))


def run_forward(reading: Reading, request: Request, tell: Tell, wide: bool = False, name: str = "forward") -> RunResult:
    """Run a network, with its own weights if it has any, printing notes and a progress bar on standard error."""
    from rnncli.engine.run import RunPlan
    from rnncli.render.progress import Progress

    run = RunPlan(reading.model or reading.network, request, wide)
    for note in run.notes:
        tell(f"Note: {note}")
    with Progress(f"{name}: weights", run.steps, tell) as progress:

        def tick(steps: float) -> None:
            progress.go_on_to(name)  # the weights are complete
            progress(steps)

        return run.run(tick)


def reach(
    *networks: NetworkLike,
    timesteps: int | None = None,
    seeds: int = DEFAULT_SEEDS,
    seed: int = 0,
    init: Init | None = None,
    input: Path | None = None,
    weights: Path | None = None,
    set: Mapping[str, float | str] | None = None,
) -> Reach:
    """Return how many steps back networks remember their input.

        >>> from rnncli import reach
        >>> reach("input:8,rnn:8", "input:8,lstm:8", seeds=2).networks[1].layer
        'lstm'

    Args:
        networks: the networks, models, which keep their weights, or anything that `rnncli.load` accepts.
        timesteps: the length of the sequence; None for the input file's, or the network's own, or 500.
        seeds: the number of seeds.
        seed: the first seed.
        init: how weights and a random input are drawn; None for the initialisers of the source's framework.
        input: a .npy file with the input, whose first sample is used.
        weights: a file to read the weights from; only for a single network.
        set: values for the names that Python source leaves undefined.

    Raises:
        ArgumentError: an argument is not allowed.
        UsageError: a network has no recurrent layer.
        RnncliError: a file cannot be read or does not fit, or a run does not fit in memory.
    """
    from rnncli.reports.reach import Reach

    if not networks:
        raise ArgumentError("no network is given", "give a spec: reach('input:8,lstm:16')")
    if weights is not None and len(networks) > 1:
        raise ArgumentError("the weights in a file belong to one network, but several are given")
    check_whole("seeds", plain(seeds), MOST_SEEDS)
    readings = readings_of(networks, set)
    notes = [note for reading in readings for note in notes_on(reading)]
    request = Request(
        timesteps=timesteps, seeds=seeds, seed=seed, init=init, **file_names(input=input, weights=weights)
    )
    found = [run_reach(reading, request, notes.append) for reading in readings]
    return Reach(tuple(found), tuple(notes))


def run_reach(reading: Reading, request: Request, tell: Tell, name: str = "reach") -> NetworkReach:
    """Run a network with every seed, printing notes and a progress bar with the current seed on standard error."""
    from rnncli.engine.run import RunPlan
    from rnncli.engine.twins import reach as reached
    from rnncli.render.progress import Progress

    run = RunPlan(reading.model or reading.network, request)
    for note in run.notes:
        tell(f"Note: {note}")
    spec = shorten(str(reading.network), 40)
    with Progress(f"{name} {spec}", run.steps, tell) as progress:
        return reached(run, progress, lambda seed: progress.go_on_to(f"{name} {spec}, seed {seed}"))

"""A run from files to files: a `RunPlan` makes all checks that are possible beforehand, its `run` does the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.atomic import WrittenFile
from rnncli.engine.array_files import (
    InputFile,
    open_input,
    output_file,
    part_in,
    read_arrays,
    read_lengths,
    write_arrays,
)
from rnncli.engine.checks import state_shapes
from rnncli.engine.chunks import (
    Chunk,
    SequenceGroup,
    State,
    Tick,
    chunk_steps,
    groups,
    random_chunks,
    run_together,
    uncounted,
    work,
)
from rnncli.engine.forward import ForwardRun, forward
from rnncli.engine.initializers import network_weights
from rnncli.engine.memory import TWIN_DTYPE, TWINS, check_fits, check_twins_fit, weight_bytes
from rnncli.engine.model import Model
from rnncli.engine.request import DEFAULT_REACH_TIMESTEPS, DEFAULT_TIMESTEPS, Init, Request
from rnncli.errors import UsageError, listed
from rnncli.language.rules import least_steps
from rnncli.layers import READING_FROM_THE_END
from rnncli.network import Network, NetworkLike
from rnncli.quantities import features_of, plural
from rnncli.results import Result
from rnncli.system.places import check_files

# `study` is only imported when it is needed, because few runs use it.
if TYPE_CHECKING:
    from rnncli.engine.study import Study
    from rnncli.formats.nodes import Part
    from rnncli.network_summary import Summary


@dataclass(frozen=True, repr=False)
class RunResult(Result):
    """The result of a run.

    Attributes:
        forward: the results of each layer.
        study: how the last recurrent layer behaved over time, if requested.
        files: the files written.
        notes: notes on the run.
        wide: whether the table has every column, split into several tables if it is too wide.
    """

    forward: ForwardRun
    study: Study | None
    files: tuple[WrittenFile, ...] = ()
    notes: tuple[str, ...] = ()
    wide: bool = False

    @property
    def title(self) -> str:
        """The network."""
        return self.summary.spec

    @property
    def summary(self) -> Summary:
        """The network's summary for the batch and the timesteps of the run."""
        return self.forward.summary

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain data, the object that `rnncli forward --format json` prints."""
        return self.forward.as_dict() | ({} if self.study is None else {"plot": self.study.as_dict()})


class RunPlan:
    """A run that is ready to start: its input is open, its sizes are known, and it fits in memory.

        >>> RunPlan("input:8,lstm:4", Request(batch=2)).run().forward.summary.output_shape
        (2, 4)

    Args:
        network: the network, or a spec or file for it, with the weights of the model file if it comes from one; or a
            model, whose weights are used unless the request names others.
        request: the options.
        wide: whether results are shown with every column.

    Attributes:
        network: the network to run.
        request: the options.
        batch: the number of samples.
        timesteps: the length of the sequence.
        lengths: the length of each sequence; None if all are as long as the input.
        init: how weights and a random input are drawn.
        array: the input, which stays in its file until it is read; None for a random input.
        part: the part of the network to run with a twin, for the study or the reach; None if neither is requested.
        weights: the source of the weights: a model, a part of a model file, or an .npz with rnncli's own keys; None if
            they are drawn from a seed.
        notes: notes for the user before the run starts.

    Raises:
        SpecError: the network does not allow the requested timesteps, or the framework cannot express it.
        UsageError: the requested sizes contradict the input file; there is no recurrent layer to study, or it has no
            gates; a file would be written over another that is read or written; or it is ambiguous which weights belong
            to which layer.
        RnncliError: the input or weights file cannot be read or does not fit, a file cannot be written, the run would
            not fit in memory, or the model file contains something that cannot be run.
    """

    def __init__(self, network: NetworkLike, request: Request, wide: bool = False) -> None:
        self.network, self.request, self._wide = Network.read(network), request, wide
        given = network if isinstance(network, Model) else None
        source = self.network.part
        if source is not None:
            source.check_runs()
        check_files(request.read.items(), request.written)
        self.array = None if request.input is None else open_input(request.input, self.network)
        reaches = request.seeds is not None
        self.init: Init = request.init or (self.network.framework if reaches else "keras")
        self.part: Network | None = None
        if request.study or reaches:
            self.part = watched(self.network, "reach" if reaches else "the plot")
            last = [layer for layer in self.network.body if layer.states][-1]
            if request.gates and last.gates == 1:
                message = f"--gates shows the last recurrent layer, but {last.spec()} has no gates"
                advice = "lstm and gru have gates; --plot without --gates shows any recurrent layer"
                raise UsageError(message, advice)
        lengths = request.lengths
        self.lengths = lengths if lengths is None or isinstance(lengths, tuple) else read_lengths(str(lengths))
        self.batch, self.timesteps = _sizes(self.network, request, self.array, self.lengths)
        framework = "torch" if reaches and self.init == "torch" else request.framework
        ends = sorted({min(self.lengths or (self.timesteps,)), self.timesteps})
        self.network.check_timesteps(*ends)
        for length in ends:
            self.network.summary(self.batch, length, framework)  # raises if they do not fit together
        self.weights: Model | Part | str | None = request.weights or given
        if self.weights is None and source is not None and source.has_weights:
            self.weights = source
        self._check_fits()
        notes: list[str] = []
        if request.weights is not None:
            from rnncli.formats.fitting import sources_told

            found = part_in(request.weights, self.network)
            if found is not None:
                self.weights = found
                notes.append(sources_told(found))
        elif source is not None and self.weights is None:
            how = "each seed draws its own" if reaches else f"they are drawn with seed {request.seed}"
            notes.append(f"the file has no weights: {how}")
        if self.weights is None and request.init is None and self.init != self.network.framework:
            notes.append("the weights are drawn as Keras initialises them; --init torch draws them as PyTorch does")
        if source is not None:  # it determines the network, whatever the weights are
            notes += source.run_notes
        self.notes = (*notes, *_notes_on_states(self.network, request))

    @property
    def file(self) -> str | None:
        """The file with the weights; None if there is none."""
        part = self.weights.part if isinstance(self.weights, Model) else self.weights
        return self.request.weights if part is None or isinstance(part, str) else self.request.weights or part.path

    @property
    def _needed(self) -> Network:
        """The layers that need weights: for the reach with drawn weights, those up to the last recurrent layer."""
        if self.request.seeds is None or self.weights is not None:
            return self.network
        return up_to_last_recurrent(self.network, "reach")

    def _check_fits(self) -> None:
        dtype = np.dtype(self.request.dtype)
        if self.part is not None and self.request.seeds is not None:
            # The spectral radius needs three copies of the largest recurrent matrix.
            weights = network_weights(self.part).values()
            matrix = max(weight.params for weight in weights if weight.role == "recurrent")
            extra = weight_bytes(self._needed, dtype) + 3 * matrix * TWIN_DTYPE.itemsize
            check_twins_fit(self.part, self.timesteps, extra)
        else:
            check_fits(self.network, self.batch, self.timesteps, dtype, self._extra_bytes(dtype.itemsize))

    def model(self, seed: int) -> Model:
        """Return the network with weights: from a model or a file, or drawn from a seed.

        Raises:
            RnncliError: the file cannot be read, or does not fit the network.
        """
        weights, dtype = self.weights, self.request.dtype
        if isinstance(weights, Model):
            return weights if weights.dtype == dtype else Model(weights, dtype=dtype)
        return Model(self._needed, seed, dtype, self.init, weights)

    def chunks(self, model: Model, seed: int) -> Iterator[Chunk]:
        """Return the input from its start: from a file, with zeros as padding, or random, drawn from a seed."""
        steps = chunk_steps(self.network, self.batch)
        if self.array is not None:
            return self.array.chunks(self.network, steps, model.dtype, self.lengths)
        return random_chunks(self.network, self.batch, self.timesteps, steps, seed, self.init, model.dtype)

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        """The number of sequences that run together, and their length, for each group."""
        if self.lengths is None or run_together(self.network):
            return [(self.batch, max(self.lengths or (self.timesteps,)))]
        return [(count, length) for length, count in sorted(Counter(self.lengths).items())]

    @property
    def _work(self) -> float:
        """The work of the run in multiply-adds."""
        twins = 0.0
        if self.part is not None:  # only its recurrent layers count
            amounts = zip(work(self.part, TWINS, (self.lengths or [self.timesteps])[0]), self.part.body, strict=True)
            twins = sum(amount for amount, layer in amounts if layer.states)
        if self.request.seeds is not None:
            return self.request.seeds * twins
        return sum(sum(work(self.network, *size)) for size in self._sizes) + twins

    @property
    def steps(self) -> int:
        """The number of timesteps to show in the progress.

        These are the timesteps of the longest sequence that a layer reads, the input or a repeated vector, added up
        over the lengths; or for the reach, the timesteps of the recurrent layers with all seeds.
        """
        network, seeds = self.network, self.request.seeds
        if seeds is None or self.part is None:
            return sum(max((some or 0 for some in network.steps_read(each)), default=0) for _, each in self._sizes)
        counted = zip(self.part.steps_read(self.timesteps), self.part.body, strict=True)
        return seeds * sum((steps or 0) * len(layer.directions) for steps, layer in counted if layer.states)

    def counted(self, tick: Tick) -> Tick:
        """Return a function that is called with work in multiply-adds, and calls `tick` with its part of the steps."""
        share = self.steps / (self._work or 1)
        return lambda done: tick(done * share)

    def run(self, tick: Tick = uncounted) -> RunResult:
        """Run the network, write the requested files, and return the result.

        Args:
            tick: called with 0 when the run starts, and then with the work just done, which adds up to `steps`.

        Raises:
            RnncliError: a file cannot be read or written or does not fit the network, or the study would not fit in
                memory.
        """
        request, batch, timesteps = self.request, self.batch, self.timesteps
        shapes, dtype = state_shapes(self.network, batch), np.dtype(request.dtype)
        states: State = {} if request.state is None else read_arrays(request.state, shapes, dtype)
        first_states = {key: array.copy() for key, array in states.items()}
        model = self.model(request.seed)
        part, length = self.part if request.study else None, (self.lengths or [timesteps])[0]
        if part is not None:
            from rnncli.engine.study import figures_kept, study_of

            check_twins_fit(part, length, figures=figures_kept(part.body[-1], request.gates))
        files: list[WrittenFile] = []
        tick = self.counted(tick)
        with ExitStack() as open_files:
            write = None
            if request.output is not None:
                shape = model.output_shape(batch, timesteps)
                write, written = open_files.enter_context(output_file(request.output, shape, model.dtype))
                files.append(written)
            x, given = None, iter([SequenceGroup(range(batch), timesteps, self.chunks(model, request.seed), states)])
            if self.lengths is not None:
                x = np.moveaxis(np.concatenate([chunk.values for chunk in self.chunks(model, request.seed)]), -1, 0)
                given = groups(self.network, x, self.lengths, states, model.chunks_of)
            found = forward(self, model, given, tick, write)
        study = None
        if part is not None:
            chunks = self.chunks(model, request.seed) if x is None else model.chunks_of(x[:1, :length])
            study = study_of(model, part, chunks, batch, length, first_states, tick, request.gates)
        saved = (request.save_weights, model.weights), (request.save_state, states)
        files += [write_arrays(path, arrays) for path, arrays in saved if path is not None]
        return RunResult(found, study, tuple(files), self.notes, self._wide)

    def _extra_bytes(self, itemsize: int) -> int:
        """Return the bytes in addition to weights, chunks and output, for numbers of `itemsize` bytes.

        They are for a chunk of the input file, the states in files, and all sorted sequences if lengths are given.
        """
        network, batch, array = self.network, self.batch, self.array
        times = 2 - (self.request.state, self.request.save_state).count(None)
        size = times * sum(map(prod, state_shapes(network, batch).values())) * itemsize
        shape: tuple[int, ...] = (batch, self.timesteps, features_of(network.input_shape()))
        if array is not None:
            _, timesteps, *features = shape = array.shape
            size += batch * min(timesteps, chunk_steps(network, batch)) * prod(features) * array.dtype.itemsize
            itemsize = max(itemsize, array.dtype.itemsize)
        return size if self.lengths is None else size + 3 * prod(shape) * itemsize


def _notes_on_states(network: Network, request: Request) -> Iterator[str]:
    """Yield the reasons why running a sequence in pieces, with saved states, does not give the result for the whole."""
    if request.state is None and request.save_state is None:
        return
    result = "so running a sequence in pieces gives another result"
    if any(layer.states and layer.needs_whole for layer in network.body):
        yield f"{READING_FROM_THE_END} read from the end, {result}"
    windows = dict.fromkeys(each.spec() for each in network.body if each.window is not None and each.window.span > 1)
    if windows:
        yield f"the windows of {listed([*windows])} start anew, {result}"
    joining = (each for each in network.body if each.joins or (each.reads, each.returns) == ("vector", "sequence"))
    separate = dict.fromkeys(each.spec() for each in joining)
    if separate:
        verb = "computes its" if len(separate) == 1 else "compute their"
        yield f"{listed([*separate])} {verb} output from each piece separately, {result}"


def up_to_last_recurrent(network: Network, subject: str) -> Network:
    """Return a network without the layers above its last recurrent layer; `subject` starts the error message.

    Raises:
        UsageError: there is no recurrent layer.
    """
    places = [index for index, layer in enumerate(network.layers) if layer.states]
    if not places:
        raise UsageError(f"{subject} needs a recurrent layer, but {network} has none", "add one, such as rnn:32")
    return Network(network.layers[: places[-1] + 1])


def watched(network: Network, subject: str = "the plot") -> Network:
    """Return the part of a network to run with a twin: up to the last recurrent layer, which then returns its sequence.

    An embedding is replaced by an input of its vectors: vectors can be changed slightly, ids cannot, and the table is
    not copied.

    Raises:
        UsageError: the network has no recurrent layer.
    """
    _, *middle, last = up_to_last_recurrent(network, subject).layers
    return Network([network.head.of_vectors(), *middle, last.returning("sequence") or last])


def _sizes(
    network: Network, request: Request, array: InputFile | None, lengths: tuple[int, ...] | None
) -> tuple[int, int]:
    """Return the number of samples and of timesteps; the request must agree with the input file and the lengths."""
    if array is None:
        fixed = network.input_shape()[1]
        usual = DEFAULT_TIMESTEPS if request.seeds is None else DEFAULT_REACH_TIMESTEPS
        samples, longest = (1, usual) if lengths is None else (len(lengths), max(lengths))
        batch, timesteps = request.batch or samples, request.timesteps or fixed or longest
    else:
        batch, timesteps = array.shape[:2]
        for name, asked, found in (("batch", request.batch, batch), ("timesteps", request.timesteps, timesteps)):
            if asked is not None and asked != found:
                message = f"{request.input} has shape {array.shape}, so --{name} is {found}, not {asked}"
                raise UsageError(message, f"leave out --{name}")
    if lengths is not None and len(lengths) != batch:
        message = f"--lengths has {plural(len(lengths), 'length')}, but there are {plural(batch, 'sample')}"
        advice = "give a length for each sample"
        raise UsageError(message, "leave out --batch" if array is None and request.batch else advice)
    if lengths is not None and max(lengths) > timesteps:
        message = f"a sequence of --lengths has {max(lengths):,} timesteps, but the input has {timesteps:,}"
        advice = "the input must be as long as the longest sequence"
        raise UsageError(message, "leave out --timesteps" if array is None and request.timesteps else advice)
    if lengths is not None and min(lengths) < least_steps(network.layers):
        message = f"a sequence of --lengths has {plural(min(lengths), 'timestep')}, which is too short for a window"
        raise UsageError(message, f"{least_steps(network.layers):,} timesteps are enough")
    return batch, timesteps

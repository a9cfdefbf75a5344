"""`Model`: a network with weights, ready to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import repeat
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.array_files import given_weights, write_arrays
from rnncli.engine.checks import check_ids, checked_arrays, checked_dtype, checked_input, state_shapes, weight_shapes
from rnncli.engine.chunks import (
    Chunk,
    Pass,
    SequenceGroup,
    State,
    Tick,
    check_lengths,
    chunk_of,
    chunk_steps,
    flow,
    groups,
    uncounted,
)
from rnncli.engine.initializers import initial_weights
from rnncli.engine.recurrent import RecurrentStage
from rnncli.engine.request import INITS, Init, checked_seed, written_name
from rnncli.engine.stages import STAGES
from rnncli.formats.nodes import Part
from rnncli.network import Network, NetworkLike, check_known
from rnncli.quantities import plural
from rnncli.results import Commands

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from rnncli.layers.weights import Framework
    from rnncli.network_summary import Summary

    Given = Mapping[str, ArrayLike] | str | PathLike[str] | Part


class Model(Commands):
    """A network with weights, which runs in NumPy.

        >>> import numpy as np
        >>> from rnncli.engine.model import Model
        >>> model = Model("input:8,rnn:4:seq")
        >>> model
        <Model of input:8,rnn:4:seq: 52 parameters in float32>
        >>> model(np.zeros((2, 5, 8))).shape
        (2, 5, 4)
        >>> list(model.weights)
        ['simple_rnn/kernel', 'simple_rnn/recurrent_kernel', 'simple_rnn/bias']

    Weights can be passed under the same keys. Here the bias of a trained model is set to zero:

        >>> changed = Model(model.network, weights={**model.weights, "simple_rnn/bias": np.zeros(4)})

    Args:
        network: the network, its spec, a model file, whose weights are used if it has any, or another model.
        seed: an integer from 0 for drawing the weights. The same seed gives the same bytes.
        dtype: float32 or float64, for the weights and all computations.
        init: `keras` draws the weights as Keras does by default, `uniform` from U[0, 1).
        weights: the weights, if they are not to be drawn: arrays by key, with Keras's shapes and gate order; a file
            written by `save_weights`; or any model file, or a part of one.

    Attributes:
        network: the network.
        dtype: the NumPy dtype.
        weights: the arrays by key, in Keras's order, read-only; `weights = {**model.weights, key: array}` sets others.
        part: the part of a model file that the model was loaded from; None if its weights are different.

    Raises:
        SpecError: the spec is invalid.
        ArgumentError: an argument is not allowed; the message states the argument and what is allowed.
        RnncliError: as in `load_weights`.
    """

    network: Network
    dtype: np.dtype[Any]
    weights: Mapping[str, Array]
    part: Part | None

    def __init__(
        self,
        network: NetworkLike,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        init: Init = "keras",
        weights: Given | None = None,
    ) -> None:
        own, seed = Network.read(network), checked_seed(seed)
        check_known("init", init, INITS)
        part = own.part
        if part is not None:
            part.check_runs()
            own = replace(own, part=copy(part))  # the file of a copy is not open
        if weights is None and isinstance(network, Model):
            part, weights = network.part, network.weights
        elif weights is None and part is not None and part.has_weights:
            part, weights = own.part, part
        else:
            part = None
        vars(self).update(network=own, dtype=checked_dtype(dtype), part=part)
        self._use(initial_weights(self.network, seed, self.dtype, init) if weights is None else self._taken(weights))

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; setting the weights is `load_weights`, and the network and the dtype cannot be set."""
        if name == "weights":
            self.load_weights(value)
        elif name in ("network", "dtype", "part"):
            raise AttributeError(f"{name} cannot be set; create another model: Model(network, dtype='float64')")
        else:
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to recreate the model as a copy or in another process, from its network and weights."""
        return Model, (self.network, 0, str(self.dtype), "keras", dict(self.weights)), {"part": self.part}

    def _taken(self, weights: Given) -> dict[str, Array]:
        """Return the given weights by key, after checking them."""
        if not isinstance(weights, (str, PathLike, Part)):
            return checked_arrays("weights", weights, weight_shapes(self.network), self.dtype)
        return given_weights(self.network, weights, self.dtype)

    def __repr__(self) -> str:
        network = self.network.origin.marked(str(self.network))
        return f"<Model of {network}: {plural(self.network.summary().total_params, 'parameter')} in {self.dtype}>"

    def summary(
        self,
        batch: int | None = None,
        timesteps: int | None = None,
        framework: Framework | None = None,
        dtype: str | None = None,
        **asked: Any,
    ) -> Summary:
        """Return the output shape, weights and costs of every layer, by default in the model's dtype; see `Network`."""
        return self.network.summary(batch, timesteps, framework, str(self.dtype) if dtype is None else dtype, **asked)

    def _use(self, weights: dict[str, Array]) -> None:
        """Use these weights from now on."""
        by_layer: dict[str, dict[str, Array]] = {name: {} for name in self.network.names}
        for key, array in weights.items():
            array.setflags(write=False)
            layer_name, _, weight_name = key.partition("/")
            by_layer[layer_name][weight_name] = array
        self.stages = [
            STAGES[type(layer)](name, layer, by_layer[name], partial(chunk_steps, self.network))
            for name, layer in zip(self.network.names, self.network.body, strict=True)
        ]
        vars(self).update(weights=MappingProxyType(weights))

    def save_weights(self, path: str | PathLike[str]) -> None:
        """Write the weights to an .npz file that `load_weights` and `rnncli forward --weights` can read.

        An existing file of that name is replaced once everything is written.

        Raises:
            ArgumentError: `path` is not a file name.
            RnncliError: the file cannot be written.
        """
        write_arrays(written_name("path", path, ".npz"), self.weights)

    def load_weights(self, path: Given) -> None:
        """Replace the weights by arrays by key, or those of a part or a file: one of `save_weights`, or of any model.

            >>> from tempfile import TemporaryDirectory
            >>> first, second = Model("input:8,lstm:4", seed=1), Model("input:8,lstm:4", seed=2)
            >>> with TemporaryDirectory() as folder:
            ...     first.save_weights(f"{folder}/weights.npz")
            ...     second.load_weights(f"{folder}/weights.npz")
            >>> x = np.ones((1, 5, 8))
            >>> bool((first(x) == second(x)).all())
            True

        If the file cannot be used, the model is unchanged.

        Raises:
            ArgumentError: `path` is not a file name, a part or arrays by key.
            RnncliError: the file cannot be read, or its arrays do not fit the network: their keys or shapes differ, or
                a number is not finite.
        """
        self._use(self._taken(path))
        vars(self).update(part=None)

    def __call__(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """Return the output for a batch of samples. All states are zero at the start.

            >>> Model("embed:100x8,lstm:4:seq,dense:3")([[5, 99, 0], [7, 7, 7]]).shape
            (2, 3, 3)

        With lengths, each sequence is computed as if it were alone, and nothing after its end is read:

            >>> model = Model("embed:100x8,lstm:4")
            >>> both = model([[5, 99, 3], [7, 7, 0]], lengths=[3, 2])
            >>> bool(np.allclose(both[1:], model([[7, 7]])))
            True

        Args:
            x: vectors (batch, timesteps, features); or ids (batch, timesteps) if the network starts with embed.
            lengths: the length of each sequence; None if all are as long as the input.

        Returns:
            (batch, timesteps, features) or (batch, features), as in `network.shapes`. Output sequences that are shorter
            than the longest are followed by zeros.

        Raises:
            ArgumentError: `x` has another shape or dtype than the network reads, or an id outside the vocabulary, or
                the lengths do not fit its samples.
            SpecError: the network needs sequences of another length.
        """
        return self._checked_output(checked_input(self.network, x), None, lengths)

    def run(
        self, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None, lengths: ArrayLike | None = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return the output, and the state of every recurrent layer after the last timestep.

        The state allows a long sequence to be run in pieces, with the same result as for the whole:

            >>> model = Model("input:8,lstm:4:seq")
            >>> x = np.random.default_rng(0).standard_normal((1, 20, 8))
            >>> y1, state = model.run(x[:, :15])
            >>> sorted(state)
            ['lstm/c', 'lstm/h']
            >>> y2, state = model.run(x[:, 15:], state)
            >>> np.allclose(np.concatenate([y1, y2], axis=1), model(x), atol=1e-6)
            True

        This does not hold for layers with `back` or `bi`, for windows, or for layers that combine all timesteps.

        Args:
            x: as in a call.
            state: the state returned by an earlier run: arrays (batch, units) by key. None means zero.
            lengths: as in a call. The returned state is the one after each sequence's own last timestep.

        Raises:
            ArgumentError: `x`, a state or the lengths have another shape or dtype than the network expects.
            SpecError: the network needs sequences of another length.
        """
        x = checked_input(self.network, x)
        states: State = {}
        if state is not None:
            states = checked_arrays("state", state, state_shapes(self.network, len(x)), self.dtype)
        return self._checked_output(x, states, lengths), states

    def _checked_output(self, x: Array, states: State | None, lengths: ArrayLike | None) -> Array:
        """Check lengths, and return the output for them and a checked input; `states` are as in `begin`."""
        batch, timesteps = x.shape[:2]
        if lengths is None:
            return self._output(SequenceGroup(range(batch), timesteps, self.chunks_of(x), states))
        lengths = check_lengths(lengths, batch, timesteps)
        if self.network.head.vocabulary is not None:
            is_read = np.arange(timesteps) < np.array(lengths)[:, None]
            check_ids(np.where(is_read, x, 0).T, self.network.head.vocabulary, 0)
        self.output_shape(batch, min(lengths))  # raises if that is too short
        output = np.zeros(self.output_shape(batch, timesteps), self.dtype)
        for some in groups(self.network, x, lengths, {} if states is None else states, self.chunks_of):
            y = self._output(some)
            output[some.samples, : y.shape[1]] = y
        return output

    @np.errstate(all="ignore")  # numbers that are not finite are visible in the output
    def _output(self, sequences: SequenceGroup) -> Array:
        """Return the output for checked sequences."""
        shape = self.output_shape(len(sequences.samples), sequences.timesteps)
        output = np.zeros(shape if len(shape) == 3 else (shape[0], 1, shape[1]), self.dtype)
        start = 0
        for values, _ in flow(self.begin(sequences.states), sequences.chunks):
            output[: values.shape[-1], start : start + len(values)] = values.transpose(2, 0, 1)
            start += len(values)
        return output.reshape(shape)

    def output_shape(self, batch: int, timesteps: int) -> tuple[int, ...]:
        """Return the shape of the output for an input of some size: (batch, timesteps, features) or (batch, features).

        Raises:
            SpecError: the network does not allow `timesteps`.
        """
        outputs = (returns for _, returns in self.network.shapes(batch, timesteps))
        *_, shape = [self.network.input_shape(batch, timesteps), *outputs]
        return tuple(size for size in shape if size is not None)

    def begin(self, states: State | None = None, ticks: Iterable[Tick] | None = None) -> list[Pass]:
        """Return a pass of each layer of `network.body`, for one batch from start to end.

        If numbers overflow, `np.errstate` determines what NumPy does.

        Args:
            states: where each recurrent layer gets its first state and leaves its last. Missing states are zero. None:
                all states are zero, and the last ones are discarded.
            ticks: for each layer, the callback that a recurrent layer calls with the number of timesteps just done.
        """
        return [stage(states, tick) for stage, tick in zip(self.stages, ticks or repeat(uncounted), strict=False)]

    def prepare(self, batch: int, timesteps: int) -> None:
        """Prepare the loops of the recurrent layers for a batch of so many samples and timesteps."""
        chunk = chunk_steps(self.network, batch)
        sizes = zip(self.stages, self.network.shapes(), self.network.steps_read(timesteps), strict=True)
        for stage, (reads, _), steps in sizes:
            if isinstance(stage, RecurrentStage):
                stage.prepare(reads[-1] or 1, batch, min(steps or 1, chunk))

    def chunks_of(self, x: Array) -> Iterator[Chunk]:
        """Yield an input array, (batch, timesteps[, features]), in chunks.

        Raises:
            ArgumentError: an id is outside the vocabulary.
        """
        steps = chunk_steps(self.network, len(x))
        for start in range(0, x.shape[1], steps):
            yield chunk_of(self.network, x[:, start : start + steps], start, self.dtype)

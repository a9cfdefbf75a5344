"""`Model`: a network with weights, ready to run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rnncli.engine.checks import check_ids, check_input, checked_arrays, state_shapes, weight_shapes
from rnncli.engine.chunks import Chunk, chunk_steps, widest
from rnncli.engine.initializers import initial_weights
from rnncli.engine.passes import Pass, State, Tick
from rnncli.engine.request import Init
from rnncli.engine.stages import make_stage
from rnncli.engine.types import Array
from rnncli.network import Network

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

DTYPES = ("float32", "float64")


class Model:
    """A network that computes, in NumPy.

        >>> from rnncli import Network
        >>> from rnncli.engine import Model
        >>> model = Model(Network.parse("input:8,rnn:4:seq"), seed=0)
        >>> model(np.zeros((2, 5, 8))).shape
        (2, 5, 4)

    Args:
        network: the network.
        seed: what the first weights are drawn from; the same seed gives the same bytes.
        dtype: float32 or float64, of the weights and of everything computed.
        init: `keras` for Keras's default initialisers, `uniform` for U[0, 1).
        weights: arrays to use instead, by key (`simple_rnn/kernel`), with Keras's shapes and order of gates.

    Attributes:
        network: the network.
        dtype: the NumPy dtype.
        weights: the arrays by key. They are read-only: the engine has rearranged copies.

    Raises:
        RnncliError: `weights` lacks an array, has one too many, or one of them has another shape.
    """

    def __init__(
        self,
        network: Network | str,
        seed: int = 0,
        dtype: str = "float32",
        init: Init = "keras",
        weights: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype is {dtype!r}, expected one of {', '.join(DTYPES)}")
        network = Network.of(network)
        self.network = network
        self.dtype = np.dtype(dtype)
        if weights is None:
            self.weights = initial_weights(network, seed, self.dtype, init)
        else:
            self.weights = checked_arrays(weights, weight_shapes(network), self.dtype)
        for array in self.weights.values():
            array.setflags(write=False)
        self._chunk_steps = partial(chunk_steps, widest(network))
        by_layer: dict[str, dict[str, Array]] = {name: {} for name in network.names}
        for key, array in self.weights.items():
            name, _, weight = key.partition("/")
            by_layer[name][weight] = array
        self._stages = [
            make_stage(name, layer, by_layer[name], self._chunk_steps)
            for name, layer in zip(network.names, network.body, strict=True)
        ]

    def __call__(self, x: ArrayLike) -> Array:
        """Return the network's output for a batch of samples. The state is zero at the start of each.

        Args:
            x: vectors (batch, timesteps, features), or ids (batch, timesteps) where the network starts with embed.

        Returns:
            (batch, timesteps, features) or (batch, features), as `network.shapes` says.

        Raises:
            RnncliError: `x` has another shape or type than the network reads, or an id outside its vocabulary.
        """
        return self._run(np.asarray(x), None)

    def run(self, x: ArrayLike, state: Mapping[str, ArrayLike] | None = None) -> tuple[Array, dict[str, Array]]:
        """Return the output, and the state of every recurrent layer after the last timestep.

        A sequence can be cut in pieces: `y, state = model.run(piece, state)` for each in turn gives the values of one
        run over the whole. (Not with `back` and `bi`, which read it from its end.)

        Args:
            x: as for a call.
            state: what an earlier run returned, by key (`lstm/h`, `lstm/c`), each (batch, units); None is zero.

        Raises:
            RnncliError: `x` or a state has another shape or type than the network takes.
        """
        x = np.asarray(x)
        states: State = {}
        if state is not None:
            states = checked_arrays(state, state_shapes(self.network, len(x)), self.dtype)
        return self._run(x, states), states

    def _run(self, x: Array, states: State | None) -> Array:
        check_input(self.network, x.shape, x.dtype)
        shape = self.output_shape(*x.shape[:2])
        sequence = shape if len(shape) == 3 else (shape[0], 1, shape[1])
        output = np.empty(sequence, self.dtype)
        start = 0
        for values, _ in self.stream(self.chunks_of(x), states):
            output[:, start : start + len(values)] = values.transpose(2, 0, 1)
            start += len(values)
        return output.reshape(shape)

    def output_shape(self, batch: int, timesteps: int) -> tuple[int, ...]:
        """Return the shape of the output for an input of that size."""
        outputs = (returns for _, returns in self.network.shapes(batch, timesteps))
        *_, shape = [self.network.input_shape(batch, timesteps), *outputs]
        return tuple(size for size in shape if size is not None)

    def stream(
        self, chunks: Iterable[Chunk], states: State | None = None, tick: Tick = lambda steps: None
    ) -> Iterator[Chunk]:
        """Yield the output for a sequence that comes in chunks of time.

        Args:
            chunks: the whole of one batch, in order of time.
            states: where each recurrent layer finds its first state, zero if it is not there, and leaves its last.
            tick: called with the number of timesteps whenever a recurrent layer has taken some.
        """
        return flow(self.begin(states, tick), chunks)

    def begin(self, states: State | None = None, tick: Tick = lambda steps: None) -> list[Pass]:
        """Return a pass for each layer of `network.body`, which together take one batch from its start to its end.

        Args:
            states: as for `stream`.
            tick: as for `stream`.
        """
        return [stage.begin(states, tick) for stage in self._stages]

    def vectors(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield the vectors that the first layer makes of ids; an input of vectors is yielded as it is."""
        return flow(self.begin()[:1] if self.network.head.shown else [], chunks)

    def chunks_of(self, x: Array) -> Iterator[Chunk]:
        """Yield an input array, (batch, timesteps[, features]), in chunks of time.

        Raises:
            RnncliError: an id is outside the vocabulary.
        """
        vocabulary = self.network.head.vocabulary
        steps = self._chunk_steps(len(x))
        for start in range(0, x.shape[1], steps):
            part = x[:, start : start + steps]
            if vocabulary is not None:
                ids = np.ascontiguousarray(part.T)
                check_ids(ids, vocabulary, start)
                yield Chunk(ids)
            else:
                yield Chunk(np.ascontiguousarray(part.transpose(1, 2, 0), self.dtype))


def flow(passes: Iterable[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield what comes out of layers, each of which reads what the one before returns, for a sequence in chunks.

    A chunk goes through all layers before the next one comes in. When the sequence has ended, the layers end in turn:
    what a layer yields at its end goes through those above it.
    """
    outputs = _flow(deque(passes), chunks)
    while True:
        # What is not finite is for the caller to see in the output. The caller's own arithmetic goes on to warn.
        with np.errstate(all="ignore"):
            output = next(outputs, None)
        if output is None:
            return
        yield output


def _flow(above: deque[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    yield from _through(above, chunks)
    while above:
        ended = above.popleft()
        yield from _through(above, ended.end())


def _through(layers: Iterable[Pass], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    for chunk in chunks:
        output: Chunk | None = chunk
        for layer in layers:
            if output is None:  # the layer below keeps it until its end
                break
            output = layer.step(output)
        if output is not None:
            yield output

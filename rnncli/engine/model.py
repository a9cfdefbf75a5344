"""`Model`: a network with weights, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.engine.initializers import initial_weights, network_weights
from rnncli.engine.stages import Chunk, Tick, make_stage
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.layers import Embedding
from rnncli.network import Network

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


DTYPES = ("float32", "float64")

_CHUNK_NUMBERS = 1 << 19
_LEAST_STEPS = 16


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
        network: Network,
        seed: int = 0,
        dtype: str = "float32",
        init: str = "keras",
        weights: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype is {dtype!r}, expected one of {', '.join(DTYPES)}")
        self.network = network
        self.dtype = np.dtype(dtype)
        if weights is None:
            self.weights = initial_weights(network, seed, self.dtype, init)
        else:
            self.weights = checked_weights(network, weights, self.dtype)
        for array in self.weights.values():
            array.setflags(write=False)
        self._returns_sequence = len(network.summary().output_shape) == 3
        self._widest = widest(network)
        self._stages = [
            make_stage(layer, self._weights_of(name)) for name, layer in zip(network.names, network.body, strict=True)
        ]

    def __call__(self, x: ArrayLike) -> Array:
        """Return the network's output for a batch of samples. The state is zero at the start of each.

        Args:
            x: vectors (batch, timesteps, features), or ids (batch, timesteps) where the network starts with embed.

        Returns:
            (batch, timesteps, features) or (batch, features), as `network.shapes` says.

        Raises:
            RnncliError: `x` has another shape or type than the network reads.
        """
        x = np.asarray(x)
        check_input(self.network, x.shape, x.dtype)
        batch, timesteps = x.shape[:2]
        out: Array | None = None
        start = 0
        for values, _ in self.stream(self.chunks_of(x)):
            rows = values.transpose(2, 0, 1)
            if not self._returns_sequence:
                return np.ascontiguousarray(rows[:, 0])
            if out is None:
                out = np.empty((batch, timesteps, rows.shape[2]), self.dtype)
            out[:, start : start + len(values)] = rows
            start += len(values)
        assert out is not None
        return out

    def output_shape(self, batch: int, timesteps: int) -> tuple[int, ...]:
        """Return the shape of the output for an input of that size."""
        shape = self.network.summary(batch, timesteps).output_shape
        return tuple(size for size in shape if size is not None)

    def stream(
        self,
        chunks: Iterable[Chunk],
        tick: Tick = lambda steps: None,
        watch: Callable[[int, Iterator[Chunk]], Iterator[Chunk]] = lambda index, chunks: chunks,
    ) -> Iterator[Chunk]:
        """Yield the output for a sequence that comes in chunks of time.

        Args:
            chunks: the whole of one batch, in order of time.
            tick: called with the number of timesteps whenever a recurrent layer has taken some.
            watch: wraps the output of each layer, given its index in `network.body`.
        """
        stream = iter(chunks)
        for index, stage in enumerate(self._stages):
            stream = watch(index, stage.run(stream, tick))
        with np.errstate(all="ignore"):  # what is not finite is for the caller to see in the output
            yield from stream

    def chunks_of(self, x: Array) -> Iterator[Chunk]:
        """Yield an input array, (batch, timesteps[, features]), in chunks of time."""
        ids = isinstance(self.network.head, Embedding)
        steps = chunk_steps(self._widest, len(x))
        for start in range(0, x.shape[1], steps):
            part = x[:, start : start + steps]
            if ids:
                yield Chunk(np.ascontiguousarray(part.T))
            else:
                yield Chunk(np.ascontiguousarray(part.transpose(1, 2, 0), self.dtype))

    def _weights_of(self, name: str) -> dict[str, Array]:
        return {key.partition("/")[2]: array for key, array in self.weights.items() if key.partition("/")[0] == name}


def widest(network: Network) -> int:
    """Return the most numbers that a recurrent layer handles at a step, its input and its state, or another layer."""
    return max((sum(shape[-1] or 0 for shape in pair) for pair in network.shapes()), default=1)


def chunk_steps(width: int, batch: int) -> int:
    """Return how many timesteps a chunk should have for a network `width` wide.

    Large ones spread the cost of starting a chunk; the numbers of too large ones fall out of the cache, and memory
    must not grow with the sequence.
    """
    return max(_LEAST_STEPS, _CHUNK_NUMBERS // (batch * width))


def check_input(network: Network, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Check an input array before it is read.

    Raises:
        RnncliError: it has another shape or type than the network reads.
    """
    expected = network.input_shape()
    names = ("batch", "timesteps", "features")[: len(expected)]
    want = ", ".join(name if size is None else f"{size}" for name, size in zip(names, expected, strict=True))
    if len(shape) != len(expected) or any(size not in (None, got) for size, got in zip(expected, shape, strict=True)):
        missing_batch = len(shape) == len(expected) - 1
        raise RnncliError(
            f"the input has shape {shape}, expected ({want})",
            "add the axis of the batch: x[None]" if missing_batch else None,
        )
    if 0 in shape:
        raise RnncliError(f"the input has shape {shape}: it holds nothing")
    if isinstance(network.head, Embedding):
        if dtype.kind not in "iu":
            raise RnncliError(f"the input holds {dtype}, expected integer ids", "x.astype('int64')")
    elif dtype.kind not in "fiub":
        raise RnncliError(f"the input holds {dtype}, expected floats", "x.astype('float32')")


def checked_weights(network: Network, weights: Mapping[str, ArrayLike], dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return weights given by key as arrays of `dtype`, in Keras's order.

    Raises:
        RnncliError: one is missing, unknown, of another shape or type, or not finite.
    """
    expected = weight_shapes(network)
    check_keys(weights, expected)
    arrays = {}
    for key, shape in expected.items():
        given = np.asarray(weights[key])
        check_weight(key, given.shape, given.dtype, shape)
        arrays[key] = np.array(given, dtype, order="C")
        if not np.isfinite(arrays[key]).all():
            wrong = np.argwhere(~np.isfinite(arrays[key]))
            index = ", ".join(str(i) for i in wrong[0])
            raise RnncliError(
                f"{key}[{index}] is {arrays[key][tuple(wrong[0])]}, expected a finite number "
                f"({len(wrong):,} of {arrays[key].size:,} are not)"
            )
    return arrays


def weight_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight by key, in Keras's order."""
    return {key: weight.shape for _, (key, weight) in network_weights(network)}


def check_keys(given: Iterable[str], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Check that the arrays given are those that a network has.

    Raises:
        RnncliError: some are missing, or not the network's.
    """
    given = list(given)
    missing = [key for key in expected if key not in given]
    if missing:
        raise RnncliError(
            f"there is no array {missing[0]} of shape {expected[missing[0]]}"
            + (f", nor {len(missing) - 1} others" if len(missing) > 1 else ""),
            f"the arrays given are {', '.join(given) or 'none'}",
        )
    unknown = [key for key in given if key not in expected]
    if unknown:
        raise RnncliError(
            f"the network has no weight {unknown[0]}",
            f"its weights are {', '.join(expected) or 'none'}",
        )


def check_weight(key: str, shape: tuple[int, ...], dtype: np.dtype[Any], expected: tuple[int, ...]) -> None:
    """Check an array before it is read.

    Raises:
        RnncliError: it has another shape or type than the weight.
    """
    if shape != expected:
        raise RnncliError(f"{key} has shape {shape}, expected {expected}")
    if dtype.kind not in "fiu":
        raise RnncliError(f"{key} holds {dtype}, expected floats")

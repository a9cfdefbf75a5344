"""Which arrays a network takes; they are checked before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.engine.initializers import network_weights
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.network import Network

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


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
    if network.head.vocabulary is not None:
        if dtype.kind not in "iu":
            raise RnncliError(f"the input holds {dtype}, expected integer ids", "x.astype('int64')")
    elif dtype.kind not in "fiub":
        raise RnncliError(f"the input holds {dtype}, expected floats", "x.astype('float32')")


def check_ids(ids: Array, vocabulary: int, start: int) -> None:
    """Check some timesteps of ids, (timesteps, batch), the first of which is step `start` of the sequence.

    Raises:
        RnncliError: one is outside the vocabulary, 0 to `vocabulary` - 1.
    """
    wrong = (ids < 0) | (ids >= vocabulary)
    if wrong.any():
        t, sample = np.argwhere(wrong)[0]
        raise RnncliError(
            f"id {ids[t, sample]} (sample {sample}, timestep {start + t}) is outside the vocabulary, "
            f"0 to {vocabulary - 1:,}",
            "give the embedding more ids, or clip them",
        )


def weight_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight by key, in Keras's order."""
    return {key: weight.shape for _, (key, weight) in network_weights(network)}


def state_shapes(network: Network, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every state by key: `lstm/h`, `lstm/c`, `bidirectional/forward/h`."""
    return {
        f"{name}/{state}": shape
        for name, layer in zip(network.names, network.body, strict=True)
        for state, shape in layer.state_shapes(batch).items()
    }


def checked_arrays(
    given: Mapping[str, ArrayLike], expected: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]
) -> dict[str, Array]:
    """Return arrays given by key as copies of `dtype`, in the order of `expected`, which holds their shapes.

    Raises:
        RnncliError: one is missing, unknown, of another shape or type, or not finite.
    """
    check_keys(given, expected)
    arrays = {}
    for key, shape in expected.items():
        array = np.asarray(given[key])
        check_array(key, array.shape, array.dtype, shape)
        with np.errstate(over="ignore"):
            arrays[key] = np.array(array, dtype, order="C")
        if not np.isfinite(arrays[key]).all():
            wrong = np.argwhere(~np.isfinite(arrays[key]))
            index = ", ".join(str(i) for i in wrong[0])
            raise RnncliError(
                f"{key}[{index}] is {array[tuple(wrong[0])]}, expected a finite number in {dtype} "
                f"({len(wrong):,} of {array.size:,} are not)"
            )
    return arrays


def check_keys(given: Iterable[str], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Check that the arrays given are those that a network has.

    Raises:
        RnncliError: some are missing, or not the network's.
    """
    given = dict.fromkeys(given)  # a set in order
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
            f"the network has no array {unknown[0]}",
            f"it has {', '.join(expected) or 'none'}",
        )


def check_array(key: str, shape: tuple[int, ...], dtype: np.dtype[Any], expected: tuple[int, ...]) -> None:
    """Check an array before it is read.

    Raises:
        RnncliError: it has another shape or type than expected.
    """
    if shape != expected:
        raise RnncliError(f"{key} has shape {shape}, expected {expected}")
    if dtype.kind not in "fiu":
        raise RnncliError(f"{key} holds {dtype}, expected floats")

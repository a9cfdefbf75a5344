"""Checks of input, weight and state arrays from the user, made before anything is computed from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.engine.initializers import network_weights
from rnncli.engine.request import DTYPES
from rnncli.errors import ArgumentError, shorten
from rnncli.network import Network, check_known, plain
from rnncli.quantities import plural

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def checked_dtype(dtype: object) -> np.dtype[Any]:
    """Return the dtype for a name, "float32", or for NumPy's np.float32 or np.dtype("float32").

    Raises:
        ArgumentError: the engine does not support the dtype.
    """
    name: str = plain(dtype)
    check_known("dtype", name, DTYPES)
    return np.dtype(name)


def checked_input(network: Network, x: ArrayLike) -> Array:
    """Return an input as an array. Ids outside the vocabulary are only found when they are read (`check_ids`).

    Raises:
        ArgumentError: the network reads another shape or dtype.
    """
    array = _as_array("the input", x, "pad the samples to one length, and give their own: lengths=[3, 2]")
    check_input(network, array.shape, array.dtype)
    return array


def check_input(network: Network, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise an ArgumentError if the network reads an input of another shape or dtype."""
    expected = network.input_shape()
    names = ("batch", "timesteps", "features")[: len(expected)]
    want = ", ".join(name if size is None else f"{size}" for name, size in zip(names, expected, strict=True))
    if not _fits(shape, expected):
        wider = {
            "add a batch axis: x[None], or [x] if x is a list": (1, *shape),
            "add an axis for the one feature: x[..., None]": (*shape, 1),
        }
        advice = next((text for text, axes in wider.items() if _fits(axes, expected)), None)
        raise ArgumentError(f"the input has shape {shorten(str(shape), 72)}, expected ({want})", advice)
    if 0 in shape:
        raise ArgumentError(f"the input has shape {shorten(str(shape), 72)}: it is empty")
    if network.head.vocabulary is not None:
        if dtype.kind not in "iu":
            raise ArgumentError(f"the input has dtype {dtype}, expected integer ids", "x.astype('int64')")
    elif dtype.kind not in "fiub":
        raise ArgumentError(f"the input has dtype {dtype}, expected floats", "x.astype('float32')")


def _fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    """Return whether a shape is the expected one, in which None is any size."""
    return len(shape) == len(expected) and all(want in (None, got) for got, want in zip(shape, expected, strict=True))


def check_ids(ids: Array, vocabulary: int, start: int) -> None:
    """Raise an ArgumentError for an id outside 0 to `vocabulary` - 1; the ids, (timesteps, batch), begin at `start`."""
    wrong = (ids < 0) | (ids >= vocabulary)
    if wrong.any():
        t, sample = np.argwhere(wrong)[0]
        raise ArgumentError(
            f"id {ids[t, sample]} (sample {sample}, timestep {start + t}) is outside the vocabulary, "
            f"0 to {vocabulary - 1:,}",
            "use a larger vocabulary for the embedding, or clip the ids",
        )


def check_finite(found: Array, used: Array, start: int) -> None:
    """Check some timesteps of vectors, (batch, timesteps, features), that start at timestep `start`.

    Args:
        found: the vectors, in any dtype.
        used: the vectors in the dtype of the computation; the axes may be in another order.
        start: the first timestep.

    Raises:
        ArgumentError: a number is not finite in that dtype.
    """
    if _is_finite(used):
        return
    with np.errstate(all="ignore"):
        wrong = ~np.isfinite(found.astype(used.dtype, copy=False))
    if wrong.any():
        sample, t, feature = np.argwhere(wrong)[0]
        raise ArgumentError(
            f"the input is {found[sample, t, feature]} (sample {sample}, timestep {start + t}, feature {feature}), "
            f"expected a finite number in {used.dtype}"
        )


def weight_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight by key, in Keras's order."""
    return {key: weight.shape for key, weight in network_weights(network).items()}


def state_shapes(network: Network, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every state by key: `lstm/h`, `lstm/c`, `bidirectional/forward/h`."""
    return {
        f"{name}/{direction}{state}": (batch, size)
        for name, layer in zip(network.names, network.body, strict=True)
        for direction in layer.directions
        for state, size in layer.state_sizes.items()
    }


def checked_arrays(
    name: str, given: Mapping[str, ArrayLike], expected: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]
) -> dict[str, Array]:
    """Return copies of arrays by key as `dtype`, in the order of `expected`; `name` is their name in messages.

    Raises:
        ArgumentError: an array is missing, unknown, of another shape or dtype, or not finite.
    """
    if not isinstance(given, Mapping):
        raise ArgumentError(
            f"{name} is {shorten(repr(given))}, expected {'a file name or ' * (name == 'weights')}"
            f"a dict of arrays: {_known(expected)}"
        )
    check_keys(given, expected)
    return {
        key: taken_array(key, _as_array(key, given[key]), shape, dtype, copy=True) for key, shape in expected.items()
    }


def taken_array(
    key: str, array: Array, shape: tuple[int, ...], dtype: np.dtype[Any], copy: bool | None = None
) -> Array:
    """Return an array as `dtype`: a copy, or if `copy` is None and its dtype and layout are right, the array itself.

    Raises:
        ArgumentError: the array has another shape or dtype, or is not finite.
    """
    check_array(key, array.shape, array.dtype, shape)
    with np.errstate(over="ignore"):  # too large numbers become infinite, which is found below
        taken: Array = np.array(array, dtype, order="C", copy=copy)
    check_all_finite(key, taken, lambda: array)
    return taken


def check_all_finite(key: str, taken: Array, given: Callable[[], Array]) -> None:
    """Raise an ArgumentError if a number of an array is not finite; `given` returns the original for the message."""
    if _is_finite(taken):
        return
    wrong = np.argwhere(~np.isfinite(taken))
    if len(wrong):
        index = ", ".join(str(i) for i in wrong[0])
        raise ArgumentError(
            f"{key}[{index}] is {given()[tuple(wrong[0])]}, expected a finite number in {taken.dtype} "
            f"({len(wrong):,} of {taken.size:,} are not)"
        )


def _is_finite(numbers: Array) -> bool:
    """Return whether all numbers are finite, without allocating memory; False if the sum overflows."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(numbers.sum()))


def check_keys(given: Iterable[str], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise an ArgumentError if the given arrays lack an expected key, or have an unknown one."""
    given = dict.fromkeys(given)  # a set in order
    if missing := [key for key in expected if key not in given]:
        raise ArgumentError(
            f"array {missing[0]} of shape {expected[missing[0]]} is missing"
            + (f", and {plural(len(missing) - 1, 'other')}" if len(missing) > 1 else ""),
            f"the arrays given are {_known(given)}",
        )
    if unknown := [key for key in given if key not in expected]:
        raise ArgumentError(f"the network has no array {shorten(str(unknown[0]))}", f"it has {_known(expected)}")


def check_array(key: str, shape: tuple[int, ...], dtype: np.dtype[Any], expected: tuple[int, ...]) -> None:
    """Raise an ArgumentError if a weight or state has another shape, or a dtype that is not for real numbers."""
    if shape != expected:
        other_batch = key.endswith(("/h", "/c")) and shape[1:] == expected[1:]
        advice = f"it is the state of {plural(shape[0], 'sample')}: run it with as many" if other_batch else ""
        raise ArgumentError(f"{key} has shape {shorten(str(shape), 72)}, expected {expected}", advice)
    if dtype.kind not in "fiu":
        raise ArgumentError(f"{key} has dtype {dtype}, expected floats")


def _known(keys: Collection[str]) -> str:
    """Return the keys of arrays for a message, abbreviated if they are many."""
    few = [shorten(str(key)) for key in islice(keys, 8)]
    if len(keys) > len(few):
        few.append(f"{len(keys) - len(few):,} more")
    return ", ".join(few) or "none"


def _as_array(name: str, given: ArrayLike, advice: str | None = None) -> Array:
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as fault:
        reason = f"{fault}".splitlines()[0]
        said = f"{name} is {shorten(repr(given))}, expected an array of numbers ({reason})"
        raise ArgumentError(said, advice if "inhomogeneous" in reason else None) from None

"""An array in a file: its name, its shape, and how its numbers are read, later."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.faults import reading
from rnncli.formats.numbers import WIDTHS, array_at

if TYPE_CHECKING:
    import numpy as np

    from rnncli.formats.file_reader import FileReader

Convention = Literal["keras", "cudnn", "torch", "onnx"]
"""Whose names, layout and order of gates the arrays of a layer have."""

MAX_ARRAYS = 100_000
"""The most arrays that a file may hold; a network of 10,000 layers has 60,000 at most."""

MAX_RANK = 64
"""The most axes that an array may have: NumPy has no more."""


class Tensor(NamedTuple):
    """An array in a file.

    Attributes:
        name: what the file calls it.
        shape: its shape.
        dtype: the name of its numbers' type: `float32`, `bfloat16`, `int64`.
        read: reads its numbers, as a NumPy array; bfloat16 and float8 become float32. Errors name the file.
        place: where its numbers stand, if another array of the file may have the same; None if none has.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray[Any, Any]]
    place: Hashable = None

    @property
    def params(self) -> int:
        """The number of its elements."""
        return prod(self.shape)


def total_params(tensors: Sequence[Tensor]) -> int:
    """Return the number of elements of some arrays; those that have the same numbers count once."""
    places = {tensor.place: tensor.params for tensor in tensors if tensor.place is not None}
    return sum(places.values()) + sum(tensor.params for tensor in tensors if tensor.place is None)


def tensor_at(
    path: str, reader: FileReader, name: str, place: int, dtype: str, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """Read the numbers of an array that stand in one row at a place of a file.

    Raises:
        RnncliError: they cannot be read; the message names the file and the array.
    """
    with reading(f"{path}: array {shorten(name)}", f"{shorten(str(shape))} of {dtype}"):
        if dtype not in WIDTHS:
            raise RnncliError(f"its numbers are of type {dtype}, which are not read")
        return array_at(reader, place, dtype, shape)

"""Arrays in files: names, shapes, and how their numbers are read, later."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from rnncli.errors import RnncliError, shorten
from rnncli.formats import reading
from rnncli.immutable import NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from rnncli.formats.file_reader import FileReader

    Numbers = np.ndarray[Any, Any]

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
        read: reads its numbers, as a NumPy array; bfloat16 becomes float32. Errors name the file.
        place: where its numbers stand, if another array of the file may have the same; None if none has.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Numbers]
    place: Hashable = None

    @property
    def params(self) -> int:
        """The number of its elements."""
        return prod(self.shape)

    def as_dict(self) -> dict[str, Any]:
        """Return what it is as plain data, without its numbers."""
        return {"name": self.name, "shape": self.shape, "dtype": self.dtype, "params": self.params}


def by_numbers(name: str) -> str:
    """Return by what names are sorted, so that `lstm_2` comes before `lstm_10`."""
    return re.sub("[0-9]+", lambda number: number[0].zfill(9), name)


def total_params(tensors: Sequence[Tensor]) -> int:
    """Return the number of elements of some arrays; those that have the same numbers count once."""
    places = {tensor.place: tensor.params for tensor in tensors if tensor.place is not None}
    return sum(places.values()) + sum(tensor.params for tensor in tensors if tensor.place is None)


def bits_of(dtype: str) -> int:
    """Return the bits of a number of a type, which its name says: 32 of `float32`, 8 of `float8_e5m2`; 0 of a text."""
    digits = re.search("[0-9]+", dtype)
    return 8 if dtype == "bool" else int(digits[0]) if digits else 0


WIDTHS: Mapping[str, int] = {
    dtype: bits_of(dtype) // 8
    for dtype in (
        *("bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32"),
        *("uint32", "float32", "int64", "uint64", "float64", "complex64", "complex128"),
    )
}
"""The bytes of a number of each type that is read."""

_SHOWN = 10**30

_MOST_NUMBERS = 2**59
"""One more than an array of the widest type may have."""


def later(path: str, name: str, read: Callable[[], Numbers]) -> Callable[[], Numbers]:
    """Return what reads the numbers of an array when it is called; errors name the file and the array."""

    def numbers() -> Numbers:
        with reading(f"{path}: array {shorten(name)}"):
            return read()

    return numbers


def array_of(data: bytes | memoryview, dtype: str, shape: tuple[int, ...]) -> Numbers:
    """Return little-endian bytes as an array; bfloat16, which NumPy does not have, becomes float32.

    Raises:
        RnncliError: there are not as many bytes as the shape says, or NumPy has no array of that shape.
    """
    import numpy as np

    check_shape(shape)
    if len(data) != prod(shape) * WIDTHS[dtype]:
        raise RnncliError(f"it has {len(data):,} bytes, and its shape says {numbers_in(shape, WIDTHS[dtype])}")
    return _as_numbers(np.frombuffer(data, _in_file(dtype)).reshape(shape), dtype)


def array_at(reader: FileReader, place: int, dtype: str, shape: tuple[int, ...]) -> Numbers:
    """Return the array whose little-endian bytes begin at a place of a file, likewise.

    Raises:
        RnncliError: the file was changed since it was opened, or NumPy has no array of that shape or type.
    """
    import numpy as np

    if dtype not in WIDTHS:
        raise RnncliError(f"its numbers are of type {dtype}, which are not read")
    check_shape(shape)
    array = np.empty(shape, _in_file(dtype))
    reader.read_into(place, memoryview(array.reshape(-1).view(np.uint8)))  # type: ignore[arg-type]  # it is a buffer
    reader.check_unchanged()
    return _as_numbers(array, dtype)


def _in_file(dtype: str) -> str:
    """Return what NumPy calls the numbers of a type as they stand in a file, with their little end first."""
    import numpy as np

    return np.dtype("uint16" if dtype == "bfloat16" else dtype).newbyteorder("<").str


def _as_numbers(array: Numbers, dtype: str) -> Numbers:
    """Return what stands in a file as numbers: a bfloat16 is the upper half of a float32."""
    return array if dtype != "bfloat16" else (array.astype("<u4") << 16).view("<f4")


def check_shape(shape: tuple[int, ...]) -> None:
    """Check that NumPy can have an array of a shape: one without numbers may say anything of its other axes.

    Raises:
        RnncliError: it cannot.
    """
    if prod(filter(None, shape)) >= _MOST_NUMBERS:
        raise RnncliError(f"no array can have the shape {shorten(str(shape))}")


def numbers_in(shape: tuple[int, ...], itemsize: int = 1) -> str:
    """Return how many bytes an array takes, in words that are never long: those of a file may multiply to anything."""
    total = prod(shape) * itemsize
    return f"{total:,}" if total < _SHOWN else f"more than 10^{(total.bit_length() - 1) * 30103 // 100000}"

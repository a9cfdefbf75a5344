"""Arrays in files: their names and shapes, and functions that read their numbers later."""

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
"""The convention for names, layout and gate order of a layer's arrays."""

MAX_ARRAYS = 100_000
"""The most arrays in a file; a network of 10,000 layers has at most 60,000."""

MAX_RANK = 64
"""The most axes of an array, the same as in NumPy."""


class Tensor(NamedTuple):
    """An array in a file.

    Attributes:
        name: its name in the file.
        shape: its shape.
        dtype: the name of its data type: `float32`, `bfloat16`, `int64`.
        read: reads its numbers, as a NumPy array; bfloat16 becomes float32. Errors name the file.
        place: where its numbers are, if another array in the file may share them; otherwise None.
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
        """Return it as plain data, without its numbers."""
        return {"name": self.name, "shape": self.shape, "dtype": self.dtype, "params": self.params}


def by_numbers(name: str) -> str:
    """Return the sort key of a name that puts `lstm_2` before `lstm_10`."""
    return re.sub("[0-9]+", lambda number: number[0].zfill(9), name)


def total_params(tensors: Sequence[Tensor]) -> int:
    """Return the number of elements of some arrays; arrays that share numbers count once."""
    places = {tensor.place: tensor.params for tensor in tensors if tensor.place is not None}
    return sum(places.values()) + sum(tensor.params for tensor in tensors if tensor.place is None)


def bits_of(dtype: str) -> int:
    """Return a data type's bits per number, from its name: 32 for `float32`, 8 for `float8_e5m2`; 0 for texts."""
    digits = re.search("[0-9]+", dtype)
    return 8 if dtype == "bool" else int(digits[0]) if digits else 0


WIDTHS: Mapping[str, int] = {
    dtype: bits_of(dtype) // 8
    for dtype in (
        *("bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32"),
        *("uint32", "float32", "int64", "uint64", "float64", "complex64", "complex128"),
    )
}
"""The bytes per number of each data type that is read."""

_SHOWN = 10**30


def later(path: str, name: str, read: Callable[[], Numbers]) -> Callable[[], Numbers]:
    """Return a function that reads the numbers of an array; errors name the file and the array."""

    def numbers() -> Numbers:
        with reading(f"{path}: array {shorten(name)}"):
            return read()

    return numbers


def array_of(data: bytes | memoryview, dtype: str, shape: tuple[int, ...]) -> Numbers:
    """Return little-endian bytes as an array; bfloat16, which NumPy does not have, becomes float32.

    Raises:
        RnncliError: the number of bytes does not match the shape, or NumPy has no array of that shape.
    """
    import numpy as np

    check_shape(shape)
    if len(data) != prod(shape) * WIDTHS[dtype]:
        raise RnncliError(f"it has {len(data):,} bytes, but its shape needs {numbers_in(shape, WIDTHS[dtype])}")
    return _as_numbers(np.frombuffer(data, _in_file(dtype)).reshape(shape), dtype)


def array_at(reader: FileReader, place: int, dtype: str, shape: tuple[int, ...]) -> Numbers:
    """Return the array whose little-endian bytes begin at a position in a file; bfloat16 becomes float32.

    Raises:
        RnncliError: the file has changed since it was opened, or NumPy has no array of that shape or data type.
    """
    import numpy as np

    if dtype not in WIDTHS:
        raise RnncliError(f"its numbers are of type {dtype}, which are not read")
    check_shape(shape)
    array = np.empty(shape, _in_file(dtype))
    reader.read_into(place, array.reshape(-1).view(np.uint8).data)
    reader.check_unchanged()
    return _as_numbers(array, dtype)


def _in_file(dtype: str) -> str:
    """Return NumPy's name for a data type as it is stored in a file, little-endian."""
    import numpy as np

    return np.dtype("uint16" if dtype == "bfloat16" else dtype).newbyteorder("<").str


def _as_numbers(array: Numbers, dtype: str) -> Numbers:
    """Return stored values as numbers: a bfloat16 is the upper half of a float32."""
    return array if dtype != "bfloat16" else (array.astype("<u4") << 16).view("<f4")


def check_shape(shape: tuple[int, ...]) -> None:
    """Check that NumPy can have an array of this shape: an empty array's other axes may have any length in a file.

    Raises:
        RnncliError: it cannot.
    """
    if prod(filter(None, shape)) >= 2**59:  # more than an array of the widest data type has
        raise RnncliError(f"no array can have the shape {shorten(str(shape))}")


def numbers_in(shape: tuple[int, ...], itemsize: int = 1) -> str:
    """Return how many bytes an array takes, always as a short text: sizes in a file may multiply to anything."""
    total = prod(shape) * itemsize
    return f"{total:,}" if total < _SHOWN else f"more than 10^{(total.bit_length() - 1) * 30103 // 100000}"

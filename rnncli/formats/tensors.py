"""Arrays in files: names, shapes, and how their numbers are read, later."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.faults import reading

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
        read: reads its numbers, as a NumPy array; bfloat16 and float8 become float32. Errors name the file.
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
        *("bool", "uint8", "int8", "float8_e4m3fn", "float8_e5m2", "int16", "uint16", "float16", "bfloat16", "int32"),
        *("uint32", "float32", "int64", "uint64", "float64", "complex64", "complex128"),
    )
}
"""The bytes of a number of each type that is read."""

_BLOCK = 1 << 20
"""How many numbers are widened at a time."""

_SHOWN = 10**30

_MOST_NUMBERS = 2**59
"""One more than an array of the widest type may have."""


def tensor_at(path: str, reader: FileReader, name: str, place: int, dtype: str, shape: tuple[int, ...]) -> Numbers:
    """Read the numbers of an array that stand in one row at a place of a file.

    Raises:
        RnncliError: they cannot be read; the message names the file and the array.
    """
    with reading(f"{path}: array {shorten(name)}"):
        if dtype not in WIDTHS:
            raise RnncliError(f"its numbers are of type {dtype}, which are not read")
        return array_at(reader, place, dtype, shape)


def array_of(data: bytes | memoryview, dtype: str, shape: tuple[int, ...]) -> Numbers:
    """Return little-endian bytes as an array; bfloat16 and float8, which NumPy does not have, become float32.

    Raises:
        RnncliError: there are not as many bytes as the shape says, or NumPy has no array of that shape.
    """
    import numpy as np

    check_shape(shape)
    if len(data) != prod(shape) * WIDTHS[dtype]:
        raise RnncliError(f"it has {len(data):,} bytes, and its shape says {numbers_in(shape, WIDTHS[dtype])}")
    if dtype in _RAW:
        return _widened(np.frombuffer(data, _RAW[dtype]), dtype).reshape(shape)
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape)


def array_at(reader: FileReader, place: int, dtype: str, shape: tuple[int, ...]) -> Numbers:
    """Return the array whose little-endian bytes begin at a place of a file, likewise. It is held in memory once.

    Raises:
        RnncliError: the file was changed since it was opened, or NumPy has no array of that shape.
    """
    import numpy as np

    check_shape(shape)
    if dtype not in _RAW:
        array = np.empty(shape, np.dtype(dtype).newbyteorder("<"))
        reader.read_into(place, memoryview(array.reshape(-1).view(np.uint8)))  # type: ignore[arg-type]  # it is a buffer
    else:
        array = np.empty(shape, np.float32)
        flat = array.reshape(-1)
        for start in range(0, len(flat), _BLOCK):
            raw = np.empty(min(_BLOCK, len(flat) - start), _RAW[dtype])
            reader.read_into(place + start * raw.itemsize, memoryview(raw.view(np.uint8)))  # type: ignore[arg-type]  # likewise
            flat[start : start + len(raw)] = _widened(raw, dtype)
    reader.check_unchanged()
    return array


def check_shape(shape: tuple[int, ...]) -> None:
    """Check that NumPy can have an array of a shape: one without numbers may say anything of its other axes.

    Raises:
        RnncliError: it cannot.
    """
    if prod(filter(None, shape)) >= _MOST_NUMBERS:
        raise RnncliError(f"no array can have the shape {shorten(str(shape))}")


_RAW: Mapping[str, str] = {"bfloat16": "<u2", "float8_e4m3fn": "u1", "float8_e5m2": "u1"}
"""The types that NumPy does not have, and whole numbers of as many bits."""


def _widened(raw: Numbers, dtype: str) -> Numbers:
    """Return the bits of numbers as float32."""
    import numpy as np

    if dtype == "bfloat16":  # the upper half of a float32
        wide = raw.astype("<u4")
        wide <<= 16
        return wide.view("<f4")
    if dtype == "float8_e5m2":  # the upper half of a float16
        return (raw.astype("<u2") << 8).view("<f2").astype("<f4")
    # float8_e4m3fn has no infinities, and one NaN of each sign: https://arxiv.org/abs/2209.05433
    bits = np.arange(256)
    exponent, fraction = bits >> 3 & 15, bits & 7
    size = np.where(exponent > 0, np.ldexp(8 + fraction, exponent - 10), np.ldexp(fraction, -9))
    size[bits & 127 == 127] = np.nan
    values: Numbers = np.where(bits < 128, size, -size).astype("<f4")
    return values[raw]


def numbers_in(shape: tuple[int, ...], itemsize: int = 1) -> str:
    """Return how many bytes an array takes, in words that are never long: those of a file may multiply to anything."""
    total = prod(shape) * itemsize
    return f"{total:,}" if total < _SHOWN else f"more than 10^{(total.bit_length() - 1) * 30103 // 100000}"

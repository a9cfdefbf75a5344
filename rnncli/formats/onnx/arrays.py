"""The arrays of an ONNX file, and what is made of them by moving.

Numbers are read when they are asked for, except those of a few whole numbers, which say shapes and axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.file_reader import FileReader
from rnncli.formats.onnx.places import AS_VARINTS, RAW_DATA, ArrayPlaces, Where, check_size, external
from rnncli.formats.onnx.protobuf import Buffer, varints
from rnncli.formats.tensors import WIDTHS, Tensor

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, Any]

MAX_RANK = 32
"""The most axes that an array may have."""

FEW = 64
"""How many whole numbers are read at once: there are no more in a shape or a list of axes."""

_DTYPES: Mapping[int, str] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
    17: "float8_e4m3fn",
    19: "float8_e5m2",
}
"""ONNX's types of numbers that are read."""


class _Other(NamedTuple):
    """A type that is named and not read: its name, and the bits of a number; none of a text."""

    name: str
    bits: int


_OTHERS: Mapping[int, _Other] = {
    8: _Other("string", 0),
    18: _Other("float8_e4m3fnuz", 8),
    20: _Other("float8_e5m2fnuz", 8),
    21: _Other("uint4", 4),
    22: _Other("int4", 4),
    23: _Other("float4_e2m1", 4),
    24: _Other("float8_e8m0", 8),
    25: _Other("uint2", 2),
    26: _Other("int2", 2),
}


class Constant(NamedTuple):
    """An array that does not depend on the input.

    Attributes:
        tensor: the array.
        sources: the arrays of the file that it is made of: their names and how many numbers each has.
        wholes: its numbers, if they are a few whole ones.
        zeros: say of each array that it is made of whether all its numbers are zero, as far as that can be seen.
        depth: how many moves it is made by.
    """

    tensor: Tensor
    sources: Mapping[str, int]
    wholes: tuple[int, ...] | None
    zeros: frozenset[Callable[[], bool]]
    depth: int = 0

    def is_zero(self) -> bool:
        """Whether all its numbers are known to be zero."""
        return all(zero() for zero in self.zeros)

    def moved(self, shape: Sequence[int], move: Callable[[Numbers], Numbers], dtype: str = "") -> Constant:
        """Return what is made of it without computing: another order, another shape, a part."""
        read = self.tensor.read
        tensor = Tensor(self.tensor.name, tuple(shape), dtype or self.tensor.dtype, lambda: move(read()))
        return Constant(tensor, self.sources, None, self.zeros, self.depth + 1)


def constant_of(path: str, reader: FileReader, buffer: Buffer, places: ArrayPlaces) -> Constant:
    """Return an array of a file.

    Raises:
        RnncliError: its type is unknown, or its bytes are not as many as its shape says.
    """
    shape, label = tuple(places.shape), shorten(places.name) or "without a name"
    if any(size < 0 for size in shape):
        raise RnncliError(f"byte {places.start:,}: array {label} has the shape {shorten(str(shape))}")
    dtype = _DTYPES.get(places.code)
    if dtype is None:
        known = _OTHERS.get(places.code)
        if known is None:
            raise RnncliError(f"byte {places.start:,}: array {label} has numbers of type {places.code}, which is none")
        _check_other(places, label, known, shape)
        tensor = Tensor(places.name, shape, known.name, partial(_refuse, path, places.name, known.name))
        return Constant(tensor, {places.name: prod(shape)}, None, frozenset([_never]))
    count = prod(shape)
    where = Where(path, reader, places.name, dtype, shape, places.data, tuple(places.spans))
    if places.is_external:
        where = external(where, places)
    else:
        check_size(where, places.start)
    wholes = None
    if dtype in ("int32", "int64") and len(shape) <= 1 and count <= FEW and not places.is_external:
        wholes = tuple(_wholes(buffer, where))
    tensor = Tensor(places.name, shape, dtype, where.read)
    return Constant(tensor, {places.name: count}, wholes, frozenset([cache(where.is_zero)]))


def _check_other(places: ArrayPlaces, label: str, kind: _Other, shape: tuple[int, ...]) -> None:
    """Check that there are as many numbers of a type that is not read as their shape says."""
    count = prod(shape)
    if kind.bits and places.data == RAW_DATA:
        has, expected = sum(span.length for span in places.spans), -(-count * kind.bits // 8)
    elif kind.bits or places.is_external:
        return
    else:
        has, expected = places.texts, count
    if has != expected:
        raise RnncliError(
            f"byte {places.start:,}: array {label}, {shorten(str(shape))} of {kind.name}, has {has:,} "
            f"{'bytes' if kind.bits else 'texts'}, which is not what its shape says"
        )


def _wholes(buffer: Buffer, where: Where) -> list[int]:
    """Return a few whole numbers."""
    if where.data in AS_VARINTS:
        numbers = varints(buffer, where.spans, FEW)
        if len(numbers) != prod(where.shape):
            raise RnncliError(f"array {shorten(where.name)} has {len(numbers)} numbers and the shape {where.shape}")
        return numbers
    data = b"".join(buffer[start:end] for start, end in where.spans)
    width = WIDTHS[where.dtype]
    return [int.from_bytes(data[at : at + width], "little", signed=True) for at in range(0, len(data), width)]


def _never() -> bool:
    return False


def _refuse(path: str, name: str, dtype: str) -> Numbers:
    raise RnncliError(f"{path}: array {shorten(name)} has numbers of type {dtype}, which are not read")


def wholes_constant(numbers: Sequence[int]) -> Constant:
    """Return a list of whole numbers that stands in an attribute."""
    kept = tuple(numbers)

    def read() -> Numbers:
        import numpy as np

        return np.array(kept, np.int64)

    return Constant(Tensor("", (len(numbers),), "int64", read), {}, kept, frozenset([_never]))

"""The arrays of an ONNX file: where their numbers stand, in the file or beside it, and what is made of them by moving.

Numbers are read when they are asked for, except those of a few whole numbers, which say shapes and axes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.model_file import Tensor
from rnncli.formats.numbers import WIDTHS, array_of
from rnncli.formats.protobuf import Buffer, Field, Span, varints

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, Any]

MAX_RANK = 32
"""The most axes that an array may have."""

MAX_PIECES = 10_000
"""The most pieces that the numbers of an array may stand in."""

FEW = 64
"""How many whole numbers are read at once: there are no more in a shape or a list of axes."""

_LARGEST_ZERO = 2**24
"""The most bytes that are looked at to see whether all are zero: of an initial state."""

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

_OTHERS: Mapping[int, str] = {
    8: "string",
    18: "float8_e4m3fnuz",
    20: "float8_e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4_e2m1",
    24: "float8_e8m0",
    25: "uint2",
    26: "int2",
}
"""Types that are named and not read."""

_FLOAT_DATA, _INT32_DATA, _INT64_DATA, _RAW_DATA, _DOUBLE_DATA, _UINT64_DATA = 4, 5, 7, 9, 10, 11
_PACKED: Mapping[int, tuple[str, ...]] = {
    _FLOAT_DATA: ("float32", "complex64"),
    _INT32_DATA: ("int32", "int16", "int8", "uint16", "uint8", "bool", "float16", "bfloat16"),
    _INT64_DATA: ("int64",),
    _RAW_DATA: tuple(WIDTHS),
    _DOUBLE_DATA: ("float64", "complex128"),
    _UINT64_DATA: ("uint32", "uint64"),
}
"""The types whose numbers may stand in each field of an array."""

_AS_VARINTS = (_INT32_DATA, _INT64_DATA, _UINT64_DATA)


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


@dataclass
class ArrayPlaces:
    """What a file says of an array, before it is checked."""

    start: int
    name: str = ""
    code: int = 0
    shape: list[int] = field(default_factory=list)
    data: int = 0
    spans: list[Span] = field(default_factory=list)
    external: dict[str, str] = field(default_factory=dict)
    is_external: bool = False

    def add(self, entry: Field) -> None:
        """Add a field with numbers.

        Raises:
            RnncliError: there are numbers in two fields, or in too many pieces.
        """
        if self.data not in (0, entry.number) and entry.span.length:
            raise RnncliError(f"byte {entry.span.start:,}: an array has its numbers in two fields")
        if self.data == _RAW_DATA:
            self.spans.clear()  # the last one counts, as protobuf says
        self.data = entry.number
        self.spans.append(entry.bytes() if entry.number == _RAW_DATA else entry.span)
        if len(self.spans) > MAX_PIECES:
            raise RnncliError(f"byte {entry.span.start:,}: the numbers of an array stand in too many pieces")


def constant_of(path: str, buffer: Buffer, places: ArrayPlaces) -> Constant:
    """Return an array of a file.

    Raises:
        RnncliError: its type is unknown, or its bytes are not as many as its shape says.
    """
    shape, label = tuple(places.shape), shorten(places.name) or "without a name"
    if len(shape) > MAX_RANK or any(size < 0 for size in shape):
        raise RnncliError(f"byte {places.start:,}: array {label} has the shape {shorten(str(shape))}")
    dtype = _DTYPES.get(places.code)
    if dtype is None:
        known = _OTHERS.get(places.code)
        if known is None:
            raise RnncliError(f"byte {places.start:,}: array {label} has numbers of type {places.code}, which is none")
        tensor = Tensor(places.name, shape, known, partial(_refuse, path, places.name, known))
        return Constant(tensor, {places.name: prod(shape)}, None, frozenset([_never]))
    count = prod(shape)
    where = Where(path, places.name, dtype, shape, places.data, tuple(places.spans))
    if places.is_external:
        where = _external(where, places, count * WIDTHS[dtype])
    else:
        _check_size(where, places.start, count)
    wholes = None
    if dtype in ("int32", "int64") and len(shape) <= 1 and count <= FEW and not places.is_external:
        wholes = tuple(_wholes(buffer, where))
    tensor = Tensor(places.name, shape, dtype, where.read)
    return Constant(tensor, {places.name: count}, wholes, frozenset([where.is_zero]))


def _check_size(where: Where, start: int, count: int) -> None:
    """Check that an array has as many bytes as its shape says; of varints, as many as there can be."""
    has = sum(span.length for span in where.spans)
    most = least = count * WIDTHS[where.dtype]
    if where.data in _AS_VARINTS:
        least, most = count, 10 * count
    if where.data and where.dtype not in _PACKED[where.data]:
        raise RnncliError(f"byte {start:,}: array {shorten(where.name)} has its {where.dtype} in a field of others")
    if not least <= has <= most:
        raise RnncliError(
            f"byte {start:,}: array {shorten(where.name)}, {shorten(str(where.shape))} of {where.dtype}, has {has:,} "
            f"bytes, expected {least:,}"
        )


def _external(where: Where, places: ArrayPlaces, expected: int) -> Where:
    """Return where an array stands whose numbers are in a file of their own, beside the model.

    Raises:
        RnncliError: the file is not beside the model, or is too short.
    """
    location = places.external.get("location", "")
    label = f"byte {places.start:,}: array {shorten(where.name)}"
    if not location or location in (".", "..") or any(sign in location for sign in "/\\:\0"):
        raise RnncliError(
            f"{label} is in {shorten(location) or 'no file'}, which is no name of a file beside the model"
        )
    given = [places.external.get("offset", "0"), places.external.get("length", str(expected))]
    if not all(number.isascii() and number.isdigit() and len(number) < 20 for number in given):
        raise RnncliError(f"{label} has offset {shorten(given[0])} and length {shorten(given[1])}")
    offset, length = map(int, given)
    if length != expected:
        raise RnncliError(
            f"{label}, {shorten(str(where.shape))} of {where.dtype}, has {length:,} bytes in {location}, "
            f"expected {expected:,}"
        )
    path = os.path.join(os.path.dirname(where.path), location)
    if os.path.exists(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or offset + length > status.st_size:
            raise RnncliError(
                f"{label} is at {offset:,} to {offset + length:,} of {shorten(location)}, which has "
                f"{status.st_size:,} bytes"
            )
    return where._replace(path=path, data=_RAW_DATA, spans=(Span(offset, offset + length),))


class Where(NamedTuple):
    """Where the numbers of an array stand.

    Attributes:
        path: the file.
        name: the array's name.
        dtype: the type of its numbers.
        shape: its shape.
        data: the number of the field that they are in.
        spans: the places.
    """

    path: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    data: int
    spans: tuple[Span, ...]

    def bytes(self) -> bytes:
        """Return all bytes of its numbers.

        Raises:
            RnncliError: the file has changed.
        """
        pieces = []
        with open(self.path, "rb") as file:
            for start, end in self.spans:
                file.seek(start)
                pieces.append(file.read(end - start))
        if sum(map(len, pieces)) != sum(span.length for span in self.spans):
            raise RnncliError(f"{self.path}: the numbers of array {shorten(self.name)} are not there any more")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read(self) -> Numbers:
        """Return its numbers.

        Raises:
            RnncliError: they cannot be read.
        """
        import numpy as np

        try:
            data = self.bytes()
            if self.data in _AS_VARINTS:
                numbers = varints(data, [Span(0, len(data))], prod(self.shape))
                kept = np.array(numbers, np.int64).astype({1: "<u1", 2: "<u2", 4: "<u4", 8: "<u8"}[WIDTHS[self.dtype]])
                data = kept.tobytes()
            return array_of(data, self.dtype, self.shape)
        except OSError as fault:
            raise RnncliError(f"{self.path} cannot be read: {fault.strerror or fault}") from None
        except ValueError as fault:
            raise RnncliError(f"{self.path}: array {shorten(self.name)} cannot be read: {fault}") from None

    def is_zero(self) -> bool:
        """Whether all its bytes are zero; no if there are many, or if they are not there."""
        if sum(span.length for span in self.spans) > _LARGEST_ZERO:
            return False
        try:
            data = self.bytes()
        except (OSError, RnncliError):
            return False
        return data.count(0) == len(data)


def _wholes(buffer: Buffer, where: Where) -> list[int]:
    """Return a few whole numbers."""
    if where.data in _AS_VARINTS:
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

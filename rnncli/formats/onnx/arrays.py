"""The arrays of an ONNX file: where their numbers are, and the results of moving them.

Every position is checked before it is used. Numbers are read on demand, except for short arrays of whole numbers, which
are shapes and axes.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import chain, product
from math import prod
from operator import mul
from typing import TYPE_CHECKING

from rnncli.errors import RnncliError, shorten
from rnncli.formats.file_reader import FileReader, opened_regular
from rnncli.formats.onnx.messages import TYPES, Span, TensorProto, varints
from rnncli.formats.tensors import WIDTHS, Tensor, array_at, array_of, bits_of, later, numbers_in
from rnncli.immutable import NamedTuple

if TYPE_CHECKING:
    from rnncli.formats.tensors import Numbers

MAX_RANK = 32
"""The most axes of an array."""

FEW = 64
"""How many whole numbers are read immediately: a shape or a list of axes has no more."""

_LARGEST_ZERO = 2**24
"""The most bytes, of an initial state, that are checked for being all zero."""

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "float_data": ("float32", "complex64"),
    "int32_data": tuple(dtype for dtype, width in WIDTHS.items() if width <= 2 or dtype == "int32"),
    "int64_data": ("int64",),
    "double_data": ("float64", "complex128"),
    "uint64_data": ("uint32", "uint64"),
}
"""The data types whose numbers are in each field of an array, unless they are in `raw_data`."""


class ReasonError(Exception):
    """The result of a node is unknown, or not a spec layer; the message gives the reason if readers need it.

    It is raised after one way of understanding a node fails, before the next is tried.
    """


def require(holds: object) -> None:
    """Check a condition on a node.

    Raises:
        ReasonError: it does not hold.
    """
    if not holds:
        raise ReasonError


class StoredArray(NamedTuple):
    """An array in the file: its name, its size, and a check whether it is all zero, as far as that can be checked."""

    name: str
    params: int
    is_zero: Callable[[], bool]


class Constant(NamedTuple):
    """An array that does not depend on the input's numbers.

    Attributes:
        tensor: the array.
        sources: the arrays in the file that it is made from.
        wholes: its numbers, if they are a few whole ones: axes, and lengths, some of which may be unknown.
        depth: how many moves it went through.
    """

    tensor: Tensor
    sources: frozenset[StoredArray]
    wholes: tuple[int, ...] | None
    depth: int = 0

    def is_zero(self) -> bool:
        """Return whether all its numbers are known to be zero."""
        return all(each.is_zero() for each in self.sources) if self.wholes is None else not any(self.wholes)

    def moved(
        self,
        shape: Sequence[int],
        move: Callable[[Numbers], Numbers],
        dtype: str = "",
        wholes: tuple[int, ...] | None = None,
    ) -> Constant:
        """Return the result of a move that computes nothing: another order, another shape, a part."""
        read = self.tensor.read
        tensor = Tensor(self.tensor.name, tuple(shape), dtype or self.tensor.dtype, lambda: move(read()))
        return Constant(tensor, self.sources, wholes, self.depth + 1)

    def reshaped(self, shape: Sequence[int]) -> Constant:
        """Return the same numbers in another shape."""
        return self.moved(shape, lambda array: array.reshape(tuple(shape)), wholes=self.wholes)

    def arranged(self, places: Sequence[int | None]) -> Constant:
        """Return it with its axes rearranged, None for a new axis; axes that are dropped have length 1."""
        sizes = self.tensor.shape
        shape = tuple(1 if place is None else sizes[place] for place in places)
        kept = [place for place in places if place is not None]
        order = [*kept, *(place for place in range(len(sizes)) if place not in kept)]
        wholes = self._picked(order, [*map(range, sizes)])
        return self.moved(shape, lambda array: array.transpose(order).reshape(shape), wholes=wholes)

    def taken(self, axis: int, part: slice) -> Constant:
        """Return a part of it along one axis, which is kept."""
        places = [*map(range, self.tensor.shape)]
        places[axis] = places[axis][part]
        index = (*[slice(None)] * axis, part)
        wholes = self._picked(range(len(places)), places)
        return self.moved([*map(len, places)], lambda array: array[index], wholes=wholes)

    def dequantised(self, scale: Constant, zero: Constant | None, *axes: int) -> Constant:
        """Return it less zero, times a scale: each is one for all, or one for each place of the first axes given."""
        given, reads = [scale] if zero is None else [scale, zero], []
        for each in given:
            sizes = each.tensor.shape
            places = axes[: len(sizes)] if prod(sizes) > 1 else ()
            shape = [size if place in places else 1 for place, size in enumerate(self.tensor.shape)]
            require(prod(sizes) == 1 or [*sizes] == [shape[place] for place in places if place < len(shape)])
            reads.append(each.reshaped(shape).tensor.read)

        def dequantise(array: Numbers) -> Numbers:
            scales, *zeros = (read().astype("float32") for read in reads)
            scaled: Numbers = (array.astype("float32") - (zeros[0] if zeros else 0)) * scales
            return scaled

        sources = self.sources.union(*(each.sources for each in given))
        return self.moved(self.tensor.shape, dequantise, "float32")._replace(sources=sources)

    def _picked(self, order: Sequence[int], places: Sequence[range]) -> tuple[int, ...] | None:
        """Return the whole numbers at some indices of each axis, with the axes in some order."""
        if self.wholes is None:
            return None
        steps = [prod(self.tensor.shape[axis + 1 :]) for axis in order]
        found = product(*(places[axis] for axis in order))
        return tuple(self.wholes[sum(map(mul, steps, index))] for index in found)


def whole_numbers(numbers: Sequence[int], shape: tuple[int, ...] | None = None) -> Constant:
    """Return whole numbers that are not an array in the file, in one dimension unless a shape is given."""

    def read() -> Numbers:
        import numpy as np

        return np.array(numbers).reshape(tensor.shape)

    tensor = Tensor("", (len(numbers),) if shape is None else shape, "int64", read)
    return Constant(tensor, frozenset(), tuple(numbers))


class _ArrayLocation(NamedTuple):
    """Where the numbers of an array are: in the model's file, or in one next to it, which is opened on reading.

    `varints` means that each number is encoded as one.
    """

    path: str
    file: FileReader | None
    name: str
    dtype: str
    shape: tuple[int, ...]
    varints: bool = False
    spans: tuple[Span, ...] = ()

    @property
    def length(self) -> int:
        """Its size in bytes."""
        return sum(span.length for span in self.spans)

    def opened(self) -> FileReader:
        """Return the file."""
        file = self.file or opened_regular(self.path)
        if any(span.end > file.size for span in self.spans):
            raise RnncliError(f"it ends at {file.size:,}, before its numbers")
        return file

    def bytes(self) -> bytes:
        """Return all bytes of its numbers."""
        file = self.opened()
        return b"".join([file.read(start, end - start) for start, end in self.spans])

    def read(self) -> Numbers:
        """Return its numbers."""
        if len(self.spans) == 1 and not self.varints:
            return array_at(self.opened(), self.spans[0].start, self.dtype, self.shape)
        if not self.varints:
            return array_of(self.bytes(), self.dtype, self.shape)
        import numpy as np

        data = np.array(self.wholes(), "int64").astype(f"<u{WIDTHS[self.dtype]}").tobytes()
        return array_of(data, self.dtype, self.shape)

    def wholes(self) -> tuple[int, ...]:
        """Return its whole numbers."""
        data = self.bytes()
        if self.varints:
            numbers = varints(data, Span(0, len(data)), prod(self.shape) + 1)
            if len(numbers) != prod(self.shape):
                raise RnncliError(f"array {shorten(self.name)} has {len(numbers)} numbers and the shape {self.shape}")
            return tuple(numbers)
        width = WIDTHS[self.dtype]
        places, signed = range(0, len(data), width), not self.dtype.startswith("u")
        return tuple(int.from_bytes(data[place : place + width], "little", signed=signed) for place in places)

    def is_zero(self) -> bool:
        """Return whether all its bytes are zero; False if there are many, or they are missing."""
        if self.length <= _LARGEST_ZERO:
            with suppress(OSError, RnncliError):
                return not any(self.bytes())
        return False


def constant_of(path: str, file: FileReader, proto: TensorProto, name: str = "") -> Constant:
    """Return an array in a file, after checking where its numbers are; `name` is for an array without a name.

    Raises:
        RnncliError: its data type is unknown, or the number of bytes does not match its shape.
    """
    name, shape = proto.name or name, tuple(proto.dims)
    label = f"byte {proto.start:,}: array {shorten(name) or 'without a name'}"
    if len(shape) > MAX_RANK:
        raise RnncliError(f"{label} has more than {MAX_RANK} axes")
    if any(size < 0 for size in shape):
        raise RnncliError(f"{label} has the shape {shorten(str(shape))}")
    code, count, outside = proto.data_type or 0, prod(shape), proto.data_location == 1
    if not 0 < code < len(TYPES):
        raise RnncliError(f"{label} has numbers of the unknown type {code}")
    dtype = TYPES[code]
    described = f"{label}, {shorten(str(shape))} of {dtype},"
    if dtype not in WIDTHS:
        raw = proto.raw_data.length if isinstance(proto.raw_data, Span) else None
        if raw not in (None, -(-count * bits_of(dtype) // 8)) and not outside:
            raise RnncliError(f"{described} has {raw:,} bytes, which does not match its shape")
        tensor = Tensor(name, shape, dtype, later(path, name, partial(array_at, file, 0, dtype, shape)))  # raises
        return Constant(tensor, frozenset([StoredArray(name, count, lambda: False)]), None)
    place = _ArrayLocation(path, file, name, dtype, shape)
    place = _outside(place, proto, label, described) if outside else _inside(place, proto, described)
    whole = dtype in ("int32", "int64") or (dtype in ("int8", "uint8") and not shape)
    few = whole and count <= FEW and (not outside or os.path.exists(place.path))
    wholes = place.wholes() if few else None
    tensor = Tensor(name, shape, dtype, later(place.path, name, place.read))
    return Constant(tensor, frozenset([StoredArray(name, count, cache(place.is_zero))]), wholes)


def _inside(place: _ArrayLocation, proto: TensorProto, described: str) -> _ArrayLocation:
    """Return where the numbers of an array are in its own file, after checking their size, a range for varints."""
    raw = [proto.raw_data] if isinstance(proto.raw_data, Span) and proto.raw_data.length else []
    field = next(each for each, dtypes in _FIELDS.items() if place.dtype in dtypes)
    spans = tuple(span for span in raw or getattr(proto, field) if span.length)
    place = place._replace(varints=bool(spans and not raw and "int" in field), spans=spans)
    count, width = prod(place.shape), WIDTHS[place.dtype]
    least, most = (1, 10) if place.varints else (width, width)
    if not count * least <= place.length <= count * most:
        raise RnncliError(f"{described} has {place.length:,} bytes, expected {numbers_in(place.shape, least)}")
    return place


def _outside(place: _ArrayLocation, proto: TensorProto, label: str, described: str) -> _ArrayLocation:
    """Return where the numbers of an array are in a separate file, which must be in the model's folder or below."""
    stated = {pair.key: pair.value or "" for pair in proto.external_data}
    location, folder = stated.get("location", ""), os.path.dirname(place.path)
    said = shorten(location)
    if not location or "\0" in location:
        raise RnncliError(f"{label} is in {said or 'no file'}, which is not a file name")
    if os.path.isabs(location) or ".." in location.replace("\\", "/").split("/"):
        advice = "keep a model and its numbers in one folder"
        raise RnncliError(f"{label} is in {said}, which is outside the model's folder", advice)
    for key in ("offset", "length"):
        if key in stated and not re.fullmatch("[0-9]{1,19}", stated[key]):
            raise RnncliError(f"{label} has {key} {shorten(stated[key])}, expected a whole number")
    width = WIDTHS[place.dtype]
    expected = prod(place.shape) * width
    offset, length = int(stated.get("offset", 0)), int(stated.get("length", expected))
    if length != expected:
        raise RnncliError(f"{described} has {length:,} bytes in {said}, expected {numbers_in(place.shape, width)}")
    beside = os.path.join(folder, location)
    # A model and its numbers may both be links into one folder, as with downloaded models.
    folders = (os.path.realpath(folder), os.path.dirname(os.path.realpath(place.path)))
    if not any(os.path.realpath(beside).startswith(os.path.join(each, "")) for each in folders):
        raise RnncliError(f"{label} is in {said}, a link out of the model's folder")
    end = offset + length
    if os.path.exists(beside):
        status = os.stat(beside)
        if not stat.S_ISREG(status.st_mode) or end > status.st_size:
            there = f"{said}, which has {status.st_size:,} bytes"
            raise RnncliError(f"{label} is at {offset:,} to {numbers_in((end,))} of {there}")
    return place._replace(path=beside, file=None, spans=(Span(offset, end),))


def joined(arrays: Sequence[Constant], axis: int) -> Constant:
    """Return arrays concatenated along an axis."""
    shapes = [array.tensor.shape for array in arrays]
    require(-len(shapes[0]) <= axis < len(shapes[0]))
    axis %= len(shapes[0])
    rest = {(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}
    require(len(rest) == len({array.tensor.dtype for array in arrays}) == 1)
    reads = [array.tensor.read for array in arrays]

    def read() -> Numbers:
        import numpy as np

        return np.concatenate([each() for each in reads], axis)

    sizes = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
    name = shorten(" + ".join(dict.fromkeys(array.tensor.name for array in arrays)), 200)
    known = [array.wholes for array in arrays if array.wholes is not None]
    wholes = tuple(chain(*known)) if len(known) == len(arrays) and len(sizes) == 1 else None
    sources = frozenset().union(*(array.sources for array in arrays))
    tensor = Tensor(name, sizes, arrays[0].tensor.dtype, read)
    return Constant(tensor, sources, wholes, 1 + max(array.depth for array in arrays))

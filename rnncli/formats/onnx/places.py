"""Where the numbers of an ONNX array stand: in the file, in one field of several, or in a file beside it.

Every place is checked before it is taken for one; numbers are read when they are asked for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.faults import reading
from rnncli.formats.file_reader import FileReader, opened_regular
from rnncli.formats.onnx.protobuf import Field, Span
from rnncli.formats.tensors import WIDTHS, array_at, array_of, numbers_in

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, Any]

MAX_PIECES = 10_000
"""The most pieces that the numbers of an array may stand in."""

_LARGEST_ZERO = 2**24
"""The most bytes that are looked at to see whether all are zero: of an initial state."""

_FLOAT_DATA, _INT32_DATA, _INT64_DATA, RAW_DATA, _DOUBLE_DATA, _UINT64_DATA = 4, 5, 7, 9, 10, 11
_PACKED: Mapping[int, tuple[str, ...]] = {
    _FLOAT_DATA: ("float32", "complex64"),
    _INT32_DATA: tuple(dtype for dtype, width in WIDTHS.items() if width <= 2 or dtype == "int32"),
    _INT64_DATA: ("int64",),
    RAW_DATA: tuple(WIDTHS),
    _DOUBLE_DATA: ("float64", "complex128"),
    _UINT64_DATA: ("uint32", "uint64"),
}
"""The types whose numbers may stand in each field of an array."""

AS_VARINTS = (_INT32_DATA, _INT64_DATA, _UINT64_DATA)


@dataclass
class ArrayPlaces:
    """What a file says of an array, before it is checked."""

    start: int
    name: str = ""
    code: int = 0
    shape: list[int] = field(default_factory=list)
    data: int = 0
    texts: int = 0
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
        if self.data == RAW_DATA:
            self.spans.clear()  # the last one counts, as protobuf says
        self.data = entry.number
        self.spans.append(entry.bytes() if entry.number == RAW_DATA else entry.span)
        if len(self.spans) > MAX_PIECES:
            raise RnncliError(f"byte {entry.span.start:,}: the numbers of an array stand in too many pieces")


class Where(NamedTuple):
    """Where the numbers of an array stand.

    Attributes:
        path: the file's name.
        reader: the file, opened; None if it is one beside the model, which is opened when numbers are asked for.
        name: the array's name.
        dtype: the type of its numbers.
        shape: its shape.
        data: the number of the field that they are in.
        spans: the places.
    """

    path: str
    reader: FileReader | None
    name: str
    dtype: str
    shape: tuple[int, ...]
    data: int
    spans: tuple[Span, ...]

    @property
    def length(self) -> int:
        """How many bytes there are."""
        return sum(span.length for span in self.spans)

    def opened(self) -> FileReader:
        """Return the file.

        Raises:
            OSError: it cannot be opened.
            RnncliError: it is shorter than was said.
        """
        reader = self.reader or opened_regular(self.path)
        if any(span.end > reader.size for span in self.spans):
            raise RnncliError(f"it ends at {reader.size:,}, and its numbers stand behind that")
        return reader

    def bytes(self) -> bytes:
        """Return all bytes of its numbers, likewise."""
        reader = self.opened()
        return b"".join([reader.read(start, end - start) for start, end in self.spans])

    def read(self) -> Numbers:
        """Return its numbers.

        Raises:
            RnncliError: they cannot be read; the message names the file and the array.
        """
        with reading(f"{self.path}: array {shorten(self.name)}"):
            reader = self.opened()
            if len(self.spans) == 1 and self.data not in AS_VARINTS:
                return array_at(reader, self.spans[0].start, self.dtype, self.shape)
            data = self.bytes()
            if self.data in AS_VARINTS:
                data = _decoded(data, prod(self.shape)).astype(f"<u{WIDTHS[self.dtype]}").tobytes()
            return array_of(data, self.dtype, self.shape)

    def is_zero(self) -> bool:
        """Whether all its bytes are zero; no if there are many, or if they are not there."""
        if self.length > _LARGEST_ZERO:
            return False
        try:
            data = self.bytes()
        except (OSError, RnncliError):
            return False
        return data.count(0) == len(data)


def _decoded(data: bytes, count: int) -> Numbers:
    """Return whole numbers that are written as varints, all of them at once.

    Raises:
        RnncliError: there are more or fewer, or one does not end.
    """
    import numpy as np

    written = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(written < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lengths = ends - starts + 1
    if len(ends) != count or (count and (ends[-1] != len(data) - 1 or lengths.max() > 10)):
        raise RnncliError(f"{len(ends):,} whole numbers were found, expected {count:,}")
    numbers = np.zeros(count, np.uint64)
    for index in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > index)
        numbers[longer] |= (written[starts[longer] + index] & 0x7F).astype(np.uint64) << np.uint64(7 * index)
    return numbers


def check_size(where: Where, start: int) -> None:
    """Check that an array has as many bytes as its shape says; of varints, as many as there can be."""
    has, count = where.length, prod(where.shape)
    most = least = count * WIDTHS[where.dtype]
    if where.data in AS_VARINTS:
        least, most = count, 10 * count
    if where.data and where.dtype not in _PACKED[where.data]:
        raise RnncliError(f"byte {start:,}: array {shorten(where.name)} has its {where.dtype} in a field of others")
    if not least <= has <= most:
        raise RnncliError(
            f"byte {start:,}: array {shorten(where.name)}, {shorten(str(where.shape))} of {where.dtype}, has {has:,} "
            f"bytes, expected {numbers_in(where.shape, least // max(1, count))}"
        )


def external(where: Where, places: ArrayPlaces) -> Where:
    """Return where an array stands whose numbers are in a file of their own, beside the model.

    Raises:
        RnncliError: the file is not beside the model, or is too short.
    """
    location = places.external.get("location", "")
    expected = prod(where.shape) * WIDTHS[where.dtype]
    label = f"byte {places.start:,}: array {shorten(where.name)}"
    if not location or location in (".", "..") or any(sign in location for sign in "/\\:\0"):
        raise RnncliError(
            f"{label} is in {shorten(location) or 'no file'}, which is no name of a file beside the model"
        )
    given = {key: places.external[key] for key in ("offset", "length") if key in places.external}
    for key, number in given.items():
        if not (number.isascii() and number.isdigit() and len(number) < 20):
            raise RnncliError(f"{label} has {key} {shorten(number)}, expected a whole number")
    offset, length = int(given.get("offset", 0)), int(given.get("length", expected))
    if length != expected:
        raise RnncliError(
            f"{label}, {shorten(str(where.shape))} of {where.dtype}, has {length:,} bytes in {shorten(location)}, "
            f"expected {numbers_in(where.shape, WIDTHS[where.dtype])}"
        )
    path = os.path.join(os.path.dirname(where.path), location)
    # A model and its numbers may both be links into one folder, as downloaded ones are.
    folders = {os.path.realpath(os.path.dirname(where.path)), os.path.dirname(os.path.realpath(where.path))}
    if os.path.dirname(os.path.realpath(path)) not in folders:
        raise RnncliError(f"{label} is in {shorten(location)}, a link that leads away from the model")
    if os.path.exists(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or offset + length > status.st_size:
            raise RnncliError(
                f"{label} is at {offset:,} to {numbers_in((offset + length,))} of {shorten(location)}, which has "
                f"{status.st_size:,} bytes"
            )
    return where._replace(path=path, reader=None, data=RAW_DATA, spans=(Span(offset, offset + length),))

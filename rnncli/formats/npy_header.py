"""The header of a .npy file: the shape, the order and the dtype of an array.

    \\x93NUMPY 1 0 LENGTH {'descr': '<f4', 'fortran_order': False, 'shape': (2, 5, 8), }

The length comes before the text, and is bounded before the text is read. The text is matched and not evaluated, and
NumPy is not needed for it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from math import prod
from typing import NamedTuple

from rnncli.errors import RnncliError, quote, shorten
from rnncli.formats.file_reader import check_beginning

MAX_BYTES = 10_000
"""The longest text of a header; NumPy writes 118 bytes for an array of numbers."""

LONGEST = MAX_BYTES + 12
"""The most bytes that a whole header takes."""

MAGIC = b"\x93NUMPY"

_LENGTHS = {1: "<H", 2: "<I", 3: "<I"}
"""How the length of the text is written, by the version of the format."""

_MOST_DIMENSIONS = 64

_FIELD = re.compile(
    r"""\s* (["'])(?P<key>\w{1,20})\1 \s*:\s*
    (?: (["'])(?P<descr>[<>=|]?[?bBiufcmMOSUV][0-9]{0,9}(?:\[[0-9A-Za-z/]{1,20}\])?)\3
      | (?P<order>True|False)
      | \( (?P<shape>[0-9L,\s]*) \)
      | (?P<records>\[)
    ) \s*""",
    re.VERBOSE | re.ASCII,
)

_NUMBERS: Mapping[str, tuple[str, int]] = {"?": ("bool", 1), "b1": ("bool", 1)} | {
    f"{letter}{size}": (f"{name}{8 * size}", size)
    for letter, name, sizes in (
        *(("i", "int", (1, 2, 4, 8)), ("u", "uint", (1, 2, 4, 8))),
        *(("f", "float", (2, 4, 8, 16)), ("c", "complex", (8, 16, 32))),
    )
    for size in sizes
}
"""Plain numbers by their descriptions: the name of each, and how many bytes it has."""

_OTHERS = {"m": "timedelta64", "M": "datetime64", "S": "text", "U": "text", "V": "bytes"}
"""What else an array may hold, by the first letter of its description."""


class NoNumbersError(RnncliError):
    """An array holds something else than numbers."""


class NpyHeader(NamedTuple):
    """What a .npy file says of its array.

    Attributes:
        shape: the shape.
        fortran: whether the first axis varies fastest.
        descr: what `numpy.dtype` takes for the dtype, with the order of its bytes: `<f4`.
        dtype: its name: `float32`.
        itemsize: the bytes of a number.
        end: how many bytes of the file it takes: where the numbers begin.
    """

    shape: tuple[int, ...]
    fortran: bool
    descr: str
    dtype: str
    itemsize: int
    end: int

    @property
    def data_bytes(self) -> int:
        """How many bytes the numbers take."""
        return prod(self.shape) * self.itemsize

    def __str__(self) -> str:
        return f"{shorten(str(self.shape), 72)} of {self.dtype}"


def read_header(read: Callable[[int], bytes]) -> NpyHeader:
    """Return the header that a .npy file begins with.

    Args:
        read: returns the next bytes, so many as it is asked for, and fewer only at the end of the file.

    Raises:
        RnncliError: there is none, or one that is too long or says something else; or the array holds no numbers.
    """
    start = read(len(MAGIC) + 2)
    check_beginning(start, MAGIC)
    version, minor = start[len(MAGIC) :] if len(start) == len(MAGIC) + 2 else (0, 0)
    if version not in _LENGTHS or minor:
        raise RnncliError(f"its format has version {version}.{minor}, expected 1.0 to {max(_LENGTHS)}.0")
    size = struct.calcsize(_LENGTHS[version])
    written = read(size)
    length = struct.unpack(_LENGTHS[version], written)[0] if len(written) == size else 0
    if length > MAX_BYTES:
        raise RnncliError(f"it says that its header has {length:,} bytes, expected at most {MAX_BYTES:,}")
    text = read(length)
    if not text or len(text) < length:
        raise RnncliError("it is truncated: it ends in its header")
    return _parsed(text.decode("latin-1"), len(start) + size + length)


def _parsed(text: str, end: int) -> NpyHeader:
    """Return what the text of a header says, which ends at a place of the file."""
    fields = _fields(text)
    if fields.get("descr") == "[":
        raise NoNumbersError("it holds records, expected plain numbers: floats or ids")
    if set(fields) != {"descr", "fortran_order", "shape"} or fields["fortran_order"] not in ("True", "False"):
        raise _wrong(text)
    if not re.fullmatch(r"[\t\n -~]*", text):  # NumPy refuses other space, which strip() and \s take for space too
        raise _wrong(text)
    sizes = fields["shape"].replace("L", "").split(",")  # 8L is how Python 2 wrote a long number
    sizes = [size.strip() for size in (sizes if sizes[-1].strip() else sizes[:-1])]
    if len(sizes) > _MOST_DIMENSIONS or not all(re.fullmatch("0|[1-9][0-9]{0,19}", size) for size in sizes):
        raise _wrong(text)
    dtype, itemsize = _numbers(fields["descr"], text)
    shape = tuple(map(int, sizes))
    return NpyHeader(shape, fields["fortran_order"] == "True", fields["descr"], dtype, itemsize, end)


def _numbers(descr: str, text: str) -> tuple[str, int]:
    """Return the name of a dtype, and how many bytes a number of it has.

    Raises:
        RnncliError: it is none of numbers.
    """
    if "O" in descr:
        raise NoNumbersError("it holds pickled objects, which could run any code; only numbers are read")
    kind = descr.lstrip("<>=|")
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    if kind[:1] not in _OTHERS:
        raise _wrong(text)
    raise NoNumbersError(f"it holds {_OTHERS[kind[:1]]} ({descr}), expected plain numbers: floats or ids")


def _fields(text: str) -> dict[str, str]:
    """Return what the text says, by key: `[` for the description of records.

    Raises:
        RnncliError: it is not of that form.
    """
    inside = text.strip(" \t\n")
    position, end = 1, len(inside) - 1
    if not (inside.startswith("{") and inside.endswith("}")):
        raise _wrong(text)
    fields: dict[str, str] = {}
    while position < end and inside[position:end].strip():
        field = _FIELD.match(inside, position, end)
        if field is None or field["key"] in fields:
            raise _wrong(text)
        value = next(field[group] for group in ("descr", "order", "shape", "records") if field[group] is not None)
        fields[field["key"]] = value
        if value == "[":
            return fields
        position = field.end()
        if position < end and inside[position] != ",":
            raise _wrong(text)
        position += 1
    return fields


def _wrong(text: str) -> RnncliError:
    return RnncliError(
        f"its header is {quote(text.strip())}, expected the likes of "
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 100, 8)}"
    )

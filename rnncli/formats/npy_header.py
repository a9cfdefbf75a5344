"""The header of a .npy file: the shape, the order and the dtype of an array.

    \\x93NUMPY 1 0 LENGTH {'descr': '<f4', 'fortran_order': False, 'shape': (2, 5, 8), }

The length comes before the text, and is bounded before the text is read. The text is a literal, and NumPy is not needed
for it.
"""

from __future__ import annotations

import ast
import re
import struct
import warnings
from collections.abc import Callable, Mapping
from math import prod

from rnncli.errors import RnncliError, quote, shorten
from rnncli.formats.file_reader import check_beginning
from rnncli.formats.tensors import MAX_RANK
from rnncli.immutable import NamedTuple

MAX_BYTES = 10_000
"""The longest text of a header; NumPy writes 118 bytes for an array of numbers."""

LONGEST = MAX_BYTES + 12
"""The most bytes that a whole header takes."""

MAGIC = b"\x93NUMPY"

_LENGTHS = {1: "<H", 2: "<I", 3: "<I"}
"""How the length of the text is written, by the version of the format."""

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
    """Return the header that a .npy file begins with, of which a function reads the next bytes, fewer only at its end.

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
    match _literal(text):
        case {"descr": [*_], "fortran_order": bool(), "shape": tuple()}:
            raise NoNumbersError("it holds records, expected plain numbers: floats or ids")
        case {"descr": str(descr), "fortran_order": bool(fortran), "shape": tuple(shape), **others} if not others:
            if len(shape) <= MAX_RANK and all(type(size) is int and 0 <= size < 10**20 for size in shape):
                return NpyHeader(shape, fortran, descr, *_numbers(descr, text), end)
    raise _wrong(text)


def _literal(text: str) -> object:
    """Return what a text says as a literal of Python, of which nothing is run; None if it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in texts
        try:
            # 8L is a long number of Python 2.
            return ast.literal_eval(re.sub(r"(?<=[0-9])L\b", "", text.strip(" \t\n\r\f")))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None


def _numbers(descr: str, text: str) -> tuple[str, int]:
    """Return the name of a dtype, and how many bytes a number of it has."""
    kind = descr.lstrip("<>=|")
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    if kind == "O":
        raise NoNumbersError("it holds pickled objects, which could run any code; only numbers are read")
    if kind[:1] not in _OTHERS:
        raise _wrong(text)
    raise NoNumbersError(f"it holds {_OTHERS[kind[:1]]} ({shorten(descr)}), expected plain numbers: floats or ids")


def _wrong(text: str) -> RnncliError:
    return RnncliError(
        f"its header is {quote(text.strip())}, expected the likes of "
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 100, 8)}"
    )

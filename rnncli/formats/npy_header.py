"""The header of a .npy file: the shape, order and data type of an array.

    \\x93NUMPY 1 0 LENGTH {'descr': '<f4', 'fortran_order': False, 'shape': (2, 5, 8), }

The length comes before the text, and is checked before the text is read. The text is a Python literal, which is parsed
without NumPy.
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
"""The most bytes of a whole header."""

MAGIC = b"\x93NUMPY"

_LENGTHS = {1: "<H", 2: "<I", 3: "<I"}
"""The format of the text's length, by the version of the format."""

_NUMBERS: Mapping[str, tuple[str, int]] = {"?": ("bool", 1), "b1": ("bool", 1)} | {
    f"{letter}{size}": (f"{name}{8 * size}", size)
    for letter, name, sizes in (
        *(("i", "int", (1, 2, 4, 8)), ("u", "uint", (1, 2, 4, 8))),
        *(("f", "float", (2, 4, 8, 16)), ("c", "complex", (8, 16, 32))),
    )
    for size in sizes
}
"""Numeric types by their descriptions: the name of each, and its size in bytes."""

_OTHERS = {"m": "timedelta64", "M": "datetime64", "S": "text", "U": "text", "V": "bytes"}
"""Other types of array elements, by the first letter of their description."""


class NoNumbersError(RnncliError):
    """An array does not contain numbers."""


class NpyHeader(NamedTuple):
    """The header of a .npy file.

    Attributes:
        shape: the shape.
        fortran: whether the first axis varies fastest.
        descr: the description for `numpy.dtype`, with the byte order: `<f4`.
        dtype: the data type's name: `float32`.
        itemsize: the bytes of a number.
        end: the header's size in bytes: where the numbers begin.
    """

    shape: tuple[int, ...]
    fortran: bool
    descr: str
    dtype: str
    itemsize: int
    end: int

    @property
    def data_bytes(self) -> int:
        """The number of bytes of the numbers."""
        return prod(self.shape) * self.itemsize

    def __str__(self) -> str:
        return f"{shorten(str(self.shape), 72)} of {self.dtype}"


def read_header(read: Callable[[int], bytes], if_text: str | None = None) -> NpyHeader:
    """Return the header of a .npy file, given a function that reads the next bytes, fewer only at the file's end.

    Args:
        read: the function.
        if_text: the advice if the file is text.

    Raises:
        RnncliError: it has none, it is too long or malformed, or the array does not contain numbers.
    """
    start = read(len(MAGIC) + 2)
    check_beginning(start, "an array saved by numpy.save", MAGIC, if_text=if_text)
    version, minor = start[len(MAGIC) :] if len(start) == len(MAGIC) + 2 else (0, 0)
    if version not in _LENGTHS or minor:
        raise RnncliError(f"its format has version {version}.{minor}, expected 1.0 to {max(_LENGTHS)}.0")
    size = struct.calcsize(_LENGTHS[version])
    written = read(size)
    length = struct.unpack(_LENGTHS[version], written)[0] if len(written) == size else 0
    if length > MAX_BYTES:
        raise RnncliError(f"it claims a header of {length:,} bytes, expected at most {MAX_BYTES:,}")
    text = read(length)
    if not text or len(text) < length:
        raise RnncliError("it is truncated: it ends within its header")
    return _parsed(text.decode("latin-1"), len(start) + size + length)


def _parsed(text: str, end: int) -> NpyHeader:
    """Return the header that a text describes; it ends at this position of the file."""
    match _literal(text):
        case {"descr": [*_], "fortran_order": bool(), "shape": tuple()}:
            raise NoNumbersError("it holds records, expected plain numbers: floats or ids")
        case {"descr": str(descr), "fortran_order": bool(fortran), "shape": tuple(shape), **others} if not others:
            if len(shape) <= MAX_RANK and all(type(size) is int and 0 <= size < 10**20 for size in shape):
                return NpyHeader(shape, fortran, descr, *_numbers(descr, text), end)
    raise _wrong(text)


def _literal(text: str) -> object:
    """Return the value of a Python literal, without running anything; None if the text is not one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes in texts
        try:
            # 8L is a long integer in Python 2.
            return ast.literal_eval(re.sub(r"(?<=[0-9])L\b", "", text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None


def _numbers(descr: str, text: str) -> tuple[str, int]:
    """Return the name of a data type, and the bytes of a number."""
    kind = descr[1:] if descr[:1] in ("<", ">", "=", "|") else descr
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    if kind == "O":
        raise NoNumbersError("it holds pickled objects, which could run any code; only numbers are read")
    if kind[:1] not in _OTHERS:
        raise _wrong(text)
    raise NoNumbersError(f"it holds {_OTHERS[kind[:1]]} ({shorten(descr)}), expected plain numbers: floats or ids")


def _wrong(text: str) -> RnncliError:
    return RnncliError(
        f"its header is {quote(text.strip())}, expected something like "
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 100, 8)}"
    )

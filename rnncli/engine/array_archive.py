"""Arrays by key in an .npz file: weights and states, read into the dtype that they are computed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from rnncli.engine.checks import check_array, check_keys
from rnncli.engine.npy_header import LONGEST, read_header
from rnncli.engine.reading import (
    FileReader,
    check_beginning,
    is_regular,
    opened,
    read_once,
    regular,
    spooled,
)
from rnncli.engine.types import Array
from rnncli.engine.zip_archive import MAGIC, Member, members, unpacked
from rnncli.errors import ArgumentError, RnncliError, quote

_SUFFIX = ".npy"

_LARGEST_NUMBER = 16
"""The bytes of the largest number that NumPy writes, long double."""


def read_arrays(path: str, expected: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the arrays in an .npz file by key, as `dtype`. `expected` holds the shape of each.

    Beside the arrays it takes the memory of a block of one of them: each is converted while it is read.

    Raises:
        RnncliError: the file is missing, truncated, pickled or no .npz; or an array is missing, unknown, of another
            shape or dtype, or not finite.
    """
    with opened(path) as file:
        reader = _reader(file, expected)
        by_key = _by_key(members(reader))
        check_keys(by_key, expected)
        # All that can be known is checked before the first number is read.
        for key, shape in expected.items():
            with _about_array(key):
                _Content(reader, by_key[key], key, shape)
        arrays = {}
        for key, shape in expected.items():
            with _about_array(key):
                arrays[key] = _Content(reader, by_key[key], key, shape).as_array(dtype)
        reader.check_unchanged()
        return arrays


def _reader(file: int, expected: Mapping[str, tuple[int, ...]]) -> FileReader:
    """Return the reader of an archive.

    Raises:
        RnncliError: it is none, or comes through a pipe and is longer than one of the arrays expected can be.
    """
    if is_regular(file):
        reader = regular(file)
        check_beginning(reader.read(0, 8), MAGIC)
        return reader
    start = read_once(file, 8)
    check_beginning(start, MAGIC)
    numbers = sum(map(prod, expected.values()))
    most = numbers * _LARGEST_NUMBER + len(expected) * LONGEST + (1 << 20)
    reader = spooled(file, start, most)
    if reader.size == most:
        raise RnncliError(f"it comes through a pipe and has more than the {most:,} bytes that the arrays can take")
    return reader


def _by_key(found: list[Member]) -> dict[str, Member]:
    by_key: dict[str, Member] = {}
    for member in found:
        key = member.name.removesuffix(_SUFFIX)
        if key in by_key:
            raise RnncliError(f"it holds two arrays {quote(key)}")
        by_key[key] = member
    return by_key


class _Content:
    """An array in an archive, its header read and checked, its numbers not yet.

    Raises:
        RnncliError: it has another shape or dtype than is expected, or is damaged.
    """

    def __init__(self, reader: FileReader, member: Member, key: str, shape: tuple[int, ...]) -> None:
        self._key = key
        self._blocks = unpacked(reader, member)
        self._unread = b""
        self._header = read_header(self._take)
        check_array(key, self._header.shape, self._header.dtype, shape)
        size = self._header.end + self._header.data_bytes
        if size != member.size:
            raise RnncliError(
                f"it is damaged: its header says {self._header}, {size:,} bytes with the header, but it has "
                f"{member.size:,}"
            )

    def _take(self, size: int) -> bytes:
        """Return the next bytes, fewer than `size` only at the end."""
        while len(self._unread) < size and (block := next(self._blocks, None)) is not None:
            self._unread += block
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def as_array(self, dtype: np.dtype[Any]) -> Array:
        """Return the array as `dtype`.

        Raises:
            RnncliError: it is damaged, or holds what is not finite in `dtype`.
        """
        array: Array = np.empty(self._header.shape, dtype)
        flat = array.T.flat if self._header.fortran else array.reshape(-1)
        faults, first = 0, ""
        start = 0
        with np.errstate(over="ignore"):  # what is too large for the dtype becomes infinite, which is found here
            for numbers in self._numbers():
                stop = start + len(numbers)
                flat[start:stop] = numbers
                wrong = np.flatnonzero(~np.isfinite(flat[start:stop]))
                if wrong.size and not faults:
                    first = f"{self._key}[{self._index(start + int(wrong[0]))}] is {numbers[wrong[0]]}"
                faults += wrong.size
                start = stop
        if faults:
            raise ArgumentError(f"{first}, expected a finite number in {dtype} ({faults:,} of {array.size:,} are not)")
        return array

    def _numbers(self) -> Iterator[Array]:
        """Yield the numbers in the order of the file."""
        rest = self._unread
        size = self._header.dtype.itemsize
        for block in self._blocks:
            rest += block
            whole = len(rest) // size * size
            yield np.frombuffer(rest[:whole], self._header.dtype)
            rest = rest[whole:]
        yield np.frombuffer(rest, self._header.dtype)

    def _index(self, place: int) -> str:
        """Return where the number at a place of the file stands in the array: 1, 2."""
        shape = self._header.shape
        index = np.unravel_index(place, shape, "F" if self._header.fortran else "C")
        return ", ".join(map(str, index))


@contextmanager
def _about_array(key: str) -> Iterator[None]:
    """Add the array's name to an error that is raised in the block, unless it is about what the network expects."""
    try:
        yield
    except ArgumentError:
        raise
    except RnncliError as error:
        raise RnncliError(f"array {key}: {error.message}", error.advice) from None

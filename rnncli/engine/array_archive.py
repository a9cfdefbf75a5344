"""Arrays by key in an .npz file: weights and states, read into the dtype that they are computed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from rnncli.engine.checks import check_array, check_keys
from rnncli.engine.types import Array
from rnncli.errors import ArgumentError, RnncliError
from rnncli.formats.file_reader import (
    FileReader,
    check_beginning,
    is_regular,
    opened,
    read_once,
    regular,
    spooled,
)
from rnncli.formats.npy_header import LONGEST
from rnncli.formats.npz import PackedArray, members_by_key, packed_array
from rnncli.formats.zip_archive import MAGIC, Member

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
        by_key = members_by_key(reader)
        check_keys(by_key, expected)
        # All that can be known is checked before the first number is read.
        packed = {}
        for key, shape in expected.items():
            with _about_array(key):
                packed[key] = _checked(reader, by_key[key], key, shape)
        arrays = {}
        for key, each in packed.items():
            with _about_array(key):
                arrays[key] = _converted(each, key, dtype)
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


def _checked(reader: FileReader, member: Member, key: str, shape: tuple[int, ...]) -> PackedArray:
    """Return an array in an archive, its header read and checked, its numbers not yet.

    Raises:
        RnncliError: it has another shape or dtype than is expected, or is damaged.
    """
    packed = packed_array(reader, member)
    check_array(key, packed.header.shape, np.dtype(packed.header.descr), shape)
    return packed


def _converted(packed: PackedArray, key: str, dtype: np.dtype[Any]) -> Array:
    """Return an array in an archive as `dtype`.

    Raises:
        RnncliError: it is damaged, or holds what is not finite in `dtype`.
    """
    array: Array = np.empty(packed.header.shape, dtype)
    flat = array.T.flat if packed.header.fortran else array.reshape(-1)
    faults, first = 0, ""
    start = 0
    with np.errstate(over="ignore"):  # what is too large for the dtype becomes infinite, which is found here
        for numbers in packed.numbers():
            stop = start + len(numbers)
            flat[start:stop] = numbers
            wrong = np.flatnonzero(~np.isfinite(flat[start:stop]))
            if wrong.size and not faults:
                index = np.unravel_index(start + int(wrong[0]), array.shape, packed.order)
                first = f"{key}[{', '.join(map(str, index))}] is {numbers[wrong[0]]}"
            faults += wrong.size
            start = stop
    if faults:
        raise ArgumentError(f"{first}, expected a finite number in {dtype} ({faults:,} of {array.size:,} are not)")
    return array


@contextmanager
def _about_array(key: str) -> Iterator[None]:
    """Add the array's name to an error that is raised in the block, unless it is about what the network expects."""
    try:
        yield
    except ArgumentError:
        raise
    except RnncliError as error:
        raise RnncliError(f"array {key}: {error.message}", error.advice) from None

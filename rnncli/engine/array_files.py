"""Arrays in files: the input of a run and its output in .npy, weights and states by key in .npz.

What is read is checked before it is used, and what is written is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from rnncli.atomic import Written, written_whole
from rnncli.engine.checks import check_array, check_finite, check_input, check_keys
from rnncli.engine.chunks import Chunk, chunk_of
from rnncli.engine.lengths import without_padding
from rnncli.engine.types import Array
from rnncli.errors import ArgumentError, RnncliError
from rnncli.formats.faults import reading
from rnncli.formats.file_reader import (
    FileReader,
    check_beginning,
    check_room,
    is_regular,
    opened,
    read_once,
    regular,
    spooled,
)
from rnncli.formats.npy_header import LONGEST, NpyHeader, read_header
from rnncli.network import Network
from rnncli.quantities import shape_text

if TYPE_CHECKING:
    from rnncli.formats.npz import PackedArray

_GAP = 1 << 14
"""Bytes between two parts that are wanted which are read too: that takes no longer than another call would."""

_BLOCK = 1 << 20
"""Bytes that are read at a time where gaps are read too."""

_LARGEST_NUMBER = 16
"""The bytes of the largest number that NumPy writes, long double."""


class InputFile:
    """An input that stays in its file, (batch, timesteps[, features]), until some timesteps of it are asked for.

    In the order of C a file holds sample after sample, in Fortran's feature after feature. Either is a row of blocks,
    and in each of them the timesteps follow one another.

    Args:
        path: the name of the file.
        reader: the file.
        header: what it says of the array.

    Attributes:
        shape: the shape.
        dtype: the dtype in the file.
    """

    def __init__(self, path: str, reader: FileReader, header: NpyHeader) -> None:
        self.path = path
        self.shape = header.shape
        self.dtype = np.dtype(header.descr)
        self._reader = reader
        self._begin = header.end
        self._fortran = header.fortran
        batch, timesteps, *features = self.shape
        self._blocks, step = (prod(features), batch) if header.fortran else (batch, prod(features))
        self._step_shape = (step,)
        self._step_bytes = step * self.dtype.itemsize
        self._block_bytes = timesteps * self._step_bytes

    def steps(self, start: int, stop: int) -> Array:
        """Return the timesteps from `start` to before `stop`, (batch, timesteps[, features]).

        Raises:
            RnncliError: the file was changed since it was opened, or cannot be read.
        """
        found = np.empty((self._blocks, stop - start, *self._step_shape), self.dtype)
        with reading(self.path):
            self._fill(found, start)
            self._reader.check_unchanged()
        batch, _, *features = self.shape
        if self._fortran:
            found = found.T
        return found.reshape((batch, stop - start, *features))

    def _fill(self, found: Array, start: int) -> None:
        """Read the timesteps from `start` into (blocks, timesteps, numbers of a step)."""
        wanted = found.shape[1] * self._step_bytes
        rows = found.reshape(self._blocks, -1).view(np.uint8)
        begin = self._begin + start * self._step_bytes
        gap = self._block_bytes - wanted
        together = max(1, _BLOCK // self._block_bytes) if gap <= _GAP else 1
        for first in range(0, self._blocks, together):
            part = rows[first : first + together]
            place = begin + first * self._block_bytes
            if len(part) == 1:
                self._reader.read_into(place, part[0].data)
            else:
                # The last block ends with what is wanted of it: behind the last there may be nothing.
                whole = np.empty(len(part) * self._block_bytes, np.uint8)
                self._reader.read_into(place, whole[: len(whole) - gap].data)
                part[:] = whole.reshape(len(part), -1)[:, :wanted]

    def chunks(self, network: Network, steps: int, dtype: np.dtype[Any]) -> Iterator[Chunk]:
        """Yield the input of a network in chunks of `steps` timesteps. Vectors become `dtype`.

        Raises:
            RnncliError: the file was changed since it was opened; or an id is outside the vocabulary, or a number is
                not finite.
        """
        timesteps = self.shape[1]
        for start in range(0, timesteps, steps):
            part = self.steps(start, min(start + steps, timesteps))
            with reading(self.path):
                chunk = chunk_of(network, part, start, dtype)
                if network.head.vocabulary is None:
                    check_finite(part, chunk.values, start)
            yield chunk

    def padded(self, network: Network, lengths: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """Return sequences of several lengths, all of their timesteps, with zeros behind each. Vectors become `dtype`.

        Raises:
            RnncliError: as for `chunks`; what is behind the end of a sequence may be anything.
        """
        found = self.steps(0, self.shape[1])
        with reading(self.path):
            found = without_padding(network, found, lengths)
            if network.head.vocabulary is not None:
                return found
            with np.errstate(over="ignore"):  # what is too large for the dtype becomes infinite, which is found here
                x = found.astype(dtype, copy=False)
            check_finite(found, x, 0)
            return x


def open_input(path: str, network: Network) -> InputFile:
    """Return the input in a .npy file. Its numbers stay there until they are used.

    Of what comes through a pipe the header is read first, and no more than it says.

    Raises:
        RnncliError: the file is missing, truncated, pickled or no .npy, or the network reads another shape or dtype.
    """
    with opened(path) as file:
        reader = regular(file) if is_regular(file) else None
        start = bytearray()

        def take(size: int) -> bytes:
            part = read_once(file, size)
            start.extend(part)
            return part

        header = read_header(take if reader is None else io.BytesIO(reader.read(0, LONGEST)).read)
        check_input(network, header.shape, np.dtype(header.descr))
        if reader is None:
            check_room(header.end + header.data_bytes)
            reader = spooled(file, bytes(start), header.end + header.data_bytes)
        found = reader.size - header.end
        if found < header.data_bytes:
            raise RnncliError(
                f"it is truncated: its header says {header}, {header.data_bytes:,} bytes, but {found:,} follow"
            )
        return InputFile(path, reader, header)


def read_arrays(path: str, expected: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the arrays in an .npz file by key, as `dtype`. `expected` holds the shape of each.

    Beside the arrays it takes the memory of a block of one of them: each is converted while it is read.

    Raises:
        RnncliError: the file is missing, truncated, pickled or no .npz; or an array is missing, unknown, of another
            shape or dtype, or not finite.
    """
    from rnncli.formats.npz import by_key, packed_array  # with Python's zipfile, which no other run needs
    from rnncli.formats.zip_archive import MAGIC, Archive

    with opened(path) as file:
        reader = _reader(file, MAGIC, expected)
        archive = Archive(reader)
        names = by_key(archive)
        check_keys(names, expected)
        # All that can be known is checked before the first number is read.
        packed = {}
        for key, shape in expected.items():
            with _about_array(key):
                packed[key] = packed_array(archive, names[key])
                header = packed[key].header
                check_array(key, header.shape, np.dtype(header.descr), shape)
        arrays = {}
        for key, each in packed.items():
            with _about_array(key):
                arrays[key] = _converted(each, key, dtype)
        reader.check_unchanged()
        return arrays


def _reader(file: int, magic: bytes, expected: Mapping[str, tuple[int, ...]]) -> FileReader:
    """Return the reader of an archive, which begins with `magic`.

    Raises:
        RnncliError: it is none, or comes through a pipe and is longer than one of the arrays expected can be.
    """
    reader = regular(file) if is_regular(file) else None
    start = read_once(file, 8) if reader is None else reader.read(0, 8)
    check_beginning(start, magic)
    if reader is None:
        numbers = sum(map(prod, expected.values()))
        most = numbers * _LARGEST_NUMBER + len(expected) * LONGEST + (1 << 20)
        reader = spooled(file, start, most)
        if reader.size == most:
            raise RnncliError(f"it comes through a pipe and has more than the {most:,} bytes that the arrays can take")
    return reader


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


@contextlib.contextmanager
def _about_array(key: str) -> Iterator[None]:
    """Add the array's name to an error that is raised in the block, unless it is about what the network expects."""
    try:
        yield
    except ArgumentError:
        raise
    except RnncliError as error:
        raise RnncliError(f"array {key}: {error.message}", error.advice) from None


def write_npz(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays by key as an .npz file has them."""
    # NumPy 2.0 takes allow_pickle for one more array.
    np.savez(file, **arrays)  # type: ignore[arg-type]  # the types expect allow_pickle among the keywords


Write = Callable[[IO[bytes], Mapping[str, Array]], None]
"""Writes arrays by key to a file that is open, as some format has them."""


def write_arrays(path: str, arrays: Mapping[str, Array], write: Write = write_npz) -> Written:
    """Write arrays by key to a file, an .npz unless told otherwise, all of them or none. Return what has been written.

    Raises:
        RnncliError: it cannot be written.
    """
    with written_whole(path) as file:
        write(file, arrays)
        size = file.seek(0, os.SEEK_END)
    return Written(path, size, f"({len(arrays)} array{'' if len(arrays) == 1 else 's'})")


@contextlib.contextmanager
def output_file(
    path: str, shape: tuple[int, ...], dtype: np.dtype[Any], written: Callable[[Written], object]
) -> Iterator[Callable[[Sequence[int], int, Array], None]]:
    """Write an output to a .npy file while it is computed.

    Yields a function that writes a chunk, given the samples that it is of, or begins with, its first timestep and its
    values (timesteps, features, batch). What is not written is zero. The file takes its name when the block ends. If
    anything fails before, an old file of that name stays as it was.

    Args:
        path: the name of the file.
        shape: (batch, timesteps, features), or (batch, features) for a single chunk of one timestep.
        dtype: of the file.
        written: is told what has been written, when the file has its name.

    Raises:
        RnncliError: it cannot be written.
    """
    with written_whole(path) as file:
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)
        begin = file.tell()
        sample_bytes = prod(shape[1:]) * dtype.itemsize
        step_bytes = shape[-1] * dtype.itemsize

        def write(samples: Sequence[int], start: int, columns: Array) -> None:
            for column, sample in enumerate(samples[: columns.shape[-1]]):
                file.seek(begin + sample * sample_bytes + start * step_bytes)
                file.write(np.ascontiguousarray(columns[:, :, column]).data)

        yield write
        file.truncate(begin + prod(shape) * dtype.itemsize)  # where the last sequence is shorter than the longest
    written(Written(path, begin + prod(shape) * dtype.itemsize, shape_text(shape)))

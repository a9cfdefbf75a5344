"""The input of a run in a .npy file, read some timesteps at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from rnncli.engine.checks import check_finite, check_input
from rnncli.engine.chunks import Chunk
from rnncli.engine.inputs import chunk_of
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.formats.faults import reading
from rnncli.formats.file_reader import FileReader, check_room, is_regular, opened, read_once, regular, spooled
from rnncli.formats.npy_header import LONGEST, NpyHeader, read_header
from rnncli.network import Network

_GAP = 1 << 14
"""Bytes between two parts that are wanted which are read too: that takes no longer than another call would."""

_BLOCK = 1 << 20
"""Bytes that are read at a time where gaps are read too."""


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
        if self._block_bytes - wanted > _GAP:
            for index, row in enumerate(rows):
                self._reader.read_into(begin + index * self._block_bytes, row.data)
            return
        together = max(1, _BLOCK // self._block_bytes)
        for first in range(0, self._blocks, together):
            part = rows[first : first + together]
            # The last block ends with what is wanted of it: behind the last there may be nothing.
            whole = np.empty(len(part) * self._block_bytes, np.uint8)
            size = len(whole) - (self._block_bytes - wanted)
            self._reader.read_into(begin + first * self._block_bytes, whole[:size].data)
            part[:] = whole.reshape(len(part), -1)[:, :wanted]


def open_input(path: str, network: Network) -> InputFile:
    """Return the input in a .npy file. Its numbers stay there until they are used.

    Of what comes through a pipe the header is read first, and no more than it says.

    Raises:
        RnncliError: the file is missing, truncated, pickled or no .npy, or the network reads another shape or dtype.
    """
    with opened(path) as file:
        if is_regular(file):
            reader = regular(file)
            header = _header(network, io.BytesIO(reader.read(0, LONGEST)).read)
        else:
            start = bytearray()

            def take(size: int) -> bytes:
                part = read_once(file, size)
                start.extend(part)
                return part

            header = _header(network, take)
            check_room(header.end + header.data_bytes)
            reader = spooled(file, bytes(start), header.end + header.data_bytes)
        found = reader.size - header.end
        if found < header.data_bytes:
            raise RnncliError(
                f"it is truncated: its header says {header}, {header.data_bytes:,} bytes, but {found:,} follow"
            )
        return InputFile(path, reader, header)


def file_chunks(network: Network, file: InputFile, steps: int, dtype: np.dtype[Any]) -> Iterator[Chunk]:
    """Yield the input in a file in chunks of `steps` timesteps. Vectors become `dtype`.

    Raises:
        RnncliError: the file was changed since it was opened; or an id is outside the vocabulary, or a number is not
            finite.
    """
    timesteps = file.shape[1]
    for start in range(0, timesteps, steps):
        part = file.steps(start, min(start + steps, timesteps))
        with reading(file.path):
            chunk = chunk_of(network, part, start, dtype)
            if network.head.vocabulary is None:
                check_finite(part, chunk.values, start)
        yield chunk


def _header(network: Network, read: Callable[[int], bytes]) -> NpyHeader:
    """Return the header of an input that the network reads."""
    header = read_header(read)
    check_input(network, header.shape, np.dtype(header.descr))
    return header

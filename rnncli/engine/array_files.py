"""Arrays in files: .npy for inputs and outputs, .npz for weights and states.

A header is checked before its numbers are read. Nothing is ever unpickled. A file is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from rnncli.atomic import written_whole
from rnncli.engine.checks import check_array, check_input, check_keys, checked_arrays
from rnncli.engine.types import Array
from rnncli.errors import RnncliError
from rnncli.network import Network

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]

_UNREADABLE = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)
"""What NumPy and zipfile raise for a file of another kind or a damaged one."""


def open_input(path: str, network: Network) -> Array:
    """Return the input in a .npy file. Its numbers stay on disk until they are used.

    Raises:
        RnncliError: the file is missing, truncated, pickled or no .npy, or the network reads another shape or dtype.
    """
    with about(path, "an array saved by numpy.save"), _opened(path) as file:
        shape, fortran, dtype = _read_header(file)
        offset = file.tell()
        check_input(network, shape, dtype)
        _check_size(os.fstat(file.fileno()).st_size - offset, shape, dtype)
        # The map stays open when the file object is closed.
        return np.memmap(file, dtype, "r", offset, shape, "F" if fortran else "C")


def read_arrays(path: str, expected: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the arrays in an .npz file by key, as `dtype`. `expected` holds the shape of each.

    Raises:
        RnncliError: the file is missing, truncated, pickled or no .npz; or an array is missing, unknown, of another
            shape or dtype, or not finite.
    """
    with (
        about(path, "an archive saved by rnncli or numpy.savez"),
        _opened(path) as whole,
        zipfile.ZipFile(whole) as archive,
    ):
        check_keys([name.removesuffix(".npy") for name in archive.namelist()], expected)
        for key, shape in expected.items():
            with _about_array(key), archive.open(f"{key}.npy") as file:
                found, _, kind = _read_header(file)
            check_array(key, found, kind, shape)
        arrays = {key: _read_member(archive, key) for key in expected}
        return checked_arrays("arrays", arrays, expected, dtype)


def write_arrays(path: str, arrays: Mapping[str, Array]) -> None:
    """Write arrays by key to an .npz file, all of them or none.

    Raises:
        RnncliError: it cannot be written.
    """
    with written_whole(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


@contextlib.contextmanager
def output_file(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[Callable[[int, Array], None]]:
    """Write an output to a .npy file while it is computed.

    Yields a function that writes a chunk, given its first timestep and its values (timesteps, features, batch). The
    file takes its name when the block ends. If anything fails before, an old file of that name stays as it was.

    Args:
        path: the name of the file.
        shape: (batch, timesteps, features), or (batch, features) for a single chunk of one timestep.
        dtype: of the file.

    Raises:
        RnncliError: it cannot be written.
    """
    with written_whole(path) as file:
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)
        begin = file.tell()
        sample_bytes = prod(shape[1:]) * dtype.itemsize
        step_bytes = shape[-1] * dtype.itemsize

        def write(start: int, columns: Array) -> None:
            for sample in range(shape[0]):
                file.seek(begin + sample * sample_bytes + start * step_bytes)
                file.write(np.ascontiguousarray(columns[:, :, sample]).data)

        yield write


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    """Open a file that can be read at any place. What comes through a pipe is copied to a temporary file first."""
    with Path(path).open("rb") as file:
        if file.seekable():
            yield file
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy


def _read_header(file: IO[bytes]) -> Header:
    """Return what a .npy file starts with: its shape, whether it is in Fortran's order, and its dtype."""
    version = npy.read_magic(file)
    if version == (1, 0):
        header: Header = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        header = npy.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version[0]}.{version[1]} of the format holds records, not numbers")
    shape, _, dtype = header
    if dtype.hasobject:
        raise RnncliError(f"it holds {dtype}: pickled objects, which could run any code; only numbers are read")
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"its header says that its shape is {shape}")
    return header


def _check_size(size: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    expected = prod(shape) * dtype.itemsize
    if size < expected:
        raise RnncliError(
            f"it is truncated: its header says {shape} of {dtype}, {expected:,} bytes, but {size:,} follow"
        )


def _read_member(archive: zipfile.ZipFile, key: str) -> Array:
    with _about_array(key), archive.open(f"{key}.npy") as file:
        array: Array = npy.read_array(file, allow_pickle=False)
        return array


@contextlib.contextmanager
def _about_array(key: str) -> Iterator[None]:
    """Add the array's name to an error that is raised in the block."""
    try:
        yield
    except RnncliError as error:
        raise RnncliError(f"array {key}: {error.message}", error.advice) from None
    except _UNREADABLE as error:
        raise RnncliError(f"array {key} cannot be read, the file is damaged: {error}") from None


@contextlib.contextmanager
def about(path: str, expected: str) -> Iterator[None]:
    """Add the file's name to an error that is raised in the block, and where it is unreadable what was expected."""
    try:
        yield
    except RnncliError as error:
        raise RnncliError(f"{path}: {error.message}", error.advice) from None
    except OSError as error:
        raise RnncliError(f"{path} cannot be read: {error.strerror or error}") from None
    except _UNREADABLE as error:
        reason = f"{error}".splitlines()[0] if f"{error}" else type(error).__name__
        raise RnncliError(f"{path} is not {expected}, or is damaged: {reason}") from None

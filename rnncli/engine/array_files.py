"""Arrays in files: a run's input and output in .npy files, weights and states by key in .npz or any model file.

Arrays are checked after reading, before they are used. Files are written completely or not at all.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from os import PathLike
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from rnncli.atomic import WrittenFile, written_whole
from rnncli.engine.activations import Array
from rnncli.engine.checks import (
    check_all_finite,
    check_array,
    check_finite,
    check_input,
    check_keys,
    taken_array,
    weight_shapes,
)
from rnncli.engine.chunks import Chunk, Write, chunk_of
from rnncli.engine.initializers import initial_weights
from rnncli.engine.memory import check_export_fits
from rnncli.engine.request import file_name
from rnncli.errors import ArgumentError, RnncliError
from rnncli.formats import choice_of, is_known, open_model, reading
from rnncli.formats.conventions import each_weight
from rnncli.formats.file_reader import (
    FileReader,
    check_beginning,
    check_room,
    opened,
    read_once,
    regular,
    spooled,
)
from rnncli.formats.nodes import Part
from rnncli.formats.npy_header import LONGEST, NpyHeader, read_header
from rnncli.network import Network
from rnncli.quantities import MAX_SIZE, parse_size, shape_text

_GAP = 1 << 14
"""The largest gap in bytes between two parts that is read with them, which is as fast as a separate read."""

_BLOCK = 1 << 20
"""The bytes to read at a time if gaps are read too."""

_LARGEST_NUMBER = 16
"""The size in bytes of NumPy's largest number, a long double."""

_MAX_TEXT = 1 << 26
"""The most bytes in a file of lengths: some ten million lengths."""


class InputFile:
    """An input, (batch, timesteps[, features]), that stays in its file until some of its timesteps are requested.

    In C order, a file has one sample after another; in Fortran order, one feature after another. Either way it is a
    series of blocks with consecutive timesteps.

    Args:
        path: the name of the file.
        reader: the file.
        header: the file's header.

    Attributes:
        shape: the array's shape.
        dtype: the array's dtype in the file.
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
        self._step_bytes = step * self.dtype.itemsize
        self._block_bytes = timesteps * self._step_bytes

    def steps(self, start: int, stop: int) -> Array:
        """Return the timesteps from `start` to before `stop`, (batch, timesteps[, features]).

        Raises:
            RnncliError: the file has changed since it was opened, or cannot be read.
        """
        batch, _, *features = self.shape
        wanted = (stop - start) * self._step_bytes
        rows = np.empty((self._blocks, wanted), np.uint8)
        begin, gap = self._begin + start * self._step_bytes, self._block_bytes - wanted
        together = max(1, _BLOCK // self._block_bytes) if gap <= _GAP else 1
        with reading(self.path):
            for first in range(0, self._blocks, together):
                part, place = rows[first : first + together], begin + first * self._block_bytes
                if len(part) == 1:
                    self._reader.read_into(place, part[0].data)
                else:
                    # The last read ends with the requested part, because the file may end there.
                    whole = np.empty(len(part) * self._block_bytes, np.uint8)
                    self._reader.read_into(place, whole[: len(whole) - gap].data)
                    part[:] = whole.reshape(len(part), -1)[:, :wanted]
            self._reader.check_unchanged()
        found = rows.view(self.dtype).reshape((self._blocks, stop - start, -1))
        return (found.T if self._fortran else found).reshape((batch, stop - start, *features))

    def chunks(
        self, network: Network, steps: int, dtype: np.dtype[Any], lengths: Sequence[int] | None = None
    ) -> Iterator[Chunk]:
        """Yield a network's input in chunks of `steps` timesteps, with vectors converted to `dtype`.

        With lengths, everything after the end of each sequence is replaced by zeros.

        Raises:
            RnncliError: the file has changed since it was opened, an id is outside the vocabulary, or a number is not
                finite.
        """
        timesteps = self.shape[1]
        for start in range(0, timesteps, steps):
            part = self.steps(start, min(start + steps, timesteps))
            if lengths is not None:
                part[np.arange(start, start + part.shape[1]) >= np.array(lengths)[:, None]] = 0
            with reading(self.path), np.errstate(over="ignore"):  # too large numbers become infinite
                chunk = chunk_of(network, part, start, dtype)
                if network.head.vocabulary is None:
                    check_finite(part, chunk.values, start)
            yield chunk


def _typed(text: str, network: Network) -> bytes | None:
    """Return a sequence that is typed instead of a file name, as a .npy file of ids, or of numbers as one feature."""
    words = re.split(" *, *| +", re.sub(r"^[\[({]{1,2} *| *[\])}]{1,2}$", "", text))
    if os.path.exists(text):
        return None
    features = network.input_shape()[-1]
    if network.head.vocabulary is None and features != 1 and re.fullmatch(r"[][\s0-9,;.e-]*[0-9][][\s0-9,;.e-]*", text):
        advice = f"save the input as an array of shape (1, timesteps, {features}): numpy.save('x.npy', x)"
        message = f"numbers are read as ids or as one feature, and the network reads {features} features"
        raise ArgumentError(message, advice)
    try:
        values = np.array([[float(word) if re.search("[.e]|.{19}", word) else int(word) for word in words]])
    except ValueError:
        return None
    content = io.BytesIO()
    np.save(content, values if network.head.vocabulary is not None else values[..., np.newaxis])
    return content.getvalue()


def _load_text(path: str, network: Network) -> str:
    """Return advice on how to save the ids or numbers of a text file as an array."""
    spaced = path.lower().endswith((".txt", ".tsv", "/dev/stdin")) or path == "FILE"  # a pipe has no name that tells
    comma = "" if spaced else ", delimiter=','"
    lines = f"numpy.loadtxt({path!r}{comma}, ndmin=2"
    if network.head.vocabulary is not None:
        return f"save its ids, one sequence per line: numpy.save('x.npy', {lines}, dtype=int))"
    return f"save its numbers, one timestep per line: numpy.save('x.npy', {lines})[None])"


def open_input(path: str, network: Network) -> InputFile:
    """Open the input in a .npy file, or a sequence that is typed: `3,1,4`. Numbers are read when they are used.

    From a pipe, the header is read first, and then only as many bytes as it specifies.

    Raises:
        RnncliError: the file is missing, truncated, pickled or not .npy, or the network reads another shape or dtype.
    """
    if (typed := _typed(path, network)) is not None:
        header = read_header(io.BytesIO(typed).read)
        check_input(network, header.shape, np.dtype(header.descr))
        return InputFile(path, spooled(-1, typed, len(typed)), header)
    with opened(path) as file:
        start = bytearray()

        def take(size: int) -> bytes:
            part = read_once(file, size)
            start.extend(part)
            return part

        reader = regular(file)
        header = read_header(take, _load_text("FILE" if reader is None else path, network))
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
    """Return the arrays in an .npz file by key, as `dtype`. `expected` has the shape of each.

    Each array is converted while it is read, so that only one block of it needs additional memory.

    Raises:
        RnncliError: the file is missing, truncated, pickled or not an .npz file; or an array is missing, unknown, has
            another shape or dtype, or is not finite.
    """
    from rnncli.formats.npz import by_key, packed_array  # imports zipfile, which is rarely needed
    from rnncli.formats.zip_archive import MAGIC, Archive

    with opened(path) as file:
        start = read_once(file, 8)
        check_beginning(start, "a zip archive, such as numpy.savez writes", MAGIC)
        reader = regular(file)
        if reader is None:
            most = sum(map(prod, expected.values())) * _LARGEST_NUMBER + len(expected) * LONGEST + (1 << 20)
            reader = spooled(file, start, most)
            if reader.size == most:
                message = f"it comes through a pipe and has more than {most:,} bytes, the most that the arrays can need"
                raise RnncliError(message)
        archive = Archive(reader)
        names = by_key(archive)
        if [*names] == [f"arr_{place}" for place in range(len(expected))]:  # numpy.savez(FILE, *model.get_weights())
            names = dict(zip(expected, names.values(), strict=True))
        check_keys(names, expected)
        # All headers are checked before any numbers are read.
        packed, arrays = {}, {}
        for key, shape in expected.items():
            with reading(f"array {key}"):
                packed[key] = packed_array(archive, names[key])
            header = packed[key].header
            check_array(key, header.shape, np.dtype(header.descr), shape)
        for key, each in packed.items():
            with reading(f"array {key}"), np.errstate(over="ignore"):  # too large numbers become infinite
                arrays[key] = each.read(dtype)
            check_all_finite(key, arrays[key], each.read)
        return arrays


def read_lengths(path: str) -> tuple[int, ...]:
    """Return the lengths in an .npy file, or in a text separated by commas, semicolons, spaces or line ends.

    Raises:
        RnncliError: the file cannot be read, or contains anything else.
    """
    with opened(path) as file:
        content = read_once(file, _MAX_TEXT + 1)
        try:
            if len(content) > _MAX_TEXT:
                raise ValueError(f"it has more than {_MAX_TEXT:,} bytes")
            words = re.sub("[,;]", " ", content.decode("utf-8", "replace")).split()
            if content.startswith(npy.MAGIC_PREFIX):
                header = read_header(io.BytesIO(content).read)
                if len(content) < header.end + header.data_bytes:
                    raise ValueError("it is truncated")
                words = [str(each) for each in np.frombuffer(content, header.descr, prod(header.shape), header.end)]
            if not words:
                raise ValueError("it is empty")
            return tuple(parse_size(word, MAX_SIZE) for word in words)
        except ValueError as fault:
            raise RnncliError(f"{fault}, expected the lengths of sequences") from None


def write_npz(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays by key in the .npz format."""
    # NumPy 2.0 treats allow_pickle as another array.
    np.savez(file, **arrays)  # type: ignore[arg-type]  # the types expect allow_pickle among the keywords


WriteArrays = Callable[[IO[bytes], Mapping[str, Array]], None]
"""Writes arrays by key to an open file in some format."""


def write_arrays(path: str, arrays: Mapping[str, Array], write: WriteArrays = write_npz) -> WrittenFile:
    """Write arrays by key to a file, by default an .npz file, completely or not at all. Return the written file.

    Raises:
        RnncliError: the file cannot be written.
    """
    with written_whole(path) as file:
        write(file, arrays)
        size = file.seek(0, os.SEEK_END)
    return WrittenFile(path, size, f"({len(arrays)} array{'' if len(arrays) == 1 else 's'})")


@contextlib.contextmanager
def output_file(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[tuple[Write, WrittenFile]]:
    """Write an output to a .npy file while it is computed.

    Yields a function that writes a chunk, given the samples in its columns (extra samples are ignored), and the file to
    be written. Parts that are not written are zero. The file gets its name when the block ends; if anything fails
    before that, an existing file of that name is unchanged.

    Args:
        path: the name of the file.
        shape: (batch, timesteps, features), or (batch, features) for a single chunk of one timestep.
        dtype: the dtype of the file.

    Raises:
        RnncliError: the file cannot be written.
    """
    with written_whole(path) as file:
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)
        begin = file.tell()
        end = begin + prod(shape) * dtype.itemsize
        sample_bytes = prod(shape[1:]) * dtype.itemsize
        step_bytes = shape[-1] * dtype.itemsize

        def write(samples: Sequence[int], start: int, columns: Array) -> None:
            for column, sample in enumerate(samples[: columns.shape[-1]]):
                file.seek(begin + sample * sample_bytes + start * step_bytes)
                file.write(np.ascontiguousarray(columns[:, :, column]).data)

        yield write, WrittenFile(path, end, shape_text(shape))
        file.truncate(end)  # extends the file if the last sequence is shorter than the longest


def first_weights(network: Network, given: Part | str | None, seed: int) -> dict[str, Array]:
    """Return a network's initial weights: from a part of a model file, from a file, or drawn from a seed.

    Raises:
        RnncliError: a file cannot be read, nothing in it fits the network, or the weights exceed the memory.
    """
    dtype = np.dtype("float32")
    check_export_fits(network, dtype)
    return initial_weights(network, seed, dtype, "keras") if given is None else given_weights(network, given, dtype)


def given_weights(network: Network, given: Part | str | PathLike[str], dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return a network's weights by key, as `dtype`, from a part of a model file or from a file.

    The file is an .npz with rnncli's own keys (`lstm/kernel`), or any model file with layers of fitting shapes.

    Raises:
        ArgumentError: it is not a file name, or a part of another network.
        RnncliError: the file cannot be read, or nothing in it fits the network.
        UsageError: several parts or equal layers fit, and it is not specified which to use.
    """
    if isinstance(given, Part):
        if weight_shapes(given.network) != weight_shapes(network):
            raise ArgumentError(f"{given.path} has {given.network}, which does not fit {network}")
        return weights_of(given, dtype)
    path = file_name("weights", given)
    part = part_in(path, network)
    return read_arrays(path, weight_shapes(network), dtype) if part is None else weights_of(part, dtype)


def weights_of(part: Part, dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the weights of a part of a model file by key, as `dtype`, without duplicates in memory.

    Raises:
        RnncliError: an array cannot be read, or is not finite.
    """
    expected = weight_shapes(part.network)
    weights: dict[str, Array] = {}
    for key, array in each_weight(part):
        try:
            weights[key] = taken_array(key, array, expected[key], dtype)
        except ArgumentError as error:  # the fault is in the file, not in an argument
            raise RnncliError(f"{part.path}: {error.message}", error.advice) from None
    check_keys(weights, expected)
    return {key: weights[key] for key in expected}


def part_in(path: str, network: Network) -> Part | None:
    """Return the part of a model file that fits a network; None if the file is an .npz with rnncli's own keys.

    Raises:
        RnncliError, UsageError: as in `given_weights`.
    """
    from rnncli.formats.fitting import fitted

    choice = choice_of(path)
    if choice is None or not is_known(choice.path):
        return None
    if choice.path.endswith(".npz") and not choice.part:
        if not os.path.isfile(choice.path):
            return None  # a pipe can only be read once
        try:
            model = open_model(choice.path)
        except RnncliError:
            return None
        if not model.parts or {tensor.name for tensor in model.tensors} & {*weight_shapes(network)}:
            return None
    return fitted(open_model(choice.path), choice.part, network)

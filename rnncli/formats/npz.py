"""`.npz`: a zip archive of arrays as NumPy saves them, under any names."""

from __future__ import annotations

import ast
import os
import re
import zipfile
from functools import partial
from math import prod
from typing import IO, TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.model_file import ModelFile, Tensor
from rnncli.formats.numbers import WIDTHS, array_of
from rnncli.formats.recognition import recognised

if TYPE_CHECKING:
    import numpy as np

MAX_NAMES = 20_000
"""The most arrays that an archive may have."""

MAX_HEADER = 10_000
"""The longest header of an array, in bytes."""

_DESCRIPTION = re.compile(r"[<|=>]?([biufc])(1|2|4|8|16)")
_KINDS = {"b": "bool", "i": "int{}", "u": "uint{}", "f": "float{}", "c": "complex{}"}


def read(path: str) -> ModelFile:
    """Return what an .npz file holds, from the headers of its arrays.

    Raises:
        RnncliError: it is damaged, encrypted, or holds something else than arrays of numbers.
    """
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if len(members) > MAX_NAMES:
            raise RnncliError(f"it holds {len(members):,} arrays; {MAX_NAMES:,} are allowed")
        size = os.path.getsize(path)
        tensors = [_tensor(path, archive, info, size) for info in members]
    return ModelFile(path, "npz", "NumPy", *recognised(tensors))


def _tensor(path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> Tensor:
    """Return an array of an archive.

    Raises:
        RnncliError: its header is wrong, or does not go with its size.
    """
    name = info.filename.removesuffix(".npy")
    if info.flag_bits & 1:
        raise RnncliError(f"array {shorten(name)} is encrypted")
    if info.file_size > 1100 * max(info.compress_size, size):
        raise RnncliError(f"array {shorten(name)} claims {info.file_size:,} bytes of {info.compress_size:,} compressed")
    with archive.open(info) as file:
        shape, dtype, fortran, big, begin = _header(name, file)
    expected = prod(shape) * WIDTHS[dtype]
    if info.file_size - begin != expected:
        raise RnncliError(
            f"the header of array {shorten(name)} says {shorten(str(shape))} of {dtype}, {expected:,} bytes, but "
            f"{info.file_size - begin:,} follow"
        )
    return Tensor(
        name, shape, dtype, partial(_numbers, path, info.filename, begin, expected, dtype, shape, fortran, big)
    )


def _header(name: str, file: IO[bytes]) -> tuple[tuple[int, ...], str, bool, bool, int]:
    """Return shape, type, Fortran order, whether the big end comes first, and the length of the header of a .npy."""
    lead = file.read(12)
    version = lead[6:8]
    width = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}.get(version)
    if lead[:6] != b"\x93NUMPY" or width is None:
        raise RnncliError(f"array {shorten(name)} does not start as NumPy's arrays do")
    length = int.from_bytes(lead[8 : 8 + width], "little")
    if length > MAX_HEADER:
        raise RnncliError(
            f"array {shorten(name)} says that its header has {length:,} bytes; {MAX_HEADER:,} are allowed"
        )
    text = lead[8 + width :] + file.read(length - (12 - 8 - width))
    try:
        header = ast.literal_eval(text.decode("latin-1").strip())
        described = _DESCRIPTION.fullmatch(header["descr"])
        shape, fortran = header["shape"], header["fortran_order"]
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        described, shape, fortran = None, None, False
    if described is None or not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
        raise RnncliError(f"array {shorten(name)} holds no numbers, or its header is damaged; nothing is unpickled")
    dtype = _KINDS[described[1]].format(8 * int(described[2]))
    if dtype not in WIDTHS:
        raise RnncliError(f"array {shorten(name)} has numbers of type {dtype}, which is unknown")
    return shape, dtype, bool(fortran), header["descr"][0] == ">", 8 + width + length


def _numbers(
    path: str,
    member: str,
    begin: int,
    length: int,
    dtype: str,
    shape: tuple[int, ...],
    fortran: bool,
    big: bool,
) -> np.ndarray[Any, Any]:
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        file.read(begin)
        data = file.read(length)
    array = array_of(data, dtype, (prod(shape),))
    if big:
        array = array.byteswap()
    return array.reshape(shape, order="F" if fortran else "C")

"""`.safetensors`: a length, a JSON header that says where each array stands, and the numbers.

https://github.com/huggingface/safetensors describes the format.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.model_file import ModelFile, Tensor
from rnncli.formats.numbers import WIDTHS, array_of
from rnncli.formats.recognition import recognised

if TYPE_CHECKING:
    import numpy as np

MAX_HEADER = 100_000_000
"""The longest header, in bytes; the format's own limit."""

_DTYPES: Mapping[str, str] = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "I64": "int64",
    "U64": "uint64",
    "F64": "float64",
    "C64": "complex64",
}


def read(path: str) -> ModelFile:
    """Return what a safetensors file holds, from its header.

    Raises:
        RnncliError: the header does not go with the file.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        lead = file.read(8)
        length = int.from_bytes(lead, "little")
        if len(lead) < 8 or not 2 <= length <= min(size - 8, MAX_HEADER):
            raise RnncliError(f"its first 8 bytes say that its header has {length:,} bytes, and the file has {size:,}")
        text = file.read(length)
    header = _header(text)
    metadata = header.pop("__metadata__", None)
    begin = 8 + length
    tensors = sorted(_tensors(path, header, begin, size - begin), key=lambda pair: pair[0])
    writer = metadata.get("format", "") if isinstance(metadata, dict) else ""
    found = recognised([tensor for _, tensor in tensors])
    name = {"pt": "PyTorch", "tf": "TensorFlow", "np": "NumPy", "flax": "Flax"}.get(str(writer), shorten(str(writer)))
    return ModelFile(path, "safetensors", name, *found)


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise RnncliError("its header is no JSON") from None
    if not isinstance(header, dict):
        raise RnncliError("its header is no JSON object")
    return header


def _tensors(path: str, header: Mapping[str, Any], begin: int, room: int) -> Iterator[tuple[int, Tensor]]:
    """Yield where each array starts, and the array.

    Raises:
        RnncliError: an entry of the header is wrong, or its bytes are not in the file.
    """
    for name, entry in header.items():
        match entry:
            case {"dtype": str(code), "shape": list(sizes), "data_offsets": [int(start), int(end)]} if all(
                type(number) is int and number >= 0 for number in (*sizes, start, end)
            ):
                dtype = _DTYPES.get(code)
            case _:
                raise RnncliError(f"its header says {shorten(repr(entry))} of array {shorten(name)}")
        if dtype is None:
            raise RnncliError(f"array {shorten(name)} has numbers of type {shorten(code)}, which is unknown")
        bytes_expected = prod(sizes) * WIDTHS[dtype]
        if end - start != bytes_expected or end > room:
            raise RnncliError(
                f"its header says that array {shorten(name)}, {shorten(str(tuple(sizes)))} of {dtype}, is at {start:,} "
                f"to {end:,}; it has {bytes_expected:,} bytes, and {room:,} follow the header"
            )
        read_it = partial(_numbers, path, name, begin + start, end - start, dtype, tuple(sizes))
        yield start, Tensor(name, tuple(sizes), dtype, read_it)


def _numbers(path: str, name: str, start: int, length: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    with open(path, "rb") as file:
        file.seek(start)
        data = file.read(length)
    try:
        return array_of(data, dtype, shape)
    except ValueError as fault:
        raise RnncliError(f"{path}: array {shorten(name)} cannot be read: {fault}") from None

"""`.safetensors`: a length, a JSON header with the position of each array, and the numbers.

https://github.com/huggingface/safetensors describes the format: names are unique, and the arrays follow one another
without gaps to the end of the file.
"""

from __future__ import annotations

import json
import reprlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from math import prod
from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats import AGAIN
from rnncli.formats.arrays import nodes_of
from rnncli.formats.file_reader import BEGINNING, FileReader, check_beginning, opened_regular
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.tensors import MAX_ARRAYS, MAX_RANK, Tensor, array_at, bits_of, later, numbers_in

MAX_HEADER = 32 << 20
"""The longest header that is read, in bytes; the largest models have headers of a tenth of that."""

_MAX_SIGNS = 3_000_000
"""The most commas and brackets in a header, which limits the memory that it can take."""


_DTYPES: Mapping[str, str] = {"BOOL": "bool", "F4": "float4_e2m1", "F8_E4M3": "float8_e4m3fn"} | {
    f"{letter}{size}": f"{name}{size.lower()}"
    for letter, name, sizes in (
        *(("I", "int", "8 16 32 64"), ("U", "uint", "8 16 32 64"), ("F", "float", "16 32 64"), ("BF", "bfloat", "16")),
        *(("C", "complex", "64"), ("F", "float", "6_E2M3 6_E3M2 8_E5M2 8_E8M0")),
    )
    for size in sizes.split()
}
"""The data types by their names in the format."""


def read(path: str) -> ModelFile:
    """Return the contents of a safetensors file, from its header.

    Raises:
        RnncliError: the header does not match the file.
    """
    reader = opened_regular(path)
    check_beginning(reader.read(0, BEGINNING), "safetensors")
    lead = reader.read(0, 8)
    length = int.from_bytes(lead, "little")
    if len(lead) < 8 or not 2 <= length <= reader.size - 8:
        says = f"its first 8 bytes claim a header of {length:,} bytes"
        raise RnncliError(f"{says}, but the file has {reader.size:,}")
    if length > MAX_HEADER:
        raise RnncliError(f"its header has {length:,} bytes; at most {MAX_HEADER:,} are allowed")
    header = _header(reader.read(8, length))
    metadata = header.pop("__metadata__", None)
    tensors = [*_tensors(header, path, reader, 8 + length)]
    writer = metadata.get("format", "") if isinstance(metadata, dict) else ""
    name = {"pt": "PyTorch", "tf": "TensorFlow", "np": "NumPy", "flax": "Flax"}.get(str(writer), shorten(str(writer)))
    return model_of(path, "safetensors", name, nodes_of(tensors), tensors=tensors)


def _header(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a header."""
    if sum(map(text.count, (b",", b"[", b"{"))) > _MAX_SIGNS:
        raise RnncliError("its header has too many arrays or numbers to be read")
    count = text.count(b'"dtype"')
    if count > MAX_ARRAYS:
        raise RnncliError(f"it holds {count:,} arrays; at most {MAX_ARRAYS:,} are allowed")
    try:
        header = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise RnncliError("its header is not JSON") from None
    if not isinstance(header, dict):
        raise RnncliError("its header is not a JSON object")
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise RnncliError(f"its header lists {shorten(twice)} twice")
    return made


def _tensors(header: Mapping[str, Any], path: str, reader: FileReader, begin: int) -> Iterator[Tensor]:
    """Yield the arrays in a header, in the order of their numbers, which begin at a position."""
    entries = []
    for name, entry in header.items():
        match entry:
            case {"dtype": str(code), "shape": list(sizes), "data_offsets": [start, end]} if len(
                sizes
            ) <= MAX_RANK and all(type(each) is int and 0 <= each < 2**63 for each in (*sizes, start, end)):
                entries.append((start, end, name, code, tuple(sizes)))
            case _:
                raise RnncliError(f"its header describes array {shorten(name)} as {shorten(reprlib.repr(entry), 80)}")
    place = 0
    for start, end, name, code, shape in sorted(entries):
        what = f"array {shorten(name)}"
        if code not in _DTYPES:
            raise RnncliError(f"{what} has numbers of type {shorten(code)}, which is unknown")
        dtype = _DTYPES[code]
        what = f"its header puts {what}, {shorten(str(shape))} of {dtype}, at {start:,} to {end:,}"
        bits = bits_of(dtype)
        if 8 * (end - start) != prod(shape) * bits:
            raise RnncliError(f"{what}, but its numbers take {numbers_in(shape, bits)} bits")
        if start != place:
            raise RnncliError(f"{what}, expected from {place:,} on")
        place = end
        read = partial(array_at, reader, begin + start, dtype, shape)
        yield Tensor(name, shape, dtype, later(path, name, read))
    if begin + place != reader.size:
        raise RnncliError(f"its arrays end at {place:,}, but {reader.size - begin:,} bytes follow the header", AGAIN)

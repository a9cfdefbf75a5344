"""`.pt`, `.pth`, `.ckpt`, `.bin`: what torch.save writes, a zip archive since PyTorch 1.6, before that pickles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.arrays import nodes_of
from rnncli.formats.faults import reading
from rnncli.formats.file_reader import FileReader, opened_regular
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.numbers import WIDTHS, array_at
from rnncli.formats.tensors import Tensor
from rnncli.formats.torch.unpickling import Storages, Stored, load, tensors_in
from rnncli.formats.zip_archive import MAGIC, STORED, Member, members, place_of, read_member

if TYPE_CHECKING:
    import numpy as np

MAX_PICKLE = 32 << 20
"""The longest pickle that is read, in bytes: only names and shapes are in it."""

_MAGIC = 0x1950A86A20F9469CFC6C
"""The number at the start of a file of the old format."""

_PROTOCOL = 1001

_PICKLE = b"\x80"
"""What a pickle begins with that torch.save writes."""

_ADVICE = "save the weights alone: torch.save(model.state_dict(), FILE)"


def read(path: str) -> ModelFile:
    """Return what a file of torch.save holds, from its pickle; the numbers are read later.

    Raises:
        RnncliError: it holds something else than tensors in plain containers, or is damaged.
    """
    reader = opened_regular(path)
    start = reader.read(0, 8)
    if not start.startswith((MAGIC, _PICKLE)):
        raise RnncliError(f"it is no file of torch.save: it begins with {shorten(repr(start))}", _ADVICE)
    form, stored, places = _zipped(reader) if start.startswith(MAGIC) else _old(reader)
    tensors = list(_tensors(path, reader, stored, places))
    if not tensors:
        raise RnncliError("it holds no tensors", "save the weights: torch.save(model.state_dict(), FILE)")
    tensors = _without_wrapper(tensors)
    return model_of(path, form, "PyTorch", nodes_of(tensors), tensors=tensors)


Read = tuple[str, list[tuple[str, Stored]], Mapping[str, int]]
"""The form of a file, its tensors, and where in it each storage begins."""


def _zipped(reader: FileReader) -> Read:
    """Return what a zip archive holds: a pickle, and a file for each storage."""
    by_name: dict[str, Member] = {}
    for member in members(reader):
        if member.name in by_name:
            raise RnncliError(f"it holds two files {shorten(member.name)}")
        by_name[member.name] = member
    if any(name.rpartition("/")[2] == "constants.pkl" for name in by_name):
        raise RnncliError("it is TorchScript, a program", _ADVICE)
    pickles = [name for name in by_name if name.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1:
        raise RnncliError("it is a zip archive, but none that torch.save wrote")
    root = pickles[0].removesuffix("data.pkl")
    order = by_name.get(f"{root}byteorder")
    if order is not None and read_member(reader, order, 10) != b"little":
        raise RnncliError("its numbers have their big end first, which is not read")
    storages = Storages()
    value, _ = load(read_member(reader, by_name[pickles[0]], MAX_PICKLE), storages)
    stored = tensors_in(value)
    places: dict[str, int] = {}
    for key, storage in storages.by_key.items():
        found = by_name.get(f"{root}data/{key}")
        if found is None:
            raise RnncliError(f"its numbers {shorten(key)} are missing")
        expected = storage.length * WIDTHS[storage.dtype]
        if found.size != expected or found.packed != expected or found.method != STORED:
            raise RnncliError(
                f"its pickle says that numbers {shorten(key)} have {expected:,} bytes; the archive has {found.size:,}"
            )
        places[key] = place_of(reader, found)
    return "PyTorch's zip archive", stored, places


def _old(reader: FileReader) -> Read:
    """Return the same for the format before zip: a magic number, a protocol, the system, the object, the storages."""
    data = reader.read(0, MAX_PICKLE)
    storages, nothing = Storages(), Storages()
    magic, place = load(data, nothing)
    if magic != _MAGIC:
        raise RnncliError("it does not start as files of torch.save do")
    protocol, place = load(data, nothing, place)
    system, place = load(data, nothing, place)
    if protocol != _PROTOCOL or not isinstance(system, dict):
        raise RnncliError("it does not start as files of torch.save do")
    if system.get("little_endian") is False:
        raise RnncliError("its numbers have their big end first, which is not read")
    value, place = load(data, storages, place)
    stored = tensors_in(value)
    keys, place = load(data, nothing, place)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise RnncliError("the list of its storages is none")
    if len(keys) != len(storages.by_key) or {*keys} != {*storages.by_key}:
        raise RnncliError("the list of its storages does not go with its tensors")
    places: dict[str, int] = {}
    for key in keys:
        storage = storages.by_key[key]
        count = int.from_bytes(reader.read(place, 8), "little")
        begin, length = place + 8, storage.length * WIDTHS[storage.dtype]
        if count != storage.length or begin + length > reader.size:
            raise RnncliError(
                f"numbers {shorten(key)} are said to be {storage.length:,}, and then {count:,}; "
                f"{reader.size - begin:,} bytes follow"
            )
        places[key] = begin
        place = begin + length
    return "PyTorch's format before 1.6", stored, places


def _tensors(
    path: str, reader: FileReader, stored: list[tuple[str, Stored]], places: Mapping[str, int]
) -> Iterator[Tensor]:
    """Yield the tensors of a file.

    Raises:
        RnncliError: one reaches beyond its storage.
    """
    for name, each in stored:
        if 0 not in each.shape and each.offset + each.span > each.storage.length:
            raise RnncliError(f"tensor {shorten(name)} reaches beyond its {each.storage.length:,} numbers")
        read_it = partial(_numbers, path, reader, name, each, places[each.storage.key])
        yield Tensor(name, each.shape, each.storage.dtype, read_it, (each.storage.key, each.offset, each.shape))


def _numbers(path: str, reader: FileReader, name: str, stored: Stored, place: int) -> np.ndarray[Any, Any]:
    """Read the numbers of a tensor, a view of its storage: only those that it reaches over."""
    import numpy as np

    dtype, shape = stored.storage.dtype, stored.shape
    with reading(f"{path}: array {shorten(name)}", f"{shorten(str(shape))} of {dtype}"):
        begin = place + stored.offset * WIDTHS[dtype]
        if stored.is_plain:
            return array_at(reader, begin, dtype, shape)
        if prod(shape) > stored.span:
            raise RnncliError("it repeats its numbers, which is not read")
        flat = array_at(reader, begin, dtype, (stored.span,))
        strides = tuple(step * flat.itemsize for step in stored.strides)
        return np.lib.stride_tricks.as_strided(flat, shape, strides, writeable=False).copy()


def _without_wrapper(tensors: list[Tensor]) -> list[Tensor]:
    """Return tensors without what all their names start with and that says nothing: `module.`, `model_state_dict.`."""
    while len({tensor.name.partition(".")[0] for tensor in tensors}) == 1 and all("." in each.name for each in tensors):
        lead = tensors[0].name.partition(".")[0]
        if lead not in _WRAPPERS:
            break
        tensors = [tensor._replace(name=tensor.name.partition(".")[2]) for tensor in tensors]
    return tensors


_WRAPPERS = frozenset(
    {
        "module",
        "model",
        "state_dict",
        "model_state",
        "model_state_dict",
        "net",
        "network",
        "_orig_mod",
        "weights",
        "params",
    }
)
"""Names of things that only hold a model."""

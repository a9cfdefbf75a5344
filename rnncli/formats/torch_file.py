"""`.pt`, `.pth`, `.ckpt`: what torch.save writes, a zip archive since PyTorch 1.6 and three pickles before that."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from typing import IO, TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.model_file import ModelFile, Tensor
from rnncli.formats.numbers import WIDTHS, array_of
from rnncli.formats.recognition import recognised
from rnncli.formats.unpickling import Storage, Stored, load, load_from, tensors_in

if TYPE_CHECKING:
    import numpy as np

MAX_PICKLE = 64 << 20
"""The longest pickle that is read, in bytes: only names and shapes are in it."""

_MAGIC = 0x1950A86A20F9469CFC6C
"""The number at the start of a file of the old format."""

_PROTOCOL = 1001


def read(path: str) -> ModelFile:
    """Return what a file of torch.save holds, from its pickle; the numbers are read later.

    Raises:
        RnncliError: it holds something else than tensors in plain containers, or is damaged.
    """
    with open(path, "rb") as file:
        zipped = file.read(2) == b"PK"
    form, stored, storage_bytes = _zipped(path) if zipped else _old(path)
    tensors = list(_tensors(path, stored, storage_bytes))
    if not tensors:
        raise RnncliError("it holds no tensors", "save the weights: torch.save(model.state_dict(), FILE)")
    return ModelFile(path, form, "PyTorch", *recognised(_without_wrapper(tensors)))


Read = Callable[[int, int], bytes]
"""Reads some bytes of a storage, given where they start and how many they are."""


def _zipped(path: str) -> tuple[str, list[tuple[str, Stored]], Mapping[str, Read]]:
    """Return the form of a zip archive, its tensors, and what reads each storage."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if any(name.rpartition("/")[2] == "constants.pkl" for name in names):
            raise RnncliError(
                "it is TorchScript, a program", "save the weights alone: torch.save(model.state_dict(), FILE)"
            )
        if len(pickles) != 1:
            raise RnncliError("it is a zip archive, but none that torch.save wrote")
        root = pickles[0].removesuffix("data.pkl")
        info = archive.getinfo(pickles[0])
        if info.file_size > MAX_PICKLE or info.flag_bits & 1:
            raise RnncliError(f"its pickle has {info.file_size:,} bytes; {MAX_PICKLE:,} are allowed")
        byteorder = f"{root}byteorder"
        if byteorder in names and archive.getinfo(byteorder).file_size < 10 and archive.read(byteorder) != b"little":
            raise RnncliError("its numbers have their big end first, which is not read")
        storages: dict[str, Storage] = {}
        stored = tensors_in(load(archive.read(pickles[0]), storages))
        reads: dict[str, Read] = {}
        for key, storage in storages.items():
            name = f"{root}data/{key}"
            if name not in names:
                raise RnncliError(f"its numbers {shorten(key)} are missing")
            member = archive.getinfo(name)
            expected = storage.length * WIDTHS[storage.dtype]
            if member.file_size != expected or member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise RnncliError(
                    f"its pickle says that numbers {shorten(key)} have {expected:,} bytes; the archive has "
                    f"{member.file_size:,}"
                )
            reads[key] = partial(_from_member, path, name)
    return "PyTorch's zip archive", stored, reads


def _from_member(path: str, name: str, start: int, length: int) -> bytes:
    with zipfile.ZipFile(path) as archive, archive.open(name) as file:
        file.seek(start)
        return file.read(length)


def _old(path: str) -> tuple[str, list[tuple[str, Stored]], Mapping[str, Read]]:
    """Return the same for the format before zip: a magic number, a protocol, the system, the object, the storages."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        bounded = _Bounded(file)
        if load_from(bounded, {}) != _MAGIC or load_from(bounded, {}) != _PROTOCOL:
            raise RnncliError("it does not start as files of torch.save do")
        load_from(bounded, {})
        storages: dict[str, Storage] = {}
        stored = tensors_in(load_from(bounded, storages))
        keys = load_from(bounded, {})
        if not isinstance(keys, list) or {*keys} != {*storages}:
            raise RnncliError("the list of its storages does not go with its tensors")
        reads: dict[str, Read] = {}
        for key in keys:
            (count,) = struct.unpack("<q", file.read(8))
            storage = storages[key]
            begin, length = file.tell(), storage.length * WIDTHS[storage.dtype]
            if count != storage.length or begin + length > size:
                raise RnncliError(
                    f"numbers {shorten(str(key))} are said to be {storage.length:,}, and then {count:,}; "
                    f"{size - begin:,} bytes follow"
                )
            reads[key] = partial(_from_file, path, begin)
            file.seek(begin + length)
    return "PyTorch's format before 1.6", stored, reads


def _from_file(path: str, begin: int, start: int, length: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(begin + start)
        return file.read(length)


class _Bounded:
    """A file from which pickles read no more than they may hold."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.left = MAX_PICKLE

    def read(self, count: int = -1, /) -> bytes:
        """Read some bytes."""
        return self._taken(self.file.read(min(count, self.left + 1) if count >= 0 else self.left + 1))

    def readline(self) -> bytes:
        """Read up to the end of a line."""
        return self._taken(self.file.readline(self.left + 1))

    def _taken(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left < 0:
            raise RnncliError(f"its pickles have more than {MAX_PICKLE:,} bytes")
        return data


def _tensors(path: str, stored: list[tuple[str, Stored]], reads: Mapping[str, Read]) -> Iterator[Tensor]:
    """Yield the tensors of a file.

    Raises:
        RnncliError: one reaches beyond its storage.
    """
    for name, each in stored:
        last = each.offset + sum((n - 1) * step for n, step in zip(each.shape, each.strides, strict=True))
        if 0 not in each.shape and last >= each.storage.length:
            raise RnncliError(f"tensor {shorten(name)} reaches beyond its {each.storage.length:,} numbers")
        read_it = partial(_numbers, path, name, each, reads[each.storage.key])
        yield Tensor(name, each.shape, each.storage.dtype, read_it)


def _numbers(path: str, name: str, stored: Stored, read_bytes: Read) -> np.ndarray[Any, Any]:
    import numpy as np

    width = WIDTHS[stored.storage.dtype]
    if 0 in stored.shape:
        return array_of(b"", stored.storage.dtype, stored.shape)
    span = 1 + sum((n - 1) * step for n, step in zip(stored.shape, stored.strides, strict=True))
    if prod(stored.shape) > span:
        raise RnncliError(f"{path}: tensor {shorten(name)} repeats its numbers, which is not read")
    data = read_bytes(stored.offset * width, span * width)
    try:
        flat = array_of(data, stored.storage.dtype, (span,))
    except ValueError as fault:
        raise RnncliError(f"{path}: tensor {shorten(name)} cannot be read: {fault}") from None
    strides = tuple(step * flat.itemsize for step in stored.strides)
    return np.lib.stride_tricks.as_strided(flat, stored.shape, strides, writeable=False).copy()


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

"""HDF5, as far as Keras uses it: groups, arrays and attributes.

The library that reads HDF5 crashes on some damaged files. So it runs in a process of its own, `hdf5_process`, which
answers with plain data; what comes of a crash there is an error here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.model_file import Tensor
from rnncli.formats.numbers import WIDTHS, array_of

if TYPE_CHECKING:
    import numpy as np

MAX_COMPRESSION = 1100
"""How many bytes may come from one that is stored."""

PATIENCE = 600
"""Seconds until a process that hangs is given up."""

ADVICE = "pip install 'rnncli[hdf5]'"

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from rnncli.formats.hdf5_process import main
main()
"""


class Place(NamedTuple):
    """Where the bytes of an HDF5 file are: a file, or a member of a zip archive."""

    path: str
    member: str = ""


@contextmanager
def named(place: Place) -> Iterator[None]:
    """Put the name of the file into errors that come when its numbers are read."""
    try:
        yield
    except RnncliError as error:
        raise RnncliError(f"{place.path}: {error.message}", error.advice) from None


def member(archive: zipfile.ZipFile, name: str, most: int | None = None) -> bytes:
    """Return the bytes of a member of a zip archive.

    Raises:
        RnncliError: it is not there, is encrypted, damaged, or claims more bytes than it can have.
    """
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise RnncliError(f"it has no {name}") from None
    if info.flag_bits & 1:
        raise RnncliError(f"its {name} is encrypted")
    if info.file_size > MAX_COMPRESSION * info.compress_size + 100 or (most is not None and info.file_size > most):
        raise RnncliError(f"its {name} claims {info.file_size:,} bytes of {info.compress_size:,} compressed")
    with archive.open(info) as file:
        return file.read(info.file_size)


@dataclass(frozen=True)
class Tree:
    """What an HDF5 file holds.

    Attributes:
        place: where it is.
        attributes: the attributes of each group that Keras writes: texts and lists of texts.
        arrays: the shape and the type of each array of numbers, by its path.
    """

    place: Place
    attributes: Mapping[str, Mapping[str, Any]]
    arrays: Mapping[str, tuple[tuple[int, ...], str]]

    @cached_property
    def members(self) -> Mapping[str, Sequence[str]]:
        """The names in each group."""
        members: dict[str, list[str]] = {}
        for path in (*self.attributes, *self.arrays):
            if path:
                group, _, name = path.rpartition("/")
                members.setdefault(group, []).append(name)
        return members

    def text(self, group: str, name: str) -> str | None:
        """Return an attribute that is a text."""
        value = self.attributes.get(group, {}).get(name)
        return value if isinstance(value, str) else None

    def texts(self, group: str, name: str) -> list[str] | None:
        """Return an attribute that is a list of texts."""
        value = self.attributes.get(group, {}).get(name)
        return value if isinstance(value, list) else None


class Numbers:
    """The numbers of a file's arrays. With the first that is asked for, all that will be wanted are read at once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._wanted: dict[str, tuple[tuple[int, ...], str]] = {}
        self._read: dict[str, bytes] = {}

    def tensor(self, path: str, shape: tuple[int, ...], dtype: str) -> Tensor:
        """Return an array that is read later."""
        self._wanted[path] = (shape, dtype)
        return Tensor(path, shape, dtype, partial(self.values, path))

    def values(self, path: str) -> np.ndarray[Any, Any]:
        """Return the numbers of an array.

        Raises:
            RnncliError: they are not as the structure of the file says.
        """
        if path not in self._read:
            with named(self._place):
                self._read = values_of(self._place, self._wanted)
        shape, dtype = self._wanted[path]
        return array_of(self._read[path], dtype, shape)


def tree_of(place: Place) -> Tree:
    """Return what an HDF5 file holds.

    Raises:
        RnncliError: h5py is missing, or the file is damaged.
    """
    answer, _ = _asked(place, None)
    arrays = {path: (tuple(shape), dtype) for path, (shape, dtype) in answer["arrays"].items()}
    return Tree(place, answer["attributes"], arrays)


def values_of(place: Place, wanted: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, bytes]:
    """Return the numbers of arrays, as bytes in C order with the little end first.

    Raises:
        RnncliError: h5py is missing, or the file is damaged.
    """
    _, data = _asked(place, list(wanted))
    lengths = [prod(shape) * WIDTHS[dtype] for shape, dtype in wanted.values()]
    if len(data) != sum(lengths):
        raise RnncliError(f"its arrays have {len(data):,} bytes, and their shapes say {sum(lengths):,}")
    values = {}
    start = 0
    for path, length in zip(wanted, lengths, strict=True):
        values[path] = data[start : start + length]
        start += length
    return values


def _asked(place: Place, wanted: list[str] | None) -> tuple[Any, bytes]:
    """Return the answer of the process that reads HDF5: an object, and bytes."""
    if find_spec("h5py") is None:
        raise RnncliError("what it holds is HDF5, which needs h5py", ADVICE)
    with open(place.path, "rb"):
        pass  # a file that is not there is an error here and not there
    question = json.dumps({"path": place.path, "member": place.member, "wanted": wanted})
    command = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)]
    try:
        done = subprocess.run(command, input=question.encode(), capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise RnncliError(f"its HDF5 is damaged: it was not read within {PATIENCE} seconds") from None
    head, _, data = done.stdout.partition(b"\n")
    try:
        answer = json.loads(head)
    except ValueError:
        answer = None
    if done.returncode != 0 or not isinstance(answer, dict):
        raise RnncliError("its HDF5 is damaged: the library that reads it crashed")
    if "error" in answer:
        raise RnncliError(shorten(str(answer["error"]), 200))
    return answer, data

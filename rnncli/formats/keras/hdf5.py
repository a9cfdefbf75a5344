"""HDF5, as far as Keras uses it: groups, arrays and attributes.

The library that reads HDF5 crashes, or never ends, on some damaged files. So it runs in a process of its own,
`hdf5_process`, which bounds its own memory and time and answers with plain data; whatever ends it is an error here.
Where the system starts no processes, it runs in this one, without bounds.
"""

from __future__ import annotations

import json
import os
import site
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.machinery import PathFinder
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats import AGAIN, reading
from rnncli.formats.keras.hdf5_process import ADVICE, answer
from rnncli.formats.tensors import WIDTHS, Tensor, array_of
from rnncli.system.processes import Ended, run_isolated

if TYPE_CHECKING:
    import numpy as np

PATIENCE = 600
"""Seconds until a process that waits for its file is given up."""

_PROGRAM = """
import json, sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
folder, folders = json.loads(sys.argv[1])
sys.path += folders
spec = PathFinder.find_spec("rnncli", [folder])
sys.modules["rnncli"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["rnncli"])
from rnncli.formats.keras.hdf5_process import main
main()
"""
"""What is run with `-I`: the standard library comes first, and the folder where it is started is not looked into."""

# No libraries are loaded that a file names for unpacking its numbers, and one thread is enough.
_ENVIRONMENT = {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}


class Place(NamedTuple):
    """Where the bytes of an HDF5 file are: a file, or a member of a zip archive."""

    path: str
    member: str = ""


@dataclass(frozen=True)
class Tree:
    """What an HDF5 file holds.

    Attributes:
        place: where it is.
        attributes: the attributes of each group that Keras writes: texts and lists of texts.
        arrays: the shape and the type of each array of numbers, by its path.
        values: the numbers of arrays that were read along, as bytes; those of a large file are read when asked for.
    """

    place: Place
    attributes: Mapping[str, Mapping[str, Any]]
    arrays: Mapping[str, tuple[tuple[int, ...], str]]
    values: Mapping[str, memoryview]

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

    def tensors(self, paths: Iterable[str]) -> dict[str, Tensor]:
        """Return arrays by their paths. With the first that is read, all of them are."""
        shapes = {path: self.arrays[path] for path in paths}

        @cache
        def values() -> Mapping[str, memoryview]:
            if shapes.keys() <= self.values.keys():
                return self.values
            return _cut(_asked(self.place, [*shapes])[1], shapes)

        def read(path: str) -> np.ndarray[Any, Any]:
            with reading(self.place.path):
                return array_of(values()[path], shapes[path][1], shapes[path][0])

        return {path: Tensor(path, *shapes[path], partial(read, path)) for path in shapes}


def tree_of(place: Place) -> Tree:
    """Return what an HDF5 file holds.

    Raises:
        RnncliError: h5py is missing, or the file is damaged.
    """
    answer, data = _asked(place, None)
    arrays = {path: (tuple(shape), dtype) for path, (shape, dtype) in answer["arrays"].items()}
    along = {path: arrays[path] for path in answer["along"]}
    return Tree(place, answer["attributes"], arrays, _cut(data, along))


def _cut(data: memoryview, arrays: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, memoryview]:
    """Return the bytes of each array, which come one behind the other."""
    lengths = [prod(shape) * WIDTHS[dtype] for shape, dtype in arrays.values()]
    if len(data) != sum(lengths):
        raise RnncliError(f"its arrays have {len(data):,} bytes, and their shapes say {sum(lengths):,}")
    ends = [*accumulate(lengths, initial=0)]
    return {path: data[start:end] for path, start, end in zip(arrays, ends, ends[1:], strict=False)}


def _asked(place: Place, wanted: list[str] | None) -> tuple[Any, memoryview]:
    """Return the answer of the process that reads HDF5: an object, and bytes."""
    folders = _installed(os.path.dirname(os.path.abspath(place.path)))
    if PathFinder.find_spec("h5py", folders) is None:
        what = "its weights are HDF5" if place.member else "it is HDF5"
        raise RnncliError(f"{what}, which is read with h5py, and h5py is not installed", ADVICE)
    question = json.dumps({"path": place.path, "member": place.member, "wanted": wanted}).encode()
    folder = os.path.dirname(sys.modules["rnncli"].__path__[0])
    try:
        ended = run_isolated(_PROGRAM, json.dumps([folder, folders]), question, _ENVIRONMENT, PATIENCE)
    except TimeoutError:
        raise RnncliError(f"its HDF5 was not read within {PATIENCE} seconds", "copy the file to this machine") from None
    if ended is None:
        ended = Ended(0, b"".join(answer(question)))
    # A view of the numbers: they may fill half of the memory.
    head, data = ended.output[: max(0, ended.output.find(b"\n"))], memoryview(ended.output)
    try:
        said = json.loads(head)
    except ValueError:
        said = None
    if ended.status != 0 or not isinstance(said, dict):
        raise RnncliError(f"its HDF5 is damaged: h5py, which reads it, {ended.words}", AGAIN)
    if "error" in said:
        raise RnncliError(shorten(str(said["error"]), 200), said.get("advice"))
    return said, data[len(head) + 1 :]


def _installed(beside: str) -> list[str]:
    """Return the folders of libraries: not the current one, nor that of the file or of a program of the user's.

    A file that was downloaded may lie beside a `json.py` or an `h5py.py`, which is never imported.
    """
    program = getattr(sys.modules["__main__"], "__file__", None)
    users = {os.path.realpath(each) for each in (os.curdir, beside, os.path.dirname(program or ""))}
    # What starts a notebook lies among the libraries itself.
    users -= {os.path.realpath(each) for each in (*site.getsitepackages(), site.getusersitepackages())}
    return [each for each in sys.path if os.path.isabs(each) and os.path.realpath(each) not in users]

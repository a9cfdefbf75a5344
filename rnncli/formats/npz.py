"""`.npz`: a zip archive of arrays as NumPy saves them, under any names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.arrays import nodes_of
from rnncli.formats.faults import reading
from rnncli.formats.file_reader import FileReader, check_beginning, opened_regular
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.npz_arrays import PackedArray, members_by_key, packed_array
from rnncli.formats.tensors import Tensor
from rnncli.formats.zip_archive import MAGIC

if TYPE_CHECKING:
    import numpy as np


def read(path: str) -> ModelFile:
    """Return what an .npz file holds, from the headers of its arrays.

    Raises:
        RnncliError: it is damaged, encrypted, or holds something else than arrays of numbers.
    """
    reader = opened_regular(path)
    check_beginning(reader.read(0, 8), MAGIC)
    tensors = [*_tensors(path, reader)]
    return model_of(path, "npz", "NumPy", nodes_of(tensors), tensors=tensors)


def _tensors(path: str, reader: FileReader) -> Iterator[Tensor]:
    for key, member in members_by_key(reader).items():
        if member.name == key:
            continue  # something else than an array
        try:
            array = packed_array(reader, member)
        except RnncliError as error:
            raise RnncliError(f"array {shorten(key)}: {error.message}", error.advice) from None
        yield Tensor(key, array.header.shape, array.header.dtype, partial(_numbers, path, key, array))


def _numbers(path: str, key: str, array: PackedArray) -> np.ndarray[Any, Any]:
    with reading(f"{path}: array {shorten(key)}", f"{array.header}"):
        return array.read()

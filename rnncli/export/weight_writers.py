"""Weights in the files that frameworks load: a writer for each extension."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import groupby
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from rnncli.atomic import Written
from rnncli.engine.array_files import WriteArrays, write_arrays, write_npz
from rnncli.errors import RnncliError
from rnncli.formats.keras.hdf5_process import ADVICE

if TYPE_CHECKING:
    from rnncli.export import Arrays


def write_weights(path: str, arrays: Arrays, extension: str) -> Written:
    """Write arrays by name to a file as those with an extension are, all of them or none. Return what has been written.

    Raises:
        RnncliError: it cannot be written, or needs h5py, which is missing.
    """
    if extension == ".weights.h5" and find_spec("h5py") is None:
        raise RnncliError(f"{path}: writing it needs h5py", ADVICE)
    return write_arrays(path, arrays, WRITERS[extension])


def write_safetensors(file: IO[bytes], arrays: Arrays) -> None:
    """Write arrays of float32 by name as PyTorch's users load them.

    https://github.com/huggingface/safetensors describes it: a length, a JSON header that says where each array stands,
    and the numbers, in the order that the arrays are given in. `rnncli.formats.safetensors` reads it.
    """
    # One order of bytes in every file, whatever this machine's is.
    numbers = {name: np.ascontiguousarray(array, "<f4") for name, array in arrays.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, array in numbers.items():
        start, end = end, end + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers can be mapped into memory as they are
    file.write(len(text).to_bytes(8, "little") + text)
    for array in numbers.values():
        file.write(array.data)


def write_keras_weights(file: IO[bytes], arrays: Arrays) -> None:
    """Write weights by key (`lstm/kernel`) in the order of the network as Keras's `load_weights` reads them.

    `rnncli.formats.keras.hdf5` reads it.
    """
    import h5py

    content = io.BytesIO()  # h5py does not say reliably that it could not write to a file of Python
    with h5py.File(content, "w") as made:
        layers = made.create_group("layers")
        for layer, group, places in _groups(arrays):
            layers.create_group(f"{group}/vars").attrs["name"] = layer
            for place, key in places.items():
                layers.create_dataset(f"{group}/{place}", data=arrays[key])
    file.write(content.getbuffer())


def _groups(arrays: Arrays) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield each layer, its group, and the keys of its arrays by their places in that: `cell/vars/0`.

    The groups of a class are numbered. Keras's names of cells are numbered otherwise: a Bidirectional's own cell counts
    there, and has no group here. The arrays of a direction are in its own cell: `forward_layer/cell/vars/2`.
    """
    numbers: Counter[str] = Counter()
    for layer, keys in groupby(arrays, key=lambda key: key.partition("/")[0]):
        group, cell = layer, ""
        if f"{layer}/recurrent_kernel" in arrays:
            base = re.sub(r"_[0-9]+$", "", layer)
            group, cell = f"{base}_{numbers[base]}" if numbers[base] else base, "cell/"
            numbers[base] += 1
        places: dict[str, str] = {}
        for direction, own in groupby(keys, key=lambda key: key.split("/")[1:-1]):
            lead = f"{direction[0]}_layer/cell/" if direction else cell
            places |= {f"{lead}vars/{number}": key for number, key in enumerate(own)}
        yield layer, group, places


WRITERS: Mapping[str, WriteArrays] = {
    ".npz": write_npz,
    ".safetensors": write_safetensors,
    ".weights.h5": write_keras_weights,
}
"""What writes a file with each extension."""

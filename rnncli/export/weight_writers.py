"""Weights files that frameworks can load: a writer for each extension."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import IO, Any

import numpy as np

from rnncli.atomic import WrittenFile
from rnncli.engine.array_files import WriteArrays, write_arrays, write_npz
from rnncli.export.plan import Arrays
from rnncli.formats.keras.hdf5_process import imported_h5py


def write_weights(path: str, arrays: Arrays, extension: str) -> WrittenFile:
    """Write named arrays to a file in the format of an extension, completely or not at all. Return the written file.

    Raises:
        RnncliError: the file cannot be written, or needs h5py, which cannot be imported.
    """
    return write_arrays(path, arrays, WRITERS[extension])


def write_safetensors(file: IO[bytes], arrays: Arrays) -> None:
    """Write named float32 arrays in the format that PyTorch users load.

    https://github.com/huggingface/safetensors specifies it: a length, a JSON header with the position of each array,
    and the numbers, in the order of the arrays. `rnncli.formats.safetensors` reads it.
    """
    # Always little-endian, regardless of this machine.
    numbers = {name: np.ascontiguousarray(array, "<f4") for name, array in arrays.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, array in numbers.items():
        start, end = end, end + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # aligns the numbers, so that they can be memory-mapped
    file.write(len(text).to_bytes(8, "little") + text)
    for array in numbers.values():
        file.write(array.data)


def write_keras_weights(file: IO[bytes], arrays: Arrays) -> None:
    """Write weights by key (`lstm/kernel`), in the network's order, in the format of Keras's `load_weights`.

    `rnncli.formats.keras.hdf5` reads it.
    """
    h5py = imported_h5py()
    content = io.BytesIO()  # h5py does not reliably report errors when writing to a Python file
    with h5py.File(content, "w") as hdf5:
        layers = hdf5.create_group("layers")
        for layer, group, places in _groups(arrays):
            layers.create_group(f"{group}/vars").attrs["name"] = layer
            for place, key in places.items():
                layers.create_dataset(f"{group}/{place}", data=arrays[key])
    file.write(content.getbuffer())


def _groups(arrays: Arrays) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield each layer, its group, and the keys of its arrays by their path within the group: `cell/vars/0`.

    Groups are numbered per class. Keras's layer names are numbered differently: they count the cell inside a
    Bidirectional, which has no group. Each direction's arrays are in its own cell: `forward_layer/cell/vars/2`.
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
"""The writer for each extension."""

"""Weights in the files that frameworks load: a writer for each extension."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.atomic import Written, written_whole
from rnncli.engine.array_files import write_arrays
from rnncli.errors import RnncliError
from rnncli.formats.keras.hdf5_process import ADVICE

if TYPE_CHECKING:
    from rnncli.export import Arrays


def write_weights(path: str, arrays: Arrays, extension: str) -> Written:
    """Write arrays by name to a file as those with an extension are, all of them or none. Return what has been written.

    Raises:
        RnncliError: it cannot be written.
    """
    return WRITERS[extension](path, arrays)


_ALIGNMENT = 8
"""The numbers of a `.safetensors` begin at a multiple of this, so that they can be mapped into memory as they are."""


def write_safetensors(path: str, arrays: Arrays) -> Written:
    """Write arrays of float32 by name to a file that PyTorch's users load. It is `write_weights` for `.safetensors`.

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
    text += b" " * (-len(text) % _ALIGNMENT)
    with written_whole(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in numbers.values():
            file.write(array.data)
    return Written(path, 8 + len(text) + end, _counted(arrays))


def write_keras_weights(path: str, arrays: Arrays) -> Written:
    """Write weights by key (`lstm/kernel`) to a file that Keras's `load_weights` reads. It is `write_weights` for .h5.

    The keys stand in the order of the network. `rnncli.formats.keras.hdf5` reads it.

    Raises:
        RnncliError: h5py is missing, or the file cannot be written.
    """
    if find_spec("h5py") is None:
        raise RnncliError(f"{path}: writing it needs h5py", ADVICE)
    import h5py

    content = io.BytesIO()  # h5py does not say reliably that it could not write to a file of Python
    with h5py.File(content, "w") as file:
        layers = file.create_group("layers")
        for layer, group, places in _groups(arrays):
            layers.create_group(f"{group}/vars").attrs["name"] = layer
            for place, key in places.items():
                layers.create_dataset(f"{group}/{place}", data=arrays[key])
    data = content.getbuffer()
    with written_whole(path) as written:
        written.write(data)
    return Written(path, len(data), _counted(arrays))


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


def _counted(arrays: Arrays) -> str:
    return f"({len(arrays)} array{'' if len(arrays) == 1 else 's'})"


WRITERS: Mapping[str, Callable[[str, Arrays], Written]] = {
    ".npz": write_arrays,
    ".safetensors": write_safetensors,
    ".weights.h5": write_keras_weights,
}
"""What writes a file with each extension."""

"""`.weights.h5`, written: the tree of groups that `model.load_weights` of Keras 3 reads.

An array stands at the place of its layer, under a number: `layers/lstm/cell/vars/0`,
`layers/bidirectional/forward_layer/cell/vars/2`. `rnncli.formats.keras.weights` reads it.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rnncli.atomic import Written, written_whole
from rnncli.errors import RnncliError
from rnncli.formats.keras.hdf5_process import ADVICE
from rnncli.layers import LAYERS
from rnncli.layers.recurrent import Recurrent

if TYPE_CHECKING:
    import numpy as np

    from rnncli.export import Arrays

    Array = np.ndarray[Any, Any]

CELLS = frozenset(layer.cell_keras_name for layer in LAYERS if issubclass(layer, Recurrent))
"""The names of layers that keep their weights in a cell."""


def write_keras_weights(path: str, arrays: Arrays) -> Written:
    """Write weights by key (`lstm/kernel`) to a file that `model.load_weights` reads, all of them or none.

    The keys stand in the order of the network. Return what has been written.

    Raises:
        RnncliError: h5py is missing, or the file cannot be written.
    """
    if find_spec("h5py") is None:
        raise RnncliError(f"{path}: writing it needs h5py", ADVICE)
    import h5py

    content = io.BytesIO()  # h5py does not say reliably that it could not write to a file of Python
    with h5py.File(content, "w") as file:
        layers = file.create_group("layers")
        for layer, (group, weights) in _groups(arrays).items():
            layers.create_group(f"{group}/vars").attrs["name"] = layer
            for place, array in weights:
                layers.create_dataset(f"{group}/{place}", data=array)
    data = content.getbuffer()
    with written_whole(path) as written:
        written.write(data)
    return Written(path, len(data), f"({len(arrays)} array{'' if len(arrays) == 1 else 's'})")


def _groups(arrays: Arrays) -> dict[str, tuple[str, list[tuple[str, Array]]]]:
    """Return for each layer its group, and its arrays with their places in that: `cell/vars/0`.

    The groups of a class are numbered. Keras's names of cells are numbered otherwise: a Bidirectional's own cell counts
    there, and has no group here.
    """
    numbers: Counter[str] = Counter()
    groups = {}
    for layer, keys in groupby(arrays, key=lambda key: key.partition("/")[0]):
        base = re.sub(r"_[0-9]+$", "", layer)
        group = layer
        if base in CELLS:
            group = f"{base}_{numbers[base]}" if numbers[base] else base
            numbers[base] += 1
        groups[layer] = (group, list(_placed(arrays, list(keys), "cell/" if base in CELLS else "")))
    return groups


def _placed(arrays: Arrays, keys: list[str], cell: str) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of one layer with their places; those of a direction are in its own cell."""
    for direction, own in groupby(keys, key=lambda key: key.split("/")[1:-1]):
        lead = f"{direction[0]}_layer/cell/" if direction else cell
        yield from ((f"{lead}vars/{number}", arrays[key]) for number, key in enumerate(own))

"""Weights in the files that frameworks load: a writer for each extension."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rnncli.atomic import Written
from rnncli.engine.array_files import write_arrays
from rnncli.export.keras_weight_file import write_keras_weights
from rnncli.export.safetensors import write_safetensors

if TYPE_CHECKING:
    from rnncli.export import Arrays

WRITERS: Mapping[str, Callable[[str, Arrays], Written]] = {
    ".npz": write_arrays,
    ".safetensors": write_safetensors,
    ".weights.h5": write_keras_weights,
}
"""What writes a file with each extension."""


def write_weights(path: str, arrays: Arrays) -> Written:
    """Write arrays by name to a file, all of them or none; its extension says how. Return what has been written.

    Raises:
        RnncliError: it cannot be written.
    """
    write = next(write for extension, write in WRITERS.items() if path.endswith(extension))
    return write(path, arrays)

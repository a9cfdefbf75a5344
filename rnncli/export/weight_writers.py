"""Weights in the files that frameworks load: a writer for each extension."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from rnncli.atomic import Written

if TYPE_CHECKING:
    from rnncli.export import Arrays

WRITERS: Mapping[str, tuple[str, str]] = {
    ".npz": ("rnncli.engine.array_files", "write_arrays"),
    ".safetensors": ("rnncli.export.safetensors", "write_safetensors"),
    ".weights.h5": ("rnncli.export.keras_weight_file", "write_keras_weights"),
}
"""The module and the function that write a file with each extension; an .npz needs no library for HDF5."""


def write_weights(path: str, arrays: Arrays, extension: str) -> Written:
    """Write arrays by name to a file as those with an extension are, all of them or none. Return what has been written.

    Raises:
        RnncliError: it cannot be written.
    """
    module, function = WRITERS[extension]
    write: Callable[[str, Arrays], Written] = getattr(import_module(module), function)
    return write(path, arrays)

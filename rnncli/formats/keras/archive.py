"""`.keras`: a zip archive with the config of a model, and its weights in HDF5. The config is read without h5py."""

from __future__ import annotations

from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.file_reader import opened_regular
from rnncli.formats.keras import hdf5, hdf5_file
from rnncli.formats.keras.config import MAX_JSON, parsed
from rnncli.formats.keras.hdf5_process import SIGNATURE
from rnncli.formats.keras.json_file import found_of, version_of, writer
from rnncli.formats.keras.members import Members
from rnncli.formats.keras.weights import Branches
from rnncli.formats.model_file import ModelFile

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_METADATA = 100_000
"""The longest metadata, in bytes."""


def read(path: str) -> ModelFile:
    """Return what a .keras file holds, from its config. Before Keras 2.12 a file of that name was HDF5.

    Raises:
        RnncliError: it is damaged, encrypted, or contradicts itself.
    """
    start = hdf5.beginning(path)
    if start == SIGNATURE:
        return hdf5_file.read(path)
    if start[:2] != b"PK":
        raise RnncliError(
            f"it is no zip archive, as a .keras file is: it begins with {shorten(repr(start))}",
            "save it again: model.save('model.keras')",
        )
    model, metadata = _texts(path)
    version = version_of(metadata)
    store = Branches(hdf5.Place(path, WEIGHTS))
    found = found_of(model, version, store)
    # What stands in no part may have arrays, but only HDF5 says so.
    return ModelFile(path, "Keras", writer(version, model), found.parts, (), found.notes, partial=bool(found.notes))


def _texts(path: str) -> tuple[Any, Any]:
    """Return what the config and the metadata say; the metadata may be missing."""
    members = Members(opened_regular(path))
    model = parsed(members.read(CONFIG, MAX_JSON), f"its {CONFIG}")
    if METADATA not in members:
        return model, None
    return model, parsed(members.read(METADATA, MAX_METADATA), f"its {METADATA}")

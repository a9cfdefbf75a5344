"""`.keras`: a zip archive with the config of a model, and its weights in HDF5. The config is read without h5py."""

from __future__ import annotations

import zipfile

from rnncli.formats import hdf5
from rnncli.formats.keras_config import MAX_JSON, graph_of, parsed
from rnncli.formats.keras_json import is_modern, version_of, writer
from rnncli.formats.keras_parts import found_in
from rnncli.formats.keras_weights import Branches
from rnncli.formats.model_file import ModelFile

WEIGHTS = "model.weights.h5"
MAX_METADATA = 100_000
"""The longest metadata, in bytes."""


def read(path: str) -> ModelFile:
    """Return what a .keras file holds, from its config.

    Raises:
        RnncliError: it is damaged, encrypted, or contradicts itself.
    """
    with zipfile.ZipFile(path) as archive:
        model = parsed(hdf5.member(archive, "config.json", MAX_JSON), "its config.json")
        metadata = None
        if "metadata.json" in archive.namelist():
            metadata = parsed(hdf5.member(archive, "metadata.json", MAX_METADATA), "its metadata.json")
    version = version_of(metadata)
    store = Branches(hdf5.Place(path, WEIGHTS))
    found = found_in(graph_of(model), store, modern=is_modern(model, version))
    return ModelFile(path, "Keras", writer(version, model), found.parts, (), found.notes)

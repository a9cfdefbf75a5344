"""Keras's files: the JSON of a model, `.keras`, which is a zip archive of that and HDF5, and `.h5` or `.hdf5`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.faults import AGAIN
from rnncli.formats.file_reader import opened_regular
from rnncli.formats.keras import hdf5
from rnncli.formats.keras.config import MAX_JSON, SAVE_AGAIN, WITHOUT_WEIGHTS, is_modern, parsed, version_of, writer
from rnncli.formats.keras.graph import graph_of
from rnncli.formats.keras.hdf5_process import SIGNATURE
from rnncli.formats.keras.members import Members
from rnncli.formats.keras.nodes import nodes_of, unknown_features
from rnncli.formats.keras.weights import Branches, Groups, Store
from rnncli.formats.keras.weights_alone import weights_alone
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Note
from rnncli.formats.tensors import Tensor

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_METADATA = 100_000
"""The longest metadata, in bytes."""


def read(path: str) -> ModelFile:
    """Return what a file of Keras holds. Before Keras 2.12 a file named .keras was HDF5.

    Raises:
        RnncliError: it is of another kind than its name says, is damaged, encrypted, or contradicts itself; or h5py is
            missing.
    """
    ending = path.lower().rpartition(".")[2]
    if ending == "json":
        return _read_json(path)
    start = hdf5.beginning(path)
    if start == SIGNATURE:
        return _read_hdf5(path)
    if ending != "keras":
        zipped = start[:2] == b"PK"
        raise RnncliError(
            f"it is no HDF5: it begins with {shorten(repr(start))}",
            "it is a zip archive; if Keras wrote it, name it FILE.keras" if zipped else AGAIN,
        )
    if start[:2] != b"PK":
        raise RnncliError(
            f"it is no zip archive, as a .keras file is: it begins with {shorten(repr(start))}",
            "save it again: model.save('model.keras')",
        )
    return _read_archive(path)


def _read_json(path: str) -> ModelFile:
    with open(path, "rb") as file:
        model = parsed(file.read(MAX_JSON + 1), "it")
    if isinstance(model, str):  # a text of JSON that was written as JSON once more
        model = parsed(model, "the text in it")
    return _found(path, "Keras JSON", model, version_of(model), None)


def _read_archive(path: str) -> ModelFile:
    """Read the config of an archive, and its HDF5 only where that says what the layers have that are left out."""
    members = Members(opened_regular(path))
    model = parsed(members.read(CONFIG, MAX_JSON), f"its {CONFIG}")
    metadata = parsed(members.read(METADATA, MAX_METADATA), f"its {METADATA}") if METADATA in members else None
    store = Branches(hdf5.Place(path, WEIGHTS))
    found = _found(path, "Keras", model, version_of(metadata), store)
    if all(node.kind in WITHOUT_WEIGHTS for node in found.left):
        return found
    try:
        others, held = store.others(found.tensors)
    except RnncliError:  # the numbers cannot be read, either, and that says why
        return replace(found, partial=True)
    left = tuple(node if node.tensors else replace(node, tensors=held.get(node.owner, {})) for node in found.left)
    return replace(found, others=others, left=left)


def _read_hdf5(path: str) -> ModelFile:
    tree = hdf5.tree_of(hdf5.Place(path))
    root = "model_weights" if "model_weights" in tree.attributes else ""
    version = version_of(tree.attributes.get(root))
    config = tree.text("", "model_config")
    if config is None:
        return weights_alone(path, tree, version)
    groups = Groups(tree, root)
    return _found(path, "Keras HDF5", parsed(config, "its model_config"), version, groups, groups.all)


def _found(
    path: str, format_: str, model: Any, version: str, store: Store | None, tensors: Sequence[Tensor] = ()
) -> ModelFile:
    """Return what a file holds, from its config and the version of Keras that wrote it."""
    try:
        graph = graph_of(model)
        nodes = nodes_of(graph, store, modern=is_modern(model, version))
        notes = tuple(Note(text, "assumed") for text in graph.notes)
        nodes = [replace(node, notes=(*notes, *node.notes)) for node in nodes]
        found = model_of(path, format_, writer(version, model), nodes, tensors=tensors, notes=notes)
    except RnncliError as error:
        raise RnncliError(error.message, error.advice or SAVE_AGAIN) from None
    if not found.parts and (node := unknown_features(found.left)) is not None:
        text = f"its config does not say how many features {shorten(node.name)} reads"
        raise RnncliError(text, "save the model once it is built")
    return found

"""Keras's files: the JSON of a model; `.keras`, a zip archive of JSON and HDF5; and `.h5` or `.hdf5`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats import AGAIN
from rnncli.formats.arrays import ACTIVATIONS, nodes_of
from rnncli.formats.conventions import KERAS_CELL, KERAS_NAMES
from rnncli.formats.file_reader import BEGINNING, check_beginning, opened_regular
from rnncli.formats.keras import hdf5
from rnncli.formats.keras.config import (
    MAX_JSON,
    SAVE_AGAIN,
    graph_of,
    is_custom,
    is_model,
    is_modern,
    parsed,
    version_of,
    writer,
)
from rnncli.formats.keras.hdf5 import Branches, Groups, Store, is_of_network
from rnncli.formats.keras.hdf5_process import SIGNATURE
from rnncli.formats.keras.nodes import OLD_HARD_SIGMOID
from rnncli.formats.keras.nodes import nodes_of as nodes_of_config
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Node, Note, loops
from rnncli.formats.tensors import Tensor, by_numbers
from rnncli.formats.zip_archive import MAGIC, Archive
from rnncli.layers import LAYERS
from rnncli.layers.base import snake_case

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    snake_case(cls.keras): (*KERAS_NAMES[cls.kind].values(),) for cls in LAYERS if cls.kind in KERAS_NAMES
} | {"cell": KERAS_CELL, "layer": (*KERAS_NAMES["dense"].values(),)}
"""Names of Keras 3's numbered arrays, by the class in their group's name; `layer`, in a wrapper, is a dense layer."""


def read(path: str) -> ModelFile:
    """Return the contents of a Keras file. Before Keras 2.12, files named .keras were HDF5.

    Raises:
        RnncliError: its contents do not match its extension, it is damaged or encrypted, it contradicts itself, or h5py
            is missing.
    """
    ending = path.lower().rpartition(".")[2]
    if ending == "json":
        return _read_json(path)
    start = opened_regular(path).read(0, BEGINNING)
    if start.startswith(SIGNATURE):
        return _read_hdf5(path)
    if ending != "keras":
        check_beginning(start, "HDF5", SIGNATURE, advice=AGAIN)
    check_beginning(
        start, "a zip archive, like a .keras file", MAGIC, advice="save it again: model.save('model.keras')"
    )
    return _read_archive(path)


def _read_json(path: str) -> ModelFile:
    with open(path, "rb") as file:
        text = file.read(MAX_JSON + 1)
    check_beginning(text[:BEGINNING], "a model in JSON")
    model = parsed(text, "it")
    if isinstance(model, str):  # JSON that was encoded as a JSON string
        model = parsed(model, "the text in it")
    return _found(path, "Keras JSON", model, version_of(model), None)


def _read_archive(path: str) -> ModelFile:
    """Read an archive's config, and its HDF5 only to find out what layers that are left out contain."""
    archive = Archive(opened_regular(path))
    model = parsed(archive.read(CONFIG, MAX_JSON), f"its {CONFIG}")
    has = METADATA in archive.members
    metadata = parsed(archive.read(METADATA, MAX_JSON), f"its {METADATA}") if has else None
    place, version = hdf5.Hdf5Location(path, WEIGHTS), version_of(metadata)
    if isinstance(model, dict) and is_custom(model) and not is_model(model):
        said = f"the model is of the class {shorten(str(model.get('class_name')))}, whose code is not in the file"
        note = Note(f"{said}; its layers are found by their arrays", "assumed")
        return _weights_alone(path, "Keras", hdf5.tree_of(place), version, note)
    store = Branches(place)
    found = _found(path, "Keras", model, version, store)
    if not found.left:
        return found
    try:
        others, held = store.others(found.tensors)
    except RnncliError:  # reading the numbers fails with the same error, which gives the reason
        return replace(found, partial=True)
    left = tuple(node if node.tensors else replace(node, tensors=held.get(node.owner, {})) for node in found.left)
    return replace(found, others=others, left=left)


def _read_hdf5(path: str) -> ModelFile:
    tree = hdf5.tree_of(hdf5.Hdf5Location(path))
    root = "model_weights" if "model_weights" in tree.attributes else ""
    version = version_of(tree.attributes.get(root))
    config = tree.said("", "model_config")
    if config is None:
        return _weights_alone(path, "Keras HDF5, weights only", tree, version)
    groups = Groups(tree, root)
    return _found(path, "Keras HDF5", parsed(config, "its model_config"), version, groups, groups.all)


def _found(
    path: str, format_: str, model: Any, version: str, store: Store | None, tensors: Sequence[Tensor] = ()
) -> ModelFile:
    """Return the contents of a file, from its config and the version of Keras that wrote it."""
    if version.startswith("1."):
        message = f"it is a model of Keras {version}, which is not read"
        raise RnncliError(message, "load it in Keras 2 and save it again")
    try:
        graph = graph_of(model)
        nodes = nodes_of_config(graph, store, modern=is_modern(model, version))
        notes = tuple(Note(text, "assumed") for text in graph.notes)
        nodes = [replace(node, notes=(*notes, *node.notes)) for node in nodes]
        return model_of(path, format_, writer(version, model), nodes, tensors=tensors, notes=notes)
    except RnncliError as error:
        raise RnncliError(error.message, error.advice or SAVE_AGAIN) from None


# Files with only weights


def _weights_alone(path: str, form: str, tree: hdf5.Tree, version: str, *told: Note) -> ModelFile:
    """Return the contents of HDF5 with only weights, in either Keras layout, by the names of its arrays."""
    paths = [path for path in _in_order(tree) if is_of_network(path)]
    together = Counter(path.rpartition("/")[0] for path in paths)
    found = tree.tensors(paths).items()
    tensors = [tensor._replace(name=_name(path, together[path.rpartition("/")[0]])) for path, tensor in found]
    named = tree.said("", "layer_names") is not None
    nodes = [_of_its_time(node, version) for node in nodes_of(tensors, ordered=named)]
    nodes = [replace(node, notes=(*node.notes, *told)) for node in (nodes if named else map(_scaled, nodes))]
    of_training = len(tree.arrays) - len(paths)
    notes = [Note(f"{of_training} arrays of the optimizer are left out", "left out")] if of_training else []
    return model_of(path, form, writer(version, None), nodes, tensors=tensors, notes=notes)


def _of_its_time(node: Node, version: str) -> Node:
    """Return a node of a weights-only file with the default gates of the Keras version that wrote it.

    Before 2.3 the default was the old hard_sigmoid, except for cuDNN's layers. The Keras of both TensorFlow 1 and 2 was
    named 2.2.4-tf, and only the second had sigmoid.
    """
    said = re.match(r"([0-9]{1,3})\.([0-9]{1,3})", version)
    if said is None or (int(said[1]), int(said[2])) >= (2, 3) or node.convention != "keras":
        return node
    gated: Any = node.word if loops(node.word) and node.word.gates > 1 else None
    if version == "2.2.4-tf":
        unsure = f"gates are sigmoid as in TensorFlow 2; TensorFlow 1, which also wrote {version}, had a hard_sigmoid"
        return node if gated is None else replace(node, notes=(*node.notes, Note(unsure, "assumed")))
    defaults = f"activations are the defaults of Keras {version} (tanh, hard_sigmoid for gates)"
    notes = tuple(Note(defaults, "assumed") if note == ACTIVATIONS else note for note in node.notes)
    if gated is None:
        return replace(node, notes=notes)
    word = replace(gated, recurrent_activation="hard_sigmoid")
    return replace(node, word=word, notes=(*notes, Note(OLD_HARD_SIGMOID, "not run")))


def _scaled(node: Node) -> Node:
    """Return a node with numbered arrays; the one array of a norm may be its scale or its shift."""
    if "gamma" not in node.tensors or "beta" in node.tensors:
        return node
    said = f"{shorten(node.name)} has a scale and no shift, and not the other way round"
    return replace(node, notes=(*node.notes, Note(said, "assumed")))


def _in_order(tree: hdf5.Tree) -> list[str]:
    """Return the paths of all arrays: in the order of Keras 2's lists, or else by name, `lstm_2` before `lstm_10`."""
    layers = tree.said("", "layer_names") or ()
    listed = [f"{layer}/{name}" for layer in layers for name in tree.said(layer, "weight_names") or ()]
    return [*dict.fromkeys([*filter(tree.arrays.__contains__, listed), *sorted(tree.arrays, key=by_numbers)])]


def _name(path: str, count: int) -> str:
    """Return the name of an array, with its role instead of Keras 3's number, given how many arrays the layer has.

    A batch norm always has mean and variance; a third array is assumed to be its scale.
    """
    numbered = re.fullmatch(r"(.*)/vars/([0-9]{1,4})", path)
    if numbered is None:
        return path
    owner = re.sub(r"(^|/)(layers|_layer_checkpoint_dependencies)[/\\]", r"\1", numbered[1])
    # A stack of cells is a row of layers.
    owner = re.sub(r"/cell/cells/([a-z_]+)_cell(_[0-9]+)?$", r"/cells/\1\2/cell", owner)
    kind = re.sub(r"_[0-9]+$", "", owner.rpartition("/")[2])
    # Custom models name layers freely: two arrays are a dense layer's if their shapes fit.
    roles = _VARIABLES.get("cell" if kind.endswith("cell") else kind, _VARIABLES["dense"] if count == 2 else ())
    if kind == "batch_normalization":
        roles = (*roles[: max(0, count - 2)], *roles[2:])
    number = int(numbered[2])
    return f"{owner}/{roles[number]}" if number < len(roles) else path

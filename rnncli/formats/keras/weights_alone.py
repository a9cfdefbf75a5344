"""HDF5 with weights alone, in either of Keras's two layouts: arrays with names that say what they are."""

from __future__ import annotations

import re
from dataclasses import replace

from rnncli.formats.arrays import ACTIVATIONS, nodes_of
from rnncli.formats.keras import hdf5
from rnncli.formats.keras.config import writer
from rnncli.formats.keras.nodes import OLD_HARD_SIGMOID
from rnncli.formats.keras.weights import is_of_network
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Node, Note
from rnncli.layers import GRU, LSTM

_VARIABLES: dict[str, tuple[str, ...]] = {
    "cell": ("kernel", "recurrent_kernel", "bias"),
    "embedding": ("embeddings",),
    "layer_normalization": ("gamma", "beta"),
    "dense": ("kernel", "bias"),
    "layer": ("kernel", "bias"),
}
"""What the numbered arrays of Keras 3 are, by the class in the name of their group."""


def weights_alone(path: str, tree: hdf5.Tree, version: str) -> ModelFile:
    """Return what a file of weights alone holds.

    Args:
        path: the file.
        tree: what is in it.
        version: the version of Keras that wrote it; may be empty.

    Raises:
        RnncliError: it has more parts than a file may have.
    """
    paths = [path for path in _in_order(tree) if is_of_network(path)]
    tensors = [tensor._replace(name=_name(path)) for path, tensor in tree.tensors(paths).items()]
    nodes = nodes_of(tensors, ordered=tree.texts("", "layer_names") is not None)
    nodes = [_of_its_time(node, version) for node in nodes]
    of_training = len(tree.arrays) - len(paths)
    notes = [Note(f"{of_training} arrays of the optimizer are left out", "left out")] if of_training else []
    form = "Keras HDF5, weights alone"
    return model_of(path, form, writer(version, None), nodes, tensors=tensors, notes=notes)


def _of_its_time(node: Node, version: str) -> Node:
    """Return a node of a file of weights with the default gates of the version of Keras that wrote it.

    Before 2.3 they were the old hard_sigmoid, but for cuDNN's layers. TensorFlow 1 and 2 both called their Keras
    2.2.4-tf, and only the second had sigmoid.
    """
    said = re.match(r"([0-9]{1,3})\.([0-9]{1,3})", version)
    if said is None or (int(said[1]), int(said[2])) >= (2, 3) or node.convention != "keras":
        return node
    gated = node.word if isinstance(node.word, LSTM | GRU) else None
    if version == "2.2.4-tf":
        unsure = f"gates are sigmoid as in TensorFlow 2; TensorFlow 1, which also wrote {version}, had a hard_sigmoid"
        return node if gated is None else replace(node, notes=(*node.notes, Note(unsure, "assumed")))
    defaults = f"activations are the defaults of Keras {version} (tanh, hard_sigmoid for gates): the file does not say"
    notes = tuple(Note(defaults, "assumed") if note == ACTIVATIONS else note for note in node.notes)
    if gated is None:
        return replace(node, notes=notes)
    word = replace(gated, recurrent_activation="hard_sigmoid")
    return replace(node, word=word, notes=(*notes, Note(OLD_HARD_SIGMOID, "not run")))


def _in_order(tree: hdf5.Tree) -> list[str]:
    """Return the paths of all arrays: as the lists of Keras 2 have them, or else by name, `lstm_2` before `lstm_10`."""
    listed = [
        f"{layer}/{name}"
        for layer in tree.texts("", "layer_names") or ()
        for name in tree.texts(layer, "weight_names") or ()
    ]
    numbered = {
        path: [
            [int(piece) if piece.isdigit() else piece for piece in re.split(r"([0-9]{1,9})", step)]
            for step in path.split("/")
        ]
        for path in tree.arrays
    }
    return list(
        dict.fromkeys(
            [*(path for path in listed if path in tree.arrays), *sorted(tree.arrays, key=numbered.__getitem__)]
        )
    )


def _name(path: str) -> str:
    """Return the name of an array, with its role in place of the number that Keras 3 gives it."""
    numbered = re.fullmatch(r"(.*)/vars/([0-9]{1,4})", path)
    if numbered is None:
        return path
    owner = re.sub(r"(^|/)(layers|_layer_checkpoint_dependencies)[/\\]", r"\1", numbered[1])
    # A stack of cells is a row of layers.
    owner = re.sub(r"/cell/cells/([a-z_]+)_cell(_[0-9]+)?$", r"/cells/\1\2/cell", owner)
    kind = re.sub(r"_[0-9]+$", "", owner.rpartition("/")[2])
    roles = _VARIABLES.get("cell" if kind.endswith("cell") else kind, ())
    number = int(numbered[2])
    return f"{owner}/{roles[number]}" if number < len(roles) else path

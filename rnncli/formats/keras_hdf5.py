"""`.h5` and `.hdf5`: a whole model of Keras with its config, or weights alone, in either of Keras's two layouts."""

from __future__ import annotations

import re

from rnncli.formats import hdf5
from rnncli.formats.keras_config import graph_of, parsed
from rnncli.formats.keras_json import is_modern, version_of, writer
from rnncli.formats.keras_parts import found_in
from rnncli.formats.keras_weights import Groups
from rnncli.formats.model_file import ModelFile, Tensor
from rnncli.formats.recognition import recognised

_VARIABLES: dict[str, tuple[str, ...]] = {
    "cell": ("kernel", "recurrent_kernel", "bias"),
    "embedding": ("embeddings",),
    "layer_normalization": ("gamma", "beta"),
    "dense": ("kernel", "bias"),
    "layer": ("kernel", "bias"),
}
"""What the numbered arrays of Keras 3 are, by the class in the name of their group."""


def read(path: str) -> ModelFile:
    """Return what an HDF5 file of Keras holds.

    Raises:
        RnncliError: h5py is missing, or the file is damaged or contradicts itself.
    """
    tree = hdf5.tree_of(hdf5.Place(path))
    root = "model_weights" if "model_weights" in tree.attributes else ""
    version = version_of(tree.attributes.get(root))
    config = tree.text("", "model_config")
    if config is None:
        tensors, notes = _tensors(tree)
        parts, others, more = recognised(tensors)
        return ModelFile(path, "Keras HDF5, weights alone", writer(version, None), parts, others, (*notes, *more))
    model = parsed(config, "its model_config")
    groups = Groups(tree, root)
    found = found_in(graph_of(model), groups, modern=is_modern(model, version))
    used = {tensor.name for part in found.parts for piece in part.pieces for tensor in piece.tensors.values()}
    others = tuple(tensor for tensor in groups.all if tensor.name not in used)
    return ModelFile(path, "Keras HDF5", writer(version, model), found.parts, others, found.notes)


def _tensors(tree: hdf5.Tree) -> tuple[list[Tensor], tuple[str, ...]]:
    """Return the arrays of a file of weights with names that say what they are, and what is left out."""
    numbers = hdf5.Numbers(tree.place)
    paths = [path for path in tree.arrays if not path.startswith("optimizer")]
    left_out = len(tree.arrays) - len(paths)
    found = [numbers.tensor(path, *tree.arrays[path])._replace(name=_name(path)) for path in paths]
    return found, (f"{left_out} arrays of the optimizer are left out",) if left_out else ()


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

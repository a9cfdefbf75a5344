"""Where Keras keeps the weights of a layer: the tree of Keras 3, and the groups by name that came before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.keras import hdf5
from rnncli.formats.keras.config import Sibling, Step, config_of
from rnncli.formats.keras.graph import Call
from rnncli.formats.keras.words import Word
from rnncli.formats.tensors import WIDTHS, Tensor, array_of
from rnncli.layers.weights import Weight

if TYPE_CHECKING:
    import numpy as np

_CONTAINERS = {"layers": ("layers", "_layer_checkpoint_dependencies")}
"""Other names of a group: Keras 2.12 to 2.15 had another for the layers of a model."""


class Branches:
    """The weights of a `.keras` file: a tree like the model's, whose leaves are numbered: `layers/lstm/cell/vars/0`.

    It is opened when values are asked for. Until then an array has the shape that the config says.
    """

    def __init__(self, place: hdf5.Place) -> None:
        self._place = place
        self._wanted: dict[str, tuple[tuple[Step, ...], tuple[int, ...]]] = {}

    def features(self, call: Call, number: int) -> int | None:
        """Return None: the file is not opened for it."""
        del call, number
        return None

    def tensors(self, call: Call, number: int, word: Word, weights: tuple[Weight, ...]) -> Mapping[str, Tensor]:
        """Return the arrays that a layer has; they are looked for when one is read."""
        del number
        tensors = {}
        each = max(1, len(weights) // len(word.routes))
        for index, weight in enumerate(weights):
            route = (*call.route, *word.routes[index // each], "vars", str(index % each))
            name = "/".join(step if isinstance(step, str) else _group_name(step) for step in route)
            self._wanted[name] = (route, weight.shape)
            tensors[weight.name] = Tensor(name, weight.shape, _dtype(call), lambda name=name: self._values(name))  # type: ignore[misc]  # of this turn
        return tensors

    def _values(self, name: str) -> np.ndarray[Any, Any]:
        with hdf5.named(self._place):
            data, shape, dtype = self._read[name]
        return array_of(data, dtype, shape)

    @cached_property
    def _read(self) -> dict[str, tuple[memoryview, tuple[int, ...], str]]:
        """All arrays of all parts, read at once.

        Raises:
            RnncliError: one is not there, or has another shape than the config says.
        """
        tree = hdf5.tree_of(self._place)
        paths = {}
        for name, (route, shape) in self._wanted.items():
            path = ""
            for step in route:
                path = _step(tree, path, step)
            if path not in tree.arrays:
                raise RnncliError(f"its weights have no {shorten(name, 80)}, which its config says")
            if tree.arrays[path][0] != shape:
                raise RnncliError(
                    f"its weights have {shorten(name, 80)} as {tree.arrays[path][0]}; its config says {shape}"
                )
            paths[name] = path
        values = tree.values_of([*paths.values()])
        return {name: (values[path], *tree.arrays[path]) for name, path in paths.items()}


def _group_name(sibling: Sibling) -> str:
    return f"{sibling.kind}_{sibling.number}" if sibling.number else sibling.kind


def _dtype(call: Call) -> str:
    """Return the type of the numbers of a layer's weights."""
    match config_of(call.entry).get("dtype"):
        case str(name) | {"config": {"name": str(name)}} if name in WIDTHS:
            return name
    return "float32"  # that of the policies mixed_float16 and mixed_bfloat16, and the default


def _step(tree: hdf5.Tree, path: str, step: Step) -> str:
    """Return the path that a step leads to; one that is not there if there is none."""
    names = tree.members.get(path, ())
    lead = f"{path}/" if path else ""
    if isinstance(step, str):
        found = next((name for name in _CONTAINERS.get(step, (step,)) if name in names), None)
        if found is None and step == "layers" and any("\\" in name for name in names):
            return path  # a file that was written on Windows may have whole paths for names: `layers\lstm`
        return lead + (found or step)
    ends = {name: name.rpartition("\\")[2] for name in names}
    same = [name for name, end in ends.items() if re.fullmatch(rf"{re.escape(step.kind)}(_[0-9]{{1,9}})?", end)]
    same.sort(key=lambda name: int(ends[name].removeprefix(step.kind)[1:] or 0))
    own = [name for name in same if tree.text(f"{lead}{name}/vars", "name") == step.name]
    if len(own) == 1:
        return lead + own[0]
    return lead + (same[step.number] if step.number < len(same) else step.kind)


class Groups:
    """The weights of an `.h5` file: a group for each layer, with a list of its arrays in their order."""

    def __init__(self, tree: hdf5.Tree, root: str) -> None:
        self._tree, self._root = tree, f"{root}/" if root else ""
        self._numbers = hdf5.Numbers(tree)
        self._ends: dict[tuple[tuple[str, ...], int], int] = {}
        layers = tree.texts(root, "layer_names") or tree.members.get(root, ())
        self._arrays = {layer: list(self._of_layer(layer)) for layer in layers}

    def _of_layer(self, layer: str) -> Iterator[Tensor]:
        for name in self._tree.texts(self._root + layer, "weight_names") or ():
            path = f"{self._root}{layer}/{name}"
            if path not in self._tree.arrays:
                raise RnncliError(f"its layer {shorten(layer)} says that it has {shorten(name)}, which is not there")
            yield self._numbers.tensor(path)

    @property
    def all(self) -> list[Tensor]:
        """Every array."""
        return [tensor for arrays in self._arrays.values() for tensor in arrays]

    def features(self, call: Call, number: int) -> int | None:
        """Return the first size of the first array of a layer, which is what it reads."""
        arrays = self._of(call)
        return arrays[0].shape[0] if number == 0 and arrays and arrays[0].shape else None

    def _of(self, call: Call) -> list[Tensor]:
        """Return the arrays of a layer; those in a model inside of another have its name in theirs."""
        arrays = self._arrays.get(call.path[0], [])
        lead = len(self._root.split("/"))
        for name in call.path[1:]:
            inside = [tensor for tensor in arrays if name in tensor.name.split("/")[lead:]]
            arrays = inside if inside or name == call.path[-1] else arrays
        return arrays

    def tensors(self, call: Call, number: int, word: Word, weights: tuple[Weight, ...]) -> Mapping[str, Tensor]:
        """Return the next arrays of a layer, after those of its cells below."""
        if not weights:
            return {}
        start = 0 if number == 0 else self._ends.get((call.path, number - 1), 0)
        self._ends[(call.path, number)] = start + len(weights)
        arrays = self._of(call)[start : start + len(weights)]
        if len(arrays) < len(weights):
            raise RnncliError(
                f"its layer {shorten(call.name)} has {len(arrays)} arrays, but its config says {len(weights)}"
            )
        if any("/lora_" in tensor.name for tensor in self._of(call)):
            raise RnncliError(
                f"its layer {shorten(call.name)} has LoRA's matrices beside its kernel, which are not added to it here",
                "model.save('model.keras') adds them",
            )
        for weight, tensor in zip(weights, arrays, strict=True):
            role = _role(tensor.name)
            if role != weight.name.rpartition("/")[2] and role in _ROLES:
                raise RnncliError(
                    f"its array {shorten(tensor.name, 80)} stands where the {weight.name} of its layer is expected"
                )
            shape = weight.shape
            if word.cudnn and weight.name.endswith("bias"):
                # cuDNN has a bias for the input and one for the state, end to end.
                shape = (2 * prod(shape),) if len(shape) == 1 else (prod(shape),)
            if tensor.shape != shape:
                raise RnncliError(
                    f"its array {shorten(tensor.name, 80)} is {shorten(str(tensor.shape))}; its config says {shape}"
                )
        return dict(zip((weight.name for weight in weights), arrays, strict=True))


_ROLES = ("kernel", "recurrent_kernel", "bias", "embeddings", "gamma", "beta")


def _role(name: str) -> str:
    """Return what an array is, by the end of its name: `lstm_1/lstm_cell/kernel_2:0` is a kernel."""
    return re.sub(r"(_[0-9]+)?(:[0-9]+)?$", "", name.rpartition("/")[2])

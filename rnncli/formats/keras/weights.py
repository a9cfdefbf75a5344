"""Where Keras keeps the weights of a layer: the tree of Keras 3, and the groups by name that came before it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.keras import hdf5
from rnncli.formats.keras.config import Step, config_of, siblings
from rnncli.formats.keras.graph import Call
from rnncli.formats.tensors import WIDTHS, Tensor
from rnncli.layers.weights import Weight

if TYPE_CHECKING:
    import numpy as np

_CONTAINERS = {"layers": ("layers", "_layer_checkpoint_dependencies")}
"""Other names of a group: Keras 2.12 to 2.15 had another for the layers of a model."""


def is_cudnn(entry: Any) -> bool:
    """Whether the weights of a layer, or of the layer inside of it, have cuDNN's layout."""
    inner = entry["config"].get("layer")
    return str((inner if isinstance(inner, dict) else entry).get("class_name")).startswith("CuDNN")


def is_of_network(path: str) -> bool:
    """Whether an array of Keras 3 is the network's, not the state of an optimizer, a metric or random numbers."""
    return _OF_TRAINING.search(path) is None


_OF_TRAINING = re.compile(r"^(optimizer|compile_metrics|metrics)/|(^|/)(seed_)?generator(_[0-9]+)?/vars/")


class Branches:
    """The weights of a `.keras` file: a tree like the model's, whose leaves are numbered: `layers/lstm/cell/vars/0`.

    It is opened when values are asked for. Until then an array has the shape that the config says.
    """

    def __init__(self, place: hdf5.Place) -> None:
        self._place = place
        self._wanted: dict[str, tuple[tuple[Step, ...], tuple[int, ...]]] = {}
        self._unread: dict[str, tuple[Step, ...]] = {}

    def held(self, call: Call) -> Mapping[str, Tensor]:
        """Return nothing: the file is not opened for it. `others` says it later."""
        self._unread[call.name] = call.route
        return {}

    def features(self, call: Call) -> int | None:
        """Return None: the file is not opened for it."""
        del call
        return None

    def tensors(self, call: Call, number: int, weights: Sequence[Weight]) -> Mapping[str, Tensor]:
        """Return the arrays of a layer by the names of its weights; they are looked for when one is read.

        Args:
            call: a call of the layer.
            number: which cell of a stack is meant; 0 for a layer that is none.
            weights: its weights.
        """
        routes = [*_routes(call.entry)]
        directions = routes[number : number + 1] if call.entry["class_name"] != "Bidirectional" else routes
        tensors = {}
        each = max(1, len(weights) // len(directions))
        for index, weight in enumerate(weights):
            route = (*call.route, *directions[index // each], "vars", str(index % each))
            name = "/".join(map(str, route))
            self._wanted[name] = (route, weight.shape)
            tensors[weight.name] = Tensor(name, weight.shape, _dtype(call), lambda name=name: self._values(name))  # type: ignore[misc]  # of this turn
        return tensors

    def others(self, used: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Mapping[str, Mapping[str, Tensor]]]:
        """Return the arrays of the network that are not among those that are used, and which layers have them.

        Args:
            used: arrays of layers that were read.

        Returns:
            The arrays, and of each layer that is not understood those that it holds.

        Raises:
            RnncliError: h5py is missing, or the file is damaged.
        """
        taken = {self._paths.get(tensor.name) for tensor in used}
        paths = sorted(filter(is_of_network, self._tree.arrays))
        found = self._tree.tensors(path for path in paths if path not in taken)
        held = {}
        for name, route in self._unread.items():
            start = f"{self._groups.path(route)}/"
            inside = paths[bisect_left(paths, start) : bisect_right(paths, f"{start}\U0010ffff")]
            held[name] = {path: found[path] for path in inside if path in found}
        return tuple(found.values()), held

    @cached_property
    def _groups(self) -> _Groups:
        return _Groups(self._tree)

    @cached_property
    def _tree(self) -> hdf5.Tree:
        return hdf5.tree_of(self._place)

    @cached_property
    def _paths(self) -> Mapping[str, str]:
        """Where in the file each array is, or would be."""
        return {name: self._groups.path(route) for name, (route, _) in self._wanted.items()}

    @cached_property
    def _found(self) -> Mapping[str, Tensor]:
        """The arrays that are as the config says; with the first that is read, all are."""
        arrays = self._tree.arrays
        shapes = {name: shape for name, (_, shape) in self._wanted.items()}
        right = {name: path for name, path in self._paths.items() if path in arrays and arrays[path][0] == shapes[name]}
        tensors = self._tree.tensors(right.values())
        return {name: tensors[path] for name, path in right.items()}

    def _values(self, name: str) -> np.ndarray[Any, Any]:
        with hdf5.named(self._place):
            if name in self._found:
                return self._found[name].read()
            path, shape = self._paths[name], self._wanted[name][1]
            if path not in self._tree.arrays:
                raise RnncliError(f"its weights have no {shorten(name, 80)}, which its config says")
            there = shorten(str(self._tree.arrays[path][0]))
            raise RnncliError(f"its weights have {shorten(name, 80)} as {there}; its config says {shape}")


class _Groups:
    """Finds the groups of layers in a file of Keras 3, by their classes and names."""

    def __init__(self, tree: hdf5.Tree) -> None:
        self._tree = tree
        self._paths: dict[tuple[str, Step], str] = {}
        self._same: dict[str, dict[str, list[str]]] = {}
        self._own: dict[str, dict[tuple[str, str | None], list[str]]] = {}

    def path(self, route: Sequence[Step]) -> str:
        """Return the path that a way leads to; one that is not there if there is none."""
        path = ""
        for step in route:
            if (path, step) not in self._paths:
                self._paths[path, step] = self._step(path, step)
            path = self._paths[path, step]
        return path

    def _step(self, path: str, step: Step) -> str:
        names = self._tree.members.get(path, ())
        lead = f"{path}/" if path else ""
        if isinstance(step, str):
            found = next((name for name in _CONTAINERS.get(step, (step,)) if name in names), None)
            if found is None and step == "layers" and any("\\" in name for name in names):
                return path  # a file that was written on Windows may have whole paths for names: `layers\lstm`
            return lead + (found or step)
        if path not in self._same:
            self._index(path, lead, names)
        same = self._same[path].get(step.kind, [])
        own = self._own[path].get((step.kind, step.name), [])
        if len(own) == 1:
            return lead + own[0]
        return lead + (same[step.number] if step.number < len(same) else step.kind)

    def _index(self, path: str, lead: str, names: Sequence[str]) -> None:
        """Note the groups of each class in a group, in the order of their numbers: `lstm`, `lstm_1`."""
        found: dict[str, list[tuple[int, str]]] = {}
        for name in names:
            end = name.rpartition("\\")[2]
            found.setdefault(end, []).append((0, name))
            if numbered := re.fullmatch(r"(.+)_([0-9]{1,9})", end):
                found.setdefault(numbered[1], []).append((int(numbered[2]), name))
        self._same[path] = {kind: [name for _, name in sorted(some)] for kind, some in found.items()}
        own = self._own[path] = {}
        for kind, some in self._same[path].items():
            for name in some:
                own.setdefault((kind, self._tree.text(f"{lead}{name}/vars", "name")), []).append(name)


def _routes(entry: Any) -> Iterator[tuple[Step, ...]]:
    """Yield the ways to the weights of a layer in a file of Keras 3, one for each cell or direction."""
    kind, config = entry["class_name"], config_of(entry)
    match kind:
        case "Bidirectional":
            (inside, *_) = _routes(config["layer"])
            yield ("forward_layer", *inside)
            yield ("backward_layer", *inside)
        case "TimeDistributed":
            for inside in _routes(config["layer"]):
                yield ("layer", *inside)
        case "RNN":
            for inside in _cells(config["cell"]):
                yield ("cell", *inside)
        case "SimpleRNN" | "LSTM" | "GRU" | "CuDNNLSTM" | "CuDNNGRU":
            yield ("cell",)
        case _:
            yield ()


def _cells(cell: Any) -> Iterator[tuple[Step, ...]]:
    """Yield the ways to the cells of a stack, from its own group."""
    cells = config_of(cell).get("cells")
    if not isinstance(cells, list):
        yield ()
        return
    for entry, sibling in siblings(cells):
        for inside in _cells(entry):
            yield ("cells", sibling, *inside)


def _dtype(call: Call) -> str:
    """Return the type of the numbers of a layer's weights."""
    match config_of(call.entry).get("dtype"):
        case str(name) | {"config": {"name": str(name)}} if name in WIDTHS:
            return name
    return "float32"  # that of the policies mixed_float16 and mixed_bfloat16, and the default


class Groups:
    """The weights of an `.h5` file: a group for each layer, with a list of its arrays in their order.

    Args:
        tree: the file.
        root: the group around the groups of the layers; may be empty.

    Attributes:
        all: every array of the network.

    Raises:
        RnncliError: an array is not there that a layer says it has.
    """

    def __init__(self, tree: hdf5.Tree, root: str) -> None:
        self._root = f"{root}/" if root else ""
        self._ends: dict[tuple[tuple[str, ...], int], int] = {}
        self._inside: dict[tuple[str, ...], list[Tensor]] = {}
        layers = dict.fromkeys((*(tree.texts(root, "layer_names") or tree.members.get(root, ())), _OF_MODEL))
        names = {layer: tree.texts(self._root + layer, "weight_names") or () for layer in layers}
        for layer, own in names.items():
            for name in own:
                if f"{self._root}{layer}/{name}" not in tree.arrays:
                    what = f"its layer {shorten(layer)} says that it has {shorten(name)}"
                    raise RnncliError(f"{what}, which is not there")
        paths = {f"{self._root}{layer}/{name}": (layer, name) for layer, own in names.items() for name in own}
        self.all = [*tree.tensors(paths).values()]
        for tensor in self.all:
            layer, name = paths[tensor.name]
            for way in ((layer,), *((layer, step) for step in dict.fromkeys(name.split("/")))):
                self._inside.setdefault(way, []).append(tensor)

    def features(self, call: Call) -> int | None:
        """Return the first size of the first array of a layer, which is what it reads."""
        arrays = self._of(call)
        return arrays[0].shape[0] if arrays and arrays[0].shape else None

    def _of(self, call: Call) -> list[Tensor]:
        """Return the arrays of a layer; those in a model inside of another have its name in theirs."""
        group, *names = call.path
        if not names:
            return self._inside.get((group,), [])
        found = {name: arrays for name in names if (arrays := self._inside.get((group, name)))}
        if names[-1] not in found:
            return []
        fewest = min(found.values(), key=len)
        return [each for each in fewest if all(f"/{name}/" in each.name for name in found)] or found[names[-1]]

    def held(self, call: Call) -> Mapping[str, Tensor]:
        """Return all arrays of a layer."""
        return {tensor.name: tensor for tensor in self._of(call)}

    def tensors(self, call: Call, number: int, weights: Sequence[Weight]) -> Mapping[str, Tensor]:
        """Return the arrays of a layer by the names of its weights.

        Args:
            call: a call of the layer.
            number: which cell of a stack is meant; 0 for a layer that is none. Those below it were asked for before.
            weights: its weights.

        Raises:
            RnncliError: they are not those that the layer has.
        """
        start = 0 if number == 0 else self._ends.get((call.path, number - 1), 0)
        self._ends[(call.path, number)] = start + len(weights)
        arrays = self._of(call)[start : start + len(weights)]
        what = f"its layer {shorten(call.name)} has"
        if len(arrays) < len(weights):
            raise RnncliError(f"{what} {len(arrays)} arrays, but its config says {len(weights)}")
        if any("/lora_" in tensor.name for tensor in self._of(call)):
            text = f"{what} LoRA's matrices beside its kernel, which are not added to it here"
            raise RnncliError(text, "model.save('model.keras') adds them")
        for weight, tensor in zip(weights, arrays, strict=True):
            # `lstm_1/lstm_cell/kernel_2:0` is a kernel
            role = re.sub(r"(_[0-9]+)?(:[0-9]+)?$", "", tensor.name.rpartition("/")[2])
            what = f"its array {shorten(tensor.name, 80)}"
            if role != weight.name.rpartition("/")[2] and role in _ROLES:
                raise RnncliError(f"{what} stands where the {weight.name} of its layer is expected")
            shape = weight.shape
            if is_cudnn(call.entry) and weight.name.endswith("bias"):
                # cuDNN has a bias for the input and one for the state, end to end.
                shape = (2 * prod(shape),) if len(shape) == 1 else (prod(shape),)
            if tensor.shape != shape:
                raise RnncliError(f"{what} is {shorten(str(tensor.shape))}; its config says {shape}")
        return dict(zip((weight.name for weight in weights), arrays, strict=True))


_OF_MODEL = "top_level_model_weights"
"""The group of the arrays that are a model's own, and none of its layers'."""

_ROLES = ("kernel", "recurrent_kernel", "bias", "embeddings", "gamma", "beta")


Store = Branches | Groups
"""Where the weights of a model are."""

"""HDF5 as Keras writes it: groups, arrays and attributes, and where in these the weights of a layer are.

The library that reads HDF5 crashes, or never ends, on some damaged files. So it runs in a process of its own,
`hdf5_process`, which bounds its own memory and time and answers with plain data; whatever ends it is an error here.
Where the system starts no processes, it runs in this one, without bounds.
"""

from __future__ import annotations

import json
import os
import re
import site
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.machinery import PathFinder
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats import reading
from rnncli.formats.conventions import KERAS_ROLES
from rnncli.formats.keras.config import Call, Sibling, Step, config_of, dtype_of, siblings
from rnncli.formats.keras.hdf5_process import ADVICE, answer, damaged
from rnncli.formats.tensors import WIDTHS, Tensor, array_of
from rnncli.immutable import NamedTuple
from rnncli.layers.weights import Weight
from rnncli.system.processes import Ended, run_isolated

if TYPE_CHECKING:
    import numpy as np

PATIENCE = 600
"""Seconds until a process that waits for its file is given up."""

_PROGRAM = """
import json, sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
folder, folders = json.loads(sys.argv[1])
sys.path += folders
spec = PathFinder.find_spec("rnncli", [folder])
sys.modules["rnncli"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["rnncli"])
from rnncli.formats.keras.hdf5_process import main
main()
"""
"""What is run with `-I`: the standard library comes first, and the folder where it is started is not looked into."""

# No libraries are loaded that a file names for unpacking its numbers, and one thread is enough.
_ENVIRONMENT = {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}


class Place(NamedTuple):
    """Where the bytes of an HDF5 file are: a file, or a member of a zip archive."""

    path: str
    member: str = ""


@dataclass(frozen=True)
class Tree:
    """What an HDF5 file holds.

    Attributes:
        place: where it is.
        attributes: the attributes of each group that Keras writes: texts and lists of texts.
        arrays: the shape and the type of each array of numbers, by its path.
        values: the numbers of arrays that were read along, as bytes; those of a large file are read when asked for.
    """

    place: Place
    attributes: Mapping[str, Mapping[str, Any]]
    arrays: Mapping[str, tuple[tuple[int, ...], str]]
    values: Mapping[str, memoryview]

    def text(self, group: str, name: str) -> str | None:
        """Return an attribute that is a text."""
        value = self.attributes.get(group, {}).get(name)
        return value if isinstance(value, str) else None

    def texts(self, group: str, name: str) -> list[str] | None:
        """Return an attribute that is a list of texts."""
        value = self.attributes.get(group, {}).get(name)
        return value if isinstance(value, list) else None

    def tensors(self, paths: Iterable[str]) -> dict[str, Tensor]:
        """Return arrays by their paths. With the first that is read, all of them are."""
        shapes = {path: self.arrays[path] for path in paths}

        @cache
        def values() -> Mapping[str, memoryview]:
            if shapes.keys() <= self.values.keys():
                return self.values
            return _cut(_asked(self.place, [*shapes])[1], shapes)

        def read(path: str) -> np.ndarray[Any, Any]:
            with reading(self.place.path):
                return array_of(values()[path], shapes[path][1], shapes[path][0])

        return {path: Tensor(path, *shapes[path], partial(read, path)) for path in shapes}


def tree_of(place: Place) -> Tree:
    """Return what an HDF5 file holds.

    Raises:
        RnncliError: h5py is missing, or the file is damaged.
    """
    answer, data = _asked(place, None)
    arrays = {path: (tuple(shape), dtype) for path, (shape, dtype) in answer["arrays"].items()}
    along = {path: arrays[path] for path in answer["along"]}
    return Tree(place, answer["attributes"], arrays, _cut(data, along))


def _cut(data: memoryview, arrays: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, memoryview]:
    """Return the bytes of each array, which come one behind the other."""
    ends = [*accumulate((prod(shape) * WIDTHS[dtype] for shape, dtype in arrays.values()), initial=0)]
    return {path: data[start:end] for path, start, end in zip(arrays, ends, ends[1:], strict=False)}


def _asked(place: Place, wanted: list[str] | None) -> tuple[Any, memoryview]:
    """Return the answer of the process that reads HDF5: an object, and bytes."""
    folders = _installed(os.path.dirname(os.path.abspath(place.path)))
    if PathFinder.find_spec("h5py", folders) is None:
        what = "its weights are HDF5" if place.member else "it is HDF5"
        raise RnncliError(f"{what}, which is read with h5py, and h5py is not installed", ADVICE)
    question = json.dumps({"path": place.path, "member": place.member, "wanted": wanted}).encode()
    folder = os.path.dirname(sys.modules["rnncli"].__path__[0])
    try:
        ended = run_isolated(_PROGRAM, json.dumps([folder, folders]), question, _ENVIRONMENT, PATIENCE)
    except TimeoutError:
        raise RnncliError(f"its HDF5 was not read within {PATIENCE} seconds", "copy the file to this machine") from None
    if ended is None:
        ended = Ended(0, b"".join(answer(question)))
    # A view of the numbers: they may fill half of the memory.
    head, data = ended.output[: max(0, ended.output.find(b"\n"))], memoryview(ended.output)
    try:
        said = json.loads(head)
    except ValueError:
        said = None
    if ended.status != 0 or not isinstance(said, dict):
        raise damaged(f"h5py, which reads it, {ended.words}")
    if "error" in said:
        raise RnncliError(shorten(str(said["error"]), 200), said.get("advice"))
    return said, data[len(head) + 1 :]


def _installed(beside: str) -> list[str]:
    """Return the folders of libraries: not the current one, nor that of the file or of a program of the user's.

    A file that was downloaded may lie beside a `json.py` or an `h5py.py`, which is never imported.
    """
    program = getattr(sys.modules["__main__"], "__file__", None)
    users = {os.path.realpath(each) for each in (os.curdir, beside, os.path.dirname(program or ""))}
    # What starts a notebook lies among the libraries itself.
    users -= {os.path.realpath(each) for each in (*site.getsitepackages(), site.getusersitepackages())}
    return [each for each in sys.path if os.path.isabs(each) and os.path.realpath(each) not in users]


# Where Keras keeps the weights of a layer: in the tree of Keras 3, in groups by name before it

_OLD_LAYERS = "_layer_checkpoint_dependencies"
"""What Keras 2.12 to 2.15 called the group of the layers of a model."""


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

    def __init__(self, place: Place) -> None:
        self._place = place
        self._wanted: dict[str, tuple[tuple[Step, ...], tuple[int, ...]]] = {}
        self._unread: dict[str, tuple[Step, ...]] = {}

    def held(self, call: Call) -> Mapping[str, Tensor]:
        """Return nothing: the file is not opened for it. `others` says it later."""
        self._unread[call.name] = call.route
        return {}

    def tensors(self, call: Call, number: int, weights: Sequence[Weight]) -> Mapping[str, Tensor]:
        """Return the arrays of a layer, or of one cell of a stack, by the names of its weights; they are read later."""
        routes = [*_routes(call.entry)]
        directions = routes[number : number + 1] if call.entry["class_name"] != "Bidirectional" else routes
        tensors = {}
        said = dtype_of(call.entry)
        dtype = said if said in WIDTHS else "float32"  # that of mixed_float16 and mixed_bfloat16, and the default
        each = max(1, len(weights) // len(directions))
        for index, weight in enumerate(weights):
            route = (*call.route, *directions[index // each], "vars", str(index % each))
            name = "/".join(map(str, route))
            self._wanted[name] = (route, weight.shape)
            tensors[weight.name] = Tensor(name, weight.shape, dtype, lambda name=name: self._values(name))  # type: ignore[misc]  # of this turn
        return tensors

    def others(self, used: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Mapping[str, Mapping[str, Tensor]]]:
        """Return the arrays of the network that are not used, and those that each layer that is not understood holds.

        Raises:
            RnncliError: h5py is missing, or the file is damaged.
        """
        taken = {self._path(self._wanted[tensor.name][0]) for tensor in used if tensor.name in self._wanted}
        paths = sorted(filter(is_of_network, self._tree.arrays))
        found = self._tree.tensors(path for path in paths if path not in taken)
        held = {}
        for name, route in self._unread.items():
            start = f"{self._path(route)}/"
            inside = paths[bisect_left(paths, start) : bisect_right(paths, f"{start}\U0010ffff")]
            held[name] = {path: found[path] for path in inside if path in found}
        return tuple(found.values()), held

    @cached_property
    def _tree(self) -> Tree:
        return tree_of(self._place)

    @cached_property
    def _own_names(self) -> Mapping[tuple[str, str, str], Sequence[str]]:
        """The groups in each group, by their class and by the name of their layer, which newer versions keep."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for path in self._tree.attributes:
            around, _, name = path.rpartition("/")
            if (own := self._tree.text(f"{path}/vars", "name")) is not None:
                found.setdefault((around, re.sub("_[0-9]+$", "", name), own), []).append(name)
        return found

    def _path(self, route: Sequence[Step]) -> str:
        """Return the path that a way leads to; one that is not there if there is none."""
        path = ""
        for step in route:
            lead = f"{path}/" if path else ""
            name = str(step)
            if isinstance(step, Sibling):
                own = self._own_names.get((path, step.kind, step.name), ())
                name = own[0] if len(own) == 1 else name
            elif step == "layers" and f"{lead}layers" not in self._tree.attributes:
                name = _OLD_LAYERS
            path = lead + name
        return path

    @cached_property
    def _tensors(self) -> Mapping[str, Tensor]:
        """The arrays that are there of those that are wanted, by their paths; with the first that is read, all are."""
        paths = dict.fromkeys(self._path(route) for route, _ in self._wanted.values())
        return self._tree.tensors(filter(self._tree.arrays.__contains__, paths))

    def _values(self, name: str) -> np.ndarray[Any, Any]:
        with reading(self._place.path):
            route, shape = self._wanted[name]
            found = self._tensors.get(self._path(route))
            if found is None or found.shape != shape:
                there = f"no {shorten(name, 80)}" if found is None else f"{shorten(name, 80)} as {found.shape}"
                raise RnncliError(f"its weights have {there}; its config says {shape}")
        return found.read()


def _routes(entry: Any) -> Iterator[tuple[Step, ...]]:
    """Yield the ways to the weights of a layer in a file of Keras 3, one for each cell or direction."""
    kind, config = entry["class_name"], config_of(entry)
    inner: list[tuple[tuple[Step, ...], Any]] = []
    match kind:
        case "Bidirectional":
            inner = [((f"{way}_layer",), config["layer"]) for way in ("forward", "backward")]
        case "TimeDistributed":
            inner = [(("layer",), config["layer"])]
        case "RNN":
            inner = [(("cell",), config["cell"])]
        case _ if isinstance(cells := config.get("cells"), list):
            inner = [(("cells", sibling), cell) for cell, sibling in siblings(cells)]
        case _:
            yield ("cell",) if kind in ("SimpleRNN", "LSTM", "GRU", "CuDNNLSTM", "CuDNNGRU") else ()
    for steps, each in inner:
        for inside in _routes(each):
            yield (*steps, *inside)


class Groups:
    """The weights of an `.h5` file: in the root's groups, one for each layer, with a list of its arrays in their order.

    Attributes:
        all: every array of the network.

    Raises:
        RnncliError: an array is not there that a layer says it has.
    """

    def __init__(self, tree: Tree, root: str) -> None:
        self._root = f"{root}/" if root else ""
        self._ends: dict[tuple[tuple[str, ...], int], int] = {}
        self._inside: dict[tuple[str, ...], list[Tensor]] = {}
        layers = dict.fromkeys((*(tree.texts(root, "layer_names") or ()), _OF_MODEL))
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
        """Return the arrays of a layer, or of one cell of a stack behind those below it, by the names of its weights.

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
            if role != weight.name.rpartition("/")[2] and role in KERAS_ROLES:
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

Store = Branches | Groups
"""Where the weights of a model are."""

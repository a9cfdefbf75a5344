"""HDF5 as Keras writes it: groups, arrays and attributes, and where a layer's weights are in them.

The HDF5 library crashes or never ends on some damaged files. It therefore runs in a separate process, `hdf5_process`,
which limits its own memory and time and answers with plain data; any abnormal end of it is an error here. Where the
system cannot start processes, it runs in this process, without limits.
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
from rnncli.formats.keras.config import LayerCall, Sibling, Step, config_of, dtype_of, siblings
from rnncli.formats.keras.hdf5_process import answer, damaged
from rnncli.formats.tensors import WIDTHS, Tensor, array_of
from rnncli.immutable import NamedTuple
from rnncli.layers.weights import Weight
from rnncli.system.processes import Ended, run_isolated

if TYPE_CHECKING:
    from rnncli.formats.tensors import Numbers

PATIENCE = 600
"""Seconds before giving up on a process that waits for its file."""

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
"""Run with `-I`: the standard library comes first, and the current folder is not searched."""

# A file cannot load libraries for decompression, and one thread is enough.
_ENVIRONMENT = {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}


class Hdf5Location(NamedTuple):
    """The location of HDF5 data: a file, or a member of a zip archive."""

    path: str
    member: str = ""


@dataclass(frozen=True)
class Tree:
    """The contents of an HDF5 file.

    Attributes:
        place: its location.
        attributes: each group's attributes that Keras writes: texts and lists of texts.
        arrays: the shape and data type of each numeric array, by its path.
        values: the bytes of arrays that were read together with the structure; a large file's are read on demand.
    """

    place: Hdf5Location
    attributes: Mapping[str, Mapping[str, Any]]
    arrays: Mapping[str, tuple[tuple[int, ...], str]]
    values: Mapping[str, memoryview]

    def said(self, group: str, name: str) -> Any:
        """Return an attribute, a text or a list of texts; None if there is none."""
        return self.attributes.get(group, {}).get(name)

    def tensors(self, paths: Iterable[str]) -> dict[str, Tensor]:
        """Return arrays by their paths. Reading the first reads all of them."""
        shapes = {path: self.arrays[path] for path in paths}

        @cache
        def values() -> Mapping[str, memoryview]:
            if shapes.keys() <= self.values.keys():
                return self.values
            return _cut(_asked(self.place, [*shapes])[1], shapes)

        def read(path: str) -> Numbers:
            with reading(self.place.path):
                return array_of(values()[path], shapes[path][1], shapes[path][0])

        return {path: Tensor(path, *shapes[path], partial(read, path)) for path in shapes}


def tree_of(place: Hdf5Location) -> Tree:
    """Return the contents of an HDF5 file.

    Raises:
        RnncliError: h5py is missing, or the file is damaged.
    """
    answer, data = _asked(place, None)
    arrays = {path: (tuple(shape), dtype) for path, (shape, dtype) in answer["arrays"].items()}
    along = {path: arrays[path] for path in answer["along"]}
    return Tree(place, answer["attributes"], arrays, _cut(data, along))


def _cut(data: memoryview, arrays: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, memoryview]:
    """Return the bytes of each array, which are stored one after the other."""
    ends = [*accumulate((prod(shape) * WIDTHS[dtype] for shape, dtype in arrays.values()), initial=0)]
    return {path: data[start:end] for path, start, end in zip(arrays, ends, ends[1:], strict=False)}


def _asked(place: Hdf5Location, wanted: list[str] | None) -> tuple[Any, memoryview]:
    """Return the answer of the process that reads HDF5: an object, and bytes."""
    folders = _installed(os.path.dirname(os.path.abspath(place.path)))
    if PathFinder.find_spec("h5py", folders) is None:
        what = "its weights are HDF5" if place.member else "it is HDF5"
        raise RnncliError(f"{what}, which needs h5py, and h5py is not installed", "pip install h5py")
    question = json.dumps({"path": place.path, "member": place.member, "wanted": wanted}).encode()
    folder = os.path.dirname(sys.modules["rnncli"].__path__[0])
    try:
        ended = run_isolated(_PROGRAM, json.dumps([folder, folders]), question, _ENVIRONMENT, PATIENCE)
    except TimeoutError:
        raise RnncliError(f"its HDF5 was not read within {PATIENCE} seconds", "copy the file to this machine") from None
    if ended is None:
        ended = Ended(0, b"".join(answer(question)))
    # A view, not a copy, because the numbers may fill half of the memory.
    head, data = ended.output[: max(0, ended.output.find(b"\n"))], memoryview(ended.output)
    try:
        said = json.loads(head)
    except ValueError:
        said = None
    if ended.status != 0 or not isinstance(said, dict):
        raise damaged(f"h5py {ended.words} while reading it")
    if "error" in said:
        raise RnncliError(shorten(str(said["error"]), 200), said.get("advice"))
    return said, data[len(head) + 1 :]


def _installed(beside: str) -> list[str]:
    """Return the folders of libraries, without the current folder and those of the file and of the user's program.

    A downloaded file may come with a `json.py` or an `h5py.py`, which must never be imported.
    """
    program = getattr(sys.modules["__main__"], "__file__", None)
    users = {os.path.realpath(each) for each in (os.curdir, beside, os.path.dirname(program or ""))}
    # The script that starts a notebook is itself in the libraries' folder.
    users -= {os.path.realpath(each) for each in (*site.getsitepackages(), site.getusersitepackages())}
    return [each for each in sys.path if os.path.isabs(each) and os.path.realpath(each) not in users]


# Keras's location of a layer's weights: a tree in Keras 3, groups by name before


def is_cudnn(entry: Any) -> bool:
    """Return whether the weights of a layer, or of the layer that it wraps, have cuDNN's layout."""
    inner = entry["config"].get("layer")
    return str((inner if isinstance(inner, dict) else entry).get("class_name")).startswith("CuDNN")


def is_of_network(path: str) -> bool:
    """Return whether an array of Keras 3 belongs to the network, not to an optimizer, a metric or a random seed."""
    return _OF_TRAINING.search(path) is None


_OF_TRAINING = re.compile(r"^(optimizer|compile_metrics|metrics)/|(^|/)(seed_)?generator(_[0-9]+)?/vars/")


class Branches:
    """The weights in a `.keras` file: a tree like the model's with numbered leaves: `layers/lstm/cell/vars/0`.

    It is opened when values are read. Until then arrays have the shapes from the config.
    """

    def __init__(self, place: Hdf5Location) -> None:
        self._place = place
        self._wanted: dict[str, tuple[tuple[Step, ...], tuple[int, ...]]] = {}
        self._unread: dict[str, tuple[Step, ...]] = {}

    def held(self, call: LayerCall) -> Mapping[str, Tensor]:
        """Return nothing, so that the file stays closed. `others` finds these arrays later."""
        self._unread[call.name] = call.route
        return {}

    def tensors(self, call: LayerCall, number: int, weights: Sequence[Weight]) -> Mapping[str, Tensor]:
        """Return the arrays of a layer, or of one cell in a stack, by its weights' names; they are read later."""
        routes = [*_routes(call.entry)]
        directions = routes[number : number + 1] if call.entry["class_name"] != "Bidirectional" else routes
        tensors = {}
        said = dtype_of(call.entry)
        dtype = said if said in WIDTHS else "float32"  # also for mixed_float16 and mixed_bfloat16, and by default
        each = max(1, len(weights) // len(directions))
        for index, weight in enumerate(weights):
            route = (*call.route, *directions[index // each], "vars", str(index % each))
            name = "/".join(map(str, route))
            self._wanted[name] = (route, weight.shape)
            tensors[weight.name] = Tensor(name, weight.shape, dtype, lambda name=name: self._values(name))  # type: ignore[misc]  # of this turn
        return tensors

    def others(self, used: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Mapping[str, Mapping[str, Tensor]]]:
        """Return the network's unused arrays, and the arrays of each layer that is not understood.

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
        """The groups in each group, by class and layer name, which newer versions store."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for path in self._tree.attributes:
            around, _, name = path.rpartition("/")
            if (own := self._tree.said(f"{path}/vars", "name")) is not None:
                found.setdefault((around, re.sub("_[0-9]+$", "", name), own), []).append(name)
        return found

    def _path(self, route: Sequence[Step]) -> str:
        """Return the path that a route leads to, or a path that does not exist."""
        path = ""
        for step in route:
            lead = f"{path}/" if path else ""
            name = str(step)
            if isinstance(step, Sibling):
                own = self._own_names.get((path, step.kind, step.name), ())
                name = own[0] if len(own) == 1 else name
            elif step == "layers" and f"{lead}layers" not in self._tree.attributes:
                name = "_layer_checkpoint_dependencies"  # in Keras 2.12 to 2.15
            path = lead + name
        return path

    @cached_property
    def _tensors(self) -> Mapping[str, Tensor]:
        """The wanted arrays that exist, by path; reading the first reads all of them."""
        paths = dict.fromkeys(self._path(route) for route, _ in self._wanted.values())
        return self._tree.tensors(filter(self._tree.arrays.__contains__, paths))

    def _values(self, name: str) -> Numbers:
        with reading(self._place.path):
            route, shape = self._wanted[name]
            found = self._tensors.get(self._path(route))
            if found is None or found.shape != shape:
                there = f"no {shorten(name, 80)}" if found is None else f"{shorten(name, 80)} as {found.shape}"
                raise RnncliError(f"its weights have {there}; its config says {shape}")
        return found.read()


def _routes(entry: Any) -> Iterator[tuple[Step, ...]]:
    """Yield the routes to a layer's weights in a file of Keras 3, one for each cell or direction."""
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
    """The weights in an `.h5` file: one root group per layer, with an ordered list of its arrays.

    Attributes:
        all: every array of the network.
    """

    def __init__(self, tree: Tree, root: str) -> None:
        self._root = f"{root}/" if root else ""
        self._ends: dict[tuple[tuple[str, ...], int], int] = {}
        self._inside: dict[tuple[str, ...], list[Tensor]] = {}
        # The last group has the arrays of the model itself.
        layers = dict.fromkeys((*(tree.said(root, "layer_names") or ()), "top_level_model_weights"))
        names = {layer: tree.said(self._root + layer, "weight_names") or () for layer in layers}
        paths = {f"{self._root}{layer}/{name}": (layer, name) for layer, own in names.items() for name in own}
        self.all = [*tree.tensors(filter(tree.arrays.__contains__, paths)).values()]
        for tensor in self.all:
            layer, name = paths[tensor.name]
            for way in ((layer,), *((layer, step) for step in dict.fromkeys(name.split("/")))):
                self._inside.setdefault(way, []).append(tensor)

    def _of(self, call: LayerCall) -> list[Tensor]:
        """Return the arrays of a layer; inside a nested model, array names contain the layer's name."""
        group, *names = call.path
        if not names:
            return self._inside.get((group,), [])
        found = {name: arrays for name in names if (arrays := self._inside.get((group, name)))}
        if names[-1] not in found:
            return []
        fewest = min(found.values(), key=len)
        return [each for each in fewest if all(f"/{name}/" in each.name for name in found)] or found[names[-1]]

    def held(self, call: LayerCall) -> Mapping[str, Tensor]:
        """Return all arrays of a layer."""
        return {tensor.name: tensor for tensor in self._of(call)}

    def tensors(self, call: LayerCall, number: int, weights: Sequence[Weight]) -> Mapping[str, Tensor]:
        """Return the arrays of a layer, or of one cell after those below it in a stack, by the names of its weights.

        Raises:
            RnncliError: they do not match the layer.
        """
        start = 0 if number == 0 else self._ends.get((call.path, number - 1), 0)
        self._ends[(call.path, number)] = start + len(weights)
        # Keras lists the arrays of frozen directions and cells last.
        steps = [f"/{step.name}/" for route in _routes(call.entry) for step in route if isinstance(step, Sibling)]
        arrays = sorted(self._of(call), key=lambda each: [step not in each.name for step in steps or ["/forward_"]])
        arrays = arrays[start : start + len(weights)]
        what = f"its layer {shorten(call.name)} has"
        if len(arrays) < len(weights):
            raise RnncliError(f"{what} {len(arrays)} arrays, but its config says {len(weights)}")
        for weight, tensor in zip(weights, arrays, strict=True):
            # `lstm_1/lstm_cell/kernel_2:0` is a kernel
            role = re.sub(r"(_[0-9]+)?(:[0-9]+)?$", "", tensor.name.rpartition("/")[2])
            what = f"its array {shorten(tensor.name, 80)}"
            if role != weight.name.rpartition("/")[2] and role in KERAS_ROLES:
                raise RnncliError(f"{what} is where its layer's {weight.name} should be")
            shape = weight.shape
            if is_cudnn(call.entry) and weight.name.endswith("bias"):
                # cuDNN has the input bias and the state bias end to end.
                shape = (2 * prod(shape),) if len(shape) == 1 else (prod(shape),)
            if tensor.shape != shape:
                raise RnncliError(f"{what} is {shorten(str(tensor.shape))}; its config says {shape}")
        return dict(zip((weight.name for weight in weights), arrays, strict=True))


Store = Branches | Groups
"""The location of a model's weights."""

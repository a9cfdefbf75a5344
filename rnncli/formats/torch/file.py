"""`.pt`, `.pth`, `.th`, `.ckpt`, `.bin`, `.jit`, `.pkl`: files of torch.save and torch.jit.save.

Since PyTorch 1.6 they are zip archives; earlier ones are pickles followed by numbers.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from rnncli.errors import RnncliError, shorten
from rnncli.formats.array_rows import ending
from rnncli.formats.arrays import ACTIVATIONS, APART, nodes_of
from rnncli.formats.build import ArgumentFaultError
from rnncli.formats.conventions import BATCHES
from rnncli.formats.file_reader import BEGINNING, FileReader, check_beginning, opened_regular
from rnncli.formats.frameworks import built, class_of
from rnncli.formats.model_file import ModelFile, model_of
from rnncli.formats.nodes import Node, Note, loops, names, takes_activation
from rnncli.formats.tensors import WIDTHS, Tensor, array_at, array_of, check_shape, later
from rnncli.formats.torch.tensors import PickledTensors, Storage, View, rebuilt, referred
from rnncli.formats.torch.unpickling import PickledDict, load
from rnncli.formats.zip_archive import MAGIC, Archive
from rnncli.layers import LAYERS, Layer

if TYPE_CHECKING:
    from rnncli.formats.tensors import Numbers

MAX_PICKLE = 32 << 20
"""The longest pickle that is read, in bytes; it only contains names and shapes."""

_MAGIC = 0x1950A86A20F9469CFC6C
"""The number at the start of a file of the old format."""

_PICKLES = (b"\x80", b"L119547037146038801333356L\n")
"""The first bytes of a file of the old format: its protocol, or before protocol 2 the number."""

_STATELESS = {layer.torch for layer in LAYERS if layer.weights is not Layer.weights and not layer.states}
"""PyTorch's classes with arrays that are no cells and that specs have."""

_STATISTICS = names("running_mean running_var") | {BATCHES}
"""The arrays of a BatchNorm1d that are not trained."""

_ADVICE = "save only the weights: torch.save(model.state_dict(), FILE)"

_BIG_END = "its numbers are big-endian, which is not read"

Places = Mapping[str, int | Callable[[], bytes]]
"""Where each storage begins in a file, or a function that unpacks it."""


def read(path: str) -> ModelFile:
    """Return the contents of a file of torch.save, from its pickle; the numbers are read later.

    Raises:
        RnncliError: it has no tensors, or is damaged.
    """
    reader = opened_regular(path)
    start = reader.read(0, BEGINNING)
    check_beginning(start, "a file of torch.save", MAGIC, *_PICKLES, advice=_ADVICE)
    form, found, places = _zipped(reader) if start.startswith(MAGIC) else _old(reader)
    if not found.tensors:
        said = "; ".join(("it holds no tensors", *found.notes))
        raise RnncliError(said, "save the weights: torch.save(model.state_dict(), FILE)")
    lead = _wrapper([*found.tensors])
    tensors = [
        Tensor(
            name.removeprefix(lead),
            view.shape,
            view.dtype,
            later(path, name, partial(_numbers, reader, view, places)),
            view if view.storage else None,
        )
        for name, view in found.tensors.items()
    ]
    nodes = nodes_of(tensors, told=partial(_as_said, found, lead))
    notes = [Note(text, "left out") for text in found.notes]
    return model_of(path, form, "PyTorch", nodes, tensors=tensors, notes=notes)


def _as_said(found: PickledTensors, lead: str, node: Node) -> Node:
    """Return a node with properties that its module has and its tensors do not show."""
    owner = next((tensor.name.rpartition(".")[0] for tensor in node.tensors.values()), "")
    module = f"{lead}{owner}".strip(".")
    kind = found.classes.get(module, "")
    if kind in names("ConvTranspose1d EmbeddingBag GroupNorm InstanceNorm1d RMSNorm"):  # with the arrays of others
        said = Note(f"{shorten(node.name)} is of the class {kind}, which specs do not have", "left out")
        return replace(node, kind=kind, word=None, notes=(said,))
    if kind in _STATELESS and APART.search(ending(node.name)):
        return replace(node, kind=kind)
    if kind in _STATELESS and module in found.settings:
        node = _built(node, kind, found.settings[module])
    if module in found.activations and takes_activation(node.word):
        (after,) = built("torch", found.activations[module], [], {})
        assert isinstance(after.word, Layer)
        notes = tuple(note for note in node.notes if "no activation" not in note.text)
        return replace(node, word=node.word.with_activation(str(after.word.activates)), notes=notes)
    if loops(node.word) and node.word.gates == 1 and kind == "RNN_RELU":
        node = replace(node, word=replace(node.word, activation="relu"))
    if node.loops and found.differs:
        node = replace(node, notes=(*node.notes, Note(found.differs, "differs")))
    return node


def _built(node: Node, kind: str, settings: Mapping[str, object]) -> Node:
    """Return a stateless layer with the arguments that its module, which was pickled whole, has as attributes."""
    cls = class_of("torch", kind)
    assert cls is not None
    arguments = {name: settings[name] for name in cls.takes if name in settings}
    if "bias" in cls.takes:
        arguments["bias"] = "bias" in node.tensors
    name = shorten(node.name)
    try:
        (made,) = built("torch", kind, [], arguments)
    except ArgumentFaultError as fault:
        return replace(node, kind=kind, word=None, notes=(Note(f"{name}: {fault}", "left out"),))
    assert isinstance(made.word, Layer)
    expected = {weight.name: weight.shape for weight in made.word.weights((None, None, made.features), "torch")}
    if {role: tensor.shape for role, tensor in node.tensors.items() if role not in _STATISTICS} != expected:
        return node  # its attributes contradict its arrays
    notes = [ACTIVATIONS, *(note._replace(text=f"{name} {note.text}") for note in made.notes)]
    if made.word.window is not None:
        notes.append(Note(f"{name} has no activation and no pool after it", "assumed"))
    return replace(made, name=node.name, kind=kind, tensors=node.tensors, convention="torch", notes=tuple(notes))


Read = tuple[str, PickledTensors, Places]
"""The form of a file, its contents, and where its storages are."""


def _zipped(reader: FileReader) -> Read:
    """Return the contents of a zip archive: a pickle, and a file for each storage."""
    archive = Archive(reader)
    pickles = [name for name in archive.members if name.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1:
        advice = "names of Keras's archives end in .keras, and NumPy's in .npz"
        raise RnncliError("it is a zip archive that torch.save did not write", advice)
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}byteorder" in archive.members and archive.read(f"{root}byteorder", 10) != b"little":
        raise RnncliError(_BIG_END)
    found = PickledTensors(load(io.BytesIO(archive.read(pickles[0], MAX_PICKLE)), partial(referred, {}), rebuilt))
    places: dict[str, int | Callable[[], bytes]] = {}
    for storage in dict.fromkeys(view.storage for view in found.tensors.values() if view.storage is not None):
        key = storage.key
        name, expected = f"{root}data/{key}", storage.bytes
        if name not in archive.members:
            raise RnncliError(f"its storage {shorten(key)} is missing")
        if (size := archive.members[name].file_size) != expected:
            what = f"its pickle says that storage {shorten(key)} has {expected:,} bytes"
            raise RnncliError(f"{what}; the archive has {size:,}")
        place = archive.place(name)
        places[key] = place if archive.is_stored(name) else partial(archive.read, name, size)
    scripted = f"{root}constants.pkl" in archive.members
    if scripted and not found.tensors and f"{root}constants/0" in archive.members:
        raise RnncliError("it is frozen TorchScript, whose arrays have no names", "save it before torch.jit.freeze")
    return "TorchScript" if scripted else "PyTorch's zip archive", found, places


def _old(reader: FileReader) -> Read:
    """Return the contents of a file before zip: a magic number, a protocol, the system, the object, the storages."""
    file = io.BytesIO(reader.read(0, MAX_PICKLE))
    if load(file) != _MAGIC:
        raise RnncliError("it is a pickle, but torch.save did not write it: only files of torch.save are read", _ADVICE)
    if load(file) != 1001 or not isinstance(system := load(file), PickledDict):
        raise RnncliError("it does not begin like a file of torch.save")
    if any(key == "little_endian" and value is False for key, value in system if isinstance(key, str)):
        raise RnncliError(_BIG_END)
    storages: dict[str, Storage] = {}
    found = PickledTensors(load(file, partial(referred, storages), rebuilt))
    keys = load(file)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise RnncliError("its list of storages is not a list")
    if len(keys) != len(storages) or {*keys} != {*storages}:
        raise RnncliError("its list of storages does not match its tensors")
    places = dict(_in_a_row(reader, file.tell(), [storages[key] for key in keys]))
    return "PyTorch's format before 1.6", found, places


def _in_a_row(reader: FileReader, place: int, storages: list[Storage]) -> Iterator[tuple[str, int]]:
    """Yield where each of some consecutive storages begins, after its number of elements."""
    for storage in storages:
        count = int.from_bytes(reader.read(place, 8), "little")
        place += 8
        if count != storage.length or place + storage.bytes > reader.size:
            raise RnncliError(
                f"storage {shorten(storage.key)} should have {storage.length:,} numbers, but has {count:,}; "
                f"{reader.size - place:,} bytes follow"
            )
        yield storage.key, place
        place += storage.bytes


def _numbers(reader: FileReader, view: View, places: Places) -> Numbers:
    """Read the numbers of a tensor, a view of its storage: only the part that it spans."""
    import numpy as np

    if view.storage is None:
        raise RnncliError(f"its numbers are {view.dtype}, which is not read")
    if prod(view.shape) > view.span:
        raise RnncliError("it repeats its numbers, which is not read")
    check_shape(view.shape)
    place, begin = places[view.storage.key], view.offset * WIDTHS[view.dtype]
    if isinstance(place, int):
        flat = array_at(reader, place + begin, view.dtype, (view.span,))
    else:
        data = memoryview(place())[begin : begin + view.span * WIDTHS[view.dtype]]
        flat = array_of(data, view.dtype, (view.span,))
        reader.check_unchanged()
    strides = tuple(step * flat.itemsize for step in view.strides)
    return np.asarray(np.lib.stride_tricks.as_strided(flat, view.shape, strides, writeable=False), order="C")


def _wrapper(names: list[str]) -> str:
    """Return the meaningless prefix that all names share: `module.`, `model_state_dict.`."""
    lead = ""
    while len({name[len(lead) :].partition(".")[:2] for name in names}) == 1:
        word, dot, _ = names[0][len(lead) :].partition(".")
        if word not in _WRAPPERS or not dot:
            break
        lead += f"{word}."
    return lead


_WRAPPERS = names("module model state_dict model_state model_state_dict net network _orig_mod weights params")
"""Names of attributes and keys that only wrap a model."""

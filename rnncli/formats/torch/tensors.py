"""The tensors in a pickle of torch.save: in dictionaries, modules and objects of any class, with their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.nodes import names
from rnncli.formats.tensors import MAX_ARRAYS, MAX_RANK, WIDTHS
from rnncli.formats.torch.unpickling import Made, PickledDict, PickledName
from rnncli.quantities import plural

MAX_DEPTH = 100
"""How deeply containers and objects may be nested."""

MAX_NAME = 1_000
"""The longest name of a tensor, including those of all enclosing containers."""

_MAX_SIZE = 2**48

STORAGES = {
    f"{kind}Storage": dtype
    for kind, dtype in (
        *(("Float", "float32"), ("Double", "float64"), ("Half", "float16"), ("BFloat16", "bfloat16")),
        *(("Long", "int64"), ("Int", "int32"), ("Short", "int16"), ("Char", "int8"), ("Byte", "uint8")),
        *(("Bool", "bool"), ("ComplexFloat", "complex64"), ("ComplexDouble", "complex128"), ("Untyped", "uint8")),
        *(("QInt8", "int8"), ("QUInt8", "uint8"), ("QInt32", "int32"), ("QUInt4x2", "uint8"), ("QUInt2x4", "uint8")),
    )
}
"""The data type of each PyTorch storage class."""

_STORAGE_TEXT = re.compile(
    r"\('storage', <class 'torch(?:\.\w+)*\.(\w+)'>, '([^']*)', '[^']*', ([0-9]{1,15})(, None)?\)"
)
"""How protocol 0 refers to a storage."""

_OF_TRAINING = re.compile(
    r"optim(izer)?s?(_\w+)?|opt|(lr_)?schedulers?(_\w+)?|(grad_)?scaler|exp_avg(_sq)?|momentum_buffer|grads?"
    r"|(\w+_)?rng(_\w+)?|n_averaged|num_updates|(global_)?step"
)
"""Keys of a checkpoint for values that are needed only in training."""

_PLAIN = re.compile(
    r"(_codecs|argparse|collections|datetime|pathlib(\._local)?|types)\.\w+"
    r"|(__builtin__|builtins)\.(bool|bytearray|bytes|complex|dict|float|frozenset|int|list|long|object|set|slice|str)"
    r"|(__builtin__|builtins)\.(tuple|unicode|x?range)"
    r"|numpy\.(dtype|ndarray)|numpy\._?core\.multiarray\.scalar"
    r"|torch(\._utils|\.jit\._pickle|\.serialization|\.storage|\.torch_version)?\.\w+"
)
"""Settings, times, paths and types, which checkpoints contain besides tensors and which need not be mentioned."""

_COMPUTES_NOTHING = re.compile(r"\w*Dropout[123]?d?|Identity|Module(List|Dict)|Sequential|\w+Loss")
"""Classes that return their input in inference, containers without modules, and losses, which are for training."""

_MEMBERS = ("_parameters", "_buffers", "_modules")
"""The attributes of a module that hold its tensors and modules; they are not part of a tensor's name."""

_LONGEST_NUMBER, _MOST_KEYS = 128, 4
"""The bits of the longest number that can be a name or an argument, and the most words of a tuple as a name."""

_UNKNOWN = "an unknown value"
"""Stands for an attribute that can be no argument of a module."""

_LONGEST_WORD = 80
"""The longest key and the longest name that are looked at."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Storage:
    """A stretch of numbers in a file: their data type, their key in the file, and their count."""

    dtype: str
    key: str
    length: int

    @property
    def bytes(self) -> int:
        """Its size in bytes."""
        return self.length * WIDTHS[self.dtype]


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: a view of a storage. Two equal views have the same numbers, like tied weights.

    Attributes:
        shape: its shape.
        dtype: its data type, or what makes it unreadable: `sparse`.
        storage: the storage of its numbers; None if they cannot be read.
        offset: the index of its first number in the storage.
        strides: the distance to the next number along each axis, in numbers.
    """

    shape: tuple[int, ...]
    dtype: str
    storage: Storage | None = None
    offset: int = 0
    strides: tuple[int, ...] = ()

    @property
    def span(self) -> int:
        """How many numbers of its storage it spans, if it has any."""
        if 0 in self.shape:
            return 0
        return 1 + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))


def referred(storages: dict[str, Storage], pid: object) -> Storage | PickledName:
    """Return a storage that a pickle refers to; the old format also refers to source code of module classes.

    Args:
        storages: the storages so far, by key; the new one is added.
        pid: the reference.

    Raises:
        RnncliError: it refers to something else, or contradicts an earlier reference to the same storage.
    """
    if isinstance(pid, str) and (said := _STORAGE_TEXT.fullmatch(pid)):
        pid = ("storage", PickledName("torch", said[1]), said[2], "", int(said[3]))
    match pid:
        case ("module", PickledName() as named, *_):
            return named
        # The length may be followed by a part of the storage: not in any PyTorch since 0.4.
        case ("storage", PickledName(name=kind), str(key), _, int(length), *part) if (
            kind in STORAGES and 0 <= length < _MAX_SIZE and part in ([], [None])
        ):
            storage = Storage(STORAGES[kind], key, length)
            known = storages.setdefault(key, storage)
            if known != storage:
                before = f"it says that storage {shorten(key)} is {known.length:,} of {known.dtype}"
                raise RnncliError(f"{before}, and then {length:,} of {storage.dtype}")
            return storage
    raise RnncliError("it refers to something that is not a storage")


def rebuilt(made: Made) -> object:
    """Return the tensor or shape that a PyTorch call builds; the call itself if it builds something else.

    Raises:
        RnncliError: there can be no such tensor.
    """
    name, arguments = made.of.name, made.arguments
    if not made.of.module.startswith("torch") or not arguments:
        return made
    match (name, *arguments[:_ARGUMENTS]):
        case ("Size", tuple() as sizes):
            return sizes
        case ("_rebuild_parameter" | "_rebuild_parameter_with_state", View() as view, *_):
            return view
        case ("_rebuild_from_type_v2", PickledName() as of, _, tuple() as inner, *_) if of.name != name:
            return rebuilt(Made(of, inner))
        case ("_rebuild_sparse_tensor", _, tuple() as data):
            return View(_sizes(next((each for each in data[:_ARGUMENTS] if isinstance(each, tuple)), None)), "sparse")
        case ("_rebuild_meta_tensor_no_storage", _, sizes, *_):
            return View(_sizes(sizes), "meta")
        case ("_rebuild_qtensor", _, _, sizes, *_):
            return View(_sizes(sizes), "quantised")
        case ("_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3", *given):
            return _view(*given, *[None] * (_ARGUMENTS - len(given)))
    return made


_ARGUMENTS = 8
"""The most arguments of a function that builds a tensor."""


def _view(
    storage: object, offset: object, sizes: object, steps: object, _grad: object, _hooks: object, *rest: object
) -> View:
    """Return a tensor; its arguments may end with its data type, and whether it is conjugated or negated."""
    shape, strides = _sizes(sizes), _sizes(steps)
    if not isinstance(storage, Storage) or len(shape) != len(strides):
        raise _impossible()
    dtype = next((each.name for each in rest if isinstance(each, PickledName)), storage.dtype)
    if any(isinstance(each, PickledDict) and each for each in rest):
        dtype = "conjugated or negated"
    if dtype not in WIDTHS:
        return View(shape, dtype)
    (begin,) = _sizes((offset,))
    view = View(shape, dtype, storage, begin, strides)
    length = storage.bytes // WIDTHS[dtype]
    if begin + view.span > length:
        raise RnncliError(f"one of its tensors, {shorten(str(shape))}, reaches beyond its {plural(length, 'number')}")
    return view


def _sizes(value: object) -> tuple[int, ...]:
    if isinstance(value, tuple | list) and len(value) <= MAX_RANK:
        sizes = tuple(each for each in value if type(each) is int and 0 <= each < _MAX_SIZE)
        if len(sizes) == len(value):
            return sizes
    raise _impossible()


def _impossible() -> RnncliError:
    return RnncliError("one of its tensors has an impossible description")


_Container = Made | PickledDict | list | tuple  # type: ignore[type-arg]  # of anything


_ACTIVATIONS = names("ReLU Tanh Sigmoid Hardsigmoid SiLU SELU Softsign")
"""PyTorch's activations without arguments that matter."""


class PickledTensors:
    """The tensors in pickled dictionaries, lists, modules and objects.

    A container or object that is reached in two ways counts once.

    Attributes:
        tensors: the tensors of a network, by the path of keys and attributes to each.
        classes: the class of each module, by its name; RNN_RELU for an RNN whose activation is relu.
        settings: the attributes of each module, by its name; those that are not plain values are unknown.
        activations: the class of the activation that comes after a layer in a Sequential, by the layer's name.

    Raises:
        RnncliError: there are too many, or they are nested too deeply.
    """

    def __init__(self, value: object) -> None:
        self.tensors: dict[str, View] = {}
        self.classes: dict[str, str] = {}
        self.settings: dict[str, dict[str, object]] = {}
        self.activations: dict[str, str] = {}
        # How many tensors are needed only in training, by key; how many modules have no arrays, by class, without those
        # that return their input in inference; and how many other things there are.
        self._training: Counter[str] = Counter()
        self._modules: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._seen: set[tuple[int, bool]] = set()
        self._reached = 0
        self._into(value, "", 0)

    @property
    def notes(self) -> list[str]:
        """What is left out, a sentence each."""
        unread = Counter(view.dtype for view in self.tensors.values() if view.storage is None)
        said = {
            "left out, needed only for training": _listed(self._training, "array"),
            "their numbers are not read": _listed(unread, "tensor"),
            "left out, as they are not weights": _listed(self._left),
        }
        packed = re.compile(r"_packed_params|\.ao\.|^quantised$").search
        if any(map(packed, (*self.tensors, *self._left, *unread))):
            said = {"quantised weights are not read": "save those from before the model was quantised"} | said
        return [f"{text}: {shown}" for text, shown in said.items() if shown]

    @property
    def differs(self) -> str:
        """What modules do that their tensors do not show and that is not computed here; may be empty."""
        return f"modules without arrays are left out: {_listed(self._modules)}" if +self._modules else ""

    def _into(self, value: object, name: str, depth: int, training: str = "") -> None:
        """Add the tensors in a value under a name; count those needed only in training, under its key."""
        if isinstance(value, PickledName):
            self._leave(value, training)
        elif isinstance(value, View):
            self._reached += 1
            if training:
                self._training[training] += 1
                return
            if len(self.tensors) >= MAX_ARRAYS:
                raise RnncliError(f"it holds more than {MAX_ARRAYS:,} tensors")
            while self.tensors.setdefault(name or "tensor", value) is not value:  # a tuple's item, an attribute "2"
                name = f"{name or 'tensor'} ({len(self.tensors) + 1})"
        elif isinstance(value, Made) and _is_optimizer(value.of) and not training:
            self._into_training("an optimizer", value.state, depth)
        elif isinstance(value, _Container) and self._is_new(value, training):
            if depth > MAX_DEPTH:
                raise RnncliError(f"its containers are nested more than {MAX_DEPTH} deep")
            before = self._reached
            if isinstance(value, Made):
                self.classes[name] = value.of.name
            for key, each in self._inside(value, name, depth, training):
                if len(name) + len(key) > MAX_NAME:
                    raise RnncliError(f"tensor {shorten(name + key)} has a name of more than {MAX_NAME:,} characters")
                self._into(each, f"{name}.{key}" if name and key else name or key, depth + 1, training)
            if isinstance(value, Made) and before == self._reached:
                self._leave(value.of, training)

    def _into_training(self, key: str, value: object, depth: int) -> None:
        """Count the tensors that are needed only in training."""
        self._reached += 1
        self._training[key] += 0
        self._into(value, "", depth, key)

    def _is_new(self, value: _Container, training: str = "") -> bool:
        """Return whether a container or object is new; one that an optimizer has may also be in a network."""
        new = (id(value), bool(training)) not in self._seen
        self._seen.add((id(value), bool(training)))
        return new

    def _inside(self, value: _Container, name: str, depth: int, training: str) -> Iterator[tuple[str, object]]:
        """Yield the members of a container or object that may have tensors, each with its name."""
        if isinstance(value, PickledDict):
            pairs = (
                (pair for pair in value if pair[0] != "param_groups") if training else self._kept(value, name, depth)
            )
            yield from _words(pairs)
        elif isinstance(value, Made):
            states = value.state if isinstance(value.state, tuple) and len(value.state) == 2 else (value.state,)
            arguments = value.arguments if self._is_new(value.arguments, training) else ()
            yield from (("" if isinstance(each, PickledDict) else f"{n}", each) for n, each in enumerate(arguments))
            yield from (("", each) for each in (value.items, value.pairs, *states))  # attributes, also in slots
        elif all(isinstance(each, list | tuple) and len(each) == 2 and isinstance(each[0], str) for each in value):
            yield from _words(value)  # keys and values, as Python 2 pickled an OrderedDict
        else:
            yield from _words(enumerate(value))

    def _kept(self, pairs: PickledDict, name: str, depth: int) -> Iterator[tuple[object, object]]:
        """Yield the pairs of a dictionary, or of an object's attributes, that belong to a network.

        For a module these are its tensors and its modules.
        """
        held = {key: value for key, value in pairs if isinstance(key, str)}
        if {"param_groups", "state"} <= held.keys():
            self._into_training("an optimizer", pairs, depth)
        elif held.keys() >= {*_MEMBERS}:
            if held.get("mode") == "RNN_RELU" or held.get("nonlinearity") == "relu":
                self.classes[name] = "RNN_RELU"
            self.settings[name] = {key: value if _is_plain(value) else _UNKNOWN for key, value in held.items()}
            self._left["torch.Tensor that is not a parameter"] += sum(isinstance(each, View) for each in held.values())
            for members in map(held.get, _MEMBERS):
                members = members.pairs if isinstance(members, Made) else members
                if isinstance(members, PickledDict) and self.classes.get(name) == "Sequential":
                    self._take_activations(name, members)
                if isinstance(members, PickledDict) and self._is_new(members):
                    yield from members
        else:
            kept = []
            for key, value in pairs:
                if isinstance(key, str) and len(key) <= _LONGEST_WORD and _OF_TRAINING.fullmatch(key):
                    self._into_training(key, value, depth)
                elif key != "_flat_weights":  # of a scripted module; its tensors also have their own names
                    kept.append((key, value))
            views = [value for _, value in kept if isinstance(value, View)]
            # A loss or a score, unless there are arrays next to it, as in a state dict.
            alone = not any(view.shape for view in views)
            self._left["torch.Tensor of one number"] += len(views) * alone
            yield from ((key, value) for key, value in kept if not (alone and isinstance(value, View)))

    def _take_activations(self, name: str, members: PickledDict) -> None:
        """Take the activations in a Sequential as those of the layers before them, which are called in this order."""
        for (key, layer), (_, after) in pairwise(members):
            if isinstance(after, Made) and after.of.name in _ACTIVATIONS:
                self._is_new(after)  # is counted here
                if isinstance(layer, Made) and layer.of.name in ("Linear", "Conv1d"):
                    self.activations[f"{name}.{key}".strip(".")] = after.of.name
                else:
                    self._leave(after.of, "")

    def _leave(self, named: PickledName, training: str) -> None:
        """Record that something is left out, unless it is plain or needed only in training."""
        module, name = shorten(named.module, _LONGEST_WORD), shorten(named.name, _LONGEST_WORD)
        if training or _PLAIN.fullmatch(f"{module}.{name}"):
            return
        if module.startswith(("torch.nn.modules.", "__torch__")):
            self._modules[name] += _COMPUTES_NOTHING.fullmatch(name) is None
        else:
            self._left["numpy.ndarray" if name == "_reconstruct" else f"{module}.{name}"] += 1


def _listed(counts: Counter[str], unit: str = "") -> str:
    """Return counts in words: `2 tensors (sparse)`, or `__main__.Config and 3 __main__.Mode`."""
    counts = +counts
    shown = [
        f"{count:,} {unit}{'s' * (count > 1)} ({what})" if unit else f"{count:,} {what}" if count > 1 else what
        for what, count in counts.most_common(_SHOWN)
    ]
    more = sum(counts.values()) - sum(count for _, count in counts.most_common(_SHOWN))
    return listed([*shown, *([f"{more:,} others"] if more else [])]) if shown else ""


def _is_optimizer(of: PickledName) -> bool:
    """Return whether a class is of an optimizer or a schedule; the other class of these modules averages a network."""
    return of.module.startswith("torch.optim") and of.name != "AveragedModel"


def _is_plain(value: object) -> bool:
    """Return whether a value may be an argument of a module: a number, a text, or a few whole numbers."""
    if isinstance(value, tuple):
        return len(value) <= MAX_RANK and all(isinstance(each, int) and _is_plain(each) for each in value)
    small = not isinstance(value, int) or value.bit_length() <= _LONGEST_NUMBER
    return small and (value is None or isinstance(value, int | float | str))


def _words(pairs: Iterable[tuple[object, object]]) -> Iterator[tuple[str, object]]:
    """Yield the values of pairs that may have tensors, each with the name from its key."""
    for index, (key, value) in enumerate(pairs):
        if isinstance(value, PickledName | View | _Container):
            yield _word(key, index), value


def _word(key: object, index: int) -> str:
    """Return the name of a key's value; its index if the key is not simple."""
    match key:
        case str():
            return key[: MAX_NAME + 1].encode("utf-8", "replace").decode()
        case bytes():
            return key[: MAX_NAME + 1].decode("utf-8", "replace")
        case float() | None:
            return str(key)
        case int() if key.bit_length() <= _LONGEST_NUMBER:
            return str(key)
        case tuple() if len(key) <= _MOST_KEYS and all(isinstance(each, str | int) for each in key):
            return ".".join(_word(each, place) for place, each in enumerate(key))
    return str(index)
